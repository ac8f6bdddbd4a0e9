// Where a VXLAN's own packets leave, and which peers get a frame twice: functions on values.
#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/plan/doubled_peers.h"
#include "vxlanctl/plan/outer_way.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <iterator>
#include <sstream>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

IpAddress address(const char* text) {
    return parse_address(text).value();
}
Prefix prefix(const char* text) {
    return parse_prefix(text).value();
}

constexpr int eth0 = 2, eth1 = 3, vxlan0 = 7;

/// The plan for `up` with these words, on a host that looks the way to the peer up as `now`.
class Case {
public:
    explicit Case(const std::string& line, const OptionValues& options = {}) {
        std::istringstream stream(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
        auto tunnel = vxlan_from_words(words, options, {});
        if (!tunnel) throw std::runtime_error(told(tunnel.error()));
        config_.tunnels = {*tunnel};
        plan_.name = tunnel->name;
        plan_.wish = &config_.tunnels.front();
        Link link;
        link.name = "eth0";
        link.index = eth0;
        state_.links.push_back(link);
    }

    WayOut way_out(const RouteLookup& now) const {
        const auto& vxlan = config_.tunnels.front();
        return vxlanctl::way_out(way_to(vxlan.peers->front(), vxlan.tunnel), now, plan_, state_);
    }
    Leads leads(const RouteLookup& now) const { return way_out(now).leads; }

    void add_tunnel() {
        Link link;
        link.name = "vxlan0";
        link.index = vxlan0;
        state_.links.push_back(link);
    }
    TunnelPlan& plan() { return plan_; }
    State& state() { return state_; }
    Tunnel& tunnel() { return config_.tunnels.front(); }

private:
    Config config_;
    State state_;
    TunnelPlan plan_;
};

RouteLookup by(const char* to, int link = eth0, std::uint32_t table = main_table,
               std::uint32_t metric = 0) {
    RouteLookup found;
    found.to = prefix(to);
    found.link_index = link;
    found.table = table;
    found.metric = metric;
    return found;
}

RouteLookup none(int code) {
    RouteLookup found;
    found.code = code;
    return found;
}

const std::string inside = "eth0 172.21.0.100 vxlan0 10.225.194.171/9 10.192.158.4";
const std::string outside = "eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4";

} // namespace

TEST_CASE("outer way: the longest prefix of the same table decides") {
    const Case plain(inside);
    CHECK(plain.leads(by("0.0.0.0/0")) == Leads::into_tunnel);
    CHECK(plain.leads(by("10.0.0.0/8")) == Leads::into_tunnel);
    CHECK(plain.leads(by("10.192.0.0/16")) == Leads::outside);
    CHECK(plain.leads(by("10.192.158.4/32")) == Leads::outside);
    CHECK(plain.way_out(by("0.0.0.0/0")).by == prefix("10.128.0.0/9"));
    // Of two equal ones the earlier route stays, unless its metric is greater.
    CHECK(plain.leads(by("10.128.0.0/9")) == Leads::outside);
    CHECK(plain.leads(by("10.128.0.0/9", eth0, main_table, 100)) == Leads::into_tunnel);
    CHECK(Case(outside).leads(by("0.0.0.0/0")) == Leads::outside);
}

TEST_CASE("outer way: a table that a policy rule leads to is not overridden, that of default is") {
    const Case plain(inside);
    CHECK(plain.leads(by("0.0.0.0/0", eth1, 100)) == Leads::outside);
    CHECK(plain.leads(by("0.0.0.0/0", eth0, 253)) == Leads::into_tunnel);
}

TEST_CASE("outer way: without a route, what comes leads, and a route to nowhere counts as none") {
    for (const int code : {ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL}) {
        CHECK(Case(inside).leads(none(code)) == Leads::into_tunnel);
        CHECK(Case(outside).leads(none(code)) == Leads::nowhere);
    }
}

