#include "vxlanctl/plan/steps.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <linux/rtnetlink.h>
#include <map>

namespace vxlanctl {
namespace {

bool is_among(const std::vector<Address>& addresses, const Address& wanted) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& address) { return same_identity(address, wanted); });
}

bool is_ipv4(const Address& address) {
    return address.prefix.address.family == Family::ipv4;
}

/// What the kernel would do anyway is not sent: an older kernel does not know every attribute.
template<class Attributes>
void strip_defaults(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows) {
    for (const auto& row : rows)
        if (!row.reset.empty() && value_text(attributes, row) == row.reset)
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
}

/// Takes out what cannot be in a create message.
LinkAttributes take_ipv4_conf(LinkAttributes& attributes) {
    LinkAttributes conf;
    for (const auto& row : link_attributes())
        if (row.wire == Wire::ipv4_conf)
            std::visit([&](auto member) { std::swap(conf.*member, attributes.*member); },
                       row.member);
    return conf;
}

TunnelAttributes for_creation(TunnelAttributes attributes) {
    if (traits_of(attributes.kind).changes_whole) return with_defaults(std::move(attributes));
    strip_defaults(attributes, tunnel_attributes(attributes.kind));
    if (attributes.remote && is_unspecified(*attributes.remote)) attributes.remote.reset();
    if (attributes.dev && attributes.dev->empty()) attributes.dev.reset();
    if (attributes.reserved_bits == ~used_header_bits(attributes)) attributes.reserved_bits.reset();
    return attributes;
}

void add_list_step(std::vector<Step>& steps, auto operation) {
    if (!operation.entries.empty()) steps.push_back({std::move(operation), {}, Disruption::none});
}

/// The entry that a default remote makes under the all-zero MAC (vxlan_changelink()).
FloodEntry entry_of_remote(const TunnelAttributes& vxlan) {
    return {*vxlan.remote, std::nullopt, std::nullopt, vxlan.dev.value_or("")};
}

bool has_remote(const TunnelAttributes& vxlan) {
    return vxlan.remote && !is_unspecified(*vxlan.remote);
}

/// The routers whose address is not in `other`.
std::vector<PrlEntry> routers_beyond(const std::vector<PrlEntry>& routers,
                                     const std::vector<PrlEntry>& other) {
    std::vector<PrlEntry> result;
    std::copy_if(routers.begin(), routers.end(), std::back_inserter(result),
                 [&](const PrlEntry& entry) {
                     return std::none_of(other.begin(), other.end(), [&](const PrlEntry& present) {
                         return present.router == entry.router;
                     });
                 });
    return result;
}

void add_router_steps(std::vector<Step>& steps, const Link& have, const LinkTarget& want) {
    if (!want.routers) return;
    auto differing = minus(*want.routers, have.routers);
    const auto missing = routers_beyond(*want.routers, have.routers);
    add_list_step(steps, AddRouters{want.name, missing});
    add_list_step(steps, ChangeRouters{want.name, minus(differing, missing)});
}

/// Without those by a link that has gone. The kernel takes no index of none (vxlan_fdb_parse()), so
/// that they can be neither made nor removed; they go with the tunnel's link.
std::vector<FloodEntry> without_gone(std::vector<FloodEntry> entries) {
    std::erase_if(entries, is_by_no_link);
    return entries;
}
std::vector<MacEntry> without_gone(std::vector<MacEntry> entries) {
    std::erase_if(entries, [](const MacEntry& entry) { return is_by_no_link(entry.remote); });
    return entries;
}

