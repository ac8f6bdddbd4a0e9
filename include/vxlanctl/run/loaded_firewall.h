#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/plan/plan.h"

namespace vxlanctl {

/// Adds a warning to each plan by which a running tunnel gets a peer or router whose packets the
/// loaded table of `vxlanctl firewall` drops. It has the command that lets them pass.
void warn_of_loaded_firewall(const Kernel& kernel, const State& state, Plan& plan);

} // namespace vxlanctl
