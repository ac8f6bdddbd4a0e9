#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/inside.h"
#include "vxlanctl/doctor/remedies.h"

#include <algorithm>
#include <linux/rtnetlink.h>

/// The routers of an ISATAP link.
namespace vxlanctl {
namespace {

bool is_isatap(const Examined& it) {
    return it.link.tunnel.isatap.value_or(false);
}

bool is_default_of_ipv6(const Prefix& to) {
    return to == Prefix{IpAddress{Family::ipv6, {}}, 0};
}

bool has_lost_default(const Examined& it) {
    return std::any_of(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel == it.link.name && loss.inside && loss.to &&
               is_default_of_ipv6(*loss.to);
    });
}

/// Those out of the link itself.
std::vector<Route> default_routes(const std::vector<Route>& routes) {
    std::vector<Route> found;
    for (const auto& route : routes)
        if (is_default_of_ipv6(route.to) && route.dev.empty() && route.type == RTN_UNICAST)
            found.push_back(route);
    return found;
}

/// The ISATAP address of the router that the kernel prefers.
std::optional<IpAddress> next_hop(const Link& link) {
    std::optional<IpAddress> hop;
    for (const auto& address : link.addresses)
        if (!is_automatic(address) && embedded_ipv4(address.prefix.address) && !hop)
            for (const auto& entry : link.routers)
                if (!hop || entry.is_default)
                    hop = isatap_address(network_of({address.prefix.address, 64}), entry.router,
                                         address.prefix.address.bytes[8] != 0);
    return hop;
}

} // namespace

void check_routers(Check& check, const Examined& it) {
    if (!is_isatap(it)) return;
    const auto& routers = it.link.routers;
    const std::string prl = formatted("ip tunnel prl dev {}", shell_quoted(it.link.name));
    Remedy remedy = Remedy::to_look("vxlanctl isatap up --help");
    const auto& meant = has_lost_default(it) ? it.record->routes : it.link.routes.list();
    for (const auto& route : default_routes(meant)) {
        const auto router = route.via ? embedded_ipv4(*route.via) : std::nullopt;
        if (!router) continue;
        const std::string address = to_string(*router);
        const std::string addition = formatted("{} prl-default {}", prl, address);
        if (routers.empty()) {
            remedy = addition;
            continue;
        }
        const auto entry = std::find_if(routers.begin(), routers.end(), [&](const PrlEntry& known) {
            return known.router == *router;
        });
        if (entry == routers.end())
            check.fail(Code::router_not_in_prl, {{"router", address}}, addition);
        else if (!entry->is_default)
            check.warn(Code::router_not_default, {{"router", address}},
                       formatted("{} prl-delete {} && {}", prl, address, addition));
    }
    if (routers.empty()) check.fail(Code::routers_missing, {}, remedy);
    std::vector<std::string> names;
    for (const auto& entry : routers)
        names.push_back(to_string(entry.router));
    check.pass(Code::routers_there, {{"routers", first_of(names)}});
}

void check_default_route(Check& check, const Examined& it) {
    if (!is_isatap(it) || !is_good(it, check_link) || has_lost_default(it)) return;
    const auto routes = default_routes(it.link.routes.list());
    const auto hop = next_hop(it.link);
    for (const auto& route : routes) {
        if (route.via && embedded_ipv4(*route.via)) {
            check.pass(Code::default_route_there, {{"gateway", to_string(*route.via)}});
            continue;
        }
        Route better = route;
        better.via = hop;
        check.fail(route.via ? Code::next_hop_wrong : Code::next_hop_missing,
                   {{"gateway", route.via ? to_string(*route.via) : ""}},
                   hop ? Remedy(route_command("replace", better, it.link.name)) : Remedy());
    }
    if (!routes.empty()) return;
    for (const auto& route : it.state.routes)
        if (is_default_of_ipv6(route.to))
            return check.pass(Code::default_route_elsewhere, {{"interface", route.dev}});
    Route missing;
    missing.to = {IpAddress{Family::ipv6, {}}, 0};
    missing.via = hop;
    missing.metric = 1;
    check.warn(Code::default_route_missing, {},
               hop ? route_command("add", missing, it.link.name) : "");
}

} // namespace vxlanctl
