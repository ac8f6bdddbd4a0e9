#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/doctor/facts.h"

namespace vxlanctl {

/// What the files of /etc/vxlanctl ask for in the network namespace of that name (empty: of the
/// call), where they say it, and which of them are on hold, as doctor wants to know it. What is
/// wrong with the files is told as warnings.
FactsRequest asked_for(const Kernel& kernel, const std::string& netns, const OutputStyle& style);

/// Fills in how the tunnels that vxlanctl manages differ from what was asked for, by a file or by
/// the command that made them, as `check` would find it; and what makes those again that are gone.
void compare_with_asked(const Kernel& kernel, Facts& facts);

} // namespace vxlanctl
