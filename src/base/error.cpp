#include "vxlanctl/base/error.h"

#include "vxlanctl/base/format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>

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

/// The one of that name; the end where there is none.
template<class List> auto find_value(List& values, std::string_view name) {
    return std::find_if(values.begin(), values.end(),
                        [&](const Value& value) { return value.name == name; });
}

} // namespace

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

void Value::set(std::string_view text_) {
    text = text_;
}

Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

Error::Error(Code code_, std::string subject_, Values values_)
    : code(code_), kind(row_of(code_).kind), subject(std::move(subject_)),
      values(std::move(values_)) {}

Error Error::also(Code code_, Values values_) && {
    more.emplace_back(code_, "", std::move(values_));
    return std::move(*this);
}

Error Error::with(int errno_code_, std::string kernel_text_) && {
    errno_code = errno_code_;
    kernel_text = std::move(kernel_text_);
    return std::move(*this);
}

void Error::set(Value value) {
    const auto found = find_value(values, value.name);
    if (found == values.end())
        values.push_back(std::move(value));
    else
        *found = std::move(value);
}

std::string_view Error::value(std::string_view name) const {
    const auto found = find_value(values, name);
    return found == values.end() ? std::string_view() : found->text;
}

std::string rendered(std::string_view pattern, const Values& values) {
    std::string text;
    while (true) {
        const auto open = pattern.find('{');
        const auto close = pattern.find('}', open);
        const auto words = pattern.substr(0, close == std::string_view::npos ? close : open);
#ifdef VXLANCTL_MANGLE_MESSAGES // shows that no test depends on a sentence
        for (const char character : words)
            text += std::isalpha(static_cast<unsigned char>(character)) != 0 ? '#' : character;
#else
        text += words;
#endif
        if (close == std::string_view::npos) return text;
        const auto name = pattern.substr(open + 1, close - open - 1);
        const auto found = find_value(values, name);
        text += found == values.end() ? pattern.substr(open, close + 1 - open)
                                      : std::string_view(found->text);
        if (const auto label = find_value(values, formatted("{}_name", name));
            label != values.end())
            text += formatted(" ({})", label->text);
        pattern.remove_prefix(close + 1);
    }
}

std::string text_of(Code code, const Values& values) {
    return rendered(row_of(code).text, values);
}

std::string text_of(const Error& error) {
    std::string text = text_of(error.code, error.values);
    if (!error.kernel_text.empty()) text += ": " + error.kernel_text;
    if (error.errno_code != 0) text += formatted(" ({})", std::strerror(error.errno_code));
    return text;
}

std::string to_string(const Error& error) {
    std::string text;
    if (error.place)
        text = formatted("{}:{}:{}: ", error.place->path, error.place->line, error.place->column);
    if (!error.subject.empty()) text += error.subject + ": ";
    text += text_of(error);
    const auto sentences = rendered(row_of(error.code).remedy, error.values);
    if (!sentences.empty() || !error.more.empty()) text += ".";
    if (!sentences.empty()) text += " " + sentences;
    for (const auto& next : error.more)
        text += " " + to_string(next);
    return printable(text);
}

std::string excerpt(const Error& error) {
    if (!error.place || error.place->text.empty()) return "";
    // One character each, so that the caret stands below what it means.
    const auto line =
        without_controls(error.place->text, [](std::string_view) { return std::string(" "); });
    return formatted("    {}\n    {:>{}}\n", line, "^", error.place->column);
}

int exit_code(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::kernel: return 1;
    case ErrorKind::refused: return 4;
    case ErrorKind::rollback_incomplete: return 5;
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
            escaped += formatted("\\x{:02x}", static_cast<unsigned char>(byte));
        return escaped;
    });
}

std::string quote(std::string_view text) {
    return formatted("'{}'", text);
}

tl::unexpected<Error> error(Code code, std::string subject, Values values) {
    return tl::unexpected(Error(code, std::move(subject), std::move(values)));
}

tl::unexpected<Error> error(Error error) {
    return tl::unexpected(std::move(error));
}

} // namespace vxlanctl
