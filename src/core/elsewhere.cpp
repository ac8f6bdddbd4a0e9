#include "vxlanctl/elsewhere.h"

#include <algorithm>
#include <functional>

namespace vxlanctl {
namespace {

template<class T, class Equal> bool is_in(const std::vector<T>& list, const T& value, Equal equal) {
    return std::any_of(list.begin(), list.end(),
                       [&](const T& other) { return equal(other, value); });
}

template<class Attributes>
void add_stated_keys(std::set<std::string>& keys, std::span<const AttributeRow<Attributes>> rows,
                     const Attributes& attributes) {
    for (const auto& row : rows)
        if (is_stated(attributes, row)) keys.emplace(row.name);
}

} // namespace

std::uint32_t own_table(const Tunnel& tunnel, const State& state) {
    const Link* vrf = find_link(state, tunnel.link.vrf.value_or(""));
    return vrf != nullptr && vrf->vrf_table != 0 ? vrf->vrf_table : main_table;
}

std::vector<Route> stated_routes(const Tunnel& tunnel, const State& state) {
    auto routes = tunnel.routes.value_or(std::vector<Route>{});
    for (auto& route : routes) {
        if (route.table == 0) route.table = own_table(tunnel, state);
        if (route.dev == tunnel.name) route.dev.clear();
    }
    return routes;
}

Record record_of(const Tunnel& tunnel, const State& state) {
    Record record;
    add_stated_keys(record.keys, link_attributes(), tunnel.link);
    add_stated_keys(record.keys, tunnel_attributes(tunnel.tunnel.kind), tunnel.tunnel);
    record.addresses = tunnel.addresses.value_or(std::vector<Prefix>{});
    for (const auto& stated : stated_routes(tunnel, state)) { // what identifies it, no more
        Route route;
        route.to = stated.to;
        route.via = stated.via;
        route.dev = stated.dev;
        route.table = stated.table;
        route.metric = stated.metric;
        record.routes.push_back(std::move(route));
    }
    record.rules = tunnel.rules.value_or(std::vector<Rule>{});
    return record;
}

Claims claims_on(const Config& config, const State& state) {
    Claims claims = state.records;
    const auto key_of = [&](const std::string& name) {
        const Link* link = find_link(state, name);
        const auto mark =
            link != nullptr ? mark_of(link->attributes.alias.value_or("")) : std::optional<Mark>();
        return mark ? mark->id : name;
    };
    for (const auto& name : absent_links(config, state))
        claims.erase(key_of(name));
    for (const auto& tunnel : config.tunnels)
        if (tunnel.routes || tunnel.rules || claims.contains(key_of(tunnel.name)))
            claims[key_of(tunnel.name)] = record_of(tunnel, state);
    return claims;
}

void plan_elsewhere(LinkTarget& target, const std::vector<Route>& routes,
                    const std::vector<Rule>& rules, const Record& old, const State& state,
                    const Claims& claims) {
    const auto routes_of = [&](const Route& route) -> const std::vector<Route>& {
        static const std::vector<Route> none;
        const Link* link = find_link(state, route.dev);
        return link == nullptr ? none : link->routes;
    };
    for (const auto& route : routes)
        if (!route.dev.empty() && find_route(routes_of(route), route) == nullptr)
            target.missing_routes_elsewhere.push_back(route);
    for (const auto& rule : rules)
        if (find_rule(state.rules, rule) == nullptr) target.missing_rules.push_back(rule);

    const auto is_claimed = [&](auto list, const auto& value, auto equal) {
        return std::any_of(claims.begin(), claims.end(), [&](const auto& claim) {
            const auto& others = claim.second.*list;
            return std::any_of(others.begin(), others.end(),
                               [&](const auto& other) { return equal(other, value); });
        });
    };
    for (const auto& route : old.routes) {
        const Route* present = route.dev.empty() ? nullptr : find_route(routes_of(route), route);
        if (present == nullptr || is_claimed(&Record::routes, route, same_route)) continue;
        target.surplus_routes_elsewhere.push_back(*present);
        target.surplus_routes_elsewhere.back().dev = route.dev;
    }
    for (const auto& rule : old.rules) {
        const Rule* present = find_rule(state.rules, rule);
        if (present != nullptr &&
            !is_claimed(&Record::rules, *present,
                        [](const Rule& wish, const Rule& other) { return fulfils(other, wish); }))
            target.surplus_rules.push_back(*present);
    }
}

Needs needs_of(const Config& config, const State& state) {
    Needs needs;
    const auto record_behind = [&](const std::string& name) {
        const Link* link = find_link(state, name);
        const auto mark =
            link != nullptr ? mark_of(link->attributes.alias.value_or("")) : std::optional<Mark>();
        const auto found = mark ? state.records.find(mark->id) : state.records.end();
        return found == state.records.end() ? Record{} : found->second;
    };
    const auto look = [&](const std::string& name, const Record& wanted, const Record& old) {
        for (const Record* record : {&wanted, &old}) {
            for (const auto& route : record->routes)
                needs.links.insert(route.dev.empty() ? name : route.dev);
            needs.rules = needs.rules || !record->rules.empty();
        }
        for (const auto& route : old.routes)
            needs.all_records = needs.all_records ||
                                (!route.dev.empty() && !is_in(wanted.routes, route, same_route));
        for (const auto& rule : old.rules)
            needs.all_records = needs.all_records || !is_in(wanted.rules, rule, std::equal_to<>{});
    };
    for (const auto& tunnel : config.tunnels) {
        const Link* have = find_link(state, tunnel.name);
        for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
            needs.main_table = needs.main_table || have == nullptr || !has_address(*have, prefix);
        for (const auto& route : stated_routes(tunnel, state)) {
            const Link* out = route.dev.empty() ? have : find_link(state, route.dev);
            needs.main_table =
                needs.main_table || out == nullptr || find_route(out->routes, route) == nullptr;
        }
        look(tunnel.name, record_of(tunnel, state), record_behind(tunnel.name));
    }
    for (const auto& name : absent_links(config, state))
        look(name, {}, record_behind(name));
    return needs;
}

} // namespace vxlanctl
