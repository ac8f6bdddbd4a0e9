#include "random.h"

#include "vxlanctl/files/route_words.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl::test {
namespace {

const std::vector<std::string> inner_texts{
    "10.225.194.171/9", "10.225.194.172/9", "10.225.194.200/9", "192.0.2.1/24",
    "192.0.2.2/24",     "2001:db8:5::1/64", "2001:db8:5::2/64"};

std::vector<FloodEntry> random_peers(Chance& chance, Family family, bool odd) {
    std::vector<FloodEntry> peers;
    const int count = 1 + chance.below(4);
    for (int i = 0; i < count; ++i) {
        const auto text = (family == Family::ipv4 ? "100.64.158." : "2001:db8:64::") +
                          std::to_string(1 + chance.below(6));
        FloodEntry entry{parse_address(text).value(), {}, {}, ""};
        if (odd && chance.one_in(4)) entry.via = "eth0";
        if (odd && chance.one_in(6)) entry.port = 4800;
        peers.push_back(entry);
    }
    std::sort(peers.begin(), peers.end());
    peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
    return peers;
}

/// Routes, rules and a VRF, which all kinds have.
void add_surroundings(Chance& chance, Tunnel& tunnel) {
    const bool ipv4_inside = tunnel.tunnel.kind != TunnelKind::sit;
    const std::vector<std::string> routes{
        ipv4_inside ? "203.0.113.0/24" : "2001:db8:9::/48",
        ipv4_inside ? "203.0.113.0/24,metric 5" : "2001:db8:9::/56",
        ipv4_inside ? "198.18.0.0/24,table 7" : "2001:db8:7::/48,table 7",
        "100.64.0.0/16,dev eth0,table 101", "100.64.0.0/16,via 172.21.0.1,dev eth0,table 101"};
    const std::vector<std::string> rules{"from 172.21.0.100,table 101",
                                         "from 172.21.0.100,table 102",
                                         "to 100.64.0.0/16,table 101,priority 77"};
    const bool any = chance.one_in(2);
    for (const auto& text : routes)
        if (any && chance.one_in(3)) {
            if (!tunnel.routes) tunnel.routes.emplace();
            tunnel.routes->push_back(parse_route(text).value());
            if (!check_routes(*tunnel.routes)) tunnel.routes->pop_back();
        }
    for (const auto& text : rules)
        if (any && chance.one_in(3)) {
            if (!tunnel.rules) tunnel.rules.emplace();
            tunnel.rules->push_back(parse_rule(text).value());
        }
    if (ipv4_inside && chance.one_in(3)) {
        if (chance.one_in(2)) tunnel.link.forward = chance.one_in(2);
        if (chance.one_in(2))
            tunnel.link.rp_filter = chance.one_in(2) ? RpFilter::off : RpFilter::loose;
        for (const char* device : {"eth0", "eth1"})
            if (chance.one_in(2)) {
                if (!tunnel.forward_from) tunnel.forward_from.emplace();
                tunnel.forward_from->push_back(device);
            }
    }
    if (!tunnel.link.master && chance.one_in(4)) tunnel.link.vrf = "vrf1";
    if (tunnel.routes || !chance.one_in(6)) tunnel.link.up = true;
}

Tunnel random_isatap(Chance& chance) {
    Tunnel tunnel;
    tunnel.name = "vxlan0";
    tunnel.tunnel.kind = TunnelKind::sit;
    tunnel.tunnel.isatap = !chance.one_in(10);
    tunnel.tunnel.local = parse_address("172.21.0.100").value();
    tunnel.tunnel.remote = IpAddress{};
    if (chance.one_in(3)) tunnel.tunnel.dev = chance.pick<std::string>({"eth0", "eth1", ""});
    if (chance.one_in(3)) tunnel.tunnel.ttl = static_cast<std::uint8_t>(chance.below(3) * 32);
    if (chance.one_in(3)) tunnel.link.mtu = 1300 + 10 * static_cast<unsigned>(chance.below(10));
    const auto prefix = parse_prefix("2001:db8::/64").value();
    tunnel.addresses = {{isatap_address(prefix, *tunnel.tunnel.local, {}), 64}};
    if (*tunnel.tunnel.isatap) {
        tunnel.routers.emplace();
        for (const char* router : {"192.168.103.252", "192.168.103.253", "192.168.103.254"})
            if (chance.one_in(2))
                tunnel.routers->push_back({parse_address(router).value(), chance.one_in(2)});
    }
    add_surroundings(chance, tunnel);
    return tunnel;
}

Tunnel random_ipip6(Chance& chance) {
    Tunnel tunnel;
    tunnel.name = "vxlan0";
    tunnel.tunnel.kind = TunnelKind::ip6tnl;
    tunnel.tunnel.proto = 4;
    tunnel.tunnel.local = parse_address("2001:db8:21::100").value();
    tunnel.tunnel.remote =
        parse_address(chance.one_in(3) ? "2001:db8:1::2" : "2001:db8:1::1").value();
    for (const auto& row : tunnel_attributes(TunnelKind::ip6tnl))
        if (!row.help.empty() && row.name != "dev" && chance.one_in(3))
            (void)set_value(tunnel.tunnel, row, chance.one_in(2) ? "9" : row.reset);
    if (chance.one_in(3)) tunnel.tunnel.dev = chance.pick<std::string>({"eth0", "eth1", ""});
    if (chance.one_in(3)) tunnel.link.mtu = 1300 + 10 * static_cast<unsigned>(chance.below(10));
    if (chance.one_in(2)) tunnel.addresses = {parse_prefix("192.0.2.1/30").value()};
    add_surroundings(chance, tunnel);
    return tunnel;
}

Tunnel random_vxlan(Chance& chance) {
    Tunnel tunnel;
    tunnel.name = "vxlan0";
    const bool ipv6 = chance.one_in(5);
    tunnel.tunnel.local = parse_address(ipv6 ? "2001:db8:21::100" : "172.21.0.100").value();
    tunnel.tunnel.dev = chance.pick<std::string>({"eth0", "eth0", "eth1", ""});
    tunnel.tunnel.vni = chance.one_in(4) ? 11 : 10;
    tunnel.tunnel.port = chance.one_in(4) ? 4790 : 4789;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        if (row.help.empty() || row.name == "vni" || row.name == "port" || !chance.one_in(4))
            continue;
        for (const char* text : {"64", "set", "yes", "1000-2000"})
            if (set_value(tunnel.tunnel, row, text)) break;
    }
    complete(tunnel.tunnel);
    if (chance.one_in(3)) tunnel.link.mtu = 1300 + 10 * static_cast<unsigned>(chance.below(10));
    if (chance.one_in(2)) tunnel.link.master = chance.pick<std::string>({"br0", "br1"});
    if (tunnel.link.master)
        for (const auto& row : link_attributes())
            if (is_of_port(row) && !row.help.empty() && chance.one_in(3))
                for (const auto& text : {chance.pick<std::string>({"yes", "no"}),
                                         chance.pick<std::string>({"7", "8", "none"}),
                                         chance.pick<std::string>({"7-9", "8 untagged"})})
                    if (set_value(tunnel.link, row, text)) break;
    if (chance.one_in(4)) tunnel.link.mac = MacAddress{{2, 9, 9, 9, 9, 9}};
    tunnel.addresses.emplace();
    for (const auto& text : inner_texts)
        if (const auto prefix = parse_prefix(text).value(); chance.one_in(4))
            if (std::none_of(tunnel.addresses->begin(), tunnel.addresses->end(),
                             [&](const Prefix& other) { return other.address == prefix.address; }))
                tunnel.addresses->push_back(prefix);
    tunnel.peers = random_peers(chance, tunnel.tunnel.local->family, false);
    add_surroundings(chance, tunnel);
    return tunnel;
}

} // namespace

