#include "vxlanctl/plan/arp.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <map>
#include <set>

namespace vxlanctl {
namespace {

// Hardware type Ethernet, protocol type IPv4, and the lengths of the two addresses.
constexpr std::array<std::uint8_t, 6> ethernet_and_ipv4{0, 1, 0x08, 0x00, 6, 4};
constexpr std::size_t address_size = 4; // of IPv4

/// Our addresses, and whether the steps add them.
std::map<Prefix, bool> prefixes_in(const std::vector<Step>& steps,
                                   const std::vector<Prefix>& ours) {
    std::map<Prefix, bool> prefixes;
    for (const auto& prefix : ours)
        prefixes.emplace(prefix, false);
    for (const auto& step : steps)
        if (const auto* const add = std::get_if<Add<Address>>(&step.operation))
            if (const auto own = prefixes.find(add->object().prefix); own != prefixes.end())
                own->second = true;
    return prefixes;
}

} // namespace

std::array<std::byte, arp_size> encode_arp(const ArpMessage& message) {
    std::array<std::byte, arp_size> bytes{};
    auto* at = bytes.begin();
    const auto put = [&](std::span<const std::uint8_t> part) {
        at = std::transform(part.begin(), part.end(), at,
                            [](std::uint8_t byte) { return std::byte{byte}; });
    };
    const std::array<std::uint8_t, 2> operation{0, static_cast<std::uint8_t>(message.operation)};
    put(ethernet_and_ipv4);
    put(operation);
    put(message.sender_mac.bytes);
    put(wire_bytes(message.sender).first(address_size));
    put(message.target_mac.bytes);
    put(wire_bytes(message.target).first(address_size));
    return bytes;
}

std::optional<ArpMessage> decode_arp(std::span<const std::byte> bytes) {
    if (bytes.size() < arp_size) return std::nullopt;
    const auto take = [&](std::span<std::uint8_t> part) {
        std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part.size()),
                       part.begin(),
                       [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
        bytes = bytes.subspan(part.size());
    };
    std::array<std::uint8_t, 6> kinds{};
    std::array<std::uint8_t, 2> operation{};
    std::array<std::uint8_t, address_size> sender{}, target{};
    ArpMessage message;
    take(kinds);
    take(operation);
    take(message.sender_mac.bytes);
    take(sender);
    take(message.target_mac.bytes);
    take(target);
    if (kinds != ethernet_and_ipv4 || operation[0] != 0) return std::nullopt;
    message.operation = ArpOperation{operation[1]};
    if (message.operation != ArpOperation::request && message.operation != ArpOperation::reply)
        return std::nullopt;
    message.sender = address_from_wire(sender);
    message.target = address_from_wire(target);
    return message;
}

std::vector<Announcement> announcements(const std::string& tunnel, const std::vector<Step>& steps,
                                        const std::vector<Prefix>& ours, const State& now) {
    const Link* const link = find_link(now, tunnel);
    if (link == nullptr || link->kind != "vxlan" || !link->attributes.up.value_or(false) ||
        !link->attributes.mac)
        return {};
    const auto is_usable = [](const Address& address) {
        return (address.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
    };
    const bool is_moved = std::any_of(steps.begin(), steps.end(), [](const Step& step) {
        const auto* const change = std::get_if<ChangeLink>(&step.operation);
        return change != nullptr && change->changed.mac;
    });
    std::set<Announcement> found;
    for (const auto& [prefix, is_new] : prefixes_in(steps, ours)) {
        const auto present = std::find_if(
            link->addresses.begin(), link->addresses.end(),
            [&, wanted = prefix](const Address& address) { return address.prefix == wanted; });
        if ((is_new || is_moved) && present != link->addresses.end() && is_usable(*present))
            found.insert({tunnel, link->index, *link->attributes.mac, prefix.address,
                          link->forwards_ipv6 && prefix.address.family == Family::ipv6});
    }
    return {found.begin(), found.end()};
}

ArpMessage arp_of(const Announcement& announcement) {
    return {
        ArpOperation::request, announcement.mac, announcement.address, {}, announcement.address};
}

} // namespace vxlanctl
