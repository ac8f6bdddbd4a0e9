#include "vxlanctl/cli/watched.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/cli/files.h"

#include <filesystem>
#include <set>
#include <system_error>

namespace vxlanctl {
namespace {

/// Whether vxlanctl itself writes there, so that a change would set off the next one.
bool is_written_by_us(const std::string& directory) {
    for (const std::string ours : {"/run/vxlanctl", "/var/lib/vxlanctl"})
        if (directory == ours || directory.starts_with(ours + "/")) return true;
    return false;
}

} // namespace

std::string watched_text(const std::vector<std::string>& words) {
    std::set<std::string> directories;
    FileTexts texts = read_files(words);
    for (const auto& file : texts.files)
        if (const std::string drop_ins = source_of(file.path) + ".d";
            std::filesystem::is_directory(drop_ins))
            directories.insert(drop_ins);
    (void)tunnels_in(std::move(texts), words, [&](std::size_t, const std::string& path) {
        std::error_code ignored;
        directories.insert(std::filesystem::path(source_of(path)).parent_path());
        directories.insert(std::filesystem::weakly_canonical(path, ignored).parent_path());
        return Result<std::string>(error(Code::peers_file_unexpected)); // its text does not matter
    });
    std::string text;
    for (const auto& directory : directories)
        if (directory.starts_with('/') && directory != default_directory &&
            !has_control_character(directory) && !is_written_by_us(directory))
            text += directory + "\n";
    return text;
}

} // namespace vxlanctl
