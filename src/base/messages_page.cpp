#include "vxlanctl/base/error.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/messages.h"

namespace vxlanctl {
namespace {

/// What stands above the messages of a severity.
struct Part {
    Severity severity;
    std::string_view heading;
};
constexpr Part parts[] = {
    {Severity::error, "Errors"},
    {Severity::warning, "Warnings"},
    {Severity::note, "Notes\n\nSome stand alone; most follow on another message, and are in its "
                     "`more`."},
    {Severity::finding, "Findings of `doctor` and `validate --mesh`\n\nA finding of `doctor` has a "
                        "command that mends it, where there is one. [doctor.md](doctor.md) says "
                        "what each check looks at. What `validate --mesh` finds begins with "
                        "`mesh-`."},
    {Severity::reason, "Reasons\n\nClauses that stand in values of other messages."},
};

/// A pattern as a cell of a table in Markdown, with values in italics.
std::string cell(std::string_view pattern) {
    std::string text;
    for (const char character : pattern)
        if (character == '{' || character == '}')
            text += '*';
        else if (std::string_view("*|<>[]_`\\").find(character) != std::string_view::npos)
            (text += '\\') += character;
        else
            text += character;
    return text;
}

} // namespace

std::string messages_page() {
    std::string text =
        "# What vxlanctl says, by code\n\n"
        "Every message has a code that stays what it is when the sentence is reworded. With `-v` "
        "it stands in brackets behind the message; with `--json` it is the field `code` "
        "([json.md](json.md)). *Words in italics* stand for values, which `--json` has by that "
        "name in `values`.\n\n"
        "`cmake --build build --target messages` makes this page out of the table in "
        "`include/vxlanctl/base/messages/`.\n";
    for (const auto& [severity, heading] : parts) {
        const bool has_exit_code = severity == Severity::error;
        text += formatted("\n## {}\n\n| code | meaning | what to do |{}\n|--|--|--|{}\n", heading,
                          has_exit_code ? " exit code |" : "", has_exit_code ? "--|" : "");
        for (const auto& row : message_rows())
            if (row.severity == severity)
                text += formatted("| `{}` | {} | {} |{}\n", code_word(row.code), cell(row.text),
                                  cell(row.remedy.empty() ? row.advice : row.remedy),
                                  has_exit_code ? formatted(" {} |", exit_code(row.kind)) : "");
    }
    return text;
}

} // namespace vxlanctl
