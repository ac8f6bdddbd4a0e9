#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kernel/kernel.h"

#include <span>

namespace vxlanctl {

/// Sends packets for these tunnels, all at the same time, and returns what came of it, tunnel by
/// tunnel; empty for a name that is no tunnel's. To each remote end goes one that may not be
/// fragmented and is as large as the tunnel's can be; through a VXLAN an ARP request for each known
/// neighbour and an ARP probe for each address that the tunnel has; to the routers of an ISATAP
/// tunnel and the remote end of an IPv4-in-IPv6 tunnel echo requests, outside and through the
/// tunnel; to whoever answers inside, echo requests as large as the tunnel's MTU and, where these
/// are not answered, smaller ones; to the next hops on the underlay ARP requests or neighbour
/// solicitations. Meanwhile it listens to what comes out of the tunnels.
///
/// Takes at most six seconds for as many tunnels as 512 sockets are enough for, and in all at most
/// thirty: of a tunnel whose turn does not come, the obstacles say so.
std::vector<std::optional<Probe>> probe_tunnels(const Kernel& kernel, Netlink& netlink,
                                                const State& state,
                                                std::span<const TunnelFacts> tunnels);

} // namespace vxlanctl
