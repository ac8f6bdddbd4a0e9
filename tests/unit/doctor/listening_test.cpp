#include "vxlanctl/doctor/listening.h"

#include "vxlanctl/plan/arp.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <net/ethernet.h>

using namespace vxlanctl;

namespace {

IpAddress address(const char* text) {
    return parse_address(text).value();
}

std::vector<std::uint8_t> ipv4_from(const char* source) {
    std::vector<std::uint8_t> packet(20);
    packet[0] = 0x45;
    std::copy_n(address(source).bytes.begin(), 4, packet.begin() + 12);
    return packet;
}

std::vector<std::uint8_t> ipv6_from(const char* source) {
    std::vector<std::uint8_t> packet(40);
    packet[0] = 0x60;
    std::copy_n(address(source).bytes.begin(), 16, packet.begin() + 8);
    return packet;
}

} // namespace

TEST_CASE("listening: where packets come from") {
    CHECK(source_of(ETH_P_IP, ipv4_from("10.128.0.5")) == address("10.128.0.5"));
    CHECK(source_of(ETH_P_IPV6, ipv6_from("2001:db8::5")) == address("2001:db8::5"));
    ArpMessage message;
    message.sender = address("10.128.0.6");
    const auto bytes = encode_arp(message);
    std::vector<std::uint8_t> arp;
    for (const auto byte : bytes)
        arp.push_back(static_cast<std::uint8_t>(byte));
    CHECK(source_of(ETH_P_ARP, arp) == address("10.128.0.6"));
}

TEST_CASE("listening: what no answer could be sent to by a route is left out") {
    for (const char* source : {"0.0.0.0", "169.254.1.1", "127.0.0.1", "255.255.255.255"})
        CHECK_FALSE(source_of(ETH_P_IP, ipv4_from(source)));
    for (const char* source : {"::", "fe80::1", "::1", "ff02::1"})
        CHECK_FALSE(source_of(ETH_P_IPV6, ipv6_from(source)));
}

TEST_CASE("listening: packets that are too short, or of other protocols") {
    auto packet = ipv4_from("10.128.0.5");
    packet.pop_back();
    CHECK_FALSE(source_of(ETH_P_IP, packet));
    packet = ipv6_from("2001:db8::5");
    packet.pop_back();
    CHECK_FALSE(source_of(ETH_P_IPV6, packet));
    CHECK_FALSE(source_of(ETH_P_ARP, packet));
    CHECK_FALSE(source_of(0x88cc, ipv4_from("10.128.0.5")));
    CHECK_FALSE(source_of(ETH_P_IP, {}));
}