/// Appends what is missing of the flood list, and clears a default remote in between: the kernel
/// then deletes the remote's own entry, and with it a wanted one of the same identity.
void add_flood_steps(std::vector<Step>& steps, const Link& have, const LinkTarget& want,
                     const AttributeDiff<TunnelAttributes>& remote) {
    if (want.flood_list) {
        auto missing = without_gone(minus(*want.flood_list, have.flood_list));
        const bool wrong_state = have.flood_state != want.flood_state &&
                                 (ages(have.flood_state) || ages(want.flood_state));
        if (missing.empty() && wrong_state && !want.flood_list->empty())
            missing.push_back(want.flood_list->front()); // one append sets the state of all
        std::vector<FloodEntry> shadowed;
        if (has_remote(have.tunnel)) {
            const auto same =
                std::find(missing.begin(), missing.end(), entry_of_remote(have.tunnel));
            if (same != missing.end()) {
                shadowed.push_back(*same);
                missing.erase(same);
            }
        }
        add_list_step(steps, AddFlood{want.name, missing, want.flood_state, want.flood_flags});
        if (!remote.changes.empty())
            steps.push_back({ChangeTunnel{want.name, remote.changed}, remote.changes, {}});
        add_list_step(steps, AddFlood{want.name, shadowed, want.flood_state, want.flood_flags});
    } else if (!remote.changes.empty()) {
        steps.push_back({ChangeTunnel{want.name, remote.changed}, remote.changes, {}});
    }
}

/// Whether the one has to go before the other can come.
bool is_replaced_by(const Address& surplus, const Address& wanted) {
    return !is_ipv4(wanted) && surplus.prefix.address == wanted.prefix.address;
}

/// Where the link has the address, and it has an end, or shall have one.
std::vector<Change> change_of_lifetime(const Link& have, const Address& wanted) {
    const auto words = [](const Address& address) {
        return address.valid_seconds != forever       ? "limited"
               : address.preferred_seconds != forever ? "deprecated"
                                                      : "forever";
    };
    for (const auto& present : have.addresses)
        if (same_identity(present, wanted) && differs_in_lifetime(present, wanted))
            return {{"lifetime of " + to_string(wanted.prefix), words(present), words(wanted)}};
    return {};
}

/// IPv4 addresses of one subnet form a list whose first one is the primary. To put a missing one in
/// front of a present one, the present one has to go behind it; the link keeps an address
/// throughout because each removal follows an addition, or leaves another one.
template<class Predicate>
void add_address_steps(std::vector<Step>& steps, const Link& have, const LinkTarget& want,
                       Predicate is_meant) {
    for (const auto& address : want.addresses) {
        if (!is_meant(address)) continue;
        const bool present = is_among(have.addresses, address);
        const auto change = change_of_lifetime(have, address);
        const auto same_subnet = [&](const Address& other) {
            return is_ipv4(address) && is_ipv4(other) &&
                   other.prefix.length == address.prefix.length &&
                   network_of(other.prefix) == network_of(address.prefix);
        };
        const auto earlier = [&](const Step& step) {
            const auto* added = std::get_if<AddAddress>(&step.operation);
            return added != nullptr && same_subnet(added->address);
        };
        const bool behind = want.ordered && std::any_of(steps.begin(), steps.end(), earlier);
        if (present && !behind && change.empty()) continue;
        if (present && behind) steps.push_back({RemoveAddress{want.name, address}, {}, {}});
        // IPv6 knows an address once per link, whatever its prefix length.
        for (const auto& surplus : want.surplus_addresses)
            if (is_replaced_by(surplus, address))
                steps.push_back({RemoveAddress{want.name, surplus}, {}, {}});
        steps.push_back(
            {AddAddress{want.name, address}, behind ? std::vector<Change>{} : change, {}});
    }
}

