#pragma once

#include "vxlanctl/plan/tunnel_plan.h"

namespace vxlanctl {

/// Whether links are removed before all that is made, or after it.
enum class Turn { first, last };

/// The plan for a link that shall not be there. `then` is what is expected when its turn comes.
TunnelPlan plan_absence(const std::string& name, const Common& common, const State& then,
                        Turn turn);

} // namespace vxlanctl
