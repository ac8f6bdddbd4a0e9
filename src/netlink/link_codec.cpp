#include "vxlanctl/netlink/link_codec.h"

#include "vxlanctl/netlink/settings_codec.h"
#include "vxlanctl/netlink/tunnel_codec.h"

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

/// The kernel's value of an attribute that it keeps as a number.
void set_from_kernel(std::optional<bool>& member, std::uint32_t value) {
    member = value != 0;
}
void set_from_kernel(std::optional<RpFilter>& member, std::uint32_t value) {
    member = rp_filter_of(value);
}

/// Calls `take(row, optional member)` for each attribute that is in IFLA_INET_CONF.
template<class Attributes, class Take> void for_each_ipv4_conf(Attributes& attributes, Take take) {
    for (const auto& row : link_attributes())
        std::visit(
            [&](auto member) {
                using Member = std::decay_t<decltype(attributes.*member)>;
                if constexpr (std::is_same_v<Member, std::optional<bool>> ||
                              std::is_same_v<Member, std::optional<RpFilter>>)
                    if (row.wire == Wire::ipv4_conf) take(row, attributes.*member);
            },
            row.member);
}

/// Out of IFLA_AF_SPEC/AF_INET/IFLA_INET_CONF, an array of u32 in the order of enum IPV4_DEVCONF_*,
/// which counts from 1.
void decode_ipv4_conf(LinkAttributes& attributes, const nlattr* af_spec) {
    for (const nlattr* family : NetlinkAttributes::nested(af_spec)) {
        if (nla_type(family) != AF_INET) continue;
        for (const nlattr* attribute : NetlinkAttributes::nested(family)) {
            if (nla_type(attribute) != IFLA_INET_CONF) continue;
            const auto values = payload(attribute);
            for_each_ipv4_conf(attributes, [&](const auto& row, auto& member) {
                std::uint32_t value = 0;
                const std::size_t offset = (row.kernel - 1U) * sizeof value;
                if (values.size() < offset + sizeof value) return;
                std::memcpy(&value, values.data() + offset, sizeof value);
                set_from_kernel(member, value);
            });
        }
    }
}

/// Out of IFLA_AF_SPEC/AF_INET6/IFLA_INET6_CONF, an array of s32 in the order of enum DEVCONF_*,
/// which counts from 0.
bool decode_ipv6_forwarding(const nlattr* af_spec) {
    std::int32_t forwarding = 0; // DEVCONF_FORWARDING is the first one
    for (const nlattr* family : NetlinkAttributes::nested(af_spec)) {
        if (nla_type(family) != AF_INET6) continue;
        for (const nlattr* attribute : NetlinkAttributes::nested(family)) {
            const auto values = payload(attribute);
            if (nla_type(attribute) == IFLA_INET6_CONF && values.size() >= sizeof forwarding)
                std::memcpy(&forwarding, values.data(), sizeof forwarding);
        }
    }
    return forwarding != 0;
}

void put_ipv4_conf(MessageWriter& writer, const LinkAttributes& attributes) {
    bool any = false;
    for_each_ipv4_conf(attributes,
                       [&](const auto&, const auto& member) { any = any || member.has_value(); });
    if (!any) return;
    nlattr* family = writer.begin_nest(AF_INET);
    nlattr* conf = writer.begin_nest(IFLA_INET_CONF);
    for_each_ipv4_conf(attributes, [&](const auto& row, const auto& member) {
        if (member) writer.put_u32(row.kernel, static_cast<std::uint32_t>(*member));
    });
    writer.end_nest(conf);
    writer.end_nest(family);
}

/// What the address families have of a link. The kernel takes an empty nest for nothing.
void encode_families(MessageWriter& writer, const LinkAttributes& attributes) {
    nlattr* af_spec = writer.begin_nest(IFLA_AF_SPEC);
    put_ipv4_conf(writer, attributes);
    if (attributes.addr_gen_mode) {
        nlattr* family = writer.begin_nest(AF_INET6);
        writer.put_u8(IFLA_INET6_ADDR_GEN_MODE,
                      static_cast<std::uint8_t>(*attributes.addr_gen_mode));
        writer.end_nest(family);
    }
    writer.end_nest(af_spec);
}

