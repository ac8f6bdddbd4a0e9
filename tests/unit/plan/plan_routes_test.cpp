// What a tunnel has beside its link: routers, routes and rules, and the VRF that it belongs to.
#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/rollback.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <iterator>
#include <linux/rtnetlink.h>
#include <memory>
#include <sstream>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

const std::string vxlan = "eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4";
const std::string isatap = "sit1 172.21.0.100 2001:db8::/64 192.168.103.254";

Config config_of(Result<Tunnel> tunnel) {
    if (!tunnel) throw std::runtime_error(told(tunnel.error()));
    return {Origin::cli, {*tunnel}, {}};
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    return {std::istream_iterator<std::string>(stream), {}};
}

Config vxlan_config(const OptionValues& options = {}, const std::string& line = vxlan) {
    return config_of(vxlan_from_words(words_of(line), options, {}));
}

Config isatap_config(const OptionValues& options = {}, const std::string& line = isatap) {
    return config_of(isatap_from_words(words_of(line), options));
}

PlanOptions numbered() {
    PlanOptions options;
    options.new_id = [n = std::make_shared<int>(0)](const std::string&) {
        return std::string(15, '0') + std::to_string(++*n);
    };
    return options;
}

Lines steps(const Config& config, const State& state, const PlanOptions& options = {}) {
    const auto tunnel = plan(config, state, options).tunnels.at(0);
    for (const auto& error : tunnel.errors)
        UNSCOPED_INFO(told(error));
    CHECK(tunnel.errors.empty());
    return rendered(tunnel.steps);
}

std::string only_error(const Config& config, const State& state, const PlanOptions& options = {}) {
    const auto tunnel = plan(config, state, options).tunnels.at(0);
    REQUIRE(tunnel.errors.size() == 1);
    CHECK(tunnel.steps.empty());
    return told(tunnel.errors[0]);
}

} // namespace

TEST_CASE("plan: an ISATAP tunnel gets its routers before it is up, and its default route last") {
    CHECK(steps(isatap_config(), host_state()) ==
          Lines{"create sit1 sit", "add routers 192.168.103.254", "add 2001:db8::5efe:ac15:64/64",
                "change sit1: up: no -> yes", "add route ::/0 via 2001:db8::5efe:c0a8:67fe"});
}

TEST_CASE("plan: another router comes before the old one goes, and so does the default route") {
    const State state = after(isatap_config(), host_state());
    CHECK(steps(isatap_config({}, "sit1 172.21.0.100 2001:db8::/64 192.168.103.253"), state) ==
          Lines{"add routers 192.168.103.253", "append route ::/0 via 2001:db8::5efe:c0a8:67fd",
                "remove route ::/0 via 2001:db8::5efe:c0a8:67fe",
                "remove routers 192.168.103.254"});
}

TEST_CASE("plan: a router's default flag changes in place") {
    State state = after(isatap_config(), host_state());
    link_in(state, "sit1").routers[0].is_default = false;
    CHECK(steps(isatap_config(), state) == Lines{"change routers 192.168.103.254"});
}

TEST_CASE("plan: a change of an ISATAP link carries the whole set, and the MTU again") {
    State state = after(isatap_config({{"mtu", {"1400"}}}), host_state());
    const auto tunnel =
        plan(isatap_config({{"mtu", {"1400"}}, {"ttl", {"9"}}}), state, {}).tunnels.at(0);
    REQUIRE(tunnel.steps.size() == 2);
    const auto& change = std::get<ChangeTunnel>(tunnel.steps[0].operation);
    for (const auto& row : tunnel_attributes(TunnelKind::sit)) {
        INFO(row.name);
        CHECK(is_stated(change.changed, row));
    }
    CHECK(std::get<ChangeLink>(tunnel.steps[1].operation).changed.mtu == 1400U);
}

