#pragma once

#include "vxlanctl/cli/metrics.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/evpn.h"
#include "vxlanctl/model/model.h"
#include "vxlanctl/run/peer_counters.h"

/// From what was read to what `metrics` tells.
namespace vxlanctl {

/// A tunnel that files define, or that runs, or both.
struct MeasuredTunnel {
    const Link* link = nullptr;            ///< null: it does not run
    const Tunnel* wish = nullptr;          ///< null: no file defines it
    bool is_in_sync = false;               ///< with the file that defines it
    const CountedPeers* counted = nullptr; ///< null: nobody counts its packets by peer
    const ControlPlane* plane = nullptr;   ///< null: not asked
};

/// Whether the tunnel is what its record says was set for it.
bool is_as_recorded(const Link& link, const Record& record, const State& state);

/// A tunnel that no file defines is compared with its record. Whether it is on hold, the state does
/// not know.
TunnelMetrics measured(const MeasuredTunnel& it, const State& state);

/// Whether `metrics` is about the interface.
bool is_measured(const Link& link);

struct MadeChecks {
    std::vector<CheckMetrics> checks;
    bool are_all = true; ///< false: only those that the state decides
};

/// What the doctor's checks come to, of the tunnels that `metrics` is about. Of more than
/// `most_examined`, only those are made that the state decides, which has been read: asking for the
/// way to each peer of each tunnel would take longer than all the rest.
Result<MadeChecks> made_checks(const Kernel& kernel, const State& state,
                               const std::vector<Tunnel>& wishes, const ControlPlane& plane);

} // namespace vxlanctl
