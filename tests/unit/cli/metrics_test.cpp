#include "vxlanctl/cli/measuring.h"

#include "vxlanctl/cli/report.h"

#include "json_schema.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace vxlanctl;

namespace {

TunnelMetrics tunnel(const std::string& name) {
    TunnelMetrics result;
    result.name = name;
    result.kind = "vxlan";
    result.vni = "10";
    result.port = "4789";
    result.local = "172.21.0.100";
    result.dev = "eth0";
    result.origin = "file";
    result.is_up = result.is_in_sync = true;
    result.mtu = 1450;
    result.peers = 2;
    result.learned_macs = 0;
    return result;
}

/// All lines of the text that begin so.
std::vector<std::string> lines_of(const Metrics& metrics, const std::string& begin) {
    std::istringstream text(prometheus_text(metrics));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        if (line.starts_with(begin)) lines.push_back(line);
    return lines;
}

std::string line_of(const Metrics& metrics, const std::string& begin) {
    const auto lines = lines_of(metrics, begin);
    return lines.size() == 1 ? lines.front() : std::to_string(lines.size()) + " lines";
}

Metrics with_peer(const PeerMetrics& peer) {
    Metrics metrics;
    metrics.tunnels.push_back(tunnel("vxlan0"));
    metrics.tunnels.back().each_peer.push_back(peer);
    return metrics;
}

Link vxlan_link() {
    Link link;
    link.index = 7;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    link.attributes.up = true;
    link.attributes.mtu = 1400;
    link.tunnel.kind = TunnelKind::vxlan;
    link.tunnel.vni = 10;
    link.tunnel.port = 4789;
    return link;
}

FloodEntry entry(const std::string& address) {
    FloodEntry peer;
    peer.dst = parse_address(address).value();
    return peer;
}

Record recorded_peers(const std::vector<FloodEntry>& peers) {
    Record record;
    record.keys = {"mtu", peers_key};
    record.values = {{"mtu", "1400"}};
    record.peers = peers_text(peers);
    return record;
}

} // namespace

TEST_CASE("metrics: each name has one HELP and one TYPE, and its samples come together") {
    Metrics metrics =
        with_peer({"100.64.158.4", "gate-a", true, 1, 3.0, PeerTraffic{1, 2}, PeerTraffic{3, 4}});
    metrics.version = "0.2.0";
    metrics.tunnels.push_back(tunnel("vxlan1"));
    metrics.checks.push_back({"", "vxlan0", "link", false});
    metrics.applies.push_back({"", 1764460000.123, true});
    std::istringstream text(prometheus_text(metrics));
    std::set<std::string> helped, typed, seen;
    std::string current;
    for (std::string line; std::getline(text, line);) {
        INFO(line);
        const auto name_at = [&](std::size_t from) {
            return line.substr(from, line.find_first_of(" {", from) - from);
        };
        if (line.starts_with("# HELP ")) {
            CHECK(helped.insert(name_at(7)).second);
        } else if (line.starts_with("# TYPE ")) {
            current = name_at(7);
            CHECK(typed.insert(current).second);
            CHECK(helped.contains(current));
            CHECK(line.ends_with(current.ends_with("_total") ? " counter" : " gauge"));
        } else {
            CHECK(name_at(0) == current);
            CHECK(line.find(' ', line.rfind('}')) == line.rfind(' ')); // no time behind the value
            seen.insert(current);
        }
    }
    CHECK(seen == typed);
    CHECK(seen.size() == 18);
    CHECK(seen.contains("vxlanctl_peer_transmit_packets_total"));
}

