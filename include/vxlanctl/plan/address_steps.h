#pragma once

#include "vxlanctl/plan/steps.h"

#include <functional>

namespace vxlanctl {

/// Whether the one has to go before the other can come.
bool is_replaced_by(const Address& surplus, const Address& wanted);

/// IPv4 addresses of one subnet form a list whose first one is the primary. To put a missing one in
/// front of a present one, the present one has to go behind it; the link keeps an address
/// throughout because each removal follows an addition, or leaves another one.
void add_address_steps(std::vector<Step>& steps, const Link& have, const LinkTarget& want,
                       const std::function<bool(const Address&)>& is_meant);

/// Deleting a primary IPv4 address deletes the secondaries of its subnet, foreign ones included,
/// unless promote_secondaries is set (inet_del_ifa() in net/ipv4/devinet.c).
void promote_around_removals(std::vector<Step>& steps, const Link& have, const LinkTarget& want);

/// Adds the address to the target's link. `changes` are those of one that is there.
Step address_step(const LinkTarget& want, const Address& address,
                  std::vector<Difference> changes = {});

/// The same of a new link that comes in an old one's place: without duplicate address detection
/// where that link had the address.
Step moved_address_step(const LinkTarget& want, const Address& address);
/// After it, lets detection work again when the link goes down and up.
void add_detection_steps(std::vector<Step>& steps, const LinkTarget& want);

} // namespace vxlanctl