TEST_CASE("plan: a sit that is no ISATAP link is not made one without being asked") {
    State state = after(isatap_config(), host_state());
    link_in(state, "sit1").tunnel.isatap = false;
    link_in(state, "sit1").routers.clear();
    CHECK(only_error(isatap_config(), state).find("isatap: no -> yes") != std::string::npos);
    PlanOptions options;
    options.allow_recreate = true;
    const auto replaced = steps(isatap_config(), state, options);
    CHECK(replaced.at(0) == "delete sit1");
    CHECK(replaced.at(1) == "create sit1 sit");
}

TEST_CASE("plan: a default route by another link is not overridden unless that is decided") {
    State state = host_state();
    Route other;
    other.to = {IpAddress{Family::ipv6, {}}, 0};
    other.via = parse_address("fe80::1").value();
    other.metric = 1024;
    other.dev = "eth0";
    state.routes.push_back(other);
    CHECK(only_error(isatap_config(), state) == "sit1: default-route-exists {interface=eth0}");
    CHECK(steps(isatap_config({{"default-route", {""}}}), state).size() == 5);
    CHECK(steps(isatap_config({{"no-default-route", {""}}}), state).size() == 4);
}

TEST_CASE("plan: a next hop that an ISATAP link cannot send to is a warning") {
    const auto warnings = [](const char* route) {
        return plan(isatap_config({{"route", {route}}}), host_state(), {}).tunnels.at(0).warnings;
    };
    CHECK(told(warnings("2001:db8:6::/48,via 2001:db8::1")) ==
          Lines{"sit1: next-hop-not-isatap {route=2001:db8:6::/48, gateway=2001:db8::1}"});
    CHECK(warnings("2001:db8:6::/48,via fe80::200:5efe:100.64.0.1").empty());
    CHECK(warnings("2001:db8:6::/48").empty());
}

TEST_CASE("plan: a loopback address as the local one is a warning") {
    State state = host_state();
    state.host_addresses.push_back({parse_prefix("127.0.0.1/8").value(), {}, 1, "lo"});
    for (const auto& config : {isatap_config({}, "sit1 127.0.0.1 2001:db8::/64 192.168.103.254"),
                               vxlan_config({}, "- 127.0.0.1 vxlan0 - 100.64.158.4")}) {
        const auto tunnel = plan(config, state, {}).tunnels.at(0);
        CHECK(told(tunnel.warnings) ==
              Lines{tunnel.name + ": local-is-loopback-here {local=127.0.0.1}"});
    }
}

TEST_CASE("plan: a broadcast address is no router") {
    State state = host_state();
    for (const auto& [address, which] :
         {std::pair{"172.21.0.255", "broadcast"}, {"172.21.0.0", "network"}})
        CHECK(
            only_error(isatap_config({}, std::string("sit1 172.21.0.100 2001:db8::/64 ") + address),
                       state) == fmt::format("sit1: router-is-broadcast {{router={}, which={}, "
                                             "network=172.21.0.0/24}}",
                                             address, which));
}

TEST_CASE("plan: two sits with the same ends are an error that names the other") {
    const State state = after(isatap_config(), host_state());
    CHECK(only_error(isatap_config({}, "sit2 172.21.0.100 2001:db8::/64 192.168.103.254"), state)
              .find("ends-in-use {interface=sit1}") != std::string::npos);
}

TEST_CASE("plan: routes and rules come last, go when they are not stated, and come back") {
    const OptionValues options{{"route", {"192.0.2.0/24", "100.64.0.0/16,dev eth1,table 101"}},
                               {"rule", {"from 172.21.0.100,table 101"}}};
    State state = after(vxlan_config(options), host_state());
    CHECK(steps(vxlan_config(options), state).empty());
    CHECK(steps(vxlan_config(), state) ==
          Lines{"remove rule from 172.21.0.100/32 table 101 priority 32765",
                "remove route 100.64.0.0/16", "remove route 192.0.2.0/24"});
    state.rules.clear();
    link_in(state, "vxlan0").routes.clear(); // as a flap of the link does
    CHECK(steps(vxlan_config(options), state) ==
          Lines{"add route 192.0.2.0/24", "add rule from 172.21.0.100/32 table 101"});
}

