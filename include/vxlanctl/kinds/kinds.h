#pragma once

#include "vxlanctl/kinds/attributes.h"
#include "vxlanctl/kinds/iproute2.h"
#include "vxlanctl/model/ruleset.h"

/// What is special to a kind of tunnel. A new kind is its name in TunnelKind, a source beside
/// vxlan.cpp, and its row in kinds.cpp.
namespace vxlanctl {

struct Kind {
    std::string_view name;        ///< IFLA_INFO_KIND
    std::string_view module_name; ///< of the kernel module
    std::span<const TunnelRow> attributes;
    /// Whether a change resets every attribute that its message leaves out, and the MTU, so that it
    /// has to carry all of them (ipip6_netlink_parms() in net/ipv6/sit.c).
    bool changes_whole;
    /// Whether such a link is a device of Ethernet with a forwarding database.
    bool has_fdb;
    std::uint32_t mtu; ///< the kernel's default where there is no lower device
    std::uint32_t (*overhead)(const TunnelAttributes&);
    /// What people call it: `VXLAN`, `ISATAP`.
    std::string_view (*word)(const TunnelAttributes&);
    IpWords (*ip_words)(const TunnelAttributes&); ///< see iproute2.h
    /// The interface that comes with the module, takes packets that no other tunnel takes, and
    /// cannot be removed; empty where there is none.
    std::string_view fallback;
    /// The protocol number of the outer IP header.
    std::uint8_t (*protocol)(const TunnelAttributes&);
    /// Whether the VNI, or the ends, of two tunnels of this kind are the same, so that one has to
    /// leave before the other one comes.
    bool (*excludes)(const TunnelAttributes&, const TunnelAttributes&);
    /// Whether the kernel refuses the second tunnel, whose attributes are complete, while the first
    /// one is there: excludes(), and whatever else it compares.
    bool (*clashes)(const TunnelAttributes& present, const TunnelAttributes& wanted);
};
const Kind& kind_of(TunnelKind kind);

/// In the order of the enum.
inline constexpr TunnelKind tunnel_kinds[] = {TunnelKind::vxlan, TunnelKind::sit,
                                              TunnelKind::ip6tnl};
/// By IFLA_INFO_KIND; empty for a kind that is not ours.
std::optional<TunnelKind> tunnel_kind(std::string_view name);

/// Whether the link is of a kind that we make.
bool is_tunnel(const Link& link);
/// Whether the link is its kind's fallback: sit0 or ip6tnl0.
bool is_fallback(const Link& link);

std::span<const TunnelRow> tunnel_attributes(TunnelKind kind);

/// Bytes that encapsulation adds before an inner IP packet. VXLAN: 50 over IPv4, 70 over IPv6 (RFC
/// 7348 section 5 and vxlan_headroom() in include/net/vxlan.h); the others: an IPv4 or IPv6 header,
/// and 8 for an encapsulation limit.
std::uint32_t overhead(const TunnelAttributes& tunnel);

/// The outer packets as firewalls tell them apart: `UDP 4789`, `protocol 41`.
std::string outer_protocol_text(const TunnelAttributes& tunnel);
/// An outer packet as firewalls see it, as far as the tunnel alone says what it is.
Packet outer_packet(const TunnelAttributes& tunnel, const IpAddress& source,
                    const IpAddress& destination);

/// kind_of(…).excludes for two tunnels of any kind.
bool exclude_each_other(const TunnelAttributes& one, const TunnelAttributes& other);

// Of sit and ip6tnl, which the kernel tells apart by local, remote and lower device
// (ipip6_tunnel_locate() in net/ipv6/sit.c, ip6_tnl_locate() in net/ipv6/ip6_tunnel.c).
bool have_same_ends(const TunnelAttributes& one, const TunnelAttributes& other);
bool have_same_ends_and_dev(const TunnelAttributes& present, const TunnelAttributes& wanted);

/// The bits of the VXLAN header that mean something to such a link. Unless it is made with others,
/// all the rest are its reserved_bits (vxlan_nl2conf() in drivers/net/vxlan/vxlan_core.c).
std::uint64_t used_header_bits(const TunnelAttributes& vxlan);

/// States what follows from what is stated: a numeric ttl is not inherited, and an IPv6 underlay
/// without checksums must accept packets without them.
void complete(TunnelAttributes& attributes);

// The kinds, each of which has a source of its own.
extern const Kind vxlan_kind, sit_kind, ip6tnl_kind;

} // namespace vxlanctl
