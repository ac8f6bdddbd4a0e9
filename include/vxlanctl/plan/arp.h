#pragma once

#include "vxlanctl/plan/operation.h"

/// ARP for IPv4 over Ethernet (RFC 826), without the Ethernet header.
namespace vxlanctl {

/// As in RFC 826: what a host asks, or answers.
enum class ArpOperation : std::uint8_t { request = 1, reply = 2 };

/// One message; the addresses are IPv4 ones.
struct ArpMessage {
    ArpOperation operation = ArpOperation::request;
    MacAddress sender_mac;
    IpAddress sender;
    MacAddress target_mac = {};
    IpAddress target;
    bool operator==(const ArpMessage&) const = default;
};

constexpr std::size_t arp_size = 28;
std::array<std::byte, arp_size> encode_arp(const ArpMessage& message);
/// Empty for what is shorter, of other kinds of addresses, or another operation; what follows the
/// message is padding.
std::optional<ArpMessage> decode_arp(std::span<const std::byte> bytes);

/// An address that a link newly has, and that others may remember another MAC address of.
struct Announcement {
    std::string link;
    int link_index = 0;
    MacAddress mac;
    IpAddress address;
    bool is_router = false; ///< of IPv6: the link forwards
    auto operator<=>(const Announcement&) const = default;
};

/// What `steps` have made worth announcing on a tunnel: the addresses that they add, or all where
/// they change the MAC address, as far as they are `ours`, and the tunnel is a VXLAN that `now` has
/// them and is up. Another kind has no neighbours. A foreign address that is put back may be
/// another host's by now, as one of VRRP, and one that is still tentative may be as well.
std::vector<Announcement> announcements(const std::string& tunnel, const std::vector<Step>& steps,
                                        const std::vector<Prefix>& ours, const State& now);

/// The ARP announcement of an IPv4 address (RFC 5227 section 2.3). It is a request rather than a
/// reply: that is what others are known to heed (section 3 there), and what Linux itself sends
/// (inetdev_send_gratuitous_arp() in net/ipv4/devinet.c).
ArpMessage arp_of(const Announcement& announcement);

} // namespace vxlanctl
