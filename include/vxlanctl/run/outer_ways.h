#pragma once

#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/run/routing.h"

namespace vxlanctl {

/// Looks up, as far as the plans make it matter, where the tunnels' own packets will leave. Refuses
/// plans that lead them into their own tunnel, and warns of peers without a route and of those that
/// are reached through another interface. Of many peers a few are looked up; all in one batch. A
/// look-up that fails is no reason to do nothing.
void judge_outer_ways(Routing& routing, const Config& config, const State& state,
                      const PlanOptions& options, Plan& made);

} // namespace vxlanctl
