#include "vxlanctl/error.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>

namespace vxlanctl {
namespace {

/// The character that `text` begins with. One byte alone where they are not UTF-8.
struct Character {
    std::size_t size = 1;
    std::uint32_t code = 0;
    bool valid = false;
};

Character first_character(std::string_view text) {
    const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t lead = byte_at(0);
    if (lead < 0x80) return {1, lead, true};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
    std::uint32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte_at(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte_at(i) & 0x3fU);
    }
    return {size, code, true};
}

/// Whether a terminal would do something else than show it: C0, DEL, C1, and what turns the
/// direction of writing.
bool is_control(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/// `text` with what `replace` makes of the bytes of each character that is_control(), and of each
/// byte that is no UTF-8.
template<class Replace> std::string without_controls(std::string_view text, Replace replace) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const auto character = first_character(text);
        const auto bytes = text.substr(0, character.size);
        if (!character.valid || is_control(character.code))
            result += replace(bytes);
        else
            result += bytes;
        text.remove_prefix(bytes.size());
    }
    return result;
}

} // namespace

std::string to_string(const Error& error) {
    std::string text;
    const auto append = [&text](std::string_view part) {
        if (part.empty()) return;
        if (!text.empty()) text += ": ";
        text += part;
    };
    if (error.place)
        append(fmt::format("{}:{}:{}", error.place->path, error.place->line, error.place->column));
    append(error.subject);
    append(error.doing);
    append(error.why);
    if (error.code != 0) text += fmt::format(" ({})", std::strerror(error.code));
    if (!error.remedy.empty()) text += ". " + error.remedy;
    return printable(text);
}

std::string excerpt(const Error& error) {
    if (!error.place || error.place->text.empty()) return "";
    // One character each, so that the caret stands below what it means.
    const auto line =
        without_controls(error.place->text, [](std::string_view) { return std::string(" "); });
    return fmt::format("    {}\n    {:>{}}\n", line, "^", error.place->column);
}

int exit_code(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::kernel: return 1;
    case ErrorKind::refused: return 4;
    case ErrorKind::undo_incomplete: return 5;
    }
    return 1;
}

int graver(int one, int other) {
    constexpr std::array<int, 6> by_gravity{5, 1, 2, 4, 3, 0};
    return *std::find_if(by_gravity.begin(), by_gravity.end(),
                         [&](int code) { return code == one || code == other; });
}

std::string printable(std::string_view text) {
    return without_controls(text, [](std::string_view bytes) {
        std::string escaped;
        for (const char byte : bytes)
            escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        return escaped;
    });
}

tl::unexpected<Error> usage_error(std::string subject, std::string doing, std::string remedy) {
    return tl::unexpected(
        Error{ErrorKind::usage, std::move(subject), std::move(doing), "", 0, std::move(remedy)});
}

} // namespace vxlanctl
