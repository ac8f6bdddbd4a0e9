#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Values as TOML writes them.
namespace vxlanctl {

std::string in_quotes(std::string_view text);
/// A key, in quotes where it needs them.
std::string bare_or_quoted(std::string_view key);
std::string line_of(std::string_view key, std::string_view value);
/// In one line if it fits, else an element a line.
std::string list_of(std::string_view key, const std::vector<std::string>& elements);

/// Keys and their values.
using TomlPairs = std::vector<std::pair<std::string_view, std::string>>;
/// `{ key = value, ... }`
std::string inline_table(const TomlPairs& pairs);

template<class T, class TextOf>
std::vector<std::string> texts_of(const std::vector<T>& elements, TextOf text_of) {
    std::vector<std::string> texts;
    std::transform(elements.begin(), elements.end(), std::back_inserter(texts), text_of);
    return texts;
}

} // namespace vxlanctl
