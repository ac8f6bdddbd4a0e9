#include "vxlanctl/files/isatap.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/files/section_reader.h"
#include "vxlanctl/files/toml_lines.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::string_view isatap_keys[] = {"local",         "prefix", "routers",
                                            "default_route", "metric", "global_id"};
constexpr std::uint32_t default_router_metric = 1;

/// The /64 of an ISATAP link.
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

/// A router of a list, and how what it says was written.
struct NamedRouter {
    IsatapRouter router;
    std::optional<bool> default_route;
    const Written *element, *address, *default_route_value, *metric_value;
};

/// `{ address, prl_default, default_route, metric }`, or an address.
std::optional<NamedRouter> read_router(const Written& element, SectionReader& section) {
    const auto parse = [&](const std::string& text) {
        return parse_other_end(text, "router", TunnelKind::sit, section.tunnel().tunnel.local);
    };
    TableReader reader(element, section.errors());
    const bool is_table = element.type == Written::Type::table;
    if (is_table) reader.check_keys(element_keys("routers"));
    const std::size_t errors_before = section.errors().count();
    const auto where = [&](std::string_view key) {
        const Written* const value = reader.find(key);
        return value == nullptr ? &element : value;
    };
    NamedRouter named{{}, {}, &element, &element, where("default_route"), where("metric")};
    if (is_table) named.address = reader.required("address", "router");
    const auto address = is_table ? reader.read("address", named.address, parse)
                                  : reader.read("router", &element, parse, Expected::text_or_table);
    named.router.address = address.value_or(IpAddress{});
    named.router.prl_default = reader.read_boolean("prl_default").value_or(true);
    named.default_route = reader.read_boolean("default_route");
    named.router.metric = reader.read_positive("metric");
    return section.errors().count() == errors_before ? std::optional(named) : std::nullopt;
}

/// An error about a value; `in_file` is what a file calls it.
void refuse_value(Error error, const Written& value, std::string in_file,
                  const TextPosition& position, SourceErrors& errors) {
    error.subject =
        value.name.empty() ? std::move(in_file) : formatted("{} '{}'", value.name, value.text);
    errors.add(std::move(error), position);
}

std::optional<std::vector<NamedRouter>> read_routers(SectionReader& section) {
    const auto list = section.read_list(
        "routers", [&](const Written& element) { return read_router(element, section); });
    if (!list) return std::nullopt;
    const Written& value = *section.find("routers");
    if (value.elements.empty()) section.refuse(Error(Code::routers_empty), "routers", value);
    std::vector<IsatapRouter> routers;
    for (const auto& named : list->values)
        routers.push_back(named.router);
    for (auto& [index, error, earlier] : check_routers(routers))
        refuse_value(error, *list->values[index].address,
                     formatted("router {}", to_string(routers[index].address)),
                     list->written[index]->position, section.errors());
    return list->values;
}

/// Decides by which routers there are default routes, and with which metrics.
void give_default_routes(std::vector<NamedRouter>& routers, std::optional<bool> default_route,
                         std::optional<std::uint32_t> metric, SectionReader& section) {
    const auto first = std::find_if(routers.begin(), routers.end(), [](const NamedRouter& named) {
        return named.router.prl_default;
    });
    std::vector<NamedRouter*> by; // those with a default route
    for (auto& named : routers) {
        const bool is_first = first != routers.end() && &named == &*first;
        if (named.default_route.value_or(is_first && default_route != false))
            by.push_back(&named);
        else if (named.router.metric)
            section.refuse(Error(Code::metric_without_default_route), "metric",
                           *named.metric_value);
        if (default_route == false && named.default_route == true)
            section.refuse(Error(Code::contradicts_no_default_route), "default_route",
                           *named.default_route_value);
    }
    if (metric && (by.empty() || by.front()->router.metric))
        section.refuse(Error(by.empty() ? Code::metric_without_default_route
                                        : Code::first_router_has_a_metric),
                       "metric", *section.find("metric"));
    else if (metric)
        by.front()->router.metric = metric;
    std::vector<std::uint32_t> metrics;
    for (auto* const named : by) {
        named->router.metric = named->router.metric.value_or(default_router_metric);
        metrics.push_back(*named->router.metric);
    }
    for (auto& [index, error, earlier] : doubled<std::uint32_t>(metrics)) {
        const Written& value = *by[index]->metric_value;
        refuse_value(std::move(error).also(Code::metrics_must_differ), value,
                     formatted("metric {}", metrics[index]), value.position, section.errors());
    }
}

