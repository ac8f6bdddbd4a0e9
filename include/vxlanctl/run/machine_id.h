#pragma once

#include "vxlanctl/plan/new_mac.h"

namespace vxlanctl {

/// That of /etc/machine-id, which is read once; empty where there is none.
std::optional<MachineId> machine_id();

} // namespace vxlanctl
