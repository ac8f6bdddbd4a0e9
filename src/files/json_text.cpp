#include "vxlanctl/files/json_text.h"

#include "vxlanctl/files/json_tokens.h"

namespace vxlanctl {
namespace {

constexpr std::size_t most_nested = 16;  // as of TOML; the parser itself does not recurse
constexpr std::size_t tunnels_depth = 2; // {"vxlan": {"vxlan0": ...}}
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf", blanks = " \t\r\n";

/// Turns offsets into positions, from the front to the end.
class Positions {
public:
    explicit Positions(std::string_view text) : text_(text) {
        if (text.starts_with(byte_order_mark)) offset_ = byte_order_mark.size();
    }
    /// `offset` is not before that of the call before.
    TextPosition at(std::size_t offset) {
        for (; offset_ < std::min(offset, text_.size()); ++offset_) {
            const char character = text_[offset_];
            if (character == '\n')
                position_ = {position_.line + 1, 1};
            else if ((static_cast<unsigned char>(character) & 0xc0) != 0x80) // else within one
                ++position_.column;
        }
        return position_;
    }

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    TextPosition position_{1, 1};
};

/// Takes the parser's events and makes values of them; returning false ends it.
class ValueBuilder {
public:
    ValueBuilder(const SourceText& source, SourceErrors& errors)
        : source_(source), errors_(errors), tokens_(source.text), positions_(source.text) {}

    std::optional<Written> run() {
        if (!tokens_.parse(*this)) return std::nullopt;
        return std::move(root_);
    }

    bool null() { return take(Written::Type::null, ""); }
    bool boolean(bool value) { return take(Written::Type::boolean, value ? "yes" : "no"); }
    bool number_integer(std::int64_t value) {
        return take(Written::Type::integer, std::to_string(value));
    }
    bool number_unsigned(std::uint64_t value) {
        return take(Written::Type::integer, std::to_string(value));
    }
    /// Also of an integer that has no room in 64 bits, which is out of any range.
    bool number_float(double, const std::string& text) {
        const bool is_integer = text.find_first_of(".eE") == std::string::npos;
        return take(is_integer ? Written::Type::integer : Written::Type::fraction, text);
    }
    bool string(std::string& text) { return take(Written::Type::text, std::move(text)); }
    bool binary(const nlohmann::json::binary_t&) { return false; } // JSON has none

    bool start_object(std::size_t) { return enter(Written::Type::table); }
    bool end_object() { return leave(); }
    bool start_array(std::size_t) { return enter(Written::Type::list); }
    bool end_array() { return leave(); }

    bool key(const std::string& name) {
        key_ = name;
        key_position_ = positions_.at(tokens_.begin());
        const auto [first, is_new] = keys_.back().try_emplace(name, key_position_);
        if (is_new) return pass();
        errors_.add(open_.size() == tunnels_depth
                        ? Error(Code::defined_twice, name,
                                {{"place", errors_.place_text(first->second)}, {"as", ""}})
                        : Error(Code::set_twice, name),
                    key_position_);
        return false;
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception& problem) {
        auto [error, offset] = json_syntax_problem(source_.text, position, problem);
        if (error.code == Code::json_number_too_large) offset = tokens_.begin();
        return fail(std::move(error), offset);
    }

private:
    bool fail(Error problem, std::size_t offset) {
        errors_.add(std::move(problem), positions_.at(offset));
        return false;
    }
    bool pass() {
        tokens_.pass();
        return true;
    }

    /// The value is an element of what is open, or all there is.
    bool take(Written::Type type, std::string text) {
        const std::size_t offset = tokens_.begin();
        Written value{type, std::move(text), positions_.at(offset)};
        if (open_.empty() && type != Written::Type::table)
            return fail(Error(Code::wrong_type, "",
                              {{"expected", "an object"}, {"found", type_name(type)}}),
                        offset);
        if (open_.empty()) {
            root_ = std::move(value);
            return pass();
        }
        if (open_.back()->type == Written::Type::table) {
            value.key = std::move(key_);
            value.key_position = key_position_;
        }
        open_.back()->elements.push_back(std::move(value));
        return pass();
    }

    bool enter(Written::Type type) {
        if (open_.size() == most_nested)
            return fail(Error(Code::json_too_deep, "", {{"most", most_nested}}), tokens_.begin());
        if (!take(type, "")) return false;
        open_.push_back(open_.empty() ? &*root_ : &open_.back()->elements.back());
        keys_.emplace_back();
        return true;
    }
    bool leave() {
        open_.pop_back();
        keys_.pop_back();
        return pass();
    }

    const SourceText& source_;
    SourceErrors& errors_;
    JsonTokens tokens_;
    Positions positions_;
    std::optional<Written> root_;
    /// What the next value is within; only the last of each grows, so that the others stay.
    std::vector<Written*> open_;
    std::vector<std::map<std::string, TextPosition>> keys_; ///< of each of these
    std::string key_;                                       ///< of the value that comes
    TextPosition key_position_;
};

nlohmann::json to_json(const Written& value) {
    switch (value.type) {
    case Written::Type::integer: return nlohmann::json::parse(value.text);
    case Written::Type::boolean: return value.text == "yes";
    case Written::Type::list: {
        auto list = nlohmann::json::array();
        for (const auto& element : value.elements)
            list.push_back(to_json(element));
        return list;
    }
    case Written::Type::table: {
        auto object = nlohmann::json::object();
        for (const auto& element : value.elements)
            object[element.key] = to_json(element);
        return object;
    }
    default: return value.text;
    }
}

} // namespace

bool is_json(const SourceText& source) {
    std::string_view text = source.text;
    if (source.path.ends_with(".json")) return true;
    if (source.path.ends_with(".toml")) return false;
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    const auto first = text.find_first_not_of(blanks);
    return first != std::string_view::npos && text[first] == '{';
}

std::optional<Written> parse_json(const SourceText& source, SourceErrors& errors) {
    if (auto problem = obstacle_to_json(source.text)) {
        if (problem->error.code == Code::text_too_large)
            problem->error.more.emplace_back(Code::peers_file_may_be_larger);
        errors.add(std::move(problem->error), Positions(source.text).at(problem->offset));
        return std::nullopt;
    }
    return ValueBuilder(source, errors).run();
}

std::string json_text(const Written& table) {
    return to_json(table).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace vxlanctl
