#include "vxlanctl/plan/stacking.h"

#include "vxlanctl/plan/preflight.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace vxlanctl {
namespace {

using Indexes = std::vector<std::size_t>;

/// What stands on what: of each element the elements below it.
std::vector<Indexes> elements_below(const std::vector<Tunnel>& tunnels) {
    std::unordered_map<std::string, std::size_t> by_name;
    std::map<IpAddress, std::size_t> by_address;
    for (std::size_t i = 0; i < tunnels.size(); ++i) {
        by_name.emplace(tunnels[i].name, i);
        for (const auto& prefix : tunnels[i].addresses.value_or(std::vector<Prefix>{}))
            by_address.emplace(prefix.address, i);
    }
    std::vector<Indexes> below(tunnels.size());
    for (std::size_t i = 0; i < tunnels.size(); ++i) {
        const Tunnel& tunnel = tunnels[i];
        const auto add = [&](const auto& map, const auto& key) {
            const auto found = map.find(key);
            if (found != map.end() && found->second != i) below[i].push_back(found->second);
        };
        if (tunnel.tunnel.dev) add(by_name, *tunnel.tunnel.dev);
        if (tunnel.tunnel.local) add(by_address, *tunnel.tunnel.local);
        if (tunnel.routes)
            for (const auto& route : *tunnel.routes)
                if (!route.dev.empty()) add(by_name, route.dev);
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            add(by_name, device);
        if (tunnel.peers)
            for (const auto& peer : *tunnel.peers)
                if (!peer.via.empty()) add(by_name, peer.via.str());
    }
    return below;
}

Indexes layers_above(const std::vector<Indexes>& below) {
    // More levels than the kernel takes (MAX_NEST_DEV in linux/netdevice.h), and some for tunnels
    // that wait for each other; ends circles as well.
    constexpr int most_passes = 16;
    Indexes layers(below.size());
    bool changed = true;
    for (int pass = 0; changed && pass < most_passes; ++pass) {
        changed = false;
        for (std::size_t i = 0; i < below.size(); ++i)
            for (const std::size_t lower : below[i])
                if (layers[i] <= layers[lower]) layers[i] = layers[lower] + 1, changed = true;
    }
    return layers;
}

bool comes_after(std::size_t one, std::size_t other, const std::vector<Indexes>& below) {
    Indexes left{one};
    std::vector<bool> seen(below.size());
    while (!left.empty()) {
        const std::size_t at = left.back();
        left.pop_back();
        if (at == other) return true;
        if (seen[at]) continue;
        seen[at] = true;
        left.insert(left.end(), below[at].begin(), below[at].end());
    }
    return false;
}

/// The link, also one that has gone with another one.
const Link* find_past(const State& state, const std::string& name) {
    const Link* link = find_link(state, name);
    return link != nullptr ? link : state.vanished.find(name);
}

/// What the tunnel's link will be, as far as the file says it.
TunnelAttributes wanted_of(const Tunnel& tunnel, const Link* have) {
    TunnelAttributes wanted = tunnel.tunnel;
    complete(wanted);
    return have == nullptr || tunnel_kind(have->kind) != wanted.kind
               ? with_defaults(std::move(wanted))
               : merged(have->tunnel, wanted);
}

} // namespace

std::vector<std::size_t> layers_of(const std::vector<Tunnel>& tunnels) {
    return layers_above(elements_below(tunnels));
}

Making making_of(const std::vector<Tunnel>& tunnels, const State& state) {
    Making making;
    auto below = elements_below(tunnels);
    std::unordered_map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < tunnels.size(); ++i)
        by_name.emplace(tunnels[i].name, i);
    const auto wanted = [&](std::size_t i) {
        return wanted_of(tunnels[i], find_past(state, tunnels[i].name));
    };
    for (std::size_t i = 0; i < tunnels.size(); ++i) {
        const Link* have = find_past(state, tunnels[i].name);
        const TunnelAttributes mine = wanted(i);
        if (have != nullptr && exclude_each_other(have->tunnel, mine)) continue; // it has its place
        auto holders = exclusive_links(mine, tunnels[i].name, state);
        for (const auto& gone : state.vanished) // in the same order, whether they are there or not
            if (gone.name != tunnels[i].name && find_link(state, gone.name) == nullptr &&
                exclude_each_other(gone.tunnel, mine))
                holders.push_back(gone.name);
        for (const auto& name : holders) {
            const auto holder = by_name.find(name);
            if (holder == by_name.end() || exclude_each_other(wanted(holder->second), mine))
                continue; // it will not leave
            if (comes_after(holder->second, i, below))
                making.evicted[i].push_back(name);
            else
                below[i].push_back(holder->second);
        }
    }
    making.layers = layers_above(below);
    making.order.resize(tunnels.size());
    std::iota(making.order.begin(), making.order.end(), std::size_t{0});
    std::stable_sort(making.order.begin(), making.order.end(),
                     [&](std::size_t one, std::size_t other) {
                         return making.layers[one] < making.layers[other];
                     });
    return making;
}

std::vector<std::size_t> layers_in(const State& state, const std::vector<std::string>& names) {
    std::vector<Tunnel> as_they_are;
    for (const auto& name : names) {
        Tunnel& tunnel = as_they_are.emplace_back();
        tunnel.name = name;
        const Link* link = find_link(state, name);
        if (link == nullptr) continue;
        tunnel.tunnel.dev = link->tunnel.dev;
        tunnel.tunnel.local = link->tunnel.local;
        tunnel.addresses.emplace();
        for (const auto& address : link->addresses)
            tunnel.addresses->push_back(address.prefix);
    }
    return layers_of(as_they_are);
}

std::vector<std::string> removal_order(std::vector<std::string> names, const State& state) {
    const auto layers = layers_in(state, names);
    Indexes order(names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
        return layers[one] > layers[other];
    });
    std::vector<std::string> result;
    for (const std::size_t index : order)
        result.push_back(std::move(names[index]));
    return result;
}

} // namespace vxlanctl