TEST_CASE("plan: a route that others made will do, and one in the way is an error") {
    State state = after(vxlan_config(), host_state());
    Route route;
    route.to = parse_prefix("192.0.2.0/24").value();
    route.protocol = 4;
    link_in(state, "vxlan0").routes.push_back(route);
    CHECK(steps(vxlan_config({{"route", {"192.0.2.0/24"}}}), state).empty());
    CHECK(only_error(vxlan_config({{"route", {"192.0.2.0/24,via 10.192.158.4"}}}), state)
              .find("route-exists {") != std::string::npos);
}

TEST_CASE("plan: a rule of two tunnels stays until the last of them is gone") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101"}}};
    const auto ids = numbered();
    const std::string second = "eth0 172.21.0.100 vxlan1 10.9.0.1/24 100.64.158.4";
    auto other_options = options;
    other_options["vni"] = {"11"};
    State state = after(vxlan_config(options), host_state(), ids);
    state = after(vxlan_config(other_options, second), state, ids);
    REQUIRE(state.rules.size() == 1);

    const Config without{Origin::cli, {}, {"vxlan0"}};
    CHECK(steps(without, state) == Lines{"delete vxlan0"});
    CHECK(steps(vxlan_config({}), state).empty());
    state = after(without, state);
    state.records.erase("0000000000000001"); // goes with the link
    CHECK(steps(Config{Origin::cli, {}, {"vxlan1"}}, state) ==
          Lines{"remove rule from 172.21.0.100/32 table 101 priority 32765", "delete vxlan1"});
}

TEST_CASE("plan: routes and rules that several tunnels of one call give up go all the same") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101"}}};
    auto other_options = options;
    other_options["vni"] = {"11"};
    const std::string second = "eth0 172.21.0.100 vxlan1 10.9.0.1/24 100.64.158.4";
    const auto ids = numbered();
    State state = after(vxlan_config(options), host_state(), ids);
    state = after(vxlan_config(other_options, second), state, ids);
    const Plan both = plan(Config{Origin::cli, {}, {"vxlan0", "vxlan1"}}, state, {});
    const auto first = rendered(both.tunnels.at(0).steps);
    CHECK(first.at(0).find("remove rule") == 0);
}

TEST_CASE("plan: a rule that is stated with and without a priority goes with its own tunnel") {
    const OptionValues any{{"rule", {"from 172.21.0.100,table 101"}}};
    OptionValues second{{"rule", {"from 172.21.0.100,table 101,priority 40"}}, {"vni", {"11"}}};
    const std::string line = "eth0 172.21.0.100 vxlan1 10.9.0.1/24 100.64.158.4";
    const auto ids = numbered();
    State state = after(vxlan_config(any), host_state(), ids);
    state.rules.front().priority = 32765; // the kernel's choice
    state = after(vxlan_config(second, line), state, ids);
    REQUIRE(state.rules.size() == 2);
    State one_left = after(Config{Origin::cli, {}, {"vxlan1"}}, state);
    REQUIRE(one_left.rules.size() == 1);
    CHECK(one_left.rules.front().priority == 32765U);
    CHECK(after(Config{Origin::cli, {}, {"vxlan0"}}, one_left).rules.empty());
    State other_left = after(Config{Origin::cli, {}, {"vxlan0"}}, state);
    REQUIRE(other_left.rules.size() == 1);
    CHECK(other_left.rules.front().priority == 40U);
}

TEST_CASE("plan: what others have made already is stated, and yet not ours to take away") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101"}},
                               {"route", {"100.64.0.0/16,dev eth1,table 101"}}};
    State state = host_state();
    state.rules = {{parse_prefix("172.21.0.100/32").value(), {}, 101, 50, RTPROT_BOOT}};
    Route route;
    route.to = parse_prefix("100.64.0.0/16").value();
    route.table = 101;
    route.protocol = RTPROT_STATIC;
    link_in(state, "eth1").routes = {route};
    const State made = after(vxlan_config(options), state);
    CHECK(made.rules == state.rules);
    CHECK(steps(vxlan_config(options), made).empty());
    CHECK(steps(vxlan_config(), made).empty());
    const State gone = after(Config{Origin::cli, {}, {"vxlan0"}}, made);
    CHECK(gone.rules == state.rules);
    CHECK(find_link(gone, "eth1")->routes.size() == 1);
}

