#include "vxlanctl/files/written.h"

#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t most_errors = 100;      // of one text
constexpr std::size_t longest_excerpt = 1000; // bytes; a longer line is not shown
constexpr std::size_t longest_message = 300;  // bytes of one part of it

/// Whether the byte is not the first one of its character.
bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

} // namespace

std::size_t character_count(std::string_view text) {
    return text.size() -
           static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string shortened(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    while (limit > 0 && continues(text[limit]))
        --limit;
    return formatted("{}...", text.substr(0, limit));
}

void SourceErrors::add(Error error, TextPosition position) {
    if (++count_ > most_errors) return;
    if (position.line != 0) {
        error.subject = shortened(error.subject, longest_message);
        for (auto& value : error.values)
            value.text = shortened(value.text, longest_message);
        std::string text = line(position);
        if (!text.empty()) // toml++ may place the end of the text behind it
            position.column = std::min(position.column, character_count(text) + 1);
        error.place = Place{path_of(position), position.line, position.column, std::move(text)};
    }
    errors_.emplace_back(position, std::move(error));
}

std::string SourceErrors::place_text(const TextPosition& position) const {
    if (position.line == 0) return "";
    return formatted("{}:{}:{}", path_of(position), position.line, position.column);
}

std::string SourceErrors::line(const TextPosition& position) {
    const std::string_view all = text_of(position).text;
    if (all.size() > longest_text) return "";
    const auto& starts = lines_of(position);
    if (position.line == 0 || position.line > starts.size()) return "";
    std::string_view text = all.substr(starts[position.line - 1]);
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text.size() > longest_excerpt ? "" : std::string(text);
}

void SourceErrors::sort() {
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const auto& one, const auto& other) { return one.first < other.first; });
}

std::pair<TextPosition, Error> SourceErrors::take_first() {
    sort();
    auto first = std::move(errors_.front());
    return first;
}

std::vector<Error> SourceErrors::take() {
    sort();
    std::vector<Error> result;
    for (auto& [position, error] : errors_)
        result.push_back(std::move(error));
    if (count_ > most_errors)
        result.emplace_back(Code::more_errors, source_.path,
                            Values{{"count", count_ - most_errors}});
    return result;
}

const std::vector<std::size_t>& SourceErrors::lines_of(const TextPosition& position) {
    auto& starts = starts_[position.drop_in];
    if (!starts.empty()) return starts;
    const std::string_view text = text_of(position).text;
    starts.push_back(text.starts_with("\xef\xbb\xbf") ? 3 : 0); // a byte order mark
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1))
        starts.push_back(end + 1);
    return starts;
}

const Written* find_key(const Written& table, std::string_view key) {
    for (const auto& value : table.elements)
        if (value.key == key) return &value;
    return nullptr;
}

std::string_view type_name(Written::Type type) {
    constexpr std::string_view names[] = {
        "a word",    "a string", "an integer", "a number with a fraction or exponent",
        "a boolean", "a list",   "a table",    "a date or a time",
        "null"};
    return names[static_cast<std::size_t>(type)];
}

} // namespace vxlanctl
