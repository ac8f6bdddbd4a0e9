#pragma once

#include "vxlanctl/plan/arp.h"

/// Neighbour discovery for IPv6 over Ethernet (RFC 4861), without the Ethernet header.
namespace vxlanctl {

/// An IPv6 header, the advertisement, and its one option.
constexpr std::size_t advertisement_size = 40 + 24 + 8;

/// The unsolicited neighbour advertisement of an IPv6 address, to all nodes (RFC 4861 section
/// 7.2.6): whoever has a neighbour entry for the address changes that, and nobody makes one.
std::array<std::byte, advertisement_size> encode_advertisement(const Announcement& announcement);

/// Where all nodes listen: ff02::1 (RFC 2464 section 7).
constexpr MacAddress all_nodes_mac{{0x33, 0x33, 0, 0, 0, 1}};

} // namespace vxlanctl