Tunnel random_tunnel(Chance& chance, unsigned seed) {
    return seed % 4 == 2   ? random_isatap(chance)
           : seed % 4 == 3 ? random_ipip6(chance)
                           : random_vxlan(chance);
}

void disturb(Chance& chance, State& state) {
    Link* link = state.links.find("vxlan0");
    if (link == nullptr) return;
    if (chance.one_in(4) && !state.rules.empty()) state.rules.pop_back();
    if (chance.one_in(6))
        for (auto& other : state.links)
            other.routes.clear();
    for (auto& other : state.links)
        if (chance.one_in(6)) other.attributes.forward = chance.one_in(2);
    if (chance.one_in(6)) link->attributes.rp_filter = RpFilter::strict;
    if (link->tunnel.isatap.value_or(false) && chance.one_in(2))
        link->routers = {{parse_address("192.168.103.99").value(), true}};
    if (link->tunnel.kind != TunnelKind::vxlan) {
        if (chance.one_in(3)) link->tunnel.ttl = 7;
        if (chance.one_in(3)) link->attributes.mtu = 1290;
        if (chance.one_in(4)) link->attributes.up = false;
        if (!*link->attributes.up) link->routes.clear();
        return;
    }
    if (chance.one_in(3)) {
        link->flood_list = random_peers(chance, link->tunnel.local->family, true);
        if (chance.one_in(3)) link->flood_state = NUD_REACHABLE;
    }
    if (chance.one_in(4) && !link->flood_list.empty()) {
        link->tunnel.remote = link->flood_list.front().dst;
        std::erase(link->flood_list, FloodEntry{*link->tunnel.remote, {}, {}, *link->tunnel.dev});
    }
    for (const auto& text : inner_texts) {
        Address address;
        address.prefix = parse_prefix(text).value();
        const bool free =
            std::none_of(link->addresses.begin(), link->addresses.end(), [&](const Address& other) {
                return other.prefix.address == address.prefix.address;
            });
        if (chance.one_in(6) && free) link->addresses.push_back(address);
    }
    if (chance.one_in(3)) link->attributes.mtu = 1280;
    if (chance.one_in(3)) link->attributes.promote_secondaries = true;
    if (link->attributes.bridge_learning) {
        if (chance.one_in(3)) link->attributes.bridge_learning = chance.one_in(2);
        if (chance.one_in(3)) link->attributes.bridge_priority = std::uint16_t{9};
        if (chance.one_in(3)) link->attributes.bridge_pvid = std::uint16_t{9};
        if (chance.one_in(3)) link->attributes.bridge_vlans = VlanList{{{5, 6}, {8, 8, true}}};
    }
    if (chance.one_in(4)) link->attributes.up = false;
    if (chance.one_in(4)) link->attributes.alias = "somebody's";
    if (chance.one_in(5)) link->tunnel.gbp = true;
    if (!*link->attributes.up) link->routes.clear(); // as the kernel does
    if (*link->attributes.up && chance.one_in(2)) {
        Route route;
        route.to = parse_prefix("198.51.100.0/24").value();
        route.scope = RT_SCOPE_LINK;
        link->routes = {route};
    }
    for (int i = 0; i < 4; ++i)
        if (chance.one_in(2))
            link->macs.push_back(
                {MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(i)}},
                 random_peers(chance, link->tunnel.local->family, false).front(),
                 static_cast<std::uint16_t>(i % 2 == 0 ? NUD_REACHABLE : NUD_NOARP), NTF_SELF,
                 i % 2 == 0 ? FdbOrigin::learned : FdbOrigin::pinned});
    std::sort(link->macs.begin(), link->macs.end());
    if (chance.one_in(3))
        link->neighbours = {{parse_address("10.192.158.4").value(), {{2, 1, 1, 1, 1, 1}}, 0}};
}

PlanOptions random_options(Chance& chance) {
    PlanOptions options;
    options.allow_recreate = true;
    options.allow_flap = true;
    options.foreign = chance.one_in(3) ? Foreign::drop : Foreign::keep;
    options.allow_overlap = true;
    options.exclusive = chance.one_in(4);
    static int id = 0;
    options.new_id = [](const std::string&) { return fmt::format("{:016x}", ++id); };
    return options;
}

} // namespace vxlanctl::test
