#pragma once

#include "vxlanctl/base/address.h"

#include <cstdint>
#include <optional>
#include <string>

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
