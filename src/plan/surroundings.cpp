#include "vxlanctl/plan/surroundings.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>

namespace vxlanctl {

LinkCondition condition_of(const Link* link) {
    if (link == nullptr) return LinkCondition::missing;
    if (!link->attributes.up.value_or(true)) return LinkCondition::down;
    return link->carrier ? LinkCondition::up : LinkCondition::no_carrier;
}

const HostAddress* find_host_address(const State& state, const IpAddress& address,
                                     std::string_view dev) {
    const HostAddress* best = nullptr;
    for (const auto* host : state.host_addresses.near(address, address))
        if (host->prefix.address == address && (best == nullptr || host->link == dev)) best = host;
    return best;
}

std::string device_towards(const IpAddress& address, const State& state) {
    const Route* best = nullptr;
    for (const auto& route : state.routes)
        if (route.table == main_table && contains(route.to, address) &&
            (best == nullptr || route.to.length > best->to.length ||
             (route.to.length == best->to.length && route.metric < best->metric)))
            best = &route;
    return best == nullptr ? "" : best->dev;
}

std::vector<std::string> exclusive_links(const TunnelAttributes& wanted, const std::string& name,
                                         const State& state) {
    std::vector<std::string> names;
    for (const auto& link : state.links)
        if (is_tunnel(link) && link.tunnel.kind == wanted.kind && link.name != name &&
            !link.underlay_elsewhere && kind_of(wanted.kind).clashes(link.tunnel, wanted) &&
            !is_leftover(link))
            names.push_back(link.name);
    return names;
}

bool is_carried_by(const std::string& dev, const Link& lower, const State& state) {
    const Link* link = find_link(state, dev);
    for (std::size_t depth = 0; link != nullptr && depth < state.links.size(); ++depth) {
        if (link->index == lower.index || link->lower_index == lower.index) return true;
        const auto below = std::find_if(
            state.links.begin(), state.links.end(),
            [index = link->lower_index](const Link& other) { return other.index == index; });
        link = link->lower_index == 0 || below == state.links.end() ? nullptr : &*below;
    }
    return false;
}

Outside::Outside(const OuterTraffic& outer, const State& state)
    : state_(state), tunnel_(outer.tunnel) {
    for (const auto& host : state.host_addresses)
        if (host.prefix.address == outer.local) homes_.push_back(&host);
    for (const Route* route : state.routes.defaults())
        if (route->table == main_table && route->via && route->dev != outer.tunnel)
            gateways_.push_back(route);
    if (!outer.has_device) ends_ = outer.ends;
    std::sort(ends_.begin(), ends_.end());
}

std::vector<Drawn> Outside::drawn_into(const Prefix& inner) const {
    const auto alone = [](const IpAddress& address) {
        return Prefix{address, full_length(address.family)};
    };
    std::vector<Drawn> drawn;
    for (const HostAddress* host : homes_)
        if (overlaps(inner, host->prefix))
            drawn.push_back(
                {network_of(host->prefix),
                 formatted("{} (the subnet of the local address {}{}{})",
                           to_string(network_of(host->prefix)), to_string(host->prefix.address),
                           host->link.empty() ? "" : " on ", host->link)});
    for (const Route* route : gateways_)
        if (inner.length != 0 && contains(inner, *route->via))
            drawn.push_back({alone(*route->via), formatted("{} (the default gateway on {})",
                                                           to_string(*route->via), route->dev)});
    if (const auto& client = state_.ssh_client;
        client && contains(inner, *client) && device_towards(*client, state_) != tunnel_)
        drawn.push_back(
            {alone(*client), formatted("{} (the client of this SSH session)", to_string(*client))});
    constexpr std::size_t named = 3;
    const Prefix network = network_of(inner);
    const auto begin = std::lower_bound(ends_.begin(), ends_.end(), network.address);
    const std::vector<IpAddress> inside(
        begin, std::find_if_not(begin, ends_.end(),
                                [&](const IpAddress& end) { return contains(inner, end); }));
    for (std::size_t i = 0; i < std::min(inside.size(), named); ++i)
        drawn.push_back({alone(inside[i]), formatted("{} (a peer, and there is no lower device)",
                                                     to_string(inside[i]))});
    if (inside.size() > named)
        drawn.push_back({alone(inside[named]), formatted("{} more peers", inside.size() - named)});
    return drawn;
}

std::optional<std::uint32_t> mtu_limit(const TunnelAttributes& tunnel, const State& state) {
    const std::string dev = tunnel.dev.value_or("");
    const auto taken = overhead(tunnel);
    if (dev.empty()) return tunnel.kind == TunnelKind::vxlan ? 65535 : 65535 - taken;
    const Link* lower = find_link(state, dev);
    if (lower == nullptr || !lower->attributes.mtu || !tunnel.local) return std::nullopt;
    return *lower->attributes.mtu > taken ? *lower->attributes.mtu - taken : 0;
}

} // namespace vxlanctl
