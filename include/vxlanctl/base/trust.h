#pragma once

#include "vxlanctl/base/error.h"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <sys/types.h>

/// Whether somebody else could have written a file.
namespace vxlanctl {

/// One step of the way to a file: a directory, a symbolic link, or the file itself.
struct PathStep {
    std::string path;
    unsigned owner = 0, group = 0;
    mode_t mode = 0;                      ///< as stat() gives it, with the type
    bool has_access_control_list = false; ///< looked for where the group may write
};

/// An error of kind `usage` for `path` if anybody but root and these users could write to a step
/// of the way to it, or put another file in its place. As sshd and sudo see it, with two
/// exceptions: a group with the owner's number is his own (the groups of users, and root's), and in
/// a sticky directory, such as /tmp, only owners replace what is there.
Result<void> check_way(const std::string& path, std::span<const PathStep> steps,
                       const std::set<unsigned>& users);

} // namespace vxlanctl