TEST_CASE("plan: a rule of ours stays beside one of somebody else's that does the same") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101,priority 77"}}};
    State state = after(vxlan_config(options), host_state());
    const Rule ours = state.rules.at(0);
    Rule theirs = ours;
    theirs.protocol = RTPROT_BOOT;
    for (const auto& rules : {std::vector{ours, theirs}, std::vector{theirs, ours}}) {
        state.rules = rules;
        CHECK(steps(vxlan_config(options), state).empty());
        CHECK(after(vxlan_config(), state).rules == std::vector{theirs});
    }
}

TEST_CASE("undo: what somebody else made meanwhile, just as we would have, stays") {
    const OptionValues options{
        {"rule", {"from 172.21.0.100,table 101"}},
        {"route", {"100.64.0.0/16,dev eth1,table 101", "10.9.0.0/16,via 10.192.158.4"}}};
    const State before = after(vxlan_config(), host_state());
    const auto done = plan(vxlan_config(options), before, {}).tunnels.at(0).steps;
    REQUIRE(done.size() == 3);
    const auto way_back = [&](const State& now) {
        auto steps = rollback_elsewhere("vxlan0", before, now, done);
        for (auto& step : rollback_link("vxlan0", before, now, done))
            steps.push_back(std::move(step));
        return rendered(steps);
    };
    State now = after(vxlan_config(options), before);
    CHECK(way_back(now).size() == 3);
    now.rules.at(0).protocol = RTPROT_BOOT;
    link_in(now, "eth1").routes.at(0).protocol = RTPROT_BOOT;
    link_in(now, "vxlan0").routes.at(0).protocol = RTPROT_BOOT;
    CHECK(way_back(now) == Lines{});
    Rule ours = now.rules.at(0); // beside theirs
    ours.protocol = our_protocol;
    now.rules.push_back(ours);
    CHECK(way_back(now).size() == 1);
}

TEST_CASE("undo: a rule that was removed comes back, also beside one that does the same") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101"}}};
    const State before = after(vxlan_config(options), host_state());
    const auto done = plan(vxlan_config(), before, {}).tunnels.at(0).steps;
    State now = after(vxlan_config(), before);
    now.rules = before.rules;
    now.rules.at(0).protocol = RTPROT_BOOT;
    CHECK(rendered(rollback_elsewhere("vxlan0", before, now, done)).size() == 1);
}

TEST_CASE("plan: an external ip6tnl has no ends of its own, and is not adopted as one that has") {
    const auto config =
        config_of(ipip6_from_words(words_of("t6 2001:db8:21::100 2001:db8:1::1 192.0.2.1/30"), {}));
    State state = after(config, host_state());
    CHECK(steps(config, state).empty());
    link_in(state, "t6").tunnel.external = true;
    CHECK(only_error(config, state).find("external: yes -> no") != std::string::npos);
    PlanOptions options;
    options.allow_recreate = true;
    CHECK(steps(config, state, options).front() == "delete t6");
}

TEST_CASE("plan: a route of ours whose gateway somebody changed is put right") {
    const OptionValues options{{"route", {"10.8.0.0/16,via 10.192.158.4"}}};
    State state = after(vxlan_config(options), host_state());
    auto& route = link_in(state, "vxlan0").routes.front();
    route.via = parse_address("10.192.158.9").value();
    route.protocol = RTPROT_BOOT; // as `ip route change` leaves it
    CHECK(steps(vxlan_config(options), state) ==
          Lines{"append route 10.8.0.0/16 via 10.192.158.4",
                "remove route 10.8.0.0/16 via 10.192.158.9"});
    CHECK(steps(vxlan_config(), state) == Lines{"remove route 10.8.0.0/16 via 10.192.158.9"});
}

