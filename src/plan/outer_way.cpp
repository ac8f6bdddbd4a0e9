#include "vxlanctl/plan/outer_way.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/plan/elsewhere.h"

#include <algorithm>
#include <cerrno>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// Calls `take(to, table, metric, dev)` for each route that the tunnel brings along; those out of
/// itself have no `dev`.
template<class Take>
void for_each_coming_route(const Tunnel& tunnel, const State& state, Take take) {
    const std::uint32_t own = own_table(tunnel, state);
    if (tunnel.addresses)
        for (const auto& prefix : *tunnel.addresses) {
            Address address;
            address.prefix = prefix;
            if (const auto route = connected_route(address, own))
                take(route->to, route->table, route->metric, std::string());
        }
    if (!tunnel.routes) return;
    for (const auto& route : *tunnel.routes) {
        constexpr std::uint32_t ipv6_metric = 1024; // IP6_RT_PRIO_USER
        const bool ipv6 = route.to.address.family == Family::ipv6;
        take(route.to, route.table == 0 ? own : route.table,
             route.metric == 0 && ipv6 ? ipv6_metric : route.metric,
             route.dev == tunnel.name ? std::string() : route.dev);
    }
}

/// The best one of several routes to an address.
struct Best {
    bool found = false;
    Prefix to;
    std::uint32_t table = 0, metric = 0;
    std::string dev;

    /// Of two that are equal, the earlier one stays.
    void offer(const Prefix& other, std::uint32_t other_table, std::uint32_t other_metric,
               const std::string& other_dev) {
        if (found &&
            (other.length < to.length || (other.length == to.length && other_metric >= metric)))
            return;
        *this = {true, other, other_table, other_metric, other_dev};
    }
};

/// Whether a route that comes into the table takes what is now sent by `now`. Which of the two
/// tables comes first is known of those that every host has: local, main, default.
bool takes_over(const Best& coming, const RouteLookup& now) {
    if (!coming.found) return false;
    if (now.code != 0 || now.table == RT_TABLE_DEFAULT) return true;
    if (now.table != coming.table) return false;
    return coming.to.length > now.to.length ||
           (coming.to.length == now.to.length && coming.metric < now.metric);
}

Best best_coming(const OuterWay& way, const Tunnel& tunnel, const State& state,
                 std::uint32_t table) {
    Best best;
    for_each_coming_route(
        tunnel, state,
        [&](const Prefix& to, std::uint32_t in, std::uint32_t metric, const std::string& dev) {
            const bool is_meant = in == table && contains(to, way.peer);
            if (is_meant) best.offer(to, in, metric, dev);
        });
    return best;
}

WayOut by(const Best& coming) {
    if (coming.dev.empty()) return {Leads::into_tunnel, coming.to, 0, ""};
    return {Leads::outside, coming.to, 0, coming.dev};
}

/// By a rule that the tunnel sets, if one of these is for the way.
std::optional<WayOut> by_rule(const OuterWay& way, const RouteLookup& now, const Tunnel& tunnel,
                              const State& state) {
    if (!tunnel.rules) return std::nullopt;
    for (const auto& rule : *tunnel.rules) {
        if ((rule.from && !contains(*rule.from, way.local)) ||
            (rule.to && !contains(*rule.to, way.peer)) ||
            rule.priority.value_or(0) >= priority_of_main)
            continue;
        const Best coming = best_coming(way, tunnel, state, rule.table);
        const bool is_there = find_rule(state.rules, rule) != nullptr;
        if (coming.found && (!is_there || now.table != rule.table || takes_over(coming, now)))
            return by(coming);
        if (!is_there) return WayOut{}; // it depends on what the table has
    }
    return std::nullopt;
}

/// Whether the plan removes what leads into the tunnel now.
bool ends(const Prefix& inside, const TunnelPlan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
        if (const auto* address = std::get_if<Remove<Address>>(&step.operation))
            return network_of(address->object().prefix) == inside;
        if (const auto* route = std::get_if<Remove<Route>>(&step.operation))
            return route->object().to == inside;
        return std::holds_alternative<DeleteLink>(step.operation);
    });
}

bool is_tunnels(const Link* link, int index) {
    return link != nullptr && index != 0 && link->index == index;
}

} // namespace

OuterWay way_to(const FloodEntry& peer, const TunnelAttributes& vxlan) {
    OuterWay way;
    way.peer = peer.dst;
    way.local = vxlan.local.value();
    way.dev = vxlan.dev.value_or("");
    way.via = peer.via.str();
    way.wanted = way.via.empty() ? way.dev : way.via;
    way.port = peer.port.value_or(vxlan.port.value_or(0));
    constexpr std::uint8_t inherit = 1;
    const std::uint8_t tos = vxlan.tos.value_or(0);
    way.tos = tos == inherit ? 0 : tos;
    return way;
}

