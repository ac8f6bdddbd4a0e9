#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/doctor/reach.h"

namespace vxlanctl {

/// `doctor --to ADDRESS [IFNAME...]`; `wishes` is what the files define here.
Result<int> run_doctor_to(const Arguments& arguments, const OutputStyle& style,
                          const std::vector<Tunnel>& wishes);

/// The answer in at most ten lines: the verdict, the steps, and the command that heals the first
/// one that fails. Steps that pass are left out where there is no room for them; a verbose style
/// has all.
std::string reach_text(const Reach& reach, const OutputStyle& style);

} // namespace vxlanctl
