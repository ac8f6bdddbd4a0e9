#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/run/routing.h"

#include <set>

namespace vxlanctl {

/// What is said of a tunnel that was settled: notes for its plan, or the error that keeps it from
/// being planned.
struct Settled {
    std::vector<Message> notes;
    std::vector<Error> errors;
};

/// Whether the host has to be asked for something of the tunnel.
bool is_automatic(const Tunnel& tunnel);

/// Replaces what the tunnel leaves to its host (Tunnel::automatic) by what the host has now: the
/// source address of the route to the first peer that has one, the interface of that route, the
/// first address of the remote's name, the path MTU. What was chosen before stays while it is
/// there.
Settled settle_automatic(Routing& routing, const State& state, Tunnel& tunnel);

/// This host's addresses as peers: one list of peers may be for all hosts.
class OwnAddresses {
public:
    explicit OwnAddresses(const State& state);
    bool are_among(const Tunnel& tunnel) const;
    /// Leaves out the peers that are addresses of this host.
    Settled leave_out_of(Tunnel& tunnel) const;

private:
    std::set<IpAddress> addresses_;
};

/// Whether what is_automatic() asks for can be chosen now. Reads what that needs.
Result<bool> can_be_settled(Netlink& netlink, const Tunnel& tunnel);

} // namespace vxlanctl
