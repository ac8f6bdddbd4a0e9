#include "vxlanctl/doctor/reach.h"

#include "vxlanctl/cli/doctor_to.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <linux/neighbour.h>

using namespace vxlanctl;
using Strings = std::vector<std::string>;

namespace {

IpAddress ip(const char* text) {
    return parse_address(text).value();
}

MacAddress mac(const char* text) {
    return parse_mac(text).value();
}

RouteFact way(const char* to, const char* dev, const char* via = nullptr) {
    RouteFact fact;
    fact.to = ip(to);
    fact.dev = dev;
    fact.table = main_table;
    if (via != nullptr) fact.via = ip(via);
    return fact;
}

Link interface(const char* name, int index) {
    Link link;
    link.name = name;
    link.index = index;
    link.attributes.up = link.carrier = true;
    link.attributes.mtu = 1500;
    link.attributes.mac = mac("02:00:00:00:00:01");
    return link;
}

/// 10.128.0.5 behind one of two peers of vxlan0, which is known.
ReachFacts known() {
    ReachFacts given;
    given.to = ip("10.128.0.5");
    given.way = way("10.128.0.5", "vxlan0");
    given.way.source = ip("10.225.194.171");
    given.by = parse_prefix("10.128.0.0/9").value();
    Link vxlan = interface("vxlan0", 3);
    vxlan.kind = "vxlan";
    vxlan.attributes.mtu = 1450;
    vxlan.tunnel.vni = 10;
    vxlan.tunnel.port = 4789;
    vxlan.tunnel.local = ip("172.21.0.100");
    vxlan.tunnel.dev = "eth0";
    vxlan.lower_index = 2;
    vxlan.flood_list = {{ip("100.64.158.4"), {}, {}, ""}, {ip("100.64.158.132"), {}, {}, ""}};
    MacEntry entry;
    entry.mac = mac("02:00:00:00:00:05");
    entry.remote.dst = ip("100.64.158.132");
    vxlan.macs = {entry};
    vxlan.addresses.emplace_back().prefix = parse_prefix("10.225.194.171/9").value();
    given.facts.state.links.push_back(interface("eth0", 2));
    given.facts.state.links.push_back(vxlan);
    given.facts.state.host_addresses = {
        {parse_prefix("172.21.0.100/24").value(), {}, 2, "eth0"},
        {parse_prefix("10.225.194.171/9").value(), {}, 3, "vxlan0"}};
    TunnelFacts& tunnel = given.facts.tunnels.emplace_back();
    tunnel.name = "vxlan0";
    tunnel.out = tunnel.back = {way("100.64.158.4", "eth0", "172.21.0.1"),
                                way("100.64.158.132", "eth0", "172.21.0.1")};
    given.neighbours["vxlan0"] = {{ip("10.128.0.5"), mac("02:00:00:00:00:05"), NUD_REACHABLE}};
    given.neighbours["eth0"] = {{ip("172.21.0.1"), mac("02:00:00:00:00:99"), NUD_STALE}};
    return given;
}

/// An IPv4 site behind site1, which goes through the ISATAP tunnel sit1.
ReachFacts flets() {
    ReachFacts given;
    given.to = ip("192.168.10.5");
    given.way = way("192.168.10.5", "site1");
    given.by = parse_prefix("192.168.10.0/24").value();
    Link site = interface("site1", 5);
    site.kind = "ip6tnl";
    site.attributes.mac.reset();
    site.attributes.mtu = 1440;
    site.tunnel.kind = TunnelKind::ip6tnl;
    site.tunnel.local = ip("2001:db8::5efe:ad8:65");
    site.tunnel.remote = ip("2001:db8:1::2");
    Link sit = interface("sit1", 4);
    sit.kind = "sit";
    sit.attributes.mac.reset();
    sit.attributes.mtu = 1480;
    sit.tunnel.kind = TunnelKind::sit;
    sit.tunnel.isatap = true;
    sit.tunnel.local = ip("10.216.0.101");
    sit.routers = {{ip("192.168.103.254"), true}};
    given.facts.state.links.push_back(interface("eth0", 2));
    given.facts.state.links.push_back(sit);
    given.facts.state.links.push_back(site);
    given.facts.state.host_addresses = {
        {parse_prefix("10.216.0.101/24").value(), {}, 2, "eth0"},
        {parse_prefix("2001:db8::5efe:ad8:65/64").value(), {}, 4, "sit1"}};
    TunnelFacts inner, outer;
    inner.name = "site1";
    inner.out = inner.back = {way("2001:db8:1::2", "sit1", "2001:db8::5efe:c0a8:67fe")};
    outer.name = "sit1";
    outer.out = outer.back = {way("192.168.103.254", "eth0", "10.216.0.1")};
    given.facts.tunnels = {inner, outer};
    return given;
}

Link& link(ReachFacts& given, const char* name) {
    return *given.facts.state.links.find(name);
}

Code headline(const ReachFacts& given) {
    return reach(given).headline.code;
}

/// The codes of what failed.
std::vector<Code> failed(const ReachFacts& given) {
    std::vector<Code> codes;
    for (const auto& step : reach(given).steps)
        if (step.verdict == Verdict::fail) codes.push_back(step.message.code);
    return codes;
}

const ReachStep* find_step(const Reach& answer, std::string_view name) {
    const auto found = std::find_if(answer.steps.begin(), answer.steps.end(),
                                    [&](const ReachStep& step) { return step.name == name; });
    return found == answer.steps.end() ? nullptr : &*found;
}

RulesetChain chain(const char* hook, RulesetMatch match) {
    RulesetChain result;
    result.family = "inet";
    result.table = "filter";
    result.name = result.hook = hook;
    result.type = "filter";
    RulesetRule rule;
    rule.matches = {std::move(match)};
    rule.action = RuleAction::drop;
    rule.handle = 7;
    result.rules = {rule};
    return result;
}

RulesetMatch matches(MatchField field, const char* word) {
    RulesetMatch match;
    match.field = field;
    match.words = {word};
    return match;
}

} // namespace

