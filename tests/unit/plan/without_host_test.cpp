// What is wrong with files on any host.
#include "vxlanctl/plan/without_host.h"

#include "random.h"
#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/plan.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

struct Judged {
    Lines errors, warnings;
};

Judged judged(const std::string& text) {
    const SourceText source{"x.toml", text};
    const auto parsed = parse_files(std::span(&source, 1), [](std::size_t, const std::string&) {
        return Result<std::string>("");
    });
    REQUIRE(told(parsed.errors).empty());
    Config config{Origin::file, {}};
    for (const auto& defined : parsed.tunnels)
        config.tunnels.push_back(defined.tunnel);
    const auto faults = judge_without_host(std::move(config));
    return {told(faults.errors), told(faults.warnings)};
}

/// A VXLAN of that name with further lines.
std::string vxlan(const std::string& name, const std::string& lines,
                  const std::string& local = "192.0.2.1") {
    return "[vxlan." + name + "]\ndev = \"eth0\"\nlocal = \"" + local + "\"\n" + lines + "\n";
}

void check_good(const std::string& text) {
    const auto result = judged(text);
    INFO(text);
    CHECK(result.errors.empty());
    CHECK(result.warnings.empty());
}

} // namespace

TEST_CASE("without a host: what nobody can object to is not objected to") {
    check_good(vxlan("a", "addresses = [\"10.0.0.1/24\"]\npeers = [\"198.51.100.2\"]"));
    check_good(vxlan("a", "mtu = 8000\nmaster = \"br0\"\nforward_from = [\"eth3\"]"));
    check_good(vxlan("a", "vrf = \"red\"\naddresses = [\"198.51.100.1/24\"]\n"
                          "peers = [\"198.51.100.2\"]"));
    // The file of all hosts.
    check_good("[vxlan.a]\ndev = \"auto\"\nlocal = \"auto\"\nmtu = \"path\"\n"
               "addresses = [\"10.0.0.1/24\"]\npeers = [\"192.0.2.1\", \"192.0.2.2\"]\n");
    check_good(vxlan("a", "peers = [\"192.0.2.1\", \"192.0.2.2\"]"));
    check_good(vxlan("a", "peers = [\"gate.example.net\"]"));
    // Tunnels on tunnels, with an MTU that the host leaves to them.
    check_good(vxlan("a", "addresses = [\"10.0.0.1/24\"]\npeers = [\"198.51.100.2\"]") +
               "[vxlan.b]\ndev = \"a\"\nlocal = \"10.0.0.1\"\nvni = 11\nmtu = 8000\n"
               "peers = [\"10.0.0.2\"]\n");
    check_good("[isatap.sit1]\nlocal = \"192.0.2.1\"\nprefix = \"2001:db8::/64\"\n"
               "routers = [{ address = \"192.0.2.2\" }]\n"
               "[isatap.sit2]\nlocal = \"auto\"\nprefix = \"2001:db8:0:1::/64\"\n"
               "[ipip6.site1]\nlocal = \"auto\"\nremote = \"aftr.example.net\"\n"
               "addresses = [\"192.0.0.2/29\"]\n");
}

TEST_CASE("without a host: contradictions are the planner's, all at once") {
    const auto two = judged(vxlan("a", "label = 5\nmaster = \"a\"") + vxlan("b", "") +
                            vxlan("c", "port = 4790"));
    CHECK(two.errors == Lines{"b: vni-in-use {vni=10, port=4789, interface=a}",
                              "a: label-over-ipv4 {local=192.0.2.1}",
                              "a: master-is-tunnel {master=a}"});
    CHECK(judged(vxlan("a", "addresses = [\"192.0.2.1/32\"]")).errors ==
          Lines{"a: inner-is-outer {inner=192.0.2.1, role=the local address}"});
    CHECK(judged("[vxlan.a]\nlocal = \"auto\"\nlabel = 5\n").errors ==
          Lines{"a: label-over-ipv4 {local=auto}"});
    CHECK(judged(vxlan("a", "peers = [\"192.0.2.1\"]")).errors == Lines{"a: only-own-peers"});
    CHECK(judged(vxlan("a", "master = \"red\"") + vxlan("b", "vni = 11\nvrf = \"red\"")).errors ==
          Lines{"a: master-not-a-bridge {master=red, kind=vrf}"});
    CHECK(judged(vxlan("a", "forward_from = [\"b\"]") + vxlan("b", "vni = 11\nforward = false"))
              .errors == Lines{"a: forward-contradicts {other=b}"});
    const auto same_ends = judged("[isatap.s1]\nlocal = \"192.0.2.1\"\nprefix = \"2001:db8::/64\"\n"
                                  "[isatap.s2]\nlocal = \"192.0.2.1\"\n"
                                  "prefix = \"2001:db8:0:1::/64\"\n");
    CHECK(same_ends.errors == Lines{"s2: ends-in-use {interface=s1}"});
}

TEST_CASE("without a host: what follows from another error is not told") {
    const std::string upper = "[vxlan.b]\ndev = \"a\"\nlocal = \"10.0.0.1\"\nvni = 11\n";
    CHECK(judged(vxlan("a", "label = 5\naddresses = [\"10.0.0.1/24\"]") + upper).errors ==
          Lines{"a: label-over-ipv4 {local=192.0.2.1}"});
    const auto circle = judged("[vxlan.a]\ndev = \"b\"\nlocal = \"192.0.2.1\"\n" + upper +
                               "addresses = [\"192.0.2.1/24\"]\n");
    CHECK_FALSE(circle.errors.empty());
}