OuterWay learned_way_to(const FloodEntry& peer, const TunnelAttributes& vxlan) {
    OuterWay way = way_to(peer, vxlan);
    if (!is_link_local(peer.dst)) way.via.clear();
    return way;
}

std::vector<FloodEntry> newly_inside(const TunnelPlan& plan, const State& state, std::size_t most) {
    std::vector<FloodEntry> inside;
    if (plan.wish == nullptr || !plan.wish->peers || plan.steps.empty()) return inside;
    const auto& peers = *plan.wish->peers;
    const auto added = [&](const Step& step) {
        if (const auto* flood = std::get_if<Add<FloodEntry>>(&step.operation))
            return flood->link == plan.name || flood->link == plan.temporary;
        return std::holds_alternative<Add<Address>>(step.operation) ||
               (std::holds_alternative<Add<Route>>(step.operation) &&
                std::get<Add<Route>>(step.operation).link == plan.name);
    };
    if (std::none_of(plan.steps.begin(), plan.steps.end(), added)) return inside;
    for_each_coming_route(
        *plan.wish, state,
        [&](const Prefix& to, std::uint32_t, std::uint32_t, const std::string& dev) {
            if (!dev.empty()) return;
            auto peer = first_entry_to(peers, network_of(to).address);
            for (; peer != peers.end() && contains(to, peer->dst) && inside.size() < most; ++peer)
                if (!is_in(inside, *peer)) inside.push_back(*peer); // prefixes may overlap
        });
    return inside;
}

WayOut way_out(const OuterWay& way, const RouteLookup& now, const TunnelPlan& plan,
               const State& state) {
    const Tunnel& tunnel = *plan.wish;
    const Link* have = find_link(state, plan.name);
    if (!way.via.empty()) // the kernel looks for no other interface
        return {now.code != 0 ? Leads::nowhere : Leads::outside, now.to, now.link_index, ""};
    if (const auto ruled = by_rule(way, now, tunnel, state)) return *ruled;
    const std::uint32_t table =
        now.code != 0 || now.table == RT_TABLE_DEFAULT ? main_table : now.table;
    const Best coming = best_coming(way, tunnel, state, table);
    const bool is_into = now.code == 0 && is_tunnels(have, now.link_index);
    if (takes_over(coming, now)) return by(coming);
    if (now.code != 0) return {Leads::nowhere, {}, 0, ""};
    if (!is_into) return {Leads::outside, now.to, now.link_index, ""};
    const bool stays = coming.found && coming.to == now.to;
    return {stays || !ends(now.to, plan) ? Leads::into_tunnel : Leads::unknown, now.to, 0, ""};
}

bool is_inside(const IpAddress& peer, const Tunnel& tunnel) {
    return tunnel.addresses &&
           std::any_of(tunnel.addresses->begin(), tunnel.addresses->end(),
                       [&](const Prefix& prefix) { return contains(prefix, peer); });
}

void complete_link_local_peers(Tunnel& tunnel) {
    const std::string dev = tunnel.tunnel.dev.value_or("");
    if (!tunnel.peers || dev.empty()) return;
    bool changed = false;
    for (auto& peer : *tunnel.peers)
        if (peer.via.empty() && peer.dst.family == Family::ipv6 && is_link_local(peer.dst)) {
            auto name = tunnel.peer_names.extract(peer);
            peer.via = dev;
            changed = true;
            if (name.empty()) continue;
            name.key() = peer;
            tunnel.peer_names.insert(std::move(name));
        }
    if (changed) std::sort(tunnel.peers->begin(), tunnel.peers->end());
}

std::string commands_for(const OuterWay& way, const WayThroughDevice& through) {
    const std::string_view ip = way.peer.family == Family::ipv4 ? "ip" : "ip -6";
    const std::string dev = shell_quoted(way.dev);
    const std::string gateway = through.gateway ? to_string(*through.gateway) : "GATEWAY";
    const bool is_default = !through.is_on_link && !through.is_vrf;
    std::string route = formatted("{} route add {}{} dev {} table {}", ip,
                                  is_default ? "default" : to_string(way.peer),
                                  through.is_on_link ? "" : " via " + gateway, dev, through.table);
    if (through.is_vrf) return route;
    return formatted("{} && {} rule add from {} lookup {}", route, ip, to_string(way.local),
                     through.table);
}

} // namespace vxlanctl
