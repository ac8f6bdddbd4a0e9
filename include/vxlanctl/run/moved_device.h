#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/model.h"

#include <map>

namespace vxlanctl {

/// A device as it is, and what speaks against moving it.
struct Device {
    Link link; ///< with its addresses and routes, but for those that the kernel makes
    std::vector<std::string> obstacles;
};

/// What would be lost with the move, or not come along. `links` are all of the namespace.
std::vector<std::string> obstacles_to_moving(const Link& device, const std::vector<Link>& links);

/// The device that is `link`, of all the namespace's `links`, with all of its addresses and routes.
Device device_of(Link link, const std::vector<Link>& links);

/// Those of the names that links there have.
Result<std::set<std::string>> links_in(const Kernel& kernel, const std::set<std::string>& names);

/// The devices of those names that are there.
Result<std::map<std::string, Device>> read_devices(const Kernel& kernel,
                                                   const std::set<std::string>& names);

/// Adds to a state what it will have once the device is there, up.
void expect_device(State& state, const Link& device);

/// Moves a device from one namespace to another one, and gives it there what it had. On an error it
/// is back where it was, or the error is of kind rollback_incomplete and bring_back() may help.
Result<void> move_device(const Link& device, const Kernel& from, const Kernel& to);
/// Brings it back to `from`, from wherever it has come to, with what it had. The error is of kind
/// rollback_incomplete, and lists what is left.
Result<void> bring_back(const Link& device, const Kernel& from, const Kernel& to);

} // namespace vxlanctl
