#include "vxlanctl/files/toml_lines.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"

namespace vxlanctl {
namespace {

constexpr std::size_t widest_line = 80;

} // namespace

std::string in_quotes(std::string_view text) {
    std::string result = "\"";
    for (const char character : as_utf8(text)) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\')
            result += formatted("\\{}", character);
        else if (byte < 0x20 || byte == 0x7f)
            result += formatted("\\u{:04X}", byte);
        else
            result += character;
    }
    return result + '"';
}

std::string bare_or_quoted(std::string_view key) {
    const bool is_bare =
        !key.empty() &&
        key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
            std::string_view::npos;
    return is_bare ? std::string(key) : in_quotes(key);
}

std::string line_of(std::string_view key, std::string_view value) {
    return formatted("{} = {}\n", key, value);
}

std::string list_of(std::string_view key, const std::vector<std::string>& elements) {
    std::string line = line_of(key, formatted("[{}]", fmt::join(elements, ", ")));
    if (line.size() <= widest_line + 1) return line;
    return line_of(key, formatted("[\n    {},\n]", fmt::join(elements, ",\n    ")));
}

std::string inline_table(const TomlPairs& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs)
        text += formatted("{}{} = {}", text.empty() ? "{ " : ", ", key, value);
    return text + " }";
}

} // namespace vxlanctl
