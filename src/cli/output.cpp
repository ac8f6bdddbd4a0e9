#include "vxlanctl/cli/output.h"

#include "vxlanctl/base/format.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace vxlanctl {
namespace {

constexpr long long patience = 500, redraw_interval = 100; // milliseconds

long long now() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

bool wants_color() {
    const char* no_color = std::getenv("NO_COLOR"); // https://no-color.org: set and not empty
    const char* terminal = std::getenv("TERM");
    return (no_color == nullptr || *no_color == '\0') && isatty(STDOUT_FILENO) == 1 &&
           terminal != nullptr && std::string_view(terminal) != "dumb";
}

} // namespace

Result<OutputStyle> output_style(const Arguments& arguments) {
    OutputStyle style;
    const std::string color = arguments.value("color", "auto");
    if (color != "auto" && color != "always" && color != "never")
        return error(Code::not_one_of, formatted("--color '{}'", color),
                     {{"words", "auto, always or never"}});
    style.color = color == "always" || (color == "auto" && wants_color());
    style.json = arguments.has("json");
    style.quiet = arguments.has("quiet");
    style.verbose = arguments.has("verbose");
    return style;
}

std::string painted(const OutputStyle& style, Ink ink, std::string_view text) {
    if (!style.color || ink == Ink::plain) return std::string(text);
    const char* const code = ink == Ink::added     ? "32"
                             : ink == Ink::removed ? "31"
                             : ink == Ink::changed ? "36"
                             : ink == Ink::warning ? "33"
                                                   : "2";
    return formatted("\033[{}m{}\033[0m", code, text);
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

bool finish_output() {
    static bool told = false;
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
    const int errno_code = errno;
    if (!std::exchange(told, true))
        print_error(Error(Code::cannot_write_output).with(errno_code), Codes::hidden);
    return false;
}

Codes codes(const Arguments& arguments) {
    return arguments.has("verbose") ? Codes::shown : Codes::hidden;
}

Codes codes(const OutputStyle& style) {
    return style.verbose ? Codes::shown : Codes::hidden;
}

std::string code_list(const Message& message, Codes codes) {
    if (codes == Codes::hidden) return "";
    std::string text = code_word(message.code);
    for (const auto& next : message.more)
        text += ", " + code_word(next.code);
    return formatted(" [{}]", text);
}

void print_warning(const Message& message, Codes codes) {
    const bool is_note = row_of(message.code).severity == Severity::note;
    std::fputs(formatted("vxlanctl: {}: {}{}\n", is_note ? "note" : "warning", to_string(message),
                         code_list(message, codes))
                   .c_str(),
               stderr);
}

void print_error(const Error& error, Codes codes) {
    std::fputs(
        formatted("vxlanctl: {}{}\n{}", to_string(error), code_list(error, codes), excerpt(error))
            .c_str(),
        stderr);
}

ProgressBar::ProgressBar(const OutputStyle& style)
    : enabled_(!style.quiet && isatty(STDERR_FILENO) == 1), began_(now()) {}

ProgressBar::~ProgressBar() {
    clear();
}

void ProgressBar::show(std::size_t done, std::size_t total) {
    if (!enabled_ || total == 0) return;
    const long long time = now();
    if (time - began_ < patience || time - last_ < redraw_interval) return;
    last_ = time;
    drawn_ = true;
    constexpr std::size_t width = 40;
    const std::size_t filled = std::min(done, total) * width / total;
    std::fputs(formatted("\r[{:#<{}}{:.<{}}] {:3}%", "", filled, "", width - filled,
                         std::min(done, total) * 100 / total)
                   .c_str(),
               stderr);
}

void ProgressBar::clear() {
    if (drawn_) std::fputs("\r\033[K", stderr);
    drawn_ = false;
}

} // namespace vxlanctl
