#pragma once

#include "vxlanctl/base/error.h"

#include <map>
#include <tuple>

/// Texts and values as somebody wrote them, in a file or on a command line, before they mean
/// anything, and what is wrong with them.
namespace vxlanctl {

struct SourceText {
    std::string path; ///< as messages show it; `standard input` where it has none
    std::string text;
    /// What changes the tunnels that a file defines, in this order; these have none of their own.
    std::vector<SourceText> drop_ins = {};
};

/// Larger texts are not looked into: toml++ would need 400 MB for the worst one of this size.
constexpr std::size_t longest_text = 8 << 20;

/// Where something is in a text or one of its drop-ins.
struct TextPosition {
    std::size_t line = 0, column = 0; ///< from 1, in characters; line 0: on a command line
    std::size_t drop_in = 0;          ///< which one, from 1; 0: the text itself
    bool operator==(const TextPosition&) const = default;
    auto operator<=>(const TextPosition& other) const {
        return std::tie(drop_in, line, column) <=>
               std::tie(other.drop_in, other.line, other.column);
    }
};

/// How many characters the UTF-8 has.
std::size_t character_count(std::string_view text);

/// At most `limit` bytes of `text`, and no half characters; dots stand for the rest.
std::string shortened(std::string_view text, std::size_t limit);

/// The errors of one text and its drop-ins, of which no more than a hundred are told; or of a
/// command line, where nothing has a position.
class SourceErrors {
public:
    explicit SourceErrors(const SourceText& source) : source_(source) {}

    void add(Error error, TextPosition position);
    std::size_t count() const { return count_; }
    /// The path of the text, or of the drop-in, that the position is in.
    const std::string& path_of(const TextPosition& position) const {
        return text_of(position).path;
    }
    /// `path:line:column`; empty on a command line.
    std::string place_text(const TextPosition& position) const;
    /// The position's line without its end; empty where it is too long to be shown.
    std::string line(const TextPosition& position);
    /// In the order of positions, and then in that in which they were told.
    std::vector<Error> take();
    /// The first one of these, and where it is; there has to be one.
    std::pair<TextPosition, Error> take_first();

private:
    void sort();
    const SourceText& text_of(const TextPosition& position) const {
        return position.drop_in == 0 ? source_ : source_.drop_ins[position.drop_in - 1];
    }
    const std::vector<std::size_t>& lines_of(const TextPosition& position);

    const SourceText& source_;
    std::map<std::size_t, std::vector<std::size_t>> starts_; ///< of the lines, by drop-in
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
        time,
        null ///< JSON's
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