TEST_CASE("plan: the kernel's own route is not taken away for having been stated") {
    State state = after(vxlan_config(), host_state());
    Route connected;
    connected.to = parse_prefix("10.128.0.0/9").value();
    connected.protocol = RTPROT_KERNEL;
    link_in(state, "vxlan0").routes = {connected};
    const OptionValues stated{{"route", {"10.128.0.0/9"}}};
    state = after(vxlan_config(stated), state);
    CHECK(steps(vxlan_config(), state).empty());
}

TEST_CASE("plan: a default route that a flap took comes back, whatever else appeared meanwhile") {
    State state = after(isatap_config(), host_state());
    link_in(state, "sit1").routes.clear();
    Route other;
    other.to = parse_prefix("::/0").value();
    other.metric = 1024;
    other.dev = "eth0";
    state.routes = {other};
    CHECK(steps(isatap_config(), state) == Lines{"add route ::/0 via 2001:db8::5efe:c0a8:67fe"});
    CHECK(only_error(isatap_config(),
                     [&] {
                         State fresh = host_state();
                         fresh.routes = {other};
                         return fresh;
                     }())
              .find("default-route-exists {") != std::string::npos);
}

TEST_CASE("plan: a default route of the same metric by another link is known beforehand") {
    State state = host_state();
    Route other;
    other.to = parse_prefix("::/0").value();
    other.metric = 1;
    other.dev = "eth0";
    state.routes = {other};
    CHECK(only_error(isatap_config(), state).find("another-metric-needed") != std::string::npos);
    CHECK(only_error(isatap_config({{"default-route", {""}}}), state).find("interface=eth0") !=
          std::string::npos);
}

TEST_CASE("plan: an ISATAP link with a remote is made anew, since the kernel cannot clear it") {
    State state = after(isatap_config(), host_state());
    link_in(state, "sit1").tunnel.remote = parse_address("10.3.3.3").value();
    CHECK(only_error(isatap_config(), state).find("needs-replacement") != std::string::npos);
    PlanOptions options;
    options.allow_recreate = true;
    CHECK(steps(isatap_config(), state, options).front() == "delete sit1");
}

TEST_CASE("plan: what a rule's removal needs to know is asked for") {
    const OptionValues options{{"rule", {"from 172.21.0.100,table 101"}},
                               {"route", {"100.64.0.0/16,dev eth1,table 101"}}};
    const State state = after(vxlan_config(options), host_state());
    const Needs same = needs_of(vxlan_config(options), state);
    CHECK(same.rules);
    CHECK_FALSE(same.all_records);
    CHECK(same.links == std::set<std::string>{"eth1"});
    CHECK(needs_of(vxlan_config(), state).all_records);
    CHECK(same.tables.empty()); // nothing is added that could swallow something
    State without = state;
    link_in(without, "eth1").routes.clear();
    CHECK(needs_of(vxlan_config(options), without).tables == std::set<std::uint32_t>{101});
    const Needs none = needs_of(vxlan_config(), host_state());
    CHECK_FALSE(none.rules);
    CHECK(none.links.empty());
}

TEST_CASE("plan: into a VRF a new link is made, and a living one goes only when that is allowed") {
    const auto fresh = plan(vxlan_config({{"vrf", {"vrf1"}}}), host_state(), {}).tunnels.at(0);
    CHECK(std::get<CreateLink>(fresh.steps.at(0).operation).attributes.vrf == "vrf1");

    State state = after(vxlan_config({{"route", {"192.0.2.0/24"}}}), host_state());
    Address foreign;
    foreign.prefix = parse_prefix("2001:db8:5::1/64").value();
    link_in(state, "vxlan0").addresses.push_back(foreign);
    const auto moved = vxlan_config({{"vrf", {"vrf1"}}, {"route", {"192.0.2.0/24"}}});
    CHECK(only_error(moved, state).find("needs-interruption") != std::string::npos);
    PlanOptions options;
    options.allow_flap = true;
    CHECK(steps(moved, state, options) == Lines{"change vxlan0: vrf: none -> vrf1",
                                                "add 2001:db8:5::1/64", "add route 192.0.2.0/24"});
    link_in(state, "vxlan0").attributes.up = false; // then nothing is interrupted
    CHECK(plan(moved, state, {}).tunnels.at(0).errors.empty());
}

