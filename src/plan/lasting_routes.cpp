#include "vxlanctl/plan/lasting_routes.h"

#include "vxlanctl/base/lists.h"

#include <algorithm>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// A gateway is reachable only by an address in its subnet, unless the route says it is on the
/// link.
bool needs_address(const Route& route) {
    return route.via && (route.flags & RTNH_F_ONLINK) == 0;
}

} // namespace

bool is_ipv4(const Address& address) {
    return address.prefix.address.family == Family::ipv4;
}

bool loses_ipv4(const Link& have, const LinkTarget& want) {
    const auto stays = [&](const Address& address) {
        return is_ipv4(address) && !is_among(want.surplus_addresses, address);
    };
    return std::any_of(have.addresses.begin(), have.addresses.end(), is_ipv4) &&
           std::none_of(have.addresses.begin(), have.addresses.end(), stays) &&
           std::none_of(want.addresses.begin(), want.addresses.end(), is_ipv4);
}

bool is_ipv4_route(const Route& route) {
    return route.to.address.family == Family::ipv4;
}

std::vector<Route> surviving_routes(const Link& have, const LinkTarget& want) {
    std::vector<Route> routes = want.routes;
    const Routes surplus(want.surplus_routes);
    for (const auto& route : have.routes)
        if (is_restorable(route) && !needs_address(route) && !surplus.contains(route))
            routes.push_back(route);
    std::sort(routes.begin(), routes.end());
    routes.erase(std::unique(routes.begin(), routes.end()), routes.end());
    return routes;
}

std::vector<Route> lost_routes(const Link& have, const LinkTarget& want) {
    std::vector<Route> lost;
    const bool all_go = loses_ipv4(have, want);
    for (const auto& route : have.routes) {
        const bool without_source = std::any_of(
            want.surplus_addresses.begin(), want.surplus_addresses.end(),
            [&](const Address& address) { return address.prefix.address == route.source; });
        if (is_restorable(route) && is_ipv4_route(route) &&
            (without_source || (needs_address(route) && all_go)))
            lost.push_back(route);
    }
    return lost;
}

bool can_be_added(const Route& route, const std::vector<Address>& addresses,
                  const std::vector<Route>& others) {
    const bool has_source =
        !route.source ||
        std::any_of(addresses.begin(), addresses.end(), [&](const Address& address) {
            return address.prefix.address == *route.source;
        });
    if (!needs_address(route) || is_link_local(*route.via)) return has_source;
    const bool reaches_gateway =
        std::any_of(addresses.begin(), addresses.end(),
                    [&](const Address& address) { return contains(address.prefix, *route.via); }) ||
        std::any_of(others.begin(), others.end(), [&](const Route& other) {
            return !other.via && contains(other.to, *route.via);
        });
    return has_source && reaches_gateway;
}

bool loses_source(const Route& route, const std::vector<Address>& addresses,
                  std::uint32_t vrf_table) {
    return is_ipv4_route(route) && route.source && vrf_table != 0 && route.table != vrf_table &&
           std::any_of(addresses.begin(), addresses.end(), [&](const Address& address) {
               return address.prefix.address == *route.source;
           });
}

bool is_automatic(const Route& route) {
    return route.protocol == RTPROT_KERNEL || route.protocol == RTPROT_REDIRECT ||
           route.protocol == RTPROT_RA;
}

bool is_restorable(const Route& route) {
    return !is_automatic(route) && !route.multipath && !route.expires;
}

std::vector<Route> unrestorable_routes(const Link& link) {
    std::vector<Route> routes;
    for (const auto& route : link.routes) {
        if (is_automatic(route) || is_restorable(route)) continue;
        // Of several next hops out of the link each one was read as a route.
        if (routes.empty() || !same_route_key(routes.back(), route)) routes.push_back(route);
    }
    return routes;
}

} // namespace vxlanctl
