#include "vxlanctl/netlink/fdb_codec.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

bool differ_in_dst_alone(const FloodEntry& one, const FloodEntry& other) {
    return one.dst.family == other.dst.family && one.port == other.port && one.vni == other.vni &&
           one.via == other.via;
}

/// A message for each remote of a MAC.
void encode_remotes(MessageWriter& writer, std::uint16_t type, std::uint16_t message_flags,
                    const ndmsg& header, const MacAddress& mac, std::span<const FloodEntry> remotes,
                    const IndexOf& index_of) {
    const FloodEntry* previous = nullptr;
    std::span<std::uint8_t> dst; // in the writer's message
    for (const auto& remote : remotes) {
        const auto bytes = wire_bytes(remote.dst);
        if (previous != nullptr && differ_in_dst_alone(*previous, remote)) {
            std::copy(bytes.begin(), bytes.end(), dst.begin());
        } else {
            writer.begin(type, message_flags, header);
            writer.put(NDA_LLADDR, std::span<const std::uint8_t>(mac.bytes));
            dst = writer.put(NDA_DST, bytes);
            if (remote.port) writer.put_big_endian(NDA_PORT, *remote.port);
            if (remote.vni) writer.put_u32(NDA_VNI, *remote.vni);
            if (!remote.via.empty())
                writer.put_u32(NDA_IFINDEX, static_cast<std::uint32_t>(index_of(remote.via.str())));
        }
        writer.finish();
        previous = &remote;
    }
}

ndmsg fdb_header(int link_index, std::uint16_t state, std::uint8_t flags) {
    ndmsg header{};
    header.ndm_family = AF_BRIDGE;
    header.ndm_ifindex = link_index;
    header.ndm_state = state;
    header.ndm_flags = flags;
    return header;
}

} // namespace

std::optional<int> link_of_fdb_event(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    const bool is_event =
        message->nlmsg_type == RTM_NEWNEIGH || message->nlmsg_type == RTM_DELNEIGH;
    if (!is_event || header == nullptr || header->ndm_family != AF_BRIDGE) return std::nullopt;
    return header->ndm_ifindex;
}

std::optional<FdbMessage> decode_fdb(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    if (message->nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != AF_BRIDGE)
        return std::nullopt;
    FdbMessage entry;
    entry.link_index = header->ndm_ifindex;
    entry.state = header->ndm_state;
    entry.flags = header->ndm_flags;
    bool has_mac = false, has_dst = false;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case NDA_LLADDR:
            if (const auto mac = read_mac(attribute)) entry.mac = *mac, has_mac = true;
            break;
        case NDA_DST:
            if (const auto dst = read_address(attribute)) entry.dst = *dst, has_dst = true;
            break;
        case NDA_PORT:
            if (const auto port = read_as<std::uint16_t>(attribute)) entry.port = ntohs(*port);
            break;
        case NDA_VNI: entry.vni = read_as<std::uint32_t>(attribute); break;
        case NDA_IFINDEX: entry.via_index = read_as<int>(attribute).value_or(0); break;
        case NDA_CACHEINFO:
            if (const auto info = read_as<nda_cacheinfo>(attribute))
                entry.times = {info->ndm_used, info->ndm_updated};
            break;
        case NDA_SRC_VNI:
        case NDA_NH_ID:
        case NDA_MASTER: return std::nullopt;
        default: break;
        }
    }
    return has_mac && has_dst ? std::optional(entry) : std::nullopt;
}

std::optional<OpaqueMessage> decode_opaque_fdb(const nlmsghdr* message) {
    const auto* header = fixed_header<ndmsg>(message);
    if (message->nlmsg_type != RTM_NEWNEIGH || header == nullptr || header->ndm_family != AF_BRIDGE)
        return std::nullopt;
    OpaqueMessage result{header->ndm_ifindex, {}};
    OpaqueEntry& entry = result.entry;
    entry.state = header->ndm_state;
    entry.flags = header->ndm_flags;
    bool has_mac = false;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case NDA_LLADDR:
            if (const auto mac = read_mac(attribute)) entry.mac = *mac, has_mac = true;
            break;
        case NDA_DST: entry.dst = read_address(attribute); break;
        case NDA_SRC_VNI: entry.source_vni = read_as<std::uint32_t>(attribute); break;
        case NDA_NH_ID: entry.group = read_as<std::uint32_t>(attribute); break;
        case NDA_MASTER: return std::nullopt; // a bridge's entry for the port
        default: break;
        }
    }
    return has_mac && (entry.group || entry.source_vni) ? std::optional(result) : std::nullopt;
}

std::optional<NextHopObject> decode_next_hop(const nlmsghdr* message) {
    const auto* header = fixed_header<nhmsg>(message);
    if (message->nlmsg_type != RTM_NEWNEXTHOP || header == nullptr) return std::nullopt;
    NextHopObject hop;
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, sizeof *header)) {
        switch (nla_type(attribute)) {
        case NHA_ID: hop.id = read_as<std::uint32_t>(attribute).value_or(0); break;
        case NHA_GATEWAY: hop.gateway = read_address(attribute); break;
        case NHA_GROUP: {
            const auto bytes = payload(attribute); // an array of these
            nexthop_grp member{};
            for (std::size_t at = 0; at + sizeof member <= bytes.size(); at += sizeof member) {
                std::memcpy(&member, bytes.data() + at, sizeof member);
                hop.members.push_back(member.id);
            }
            break;
        }
        default: break;
        }
    }
    return hop.id != 0 ? std::optional(hop) : std::nullopt;
}

void encode_dump_next_hops(MessageWriter& writer) {
    writer.begin(RTM_GETNEXTHOP, NLM_F_DUMP, nhmsg{});
    writer.put_flag(NHA_FDB);
    writer.finish();
}

void encode_add_flood(MessageWriter& writer, int link_index, std::span<const FloodEntry> entries,
                      std::uint16_t state, std::uint8_t flags, const IndexOf& index_of) {
    encode_remotes(writer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND,
                   fdb_header(link_index, state, flags), MacAddress{}, entries, index_of);
}

void encode_add_mac(MessageWriter& writer, int link_index, const MacEntry& entry,
                    const IndexOf& index_of) {
    // A multicast MAC has a list of remotes like the all-zero one, and cannot be replaced.
    const bool has_list = (entry.mac.bytes[0] & 1) != 0;
    encode_remotes(
        writer, RTM_NEWNEIGH,
        static_cast<std::uint16_t>(NLM_F_CREATE | (has_list ? NLM_F_APPEND : NLM_F_REPLACE)),
        fdb_header(link_index, entry.state, entry.flags), entry.mac, {&entry.remote, 1}, index_of);
}

void encode_remove_fdb(MessageWriter& writer, int link_index, const MacAddress& mac,
                       std::span<const FloodEntry> entries, const IndexOf& index_of) {
    encode_remotes(writer, RTM_DELNEIGH, 0, fdb_header(link_index, NUD_PERMANENT, NTF_SELF), mac,
                   entries, index_of);
}

void encode_dump_fdb(MessageWriter& writer, int link_index) {
    writer.begin(RTM_GETNEIGH, NLM_F_DUMP, fdb_header(link_index, 0, 0));
    writer.finish();
}

} // namespace vxlanctl
