#pragma once

#include "vxlanctl/base/error.h"

#include <cstdint>
#include <string_view>

namespace vxlanctl {

/// What people write as a number: decimal digits, without a sign. Neither 010, which some programs
/// read as 8, nor a number of more than 64 bits.
Result<std::uint64_t> parse_decimal(std::string_view text);
/// Whether the text is digits behind a zero: an error says so, since it looks like a number.
bool has_leading_zero(std::string_view text);

} // namespace vxlanctl
