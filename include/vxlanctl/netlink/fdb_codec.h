#pragma once

#include "vxlanctl/netlink/link_codec.h"

namespace vxlanctl {

/// An entry of a VXLAN's forwarding database as the kernel sends it.
struct FdbMessage {
    int link_index = 0;
    MacAddress mac; ///< all zero: an entry of the flood list
    IpAddress dst;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    int via_index = 0;
    std::uint16_t state = 0;
    std::uint8_t flags = 0;
    std::optional<FdbTimes> times;
};

/// The ifindex of the link whose table an event of RTNLGRP_NEIGH is about; empty where the event is
/// about no forwarding database.
std::optional<int> link_of_fdb_event(const nlmsghdr* message);

/// An entry out of RTM_NEWNEIGH of family AF_BRIDGE. Empty for what is not an entry of a vxlan's
/// own table with one remote: a bridge's entry for the port, an entry with a next-hop object, or
/// one of a link with a VNI per entry (external).
std::optional<FdbMessage> decode_fdb(const nlmsghdr* message);

/// An entry that decode_fdb() has no members for: one with a next-hop object (whose members are
/// not in the message), or of one VNI of a link that has many.
struct OpaqueMessage {
    int link_index = 0;
    OpaqueEntry entry;
};
std::optional<OpaqueMessage> decode_opaque_fdb(const nlmsghdr* message);

/// A next-hop object out of RTM_NEWNEXTHOP: a gateway, or a group of others.
struct NextHopObject {
    std::uint32_t id = 0;
    std::optional<IpAddress> gateway;
    std::vector<std::uint32_t> members; ///< their IDs, of a group
};
std::optional<NextHopObject> decode_next_hop(const nlmsghdr* message);
/// RTM_GETNEXTHOP for all next-hop objects of forwarding databases (NHA_FDB).
void encode_dump_next_hops(MessageWriter& writer);

/// One RTM_NEWNEIGH for each remote, which appends it to the flood list. Append does not fail where
/// the entry is there already, and never replaces another one.
void encode_add_flood(MessageWriter& writer, int link_index, std::span<const FloodEntry> entries,
                      std::uint16_t state, std::uint8_t flags, const IndexOf& index_of);
void encode_add_mac(MessageWriter& writer, int link_index, const MacEntry& entry,
                    const IndexOf& index_of);
/// One RTM_DELNEIGH for each of a MAC's remotes. It always carries the destination: without one the
/// kernel deletes the whole list.
void encode_remove_fdb(MessageWriter& writer, int link_index, const MacAddress& mac,
                       std::span<const FloodEntry> entries, const IndexOf& index_of);

/// RTM_GETNEIGH of family AF_BRIDGE, for one link or with 0 for all.
void encode_dump_fdb(MessageWriter& writer, int link_index);

} // namespace vxlanctl
