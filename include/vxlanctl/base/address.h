#pragma once

#include "vxlanctl/base/error.h"

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <endian.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// An IPv4 or IPv6 address. `bytes` is in network byte order; an IPv4 address uses the first four
/// and leaves the others 0, so that comparing all of them is right.
struct IpAddress {
    Family family = Family::ipv4;
    std::array<std::uint8_t, 16> bytes{};
    /// `bytes` as numbers, the first ones in the first. Flood lists are sorted and compared by
    /// them.
    using Words = std::array<std::uint64_t, 2>;
    Words words() const {
        const auto words = std::bit_cast<Words>(bytes);
        return {be64toh(words[0]), be64toh(words[1])};
    }
    bool operator==(const IpAddress& other) const {
        const auto mine = words(), others = other.words(); // an array's comparison is a call
        return family == other.family && mine[0] == others[0] && mine[1] == others[1];
    }
    /// By family, then in numerical order.
    std::strong_ordering operator<=>(const IpAddress& other) const {
        if (family != other.family) return family <=> other.family;
        const auto mine = words(), others = other.words();
        return mine[0] != others[0] ? mine[0] <=> others[0] : mine[1] <=> others[1];
    }
};

/// An address on an interface with its prefix length (10.225.194.171/9), or a destination when all
/// host bits are 0. `length` is 0-32 or 0-128.
struct Prefix {
    IpAddress address;
    std::uint8_t length = 0;
    auto operator<=>(const Prefix&) const = default;
};

/// An Ethernet address, in transmission order.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};
    auto operator<=>(const MacAddress&) const = default;
};

/// The address's bytes in network order: 4 or 16 of them.
std::span<const std::uint8_t> wire_bytes(const IpAddress& address);
/// The inverse of wire_bytes(). Any other size than 4 or 16 gives 0.0.0.0, the caller checks it.
IpAddress address_from_wire(std::span<const std::uint8_t> bytes);
/// As long as its kind of link has it: of Ethernet a MAC address, in a tunnel an outer address.
struct LinkLayerAddress {
    std::vector<std::uint8_t> bytes;
    auto operator<=>(const LinkLayerAddress&) const = default;
};

/// 32 or 128.
std::uint8_t full_length(Family family);

/// Dotted quad or RFC 4291 text, nothing else: no name, no prefix length, no scope (%eth0).
Result<IpAddress> parse_address(std::string_view text);
/// `ADDRESS/LENGTH`, for IPv4 also `ADDRESS/DOTTED.MASK` (contiguous). The length is mandatory:
/// a guessed one would be wrong on most networks.
Result<Prefix> parse_prefix(std::string_view text);
/// Six hexadecimal bytes with colons, of a single station (no multicast, not all zero).
Result<MacAddress> parse_mac(std::string_view text);

std::string to_string(const IpAddress& address);
std::vector<std::string> texts_of(std::span<const IpAddress> addresses);
std::string to_string(const Prefix& prefix);
std::string to_string(const MacAddress& mac);
/// Hexadecimal bytes with colons, whatever it is.
std::string to_string(const LinkLayerAddress& address);

bool is_unspecified(const IpAddress& address);
bool is_loopback(const IpAddress& address);
/// 224.0.0.0/4 or ff00::/8.
bool is_multicast(const IpAddress& address);
/// 255.255.255.255 alone; a subnet's broadcast address needs the subnet, see broadcast_of().
bool is_limited_broadcast(const IpAddress& address);
/// What the address is instead of another host's: `a loopback address`; empty where it may be
/// one's.
std::string_view unicast_obstacle(const IpAddress& address);
/// 169.254.0.0/16 or fe80::/10.
bool is_link_local(const IpAddress& address);
/// The IPv4 address in an IPv4-mapped one (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2), which no
/// packet on a wire has; empty for any other address.
std::optional<IpAddress> mapped_ipv4(const IpAddress& address);
bool is_zero(const MacAddress& mac);
/// Empty where the address is none of Ethernet.
std::optional<MacAddress> mac_of(const LinkLayerAddress& address);

/// The address of `ipv4` on an ISATAP link: the /64 `prefix` with the interface identifier
/// 0200:5efe:IPV4, or 0000:5efe:IPV4 where the address is not globally unique (RFC 5214
/// section 6.1). `global` overrides which; otherwise the kernel's list decides
/// (__ipv6_isatap_ifid() in net/ipv6/addrconf.c), to which 100.64.0.0/10 is global.
IpAddress isatap_address(const Prefix& prefix, const IpAddress& ipv4, std::optional<bool> global);

/// Whether an ISATAP link can send to the address: it tells the IPv4 one (ipv6_addr_is_isatap() in
/// include/net/addrconf.h).
bool is_isatap_address(const IpAddress& address);

/// The prefix with all host bits cleared: 10.225.194.171/9 gives 10.128.0.0/9.
Prefix network_of(const Prefix& prefix);
/// The prefix's address with all host bits set; meaningful for IPv4 with a length below 31.
IpAddress broadcast_of(const Prefix& prefix);
bool contains(const Prefix& prefix, const IpAddress& address);
/// Whether one of the two contains the other.
bool overlaps(const Prefix& one, const Prefix& other);

} // namespace vxlanctl
