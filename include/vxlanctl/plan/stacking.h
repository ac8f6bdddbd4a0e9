#pragma once

#include "vxlanctl/plan/plan.h"

#include <map>

/// Tunnels over tunnels: in which order they are made and removed.
namespace vxlanctl {

/// For each tunnel how many others of these it stands on, one above the other: 0 for one that
/// stands on none. A tunnel stands on another one that is its lower device, that has its local
/// address, or that a route or peer of it leads out of. In a circle, which the kernel refuses, the
/// numbers mean nothing.
std::vector<std::size_t> layers_of(const std::vector<Tunnel>& tunnels);

/// In which order tunnels are made or changed.
struct Making {
    std::vector<std::size_t> order;  ///< their indexes
    std::vector<std::size_t> layers; ///< by index; each comes after those of lower layers
    /// Links of later tunnels that have to be removed before a tunnel can be made, by its index:
    /// the tunnels of a circle want one another's VNI, or ends.
    std::map<std::size_t, std::vector<std::string>> evicted;
};
/// A tunnel comes after those that it stands on, and after one whose present VNI or ends it wants.
Making making_of(const std::vector<Tunnel>& tunnels, const State& state);

/// layers_of() links as they are; 0 for one that is not there.
std::vector<std::size_t> layers_in(const State& state, const std::vector<std::string>& names);

/// The names in an order in which links can be removed: the upper one first, since the kernel
/// removes it with its lower device. Otherwise the order stays.
std::vector<std::string> removal_order(std::vector<std::string> names, const State& state);

} // namespace vxlanctl
