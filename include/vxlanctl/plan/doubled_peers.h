#pragma once

#include "vxlanctl/model/model.h"

namespace vxlanctl {

/// Two entries that are one remote endpoint: each broadcast frame is sent to it twice.
struct DoubledPeer {
    FloodEntry plain; ///< the one that is to stay, or what the link's default remote stands for
    FloodEntry other;
    bool is_remote = false; ///< `plain` is the default remote, and not in the list
    bool operator==(const DoubledPeer&) const = default;
};

/// Those of a sorted flood list, and of it with the default remote, on a VXLAN with these
/// attributes. To one address, each pair of port and VNI is another endpoint: the receiver takes
/// the copies for different networks (vxlan_vs_find_vni() in drivers/net/vxlan/vxlan_core.c). Which
/// interface a copy leaves through makes no difference to it.
std::vector<DoubledPeer> doubled_peers(const std::vector<FloodEntry>& sorted,
                                       const TunnelAttributes& vxlan);

} // namespace vxlanctl
