// What runs, as a file that changes nothing.
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

namespace {

Finished apply_text(const Namespace& space, const std::string& text,
                    const std::string& options = "") {
    RunOptions input;
    input.input = text;
    return vxlanctl(space, "apply - " + options, input);
}

} // namespace

TEST_CASE("export: a device of the old script is adopted by its own file, and not touched") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type vxlan id 10 dstport 4789 srcport 4789 4789 "
                   "local 172.21.0.100 dev eth0\n"
                   "ip addr add 10.225.194.171/9 broadcast 10.255.255.255 dev vxlan0\n"
                   "ip link set vxlan0 up\nfor peer in 4 132; do\n"
                   "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.$peer\ndone\n"
                   "ip route add 10.200.0.0/16 dev vxlan0 table 101 metric 7");
    const auto exported = vxlanctl(host.space, "export");
    INFO(exported.out << exported.err);
    REQUIRE(exported.code == 0);
    for (const char* line : {"[vxlan.vxlan0]\n", "dev = \"eth0\"\n", "local = \"172.21.0.100\"\n",
                             "addresses = [\"10.225.194.171/9\"]\n", "# has the MAC address "})
        CHECK(exported.out.find(line) != std::string::npos);
    for (const char* word : {"vni", "port =", "mtu", "learning"}) // as the kernel makes them
        CHECK(exported.out.find(word) == std::string::npos);
    CHECK(vxlanctl(host.space, "export nosuch").code == 2);
    CHECK(nlohmann::json::parse(vxlanctl(host.space, "export --json").out).at("toml") ==
          exported.out);

    auto before = snapshot(host.space);
    const auto adopted = apply_text(host.space, exported.out);
    INFO(adopted.err);
    CHECK(adopted.code == 0);
    CHECK(adopted.out.find("vxlan0: adopted\n") == 0);
    auto after = snapshot(host.space);
    for (auto* state : {&before, &after})
        (*state)["links"]["vxlan0"].erase("ifalias");
    CHECK(difference(before, after) == "");
    CHECK(vxlanctl(host.space, "export").out == exported.out);
}

TEST_CASE("export: what a file cannot say is a comment, and what others gave stays theirs") {
    const Host host;
    sh(host.space,
       "ip link add plain type vxlan id 20 dstport 4789 dev eth0\nip link set plain up\n"
       "ip link add name down type vxlan id 21 dstport 4789 local 172.21.0.100 dev eth0\n"
       "ip link add remote type vxlan id 22 dstport 4789 local 172.21.0.100 remote 100.64.158.9\n"
       "ip link set remote up");
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400 --no-learning").code == 0);
    sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0"); // of VRRP
    const auto exported = vxlanctl(host.space, "export");
    INFO(exported.out);
    for (const char* part :
         {"# plain is left out: it has no local address.\n# [vxlan.plain]\n",
          "# down is left out: it is down, and would be set up.\n", "# has a default remote",
          "# A file cannot state: remote = 100.64.158.9\n",
          "# also has the address 10.225.194.200/9, which somebody else gave it\n",
          "learning = false\n", "mtu = 1400\n"})
        CHECK(exported.out.find(part) != std::string::npos);
    const auto applied = apply_text(host.space, exported.out);
    INFO(applied.err);
    CHECK(applied.code == 0);
    CHECK(applied.out.find("2 tunnels: 2 adopted\n") != std::string::npos);
    CHECK(addresses(host.space, "vxlan0").size() == 2);
    CHECK(sh(host.space, "bridge fdb show dev remote").find("100.64.158.9") != std::string::npos);
}
