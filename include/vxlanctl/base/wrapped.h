#pragma once

#include <string>
#include <string_view>

namespace vxlanctl {

/// `text` in lines of at most `width` columns, each but the first indented; the first one begins in
/// `first_column`. A word that is longer has a line of its own.
std::string wrapped(std::string_view text, std::size_t first_column, std::size_t indent,
                    std::size_t width = 80);

} // namespace vxlanctl
