// What runs, exported, and read again as a file: over many random links, which others have changed.
#include "random.h"
#include "simulator.h"
#include "told.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/files/tunnel_file.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <linux/rtnetlink.h>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

ParsedFiles parsed(const std::string& text) {
    const SourceText source{"standard input", text};
    return parse_files({&source, 1}, [](std::size_t, const std::string&) -> Result<std::string> {
        throw std::logic_error("nothing names a peers file");
    });
}

void carry_out(const TunnelPlan& plan, State& state) {
    for (const auto& step : plan.steps)
        REQUIRE(simulate(state, step) == "");
    state.records[plan.mark->id] = plan.record;
}

IpAddress address(const char* text) {
    return parse_address(text).value();
}

/// A route of the kernel's, with these attributes beside what is taken apart.
Route route(const char* to, std::vector<std::uint8_t> other = {}) {
    Route result;
    result.to = parse_prefix(to).value();
    const bool ipv4 = result.to.address.family == Family::ipv4;
    result.scope = ipv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    result.metric = ipv4 ? 0 : 1024;
    for (const auto byte : other)
        result.other.push_back(static_cast<std::byte>(byte));
    return result;
}

std::vector<std::uint8_t> preference_high() {
    return {5, 0, RTA_PREF, 0, 1, 0, 0, 0};
}

/// Routes such as people and daemons add, of which a file can state some.
void add_routes(Chance& chance, Link& link, std::uint32_t own_table) {
    if (!*link.attributes.up) return;
    Route default_route = route("::/0");
    default_route.metric = chance.one_in(2) ? 1 : 1024;
    default_route.via = isatap_address(
        parse_prefix("2001:db8::/64").value(),
        link.routers.empty() ? address("192.168.103.9") : chance.pick(link.routers).router, {});
    Route second = default_route;
    second.metric = 7;
    Route shared = route("2001:db8:a::/48");
    Route also_shared = shared;
    also_shared.via = address("fe80::1");
    Route preferred = route("2001:db8:b::/48", preference_high());
    Route expiring = route("2001:db8:c::/48");
    expiring.expires = true;
    Route advertised = route("2001:db8:d::/48");
    advertised.protocol = RTPROT_RA;
    Route several = route("198.51.100.0/25");
    several.multipath = true;
    for (auto added : {default_route, second, shared, also_shared, preferred, expiring, advertised,
                       several, route("2001:db8:e::/48"), route("198.51.100.128/25")}) {
        if (!chance.one_in(3)) continue;
        added.protocol = added.protocol == RTPROT_RA ? added.protocol
                         : chance.one_in(6)          ? RTPROT_ZEBRA
                                                     : RTPROT_BOOT;
        added.table = chance.one_in(4) ? 9 : own_table;
        link.routes.push_back(added);
    }
    std::sort(link.routes.begin(), link.routes.end());
}

/// What no wish can lead to, and the kernel takes.
void make_odd(Chance& chance, Link& link, State& state) {
    const bool is_vxlan = link.tunnel.kind == TunnelKind::vxlan;
    switch (chance.below(10)) {
    case 0: link.tunnel.local = address("172.21.9.9"); break; // not of this host
    case 1: link.attributes.alias = std::string(250, 'x'); break;
    case 2: link.attributes.mtu = 9500; break;
    case 3:
        link.addresses.push_back({});
        link.addresses.back().prefix =
            parse_prefix(chance.one_in(2) ? "172.22.0.0/16" : "127.1.1.1/24").value();
        break;
    case 4: link.addresses.clear(); break;
    case 5: link.name = "vx\xff"; break;
    case 6:
        if (is_vxlan) link.tunnel.srcport = PortRange{4789, 4789};
        break;
    case 7:
        if (is_vxlan) link.tunnel.vni = 0;
        break;
    case 8:
        if (is_vxlan)
            link.flood_list.push_back(
                {address(chance.pick<const char*>(
                     {"127.0.0.1", "239.1.1.1", "172.21.0.100", "172.21.0.255"})),
                 {},
                 {},
                 ""});
        break;
    default:
        if (is_vxlan && !link.addresses.empty()) // a peer of its own is inside
            link.flood_list.push_back({link.addresses[0].prefix.address, {}, {}, ""});
    }
    std::sort(link.flood_list.begin(), link.flood_list.end());
    for (const auto& present : link.addresses)
        state.host_addresses.push_back({present.prefix, {}, link.index, link.name});
}

