#include "vxlanctl/route_codec.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

std::uint8_t family_number(Family family) {
    return family == Family::ipv4 ? AF_INET : AF_INET6;
}

/// The next hops' links of RTA_MULTIPATH.
std::vector<int> decode_next_hops(const nlattr* attribute) {
    std::vector<int> indexes;
    auto bytes = payload(attribute);
    while (bytes.size() >= sizeof(rtnexthop)) {
        rtnexthop hop;
        std::memcpy(&hop, bytes.data(), sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > bytes.size()) break;
        indexes.push_back(hop.rtnh_ifindex);
        bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(hop.rtnh_len), bytes.size()));
    }
    return indexes;
}

void encode(MessageWriter& writer, std::uint16_t type, std::uint16_t message_flags, int link_index,
            const Route& route) {
    rtmsg header{};
    header.rtm_family = family_number(route.to.address.family);
    header.rtm_dst_len = route.to.length;
    header.rtm_tos = route.tos;
    header.rtm_table = RT_TABLE_UNSPEC;
    header.rtm_protocol = route.protocol;
    header.rtm_scope = route.scope;
    header.rtm_type = route.type;
    header.rtm_flags = route.flags & RTNH_F_ONLINK;
    writer.begin(type, message_flags, header);
    if (route.to.length > 0) writer.put(RTA_DST, wire_bytes(route.to.address));
    writer.put_u32(RTA_TABLE, route.table);
    if (link_index != 0) writer.put_u32(RTA_OIF, static_cast<std::uint32_t>(link_index));
    if (route.via) writer.put(RTA_GATEWAY, wire_bytes(*route.via));
    if (route.source) writer.put(RTA_PREFSRC, wire_bytes(*route.source));
    if (route.metric != 0) writer.put_u32(RTA_PRIORITY, route.metric);
    writer.put_raw(route.other);
    writer.finish();
}

void encode_neighbour(MessageWriter& writer, std::uint16_t type, std::uint16_t message_flags,
                      int link_index, const Neighbour& neighbour) {
    ndmsg header{};
    header.ndm_family = family_number(neighbour.address.family);
    header.ndm_ifindex = link_index;
    header.ndm_state = NUD_PERMANENT;
    header.ndm_flags = neighbour.flags;
    writer.begin(type, message_flags, header);
    writer.put(NDA_DST, wire_bytes(neighbour.address));
    writer.put(NDA_LLADDR, std::span<const std::uint8_t>(neighbour.mac.bytes));
    writer.finish();
}

} // namespace

std::optional<RouteMessage> decode_route(const nlmsghdr* message) {
    const auto* header = fixed_header<rtmsg>(message);
    if (message->nlmsg_type != RTM_NEWROUTE || header == nullptr) return std::nullopt;
    if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return std::nullopt;
    if ((header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
    RouteMessage result;
    Route& route = result.route;
    const Family family = header->rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
    if (header->rtm_dst_len > full_length(family)) return std::nullopt;
    route.to = {IpAddress{family, {}}, header->rtm_dst_len};
    route.table = header->rtm_table;
    route.tos = header->rtm_tos;
    route.protocol = header->rtm_protocol;
    route.scope = header->rtm_scope;
    route.type = header->rtm_type;
    route.flags = header->rtm_flags & RTNH_F_ONLINK;
    for (const nlattr* attribute : Attributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case RTA_DST:
            if (const auto to = read_address(attribute); to && to->family == family)
                route.to.address = *to;
            break;
        case RTA_TABLE:
            route.table = read_as<std::uint32_t>(attribute).value_or(route.table);
            break;
        case RTA_OIF: result.link_index = read_as<int>(attribute).value_or(0); break;
        case RTA_GATEWAY: route.via = read_address(attribute); break;
        case RTA_PREFSRC: route.source = read_address(attribute); break;
        case RTA_PRIORITY: route.metric = read_as<std::uint32_t>(attribute).value_or(0); break;
        case RTA_MULTIPATH:
            route.multipath = true;
            result.link_indexes = decode_next_hops(attribute);
            break;
        case RTA_NH_ID: route.multipath = true; break;
        case RTA_CACHEINFO: break; // changes by itself
        default: {
            const auto* begin = reinterpret_cast<const std::byte*>(attribute);
            route.other.insert(route.other.end(), begin, begin + attribute->nla_len);
            route.other.resize(NLMSG_ALIGN(route.other.size()));
        }
        }
    }
    return result;
}

void encode_add_route(MessageWriter& writer, int link_index, const Route& route) {
    encode(writer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, link_index, route);
}

void encode_remove_route(MessageWriter& writer, int link_index, const Route& route) {
    encode(writer, RTM_DELROUTE, 0, link_index, route);
}

void encode_dump_routes(MessageWriter& writer, Family family, int link_index, std::uint32_t table) {
    rtmsg header{};
    header.rtm_family = family_number(family);
    writer.begin(RTM_GETROUTE, NLM_F_DUMP, header);
    if (table != 0) writer.put_u32(RTA_TABLE, table);
    if (link_index != 0) writer.put_u32(RTA_OIF, static_cast<std::uint32_t>(link_index));
    writer.finish();
}

void encode_look_up_route(MessageWriter& writer, const IpAddress& to, const IpAddress& from,
                          int link_index) {
    rtmsg header{};
    header.rtm_family = family_number(to.family);
    header.rtm_dst_len = full_length(to.family);
    header.rtm_src_len = full_length(to.family);
    // With an outgoing link and without this flag, the kernel takes any address to be on the link.
    header.rtm_flags = RTM_F_FIB_MATCH;
    writer.begin(RTM_GETROUTE, 0, header);
    writer.put(RTA_DST, wire_bytes(to));
    writer.put(RTA_SRC, wire_bytes(from));
    if (link_index != 0) writer.put_u32(RTA_OIF, static_cast<std::uint32_t>(link_index));
    writer.finish();
}

std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    if (message->nlmsg_type != RTM_NEWNEIGH || header == nullptr) return std::nullopt;
    if (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) return std::nullopt;
    if ((header->ndm_state & NUD_PERMANENT) == 0) return std::nullopt;
    NeighbourMessage result;
    result.link_index = header->ndm_ifindex;
    result.neighbour.flags = header->ndm_flags;
    bool has_address = false, has_mac = false;
    for (const nlattr* attribute : Attributes::of_message(message, sizeof *header)) {
        if (nla_type(attribute) == NDA_DST)
            if (const auto address = read_address(attribute))
                result.neighbour.address = *address, has_address = true;
        if (nla_type(attribute) == NDA_LLADDR)
            if (const auto mac = read_mac(attribute)) result.neighbour.mac = *mac, has_mac = true;
    }
    return has_address && has_mac ? std::optional(result) : std::nullopt;
}

void encode_add_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour) {
    encode_neighbour(writer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, link_index, neighbour);
}

void encode_remove_neighbour(MessageWriter& writer, int link_index, const Neighbour& neighbour) {
    encode_neighbour(writer, RTM_DELNEIGH, 0, link_index, neighbour);
}

void encode_dump_neighbours(MessageWriter& writer, int link_index) {
    ndmsg header{};
    header.ndm_family = AF_UNSPEC;
    writer.begin(RTM_GETNEIGH, NLM_F_DUMP, header);
    if (link_index != 0) writer.put_u32(NDA_IFINDEX, static_cast<std::uint32_t>(link_index));
    writer.finish();
}

} // namespace vxlanctl
