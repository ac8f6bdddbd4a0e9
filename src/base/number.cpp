#include "vxlanctl/base/number.h"

#include <algorithm>
#include <charconv>

namespace vxlanctl {

bool has_leading_zero(std::string_view text) {
    return text.size() > 1 && text.front() == '0' &&
           std::all_of(text.begin(), text.end(),
                       [](char character) { return character >= '0' && character <= '9'; });
}

Result<std::uint64_t> parse_decimal(std::string_view text) {
    if (has_leading_zero(text)) return error(Code::leading_zero, quote(text));
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc{} || stop != end) return error(Code::not_a_number, quote(text));
    return number;
}

} // namespace vxlanctl
