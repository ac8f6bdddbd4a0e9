#pragma once

#include "vxlanctl/model/many_vnis.h"
#include "vxlanctl/netlink/message.h"

#include <optional>

namespace vxlanctl {

/// RTM_GETTUNNEL for the VNIs that VXLANs with `vnifilter` accept. Before Linux 5.18 the kernel
/// refuses it with EOPNOTSUPP.
void encode_dump_vnis(MessageWriter& writer);

/// The VNIs of one link, out of an answer to encode_dump_vnis(), which has as many of them as fit.
struct LinkVnis {
    int link_index = 0;
    std::vector<VniRange> vnis;
};
std::optional<LinkVnis> decode_vnis(const nlmsghdr* message);

/// The VLANs of a bridge port that are VNIs, out of an answer to encode_dump_bridge_ports().
struct LinkVlanVnis {
    int link_index = 0;
    std::vector<VlanVnis> vlans;
};
std::optional<LinkVlanVnis> decode_vlan_vnis(const nlmsghdr* message);

} // namespace vxlanctl
