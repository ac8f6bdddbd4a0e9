#pragma once

#include "vxlanctl/files/written.h"

/// JSON as the values that TOML has, with positions, and back.
namespace vxlanctl {

/// Whether the text is JSON rather than TOML: the name ends in .json, or it does not end in .toml
/// and the text begins with a brace, as no TOML does.
bool is_json(const SourceText& source);

/// The object that the text is, as parse_toml() makes a table of TOML; empty after its error was
/// told, of which there is at most one.
std::optional<Written> parse_json(const SourceText& source, SourceErrors& errors);

/// A table as JSON, over several lines.
std::string json_text(const Written& table);

} // namespace vxlanctl
