#pragma once

#include "vxlanctl/runtime.h"

namespace vxlanctl {

/// A record as the text of its file (JSON), with the network namespace that its link is in.
std::string record_text(const Record& record, NamespaceId space);
/// The inverse; empty for a text that is none. What it does not know is left out.
std::optional<Record> parse_record(const std::string& text);
std::optional<NamespaceId> namespace_of_record(const std::string& text);

} // namespace vxlanctl
