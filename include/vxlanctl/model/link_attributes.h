#pragma once

#include "vxlanctl/base/address.h"
#include "vxlanctl/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

/// The UDP source ports of a VXLAN, both ends included. The kernel takes low >= high as «its
/// default range» (udp_flow_src_port() in include/net/udp.h), so all of these are equal.
struct PortRange {
    std::uint16_t low = 0;
    std::uint16_t high = 0;
    bool operator==(const PortRange& other) const {
        return (low == other.low && high == other.high) || (low >= high && other.low >= other.high);
    }
};

/// The outer header's don't-fragment bit, as in enum ifla_vxlan_df.
enum class DontFragment : std::uint8_t { unset, set, inherit };

/// Reverse path filtering of IPv4 (RFC 3704), as net.ipv4.conf.LINK.rp_filter numbers it.
enum class RpFilter : std::uint8_t { off, strict, loose };

/// How the kernel makes IPv6 link-local addresses and those of router advertisements, as in enum
/// in6_addr_gen_mode (IFLA_INET6_ADDR_GEN_MODE).
enum class AddrGenMode : std::uint8_t { eui64, none, stable_secret, random };

/// VLANs of a bridge port, both ends included, that leave by it alike.
struct VlanRange {
    std::uint16_t first = 0, last = 0;
    bool untagged = false;
    auto operator<=>(const VlanRange&) const = default;
};

/// VLANs of a bridge port: sorted ranges of which no two could be one. The VLAN of frames without a
/// tag (LinkAttributes::bridge_pvid) is among them only where its frames leave with a tag.
struct VlanList {
    std::vector<VlanRange> ranges;
    bool operator==(const VlanList&) const = default;
};

/// The ranges in the order and form that VlanList has; of a VLAN that is named twice, the later
/// one counts. VLANs are from 1 to 4094 (IEEE 802.1Q).
VlanList vlan_list(const std::vector<VlanRange>& ranges);
/// Whether the VLAN is in the list.
bool contains_vlan(const VlanList& list, std::uint16_t vlan);
/// The list without that VLAN.
VlanList without_vlan(const VlanList& list, std::uint16_t vlan);
/// Every VLAN that is neither in the list nor that one.
VlanList vlans_beyond(const VlanList& list, std::uint16_t vlan);
/// `20,30-40,50 untagged`, or `none`.
std::string to_string(const VlanList& list);
/// The inverse, in any order and with spaces; a VLAN named twice is an error.
Result<VlanList> parse_vlans(std::string_view text);

/// What every kind of link has.
struct LinkAttributes {
    std::optional<std::uint32_t> mtu; ///< bytes of an inner IP packet
    std::optional<MacAddress> mac;
    std::optional<std::string> master; ///< none where the master is a VRF
    std::optional<std::string> vrf;    ///< the master where that is a VRF
    std::optional<std::uint32_t> group;
    std::optional<std::uint32_t> txqlen;
    std::optional<bool> promote_secondaries; ///< net.ipv4.conf.LINK.promote_secondaries
    std::optional<RpFilter> rp_filter;       ///< net.ipv4.conf.LINK.rp_filter
    std::optional<bool> forward;             ///< net.ipv4.conf.LINK.forwarding
    std::optional<std::string> alias;        ///< IFLA_IFALIAS, the mark included
    std::optional<bool> up;
    std::optional<bool> arp; ///< no IFF_NOARP; of a VXLAN alone, since the other kinds have no ARP
    std::optional<AddrGenMode> addr_gen_mode; ///< of a VXLAN alone

    // Of a port of a bridge (IFLA_BRPORT_*), and empty of another link.
    std::optional<bool> bridge_learning, bridge_neigh_suppress, bridge_isolated;
    std::optional<bool> bridge_unicast_flood, bridge_multicast_flood, bridge_broadcast_flood;
    std::optional<bool> bridge_hairpin;
    std::optional<std::uint16_t> bridge_pvid; ///< VLAN of frames without a tag; 0: they are dropped
    std::optional<VlanList> bridge_vlans;     ///< the others
    std::optional<std::uint32_t> bridge_cost; ///< empty where it is that of the port's speed
    std::optional<std::uint16_t> bridge_priority, bridge_group_fwd_mask;
    std::optional<std::uint8_t> bridge_mcast_router;
    std::optional<bool> bridge_guard, bridge_root_block, bridge_fastleave;
    std::optional<bool> bridge_mcast_to_unicast, bridge_vlan_tunnel;
    bool operator==(const LinkAttributes&) const = default;
};

/// The kinds of links that we make.
enum class TunnelKind : std::uint8_t {
    vxlan,
    sit,   ///< IPv6 in IPv4, also as ISATAP (RFC 5214)
    ip6tnl ///< IPv4 or IPv6 in IPv6 (RFC 2473)
};

/// What tunnels have. Which members a kind has, and what each one is, say the rows of
/// tunnel_attributes().
struct TunnelAttributes {
    TunnelKind kind = TunnelKind::vxlan;
    std::optional<std::uint32_t> vni;
    std::optional<IpAddress> local;
    std::optional<IpAddress> remote; ///< of a VXLAN the default remote; 0.0.0.0 or :: is none
    std::optional<std::string> dev;
    std::optional<std::uint16_t> port;
    std::optional<PortRange> srcport;
    std::optional<std::uint8_t> ttl; ///< 0: the kernel's choice
    std::optional<bool> ttl_inherit;
    std::optional<std::uint8_t> tos; ///< 1: inherit
    std::optional<DontFragment> df;
    std::optional<std::uint32_t> label;  ///< IPv6 flow label
    std::optional<std::uint32_t> ageing; ///< seconds
    std::optional<std::uint32_t> limit;  ///< learned entries; 0: no limit
    std::optional<bool> learning;
    std::optional<bool> udp_csum; ///< of what is sent, in the underlay's own family
    std::optional<bool> udp6_zero_csum_rx;
    std::optional<bool> proxy;
    std::optional<bool> rsc;
    std::optional<bool> l2miss;
    std::optional<bool> l3miss;
    std::optional<bool> remcsum_tx;
    std::optional<bool> remcsum_rx;
    std::optional<bool> remcsum_nopartial;
    std::optional<bool> gbp;
    std::optional<bool> gpe;
    std::optional<bool> external;
    std::optional<bool> vnifilter;
    std::optional<bool> localbypass;
    /// Of the VXLAN header's 64 bits, those that have to be 0 in what is received; where the kernel
    /// has such an attribute (Linux 6.14), and any change in place would lose them.
    std::optional<std::uint64_t> reserved_bits;
    std::optional<bool> isatap;
    std::optional<bool> pmtudisc;             ///< path MTU discovery
    std::optional<std::uint8_t> proto;        ///< IPPROTO_* that is carried; 0: any
    std::optional<std::uint16_t> tclass;      ///< outer traffic class, or inherit_tclass
    std::optional<std::uint16_t> encaplimit;  ///< RFC 2473 section 4.1.1, or no_encaplimit
    std::optional<std::uint32_t> fwmark;      ///< of the outer packets
    std::optional<std::uint32_t> other_flags; ///< IP6_TNL_F_* that no other member stands for
    bool operator==(const TunnelAttributes&) const = default;
};

constexpr std::uint16_t inherit_tclass = 256;
constexpr std::uint16_t no_encaplimit = 256;

} // namespace vxlanctl
