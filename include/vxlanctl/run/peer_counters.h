#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/model.h"

#include <map>
#include <string>

namespace vxlanctl {

/// What the rules of `vxlanctl firewall --count` have counted of one peer since they were loaded:
/// outer packets, with their outer IP headers.
struct PeerCounters {
    std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
    bool operator==(const PeerCounters&) const = default;
};

/// By the peer's outer address. One that is not there has sent and got nothing.
using CountedPeers = std::map<IpAddress, PeerCounters>;

/// By the name of the VXLANs whose rules are loaded and count. Empty also where the kernel does not
/// say, as without CAP_NET_ADMIN. One request for all tables, and one for each set that counts.
std::map<std::string, CountedPeers> read_peer_counters(const Kernel& kernel, const Links& links);

} // namespace vxlanctl