LinkCounters decode_counters(const nlattr* attribute) {
    rtnl_link_stats64 stats{};
    const auto bytes = payload(attribute); // grows with the kernel's age
    std::memcpy(&stats, bytes.data(), std::min(bytes.size(), sizeof stats));
    return {stats.rx_packets, stats.rx_bytes,   stats.rx_errors,
            stats.rx_dropped, stats.tx_packets, stats.tx_bytes,
            stats.tx_errors,  stats.tx_dropped, stats.tx_carrier_errors};
}

void put_attributes(MessageWriter& writer, const LinkAttributes& attributes,
                    const IndexOf& index_of) {
    if (attributes.mtu) writer.put_u32(IFLA_MTU, *attributes.mtu);
    if (attributes.mac)
        writer.put(IFLA_ADDRESS, std::span<const std::uint8_t>(attributes.mac->bytes));
    // Both are the one master; at most one of them is named.
    const auto& master = attributes.vrf && !attributes.vrf->empty() ? attributes.vrf
                         : attributes.master                        ? attributes.master
                                                                    : attributes.vrf;
    if (master)
        writer.put_u32(IFLA_MASTER,
                       master->empty() ? 0 : static_cast<std::uint32_t>(index_of(*master)));
    if (attributes.group) writer.put_u32(IFLA_GROUP, *attributes.group);
    if (attributes.txqlen) writer.put_u32(IFLA_TXQLEN, *attributes.txqlen);
}

/// Whether the kernel gives a new port that cost by itself, for the speed of the underlay interface
/// (port_cost() in net/bridge/br_if.c).
bool is_usual_cost(std::uint32_t cost) {
    constexpr std::array<std::uint32_t, 7> usual{1, 2, 3, 4, 5, 19, 100};
    return std::find(usual.begin(), usual.end(), cost) != usual.end();
}

std::optional<std::uint32_t> read_number(const nlattr* attribute) {
    if (const auto byte = read_as<std::uint8_t>(attribute)) return *byte;
    if (const auto word = read_as<std::uint16_t>(attribute)) return *word;
    return read_as<std::uint32_t>(attribute);
}

template<class T> void set_number(std::optional<T>& member, std::uint32_t value) {
    if constexpr (std::is_same_v<T, bool>)
        member = value != 0;
    else if constexpr (std::is_integral_v<T>)
        member = static_cast<T>(value);
}

/// Out of IFLA_INFO_SLAVE_DATA.
void decode_port(LinkAttributes& attributes, const nlattr* data) {
    for (const nlattr* attribute : NetlinkAttributes::nested(data)) {
        const auto value = read_number(attribute);
        if (!value || (nla_type(attribute) == IFLA_BRPORT_COST && is_usual_cost(*value))) continue;
        for (const auto& row : link_attributes())
            if (row.wire == Wire::port && row.kernel == nla_type(attribute))
                std::visit([&](auto member) { set_number(attributes.*member, *value); },
                           row.member);
    }
}

/// Out of IFLA_AF_SPEC/AF_INET6.
std::optional<AddrGenMode> decode_addr_gen_mode(const nlattr* af_spec) {
    std::optional<AddrGenMode> mode;
    for (const nlattr* family : NetlinkAttributes::nested(af_spec)) {
        if (nla_type(family) != AF_INET6) continue;
        for (const nlattr* attribute : NetlinkAttributes::nested(family))
            if (const auto value = read_as<std::uint8_t>(attribute);
                nla_type(attribute) == IFLA_INET6_ADDR_GEN_MODE && value &&
                *value <= IN6_ADDR_GEN_MODE_RANDOM)
                mode = static_cast<AddrGenMode>(*value);
    }
    return mode;
}

/// That attribute of a nest, which may be null.
template<class T> std::optional<T> value_in(const nlattr* nest, int type) {
    std::optional<T> found;
    if (nest != nullptr)
        for (const nlattr* attribute : NetlinkAttributes::nested(nest))
            if (nla_type(attribute) == type) found = read_as<T>(attribute);
    return found;
}

template<class T>
void put_number(MessageWriter& writer, std::uint16_t attribute, const std::optional<T>& value) {
    if (!value) return;
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::uint8_t>)
        writer.put_u8(attribute, static_cast<std::uint8_t>(*value));
    else if constexpr (std::is_same_v<T, std::uint16_t>)
        writer.put_u16(attribute, *value);
    else if constexpr (std::is_same_v<T, std::uint32_t>)
        writer.put_u32(attribute, *value);
}

