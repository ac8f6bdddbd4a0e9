#pragma once

#include "vxlanctl/model/route_lookup.h"
#include "vxlanctl/plan/plan.h"

#include <map>
#include <set>

/// Where the packets of a VXLAN leave, once a plan is carried out: what the kernel's routing says
/// now, with the addresses, routes and rules that the tunnel brings along. The kernel does not bind
/// them to the underlay interface: the output interface is the flood entry's own, or the VRF of the
/// underlay interface (vxlan_xmit_one() in drivers/net/vxlan/vxlan_core.c).
namespace vxlanctl {

/// Of the policy rule that looks up the main table (fib_default_rules_init()).
constexpr std::uint32_t priority_of_main = 32766;

/// The packets of a tunnel to one of its peers.
struct OuterWay {
    IpAddress peer, local; ///< of one family
    std::string dev;       ///< the tunnel's underlay interface; empty: none
    std::string via;       ///< the interface that the kernel is told; empty: none
    std::string wanted;    ///< the interface that is meant: the peer's `via`, or `dev`
    std::uint16_t port = 0;
    std::uint8_t tos = 0;
    auto operator<=>(const OuterWay&) const = default;
};
/// Of broadcast frames, which are sent to the flood entry.
OuterWay way_to(const FloodEntry& peer, const TunnelAttributes& vxlan);
/// Of frames to a MAC that the kernel learned from the peer: without its `via`, unless that is part
/// of its address (vxlan_snoop() in drivers/net/vxlan/vxlan_core.c).
OuterWay learned_way_to(const FloodEntry& peer, const TunnelAttributes& vxlan);

/// Of `entries`, sorted, up to `most` that lie within what the plan newly leads into its tunnel.
std::vector<FloodEntry> newly_inside(const TunnelPlan& plan, const State& state, std::size_t most);

enum class Leads : std::uint8_t {
    nowhere,     ///< there is no route
    into_tunnel, ///< packets would be encapsulated again and again
    outside,     ///< through another interface
    unknown,     ///< what is there now goes, and what comes in its place is not known
};
/// What becomes of a way.
struct WayOut {
    Leads leads = Leads::unknown;
    Prefix by;          ///< the route's destination
    int link_index = 0; ///< outside, by a route that is there; else 0
    std::string dev;    ///< outside, by a route that comes
};
/// `now` is what the kernel says before the plan is carried out.
WayOut way_out(const OuterWay& way, const RouteLookup& now, const TunnelPlan& plan,
               const State& state);

/// Whether the peer lies in a subnet of the tunnel's own addresses.
bool is_inside(const IpAddress& peer, const Tunnel& tunnel);

/// A link-local peer is reached through one interface alone: the underlay interface, if none is
/// named.
void complete_link_local_peers(Tunnel& tunnel);

/// The commands that lead packets from the way's local address through its underlay interface.
struct WayThroughDevice {
    std::uint32_t table = 0; ///< that nobody uses, or the VRF's
    bool is_vrf = false;     ///< packets look up that table anyway
    std::optional<IpAddress> gateway;
    bool is_on_link = false; ///< the peer is reached without a gateway
};
/// With the word GATEWAY where it is not known.
std::string commands_for(const OuterWay& way, const WayThroughDevice& through);

} // namespace vxlanctl
