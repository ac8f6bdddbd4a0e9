#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/plan/operation.h"

#include <map>
#include <optional>
#include <span>
#include <vector>

namespace vxlanctl {

/// New IPv6 addresses on their way through duplicate address detection. Before its end the kernel
/// does not know that nobody else has the address: it is of no use, and its routes are not
/// preferred.
class NewAddresses {
public:
    /// Joins the events. That comes before the addresses, so that none is missed.
    Result<void> listen(const Kernel& kernel);

    void expect(int link_index, const Prefix& prefix);

    /// Waits until none of them is tentative any more, or until a signal other than the one that
    /// has ended the run before.
    void await(Netlink& netlink, int heeded_signal);

    /// Whether the address came through; an error says why not.
    Result<void> check(int link_index, const Prefix& prefix) const;

private:
    enum class AddressState { gone, tentative, duplicate, usable };
    using Key = std::pair<int, Prefix>;

    Result<void> follow(Netlink& netlink, int heeded_signal);

    /// Reads all addresses; from there on the events tell what changes.
    Result<void> look(Netlink& netlink);

    void take_events();

    void note(const nlmsghdr* message);

    std::optional<NetlinkSocket> events_;
    std::map<Key, AddressState> states_;
    bool lost_track_ = true;
    Result<void> awaited_;
};

/// Waits until the address has passed duplicate address detection.
Result<void> await_new_address(const Kernel& kernel, Netlink& netlink, int link_index,
                               const Prefix& prefix);

/// Those that the steps add.
std::vector<Prefix> new_ipv6_addresses(std::span<const Step> steps);

} // namespace vxlanctl
