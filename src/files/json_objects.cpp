#include "vxlanctl/files/json_objects.h"

#include "vxlanctl/base/utf8.h"
#include "vxlanctl/files/json_tokens.h"

#include <algorithm>
#include <cmath>

namespace vxlanctl {
namespace {

constexpr std::size_t most_objects = 10'000;
constexpr std::size_t deepest = 64; // the parser itself does not recurse
constexpr std::size_t longest_value = 100, longest_shown_line = 1000; // bytes

/// Takes the parser's events; returning false ends it.
class Collector {
public:
    Collector(const SourceText& source, std::span<const std::string_view> keys)
        : source_(source), keys_(keys), tokens_(source.text) {}

    Result<std::vector<JsonObject>> run() {
        const std::string_view text = source_.text;
        const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
        const bool is_list = first != std::string_view::npos && text[first] == '[';
        do {
            if (!tokens_.parse(*this, is_list ? Texts::one : Texts::several))
                return error(std::move(error_.value()));
        } while (!tokens_.is_at_end());
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
            if (value.type == JsonType::object) value.size = tokens_.behind() - value.offset;
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
        auto [error, offset] = json_syntax_problem(
            source_.text, tokens_.parse_begin() + std::max<std::size_t>(position, 1), problem);
        return fail(std::move(error), offset);
    }

private:
    bool fail(Error problem, std::size_t offset) {
        error_ = std::move(problem);
        error_->place = place_of(source_, offset);
        return false;
    }

    std::size_t begin() const { return tokens_.begin(); }
    bool behind_token() {
        tokens_.pass();
        return true;
    }

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
    JsonTokens tokens_;
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
    if (source.text.size() <= longest_text && is_utf16(source.text)) { // its lines are not shown
        Error refusal(Code::text_is_utf16);
        refusal.place = Place{source.path, 1, 1, ""};
        return error(std::move(refusal));
    }
    if (auto problem = obstacle_to_json(source.text))
        return refuse(std::move(problem->error), problem->offset);
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
