#include "vxlanctl/netlink/settings_codec.h"

#include <algorithm>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

void encode_get(MessageWriter& writer, std::uint8_t family, std::int32_t which) {
    netconfmsg header{};
    header.ncm_family = family;
    writer.begin(RTM_GETNETCONF, 0, header);
    writer.put_u32(NETCONFA_IFINDEX, static_cast<std::uint32_t>(which));
    writer.finish();
}

} // namespace

RpFilter rp_filter_of(std::uint32_t number) {
    return static_cast<RpFilter>(std::min<std::uint32_t>(number, 2));
}

void encode_get_settings(MessageWriter& writer) {
    encode_get(writer, AF_INET, NETCONFA_IFINDEX_DEFAULT);
    encode_get(writer, AF_INET, NETCONFA_IFINDEX_ALL);
    encode_get(writer, AF_INET6, NETCONFA_IFINDEX_ALL);
}

void decode_settings(const nlmsghdr* message, InterfaceSettings& settings) {
    const auto* header = fixed_header<netconfmsg>(message);
    if (message->nlmsg_type != RTM_NEWNETCONF || header == nullptr) return;
    std::int32_t which = 0;
    std::optional<RpFilter> rp_filter;
    std::optional<bool> forwarding;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        const auto value = read_as<std::uint32_t>(attribute);
        if (!value) continue;
        switch (nla_type(attribute)) {
        case NETCONFA_IFINDEX: which = static_cast<std::int32_t>(*value); break;
        case NETCONFA_RP_FILTER: rp_filter = rp_filter_of(*value); break;
        case NETCONFA_FORWARDING: forwarding = *value != 0; break;
        default: break;
        }
    }
    if (header->ncm_family == AF_INET6) {
        settings.ipv6_forwarding = forwarding;
    } else if (which == NETCONFA_IFINDEX_ALL) {
        settings.all_rp_filter = rp_filter;
    } else {
        settings.of_new_links.rp_filter = rp_filter;
        settings.of_new_links.forward = forwarding;
    }
}

} // namespace vxlanctl
