#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

/// The one of `candidates` that `text` was probably meant to be; empty when none is near.
std::string closest(std::string_view text, const std::vector<std::string>& candidates);

} // namespace vxlanctl
