#pragma once

#include "vxlanctl/base/trust.h"

namespace vxlanctl {

/// check_way() for a file that is open, or for a directory (-1), with every directory and link that
/// leads there. Trusted are whom we run as and who called sudo, and in a user namespace the owners
/// outside of it, who all look the same there. Of a descriptor that the caller handed over
/// (/dev/stdin, <(COMMAND) of a shell), only the way to its name is looked at.
Result<void> check_who_writes(const std::string& path, int file);

} // namespace vxlanctl
