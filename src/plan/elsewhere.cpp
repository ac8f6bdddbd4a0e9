#include "vxlanctl/plan/elsewhere.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/ownership.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace vxlanctl {
namespace {

/// Whether what is stated is there already, and neither we nor another tunnel made it. For that our
/// protocol number is enough of a sign: it is taken away on the word of a record alone.
template<class T> bool is_of_others(const T* present, bool is_recorded) {
    return present != nullptr && present->protocol != our_protocol && !is_recorded;
}

bool has_same(const Routes& routes, const Route& wanted) {
    const auto others = routes.beside(wanted);
    return std::any_of(others.begin(), others.end(),
                       [&](const Route* other) { return same_route(*other, wanted); });
}

/// The routes to the subnets of those addresses that the link has.
void need_connected(Needs& needs, const Link& have, const std::vector<Prefix>& wanted,
                    std::uint32_t table) {
    for (const auto& address : have.addresses)
        if (is_in(wanted, address.prefix, std::equal_to<>{}))
            if (auto route = connected_route(address, table)) {
                route->dev = have.name;
                needs.connected.push_back(std::move(*route));
            }
}

/// Whether anything stated or recorded is compared with what the namespace says of all links.
bool concerns_settings(const LinkAttributes& stated, const Record& record) {
    return stated.rp_filter || stated.forward || record.keys.contains("rp_filter") ||
           record.keys.contains("forward");
}

} // namespace

bool forwards(const std::string& device, const State& state) {
    const Link* link = find_link(state, device);
    return link != nullptr && link->attributes.forward.value_or(false);
}

const Routes& routes_out_of(const std::string& name, const State& state) {
    static const Routes none;
    const Link* link = find_link(state, name);
    return link == nullptr ? none : link->routes;
}

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

const Route* find_own_route(const Routes& routes, const Route& recorded) {
    const Route* route = find_route(routes, recorded);
    if (route == nullptr)
        if (const auto others = routes.beside(recorded); !others.empty()) route = others.front();
    return route != nullptr && is_restorable(*route) ? route : nullptr;
}

namespace {

/// What is on no link, and whose it is, of what record_of() says.
Record claim_of(const Tunnel& tunnel, const State& state) {
    Record record;
    record.interface = {tunnel.name, std::string(kind_of(tunnel.tunnel.kind).name), 0};
    const Record* old = find_record(state, find_link(state, tunnel.name));
    const auto is_recorded = [&](auto list, const auto& wanted, auto equal) {
        return old != nullptr && is_in(old->*list, wanted, equal);
    };
    const Routes recorded = old != nullptr ? Routes(old->routes) : Routes();
    for (const auto& stated : stated_routes(tunnel, state)) { // what identifies it, no more
        if (!stated.dev.empty() &&
            is_of_others(find_route(routes_out_of(stated.dev, state), stated),
                         has_same(recorded, stated)))
            continue;
        Route route;
        route.to = stated.to;
        route.via = stated.via;
        route.dev = stated.dev;
        route.table = stated.table;
        route.metric = stated.metric;
        record.routes.push_back(std::move(route));
    }
    for (const auto& rule : tunnel.rules.value_or(std::vector<Rule>{}))
        if (!is_of_others(find_rule(state.rules, rule),
                          is_recorded(&Record::rules, rule, std::equal_to<>{})))
            record.rules.push_back(rule);
    const auto made_forward = [&](const std::string& device) {
        const auto claims = [&](const auto& other) {
            return is_in(other.second.forward_from, device, std::equal_to<>{});
        };
        return state.forwarding_is_ours.contains(device) ||
               std::any_of(state.records.begin(), state.records.end(), claims) ||
               std::any_of(state.orphans.begin(), state.orphans.end(), claims);
    };
    for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
        if (!forwards(device, state) || made_forward(device)) record.forward_from.push_back(device);
    return record;
}

/// The same of a record: thousands of peers are not copied.
Record claim_of(const Record& record) {
    Record claim;
    claim.interface = record.interface;
    claim.routes = record.routes;
    claim.rules = record.rules;
    claim.forward_from = record.forward_from;
    const auto forward = record.values.find("forward");
    if (forward != record.values.end() && forward->second == "yes")
        claim.forward_from.push_back(record.interface.name);
    return claim;
}

} // namespace

Record record_of(const Tunnel& tunnel, const State& state) {
    Record record = claim_of(tunnel, state);
    record.values = stated_values(tunnel);
    for (const auto& [key, value] : record.values)
        record.keys.insert(key);
    if (tunnel.peers) record.keys.emplace(peers_key);
    record.source = tunnel.source;
    record.addresses = tunnel.addresses.value_or(std::vector<Prefix>{});
    return record;
}

