#include "vxlanctl/netlink/tunnel_codec.h"

#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/settings_codec.h"
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <endian.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

// In one word the kernel keeps class and label, in network byte order.
constexpr std::uint32_t label_mask = 0x000fffff;
constexpr unsigned tclass_shift = 20;
// IP6_TNL_F_CAP_*, which the kernel computes and puts beside the flags that it was given
// (include/net/ip6_tunnel.h).
constexpr std::uint32_t computed_flags = 0x70000;

/// The kernel leaves out a flag that is off and an address or link that is none.
TunnelAttributes defaults_of(TunnelKind kind) {
    TunnelAttributes defaults;
    defaults.kind = kind;
    defaults.dev = "";
    defaults.ttl = 0;
    for (const auto& row : tunnel_attributes(kind))
        if (const auto* flag = std::get_if<std::optional<bool> TunnelAttributes::*>(&row.member);
            flag != nullptr && !row.reset.empty())
            defaults.*(*flag) = row.reset == "yes";
    if (kind != TunnelKind::vxlan) return defaults;
    defaults.df = DontFragment::unset;
    defaults.srcport = PortRange{};
    defaults.label = 0;
    return defaults;
}

template<class T>
void decode_value(const nlattr* attribute, const AttributeRow<TunnelAttributes>& row,
                  std::optional<T>& value) {
    if constexpr (std::is_same_v<T, bool>) {
        // ttl_inherit is a flag on the way in and a number on the way out.
        if (const auto number = read_as<std::uint8_t>(attribute))
            value = *number != 0;
        else if (row.wire == Wire::flag)
            value = true;
    } else if constexpr (std::is_same_v<T, std::uint8_t>) {
        if (const auto number = read_as<std::uint8_t>(attribute)) value = *number;
    } else if constexpr (std::is_same_v<T, DontFragment>) { // of a later kernel's we know nothing
        if (const auto number = read_as<std::uint8_t>(attribute);
            number && *number <= static_cast<std::uint8_t>(DontFragment::inherit))
            value = static_cast<DontFragment>(*number);
    } else if constexpr (std::is_same_v<T, std::uint16_t>) {
        if (const auto number = read_as<std::uint16_t>(attribute)) value = ntohs(*number);
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
        if (const auto number = read_as<std::uint32_t>(attribute))
            value = row.wire == Wire::big_endian ? ntohl(*number) : *number;
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        if (const auto number = read_as<std::uint64_t>(attribute)) value = be64toh(*number);
    } else if constexpr (std::is_same_v<T, IpAddress>) {
        if (const auto address = read_address(attribute)) value = address;
    } else if constexpr (std::is_same_v<T, PortRange>) {
        if (const auto ports = read_as<std::array<std::uint16_t, 2>>(attribute))
            value = PortRange{ntohs((*ports)[0]), ntohs((*ports)[1])};
    }
}

/// SIT_ISATAP is a bit of the host's byte order, although the kernel calls the field big-endian.
void decode_special_of_sit(const nlattr* attribute, TunnelAttributes& sit) {
    if (nla_type(attribute) == IFLA_IPTUN_FLAGS)
        sit.isatap = (read_as<std::uint16_t>(attribute).value_or(0) & SIT_ISATAP) != 0;
}

void decode_special_of_ip6tnl(const nlattr* attribute, TunnelAttributes& ip6tnl) {
    switch (nla_type(attribute)) {
    case IFLA_IPTUN_ENCAP_LIMIT:
        if (ip6tnl.encaplimit != no_encaplimit)
            ip6tnl.encaplimit = read_as<std::uint8_t>(attribute).value_or(0);
        break;
    case IFLA_IPTUN_FLOWINFO: {
        const std::uint32_t flow = ntohl(read_as<std::uint32_t>(attribute).value_or(0));
        ip6tnl.label = flow & label_mask;
        if (ip6tnl.tclass != inherit_tclass)
            ip6tnl.tclass = static_cast<std::uint16_t>((flow >> tclass_shift) & 0xff);
        break;
    }
    case IFLA_IPTUN_FLAGS: {
        const std::uint32_t flags = read_as<std::uint32_t>(attribute).value_or(0);
        if ((flags & IP6_TNL_F_IGN_ENCAP_LIMIT) != 0) ip6tnl.encaplimit = no_encaplimit;
        if ((flags & IP6_TNL_F_USE_ORIG_TCLASS) != 0) ip6tnl.tclass = inherit_tclass;
        ip6tnl.other_flags =
            flags & ~(computed_flags | IP6_TNL_F_IGN_ENCAP_LIMIT | IP6_TNL_F_USE_ORIG_TCLASS);
        break;
    }
    default: break;
    }
}

