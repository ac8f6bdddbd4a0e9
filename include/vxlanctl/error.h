#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace vxlanctl {

/// Why something did not work. The kind alone decides the exit code (see exit_code()).
enum class ErrorKind {
    usage,          ///< wrong words on the command line, or a wish that cannot be fulfilled
    kernel,         ///< the kernel refused, a privilege, a module or a deadline was missing
    refused,        ///< would interrupt traffic or take over what is not ours; an option allows it
    undo_incomplete ///< the undo after an error failed as well
};

/// Where in a text something is wrong.
struct Place {
    std::string path;       ///< `standard input` where it has none
    std::size_t line = 0;   ///< from 1
    std::size_t column = 0; ///< from 1, in characters
    std::string text;       ///< the whole line, without its end; empty where it is not shown
    bool operator==(const Place&) const = default;
};

/// One refusal or failure, complete enough to print without further context.
struct Error {
    ErrorKind kind = ErrorKind::kernel;
    std::string subject; ///< the link, device or file concerned; empty when there is none
    std::string doing;   ///< what was being done: "cannot create"
    std::string why;     ///< our own reason or the kernel's extended acknowledgement; may be empty
    int code = 0;        ///< errno as the kernel gave it, positive; 0 when there is none
    std::string remedy;  ///< a whole sentence that says what to do; may be empty
    std::optional<Place> place = std::nullopt; ///< what in a file it is about
};

template<class T> using Result = tl::expected<T, Error>;

/// `path:line:column: subject: doing: why (errno's text). Remedy.` in one line, without the
/// program's name.
/// Bytes that a terminal would interpret are replaced, see printable().
std::string to_string(const Error& error);

/// The line that the error is about and a caret below the column, each ended and indented; empty
/// where the error is about no line, or about one that is not shown.
std::string excerpt(const Error& error);

/// The process's exit code for an error of this kind.
int exit_code(ErrorKind kind);

/// The graver of two exit codes, by the order 5, 1, 4, 3, 0. A 2 never meets another code: it says
/// that nothing was touched at all, and is decided before the first tunnel is.
int graver(int one, int other);

/// `text` with the bytes of control characters, C1 and bidirectional ones among them, and whatever
/// is not UTF-8 (a name from the kernel may hold any byte) written as \xNN.
std::string printable(std::string_view text);

/// An error of kind `usage`, which is the commonest one by far.
tl::unexpected<Error> usage_error(std::string subject, std::string doing, std::string remedy = {});

} // namespace vxlanctl
