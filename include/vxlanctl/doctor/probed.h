#pragma once

#include "vxlanctl/base/address.h"
#include "vxlanctl/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What `doctor --probe` sent for a tunnel, and what came of it.
namespace vxlanctl {

/// What ended the question for a path's MTU.
struct PathMtu {
    IpAddress to;
    std::uint32_t mtu = 0;             ///< of outer packets; what was tried, or what is reported
    std::optional<IpAddress> reporter; ///< who reported it; none where nobody objected
    int code = 0;                      ///< errno when nothing could be sent
};

/// An answer to ARP through the tunnel.
struct ArpAnswer {
    IpAddress address;
    std::optional<MacAddress> mac;   ///< none: no answer
    std::optional<IpAddress> behind; ///< the peer that the MAC was learned behind
};

/// What became of echo requests to an address.
struct EchoAnswer {
    IpAddress to;
    /// The largest packet that was answered, in bytes with its IP header; 0: none was.
    std::uint32_t passes = 0;
    std::uint32_t wanted = 0; ///< the largest packet that was to be answered
    int code = 0;             ///< errno when nothing could be sent
};

/// The remote end of a tunnel other than a VXLAN: an ISATAP router, or the other end of an
/// IPv4-in-IPv6 tunnel.
struct RemoteEnd {
    EchoAnswer outside;             ///< its outer address
    std::vector<EchoAnswer> inside; ///< its addresses in the tunnel, and others there
};

/// How large packets may be that go through the tunnel to somebody who answers small ones.
struct InnerSize {
    IpAddress to;
    std::optional<IpAddress> behind; ///< the remote end that it is behind, where that is known
    std::uint32_t passes = 0; ///< the largest that was answered, in bytes of the tunnel's MTU
    std::uint32_t wanted = 0; ///< the tunnel's MTU
};

/// Whom the tunnel's outer packets are handed to on the underlay.
struct NextHop {
    IpAddress address;
    std::string dev;
    std::optional<MacAddress> entry; ///< in the kernel's neighbour table; none: nothing usable
    std::uint16_t state = 0;         ///< NUD_* of the entry; 0: there is none
    std::optional<MacAddress> mac;   ///< who answered; none: nobody
    bool operator==(const NextHop&) const = default;
};

struct Probe {
    std::vector<PathMtu> paths;
    std::vector<ArpAnswer> answers;
    std::vector<ArpAnswer> own;         ///< others' answers for the tunnel's own addresses
    std::vector<RemoteEnd> ends;        ///< of another tunnel than a VXLAN
    std::vector<InnerSize> sizes;       ///< at most one for each remote end
    std::vector<NextHop> next_hops;     ///< of the ways to the remote ends, each once
    std::vector<IpAddress> heard;       ///< source addresses of what came out of the tunnel, sorted
    std::optional<Error> arp_obstacle;  ///< why no ARP could be sent; of a VXLAN
    std::optional<Error> echo_obstacle; ///< why no echo request could be sent; of another tunnel
};

} // namespace vxlanctl