/// Of a bridge or VRF, out of IFLA_INFO_DATA, which may be null.
void decode_master(Link& link, const nlattr* data) {
    if (link.kind == "bridge") {
        link.filters_vlans = value_in<std::uint8_t>(data, IFLA_BR_VLAN_FILTERING).value_or(0) != 0;
        link.default_pvid = value_in<std::uint16_t>(data, IFLA_BR_VLAN_DEFAULT_PVID).value_or(0);
    }
    if (link.kind == "vrf")
        link.vrf_table = value_in<std::uint32_t>(data, IFLA_VRF_TABLE).value_or(0);
}

ifinfomsg link_header(int index) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    return header;
}

} // namespace

std::optional<int> decode_gone_link(const nlmsghdr* message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    // One of AF_BRIDGE says that a link is no bridge port any more (br_ifinfo_notify()).
    if (message->nlmsg_type != RTM_DELLINK || header == nullptr || header->ifi_family != AF_UNSPEC)
        return std::nullopt;
    return header->ifi_index;
}

std::optional<Link> decode_link(const nlmsghdr* message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (message->nlmsg_type != RTM_NEWLINK || header == nullptr) return std::nullopt;
    Link link;
    link.index = header->ifi_index;
    link.attributes.up = (header->ifi_flags & IFF_UP) != 0;
    link.attributes.alias = "";
    link.attributes.master = "";
    link.attributes.vrf = "";
    link.carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
    const nlattr* data = nullptr;
    const nlattr* port = nullptr;
    std::optional<AddrGenMode> mode;
    bool is_port = false;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case IFLA_IFNAME: link.name = read_string(attribute); break;
        case IFLA_MTU: link.attributes.mtu = read_as<std::uint32_t>(attribute); break;
        case IFLA_ADDRESS: link.attributes.mac = read_mac(attribute); break;
        case IFLA_MASTER: link.master_index = read_as<int>(attribute).value_or(0); break;
        case IFLA_GROUP: link.attributes.group = read_as<std::uint32_t>(attribute); break;
        case IFLA_TXQLEN: link.attributes.txqlen = read_as<std::uint32_t>(attribute); break;
        case IFLA_IFALIAS: link.attributes.alias = read_string(attribute); break;
        case IFLA_LINK: link.lower_index = read_as<int>(attribute).value_or(0); break;
        case IFLA_LINK_NETNSID: link.underlay_elsewhere = true; break;
        case IFLA_STATS64: link.counters = decode_counters(attribute); break;
        case IFLA_AF_SPEC:
            decode_ipv4_conf(link.attributes, attribute);
            mode = decode_addr_gen_mode(attribute);
            link.forwards_ipv6 = decode_ipv6_forwarding(attribute);
            break;
        case IFLA_LINKINFO:
            for (const nlattr* info : NetlinkAttributes::nested(attribute)) {
                if (nla_type(info) == IFLA_INFO_KIND) link.kind = read_string(info);
                if (nla_type(info) == IFLA_INFO_DATA) data = info;
                if (nla_type(info) == IFLA_INFO_SLAVE_KIND && read_string(info) == "bridge")
                    is_port = true;
                if (nla_type(info) == IFLA_INFO_SLAVE_DATA) port = info;
            }
            break;
        default: break;
        }
    }
    if (link.name.empty()) return std::nullopt;
    if (tunnel_kind(link.kind)) link.lower_index = 0; // says their own attribute
    if (is_port && port != nullptr && tunnel_kind(link.kind)) decode_port(link.attributes, port);
    if (const auto kind = tunnel_kind(link.kind); kind && data != nullptr)
        link.tunnel = decode_tunnel(*kind, data, link.lower_index);
    if (link.kind == kind_of(TunnelKind::vxlan).name) {
        link.attributes.arp = (header->ifi_flags & IFF_NOARP) == 0;
        link.attributes.addr_gen_mode = mode;
    }
    if (is_port) link.port_state = value_in<std::uint8_t>(port, IFLA_BRPORT_STATE);
    decode_master(link, data);
    return link;
}

