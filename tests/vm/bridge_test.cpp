// VLANs of bridge ports, by which the kernels of many hosts cannot filter.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace world;

namespace {

std::string tunnel_with(const std::string& port, const std::string& bridge = "br0") {
    return "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmaster = \"" + bridge +
           "\"\npeers = [\"100.64.158.4\"]\n" +
           (port.empty() ? "" : "bridge_port = { " + port + " }\n");
}

/// `VLAN flags`, a line each, as bridge-vlan(8) shows them.
std::string vlans(const Namespace& space) {
    return sh(space,
              "bridge -compressvlans vlan show dev vxlan0 | tail -n +2 | sed 's/^vxlan0//' | "
              "awk '{$1 = $1; print}'");
}

const std::string bridges = "ip link add br0 type bridge vlan_filtering 1; ip link set br0 up\n"
                            "ip link add br1 type bridge vlan_filtering 1 vlan_default_pvid 7\n"
                            "ip link set br1 up\n";

/// A host behind a port of the bridge whose VLAN is 10.
struct Bridged : Network {
    Bridged() {
        sh(host.space, bridges +
                           "ip link add port0 type veth peer name inner0\n"
                           "ip link set port0 master br0 up\n"
                           "bridge vlan del vid 1 dev port0\n"
                           "bridge vlan add vid 10 dev port0 pvid untagged\n"
                           "ip link set inner0 netns /proc/" +
                           std::to_string(getpid()) + "/fd/" + std::to_string(inner.descriptor()));
        sh(inner, "ip addr add 10.225.194.171/9 dev inner0; ip link set inner0 up");
    }
    Namespace inner;
};

} // namespace

TEST_CASE("bridge port: VLANs are set, put back where somebody changed them, and reset") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, bridges);
    const std::string port = "pvid = 10, vlans = [20, \"30-40\", \"50 untagged\"]";
    const std::string all = "10 PVID Egress Untagged\n20\n30-40\n50 Egress Untagged\n";
    const auto made = apply_text(space, tunnel_with(port));
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(vlans(space) == all);
    CHECK(check_text(space, tunnel_with(port)).code == 0);
    for (const char* change :
         {"bridge vlan del vid 35 dev vxlan0; bridge vlan add vid 99 dev vxlan0",
          "bridge vlan add vid 20 dev vxlan0 pvid untagged", "bridge vlan del vid 10 dev vxlan0",
          "bridge vlan add vid 30-40 dev vxlan0 untagged",
          "bridge vlan del vid 1-4094 dev vxlan0"}) {
        INFO(change);
        sh(space, change);
        CHECK(check_text(space, tunnel_with(port)).code == 3);
        const auto commands = apply_text(space, tunnel_with(port), "-n --ip-commands").out;
        INFO(commands);
        sh(space, commands);
        CHECK(vlans(space) == all);
        sh(space, change);
        CHECK(apply_text(space, tunnel_with(port)).code == 0);
        CHECK(vlans(space) == all);
    }
    CHECK(vxlanctl(space, "set vxlan0 --override --bridge-pvid none").code == 0);
    CHECK(vlans(space) == "20\n30-40\n50 Egress Untagged\n");
    CHECK(apply_text(space, tunnel_with("pvid = 20, vlans = [20, 21]")).code == 0);
    CHECK(vlans(space) == "20 PVID\n21\n");
    CHECK(apply_text(space, tunnel_with("")).code == 0);
    CHECK(vlans(space) == "1 PVID Egress Untagged\n");
    CHECK(apply_text(space, tunnel_with("pvid = 9", "br1")).code == 0);
    CHECK(apply_text(space, tunnel_with("", "br1")).code == 0);
    CHECK(vlans(space) == "7 PVID Egress Untagged\n");
}

TEST_CASE("bridge port: VLANs come back with a failure, and go to a new interface") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, bridges);
    const std::string before = tunnel_with("pvid = 10, vlans = [20]");
    REQUIRE(apply_text(space, before).code == 0);
    sh(space, "bridge vlan add vid 77 dev vxlan0; bridge link set dev vxlan0 cost 77");
    RunOptions options;
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
    for (const std::string more : {"isolated = true, pvid = 11, vlans = [21, 22]", "pvid = 10"})
        for (const std::string bridge : {"br0", "br1"}) {
            const std::string old = vlans(space);
            const std::string port = sh(space, "bridge -d link show dev vxlan0");
            options.input = tunnel_with(more, bridge) + "port = 4790\n";
            int failed = 0;
            for (int write = 1;; ++write) {
                options.environment["VXLANCTL_BREAK_WRITE"] = std::to_string(write);
                const auto finished =
                    vxlanctl(space, "apply - --allow-recreate --keep-foreign", options);
                INFO(more << " on " << bridge << ", write " << write << finished.err);
                if (finished.code == 0) break; // fewer writes than that
                ++failed;
                CHECK(finished.code == 1);
                CHECK(vlans(space) == old);
                CHECK(sh(space, "bridge -d link show dev vxlan0 | tail -n 1") ==
                      port.substr(port.find('\n') + 1));
            }
            CHECK(failed > 2);
            CHECK(apply_text(space, before, "--allow-recreate --keep-foreign").code == 0);
            CHECK(vlans(space) == "10 PVID Egress Untagged\n20\n");
        }
}

TEST_CASE("bridge port: packets pass within their VLAN alone") {
    const Bridged net;
    const Namespace& space = net.host.space;
    REQUIRE(apply_text(space, tunnel_with("pvid = 10")).code == 0);
    CHECK(reaches(net.inner, "10.192.158.4"));
    REQUIRE(apply_text(space, tunnel_with("pvid = 20")).code == 0);
    CHECK(run(net.inner, {"ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "10.192.158.4"}).code !=
          0);
    const auto judged = vxlanctl(space, "doctor vxlan0 --json");
    CHECK(judged.code == 3);
    CHECK(judged.out.find("bridge-vlans-differ") != std::string::npos);
    REQUIRE(apply_text(space, tunnel_with("pvid = 10")).code == 0);
    CHECK(reaches(net.inner, "10.192.158.4"));
}
