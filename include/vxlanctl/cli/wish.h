#pragma once

#include "vxlanctl/cli/held_files.h"
#include "vxlanctl/run/snapshot.h"

#include <map>

/// What files say that a command applies, or looks at.
namespace vxlanctl {

OptionInfo prune_option();
OptionInfo source_option();
OptionInfo allow_empty_option();
OptionInfo state_option();
OptionInfo unless_held_option();

/// What the files of a call say.
struct FileWish {
    std::vector<HoldableFile> files;
    Config config{Origin::file, {}};
    std::map<std::string, std::size_t> file_of; ///< by a tunnel's name
    std::optional<Snapshot> snapshot;           ///< of the host to plan for, if it is another one
    Hold hold;                                  ///< by which files were left out
    std::vector<std::string> paths;             ///< all that was looked at, also what is not there
};

/// Whether the options make sense beside the words.
Result<void> check_source(const Arguments& arguments);

/// What the files say, or all that is wrong with them. What people should know besides is added to
/// `warnings`.
tl::expected<FileWish, std::vector<Error>> read_file_wish(const Arguments& arguments,
                                                          std::vector<Message>& warnings);

} // namespace vxlanctl
