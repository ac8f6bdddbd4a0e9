#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

#include <string>
#include <string_view>
#include <vector>

/// Rules for nft(8) that belong to a running tunnel.
namespace vxlanctl {

/// What may come out of a protected tunnel.
struct Service {
    std::uint8_t protocol = 0;       ///< IPPROTO_*
    std::uint16_t low = 0, high = 0; ///< ports, both included; 0 for a protocol as a whole
    bool operator==(const Service&) const = default;
};

/// `tcp/22`, `udp/5000-5010`, or a protocol that has no ports: `ipip6`, `vrrp`.
Result<Service> parse_service(std::string_view text);

/// What else is wanted than that nobody but the other ends sends into the tunnel.
struct FirewallWish {
    std::string masquerade; ///< the device that forwarded packets go out by; empty for none
    bool clamp_mss = false;
    bool protect = false;
    std::vector<Service> services; ///< that `protect` lets through
    bool count = false;            ///< what comes from each peer of a VXLAN, and goes to it
};

struct Firewall {
    std::string text; ///< for `nft -f`: replaces one table, and touches no other
    std::vector<Message> warnings;
};

/// `state` has the other tunnels of kind sit, whose other ends an ISATAP link's rule must not hit.
/// An error where nft cannot write a name, or the rules could not do what is wanted.
Result<Firewall> firewall_of(const Link& link, const State& state, const FirewallWish& wish);

} // namespace vxlanctl
