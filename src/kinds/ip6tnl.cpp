#include "vxlanctl/kinds/kinds.h"

#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

using enum Mutability;

// From ip6_tnl_netlink_parms() in net/ipv6/ip6_tunnel.c.
constexpr TunnelRow ip6tnl_rows[] = {
    {"proto",
     &TunnelAttributes::proto,
     IFLA_IPTUN_PROTO,
     0,
     Wire::number,
     in_place,
     "",
     "",
     "",
     {"ipip6", 4}},
    {"local", &TunnelAttributes::local, IFLA_IPTUN_LOCAL, IFLA_IPTUN_LOCAL, Wire::address, in_place,
     "", "", ""},
    {"remote", &TunnelAttributes::remote, IFLA_IPTUN_REMOTE, IFLA_IPTUN_REMOTE, Wire::address,
     in_place, "", "", ""},
    {"dev", &TunnelAttributes::dev, IFLA_IPTUN_LINK, 0, Wire::ifindex, in_place, "none", "DEV",
     "the lower device that packets leave by (default: any)"},
    {"ttl",
     &TunnelAttributes::ttl,
     IFLA_IPTUN_TTL,
     0,
     Wire::number,
     in_place,
     "64",
     "TTL",
     "outer hop limit: 1 to 255, or inherit (default 64)",
     {"inherit", 0}},
    {"tclass",
     &TunnelAttributes::tclass,
     IFLA_IPTUN_FLOWINFO,
     0,
     Wire::special,
     in_place,
     "0",
     "TCLASS",
     "outer traffic class: 0 to 255, or inherit",
     {"inherit", inherit_tclass}},
    {"label", &TunnelAttributes::label, IFLA_IPTUN_FLOWINFO, 0, Wire::special, in_place, "0",
     "LABEL", "outer IPv6 flow label: 0 to 0xfffff (default 0)"},
    {"encaplimit",
     &TunnelAttributes::encaplimit,
     IFLA_IPTUN_ENCAP_LIMIT,
     0,
     Wire::special,
     in_place,
     "none",
     "N",
     "how often the packet may be encapsulated again: 0 to 255, or none (default)",
     {"none", no_encaplimit}},
    {"fwmark", &TunnelAttributes::fwmark, IFLA_IPTUN_FWMARK, 0, Wire::number, in_place, "0", "",
     ""},
    {"other_flags", &TunnelAttributes::other_flags, IFLA_IPTUN_FLAGS, 0, Wire::special, in_place,
     "0", "", ""},
    {"external", &TunnelAttributes::external, IFLA_IPTUN_COLLECT_METADATA, 0, Wire::flag,
     create_only, "no", "", ""},
};

std::uint32_t ip6tnl_overhead(const TunnelAttributes& tunnel) {
    return tunnel.encaplimit.value_or(no_encaplimit) == no_encaplimit ? 40 : 48;
}

std::string_view ip6tnl_word(const TunnelAttributes& tunnel) {
    return tunnel.proto == IPPROTO_IPIP ? "ipip6" : "ip6tnl";
}

std::uint8_t ip6tnl_protocol(const TunnelAttributes& tunnel) {
    return tunnel.proto == IPPROTO_IPIP ? IPPROTO_IPIP : IPPROTO_IPV6;
}

} // namespace

const Kind ip6tnl_kind{.name = "ip6tnl",
                       .module_name = "ip6_tunnel",
                       .attributes = ip6tnl_rows,
                       .changes_whole = true,
                       .has_fdb = false,
                       .mtu = 1460,
                       .overhead = ip6tnl_overhead,
                       .word = ip6tnl_word,
                       .ip_words = ip_tunnel_words,
                       .fallback = "ip6tnl0",
                       .protocol = ip6tnl_protocol,
                       .excludes = have_same_ends,
                       .clashes = have_same_ends_and_dev};

} // namespace vxlanctl
