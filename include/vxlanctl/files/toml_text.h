#pragma once

#include "vxlanctl/files/written.h"

/// TOML as values with positions: the only user of toml++.
namespace vxlanctl {

/// The table that the text is; empty after its error was told, of which there is at most one. A
/// table without a line of its own stands where its key does.
std::optional<Written> parse_toml(const SourceText& source, SourceErrors& errors);

} // namespace vxlanctl
