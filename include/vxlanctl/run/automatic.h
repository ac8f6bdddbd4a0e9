#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/plan/own_addresses.h"
#include "vxlanctl/run/routing.h"

namespace vxlanctl {

/// Whether the host has to be asked for something of the tunnel.
bool is_automatic(const Tunnel& tunnel);

/// Replaces what the tunnel leaves to its host (Tunnel::automatic) by what the host has now: the
/// source address of the route to the first peer that has one, the interface of that route, the
/// first address of the remote's name, the path MTU. What was chosen before stays while it is
/// there.
Settled settle_automatic(Routing& routing, const State& state, Tunnel& tunnel);

/// Whether what is_automatic() asks for can be chosen now. Reads what that needs.
Result<bool> can_be_settled(Netlink& netlink, const Tunnel& tunnel);

} // namespace vxlanctl
