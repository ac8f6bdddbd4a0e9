// A tunnel whose peers a control plane writes: what is implied, and what is left alone.
#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/exported.h"
#include "vxlanctl/plan/plan.h"

#include <catch2/catch.hpp>
#include <linux/neighbour.h>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

const std::string evpn = "control_plane = \"evpn\"\nmaster = \"br0\"\n";
const std::string two_peers = "peers = [\"192.0.2.1\", \"192.0.2.2\"]\nmaster = \"br0\"\n";

ParsedFiles parsed(const std::string& keys) {
    const SourceText file{"a.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\ndev = \"eth0\"\n" +
                                        keys + "\n"};
    return parse_files(std::span(&file, 1), [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
}

Config config_of(const std::string& keys) {
    auto files = parsed(keys);
    for (const auto& problem : files.errors)
        FAIL(told(problem));
    return {Origin::file, {files.tunnels.at(0).tunnel}, {}};
}

std::string refusal(const std::string& keys) {
    const auto files = parsed(keys);
    return files.errors.empty() ? "" : told(files.errors.front());
}

Lines steps(const Config& config, const State& state) {
    const auto one = plan(config, state, {}).tunnels.at(0);
    Lines lines;
    for (const auto& problem : one.errors)
        lines.push_back(told(problem));
    for (auto& line : rendered(one.steps))
        lines.push_back(std::move(line));
    return lines;
}

FloodEntry entry(const char* address) {
    return {parse_address(address).value(), {}, {}, ""};
}

} // namespace

TEST_CASE("control plane: neither learns nor has peers of its own") {
    CHECK(refusal(evpn + "peers = [\"192.0.2.1\"]").find("control-plane-has-peers") !=
          std::string::npos);
    CHECK(refusal(evpn + "peers = []").find("control-plane-has-peers") != std::string::npos);
    CHECK(refusal(evpn + "learning = true").find("control-plane-learns") != std::string::npos);
    CHECK(refusal(evpn + "bridge_port = { learning = true }").find("control-plane-learns") !=
          std::string::npos);
    CHECK(refusal("control_plane = \"bgp\"").find("not-one-of") != std::string::npos);
    CHECK(refusal(evpn + "learning = false\nbridge_port = { neigh_suppress = false }").empty());
    CHECK(refusal("control_plane = \"none\"\npeers = [\"192.0.2.1\"]").empty());
}

TEST_CASE("control plane: learning is off, and the bridge answers for hosts that it knows") {
    const auto made = steps(config_of(evpn), host_state());
    CHECK(made.at(1) ==
          "change vxlan0: bridge_learning: default -> no, bridge_neigh_suppress: default -> yes");
    const State state = after(config_of(evpn), host_state());
    CHECK(state.links.find("vxlan0")->tunnel.learning == false);
    CHECK(steps(config_of(evpn), state).empty());
    CHECK(steps(config_of(evpn + "bridge_port = { neigh_suppress = false }"), state) ==
          Lines{"change vxlan0: bridge_neigh_suppress: yes -> no"});
    // No port of a bridge yet: whoever makes it one will see it in the next plan.
    CHECK(steps(config_of("control_plane = \"evpn\""), host_state()).at(0).find("create") !=
          std::string::npos);
}

TEST_CASE("control plane: what it writes is no difference, and is taken over with the interface") {
    State state = after(config_of(evpn), host_state());
    Link& link = *state.links.find("vxlan0");
    link.flood_list = {entry("192.0.2.9")};
    MacEntry mac;
    mac.remote = entry("192.0.2.9");
    for (const auto origin : {FdbOrigin::external, FdbOrigin::pinned}) {
        mac.origin = origin;
        mac.mac.bytes[5] = static_cast<std::uint8_t>(origin);
        link.macs.push_back(mac);
    }
    CHECK(steps(config_of(evpn), state).empty());
    PlanOptions exclusive;
    exclusive.exclusive = true;
    CHECK(plan(config_of(evpn), state, exclusive).tunnels.at(0).steps.empty());
    link.attributes.alias = ""; // not ours
    CHECK(steps(config_of(two_peers), state).at(0).find("run-by-another-program") !=
          std::string::npos);
    for (const auto& line : steps(config_of(evpn), state))
        CHECK(line.find("run-by-another-program") == std::string::npos);
}

TEST_CASE("control plane: recorded peers go once, without those that it has itself") {
    const State state = after(config_of(two_peers), host_state());
    Config config = config_of(evpn);
    config.tunnels[0].vteps = {parse_address("192.0.2.2").value(),
                               parse_address("192.0.2.3").value()};
    const auto lines = steps(config, state);
    CHECK(lines.back() == "remove peers 192.0.2.1");
    State evpn_state = after(config, state);
    const Link& link = *evpn_state.links.find("vxlan0");
    CHECK(link.flood_list == std::vector<FloodEntry>{entry("192.0.2.2")});
    CHECK(steps(config_of(evpn), evpn_state).empty());
    const auto exported_again = exported(link, evpn_state);
    CHECK(exported_again.tunnel.evpn);
    CHECK_FALSE(exported_again.tunnel.peers);
    CHECK_FALSE(exported_again.tunnel.tunnel.learning);

    const auto back = steps(config_of(two_peers), evpn_state);
    CHECK(back.front() == "add peers 192.0.2.1");
    CHECK(back.size() == 3);
    const State again = after(config_of(two_peers), evpn_state);
    CHECK(again.links.find("vxlan0")->tunnel.learning == true);
    CHECK(again.links.find("vxlan0")->attributes.bridge_learning == true);
    CHECK(again.links.find("vxlan0")->attributes.bridge_neigh_suppress == false);
}
