#pragma once

#include "vxlanctl/plan.h"

/// Tunnels over tunnels: in which order they are made and removed, and what the upper one can count
/// on before the lower one is there.
namespace vxlanctl {

/// For each tunnel how many others of these it stands on, one above the other: 0 for one that
/// stands on none. A tunnel stands on another one that is its lower device, that has its local
/// address, or that a route or peer of it leads out of. In a circle, which the kernel refuses, the
/// numbers mean nothing.
std::vector<std::size_t> layers_of(const std::vector<Tunnel>& tunnels);

/// The names in an order in which links can be removed: the upper one first, since the kernel
/// removes it with its lower device. Otherwise the order stays.
std::vector<std::string> removal_order(std::vector<std::string> names, const State& state);

/// Changes a state into what it will be when the tunnel is there as wished, as far as the planning
/// of other tunnels depends on it.
void expect(State& state, const Tunnel& tunnel);
/// The same for a new link in the place of an old one: what stands on that has vanished.
void expect_replacement(State& state, const std::string& name);
/// The same for a link that will have gone.
void expect_absence(State& state, const std::string& name);

} // namespace vxlanctl