TEST_CASE("outer way: routes of the tunnel count like its addresses, those out of others do not") {
    const auto leads = [](const std::string& route, const RouteLookup& now) {
        return Case(outside, {{"route", {route}}}).way_out(now);
    };
    CHECK(leads("100.64.0.0/10", by("0.0.0.0/0")).leads == Leads::into_tunnel);
    CHECK(leads("100.64.0.0/10", by("100.64.0.0/16")).leads == Leads::outside);
    CHECK(leads("100.64.0.0/10,table 9", by("0.0.0.0/0")).leads == Leads::outside);
    const auto through = leads("100.64.0.0/10,via 172.21.0.1,dev eth1", by("0.0.0.0/0"));
    CHECK(through.leads == Leads::outside);
    CHECK(through.dev == "eth1");
    // One that is more specific leads out of what the address draws in.
    const Case kept(inside, {{"route", {"10.192.158.4/32,via 172.21.0.1,dev eth0"}}});
    CHECK(kept.leads(by("0.0.0.0/0")) == Leads::outside);
    CHECK(kept.way_out(by("0.0.0.0/0")).dev == "eth0");
}

TEST_CASE("outer way: a rule that the tunnel sets comes before main") {
    const OptionValues with{{"rule", {"from 172.21.0.100,table 100"}},
                            {"route", {"default,via 172.21.0.1,dev eth0,table 100"}}};
    CHECK(Case(inside, with).way_out(by("0.0.0.0/0", eth1)).dev == "eth0");
    // What the table has is not known without a route of the tunnel's own.
    CHECK(Case(inside, {{"rule", {"from 172.21.0.100,table 100"}}}).leads(by("0.0.0.0/0")) ==
          Leads::unknown);
    CHECK(Case(inside, {{"rule", {"from 172.21.0.99,table 100"}}}).leads(by("0.0.0.0/0")) ==
          Leads::into_tunnel);
    CHECK(Case(inside, {{"rule", {"from 172.21.0.100,table 100,priority 40000"}},
                        {"route", {"default,via 172.21.0.1,dev eth0,table 100"}}})
              .leads(by("0.0.0.0/0")) == Leads::into_tunnel);
}

TEST_CASE("outer way: what leads in and goes with the plan is not judged") {
    Case present(outside);
    present.add_tunnel();
    CHECK(present.leads(by("100.64.0.0/10", vxlan0)) == Leads::into_tunnel);
    Address old;
    old.prefix = prefix("100.64.0.9/10");
    present.plan().steps.push_back({Remove<Address>{"vxlan0", {old}}, {}, {}});
    CHECK(present.leads(by("100.64.0.0/10", vxlan0)) == Leads::unknown);
}

TEST_CASE("outer way: IPv6, where a connected route has a metric") {
    const Case plain("eth0 2001:db8::1 vxlan0 fd00::1/32 fd00::4");
    CHECK(plain.leads(by("::/0", eth0, main_table, 1024)) == Leads::into_tunnel);
    CHECK(plain.leads(by("fd00::/64", eth0, main_table, 1024)) == Leads::outside);
    CHECK(plain.leads(by("fd00::/32", eth0, main_table, 100)) == Leads::outside);
    CHECK(plain.leads(by("fd00::/32", eth0, main_table, 1024)) == Leads::into_tunnel);
}

TEST_CASE("outer way: of many peers, those are found that come to lie inside") {
    Case many("eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.0.1");
    std::vector<FloodEntry> peers;
    for (int i = 0; i < 4000; ++i)
        peers.push_back({address("100.64.0.0"), std::nullopt, std::nullopt, ""});
    for (std::size_t i = 0; i < peers.size(); ++i) {
        peers[i].dst.bytes[2] = static_cast<std::uint8_t>(i / 256);
        peers[i].dst.bytes[3] = static_cast<std::uint8_t>(i % 256);
    }
    peers.insert(peers.begin(), {address("10.192.158.4"), std::nullopt, std::nullopt, ""});
    many.tunnel().peers = peers;
    CHECK(newly_inside(many.plan(), many.state(), 4).empty()); // nothing is added
    many.plan().steps.push_back({Add<FloodEntry>{"vxlan0", peers}, {}, {}});
    const auto found = newly_inside(many.plan(), many.state(), 4);
    REQUIRE(found.size() == 1);
    CHECK(found.front().dst == address("10.192.158.4"));
}

