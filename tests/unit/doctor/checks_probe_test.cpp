#include "vxlanctl/doctor/doctor.h"

#include <algorithm>
#include <catch2/catch.hpp>
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

/// A tunnel that was probed, over eth0, with one remote end that is reached.
Facts probed(TunnelKind kind) {
    Facts facts;
    Link eth0;
    eth0.index = 2;
    eth0.name = "eth0";
    eth0.attributes.mtu = 1500;
    eth0.attributes.up = eth0.carrier = true;
    Link link;
    link.index = 3;
    link.name = "tunnel0";
    link.kind = kind == TunnelKind::vxlan ? "vxlan" : "sit";
    link.attributes.mtu = 1450;
    link.attributes.up = link.carrier = true;
    link.lower_index = 2;
    link.tunnel.kind = kind;
    link.tunnel.local = ip("172.21.0.100");
    link.tunnel.dev = "eth0";
    RouteFact way;
    way.to = ip("100.64.158.4");
    way.dev = "eth0";
    if (kind == TunnelKind::vxlan) {
        link.tunnel.vni = 10;
        link.tunnel.port = 4789;
        link.tunnel.learning = true;
        link.flood_list = {{way.to, {}, {}, ""}};
    } else {
        link.tunnel.isatap = true;
        link.routers = {{way.to, true}};
    }
    facts.state.links.push_back(eth0);
    facts.state.links.push_back(link);
    facts.state.host_addresses = {{parse_prefix("172.21.0.100/24").value(), {}, 2, "eth0"}};
    TunnelFacts& tunnel = facts.tunnels.emplace_back();
    tunnel.name = link.name;
    tunnel.out = tunnel.back = {way};
    Probe& probe = tunnel.probe.emplace();
    probe.paths = {{way.to, 1500, {}, 0}};
    if (kind == TunnelKind::vxlan) {
        probe.answers = {{ip("10.0.0.4"), mac("02:00:00:00:00:04"), way.to}};
    } else {
        const EchoAnswer outside{way.to, 84, 84, 0}, inside{ip("fe80::5efe:c0a8:1"), 104, 104, 0};
        probe.ends = {{outside, {inside}}};
    }
    return facts;
}

Probe& probe_of(Facts& facts) {
    return *facts.tunnels[0].probe;
}

Finding found(const Facts& facts, const std::string& check) {
    for (const auto& finding : findings(facts))
        if (finding.check == check) return finding;
    return {};
}

std::string told(const Facts& facts, const std::string& check) {
    const auto finding = found(facts, check);
    if (finding.messages.empty()) return "";
    return (finding.verdict == Verdict::pass   ? "pass "
            : finding.verdict == Verdict::warn ? "warn "
                                               : "fail ") +
           code_word(finding.messages.front().code);
}

} // namespace

TEST_CASE("probe checks: packets that vanish, behind a remote end or where none is known") {
    Facts facts = probed(TunnelKind::vxlan);
    CHECK(told(facts, "path_mtu") == "pass path-mtu-fits");
    probe_of(facts).sizes = {{ip("10.0.0.4"), ip("100.64.158.4"), 1450, 1450}};
    CHECK(told(facts, "path_mtu") == "pass path-mtu-fits");
    probe_of(facts).sizes[0].passes = 1404;
    CHECK(told(facts, "path_mtu") == "fail path-mtu-vanishes");
    CHECK(found(facts, "path_mtu").remedy.command() == "ip link set dev tunnel0 mtu 1404");
    CHECK(found(facts, "path_mtu").messages.at(0).value("peer") == "100.64.158.4");
    probe_of(facts).sizes[0].behind.reset();
    CHECK(told(facts, "path_mtu") == "fail path-mtu-vanishes");
    CHECK(found(facts, "path_mtu").messages.at(0).value("peer") == "10.0.0.4");
}

TEST_CASE("probe checks: one remedy for what is reported and what vanishes") {
    Facts facts = probed(TunnelKind::vxlan);
    probe_of(facts).paths[0].mtu = 1400;
    probe_of(facts).sizes = {{ip("10.0.0.4"), {}, 1300, 1450}};
    const auto finding = found(facts, "path_mtu");
    CHECK(finding.messages.size() == 2);
    CHECK(finding.remedy.command() == "ip link set dev tunnel0 mtu 1300");
}

TEST_CASE("probe checks: only a permanent neighbour is compared with who answers") {
    Facts facts = probed(TunnelKind::vxlan);
    CHECK(told(facts, "probe") == "pass probe-answered");
    facts.tunnels[0].neighbours = {{ip("10.0.0.4"), mac("02:00:00:00:00:99"), NUD_STALE}};
    CHECK(told(facts, "probe") == "pass probe-answered"); // which the kernel corrects
    facts.tunnels[0].neighbours[0].state = NUD_PERMANENT;
    CHECK(told(facts, "probe") == "fail neighbour-wrong");
    CHECK(found(facts, "probe").remedy.command() == "ip neigh del 10.0.0.4 dev tunnel0");
    facts.tunnels[0].neighbours[0].mac = mac("02:00:00:00:00:04");
    CHECK(told(facts, "probe") == "pass probe-answered");
    probe_of(facts).next_hops = {{ip("172.21.0.1"), "eth0", mac("02:00:00:00:00:01"), NUD_PERMANENT,
                                  mac("02:00:00:00:00:02")}};
    CHECK(found(facts, "probe").remedy.command() == "ip neigh del 172.21.0.1 dev eth0");
    probe_of(facts).next_hops[0].mac.reset(); // who does not answer may be meant to be silent
    CHECK(told(facts, "probe") == "pass probe-answered");
}

TEST_CASE("probe checks: a silent next hop is told where nobody answers") {
    Facts facts = probed(TunnelKind::vxlan);
    probe_of(facts).next_hops = {{ip("172.21.0.1"), "eth0", {}, NUD_FAILED, {}}};
    CHECK(told(facts, "probe") == "pass probe-answered");
    probe_of(facts).answers[0].mac.reset();
    CHECK(found(facts, "probe").messages.size() == 2);
    CHECK(found(facts, "probe").messages.back().code == Code::next_hop_silent);
    probe_of(facts).next_hops[0].state = NUD_PERMANENT;
    CHECK(found(facts, "probe").messages.size() == 1);
}

TEST_CASE("probe checks: what silence of an ISATAP router means") {
    Facts facts = probed(TunnelKind::sit);
    RemoteEnd& end = probe_of(facts).ends[0];
    CHECK(told(facts, "probe") == "pass end-answers");
    end.outside.passes = 0;
    CHECK(told(facts, "probe") == "warn end-silent-outside");
    end.inside[0].passes = 0;
    CHECK(told(facts, "probe") == "fail end-silent");
    CHECK(found(facts, "probe").remedy.command() == "");
    end.outside.passes = 84;
    CHECK(told(facts, "probe") == "fail end-silent-inside");
    probe_of(facts).heard = {ip("2001:db8::9")};
    CHECK(told(facts, "probe") == "warn end-silent-inside");
    end.inside.clear();
    CHECK(told(facts, "probe") == "pass end-answers-outside");
    end.outside.passes = 0;
    CHECK(told(facts, "probe") == "warn end-silent-unasked");
    probe_of(facts).echo_obstacle = Error(Code::cannot_send_echo, "", {{"reason", "why"}});
    CHECK(told(facts, "probe") == "warn probe-not-sent");
}
