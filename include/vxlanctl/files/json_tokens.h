#pragma once

#include "vxlanctl/files/written.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

/// What nlohmann's parser tells of a text, with the places that its events lack. Only for sources
/// that are users of nlohmann.
namespace vxlanctl {

/// Goes through a text and notes how far it has come.
class JsonCursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    JsonCursor(const char* at, const char** farthest) : at_(at), farthest_(farthest) {}
    reference operator*() const { return *at_; }
    JsonCursor& operator++() {
        *farthest_ = ++at_;
        return *this;
    }
    bool operator==(const JsonCursor& other) const { return at_ == other.at_; }
    bool operator!=(const JsonCursor& other) const { return at_ != other.at_; }

private:
    const char* at_;
    const char** farthest_;
};

/// Whether a value has to be all that there is, or others may follow (JSON Lines).
enum class Texts : std::uint8_t { one, several };

/// A text on its way through the parser.
class JsonTokens {
public:
    explicit JsonTokens(std::string_view text) : text_(text), farthest_(text.data()) {}

    /// Hands the events of the next value to `handler`; false where that, or the parser, has ended
    /// it.
    template<class Handler> bool parse(Handler& handler, Texts texts = Texts::one) {
        const char* const end = text_.data() + text_.size();
        parse_begin_ = behind();
        return nlohmann::json::sax_parse(JsonCursor(farthest_, &farthest_),
                                         JsonCursor(end, &farthest_), &handler,
                                         nlohmann::json::input_format_t::json, texts == Texts::one);
    }
    /// Where the value begins that was parsed last; the parser counts from there.
    std::size_t parse_begin() const { return parse_begin_; }
    /// Behind the last character that was read.
    std::size_t behind() const { return static_cast<std::size_t>(farthest_ - text_.data()); }
    bool is_at_end() const {
        return text_.find_first_not_of(" \t\r\n", behind()) == std::string_view::npos;
    }

    /// Where the token begins that the parser has just read: bytes from the front.
    std::size_t begin() const {
        return std::min(text_.find_first_not_of(" \t\r\n,:\xef\xbb\xbf", behind_), text_.size());
    }
    /// The token is done. Behind a number the parser has already seen the next character, which is
    /// a blank, a comma or the end of what the number is in.
    void pass() { behind_ = behind(); }

private:
    std::string_view text_;
    const char* farthest_;   ///< behind the last character that was read
    std::size_t behind_ = 0; ///< the token before
    std::size_t parse_begin_ = 0;
};

/// What kept the parser from going on, and where: bytes from the front.
struct JsonProblem {
    Error error;
    std::size_t offset = 0;
};
/// Of a text that is not handed to the parser at all; empty for one that may be.
std::optional<JsonProblem> obstacle_to_json(std::string_view text);
/// Of the parser's own event.
JsonProblem json_syntax_problem(std::string_view text, std::size_t position,
                                const nlohmann::json::exception& problem);

} // namespace vxlanctl
