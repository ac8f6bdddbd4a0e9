#pragma once

#include "vxlanctl/plan.h"

/// Tunnels over tunnels: in which order they are made and removed.
namespace vxlanctl {

/// For each tunnel how many others of these it stands on, one above the other: 0 for one that
/// stands on none. A tunnel stands on another one that is its lower device, that has its local
/// address, or that a route or peer of it leads out of. In a circle, which the kernel refuses, the
/// numbers mean nothing.
std::vector<std::size_t> layers_of(const std::vector<Tunnel>& tunnels);

/// The same of links as they are; 0 for one that is not there.
std::vector<std::size_t> layers_in(const State& state, const std::vector<std::string>& names);

/// The names in an order in which links can be removed: the upper one first, since the kernel
/// removes it with its lower device. Otherwise the order stays.
std::vector<std::string> removal_order(std::vector<std::string> names, const State& state);

} // namespace vxlanctl