TEST_CASE("reach: behind the peer that the MAC address was learned from") {
    const auto answer = reach(known());
    CHECK(answer.verdict == ReachVerdict::reached);
    CHECK(answer.headline.code == Code::reached_through_peer);
    CHECK(answer.headline.value("to") == "10.128.0.5");
    CHECK(answer.headline.value("peer") == "100.64.158.132");
    CHECK(answer.peers == std::vector{ip("100.64.158.132")});
    CHECK(answer.tunnel == "vxlan0");
    CHECK(failed(known()).empty());
    for (const char* name : {"route", "peer", "mtu", "underlay", "firewall", "neighbour"})
        CHECK(find_step(answer, name) != nullptr);
}

TEST_CASE("reach: as long as the MAC address is not known, any peer may have it") {
    ReachFacts given = known();
    given.neighbours["vxlan0"].clear();
    CHECK(headline(given) == Code::reached_through_some_peer);
    CHECK(reach(given).peers.size() == 2);
    given = known();
    link(given, "vxlan0").macs.clear();
    CHECK(headline(given) == Code::reached_through_some_peer);
    link(given, "vxlan0").flood_list.pop_back();
    CHECK(headline(given) == Code::reached_through_peer); // there is one alone
    link(given, "vxlan0").flood_list.clear();
    CHECK(failed(given) == std::vector{Code::reach_no_peer});
}

TEST_CASE("reach: nobody answers for the address, or for the gateway inside") {
    ReachFacts given = known();
    given.neighbours["vxlan0"] = {{ip("10.128.0.5"), {}, NUD_FAILED}};
    CHECK(failed(given) == std::vector{Code::reach_neighbour_silent});
    CHECK(headline(given) == Code::reach_blocked);
    given.way.via = ip("10.128.0.1");
    CHECK(failed(given).empty());
    given.neighbours["vxlan0"].push_back({ip("10.128.0.1"), {}, NUD_INCOMPLETE});
    CHECK(failed(given) == std::vector{Code::reach_neighbour_silent});
}

TEST_CASE("reach: one of two peers that may have it is enough") {
    ReachFacts given = known();
    given.neighbours["vxlan0"].clear();
    given.facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(failed(given).empty());
    CHECK(find_step(reach(given), "underlay")->verdict == Verdict::warn);
    given.facts.tunnels[0].out[1].dev = "vxlan0";
    CHECK(failed(given) == std::vector{Code::reach_no_route, Code::route_into_tunnel});
    given = known(); // behind the second one
    given.facts.tunnels[0].out[0].code = ENETUNREACH;
    CHECK(failed(given).empty());
    given.facts.tunnels[0].out[1].code = ENETUNREACH;
    CHECK(failed(given) == std::vector{Code::reach_no_route});
}

TEST_CASE("reach: what the doctor finds of the tunnel itself is why") {
    ReachFacts given = known();
    given.facts.state.host_addresses.changing().erase(given.facts.state.host_addresses.begin());
    const auto answer = reach(given);
    CHECK(failed(given) == std::vector{Code::local_missing});
    CHECK(answer.headline.value("reason") ==
          text_of(Code::local_missing, {{"local", "172.21.0.100"}}));
    CHECK(find_step(answer, "local_address")->remedy == ""); // its prefix length is not known
}

