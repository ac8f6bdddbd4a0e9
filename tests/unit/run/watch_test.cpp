#include "vxlanctl/run/watch.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using namespace std::chrono_literals;
using Names = std::set<std::string>;
using Kind = WatchEvent::Kind;

namespace {

Prefix prefix(const char* text) {
    return parse_prefix(text).value();
}

Tunnel tunnel(const std::string& name, const std::string& dev = "eth0") {
    Tunnel made;
    made.name = name;
    made.tunnel.dev = dev;
    made.tunnel.local = parse_address("172.21.0.100").value();
    return made;
}

WatchEvent link(int index, const std::string& name, bool is_up = true) {
    WatchEvent event;
    event.index = index;
    event.link = {name, is_up, 1500, 0};
    return event;
}

WatchEvent gone_link(int index) {
    WatchEvent event;
    event.index = index;
    event.is_gone = true;
    return event;
}

WatchEvent event(Kind kind, int index) {
    WatchEvent made;
    made.kind = kind;
    made.index = index;
    return made;
}

WatchEvent of_prefix(Kind kind, int index, const char* text, bool is_gone,
                     std::uint32_t table = 254) {
    WatchEvent made = event(kind, index);
    made.prefix = prefix(text);
    made.is_gone = is_gone;
    made.table = table;
    return made;
}

/// A watch with a clock of its own, on tunnels that were just applied.
struct Case {
    explicit Case(std::vector<Tunnel> tunnels) {
        watch.set_tunnels(tunnels, now);
        for (const auto& known : {link(2, "eth0"), link(10, "vxlan0"), link(11, "vxlan1")})
            watch.know(known, "");
        const auto first = watch.take(now);
        REQUIRE(first);
        REQUIRE(first->all);
        std::vector<WatchResult> made;
        for (const auto& one : tunnels)
            made.push_back({one.name, {"create"}, false});
        CHECK(watch.finish(*first, made, now).empty());
        now += 10s;
    }
    void note(const WatchEvent& what, const Watch::IsSeen& is_seen = {}) {
        watch.note(what, "", now, is_seen);
    }
    /// The tunnels of the next turn, at its time; empty where there is none.
    Names turn() {
        const auto next = watch.next();
        if (!next) return {};
        now = std::max(now, *next);
        last = watch.take(now);
        return last ? last->tunnels : Names{};
    }
    std::vector<WatchFight> finish(const std::vector<WatchResult>& results = {}) {
        return watch.finish(*last, results, now);
    }
    /// What it is that a disturbance and its repair come to.
    std::vector<WatchFight> repair() {
        note(event(Kind::entry, 10));
        REQUIRE(turn() == Names{"vxlan0"});
        return finish({{"vxlan0", {"add peer 192.0.2.1"}, false}});
    }

    Watch watch;
    Watch::Time now{1000s};
    std::optional<WatchTurn> last;
};

} // namespace

TEST_CASE("watch: nothing is due as long as nothing happens") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    CHECK(!host.watch.next());
    CHECK(!host.watch.take(host.now + 24h));
}

TEST_CASE("watch: an event concerns the tunnel whose interface it is about, soon") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    host.note(event(Kind::entry, 10));
    CHECK(*host.watch.next() - host.now == 10ms);
    CHECK(!host.watch.take(host.now));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    CHECK(!host.watch.next());
}

TEST_CASE("watch: what others do on other interfaces concerns nobody") {
    Case host({tunnel("vxlan0")});
    host.note(link(77, "docker0"));
    host.note(gone_link(77));
    host.note(event(Kind::entry, 77));
    host.note(event(Kind::entry, 2)); // of the underlay interface
    host.note(of_prefix(Kind::address, 77, "10.0.0.1/8", false));
    host.note(of_prefix(Kind::route, 2, "0.0.0.0/0", true));
    host.note(event(Kind::settings, 77));
    host.note(event(Kind::settings, 0)); // no tunnel has such a key
    host.note(event(Kind::rule, 0));
    CHECK(!host.watch.next());
}

TEST_CASE("watch: what a control plane writes into its forwarding database concerns nobody") {
    auto wanted = tunnel("vxlan0");
    wanted.evpn = true;
    Case host({wanted});
    host.note(event(Kind::entry, 10));
    CHECK(!host.watch.next());
    host.note(event(Kind::port, 10));
    CHECK(host.turn() == Names{"vxlan0"});
}

TEST_CASE("watch: events are taken together, but not for longer than 50 ms") {
    Case host({tunnel("vxlan0")});
    const auto begin = host.now;
    for (int i = 0; i < 20; ++i, host.now += 5ms)
        host.note(event(Kind::entry, 10));
    CHECK(*host.watch.next() - begin == 50ms);
}

TEST_CASE("watch: a tunnel has a run at most once a second, and others need not wait for it") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    host.note(event(Kind::entry, 10));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    const auto end = host.now;
    host.note(event(Kind::entry, 10));
    host.note(event(Kind::entry, 11));
    CHECK(host.turn() == Names{"vxlan1"});
    host.finish();
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - end == 1s);
}