TEST_CASE("plan: routes of a tunnel in a VRF go into its table") {
    const auto config = vxlan_config({{"vrf", {"vrf1"}}, {"route", {"192.0.2.0/24"}}});
    const auto tunnel = plan(config, host_state(), {}).tunnels.at(0);
    const auto& add = std::get<Add<Route>>(tunnel.steps.back().operation);
    CHECK(add.object().table == 100);
    CHECK(only_error(vxlan_config({{"vrf", {"br0"}}}), host_state()).find("not-a-vrf") !=
          std::string::npos);
    CHECK(only_error(vxlan_config({{"vrf", {"vrf9"}}}), host_state()).find("vrf-missing") !=
          std::string::npos);
}

TEST_CASE("plan: a route that would swallow the host's own network is refused") {
    CHECK(only_error(vxlan_config({{"route", {"172.16.0.0/12"}}}), host_state())
              .find("the subnet of the local address") != std::string::npos);
    PlanOptions options;
    options.allow_overlap = true;
    CHECK(steps(vxlan_config({{"route", {"172.16.0.0/12"}}}), host_state(), options).size() == 5);
    // Out of another link, or in a table of its own, it draws nothing into the tunnel.
    CHECK(steps(vxlan_config({{"route", {"172.16.0.0/12,table 9"}}}), host_state()).size() == 5);
}

TEST_CASE("plan: a device that a tunnel makes forward is remembered, one that did already is not") {
    const Config config = vxlan_config(
        {{"forward", {""}}, {"rp-filter", {"loose"}}, {"forward-from", {"eth0", "eth1"}}});
    State state = host_state();
    link_in(state, "eth1").attributes.forward = true;
    const auto planned = plan(config, state, numbered()).tunnels.at(0);
    CHECK(planned.record.forward_from == std::vector<std::string>{"eth0"});
    CHECK(rendered(planned.steps) ==
          Lines{"create vxlan0 vni 10 port 4789", "add peers 100.64.158.4", "add 10.225.194.171/9",
                "change vxlan0: rp_filter: default -> loose, forward: default -> yes",
                "change vxlan0: up: no -> yes", "forward from eth0"});
    state = after(config, state, numbered());
    CHECK(steps(config, state).empty());
    CHECK(steps(vxlan_config(), state) ==
          Lines{"change vxlan0: rp_filter: loose -> strict, forward: yes -> no",
                "do not forward from eth0"});
}

TEST_CASE("plan: two tunnels of one run share a device that they make forward") {
    Config both = vxlan_config({{"forward-from", {"eth0"}}});
    both.tunnels.push_back(vxlan_config({{"forward-from", {"eth0"}}, {"vni", {"11"}}},
                                        "eth0 172.21.0.100 vxlan1 - 100.64.158.4")
                               .tunnels.at(0));
    const Plan planned = plan(both, host_state(), numbered());
    for (const auto& tunnel : planned.tunnels)
        CHECK(tunnel.record.forward_from == std::vector<std::string>{"eth0"});
    CHECK(rendered(planned.tunnels.at(0).steps).back() == "forward from eth0");
    CHECK(rendered(planned.tunnels.at(1).steps).back() == "change vxlan1: up: no -> yes");
    const State state = after(both, host_state(), numbered());
    CHECK(steps(vxlan_config(), state).empty()); // the other one has a part in it
}

TEST_CASE("plan: rp_filter is refused where that of all links is in effect") {
    State state = host_state();
    state.settings.all_rp_filter = RpFilter::strict;
    CHECK(
        only_error(vxlan_config({{"rp-filter", {"off"}}}), state).find("rp-filter-has-no-effect") !=
        std::string::npos);
    CHECK_FALSE(steps(vxlan_config({{"rp-filter", {"strict"}}}), state).empty());
    CHECK_FALSE(steps(vxlan_config({{"rp-filter", {"loose"}}}), state).empty());
}
