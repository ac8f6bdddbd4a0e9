#pragma once

#include "vxlanctl/model.h"

#include <chrono>
#include <functional>

namespace vxlanctl {

class Kernel;

/// What has to be there before the tunnels can be made, and is not: lower devices, and local
/// addresses. What the config itself makes is not waited for.
std::vector<std::string> missing_underlay(const Config& config, const State& state);

/// Waits until nothing of that is missing. Told once for each set of missing things; looks again
/// only when the kernel tells of a change. An error of kind kernel at the deadline, and when a
/// signal came.
Result<void> await_underlay(const Kernel& kernel, const Config& config, std::chrono::seconds time,
                            const std::function<void(const std::vector<std::string>&)>& tell);

} // namespace vxlanctl
