#pragma once

#include "vxlanctl/model/evpn.h"
#include "vxlanctl/model/model.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// FRR's remote VTEPs against the kernel's flood list. Pure functions on values.
namespace vxlanctl {

/// What FRR and the kernel have of one VXLAN.
struct EvpnComparison {
    const EvpnVni* vni = nullptr;     ///< as zebra has it; null: it does not
    std::vector<IpAddress> missing;   ///< zebra has them, and the flood list does not
    std::vector<IpAddress> unknown;   ///< the flood list has them, and neither zebra nor the record
    std::vector<IpAddress> not_taken; ///< their type-3 routes are there, and zebra has them not
    std::size_t routes = 0;           ///< type-3 routes of others for the VNI
    std::size_t sessions_up = 0;
};

/// Of a layer 2 VNI. `record` is that of the link, or null.
EvpnComparison compare(const Evpn& evpn, const Link& link, const Record* record);

/// Whether the tunnel is a control plane's affair: it is set so, FRR has it, or it is the port of a
/// bridge or a single VXLAN device and looks like one's.
bool is_of_control_plane(const Link& link, const State& state, const ControlPlane& plane);

/// Whether there is anything to ask FRR about.
bool may_have_control_plane(const State& state);

/// Why nothing is compared; empty where something is.
std::string reason_to_skip(const ControlPlane& plane);

} // namespace vxlanctl