TEST_CASE("reach: an MTU that does not fit keeps small packets from nothing") {
    ReachFacts given = known();
    given.facts.tunnels[0].out[1].mtu = 1400;
    const auto answer = reach(given);
    CHECK(answer.verdict == ReachVerdict::reached);
    CHECK(find_step(answer, "mtu")->message.code == Code::reach_mtu_too_large);
    CHECK(find_step(answer, "mtu")->remedy == "ip link set dev vxlan0 mtu 1350");
}

TEST_CASE("reach: the firewall, outside and inside, out and in") {
    const auto dropped_by = [](const char* hook, const RulesetMatch& match) {
        ReachFacts given = known();
        given.facts.ruleset.chains = {chain(hook, match)};
        const auto answer = reach(given);
        const ReachStep* step = find_step(answer, "firewall");
        return step->verdict == Verdict::fail ? std::string(step->message.value("what")) : "";
    };
    const auto outside = [](const char* direction) {
        return text_of(
            Code::packets_outside,
            {{"protocol", "UDP 4789"}, {"direction", direction}, {"peer", "100.64.158.132"}});
    };
    const auto inside = [](const char* direction) {
        return text_of(Code::packets_inside,
                       {{"direction", direction}, {"to", "10.128.0.5"}, {"interface", "vxlan0"}});
    };
    RulesetMatch port;
    port.field = MatchField::destination_port;
    port.numbers = {{4789, 4789}};
    CHECK(dropped_by("output", port) == outside("to"));
    CHECK(dropped_by("input", port) == outside("from"));
    CHECK(dropped_by("output", matches(MatchField::out_link, "vxlan0")) == inside("to"));
    CHECK(dropped_by("input", matches(MatchField::in_link, "vxlan0")) == inside("from"));
    CHECK(dropped_by("input", matches(MatchField::in_link, "eth1")) == "");
    ReachFacts given = known();
    given.facts.ruleset.chains = {chain("output", matches(MatchField::out_link, "vxlan0"))};
    CHECK(find_step(reach(given), "firewall")->remedy ==
          "nft insert rule inet filter output 'oifname \"vxlan0\" ip daddr 10.128.0.5 accept'");
    // Of an answer it cannot be told whether its connection is known.
    given.facts.ruleset.chains = {chain("input", matches(MatchField::in_link, "vxlan0"))};
    given.facts.ruleset.chains[0].rules[0].matches.push_back(matches(MatchField::state, "new"));
    CHECK(failed(given).empty());
    given.facts.ruleset_obstacle = Error(Code::nft_missing);
    CHECK(find_step(reach(given), "firewall")->message.code == Code::firewall_unknown);
}

TEST_CASE("reach: a tunnel that would lead there is down, or has lost its route") {
    ReachFacts given = known();
    given.way = way("10.128.0.5", "eth0", "172.21.0.1");
    given.by = parse_prefix("0.0.0.0/0").value();
    given.neighbours.clear();
    CHECK(headline(given) == Code::reach_outside);
    link(given, "vxlan0").attributes.up = false;
    CHECK(failed(given) == std::vector{Code::reach_tunnel_down});
    CHECK(find_step(reach(given), "interface")->remedy == "ip link set dev vxlan0 up");
    given.names = {"vxlan7"};
    CHECK(failed(given) == std::vector{Code::link_missing});
    given.names = {"vxlan0"};
    given.by = parse_prefix("10.128.0.0/16").value(); // somebody wants it outside
    CHECK(headline(given) == Code::reach_outside_named);

    given = known();
    given.way.code = ENETUNREACH;
    given.way.dev = "";
    CHECK(failed(given) == std::vector{Code::reach_no_route});
    Link& vxlan = link(given, "vxlan0");
    vxlan.attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    Route route;
    route.to = parse_prefix("10.128.0.0/16").value();
    given.facts.state.records["0123456789abcdef"].routes = {route};
    CHECK(failed(given) == std::vector{Code::route_gone});
    CHECK(find_step(reach(given), "settings")->remedy == "ip route add 10.128.0.0/16 dev vxlan0");
}

TEST_CASE("reach: another tunnel than the one that is meant") {
    ReachFacts given = known();
    given.names = {"vxlan0"};
    CHECK(headline(given) == Code::reached_through_peer);
    given.names = {"vxlan1"};
    CHECK(reach(given).verdict == ReachVerdict::blocked); // it is not there
    Link other = interface("vxlan1", 9);
    other.kind = "vxlan";
    given.facts.state.links.push_back(other);
    CHECK(headline(given) == Code::reach_outside_named);
}

TEST_CASE("reach: what devices behind tunnels send on") {
    ReachFacts given = known();
    given.way = way("172.21.9.9", "eth0");
    given.to = ip("172.21.9.9");
    given.forwards = {{"vxlan0", true}};
    CHECK(find_step(reach(given), "forwarding")->message.code == Code::reach_forwarded);
    given.forwards = {{"vxlan0", false}};
    CHECK(find_step(reach(given), "forwarding")->verdict == Verdict::warn);
    given.is_own = true;
    CHECK(headline(given) == Code::reach_own);
    CHECK(find_step(reach(given), "forwarding") == nullptr);
}