/// Deleting a primary IPv4 address deletes the secondaries of its subnet, foreign ones included,
/// unless promote_secondaries is set (inet_del_ifa() in net/ipv4/devinet.c).
void promote_around_removals(std::vector<Step>& steps, const Link& have, const LinkTarget& want) {
    const auto removes_ipv4 = [](const Step& step) {
        const auto* removal = std::get_if<RemoveAddress>(&step.operation);
        return removal != nullptr && is_ipv4(removal->address);
    };
    const auto switch_to = [&](bool on) {
        LinkAttributes changed;
        changed.promote_secondaries = on;
        return Step{ChangeLink{want.name, changed},
                    {{"promote_secondaries", on ? "no" : "yes", on ? "yes" : "no"}},
                    Disruption::none};
    };
    bool promotes = have.attributes.promote_secondaries.value_or(true);
    const bool wanted = want.attributes.promote_secondaries.value_or(
        promotes || (!want.surplus_addresses.empty() && is_behind_foreign(have, want)));
    const auto first = std::find_if(steps.begin(), steps.end(), removes_ipv4);
    const auto others = std::count_if(have.addresses.begin(), have.addresses.end(), is_ipv4) +
                        std::count_if(steps.begin(), first, [](const Step& step) {
                            return std::holds_alternative<AddAddress>(step.operation);
                        });
    if (first != steps.end() && others > 1 && !promotes) {
        steps.insert(first, switch_to(true));
        promotes = true;
    }
    if (promotes != wanted) steps.push_back(switch_to(wanted));
}

/// Whether the change takes the link's last IPv4 address, and with it every IPv4 route out of the
/// link (fib_disable_ip() in net/ipv4/fib_frontend.c).
bool loses_ipv4(const Link& have, const LinkTarget& want) {
    const auto stays = [&](const Address& address) {
        return is_ipv4(address) && !is_among(want.surplus_addresses, address);
    };
    return std::any_of(have.addresses.begin(), have.addresses.end(), is_ipv4) &&
           std::none_of(have.addresses.begin(), have.addresses.end(), stays) &&
           std::none_of(want.addresses.begin(), want.addresses.end(), is_ipv4);
}

bool is_ipv4(const Route& route) {
    return route.to.address.family == Family::ipv4;
}

/// A gateway is reachable only by an address in its subnet, unless the route says it is on the
/// link.
bool needs_address(const Route& route) {
    return route.via && (route.flags & RTNH_F_ONLINK) == 0;
}

/// `present` are routes that the link has already.
void add_route_steps(std::vector<Step>& steps, const LinkTarget& want, std::vector<Route> routes,
                     Routes present, bool ipv4) {
    for (const auto* going : {&want.surplus_routes_elsewhere, &want.leaving_routes})
        for (const auto& route : *going)
            present.push_back(route);
    // A gateway may be reachable only by another of these routes.
    std::stable_partition(routes.begin(), routes.end(),
                          [](const Route& route) { return !route.via; });
    for (const auto& route : routes) {
        if (is_ipv4(route) != ipv4) continue;
        const bool beside = !present.beside(route).empty();
        steps.push_back({AddRoute{want.name, route, beside}, {}, {}});
        present.push_back(route);
    }
}

void add_elsewhere_steps(std::vector<Step>& steps, const LinkTarget& want) {
    Routes surplus(want.surplus_routes_elsewhere);
    for (const auto* going : {&want.surplus_routes, &want.leaving_routes})
        for (const auto& route : *going)
            surplus.push_back(route);
    for (const auto& route : want.missing_routes_elsewhere) {
        const bool beside = !surplus.beside(route).empty();
        steps.push_back({AddRoute{route.dev, route, beside}, {}, {}});
    }
    // Behind the routes: a rule without them would lead nowhere.
    for (const auto& rule : want.missing_rules)
        steps.push_back({AddRule{want.name, rule}, {}, {}});
    for (const auto& device : want.missing_forwarding)
        steps.push_back(forwarding_step(device, true));
}

void remove_elsewhere_steps(std::vector<Step>& steps, const LinkTarget& want) {
    for (const auto& device : want.surplus_forwarding)
        steps.push_back(forwarding_step(device, false));
    for (const auto& rule : want.surplus_rules)
        steps.push_back({RemoveRule{want.name, rule}, {}, {}});
    for (const auto& route : want.surplus_routes_elsewhere)
        steps.push_back({RemoveRoute{route.dev, route}, {}, {}});
}

