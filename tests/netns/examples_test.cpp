// Every file of examples/ on a host that has what it names. A host is as in world.h, that is eth0
// with 172.21.0.100/24 and MTU 9001, and more where an example needs it.
#include "names.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <map>

using namespace world;

namespace {

const std::map<std::string, std::string> hosts{
    {"soracom-gate.toml", ""},
    {"soracom-forward.toml", "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 "
                             "net.ipv4.conf.eth0.rp_filter=0"},
    {"gate-peer-a.toml", ""},
    {"gate-peer-b.toml",
     "ip addr del 172.21.0.100/24 dev eth0; ip addr add 172.21.0.101/24 dev eth0; "
     "ip route add default via 172.21.0.1"},
    {"soracom-bridge.toml", "ip link add eth1 type veth peer name wire1; ip link set eth1 up; "
                            "ip link set wire1 up; ip link add br0 type bridge; "
                            "ip link set br0 up; ip link set eth1 master br0"},
    {"two-vpgs.toml", "ip link add eth1 mtu 9001 type veth peer name wire1; ip link set eth1 up; "
                      "ip link set wire1 up; ip addr add 172.21.1.100/24 dev eth1"},
    {"two-vpgs-netns.toml", "ip link add eth1 mtu 9001 type veth peer name wire1; "
                            "ip link set eth1 up; ip link set wire1 up; "
                            "ip addr add 172.21.1.100/24 dev eth1"},
    {"peers-by-name.toml", ""},
    {"flets.toml", ""}, // needs the kinds sit and ip6tnl: tests/vm/isatap_test.cpp
};

/// What the example is about, beyond being in sync.
void check_point(const Namespace& space, const std::string& name) {
    if (name == "soracom-forward.toml") {
        CHECK(sh(space, "ip route get 10.150.0.1 from 172.21.7.7 iif eth0").find("dev vxlan0") !=
              std::string::npos);
        CHECK(sh(space, "ip route get 172.21.7.7 from 10.150.0.1 iif vxlan0")
                  .find("via 172.21.0.1 dev eth0") != std::string::npos);
    }
    if (name.starts_with("gate-peer-")) { // the virtual address comes and goes
        sh(space, "ip addr add 10.225.194.170/9 dev vxlan0");
        CHECK(vxlanctl_counted(space, "apply " EXAMPLES "/" + name).writes == 0);
        CHECK(addresses(space, "vxlan0").size() == 2);
        sh(space, "ip addr del 10.225.194.170/9 dev vxlan0");
        CHECK(vxlanctl_counted(space, "apply " EXAMPLES "/" + name).writes == 0);
    }
    if (name == "two-vpgs-netns.toml") { // tests/netns/namespaces_test.cpp sends traffic
        CHECK(sh(space, "ip -n vpg-b -br addr show dev eth1").find("172.21.1.100/24") !=
              std::string::npos);
        sh(space, "ip netns del vpg-b");
    }
    if (name == "peers-by-name.toml") {
        const std::string apply = "apply " EXAMPLES "/" + name;
        CHECK(flood_list(space, "vxlan0") ==
              std::vector<std::string>{"100.64.158.132", "100.64.158.4", "100.64.158.5"});
        Names::set_hosts("100.64.158.4 gate-a.example.net\n100.64.158.9 gate-b.example.net\n");
        CHECK(vxlanctl(space, apply).out ==
              "vxlan0: changed\n  + peer 100.64.158.9 (gate-b.example.net)\n"
              "  - peer 100.64.158.5 (gate-b.example.net)\n1 tunnel: 1 changed\n");
        Names::set_hosts("100.64.158.4 gate-a.example.net\n");
        const auto kept = vxlanctl(space, apply);
        CHECK(kept.code == 0);
        CHECK(kept.out == "vxlan0: in sync\n1 tunnel: 1 in sync\n");
        CHECK(told(kept, "peer-name-unknown-kept", {"vxlan0", "gate-b.example.net"}));
        CHECK(std::count(kept.err.begin(), kept.err.end(), '\n') == 1);
    }
    if (name == "soracom-bridge.toml") CHECK(link(space, "vxlan0").at("master") == "br0");
}

void check_example(const std::string& name, const std::string& setup) {
    INFO(name);
    const Host host;
    sh(host.space, setup);
    const std::string file = EXAMPLES "/" + name;
    const auto made = vxlanctl(host.space, "apply " + file);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("created") != std::string::npos);
    CHECK(vxlanctl(host.space, "check " + file).code == 0);
    const auto again = vxlanctl_counted(host.space, "apply " + file);
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    check_point(host.space, name);
}

} // namespace

TEST_CASE("examples: every file is applied by a test") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(EXAMPLES "")) {
        if (entry.path().extension() != ".toml") continue;
        INFO(entry.path().filename());
        CHECK(hosts.contains(entry.path().filename()));
        ++files;
    }
    CHECK(files == hosts.size());
}

TEST_CASE("examples: a file does what it says, and nothing the second time") {
    for (const auto& [name, setup] : hosts)
        if (name != "flets.toml" && name != "peers-by-name.toml") check_example(name, setup);
}

TEST_CASE("names: so does the example with peers by name") {
    const Names names("100.64.158.4 gate-a.example.net\n100.64.158.5 gate-b.example.net\n");
    check_example("peers-by-name.toml", hosts.at("peers-by-name.toml"));
}
