#include "vxlanctl/run/snapshot.h"

#include "vxlanctl/plan/snapshot_routes.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <linux/rtnetlink.h>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace vxlanctl;

namespace {

std::string sample_text() {
    std::ifstream file(SOURCE_DIRECTORY "/tests/fuzz/seeds/snapshot/gate.json");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

IpAddress address(const char* text) {
    return parse_address(text).value();
}

} // namespace

TEST_CASE("snapshot: what is written is read as the same") {
    const auto snapshot = parse_snapshot(sample_text(), "gate.json");
    REQUIRE(snapshot);
    CHECK(nlohmann::json::parse(snapshot_text(*snapshot)) == nlohmann::json::parse(sample_text()));
    const State& state = snapshot->namespaces.at("").state;
    const Link* link = find_link(state, "vxlan0");
    REQUIRE(link != nullptr);
    CHECK(link->tunnel.local == address("172.21.0.100"));
    CHECK(link->flood_list.size() == 2);
    CHECK(link->macs.size() == 1);
    CHECK(link->neighbours.size() == 1);
    CHECK(link->attributes.mtu == 1400U);
    CHECK(find_record(state, link)->keys.contains("peers"));
    CHECK(snapshot->netns == std::set<std::string>{"blue"});
}

TEST_CASE("snapshot: numbers whose default is not 0 are read as they were written") {
    NamespaceSnapshot space;
    Link link;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.flood_state = 0;
    link.flood_flags = 0;
    space.state.links.push_back(link);
    Address address_of_no_time;
    address_of_no_time.prefix = parse_prefix("10.0.0.1/8").value();
    address_of_no_time.valid_seconds = 0;
    space.addresses.push_back({7, address_of_no_time});
    Route route;
    route.to = parse_prefix("10.0.0.0/8").value();
    route.table = route.protocol = route.type = 0;
    route.other = {std::byte{0xff}, std::byte{0}};
    space.routes.push_back({7, route});
    Snapshot snapshot{"", "", "", {}, {{"", space}}};
    const auto read = parse_snapshot(snapshot_text(snapshot), "file");
    REQUIRE(read);
    const auto& again = read->namespaces.at("");
    CHECK(find_link(again.state, "vxlan0")->flood_state == 0);
    CHECK(find_link(again.state, "vxlan0")->flood_flags == 0);
    CHECK(again.addresses == space.addresses);
    CHECK(again.routes == space.routes);
}

TEST_CASE("snapshot: rules lead packets as they do in the kernel") {
    const auto snapshot = parse_snapshot(sample_text(), "gate.json");
    REQUIRE(snapshot);
    const NamespaceSnapshot& space = snapshot->namespaces.at("");
    const int eth0 = find_link(space.state, "eth0")->index;
    const auto local = address("172.21.0.100");
    // From the local address by its own table, where the rule before finds no more than a default
    // route.
    const auto by_table = look_up(space, {address("100.64.158.4"), local, 0, 4789, 0});
    CHECK(by_table.code == 0);
    CHECK(by_table.table == 100);
    CHECK(by_table.link_index == eth0);
    const auto by_default = look_up(space, {address("192.0.2.1"), std::nullopt, 0, 4789, 0});
    CHECK(by_default.table == main_table);
    CHECK(by_default.via == address("172.21.0.1"));
    CHECK(resolve_route(space, {address("192.0.2.1"), std::nullopt, 0, 0, 0}).source == local);
    CHECK(look_up(space, {local, std::nullopt, 0, 0, 0}).type == RTN_LOCAL);
    CHECK(look_up(space, {address("2001:db8::1"), std::nullopt, 0, 0, 0}).code != 0);
    CHECK(look_up(space, {address("192.0.2.1"), address("192.0.2.9"), 0, 0, 0}).code != 0);
    CHECK(unused_table(space, Family::ipv4, 100) == 101);
}
