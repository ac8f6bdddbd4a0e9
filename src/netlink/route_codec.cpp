#include "vxlanctl/netlink/route_codec.h"

#include <algorithm>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

std::uint8_t family_number(Family family) {
    return family == Family::ipv4 ? AF_INET : AF_INET6;
}

struct NextHop {
    int link_index;
    std::optional<IpAddress> via;
    std::uint32_t flags; ///< RTNH_F_*
};

/// RTA_MULTIPATH.
std::vector<NextHop> decode_next_hops(const nlattr* attribute) {
    std::vector<NextHop> hops;
    auto bytes = payload(attribute);
    while (bytes.size() >= sizeof(rtnexthop)) {
        rtnexthop header;
        std::memcpy(&header, bytes.data(), sizeof header);
        if (header.rtnh_len < sizeof header || header.rtnh_len > bytes.size()) break;
        NextHop hop{header.rtnh_ifindex, std::nullopt, header.rtnh_flags};
        for (const nlattr* detail :
             NetlinkAttributes(bytes.subspan(sizeof header, header.rtnh_len - sizeof header)))
            if (nla_type(detail) == RTA_GATEWAY) hop.via = read_address(detail);
        hops.push_back(hop);
        bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), bytes.size()));
    }
    return hops;
}

/// What an IPv6 route has without being asked for (rt6_fill_node() in net/ipv6/route.c).
bool says_nothing(const nlattr* attribute) {
    constexpr std::uint8_t medium = 0; // ICMPV6_ROUTER_PREF_MEDIUM
    return nla_type(attribute) == RTA_PREF && read_as<std::uint8_t>(attribute) == medium;
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

void encode(MessageWriter& writer, std::uint16_t type, std::uint16_t message_flags,
            const Rule& rule) {
    fib_rule_hdr header{};
    header.family = family_number((rule.from ? rule.from : rule.to)->address.family);
    header.action = FR_ACT_TO_TBL;
    header.table = RT_TABLE_UNSPEC;
    if (rule.from) header.src_len = rule.from->length;
    if (rule.to) header.dst_len = rule.to->length;
    writer.begin(type, message_flags, header);
    if (rule.from && rule.from->length > 0) writer.put(FRA_SRC, wire_bytes(rule.from->address));
    if (rule.to && rule.to->length > 0) writer.put(FRA_DST, wire_bytes(rule.to->address));
    writer.put_u32(FRA_TABLE, rule.table);
    if (rule.priority) writer.put_u32(FRA_PRIORITY, *rule.priority);
    writer.put_u8(FRA_PROTOCOL, rule.protocol);
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
    writer.put(NDA_LLADDR, std::span<const std::uint8_t>(neighbour.link_layer.bytes));
    writer.finish();
}

void encode(MessageWriter& writer, const RouteQuery& query, std::uint32_t flags) {
    rtmsg header{};
    header.rtm_family = family_number(query.to.family);
    header.rtm_dst_len = full_length(query.to.family);
    if (query.from) header.rtm_src_len = full_length(query.to.family);
    header.rtm_tos = query.tos;
    header.rtm_flags = flags;
    writer.begin(RTM_GETROUTE, 0, header);
    writer.put(RTA_DST, wire_bytes(query.to));
    if (query.from) writer.put(RTA_SRC, wire_bytes(*query.from));
    if (query.link_index != 0)
        writer.put_u32(RTA_OIF, static_cast<std::uint32_t>(query.link_index));
    if (query.port != 0) {
        writer.put_u8(RTA_IP_PROTO, IPPROTO_UDP);
        writer.put_big_endian(RTA_DPORT, query.port);
    }
    writer.put_u32(RTA_UID, 0); // else that of who asks (inet_rtm_getroute())
    writer.finish();
}

} // namespace

