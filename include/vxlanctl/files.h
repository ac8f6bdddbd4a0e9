#pragma once

#include "vxlanctl/tunnel_file.h"

namespace vxlanctl {

/// Where the files are when none is named.
constexpr const char* default_directory = "/etc/vxlanctl";

/// The whole file, or standard input for `-`; `what` it is says the error. At most 64 MiB.
Result<std::string> read_text(const std::string& path, std::string_view what);

/// What the words FILE, DIR and `-` name: of a directory every *.toml that is a regular file, in
/// the order of their names, less hidden ones. Without words it is the default directory, which
/// need not be there.
struct FileTexts {
    std::vector<SourceText> files;
    std::vector<std::string> skipped; ///< in a directory, but not a regular file
    std::vector<Error> errors;
};
FileTexts read_files(const std::vector<std::string>& words);

/// The tunnels of those files and of the peers files that they name. What could not be read is
/// among the errors, first.
ParsedFiles read_tunnels(const std::vector<std::string>& words);

} // namespace vxlanctl
