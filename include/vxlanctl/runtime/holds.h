#pragma once

#include "vxlanctl/kernel/kernel.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace vxlanctl {

/// What was rejected by not being confirmed, and shall not be applied again by a service.
struct Hold {
    std::map<std::string, std::uint64_t> files; ///< by path, what hash_of() made of the text
    std::set<std::string> tunnels;              ///< that stand in no file, and came back
    bool operator==(const Hold&) const = default;
};

/// FNV-1a, 64 bits, of `text` behind what `before` is of: it tells an edited file from the one that
/// was rejected, no more.
std::uint64_t hash_of(std::string_view text, std::uint64_t before = 0xcbf29ce484222325);

/// The path of the file that has all that is on hold, for who waits for it to change.
std::string hold_file();
/// What is on hold in that network namespace, kept in /var/lib/vxlanctl, since the file of a
/// service is there after a reboot as well; a user who may not write there has it in a directory of
/// his own. It is kept for the host, or under the name in /run/netns that leads to the namespace;
/// for one that has no name and is not process 1's, under its number. Nothing where it cannot be
/// read.
Hold read_hold(const Kernel& kernel);
/// Changes it under the lock of all that is on hold. What is not different is not written.
Result<void> change_hold(const Kernel& kernel, const std::function<void(Hold&)>& change);

} // namespace vxlanctl
