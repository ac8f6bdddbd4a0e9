#include "vxlanctl/base/format.h"

namespace vxlanctl {

std::string formatted_of(fmt::string_view format, fmt::format_args arguments) {
    return fmt::vformat(format, arguments);
}

} // namespace vxlanctl
