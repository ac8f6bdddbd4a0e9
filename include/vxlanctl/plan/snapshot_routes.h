#pragma once

#include "vxlanctl/model/route_lookup.h"
#include "vxlanctl/model/snapshot.h"

/// Where the host of a snapshot would send a packet: the kernel's routing, computed from the rules
/// and tables that it had.
namespace vxlanctl {

/// As the kernel's answer to RTM_GETROUTE with RTM_F_FIB_MATCH: the route in its table.
RouteLookup look_up(const NamespaceSnapshot& space, const RouteQuery& query);
/// As its answer without that flag: with the source address that it would choose. What it has
/// learned of the path's MTU is in no table.
RouteLookup resolve_route(const NamespaceSnapshot& space, const RouteQuery& query);
/// The first table from `first` on that has no route of the family.
std::uint32_t unused_table(const NamespaceSnapshot& space, Family family, std::uint32_t first);

} // namespace vxlanctl
