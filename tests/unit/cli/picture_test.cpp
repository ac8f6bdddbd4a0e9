// What is in the picture of a state, and of wanted tunnels.
#include "vxlanctl/cli/picture.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

IpAddress address(const char* text) {
    return parse_address(text).value();
}

MacAddress mac(std::uint8_t last) {
    return MacAddress{{2, 0, 0, 0, 0, last}};
}

Link vxlan_link() {
    Link link;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.attributes.up = true;
    link.attributes.mtu = 8951;
    link.tunnel.vni = 10;
    link.tunnel.port = 4789;
    link.tunnel.dev = "eth0";
    link.tunnel.local = address("172.21.0.100");
    link.tunnel.remote = address("0.0.0.0");
    for (const char* text : {"10.225.194.171/9", "fe80::1/64"}) {
        link.addresses.emplace_back();
        link.addresses.back().prefix = parse_prefix(text).value();
    }
    for (const char* dst : {"100.64.158.4", "100.64.158.132"})
        link.flood_list.push_back({address(dst), std::nullopt, std::nullopt, ""});
    return link;
}

void learn(Link& link, std::uint8_t last, const char* dst, FdbOrigin origin = FdbOrigin::learned) {
    MacEntry entry;
    entry.mac = mac(last);
    entry.remote.dst = address(dst);
    entry.origin = origin;
    link.macs.push_back(entry);
}

Picture picture_of_link(const Link& link, const State& state = {}) {
    const std::vector<const Link*> links{&link};
    return picture_of(links, state);
}

} // namespace

TEST_CASE("picture: when each peer was last heard, in words and as a value") {
    Link link = vxlan_link();
    learn(link, 4, "100.64.158.4");
    learn(link, 9, "192.0.2.9");
    link.macs[0].times = FdbTimes{100, 30000};
    link.macs[1].times = FdbTimes{200, 200};
    State state;
    const auto line_of = [&](std::size_t far) {
        const auto end =
            picture_of_link(link, state).outer_ends.at(0).tunnels.at(0).far_ends.at(far);
        return box_text(end).lines.at(1).front();
    };
    CHECK(line_of(0) == "heard or sent to 1 s ago");
    CHECK(line_of(1) == "no MAC learned");
    CHECK(line_of(2) == "heard 2 s ago");
    state.fdb_clock = FdbClock::of_reception;
    CHECK(line_of(0) == "heard 5 min ago");
    CHECK(picture_of_link(link, state).outer_ends[0].tunnels[0].far_ends[0].activity.sent ==
          std::chrono::seconds(1));
}

TEST_CASE("picture: MACs are behind the peer that they were learned at, with what they have") {
    Link link = vxlan_link();
    learn(link, 4, "100.64.158.4");
    learn(link, 5, "100.64.158.4", FdbOrigin::pinned);
    learn(link, 9, "192.0.2.9");
    const auto neighbour = [](const char* text, std::uint8_t last) {
        return Neighbour{address(text), {{2, 0, 0, 0, 0, last}}, 0};
    };
    link.neighbours = {neighbour("10.192.158.5", 5)};
    link.found_neighbours = {neighbour("10.192.158.4", 4), neighbour("10.192.158.3", 4),
                             neighbour("fe80::4", 4), neighbour("10.192.158.77", 77)};
    const Picture picture = picture_of_link(link);
    REQUIRE(picture.outer_ends.size() == 1);
    const auto& outer = picture.outer_ends[0];
    CHECK(outer.device == "eth0");
    CHECK(outer.address == address("172.21.0.100"));
    REQUIRE(outer.tunnels.size() == 1);
    const auto& tunnel = outer.tunnels[0];
    CHECK(tunnel.inner == std::vector{parse_prefix("10.225.194.171/9").value()});
    CHECK(tunnel.is_bound);
    CHECK_FALSE(tunnel.is_down);
    REQUIRE(tunnel.far_ends.size() == 3);
    using Stations = std::vector<Station>;
    CHECK(tunnel.far_ends[0].stations ==
          Stations{{mac(4), FdbOrigin::learned, {address("10.192.158.3"), address("10.192.158.4")}},
                   {mac(5), FdbOrigin::pinned, {address("10.192.158.5")}}});
    CHECK(tunnel.far_ends[1].stations == Stations{});
    CHECK(tunnel.far_ends[2].role == FarRole::stranger);
    CHECK(tunnel.far_ends[2].outer == address("192.0.2.9"));
    CHECK(tunnel.far_ends[2].stations == Stations{{mac(9), FdbOrigin::learned, {}}});
}

