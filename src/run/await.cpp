#include "vxlanctl/run/await.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/plan/awaited.h"
#include "vxlanctl/run/automatic.h"
#include "vxlanctl/run/reader.h"

#include <linux/rtnetlink.h>
#include <poll.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;

void note(const nlmsghdr* message, Awaited& awaited) {
    if (const auto link = decode_link(message))
        awaited.add_link(link->index, link->name, link->attributes.mtu.value_or(0));
    if (const auto index = decode_gone_link(message)) awaited.remove_link(*index);
    if (const auto added = decode_address(message))
        awaited.add_address(added->address.prefix, added->link_index);
    if (const auto gone = decode_gone_address(message))
        awaited.remove_address(gone->address.prefix, gone->link_index);
}

/// What is there now; the events that come meanwhile are followed afterwards.
Result<void> read_what_is_there(Netlink& netlink, Awaited& awaited) {
    ReadRequest request;
    request.others = awaited.links();
    request.foreign = false;
    const auto state = read_state(netlink, nullptr, request);
    if (!state) return tl::unexpected(state.error());
    awaited.clear();
    for (const auto& link : state->links)
        awaited.add_link(link.index, link.name, link.attributes.mtu.value_or(0));
    for (const auto& host : state->host_addresses)
        awaited.add_address(host.prefix, host.link_index);
    return {};
}

} // namespace

Result<void> await_underlay(const Kernel& kernel, const Config& config, std::chrono::seconds time,
                            const std::function<void(const std::vector<std::string>&)>& tell) {
    const auto deadline = steady_clock::now() + time;
    auto events = kernel.netlink();
    auto socket = kernel.netlink();
    for (const auto* opened : {&events, &socket})
        if (!*opened) return tl::unexpected(opened->error());
    std::vector<const Tunnel*> automatic;
    for (const auto& tunnel : config.tunnels)
        if (tunnel.automatic.local || tunnel.automatic.dev) automatic.push_back(&tunnel);
    std::vector<int> groups{RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
    if (!automatic.empty()) append(groups, {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE});
    for (const int group : groups)
        if (auto joined = events->join(group); !joined) return joined;
    Netlink netlink(*socket);
    Awaited awaited(config);
    if (auto read = read_what_is_there(netlink, awaited); !read) return read;
    std::vector<std::string> told;
    while (true) {
        if (!events->read_events([&](const nlmsghdr* message) { note(message, awaited); }))
            if (auto read = read_what_is_there(netlink, awaited); !read) return read;
        auto missing = awaited.missing();
        for (const Tunnel* tunnel : automatic) {
            const auto can = can_be_settled(netlink, *tunnel);
            if (!can) return tl::unexpected(can.error());
            if (!*can) missing.push_back(formatted("a local address of '{}'", tunnel->name));
        }
        if (missing.empty()) return {};
        const auto what = [&] { return joined(missing, ", "); };
        if (caught_signal() != 0)
            return error(Code::interrupted_waiting, "",
                         {{"signal", caught_signal()}, {"what", what()}});
        if (steady_clock::now() >= deadline)
            return error(Code::gave_up_waiting, "", {{"seconds", time.count()}, {"what", what()}});
        if (missing != told) tell(missing);
        told = missing;
        (void)wait_for(events->descriptor(), POLLIN, deadline);
    }
}

} // namespace vxlanctl
