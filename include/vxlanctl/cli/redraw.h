#pragma once

#include "vxlanctl/base/error.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Output that is made anew again and again, until a signal asks for the end.
namespace vxlanctl {

struct ScreenSize {
    std::size_t rows = 0, columns = 0;
};

/// Of standard output, if that is a terminal that can be cleared (TERM is not `dumb`).
std::optional<ScreenSize> screen_size();

/// As much of the text as the screen has room for. Lines are cut at the right edge, and the last
/// one says how many there would be more. Colours (escape sequences that end with `m`) take no
/// room.
std::string fitted(std::string_view text, const ScreenSize& screen);

/// What to print now, or why it cannot be had, which ends it.
using Drawing = std::function<Result<std::string>()>;

/// Prints at once, and then every so often until SIGINT, SIGTERM or SIGHUP comes, which is success.
/// A terminal is cleared each time. An error is a drawing's, or that standard output cannot be
/// written any more.
Result<void> redraw_every(std::chrono::seconds interval, const Drawing& draw);

} // namespace vxlanctl
