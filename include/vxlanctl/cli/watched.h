#pragma once

#include <string>
#include <vector>

namespace vxlanctl {

/// What the services ask, in place of a command, to have systemd watch these directories.
inline constexpr const char* watched_word = "__watched-directories";

/// The directories outside of /etc/vxlanctl itself in which a change matters to the files that
/// these words name, as for read_files(): those of peers files, also behind a symbolic link, and
/// those of drop-ins. A line each, sorted. Files that cannot be read name none.
std::string watched_text(const std::vector<std::string>& words);

} // namespace vxlanctl
