#pragma once

#include "vxlanctl/plan/steps.h"
#include "vxlanctl/plan/tunnel_plan.h"

namespace vxlanctl {

/// Everything that goes with the link, whether or not it can be made again, in words.
std::string cost_of_recreate(const Link& have);

void warn_of_unrestorable_routes(const Link& have, std::vector<Message>& warnings);

/// Whether a new link may take the place of `have`, which cannot become the target (`reasons`).
/// Adds to the target what of others the new link keeps, and to the plan what is refused, lost, or
/// worth knowing. `state` is what is expected when the tunnel's turn comes.
void settle_recreate(LinkTarget& target, const Link& have, const std::vector<Difference>& reasons,
                     const Tunnel& tunnel, const State& state, const Common& common,
                     TunnelPlan& plan);

/// The steps from the old link to the new one.
std::vector<Step> recreate_steps(const Link& have, LinkTarget want,
                                 const std::vector<Difference>& reasons, const State& state,
                                 TunnelPlan& plan);

} // namespace vxlanctl
