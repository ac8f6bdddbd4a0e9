#include "vxlanctl/netlink/vni_codec.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr std::uint16_t new_tunnel = 120, get_tunnel = 122; // since Linux 5.18

/// struct tunnel_msg of linux/if_link.h, which older headers lack.
struct TunnelMessage {
    std::uint8_t family;
    std::uint8_t flags;
    std::uint16_t reserved;
    std::uint32_t ifindex;
};

// Of the same headers: VXLAN_VNIFILTER_ENTRY, and what is nested there.
constexpr int vnifilter_entry = 1, entry_start = 1, entry_end = 2;

VniRange decode_entry(const nlattr* entry) {
    VniRange range;
    for (const nlattr* attribute : NetlinkAttributes::nested(entry)) {
        const auto value = read_as<std::uint32_t>(attribute);
        if (nla_type(attribute) == entry_start) range.first = value.value_or(0);
        if (nla_type(attribute) == entry_end) range.last = value.value_or(0);
    }
    if (range.last < range.first)
        range.last = range.first; // the kernel omits the end of a single one
    return range;
}

/// What IFLA_BRIDGE_VLAN_TUNNEL_INFO says: one VLAN, or one end of a range of them.
struct VlanVni {
    std::uint32_t vni = 0;
    std::uint16_t vlan = 0, flags = 0;
};

VlanVni decode_vlan_vni(const nlattr* info) {
    VlanVni result;
    for (const nlattr* attribute : NetlinkAttributes::nested(info))
        switch (nla_type(attribute)) {
        case IFLA_BRIDGE_VLAN_TUNNEL_ID:
            result.vni = read_as<std::uint32_t>(attribute).value_or(0);
            break;
        case IFLA_BRIDGE_VLAN_TUNNEL_VID:
            result.vlan = read_as<std::uint16_t>(attribute).value_or(0);
            break;
        case IFLA_BRIDGE_VLAN_TUNNEL_FLAGS:
            result.flags = read_as<std::uint16_t>(attribute).value_or(0);
            break;
        default: break;
        }
    return result;
}

} // namespace

void encode_dump_vnis(MessageWriter& writer) {
    TunnelMessage header{};
    header.family = PF_BRIDGE; // vxlan_vnifilter_init() in drivers/net/vxlan/vxlan_vnifilter.c
    writer.begin(get_tunnel, NLM_F_DUMP, header);
    writer.finish();
}

std::optional<LinkVnis> decode_vnis(const nlmsghdr* message) {
    const auto* header = fixed_header<TunnelMessage>(message);
    if (message->nlmsg_type != new_tunnel || header == nullptr) return std::nullopt;
    LinkVnis result;
    result.link_index = static_cast<int>(header->ifindex);
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        if (nla_type(attribute) == vnifilter_entry) result.vnis.push_back(decode_entry(attribute));
    return result;
}

std::optional<LinkVlanVnis> decode_vlan_vnis(const nlmsghdr* message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (message->nlmsg_type != RTM_NEWLINK || header == nullptr || header->ifi_family != AF_BRIDGE)
        return std::nullopt;
    LinkVlanVnis result{header->ifi_index, {}};
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        if (nla_type(attribute) != IFLA_AF_SPEC) continue;
        for (const nlattr* inner : NetlinkAttributes::nested(attribute)) {
            if (nla_type(inner) != IFLA_BRIDGE_VLAN_TUNNEL_INFO) continue;
            const auto [vni, vlan, flags] = decode_vlan_vni(inner);
            if ((flags & BRIDGE_VLAN_INFO_RANGE_END) != 0 && !result.vlans.empty()) {
                result.vlans.back().last_vlan = vlan;
                result.vlans.back().vnis.last = vni;
            } else {
                result.vlans.push_back({vlan, vlan, {vni, vni}});
            }
        }
    }
    return result;
}

} // namespace vxlanctl