std::string text_of(const State& state) {
    std::vector<std::string> names;
    for (const auto& link : state.links)
        if (is_tunnel(link)) names.push_back(link.name);
    return running_text(state, names);
}

/// A state with vxlan0, up, marked or not.
State with_vxlan0(const char* mark = "") {
    State state = host_state();
    Config config{Origin::cli, {Tunnel{}}, {}};
    Tunnel& tunnel = config.tunnels[0];
    tunnel.name = "vxlan0";
    tunnel.link.up = true;
    tunnel.tunnel.local = address("172.21.0.100");
    tunnel.tunnel.dev = "eth0";
    tunnel.tunnel.vni = 10;
    tunnel.tunnel.port = 4789;
    tunnel.peers = {{address("100.64.158.4"), {}, {}, ""}};
    tunnel.addresses = {parse_prefix("10.225.194.171/9").value()};
    carry_out(plan(config, state, {}).tunnels.at(0), state);
    state.links.find("vxlan0")->attributes.alias = mark;
    return state;
}

} // namespace

TEST_CASE("exported: what runs is a file that changes nothing but marks") {
    long exports = 0, default_routes = 0, obstacles = 0;
    for (unsigned seed = 0; seed < seeds(4000); ++seed) {
        INFO("seed " << seed);
        Chance chance(seed);
        State state = host_state();
        const PlanOptions options = random_options(chance);
        const Config made{Origin::cli, {random_tunnel(chance, seed)}, {}};
        const TunnelPlan plan_of_made = plan(made, state, options).tunnels.at(0);
        if (!plan_of_made.errors.empty()) continue;
        carry_out(plan_of_made, state);
        disturb(chance, state);
        Link& link = *state.links.find("vxlan0");
        // By a script; with learning off, it would rather be a control plane's.
        if (chance.one_in(2) && link.tunnel.learning != false) link.attributes.alias = "";
        if (chance.one_in(2))
            add_routes(chance, link, link.attributes.vrf.value_or("").empty() ? main_table : 100);
        const bool odd = chance.one_in(4);
        if (odd) make_odd(chance, link, state);
        const std::string text = text_of(state);
        INFO(text);
        const ParsedFiles files = parsed(text);
        REQUIRE(files.errors.empty());
        if (files.tunnels.empty()) {
            REQUIRE(text.find(" is left out: ") != std::string::npos);
            ++obstacles;
            continue;
        }
        const Config config{Origin::file, {files.tunnels.at(0).tunnel}, {}};
        const TunnelPlan again = plan(config, state, {}).tunnels.at(0);
        for (const auto& line : rendered(again.steps))
            UNSCOPED_INFO(line);
        for (const auto& error : again.errors)
            UNSCOPED_INFO(told(error));
        REQUIRE(again.errors.empty());
        REQUIRE(again.steps.size() <= 1);
        REQUIRE((again.steps.empty() || again.adopted));

        carry_out(again, state);
        REQUIRE(parsed(text_of(state)).tunnels.at(0).tunnel == files.tunnels.at(0).tunnel);
        const auto routes = files.tunnels[0].tunnel.routes.value_or(std::vector<Route>{});
        default_routes += std::any_of(routes.begin(), routes.end(), [](const Route& stated) {
            return stated.to.length == 0 && stated.table == 0;
        });
        ++exports;
    }
    CHECK(exports > seeds(1000));
    CHECK(default_routes > seeds(50));
    CHECK(obstacles > seeds(100));
}

TEST_CASE("exported: a link that nobody touched is never left out") {
    for (unsigned seed = 0; seed < seeds(1000); ++seed) {
        INFO("seed " << seed);
        Chance chance(seed);
        State state = host_state();
        Config made{Origin::cli, {random_tunnel(chance, seed)}, {}};
        made.tunnels[0].link.up = true; // one that is down would be set up
        const TunnelPlan plan_of_made = plan(made, state, random_options(chance)).tunnels.at(0);
        const auto& wish = made.tunnels[0];
        const bool is_isatap = wish.tunnel.isatap.value_or(true);
        if (!plan_of_made.errors.empty() || !is_isatap) continue;
        carry_out(plan_of_made, state);
        Link& link = *state.links.find("vxlan0");
        if (chance.one_in(2) && link.tunnel.learning != false) link.attributes.alias = "";
        const std::string text = text_of(state);
        INFO(text);
        REQUIRE(parsed(text).tunnels.size() == 1);
    }
}

