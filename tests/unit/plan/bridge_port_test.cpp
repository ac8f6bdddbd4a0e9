// A tunnel that is the port of a bridge: what belongs to the port.
#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/plan.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

Config config_of(const std::string& keys) {
    const SourceText file{"a.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\ndev = \"eth0\"\n" +
                                        keys + "\n"};
    const auto parsed = parse_files(std::span(&file, 1), [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    for (const auto& problem : parsed.errors)
        FAIL(told(problem));
    return {Origin::file, {parsed.tunnels.at(0).tunnel}, {}};
}

std::string refusal_of_file(const std::string& keys) {
    const SourceText file{"a.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n" + keys + "\n"};
    const auto parsed = parse_files(std::span(&file, 1), [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    return parsed.errors.empty() ? "" : told(parsed.errors.front());
}

TunnelPlan plan_one(const std::string& keys, const State& state) {
    return plan(config_of(keys), state, {}).tunnels.at(0);
}

Lines steps(const std::string& keys, const State& state) {
    const auto one = plan_one(keys, state);
    Lines lines;
    for (const auto& problem : one.errors)
        lines.push_back(told(problem));
    for (auto& line : rendered(one.steps))
        lines.push_back(std::move(line));
    return lines;
}

} // namespace

TEST_CASE("bridge port: what is set differs from what a new port has, or is not sent") {
    CHECK(steps("master = \"br0\"\nbridge_port = { learning = false, pvid = 10 }", host_state())
              .at(1) ==
          "change vxlan0: bridge_learning: default -> no, bridge_pvid: default -> 10");
    const State state =
        after(config_of("master = \"br0\"\nbridge_port = { learning = false }"), host_state());
    CHECK(steps("master = \"br0\"\nbridge_port = { learning = false }", state).empty());
    CHECK(steps("master = \"br0\"\nbridge_port = { learning = false, unicast_flood = true, pvid = "
                "1, vlans = [] }",
                state)
              .empty());
    CHECK(
        steps("master = \"br0\"\nbridge_port = { vlans = [5, \"7-9\", \"11 untagged\"] }", state) ==
        Lines{
            "change vxlan0: bridge_learning: no -> yes, bridge_vlans: none -> 5,7-9,11 untagged"});
}

TEST_CASE("bridge port: the message with VLANs has all of them") {
    const State state =
        after(config_of("master = \"br1\"\nbridge_port = { vlans = 5 }"), host_state());
    const auto only_pvid =
        plan_one("master = \"br1\"\nbridge_port = { vlans = 5, pvid = 9 }", state);
    const auto& change = std::get<ChangeLink>(only_pvid.steps.at(0).operation);
    CHECK(change.changed.bridge_pvid == std::uint16_t{9});
    CHECK(change.changed.bridge_vlans == VlanList{{{5, 5}}});
    CHECK(only_pvid.steps.at(0).changes.size() == 1);
    CHECK(message_count(only_pvid.steps.at(0)) == 2);
}

TEST_CASE("bridge port: what is not set any more goes back to what a new port has") {
    const State state = after(
        config_of("master = \"br1\"\nbridge_port = { isolated = true, pvid = 9, vlans = [5] }"),
        host_state());
    CHECK(steps("master = \"br1\"", state) ==
          Lines{"change vxlan0: bridge_isolated: yes -> no, bridge_pvid: 9 -> 7, bridge_vlans: 5 "
                "-> none"});
    // As no port any more, it has nothing of it.
    CHECK(steps("", state) == Lines{"change vxlan0: master: br1 -> none"});
}

TEST_CASE("bridge port: on another bridge, the port keeps its settings but not its VLANs") {
    const std::string port = "bridge_port = { isolated = true }";
    State state = after(config_of("master = \"br0\"\n" + port), host_state());
    Link& link = *state.links.find("vxlan0");
    link.attributes.bridge_priority = std::uint16_t{5}; // somebody else's
    link.attributes.bridge_vlans = VlanList{{{5, 5}}};
    CHECK(steps("master = \"br1\"\n" + port, state) ==
          Lines{"change vxlan0: master: br0 -> br1, bridge_isolated: no -> yes, bridge_priority: "
                "32 -> 5"});
}

TEST_CASE("bridge port: without a bridge there is none") {
    CHECK(steps("bridge_port = { learning = false }", host_state()).at(0) ==
          "vxlan0: not-a-bridge-port {settings=bridge_learning is}");
    CHECK(steps("vrf = \"vrf1\"\nbridge_port = { learning = false, isolated = true }", host_state())
              .at(0) ==
          "vxlan0: not-a-bridge-port {settings=bridge_learning, bridge_isolated are}");
    CHECK(steps("master = \"br9\"\nbridge_port = { learning = false }", host_state()).at(0) ==
          "vxlan0: master-missing {master=br9}");
    // Who else made it one does not matter.
    State state = after(config_of(""), host_state());
    Link& link = *state.links.find("vxlan0");
    link.attributes = merged(link.attributes, new_port(1));
    link.attributes.master = "br0";
    CHECK(steps("bridge_port = { learning = false }", state) ==
          Lines{"change vxlan0: bridge_learning: yes -> no"});
}

TEST_CASE("bridge port: a table of a file says what is wrong with it") {
    CHECK(refusal_of_file("bridge_port = true").find("wrong-type") != std::string::npos);
    CHECK(refusal_of_file("bridge_port = { lerning = true }").find("did-you-mean") !=
          std::string::npos);
    CHECK(refusal_of_file("bridge_port = { learning = 1 }").find("wrong-type") !=
          std::string::npos);
    CHECK(refusal_of_file("bridge_port = { pvid = 0 }").find("not-in-range") != std::string::npos);
    CHECK(refusal_of_file("bridge_port = { vlans = [true] }").find("wrong-type") !=
          std::string::npos);
    CHECK(refusal_of_file("bridge_port = { vlans = [5, \"5-7\"] }").find("named-twice") !=
          std::string::npos);
    CHECK(refusal_of_file("bridge_learning = true").find("unknown-key") != std::string::npos);
    CHECK(refusal_of_file("bridge_port = { pvid = \"none\", vlans = [7, \"8-9\"] }").empty());
}

TEST_CASE("multicast group: beside peers, and neither without an interface nor changed in place") {
    CHECK(refusal_of_file("multicast_group = \"239.1.1.1\"").find("group-needs-dev") !=
          std::string::npos);
    CHECK(refusal_of_file("multicast_group = \"192.0.2.1\"").find("not-a-multicast-group") !=
          std::string::npos);
    CHECK(refusal_of_file("multicast_group = \"ff05::100\"").find("group-of-other-family") !=
          std::string::npos);
    const std::string group = "multicast_group = \"239.1.1.1\"\n",
                      peers = "peers = [\"192.0.2.1\"]";
    const State state = after(config_of(group), host_state());
    CHECK(steps(group, state).empty());
    CHECK(steps(group + peers, state) == Lines{"add peers 192.0.2.1"});
    CHECK(steps("multicast_group = \"239.1.1.2\"", state).at(0).find("needs-replacement") !=
          std::string::npos);
    CHECK(steps(peers, state).at(0).find("needs-replacement") != std::string::npos);
}
