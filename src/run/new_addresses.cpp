#include "vxlanctl/run/new_addresses.h"

#include "vxlanctl/base/signals.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/run/executor.h"

#include <algorithm>
#include <chrono>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
// Duplicate address detection takes one to two seconds with the kernel's defaults.
constexpr std::chrono::seconds dad_deadline{10};

} // namespace

Result<void> NewAddresses::listen(const Kernel& kernel) {
    if (events_) return {};
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    if (auto joined = socket->join(RTNLGRP_IPV6_IFADDR); !joined) return joined;
    events_ = std::move(*socket);
    return {};
}

void NewAddresses::expect(int link_index, const Prefix& prefix) {
    states_.emplace(Key(link_index, prefix), AddressState::tentative);
}

void NewAddresses::await(Netlink& netlink, int heeded_signal) {
    if (!states_.empty()) awaited_ = follow(netlink, heeded_signal);
}

Result<void> NewAddresses::check(int link_index, const Prefix& prefix) const {
    const auto state = states_.at(Key(link_index, prefix));
    if (state == AddressState::duplicate)
        return error(Code::address_is_taken, "", {{"address", to_string(prefix)}});
    return state == AddressState::usable ? Result<void>() : awaited_;
}

Result<void> NewAddresses::follow(Netlink& netlink, int heeded_signal) {
    const auto deadline = steady_clock::now() + dad_deadline;
    while (true) {
        if (lost_track_)
            if (auto done = look(netlink); !done) return done;
        if (std::none_of(states_.begin(), states_.end(), [](const auto& address) {
                return address.second == AddressState::tentative;
            }))
            return {};
        if (caught_signal() != heeded_signal) return tl::unexpected(interrupted());
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
        pollfd descriptor{events_->descriptor(), POLLIN, 0};
        if (left.count() <= 0 || poll(&descriptor, 1, static_cast<int>(left.count())) == 0)
            return error(Code::detection_does_not_end, "", {{"seconds", dad_deadline.count()}});
        take_events();
    }
}

Result<void> NewAddresses::look(Netlink& netlink) {
    take_events(); // those so far are in what is read now
    lost_track_ = false;
    const auto forget = [&] {
        for (auto& address : states_)
            address.second = AddressState::gone;
    };
    forget();
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_addresses(writer, 0);
    return netlink.dump(
        batch, [&](const nlmsghdr* message) { note(message); }, forget);
}

void NewAddresses::take_events() {
    const bool has_all = events_->read_events([&](const nlmsghdr* message) {
        lost_track_ = lost_track_ || message->nlmsg_type == RTM_DELADDR;
        note(message);
    });
    lost_track_ = lost_track_ || !has_all;
}

void NewAddresses::note(const nlmsghdr* message) {
    const auto decoded = decode_address(message);
    if (!decoded) return;
    const auto known = states_.find(Key(decoded->link_index, decoded->address.prefix));
    if (known == states_.end()) return;
    const auto flags = decoded->address.flags;
    known->second = (flags & IFA_F_DADFAILED) != 0   ? AddressState::duplicate
                    : (flags & IFA_F_TENTATIVE) != 0 ? AddressState::tentative
                                                     : AddressState::usable;
}

Result<void> await_new_address(const Kernel& kernel, Netlink& netlink, int link_index,
                               const Prefix& prefix) {
    NewAddresses addresses;
    if (auto joined = addresses.listen(kernel); !joined) return joined;
    addresses.expect(link_index, prefix);
    addresses.await(netlink, caught_signal());
    return addresses.check(link_index, prefix);
}

std::vector<Prefix> new_ipv6_addresses(std::span<const Step> steps) {
    std::vector<Prefix> prefixes;
    for (const auto& step : steps)
        if (const auto* add = std::get_if<Add<Address>>(&step.operation);
            add != nullptr && add->object().prefix.address.family == Family::ipv6)
            prefixes.push_back(add->object().prefix);
    return prefixes;
}

} // namespace vxlanctl