TEST_CASE("watch: what a reading sees is no reason for another one") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    const auto is_seen = [](const std::string& name) { return name == "vxlan0"; };
    host.note(event(Kind::entry, 10), is_seen);
    CHECK(!host.watch.next());
    host.note(event(Kind::entry, 11), is_seen);
    CHECK(host.turn() == Names{"vxlan1"});
}

TEST_CASE("watch: an interface that goes, comes, or gets another name") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1", "eth1")});
    host.note(gone_link(10));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish({{"vxlan0", {}, true}});
    host.note(link(12, "vxlan0"));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    host.note(link(12, "other"));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    host.note(link(12, "other2"));
    CHECK(!host.watch.next());
    host.note(link(3, "eth1")); // an underlay interface that comes late
    CHECK(host.turn() == Names{"vxlan1"});
    host.finish();
    host.note(link(3, "eth1")); // nothing that matters is another
    CHECK(!host.watch.next());
    host.note(link(3, "eth1", false));
    CHECK(host.turn() == Names{"vxlan1"});
}

TEST_CASE("watch: addresses of tunnels, and the local one wherever it is") {
    auto wanted = tunnel("vxlan0");
    wanted.addresses = {prefix("10.225.194.171/9")};
    Case host({wanted});
    host.note(of_prefix(Kind::address, 10, "10.225.194.171/9", true));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    host.note(of_prefix(Kind::address, 2, "172.21.0.100/24", true));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    host.note(of_prefix(Kind::address, 5, "172.21.0.100/32", false));
    CHECK(host.turn() == Names{"vxlan0"});
    host.finish();
    host.note(of_prefix(Kind::address, 5, "172.21.0.100/32", false)); // it is known
    host.note(of_prefix(Kind::address, 2, "172.21.0.7/24", false));
    host.note(of_prefix(Kind::address, 10, "fe80::1/64", false)); // the kernel's own
    CHECK(!host.watch.next());
}

TEST_CASE("watch: routes by destination and table, rules by table") {
    auto wanted = tunnel("vxlan0");
    wanted.addresses = {prefix("10.225.194.171/9")};
    wanted.routes.emplace();
    wanted.routes->push_back({});
    wanted.routes->back().to = prefix("192.0.2.0/24");
    wanted.routes->back().table = 101;
    wanted.rules = {Rule{prefix("172.21.1.100/32"), {}, 101, {}}};
    Case host({wanted, tunnel("vxlan1")});
    const auto concerns = [&](const WatchEvent& what) {
        host.note(what);
        const bool any = host.turn() == Names{"vxlan0"};
        if (any) host.finish();
        return any;
    };
    CHECK(concerns(of_prefix(Kind::route, 10, "192.0.2.0/24", true, 101)));
    CHECK(concerns(of_prefix(Kind::route, 99, "192.0.2.0/24", false, 101))); // in its place
    CHECK_FALSE(concerns(of_prefix(Kind::route, 99, "192.0.2.0/24", true, 102)));
    CHECK(concerns(of_prefix(Kind::route, 10, "10.128.0.0/9", true)));
    CHECK(concerns(of_prefix(Kind::route, 10, "198.51.100.0/24", true)));
    CHECK_FALSE(concerns(of_prefix(Kind::route, 10, "198.51.100.0/24", false)));
    WatchEvent rule = event(Kind::rule, 0);
    rule.table = 101;
    CHECK(concerns(rule));
    rule.table = 102;
    CHECK_FALSE(concerns(rule));
}

TEST_CASE("watch: settings concern those that set them") {
    auto wanted = tunnel("vxlan0");
    wanted.link.rp_filter = RpFilter::loose;
    auto other = tunnel("vxlan1");
    other.forward_from = {"eth0"};
    Case host({wanted, other, tunnel("vxlan2")});
    host.note(event(Kind::settings, 0));
    CHECK(host.turn() == Names{"vxlan0", "vxlan1"});
    host.finish();
    host.note(event(Kind::settings, 2));
    CHECK(host.turn().contains("vxlan1"));
}

TEST_CASE("watch: what stands on a tunnel comes with it, and waits for it") {
    auto upper = tunnel("vxlan1", "vxlan0");
    Case host({tunnel("vxlan0"), upper, tunnel("vxlan2")});
    host.note(event(Kind::entry, 10));
    CHECK(host.turn() == Names{"vxlan0", "vxlan1"});
    host.finish();
    host.note(event(Kind::entry, 11));
    const auto end = host.now;
    host.now += 999ms;
    host.note(event(Kind::entry, 10)); // due 10 ms later than the upper one
    CHECK(host.turn() == Names{"vxlan0", "vxlan1"});
    CHECK(host.now - end == 1009ms);
}

