#pragma once

#include "vxlanctl/plan.h"
#include "vxlanctl/steps.h"

namespace vxlanctl {

/// Wishes that the kernel would refuse, or worse, accept: everything about `tunnel` that can be
/// known before the first write. Fills errors (kind usage, or refused where an option allows it)
/// and warnings. `replaces` says that the link will be made anew.
void preflight(const Tunnel& tunnel, const LinkTarget& target, const Link* have, bool replaces,
               const State& state, const PlanOptions& options, TunnelPlan& plan);

/// The largest MTU that the kernel lets the tunnel have: that of the lower device less the
/// overhead, or 65535 without one. Empty when the lower device is not known.
std::optional<std::uint32_t> mtu_limit(const TunnelAttributes& tunnel, const State& state);

} // namespace vxlanctl
