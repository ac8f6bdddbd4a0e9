#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/// Whether what is inside is reached through the tunnel.
namespace vxlanctl {
namespace {

/// Whether somebody with that address has answered in the tunnel.
bool has_answered(const Examined& it, const IpAddress& address) {
    const auto* neighbour = find_neighbour(it.tunnel.neighbours, address);
    return neighbour != nullptr && neighbour->mac && !is_silent(*neighbour);
}

bool is_heard(const Examined& it, const IpAddress& address) {
    return it.tunnel.probe && is_in(it.tunnel.probe->heard, address);
}

/// Whether the route takes all of an inner prefix.
bool takes_whole_prefix(const Examined& it, const RouteFact& way) {
    return std::any_of(
        it.link.addresses.begin(), it.link.addresses.end(), [&](const Address& address) {
            return contains(address.prefix, way.to) && way.by.length <= address.prefix.length;
        });
}

bool leads_inside(const Examined& it, const RouteFact& way) {
    return way.dev == it.link.name || way.dev == it.link.attributes.vrf.value_or("") ||
           (way.dev.empty() && way.code == 0);
}

bool is_port(const Examined& it) {
    return !it.link.attributes.master.value_or("").empty();
}

void judge_ways(Check& check, const Examined& it) {
    for (const auto& way : it.tunnel.inner) {
        if (leads_inside(it, way)) continue;
        if (!has_answered(it, way.to) && !is_heard(it, way.to) && !takes_whole_prefix(it, way))
            continue;
        const Values values{
            {"address", to_string(way.to)}, {"interface", way.dev}, {"route", to_string(way.by)}};
        check.fail(way.code != 0 || way.dev.empty() ? Code::inside_unreachable
                                                    : Code::inside_leaves_elsewhere,
                   values, remedy_of_astray(it, way));
    }
}

/// That no packet would ever be sent into the tunnel.
void judge_routes(Check& check, const Examined& it) {
    const bool has_address =
        std::any_of(it.link.addresses.begin(), it.link.addresses.end(),
                    [](const Address& address) { return !is_automatic(address); });
    const bool has_route =
        std::any_of(it.link.routes.begin(), it.link.routes.end(), [](const Route& route) {
            return route.type == RTN_UNICAST && !is_link_local(route.to.address) &&
                   !is_multicast(route.to.address);
        });
    if (has_address && !has_route && it.link.tunnel.kind == TunnelKind::vxlan)
        check.fail(Code::inside_no_route,
                   {{"address", to_string(it.link.addresses.front().prefix)}});
}

} // namespace

void check_inside(Check& check, const Examined& it) {
    if (!is_good(it, check_link) || !it.signs.empty() || is_port(it) ||
        has_failed(it, check_settings))
        return;
    for (const auto& address : it.link.addresses)
        if ((address.flags & IFA_F_DADFAILED) != 0)
            check.fail(Code::address_duplicate, {{"address", to_string(address.prefix)}});
    judge_routes(check, it);
    judge_ways(check, it);
    // arp_ignore() in net/ipv4/arp.c: from 3 on it depends on the scope, 8 is never.
    if (policy_of(it.facts, it.link.name).arp_ignore == 8)
        check.fail(Code::answers_no_arp, {{"interface", it.link.name}},
                   sysctl_command(it.link.name, "arp_ignore", 0));
    check.pass(Code::inside_reached);
}

} // namespace vxlanctl