template<class T>
void encode_value(MessageWriter& writer, const AttributeRow<TunnelAttributes>& row, const T& value,
                  Family family, const IndexOf& index_of) {
    if constexpr (std::is_same_v<T, bool>) {
        if (row.wire == Wire::flag) {
            if (value) writer.put_flag(row.kernel);
        } else if (row.wire == Wire::negated && family == Family::ipv6) {
            writer.put_u8(row.kernel6, !value);
        } else {
            writer.put_u8(row.kernel, value);
        }
    } else if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, DontFragment>) {
        writer.put_u8(row.kernel, static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_same_v<T, std::uint16_t>) {
        writer.put_big_endian(row.kernel, value);
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
        if (row.wire == Wire::big_endian)
            writer.put_big_endian(row.kernel, value);
        else
            writer.put_u32(row.kernel, value);
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        const std::uint64_t number = htobe64(value);
        writer.put(row.kernel, std::as_bytes(std::span(&number, 1)));
    } else if constexpr (std::is_same_v<T, IpAddress>) {
        writer.put(value.family == Family::ipv4 ? row.kernel : row.kernel6, wire_bytes(value));
    } else if constexpr (std::is_same_v<T, std::string>) {
        writer.put_u32(row.kernel, value.empty() ? 0 : static_cast<std::uint32_t>(index_of(value)));
    } else if constexpr (std::is_same_v<T, PortRange>) {
        const std::array<std::uint16_t, 2> ports{htons(value.low), htons(value.high)};
        writer.put(row.kernel, std::as_bytes(std::span(ports)));
    }
}

void encode_special_of_ip6tnl(MessageWriter& writer, const TunnelAttributes& ip6tnl) {
    const std::uint16_t limit = ip6tnl.encaplimit.value_or(no_encaplimit);
    const std::uint16_t tclass = ip6tnl.tclass.value_or(0);
    std::uint32_t flags = ip6tnl.other_flags.value_or(0);
    if (limit == no_encaplimit) flags |= IP6_TNL_F_IGN_ENCAP_LIMIT;
    if (tclass == inherit_tclass) flags |= IP6_TNL_F_USE_ORIG_TCLASS;
    writer.put_u8(IFLA_IPTUN_ENCAP_LIMIT,
                  static_cast<std::uint8_t>(limit == no_encaplimit ? 0 : limit));
    writer.put_big_endian(IFLA_IPTUN_FLOWINFO,
                          (tclass == inherit_tclass ? 0U : std::uint32_t{tclass} << tclass_shift) |
                              ip6tnl.label.value_or(0));
    writer.put_u32(IFLA_IPTUN_FLAGS, flags);
}

} // namespace

TunnelAttributes decode_tunnel(TunnelKind kind, const nlattr* data, int& lower_index) {
    TunnelAttributes tunnel = defaults_of(kind);
    bool sent_over_ipv6_without_csum = false;
    for (const nlattr* attribute : NetlinkAttributes::nested(data)) {
        const auto type = nla_type(attribute);
        if (kind == TunnelKind::sit) decode_special_of_sit(attribute, tunnel);
        if (kind == TunnelKind::ip6tnl) decode_special_of_ip6tnl(attribute, tunnel);
        if (kind == TunnelKind::vxlan && type == IFLA_VXLAN_UDP_ZERO_CSUM6_TX)
            sent_over_ipv6_without_csum = read_as<std::uint8_t>(attribute).value_or(0) != 0;
        for (const auto& row : tunnel_attributes(kind)) {
            const bool matches =
                row.kernel == type || (row.wire == Wire::address && row.kernel6 == type);
            if (!matches || row.wire == Wire::special) continue;
            if (row.wire == Wire::ifindex)
                lower_index = read_as<int>(attribute).value_or(0);
            else
                std::visit([&](auto member) { decode_value(attribute, row, tunnel.*member); },
                           row.member);
            break;
        }
    }
    if (kind != TunnelKind::vxlan) return tunnel;
    TunnelAttributes& vxlan = tunnel;
    // Without local and remote the kernel does not say of which family the link is.
    const Family family = vxlan.local    ? vxlan.local->family
                          : vxlan.remote ? vxlan.remote->family
                                         : Family::ipv4;
    if (!vxlan.local) vxlan.local = IpAddress{family, {}};
    if (!vxlan.remote) vxlan.remote = IpAddress{family, {}};
    if (family == Family::ipv6) vxlan.udp_csum = !sent_over_ipv6_without_csum;
    // Of a link without extensions, or of one whose bits a change has set already, nothing is lost.
    if (vxlan.reserved_bits && (*vxlan.reserved_bits == ~used_header_bits({}) ||
                                (*vxlan.reserved_bits & used_header_bits(vxlan)) != 0))
        vxlan.reserved_bits.reset();
    return tunnel;
}

void encode_tunnel(MessageWriter& writer, const TunnelAttributes& tunnel, const IndexOf& index_of) {
    nlattr* link_info = writer.begin_nest(IFLA_LINKINFO);
    writer.put_string(IFLA_INFO_KIND, std::string(kind_of(tunnel.kind).name));
    nlattr* data = writer.begin_nest(IFLA_INFO_DATA);
    const Family family = tunnel.local ? tunnel.local->family : Family::ipv4;
    for (const auto& row : tunnel_attributes(tunnel.kind))
        std::visit(
            [&](auto member) {
                if (const auto& value = tunnel.*member; value && row.wire != Wire::special)
                    encode_value(writer, row, *value, family, index_of);
            },
            row.member);
    if (tunnel.kind == TunnelKind::sit) {
        const std::uint16_t flags = tunnel.isatap.value_or(false) ? SIT_ISATAP : 0;
        writer.put(IFLA_IPTUN_FLAGS, std::as_bytes(std::span(&flags, 1)));
    }
    if (tunnel.kind == TunnelKind::ip6tnl) encode_special_of_ip6tnl(writer, tunnel);
    writer.end_nest(data);
    writer.end_nest(link_info);
}

} // namespace vxlanctl
