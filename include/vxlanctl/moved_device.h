#pragma once

#include "vxlanctl/model.h"
#include "vxlanctl/namespaces.h"

#include <map>

namespace vxlanctl {

/// The devices of those names that are there, with their addresses and routes, as far as both can
/// be put back elsewhere: no link-local addresses, no routes of the kernel's.
Result<std::map<std::string, Link>> read_devices(const std::set<std::string>& names);

/// Adds to a state what it will have once the device is there, up.
void expect_device(State& state, const Link& device);

/// Moves a device from the namespace that this process is in to another one, and gives it there
/// what it had. On an error it is back where it was. Leaves the process where it was.
Result<void> move_device(const Link& device, const NetworkNamespace& from,
                         const NetworkNamespace& to);

} // namespace vxlanctl
