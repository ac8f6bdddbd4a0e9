#pragma once

#include "vxlanctl/kernel/kernel.h"

#include <optional>
#include <set>
#include <string>

namespace vxlanctl {

/// What tells a network namespace from one that had the same NamespaceId before it. What cannot be
/// known here is empty or 0.
struct Identity {
    std::string boot;          ///< the kernel's boot ID
    std::uint64_t cookie = 0;  ///< Kernel::cookie()
    std::uint64_t in_proc = 0; ///< Kernel::inode_in_proc()
    bool operator==(const Identity&) const = default;
};
Identity identity_of(const Kernel& kernel);

/// Whether both may be of one namespace: what only one of them knows is not compared.
bool agree(const Identity& one, const Identity& other);
/// What either knows.
Identity joined(const Identity& one, const Identity& other);

/// As the text of a file (JSON).
std::string identity_text(const Identity& identity);
/// The inverse; empty for a text that is none.
std::optional<Identity> parse_identity(const std::string& text);

/// Which network namespaces live: those that a process is in, or that are mounted somewhere, as
/// those with a name are. One that is merely held open is missed. Looks when it is asked, and then
/// once.
class LivingNamespaces {
public:
    /// False only where it is certain that it is gone.
    bool may_have(const NamespaceId& space, const Identity& identity);

private:
    using Inodes = std::optional<std::set<std::uint64_t>>; ///< empty: not all can be seen
    std::optional<Inodes> mounted_, in_proc_, by_id_;
};

} // namespace vxlanctl
