// Several tunnels in one run of a transaction, by the library.
#include "vxlanctl/run/carry_out.h"
#include "vxlanctl/run/reader.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;
using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// The wanted tunnels vxlan0 to vxlan2, with the inner addresses 2001:db8:50::1/64 and so on.
Config three_tunnels() {
    Config config;
    for (unsigned i = 0; i < 3; ++i) {
        Tunnel tunnel;
        tunnel.name = fmt::format("vxlan{}", i);
        tunnel.tunnel.vni = 10 + i;
        tunnel.tunnel.port = 4789;
        tunnel.link.up = true;
        tunnel.tunnel.local = parse_address("172.21.0.100").value();
        tunnel.tunnel.dev = "eth0";
        tunnel.addresses = {parse_prefix(fmt::format("2001:db8:5{}::1/64", i)).value()};
        tunnel.peers = {{parse_address("100.64.158.4").value(), std::nullopt, std::nullopt, ""}};
        config.tunnels.push_back(std::move(tunnel));
    }
    return config;
}

/// Carries it out; `progress` is called as the transaction does it.
std::vector<Result<void>>
carry_out(const Namespace& space, const Config& config,
          const std::function<void(std::size_t done, std::size_t total)>& progress) {
    auto there = NetworkNamespace::open(fmt::format("/proc/self/fd/{}", space.descriptor()));
    REQUIRE(there);
    const Kernel kernel(std::move(*there));
    auto socket = kernel.netlink();
    auto records = RuntimeDirectory::open(kernel);
    REQUIRE((socket && records));
    REQUIRE(records->lock(std::chrono::seconds(60), "test", [](const std::string&) {}));
    Netlink netlink(*socket);
    const auto before = read_state(netlink, &*records, request_for(config));
    REQUIRE(before);
    const PlanOptions options{.failed = {}, .new_id = [number = 0](const std::string&) mutable {
                                  return fmt::format("{:016x}", ++number);
                              }};
    const Plan made = plan(config, *before, options);
    TransactionContext context{kernel, netlink, *records, progress};
    return vxlanctl::carry_out(context, config, made.tunnels, *before, options);
}

/// The link's IPv6 address, as `ip -j` tells it.
nlohmann::json address_on(const Namespace& space, const std::string& link) {
    return json_of(space, "ip -j -6 addr show scope global dev " + link)
        .at(0)
        .at("addr_info")
        .at(0);
}

} // namespace

TEST_CASE("batch: several tunnels are made in one run, and their addresses are usable") {
    const Host host;
    std::vector<std::size_t> counts;
    std::size_t all = 0;
    const auto results = carry_out(host.space, three_tunnels(), [&](auto done, auto total) {
        counts.push_back(done);
        all = total;
    });
    REQUIRE(results.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        INFO(i);
        REQUIRE(results[i]);
        const std::string name = fmt::format("vxlan{}", i);
        CHECK(flood_list(host.space, name) == Strings{"100.64.158.4"});
        CHECK(!address_on(host.space, name).contains("tentative"));
    }
    CHECK(std::is_sorted(counts.begin(), counts.end()));
    CHECK(counts.back() == all);
}

TEST_CASE("batch: what is not in effect for one tunnel in the end is undone for that one alone") {
    const Host host;
    const auto results = carry_out(host.space, three_tunnels(), [&](auto done, auto total) {
        if (done == total)
            sh(host.space, "bridge fdb del 00:00:00:00:00:00 dev vxlan1 dst "
                           "100.64.158.4");
    });
    CHECK(results[0]);
    REQUIRE(!results[1]);
    INFO(to_string(results[1].error()));
    CHECK(results[1].error().kind == ErrorKind::kernel);
    CHECK(results[1].error().subject == "vxlan1");
    CHECK(results[1].error().code == Code::not_in_effect);
    CHECK(results[1].error().value("steps") == "add peer 100.64.158.4");
    CHECK(results[2]);
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.4"});
    CHECK(!link_exists(host.space, "vxlan1"));
    CHECK(flood_list(host.space, "vxlan2") == Strings{"100.64.158.4"});
    CHECK(sh(host.space, "ls -R /run/vxlanctl").find("0000000000000002") == std::string::npos);
}

TEST_CASE("batch: an address that another host has costs its own tunnel alone") {
    const Network network;
    const Namespace& space = network.host.space;
    // The peer's tunnel leads to vxlan0, whose VNI it has.
    sh(*network.peers[0], "sysctl -qw net.ipv6.conf.vxlan0.disable_ipv6=0\n"
                          "ip addr add 2001:db8:50::1/64 dev vxlan0 nodad");
    const auto results = carry_out(space, three_tunnels(), {});
    REQUIRE(!results[0]);
    INFO(to_string(results[0].error()));
    CHECK(results[0].error().code == Code::address_is_taken);
    CHECK(results[0].error().value("address") == "2001:db8:50::1/64");
    CHECK(!link_exists(space, "vxlan0"));
    CHECK(results[1]);
    CHECK(results[2]);
    CHECK(!address_on(space, "vxlan2").contains("tentative"));
}