std::vector<RouteMessage> decode_route(const nlmsghdr* message) {
    const auto* header = fixed_header<rtmsg>(message);
    if (message->nlmsg_type != RTM_NEWROUTE || header == nullptr) return {};
    if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return {};
    if ((header->rtm_flags & RTM_F_CLONED) != 0) return {};
    RouteMessage result;
    std::vector<NextHop> hops;
    Route& route = result.route;
    const Family family = header->rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
    if (header->rtm_dst_len > full_length(family)) return {};
    route.to = {IpAddress{family, {}}, header->rtm_dst_len};
    route.table = header->rtm_table;
    route.tos = header->rtm_tos;
    route.protocol = header->rtm_protocol;
    route.scope = header->rtm_scope;
    route.type = header->rtm_type;
    route.flags = header->rtm_flags & RTNH_F_ONLINK;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
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
        case RTA_MULTIPATH: hops = decode_next_hops(attribute); break;
        case RTA_NH_ID: route.multipath = true; break;
        case RTA_CACHEINFO: // the time that is left changes by itself
            if (const auto info = read_as<rta_cacheinfo>(attribute))
                route.expires = info->rta_expires != 0;
            break;
        default: {
            if (says_nothing(attribute)) break;
            const auto* begin = reinterpret_cast<const std::byte*>(attribute);
            route.other.insert(route.other.end(), begin, begin + attribute->nla_len);
            route.other.resize(NLMSG_ALIGN(route.other.size()));
        }
        }
    }
    if (hops.empty()) return {result};
    std::vector<RouteMessage> results;
    for (const auto& hop : hops) {
        results.push_back({hop.link_index, route});
        results.back().route.via = hop.via;
        results.back().route.flags = hop.flags & RTNH_F_ONLINK;
        results.back().route.multipath = route.multipath || family == Family::ipv4;
    }
    return results;
}

void encode_add_route(MessageWriter& writer, int link_index, const Route& route) {
    encode(writer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, link_index, route);
}

void encode_append_route(MessageWriter& writer, int link_index, const Route& route) {
    encode(writer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, link_index, route);
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

void encode_dump_routes_of_protocol(MessageWriter& writer, Family family, std::uint8_t protocol,
                                    std::uint32_t table) {
    rtmsg header{};
    header.rtm_family = family_number(family);
    header.rtm_protocol = protocol;
    writer.begin(RTM_GETROUTE, NLM_F_DUMP, header);
    if (table != 0) writer.put_u32(RTA_TABLE, table);
    writer.finish();
}

void encode_look_up_route(MessageWriter& writer, const RouteQuery& query) {
    // With an outgoing link and without this flag, the kernel takes any address to be on the link.
    // Without the other one, IPv4 says «main» whatever the table is (inet_rtm_getroute()); IPv6
    // refuses it (EINVAL).
    encode(writer, query,
           query.to.family == Family::ipv4 ? RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE
                                           : RTM_F_FIB_MATCH);
}

void encode_resolve_route(MessageWriter& writer, const RouteQuery& query) {
    encode(writer, query, 0);
}

std::optional<RouteLookup> decode_found_route(const nlmsghdr* message) {
    const auto* header = fixed_header<rtmsg>(message);
    if (message->nlmsg_type != RTM_NEWROUTE || header == nullptr) return std::nullopt;
    RouteLookup found;
    const Family family = header->rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
    found.to = {IpAddress{family, {}},
                std::min<std::uint8_t>(header->rtm_dst_len, full_length(family))};
    found.table = header->rtm_table;
    found.type = header->rtm_type;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case RTA_DST:
            if (const auto to = read_address(attribute); to && to->family == family)
                found.to.address = *to;
            break;
        case RTA_PRIORITY: found.metric = read_as<std::uint32_t>(attribute).value_or(0); break;
        case RTA_OIF: found.link_index = read_as<int>(attribute).value_or(0); break;
        case RTA_TABLE:
            found.table = read_as<std::uint32_t>(attribute).value_or(found.table);
            break;
        case RTA_GATEWAY: found.via = read_address(attribute); break;
        case RTA_PREFSRC: found.source = read_address(attribute); break;
        case RTA_METRICS:
            for (const nlattr* metric : NetlinkAttributes::nested(attribute))
                if (nla_type(metric) == RTAX_MTU)
                    found.mtu = read_as<std::uint32_t>(metric).value_or(0);
            break;
        case RTA_MULTIPATH:
            if (const auto hops = decode_next_hops(attribute); !hops.empty()) {
                found.link_index = hops.front().link_index;
                found.via = hops.front().via;
                for (std::size_t i = 1; i < hops.size(); ++i)
                    found.other_links.push_back(hops[i].link_index);
            }
            break;
        default: break;
        }
    }
    return found;
}

