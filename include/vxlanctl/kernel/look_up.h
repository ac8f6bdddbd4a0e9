#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/model/route_lookup.h"
#include "vxlanctl/netlink/netlink.h"

#include <set>

namespace vxlanctl {

/// Asks the kernel for each of the routes in its table, in one batch. One that it refuses is an
/// answer with `code`; fails as a whole only where nothing is known.
Result<std::vector<RouteLookup>> look_up(Netlink& netlink, const std::vector<RouteQuery>& queries);
/// The same for what the kernel makes of the routes: with the MTU that was learned from the path.
Result<std::vector<RouteLookup>> resolve_routes(Netlink& netlink,
                                                const std::vector<RouteQuery>& queries);

/// The links of these indexes, without addresses and what else hangs on them, as far as they exist.
Result<std::vector<Link>> links_of(Netlink& netlink, const std::set<int>& indexes);

/// The first table from `first` on that has no route of the family; 0 where a few ones tried all
/// have.
Result<std::uint32_t> unused_table(Netlink& netlink, Family family, std::uint32_t first);

} // namespace vxlanctl
