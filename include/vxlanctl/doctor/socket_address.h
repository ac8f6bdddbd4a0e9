#pragma once

#include "vxlanctl/base/address.h"

#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

namespace vxlanctl {

/// An address for the socket calls. For the kernel its size may be that of IPv6 for IPv4, too.
union SocketAddress {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6{};
};
/// `scope` is the ifindex of a link-local IPv6 address.
SocketAddress socket_address(const IpAddress& address, std::uint16_t port, int scope = 0);
/// 0.0.0.0 where the kernel left another family there.
IpAddress ip_address(const SocketAddress& address);

/// Packets leave by `dev`, and from `local`, if it is not none; errno where the kernel refuses.
int bind_to(int socket, const std::string& dev, const std::optional<IpAddress>& local);
/// Packets are not fragmented, and are as large as the interface lets them be, whatever the kernel
/// remembers of the path.
void forbid_fragments(int socket, Family family);

} // namespace vxlanctl