std::optional<Rule> decode_rule(const nlmsghdr* message) {
    const auto* header = fixed_header<fib_rule_hdr>(message);
    if (message->nlmsg_type != RTM_NEWRULE || header == nullptr) return std::nullopt;
    if (header->family != AF_INET && header->family != AF_INET6) return std::nullopt;
    if (header->action != FR_ACT_TO_TBL || header->tos != 0 ||
        (header->flags & FIB_RULE_INVERT) != 0)
        return std::nullopt;
    const Family family = header->family == AF_INET ? Family::ipv4 : Family::ipv6;
    if (std::max(header->src_len, header->dst_len) > full_length(family)) return std::nullopt;
    constexpr std::uint32_t no_suppression = 0xffffffff;
    Rule rule;
    rule.table = header->table;
    rule.priority = 0;
    rule.protocol = 0;
    if (header->src_len > 0) rule.from = Prefix{IpAddress{family, {}}, header->src_len};
    if (header->dst_len > 0) rule.to = Prefix{IpAddress{family, {}}, header->dst_len};
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case FRA_SRC:
            if (const auto from = read_address(attribute); from && rule.from)
                rule.from->address = *from;
            break;
        case FRA_DST:
            if (const auto to = read_address(attribute); to && rule.to) rule.to->address = *to;
            break;
        case FRA_TABLE: rule.table = read_as<std::uint32_t>(attribute).value_or(rule.table); break;
        case FRA_PRIORITY: rule.priority = read_as<std::uint32_t>(attribute).value_or(0); break;
        case FRA_PROTOCOL: rule.protocol = read_as<std::uint8_t>(attribute).value_or(0); break;
        case FRA_SUPPRESS_PREFIXLEN:
        case FRA_SUPPRESS_IFGROUP:
            if (read_as<std::uint32_t>(attribute) != no_suppression) return std::nullopt;
            break;
        case FRA_PAD: break;
        default: return std::nullopt; // a selector or an action of its own
        }
    }
    return rule.from || rule.to ? std::optional(rule) : std::nullopt;
}

namespace {

/// A selector or an action that only some rules have. Returns whether it selects packets.
bool decode_rare(const nlattr* attribute, SteeringRule& rule) {
    constexpr std::uint32_t no_suppression = 0xffffffff;
    constexpr int source_port_mask = 28, port_mask = 29; // FRA_SPORT_MASK, FRA_DPORT_MASK
    const auto number = read_as<std::uint32_t>(attribute).value_or(0);
    auto& mark = rule.mark;
    if ((nla_type(attribute) == source_port_mask || nla_type(attribute) == port_mask) &&
        read_as<std::uint16_t>(attribute) == 0xffff)
        return false; // since Linux 6.15 beside each port
    switch (nla_type(attribute)) {
    case FRA_SUPPRESS_PREFIXLEN:
        if (number != no_suppression) rule.suppressed = static_cast<std::uint8_t>(number);
        return false;
    case FRA_GOTO: rule.target = number; return false;
    case FRA_PROTOCOL:
    case FRA_SUPPRESS_IFGROUP:
    case FRA_PAD: return false;
    case FRA_L3MDEV:
        rule.is_of_vrf = read_as<std::uint8_t>(attribute).value_or(0) != 0;
        return true;
    case FRA_IIFNAME: rule.in = read_string(attribute); return true;
    case FRA_OIFNAME: rule.out = read_string(attribute); return true;
    case FRA_FWMARK: mark = {number, mark ? mark->second : 0xffffffff}; return true;
    case FRA_FWMASK: mark = {mark ? mark->first : 0, number}; return true;
    case FRA_UID_RANGE:
        if (const auto range = read_as<fib_rule_uid_range>(attribute))
            rule.users = {range->start, range->end};
        return true;
    default: rule.is_unknown = true; return true;
    }
}

} // namespace

