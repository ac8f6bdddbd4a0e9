#pragma once

#include "vxlanctl/run/arp_socket.h"

#include <chrono>
#include <map>

namespace vxlanctl {

/// How long to ask for.
struct ProbeTimes {
    std::chrono::milliseconds all;   ///< until the last answer is expected
    std::chrono::milliseconds pause; ///< between two probes
    bool until_first = false;        ///< one answer is enough
};

/// Who else has these IPv4 addresses on the socket's link: asks by ARP probes (RFC 5227 section
/// 2.1.1), which change nobody's neighbours, and also heeds somebody who is about to use one. Ends
/// early when a signal comes.
std::map<IpAddress, MacAddress>
find_owners(const ArpSocket& socket, std::span<const IpAddress> addresses, const ProbeTimes& times);

} // namespace vxlanctl
