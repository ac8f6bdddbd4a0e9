#include "vxlanctl/plan/expected_host.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/stacking.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace vxlanctl {
namespace {

constexpr std::uint32_t unknown_mtu = 65000; // what every kind takes without an underlay interface

/// A number in the last bytes of an address that no packet has.
IpAddress placeholder(Family family, std::size_t number) {
    IpAddress address{family, {}};
    const bool is_ipv4 = family == Family::ipv4;
    const std::size_t size = is_ipv4 ? 4 : 16;
    if (!is_ipv4) address.bytes[0] = 1; // 100::
    for (std::size_t i = 0; i < 3; ++i)
        address.bytes[size - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return address;
}

void settle_ends(Tunnel& tunnel, std::size_t number) {
    Automatic& automatic = tunnel.automatic;
    auto& ends = tunnel.tunnel;
    if (automatic.local && ends.local) {
        ends.local = placeholder(ends.local->family, 2 * number);
        if (ends.isatap.value_or(false) && tunnel.addresses)
            for (auto& prefix : *tunnel.addresses)
                prefix.address =
                    isatap_address(network_of(prefix), *ends.local, automatic.global_id);
    }
    if (automatic.dev) ends.dev = formatted("auto:{}", number); // no name has a colon
    if (!automatic.remote_name.empty()) ends.remote = placeholder(Family::ipv6, 2 * number + 1);
}

/// Where a tunnel stands on another one, what is not known of the lower one must not limit it.
void settle_mtus(std::vector<Tunnel>& tunnels) {
    std::map<std::string, std::size_t> by_name;
    std::set<std::string> carriers;
    for (std::size_t i = 0; i < tunnels.size(); ++i)
        by_name.emplace(tunnels[i].name, i);
    for (const auto& tunnel : tunnels)
        if (const std::string dev = tunnel.tunnel.dev.value_or(""); by_name.contains(dev))
            carriers.insert(dev);
    if (carriers.empty()) return;
    const auto layers = layers_of(tunnels);
    std::vector<std::size_t> order(tunnels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
        return layers[one] < layers[other];
    });
    for (const std::size_t i : order) {
        Tunnel& tunnel = tunnels[i];
        if (!carriers.contains(tunnel.name) || tunnel.link.mtu) continue;
        const auto lower = by_name.find(tunnel.tunnel.dev.value_or(""));
        const auto taken = overhead(tunnel.tunnel);
        const std::uint32_t there =
            lower == by_name.end() ? unknown_mtu + taken
                                   : tunnels[lower->second].link.mtu.value_or(unknown_mtu + taken);
        tunnel.link.mtu = std::max(there, taken) - taken;
    }
}

/// The host that is put together.
class Host {
public:
    explicit Host(const Config& config) {
        for (const auto& tunnel : config.tunnels)
            tunnels_.insert(tunnel.name);
        for (const auto& tunnel : config.tunnels)
            for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
                inner_.emplace(prefix.address, &tunnel);
    }

    /// A name that is several things is the first of them that is added.
    void add(const std::string& name, std::string_view kind = "") {
        if (name.empty() || tunnels_.contains(name) || state_.links.find(name) != nullptr) return;
        Link link;
        link.name = name;
        link.kind = kind;
        link.index = ++last_index_;
        if (kind == "vrf")
            link.vrf_table = first_vrf_table + static_cast<std::uint32_t>(link.index);
        link.attributes.up = true;
        link.carrier = true;
        state_.links.put(std::move(link));
    }

    void add_local(const Tunnel& tunnel) {
        if (!tunnel.tunnel.local) return;
        const IpAddress& local = *tunnel.tunnel.local;
        const auto [first, last] = inner_.equal_range(local);
        if (std::any_of(first, last, [&](const auto& inner) { return inner.second != &tunnel; }))
            return;
        const std::string dev = tunnel.tunnel.dev.value_or("");
        if (!locals_.emplace(local, dev).second) return;
        const Link* const link = find_link(state_, dev);
        state_.host_addresses.push_back({{local, full_length(local.family)},
                                         std::nullopt,
                                         link == nullptr ? 0 : link->index,
                                         dev});
    }

    State take() { return std::move(state_); }

private:
    /// Far from what people choose; 254 and the like are the kernel's.
    static constexpr std::uint32_t first_vrf_table = 0xfffe0000;

    std::set<std::string> tunnels_;
    std::multimap<IpAddress, const Tunnel*> inner_;
    std::set<std::pair<IpAddress, std::string>> locals_;
    State state_;
    int last_index_ = 0;
};

} // namespace

Config without_host(Config config) {
    for (std::size_t i = 0; i < config.tunnels.size(); ++i)
        settle_ends(config.tunnels[i], i + 1);
    settle_mtus(config.tunnels);
    return config;
}

State expected_host(const Config& config) {
    Host host(config);
    for (const auto& tunnel : config.tunnels)
        host.add(tunnel.link.vrf.value_or(""), "vrf");
    for (const auto& tunnel : config.tunnels)
        host.add(tunnel.link.master.value_or(""), "bridge");
    for (const auto& tunnel : config.tunnels) {
        host.add(tunnel.tunnel.dev.value_or(""));
        for (const auto& peer : tunnel.peers.value_or(std::vector<FloodEntry>{}))
            if (!peer.via.empty()) host.add(peer.via.str());
        for (const auto& route : tunnel.routes.value_or(std::vector<Route>{}))
            host.add(route.dev);
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            host.add(device);
        host.add_local(tunnel);
    }
    return host.take();
}

} // namespace vxlanctl
