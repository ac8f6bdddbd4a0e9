// Peers by name: what their addresses make of a wish, and what the planner does without them.
#include "vxlanctl/model/names.h"

#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/plan/plan.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

std::vector<IpAddress> addresses_of(const std::vector<std::string>& texts) {
    std::vector<IpAddress> addresses;
    for (const auto& text : texts)
        addresses.push_back(parse_address(text).value());
    return addresses;
}

/// What is known of gate-a and gate-b.example, of IPv4.
NameAnswers known(const NameAnswer& a, const NameAnswer& b) {
    return {{{"gate-a.example", Family::ipv4}, a}, {{"gate-b.example", Family::ipv4}, b}};
}
const NameAnswer gone{{}, "Name or service not known"};

Tunnel tunnel_with(const std::vector<std::string>& peers) {
    std::vector<std::string> words{"eth0", "172.21.0.100", "vxlan0", "-"};
    words.insert(words.end(), peers.begin(), peers.end());
    return vxlan_from_words(words, {}, {}).value();
}

/// The wish for both names, with these answers.
Config config_of(const NameAnswers& answers) {
    Config config{Origin::cli, {tunnel_with({"gate-a.example", "gate-b.example"})}};
    put_addresses(config.tunnels[0], answers);
    return config;
}

/// The state when gate-a was .4 and .5, and gate-b .6.
State running() {
    State state = host_state();
    const auto config = config_of(known({addresses_of({"100.64.1.4", "100.64.1.5"}), ""},
                                        {addresses_of({"100.64.1.6"}), ""}));
    const auto made = plan(config, state, {}).tunnels.at(0);
    REQUIRE(made.errors.empty());
    for (const auto& step : made.steps)
        REQUIRE(simulate(state, step) == "");
    state.records[made.mark->id] = made.record;
    return state;
}

} // namespace

TEST_CASE("names: each is asked for once for each family") {
    Config config{Origin::file, {tunnel_with({"a.example", "b.example", "100.64.1.4"})}};
    config.tunnels.push_back(tunnel_with({"a.example"}));
    config.tunnels.push_back(
        vxlan_from_words(std::vector<std::string>{"-", "2001:db8::1", "vxlan6", "-", "a.example"},
                         {}, {})
            .value());
    CHECK(host_names_in(config) == std::set<NameQuery>{{"a.example", Family::ipv4},
                                                       {"a.example", Family::ipv6},
                                                       {"b.example", Family::ipv4}});
    CHECK(host_names_in({Origin::cli, {tunnel_with({"100.64.1.4"})}}).empty());
}

TEST_CASE("names: every address is a peer, sorted among the stated ones, and none twice") {
    auto tunnel = tunnel_with({"gate-a.example", "gate-b.example", "100.64.1.5", "100.64.1.9"});
    tunnel.named_peers[1].port = std::uint16_t{4790};
    put_addresses(tunnel, known({addresses_of({"100.64.1.5", "100.64.1.4"}), ""},
                                {addresses_of({"100.64.1.5"}), ""}));
    const auto entry = [](const char* dst, std::optional<std::uint16_t> port = {}) {
        return FloodEntry{parse_address(dst).value(), port, {}, ""};
    };
    CHECK(tunnel.peers == std::vector<FloodEntry>{entry("100.64.1.4"), entry("100.64.1.5"),
                                                  entry("100.64.1.5", 4790), entry("100.64.1.9")});
    CHECK(tunnel.unresolved.empty());
}

TEST_CASE("names: an address that no peer can have spoils the whole answer") {
    auto tunnel = tunnel_with({"gate-a.example", "gate-b.example"});
    put_addresses(tunnel, known({addresses_of({"100.64.1.4", "127.0.1.1"}), ""}, gone));
    CHECK(tunnel.peers->empty());
    CHECK(tunnel.unresolved ==
          std::vector<UnresolvedName>{
              {"gate-a.example",
               text_of(Code::answer_not_unicast,
                       {{"address", "127.0.1.1"}, {"obstacle", "a loopback address"}})},
              {"gate-b.example", "Name or service not known"}});
}

TEST_CASE("names: other addresses change the flood list in place") {
    const auto tunnel = plan(config_of(known({addresses_of({"100.64.1.5", "100.64.1.7"}), ""},
                                             {addresses_of({"100.64.1.6"}), ""})),
                             running(), {})
                            .tunnels.at(0);
    CHECK(rendered(tunnel.steps) == Lines{"add peers 100.64.1.7", "remove peers 100.64.1.4"});
}

TEST_CASE("names: with one that is not known nothing is removed, and what is known is added") {
    State state = running();
    const auto& macs = const_cast<Link*>(find_link(state, "vxlan0"))->macs = {MacEntry{
        MacAddress{{2, 0, 0, 0, 0, 1}}, FloodEntry{parse_address("100.64.1.4").value(), {}, {}, ""},
        2, 2, FdbOrigin::learned}};
    REQUIRE(macs.size() == 1);
    const auto added =
        plan(config_of(known({addresses_of({"100.64.1.7"}), ""}, gone)), state, {}).tunnels.at(0);
    CHECK(rendered(added.steps) == Lines{"add peers 100.64.1.7"});
    CHECK(
        told(added.warnings) ==
        Lines{
            "vxlan0: peer-name-unknown-kept {peer=gate-b.example, why=Name or service not known}"});
    const auto none = plan(config_of(known(gone, gone)), state, {}).tunnels.at(0);
    CHECK(none.steps.empty());
    CHECK(none.errors.empty());
    CHECK(none.warnings.size() == 2);
}

TEST_CASE("names: a replaced link keeps the peers of a name that is not known") {
    auto config = config_of(known({addresses_of({"100.64.1.7"}), ""}, gone));
    config.tunnels[0].tunnel.vni = 11;
    PlanOptions options;
    options.allow_recreate = true;
    const auto tunnel = plan(config, running(), options).tunnels.at(0);
    REQUIRE(tunnel.errors.empty());
    CHECK(rendered(tunnel.steps).at(1) == "add peers 100.64.1.4 100.64.1.5 100.64.1.6 100.64.1.7");
}

TEST_CASE("names: without a peer that runs, one that is not known stops the tunnel") {
    const auto config = config_of(known({addresses_of({"100.64.1.7"}), ""}, gone));
    const std::string message =
        "vxlan0: peer-name-unknown {peer=gate-b.example, why=Name or service not known}";
    State empty = running();
    const_cast<Link*>(find_link(empty, "vxlan0"))->flood_list.clear();
    for (const State& state : {host_state(), empty}) {
        const auto tunnel = plan(config, state, {}).tunnels.at(0);
        CHECK(tunnel.steps.empty());
        REQUIRE(tunnel.errors.size() == 1);
        CHECK(told(tunnel.errors[0]) == message);
        CHECK(tunnel.errors[0].kind == ErrorKind::usage);
    }
}

TEST_CASE("names: a default remote runs, too, and is kept") {
    State state = running();
    Link& link = const_cast<Link&>(*find_link(state, "vxlan0"));
    link.flood_list.clear();
    link.tunnel.remote = parse_address("100.64.1.4").value();
    const auto tunnel = plan(config_of(known(gone, gone)), state, {}).tunnels.at(0);
    CHECK(tunnel.errors.empty());
    CHECK(tunnel.steps.empty());
    CHECK(tunnel.warnings.size() == 2);
}
