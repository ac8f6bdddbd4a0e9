#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <string_view>

namespace vxlanctl {

/// What formatted() calls.
std::string formatted_of(fmt::string_view format, fmt::format_args arguments);

/// fmt::format() that is compiled in one source. The library is used by its headers alone, and all
/// that it does would else be compiled again in each source, which is a third of the program's
/// code.
template<class... Values>
std::string formatted(fmt::format_string<Values...> format, Values&&... values) {
    return formatted_of(format, fmt::make_format_args(values...));
}

/// The parts, with the separator between them.
template<class Parts> std::string joined(const Parts& parts, std::string_view separator) {
    return formatted("{}", fmt::join(parts, separator));
}

} // namespace vxlanctl
