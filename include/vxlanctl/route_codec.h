#pragma once

#include "vxlanctl/message.h"
#include "vxlanctl/model.h"

namespace vxlanctl {

struct RouteMessage {
    int link_index = 0; ///< of the next hop; 0 where there are several, or none
    Route route;
    std::vector<int> link_indexes; ///< of all next hops of a multipath route
};

/// A route out of RTM_NEWROUTE; empty for what is none of IPv4 or IPv6, and for the routing cache.
std::optional<RouteMessage> decode_route(const nlmsghdr* message);

/// RTM_NEWROUTE out of a link; a route of the same identity is an error (EEXIST).
void encode_add_route(MessageWriter& writer, int link_index, const Route& route);
void encode_remove_route(MessageWriter& writer, int link_index, const Route& route);
/// RTM_GETROUTE of one family, restricted by the kernel to a link, to a table, or with 0 to none.
void encode_dump_routes(MessageWriter& writer, Family family, int link_index, std::uint32_t table);
/// RTM_GETROUTE for one destination: where would a packet to `to` go, if it left by `link_index`
/// (0: any link) with the source address `from`?
void encode_look_up_route(MessageWriter& writer, const IpAddress& to, const IpAddress& from,
                          int link_index);

struct NeighbourMessage {
    int link_index = 0;
    Neighbour neighbour;
};

/// A permanent neighbour out of RTM_NEWNEIGH; empty for any other.
std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr* message);
void encode_add_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour);
void encode_remove_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour);
/// RTM_GETNEIGH of both families for one link, or with 0 for all.
void encode_dump_neighbours(MessageWriter& writer, int link_index);

} // namespace vxlanctl