TEST_CASE("without a host: a peer inside the tunnel's own networks") {
    const std::string lines = "addresses = [\"10.0.0.1/8\"]\npeers = [\"10.9.0.2\"]\n";
    CHECK(judged(vxlan("a", lines)).errors ==
          Lines{"a: peer-leads-into-tunnel {peers=10.9.0.2, prefix=10.0.0.0/8}"});
    check_good(vxlan("a", lines + "allow_overlap = true"));
    CHECK(judged(vxlan("a", "routes = [{ to = \"198.51.100.0/24\" }]\n"
                            "peers = [\"198.51.100.2\", \"198.51.100.3\"]"))
              .errors == Lines{"a: peer-leads-into-tunnel {peers=198.51.100.2, 198.51.100.3, "
                               "prefix=198.51.100.0/24}"});
    // Out of the way by routes of the file: of a longer prefix, or of a table that a rule leads to.
    check_good(vxlan("a", lines + "routes = [{ to = \"10.9.0.0/16\", via = \"192.0.2.9\", "
                                  "dev = \"eth0\" }]"));
    check_good(vxlan("a", lines + "rules = [{ from = \"192.0.2.1\", table = 100 }]\n"
                                  "routes = [{ to = \"default\", via = \"192.0.2.9\", "
                                  "dev = \"eth0\", table = 100 }]"));
    check_good(vxlan("a", "routes = [{ to = \"198.51.100.0/24\", table = 100 }]\n"
                          "peers = [\"198.51.100.2\"]"));
    // Not known: what the table has, and which address a rule would be for.
    const Lines unsure{"a: peer-may-lead-into-tunnel {peers=10.9.0.2, prefix=10.0.0.0/8}"};
    const auto ruled =
        judged(vxlan("a", lines + "rules = [{ from = \"192.0.2.1\", table = 100 }]"));
    CHECK(ruled.errors.empty());
    CHECK(ruled.warnings == unsure);
    const auto automatic = judged("[vxlan.a]\nlocal = \"auto\"\n" + lines);
    CHECK(automatic.errors.empty());
    CHECK(automatic.warnings == unsure);
}

TEST_CASE("without a host: a peer behind another tunnel") {
    const std::string lower = vxlan("a", "addresses = [\"10.0.0.1/24\"]");
    const std::string upper = "vni = 11\npeers = [\"10.0.0.2\"]";
    CHECK(judged(lower + vxlan("b", upper, "192.0.2.7")).warnings ==
          Lines{"b: peer-behind-other-tunnel {peers=10.0.0.2, prefix=10.0.0.0/24, other=a}"});
    check_good(lower + "[vxlan.b]\ndev = \"a\"\nlocal = \"192.0.2.7\"\n" + upper + "\n");
    check_good(lower + "[vxlan.b]\nlocal = \"10.0.0.1\"\n" + upper + "\n");
    check_good(vxlan("a", "vrf = \"red\"\naddresses = [\"10.0.0.1/24\"]") + vxlan("b", upper));
}

TEST_CASE("without a host: inner addresses and networks of two tunnels") {
    const auto two = [](const std::string& one, const std::string& other,
                        const std::string& more = "") {
        return vxlan("a", "addresses = [\"" + one + "\"]") +
               vxlan("b", "vni = 11\naddresses = [\"" + other + "\"]\n" + more);
    };
    CHECK(judged(two("10.0.0.1/24", "10.0.0.2/24")).warnings ==
          Lines{"b: inner-network-twice {network=10.0.0.0/24, other=a}"});
    CHECK(judged(two("10.0.0.1/24", "10.0.0.2/16")).warnings ==
          Lines{"a: inner-network-within {network=10.0.0.0/24, other_network=10.0.0.0/16, "
                "other=b}"});
    CHECK(judged(two("10.0.0.1/24", "10.0.0.1/32")).warnings ==
          Lines{"b: inner-address-twice {address=10.0.0.1, other=a}"});
    check_good(two("10.0.0.1/24", "10.0.0.2/32"));
    check_good(two("fe80::1/64", "fe80::2/64"));
    check_good(two("10.0.0.1/24", "10.0.0.1/24", "vrf = \"red\""));
}

TEST_CASE("without a host: what some host takes has no error, and each message is about a tunnel") {
    std::size_t taken = 0, refused = 0;
    for (unsigned seed = first_seed(), i = 0; i < seeds(2000); ++i, ++seed) {
        Chance chance(seed);
        Config config{Origin::file, {}};
        for (int count = 1 + chance.below(3); count > 0; --count) {
            config.tunnels.push_back(random_tunnel(chance, seed));
            config.tunnels.back().name += std::to_string(count);
        }
        const auto plans = plan(config, host_state(), {}).tunnels;
        const bool is_taken = std::all_of(plans.begin(), plans.end(),
                                          [](const auto& tunnel) { return tunnel.errors.empty(); });
        const auto faults = judge_without_host(config);
        INFO(seed);
        for (const auto* messages : {&faults.errors, &faults.warnings})
            for (const auto& message : *messages) {
                INFO(told(message));
                CHECK(std::any_of(
                    config.tunnels.begin(), config.tunnels.end(),
                    [&](const Tunnel& tunnel) { return tunnel.name == message.subject; }));
            }
        ++(is_taken ? taken : refused);
        for (const auto& error : faults.errors) {
            INFO(told(error));
            // Of this one, a host's own routes decide.
            CHECK((!is_taken || error.code == Code::peer_leads_into_tunnel));
        }
    }
    CHECK(taken > 10);
    CHECK(refused > 10);
}