/// What the link has left when the kernel took it down and up again (cycle_netdev() in
/// drivers/net/vrf.c): neither IPv6 addresses, nor routes, nor neighbours, nor learned MACs.
Link after_flap(Link link) {
    std::erase_if(link.addresses, [](const Address& address) { return !is_ipv4(address); });
    std::erase_if(link.macs,
                  [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
    link.routes.clear();
    link.neighbours.clear();
    return link;
}

/// What has to be put back after that, beside what is wanted anyway.
LinkTarget kept_through_flap(LinkTarget want, const Link& have) {
    want.lost_connected.clear(); // the kernel makes them again
    for (const auto& address : have.addresses)
        if (!is_ipv4(address) && !is_automatic(address) &&
            !is_among(want.surplus_addresses, address) && !is_among(want.addresses, address))
            want.addresses.push_back(address);
    const auto keep = [](auto& wanted, const auto& present, auto surplus, auto is_ours) {
        std::sort(surplus.begin(), surplus.end());
        for (const auto& element : present)
            if (is_ours(element) && !std::binary_search(surplus.begin(), surplus.end(), element))
                wanted.push_back(element);
        std::sort(wanted.begin(), wanted.end());
        wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    };
    keep(want.routes, have.routes, want.surplus_routes, is_restorable);
    keep(want.neighbours, have.neighbours, want.surplus_neighbours, [](auto&) { return true; });
    std::erase_if(want.surplus_addresses, [](const Address& address) { return !is_ipv4(address); });
    std::erase_if(want.surplus_macs,
                  [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
    want.surplus_routes.clear();
    want.surplus_neighbours.clear();
    return want;
}

/// What remains of the routes when no IPv4 address does: the wanted ones and those of others.
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

/// Those that the kernel drops with the last IPv4 address, permanent or not (arp_ifdown() in
/// net/ipv4/arp.c), and that are to stay.
std::vector<Neighbour> surviving_neighbours(const Link& have, const LinkTarget& want) {
    std::vector<Neighbour> neighbours;
    for (const auto& neighbour : have.neighbours)
        if (neighbour.address.family == Family::ipv4 && !is_in(want.surplus_neighbours, neighbour))
            neighbours.push_back(neighbour);
    return neighbours;
}

void add_neighbour_steps(std::vector<Step>& steps, const LinkTarget& want,
                         const std::vector<Neighbour>& neighbours) {
    for (const auto& neighbour : neighbours)
        steps.push_back({AddNeighbour{want.name, neighbour}, {}, {}});
}

std::vector<Step> steps_in_place(const Link& have, const LinkTarget& want) {
    std::vector<Step> steps;

    TunnelAttributes remote, others = want.tunnel;
    remote.kind = others.kind;
    if (others.kind == TunnelKind::vxlan) std::swap(remote.remote, others.remote);
    const auto remote_change = diff(have.tunnel, remote);
    const bool sets_remote = !remote_change.changes.empty() && has_remote(remote_change.changed);

    // Before the lower device changes: that would leave the default remote's entry behind.
    add_flood_steps(steps, have, want,
                    sets_remote ? AttributeDiff<TunnelAttributes>{} : remote_change);
    auto tunnel = diff(have.tunnel, others);
    const bool whole = traits_of(want.tunnel.kind).changes_whole &&
                       (!tunnel.changes.empty() || want.recompute_mtu);
    if (want.recompute_mtu) {
        // The MTU of a new link first: without a route to the other end, the kernel leaves what is
        // there (ip6_tnl_link_config() in net/ipv6/ip6_tunnel.c).
        constexpr std::uint32_t of_ethernet = 1500;
        LinkAttributes of_new;
        of_new.mtu = of_ethernet - overhead(merged(have.tunnel, others));
        steps.push_back(
            {ChangeLink{want.name, of_new},
             {{"mtu", std::to_string(have.attributes.mtu.value_or(0)), "the kernel's choice"}},
             Disruption::none});
    }
    if (whole || !tunnel.changes.empty())
        steps.push_back(
            {ChangeTunnel{want.name, whole ? merged(have.tunnel, tunnel.changed) : tunnel.changed},
             tunnel.changes,
             {}});

    LinkAttributes up, attributes = want.attributes;
    std::swap(up.up, attributes.up);
    attributes.promote_secondaries.reset(); // belongs to the removal of addresses
    // The kernel lowers the MTU by itself when a VXLAN moves to a smaller lower device.
    auto link = diff(have.attributes, attributes);
    // Of other kinds it computes it anew, whatever changed.
    const bool keeps_mtu = !want.recompute_mtu && !tunnel.changed.dev && !tunnel.changed.encaplimit;
    if (whole && (attributes.mtu || keeps_mtu))
        link.changed.mtu = attributes.mtu ? attributes.mtu : have.attributes.mtu;
    if (link.changed != LinkAttributes{})
        steps.push_back({ChangeLink{want.name, link.changed}, link.changes, {}});

    add_list_step(steps, AddMacs{want.name, without_gone(minus(want.macs, have.macs))});
    add_router_steps(steps, have, want);
    // Before a new lifetime, with which the kernel makes that of IPv6 itself (inet6_addr_modify()),
    // and the way back would not know of it.
    for (const auto& route : want.lost_connected)
        steps.push_back({AddRoute{want.name, route}, {}, {}});
    add_address_steps(steps, have, want, std::not_fn(needs_link_up));
    if (auto state = diff(have.attributes, up); !state.changes.empty())
        steps.push_back({ChangeLink{want.name, state.changed}, state.changes,
                         *up.up ? Disruption::none : Disruption::flap});
    add_address_steps(steps, have, want, needs_link_up);
    // With the MAC address the kernel drops all of them, permanent or not (neigh_changeaddr()).
    // So it does with ARP (arp_netdev_event(), ndisc_netdev_event()).
    const bool drops_neighbours = link.changed.mac || link.changed.arp;
    add_neighbour_steps(steps, want, minus(want.neighbours, have.neighbours));
    if (drops_neighbours)
        add_neighbour_steps(steps, want, minus(have.neighbours, want.surplus_neighbours));
    const auto missing_routes = minus(want.routes, have.routes.list());
    const bool loses_routes = loses_ipv4(have, want);
    add_route_steps(steps, want, missing_routes, have.routes, false);
    if (!loses_routes) add_route_steps(steps, want, missing_routes, have.routes, true);
    add_elsewhere_steps(steps, want);

    remove_elsewhere_steps(steps, want);
    for (const auto& route : want.surplus_routes)
        steps.push_back({RemoveRoute{want.name, route}, {}, {}});
    for (const auto& neighbour :
         drops_neighbours ? std::vector<Neighbour>{} : want.surplus_neighbours)
        steps.push_back({RemoveNeighbour{want.name, neighbour}, {}, {}});
    add_list_step(steps, RemoveMacs{want.name, without_gone(want.surplus_macs)});
    if (want.routers)
        add_list_step(steps, RemoveRouters{want.name, routers_beyond(have.routers, *want.routers)});
    if (want.flood_list)
        add_list_step(
            steps, RemoveFlood{want.name, without_gone(minus(have.flood_list, *want.flood_list))});
    // After the removals, which would take its entry too where both are one.
    if (sets_remote)
        steps.push_back(
            {ChangeTunnel{want.name, remote_change.changed}, remote_change.changes, {}});
    for (const auto& address : want.surplus_addresses)
        if (std::none_of(want.addresses.begin(), want.addresses.end(),
                         [&](const Address& wanted) { return is_replaced_by(address, wanted); }))
            steps.push_back({RemoveAddress{want.name, address}, {}, {}});
    promote_around_removals(steps, have, want);
    if (loses_routes) {
        add_route_steps(steps, want, surviving_routes(have, want), {}, true);
        add_neighbour_steps(steps, want, surviving_neighbours(have, want));
    }
    return steps;
}

} // namespace

bool is_behind_foreign(const Link& have, const LinkTarget& want) {
    return std::any_of(want.addresses.begin(), want.addresses.end(), [&](const Address& wanted) {
        for (const auto& present : have.addresses) {
            if (same_identity(present, wanted)) return false;
            if (is_ipv4(wanted) && is_ipv4(present) && !is_among(want.surplus_addresses, present) &&
                !is_among(want.addresses, present) &&
                present.prefix.length == wanted.prefix.length &&
                network_of(present.prefix) == network_of(wanted.prefix))
                return true;
        }
        return false;
    });
}

bool needs_link_up(const Address& address) {
    return !is_ipv4(address) && address.valid_seconds != forever;
}

std::vector<Change> impossible_in_place(const Link& have, const LinkTarget& want) {
    return diff(have.tunnel, want.tunnel).impossible_in_place;
}

std::vector<Step> build_steps(const LinkTarget& want, const std::string& name) {
    std::vector<Step> steps;
    CreateLink create{name, want.attributes, for_creation(want.tunnel)};
    strip_defaults(create.attributes, link_attributes());
    create.attributes.up.reset();
    (void)take_ipv4_conf(create.attributes);
    steps.push_back({std::move(create), {}, Disruption::none});
    add_list_step(steps,
                  AddFlood{name, without_gone(want.flood_list.value_or(std::vector<FloodEntry>{})),
                           want.flood_state, want.flood_flags});
    add_list_step(steps, AddMacs{name, without_gone(want.macs)});
    add_list_step(steps, AddRouters{name, want.routers.value_or(std::vector<PrlEntry>{})});
    return steps;
}

std::vector<Step> raise_steps(const LinkTarget& want) {
    std::vector<Step> steps;
    // Not before a rename, which would give labels to all but the first (inetdev_changename()).
    const auto add_addresses = [&](auto is_meant) {
        for (const auto& address : want.addresses)
            if (is_meant(address)) steps.push_back({AddAddress{want.name, address}, {}, {}});
    };
    add_addresses(std::not_fn(needs_link_up));
    LinkAttributes all = want.attributes;
    if (const auto conf = take_ipv4_conf(all); conf != LinkAttributes{}) {
        std::vector<Change> changes;
        for (const auto& row : link_attributes())
            if (is_stated(conf, row))
                changes.push_back({std::string(row.name), "default", value_text(conf, row)});
        steps.push_back({ChangeLink{want.name, conf}, std::move(changes), Disruption::none});
    }
    if (want.attributes.up.value_or(false)) {
        LinkAttributes up;
        up.up = true;
        steps.push_back({ChangeLink{want.name, up}, {{"up", "no", "yes"}}, Disruption::none});
    }
    add_addresses(needs_link_up);
    add_neighbour_steps(steps, want, want.neighbours);
    add_route_steps(steps, want, want.routes, {}, true);
    add_route_steps(steps, want, want.routes, {}, false);
    add_elsewhere_steps(steps, want);
    remove_elsewhere_steps(steps, want);
    return steps;
}

std::vector<Step> elsewhere_steps(const LinkTarget& want) {
    std::vector<Step> steps;
    add_elsewhere_steps(steps, want);
    remove_elsewhere_steps(steps, want);
    return steps;
}

std::vector<Step> change_steps(const Link& have, const LinkTarget& want) {
    const auto flaps = diff(have.attributes, want.attributes).flaps;
    if (flaps.empty() || !have.attributes.up.value_or(false)) return steps_in_place(have, want);
    // First of all, so that whatever follows finds the link as it then is.
    LinkAttributes moved;
    moved.vrf = want.attributes.vrf;
    std::vector<Step> steps{{ChangeLink{want.name, moved}, flaps, Disruption::flap}};
    Link after = after_flap(have);
    after.attributes.vrf = moved.vrf;
    for (auto& step : steps_in_place(after, kept_through_flap(want, have)))
        steps.push_back(std::move(step));
    return steps;
}

LinkTarget target_of(const Link& link) {
    LinkTarget target;
    target.name = link.name;
    target.attributes = link.attributes;
    target.tunnel = link.tunnel;
    std::copy_if(link.addresses.begin(), link.addresses.end(), std::back_inserter(target.addresses),
                 [](const Address& address) { return !is_automatic(address); });
    target.flood_list = link.flood_list;
    target.flood_state = link.flood_state;
    target.flood_flags = link.flood_flags;
    std::copy_if(link.macs.begin(), link.macs.end(), std::back_inserter(target.macs),
                 [](const MacEntry& entry) { return entry.origin != FdbOrigin::learned; });
    std::copy_if(link.routes.begin(), link.routes.end(), std::back_inserter(target.routes),
                 is_restorable);
    if (link.tunnel.isatap.value_or(false)) target.routers = link.routers;
    target.neighbours = link.neighbours;
    target.ordered = true;
    return target;
}

std::vector<Route> lost_routes(const Link& have, const LinkTarget& want) {
    std::vector<Route> lost;
    const bool all_go = loses_ipv4(have, want);
    for (const auto& route : have.routes) {
        const bool without_source = std::any_of(
            want.surplus_addresses.begin(), want.surplus_addresses.end(),
            [&](const Address& address) { return address.prefix.address == route.source; });
        if (is_restorable(route) && is_ipv4(route) &&
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
    return is_ipv4(route) && route.source && vrf_table != 0 && route.table != vrf_table &&
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

std::string counted(std::ptrdiff_t count, std::string_view one, std::string_view many) {
    return formatted("{} {}", count, count == 1 ? one : many);
}

std::string opaque_in_words(const std::vector<OpaqueEntry>& entries) {
    std::map<std::string, std::ptrdiff_t> counts;
    for (const auto& entry : entries)
        ++counts[entry.group ? formatted("next-hop group {}", *entry.group)
                             : formatted("source VNI {}", entry.source_vni.value_or(0))];
    std::vector<std::string> texts;
    constexpr std::size_t most = 5;
    for (const auto& [what, count] : counts) {
        if (texts.size() == most) {
            texts.push_back(formatted("and {} more", counts.size() - most));
            break;
        }
        texts.push_back(formatted("{} ({})", what, counted(count, "MAC", "MACs")));
    }
    return joined(texts, ", ");
}

std::string settings_in_words(const BridgePort& port) {
    std::vector<std::string> texts;
    for (const auto& setting : port.settings)
        texts.push_back(formatted("{} {}", setting.name, setting.value));
    return joined(texts, ", ");
}

std::vector<VlanRange> lasting_vlans(const BridgePort& port) {
    std::vector<VlanRange> vlans;
    for (const auto& range : port.vlans)
        if (range != VlanRange{1, 1, true, true}) vlans.push_back(range);
    return vlans;
}

std::string vlans_in_words(const std::vector<VlanRange>& vlans) {
    std::vector<std::string> texts;
    for (const auto& range : vlans)
        texts.push_back(
            formatted("{}{}{}{}", range.first,
                      range.last == range.first ? std::string() : formatted("-{}", range.last),
                      range.pvid ? " pvid" : "", range.untagged ? " untagged" : ""));
    return joined(texts, ", ");
}

std::string losses_in_words(const Link& link) {
    const auto learned =
        std::count_if(link.macs.begin(), link.macs.end(),
                      [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
    std::string set = settings_lost_in_words(link);
    if (learned == 0) return set;
    return counted(learned, "learned MAC", "learned MACs") + (set.empty() ? "" : "; " + set);
}

std::string settings_lost_in_words(const Link& link) {
    std::vector<std::string> texts;
    if (!link.opaque.empty()) texts.push_back("FDB entries of " + opaque_in_words(link.opaque));
    if (!link.port.settings.empty())
        texts.push_back("bridge port settings (" + settings_in_words(link.port) + ")");
    if (const auto vlans = lasting_vlans(link.port); !vlans.empty())
        texts.push_back("VLANs " + vlans_in_words(vlans));
    return joined(texts, "; ");
}

} // namespace vxlanctl
