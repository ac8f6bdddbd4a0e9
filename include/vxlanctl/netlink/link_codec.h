#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/netlink/message.h"

#include <functional>

namespace vxlanctl {

/// The ifindex of a link's name; 0 when there is no such link. An empty name never asks.
using IndexOf = std::function<int(const std::string&)>;

/// A link out of RTM_NEWLINK, for any kind; of a kind of ours with every attribute that the kernel
/// leaves out when it has the default. Names behind an index (tunnel.dev, attributes.master) are
/// left empty: the message has the index alone. Empty for a message that is no link.
std::optional<Link> decode_link(const nlmsghdr* message);
/// The alternative names (altname) of the link in RTM_NEWLINK; none before Linux 5.5.
std::vector<std::string> decode_alternative_names(const nlmsghdr* message);
/// The index of a link that has gone, out of the event RTM_DELLINK; empty for any other message.
std::optional<int> decode_gone_link(const nlmsghdr* message);

/// The VLANs of a bridge port, out of an answer to encode_dump_bridge_ports().
struct PortVlans {
    int link_index = 0;
    int bridge_index = 0;         ///< 0 for the bridge itself
    std::uint16_t pvid = 0;       ///< the VLAN of frames without a tag; 0: none
    std::vector<VlanRange> vlans; ///< all of them
};
/// Those that LinkAttributes::bridge_vlans has.
VlanList vlans_beside_pvid(const PortVlans& port);
std::optional<PortVlans> decode_port_vlans(const nlmsghdr* message);
/// RTM_GETLINK of family AF_BRIDGE for all bridge ports, with their VLANs.
void encode_dump_bridge_ports(MessageWriter& writer);

/// RTM_NEWLINK that makes a link of the tunnel's kind, down; fails if the name exists.
/// The alias is not in it: the kernel ignores IFLA_IFALIAS there. See encode_alias().
void encode_create(MessageWriter& writer, const std::string& name, const LinkAttributes& attributes,
                   const TunnelAttributes& tunnel, const IndexOf& index_of);
/// RTM_SETLINK with the alias, addressed by name, so that it can follow the create in one send.
void encode_alias(MessageWriter& writer, const std::string& name, const std::string& alias);
/// RTM_SETLINK with the stated attributes, without those of a bridge port.
void encode_change(MessageWriter& writer, int index, const LinkAttributes& changed,
                   const IndexOf& index_of);
/// What is stated of a bridge port: RTM_SETLINK of family AF_BRIDGE with its settings; then, where
/// `bridge_pvid` or `bridge_vlans` is stated, one with exactly these VLANs, which needs both, and
/// RTM_DELLINK of that family for all others (rtnl_bridge_setlink() in net/core/rtnetlink.c).
void encode_port_change(MessageWriter& writer, int index, const LinkAttributes& changed);
/// RTM_NEWLINK with the stated attributes and nothing else: the kernel refuses the whole change of
/// a VXLAN where an immutable attribute is merely present, and where IFLA_MTU is beside them.
void encode_change(MessageWriter& writer, int index, const TunnelAttributes& changed,
                   const IndexOf& index_of);
/// RTM_SETLINK into the network namespace of an open file; addresses and routes do not come along.
void encode_move(MessageWriter& writer, int index, int descriptor);
void encode_rename(MessageWriter& writer, int index, const std::string& to);
void encode_delete(MessageWriter& writer, int index);
/// RTM_DELLINK for all links of a group, at once (rtnl_group_dellink() in net/core/rtnetlink.c):
/// all of them or, where one cannot be removed, none. Not of the group 0, which the kernel refuses.
void encode_delete_group(MessageWriter& writer, std::uint32_t group);

/// RTM_GETLINK for one link, without its statistics.
void encode_get_link(MessageWriter& writer, const std::string& name);
void encode_get_link(MessageWriter& writer, int index);
/// RTM_GETLINK for all links of a kind, or for all links when it is empty. A kernel that has no
/// such kind loaded may answer with all of them.
void encode_dump_links(MessageWriter& writer, const std::string& kind, bool with_statistics);

} // namespace vxlanctl
