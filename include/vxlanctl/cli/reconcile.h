#pragma once

#include "vxlanctl/cli/command.h"
#include "vxlanctl/plan/plan.h"

#include <chrono>

namespace vxlanctl {

/// The options of every command that changes tunnels.
std::vector<OptionInfo> write_options();
/// --wait, of those that make tunnels.
OptionInfo wait_option();
/// --resolve-timeout, of those that look up peers.
OptionInfo resolve_option();
/// --override, of those that make a tunnel of words.
OptionInfo override_option();
/// Those that decide about what is on the link already; `down` has no use for them.
std::vector<OptionInfo> change_options();

/// The option's argument as a number of seconds.
struct SecondsRange {
    unsigned low, high;
};
Result<std::chrono::seconds> seconds_of(const Arguments& arguments, std::string_view option,
                                        SecondsRange range, unsigned otherwise);

/// Those that say what a tunnel of that kind is like.
std::vector<OptionInfo> tunnel_options(TunnelKind kind);

enum class Mode : std::uint8_t {
    apply, ///< under the lock
    plan,  ///< says what apply would do
    check  ///< says what differs, if anything does
};

/// A change that is taken back unless somebody confirms it in time.
struct Probation {
    std::chrono::seconds time;
    /// Told what was taken back, perhaps in another process.
    std::function<Result<void>(const Plan&)> reject;
};

/// What a command says in words of its own about a tunnel that was changed, before the report.
using Narration = std::string (*)(const TunnelPlan&);

/// Reads, plans, carries out and reports, as far as the mode goes. Returns the exit code. Tunnels
/// of files are independent of one another; on the command line, one impossible wish stops all.
Result<int> reconcile(Config config, const Arguments& arguments, Mode mode,
                      const Probation* probation = nullptr, Narration narration = nullptr);
/// Mode::plan with --dry-run, else Mode::apply.
Result<int> reconcile(Config config, const Arguments& arguments, Narration narration = nullptr);

} // namespace vxlanctl
