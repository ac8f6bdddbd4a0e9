#pragma once

#include "vxlanctl/base/error.h"

/// Texts that people wrote, and where in them something is wrong.
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

private:
    void find_lines();

    const SourceText& source_;
    std::vector<std::size_t> starts_; ///< of the lines
    std::vector<std::pair<TextPosition, Error>> errors_;
    std::size_t count_ = 0;
};

} // namespace vxlanctl