Record with_peers(Record record, const Tunnel& tunnel, const State& state) {
    if (!tunnel.peers) return record;
    record.peers = peers_text(*tunnel.peers);
    for (const auto& named : tunnel.peer_names)
        if (std::binary_search(tunnel.peers->begin(), tunnel.peers->end(), named.first))
            record.peer_names.insert(named);
    // Those of a name without an address at the moment stay, and stay ours.
    if (!tunnel.unresolved.empty())
        if (const Record* old = find_record(state, find_link(state, tunnel.name))) {
            record.peers = united_peers(record.peers, old->peers);
            record.peer_names.insert(old->peer_names.begin(), old->peer_names.end());
        }
    return record;
}

Claims::Claims(std::map<std::string, Record> records) : records_(std::move(records)) {
    for (const auto& [id, record] : records_)
        for (const auto& route : record.routes)
            if (!route.dev.empty()) routes_.push_back(route);
}

bool Claims::include(const Route& present, const std::string& dev) const {
    const auto claimed = routes_.beside(present);
    return std::any_of(claimed.begin(), claimed.end(), [&](const Route* route) {
        return route->dev == dev && same_route_anywhere(*route, present);
    });
}

Claims claims_on(const Config& config, const State& state, const std::set<std::string>& staying) {
    std::map<std::string, Record> claims;
    for (const auto& [id, record] : state.records)
        claims.emplace_hint(claims.end(), id, claim_of(record));
    const auto key_of = [&](const std::string& name) {
        const Link* link = find_link(state, name);
        if (link == nullptr) link = state.vanished.find(name); // its own claim, not another's
        const auto mark =
            link != nullptr ? mark_of(link->attributes.alias.value_or("")) : std::optional<Mark>();
        return mark ? mark->id : name;
    };
    for (const auto& name : absent_links(config, state))
        claims.erase(key_of(name));
    for (const auto& tunnel : config.tunnels)
        if (!staying.contains(tunnel.name) &&
            (tunnel.routes || tunnel.rules || tunnel.forward_from || tunnel.link.forward ||
             claims.contains(key_of(tunnel.name)))) {
            Record& claim = claims[key_of(tunnel.name)] = claim_of(tunnel, state);
            if (tunnel.link.forward == true) claim.forward_from.push_back(tunnel.name);
        }
    return claims;
}

Elsewhere stated_elsewhere(const Tunnel& tunnel, const State& state) {
    return {stated_routes(tunnel, state), tunnel.rules.value_or(std::vector<Rule>{}),
            tunnel.forward_from.value_or(std::vector<std::string>{})};
}

void plan_elsewhere(LinkTarget& target, const Elsewhere& stated, const Record& old,
                    const State& state, const Claims& claims) {
    for (const auto& route : stated.routes)
        if (!route.dev.empty() && find_route(routes_out_of(route.dev, state), route) == nullptr)
            target.missing_routes_elsewhere.push_back(route);
    for (const auto& rule : stated.rules)
        if (find_rule(state.rules, rule) == nullptr) target.missing_rules.push_back(rule);
    for (const auto& device : stated.forward_from)
        if (!forwards(device, state)) target.missing_forwarding.push_back(device);

    const auto any_claims = [&](auto list, auto claims_it) {
        const auto& records = claims.records();
        return std::any_of(records.begin(), records.end(), [&](const auto& claim) {
            const auto& claimed = claim.second.*list;
            return std::any_of(claimed.begin(), claimed.end(), claims_it);
        });
    };
    for (const auto& route : old.routes) {
        const Route* present =
            route.dev.empty() ? nullptr : find_own_route(routes_out_of(route.dev, state), route);
        if (present == nullptr || claims.include(*present, route.dev)) continue;
        target.surplus_routes_elsewhere.push_back(*present);
        target.surplus_routes_elsewhere.back().dev = route.dev;
    }
    // A rule whose priority was left to the kernel is there once more for each tunnel that states a
    // priority: each claim needs one of ours that fulfils it, not all of them. Those of others do
    // not count, since they may go at any time.
    std::vector<Rule> staying = state.rules;
    std::erase_if(staying, [](const Rule& rule) { return rule.protocol != our_protocol; });
    for (const auto& rule : old.rules) {
        const auto is_surplus = [&](const Rule& present) {
            return fulfils(present, rule) && !any_claims(&Record::rules, [&](const Rule& claimed) {
                       const auto fulfilling = [&](const Rule& other) {
                           return fulfils(other, claimed);
                       };
                       return fulfils(present, claimed) &&
                              std::count_if(staying.begin(), staying.end(), fulfilling) == 1;
                   });
        };
        const auto surplus = std::find_if(staying.begin(), staying.end(), is_surplus);
        if (surplus == staying.end()) continue;
        target.surplus_rules.push_back(*surplus);
        staying.erase(surplus);
    }
    const bool all_forward = state.settings.of_new_links.forward.value_or(false);
    for (const auto& device : old.forward_from) // back to what all links have
        if (forwards(device, state) && !all_forward &&
            !any_claims(&Record::forward_from,
                        [&](const std::string& claimed) { return claimed == device; }))
            target.surplus_forwarding.push_back(device);
}

