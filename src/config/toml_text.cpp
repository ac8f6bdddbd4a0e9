#include "vxlanctl/toml_text.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t most_dots = 16; // in one line, outside of strings: more than our keys need
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_ascii(char byte) {
    return static_cast<unsigned char>(byte) < 0x80;
}

/// Behind what a backslash in a string escapes: of a backslash at the end of a line, the white
/// space that it takes out.
std::size_t skip_escape(std::string_view text, std::size_t at) {
    constexpr std::string_view white_space = " \t\r\n";
    const bool ends_line =
        at + 1 < text.size() && white_space.find(text[at + 1]) != white_space.npos;
    return ends_line ? std::min(text.find_first_not_of(white_space, at + 1), text.size()) : at + 1;
}

/// A string from its first quote on.
struct QuotedString {
    std::size_t end = 0;                           ///< the position behind it
    std::size_t obstacle = std::string_view::npos; ///< of a character that is not ASCII and escaped
};

QuotedString read_string(std::string_view text, std::size_t at) {
    const char quote = text[at];
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    const bool is_multi_line = text.substr(at).starts_with(triple);
    at += is_multi_line ? 3 : 1;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\' && quote == '"') {
            const std::size_t escaped = skip_escape(text, at);
            if (escaped < text.size() && !is_ascii(text[escaped])) return {text.size(), escaped};
            // What a continued line begins with may be the quote that ends the string.
            at = escaped == at + 1 ? escaped : escaped - 1;
        } else if (is_multi_line && text.substr(at).starts_with(triple)) {
            at += 3; // and up to two quotes before these belong to the string
            for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more)
                ++at;
            return {at};
        } else if (!is_multi_line && (text[at] == quote || text[at] == '\n')) {
            return {text[at] == quote ? at + 1 : at};
        }
    }
    return {text.size()};
}

TomlObstaclePlace place_at(TomlObstacle obstacle, std::string_view text, std::size_t at) {
    const auto before = text.substr(0, at);
    const std::size_t begin = before.rfind('\n') + 1; // 0 where there is none
    const auto lines = std::count(before.begin(), before.end(), '\n');
    return {obstacle, static_cast<std::size_t>(lines) + 1,
            character_count(before.substr(begin)) + 1};
}

} // namespace

std::optional<TomlObstaclePlace> find_toml_obstacle(std::string_view text) {
    std::size_t dots = 0, at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
    while (at < text.size()) {
        const char character = text[at];
        if (character == '"' || character == '\'') {
            const QuotedString string = read_string(text, at);
            if (string.obstacle != std::string_view::npos)
                return place_at(TomlObstacle::not_ascii_behind_backslash, text, string.obstacle);
            at = string.end;
            continue;
        }
        if (character == '#') {
            at = std::min(text.find('\n', at), text.size());
            continue;
        }
        if (character == '\n') dots = 0;
        if (character == '.' && ++dots > most_dots)
            return place_at(TomlObstacle::too_many_dots, text, at);
        if (!is_ascii(character)) return place_at(TomlObstacle::not_ascii, text, at);
        ++at;
    }
    return std::nullopt;
}

std::size_t character_count(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { // of each one the first byte
            return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
        }));
}

} // namespace vxlanctl
