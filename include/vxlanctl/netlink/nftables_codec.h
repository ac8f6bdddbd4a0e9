#pragma once

#include "vxlanctl/netlink/message.h"

#include <optional>
#include <string>
#include <vector>

/// What of nftables is read without nft(8): which tables there are, and counters of set elements
/// (linux/netfilter/nf_tables.h, nf_tables_fill_setelem() in net/netfilter/nf_tables_api.c). Needs
/// CAP_NET_ADMIN.
namespace vxlanctl {

/// NFT_MSG_GETTABLE for all tables of family inet.
void encode_dump_inet_tables(MessageWriter& writer);
/// The name out of NFT_MSG_NEWTABLE.
std::optional<std::string> decode_table_name(const nlmsghdr* message);

/// NFT_MSG_GETSETELEM for all elements of a set in a table of family inet. The kernel refuses it
/// with ENOENT where there is no such set.
void encode_dump_set_elements(MessageWriter& writer, const std::string& table,
                              const std::string& set);

/// An element of a set of addresses that counts packets.
struct CountedElement {
    IpAddress address;
    std::uint64_t packets = 0, bytes = 0;
    bool operator==(const CountedElement&) const = default;
};
/// Those in one NFT_MSG_NEWSETELEM. Elements without a counter, or of another type, are left out.
std::vector<CountedElement> decode_set_elements(const nlmsghdr* message);

} // namespace vxlanctl
