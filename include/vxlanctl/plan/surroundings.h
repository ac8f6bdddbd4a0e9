#pragma once

#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/model/model.h"

/// What a tunnel meets on its host, by which preflight refuses and warns, and which doctor reports.
namespace vxlanctl {

/// Whether packets can leave through a link.
enum class LinkCondition : std::uint8_t { missing, down, no_carrier, up };
/// `link` is null where it is missing.
LinkCondition condition_of(const Link* link);

/// This host's address, on `dev` if it is there too; null where it is on no interface.
const HostAddress* find_host_address(const State& state, const IpAddress& address,
                                     std::string_view dev);

/// The interface that the main table sends packets to `address` through now; empty when none.
std::string device_towards(const IpAddress& address, const State& state);

/// The largest MTU that the kernel lets the tunnel have: that of the lower device less the
/// overhead, or 65535 without one. Empty when the lower device is not known.
std::optional<std::uint32_t> mtu_limit(const TunnelAttributes& tunnel, const State& state);

/// The links beside which the kernel refuses a tunnel of these complete attributes under the name
/// `name`: those with its VNI, or with the same ends (Kind::clashes).
std::vector<std::string> exclusive_links(const TunnelAttributes& wanted, const std::string& name,
                                         const State& state);

/// Whether the interface `dev` is `lower`, or stands on it as far as the state knows. A tunnel over
/// the one that is a port of the other would be a port of what carries it (EBUSY of
/// __netdev_upper_dev_link() in net/core/dev.c).
bool is_carried_by(const std::string& dev, const Link& lower, const State& state);

/// The packets that carry a tunnel.
struct OuterTraffic {
    std::string tunnel;
    IpAddress local;
    bool has_device = false;     ///< packets to the other ends do not depend on the inner routes
    std::vector<IpAddress> ends; ///< the other ends' outer addresses
};

/// Outer traffic that an inner prefix, which makes a route into the tunnel, takes or may take.
struct Drawn {
    Prefix what;
    std::string text;
};
/// What of a tunnel's outer traffic has to stay outside. Refers to the state.
class Outside {
public:
    Outside(const OuterTraffic& outer, const State& state);
    std::vector<Drawn> drawn_into(const Prefix& inner) const;

private:
    const State& state_;
    std::string tunnel_;
    std::vector<const HostAddress*> homes_; ///< the local address, wherever it is
    std::vector<const Route*> gateways_;    ///< default routes of the main table, with a gateway
    std::vector<IpAddress> ends_;           ///< sorted
};

} // namespace vxlanctl