std::optional<SteeringRule> decode_any_rule(const nlmsghdr* message) {
    const auto* header = fixed_header<fib_rule_hdr>(message);
    if (message->nlmsg_type != RTM_NEWRULE || header == nullptr) return std::nullopt;
    if (header->family != AF_INET && header->family != AF_INET6) return std::nullopt;
    SteeringRule rule;
    rule.family = header->family == AF_INET ? Family::ipv4 : Family::ipv6;
    if (std::max(header->src_len, header->dst_len) > full_length(rule.family)) return std::nullopt;
    rule.action = header->action;
    rule.table = header->table;
    rule.tos = header->tos;
    rule.is_inverted = (header->flags & FIB_RULE_INVERT) != 0;
    rule.has_more = rule.tos != 0 || rule.is_inverted;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case FRA_SRC:
            if (const auto from = read_address(attribute)) rule.from = {*from, header->src_len};
            break;
        case FRA_DST:
            if (const auto to = read_address(attribute)) rule.to = {*to, header->dst_len};
            break;
        case FRA_TABLE: rule.table = read_as<std::uint32_t>(attribute).value_or(rule.table); break;
        case FRA_PRIORITY: rule.priority = read_as<std::uint32_t>(attribute).value_or(0); break;
        case FRA_IP_PROTO: rule.protocol = read_as<std::uint8_t>(attribute); break;
        case FRA_DPORT_RANGE:
            if (const auto range = read_as<fib_rule_port_range>(attribute))
                rule.ports = {range->start, range->end};
            break;
        default: rule.has_more = decode_rare(attribute, rule) || rule.has_more; break;
        }
    }
    return rule;
}

void encode_add_rule(MessageWriter& writer, const Rule& rule) {
    encode(writer, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

void encode_remove_rule(MessageWriter& writer, const Rule& rule) {
    encode(writer, RTM_DELRULE, 0, rule);
}

void encode_dump_rules(MessageWriter& writer, Family family) {
    fib_rule_hdr header{};
    header.family = family_number(family);
    writer.begin(RTM_GETRULE, NLM_F_DUMP, header);
    writer.finish();
}

std::optional<AnyNeighbour> decode_any_neighbour(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    if (message->nlmsg_type != RTM_NEWNEIGH || header == nullptr) return std::nullopt;
    if (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) return std::nullopt;
    AnyNeighbour result;
    result.link_index = header->ndm_ifindex;
    result.state = header->ndm_state;
    bool has_address = false;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        if (nla_type(attribute) == NDA_DST)
            if (const auto address = read_address(attribute))
                result.address = *address, has_address = true;
        if (nla_type(attribute) == NDA_LLADDR) {
            const auto bytes = payload(attribute);
            const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
            result.link_layer.emplace().bytes.assign(begin, begin + bytes.size());
        }
    }
    return has_address ? std::optional(result) : std::nullopt;
}

std::optional<NeighbourMessage> decode_neighbour(const nlmsghdr* message) {
    const auto any = decode_any_neighbour(message);
    if (!any || !any->link_layer) return std::nullopt;
    return NeighbourMessage{
        any->link_index,
        (any->state & NUD_PERMANENT) != 0,
        {any->address, *any->link_layer, fixed_header<ndmsg>(message)->ndm_flags}};
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
