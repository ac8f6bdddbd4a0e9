#pragma once

#include "vxlanctl/base/error.h"

/// Texts and values as somebody wrote them, in a file or on a command line, before they mean
/// anything, and what is wrong with them.
namespace vxlanctl {

struct SourceText {
    std::string path; ///< as messages show it; `standard input` where it has none
    std::string text;
};

/// Larger texts are not looked into: toml++ would need 400 MB for the worst one of this size.
constexpr std::size_t longest_text = 8 << 20;

/// Where something is in a text.
struct TextPosition {
    std::size_t line = 0, column = 0; ///< from 1, in characters; line 0: on a command line
    auto operator<=>(const TextPosition&) const = default;
};

/// How many characters the UTF-8 has.
std::size_t character_count(std::string_view text);

/// At most `limit` bytes of `text`, and no half characters; dots stand for the rest.
std::string shortened(std::string_view text, std::size_t limit);

/// The errors of one text, of which no more than a hundred are told; or of a command line, where
/// nothing has a position.
class SourceErrors {
public:
    explicit SourceErrors(const SourceText& source) : source_(source) {}

    void add(Error error, TextPosition position);
    std::size_t count() const { return count_; }
    const std::string& path() const { return source_.path; }
    /// `path:line:column`; empty on a command line.
    std::string place_text(TextPosition position) const;
    /// The line without its end; empty where it is too long to be shown.
    std::string line(std::size_t number);
    /// In the order of positions, and then in that in which they were told.
    std::vector<Error> take();
    /// The first one of these, and where it is; there has to be one.
    std::pair<TextPosition, Error> take_first();

private:
    void sort();
    void find_lines();

    const SourceText& source_;
    std::vector<std::size_t> starts_; ///< of the lines
    std::vector<std::pair<TextPosition, Error>> errors_;
    std::size_t count_ = 0;
};

struct Written {
    enum class Type : std::uint8_t {
        word, ///< of a command line, where all types are written alike
        text,
        integer,
        fraction,
        boolean,
        list,
        table,
        time
    };
    Type type = Type::word;
    /// Of a word or text what it says, of an integer its digits, of a boolean `yes` or `no`.
    std::string text = {};
    TextPosition position = {};
    std::string name = {}; ///< what a command line calls it, `LOCAL` or `--mtu`; empty in a file
    std::string key = {};  ///< that it is the value of, in a table
    TextPosition key_position = {};
    std::vector<Written> elements = {}; ///< of a list, or the values of a table
};

/// The value of a key of a table, or null.
const Written* find_key(const Written& table, std::string_view key);

/// `a list`, and so on.
std::string_view type_name(Written::Type type);

} // namespace vxlanctl