void read_isatap(SectionReader& section) {
    const std::size_t errors_before = section.errors().count();
    Tunnel& tunnel = section.tunnel();
    // The address and the next hops follow from the prefix.
    if (section.needed("prefix") == nullptr && section.scope() == SectionScope::changes) return;
    IsatapWish wish;
    wish.prefix =
        section.read("prefix", section.find("prefix"), parse_isatap_prefix).value_or(Prefix{});
    wish.global_id = section.read_boolean("global_id");
    const auto default_route = section.read_boolean("default_route");
    tunnel.overrides_default_route = default_route.value_or(false);
    const auto metric = section.read_positive("metric");
    auto routers = read_routers(section);
    if (section.errors().count() != errors_before) return; // else more would be told that follows
    if (routers) {
        give_default_routes(*routers, default_route, metric, section);
        if (section.errors().count() != errors_before) return;
        wish.routers.emplace();
        std::vector<const Written*> from;
        for (const auto& named : *routers) {
            wish.routers->push_back(named.router);
            if (named.router.metric) from.push_back(named.element);
        }
        section.add_first_routes(from);
    } else {
        const Error no_meaning(Code::means_nothing_without, "", {{"key", "routers"}});
        if (metric) section.refuse(no_meaning, "metric", *section.find("metric"));
        if (default_route == false)
            section.refuse(no_meaning, "default_route", *section.find("default_route"));
    }
    tunnel.automatic.global_id = wish.global_id;
    for (const auto& router : wish.routers.value_or(std::vector<IsatapRouter>{}))
        tunnel.automatic.towards.push_back(router.address);
    if (tunnel.tunnel.local) state_isatap(tunnel, std::move(wish));
}

void state_isatap_defaults(Tunnel& tunnel) {
    tunnel.tunnel.isatap = true;
    tunnel.tunnel.remote = IpAddress{Family::ipv4, {}};
    tunnel.overrides_default_route = false;
}

/// An ISATAP link taken apart into what it follows from.
struct IsatapParts {
    IsatapWish wish;
    std::size_t derived_routes = 0; ///< so many of the first routes follow
};

/// By which of the routers the route is the default route that follows; null if by none.
const PrlEntry* router_of(const Route& route, const std::vector<PrlEntry>& routers,
                          const IsatapWish& wish) {
    const auto found = std::find_if(routers.begin(), routers.end(), [&](const PrlEntry& entry) {
        Route derived;
        derived.to = {IpAddress{Family::ipv6, {}}, 0};
        derived.via = isatap_address(wish.prefix, entry.router, wish.global_id);
        derived.table = 0;
        derived.metric = route.metric;
        return same_route(route, derived) && route.metric > 0;
    });
    return found == routers.end() ? nullptr : &*found;
}

/// The routers in an order in which their default routes come as the tunnel's first routes do.
IsatapParts with_routers(const Tunnel& tunnel, IsatapWish wish) {
    IsatapParts parts{std::move(wish), 0};
    if (!tunnel.routers || tunnel.routers->empty()) return parts;
    std::vector<IsatapRouter> routers;
    const auto is_named = [&](const PrlEntry& entry) {
        return std::any_of(routers.begin(), routers.end(), [&](const IsatapRouter& router) {
            return router.address == entry.router;
        });
    };
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{})) {
        const PrlEntry* const entry = router_of(route, *tunnel.routers, parts.wish);
        const bool is_new = entry != nullptr && !is_named(*entry) &&
                            std::none_of(routers.begin(), routers.end(), [&](const auto& router) {
                                return router.metric == route.metric;
                            });
        if (!is_new) break;
        routers.push_back({entry->router, entry->is_default, route.metric});
        ++parts.derived_routes;
    }
    for (const auto& entry : *tunnel.routers)
        if (!is_named(entry)) routers.push_back({entry.router, entry.is_default, std::nullopt});
    parts.wish.routers = std::move(routers);
    return parts;
}