TEST_CASE("exported: what apply would refuse or change is a comment as a whole, with the reason") {
    struct Oddity {
        std::string reason;
        std::function<void(Link&, State&)> happen;
    };
    const auto with_peer = [](const char* peer) {
        return [peer](Link& link, State&) { link.flood_list = {{address(peer), {}, {}, ""}}; };
    };
    const auto with_address = [](const char* prefix) {
        return [prefix](Link& link, State&) {
            link.addresses[0].prefix = parse_prefix(prefix).value();
        };
    };
    const std::vector<Oddity> oddities{
        {"'127.0.0.1': " + text_of(Code::address_not_unicast,
                                   {{"role", "peer"}, {"obstacle", "a loopback address"}}),
         with_peer("127.0.0.1")},
        {"'239.1.1.1': " + text_of(Code::address_not_unicast,
                                   {{"role", "peer"}, {"obstacle", "a multicast address"}}),
         with_peer("239.1.1.1")},
        {text_of(Code::peer_is_own_address, {{"peer", "172.21.0.100"}}), with_peer("172.21.0.100")},
        {text_of(Code::peer_is_broadcast,
                 {{"peer", "172.21.0.255"}, {"which", "broadcast"}, {"network", "172.21.0.0/24"}}),
         with_peer("172.21.0.255")},
        {"'172.22.0.0/16': " + text_of(Code::address_of_network,
                                       {{"which", "network"}, {"network", "172.22.0.0/16"}}),
         with_address("172.22.0.0/16")},
        {"'127.1.1.1/24': " + text_of(Code::address_not_of_a_host), with_address("127.1.1.1/24")},
        {"vni '0': " +
             text_of(Code::not_in_range, {{"low", "1"}, {"high", "16777215"}, {"or", ""}}),
         [](Link& link, State&) { link.tunnel.vni = 0; }},
        {text_of(Code::local_not_here, {{"local", "172.21.9.9"}}),
         [](Link& link, State&) { link.tunnel.local = address("172.21.9.9"); }},
        {text_of(Code::key_missing, {{"key", "local"}}),
         [](Link& link, State&) { link.tunnel.local.reset(); }},
        {"apply would change it (~ up: no -> yes)",
         [](Link& link, State&) { link.attributes.up = false; }},
        {text_of(Code::alias_too_long, {{"bytes", 285}, {"most", 255}}),
         [](Link& link, State&) { link.attributes.alias = std::string(250, 'x'); }},
        {"its underlay is in another network namespace",
         [](Link& link, State&) { link.underlay_elsewhere = true; }},
        {"# A file cannot state: the name vx\xef\xbf\xbd\n",
         [](Link& link, State&) { link.name = "vx\xff"; }},
    };
    for (const auto& [reason, happen] : oddities) {
        State state = with_vxlan0();
        happen(*state.links.find("vxlan0"), state);
        const std::string text = text_of(state);
        INFO(reason << "\n" << text);
        CHECK(text.find(" is left out: ") != std::string::npos);
        CHECK(text.find(reason) != std::string::npos);
        const auto files = parsed(text);
        CHECK(files.errors.empty());
        CHECK(files.tunnels.empty());
    }
}

TEST_CASE("exported: of tunnels that contradict each other the others are stated") {
    State state = with_vxlan0();
    Link other = *std::as_const(state.links).find("vxlan0");
    other.name = "vxlan1";
    other.index = 77;
    other.tunnel.vni = 11;
    other.flood_list = {{address("10.225.194.171"), {}, {}, ""}}; // the address inside the first
    state.host_addresses.push_back(
        {parse_prefix("10.225.194.171/9").value(), {}, other.index, "vxlan1"});
    state.links.push_back(other);
    const std::string text = text_of(state);
    INFO(text);
    CHECK(text.find("# vxlan1 is left out: " +
                    text_of(Code::peer_is_own_address, {{"peer", "10.225.194.171"}})) !=
          std::string::npos);
    const auto files = parsed(text);
    REQUIRE(files.tunnels.size() == 1);
    CHECK(files.tunnels[0].tunnel.name == "vxlan0");
}