TEST_CASE("metrics: values are as they were measured") {
    Metrics metrics = with_peer({"100.64.158.4", "gate-a", true, 1, 3.0,
                                 PeerTraffic{5, 18446744073709551615U}, std::nullopt});
    metrics.version = "0.2.0";
    metrics.applies.push_back({"blue", 1764460000.123, false});
    metrics.checks.push_back({"", "", "networkd", true});
    CHECK(line_of(metrics, "vxlanctl_build_info") == "vxlanctl_build_info{version=\"0.2.0\"} 1");
    CHECK(line_of(metrics, "vxlanctl_tunnel_info") ==
          "vxlanctl_tunnel_info{netns=\"\",tunnel=\"vxlan0\",kind=\"vxlan\",vni=\"10\","
          "port=\"4789\",local=\"172.21.0.100\",dev=\"eth0\",origin=\"file\"} 1");
    CHECK(line_of(metrics, "vxlanctl_tunnel_mtu") ==
          "vxlanctl_tunnel_mtu_bytes{netns=\"\",tunnel=\"vxlan0\"} 1450");
    CHECK(line_of(metrics, "vxlanctl_tunnel_held") ==
          "vxlanctl_tunnel_held{netns=\"\",tunnel=\"vxlan0\"} 0");
    const std::string labels =
        "{netns=\"\",tunnel=\"vxlan0\",peer=\"100.64.158.4\",name=\"gate-a\"}";
    CHECK(line_of(metrics, "vxlanctl_peer_last_heard") ==
          "vxlanctl_peer_last_heard_seconds" + labels + " 3");
    CHECK(line_of(metrics, "vxlanctl_peer_receive_bytes") ==
          "vxlanctl_peer_receive_bytes_total" + labels + " 18446744073709551615");
    CHECK(lines_of(metrics, "vxlanctl_peer_transmit").empty());
    CHECK(line_of(metrics, "vxlanctl_last_apply_timestamp_seconds") ==
          "vxlanctl_last_apply_timestamp_seconds{netns=\"blue\"} 1764460000.123");
    CHECK(line_of(metrics, "vxlanctl_last_apply_success") ==
          "vxlanctl_last_apply_success{netns=\"blue\"} 0");
    CHECK(line_of(metrics, "vxlanctl_doctor_failed") ==
          "vxlanctl_doctor_failed{netns=\"\",tunnel=\"\",check=\"networkd\"} 1");
}

TEST_CASE("metrics: what is not known has no series, and a name without one is not told of") {
    Metrics metrics = with_peer(
        {"100.64.158.4", "", std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt});
    metrics.tunnels.front().mtu.reset();
    metrics.tunnels.front().peers.reset();
    const std::string text = prometheus_text(metrics);
    for (const char* name : {"vxlanctl_peer_", "mtu_bytes", "tunnel_peers", "last_apply", "doctor"})
        CHECK(text.find(name) == std::string::npos);
    CHECK(prometheus_text({}).find("tunnel") == std::string::npos);
}

TEST_CASE("metrics: a label's value is escaped") {
    CHECK(label_text("vxlan0") == "vxlan0");
    CHECK(label_text(R"(a\b"c)") == R"(a\\b\"c)");
    CHECK(label_text("one\ntwo") == R"(one\ntwo)");
    CHECK(label_text("東京") == "東京");
    CHECK(label_text("a\xff") == "a\xef\xbf\xbd");
    CHECK(label_text("\xe6\x9d") == "\xef\xbf\xbd\xef\xbf\xbd");
    Metrics metrics;
    metrics.tunnels.push_back(tunnel("a\"\n\\\xff"));
    CHECK(line_of(metrics, "vxlanctl_tunnel_up") ==
          "vxlanctl_tunnel_up{netns=\"\",tunnel=\"a\\\"\\n\\\\\xef\xbf\xbd\"} 1");
}

TEST_CASE("metrics: comments say what is left out") {
    Metrics metrics;
    metrics.tunnels.push_back(tunnel("vxlan0"));
    CHECK(lines_of(metrics, "# 1").empty());
    metrics.peers_left_out = 101;
    CHECK(lines_of(metrics, "# 101 peers are more than 100").size() == 1);
    CHECK(metrics_json(metrics).at("peers_left_out") == 101);
    CHECK(lines_of(metrics, "# Of more than 64 tunnels").empty());
    metrics.has_all_checks = false;
    CHECK(lines_of(metrics, "# Of more than 64 tunnels").size() == 1);
}

TEST_CASE("metrics: JSON has the same values") {
    Metrics metrics = with_peer(
        {"100.64.158.4", "gate-a", false, std::nullopt, std::nullopt, std::nullopt, std::nullopt});
    metrics.version = "0.2.0";
    metrics.applies.push_back({"", 1764460000.123, true});
    const auto json = nlohmann::json::parse(document_text(metrics_json(metrics)));
    CHECK(json_schema::faults(json, "metrics") == "");
    std::size_t samples = 0;
    for (const auto& family : json.at("metrics")) {
        samples += family.at("samples").size();
        if (family.at("name") == "vxlanctl_peer_present")
            CHECK(family.at("samples").at(0) ==
                  nlohmann::json::parse(
                      R"({"labels": {"netns": "", "tunnel": "vxlan0", "peer": "100.64.158.4",
                                     "name": "gate-a"}, "value": 0})"));
    }
    CHECK(samples == lines_of(metrics, "vxlanctl_").size());
}

