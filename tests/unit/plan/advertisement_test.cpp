#include "vxlanctl/plan/advertisement.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("advertisement: to all nodes, unsolicited, overriding, with the MAC address") {
    Announcement announcement{"vxlan0", 7, MacAddress{{0x02, 0, 0, 0, 0, 0x04}},
                              parse_address("2001:db8::1").value()};
    std::array<std::uint8_t, advertisement_size> expected{
        0x60, 0,    0,    0,    0,    32, 58, 255,                         // from 2001:db8::1
        0x20, 0x01, 0x0d, 0xb8, 0,    0,  0,  0,   0, 0, 0, 0, 0, 0, 0, 1, //
        0xff, 0x02, 0,    0,    0,    0,  0,  0,   0, 0, 0, 0, 0, 0, 0, 1, // to ff02::1
        136,  0,    0,    0,    0x20, 0,  0,  0,                           //
        0x20, 0x01, 0x0d, 0xb8, 0,    0,  0,  0,   0, 0, 0, 0, 0, 0, 0, 1, //
        2,    1,    0x02, 0,    0,    0,  0,  4};
    const auto check = [&](std::uint8_t flags) {
        expected[44] = flags;
        const auto bytes = encode_advertisement(announcement);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            INFO(i);
            if (i != 42 && i != 43) CHECK(std::to_integer<int>(bytes[i]) == expected[i]);
        }
        // The pseudo-header: both addresses, the length and the protocol (RFC 8200 section 8.1).
        std::uint32_t sum = 32 + 58;
        for (std::size_t i = 8; i < bytes.size(); i += 2)
            sum += std::to_integer<std::uint32_t>(bytes[i]) * 256 +
                   std::to_integer<std::uint32_t>(bytes[i + 1]);
        CHECK((sum & 0xffff) + (sum >> 16) == 0xffff);
    };
    check(0x20);
    announcement.is_router = true;
    check(0xa0);
}
