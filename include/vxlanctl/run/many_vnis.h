#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/many_vnis.h"
#include "vxlanctl/model/model.h"

#include <map>
#include <string>

namespace vxlanctl {

/// Of single VXLAN devices alone, by their names. Two dumps where there is one, and none where
/// there is none. What an older kernel does not tell is left out.
std::map<std::string, ManyVnis> read_many_vnis(const Kernel& kernel, const Links& links);

} // namespace vxlanctl
