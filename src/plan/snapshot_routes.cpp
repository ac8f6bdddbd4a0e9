#include "vxlanctl/plan/snapshot_routes.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

const Link* link_of(const NamespaceSnapshot& space, int index) {
    const auto& links = space.state.links;
    const auto found = std::find_if(links.begin(), links.end(),
                                    [&](const Link& link) { return link.index == index; });
    return index == 0 || found == links.end() ? nullptr : &*found;
}

/// The VRF that the query's interface is, or is in; null where it is in none.
const Link* vrf_of(const NamespaceSnapshot& space, const RouteQuery& query) {
    const Link* link = link_of(space, query.link_index);
    if (link != nullptr && link->kind != "vrf") link = link_of(space, link->master_index);
    return link != nullptr && link->kind == "vrf" ? link : nullptr;
}

bool is_within(std::uint32_t number, const std::pair<std::uint32_t, std::uint32_t>& range) {
    return range.first <= number && number <= range.second;
}

/// Whether the rule concerns a packet of root's without a mark (fib_rule_match() in
/// net/core/fib_rules.c). A packet that this host sends comes in through the loopback interface.
bool concerns(const SteeringRule& rule, const NamespaceSnapshot& space, const RouteQuery& query) {
    if (rule.is_unknown || rule.family != query.to.family) return false;
    const Link* out = link_of(space, query.link_index);
    const bool selected =
        (!rule.from || (query.from ? contains(*rule.from, *query.from) : rule.from->length == 0)) &&
        (!rule.to || contains(*rule.to, query.to)) && (rule.in.empty() || rule.in == "lo") &&
        (rule.out.empty() || (out != nullptr && out->name == rule.out)) &&
        (rule.tos == 0 || rule.tos == query.tos) &&
        (!rule.mark || (rule.mark->first & rule.mark->second) == 0) &&
        (!rule.users || is_within(0, *rule.users)) &&
        (!rule.protocol || (query.port != 0 && *rule.protocol == IPPROTO_UDP)) &&
        (!rule.ports || is_within(query.port, *rule.ports)) &&
        (!rule.is_of_vrf || vrf_of(space, query) != nullptr);
    return selected != rule.is_inverted;
}

/// Whether `route` is nearer to what is asked for: longer, of the packet's TOS, of a lower metric.
bool is_better(const Route& route, const Route& best) {
    if (route.to.length != best.to.length) return route.to.length > best.to.length;
    if (route.tos != best.tos) return route.tos > best.tos;
    return route.metric < best.metric;
}

/// IPv6 lets a packet that has its source address leave through another interface than the one
/// asked for, unless the destination is on a link (ip6_route_output_flags_noref() in
/// net/ipv6/route.c).
bool ignores_interface(const RouteQuery& query) {
    return query.to.family == Family::ipv6 && query.from && !is_link_local(query.to);
}

/// Whether two routes of the same destination, TOS and metric are one with several next hops.
bool is_next_hop_beside(const Route& one, const Route& other) {
    return one.type == RTN_UNICAST && other.type == RTN_UNICAST &&
           (one.to.address.family == Family::ipv6 || (one.multipath && other.multipath));
}

/// The best route of a table, and the other next hops of it.
/// `any_link`: the interface is not compared, as of a packet in a VRF (FLOWI_FLAG_SKIP_NH_OIF).
std::vector<const TableRoute*> best_in(const NamespaceSnapshot& space, std::uint32_t table,
                                       const RouteQuery& query, bool any_link) {
    std::vector<const TableRoute*> best;
    for (const auto& entry : space.routes) {
        const Route& route = entry.route;
        if (route.table != table || !contains(route.to, query.to) ||
            (route.tos != 0 && route.tos != query.tos) ||
            (!any_link && query.link_index != 0 && entry.link_index != 0 && // that leads nowhere
             entry.link_index != query.link_index))
            continue;
        if (best.empty() || is_better(route, best.front()->route))
            best = {&entry};
        else if (!is_better(best.front()->route, route) &&
                 is_next_hop_beside(best.front()->route, route))
            best.push_back(&entry);
    }
    if (query.to.family == Family::ipv6) // find_rr_leaf() in net/ipv6/route.c
        std::stable_partition(best.begin(), best.end(), [&](const TableRoute* hop) {
            return hop->link_index == query.link_index;
        });
    return best;
}

