#pragma once

#include "vxlanctl/model/model.h"

namespace vxlanctl {

/// Addresses that a tunnel other than a VXLAN leads to, as far as the link alone says, each once:
/// gateways, the other end of a point-to-point address or of a network with two hosts, and the
/// addresses that an ISATAP router may have on the tunnel. `end` is the outer address of the remote
/// end that is asked for.
std::vector<IpAddress> inside_addresses(const Link& link, const IpAddress& end);

/// The IPv4 address that an ISATAP address has in it; none of another address.
std::optional<IpAddress> embedded_ipv4(const IpAddress& address);

} // namespace vxlanctl