TEST_CASE("exported: what is as the kernel makes it is left out") {
    State state = with_vxlan0();
    Link& link = *state.links.find("vxlan0");
    link.tunnel.srcport = PortRange{4789, 4789}; // the kernel's range
    link.routes = {route("203.0.113.0/24")};
    const std::string plain = text_of(state);
    INFO(plain);
    CHECK(plain.find("srcport") == std::string::npos);
    CHECK(plain.find("mtu") == std::string::npos);
    CHECK(plain.find("routes = [{ to = \"203.0.113.0/24\" }]\n") != std::string::npos);

    state.links.find("eth0")->attributes.mtu = 1400; // shrunken below the living tunnel
    CHECK(text_of(state) == plain);
    state.links.find("vxlan0")->attributes.mtu = 1300;
    CHECK(text_of(state).find("mtu = 1300\n") != std::string::npos);
    // The record of a tunnel that is ours knows whether it was stated.
    state.links.find("vxlan0")->attributes.alias = "vxlanctl/1 cli 0000000000000000";
    state.records["0000000000000000"].keys = {};
    CHECK(text_of(state).find("# has the MTU 1300, which is not stated\n") != std::string::npos);
    state.records["0000000000000000"].keys = {"mtu"};
    CHECK(text_of(state).find("\nmtu = 1300\n") != std::string::npos);
}

TEST_CASE("exported: a route is stated as it is, or a comment") {
    State state = with_vxlan0();
    Link& link = *state.links.find("vxlan0");
    Route gateway = route("2001:db8:1::/48");
    gateway.via = address("fe80::1");
    gateway.metric = 3;
    Route host_scope = route("198.51.100.1/32");
    host_scope.scope = RT_SCOPE_HOST;
    Route expiring = route("2001:db8:3::/48");
    expiring.expires = true;
    Route several = route("198.51.100.0/24");
    several.multipath = true;
    Route ours = route("2001:db8:4::/48", preference_high());
    link.routes = {route("2001:db8::/48"),
                   gateway,
                   route("2001:db8:2::/48", preference_high()),
                   host_scope,
                   expiring,
                   several};
    const std::string text = text_of(state);
    INFO(text);
    CHECK(text.find("routes = [\n    { to = \"2001:db8::/48\" },\n"
                    "    { to = \"2001:db8:1::/48\", via = \"fe80::1\", metric = 3 },\n]\n") !=
          std::string::npos);
    for (const char* to :
         {"2001:db8:2::/48", "198.51.100.1/32", "2001:db8:3::/48", "198.51.100.0/24"})
        CHECK(text.find(fmt::format("# also has a route to {}\n", to)) != std::string::npos);

    // What the record has is ours, whatever the kernel or others made of it.
    link.routes = {ours};
    state.links.find("vxlan0")->attributes.alias = "vxlanctl/1 cli 0000000000000000";
    state.records["0000000000000000"].routes = {route("2001:db8:4::/48")};
    CHECK(text_of(state).find("routes = [{ to = \"2001:db8:4::/48\" }]\n") != std::string::npos);
}

TEST_CASE("exported: the default routes of an ISATAP link follow from its routers") {
    for (const std::uint32_t table : {main_table, 100U}) {
        State state = host_state();
        Link link;
        link.index = 50;
        link.name = "sit1";
        link.kind = "sit";
        link.tunnel.kind = TunnelKind::sit;
        link.tunnel = with_defaults(link.tunnel);
        link.tunnel.isatap = true;
        link.tunnel.local = address("172.21.0.100");
        link.tunnel.remote = IpAddress{};
        link.tunnel.dev = "";
        link.attributes.mtu = 1480;
        link.attributes.up = true;
        link.attributes.alias = "";
        link.attributes.master = "";
        link.attributes.vrf = table == main_table ? "" : "vrf1";
        const Prefix prefix = parse_prefix("2001:db8::/64").value();
        link.addresses.push_back({});
        link.addresses[0].prefix = {isatap_address(prefix, *link.tunnel.local, {}), 64};
        std::uint32_t metric = 1;
        for (const char* router : {"192.168.103.254", "192.168.103.253"}) {
            link.routers.push_back({address(router), true});
            Route by_router = route("::/0");
            by_router.via = isatap_address(prefix, address(router), {});
            by_router.metric = metric;
            by_router.table = table;
            by_router.protocol = RTPROT_BOOT;
            link.routes.push_back(by_router);
            metric += 4;
        }
        std::sort(link.routers.begin(), link.routers.end());
        state.links.push_back(link);
        CHECK(text_of(state) ==
              fmt::format("[isatap.sit1]\nlocal = \"172.21.0.100\"\n{}"
                          "prefix = \"2001:db8::/64\"\nrouters = [\n    \"192.168.103.254\",\n"
                          "    {{ address = \"192.168.103.253\", default_route = true, metric = 5 "
                          "}},\n]\n",
                          table == main_table ? "" : "vrf = \"vrf1\"\n"));
    }
}
