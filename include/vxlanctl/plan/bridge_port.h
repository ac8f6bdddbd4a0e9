#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/plan/steps.h"

#include <optional>

/// A link that is the port of a bridge: what it has as such belongs to the port, and goes with it.
namespace vxlanctl {

/// The bridge that the link shall be a port of, or null.
const Link* bridge_of(const LinkAttributes& wanted, const Link* have, const State& state);

/// What of a bridge port is to be: none of it on a link that is no port, and on the port of another
/// bridge what it had, but for its VLANs, which were those of the old bridge.
void settle_port(LinkTarget& target, const Link* have, const State& state);

/// Why what the tunnel states of a bridge port cannot be; empty where it can, and where its master
/// is not there, which is an error of its own.
std::optional<Error> port_refusal(const Tunnel& tunnel, const LinkTarget& target,
                                  const State& state);

} // namespace vxlanctl
