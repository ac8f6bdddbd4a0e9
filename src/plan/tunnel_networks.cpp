#include "vxlanctl/plan/tunnel_networks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/outer_way.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace vxlanctl {
namespace {

/// A route that a tunnel brings along.
struct Coming {
    Prefix to;
    std::uint32_t table = 0, metric = 0;
    std::string dev; ///< the tunnel's own name where it leads into that
};

std::vector<Coming> coming_with(const Tunnel& tunnel, const State& host) {
    std::vector<Coming> routes;
    const std::uint32_t own = own_table(tunnel, host);
    for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{})) {
        Address address;
        address.prefix = prefix;
        if (const auto route = connected_route(address, own))
            routes.push_back({route->to, own, route->metric, tunnel.name});
    }
    for (const auto& route : stated_routes(tunnel, host))
        routes.push_back(
            {route.to, route.table, route.metric, route.dev.empty() ? tunnel.name : route.dev});
    return routes;
}

/// Where the packets of all tunnels go.
class OuterNetworks {
public:
    OuterNetworks(const Config& config, const State& host, ConfigFaults& faults)
        : config_(config), faults_(faults) {
        for (const auto& tunnel : config.tunnels) {
            append(routes_, coming_with(tunnel, host));
            append(rules_, tunnel.rules.value_or(std::vector<Rule>{}));
            names_.insert(tunnel.name);
        }
    }

    void judge(const Tunnel& tunnel) {
        if (!tunnel.peers || tunnel.peers->empty() || !tunnel.tunnel.local || tunnel.allow_overlap)
            return;
        inside_.clear();
        for (const auto& route : routes_)
            note_peers_in(route, *tunnel.peers);
        // By what leads there, and whether that is sure.
        std::map<std::tuple<std::string, Prefix, bool>, std::vector<std::string>> led;
        for (const std::size_t index : inside_) {
            const FloodEntry& peer = (*tunnel.peers)[index];
            const auto [by, is_sure] = way_to(peer.dst, *tunnel.tunnel.local);
            if (by == nullptr || !names_.contains(by->dev)) continue;
            auto& peers = led[{by->dev, by->to, is_sure && !tunnel.automatic.local}];
            if (const auto text = to_string(peer.dst); !is_in(peers, text)) peers.push_back(text);
        }
        for (auto& [by, peers] : led)
            tell(tunnel, std::get<0>(by), std::get<1>(by), std::get<2>(by), std::move(peers));
    }

private:
    void note_peers_in(const Coming& route, const std::vector<FloodEntry>& peers) {
        const IpAddress first = network_of(route.to).address;
        if (peers.back().dst < first) return;
        auto peer = first_entry_to(peers, first);
        for (; peer != peers.end() && contains(route.to, peer->dst); ++peer)
            inside_.insert(static_cast<std::size_t>(peer - peers.begin()));
    }

    const Coming* best_in(std::uint32_t table, const IpAddress& address) const {
        const Coming* best = nullptr;
        for (const auto& route : routes_)
            if (route.table == table && contains(route.to, address) &&
                (best == nullptr || route.to.length > best->to.length ||
                 (route.to.length == best->to.length && route.metric < best->metric)))
                best = &route;
        return best;
    }

    /// The route of ours that leads there, and whether no other one could: a rule may lead to a
    /// table of which nothing is known.
    std::pair<const Coming*, bool> way_to(const IpAddress& peer, const IpAddress& local) const {
        bool is_sure = true;
        for (const auto& rule : rules_) {
            if ((rule.from && !contains(*rule.from, local)) ||
                (rule.to && !contains(*rule.to, peer)) ||
                rule.priority.value_or(0) >= priority_of_main)
                continue;
            if (const auto* best = best_in(rule.table, peer)) return {best, is_sure};
            is_sure = false;
        }
        return {best_in(main_table, peer), is_sure};
    }

    /// Whether the packets are meant to go through the other tunnel.
    bool stands_on(const Tunnel& tunnel, const std::string& other) const {
        if (tunnel.tunnel.dev == other) return true;
        return std::any_of(config_.tunnels.begin(), config_.tunnels.end(),
                           [&](const Tunnel& below) {
                               return below.name == other && below.addresses &&
                                      std::any_of(below.addresses->begin(), below.addresses->end(),
                                                  [&](const Prefix& prefix) {
                                                      return prefix.address == tunnel.tunnel.local;
                                                  });
                           });
    }