TEST_CASE("outer way: a peer that lies in several prefixes of the tunnel is found once") {
    Case overlapping("eth0 172.21.0.100 vxlan0 10.225.194.171/9 10.192.158.4",
                     {{"address", {"10.225.194.172/9"}}, {"route", {"10.192.0.0/16"}}});
    overlapping.plan().steps.push_back(
        {Add<FloodEntry>{"vxlan0", *overlapping.tunnel().peers}, {}, {}});
    CHECK(newly_inside(overlapping.plan(), overlapping.state(), 4).size() == 1);
}

TEST_CASE("outer way: a peer's `via` is meant, and told the kernel of what is flooded alone") {
    TunnelAttributes vxlan;
    vxlan.local = address("172.21.0.100");
    vxlan.dev = "eth0";
    const auto ways = [&](const char* dst, const char* via) {
        const FloodEntry peer{address(dst), std::nullopt, std::nullopt, via};
        return std::pair(way_to(peer, vxlan), learned_way_to(peer, vxlan));
    };
    const auto plain = ways("100.64.158.4", "");
    CHECK(plain.first == plain.second);
    CHECK(plain.first.wanted == "eth0");
    const auto bound = ways("100.64.158.4", "eth1");
    CHECK(bound.first.via == "eth1");
    CHECK(bound.second.via == "");
    CHECK(bound.first.wanted == "eth1");
    CHECK(bound.second.wanted == "eth1");
    vxlan.local = address("fe80::1");
    const auto link_local = ways("fe80::4", "eth0");
    CHECK(link_local.second.via == "eth0");
}

TEST_CASE("outer way: a link-local peer is reached through the underlay interface") {
    Case plain("eth0 2001:db8::1 vxlan0 - fe80::4 2001:db8::4");
    complete_link_local_peers(plain.tunnel());
    const auto& peers = *plain.tunnel().peers;
    REQUIRE(peers.size() == 2);
    CHECK(peers[0].via.empty());
    CHECK(peers[1].via == LinkName("eth0"));
    Case without("- 2001:db8::1 vxlan0 - fe80::4");
    complete_link_local_peers(without.tunnel());
    CHECK(without.tunnel().peers->front().via.empty());
}

TEST_CASE("doubled peers: one address, port and VNI is one endpoint, whatever leads to it") {
    TunnelAttributes vxlan;
    vxlan.vni = 10;
    vxlan.port = 4789;
    const IpAddress dst = address("100.64.0.1"), other = address("100.64.0.2");
    const FloodEntry plain{dst, std::nullopt, std::nullopt, ""};
    const FloodEntry bound{dst, std::nullopt, std::nullopt, "eth0"};
    const FloodEntry network{dst, std::nullopt, 20, ""};
    const FloodEntry socket{dst, 4790, std::nullopt, ""};
    const auto doubles = [&](std::vector<FloodEntry> peers) {
        std::sort(peers.begin(), peers.end());
        return doubled_peers(peers, vxlan).size();
    };
    CHECK(doubles({plain}) == 0);
    CHECK(doubles({plain, {other, std::nullopt, std::nullopt, "eth0"}}) == 0);
    CHECK(doubles({plain, bound}) == 1);
    CHECK(doubles({plain, bound, {dst, std::nullopt, std::nullopt, "eth1"}}) == 2);
    CHECK(doubles({plain, network}) == 0);
    CHECK(doubles({plain, socket}) == 0);
    CHECK(doubles({plain, {dst, 4789, 10, ""}}) == 1);
    CHECK(doubles({network, {dst, std::nullopt, 20, "eth0"}}) == 1);
    vxlan.remote = dst;
    vxlan.dev = "eth0";
    CHECK(doubles({plain}) == 1);
    CHECK(doubles({network}) == 0);
    CHECK(doubles({{other, std::nullopt, std::nullopt, ""}}) == 0);
    CHECK(doubled_peers({plain}, vxlan).front().is_remote);
}
