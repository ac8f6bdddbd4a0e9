#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kernel/kernel.h"

#include <set>

/// Facts about what is around tunnels, each read at once for all of them.
namespace vxlanctl {

/// Fills in RouteFact::next_hop of the ways out of all tunnels.
Result<void> read_next_hops(Netlink& netlink, Facts& facts);

/// The tunnel's own first IPv4 address; none where it has none.
std::optional<IpAddress> own_inner_address(const Link& link);
/// Looks up where answers go to those who were heard in tunnels (Probe::heard), as
/// TunnelFacts::inner has it.
void look_up_heard(Netlink& netlink, Facts& facts);

/// Reads all policy rules (Facts::rules).
Result<void> read_rules(Netlink& netlink, Facts& facts);

/// Reads the routes that refuse packets (Facts::refusing), if there is no way to some peer.
Result<void> read_refusing_routes(Netlink& netlink, Facts& facts);

/// Fills in the VLANs of tunnels that are ports of a bridge that filters by VLAN.
Result<void> read_port_vlans(Netlink& netlink, Facts& facts);

/// The interfaces (by ifindex; 0: none) that UDP sockets on the tunnel's port are bound to, those
/// of the kernel among them (sock_diag(7)); empty also where the kernel does not tell.
std::set<int> bound_sockets(const Kernel& kernel, const TunnelAttributes& tunnel);

} // namespace vxlanctl
