#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/run/services.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <linux/neighbour.h>
#include <sstream>

using namespace vxlanctl;
using Strings = std::vector<std::string>;

namespace {

IpAddress ip(const char* text) {
    return parse_address(text).value();
}

/// README's tunnel with two peers, on a host with eth0.
Facts healthy() {
    Facts facts;
    Link eth0;
    eth0.index = 2;
    eth0.name = "eth0";
    eth0.attributes.mtu = 9001;
    eth0.attributes.up = eth0.carrier = true;
    Link link;
    link.index = 3;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.attributes.mtu = 8951;
    link.attributes.up = link.carrier = true;
    link.lower_index = 2;
    link.tunnel.vni = 10;
    link.tunnel.port = 4789;
    link.tunnel.local = ip("172.21.0.100");
    link.tunnel.dev = "eth0";
    link.tunnel.learning = true;
    link.flood_list = {{ip("100.64.158.4"), {}, {}, ""}, {ip("100.64.158.132"), {}, {}, ""}};
    link.addresses.emplace_back().prefix = parse_prefix("10.225.194.171/9").value();
    link.routes.push_back(connected_route(link.addresses[0], main_table).value());
    facts.state.links.push_back(eth0);
    facts.state.links.push_back(link);
    facts.state.host_addresses = {{parse_prefix("172.21.0.100/24").value(), {}, 2, "eth0"},
                                  {parse_prefix("10.225.194.171/9").value(), {}, 3, "vxlan0"}};
    TunnelFacts& tunnel = facts.tunnels.emplace_back();
    tunnel.name = "vxlan0";
    for (const auto& entry : link.flood_list) {
        RouteFact way;
        way.to = entry.dst;
        way.dev = "eth0";
        way.table = main_table;
        tunnel.out.push_back(way);
        tunnel.back.push_back(way);
    }
    return facts;
}

Link& vxlan0(Facts& facts) {
    return *facts.state.links.find("vxlan0");
}

Strings with(const Facts& facts, Verdict verdict) {
    Strings names;
    for (const auto& finding : findings(facts))
        if (finding.verdict == verdict) names.push_back(finding.check);
    return names;
}

Strings failed(const Facts& facts) {
    return with(facts, Verdict::fail);
}

Finding found(const Facts& facts, const std::string& check) {
    for (const auto& finding : findings(facts))
        if (finding.check == check) return finding;
    return {};
}

} // namespace

TEST_CASE("doctor: nothing fails on a healthy tunnel, and the cloud comes last") {
    const Facts facts = healthy();
    CHECK(failed(facts).empty());
    CHECK(with(facts, Verdict::warn) == Strings{"macs", "cloud"});
    CHECK(findings(facts).back().check == "cloud");
    for (const auto& finding : findings(facts)) {
        CHECK(finding.why != "");
        CHECK_FALSE(finding.messages.empty());
    }
}

TEST_CASE("doctor: every check is in its page") {
    std::ifstream file(SOURCE_DIRECTORY "/docs/doctor.md");
    std::stringstream page;
    page << file.rdbuf();
    for (const auto& check : checks())
        CHECK(page.str().find("| `" + std::string(check.name) + "` |") != std::string::npos);
}

TEST_CASE("doctor: what depends on a failed check is left out") {
    Facts facts = healthy();
    facts.state.links.find("eth0")->attributes.up = false;
    for (auto& way : facts.tunnels[0].out)
        way.code = ENETUNREACH;
    CHECK(failed(facts) == Strings{"underlay"});
    facts = healthy();
    facts.state.host_addresses.changing().erase(facts.state.host_addresses.begin());
    CHECK(failed(facts) == Strings{"local_address"});
}

TEST_CASE("doctor: what is gone of what was set explains where packets go") {
    Facts facts = healthy();
    vxlan0(facts).attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    Record& record = facts.state.records["0123456789abcdef"];
    Route route;
    route.to = parse_prefix("100.64.0.0/16").value();
    route.via = ip("172.21.0.1");
    route.dev = "eth0";
    record.routes = {route};
    facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(failed(facts) == Strings{"settings"});
    CHECK(found(facts, "route").check == "");
    facts.tunnels[0].out[0].code = 0; // by another route
    CHECK(failed(facts) == Strings{"settings"});
    CHECK(found(facts, "route").verdict == Verdict::pass);
    facts.tunnels[0].out[0].mtu = 1400; // its MTU does not matter
    CHECK(failed(facts) == Strings{"settings"});

    record.routes[0].to = parse_prefix("198.51.100.0/24").value(); // another matter
    facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(failed(facts) == Strings{"settings", "route"});
    facts.state.links.find("eth0")->routes = record.routes;
    CHECK(failed(facts) == Strings{"route"});

    Rule rule;
    rule.from = parse_prefix("172.21.0.0/24").value();
    rule.table = 101;
    record.rules = {rule};
    CHECK(failed(facts) == Strings{"settings"});
    record.rules[0].from = parse_prefix("172.21.1.0/24").value();
    CHECK(failed(facts) == Strings{"settings", "route"});
}

