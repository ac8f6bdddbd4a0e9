#pragma once

#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/plan.h"

namespace vxlanctl {

using Refusals = std::map<std::string, std::vector<Error>>; ///< by the tunnel's name

/// What the plans for all tunnels of a config have in common.
struct Common {
    const Config& config;
    const State& before; ///< all of them
    const Claims& claims;
    const std::vector<std::string>& absent;
    const PlanOptions& options;
    const Refusals& refused; ///< what cannot be done for reasons beyond the tunnel itself
};

/// What the config wants of the tunnel of that name, or null.
const Tunnel* find_wish(const Config& config, const std::string& name);

/// The plan for one wanted tunnel; `state` is what is expected when its turn comes.
TunnelPlan plan_tunnel(const Tunnel& tunnel, const State& state, const Common& common);

} // namespace vxlanctl
