#pragma once

#include "vxlanctl/files/tunnel_values.h"

/// What an ISATAP link follows from: its prefix and its routers.
namespace vxlanctl {

/// A router of an ISATAP link as people name it.
struct IsatapRouter {
    IpAddress address;
    bool prl_default = true;
    std::optional<std::uint32_t> metric; ///< of the default route by it; without it there is none
    bool operator==(const IsatapRouter&) const = default;
};

/// What addresses, next hops and the PRL of an ISATAP link follow from.
struct IsatapWish {
    Prefix prefix;
    std::optional<bool> global_id; ///< see isatap_address()
    std::optional<std::vector<IsatapRouter>> routers;
    bool operator==(const IsatapWish&) const = default;
};

/// Routers that come twice. The errors have no subject.
std::vector<BadElement> check_routers(std::span<const IsatapRouter> routers);
/// States the address, the PRL and, before other routes, the default routes. `tunnel.local` is set.
void state_isatap(Tunnel& tunnel, IsatapWish wish);

} // namespace vxlanctl
