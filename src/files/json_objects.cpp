#include "vxlanctl/files/json_objects.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

constexpr std::size_t most_objects = 10'000;
constexpr std::size_t deepest = 64; // the parser itself does not recurse
constexpr std::size_t longest_value = 100, longest_quote = 300, longest_shown_line = 1000; // bytes
constexpr std::string_view blanks = " \t\r\n";

/// Goes through a text and notes how far it has come: the parser's events have no places.
class Cursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Cursor(const char* at, const char** farthest) : at_(at), farthest_(farthest) {}
    reference operator*() const { return *at_; }
    Cursor& operator++() {
        *farthest_ = ++at_;
        return *this;
    }
    bool operator==(const Cursor& other) const { return at_ == other.at_; }
    bool operator!=(const Cursor& other) const { return at_ != other.at_; }

private:
    const char* at_;
    const char** farthest_;
};

/// Takes the parser's events; returning false ends it.
class Collector {
public:
    Collector(const SourceText& source, std::span<const std::string_view> keys)
        : source_(source), keys_(keys), farthest_(source.text.data()) {}

    Result<std::vector<JsonObject>> run() {
        const std::string_view text = source_.text;
        const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
        const bool is_list = first != std::string_view::npos && text[first] == '[';
        do {
            text_begin_ = behind();
            const bool done = nlohmann::json::sax_parse(
                Cursor(farthest_, &farthest_), Cursor(text.data() + text.size(), &farthest_), this,
                nlohmann::json::input_format_t::json, is_list);
            if (!done) return error(std::move(error_.value()));
        } while (text.find_first_not_of(blanks, behind()) != std::string_view::npos);
        return std::move(objects_);
    }

    bool null() { return take(JsonType::null, ""); }
    bool boolean(bool value) { return take(JsonType::boolean, value ? "true" : "false"); }
    bool number_integer(std::int64_t value) {
        return take(JsonType::number, std::to_string(value));
    }
    bool number_unsigned(std::uint64_t value) {
        return take(JsonType::number, std::to_string(value));
    }
    bool number_float(double value, const std::string& text) {
        constexpr double exact = 9007199254740992; // 2^53: up to it each whole number is a double
        const bool is_whole = std::trunc(value) == value && std::abs(value) < exact;
        return take(JsonType::number,
                    is_whole ? std::to_string(static_cast<std::int64_t>(value)) : text);
    }
    bool string(const std::string& text) { return take(JsonType::string, text); }
    bool binary(const nlohmann::json::binary_t&) { return false; } // JSON has none

    bool start_array(std::size_t) {
        const bool is_whole_text = depth_ == 0 && objects_.empty();
        if (is_whole_text) object_depth_ = 2; // else each text is an object
        return goes_deeper() && (is_whole_text || take(JsonType::list, "")) && enter();
    }
    bool end_array() { return leave(); }

    bool start_object(std::size_t) {
        if (depth_ + 1 != object_depth_)
            return goes_deeper() && take(JsonType::object, "") && enter();
        if (objects_.size() == most_objects)
            return fail(Error(Code::json_list_too_long, "", {{"most", most_objects}}), begin());
        objects_.push_back({begin(), {}});
        return enter();
    }
    bool end_object() {
        if (depth_ == object_depth_ + 1 && !key_.empty()) {
            JsonValue& value = objects_.back().values.find(key_)->second;
            if (value.type == JsonType::object) value.size = behind() - value.offset;
        }
        return leave();
    }

    bool key(const std::string& name) {
        if (depth_ != object_depth_) return behind_token();
        const bool is_wanted =
            keys_.empty() || std::find(keys_.begin(), keys_.end(), name) != keys_.end();
        key_ = is_wanted ? name : "";
        if (!key_.empty() && objects_.back().values.contains(key_))
            return fail(Error(Code::key_twice, "", {{"key", key_}}), begin());
        return behind_token();
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception& problem) {
        constexpr std::string_view intro = "syntax error while parsing ";
        std::string_view text = problem.what();
        text.remove_prefix(std::min(text.size(), text.find("] ") + 2));
        if (const auto at = text.find(intro); at != std::string_view::npos)
            text.remove_prefix(at + intro.size());
        if (const auto at = text.find(" - "); at < text.find('\'')) text.remove_prefix(at + 3);
        constexpr int number_overflow = 406; // of nlohmann's: JSON, but no double
        text = text.substr(0, text.find("; last read: "));
        const std::size_t at_end = source_.text.find_last_not_of(blanks) + 1;
        if (at_end == 0) text = "unexpected end of input"; // newer versions say more of this
        return fail(
            Error(problem.id == number_overflow ? Code::json_number_too_large : Code::not_json, "",
                  {{"problem", shortened(as_utf8(text), longest_quote)}}),
            std::min(text_begin_ + (position == 0 ? 0 : position - 1), at_end));
    }

private:
    bool fail(Error problem, std::size_t offset) {
        error_ = std::move(problem);
        error_->place = place_of(source_, offset);
        return false;
    }

