#include "vxlanctl/plan/steps.h"

#include "vxlanctl/plan/address_steps.h"
#include "vxlanctl/plan/lasting_routes.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <linux/rtnetlink.h>
#include <map>

namespace vxlanctl {
namespace {

/// What the kernel would do anyway is not sent: an older kernel does not know every attribute.
template<class Attributes>
void strip_defaults(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows) {
    for (const auto& row : rows)
        if (!row.reset.empty() && value_text(attributes, row) == row.reset)
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
}

/// Takes out what cannot be in a create message.
LinkAttributes take_later_ones(LinkAttributes& attributes) {
    LinkAttributes conf;
    for (const auto& row : link_attributes())
        if (row.wire == Wire::ipv4_conf || row.wire == Wire::ipv6_mode || is_of_port(row))
            std::visit([&](auto member) { std::swap(conf.*member, attributes.*member); },
                       row.member);
    return conf;
}

TunnelAttributes for_creation(TunnelAttributes attributes) {
    if (kind_of(attributes.kind).changes_whole) return with_defaults(std::move(attributes));
    strip_defaults(attributes, tunnel_attributes(attributes.kind));
    if (attributes.remote && is_unspecified(*attributes.remote)) attributes.remote.reset();
    if (attributes.dev && attributes.dev->empty()) attributes.dev.reset();
    if (attributes.reserved_bits == ~used_header_bits(attributes)) attributes.reserved_bits.reset();
    return attributes;
}

/// The message with VLANs has all of them.
void state_all_vlans(LinkAttributes& changed, const LinkAttributes& have,
                     const LinkAttributes& want) {
    if (!has_any(changed, Wire::port_vlans)) return;
    const LinkAttributes all = merged(have, want);
    changed.bridge_pvid = all.bridge_pvid;
    changed.bridge_vlans = all.bridge_vlans;
}

void add_list_step(std::vector<Step>& steps, auto operation) {
    if (!operation.objects.empty()) steps.push_back({std::move(operation), {}, Disruption::none});
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
    add_list_step(steps, Add<PrlEntry>{want.name, missing});
    add_list_step(steps, Change<PrlEntry>{want.name, minus(differing, missing)});
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
        add_list_step(steps,
                      Add<FloodEntry>{want.name, missing, {want.flood_state, want.flood_flags}});
        if (!remote.changes.empty())
            steps.push_back({ChangeTunnel{want.name, remote.changed}, remote.changes, {}});
        add_list_step(steps,
                      Add<FloodEntry>{want.name, shadowed, {want.flood_state, want.flood_flags}});
    } else if (!remote.changes.empty()) {
        steps.push_back({ChangeTunnel{want.name, remote.changed}, remote.changes, {}});
    }
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
        if (is_ipv4_route(route) != ipv4) continue;
        const bool beside = !present.beside(route).empty();
        steps.push_back({Add<Route>{want.name, {route}, {beside}}, {}, {}});
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
        steps.push_back({Add<Route>{route.dev, {route}, {beside}}, {}, {}});
    }
    // Behind the routes: a rule without them would lead nowhere.
    for (const auto& rule : want.missing_rules)
        steps.push_back({Add<Rule>{want.name, {rule}}, {}, {}});
    for (const auto& device : want.missing_forwarding)
        steps.push_back(forwarding_step(device, true));
}

void remove_elsewhere_steps(std::vector<Step>& steps, const LinkTarget& want) {
    for (const auto& device : want.surplus_forwarding)
        steps.push_back(forwarding_step(device, false));
    for (const auto& rule : want.surplus_rules)
        steps.push_back({Remove<Rule>{want.name, {rule}}, {}, {}});
    for (const auto& route : want.surplus_routes_elsewhere)
        steps.push_back({Remove<Route>{route.dev, {route}}, {}, {}});
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
        steps.push_back({Add<Neighbour>{want.name, {neighbour}}, {}, {}});
}

/// The steps from a living link to what is wanted of it, in the order that keeps traffic flowing.
class ChangeInPlace {
public:
    ChangeInPlace(const Link& have, const LinkTarget& want)
        : have_(have), want_(want), loses_routes_(loses_ipv4(have, want)) {}

