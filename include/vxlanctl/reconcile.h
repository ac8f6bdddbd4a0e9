#pragma once

#include "vxlanctl/command.h"
#include "vxlanctl/plan.h"

namespace vxlanctl {

/// The options of every command that changes tunnels.
std::vector<OptionInfo> write_options();
/// Those that decide about what is on the link already; `down` has no use for them.
std::vector<OptionInfo> change_options();

/// Those that say what a tunnel of that kind is like.
std::vector<OptionInfo> tunnel_options(TunnelKind kind);

/// Reads, plans, and unless --dry-run carries out and reports. Returns the exit code.
Result<int> reconcile(const Config& config, const Arguments& arguments);

} // namespace vxlanctl
