#include "vxlanctl/run/watch_socket.h"

#include "vxlanctl/netlink/link_codec.h"

#include <cerrno>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

using EventKind = WatchEvent::Kind;

std::optional<Family> family_of(unsigned number) {
    if (number == AF_INET) return Family::ipv4;
    if (number == AF_INET6) return Family::ipv6;
    return std::nullopt;
}

std::optional<WatchEvent> decode_link_event(const nlmsghdr* message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (header == nullptr) return std::nullopt;
    WatchEvent event;
    event.index = header->ifi_index;
    if (header->ifi_family != AF_UNSPEC && header->ifi_family != AF_BRIDGE) return std::nullopt;
    if (header->ifi_family == AF_BRIDGE) { // RTM_DELLINK: the bridge has no such port any more
        event.kind = EventKind::port;
        return event;
    }
    event.is_gone = message->nlmsg_type == RTM_DELLINK;
    event.link.is_up = (header->ifi_flags & IFF_UP) != 0;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        switch (nla_type(attribute)) {
        case IFLA_IFNAME: event.link.name = read_string(attribute); break;
        case IFLA_MTU: event.link.mtu = read_as<std::uint32_t>(attribute).value_or(0); break;
        case IFLA_MASTER:
            event.link.master_index = read_as<std::int32_t>(attribute).value_or(0);
            break;
        }
    return event;
}

std::optional<WatchEvent> decode_address_event(const nlmsghdr* message) {
    const auto* header = fixed_header<ifaddrmsg>(message);
    if (header == nullptr || !family_of(header->ifa_family)) return std::nullopt;
    WatchEvent event;
    event.kind = EventKind::address;
    event.is_gone = message->nlmsg_type == RTM_DELADDR;
    event.index = static_cast<int>(header->ifa_index);
    std::optional<IpAddress> address, local; // IFA_ADDRESS is the other end of a point-to-point one
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        if (nla_type(attribute) == IFA_ADDRESS)
            address = read_address(attribute);
        else if (nla_type(attribute) == IFA_LOCAL)
            local = read_address(attribute);
    if (local) address = local;
    if (address) event.prefix = Prefix{*address, header->ifa_prefixlen};
    return event;
}

std::optional<WatchEvent> decode_entry_event(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    if (header == nullptr || header->ndm_family != AF_BRIDGE) return std::nullopt;
    WatchEvent event;
    event.kind = EventKind::entry;
    event.index = header->ndm_ifindex;
    return event;
}

std::optional<WatchEvent> decode_route_event(const nlmsghdr* message) {
    const auto* header = fixed_header<rtmsg>(message);
    const auto family = header == nullptr ? std::nullopt : family_of(header->rtm_family);
    if (!family || (header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
    WatchEvent event;
    event.kind = EventKind::route;
    event.is_gone = message->nlmsg_type == RTM_DELROUTE;
    event.table = header->rtm_table;
    event.prefix = Prefix{IpAddress{*family, {}}, header->rtm_dst_len};
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        switch (nla_type(attribute)) {
        case RTA_DST: event.prefix->address = read_address(attribute).value_or(IpAddress{}); break;
        case RTA_TABLE: event.table = read_as<std::uint32_t>(attribute).value_or(0); break;
        case RTA_OIF: event.index = read_as<std::int32_t>(attribute).value_or(0); break;
        }
    return event;
}

std::optional<WatchEvent> decode_rule_event(const nlmsghdr* message) {
    const auto* header = fixed_header<fib_rule_hdr>(message);
    if (header == nullptr || !family_of(header->family)) return std::nullopt;
    WatchEvent event;
    event.kind = EventKind::rule;
    event.is_gone = message->nlmsg_type == RTM_DELRULE;
    event.table = header->table;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        if (nla_type(attribute) == FRA_TABLE)
            event.table = read_as<std::uint32_t>(attribute).value_or(0);
    return event;
}

std::optional<WatchEvent> decode_settings_event(const nlmsghdr* message) {
    const auto* header = fixed_header<netconfmsg>(message);
    if (header == nullptr) return std::nullopt;
    std::optional<std::int32_t> index;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header))
        if (nla_type(attribute) == NETCONFA_IFINDEX) index = read_as<std::int32_t>(attribute);
    if (!index || (*index < 0 && *index != NETCONFA_IFINDEX_ALL)) return std::nullopt;
    WatchEvent event;
    event.kind = EventKind::settings;
    event.index = *index == NETCONFA_IFINDEX_ALL ? 0 : *index;
    return event;
}

} // namespace

