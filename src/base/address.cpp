#include "vxlanctl/base/address.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/number.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace vxlanctl {
namespace {

constexpr std::size_t ipv4_size = 4;

using Words = IpAddress::Words;

IpAddress address_of(Family family, const Words& words) {
    return {family, std::bit_cast<std::array<std::uint8_t, 16>>(
                        Words{htobe64(words[0]), htobe64(words[1])})};
}

/// A prefix length's mask.
Words mask_of(std::uint8_t length) {
    const auto upper = [](int bits) {
        return bits <= 0 ? 0 : ~std::uint64_t{0} << (64 - std::min(bits, 64));
    };
    return {upper(length), upper(length - 64)};
}

/// The length of a contiguous dotted mask, or -1.
int length_of_mask(const IpAddress& mask) {
    for (int length = 0; length <= 32; ++length)
        if (mask == address_of(Family::ipv4, mask_of(static_cast<std::uint8_t>(length))))
            return length;
    return -1;
}

Result<std::uint8_t> parse_length(std::string_view text, Family family) {
    const auto number = parse_decimal(text);
    if (number && *number <= full_length(family)) return static_cast<std::uint8_t>(*number);
    if (has_leading_zero(text)) return tl::unexpected(number.error());
    if (family == Family::ipv4) {
        const auto mask = parse_address(text);
        const int length = mask && mask->family == Family::ipv4 ? length_of_mask(*mask) : -1;
        if (length >= 0) return static_cast<std::uint8_t>(length);
    }
    return error(Code::prefix_length_wrong, "",
                 {{"length", text}, {"longest", family == Family::ipv4 ? 32 : 128}});
}

} // namespace

std::span<const std::uint8_t> wire_bytes(const IpAddress& address) {
    return {address.bytes.data(),
            address.family == Family::ipv4 ? ipv4_size : address.bytes.size()};
}

IpAddress address_from_wire(std::span<const std::uint8_t> bytes) {
    IpAddress address;
    if (bytes.size() != ipv4_size && bytes.size() != address.bytes.size()) return address;
    address.family = bytes.size() == ipv4_size ? Family::ipv4 : Family::ipv6;
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
    return address;
}

std::uint8_t full_length(Family family) {
    return family == Family::ipv4 ? 32 : 128;
}

Result<IpAddress> parse_address(std::string_view text) {
    // inet_pton wants a terminator, and the longest text is known.
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() < terminated.size() && text.find('\0') == std::string_view::npos) {
        std::copy(text.begin(), text.end(), terminated.begin());
        IpAddress address;
        if (inet_pton(AF_INET, terminated.data(), address.bytes.data()) == 1) return address;
        address.family = Family::ipv6;
        address.bytes.fill(0);
        if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
    }
    return error(Code::not_an_ip_address, quote(text));
}

Result<Prefix> parse_prefix(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) {
        const auto address = parse_address(text);
        if (!address) return tl::unexpected(address.error());
        return error(Code::prefix_length_missing, quote(text));
    }
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return tl::unexpected(address.error());
    const auto length = parse_length(text.substr(slash + 1), address->family);
    if (!length) return tl::unexpected(length.error());
    return Prefix{*address, *length};
}

Result<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac;
    bool good = text.size() == 17;
    for (std::size_t i = 0; good && i < mac.bytes.size(); ++i) {
        const char* const digits = text.data() + i * 3;
        const auto [stop, problem] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
        good = problem == std::errc{} && stop == digits + 2 && (i == 5 || digits[2] == ':');
    }
    if (!good) return error(Code::not_a_mac_address, quote(text));
    if ((mac.bytes[0] & 1) != 0 || is_zero(mac)) return error(Code::mac_not_unicast, quote(text));
    return mac;
}

std::string to_string(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address.family == Family::ipv4 ? AF_INET : AF_INET6, address.bytes.data(),
              text.data(), text.size());
    return text.data();
}

std::string to_string(const Prefix& prefix) {
    return formatted("{}/{}", to_string(prefix.address), prefix.length);
}

std::string to_string(const MacAddress& mac) {
    return formatted("{:02x}", fmt::join(mac.bytes, ":"));
}

std::string to_string(const LinkLayerAddress& address) {
    return formatted("{:02x}", fmt::join(address.bytes, ":"));
}

std::vector<std::string> texts_of(std::span<const IpAddress> addresses) {
    std::vector<std::string> texts;
    for (const auto& address : addresses)
        texts.push_back(to_string(address));
    return texts;
}

bool is_unspecified(const IpAddress& address) {
    return address.bytes == IpAddress{}.bytes;
}