    void tell(const Tunnel& tunnel, const std::string& into, const Prefix& prefix, bool is_sure,
              std::vector<std::string> peers) {
        constexpr std::size_t most = 4;
        peers.resize(std::min(peers.size(), most));
        const Values values{{"peers", joined(peers, ", ")}, {"prefix", to_string(prefix)}};
        if (into == tunnel.name && is_sure)
            faults_.errors.emplace_back(Code::peer_leads_into_tunnel, tunnel.name, values);
        else if (into == tunnel.name)
            faults_.warnings.emplace_back(Code::peer_may_lead_into_tunnel, tunnel.name, values);
        else if (is_sure && !stands_on(tunnel, into))
            faults_.warnings.emplace_back(Code::peer_behind_other_tunnel, tunnel.name,
                                          Values{{"peers", joined(peers, ", ")},
                                                 {"prefix", to_string(prefix)},
                                                 {"other", into}});
    }

    const Config& config_;
    ConfigFaults& faults_;
    std::vector<Coming> routes_;
    std::vector<Rule> rules_;
    std::set<std::string> names_;
    std::set<std::size_t> inside_; ///< of the peers of one tunnel
};

/// An inner address, in an order in which a network follows those that contain it.
struct Inner {
    std::uint32_t table = 0;
    IpAddress network;
    std::uint8_t length = 0;
    std::size_t tunnel = 0; ///< its index
    IpAddress address;
    auto operator<=>(const Inner&) const = default;
    Prefix prefix() const { return {network, length}; }
};

std::vector<Inner> inner_networks(const Config& config, const State& host) {
    std::vector<Inner> all;
    for (std::size_t i = 0; i < config.tunnels.size(); ++i)
        for (const auto& prefix : config.tunnels[i].addresses.value_or(std::vector<Prefix>{}))
            if (prefix.address.family == Family::ipv4 || !is_link_local(prefix.address))
                all.push_back({own_table(config.tunnels[i], host), network_of(prefix).address,
                               prefix.length, i, prefix.address});
    std::sort(all.begin(), all.end());
    return all;
}

void judge_addresses(const Config& config, const std::vector<Inner>& all, ConfigFaults& faults) {
    std::map<std::pair<std::uint32_t, IpAddress>, std::size_t> first;
    for (const auto& inner : all) {
        const auto [known, is_new] = first.try_emplace({inner.table, inner.address}, inner.tunnel);
        if (is_new || known->second == inner.tunnel) continue;
        const auto [one, other] = std::minmax(known->second, inner.tunnel);
        faults.warnings.emplace_back(
            Code::inner_address_twice, config.tunnels[other].name,
            Values{{"address", to_string(inner.address)}, {"other", config.tunnels[one].name}});
    }
}

} // namespace

void judge_outer_networks(const Config& config, const State& host, ConfigFaults& faults) {
    OuterNetworks networks(config, host, faults);
    for (const auto& tunnel : config.tunnels)
        networks.judge(tunnel);
}

void judge_inner_networks(const Config& config, const State& host, ConfigFaults& faults) {
    auto all = inner_networks(config, host);
    judge_addresses(config, all, faults);
    std::erase_if(all, [](const Inner& inner) {
        return inner.length == full_length(inner.network.family); // has no route
    });
    std::vector<const Inner*> around; // the networks that contain this one, the longest last
    for (const auto& inner : all) {
        while (!around.empty() && (around.back()->table != inner.table ||
                                   !contains(around.back()->prefix(), inner.network)))
            around.pop_back();
        const Inner* const outer = around.empty() ? nullptr : around.back();
        around.push_back(&inner);
        if (outer == nullptr || outer->tunnel == inner.tunnel) continue;
        const Tunnel& tunnel = config.tunnels[inner.tunnel];
        const Tunnel& other = config.tunnels[outer->tunnel];
        if (outer->length == inner.length)
            faults.warnings.emplace_back(
                Code::inner_network_twice, tunnel.name,
                Values{{"network", to_string(inner.prefix())}, {"other", other.name}});
        else
            faults.warnings.emplace_back(Code::inner_network_within, tunnel.name,
                                         Values{{"network", to_string(inner.prefix())},
                                                {"other_network", to_string(outer->prefix())},
                                                {"other", other.name}});
    }
}

} // namespace vxlanctl
