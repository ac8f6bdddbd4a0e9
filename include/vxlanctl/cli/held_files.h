#pragma once

#include "vxlanctl/cli/files.h"
#include "vxlanctl/runtime/holds.h"

namespace vxlanctl {

/// A file as a hold knows it: a change of a drop-in, or of a peers file, is one of the file.
struct HoldableFile {
    std::string path; ///< absolute
    std::uint64_t hash = 0;
};

struct HoldableTunnels {
    FileTunnels read;
    std::vector<HoldableFile> files;      ///< those of `read.texts.files`, in the same order
    std::vector<std::string> peers_files; ///< absolute
};
/// See tunnels_in().
HoldableTunnels holdable_tunnels(FileTexts texts, const std::vector<std::string>& words);

/// Whether the file is as it was when its change was not confirmed.
bool is_held(const HoldableFile& file, const Hold& hold);

} // namespace vxlanctl
