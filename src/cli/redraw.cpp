#include "vxlanctl/cli/redraw.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/base/utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr char escape = '\033';

/// The first character in `text`, with all escape sequences before it.
std::string_view next_character(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && text[end] == escape)
        end = std::min(text.find('m', end), text.size() - 1) + 1;
    if (end < text.size()) ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        ++end; // the rest of a character of several bytes
    return text.substr(0, end);
}

/// Without escape sequences.
std::string_view visible(std::string_view character) {
    const auto last = character.rfind(escape);
    if (last == std::string_view::npos) return character;
    return character.substr(std::min(character.find('m', last), character.size() - 1) + 1);
}

std::string cut(std::string_view line, std::size_t room) {
    std::string result;
    std::size_t width = 0;
    bool has_color = false;
    while (!line.empty()) {
        const auto character = next_character(line);
        width += display_width(visible(character));
        if (width > room) return has_color ? result + "\033[0m" : result;
        has_color = has_color || character.front() == escape;
        result += character;
        line.remove_prefix(character.size());
    }
    return result;
}

Result<void> write_out(std::string_view text) {
    while (!text.empty() && caught_signal() == 0) {
        const auto size = write(STDOUT_FILENO, text.data(), text.size());
        if (size < 0 && errno != EINTR) return error(Error(Code::cannot_write_output).with(errno));
        text.remove_prefix(size < 0 ? 0 : static_cast<std::size_t>(size));
    }
    return {};
}

/// The text in place of what is on the screen. Each line is cleared as it is written, so that
/// nothing flickers.
std::string in_place(std::string_view text, bool is_first) {
    std::string result = is_first ? "\033[H\033[2J" : "\033[H";
    for (const char character : text)
        result += character == '\n' ? "\033[K\n" : std::string(1, character);
    return result + "\033[J";
}

} // namespace

std::optional<ScreenSize> screen_size() {
    const char* terminal = std::getenv("TERM");
    winsize size{};
    if (terminal == nullptr || std::string_view(terminal) == "dumb" || isatty(STDOUT_FILENO) != 1)
        return std::nullopt;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return ScreenSize{24, 80};
    return ScreenSize{size.ws_row, size.ws_col};
}

std::string fitted(std::string_view text, const ScreenSize& screen) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    // The cursor is below the last one.
    const std::size_t room = std::max<std::size_t>(screen.rows, 2) - 1;
    const std::size_t shown = lines <= room ? lines : room - 1;
    std::string result;
    for (std::size_t i = 0; i < shown; ++i) {
        const auto end = text.find('\n');
        result += cut(text.substr(0, end), screen.columns) + "\n";
        text.remove_prefix(end + 1);
    }
    if (shown < lines)
        result += cut(formatted("... {} more line{}", lines - shown, lines - shown == 1 ? "" : "s"),
                      screen.columns) +
                  "\n";
    return result;
}

Result<void> redraw_every(std::chrono::seconds interval, const Drawing& draw) {
    catch_signals();
    bool is_first = true, is_open = true;
    while (caught_signal() == 0) {
        const auto next = std::chrono::steady_clock::now() + interval;
        const auto text = draw();
        if (!text && caught_signal() != 0) break;
        if (!text) return tl::unexpected(text.error());
        const auto screen = screen_size();
        auto written = write_out(screen ? in_place(fitted(*text, *screen), is_first) : *text);
        if (!written) return written;
        is_first = false;
        // A reader that goes away ends the wait, and the write that follows fails.
        if (is_open)
            is_open = !wait_for(STDOUT_FILENO, 0, next);
        else
            (void)wait_for(-1, 0, next);
    }
    return {};
}

} // namespace vxlanctl
