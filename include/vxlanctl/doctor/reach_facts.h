#pragma once

#include "vxlanctl/doctor/reach.h"
#include "vxlanctl/kernel/kernel.h"

namespace vxlanctl {

struct ReachRequest {
    IpAddress to;                   ///< a unicast address; link-local only with one name
    std::vector<std::string> names; ///< of tunnels that are meant; none: any
    std::vector<Tunnel> wishes;
    bool probe = false; ///< send an echo request to the address, and ask for the next hop
};

/// Everything that reach() wants to know. If the route leads through a tunnel, that takes the same
/// number of requests however many others there are; for each one that it goes through in turn,
/// once more. Else all tunnels are read, as by a reader of them all. Where a name is an alternative
/// one, the state says so and nothing else is read: ask by the real names.
Result<ReachFacts> read_reach(const Kernel& kernel, const ReachRequest& request);

} // namespace vxlanctl
