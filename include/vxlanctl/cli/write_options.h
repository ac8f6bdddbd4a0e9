#pragma once

#include "vxlanctl/cli/command.h"
#include "vxlanctl/model/model.h"

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
OptionInfo peers_file_option();
OptionInfo adopt_option();
OptionInfo duplicate_check_option();
OptionInfo multicast_group_option();
OptionInfo control_plane_option();
OptionInfo overlap_option();
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

} // namespace vxlanctl
