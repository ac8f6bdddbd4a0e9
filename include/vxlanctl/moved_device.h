#pragma once

#include "vxlanctl/model.h"
#include "vxlanctl/namespaces.h"

#include <map>

namespace vxlanctl {

/// A device as it is, and what speaks against moving it.
struct Device {
    Link link; ///< with its addresses and routes, but for those that the kernel makes
    std::vector<std::string> obstacles;
};

/// What would be lost with the move, or not come along. `links` are all of the namespace.
std::vector<std::string> obstacles_to_moving(const Link& device, const std::vector<Link>& links);

/// Those of the names that links here have.
Result<std::set<std::string>> links_here(const std::set<std::string>& names);

/// The devices of those names that are there.
Result<std::map<std::string, Device>> read_devices(const std::set<std::string>& names);

/// Adds to a state what it will have once the device is there, up.
void expect_device(State& state, const Link& device);

/// Moves a device from the namespace that this process is in to another one, and gives it there
/// what it had. On an error it is back where it was. Leaves the process where it was.
Result<void> move_device(const Link& device, const NetworkNamespace& from,
                         const NetworkNamespace& to);

} // namespace vxlanctl
