#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/model/route_lookup.h"
#include "vxlanctl/netlink/message.h"

namespace vxlanctl {

struct RouteMessage {
    int link_index = 0; ///< of the next hop; 0 where there is none
    Route route;
};

/// The routes out of RTM_NEWROUTE; none for what is neither IPv4 nor IPv6, and for the routing
/// cache. One with several next hops gives a route for each. In IPv6 the kernel itself keeps them
/// apart and only tells them together (rt6_fill_node()); in IPv4 they are one, and marked as such.
std::vector<RouteMessage> decode_route(const nlmsghdr* message);

/// RTM_NEWROUTE out of a link; a route of the same destination, table and metric is an error
/// (EEXIST).
void encode_add_route(MessageWriter& writer, int link_index, const Route& route);
/// The same, beside such a route; only one with the same next hop is an error then.
void encode_append_route(MessageWriter& writer, int link_index, const Route& route);
void encode_remove_route(MessageWriter& writer, int link_index, const Route& route);
/// RTM_GETROUTE of one family, restricted by the kernel to a link, to a table, or with 0 to none.
void encode_dump_routes(MessageWriter& writer, Family family, int link_index, std::uint32_t table);
/// The same, restricted to a routing protocol (RTPROT_*, not 0), and to a table or with 0 to none.
void encode_dump_routes_of_protocol(MessageWriter& writer, Family family, std::uint8_t protocol,
                                    std::uint32_t table = 0);
/// RTM_GETROUTE for one destination, for the route in its table.
void encode_look_up_route(MessageWriter& writer, const RouteQuery& query);
/// For what the kernel makes of the route: with the MTU that was learned from the path.
void encode_resolve_route(MessageWriter& writer, const RouteQuery& query);
/// The answer to either.
std::optional<RouteLookup> decode_found_route(const nlmsghdr* message);

/// A rule out of RTM_NEWRULE; empty for what Rule cannot express: other selectors and actions.
std::optional<Rule> decode_rule(const nlmsghdr* message);
/// RTM_NEWRULE; an identical rule is an error (EEXIST).
void encode_add_rule(MessageWriter& writer, const Rule& rule);
void encode_remove_rule(MessageWriter& writer, const Rule& rule);
/// RTM_GETRULE of one family.
void encode_dump_rules(MessageWriter& writer, Family family);

/// A policy rule out of RTM_NEWRULE with whatever it selects by; empty for another family.
std::optional<SteeringRule> decode_any_rule(const nlmsghdr* message);

struct NeighbourMessage {
    int link_index = 0;
    bool is_permanent = false; ///< somebody set it; the kernel found the others by itself
    Neighbour neighbour;
};

/// A neighbour out of RTM_NEWNEIGH in whatever state.
struct AnyNeighbour {
    int link_index = 0;
    IpAddress address;
    std::optional<LinkLayerAddress> link_layer;
    std::uint16_t state = 0; ///< NUD_*
};
std::optional<AnyNeighbour> decode_any_neighbour(const nlmsghdr* message);
/// A neighbour of IPv4 or IPv6 out of RTM_NEWNEIGH; empty for one whose link-layer address is
/// not known.
std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr* message);
void encode_add_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour);
void encode_remove_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour);
/// RTM_GETNEIGH of both families for one link, or with 0 for all.
void encode_dump_neighbours(MessageWriter& writer, int link_index);

} // namespace vxlanctl