TEST_CASE("reach: an IPv4 site over an ISATAP tunnel, down to the router's IPv4 address") {
    ReachFacts given = flets();
    const auto answer = reach(given);
    CHECK(failed(given).empty());
    CHECK(answer.headline.code == Code::reached_through_remote);
    CHECK(answer.headline.value("interface") == "site1");
    CHECK(answer.headline.value("peer") == "2001:db8:1::2");
    Strings underlays;
    for (const auto& step : answer.steps)
        if (step.name == "underlay") underlays.emplace_back(step.message.value("interface"));
    CHECK(underlays == Strings{"sit1", "eth0"});
    given.facts.tunnels[1].out[0].code = ENETUNREACH;
    CHECK(failed(given) == std::vector{Code::reach_no_route});
    given = flets();
    link(given, "sit1").routers.clear();
    CHECK(failed(given) == std::vector{Code::reach_router_not_in_prl});
    CHECK(find_step(reach(given), "peer")->verdict == Verdict::pass); // site1's own
    given = flets();
    link(given, "site1").tunnel.remote.reset();
    CHECK(failed(given) == std::vector{Code::reach_no_remote});
}

TEST_CASE("reach: IPv6 through an ISATAP tunnel") {
    ReachFacts given = flets();
    given.to = ip("2001:db8:7::1");
    given.way = way("2001:db8:7::1", "sit1", "2001:db8::5efe:c0a8:67fe");
    CHECK(headline(given) == Code::reached_through_router);
    given.way.via = ip("2001:db8::1");
    CHECK(failed(given) == std::vector{Code::reach_hop_wrong});
    given.way.via = ip("2001:db8::5efe:c0a8:6701");
    CHECK(failed(given) == std::vector{Code::reach_router_not_in_prl});
    CHECK(find_step(reach(given), "peer")->remedy ==
          "ip tunnel prl dev sit1 prl-default 192.168.103.1");
    // An ISATAP host itself needs no router.
    given.to = ip("2001:db8::5efe:c0a8:6701");
    given.way = way("2001:db8::5efe:c0a8:6701", "sit1");
    given.more_out = {way("192.168.103.1", "eth0", "10.216.0.1")};
    CHECK(headline(given) == Code::reached_through_peer);
    given.more_out[0].code = ENETUNREACH;
    CHECK(failed(given) == std::vector{Code::reach_no_route});
}

TEST_CASE("reach: who was asked has the last word") {
    ReachFacts given = known();
    given.probe.emplace();
    CHECK(failed(given) == std::vector{Code::reach_silent});
    NextHop hop;
    hop.address = given.to;
    hop.mac = mac("02:00:00:00:00:05");
    given.probe->hop = hop;
    CHECK(failed(given).empty());
    CHECK(find_step(reach(given), "probe")->message.code == Code::reach_answers_arp);
    given.facts.tunnels[0].out[1].code = ENETUNREACH; // or is in the way
    CHECK(failed(given) == std::vector{Code::reach_no_route, Code::reach_silent});
    given.probe->answered = true;
    CHECK(reach(given).verdict == ReachVerdict::reached);
    CHECK(failed(given).empty());
    given.probe->hop->address = ip("10.128.0.1"); // a gateway answers, and not the address
    given.probe->answered = false;
    given.facts.tunnels[0].out[1].code = 0;
    CHECK(failed(given) == std::vector{Code::reach_silent});
    given.probe->obstacle = Error(Code::cannot_send_echo, "", {{"reason", "why"}});
    CHECK(find_step(reach(given), "probe")->message.value("reason") == "why");
    CHECK(failed(given).empty());
}

TEST_CASE("reach: the answer has ten lines at most, of which those go that say the least") {
    ReachFacts given = flets();
    given.probe.emplace().answered = true;
    given.way.via = ip("192.0.2.2");
    given.way.source = ip("192.0.2.1");
    given.way.table = 4000000000; // the line is wrapped
    const auto count = [](const std::string& text, std::string_view part) {
        int times = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++times;
        return times;
    };
    OutputStyle style;
    const auto text = reach_text(reach(given), style);
    INFO(text);
    CHECK(count(text, "\n") == 10);
    CHECK(text.starts_with(text_of(reach(given).headline) + "\n"));
    CHECK(count(text, "  pass  probe ") == 1);
    CHECK(count(text, "  pass  underlay ") == 2);
    CHECK(count(text, "  pass  mtu ") == 1);
    style.verbose = true;
    CHECK(count(reach_text(reach(given), style), "  pass  mtu ") == 2);
}
