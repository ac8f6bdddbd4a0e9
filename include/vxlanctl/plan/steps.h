#pragma once

#include "vxlanctl/plan/operation.h"

namespace vxlanctl {

/// The wanted end state of one link: what has to be there, and what of the present has to go.
/// Everything else stays as it is.
struct LinkTarget {
    std::string name;
    LinkAttributes attributes;
    TunnelAttributes tunnel;

    std::vector<Address> addresses;                    ///< in the order in which they are added
    std::optional<std::vector<FloodEntry>> flood_list; ///< whole, sorted; empty: stays as it is
    std::uint16_t flood_state = permanent_flood_state;
    std::uint8_t flood_flags = own_flood_flags;
    std::vector<MacEntry> macs;
    std::optional<std::vector<PrlEntry>> routers; ///< whole, sorted; empty: stays as it is
    std::vector<Route> routes;                    ///< out of the link
    /// Routes to the subnets of addresses that stay, which the kernel had made and somebody
    /// removed.
    std::vector<Route> lost_connected;
    std::vector<Neighbour> neighbours;

    std::vector<Address> surplus_addresses;
    std::vector<MacEntry> surplus_macs;
    std::vector<Route> surplus_routes;
    std::vector<Neighbour> surplus_neighbours;

    // Not on the link: what is missing, and what has to go. A route's `dev` says where.
    std::vector<Route> missing_routes_elsewhere, surplus_routes_elsewhere;
    std::vector<Route> leaving_routes; ///< other tunnels' that go in the same run, in our way
    std::vector<Rule> missing_rules, surplus_rules;
    std::vector<std::string> missing_forwarding, surplus_forwarding; ///< devices

    /// What a new port of the wanted master has, where that is a bridge; empty where it is not
    /// known.
    LinkAttributes new_port;

    /// IPv6 addresses that the interface in whose place a new one comes had: nobody else has them,
    /// and they are usable at once.
    std::vector<Address> moved;
    /// IPv4 addresses that no interface of ours had: others are asked first, for so many seconds.
    std::vector<IpAddress> to_be_checked;
    std::uint32_t duplicate_check = 0;

    /// The MTU shall be what the kernel makes of the route to the other end, whatever that is.
    bool recompute_mtu = false;
    /// The order of IPv4 addresses of one subnet matters too: the first one is the primary.
    bool ordered = false;
};

/// Whether the link has to be up before it gets the address. The kernel makes the connected route
/// of an IPv6 address when that is added; when the link comes up it does so again, but not of one
/// that has a lifetime (addrconf_permanent_addr() in net/ipv6/addrconf.c).
bool needs_link_up(const Address& address);

/// The same where the others are asked first whether one has it, out of the link.
bool comes_after_up(const LinkTarget& want, const Address& address);

/// Whether the link becomes the port of a bridge, or of another one, or none any more: what the old
/// port had goes.
bool changes_bridge(const Link& have, const LinkTarget& want);

/// A record's key while a run is at work that may have switched this on for a moment.
inline constexpr const char* promotion_key = "promote_secondaries";

/// Whether a wanted IPv4 address is or will be a secondary of one that is not ours. It would go
/// with that, unless promote_secondaries is set.
bool is_behind_foreign(const Link& have, const LinkTarget& want);

/// The differences that only a new link can remove; empty when the target can be reached in place.
std::vector<Difference> impossible_in_place(const Link& have, const LinkTarget& want);

/// Makes the link from nothing, under `name`, with its forwarding database; it is down then.
std::vector<Step> build_steps(const LinkTarget& want, const std::string& name);
/// Gives the link under its real name its addresses, sets it up, and adds what the kernel takes
/// only on a link that is up.
std::vector<Step> raise_steps(const LinkTarget& want);

/// Removes what is surplus outside of the link, after adding what is missing there.
std::vector<Step> elsewhere_steps(const LinkTarget& want);

/// Changes a living link. Additions come before removals; the link keeps an IPv4 address and a
/// flood entry throughout if it has one before and after.
std::vector<Step> change_steps(const Link& have, const LinkTarget& want);

/// Everything of `link` that can be put back on a new one, as a target.
LinkTarget target_of(const Link& link);

} // namespace vxlanctl
