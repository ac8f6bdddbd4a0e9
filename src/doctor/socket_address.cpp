#include "vxlanctl/doctor/socket_address.h"

#include <cerrno>
#include <cstring>

namespace vxlanctl {

SocketAddress socket_address(const IpAddress& address, std::uint16_t port, int scope) {
    SocketAddress result;
    if (address.family == Family::ipv4) {
        result.ipv4 = {AF_INET, htons(port), {}, {}};
        std::memcpy(&result.ipv4.sin_addr, address.bytes.data(), sizeof result.ipv4.sin_addr);
    } else {
        result.ipv6 = {AF_INET6, htons(port), 0, {}, static_cast<std::uint32_t>(scope)};
        std::memcpy(&result.ipv6.sin6_addr, address.bytes.data(), sizeof result.ipv6.sin6_addr);
    }
    return result;
}

IpAddress ip_address(const SocketAddress& address) {
    if (address.any.sa_family == AF_INET)
        return address_from_wire(
            {reinterpret_cast<const std::uint8_t*>(&address.ipv4.sin_addr), 4});
    if (address.any.sa_family == AF_INET6) return address_from_wire(address.ipv6.sin6_addr.s6_addr);
    return {};
}

int bind_to(int socket, const std::string& dev, const std::optional<IpAddress>& local) {
    if (!dev.empty() && setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, dev.c_str(),
                                   static_cast<socklen_t>(dev.size() + 1)) != 0)
        return errno;
    if (!local) return 0;
    const auto address = socket_address(*local, 0);
    return bind(socket, &address.any, sizeof address) == 0 ? 0 : errno;
}

void forbid_fragments(int socket, Family family) {
    const int probe = IP_PMTUDISC_PROBE; // as IPV6_PMTUDISC_PROBE
    if (family == Family::ipv4)
        setsockopt(socket, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
    else
        setsockopt(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
}

} // namespace vxlanctl
