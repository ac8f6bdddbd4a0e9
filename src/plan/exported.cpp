#include "vxlanctl/plan/exported.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

const Record* record_behind(const Link& link, const State& state) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    const auto found = mark ? state.records.find(mark->id) : state.records.end();
    return found == state.records.end() ? nullptr : &found->second;
}

/// What a plan would not tell.
std::string obstacle_to(const Link& link) {
    if (link.tunnel.kind == TunnelKind::sit && !link.tunnel.isatap.value_or(false))
        return "it is a sit link that is not ISATAP";
    if (link.underlay_elsewhere) return "its underlay is in another network namespace";
    return "";
}

/// Whether nobody can have asked for the MTU, as far as one can tell: it is what the kernel makes
/// of the lower device, or more than that can carry by now.
bool is_kernels_mtu(std::uint32_t mtu, const Link& link, const State& state) {
    const auto& tunnel = link.tunnel;
    if (!tunnel.dev.value_or("").empty()) {
        const auto limit = mtu_limit(tunnel, state);
        return limit && mtu >= *limit;
    }
    if (tunnel.kind != TunnelKind::ip6tnl) return mtu == kind_of(tunnel.kind).mtu;
    // ip6_tnl_link_config() in net/ipv6/ip6_tunnel.c goes by the route to the remote end, which
    // mostly leads out of the link with the local address.
    constexpr std::uint32_t ethernet_mtu = 1500, least = 1280; // ETH_DATA_LEN, IPV6_MIN_MTU
    const auto follows_from = [&](std::uint32_t lower_mtu) {
        return mtu == std::max(lower_mtu, least + overhead(tunnel)) - overhead(tunnel);
    };
    return follows_from(ethernet_mtu) ||
           std::any_of(state.host_addresses.begin(), state.host_addresses.end(),
                       [&](const HostAddress& host) {
                           const Link* lower = find_link(state, host.link);
                           return host.prefix.address == tunnel.local && lower != nullptr &&
                                  lower->attributes.mtu && follows_from(*lower->attributes.mtu);
                       });
}

/// What the kernel would choose anyway is no wish, nor is what follows from something else.
void state_attributes(Exported& result, const Link& link, const State& state,
                      const Record* record) {
    Tunnel& tunnel = result.tunnel;
    tunnel.tunnel = link.tunnel;
    if (tunnel.tunnel.remote && is_unspecified(*tunnel.tunnel.remote)) tunnel.tunnel.remote.reset();
    if (tunnel.tunnel.srcport == PortRange{}) tunnel.tunnel.srcport.reset(); // the old script's
    tunnel.link = link.attributes;
    tunnel.link.alias.reset();
    tunnel.link.mac.reset();
    tunnel.link.arp.reset();
    for (const auto& row : link_attributes())
        std::visit(
            [&](auto member) {
                auto& value = tunnel.link.*member;
                const auto& usual = state.settings.of_new_links.*member;
                const bool is_wish = record != nullptr
                                         ? record->keys.contains(std::string(row.name))
                                         : usual && value != usual;
                if (row.wire == Wire::ipv4_conf && !is_wish) value.reset();
            },
            row.member);
    const bool set_pvid = record != nullptr && record->keys.contains("bridge_pvid");
    if (const Link* bridge = find_link(state, link.attributes.master.value_or(""));
        bridge != nullptr && tunnel.link.bridge_pvid == bridge->default_pvid && !set_pvid)
        tunnel.link.bridge_pvid.reset();
    if (!tunnel.link.mtu || (record != nullptr && record->keys.contains("mtu"))) return;
    const std::uint32_t mtu = *tunnel.link.mtu;
    const bool is_kernels = is_kernels_mtu(mtu, link, state);
    if (record != nullptr || is_kernels) tunnel.link.mtu.reset();
    if (record != nullptr && !is_kernels)
        result.comments.push_back(formatted("has the MTU {}, which is not stated", mtu));
}

void state_addresses(Exported& result, const Link& link, const Record* record) {
    auto& stated = result.tunnel.addresses.emplace();
    for (const auto& address : link.addresses) {
        if (is_automatic(address)) continue;
        const bool plain = !address.peer && address.valid_seconds == forever;
        if (plain && (record == nullptr || is_in(record->addresses, address.prefix)))
            stated.push_back(address.prefix);
        else
            result.comments.push_back(formatted("also has the address {}{}",
                                                to_string(address.prefix),
                                                plain ? ", which somebody else gave it" : ""));
    }
}

/// Whether a route can be stated: nothing of it is lost, and no daemon made it.
bool is_plain(const Route& route) {
    const bool by_hand = route.protocol == our_protocol || route.protocol == RTPROT_BOOT ||
                         route.protocol == RTPROT_STATIC;
    const bool on_link = route.to.address.family == Family::ipv4 && !route.via;
    return by_hand && is_restorable(route) && route.other.empty() && route.type == RTN_UNICAST &&
           route.scope == (on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE) && route.tos == 0 &&
           !route.source && (route.flags & RTNH_F_ONLINK) == 0;
}

