#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

#include <set>
#include <vector>

namespace vxlanctl {

/// What is said of a tunnel that was settled: notes for its plan, or the error that keeps it from
/// being planned.
struct Settled {
    std::vector<Message> notes;
    std::vector<Error> errors;
};

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

} // namespace vxlanctl
