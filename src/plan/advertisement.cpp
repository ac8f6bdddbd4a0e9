#include "vxlanctl/plan/advertisement.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t header_size = 40;
constexpr std::uint8_t icmpv6 = 58;

/// The sum of RFC 1071 over the pseudo-header (RFC 8200 section 8.1) and the message.
std::uint16_t checksum(std::span<const std::uint8_t> packet) {
    std::uint32_t sum = static_cast<std::uint32_t>(packet.size() - header_size) + icmpv6;
    constexpr std::size_t source = 8; // what comes before both addresses is not summed
    for (std::size_t i = source; i < packet.size(); i += 2)
        sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

} // namespace

std::array<std::byte, advertisement_size> encode_advertisement(const Announcement& announcement) {
    constexpr std::uint8_t type = 136, is_router = 0x80, overrides = 0x20;
    constexpr std::uint8_t target_link_layer = 2, option_length = 1; // in units of 8 bytes
    std::array<std::uint8_t, advertisement_size> packet{0x60, 0, 0, 0};
    packet[5] = advertisement_size - header_size;
    packet[6] = icmpv6;
    packet[7] = 255; // else it is not heeded: a router has let it pass
    const auto put = [&](std::size_t at, std::span<const std::uint8_t> bytes) {
        std::copy(bytes.begin(), bytes.end(), packet.begin() + static_cast<std::ptrdiff_t>(at));
    };
    constexpr std::array<std::uint8_t, 16> all_nodes{0xff, 2, 0, 0, 0, 0, 0, 0,
                                                     0,    0, 0, 0, 0, 0, 0, 1};
    put(8, wire_bytes(announcement.address));
    put(24, all_nodes);
    packet[header_size] = type;
    packet[44] = static_cast<std::uint8_t>(overrides | (announcement.is_router ? is_router : 0));
    put(48, wire_bytes(announcement.address));
    packet[64] = target_link_layer;
    packet[65] = option_length;
    put(66, announcement.mac.bytes);
    const std::uint16_t sum = checksum(packet);
    packet[42] = static_cast<std::uint8_t>(sum >> 8);
    packet[43] = static_cast<std::uint8_t>(sum & 0xff);
    std::array<std::byte, advertisement_size> bytes{};
    std::transform(packet.begin(), packet.end(), bytes.begin(),
                   [](std::uint8_t byte) { return std::byte{byte}; });
    return bytes;
}

} // namespace vxlanctl
