#include "vxlanctl/kinds/kinds.h"

#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

using enum Mutability;

// From ipip6_netlink_parms() in net/ipv6/sit.c.
constexpr TunnelRow sit_rows[] = {
    {"isatap", &TunnelAttributes::isatap, IFLA_IPTUN_FLAGS, 0, Wire::special, create_only, "no", "",
     ""}, // a change is accepted and ignored
    {"local", &TunnelAttributes::local, IFLA_IPTUN_LOCAL, 0, Wire::address, in_place, "", "", ""},
    {"remote", &TunnelAttributes::remote, IFLA_IPTUN_REMOTE, 0, Wire::address, presence_kept, "",
     "", ""}, // makes the link point-to-point (ipip6_changelink())
    {"dev", &TunnelAttributes::dev, IFLA_IPTUN_LINK, 0, Wire::ifindex, in_place, "none", "DEV",
     "the lower device that packets leave by (default: any)"},
    {"ttl",
     &TunnelAttributes::ttl,
     IFLA_IPTUN_TTL,
     0,
     Wire::number,
     in_place,
     "inherit",
     "TTL",
     "outer TTL: 1 to 255, or inherit from the inner packet (default)",
     {"inherit", 0}},
    {"tos",
     &TunnelAttributes::tos,
     IFLA_IPTUN_TOS,
     0,
     Wire::number,
     in_place,
     "0",
     "",
     "",
     {"inherit", 1}},
    {"pmtudisc", &TunnelAttributes::pmtudisc, IFLA_IPTUN_PMTUDISC, 0, Wire::number, in_place, "yes",
     "", ""},
    {"proto", &TunnelAttributes::proto, IFLA_IPTUN_PROTO, 0, Wire::number, in_place, "41", "", ""},
};

std::uint32_t sit_overhead(const TunnelAttributes&) {
    return 20;
}

std::string_view sit_word(const TunnelAttributes& tunnel) {
    return tunnel.isatap.value_or(false) ? "ISATAP" : "sit";
}

std::uint8_t sit_protocol(const TunnelAttributes&) {
    return IPPROTO_IPV6;
}

} // namespace

const Kind sit_kind{.name = "sit",
                    .module_name = "sit",
                    .attributes = sit_rows,
                    .changes_whole = true,
                    .has_fdb = false,
                    .mtu = 1480,
                    .overhead = sit_overhead,
                    .word = sit_word,
                    .ip_words = ip_tunnel_words,
                    .fallback = "sit0",
                    .protocol = sit_protocol,
                    .excludes = have_same_ends,
                    .clashes = have_same_ends_and_dev};

} // namespace vxlanctl
