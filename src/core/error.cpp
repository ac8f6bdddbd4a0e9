#include "vxlanctl/error.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

namespace vxlanctl {

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
    std::string line = error.place->text;
    // One character each, so that the caret stands below what it means.
    std::replace_if(
        line.begin(), line.end(),
        [](char character) {
            return static_cast<unsigned char>(character) < ' ' || character == 0x7f;
        },
        ' ');
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
    std::string result;
    result.reserve(text.size());
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7f)
            result += fmt::format("\\x{:02x}", byte);
        else
            result += character;
    }
    return result;
}

tl::unexpected<Error> usage_error(std::string subject, std::string doing, std::string remedy) {
    return tl::unexpected(
        Error{ErrorKind::usage, std::move(subject), std::move(doing), "", 0, std::move(remedy)});
}

} // namespace vxlanctl
