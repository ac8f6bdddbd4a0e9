// A host as files alone describe it.
#include "vxlanctl/plan/expected_host.h"

#include "vxlanctl/files/tunnel_file.h"

#include <catch2/catch.hpp>
#include <stdexcept>

using namespace vxlanctl;

namespace {

Config config_of(const std::string& text) {
    const SourceText source{"x.toml", text};
    const auto parsed = parse_files(std::span(&source, 1), [](std::size_t, const std::string&) {
        return Result<std::string>("");
    });
    if (!parsed.errors.empty()) throw std::runtime_error(to_string(parsed.errors.front()));
    Config config{Origin::file, {}};
    for (const auto& defined : parsed.tunnels)
        config.tunnels.push_back(defined.tunnel);
    return config;
}

std::string names(const State& state) {
    std::string text;
    for (const auto& link : state.links)
        text += link.name + (link.kind.empty() ? "" : "=" + link.kind) + " ";
    return text;
}

std::string addresses(const State& state) {
    std::string text;
    for (const auto& host : state.host_addresses)
        text += to_string(host.prefix) + "@" + host.link + " ";
    return text;
}

} // namespace

TEST_CASE("expected host: has what tunnels name, up, and of an unknown MTU") {
    const State state = expected_host(config_of(R"(
[vxlan.vxlan0]
dev = "eth0"
local = "192.0.2.1"
master = "br0"
peers = ["192.0.2.2"]
routes = [{ to = "10.9.0.0/16", via = "10.8.0.1", dev = "eth1" }]
forward_from = ["eth2"]
[vxlan.vxlan1]
dev = "eth0"
local = "192.0.2.1"
vni = 11
vrf = "red"
[vxlan.vxlan2]
local = "fe80::1"
dev = "eth3"
vni = 12
vrf = "blue"
peers = ["fe80::2%eth4"]
)"));
    CHECK(names(state) == "red=vrf blue=vrf br0=bridge eth0 eth1 eth2 eth3 eth4 ");
    CHECK(addresses(state) == "192.0.2.1/32@eth0 fe80::1/128@eth3 ");
    for (const auto& link : state.links) {
        CHECK(link.attributes.up == true);
        CHECK(link.carrier);
        CHECK_FALSE(link.attributes.mtu);
        CHECK(link.index != 0);
    }
    const auto table = [&](const char* name) { return find_link(state, name)->vrf_table; };
    CHECK(table("red") > 0xffff0000 - 0x20000);
    CHECK(table("red") != table("blue"));
    CHECK(table("eth0") == 0);
    CHECK(state.host_addresses[0].link_index == find_link(state, "eth0")->index);
}

TEST_CASE("expected host: has no tunnel, and no address that is another tunnel's inner one") {
    const State state = expected_host(config_of(R"(
[vxlan.lower]
dev = "eth0"
local = "192.0.2.1"
addresses = ["10.0.0.1/24"]
[vxlan.upper]
dev = "lower"
local = "10.0.0.1"
vni = 11
[vxlan.odd]
local = "10.1.0.1"
addresses = ["10.1.0.1/24"]
vni = 12
)"));
    CHECK(names(state) == "eth0 ");
    CHECK(addresses(state) == "192.0.2.1/32@eth0 10.1.0.1/32@ ");
}

TEST_CASE("without a host: what it would choose equals nothing else") {
    const auto tunnels = without_host(config_of(R"(
[vxlan.vxlan0]
dev = "auto"
local = "auto"
peers = ["192.0.2.2"]
[isatap.sit1]
local = "auto"
prefix = "2001:db8::/64"
[isatap.sit2]
local = "auto"
prefix = "2001:db8::/64"
[ipip6.site1]
local = "auto"
remote = "aftr.example.net"
)"))
                             .tunnels;
    std::set<IpAddress> locals;
    for (const auto& tunnel : tunnels)
        locals.insert(tunnel.tunnel.local.value());
    CHECK(locals.size() == 4);
    CHECK_FALSE(locals.contains(IpAddress{Family::ipv4, {}}));
    CHECK(tunnels[0].tunnel.dev->find(':') != std::string::npos); // nobody can name it
    CHECK(tunnels[1].addresses->front() != tunnels[2].addresses->front());
    CHECK(network_of(tunnels[1].addresses->front()) == parse_prefix("2001:db8::/64").value());
    CHECK(tunnels[3].tunnel.remote != tunnels[3].tunnel.local);
    CHECK(tunnels[3].tunnel.remote->family == Family::ipv6);
}

TEST_CASE("without a host: the MTU of a tunnel that carries others limits them only if it is set") {
    const auto mtus = [](const std::string& lower) {
        const auto tunnels = without_host(config_of("[vxlan.a]\ndev = \"eth0\"\n"
                                                    "local = \"192.0.2.1\"\n" +
                                                    lower + R"(
addresses = ["10.0.0.1/24"]
[vxlan.b]
dev = "a"
local = "10.0.0.1"
vni = 11
addresses = ["10.0.1.1/24"]
[vxlan.c]
dev = "b"
local = "10.0.1.1"
vni = 12
)"))
                                 .tunnels;
        return std::vector{tunnels[0].link.mtu.value_or(0), tunnels[1].link.mtu.value_or(0),
                           tunnels[2].link.mtu.value_or(0)};
    };
    CHECK(mtus("mtu = 1400") == std::vector{1400U, 1350U, 0U});
    CHECK(mtus("") == std::vector{65000U, 64950U, 0U});
}
