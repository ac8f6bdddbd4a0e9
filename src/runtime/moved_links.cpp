#include "vxlanctl/runtime/moved_links.h"

#include "vxlanctl/base/json_members.h"
#include "vxlanctl/runtime/runtime.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr const char* moved_file = "moved";
constexpr const char* fresh_moved = "new-moved"; // swept like that of a record

} // namespace

std::string moved_links_text(const MovedLinks& moved) {
    auto links = nlohmann::json::array();
    for (const auto& link : moved.links)
        links.push_back({{"index", link.index}, {"group", link.group}});
    return nlohmann::json{{"version", 1}, {"group", moved.group}, {"links", links}}.dump() + "\n";
}

std::optional<MovedLinks> parse_moved_links(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || number_in(json, "version") != 1) return std::nullopt;
    MovedLinks moved;
    moved.group = number_in(json, "group");
    const auto links = json.find("links");
    if (moved.group == 0 || links == json.end() || !links->is_array()) return std::nullopt;
    for (const auto& link : *links)
        if (const int index = link.is_object() ? number_in<int>(link, "index") : 0; index > 0)
            moved.links.push_back({index, number_in(link, "group")});
    return moved;
}

Result<void> RuntimeDirectory::write_moved(const MovedLinks& moved) {
    return replace_file(places_.front().own, fresh_moved, moved_file, moved_links_text(moved));
}

Result<std::optional<MovedLinks>> RuntimeDirectory::read_moved() const {
    const auto file = open_file(places_.front().own, moved_file, O_RDONLY);
    if (file) return parse_moved_links(read_all(file->get()));
    if (file.error().errno_code == ENOENT) return std::optional<MovedLinks>();
    return tl::unexpected(file.error());
}

Result<void> RuntimeDirectory::remove_moved() {
    if (unlinkat(places_.front().own.get(), moved_file, 0) == 0 || errno == ENOENT) return {};
    return system_error(Code::cannot_remove_record, moved_file, errno);
}

} // namespace vxlanctl