    std::vector<Step> steps() {
        change_tunnel();
        change_link();
        add();
        remove();
        put_back();
        return std::move(steps_);
    }

private:
    void change_tunnel() {
        TunnelAttributes remote, others = want_.tunnel;
        remote.kind = others.kind;
        if (kind_of(others.kind).has_fdb) std::swap(remote.remote, others.remote);
        remote_ = diff(have_.tunnel, remote);
        sets_remote_ = !remote_.changes.empty() && has_remote(remote_.changed);
        // Before the lower device changes: that would leave the default remote's entry behind.
        add_flood_steps(steps_, have_, want_,
                        sets_remote_ ? AttributeDiff<TunnelAttributes>{} : remote_);
        tunnel_ = diff(have_.tunnel, others);
        whole_ = kind_of(want_.tunnel.kind).changes_whole &&
                 (!tunnel_.changes.empty() || want_.recompute_mtu);
        if (want_.recompute_mtu) set_mtu_of_new(others);
        if (whole_ || !tunnel_.changes.empty())
            steps_.push_back(
                {ChangeTunnel{want_.name,
                              whole_ ? merged(have_.tunnel, tunnel_.changed) : tunnel_.changed},
                 tunnel_.changes,
                 {}});
    }

    /// The MTU of a new link first: without a route to the other end, the kernel leaves what is
    /// there (ip6_tnl_link_config() in net/ipv6/ip6_tunnel.c).
    void set_mtu_of_new(const TunnelAttributes& tunnel) {
        constexpr std::uint32_t of_ethernet = 1500;
        LinkAttributes of_new;
        of_new.mtu = of_ethernet - overhead(merged(have_.tunnel, tunnel));
        steps_.push_back(
            {ChangeLink{want_.name, of_new},
             {{"mtu", std::to_string(have_.attributes.mtu.value_or(0)), "the kernel's choice"}},
             Disruption::none});
    }

    void change_link() {
        LinkAttributes attributes = want_.attributes;
        std::swap(up_.up, attributes.up);
        attributes.promote_secondaries.reset(); // belongs to the removal of addresses
        // The kernel lowers the MTU by itself when a VXLAN moves to a smaller lower device.
        const LinkAttributes have =
            changes_bridge(have_, want_)
                ? merged(without_port_part(have_.attributes), want_.new_port)
                : have_.attributes;
        link_ = diff(have, attributes);
        state_all_vlans(link_.changed, have, attributes);
        // Of other kinds it computes it anew, whatever changed.
        const bool keeps_mtu =
            !want_.recompute_mtu && !tunnel_.changed.dev && !tunnel_.changed.encaplimit;
        if (whole_ && (attributes.mtu || keeps_mtu))
            link_.changed.mtu = attributes.mtu ? attributes.mtu : have_.attributes.mtu;
        if (link_.changed != LinkAttributes{})
            steps_.push_back({ChangeLink{want_.name, link_.changed}, link_.changes, {}});
    }

    void add() {
        add_list_step(steps_,
                      Add<MacEntry>{want_.name, without_gone(minus(want_.macs, have_.macs))});
        add_router_steps(steps_, have_, want_);
        // Before a new lifetime, with which the kernel makes that of IPv6 itself
        // (inet6_addr_modify()), and the way back would not know of it.
        for (const auto& route : want_.lost_connected)
            steps_.push_back({Add<Route>{want_.name, {route}}, {}, {}});
        const auto is_late = [&](const Address& address) { return comes_after_up(want_, address); };
        add_address_steps(steps_, have_, want_, std::not_fn(is_late));
        if (auto state = diff(have_.attributes, up_); !state.changes.empty())
            steps_.push_back({ChangeLink{want_.name, state.changed}, state.changes,
                              *up_.up ? Disruption::none : Disruption::flap});
        add_address_steps(steps_, have_, want_, is_late);
        // With the MAC address the kernel drops all of them, permanent or not (neigh_changeaddr()).
        // So it does with ARP (arp_netdev_event(), ndisc_netdev_event()).
        drops_neighbours_ = link_.changed.mac || link_.changed.arp;
        add_neighbour_steps(steps_, want_, minus(want_.neighbours, have_.neighbours));
        if (drops_neighbours_)
            add_neighbour_steps(steps_, want_, minus(have_.neighbours, want_.surplus_neighbours));
        const auto missing_routes = minus(want_.routes, have_.routes.list());
        add_route_steps(steps_, want_, missing_routes, have_.routes, false);
        if (!loses_routes_) add_route_steps(steps_, want_, missing_routes, have_.routes, true);
        add_elsewhere_steps(steps_, want_);
    }

