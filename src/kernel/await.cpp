#include "vxlanctl/await.h"

#include "vxlanctl/reader.h"
#include "vxlanctl/transaction.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <fmt/ranges.h>
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

Result<void> await_underlay(const Config& config, std::chrono::seconds time,
                            const std::function<void(const std::vector<std::string>&)>& tell) {
    const auto deadline = steady_clock::now() + time;
    auto events = NetlinkSocket::open();
    auto socket = NetlinkSocket::open();
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
        const auto what = [&] { return fmt::format("{}", fmt::join(missing, ", ")); };
        if (caught_signal() != 0)
            return error(Code::interrupted_waiting, "",
                         {{"signal", caught_signal()}, {"what", what()}});
        if (steady_clock::now() >= deadline)
            return error(Code::gave_up_waiting, "", {{"seconds", time.count()}, {"what", what()}});
        if (missing != told) tell(missing);
        told = missing;
        (void)wait_for(events->descriptor(), POLLIN, deadline);
        drop_events(*events);
    }
}

} // namespace vxlanctl
