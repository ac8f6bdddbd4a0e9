#pragma once

#include "vxlanctl/base/address.h"

#include <optional>
#include <vector>

namespace vxlanctl {

/// A question to the kernel's routing: where would it send this packet? Of user 0, without a mark.
struct RouteQuery {
    IpAddress to;
    std::optional<IpAddress> from;
    int link_index = 0;     ///< the interface, or VRF, that the sender insists on; 0: none
    std::uint16_t port = 0; ///< UDP destination port; 0: of no protocol
    std::uint8_t tos = 0;
};

/// The answer.
struct RouteLookup {
    int code = 0;                 ///< errno where there is no way, or one that leads nowhere
    Prefix to;                    ///< the route's destination
    int link_index = 0;           ///< of the first next hop
    std::vector<int> other_links; ///< of the other next hops
    std::uint32_t table = 0;
    std::uint32_t metric = 0;
    std::uint8_t type = 0; ///< RTN_*
    std::optional<IpAddress> via, source;
    std::uint32_t mtu = 0; ///< 0: none of its own
};

} // namespace vxlanctl
