#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vxlanctl {

/// Why a text must not be given to toml++ (3.3 and 3.4), which would recurse until there is no
/// stack left, or run into a statement that it has declared unreachable.
enum class TomlObstacle : std::uint8_t {
    too_many_dots, ///< outside of strings, in one line: toml++ destroys nested tables by recursion
    not_ascii,     ///< outside of strings and comments, where TOML 1.0 has only ASCII
    not_ascii_behind_backslash ///< in a string, also behind a line that a backslash continues
};

/// Where in the text the obstacle is.
struct TomlObstaclePlace {
    TomlObstacle obstacle;
    std::size_t line = 0;   ///< from 1
    std::size_t column = 0; ///< from 1, in characters of UTF-8
    bool operator==(const TomlObstaclePlace&) const = default;
};

/// The first obstacle in the text; empty where toml++ can be trusted with it.
std::optional<TomlObstaclePlace> find_toml_obstacle(std::string_view text);

/// The number of characters of UTF-8.
std::size_t character_count(std::string_view text);

} // namespace vxlanctl
