#include "vxlanctl/plan/arp.h"

#include <catch2/catch.hpp>
#include <linux/if_addr.h>

using namespace vxlanctl;

namespace {

const MacAddress mac{{0x02, 0, 0, 0, 0, 0x04}}, other_mac{{0x02, 0, 0, 0, 0, 0x84}};
const Prefix inner{parse_address("10.225.194.171").value(), 9};
const Prefix second{parse_address("10.225.194.172").value(), 9};
const Prefix virtual_address{parse_address("10.225.194.170").value(), 9};

Step adds(const Prefix& prefix) {
    Address address;
    address.prefix = prefix;
    return {Add<Address>{"vxlan0", {address}}, {}, Disruption::none};
}

State with_vxlan0(const std::vector<Prefix>& prefixes) {
    Link link;
    link.index = 7;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.attributes.up = true;
    link.attributes.mac = mac;
    for (const auto& prefix : prefixes) {
        link.addresses.emplace_back();
        link.addresses.back().prefix = prefix;
    }
    State state;
    state.links.push_back(link);
    return state;
}

} // namespace

TEST_CASE("arp: an announcement is a request whose sender and target are the address") {
    const auto bytes = encode_arp(arp_of({"vxlan0", 7, mac, inner.address}));
    const std::array<std::uint8_t, arp_size> expected{
        0, 1, 8, 0, 6, 4, 0,  1,              // Ethernet, IPv4, request
        2, 0, 0, 0, 0, 4, 10, 225, 194, 171,  // from
        0, 0, 0, 0, 0, 0, 10, 225, 194, 171}; // for
    for (std::size_t i = 0; i < arp_size; ++i) {
        INFO(i);
        CHECK(std::to_integer<int>(bytes[i]) == expected[i]);
    }
}

TEST_CASE("arp: what is encoded is decoded, padded or not, and nothing else is") {
    const ArpMessage message{ArpOperation::reply, mac, inner.address, other_mac, second.address};
    const auto encoded = encode_arp(message);
    std::vector<std::byte> bytes(encoded.begin(), encoded.end());
    CHECK(decode_arp(bytes) == message);
    bytes.resize(46);
    CHECK(decode_arp(bytes) == message);
    for (const std::size_t size : {0, 1, 27})
        CHECK_FALSE(decode_arp(std::span(bytes).first(size)));
    for (std::size_t i = 0; i < 8; ++i) { // the kinds, the lengths and the operation
        INFO(i);
        auto changed = bytes;
        changed[i] = std::byte{9};
        CHECK_FALSE(decode_arp(changed));
    }
}

TEST_CASE("arp: announced are our new IPv4 addresses on a VXLAN that is up, once each") {
    const auto announced = [](const std::vector<Step>& steps, const State& now) {
        return announcements("vxlan0", steps, {inner, second}, now);
    };
    State now = with_vxlan0({inner, second, virtual_address});
    const std::vector<Announcement> one{{"vxlan0", 7, mac, inner.address}};
    CHECK(announced({adds(inner)}, now) == one);
    CHECK(announced({adds(inner), adds(inner)}, now) == one);
    CHECK(announced({adds(inner), adds(second)}, now).size() == 2);
    SECTION("not what was there before") {
        CHECK(announced({}, now).empty());
    }
    SECTION("not what somebody else had set, and a recreate puts back") {
        CHECK(announced({adds(virtual_address)}, now).empty());
    }
    SECTION("not an address that has gone") {
        CHECK(announced({adds(inner)}, with_vxlan0({second})).empty());
        CHECK(announced({adds(inner)}, State{}).empty());
    }
    SECTION("not on a link that is down") {
        now.links[0].attributes.up = false;
        CHECK(announced({adds(inner)}, now).empty());
    }
    SECTION("not on a kind without ARP") {
        now.links[0].kind = "sit";
        CHECK(announced({adds(inner)}, now).empty());
    }
    SECTION("an IPv6 address, and whether the link forwards IPv6") {
        const Prefix ipv6{parse_address("2001:db8::1").value(), 64};
        now = with_vxlan0({ipv6});
        const auto news = [&] { return announcements("vxlan0", {adds(ipv6)}, {ipv6}, now); };
        CHECK(news() == std::vector<Announcement>{{"vxlan0", 7, mac, ipv6.address, false}});
        now.links[0].forwards_ipv6 = true;
        CHECK(news() == std::vector<Announcement>{{"vxlan0", 7, mac, ipv6.address, true}});
        for (const std::uint32_t flag : {IFA_F_TENTATIVE, IFA_F_DADFAILED}) {
            now.links[0].addresses[0].flags = flag;
            CHECK(news().empty());
        }
    }
    SECTION("all of ours where the MAC address changes") {
        LinkAttributes changed;
        changed.mac = mac;
        CHECK(announced({{ChangeLink{"vxlan0", changed}, {}, Disruption::none}}, now).size() == 2);
        changed = {};
        changed.mtu = 1400;
        CHECK(announced({{ChangeLink{"vxlan0", changed}, {}, Disruption::none}}, now).empty());
    }
}
