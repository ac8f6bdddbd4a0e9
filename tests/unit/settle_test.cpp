// Properties of plans, over many random pairs of wish and state: carried out by a simulated kernel
// they lead to what was wished, never pass through a state without a peer or an address, and broken
// off anywhere they can be undone.
#include "simulator.h"
#include "vxlanctl/elsewhere.h"
#include "vxlanctl/route_words.h"
#include "vxlanctl/undo.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <iterator>
#include <linux/neighbour.h>
#include <random>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

class Chance {
public:
    explicit Chance(unsigned seed) : engine_(seed) {}
    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
    bool one_in(int count) { return below(count) == 0; }
    template<class T> T pick(const std::vector<T>& from) {
        return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
    }

private:
    std::mt19937 engine_;
};

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
        ipv4_inside ? "203.0.113.0/24,metric 5" : "2001:db8:9::/56", "198.18.0.0/24,table 7",
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

Tunnel random_vxlan(Chance& chance);

/// Of one kind in all of a seed's rounds.
Tunnel random_tunnel(Chance& chance, unsigned seed) {
    return seed % 4 == 2   ? random_isatap(chance)
           : seed % 4 == 3 ? random_ipip6(chance)
                           : random_vxlan(chance);
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
    if (chance.one_in(4)) tunnel.link.master = "br0";
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

/// What others do to a link, and what traffic does.
void disturb(Chance& chance, State& state) {
    Link* link = state.links.find("vxlan0");
    if (link == nullptr) return;
    if (chance.one_in(4) && !state.rules.empty()) state.rules.pop_back();
    if (chance.one_in(6))
        for (auto& other : state.links)
            other.routes.clear();
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
    if (chance.one_in(4)) link->attributes.up = false;
    if (chance.one_in(4)) link->attributes.alias = "somebody's";
    if (chance.one_in(5)) link->tunnel.gbp = true;
    if (!*link->attributes.up) link->routes.clear(); // as the kernel does
    if (*link->attributes.up && chance.one_in(2)) {
        Route route;
        route.to = parse_prefix("198.51.100.0/24").value();
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
        link->neighbours = {
            {parse_address("10.192.158.4").value(), MacAddress{{2, 1, 1, 1, 1, 1}}, 0}};
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

/// What has to be equal again after an undo.
std::string essence(const State& state) {
    std::string text;
    for (const auto& link : state.links) {
        for (const auto& route : is_tunnel(link) ? std::vector<Route>{} : link.routes)
            text += fmt::format(" {} route {} {}", link.name, to_string(route.to), route.table);
        if (!is_tunnel(link)) continue;
        text += link.name;
        for (const auto& entry : link.routers)
            text += fmt::format(" router {} {}", to_string(entry.router), entry.is_default);
        for (const auto& row : tunnel_attributes(link.tunnel.kind))
            text += fmt::format(" {}={}", row.name, value_text(link.tunnel, row));
        for (const auto& row : link_attributes())
            text += fmt::format(" {}={}", row.name, value_text(link.attributes, row));
        // The order counts within an IPv4 subnet, where the first one is the primary.
        auto addresses = link.addresses;
        std::stable_sort(addresses.begin(), addresses.end(),
                         [](const Address& one, const Address& other) {
                             const bool ipv4 = one.prefix.address.family == Family::ipv4;
                             return ipv4 ? network_of(one.prefix) < network_of(other.prefix)
                                         : one.prefix < other.prefix;
                         });
        for (const auto& address : addresses)
            text += " " + to_string(address.prefix);
        for (const auto& entry : link.flood_list)
            text += fmt::format(" peer {} {} {}", to_string(entry.dst), entry.via.str(),
                                entry.port.value_or(0));
        if (!link.flood_list.empty()) text += ages(link.flood_state) ? " ages" : "";
        for (const auto& entry : link.macs)
            if (entry.origin != FdbOrigin::learned) text += " mac " + to_string(entry.mac);
        for (const auto& route : link.routes)
            text += " route " + to_string(route.to);
        for (const auto& entry : link.neighbours)
            text += " neighbour " + to_string(entry.address);
        text += "\n";
    }
    auto rules = state.rules;
    std::sort(rules.begin(), rules.end());
    for (const auto& rule : rules)
        text += " rule " + to_string(rule);
    return text;
}

bool has_ipv4(const Link* link) {
    return link != nullptr &&
           std::any_of(link->addresses.begin(), link->addresses.end(), [](const Address& address) {
               return address.prefix.address.family == Family::ipv4;
           });
}

bool reaches_somebody(const Link* link) {
    return link != nullptr && link->tunnel.kind == TunnelKind::vxlan &&
           (!link->flood_list.empty() || !is_unspecified(*link->tunnel.remote));
}

bool replaces(const TunnelPlan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](const Step& step) { return step.disruption == Disruption::recreate; });
}

} // namespace

