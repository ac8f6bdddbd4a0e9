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

enum class Mode : std::uint8_t {
    apply, ///< under the lock
    plan,  ///< says what apply would do
    check  ///< says what differs, if anything does
};

/// Reads, plans, carries out and reports, as far as the mode goes. Returns the exit code. Tunnels
/// of files are independent of one another; on the command line, one impossible wish stops all.
Result<int> reconcile(const Config& config, const Arguments& arguments, Mode mode);
/// Mode::plan with --dry-run, else Mode::apply.
Result<int> reconcile(const Config& config, const Arguments& arguments);

} // namespace vxlanctl