bool is_loopback(const IpAddress& address) {
    if (address.family == Family::ipv4) return address.bytes[0] == 127;
    IpAddress loopback{Family::ipv6, {}};
    loopback.bytes[15] = 1;
    return address == loopback;
}

bool is_multicast(const IpAddress& address) {
    return address.family == Family::ipv4 ? (address.bytes[0] & 0xf0) == 0xe0
                                          : address.bytes[0] == 0xff;
}

bool is_limited_broadcast(const IpAddress& address) {
    return address.family == Family::ipv4 &&
           std::all_of(address.bytes.begin(), address.bytes.begin() + ipv4_size,
                       [](std::uint8_t byte) { return byte == 0xff; });
}

std::string_view unicast_obstacle(const IpAddress& address) {
    if (is_unspecified(address)) return "the unspecified address";
    if (address.family == Family::ipv4 && address.bytes[0] == 0)
        return "in 0.0.0.0/8, which means this network";
    if (is_loopback(address)) return "a loopback address";
    if (is_multicast(address)) return "a multicast address";
    if (is_limited_broadcast(address)) return "the broadcast address";
    return "";
}

bool is_link_local(const IpAddress& address) {
    return address.family == Family::ipv4
               ? address.bytes[0] == 169 && address.bytes[1] == 254
               : address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

std::optional<IpAddress> mapped_ipv4(const IpAddress& address) {
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.family != Family::ipv6 ||
        !std::equal(mapped.begin(), mapped.end(), address.bytes.begin()))
        return std::nullopt;
    return address_from_wire(std::span(address.bytes).subspan(mapped.size()));
}

bool is_zero(const MacAddress& mac) {
    return mac == MacAddress{};
}

std::optional<MacAddress> mac_of(const LinkLayerAddress& address) {
    MacAddress mac;
    if (address.bytes.size() != mac.bytes.size()) return std::nullopt;
    std::copy(address.bytes.begin(), address.bytes.end(), mac.bytes.begin());
    return mac;
}

namespace {

bool is_globally_unique(const IpAddress& ipv4) {
    // The first since Linux 5.3 alone, and not 0.0.0.0/8 (ipv4_is_zeronet()).
    constexpr struct {
        std::uint8_t network[4], length;
    } others[] = {{{0, 0, 0, 0}, 32},     {{10, 0, 0, 0}, 8},        {{127, 0, 0, 0}, 8},
                  {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},     {{192, 0, 2, 0}, 24},
                  {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16},    {{198, 18, 0, 0}, 15},
                  {{224, 0, 0, 0}, 4},    {{255, 255, 255, 255}, 32}};
    return std::none_of(std::begin(others), std::end(others), [&](const auto& other) {
        return contains({address_from_wire(other.network), other.length}, ipv4);
    });
}

} // namespace

IpAddress isatap_address(const Prefix& prefix, const IpAddress& ipv4, std::optional<bool> global) {
    IpAddress address = prefix.address;
    const std::array<std::uint8_t, 4> word{
        static_cast<std::uint8_t>(global.value_or(is_globally_unique(ipv4)) ? 2 : 0), 0, 0x5e,
        0xfe};
    std::copy(word.begin(), word.end(), address.bytes.begin() + 8);
    std::copy(ipv4.bytes.begin(), ipv4.bytes.begin() + ipv4_size, address.bytes.begin() + 12);
    return address;
}

bool is_isatap_address(const IpAddress& address) {
    const auto& bytes = address.bytes;
    return address.family == Family::ipv6 && (bytes[8] & ~2) == 0 && bytes[9] == 0 &&
           bytes[10] == 0x5e && bytes[11] == 0xfe;
}

Prefix network_of(const Prefix& prefix) {
    const Words mask = mask_of(prefix.length), words = prefix.address.words();
    return {address_of(prefix.address.family, {words[0] & mask[0], words[1] & mask[1]}),
            prefix.length};
}

IpAddress broadcast_of(const Prefix& prefix) {
    const Family family = prefix.address.family;
    const Words mask = mask_of(prefix.length), whole = mask_of(full_length(family));
    const Words words = prefix.address.words();
    return address_of(family, {words[0] | (whole[0] & ~mask[0]), words[1] | (whole[1] & ~mask[1])});
}

bool contains(const Prefix& prefix, const IpAddress& address) {
    const Words mask = mask_of(prefix.length);
    const Words one = prefix.address.words(), other = address.words();
    return prefix.address.family == address.family &&
           (((one[0] ^ other[0]) & mask[0]) | ((one[1] ^ other[1]) & mask[1])) == 0;
}

bool overlaps(const Prefix& one, const Prefix& other) {
    return one.length <= other.length ? contains(one, other.address) : contains(other, one.address);
}

} // namespace vxlanctl