TEST_CASE("doctor: a device that is down is set up before its route is brought back") {
    Facts facts = healthy();
    Link eth1;
    eth1.index = 4;
    eth1.name = "eth1";
    facts.state.links.push_back(eth1);
    vxlan0(facts).attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    Route route;
    route.to = parse_prefix("198.51.100.0/24").value();
    route.dev = "eth1";
    facts.state.records["0123456789abcdef"].routes = {route};
    CHECK(failed(facts) == Strings{"settings"});
    CHECK(found(facts, "settings").remedy.command() ==
          "ip link set dev eth1 up && ip route add 198.51.100.0/24 dev eth1");
}

TEST_CASE("doctor: a route by the gateway that the lower device has") {
    Facts facts = healthy();
    facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(found(facts, "route").remedy.empty());
    Route by_gateway;
    by_gateway.to = parse_prefix("0.0.0.0/0").value();
    by_gateway.via = ip("172.21.0.1");
    by_gateway.dev = "eth0";
    facts.state.routes.push_back(by_gateway);
    CHECK(found(facts, "route").remedy.command() ==
          "ip route add 0.0.0.0/0 via 172.21.0.1 dev eth0 table 100 && "
          "ip rule add from 172.21.0.100/32 table 100");
    CHECK(failed(facts) == Strings{"route"});
}

TEST_CASE("doctor: the default gateway inside fails only where it is drawn in") {
    Facts facts = healthy();
    facts.state.host_addresses.changing()[0].prefix = parse_prefix("10.200.0.5/24").value();
    vxlan0(facts).tunnel.local = ip("10.200.0.5");
    Route by_gateway;
    by_gateway.to = parse_prefix("0.0.0.0/0").value();
    by_gateway.via = ip("10.200.0.1");
    by_gateway.dev = "eth0";
    Route inner;
    inner.to = parse_prefix("10.128.0.0/9").value();
    inner.dev = "vxlan0";
    Route subnet;
    subnet.to = parse_prefix("10.200.0.0/24").value();
    subnet.dev = "eth0";
    facts.state.routes = {by_gateway, inner, subnet};
    CHECK(found(facts, "overlap").verdict == Verdict::warn);
    facts.state.routes.pop_back();
    CHECK(found(facts, "overlap").verdict == Verdict::fail);
    CHECK(failed(facts) == Strings{"overlap"});
}

TEST_CASE("doctor: carrier errors count only where the sockets are not known") {
    Facts facts = healthy();
    Link red;
    red.index = 9;
    red.name = "red";
    red.kind = "vrf";
    red.vrf_table = 100;
    facts.state.links.push_back(red);
    facts.state.links.find("eth0")->attributes.vrf = "red";
    CHECK(failed(facts).empty());
    vxlan0(facts).counters.tx_carrier_errors = 3;
    CHECK(failed(facts) == Strings{"vrf"});
    facts.tunnels[0].bound_to_vrf = true;
    CHECK(failed(facts).empty());
    facts.tunnels[0].bound_to_vrf = false;
    CHECK(failed(facts) == Strings{"vrf"});
    facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(found(facts, "route").remedy.empty()); // nobody knows its gateway
}

TEST_CASE("doctor: names of links are quoted in commands") {
    Facts facts = healthy();
    Link link = vxlan0(facts);
    link.name = "a b;c";
    link.attributes.up = false;
    facts.state.links.push_back(link);
    facts.tunnels[0].name = link.name;
    CHECK(found(facts, "interface").remedy.command() == "ip link set dev 'a b;c' up");
}

TEST_CASE("doctor: IPv6 forwarding is looked at where IPv6 goes into the tunnel") {
    Facts facts = healthy();
    Route inner;
    inner.to = parse_prefix("2001:db8:7::/48").value();
    inner.table = 101;
    inner.dev = "vxlan0";
    vxlan0(facts).routes.push_back(inner);
    Rule rule;
    rule.from = parse_prefix("2001:db8:9::/48").value();
    rule.table = 101;
    facts.state.rules.push_back(rule);
    CHECK(failed(facts) == Strings{"forwarding"});
    CHECK(found(facts, "forwarding").remedy.command() ==
          "sysctl -w net/ipv6/conf/all/forwarding=1");
    facts.ipv6_forwarding = true;
    CHECK(failed(facts).empty());
}

