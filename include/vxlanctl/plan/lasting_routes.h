#pragma once

#include "vxlanctl/plan/steps.h"

/// Which routes out of a link outlive a change of it, and which can be put back.
namespace vxlanctl {

/// Whether the kernel makes the route by itself, or since a router told it to.
bool is_automatic(const Route& route);
/// Whether a route outlives its link only if somebody puts it back, and can be put back as it was.
bool is_restorable(const Route& route);
/// The routes out of a link that cannot be put back, and do not come back by themselves; of one
/// with several next hops each.
std::vector<Route> unrestorable_routes(const Link& link);

/// Routes of others that the kernel drops with the surplus addresses, and that cannot be put back:
/// their source address, or the way to their gateway, is gone.
std::vector<Route> lost_routes(const Link& have, const LinkTarget& want);

/// Whether a route can be added to a link with these addresses and routes: its gateway is on the
/// link, and its source is there.
bool can_be_added(const Route& route, const std::vector<Address>& addresses,
                  const std::vector<Route>& others);

/// Whether the kernel refuses the route on a link in this VRF: the source address, one of these,
/// has to be in no VRF, or in that of the route's own table (fib_valid_prefsrc() in
/// net/ipv4/fib_frontend.c). `vrf_table` is 0 where there is no VRF.
bool loses_source(const Route& route, const std::vector<Address>& addresses,
                  std::uint32_t vrf_table);

/// Whether the change takes the link's last IPv4 address, and with it every IPv4 route out of the
/// link (fib_disable_ip() in net/ipv4/fib_frontend.c).
bool loses_ipv4(const Link& have, const LinkTarget& want);

/// What remains of the routes when no IPv4 address does: the wanted ones and those of others.
std::vector<Route> surviving_routes(const Link& have, const LinkTarget& want);

bool is_ipv4(const Address& address);

bool is_ipv4_route(const Route& route);

} // namespace vxlanctl
