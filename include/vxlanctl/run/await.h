#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/tunnel.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace vxlanctl {

/// Waits until all is there that the tunnels of the config stand on (plan/awaited.h). Told once for
/// each set of missing things; reads once, and then follows the kernel's events. An error of kind
/// kernel at the deadline, and when a signal came.
Result<void> await_underlay(const Kernel& kernel, const Config& config, std::chrono::seconds time,
                            const std::function<void(const std::vector<std::string>&)>& tell);

} // namespace vxlanctl
