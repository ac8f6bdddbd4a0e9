// Names of interfaces, and what stands on what.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

TEST_CASE("alternative names: commands on a tunnel that runs know it by one", "[kernel]") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    for (const std::string name : {"gate", "the-tunnel-to-the-gate-of-site-a"}) {
        sh(host.space, "ip link property add dev vxlan0 altname " + name);
        INFO(name);
        const auto shown = vxlanctl(host.space, "show --json " + name);
        REQUIRE(shown.code == 0);
        CHECK(nlohmann::json::parse(shown.out).at("tunnels").at(0).at("name") == "vxlan0");
        CHECK(vxlanctl(host.space, "export " + name).out.find("[vxlan.vxlan0]") !=
              std::string::npos);
        CHECK(vxlanctl(host.space, "graph " + name).code == 0);
        CHECK(vxlanctl(host.space, "firewall " + name).code == 0);
        CHECK(vxlanctl(host.space, "doctor " + name).out.starts_with("vxlan0:"));
        CHECK(vxlanctl(host.space, "set --mtu 1400 " + name).code == 0);
        CHECK(vxlanctl(host.space, "peer add " + name + " 100.64.158.9").code == 0);
        CHECK(vxlanctl(host.space, "peer del " + name + " 100.64.158.9").code == 0);
        CHECK(vxlanctl_counted(host.space, "set --mtu 1400 " + name).writes == 0);
    }
    // A new tunnel cannot have the name.
    CHECK(told(vxlanctl(host.space, "up eth0 172.21.0.100 gate - 100.64.158.4 --vni 11"),
               "alternative-name", {"vxlan0"}));
    const auto removed = vxlanctl(host.space, "down the-tunnel-to-the-gate-of-site-a");
    CHECK(removed.code == 0);
    CHECK(removed.out.starts_with("vxlan0: removed"));
    CHECK(!link_exists(host.space, "vxlan0"));
    CHECK(vxlanctl(host.space, "down gate").code == 0);
    CHECK(vxlanctl(host.space, "show gate").code == 2);
}

TEST_CASE("names in UTF-8 are shown as they are") {
    const Host host;
    RunOptions utf8;
    utf8.environment = {{"LC_ALL", "C.UTF-8"}};
    const std::string name = "\u30c8\u30f3\u30cd\u30eb";
    const auto made =
        vxlanctl(host.space, "up eth0 172.21.0.100 " + name + " - 100.64.158.4", utf8);
    CHECK(made.code == 0);
    CHECK(made.out.starts_with(name + ": created"));
    CHECK(vxlanctl(host.space, "show", utf8).out.starts_with(name + ": up"));
    CHECK(vxlanctl(host.space, "doctor " + name, utf8).out.starts_with(name + ":"));
    CHECK(vxlanctl(host.space, "set " + name + " --vni 11", utf8).err.find(name) !=
          std::string::npos);
}

TEST_CASE("a bridge that carries the tunnel cannot have it as a port") {
    const Host host;
    sh(host.space, "ip link add br0 type bridge && ip link set br0 up && "
                   "ip addr add 172.30.0.1/24 dev br0 && "
                   "ip link add link br0 name on0 type macvlan && ip link set on0 up && "
                   "ip addr add 172.31.0.1/24 dev on0");
    for (const std::string words : {"up br0 172.30.0.1 vx1 - 172.30.0.2 --master br0",
                                    "up on0 172.31.0.1 vx1 - 172.31.0.2 --master br0"}) {
        const auto refused = vxlanctl(host.space, words);
        INFO(words << refused.err);
        CHECK(refused.code == 2);
        CHECK(told(refused, "master-below", {"br0"}));
        CHECK(!link_exists(host.space, "vx1"));
    }
    // A port of the bridge may carry it: packets leave below the bridge.
    sh(host.space, "ip link set eth0 master br0");
    const auto made = vxlanctl(host.space, "up eth0 172.21.0.100 vx1 - 100.64.158.4 --master br0");
    INFO(made.err);
    CHECK(made.code == 0);
}

TEST_CASE("link-local: two underlay interfaces may have one VNI, and none is an error",
          "[kernel]") {
    const Host host;
    sh(host.space, "ip link add d1 type veth peer name p1 && ip link set d1 up && "
                   "ip link set p1 up && ip addr add fe80::1/64 dev d1 nodad && "
                   "ip link add d2 type veth peer name p2 && ip link set d2 up && "
                   "ip link set p2 up && ip addr add fe80::1/64 dev d2 nodad");
    for (const std::string number : {"1", "2"}) {
        const auto words = fmt::format("up d{0} fe80::1 vx{0} - fe80::2", number);
        const auto made = vxlanctl(host.space, words);
        INFO(made.err);
        CHECK(made.code == 0);
        CHECK(flood_list(host.space, "vx" + number) ==
              std::vector<std::string>{"fe80::2@d" + number});
        CHECK(vxlanctl_counted(host.space, words).writes == 0);
    }
    CHECK(told(vxlanctl(host.space, "up d2 fe80::1 vx3 - fe80::3"), "vni-in-use", {"vx2"}));
    const auto refused = vxlanctl(host.space, "up - fe80::1 vx3 - fe80::3 --vni 12");
    CHECK(refused.code == 2);
    CHECK(told(refused, "link-local-needs-dev", {"fe80::1"}));
    const auto file = "[vxlan.a]\ndev = \"d1\"\nlocal = \"fe80::1\"\nvni = 20\n"
                      "peers = [\"fe80::2\"]\n"
                      "[vxlan.b]\ndev = \"d2\"\nlocal = \"fe80::1\"\nvni = 20\n"
                      "peers = [\"fe80::2\"]\n";
    CHECK(apply_text(host.space, file).code == 0);
    CHECK(check_text(host.space, file).code == 0);
}
