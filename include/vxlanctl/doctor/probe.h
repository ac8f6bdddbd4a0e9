#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kernel/kernel.h"

namespace vxlanctl {

/// Sends packets: to each other end one that may not be fragmented and is as large as the tunnel's
/// can be, and through a VXLAN an ARP request for each known neighbour, and an ARP probe for each
/// address that the tunnel has. Takes at most six seconds.
Probe probe_tunnel(const Kernel& kernel, Netlink& netlink, const Link& link,
                   const TunnelFacts& facts);

} // namespace vxlanctl
