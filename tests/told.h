#pragma once

#include "vxlanctl/base/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

/// Messages without their sentences, which are asserted beside the table alone (see
/// unit/messages_test.cpp).
namespace vxlanctl {

inline std::string code_and_values(const Message& message) {
    std::string values;
    for (const auto& value : message.values)
        values += fmt::format("{}{}={}", values.empty() ? " {" : ", ", value.name, value.text);
    return code_word(message.code) + values + (values.empty() ? "" : "}");
}

/// Throws where a name in braces is left of a message's sentence: no site has given its value.
inline void require_whole(const Message& message) {
    const auto& row = row_of(message.code);
    for (const auto pattern : {row.text, row.remedy})
        for (auto open = pattern.find('{'); open != std::string_view::npos;
             open = pattern.find('{', open + 1)) {
            const auto name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
            if (std::none_of(message.values.begin(), message.values.end(),
                             [&](const Value& value) { return value.name == name; }))
                throw std::logic_error(
                    fmt::format("{} has no value '{}'", code_word(message.code), name));
        }
    for (const auto& next : message.more)
        require_whole(next);
}

/// `path:line:column: subject: code {name=value, …}: kernel's words (errno) + code of what follows`
inline std::string told(const Message& message) {
    require_whole(message);
    std::string text;
    if (message.place)
        text = fmt::format("{}:{}:{}: ", message.place->path, message.place->line,
                           message.place->column);
    if (!message.subject.empty()) text += message.subject + ": ";
    text += code_and_values(message);
    if (!message.kernel_text.empty()) text += ": " + message.kernel_text;
    if (message.errno_code != 0) text += fmt::format(" ({})", message.errno_code);
    for (const auto& next : message.more)
        text += " + " + code_and_values(next);
    return printable(text);
}

/// Of each one.
inline std::vector<std::string> told(const std::vector<Message>& messages) {
    std::vector<std::string> texts;
    for (const auto& message : messages)
        texts.push_back(told(message));
    return texts;
}

} // namespace vxlanctl