    void remove() {
        remove_elsewhere_steps(steps_, want_);
        for (const auto& route : want_.surplus_routes)
            steps_.push_back({Remove<Route>{want_.name, {route}}, {}, {}});
        for (const auto& neighbour :
             drops_neighbours_ ? std::vector<Neighbour>{} : want_.surplus_neighbours)
            steps_.push_back({Remove<Neighbour>{want_.name, {neighbour}}, {}, {}});
        add_list_step(steps_, Remove<MacEntry>{want_.name, without_gone(want_.surplus_macs)});
        if (want_.routers)
            add_list_step(steps_, Remove<PrlEntry>{want_.name,
                                                   routers_beyond(have_.routers, *want_.routers)});
        if (want_.flood_list)
            add_list_step(
                steps_, Remove<FloodEntry>{
                            want_.name, without_gone(minus(have_.flood_list, *want_.flood_list))});
        // After the removals, which would take its entry too where both are one.
        if (sets_remote_)
            steps_.push_back({ChangeTunnel{want_.name, remote_.changed}, remote_.changes, {}});
        for (const auto& address : want_.surplus_addresses)
            if (std::none_of(
                    want_.addresses.begin(), want_.addresses.end(),
                    [&](const Address& wanted) { return is_replaced_by(address, wanted); }))
                steps_.push_back({Remove<Address>{want_.name, {address}}, {}, {}});
    }

    /// What the kernel takes along with the last IPv4 address.
    void put_back() {
        promote_around_removals(steps_, have_, want_);
        if (loses_routes_) {
            add_route_steps(steps_, want_, surviving_routes(have_, want_), {}, true);
            add_neighbour_steps(steps_, want_, surviving_neighbours(have_, want_));
        }
    }

    const Link& have_;
    const LinkTarget& want_;
    bool loses_routes_;
    std::vector<Step> steps_;
    AttributeDiff<TunnelAttributes> remote_, tunnel_; ///< the default remote's, and all others
    AttributeDiff<LinkAttributes> link_;
    LinkAttributes up_;
    bool sets_remote_ = false;
    bool whole_ = false; ///< the kernel is told of all attributes
    bool drops_neighbours_ = false;
};

} // namespace

bool changes_bridge(const Link& have, const LinkTarget& want) {
    return want.attributes.master && want.attributes.master != have.attributes.master;
}

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

std::vector<Difference> impossible_in_place(const Link& have, const LinkTarget& want) {
    return diff(have.tunnel, want.tunnel).impossible_in_place;
}

std::vector<Step> build_steps(const LinkTarget& want, const std::string& name) {
    std::vector<Step> steps;
    CreateLink create{name, want.attributes, for_creation(want.tunnel)};
    strip_defaults(create.attributes, link_attributes());
    create.attributes.up.reset();
    (void)take_later_ones(create.attributes);
    steps.push_back({std::move(create), {}, Disruption::none});
    add_list_step(steps,
                  Add<FloodEntry>{name,
                                  without_gone(want.flood_list.value_or(std::vector<FloodEntry>{})),
                                  {want.flood_state, want.flood_flags}});
    add_list_step(steps, Add<MacEntry>{name, without_gone(want.macs)});
    add_list_step(steps, Add<PrlEntry>{name, want.routers.value_or(std::vector<PrlEntry>{})});
    return steps;
}

std::vector<Step> raise_steps(const LinkTarget& want) {
    std::vector<Step> steps;
    // Not before a rename, which would give labels to all but the first (inetdev_changename()).
    const auto add_addresses = [&](auto is_meant) {
        for (const auto& address : want.addresses)
            if (is_meant(address)) steps.push_back(moved_address_step(want, address));
    };
    const auto is_late = [&](const Address& address) { return comes_after_up(want, address); };
    add_addresses(std::not_fn(is_late));
    LinkAttributes all = want.attributes;
    if (auto conf = take_later_ones(all); conf != LinkAttributes{}) {
        std::vector<Difference> changes;
        for (const auto& row : link_attributes())
            if (is_stated(conf, row))
                changes.push_back({std::string(row.name), "default", value_text(conf, row)});
        state_all_vlans(conf, want.new_port, conf);
        steps.push_back({ChangeLink{want.name, conf}, std::move(changes), Disruption::none});
    }
    if (want.attributes.up.value_or(false)) {
        LinkAttributes up;
        up.up = true;
        steps.push_back({ChangeLink{want.name, up}, {{"up", "no", "yes"}}, Disruption::none});
    }
    add_addresses(is_late);
    add_detection_steps(steps, want);
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
    if (flaps.empty() || !have.attributes.up.value_or(false))
        return ChangeInPlace(have, want).steps();
    // First of all, so that whatever follows finds the link as it then is.
    LinkAttributes moved;
    moved.vrf = want.attributes.vrf;
    std::vector<Step> steps{{ChangeLink{want.name, moved}, flaps, Disruption::flap}};
    Link after = after_flap(have);
    after.attributes.vrf = moved.vrf;
    for (auto& step : ChangeInPlace(after, kept_through_flap(want, have)).steps())
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

} // namespace vxlanctl
