#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

/// What was set for a tunnel, by its record, and is gone.
namespace vxlanctl {

struct Loss {
    std::string tunnel;
    Message message;
    std::string remedy;             ///< the command that brings it back
    std::optional<Prefix> from, to; ///< the packets that it was for; none: any
    bool inside = false;            ///< an address of the tunnel, or a route out of it
    std::optional<IpAddress> address = std::nullopt; ///< that is gone itself
};

/// Whether it was for packets to the one address, from the other.
bool concerns(const Loss& loss, const IpAddress& to, const std::optional<IpAddress>& from);

/// What `known` has and the state has not.
std::vector<Loss> lost_settings(const Link& link, const Record& known, const State& state);
/// Of all tunnels: packets of one may need what was set for another.
std::vector<Loss> all_lost_settings(const State& state);

} // namespace vxlanctl
