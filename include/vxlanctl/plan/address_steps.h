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

} // namespace vxlanctl
