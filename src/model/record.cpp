#include "vxlanctl/model/record.h"

#include "vxlanctl/base/format.h"

namespace vxlanctl {
namespace {

constexpr std::string_view mark_word = "vxlanctl/1 ";
constexpr std::string_view separator = " | ";
constexpr std::size_t id_length = 16;

/// What could be our mark: the last part of the alias.
std::string_view last_part(std::string_view alias) {
    const auto position = alias.rfind(separator);
    return position == std::string_view::npos ? alias : alias.substr(position + separator.size());
}

} // namespace

std::optional<Mark> mark_of(std::string_view alias) {
    auto words = last_part(alias);
    if (!words.starts_with(mark_word)) return std::nullopt;
    words.remove_prefix(mark_word.size());
    const auto space = words.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto origin = words.substr(0, space);
    const auto id = words.substr(space + 1);
    const bool good_id = id.size() == id_length &&
                         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!good_id || (origin != "cli" && origin != "file")) return std::nullopt;
    return Mark{origin == "cli" ? Origin::cli : Origin::file, std::string(id)};
}

std::string with_mark(std::string_view alias, const Mark& mark) {
    auto foreign = alias;
    if (mark_of(alias)) foreign.remove_suffix(last_part(alias).size());
    if (foreign.ends_with(separator)) foreign.remove_suffix(separator.size());
    return formatted("{}{}{}{} {}", foreign, foreign.empty() ? "" : separator, mark_word,
                     mark.origin == Origin::cli ? "cli" : "file", mark.id);
}

} // namespace vxlanctl
