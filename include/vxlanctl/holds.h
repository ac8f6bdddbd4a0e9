#pragma once

#include "vxlanctl/error.h"

#include <cstdint>
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

/// What is on hold in the network namespace of that name (empty: that of the host), kept in
/// /var/lib/vxlanctl, since the file of a service is there after a reboot as well; a user who may
/// not write there has it in a directory of his own. Nothing where it cannot be read.
Hold read_hold(const std::string& space);
Result<void> write_hold(const std::string& space, const Hold& hold);

} // namespace vxlanctl
