#pragma once

#include "vxlanctl/base/messages.h"

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace vxlanctl {

/// Where in a text something is wrong.
struct Place {
    std::string path;       ///< `standard input` where it has none
    std::size_t line = 0;   ///< from 1
    std::size_t column = 0; ///< from 1, in characters
    std::string text;       ///< the whole line, without its end; empty where it is not shown
    bool operator==(const Place&) const = default;
};

/// Something that a message's sentence names: `peer` is `100.64.158.4`. What copies and destroys it
/// is made in one source, as that of Error: hundreds of places would each have it else.
struct Value {
    std::string_view name; ///< of a literal, as it stands in braces in the row
    std::string text;

    template<class Text>
    requires std::convertible_to<Text, std::string_view> Value(std::string_view name_,
                                                               const Text& text_)
        : name(name_) {
        set(text_);
    }
    template<std::integral Number> Value(std::string_view name_, Number number) : name(name_) {
        set(std::to_string(number));
    }
    Value(const Value& other);
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other);
    Value& operator=(Value&& other) noexcept;
    ~Value();
    bool operator==(const Value&) const = default;

private:
    void set(std::string_view text_);
};
using Values = std::vector<Value>;

/// One refusal, failure, warning or finding, complete enough to print without further context. What
/// it says stands in its code's row.
struct Error {
    Code code;
    ErrorKind kind;      ///< that of the row, unless something worse came of it
    std::string subject; ///< the interface, device or file concerned; empty when there is none
    Values values;
    std::string kernel_text; ///< the kernel's extended acknowledgement, or another program's words
    int errno_code = 0;      ///< as the kernel gave it, positive; 0 when there is none
    std::optional<Place> place; ///< what in a file it is about
    std::vector<Error> more;    ///< sentences that follow: hints, and what came of it

    explicit Error(Code code_, std::string subject_ = {}, Values values_ = {});
    Error(const Error& other);
    Error(Error&& other) noexcept;
    Error& operator=(const Error& other);
    Error& operator=(Error&& other) noexcept;
    ~Error();

    /// The same with one more sentence.
    Error also(Code code_, Values values_ = {}) &&;
    /// The same with errno, and the words that came with it.
    Error with(int errno_code_, std::string kernel_text_ = {}) &&;
    /// Sets a value; one of that name is replaced.
    void set(Value value);
    /// Empty where there is none.
    std::string_view value(std::string_view name) const;
    bool operator==(const Error&) const = default;
};
/// What is no failure has the same form.
using Message = Error;

template<class T> using Result = tl::expected<T, Error>;

/// `path:line:column: subject: text: kernel's words (errno's text). Remedy. What follows.` in one
/// line, without the program's name.
/// Bytes that a terminal would interpret are replaced, see printable().
std::string to_string(const Error& error);
/// The same without place, subject, remedy and what follows.
std::string text_of(const Error& error);
/// The row's text alone, as a clause within another message.
std::string text_of(Code code, const Values& values = {});
/// `pattern` with the values in place of their names in braces; a name that has no value stays. The
/// value `X_name` follows `X` in brackets.
std::string rendered(std::string_view pattern, const Values& values);

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

/// `'text'`, as subjects have what people wrote.
std::string quote(std::string_view text);

/// For a function that returns a Result.
tl::unexpected<Error> error(Code code, std::string subject = {}, Values values = {});
tl::unexpected<Error> error(Error error);

} // namespace vxlanctl
