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

/// Everything that reach() wants to know. However many tunnels there are, it takes the same number
/// of requests; for each tunnel that stands in another one on the way, once more.
Result<ReachFacts> read_reach(const Kernel& kernel, const ReachRequest& request);

} // namespace vxlanctl
