#pragma once

#include <string>
#include <string_view>

namespace vxlanctl {

/// `text` as one word of a POSIX shell.
std::string shell_quoted(std::string_view text);

} // namespace vxlanctl
