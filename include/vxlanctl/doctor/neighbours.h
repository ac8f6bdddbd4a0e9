#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/netlink/netlink.h"

namespace vxlanctl {

using Neighbours = std::map<int, std::vector<KnownNeighbour>>; ///< by ifindex

/// The neighbours on these interfaces, by ifindex, in any state but NUD_NOARP unless `with_noarp`.
/// Of many interfaces, those of all interfaces are read at once. One that has vanished has none.
Result<Neighbours> neighbours_on(Netlink& netlink, const std::set<int>& interfaces,
                                 bool with_noarp = false);

/// That of an address; null where the kernel knows none.
const KnownNeighbour* find_neighbour(const std::vector<KnownNeighbour>& neighbours,
                                     const IpAddress& address);

/// Whether nobody has answered for the address (NUD_FAILED), or not yet (NUD_INCOMPLETE).
bool is_silent(const KnownNeighbour& neighbour);

} // namespace vxlanctl