TEST_CASE("picture: tunnels with one lower device and outer address are together") {
    State state;
    for (const char* name : {"vxlan0", "vxlan1", "vxlan2", "vxlan3"}) {
        Link link = vxlan_link();
        link.name = name;
        state.links.push_back(link);
    }
    state.links[1].tunnel.dev = "eth1";
    state.links[3].tunnel.local = address("172.21.0.200");
    std::vector<const Link*> links;
    for (const auto& link : std::as_const(state).links)
        links.push_back(&link);
    const Picture picture = picture_of(links, state);
    REQUIRE(picture.outer_ends.size() == 3);
    CHECK(picture.outer_ends[0].tunnels.size() == 2);
    CHECK(picture.outer_ends[0].tunnels[1].name == "vxlan2");
    CHECK(picture.outer_ends[1].device == "eth1");
    CHECK(picture.outer_ends[2].address == address("172.21.0.200"));
}

TEST_CASE("picture: without a lower device, a tunnel is at the link that has its address") {
    State state;
    state.host_addresses.push_back({parse_prefix("172.21.0.100/24").value(), {}, 2, "eth0"});
    Link link = vxlan_link();
    link.tunnel.dev = "";
    auto end = picture_of_link(link, state).outer_ends.at(0);
    CHECK(end.device == "eth0");
    CHECK(end.holder.empty());
    CHECK_FALSE(end.tunnels[0].is_bound);
    CHECK(picture_of_link(link).outer_ends[0].device.empty());
    link.tunnel.dev = "eth1"; // and the address elsewhere
    end = picture_of_link(link, state).outer_ends.at(0);
    CHECK(end.device == "eth1");
    CHECK(end.holder == "eth0");
    link.tunnel.dev = "/7";
    link.underlay_elsewhere = true;
    end = picture_of_link(link, state).outer_ends.at(0);
    CHECK(end.is_elsewhere);
    CHECK(end.device.empty());
    CHECK(end.holder.empty());
}

TEST_CASE("picture: routers, a remote end, and a multicast group have their own roles") {
    Link sit;
    sit.name = "sit1";
    sit.tunnel.kind = TunnelKind::sit;
    sit.tunnel.isatap = true;
    sit.tunnel.remote = address("0.0.0.0");
    sit.routers = {{address("192.168.103.254"), true}, {address("192.168.103.253"), false}};
    const auto isatap = picture_of_link(sit).outer_ends.at(0).tunnels.at(0);
    CHECK(isatap.kind == "ISATAP");
    CHECK(isatap.is_down);
    REQUIRE(isatap.far_ends.size() == 2);
    CHECK(isatap.far_ends[0].role == FarRole::router);
    CHECK(isatap.far_ends[0].is_default);
    CHECK_FALSE(isatap.far_ends[1].is_default);
    CHECK_FALSE(isatap.far_ends[0].stations);
    Link vxlan = vxlan_link();
    vxlan.flood_list.clear();
    vxlan.tunnel.remote = address("239.1.1.1");
    CHECK(picture_of_link(vxlan).outer_ends[0].tunnels[0].far_ends.at(0).role == FarRole::group);
    Tunnel ipip6;
    ipip6.name = "site1";
    ipip6.tunnel.kind = TunnelKind::ip6tnl;
    ipip6.tunnel.proto = 4;
    ipip6.tunnel.local = address("2001:db8::5efe:10.216.0.101");
    ipip6.tunnel.remote = address("2001:db8:1::2");
    Tunnel below;
    below.name = "sit1";
    below.addresses = {parse_prefix("2001:db8::5efe:10.216.0.101/64").value()};
    const std::vector<const Tunnel*> tunnels{&below, &ipip6};
    const auto end = picture_of(tunnels).outer_ends.at(1);
    CHECK(end.device == "sit1");
    CHECK(end.tunnels[0].kind == "ipip6");
    CHECK(end.tunnels[0].far_ends.at(0).role == FarRole::remote);
    CHECK(end.tunnels[0].far_ends.at(0).outer == address("2001:db8:1::2"));
}

TEST_CASE("picture: what is left out is counted, and never one alone") {
    Link link = vxlan_link();
    link.flood_list.clear();
    for (std::uint8_t i = 1; i <= 9; ++i) {
        IpAddress dst = address("100.64.158.0");
        dst.bytes[3] = i;
        link.flood_list.push_back({dst, std::nullopt, std::nullopt, ""});
    }
    for (std::uint8_t i = 1; i <= 5; ++i)
        learn(link, i, "100.64.158.1");
    learn(link, 8, "100.64.158.9");
    const Picture whole = picture_of_link(link);
    CHECK(summarised(whole, {}) == whole);
    learn(link, 6, "100.64.158.1");
    learn(link, 9, "100.64.159.1");
    const auto tunnel = summarised(picture_of_link(link), {}).outer_ends[0].tunnels[0];
    CHECK(tunnel.far_ends.size() == 8);
    CHECK(tunnel.more_far_ends == 2);
    CHECK(tunnel.more_stations == 2);
    CHECK(tunnel.far_ends[0].stations->size() == 4);
    CHECK(tunnel.far_ends[0].more_stations == 2);
}
