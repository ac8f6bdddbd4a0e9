#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/ruleset.h"

namespace vxlanctl {

/// What `nft -j list ruleset` printed (libnftables-json(5)). Expressions that are not understood
/// become matches that may be true or not. The error says where the text is no JSON.
Result<Ruleset> parse_ruleset(const std::string& text);

/// Whether the namespace has a table of family inet of that name. Asks the kernel, without nft.
bool has_table(const Kernel& kernel, const std::string& name);

/// The rules of a network namespace, by the program nft.
Result<Ruleset> read_ruleset(const Kernel& kernel);

} // namespace vxlanctl
