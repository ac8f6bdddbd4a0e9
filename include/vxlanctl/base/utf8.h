#pragma once

#include <string>
#include <string_view>

namespace vxlanctl {

/// With U+FFFD for what is not UTF-8: a name from the kernel may hold any byte.
std::string as_utf8(std::string_view text);

/// Whether there is one of U+0000 to U+001F or U+007F to U+009F in it, in UTF-8.
bool has_control_character(std::string_view text);

} // namespace vxlanctl
