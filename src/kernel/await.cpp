#include "vxlanctl/await.h"

#include "vxlanctl/kernel.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/transaction.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;

/// What has changed, the next reading tells.
void drop_events(const NetlinkSocket& events) {
    std::array<std::byte, 8192> unread;
    while (recv(events.descriptor(), unread.data(), unread.size(), MSG_DONTWAIT) >= 0 ||
           errno == ENOBUFS) {
    }
}

} // namespace

Result<void> await_underlay(const Kernel& kernel, const Config& config, std::chrono::seconds time,
                            const std::function<void(const std::vector<std::string>&)>& tell) {
    const auto deadline = steady_clock::now() + time;
    auto events = kernel.netlink();
    auto socket = kernel.netlink();
    for (const auto* opened : {&events, &socket})
        if (!*opened) return tl::unexpected(opened->error());
    for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR})
        if (auto joined = events->join(group); !joined) return joined;
    Netlink netlink(*socket);
    ReadRequest request;
    for (const auto& tunnel : config.tunnels)
        if (const auto dev = tunnel.tunnel.dev.value_or(""); !dev.empty())
            request.others.push_back(dev);
    for (const auto& tunnel : config.tunnels)
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            request.others.push_back(device);
    request.foreign = false;
    request.needs = [](const State&) { return Needs{}; };
    std::vector<std::string> told;
    while (true) {
        const auto state = read_state(netlink, nullptr, request);
        if (!state) return tl::unexpected(state.error());
        const auto missing = missing_underlay(config, *state);
        if (missing.empty()) return {};
        const auto give_up = [&](const std::string& doing) {
            return tl::unexpected(Error{ErrorKind::kernel, "",
                                        fmt::format("{} {}", doing, fmt::join(missing, ", ")), "",
                                        0, "'ip -br addr' lists links and addresses."});
        };
        if (caught_signal() != 0)
            return give_up(
                fmt::format("interrupted by signal {} while waiting for", caught_signal()));
        if (steady_clock::now() >= deadline)
            return give_up(fmt::format("waited {} s in vain for", time.count()));
        if (missing != told) tell(missing);
        told = missing;
        (void)wait_for(events->descriptor(), POLLIN, deadline);
        drop_events(*events);
    }
}

} // namespace vxlanctl
