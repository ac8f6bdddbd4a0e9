#include "vxlanctl/kinds/kinds.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"

#include <linux/if_link.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

// Newer than the oldest header we build with (Linux 6.4 and 6.14).
constexpr std::uint16_t ifla_vxlan_localbypass = 31;
constexpr std::uint16_t ifla_vxlan_reserved_bits = 33;

using enum Mutability;

// From vxlan_nl2conf() and vxlan_changelink() in drivers/net/vxlan/vxlan_core.c.
constexpr TunnelRow vxlan_rows[] = {
    {"vni", &TunnelAttributes::vni, IFLA_VXLAN_ID, 0, Wire::number, create_only, "", "VNI",
     "VXLAN network identifier, 1 to 16777215 (default 10)"},
    {"local", &TunnelAttributes::local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, Wire::address,
     same_family, "", "", ""},
    {"remote", &TunnelAttributes::remote, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, Wire::address,
     no_group, "", "", ""},
    {"dev", &TunnelAttributes::dev, IFLA_VXLAN_LINK, 0, Wire::ifindex, not_clearable, "none", "",
     ""},
    {"port", &TunnelAttributes::port, IFLA_VXLAN_PORT, 0, Wire::big_endian, create_only, "", "PORT",
     "UDP destination port (default 4789)"},
    {"srcport", &TunnelAttributes::srcport, IFLA_VXLAN_PORT_RANGE, 0, Wire::big_endian, create_only,
     "0-0", "LO-HI", "UDP source ports (default: the kernel's range)"},
    {"ttl",
     &TunnelAttributes::ttl,
     IFLA_VXLAN_TTL,
     0,
     Wire::number,
     in_place,
     "auto",
     "TTL",
     "outer TTL: 1 to 255, auto, or inherit from the inner packet",
     {"auto", 0}},
    {"ttl_inherit", &TunnelAttributes::ttl_inherit, IFLA_VXLAN_TTL_INHERIT, 0, Wire::flag,
     create_only, "no", "", ""},
    {"tos",
     &TunnelAttributes::tos,
     IFLA_VXLAN_TOS,
     0,
     Wire::number,
     in_place,
     "0",
     "TOS",
     "outer type of service: 0 to 255, or inherit (which is 1)",
     {"inherit", 1}},
    {"df", &TunnelAttributes::df, IFLA_VXLAN_DF, 0, Wire::number, in_place, "unset", "DF",
     "outer don't-fragment bit: set, unset or inherit"},
    {"label", &TunnelAttributes::label, IFLA_VXLAN_LABEL, 0, Wire::big_endian, in_place, "0",
     "LABEL", "outer IPv6 flow label: 0 to 0xfffff (default 0)"},
    {"ageing", &TunnelAttributes::ageing, IFLA_VXLAN_AGEING, 0, Wire::number, in_place, "300",
     "SECONDS", "lifetime of learned MACs (default 300)"},
    {"limit", &TunnelAttributes::limit, IFLA_VXLAN_LIMIT, 0, Wire::number, create_only, "0", "N",
     "how many MACs may be learned (default 0: any number)"},
    {"learning", &TunnelAttributes::learning, IFLA_VXLAN_LEARNING, 0, Wire::number, in_place, "yes",
     "", "learn which MAC is behind which peer (default)"},
    {"udp_csum", &TunnelAttributes::udp_csum, IFLA_VXLAN_UDP_CSUM, IFLA_VXLAN_UDP_ZERO_CSUM6_TX,
     Wire::negated, create_only, "yes", "", "compute the outer UDP checksum (default)"},
    {"udp6_zero_csum_rx", &TunnelAttributes::udp6_zero_csum_rx, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0,
     Wire::number, create_only, "no", "", ""},
    {"proxy", &TunnelAttributes::proxy, IFLA_VXLAN_PROXY, 0, Wire::number, create_only, "no", "",
     ""},
    {"rsc", &TunnelAttributes::rsc, IFLA_VXLAN_RSC, 0, Wire::number, create_only, "no", "", ""},
    {"l2miss", &TunnelAttributes::l2miss, IFLA_VXLAN_L2MISS, 0, Wire::number, create_only, "no", "",
     ""},
    {"l3miss", &TunnelAttributes::l3miss, IFLA_VXLAN_L3MISS, 0, Wire::number, create_only, "no", "",
     ""},
    {"remcsum_tx", &TunnelAttributes::remcsum_tx, IFLA_VXLAN_REMCSUM_TX, 0, Wire::number,
     create_only, "no", "", ""},
    {"remcsum_rx", &TunnelAttributes::remcsum_rx, IFLA_VXLAN_REMCSUM_RX, 0, Wire::number,
     create_only, "no", "", ""},
    {"remcsum_nopartial", &TunnelAttributes::remcsum_nopartial, IFLA_VXLAN_REMCSUM_NOPARTIAL, 0,
     Wire::flag, create_only, "no", "", ""},
    {"gbp", &TunnelAttributes::gbp, IFLA_VXLAN_GBP, 0, Wire::flag, create_only, "no", "", ""},
    {"gpe", &TunnelAttributes::gpe, IFLA_VXLAN_GPE, 0, Wire::flag, create_only, "no", "", ""},
    {"external", &TunnelAttributes::external, IFLA_VXLAN_COLLECT_METADATA, 0, Wire::number,
     create_only, "no", "", ""},
    {"vnifilter", &TunnelAttributes::vnifilter, IFLA_VXLAN_VNIFILTER, 0, Wire::number, create_only,
     "no", "", ""},
    {"localbypass", &TunnelAttributes::localbypass, ifla_vxlan_localbypass, 0, Wire::number,
     in_place, "yes", "", ""},
    {"reserved_bits", &TunnelAttributes::reserved_bits, ifla_vxlan_reserved_bits, 0,
     Wire::big_endian, create_only, "", "", ""},
};