TEST_CASE("doctor: firewall rules that cannot be seen are a warning") {
    Facts facts = healthy();
    CHECK(found(facts, "firewall").messages.at(0).code == Code::firewall_empty);
    facts.has_legacy_rules = true;
    CHECK(found(facts, "firewall").verdict == Verdict::warn);
    facts.ruleset_obstacle = Error(Code::nft_missing);
    CHECK(found(facts, "firewall").messages.at(0).code == Code::firewall_unknown);
}

TEST_CASE("doctor: pins are no failure where nothing is redundant, or learned") {
    Facts facts = healthy();
    MacEntry pin;
    pin.mac = parse_mac("02:00:00:00:00:04").value();
    pin.remote.dst = ip("100.64.158.4");
    pin.origin = FdbOrigin::pinned;
    vxlan0(facts).macs = {pin};
    CHECK(failed(facts) == Strings{"pins"});
    vxlan0(facts).attributes.alias = "vxlanctl/1 cli 0123456789abcdef"; // or it is FRR's
    vxlan0(facts).tunnel.learning = false;
    CHECK(found(facts, "pins").verdict == Verdict::warn);
    pin.origin = FdbOrigin::external;
    vxlan0(facts).macs = {pin};
    CHECK(found(facts, "pins").verdict == Verdict::pass);
}

TEST_CASE("doctor: other programs' tunnels are looked at only if they are named") {
    Facts facts = healthy();
    CHECK(tunnels_meant({}, facts.state, {}).empty());
    Link ours = vxlan0(facts);
    ours.name = "vxlan1";
    ours.attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    facts.state.links.push_back(ours);
    CHECK(tunnels_meant({}, facts.state, {}) == Strings{"vxlan1"});
    Tunnel wish;
    wish.name = "vxlan2";
    CHECK(tunnels_meant({}, facts.state, {wish}) == Strings{"vxlan1", "vxlan2"});
    CHECK(tunnels_meant({"vxlan0", "vxlan0"}, facts.state, {wish}) == Strings{"vxlan0"});
}

TEST_CASE("services: what the files of NetworkManager and systemd-networkd say") {
    const std::string root = "/tmp/vxlanctl-services-test";
    std::filesystem::remove_all(root);
    const auto write = [&](const std::string& path, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
        std::ofstream(root + path) << text;
    };
    CHECK_FALSE(read_services(root, {3}).networkd_runs);
    write("/run/systemd/netif/state", "OPER_STATE=routable\n");
    write("/run/systemd/netif/links/3", "# private\nADMIN_STATE=configured\n");
    write("/run/systemd/netif/links/4", "ADMIN_STATE=unmanaged\n");
    write("/run/NetworkManager/devices/4", "[device]\nmanaged = true\n");
    write("/etc/systemd/networkd.conf", "[Network]\nManageForeignRoutes=no\n");
    write("/usr/lib/systemd/networkd.conf.d/a.conf",
          "[Network]\nManageForeignRoutingPolicyRules=no\n");
    auto services = read_services(root, {3, 4, 5});
    CHECK(services.networkd_runs);
    CHECK(services.links.size() == 2);
    CHECK(services.links[3].by_networkd);
    CHECK_FALSE(services.links[3].by_network_manager);
    CHECK(services.links[4].by_network_manager);
    CHECK_FALSE(services.links[4].by_networkd);
    CHECK_FALSE(services.removes_routes);
    CHECK_FALSE(services.removes_rules);
    write("/etc/systemd/networkd.conf.d/a.conf", "[Network]\n"); // hides the other of its name
    services = read_services(root, {});
    CHECK(services.removes_rules);
    std::filesystem::remove_all(root);
}

TEST_CASE("doctor: a peer that is sent to and not heard is a warning, while another one answers") {
    Facts facts = healthy();
    facts.state.fdb_clock = FdbClock::of_reception;
    MacEntry one, other;
    one.mac = {{2, 0, 0, 0, 0, 4}};
    one.remote.dst = ip("100.64.158.4");
    one.times = {500, 500}; // hundredths of a second
    other.mac = {{2, 0, 0, 0, 0, 132}};
    other.remote.dst = ip("100.64.158.132");
    other.times = {300, 20000};
    vxlan0(facts).macs = {one, other};
    CHECK(found(facts, "macs").verdict == Verdict::warn);
    CHECK(found(facts, "macs").messages.at(0).code == Code::peer_not_heard);
    CHECK(found(facts, "macs").messages.at(0).value("peer") == "100.64.158.132");
    vxlan0(facts).macs[0].times = {20000, 20000}; // then nobody is heard
    CHECK(found(facts, "macs").verdict == Verdict::pass);
    vxlan0(facts).macs[0].times = {500, 500};
    facts.state.fdb_clock = FdbClock::of_any_use; // which does not tell
    CHECK(found(facts, "macs").verdict == Verdict::pass);
}
