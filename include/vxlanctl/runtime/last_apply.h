#pragma once

#include "vxlanctl/kernel/identity.h"

#include <chrono>
#include <optional>
#include <string>

namespace vxlanctl {

/// When `apply` last ended in a network namespace, and whether all was then as its files say. Only
/// who watches asks for it.
struct LastApply {
    std::chrono::system_clock::time_point time; ///< kept in milliseconds
    bool succeeded = false;
    bool operator==(const LastApply&) const = default;
};

/// As the text of a file (JSON), with the namespace that it is about: the number of one that is
/// gone, and with it the directory, may be another one's by now.
std::string last_apply_text(const LastApply& last, const Identity& here);
/// The inverse; empty for a text that is none, or about another network namespace.
std::optional<LastApply> parse_last_apply(const std::string& text, const Identity& here);

} // namespace vxlanctl
