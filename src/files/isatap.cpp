#include "vxlanctl/files/isatap.h"

#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {

Result<Prefix> parse_isatap_prefix(std::string_view text) {
    auto prefix = parse_prefix(text);
    if (!prefix) return prefix;
    const auto refuse = [&](Code code, Values values = {}) {
        return error(code, quote(text), std::move(values));
    };
    if (prefix->address.family != Family::ipv6) return refuse(Code::not_an_ipv6_prefix);
    if (prefix->length != 64) return refuse(Code::isatap_prefix_length);
    if (network_of(*prefix) != *prefix)
        return refuse(Code::host_bits_set, {{"network", to_string(network_of(*prefix))}});
    if (is_multicast(prefix->address) || is_link_local(prefix->address) ||
        is_unspecified(prefix->address))
        return refuse(Code::prefix_not_for_addresses);
    return prefix;
}

Result<IpAddress> parse_router(std::string_view text, const std::optional<IpAddress>& local) {
    auto router = parse_other_end(text, "router");
    if (!router) return router;
    const std::string subject = formatted("'{}'", text);
    if (router->family != Family::ipv4) return error(Code::isatap_needs_ipv4, subject);
    if (*router == local) return error(Code::address_is_local, subject);
    return router;
}

std::vector<BadElement> check_routers(std::span<const IsatapRouter> routers) {
    return doubled(routers, [](const IsatapRouter& router) { return router.address; });
}

std::vector<BadElement> check_metrics(std::span<const std::uint32_t> metrics) {
    auto bad = doubled(metrics, [](std::uint32_t metric) { return metric; });
    for (auto& one : bad)
        one.error.more.emplace_back(Code::metrics_must_differ);
    return bad;
}

void state_isatap(Tunnel& tunnel, IsatapWish wish) {
    tunnel.addresses = {
        {isatap_address(wish.prefix, tunnel.tunnel.local.value(), wish.global_id), 64}};
    if (!wish.routers) return;
    tunnel.routers.emplace();
    std::vector<Route> routes;
    for (const auto& router : *wish.routers) {
        tunnel.routers->push_back({router.address, router.prl_default});
        if (!router.metric) continue;
        Route route;
        route.to = {IpAddress{Family::ipv6, {}}, 0};
        route.via = isatap_address(wish.prefix, router.address, wish.global_id);
        route.table = 0;
        route.metric = *router.metric;
        route.protocol = our_protocol;
        routes.push_back(std::move(route));
    }
    std::sort(tunnel.routers->begin(), tunnel.routers->end());
    if (!tunnel.routes) tunnel.routes.emplace();
    tunnel.routes->insert(tunnel.routes->begin(), routes.begin(), routes.end());
}

} // namespace vxlanctl