TEST_CASE("watch: a tunnel that is put right five times in a minute is left alone") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    for (int i = 0; i < 4; ++i)
        CHECK(host.repair().empty());
    const auto fights = host.repair();
    REQUIRE(fights.size() == 1);
    CHECK(fights[0].tunnel == "vxlan0");
    CHECK(fights[0].steps == std::vector<std::string>{"add peer 192.0.2.1"});
    CHECK(host.watch.left_alone() == 1);
    const auto begin = host.now;
    host.note(event(Kind::entry, 10));
    host.watch.note_all(host.now);
    host.now += 2s;
    CHECK(host.turn().empty()); // of all
    REQUIRE(host.last);
    CHECK(host.last->all);
    CHECK(host.last->spared == Names{"vxlan0"});
    host.finish();
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 5min);
    CHECK(host.last->again == Names{"vxlan0"});
    host.finish();
    CHECK(host.watch.left_alone() == 0);
    CHECK(host.repair().empty());
}

TEST_CASE("watch: five times in more than a minute are no fight") {
    Case host({tunnel("vxlan0")});
    for (int i = 0; i < 20; ++i) {
        CHECK(host.repair().empty());
        host.now += 16s;
    }
}

TEST_CASE("watch: another word in its file ends a fight, and so does whoever asks for it") {
    Case host({tunnel("vxlan0"), tunnel("vxlan1")});
    for (int i = 0; i < 5; ++i)
        host.repair();
    auto other = tunnel("vxlan0");
    other.link.mtu = 1400;
    CHECK_FALSE(host.watch.has({other, tunnel("vxlan1")}));
    host.watch.set_tunnels({tunnel("vxlan0")}, host.now); // nothing else is said of it
    CHECK(host.watch.left_alone() == 1);
    host.watch.set_tunnels({other}, host.now);
    CHECK(host.watch.left_alone() == 0);
    host.turn();
    CHECK(host.finish({{"vxlan0", {"set mtu"}, false}}).empty());
    host.now += 2s;
    for (int i = 0; i < 4; ++i)
        CHECK(host.repair().empty()); // the first one was no repair
    CHECK(host.repair().size() == 1);
    host.watch.end_truces();
    CHECK(host.watch.left_alone() == 0);
}

TEST_CASE("watch: lost events are a reason for one run of all, and at most one a second") {
    Case host({tunnel("vxlan0")});
    host.watch.note_all(host.now);
    host.turn();
    REQUIRE(host.last);
    CHECK(host.last->all);
    host.finish();
    const auto end = host.now;
    for (int i = 0; i < 10; ++i)
        host.watch.note_all(host.now);
    host.turn();
    CHECK(host.now - end == 1s);
    host.finish();
    CHECK(!host.watch.next());
}

TEST_CASE("watch: what failed is tried again after a minute, and after an event") {
    Case host({tunnel("vxlan0")});
    host.note(event(Kind::entry, 10));
    host.turn();
    host.finish({{"vxlan0", {}, true}});
    CHECK(host.watch.failing() == 1);
    auto begin = host.now;
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 1min);
    host.finish({{"vxlan0", {"set mtu"}, true}}); // and rolled back, which caused events
    begin = host.now;
    host.note(event(Kind::entry, 10));
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 2s);
    host.finish({{"vxlan0", {"set mtu"}, true}});
    begin = host.now;
    host.note(event(Kind::entry, 10));
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 4s);
    host.finish({{"vxlan0", {"set mtu"}, false}});
    CHECK(host.watch.failing() == 0);
    CHECK(!host.watch.next());
}

TEST_CASE("watch: a run that could not begin comes again") {
    Case host({tunnel("vxlan0")});
    host.note(event(Kind::entry, 10));
    CHECK(host.turn() == Names{"vxlan0"});
    const auto begin = host.now;
    host.watch.postpone(*host.last, host.now);
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 1s);
}

TEST_CASE("watch: names are looked up each minute, where there are any") {
    auto named = tunnel("vxlan0");
    named.named_peers.push_back({});
    Case host({named, tunnel("vxlan1")});
    const auto begin = host.now;
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.last->look_up);
    CHECK(host.now - begin == 50s); // 10 of them have gone already
    host.finish();
    CHECK(host.turn() == Names{"vxlan0"});
    CHECK(host.now - begin == 110s);
}

TEST_CASE("watch: network namespaces are kept apart") {
    auto there = tunnel("vxlan1");
    there.placement.netns = "vpg-b";
    Case host({tunnel("vxlan0"), there});
    CHECK(host.watch.namespaces() == Names{"vpg-b"});
    host.watch.know(link(10, "vxlan1"), "vpg-b");
    host.watch.note(event(Kind::entry, 10), "vpg-b", host.now, {});
    CHECK(host.turn() == Names{"vxlan1"});
    host.finish();
    host.watch.note(link(7, "eth0"), "vpg-b", host.now, {});
    CHECK(host.turn() == Names{"vxlan1"});
    host.finish();
    host.watch.note(link(8, "vxlan0"), "vpg-b", host.now, {});
    CHECK(!host.watch.next());
    host.watch.note_namespace("vpg-b", host.now);
    CHECK(host.turn() == Names{"vxlan1"});
}
