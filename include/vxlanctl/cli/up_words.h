#pragma once

#include "vxlanctl/model/tunnel.h"

#include <string>

namespace vxlanctl {

/// The command that makes the tunnel: `vxlanctl up eth0 172.21.0.100 vxlan0 …`; empty where words
/// cannot say what it has, such as the routers of ISATAP or a peer with a port of its own.
std::string up_words(const Tunnel& tunnel);

} // namespace vxlanctl
