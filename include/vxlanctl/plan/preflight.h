#pragma once

#include "vxlanctl/plan/plan.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/plan/surroundings.h"

namespace vxlanctl {

/// Wishes that the kernel would refuse, or worse, accept: everything about `tunnel` that can be
/// known before the first write. Fills errors (kind usage, or refused where an option allows it)
/// and warnings. `replaces` says that the link will be made anew.
void preflight(const Tunnel& tunnel, const LinkTarget& target, const Link* have, bool replaces,
               const State& state, const PlanOptions& options, TunnelPlan& plan);

} // namespace vxlanctl
