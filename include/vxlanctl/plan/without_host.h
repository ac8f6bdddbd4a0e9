#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

#include <vector>

namespace vxlanctl {

/// What is wrong with tunnels wherever they are made. Each message is about the tunnel that is its
/// subject.
struct ConfigFaults {
    std::vector<Error> errors; ///< of kind usage, or refused where apply has an option for it
    std::vector<Message> warnings;
};

/// Judges the tunnels of one network namespace without a host: what plan() says of them on one that
/// has just what they name (expected_host.h), where their own packets would go, and inner networks
/// that they share. Host names are not looked up. A pure function.
ConfigFaults judge_without_host(Config config);

} // namespace vxlanctl