std::uint32_t vxlan_overhead(const TunnelAttributes& tunnel) {
    return tunnel.local && tunnel.local->family == Family::ipv6 ? 70 : 50;
}

std::string_view vxlan_word(const TunnelAttributes&) {
    return "VXLAN";
}

IpWords vxlan_words(const TunnelAttributes& attributes) {
    IpWords words;
    std::string& text = words.text;
    const bool over_ipv6 = attributes.local && attributes.local->family == Family::ipv6;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        const std::string_view word = ip_word_of(row.name);
        if (row.name == "remcsum_nopartial" || row.name == "localbypass" ||
            row.name == "reserved_bits")
            words.left_out.push_back(formatted("{} {}", row.name, value));
        else if (row.name == "udp_csum" && over_ipv6)
            text += formatted(" {}udp6zerocsumtx", *attributes.udp_csum ? "no" : "");
        else if (row.name == "ttl_inherit")
            text += *attributes.ttl_inherit ? " ttl inherit" : "";
        else if (row.name == "tos")
            text += " tos " + ip_class(*attributes.tos);
        else if (row.name == "srcport")
            text += formatted(" srcport {} {}", attributes.srcport->low, attributes.srcport->high);
        else if (value == "none" && (row.name == "local" || row.name == "remote"))
            text +=
                formatted(" {} {}", row.name,
                          to_string(row.name == "local" ? *attributes.local : *attributes.remote));
        else if (std::holds_alternative<std::optional<bool> TunnelAttributes::*>(row.member))
            text += formatted(" {}{}", value == "yes" ? "" : "no", word);
        else
            text += formatted(" {} {}", word, shell_quoted(value));
    }
    return words;
}

std::uint8_t vxlan_protocol(const TunnelAttributes&) {
    return IPPROTO_UDP;
}

bool have_same_vni(const TunnelAttributes& one, const TunnelAttributes& other) {
    return one.vni == other.vni && one.port == other.port;
}

/// Neither the local address nor the VRF makes a difference, nor the underlay interface unless the
/// local address is link-local, but what the receiving socket must do does (vxlan_vni_in_use() in
/// drivers/net/vxlan/vxlan_core.c).
bool shares_socket_and_vni(const TunnelAttributes& present, const TunnelAttributes& wanted) {
    const auto flag = [](const std::optional<bool>& value) { return value.value_or(false); };
    if (!have_same_vni(present, wanted) || !present.local || !wanted.local) return false;
    return present.local->family == wanted.local->family &&
           (!is_link_local(*wanted.local) || present.dev == wanted.dev) &&
           !flag(present.external) && !flag(present.vnifilter) &&
           flag(present.gbp) == flag(wanted.gbp) && flag(present.gpe) == flag(wanted.gpe) &&
           flag(present.remcsum_rx) == flag(wanted.remcsum_rx) &&
           flag(present.udp6_zero_csum_rx) == flag(wanted.udp6_zero_csum_rx);
}

} // namespace

const Kind vxlan_kind{.name = "vxlan",
                      .module_name = "vxlan",
                      .attributes = vxlan_rows,
                      .changes_whole = false,
                      .has_fdb = true,
                      .mtu = 1500,
                      .overhead = vxlan_overhead,
                      .word = vxlan_word,
                      .ip_words = vxlan_words,
                      .fallback = "",
                      .protocol = vxlan_protocol,
                      .excludes = have_same_vni,
                      .clashes = shares_socket_and_vni};

std::uint64_t used_header_bits(const TunnelAttributes& vxlan) {
    std::uint64_t bits = 0x08000000'ffffff00; // the I flag, and the VNI
    if (vxlan.gbp.value_or(false)) bits |= 0x80ffffff'00000000;
    if (vxlan.gpe.value_or(false)) bits |= 0x350000ff'00000000;
    if (vxlan.remcsum_rx.value_or(false)) bits |= 0x00200000'000000ff;
    return bits;
}

void complete(TunnelAttributes& attributes) {
    if (attributes.kind != TunnelKind::vxlan) return;
    if (attributes.ttl && !attributes.ttl_inherit) attributes.ttl_inherit = false;
    const bool over_ipv6 = attributes.local && attributes.local->family == Family::ipv6;
    if (over_ipv6 && attributes.udp_csum) attributes.udp6_zero_csum_rx = !*attributes.udp_csum;
}

} // namespace vxlanctl
