#pragma once

#include "vxlanctl/model/model.h"

#include <string>
#include <vector>

/// FRR's half of EVPN, as text for FRR 8.4 to 10. Pure functions.
namespace vxlanctl {

/// A VXLAN, running or in files, as FRR would see it.
struct FrrTunnel {
    std::string name;
    std::optional<std::uint32_t> vni; ///< none where the interface has many, or none
    std::optional<IpAddress> local;
    std::string bridge;             ///< empty: it is in none
    std::vector<std::string> lacks; ///< what the interface must still get, in words
};

FrrTunnel frr_tunnel(const Link& link, const State& state);
/// As files have it.
FrrTunnel frr_tunnel(const Tunnel& tunnel);

/// The fragment: an AS and neighbours are for people to fill in, by names that FRR refuses. What is
/// no VNI of its own, or the second interface of a VNI, is a comment.
std::string frr_fragment(std::vector<FrrTunnel> tunnels);

} // namespace vxlanctl
