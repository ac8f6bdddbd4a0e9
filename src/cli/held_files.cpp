#include "vxlanctl/cli/held_files.h"

#include <filesystem>
#include <system_error>

namespace vxlanctl {
namespace {

std::string absolute(const std::string& path) {
    std::error_code ignored;
    const auto canonical = std::filesystem::weakly_canonical(path, ignored);
    return ignored ? path : canonical.string();
}

HoldableFile without_peers_files(const SourceText& text) {
    HoldableFile file{absolute(text.path), hash_of(text.text)};
    for (const auto& drop_in : text.drop_ins)
        file.hash = hash_of(drop_in.text, file.hash);
    return file;
}

} // namespace

HoldableTunnels holdable_tunnels(FileTexts texts, const std::vector<std::string>& words) {
    HoldableTunnels tunnels;
    for (const auto& text : texts.files)
        tunnels.files.push_back(without_peers_files(text));
    const auto trusts = texts.trusts;
    tunnels.read =
        tunnels_in(std::move(texts), words, [&](std::size_t file, const std::string& path) {
            if (path != "-") tunnels.peers_files.push_back(source_of(path));
            auto text = read_text(path, "peers file", trusts[file]);
            auto& hash = tunnels.files[file].hash;
            if (text) hash = hash_of(*text, hash);
            return text;
        });
    return tunnels;
}

bool is_held(const HoldableFile& file, const Hold& hold) {
    const auto held = hold.files.find(file.path);
    return held != hold.files.end() && held->second == file.hash;
}

} // namespace vxlanctl