TEST_CASE("metrics: a tunnel that no file defines is compared with its record") {
    State state;
    Link link = vxlan_link();
    link.flood_list = {entry("100.64.158.4"), entry("100.64.158.132")};
    const Record record = recorded_peers(link.flood_list);
    CHECK(is_as_recorded(link, record, state));
    Link other = link;
    other.attributes.mtu = 1300;
    CHECK_FALSE(is_as_recorded(other, record, state));
    other = link;
    other.flood_list.pop_back();
    CHECK_FALSE(is_as_recorded(other, record, state));
    Record more = record;
    more.addresses.push_back(parse_prefix("10.0.0.1/24").value());
    CHECK_FALSE(is_as_recorded(link, more, state));
    more = record;
    more.forward_from = {"eth9"};
    CHECK_FALSE(is_as_recorded(link, more, state));
    // Whoever set no peers does not care which there are.
    more = record;
    more.keys.erase(peers_key);
    more.peers.clear();
    CHECK(is_as_recorded(link, more, state));
}

TEST_CASE("metrics: peers that were asked for, and others that are there") {
    State state;
    state.fdb_clock = FdbClock::of_reception;
    Link link = vxlan_link();
    link.flood_list = {entry("100.64.158.4"), entry("100.64.158.9")};
    MacEntry mac;
    mac.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
    mac.remote = entry("100.64.158.4");
    mac.times = FdbTimes{700, 700};
    link.macs = {mac};
    Record record = recorded_peers({entry("100.64.158.4"), entry("100.64.158.132")});
    record.peer_names = {{entry("100.64.158.132"), "gate-b"}};
    state.records.emplace("0123456789abcdef", record);
    const auto told = measured({&link, nullptr, false, nullptr}, state);
    CHECK(told.origin == "cli");
    CHECK_FALSE(told.is_in_sync);
    CHECK(told.peers == 2U);
    CHECK(told.learned_macs == 1U);
    REQUIRE(told.each_peer.size() == 3);
    const auto& [here, stranger, missing] =
        std::tie(told.each_peer[0], told.each_peer[1], told.each_peer[2]);
    CHECK(here.peer == "100.64.158.4");
    CHECK(here.is_present == true);
    CHECK(here.learned_macs == 1U);
    CHECK(here.heard_before == 7.0);
    CHECK(stranger.peer == "100.64.158.9");
    CHECK(stranger.is_present == std::nullopt);
    CHECK(stranger.learned_macs == 0U);
    CHECK(stranger.heard_before == std::nullopt);
    CHECK(missing.name == "gate-b");
    CHECK(missing.is_present == false);
    CHECK(missing.learned_macs == std::nullopt);
    CHECK_FALSE(here.received);
    // Of a peer that never said anything, nothing was counted.
    const CountedPeers counted{{entry("100.64.158.4").dst, PeerCounters{1, 2, 3, 4}}};
    const auto with_counters = measured({&link, nullptr, false, &counted}, state).each_peer;
    REQUIRE(with_counters[0].received);
    CHECK(with_counters[0].received->packets == 1);
    CHECK(with_counters[0].received->bytes == 2);
    CHECK(with_counters[0].sent->packets == 3);
    CHECK(with_counters[0].sent->bytes == 4);
    REQUIRE(with_counters[1].received);
    CHECK(with_counters[1].received->bytes == 0);
    CHECK_FALSE(with_counters[2].received);
    // Before Linux 6.15 nobody knows.
    state.fdb_clock = FdbClock::of_any_use;
    CHECK(measured({&link, nullptr, false, nullptr}, state).each_peer[0].heard_before ==
          std::nullopt);
}

TEST_CASE("metrics: a tunnel that a file defines and that does not run is told of") {
    Tunnel wish;
    wish.name = "vxlan5";
    wish.tunnel.kind = TunnelKind::vxlan;
    wish.tunnel.vni = 5;
    wish.peers = {entry("100.64.158.4")};
    const auto told = measured({nullptr, &wish, false, nullptr}, State{});
    CHECK(told.name == "vxlan5");
    CHECK(told.origin == "file");
    CHECK(told.vni == "5");
    CHECK_FALSE(told.is_up);
    CHECK(told.mtu == std::nullopt);
    CHECK(told.peers == std::nullopt);
    REQUIRE(told.each_peer.size() == 1);
    CHECK(told.each_peer[0].is_present == false);
}
