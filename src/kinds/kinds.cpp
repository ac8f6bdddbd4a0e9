#include "vxlanctl/kinds/kinds.h"

#include "vxlanctl/base/format.h"

#include <netinet/in.h>

namespace vxlanctl {

const Kind& kind_of(TunnelKind kind) {
    switch (kind) {
    case TunnelKind::vxlan: return vxlan_kind;
    case TunnelKind::sit: return sit_kind;
    case TunnelKind::ip6tnl: break;
    }
    return ip6tnl_kind;
}

std::optional<TunnelKind> tunnel_kind(std::string_view name) {
    for (const auto kind : tunnel_kinds)
        if (kind_of(kind).name == name) return kind;
    return std::nullopt;
}

bool is_tunnel(const Link& link) {
    return tunnel_kind(link.kind).has_value();
}

bool is_fallback(const Link& link) {
    return is_tunnel(link) && !link.name.empty() && link.name == kind_of(link.tunnel.kind).fallback;
}

std::span<const TunnelRow> tunnel_attributes(TunnelKind kind) {
    return kind_of(kind).attributes;
}

std::uint32_t overhead(const TunnelAttributes& tunnel) {
    return kind_of(tunnel.kind).overhead(tunnel);
}

std::string outer_protocol_text(const TunnelAttributes& tunnel) {
    const auto protocol = kind_of(tunnel.kind).protocol(tunnel);
    return protocol == IPPROTO_UDP ? formatted("UDP {}", tunnel.port.value_or(0))
                                   : formatted("protocol {}", protocol);
}

Packet outer_packet(const TunnelAttributes& tunnel, const IpAddress& source,
                    const IpAddress& destination) {
    Packet packet;
    packet.source = source;
    packet.destination = destination;
    packet.protocol = kind_of(tunnel.kind).protocol(tunnel);
    packet.is_new = packet.protocol == IPPROTO_UDP;
    if (packet.is_new) packet.port = tunnel.port, packet.vni = tunnel.vni;
    return packet;
}

bool exclude_each_other(const TunnelAttributes& one, const TunnelAttributes& other) {
    return one.kind == other.kind && kind_of(one.kind).excludes(one, other);
}

bool have_same_ends(const TunnelAttributes& one, const TunnelAttributes& other) {
    return one.local == other.local && one.remote == other.remote;
}

bool have_same_ends_and_dev(const TunnelAttributes& present, const TunnelAttributes& wanted) {
    return have_same_ends(present, wanted) && present.dev == wanted.dev.value_or("");
}

} // namespace vxlanctl