std::optional<WatchEvent> decode_watch_event(const nlmsghdr* message) {
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: return decode_link_event(message);
    case RTM_NEWADDR:
    case RTM_DELADDR: return decode_address_event(message);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: return decode_entry_event(message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE: return decode_route_event(message);
    case RTM_NEWRULE:
    case RTM_DELRULE: return decode_rule_event(message);
    case RTM_NEWNETCONF: return decode_settings_event(message);
    default: return std::nullopt;
    }
}

// A datagram of events holds one message (nlmsg_notify() in net/netlink/af_netlink.c). Loads of
// half a word are in network byte order, and netlink's numbers in that of the host.
std::vector<sock_filter> learned_filter() {
    constexpr std::uint32_t type_at = offsetof(nlmsghdr, nlmsg_type);
    constexpr std::uint32_t family_at = NLMSG_HDRLEN + offsetof(ndmsg, ndm_family);
    constexpr std::uint32_t state_at = NLMSG_HDRLEN + offsetof(ndmsg, ndm_state);
    constexpr std::uint32_t flags_at = NLMSG_HDRLEN + offsetof(ndmsg, ndm_flags);
    constexpr std::uint32_t attributes_at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ndmsg));
    constexpr std::uint32_t keep_all = 0xffffffff, drop = 0;
    const auto statement = [](unsigned code, std::uint32_t value) {
        return sock_filter{static_cast<std::uint16_t>(code), 0, 0, value};
    };
    // How many statements to skip, if so and if not.
    const auto jump = [](unsigned code, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
        return sock_filter{static_cast<std::uint16_t>(BPF_JMP | code | BPF_K), yes, no, value};
    };
    const std::uint32_t deliberate = htons(NUD_PERMANENT | NUD_NOARP);
    return {
        statement(BPF_LD | BPF_H | BPF_ABS, type_at),
        jump(BPF_JEQ, htons(RTM_NEWNEIGH), 1, 0),
        jump(BPF_JEQ, htons(RTM_DELNEIGH), 0, 15), // anything else is kept
        statement(BPF_LD | BPF_B | BPF_ABS, family_at),
        jump(BPF_JEQ, AF_BRIDGE, 0, 14), // of an IP address: dropped
        statement(BPF_LD | BPF_H | BPF_ABS, state_at),
        jump(BPF_JSET, deliberate, 11, 0),
        statement(BPF_LD | BPF_B | BPF_ABS, flags_at),
        jump(BPF_JSET, NTF_EXT_LEARNED, 9, 0),
        // Where the MAC address is; 0 where there is none (SKF_AD_NLATTR in net/core/filter.c).
        statement(BPF_LDX | BPF_W | BPF_IMM, NDA_LLADDR),
        statement(BPF_LD | BPF_W | BPF_IMM, attributes_at),
        statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_NLATTR)),
        jump(BPF_JEQ, 0, 5, 0),
        statement(BPF_MISC | BPF_TAX, 0),
        statement(BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN),
        jump(BPF_JEQ, 0, 0, 3),
        statement(BPF_LD | BPF_H | BPF_IND, NLA_HDRLEN + 4),
        jump(BPF_JEQ, 0, 0, 1),
        statement(BPF_RET | BPF_K, keep_all),
        statement(BPF_RET | BPF_K, drop),
    };
}

Result<WatchSocket> WatchSocket::open(const Kernel& kernel) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    // More than a service may have: with too little, events are lost while a run is at work.
    const int room = 4 << 20;
    setsockopt(socket->descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    auto program = learned_filter();
    const sock_fprog filter{static_cast<std::uint16_t>(program.size()), program.data()};
    if (setsockopt(socket->descriptor(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        return error(Error(Code::cannot_listen_to_kernel).with(errno));
    for (const int group : {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                            RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
                            RTNLGRP_IPV6_RULE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF})
        if (auto joined = socket->join(group); !joined) return tl::unexpected(joined.error());
    return WatchSocket(std::move(*socket));
}

bool WatchSocket::read(const std::function<void(const WatchEvent&)>& handle) const {
    return socket_.read_events([&](const nlmsghdr* message) {
        if (const auto event = decode_watch_event(message)) handle(*event);
    });
}

Result<void> WatchSocket::list(const Kernel& kernel,
                               const std::function<void(const WatchEvent&)>& handle) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_links(writer, "", false);
    return Netlink(*socket).dump(
        batch,
        [&](const nlmsghdr* message) {
            if (const auto event = decode_watch_event(message)) handle(*event);
        },
        [] {});
}

} // namespace vxlanctl
