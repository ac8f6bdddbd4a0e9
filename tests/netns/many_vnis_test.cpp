// Single VXLAN devices: many VNIs, which VLANs of a bridge become.
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

TEST_CASE("many VNIs: a single VXLAN device is shown with its VNIs and VLANs, and never changed",
          "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    const bool has_vlans =
        run(space, {"ip", "link", "add", "br0", "type", "bridge", "vlan_filtering", "1"}).code == 0;
    if (!has_vlans) sh(space, "ip link add br0 type bridge"); // CONFIG_BRIDGE_VLAN_FILTERING
    sh(space, "ip link set br0 up\n"
              "ip link add vx type vxlan external vnifilter dstport 4789 local 172.21.0.100 "
              "nolearning\n"
              "ip link set vx master br0 up\n"
              "bridge link set dev vx vlan_tunnel on\n"
              "bridge vni add dev vx vni 1010\n"
              "bridge vni add dev vx vni 1020-1029\n");
    if (has_vlans)
        sh(space, "bridge vlan add dev vx vid 10\n"
                  "bridge vlan add dev vx vid 20-29\n"
                  "bridge vlan add dev vx vid 10 tunnel_info id 1010\n"
                  "bridge vlan add dev vx vid 20-29 tunnel_info id 1020-1029\n");
    const auto before = run(space, {"bridge", "-d", "-j", "vlan", "tunnelshow"}).out +
                        run(space, {"bridge", "-j", "vni"}).out;
    const auto shown = run(space, command_of("show vx --json"));
    REQUIRE(shown.code == 0);
    const auto tunnel = nlohmann::json::parse(shown.out).at("tunnels").at(0);
    const auto range = [](int first, int last) {
        return nlohmann::json{{"first", first}, {"last", last}};
    };
    CHECK(tunnel.at("vnis") == nlohmann::json{range(1010, 1010), range(1020, 1029)});
    nlohmann::json vlans = nlohmann::json::array();
    if (has_vlans)
        vlans = {{{"vlans", range(10, 10)}, {"vnis", range(1010, 1010)}},
                 {{"vlans", range(20, 29)}, {"vnis", range(1020, 1029)}}};
    CHECK(tunnel.at("vlan_vnis") == vlans);
    const auto text = run(space, command_of("show vx")).out;
    CHECK(text.find("1010, 1020-1029") != std::string::npos);
    const auto exported = run(space, command_of("export vx")).out;
    CHECK(exported.find("accepts the VNIs 1010, 1020-1029") != std::string::npos);
    CHECK((exported.find("VLAN 10 is VNI 1010") != std::string::npos) == has_vlans);
    CHECK(exported.find("\n[vxlan.vx]") == std::string::npos);
    const auto examined = run(space, command_of("doctor vx --json"));
    CHECK(examined.out.find("evpn-many-vnis") != std::string::npos);
    CHECK(run(space, command_of("up - 172.21.0.100 vx - 172.21.0.2")).code == 4);
    CHECK(before == run(space, {"bridge", "-d", "-j", "vlan", "tunnelshow"}).out +
                        run(space, {"bridge", "-j", "vni"}).out);
    // One without VNIs has nothing to tell; a plain VXLAN is none.
    sh(space, "ip link add ext type vxlan external dstport 4800");
    const auto bare = nlohmann::json::parse(run(space, command_of("show ext --json")).out);
    CHECK(bare.at("tunnels").at(0).at("vnis") == nlohmann::json::array());
    REQUIRE(run(space, command_of("up eth0 172.21.0.100 vxlan0 - 172.21.0.2 --port 4801")).code ==
            0);
    const auto plain = nlohmann::json::parse(run(space, command_of("show vxlan0 --json")).out);
    CHECK_FALSE(plain.at("tunnels").at(0).contains("vnis"));
}
