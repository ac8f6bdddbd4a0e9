#pragma once

#include "vxlanctl/base/error.h"

#include <string>
#include <string_view>

namespace vxlanctl {

/// How GitHub shows an annotation.
enum class Annotation : std::uint8_t { error, warning, notice };

/// A line that GitHub Actions makes an annotation of (its «workflow commands»): at the message's
/// place, if it has one, else at the file that it is about; titled with its code. `text` is what it
/// says. Ended by a newline.
std::string annotation(Annotation kind, const Message& message, std::string_view text);

} // namespace vxlanctl
