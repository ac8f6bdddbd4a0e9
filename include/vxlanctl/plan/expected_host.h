#pragma once

#include "vxlanctl/model/model.h"

/// A host that nobody has looked at: what files may be planned against to learn what is wrong with
/// them anywhere. Pure functions on values.
namespace vxlanctl {

/// What only a host knows, replaced by something that equals nothing else: of each tunnel with
/// `local = "auto"` an address of its own out of 0.0.0.0/8 or 100::/64 (RFC 6666), and what an
/// ISATAP tunnel makes of it; an interface of its own for `dev = "auto"`, which no file can name; a
/// remote end for its name. The MTU of a tunnel that carries others, where it is not set, is what
/// its own underlay leaves, or more than any of them may ask for.
Config without_host(Config config);

/// The state of a host that has exactly what the tunnels of one network namespace name, and none of
/// the tunnels: each underlay interface and every other interface is up, with an MTU that is not
/// known; each master is a bridge, each VRF has a table that no file can mean; each local address
/// is on its underlay interface, alone (/32 or /128), unless it is another tunnel's inner address.
State expected_host(const Config& config);

} // namespace vxlanctl
