#include "vxlanctl/cli/annotation.h"

#include "vxlanctl/base/format.h"

namespace vxlanctl {
namespace {

/// Characters that would end the line, or begin such an escape, as %XX.
std::string with_escapes(std::string_view text, std::string_view special) {
    std::string result;
    for (const char character : text)
        if (special.find(character) != std::string_view::npos)
            result += formatted("%{:02X}", static_cast<unsigned char>(character));
        else
            result += character;
    return result;
}

/// Those of a property's value as well that would end it.
std::string property(std::string_view name, std::string_view value) {
    return formatted("{}={}", name, with_escapes(value, "%\r\n:,"));
}

/// GitHub looks for the path as it is in the repository.
std::string_view in_repository(std::string_view path) {
    while (path.starts_with("./"))
        path.remove_prefix(2);
    return path;
}

/// Whether the subject is a file or directory.
bool is_about_file(Code code) {
    return code == Code::cannot_read_file || code == Code::text_too_large ||
           code == Code::defines_no_tunnel || code == Code::file_skipped ||
           code == Code::file_name_skipped;
}

} // namespace

std::string annotation(Annotation kind, const Message& message, std::string_view text) {
    std::string line = kind == Annotation::error     ? "::error "
                       : kind == Annotation::warning ? "::warning "
                                                     : "::notice ";
    if (message.place) {
        line += property("file", in_repository(message.place->path)) + ",";
        if (message.place->line != 0)
            line += formatted("line={},col={},", message.place->line, message.place->column);
    } else if (is_about_file(message.code)) {
        line += property("file", in_repository(message.subject)) + ",";
    }
    line += property("title", code_word(message.code));
    return formatted("{}::{}\n", line, with_escapes(text, "%\r\n"));
}

} // namespace vxlanctl