/// What a route that leads nowhere answers (fib_props in net/ipv4/fib_semantics.c).
bool leads_nowhere(std::uint8_t type) {
    return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

RouteLookup answer_of(const std::vector<const TableRoute*>& hops) {
    const Route& route = hops.front()->route;
    RouteLookup answer;
    answer.to = route.to;
    answer.link_index = hops.front()->link_index;
    answer.table = route.table;
    answer.metric = route.metric;
    answer.type = route.type;
    answer.via = route.via;
    answer.source = route.source;
    if (leads_nowhere(route.type)) answer.code = EHOSTUNREACH;
    for (std::size_t i = 1; i < hops.size(); ++i)
        answer.other_links.push_back(hops[i]->link_index);
    return answer;
}

RouteLookup no_way(int code) {
    RouteLookup answer;
    answer.code = code;
    return answer;
}

int code_of(std::uint8_t action) {
    return action == FR_ACT_PROHIBIT ? EACCES : action == FR_ACT_BLACKHOLE ? EINVAL : ENETUNREACH;
}

/// Goes through the rules as fib_rules_lookup() does.
RouteLookup look_up_by_rules(const NamespaceSnapshot& space, const RouteQuery& query) {
    const Link* vrf = vrf_of(space, query);
    for (std::size_t i = 0; i < space.rules.size(); ++i) {
        const SteeringRule& rule = space.rules[i];
        if (!concerns(rule, space, query)) continue;
        if (rule.action == FR_ACT_GOTO) {
            while (i + 1 < space.rules.size() &&
                   (space.rules[i + 1].priority < rule.target.value_or(0) ||
                    space.rules[i + 1].family != rule.family))
                ++i;
            continue;
        }
        if (rule.action == FR_ACT_NOP) continue;
        if (rule.action != FR_ACT_TO_TBL) return no_way(code_of(rule.action));
        const std::uint32_t table = rule.is_of_vrf ? vrf->vrf_table : rule.table;
        const auto hops =
            best_in(space, table, query,
                    (vrf != nullptr && vrf->index == query.link_index) || ignores_interface(query));
        if (hops.empty() || hops.front()->route.type == RTN_THROW ||
            (rule.suppressed && hops.front()->route.to.length <= *rule.suppressed))
            continue;
        return answer_of(hops);
    }
    return no_way(ENETUNREACH);
}

unsigned common_bits(const IpAddress& one, const IpAddress& other) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < full_length(one.family) / 8U; ++i) {
        const auto differing = static_cast<std::uint8_t>(one.bytes[i] ^ other.bytes[i]);
        bits += static_cast<unsigned>(std::countl_zero(differing));
        if (differing != 0) break;
    }
    return bits;
}

/// Of the addresses on the interface the one whose subnet has the next hop, else the first one
/// (inet_select_addr() in net/ipv4/devinet.c); of IPv6 the one that is most like the destination
/// (ipv6_dev_get_saddr(), RFC 6724, of which the other rules seldom decide).
std::optional<IpAddress> source_on(const NamespaceSnapshot& space, int link_index,
                                   const IpAddress& towards) {
    std::optional<IpAddress> chosen;
    const auto is_of_use = [&](const PlacedAddress& placed) {
        const Address& address = placed.address;
        constexpr std::uint32_t unfit = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
        const bool is_ipv4 = towards.family == Family::ipv4;
        return placed.link_index == link_index && address.prefix.address.family == towards.family &&
               (is_ipv4 ? (address.flags & IFA_F_SECONDARY) == 0 && address.scope < RT_SCOPE_HOST
                        : (address.flags & unfit) == 0 &&
                              is_link_local(address.prefix.address) == is_link_local(towards));
    };
    for (const auto& placed : space.addresses) {
        if (!is_of_use(placed)) continue;
        const IpAddress& address = placed.address.prefix.address;
        if (towards.family == Family::ipv4) {
            if (contains(placed.address.prefix, towards)) return address;
            if (!chosen) chosen = address;
        } else if (!chosen || common_bits(address, towards) > common_bits(*chosen, towards)) {
            chosen = address;
        }
    }
    return chosen;
}

} // namespace

RouteLookup look_up(const NamespaceSnapshot& space, const RouteQuery& query) {
    // ip_route_output_key_hash_rcu() in net/ipv4/route.c: nobody sends from an address that is not
    // on this host.
    const bool has_source =
        !query.from || query.to.family == Family::ipv6 ||
        std::any_of(space.addresses.begin(), space.addresses.end(), [&](const auto& placed) {
            return placed.address.prefix.address == *query.from;
        });
    if (!has_source) return no_way(EINVAL);
    RouteLookup answer = look_up_by_rules(space, query);
    if (answer.code == ENETUNREACH && query.link_index != 0 && query.to.family == Family::ipv4)
        answer.code = EHOSTUNREACH; // with an interface it means that there is nobody on the link
    return answer;
}

RouteLookup resolve_route(const NamespaceSnapshot& space, const RouteQuery& query) {
    RouteLookup answer = look_up(space, query);
    const Link* out = link_of(space, query.link_index);
    if (answer.code == EHOSTUNREACH && answer.type == 0 && out != nullptr && out->kind != "vrf" &&
        out->attributes.up.value_or(false)) { // such a destination is taken to be on the link
        answer = {};
        answer.to = {query.to, full_length(query.to.family)};
        answer.link_index = query.link_index;
        answer.type = RTN_UNICAST;
    }
    if (answer.code == 0 && !query.from && !answer.source)
        answer.source = source_on(space, answer.link_index, answer.via.value_or(query.to));
    return answer;
}

std::uint32_t unused_table(const NamespaceSnapshot& space, Family family, std::uint32_t first) {
    const auto is_used = [&](std::uint32_t table) {
        return std::any_of(space.routes.begin(), space.routes.end(), [&](const auto& entry) {
            return entry.route.table == table && entry.route.to.address.family == family;
        });
    };
    while (is_used(first))
        ++first;
    return first;
}

} // namespace vxlanctl
