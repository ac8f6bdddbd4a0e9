#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vxlanctl {

/// With U+FFFD for what is not UTF-8: a name from the kernel may hold any byte.
std::string as_utf8(std::string_view text);

/// Whether there is one of U+0000 to U+001F or U+007F to U+009F in it, in UTF-8.
bool has_control_character(std::string_view text);

/// How many columns of a terminal the text takes: characters of East Asian scripts and pictures are
/// two columns wide (UAX #11), combining ones none. What is not UTF-8 counts a column a byte.
std::size_t display_width(std::string_view text);

} // namespace vxlanctl