std::vector<Route> leaving_routes(const std::vector<Route>& stated, const State& state,
                                  const Claims& claims) {
    // Out of the tunnel itself a record's route names no device.
    const auto is_of = [](const Record& record, const Route& present) {
        return std::any_of(record.routes.begin(), record.routes.end(), [&](const Route& route) {
            return (route.dev.empty() ? record.interface.name : route.dev) == present.dev &&
                   same_route_anywhere(route, present);
        });
    };
    const auto any_of = [&](const std::map<std::string, Record>& records, const Route& present) {
        return std::any_of(records.begin(), records.end(),
                           [&](const auto& known) { return is_of(known.second, present); });
    };
    std::vector<Route> leaving;
    for (const auto& route : stated)
        for (const Route* present : state.routes.beside(route))
            if (present->protocol == our_protocol && any_of(state.records, *present) &&
                !any_of(claims.records(), *present))
                leaving.push_back(*present);
    return leaving;
}

bool gives_up(const Record& older, const Record& newer) {
    const Routes kept_routes(newer.routes);
    const auto lacks = [&](auto list, auto equal) {
        const auto& kept = newer.*list;
        return std::any_of((older.*list).begin(), (older.*list).end(),
                           [&](const auto& element) { return !is_in(kept, element, equal); });
    };
    return std::any_of(older.routes.begin(), older.routes.end(),
                       [&](const Route& route) { return !has_same(kept_routes, route); }) ||
           lacks(&Record::rules, std::equal_to<>{}) ||
           lacks(&Record::forward_from, std::equal_to<>{});
}

Record with_elsewhere(Record newer, const Record& older) {
    const Routes kept(newer.routes);
    std::copy_if(older.routes.begin(), older.routes.end(), std::back_inserter(newer.routes),
                 [&](const Route& route) { return !route.dev.empty() && !has_same(kept, route); });
    for (const auto& rule : older.rules)
        if (!is_in(newer.rules, rule, std::equal_to<>{})) newer.rules.push_back(rule);
    for (const auto& device : older.forward_from)
        if (!is_in(newer.forward_from, device, std::equal_to<>{}))
            newer.forward_from.push_back(device);
    return newer;
}

void add_to_release(Needs& needs, const Record& record) {
    needs.rules = needs.settings = needs.all_records = true;
    needs.devices.insert(record.forward_from.begin(), record.forward_from.end());
    for (const auto& route : record.routes)
        if (!route.dev.empty()) {
            needs.links.insert(route.dev);
            needs.routes.push_back(route);
        }
}

Needs needs_to_release(const Record& record) {
    Needs needs;
    add_to_release(needs, record);
    needs.routes.clear(); // all of these links
    return needs;
}

Needs needs_of(const Config& config, const State& state) {
    Needs needs;
    const auto record_behind = [&](const std::string& name) -> const Record* {
        static const Record none;
        const Record* record = find_record(state, find_link(state, name));
        return record == nullptr ? &none : record;
    };
    const auto look = [&](const std::string& name, const Record& wanted, const Record& old) {
        for (const Record* record : {&wanted, &old}) {
            for (auto route : record->routes) {
                if (route.dev.empty()) route.dev = name;
                needs.links.insert(route.dev);
                needs.routes.push_back(std::move(route));
            }
            needs.rules = needs.rules || !record->rules.empty();
            needs.devices.insert(record->forward_from.begin(), record->forward_from.end());
        }
        const Routes wanted_routes(wanted.routes);
        for (const auto& route : old.routes)
            needs.all_records =
                needs.all_records || (!route.dev.empty() && !has_same(wanted_routes, route));
        for (const auto& rule : old.rules)
            needs.all_records = needs.all_records || !is_in(wanted.rules, rule, std::equal_to<>{});
        for (const auto& device : old.forward_from) {
            const bool goes = !is_in(wanted.forward_from, device, std::equal_to<>{});
            needs.all_records = needs.all_records || goes;
            needs.settings = needs.settings || goes;
        }
    };
    for (const auto& tunnel : config.tunnels) {
        const Link* have = find_link(state, tunnel.name);
        for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
            if (have == nullptr || !has_address(*have, prefix)) needs.tables.insert(main_table);
        if (have != nullptr && have->attributes.up.value_or(false) && tunnel.addresses)
            need_connected(needs, *have, *tunnel.addresses, // the master may be a VRF
                           have->master_index == 0 || tunnel.link.vrf ? own_table(tunnel, state)
                                                                      : 0);
        for (const auto& route : stated_routes(tunnel, state)) {
            const Link* out = route.dev.empty() ? have : find_link(state, route.dev);
            if (out == nullptr || find_route(out->routes, route) == nullptr)
                needs.tables.insert(route.table);
        }
        const Record& old = *record_behind(tunnel.name);
        look(tunnel.name, claim_of(tunnel, state), old);
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            needs.all_records = // another tunnel's may say that it is we who made it forward
                needs.all_records ||
                (forwards(device, state) && !is_in(old.forward_from, device, std::equal_to<>{}));
        needs.settings = needs.settings || concerns_settings(tunnel.link, old);
    }
    for (const auto& name : absent_links(config, state))
        look(name, {}, *record_behind(name));
    return needs;
}

} // namespace vxlanctl
