#pragma once

#include "vxlanctl/plan/plan.h"
#include "vxlanctl/plan/steps.h"

namespace vxlanctl {

/// What the tunnel's link shall become, given what it is (null: not there): the stated values, the
/// defaults of what we set earlier and is no longer stated, and what of ours is surplus.
LinkTarget target_for(const Tunnel& tunnel, const Link* have, const Record& record,
                      const State& state, const PlanOptions& options);

/// The table of the VRF that the link shall be in; 0 without one.
std::uint32_t vrf_table_of(const LinkTarget& target, const State& state);

} // namespace vxlanctl
