#pragma once

#include "vxlanctl/cli/write_options.h"
#include "vxlanctl/run/run.h"

namespace vxlanctl {

/// What a command says in words of its own about a tunnel that was changed, before the report.
using Narration = std::string (*)(const TunnelPlan&);

/// What the options let a plan do.
Result<PlanOptions> planning_choices(const Arguments& arguments);

/// Reads, plans, carries out and reports, as far as the mode goes. Returns the exit code. Tunnels
/// of files are independent of one another; on the command line, one impossible wish stops all.
/// With a snapshot, which goes with Mode::plan, the plan is for the host that it was made on.
Result<int> reconcile(Config config, const Arguments& arguments, Mode mode,
                      const Probation* probation = nullptr, Narration narration = nullptr,
                      const Snapshot* snapshot = nullptr);
/// Mode::plan with --dry-run, else Mode::apply.
Result<int> reconcile(Config config, const Arguments& arguments, Narration narration = nullptr);

} // namespace vxlanctl
