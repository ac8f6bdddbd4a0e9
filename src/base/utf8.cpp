#include "vxlanctl/base/utf8.h"

#include <algorithm>
#include <array>

namespace vxlanctl {
namespace {

/// How many bytes at the front of `text` are one well-formed UTF-8 character; 0 if none are (RFC
/// 3629 section 4).
std::size_t character_size(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) // neither in too many bytes nor a surrogate
        return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2)
                   ? 3
                   : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) &&
                       follows(3)
                   ? 4
                   : 0;
    return 0;
}

struct Range {
    char32_t first, last;
};

/// The large blocks; a single character that is wide besides does no harm.
constexpr std::array<Range, 12> wide{{{0x1100, 0x115f},
                                      {0x2e80, 0x303e},
                                      {0x3041, 0xa4cf},
                                      {0xa960, 0xa97f},
                                      {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},
                                      {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},
                                      {0xffe0, 0xffe6},
                                      {0x1f300, 0x1f64f},
                                      {0x1f900, 0x1f9ff},
                                      {0x20000, 0x3fffd}}};
constexpr std::array<Range, 6> combining{{{0x0300, 0x036f},
                                          {0x200b, 0x200f},
                                          {0x20d0, 0x20ff},
                                          {0x3099, 0x309a},
                                          {0xfe00, 0xfe0f},
                                          {0xfe20, 0xfe2f}}};

template<std::size_t size> bool is_in(const std::array<Range, size>& ranges, char32_t character) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
        return character >= range.first && character <= range.last;
    });
}

/// Of well-formed bytes.
char32_t code_point(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() == 1) return byte(0);
    char32_t value = byte(0) & (0x7fU >> bytes.size());
    for (std::size_t i = 1; i < bytes.size(); ++i)
        value = value << 6 | (byte(i) & 0x3fU);
    return value;
}

} // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        const char32_t character = size == 0 ? U'?' : code_point(text.substr(0, size));
        width += is_in(combining, character) ? 0 : is_in(wide, character) ? 2 : 1;
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return width;
}

std::string as_utf8(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        result += size == 0 ? "\xef\xbf\xbd" : text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return result;
}

bool has_control_character(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next <= 0x9f))
            return true;
    }
    return false;
}

} // namespace vxlanctl
