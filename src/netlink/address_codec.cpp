#include "vxlanctl/netlink/address_codec.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

std::uint8_t family_number(const Address& address) {
    return address.prefix.address.family == Family::ipv4 ? AF_INET : AF_INET6;
}

// What somebody asked for; the other flags tell what became of it.
constexpr std::uint32_t requested_flags = IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_HOMEADDRESS |
                                          IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |
                                          IFA_F_MCAUTOJOIN;

std::optional<AddressMessage> decode(const nlmsghdr* message) {
    const auto* header = fixed_header<ifaddrmsg>(message);
    if (header == nullptr) return std::nullopt;
    if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) return std::nullopt;
    AddressMessage result;
    result.link_index = static_cast<int>(header->ifa_index);
    Address& address = result.address;
    address.prefix.length = header->ifa_prefixlen;
    address.scope = header->ifa_scope;
    address.flags = header->ifa_flags;
    std::optional<IpAddress> local, other;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case IFA_LOCAL: local = read_address(attribute); break;
        case IFA_ADDRESS: other = read_address(attribute); break;
        case IFA_BROADCAST: address.broadcast = read_address(attribute); break;
        case IFA_LABEL: address.label = read_string(attribute); break;
        case IFA_FLAGS:
            address.flags = read_as<std::uint32_t>(attribute).value_or(address.flags);
            break;
        case IFA_RT_PRIORITY: address.metric = read_as<std::uint32_t>(attribute).value_or(0); break;
        case IFA_CACHEINFO:
            if (const auto info = read_as<ifa_cacheinfo>(attribute)) {
                address.valid_seconds = info->ifa_valid;
                address.preferred_seconds = info->ifa_prefered;
            }
            break;
        default: break;
        }
    }
    // Of a lifetime without an end IPv4 tells no more than the flag (inet_fill_ifaddr()).
    if ((address.flags & IFA_F_DEPRECATED) != 0) address.preferred_seconds = 0;
    // IPv6 sends IFA_LOCAL only with a peer; IPv4 always, and IFA_ADDRESS is then the peer or the
    // same address again.
    if (!local && !other) return std::nullopt;
    address.prefix.address = local ? *local : *other;
    if (local && other && *local != *other) address.peer = other;
    if (address.prefix.length > full_length(address.prefix.address.family)) return std::nullopt;
    return result;
}

void encode(MessageWriter& writer, std::uint16_t type, std::uint16_t message_flags, int link_index,
            const Address& address) {
    ifaddrmsg header{};
    header.ifa_family = family_number(address);
    header.ifa_prefixlen = address.prefix.length;
    header.ifa_scope = address.scope;
    header.ifa_index = static_cast<unsigned>(link_index);
    writer.begin(type, message_flags, header);
    writer.put(IFA_LOCAL, wire_bytes(address.prefix.address));
    writer.put(IFA_ADDRESS, wire_bytes(address.peer.value_or(address.prefix.address)));
}

} // namespace

std::optional<AddressMessage> decode_address(const nlmsghdr* message) {
    return message->nlmsg_type == RTM_NEWADDR ? decode(message) : std::nullopt;
}

std::optional<AddressMessage> decode_gone_address(const nlmsghdr* message) {
    return message->nlmsg_type == RTM_DELADDR ? decode(message) : std::nullopt;
}

void encode_add_address(MessageWriter& writer, int link_index, const Address& address) {
    encode(writer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link_index, address);
    if (address.broadcast) writer.put(IFA_BROADCAST, wire_bytes(*address.broadcast));
    if (!address.label.empty()) writer.put_string(IFA_LABEL, address.label);
    if (const auto flags = address.flags & requested_flags; flags != 0)
        writer.put_u32(IFA_FLAGS, flags);
    if (address.metric != 0) writer.put_u32(IFA_RT_PRIORITY, address.metric);
    if (address.valid_seconds != forever || address.preferred_seconds != forever) {
        ifa_cacheinfo info{};
        info.ifa_valid = address.valid_seconds;
        info.ifa_prefered = address.preferred_seconds;
        writer.put(IFA_CACHEINFO, std::as_bytes(std::span(&info, 1)));
    }
    writer.finish();
}

void encode_remove_address(MessageWriter& writer, int link_index, const Address& address) {
    encode(writer, RTM_DELADDR, 0, link_index, address);
    writer.finish();
}

void encode_dump_addresses(MessageWriter& writer, int link_index) {
    ifaddrmsg header{};
    header.ifa_family = AF_UNSPEC;
    header.ifa_index = static_cast<unsigned>(link_index);
    writer.begin(RTM_GETADDR, NLM_F_DUMP, header);
    writer.finish();
}

} // namespace vxlanctl
