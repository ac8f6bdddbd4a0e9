#include "vxlanctl/plan/new_mac.h"

#include <catch2/catch.hpp>
#include <set>

using namespace vxlanctl;

namespace {

const std::string id_text = "00112233445566778899aabbccddeeff";

TunnelAttributes vxlan(std::uint32_t vni, const char* local) {
    TunnelAttributes attributes;
    attributes.vni = vni;
    attributes.local = parse_address(local).value();
    return attributes;
}

} // namespace

TEST_CASE("new mac: a machine ID is 32 hexadecimal digits, and neither zero nor another text") {
    const auto id = parse_machine_id(id_text + "\n");
    REQUIRE(id);
    CHECK((*id)[1] == 0x11);
    CHECK((*id)[15] == 0xff);
    CHECK(parse_machine_id(id_text) == id);
    for (const std::string& text :
         {std::string(), std::string("\n"), std::string("uninitialized\n"), id_text.substr(1),
          id_text + "0", id_text + "\n\n", "x" + id_text.substr(1), "-" + id_text.substr(1),
          std::string(32, '0')}) {
        INFO(text);
        CHECK_FALSE(parse_machine_id(text));
    }
}

TEST_CASE("new mac: another one for each host, name, VNI and local address, always the same") {
    const MachineId one = parse_machine_id(id_text).value();
    MachineId other = one;
    other[15] ^= 1;
    const auto example = vxlan(10, "172.21.0.100");
    // What it is made of must not change: hosts would get other addresses.
    CHECK(to_string(stable_mac(one, "vxlan0", example)) == "de:f0:67:4c:88:b0");
    const std::set<MacAddress> macs{stable_mac(one, "vxlan0", example),
                                    stable_mac(one, "vxlan0", example),
                                    stable_mac(other, "vxlan0", example),
                                    stable_mac(one, "vxlan1", example),
                                    stable_mac(one, "vxlan0", vxlan(11, "172.21.0.100")),
                                    stable_mac(one, "vxlan0", vxlan(10, "172.21.0.101")),
                                    stable_mac(one, "vxlan0", vxlan(10, "2001:db8::1"))};
    CHECK(macs.size() == 6);
    for (const auto& mac : macs)
        CHECK((mac.bytes[0] & 3) == 2); // locally administered, of a single station
}

TEST_CASE("new mac: any six bytes become an address of a single station that nobody sold") {
    CHECK(to_string(locally_administered({{0xff, 1, 2, 3, 4, 5}})) == "fe:01:02:03:04:05");
    CHECK(to_string(locally_administered({{0x00, 0, 0, 0, 0, 0}})) == "02:00:00:00:00:00");
}