/// Empty where no address is one that ISATAP makes of LOCAL.
std::optional<IsatapParts> parts_of(const Tunnel& tunnel) {
    std::optional<IsatapParts> best;
    if (!tunnel.tunnel.local || tunnel.tunnel.local->family != Family::ipv4) return best;
    for (const auto& address : tunnel.addresses.value_or(std::vector<Prefix>{}))
        for (const auto global :
             {std::optional<bool>(), std::optional(true), std::optional(false)}) {
            const Prefix prefix = network_of(address);
            if (!parse_isatap_prefix(to_string(prefix)) ||
                isatap_address(prefix, *tunnel.tunnel.local, global) != address.address)
                continue;
            auto parts = with_routers(tunnel, {prefix, global, std::nullopt});
            // The identifiers of the routers tell which it was, if that of LOCAL does not.
            if (!best || parts.derived_routes > best->derived_routes) best = std::move(parts);
        }
    return best;
}

std::string router_text(const IsatapRouter& router, bool has_route_by_default) {
    TomlPairs pairs{{"address", in_quotes(to_string(router.address))}};
    if (!router.prl_default) pairs.emplace_back("prl_default", "false");
    if (router.metric.has_value() != has_route_by_default)
        pairs.emplace_back("default_route", router.metric ? "true" : "false");
    if (router.metric && router.metric != default_router_metric)
        pairs.emplace_back("metric", std::to_string(*router.metric));
    return pairs.size() == 1 ? pairs[0].second : inline_table(pairs);
}

/// The keys of an ISATAP link; the routes that follow from them are taken out of `tunnel`.
std::string isatap_lines(Tunnel& tunnel) {
    const auto parts = parts_of(tunnel);
    if (!parts) return ""; // the comments will tell
    const auto& [wish, derived_routes] = *parts;
    std::string text = line_of("prefix", in_quotes(to_string(wish.prefix)));
    if (wish.global_id) text += line_of("global_id", *wish.global_id ? "true" : "false");
    if (tunnel.overrides_default_route) text += line_of("default_route", "true");
    if (!wish.routers) return text;
    const bool no_routes = derived_routes == 0 && !tunnel.overrides_default_route &&
                           std::any_of(wish.routers->begin(), wish.routers->end(),
                                       [](const auto& router) { return router.prl_default; });
    if (no_routes) text += line_of("default_route", "false");
    bool may_be_first = !no_routes;
    text += list_of("routers", texts_of(*wish.routers, [&](const IsatapRouter& router) {
                        const bool is_first = may_be_first && router.prl_default;
                        may_be_first = may_be_first && !is_first;
                        return router_text(router, is_first);
                    }));
    if (tunnel.routes) {
        auto& routes = *tunnel.routes;
        routes.erase(routes.begin(), routes.begin() + static_cast<std::ptrdiff_t>(derived_routes));
        if (routes.empty()) tunnel.routes.reset(); // `routers` states that there are no others
    }
    return text;
}

} // namespace

std::vector<BadElement> check_routers(std::span<const IsatapRouter> routers) {
    return doubled(routers, [](const IsatapRouter& router) { return router.address; });
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

constinit const SectionKind isatap_section{
    TunnelKind::sit, "isatap", isatap_keys,           Family::ipv4, Code::isatap_needs_ipv4,
    Family::ipv6,    "sit1",   state_isatap_defaults, read_isatap,  isatap_lines};

} // namespace vxlanctl
