#include "vxlanctl/doctor/inside.h"

#include "vxlanctl/base/lists.h"

#include <array>

namespace vxlanctl {
namespace {

bool is_isatap(const Link& link) {
    return link.tunnel.isatap.value_or(false);
}

/// Which of the two forms a router has depends on whether its IPv4 address is global, and on the
/// program that made it (RFC 5214 section 6.1): both may be asked.
std::vector<IpAddress> addresses_of_router(const Link& link, const IpAddress& router) {
    std::vector<Prefix> prefixes{{IpAddress{Family::ipv6, {0xfe, 0x80}}, 64}};
    for (const auto& address : link.addresses)
        if (is_isatap_address(address.prefix.address) && !is_automatic(address))
            prefixes.push_back(network_of({address.prefix.address, 64}));
    std::vector<IpAddress> all;
    for (const auto& prefix : prefixes)
        for (const bool global : {false, true})
            all.push_back(isatap_address(prefix, router, global));
    return all;
}

/// Of a network that has room for two hosts, and that of DS-Lite, where the provider's end has the
/// first address (RFC 6333 section 5.7).
std::optional<IpAddress> other_host(const Prefix& own) {
    const IpAddress network = network_of(own).address;
    const IpAddress ds_lite{Family::ipv4, {192}};
    IpAddress other = own.address;
    if (own.length + 1 == full_length(own.address.family)) {
        other.bytes[3] ^= 1;
    } else if (own.length == 30) {
        other.bytes[3] ^= 3;
        if (other == network || other == broadcast_of(own)) return std::nullopt;
    } else if (network == ds_lite && own.length == 29) {
        other = ds_lite;
        other.bytes[3] = 1;
    } else {
        return std::nullopt;
    }
    return other == own.address ? std::nullopt : std::optional(other);
}

} // namespace

std::optional<IpAddress> embedded_ipv4(const IpAddress& address) {
    if (!is_isatap_address(address)) return std::nullopt;
    return address_from_wire(std::span(address.bytes).subspan(12));
}

std::vector<IpAddress> inside_addresses(const Link& link, const IpAddress& end) {
    const Family inside = link.tunnel.kind == TunnelKind::sit ? Family::ipv6 : Family::ipv4;
    std::vector<IpAddress> all;
    const auto add = [&](const std::optional<IpAddress>& address) {
        if (address && address->family == inside && !is_in(all, *address)) all.push_back(*address);
    };
    for (const auto& route : link.routes)
        if (!is_isatap(link) || (route.via && embedded_ipv4(*route.via) == end)) add(route.via);
    if (is_isatap(link))
        for (const auto& address : addresses_of_router(link, end))
            add(address);
    for (const auto& address : link.addresses) {
        add(address.peer);
        if (address.prefix.address.family == Family::ipv4) add(other_host(address.prefix));
    }
    return all;
}

} // namespace vxlanctl
