#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <iterator>

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
    return is_tunnel(link) && link.tunnel.kind != TunnelKind::vxlan && link.name == link.kind + "0";
}

std::span<const TunnelRow> tunnel_attributes(TunnelKind kind) {
    return kind_of(kind).attributes;
}

std::uint32_t overhead(const TunnelAttributes& tunnel) {
    return kind_of(tunnel.kind).overhead(tunnel);
}

} // namespace vxlanctl
