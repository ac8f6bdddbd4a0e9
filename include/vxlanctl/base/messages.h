#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Everything that the program says when something is wrong or worth a look: a stable code and the
/// one place that owns its English text. The rows stand in messages/*.def.
namespace vxlanctl {

/// Why something did not work. The kind alone decides the exit code (see exit_code()).
enum class ErrorKind : std::uint8_t {
    usage,   ///< wrong words on the command line, or what cannot be done on this host
    kernel,  ///< the kernel refused, a privilege, a module or a deadline was missing
    refused, ///< would interrupt traffic or take over what is not ours; an option allows it
    rollback_incomplete ///< the rollback after an error failed as well
};

/// What a message is where it does not stand beside another one.
enum class Severity : std::uint8_t {
    error,
    warning,
    note,    ///< of no consequence by itself; also a sentence that follows on another message
    finding, ///< of `doctor`, whose verdict says how bad it is
    reason   ///< a clause within another message
};

// Each row makes one enumerator. The word of `peer_inside_prefix` is `peer-inside-prefix`.
#define MSG_ERROR(code, kind, text, remedy, advice) code,
#define MSG_WARNING(code, text, remedy, advice) code,
#define MSG_NOTE(code, text, advice) code,
#define MSG_FINDING(code, text, advice) code,
#define MSG_REASON(code, text) code,
enum class Code : std::uint16_t {
#include "vxlanctl/base/messages/all.def"
};
#undef MSG_ERROR
#undef MSG_WARNING
#undef MSG_NOTE
#undef MSG_FINDING
#undef MSG_REASON

/// One message. `text` and `remedy` are patterns: what stands in braces is the name of a value.
struct MessageRow {
    Code code;
    std::string_view word; ///< the enumerator
    Severity severity;
    ErrorKind kind;
    std::string_view text;
    std::string_view remedy; ///< whole sentences that say what to do; may be empty
    std::string_view
        advice; ///< the same for docs/messages.md alone, where the program says nothing
};

/// All rows, in the order of the codes.
std::vector<MessageRow> message_rows();
MessageRow row_of(Code code);
/// Such as `peer-inside-prefix`.
std::string code_word(Code code);
/// docs/messages.md.
std::string messages_page();

} // namespace vxlanctl