void state_routes(Exported& result, const Link& link, const State& state, const Record* record) {
    auto& stated = result.tunnel.routes.emplace();
    const std::uint32_t own = own_table(result.tunnel, state);
    const auto state_route = [&](Route route) {
        if (route.table == own) route.table = 0;
        stated.push_back(std::move(route));
    };
    const Routes recorded = record != nullptr ? Routes(record->routes) : Routes();
    const auto is_in_record = [&](const Route& route) {
        const auto others = recorded.beside(route);
        return std::any_of(others.begin(), others.end(),
                           [&](const Route* other) { return same_route(*other, route); });
    };
    const auto is_alone = [&](const Route& route) { // else the kernel shares traffic among them
        return link.routes.beside(route).size() == 1;
    };
    for (auto route : link.routes) {
        route.dev.clear();
        if (record != nullptr ? is_in_record(route) : is_plain(route) && is_alone(route))
            state_route(std::move(route));
        else if (!is_automatic(route))
            result.comments.push_back(
                formatted("also has a route to {}{}{}", to_string(route.to),
                          route.via ? " via " + to_string(*route.via) : "",
                          route.table == own ? "" : formatted(" in table {}", route.table)));
    }
    std::sort(stated.begin(), stated.end()); // default routes of an ISATAP link come first
    for (const auto& route : record != nullptr ? record->routes : std::vector<Route>{}) {
        const Link* out = find_link(state, route.dev);
        if (out != nullptr && out->name != link.name && find_route(out->routes, route) != nullptr)
            state_route(route);
    }
}

void state_rules(Exported& result, const State& state, const Record& record) {
    for (const auto& rule : record.rules)
        if (find_rule(state.rules, rule) != nullptr) {
            if (!result.tunnel.rules) result.tunnel.rules.emplace();
            result.tunnel.rules->push_back(rule);
        }
}

void state_forward_from(Exported& result, const State& state, const Record& record) {
    for (const auto& device : record.forward_from) {
        const Link* link = find_link(state, device);
        if (link == nullptr || !link->attributes.forward.value_or(false)) continue;
        if (!result.tunnel.forward_from) result.tunnel.forward_from.emplace();
        result.tunnel.forward_from->push_back(device);
    }
}

/// Why the flood list is not ours to state; empty where it is. FRR's own entries of the list carry
/// no sign (NTF_EXT_LEARNED) but their state, so that the rest of the interface has to tell.
std::string owner_of_peers(const Link& link, const Record* record) {
    if (link.tunnel.remote && !is_unspecified(*link.tunnel.remote) &&
        !is_multicast(*link.tunnel.remote))
        return "has a default remote, so that nothing is said about peers: stating them would take "
               "it away";
    if (ages(link.flood_state)) return "has peers that vanish by themselves";
    if (is_external(link.flood_flags)) return "has peers that a control plane keeps";
    if (record != nullptr && record->keys.contains(peers_key)) return "";
    const auto is_of = [](FdbOrigin origin) {
        return [=](const MacEntry& entry) { return entry.origin == origin; };
    };
    if (std::any_of(link.macs.begin(), link.macs.end(), is_of(FdbOrigin::external)))
        return "has entries of a control plane, to which the peers belong";
    const bool has_pins = (link.flood_state & NUD_NOARP) != 0 ||
                          std::any_of(link.macs.begin(), link.macs.end(), is_of(FdbOrigin::pinned));
    if (!link.tunnel.learning.value_or(true) && has_pins)
        return "learns no MACs, and has entries that another program set: its peers are taken for "
               "that program's";
    if (record == nullptr && !link.tunnel.learning.value_or(true) && link.flood_list.empty())
        return "learns no MACs and has no peers yet, which another program may add";
    return "";
}

void state_peers(Exported& result, const Link& link, const Record* record) {
    std::string owner = owner_of_peers(link, record);
    result.tunnel.evpn = record != nullptr && record->keys.contains(control_plane_key);
    if (result.tunnel.evpn) {
        result.tunnel.tunnel.learning.reset();
        result.tunnel.link.bridge_learning.reset();
        if (link.attributes.bridge_neigh_suppress == true)
            result.tunnel.link.bridge_neigh_suppress.reset();
    } else if (!owner.empty())
        result.comments.push_back(std::move(owner));
    else if (!link.flood_list.empty() || link.opaque.empty()) {
        result.tunnel.peers = link.flood_list;
        if (record != nullptr) result.tunnel.peer_names = record->peer_names;
    }
    if (!link.opaque.empty())
        result.comments.push_back("also has FDB entries that a file cannot state: " +
                                  opaque_in_words(link.opaque));
}

} // namespace

Exported exported(const Link& link, const State& state) {
    Exported result;
    const Record* record = record_behind(link, state);
    result.tunnel.name = link.name;
    result.tunnel.overrides_default_route = link.tunnel.kind != TunnelKind::sit;
    result.obstacle = obstacle_to(link);
    state_attributes(result, link, state, record);
    state_addresses(result, link, record);
    state_routes(result, link, state, record);
    if (record != nullptr) state_rules(result, state, *record);
    if (record != nullptr) state_forward_from(result, state, *record);
    if (kind_of(link.tunnel.kind).has_fdb) {
        state_peers(result, link, record);
        if (link.attributes.mac)
            result.comments.push_back(
                formatted("has the MAC address {}", to_string(*link.attributes.mac)));
    }
    if (link.tunnel.isatap.value_or(false)) result.tunnel.routers = link.routers;
    if (result.tunnel.addresses->empty()) result.tunnel.addresses.reset();
    if (result.tunnel.routes->empty()) result.tunnel.routes.reset();
    return result;
}

} // namespace vxlanctl