std::vector<std::string> decode_alternative_names(const nlmsghdr* message) {
    std::vector<std::string> names;
    const auto* header = fixed_header<ifinfomsg>(message);
    if (message->nlmsg_type != RTM_NEWLINK || header == nullptr) return names;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        if (nla_type(attribute) == IFLA_PROP_LIST)
            for (const nlattr* property : NetlinkAttributes::nested(attribute))
                if (nla_type(property) == IFLA_ALT_IFNAME) names.push_back(read_string(property));
    return names;
}

std::optional<PortVlans> decode_port_vlans(const nlmsghdr* message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (message->nlmsg_type != RTM_NEWLINK || header == nullptr || header->ifi_family != AF_BRIDGE)
        return std::nullopt;
    PortVlans result{header->ifi_index, 0, 0, {}};
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        if (nla_type(attribute) == IFLA_MASTER)
            result.bridge_index = read_as<int>(attribute).value_or(0);
        if (nla_type(attribute) != IFLA_AF_SPEC) continue;
        for (const nlattr* inner : NetlinkAttributes::nested(attribute)) {
            const auto info = nla_type(inner) == IFLA_BRIDGE_VLAN_INFO
                                  ? read_as<bridge_vlan_info>(inner)
                                  : std::nullopt;
            if (!info) continue;
            if ((info->flags & BRIDGE_VLAN_INFO_PVID) != 0) result.pvid = info->vid;
            if ((info->flags & BRIDGE_VLAN_INFO_RANGE_END) != 0 && !result.vlans.empty())
                result.vlans.back().last = info->vid;
            else
                result.vlans.push_back(
                    {info->vid, info->vid, (info->flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0});
        }
    }
    return result;
}

VlanList vlans_beside_pvid(const PortVlans& port) {
    std::vector<VlanRange> beside;
    for (const auto& range : port.vlans) {
        // The kernel reports the one with the flag PVID alone (br_fill_ifvlaninfo_compressed()).
        const bool is_usual_pvid = range.first == port.pvid && range.untagged;
        if (!is_usual_pvid) beside.push_back(range);
    }
    return vlan_list(beside);
}

void encode_dump_bridge_ports(MessageWriter& writer) {
    auto header = link_header(0);
    header.ifi_family = AF_BRIDGE;
    writer.begin(RTM_GETLINK, NLM_F_DUMP, header);
    writer.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
    writer.finish();
}

void encode_create(MessageWriter& writer, const std::string& name, const LinkAttributes& attributes,
                   const TunnelAttributes& tunnel, const IndexOf& index_of) {
    writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(0));
    writer.put_string(IFLA_IFNAME, name);
    put_attributes(writer, attributes, index_of);
    encode_tunnel(writer, tunnel, index_of);
    writer.finish();
}

void encode_alias(MessageWriter& writer, const std::string& name, const std::string& alias) {
    writer.begin(RTM_SETLINK, 0, link_header(0));
    writer.put_string(IFLA_IFNAME, name);
    writer.put(IFLA_IFALIAS, std::as_bytes(std::span(alias)));
    writer.finish();
}

void encode_change(MessageWriter& writer, int index, const LinkAttributes& changed,
                   const IndexOf& index_of) {
    ifinfomsg header = link_header(index);
    if (changed.up) {
        header.ifi_change = IFF_UP;
        header.ifi_flags = *changed.up ? IFF_UP : 0;
    }
    if (changed.arp) {
        header.ifi_change |= IFF_NOARP;
        header.ifi_flags |= *changed.arp ? 0 : IFF_NOARP;
    }
    writer.begin(RTM_SETLINK, 0, header);
    put_attributes(writer, changed, index_of);
    if (changed.alias) writer.put(IFLA_IFALIAS, std::as_bytes(std::span(*changed.alias)));
    if (has_any(changed, Wire::ipv4_conf) || has_any(changed, Wire::ipv6_mode))
        encode_families(writer, changed);
    writer.finish();
}

