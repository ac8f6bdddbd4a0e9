#include "vxlanctl/doctor/lost_settings.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/remedies.h"

namespace vxlanctl {
namespace {

/// A device that is down keeps neither routes nor IPv6 addresses.
std::string up_before(const Link* link) {
    return link == nullptr || link->attributes.up.value_or(false) ? ""
                                                                  : up_command(link->name) + " && ";
}

Loss lost_address(const Prefix& prefix, const Link& link) {
    return {link.name,
            Message(Code::address_gone, "", {{"address", to_string(prefix)}}),
            up_before(&link) +
                formatted("ip addr add {} dev {}", to_string(prefix), shell_quoted(link.name)),
            {},
            network_of(prefix),
            true,
            prefix.address};
}

Loss lost_route(const Route& route, const std::string& tunnel, const Link* out) {
    const bool is_taken = out != nullptr && !out->routes.beside(route).empty();
    return {tunnel,
            Message(is_taken ? Code::route_replaced : Code::route_gone, "",
                    {{"route",
                      to_string(route.to) + (route.via ? " via " + to_string(*route.via) : "")}}),
            up_before(out) + route_command(is_taken ? "replace" : "add", route,
                                           route.dev.empty() ? tunnel : route.dev),
            {},
            route.to,
            route.dev.empty()};
}

} // namespace

bool concerns(const Loss& loss, const IpAddress& to, const std::optional<IpAddress>& from) {
    return (!loss.to || contains(*loss.to, to)) &&
           (!loss.from || (from && contains(*loss.from, *from)));
}

std::vector<Loss> lost_settings(const Link& link, const Record& known, const State& state) {
    std::vector<Loss> lost;
    for (const auto& prefix : known.addresses) // before the routes by gateways that it leads to
        if (!has_address(link, prefix)) lost.push_back(lost_address(prefix, link));
    for (const auto& route : known.routes) {
        const Link* out = route.dev.empty() ? &link : find_link(state, route.dev);
        if (out == nullptr || find_route(out->routes, route) == nullptr)
            lost.push_back(lost_route(route, link.name, out));
    }
    for (const auto& rule : known.rules)
        if (find_rule(state.rules, rule) == nullptr)
            lost.push_back({link.name, Message(Code::rule_gone, "", {{"table", rule.table}}),
                            rule_command(rule), rule.from, rule.to, false});
    return lost;
}

std::vector<Loss> all_lost_settings(const State& state) {
    std::vector<Loss> lost;
    for (const auto& link : state.links)
        if (const Record* known = find_record(state, &link); known != nullptr && !is_leftover(link))
            append(lost, lost_settings(link, *known, state));
    return lost;
}

} // namespace vxlanctl
