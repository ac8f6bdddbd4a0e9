#include "vxlanctl/exported.h"

#include "vxlanctl/lists.h"
#include "vxlanctl/preflight.h"
#include "vxlanctl/steps.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/in.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

const Record* record_behind(const Link& link, const State& state) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    const auto found = mark ? state.records.find(mark->id) : state.records.end();
    return found == state.records.end() ? nullptr : &found->second;
}

std::string obstacle_to(const Link& link) {
    if (link.tunnel.kind == TunnelKind::sit && !link.tunnel.isatap.value_or(false))
        return "it is a sit link that is not ISATAP";
    if (link.tunnel.kind == TunnelKind::ip6tnl && link.tunnel.proto != IPPROTO_IPIP)
        return "it is an ip6tnl link that carries more than IPv4";
    if (!link.tunnel.local || is_unspecified(*link.tunnel.local)) return "it has no local address";
    if (link.underlay_elsewhere) return "its underlay is in another network namespace";
    if (!link.attributes.up.value_or(false)) return "it is down, and would be set up";
    return "";
}

/// What the kernel would choose anyway is no wish, nor is what follows from something else.
void state_attributes(Tunnel& tunnel, const Link& link, const State& state) {
    tunnel.tunnel = link.tunnel;
    if (tunnel.tunnel.remote && is_unspecified(*tunnel.tunnel.remote)) tunnel.tunnel.remote.reset();
    if (tunnel.tunnel.srcport == PortRange{}) tunnel.tunnel.srcport.reset(); // the old script's
    tunnel.link = link.attributes;
    tunnel.link.alias.reset();
    tunnel.link.mac.reset();
    tunnel.link.promote_secondaries.reset();
    const bool has_lower = !link.tunnel.dev.value_or("").empty();
    const auto usual =
        has_lower ? mtu_limit(link.tunnel, state) : std::optional(traits_of(link.tunnel.kind).mtu);
    if (tunnel.link.mtu == usual) tunnel.link.mtu.reset();
}

void state_addresses(Exported& result, const Link& link, const Record* record) {
    auto& stated = result.tunnel.addresses.emplace();
    for (const auto& address : link.addresses) {
        if (is_automatic(address)) continue;
        constexpr std::uint32_t forever = 0xffffffff;
        const bool plain = !address.peer && address.valid_seconds == forever;
        if (plain && (record == nullptr || is_in(record->addresses, address.prefix)))
            stated.push_back(address.prefix);
        else
            result.comments.push_back(fmt::format("also has the address {}{}",
                                                  to_string(address.prefix),
                                                  plain ? ", which somebody else gave it" : ""));
    }
}

/// Whether a route can be stated: nothing of it is lost, and no daemon made it.
bool is_plain(const Route& route) {
    const bool by_hand = route.protocol == our_protocol || route.protocol == RTPROT_BOOT ||
                         route.protocol == RTPROT_STATIC;
    const bool bare = std::all_of(route.other.begin(), route.other.end(),
                                  [](std::byte byte) { return byte == std::byte{0}; });
    return by_hand && bare && route.type == RTN_UNICAST && route.tos == 0 && !route.source &&
           (route.flags & RTNH_F_ONLINK) == 0;
}

void state_routes(Exported& result, const Link& link, const State& state, const Record* record) {
    auto& stated = result.tunnel.routes.emplace();
    for (auto route : link.routes) {
        if (!is_restorable(route)) continue;
        route.dev.clear();
        const bool ours = record == nullptr || find_route(record->routes, route) != nullptr;
        if (ours && is_plain(route))
            stated.push_back(std::move(route));
        else
            result.comments.push_back(fmt::format("also has a route to {}", to_string(route.to)));
    }
    for (const auto& route : record != nullptr ? record->routes : std::vector<Route>{}) {
        const Link* out = find_link(state, route.dev);
        if (out != nullptr && out->name != link.name && find_route(out->routes, route) != nullptr)
            stated.push_back(route);
    }
}

void state_rules(Exported& result, const State& state, const Record& record) {
    for (const auto& rule : record.rules)
        if (find_rule(state.rules, rule) != nullptr) {
            if (!result.tunnel.rules) result.tunnel.rules.emplace();
            result.tunnel.rules->push_back(rule);
        }
}

void state_peers(Exported& result, const Link& link) {
    const bool has_remote = link.tunnel.remote && !is_unspecified(*link.tunnel.remote);
    if (!has_remote && !is_external(link.flood_flags) && !ages(link.flood_state))
        result.tunnel.peers = link.flood_list;
    else
        result.comments.emplace_back(
            has_remote ? "has a default remote, so that nothing is said about peers: stating them "
                         "would take it away"
                       : "has peers that a control plane keeps, or that vanish by themselves");
}

} // namespace

Exported exported(const Link& link, const State& state) {
    Exported result;
    const Record* record = record_behind(link, state);
    result.tunnel.name = link.name;
    result.tunnel.overrides_default_route = link.tunnel.kind != TunnelKind::sit;
    result.obstacle = obstacle_to(link);
    state_attributes(result.tunnel, link, state);
    state_addresses(result, link, record);
    state_routes(result, link, state, record);
    if (record != nullptr) state_rules(result, state, *record);
    if (link.tunnel.kind == TunnelKind::vxlan) {
        state_peers(result, link);
        if (link.attributes.mac)
            result.comments.push_back(
                fmt::format("has the MAC address {}", to_string(*link.attributes.mac)));
    }
    if (link.tunnel.isatap.value_or(false)) result.tunnel.routers = link.routers;
    if (result.tunnel.addresses->empty()) result.tunnel.addresses.reset();
    if (result.tunnel.routes->empty()) result.tunnel.routes.reset();
    return result;
}

} // namespace vxlanctl