void encode_port_change(MessageWriter& writer, int index, const LinkAttributes& changed) {
    ifinfomsg header = link_header(index);
    header.ifi_family = AF_BRIDGE;
    if (has_any(changed, Wire::port)) {
        writer.begin(RTM_SETLINK, 0, header);
        // Without the flag the kernel takes the payload for the port's state (br_setlink()).
        nlattr* settings = writer.begin_nest(IFLA_PROTINFO | NLA_F_NESTED);
        for (const auto& row : link_attributes())
            if (row.wire == Wire::port)
                std::visit([&](auto member) { put_number(writer, row.kernel, changed.*member); },
                           row.member);
        writer.end_nest(settings);
        writer.finish();
    }
    if (!has_any(changed, Wire::port_vlans)) return;
    const std::uint16_t pvid = changed.bridge_pvid.value_or(0);
    const VlanList wanted = changed.bridge_vlans.value_or(VlanList{});
    const auto put_range = [&](const VlanRange& range, unsigned flags) {
        if (range.untagged) flags |= BRIDGE_VLAN_INFO_UNTAGGED;
        const bool is_one = range.first == range.last;
        const auto put = [&](std::uint16_t vlan, unsigned more) {
            const bridge_vlan_info info{static_cast<std::uint16_t>(flags | more), vlan};
            writer.put(IFLA_BRIDGE_VLAN_INFO, std::as_bytes(std::span(&info, 1)));
        };
        put(range.first, is_one ? 0U : unsigned{BRIDGE_VLAN_INFO_RANGE_BEGIN});
        if (!is_one) put(range.last, BRIDGE_VLAN_INFO_RANGE_END);
    };
    const auto write = [&](std::uint16_t type, const auto& put_all) {
        writer.begin(type, 0, header);
        nlattr* af_spec = writer.begin_nest(IFLA_AF_SPEC);
        put_all();
        writer.end_nest(af_spec);
        writer.finish();
    };
    const bool is_tagged_pvid = contains_vlan(wanted, pvid);
    write(RTM_SETLINK, [&] {
        for (const auto& range : without_vlan(wanted, pvid).ranges)
            put_range(range, 0);
        if (pvid != 0) put_range({pvid, pvid, !is_tagged_pvid}, BRIDGE_VLAN_INFO_PVID);
    });
    // Those that are not there are no error (br_vlan_info() in net/bridge/br_netlink.c).
    write(RTM_DELLINK, [&] {
        for (const auto& range : vlans_beyond(wanted, pvid).ranges)
            put_range(range, 0);
    });
}

void encode_change(MessageWriter& writer, int index, const TunnelAttributes& changed,
                   const IndexOf& index_of) {
    writer.begin(RTM_NEWLINK, 0, link_header(index));
    encode_tunnel(writer, changed, index_of);
    writer.finish();
}

void encode_move(MessageWriter& writer, int index, int descriptor) {
    writer.begin(RTM_SETLINK, 0, link_header(index));
    writer.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(descriptor));
    writer.finish();
}

void encode_rename(MessageWriter& writer, int index, const std::string& to) {
    writer.begin(RTM_SETLINK, 0, link_header(index));
    writer.put_string(IFLA_IFNAME, to);
    writer.finish();
}

void encode_delete(MessageWriter& writer, int index) {
    writer.begin(RTM_DELLINK, 0, link_header(index));
    writer.finish();
}

void encode_delete_group(MessageWriter& writer, std::uint32_t group) {
    writer.begin(RTM_DELLINK, 0, link_header(0));
    writer.put_u32(IFLA_GROUP, group);
    writer.finish();
}

void encode_get_link(MessageWriter& writer, const std::string& name) {
    writer.begin(RTM_GETLINK, 0, link_header(0));
    // An alternative name may be longer than the one attribute has room for.
    writer.put_string(name.size() < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
    writer.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    writer.finish();
}

void encode_get_link(MessageWriter& writer, int index) {
    writer.begin(RTM_GETLINK, 0, link_header(index));
    writer.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    writer.finish();
}

void encode_dump_links(MessageWriter& writer, const std::string& kind, bool with_statistics) {
    writer.begin(RTM_GETLINK, NLM_F_DUMP, link_header(0));
    if (!with_statistics) writer.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (!kind.empty()) {
        nlattr* link_info = writer.begin_nest(IFLA_LINKINFO);
        writer.put_string(IFLA_INFO_KIND, kind);
        writer.end_nest(link_info);
    }
    writer.finish();
}

} // namespace vxlanctl