    /// Where the token begins that the parser has just read.
    std::size_t begin() const {
        return std::min(source_.text.find_first_not_of(" \t\r\n,:\xef\xbb\xbf", behind_),
                        source_.text.size());
    }
    /// Behind a number the parser has already seen the next character, which is a blank, a comma or
    /// the end of what the number is in.
    bool behind_token() {
        behind_ = behind();
        return true;
    }
    /// How far the parser has come.
    std::size_t behind() const { return static_cast<std::size_t>(farthest_ - source_.text.data()); }

    bool goes_deeper() {
        return depth_ < deepest ||
               fail(Error(Code::json_too_deep, "", {{"most", deepest}}), begin());
    }
    bool enter() {
        ++depth_;
        return behind_token();
    }
    bool leave() {
        --depth_;
        return behind_token();
    }

    bool take(JsonType type, std::string_view text) {
        if (depth_ < object_depth_)
            return fail(
                Error(Code::wrong_type, "",
                      {{"expected", depth_ == 0 ? "an object or a list of objects" : "an object"},
                       {"found", type_name(type)}}),
                begin());
        if (depth_ == object_depth_ && !key_.empty())
            objects_.back().values.emplace(
                key_, JsonValue{type, shortened(text, longest_value), begin(), 0});
        return behind_token();
    }

    const SourceText& source_;
    std::span<const std::string_view> keys_;
    const char* farthest_;       ///< behind the last character that was read
    std::size_t text_begin_ = 0; ///< where the parser began
    std::size_t behind_ = 0;     ///< the token before
    std::size_t depth_ = 0, object_depth_ = 1;
    std::string key_; ///< of the value that comes; empty where it is not wanted
    std::vector<JsonObject> objects_;
    std::optional<Error> error_;
};

/// Whether it begins as JSON in UTF-16 does: with a byte order mark, or with a NUL byte beside the
/// first character.
bool is_utf16(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
    return text.size() > 1 && (text[0] == '\0') != (text[1] == '\0');
}

} // namespace

std::string_view type_name(JsonType type) {
    constexpr std::string_view names[] = {"null",     "a boolean", "a number",
                                          "a string", "a list",    "an object"};
    return names[static_cast<std::size_t>(type)];
}

Result<std::vector<JsonObject>> parse_objects(const SourceText& source,
                                              std::span<const std::string_view> keys) {
    const auto refuse = [&](Error refusal, std::size_t offset) {
        refusal.place = place_of(source, offset);
        return error(std::move(refusal));
    };
    if (source.text.size() > longest_text)
        return refuse(Error(Code::text_too_large, "", {{"mib", longest_text >> 20}}), 0);
    if (is_utf16(source.text)) { // its lines are not to be shown
        Error refusal(Code::text_is_utf16);
        refusal.place = Place{source.path, 1, 1, ""};
        return error(std::move(refusal));
    }
    // The parser takes it for the end.
    if (const auto at = source.text.find('\0'); at != std::string::npos)
        return refuse(Error(Code::json_nul_byte), at);
    return Collector(source, keys).run();
}

std::optional<NestedObject> nested_object(const SourceText& source, const JsonValue& value) {
    if (value.type != JsonType::object) return std::nullopt;
    NestedObject nested{{source.path, source.text.substr(value.offset, value.size)}, {}};
    auto objects = parse_objects(nested.source, {});
    if (!objects || objects->size() != 1) return std::nullopt;
    nested.object = std::move(objects->front());
    return nested;
}

Place place_of(const SourceText& source, std::size_t offset) {
    const std::string_view all = source.text;
    const auto before = all.substr(0, offset);
    const auto line_end = before.rfind('\n');
    std::size_t begin = line_end == std::string_view::npos ? 0 : line_end + 1;
    if (begin == 0 && all.starts_with("\xef\xbb\xbf") && offset >= 3) begin = 3; // byte order mark
    std::string_view line = all.substr(begin, all.find('\n', begin) - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string left = as_utf8(before.substr(begin));
    const bool is_shown = line.size() <= longest_shown_line && before.size() - begin <= line.size();
    return {source.path,
            1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
            1 + character_count(left),
            is_shown ? left + as_utf8(line.substr(before.size() - begin)) : ""};
}

} // namespace vxlanctl
