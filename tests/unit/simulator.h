#pragma once

#include "vxlanctl/plan/plan.h"

#include <string>
#include <vector>

namespace vxlanctl::test {

/// Does to `state` what the kernel would do, its silences included: it ignores a cleared lower
/// device, clamps an MTU, deletes secondaries with their primary, and routes with the last address.
/// Returns what the kernel would have refused; empty when nothing.
std::string simulate(State& state, const Step& step);

/// The state after a plan without errors was carried out, with its records.
State after(const Config& config, State state, const PlanOptions& options = {});

/// The link of this name, which must be there.
Link& link_in(State& state, const std::string& name);

/// One line for each step, as the plan's tests compare it.
std::vector<std::string> rendered(const std::vector<Step>& steps);

/// A host with eth0 (172.21.0.100/24, MTU 9001), eth1 (MTU 1500), a bridge br0 and a VRF vrf1
/// (table 100).
State host_state();

} // namespace vxlanctl::test
