#pragma once

#include <string>
#include <string_view>

namespace vxlanctl {

/// With U+FFFD for what is not UTF-8: a name from the kernel may hold any byte.
std::string as_utf8(std::string_view text);

} // namespace vxlanctl
