#pragma once

#include "vxlanctl/plan/without_host.h"

namespace vxlanctl {

/// Adds which peers of a VXLAN are reached through that tunnel itself, an error unless it may
/// overlap, or through another one that its packets are not meant to go through. What counts are
/// the addresses, routes and rules of all tunnels of the config; of more, nobody knows.
void judge_outer_networks(const Config& config, const State& host, ConfigFaults& faults);

/// Adds inner addresses that two tunnels have, and inner networks that overlap, in one table of
/// routes.
void judge_inner_networks(const Config& config, const State& host, ConfigFaults& faults);

} // namespace vxlanctl