TEST_CASE("settle: a carried out plan leaves nothing to do, and is hitless where it can be") {
    for (unsigned seed = 0; seed < 4000; ++seed) {
        INFO("seed " << seed);
        Chance chance(seed);
        State state = host_state();
        for (int round = 0; round < 3; ++round) {
            const Config config{Origin::cli, {random_tunnel(chance, seed)}, {}};
            const PlanOptions options = random_options(chance);
            const TunnelPlan planned = plan(config, state, options).tunnels.at(0);
            if (!planned.errors.empty()) continue; // a foreign IPv6 address in the way, an MTU...
            const Link* before = find_link(state, "vxlan0");
            const bool had_address = has_ipv4(before), had_peer = reaches_somebody(before);
            State done = state;
            std::vector<State> between;
            for (const auto& step : planned.steps) {
                REQUIRE(simulate(done, step) == "");
                between.push_back(done);
            }
            const Link* after = find_link(done, "vxlan0");
            if (!replaces(planned) && before != nullptr)
                for (const auto& moment : between) {
                    const Link* link = find_link(moment, "vxlan0");
                    if (had_address && has_ipv4(after)) REQUIRE(has_ipv4(link));
                    // Where a default remote is the same entry as the only peer, there is a gap.
                    if (had_peer && before->tunnel.dev != "" && reaches_somebody(after))
                        REQUIRE(reaches_somebody(link));
                }
            done.records[planned.mark->id] = planned.record;
            const TunnelPlan again = plan(config, done, options).tunnels.at(0);
            for (const auto& line : rendered(again.steps))
                UNSCOPED_INFO(line);
            REQUIRE(again.steps.empty());
            REQUIRE(again.errors.empty());
            const TunnelPlan same = plan(config, state, options).tunnels.at(0);
            auto twice = rendered(same.steps), once = rendered(planned.steps);
            REQUIRE(twice.size() == once.size());
            state = done;
            disturb(chance, state);
        }
    }
}

TEST_CASE("settle: a plan broken off at any step can be undone") {
    long undone = 0;
    for (unsigned seed = 0; seed < 2000; ++seed) {
        Chance chance(seed);
        State state = host_state();
        for (int round = 0; round < 2; ++round) {
            const Config config{Origin::cli, {random_tunnel(chance, seed)}, {}};
            const PlanOptions options = random_options(chance);
            const TunnelPlan planned = plan(config, state, options).tunnels.at(0);
            if (!planned.errors.empty()) continue;
            State now = state;
            for (std::size_t broken = 0; broken <= planned.steps.size(); ++broken) {
                State back = now;
                auto steps = plan_back_elsewhere("vxlan0", state, back, planned.steps);
                for (auto& step : plan_back("vxlan0", state, back, planned.steps))
                    steps.push_back(step);
                if (!planned.temporary.empty())
                    for (auto& step : plan_back(planned.temporary, state, back, planned.steps))
                        steps.insert(steps.begin(), step);
                for (const auto& step : steps) {
                    INFO("seed " << seed << " broken at " << broken << ": " << rendered({step})[0]);
                    REQUIRE(simulate(back, step) == "");
                }
                INFO("seed " << seed << " broken at " << broken);
                REQUIRE(essence(back) == essence(state));
                ++undone;
                if (broken < planned.steps.size())
                    REQUIRE(simulate(now, planned.steps[broken]) == "");
            }
            now.records[planned.mark->id] = planned.record;
            state = now;
            disturb(chance, state);
        }
    }
    CHECK(undone > 10000);
}
