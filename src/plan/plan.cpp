#include "vxlanctl/plan/plan.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/effect.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/stacking.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <iterator>
#include <linux/if_addr.h>
#include <map>
#include <set>

namespace vxlanctl {
namespace {

Address inner_address(const Prefix& prefix) {
    Address address;
    address.prefix = prefix;
    if (prefix.address.family == Family::ipv4 && prefix.length < 31)
        address.broadcast = broadcast_of(prefix);
    return address;
}

/// States the kernel's default for every key that we once set and that is not stated any more.
/// `defaults` are those that no row has.
template<class Attributes>
void reset_unstated(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                    const Attributes& defaults, const Record& record) {
    for (const auto& row : rows) {
        if (is_stated(attributes, row) || !record.keys.contains(std::string(row.name))) continue;
        if (row.reset.empty())
            std::visit([&](auto member) { attributes.*member = defaults.*member; }, row.member);
        else
            (void)set_value(attributes, row, row.reset); // a row's own default is well-formed
    }
}

/// The table of the routes to its subnets.
std::uint32_t table_of(const Tunnel& tunnel, const Link& have, const State& state) {
    const Link* vrf = find_link(state, have.attributes.vrf.value_or(""));
    const bool keeps_vrf = !tunnel.link.vrf && vrf != nullptr && vrf->vrf_table != 0;
    return keeps_vrf ? vrf->vrf_table : own_table(tunnel, state);
}

/// Takes away the peers that were ours, now that none are stated: what others added stays, and so
/// does a list that a control plane has taken over.
void release_peers(LinkTarget& target, const Link& have, const Record& record) {
    if (!record.keys.contains(peers_key) || is_external(have.flood_flags)) return;
    const auto ours = parse_peers_text(record.peers);
    auto left = minus(have.flood_list, ours);
    if (left == have.flood_list) return;
    target.flood_list = std::move(left);
    target.flood_state = have.flood_state;
    target.flood_flags = have.flood_flags;
}

/// What the tunnel's link shall become, given what it is: the stated values, the defaults of what
/// we set earlier and is no longer stated, and what of ours is surplus.
LinkTarget target_for(const Tunnel& tunnel, const Link* have, const Record& record,
                      const State& state, const PlanOptions& options) {
    LinkTarget target;
    target.name = tunnel.name;

    target.attributes = tunnel.link;
    reset_unstated(target.attributes, link_attributes(), state.settings.of_new_links, record);

    target.tunnel = tunnel.tunnel;
    reset_unstated(target.tunnel, tunnel_attributes(tunnel.tunnel.kind), TunnelAttributes{},
                   record);
    complete(target.tunnel);
    if (tunnel.peers) {
        // The flood list is ours entirely: a default remote beside it would double every frame.
        if (tunnel.unresolved.empty() && have != nullptr && have->tunnel.remote &&
            !is_unspecified(*have->tunnel.remote))
            target.tunnel.remote = IpAddress{have->tunnel.remote->family, {}};
        // These two make a link without a VNI and a flood list of its own.
        target.tunnel.external = false;
        target.tunnel.vnifilter = false;
    }
    // Without ARP no neighbour inside is found; a new link has it.
    if (have != nullptr && have->attributes.arp == false) target.attributes.arp = true;
    if (tunnel.tunnel.kind == TunnelKind::ip6tnl) // would have no ends of its own
        target.tunnel.external = false;
    const bool resets_mtu = !tunnel.link.mtu && record.keys.contains("mtu");
    const auto outer = have != nullptr ? merged(have->tunnel, target.tunnel) : target.tunnel;
    const bool has_dev = find_link(state, outer.dev.value_or("")) != nullptr;
    if (resets_mtu && outer.kind == TunnelKind::ip6tnl && !has_dev)
        target.recompute_mtu = true;
    else if (resets_mtu)
        target.attributes.mtu = has_dev ? mtu_limit(outer, state)
                                        : std::optional<std::uint32_t>(traits_of(outer.kind).mtu);

    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    for (const auto& prefix : stated)
        target.addresses.push_back(inner_address(prefix));
    target.flood_list = tunnel.peers;
    target.routers = tunnel.routers;
    for (auto route : stated_routes(tunnel, state))
        if (route.dev.empty()) target.routes.push_back(std::move(route));
    std::sort(target.routes.begin(), target.routes.end());
    if (have == nullptr) return target;

    const auto is_surplus = [&](const Address& address) {
        if (is_in(stated, address.prefix)) return false;
        if (is_in(record.addresses, address.prefix)) return true;
        return options.exclusive && !is_link_local(address.prefix.address) &&
               (address.flags & IFA_F_TENTATIVE) == 0;
    };
    std::copy_if(have->addresses.begin(), have->addresses.end(),
                 std::back_inserter(target.surplus_addresses), is_surplus);
    // A run that was killed had no time to switch it off again.
    if (record.keys.contains(promotion_key) && !is_behind_foreign(*have, target))
        target.attributes.promote_secondaries = false;
    // Addresses with a peer of their own or a label are equal if prefix and peer are. One that has
    // got a lifetime would go some day.
    for (auto& address : target.addresses)
        for (const auto& present : have->addresses)
            if (present.prefix == address.prefix) {
                address = present;
                address.valid_seconds = address.preferred_seconds = forever;
                address.is_unrouted = false;
                const auto route = connected_route(address, table_of(tunnel, *have, state));
                if (present.is_unrouted && route) target.lost_connected.push_back(*route);
            }
    // A route of the same identity will do, whoever made it.
    const Routes wanted_routes(target.routes);
    for (const auto& route : record.routes)
        if (const Route* present =
                route.dev.empty() ? find_own_route(have->routes, route) : nullptr)
            if (find_route(wanted_routes, *present) == nullptr)
                target.surplus_routes.push_back(*present);
    for (auto& route : target.routes)
        if (const Route* present = find_route(have->routes, route)) route = *present;
    std::erase_if(target.lost_connected, [&](const Route& route) {
        return !wanted_routes.beside(route).empty(); // it is set
    });
    std::sort(target.routes.begin(), target.routes.end());

    if (!tunnel.peers) release_peers(target, *have, record);
    if (!target.flood_list) return target;
    auto& flood_list = *target.flood_list;
    target.flood_flags = have->flood_flags;
    std::vector<FloodEntry> removed = minus(have->flood_list, flood_list);
    // Of another VNI, a control plane makes entries of its own.
    const bool keeps_external = is_external(have->flood_flags) &&
                                merged(have->tunnel, target.tunnel).vni == have->tunnel.vni;
    if (is_external(have->flood_flags) && !keeps_external)
        target.flood_flags = own_flood_flags, target.flood_state = permanent_flood_state;
    if (keeps_external || !tunnel.unresolved.empty()) {
        std::erase_if(removed, [&](const FloodEntry& entry) { // a new link cannot have them
            return entry.dst.family != tunnel.tunnel.local->family;
        });
        append(flood_list, std::exchange(removed, {}));
        std::sort(flood_list.begin(), flood_list.end());
    }
    const auto goes_with_peer = [&](const IpAddress& dst) {
        const auto has = [&](const FloodEntry& entry) { return entry.dst == dst; };
        return std::any_of(removed.begin(), removed.end(), has) &&
               std::none_of(flood_list.begin(), flood_list.end(), has);
    };
    for (const auto& entry : have->macs)
        if ((entry.origin == FdbOrigin::learned && !removed.empty() &&
             goes_with_peer(entry.remote.dst)) ||
            (entry.origin == FdbOrigin::pinned && options.exclusive))
            target.surplus_macs.push_back(entry);
    return target;
}

/// A name without an address removes nothing; it makes nothing either.
void settle_unresolved(const Tunnel& tunnel, const Link* have, TunnelPlan& plan) {
    const bool keeps = have != nullptr && has_peers(*have, tunnel.tunnel.local.value().family);
    for (const auto& name : tunnel.unresolved)
        if (keeps)
            plan.warnings.push_back(warning_of(name, plan.name));
        else
            plan.errors.emplace_back(Code::peer_name_unknown, plan.name,
                                     Values{{"peer", name.name}, {"why", name.why}});
}

/// The table of the VRF that the link shall be in; 0 without one.
std::uint32_t vrf_table_of(const LinkTarget& target, const State& state) {
    const Link* vrf = find_link(state, target.attributes.vrf.value_or(""));
    return vrf == nullptr ? 0 : vrf->vrf_table;
}

void warn_of_unrestorable_routes(const Link& have, std::vector<Message>& warnings) {
    const auto lost = unrestorable_routes(have).size();
    if (lost > 0)
        warnings.emplace_back(
            Code::routes_not_restorable, have.name,
            Values{{"routes", formatted("{} route{}", lost, lost == 1 ? "" : "s")}});
}

/// A flood list that is not stated is somebody else's: the new link gets it like everything else.
void keep_flood_list(LinkTarget& target, const Link& have, std::vector<Message>& warnings) {
    if (target.flood_list || have.flood_list.empty()) return;
    const bool external = is_external(have.flood_flags);
    if (external && target.tunnel.vni != have.tunnel.vni) return;
    auto& kept = target.flood_list.emplace();
    for (const auto& entry : have.flood_list) {
        const bool gone = is_by_no_link(entry);
        if (!gone && entry.dst.family == target.tunnel.local->family)
            kept.push_back(entry);
        else if (gone || !external) // else it has been said
            warnings.emplace_back(Code::peer_not_restorable, have.name,
                                  Values{{"peer", to_string(entry.dst)},
                                         {"why", text_of(gone ? Code::its_interface_is_gone
                                                              : Code::local_of_other_family)}});
    }
    target.flood_state = have.flood_state;
    target.flood_flags = have.flood_flags;
}

bool is_external_entry(const MacEntry& entry) {
    return entry.origin == FdbOrigin::external;
}

/// What a control plane wrote for the VNI that goes.
void warn_of_external_entries(const LinkTarget& target, const Link& have,
                              std::vector<Message>& warnings) {
    if (target.tunnel.vni.value_or(0) == have.tunnel.vni.value_or(0)) return;
    auto lost = std::count_if(have.macs.begin(), have.macs.end(), is_external_entry);
    if (is_external(have.flood_flags))
        lost += std::ssize(
            minus(have.flood_list, target.flood_list.value_or(std::vector<FloodEntry>{})));
    if (lost > 0)
        warnings.emplace_back(Code::external_entries_lost, have.name,
                              Values{{"entries", counted(lost, "entry", "entries")},
                                     {"vni", have.tunnel.vni.value_or(0)}});
}

/// What a new link lacks, whatever is kept: nothing of it can be written.
void warn_of_losses(const Link& have, std::vector<Message>& warnings) {
    if (!have.opaque.empty())
        warnings.emplace_back(Code::fdb_entries_lost, have.name,
                              Values{{"entries", opaque_in_words(have.opaque)}});
    if (!have.port.settings.empty())
        warnings.emplace_back(Code::port_settings_lost, have.name,
                              Values{{"settings", settings_in_words(have.port)}});
    if (const auto vlans = lasting_vlans(have.port); !vlans.empty())
        warnings.emplace_back(Code::port_vlans_lost, have.name,
                              Values{{"vlans", vlans_in_words(vlans)}});
}

/// Adds to the target of a new link what the old one has and nobody asked to lose.
void keep_foreign(LinkTarget& target, const Link& have, const State& state,
                  std::vector<Message>& warnings) {
    const LinkTarget old = target_of(have);

    LinkAttributes attributes = old.attributes;
    // An MTU that is only the kernel's default is computed anew for the new underlay.
    if (have.mtu_is_default || attributes.mtu == mtu_limit(have.tunnel, state))
        attributes.mtu.reset();
    if (const auto limit = mtu_limit(target.tunnel, state);
        attributes.mtu && limit && *attributes.mtu > *limit)
        attributes.mtu.reset();
    for (const auto& row : link_attributes()) // what a new link has anyway
        std::visit(
            [&](auto member) {
                if (attributes.*member == state.settings.of_new_links.*member)
                    (attributes.*member).reset();
            },
            row.member);
    target.attributes = merged(attributes, target.attributes);

    TunnelAttributes tunnel = old.tunnel;
    if (tunnel.local && tunnel.local->family != target.tunnel.local->family) {
        tunnel.label.reset();
        tunnel.udp6_zero_csum_rx.reset();
    }
    target.tunnel = merged(tunnel, target.tunnel);

    std::vector<Address> addresses;
    const auto holds = [](const std::vector<Address>& list, const Address& wanted) {
        return std::any_of(list.begin(), list.end(),
                           [&](const Address& address) { return same_identity(address, wanted); });
    };
    for (const auto& address : old.addresses)
        if (!holds(target.surplus_addresses, address)) addresses.push_back(address);
    for (const auto& address : target.addresses)
        if (!holds(addresses, address)) addresses.push_back(address);
    target.addresses = std::move(addresses);

    keep_flood_list(target, have, warnings);
    const bool other_vni = target.tunnel.vni != have.tunnel.vni;
    for (const auto& entry : old.macs) {
        if (is_in(target.surplus_macs, entry)) continue;
        if (other_vni && is_external_entry(entry)) continue;
        const auto& dst = entry.remote.dst;
        if (dst.family == target.tunnel.local->family && !is_by_no_link(entry.remote))
            target.macs.push_back(entry);
        else
            warnings.emplace_back(Code::fdb_entry_not_restorable, have.name,
                                  Values{{"mac", to_string(entry.mac)},
                                         {"peer", to_string(dst)},
                                         {"why", text_of(is_by_no_link(entry.remote)
                                                             ? Code::its_interface_is_gone
                                                             : Code::local_of_other_family)}});
    }
    target.neighbours = old.neighbours;
    const Routes restated(target.routes), surplus(target.surplus_routes);
    for (const auto& route : old.routes) {
        if (!restated.beside(route).empty() || surplus.contains(route)) continue;
        if (can_be_added(route, target.addresses, old.routes) &&
            !loses_source(route, target.addresses, vrf_table_of(target, state)))
            target.routes.push_back(route);
        else
            warnings.emplace_back(Code::route_goes_with_address, have.name,
                                  Values{{"route", to_string(route.to)}});
    }
    std::sort(target.routes.begin(), target.routes.end());
    warn_of_unrestorable_routes(have, warnings);
    warnings.emplace_back(Code::not_restored, have.name);
}

/// Everything that goes with the link, whether or not it can be made again.
std::string cost_of_recreate(const Link& have) {
    std::vector<std::string> kinds_lost;
    const auto add = [&](std::ptrdiff_t count, std::string_view one, std::string_view many,
                         bool always = false) {
        if (count > 0 || always) kinds_lost.push_back(counted(count, one, many));
    };
    const auto of_origin = [&](FdbOrigin origin) {
        return std::count_if(have.macs.begin(), have.macs.end(),
                             [&](const MacEntry& entry) { return entry.origin == origin; });
    };
    add(std::count_if(have.addresses.begin(), have.addresses.end(),
                      [](const Address& address) { return !is_automatic(address); }),
        "address", "addresses", true);
    add(std::count_if(have.routes.begin(), have.routes.end(), is_restorable) +
            std::ssize(unrestorable_routes(have)),
        "route", "routes", true);
    add(std::ssize(have.neighbours), "neighbour", "neighbours");
    add(std::ssize(have.flood_list), "flood entry", "flood entries");
    add(of_origin(FdbOrigin::pinned), "pinned MAC", "pinned MACs");
    add(of_origin(FdbOrigin::external), "MAC of a control plane", "MACs of a control plane");
    add(std::ssize(have.opaque), "entry that vxlanctl cannot express",
        "entries that vxlanctl cannot express");
    add(std::ssize(have.port.settings), "bridge port setting", "bridge port settings");
    std::ptrdiff_t vlans = 0;
    for (const auto& range : lasting_vlans(have.port))
        vlans += range.last - range.first + 1;
    add(vlans, "VLAN", "VLANs");
    add(of_origin(FdbOrigin::learned), "learned MAC", "learned MACs", true);
    const std::string last = std::exchange(kinds_lost.back(), "");
    kinds_lost.pop_back();
    return formatted("{} and {}", joined(kinds_lost, ", "), last);
}

/// Whether the link is what the tunnel's `failed_port` means.
bool is_failed_attempt(const Link& have, const Tunnel& tunnel) {
    if (!tunnel.failed_port || have.tunnel.port != tunnel.failed_port) return false;
    // What was learned goes when the link goes down; the counter stays.
    const bool has_group =
        is_multicast(have.tunnel.remote.value_or(IpAddress{})) ||
        std::any_of(have.flood_list.begin(), have.flood_list.end(),
                    [](const FloodEntry& entry) { return is_multicast(entry.dst); });
    const bool is_used = have.counters.rx_packets > 0 || is_external(have.flood_flags) ||
                         std::any_of(have.macs.begin(), have.macs.end(), [](const MacEntry& entry) {
                             return entry.origin != FdbOrigin::pinned;
                         });
    return !is_used && !has_group && !mark_of(have.attributes.alias.value_or(""));
}

/// Whether the recreate may happen, and what it has to keep.
void settle_recreate(LinkTarget& target, const Link& have, const std::vector<Change>& reasons,
                     const Tunnel& tunnel, const std::vector<std::string>& lost_uppers,
                     const State& state, const PlanOptions& options, TunnelPlan& plan) {
    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    std::vector<std::string> undeclared;
    for (const auto& address : have.addresses) {
        const bool surplus =
            std::any_of(target.surplus_addresses.begin(), target.surplus_addresses.end(),
                        [&](const Address& other) { return same_identity(other, address); });
        if (!is_automatic(address) && !surplus && !is_in(stated, address.prefix))
            undeclared.push_back(to_string(address.prefix));
    }
    const bool failed = is_failed_attempt(have, tunnel);
    const bool undecided = !undeclared.empty() && options.foreign == Foreign::ask && !failed;
    const Values what{{"what", joined(undeclared, ", ")}};
    if (!options.allow_recreate && !failed) {
        Error refusal(Code::needs_replacement, plan.name,
                      {{"changes", to_string(reasons)}, {"cost", cost_of_recreate(have)}});
        plan.errors.push_back(undecided
                                  ? std::move(refusal).also(Code::allow_recreate_and_decide, what)
                                  : std::move(refusal).also(Code::allow_recreate));
    } else if (undecided) {
        plan.errors.emplace_back(Code::foreign_addresses_undecided, plan.name, what);
    }
    if (!lost_uppers.empty() && options.foreign != Foreign::drop)
        plan.errors.emplace_back(Code::uppers_would_be_lost, plan.name,
                                 Values{{"interfaces", joined(lost_uppers, ", ")}});
    if (failed)
        plan.warnings.emplace_back(Code::replaced_failed_script, plan.name,
                                   Values{{"port", *tunnel.failed_port}});
    else
        plan.warnings.emplace_back(Code::interface_replaced, plan.name,
                                   Values{{"cost", cost_of_recreate(have)}});
    if (options.foreign != Foreign::drop) keep_foreign(target, have, state, plan.warnings);
    warn_of_external_entries(target, have, plan.warnings);
    warn_of_losses(have, plan.warnings);
}

/// Whether an interface other than this one has the VNI, on any port. Two of one VNI, even for a
/// moment and under a temporary name, make FRR's zebra abort.
bool is_vni_taken(const Link& have, const LinkTarget& want, const State& state) {
    return have.tunnel.vni == want.tunnel.vni ||
           std::any_of(state.links.begin(), state.links.end(), [&](const Link& link) {
               return link.kind == have.kind && link.name != have.name &&
                      link.tunnel.vni == want.tunnel.vni;
           });
}

std::vector<Step> recreate_steps(const Link& have, const LinkTarget& want,
                                 const std::vector<Change>& reasons, const State& state,
                                 TunnelPlan& plan) {
    if (plan.vanished) {
        std::vector<Step> steps = build_steps(want, want.name);
        steps.front().changes = reasons;
        steps.front().disruption = Disruption::recreate;
        append(steps, raise_steps(want));
        return steps;
    }
    // With a VNI that is free both links can exist, so the old one carries traffic until the new
    // one is built.
    const bool side_by_side = !is_vni_taken(have, want, state);
    if (!side_by_side && have.tunnel.kind == TunnelKind::vxlan)
        plan.warnings.emplace_back(Code::deleted_before_made, have.name,
                                   Values{{"vni", want.tunnel.vni.value_or(0)}});
    if (side_by_side) plan.temporary = temporary_name(*plan.mark);
    const std::string name = side_by_side ? plan.temporary : want.name;

    std::vector<Step> steps = build_steps(want, name);
    steps.front().changes = reasons;
    steps.front().disruption = Disruption::recreate;
    Step removal{DeleteLink{want.name}, {}, Disruption::recreate};
    steps.insert(side_by_side ? steps.end() : steps.begin(), std::move(removal));
    if (side_by_side) steps.push_back({RenameLink{name, want.name}, {}, Disruption::none});
    append(steps, raise_steps(want));
    return steps;
}

std::string cost_of_flap(const Link& have) {
    const auto routes = std::count_if(have.routes.begin(), have.routes.end(), is_restorable);
    return formatted("{} route{}", routes, routes == 1 ? "" : "s");
}

/// Refuses a flap after which routes could not be put back.
void keep_sources(const Link& have, const LinkTarget& target, const State& state,
                  TunnelPlan& plan) {
    const auto is_elsewhere = [&](const IpAddress& address) {
        return std::any_of(
            state.host_addresses.begin(), state.host_addresses.end(), [&](const HostAddress& host) {
                return host.prefix.address == address && host.link_index != have.index;
            });
    };
    const auto table = vrf_table_of(target, state);
    const Routes surplus(target.surplus_routes);
    for (const auto& route : have.routes)
        if (is_restorable(route) && !surplus.contains(route) &&
            loses_source(route, have.addresses, table) && !is_elsewhere(*route.source))
            plan.errors.emplace_back(Code::route_source_lost, plan.name,
                                     Values{{"route", to_string(route.to)},
                                            {"table", route.table},
                                            {"source", to_string(*route.source)},
                                            {"vrf", *target.attributes.vrf},
                                            {"vrf_table", table}});
}

/// Whether the flap may happen.
void settle_flap(const Link& have, const LinkTarget& target, const State& state,
                 const PlanOptions& options, TunnelPlan& plan) {
    const auto flaps = diff(have.attributes, target.attributes).flaps;
    if (flaps.empty() || !have.attributes.up.value_or(false)) return;
    if (!options.allow_flap)
        plan.errors.emplace_back(
            Code::needs_interruption, plan.name,
            Values{{"changes", to_string(flaps)}, {"cost", cost_of_flap(have)}});
    plan.warnings.emplace_back(Code::short_interruption, plan.name,
                               Values{{"cost", cost_of_flap(have)}});
    warn_of_unrestorable_routes(have, plan.warnings);
    keep_sources(have, target, state, plan);
}

/// Links that go with a link, and that the config neither makes anew nor removes.
std::vector<std::string> uppers_left(const Link& link, const Config& config,
                                     const std::vector<std::string>& absent) {
    std::vector<std::string> left;
    for (const auto& upper : link.uppers) {
        const auto makes = [&](const Tunnel& tunnel) {
            return tunnel.name == upper && tunnel.tunnel.kind == TunnelKind::vxlan;
        };
        if (!is_in(absent, upper) &&
            std::none_of(config.tunnels.begin(), config.tunnels.end(), makes))
            left.push_back(upper);
    }
    return left;
}

using Refusals = std::map<std::string, std::vector<Error>>; ///< by the tunnel's name

/// What the plans for all tunnels of a config have in common.
struct Common {
    const Config& config;
    const State& before; ///< all of them
    const Claims& claims;
    const std::vector<std::string>& absent;
    const PlanOptions& options;
    const Refusals& refused; ///< what cannot be done for reasons beyond the tunnel itself
};

const Tunnel* find_wish(const Config& config, const std::string& name) {
    const auto found = std::find_if(config.tunnels.begin(), config.tunnels.end(),
                                    [&](const Tunnel& tunnel) { return tunnel.name == name; });
    return found == config.tunnels.end() ? nullptr : &*found;
}

/// Whether a new link leaves tunnels behind that stood on the old one: by its ifindex, unless they
/// are given a lower device anew, or by an address that does not come back.
void settle_dependants(const Link& have, const LinkTarget& target, const Common& common,
                       TunnelPlan& plan) {
    std::vector<std::string> left;
    for (const auto& [name, local] : have.dependants) {
        const Tunnel* wish = find_wish(common.config, name);
        const bool comes_back = std::any_of(
            target.addresses.begin(), target.addresses.end(),
            [needed = local](const Address& inner) { return inner.prefix.address == needed; });
        const bool stands = local ? comes_back || (wish != nullptr && wish->tunnel.local != local)
                                  : wish != nullptr && wish->tunnel.dev;
        if (!stands && !is_in(common.absent, name)) left.push_back(name);
    }
    if (left.empty()) return;
    const std::string names = joined(left, ", ");
    if (common.options.foreign == Foreign::drop)
        plan.warnings.emplace_back(Code::dependants_carry_nothing, plan.name,
                                   Values{{"tunnels", names}});
    else
        plan.errors.emplace_back(Code::dependants_would_carry_nothing, plan.name,
                                 Values{{"tunnels", names}});
}

TunnelPlan plan_tunnel(const Tunnel& tunnel, const State& state, const Common& common) {
    const auto& [config, before, claims, absent, options, refused] = common;
    const Origin origin = config.origin;
    TunnelPlan plan;
    plan.name = tunnel.name;
    plan.wish = &tunnel;
    const Link* have = find_link(state, tunnel.name);
    if (have == nullptr) {
        have = state.vanished.find(tunnel.name);
        if (have != nullptr) plan.vanished = *have;
    }
    if (have != nullptr && tunnel_kind(have->kind) != tunnel.tunnel.kind) {
        plan.errors.emplace_back(Code::name_of_other_kind, tunnel.name,
                                 Values{{"kind", kind_in_words(*have)}});
        return plan;
    }

    Record old_record;
    const std::string alias = have != nullptr ? have->attributes.alias.value_or("") : std::string();
    plan.old_mark = mark_of(alias);
    if (have != nullptr && !plan.old_mark && !options.adopt && !tunnel.adopt)
        if (const auto signs = signs_of_another_program(*have, state); !signs.empty())
            plan.errors.emplace_back(Code::run_by_another_program, tunnel.name,
                                     Values{{"signs", joined(signs, ", ")}});
    if (have != nullptr && has_unreadable_record(*have, state))
        plan.errors.emplace_back(Code::record_unreadable, tunnel.name,
                                 Values{{"word", shell_quoted(tunnel.name)}});
    if (!plan.errors.empty()) return plan;
    const bool was_of_file = plan.old_mark && plan.old_mark->origin == Origin::file;
    if (plan.old_mark) {
        if (const auto found = state.records.find(plan.old_mark->id); found != state.records.end())
            old_record = found->second;
        else
            plan.warnings.emplace_back(Code::record_missing, tunnel.name);
    }
    // Nobody knows which file a record of 0.1 comes from.
    const bool keeps_origin = was_of_file && old_record.source.empty();
    const bool is_of_file = origin == Origin::file || !tunnel.source.empty() || keeps_origin;
    if (keeps_origin && origin == Origin::cli && tunnel.source.empty())
        plan.warnings.emplace_back(Code::tunnel_comes_from_file, tunnel.name);

    settle_unresolved(tunnel, have, plan);
    LinkTarget target = target_for(tunnel, have, old_record, state, options);
    auto reasons = have != nullptr ? impossible_in_place(*have, target) : std::vector<Change>{};
    if (plan.vanished && reasons.empty())
        reasons.push_back({"lower device", have->tunnel.dev.value_or(""), "another one"});
    const bool replaces = !reasons.empty();
    const bool keeps_mark = plan.old_mark && !replaces;
    plan.mark = keeps_mark ? plan.old_mark : Mark{origin, options.new_id(tunnel.name)};
    plan.mark->origin = is_of_file ? Origin::file : Origin::cli;
    target.attributes.alias = with_mark(alias, *plan.mark);
    plan.record = record_of(tunnel, before);
    if (have != nullptr && !replaces) plan.record.interface.index = have->index;

    plan_elsewhere(target, stated_elsewhere(tunnel, state), old_record, state, claims);
    if (tunnel.routes)
        target.leaving_routes = leaving_routes(stated_routes(tunnel, state), state, claims);
    if (replaces) {
        if (is_external(have->flood_flags))
            for (const auto& entry : have->flood_list)
                if (entry.dst.family != tunnel.tunnel.local->family)
                    plan.warnings.emplace_back(
                        Code::peer_not_restorable, tunnel.name,
                        Values{{"peer", to_string(entry.dst)},
                               {"why", text_of(Code::local_of_other_family)}});
        settle_recreate(target, *have, reasons, tunnel, uppers_left(*have, config, absent), state,
                        options, plan);
        settle_dependants(*have, target, common, plan);
    } else if (have != nullptr) {
        settle_flap(*have, target, state, options, plan);
    }
    preflight(tunnel, target, have, replaces, state, options, plan);
    for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
        for (const auto& other : config.tunnels)
            if (other.name == device && other.link.forward == false)
                plan.errors.emplace_back(Code::forward_contradicts, tunnel.name,
                                         Values{{"other", other.name}});
    if (const auto beyond = refused.find(tunnel.name);
        beyond != refused.end() && plan.errors.empty())
        plan.errors = beyond->second;
    if (!plan.errors.empty()) return plan;

    if (have == nullptr) {
        plan.steps = build_steps(target, target.name);
        append(plan.steps, raise_steps(target));
    } else if (replaces) {
        plan.steps = recreate_steps(*have, target, reasons, state, plan);
    } else {
        plan.steps = change_steps(*have, target);
        if (target.flood_list)
            for (const auto& entry : minus(have->flood_list, *target.flood_list))
                if (is_by_no_link(entry))
                    plan.warnings.emplace_back(Code::peer_through_missing_interface, tunnel.name,
                                               Values{{"peer", to_string(entry.dst)}});
        for (const auto& route : lost_routes(*have, target))
            plan.warnings.emplace_back(Code::route_goes_with_address, tunnel.name,
                                       Values{{"route", to_string(route.to)}});
        const auto* change = plan.steps.size() == 1
                                 ? std::get_if<ChangeLink>(&plan.steps.front().operation)
                                 : nullptr;
        LinkAttributes mark_alone;
        mark_alone.alias = target.attributes.alias;
        plan.adopted = change != nullptr && change->changed == mark_alone;
    }
    return plan;
}

/// Whether links are removed before all that is made, or after it.
enum class Turn { first, last };

/// Whether what stands on the link will have left it, or is made again, when that is removed.
/// `then` is what is expected by that time.
bool will_have_left(const std::string& name, const Link& lower, const Common& common,
                    const State& then, Turn turn) {
    const bool is_known = find_link(common.before, name) != nullptr;
    const Link* later = find_link(then, name);
    if (is_known && (later == nullptr || later->tunnel.dev != lower.name)) return true;
    const Tunnel* wish = find_wish(common.config, name);
    return is_known && wish != nullptr && wish->tunnel.dev && wish->tunnel.dev != lower.name &&
           turn == Turn::first;
}

/// Links that go with a link that shall be absent, and that shall not.
std::vector<std::string> uppers_on(const Link& link, const Common& common, const State& then,
                                   Turn turn) {
    std::vector<std::string> uppers;
    for (const auto& upper : link.uppers)
        if (!is_in(common.absent, upper) && !will_have_left(upper, link, common, then, turn))
            uppers.push_back(upper);
    return uppers;
}

/// Tunnels that would stay and carry nothing.
std::vector<std::string> dependants_on(const Link& link, const Common& common) {
    std::vector<std::string> names;
    for (const auto& [name, local] : link.dependants) {
        const Tunnel* wish = find_wish(common.config, name);
        const bool leaves =
            wish != nullptr && (local ? wish->tunnel.local != local
                                      : wish->tunnel.dev.value_or(link.name) != link.name);
        if (!leaves && !is_in(common.absent, name)) names.push_back(name);
    }
    return names;
}

/// Refuses to remove a link under others.
void keep_what_stands_on(const Link& have, const Common& common, const State& then, Turn turn,
                         TunnelPlan& plan) {
    const auto refuse = [&](Code code, const std::vector<std::string>& names) {
        if (!names.empty())
            plan.errors.emplace_back(code, plan.name,
                                     Values{{"names", joined(names, ", ")}, {"name", plan.name}});
    };
    refuse(Code::interfaces_depend_on_it, uppers_on(have, common, then, turn));
    refuse(Code::tunnels_depend_on_it, dependants_on(have, common));
}

/// `then` is what is expected when the link's turn comes.
TunnelPlan plan_absence(const std::string& name, const Common& common, const State& then,
                        Turn turn) {
    const auto& [config, state, claims, absent, options, refused] = common;
    TunnelPlan plan;
    plan.name = name;
    plan.absent = true;
    const Link* have = find_link(state, name);
    if (have == nullptr) return plan;
    plan.old_mark = mark_of(have->attributes.alias.value_or(""));
    const Record* known = is_leftover(*have) ? nullptr : find_record(state, have);
    if (known != nullptr && !is_of(*known, *have))
        plan.old_mark.reset(); // a copied one: what it stands for is another interface's
    const bool is_unreadable = has_unreadable_record(*have, state);
    if (is_unreadable && options.force)
        plan.warnings.emplace_back(Code::removed_with_unreadable_record, name);
    if (!is_tunnel(*have))
        plan.errors.push_back(Error(Code::not_a_tunnel, name, {{"kind", kind_in_words(*have)}})
                                  .also(Code::ip_link_del, {{"name", name}}));
    else if (is_fallback(*have))
        plan.errors.emplace_back(Code::fallback_not_removed, name);
    else if (!plan.old_mark && !options.force && !config.dropped.contains(name))
        plan.errors.emplace_back(Code::not_made_by_vxlanctl, name);
    else if (is_unreadable && !options.force)
        plan.errors.emplace_back(Code::record_unreadable, name,
                                 Values{{"word", shell_quoted(name)}});
    else if (!options.force)
        keep_what_stands_on(*have, common, then, turn, plan);
    if (const auto beyond = refused.find(name); beyond != refused.end() && plan.errors.empty())
        plan.errors = beyond->second;
    if (plan.errors.empty() && config.dropped.contains(name))
        plan.warnings.emplace_back(
            Code::dropped_with_lower, name,
            Values{{"other", have->tunnel.dev.value_or("")}, {"cost", cost_of_recreate(*have)}});
    if (plan.errors.empty()) plan.steps.push_back({DeleteLink{name}, {}, Disruption::none});
    if (plan.steps.empty() || !plan.old_mark) return plan;
    if (const auto record = state.records.find(plan.old_mark->id); record != state.records.end()) {
        LinkTarget target;
        target.name = name;
        plan_elsewhere(target, {}, record->second, then, claims);
        auto steps = elsewhere_steps(target);
        append(steps, std::exchange(plan.steps, {}));
        plan.steps = std::move(steps);
    }
    return plan;
}

/// Replacements that a killed run left behind hold their VNI, and would never go by themselves.
std::vector<std::string> leftovers_in(const State& state, const Common& common) {
    std::vector<std::string> names;
    for (const auto& link : state.links)
        if (is_tunnel(link) && is_leftover(link) && !is_in(common.absent, link.name))
            names.push_back(link.name);
    return names;
}

/// Those of the links to be removed that have to go before anything can be made in their place. All
/// others carry traffic until then.
std::vector<std::string> links_in_the_way(const std::vector<std::string>& absent,
                                          const Config& config, const State& state) {
    std::vector<std::string> names;
    for (const auto& name : absent) {
        const Link* link = find_link(state, name);
        const auto needs_place = [&](const Tunnel& tunnel) {
            const Link* own = find_link(state, tunnel.name);
            return exclude_each_other(link->tunnel, tunnel.tunnel) &&
                   (own == nullptr || !exclude_each_other(own->tunnel, tunnel.tunnel));
        };
        if (link != nullptr && is_tunnel(*link) &&
            std::any_of(config.tunnels.begin(), config.tunnels.end(), needs_place))
            names.push_back(name);
    }
    return names;
}

bool goes_itself(const TunnelPlan& plan) {
    return plan.vanished || removes(plan, plan.name);
}

/// Whether the tunnel loses what it stands on when the plan for `lower` is carried out.
bool stands_on(const std::string& name, const Link& lower, const TunnelPlan& plan) {
    return is_in(lower.uppers, name) ||
           std::any_of(lower.dependants.begin(), lower.dependants.end(),
                       [&](const Dependant& dependant) {
                           return dependant.name == name && (plan.absent || !dependant.local);
                       });
}

/// A link does not go when one that stands on it can neither go nor be made again. Returns whether
/// there is any such one that is not known yet.
bool refuse_with_uppers(const Plan& plan, const State& state, Refusals& refused) {
    bool any = false;
    if (std::all_of(plan.tunnels.begin(), plan.tunnels.end(),
                    [](const TunnelPlan& tunnel) { return tunnel.errors.empty(); }))
        return false;
    for (const auto& lower : plan.tunnels) {
        const Link* link = find_link(state, lower.name);
        if (!lower.errors.empty()) continue;
        const bool goes = link != nullptr && goes_itself(lower);
        const auto upper =
            std::find_if(plan.tunnels.begin(), plan.tunnels.end(), [&](const TunnelPlan& other) {
                return !other.errors.empty() && ((goes && stands_on(other.name, *link, lower)) ||
                                                 removes(lower, other.name));
            });
        if (upper == plan.tunnels.end()) continue;
        Error error(Code::cannot_go_without, lower.name, {{"other", upper->name}});
        any = refused[lower.name].empty() || any;
        refused[lower.name] = {std::move(error)};
        refused.emplace(upper->name, upper->errors); // also where they are due to the lower one
    }
    return any;
}

/// Adds those of the links to be removed that would go with one that is replaced: then what they
/// have elsewhere is released by their own plans, and all that goes has been announced. Returns
/// whether there are any.
bool add_those_on_replaced(const Plan& plan, const State& state,
                           const std::vector<std::string>& absent,
                           std::vector<std::string>& first) {
    std::set<std::string> going;
    for (const auto& tunnel : plan.tunnels)
        if (tunnel.errors.empty() && !tunnel.absent && goes_itself(tunnel))
            going.insert(tunnel.name);
    for (const auto& name : first)
        going.insert(name);
    if (going.empty()) return false;
    const std::size_t before = first.size();
    // The upper ones come first in `absent`.
    for (auto name = absent.rbegin(); name != absent.rend(); ++name) {
        const Link* link = find_link(state, *name);
        if (link == nullptr || !goes_with_lower(link->kind) || is_in(first, *name) ||
            !going.contains(link->tunnel.dev.value_or("")))
            continue;
        first.push_back(*name);
        going.insert(*name);
    }
    return first.size() != before;
}

/// Adds the tunnels that stay as they are, and so claim nothing that they have not. Returns whether
/// there are any that matter.
bool add_refused(const Plan& plan, std::set<std::string>& staying) {
    bool any = false;
    for (const auto& tunnel : plan.tunnels) {
        if (tunnel.errors.empty() || tunnel.wish == nullptr) continue;
        const Tunnel& wish = *tunnel.wish;
        if (wish.routes || wish.rules || wish.forward_from)
            any = staying.insert(tunnel.name).second || any;
    }
    return any;
}

/// A VNI, or ends, that another tunnel would leave are not the reason why this one is refused: both
/// wait for the same option.
void forgive_waiting(Plan& plan) {
    const auto only_waits = [&](std::string_view name) {
        return std::any_of(plan.tunnels.begin(), plan.tunnels.end(), [&](const TunnelPlan& other) {
            return other.name == name && other.wish != nullptr && !other.errors.empty() &&
                   std::any_of(other.errors.begin(), other.errors.end(), [](const Error& error) {
                       return error.code == Code::needs_replacement;
                   });
        });
    };
    for (auto& tunnel : plan.tunnels) {
        const bool needs_option =
            std::any_of(tunnel.errors.begin(), tunnel.errors.end(),
                        [](const Error& error) { return error.code == Code::needs_replacement; });
        if (needs_option)
            std::erase_if(tunnel.errors, [&](const Error& error) {
                return (error.code == Code::vni_in_use || error.code == Code::ends_in_use) &&
                       only_waits(error.value("interface"));
            });
    }
}

/// Removes links of tunnels that are made again later in the run, since another one takes their
/// place. Returns how.
std::vector<Step> evict(State& state, const std::vector<std::string>& names) {
    std::vector<Step> steps;
    for (const auto& name : names) {
        const Link* link = find_link(state, name);
        if (link == nullptr) continue; // it went with another one
        Link gone = *link;
        steps.push_back({DeleteLink{name}, {}, Disruption::recreate});
        take_effect(state, {steps.back()});
        state.vanished.put(std::move(gone));
    }
    return steps;
}

/// One attempt at a plan, with what is known to be refused and what has to go first.
Plan plan_once(const Common& common, const std::vector<std::string>& first) {
    const auto& [config, state, claims, absent, options, refused] = common;
    Plan plan;
    // What one tunnel changes, another one may count on.
    std::optional<State> expected; // a copy only where it differs
    const auto leftovers = leftovers_in(state, common);
    if (config.tunnels.size() + absent.size() + leftovers.size() > 1) expected = state;
    const auto then = [&]() -> const State& { return expected ? *expected : common.before; };
    const auto add = [&](TunnelPlan tunnel, std::size_t stage) {
        tunnel.stage = stage;
        if (expected && tunnel.errors.empty()) take_effect(*expected, tunnel.steps);
        plan.tunnels.push_back(std::move(tunnel));
    };
    for (const auto& name : leftovers)
        add(plan_absence(name, common, then(), Turn::first), 0);
    const auto goes_first = [&](const std::string& name) { return is_in(first, name); };
    for (const auto& name : absent)
        if (goes_first(name)) add(plan_absence(name, common, then(), Turn::first), 0);

    const Making making = making_of(config.tunnels, state);
    const std::size_t stage = plan.tunnels.empty() ? 0 : 1;
    for (const std::size_t index : making.order) {
        const auto evicted = making.evicted.find(index);
        if (evicted == making.evicted.end()) {
            add(plan_tunnel(config.tunnels[index], then(), common), stage + making.layers[index]);
            continue;
        }
        State without = *expected;
        const auto removals = evict(without, evicted->second);
        TunnelPlan tunnel = plan_tunnel(config.tunnels[index], without, common);
        if (tunnel.errors.empty()) {
            expected = std::move(without);
            tunnel.steps.insert(tunnel.steps.begin(), removals.begin(), removals.end());
        }
        add(std::move(tunnel), stage + making.layers[index]);
    }
    const std::size_t last = plan.tunnels.empty() ? 0 : plan.tunnels.back().stage + 1;
    for (const auto& name : absent)
        if (!goes_first(name)) add(plan_absence(name, common, then(), Turn::last), last);
    return plan;
}

} // namespace

Plan plan(const Config& config, const State& state, const PlanOptions& options) {
    std::set<std::string> staying;
    Claims claims = claims_on(config, state, staying);
    const auto absent = removal_order(absent_links(config, state), state);
    auto first = links_in_the_way(absent, config, state);
    Refusals refused;
    for (const auto& [name, error] : options.failed)
        refused[name].push_back(error);
    Plan plan;
    // Each time one more is known of what cannot be done, or of what has to go first.
    for (bool again = true; again;) {
        plan = plan_once({config, state, claims, absent, options, refused}, first);
        again = refuse_with_uppers(plan, state, refused) ||
                add_those_on_replaced(plan, state, absent, first);
        if (!again && add_refused(plan, staying)) {
            claims = claims_on(config, state, staying);
            again = true;
        }
    }
    forgive_waiting(plan);
    const bool only_tells = config.origin == Origin::file && config.unnamed == Unnamed::keep;
    if (only_tells) plan.unnamed = unnamed_links(config, state, Unnamed::prune);
    plan.kept = kept_unnamed(config, state, only_tells ? Unnamed::prune : config.unnamed);
    return plan;
}

bool removes(const TunnelPlan& plan, const std::string& name) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
        const auto* removal = std::get_if<DeleteLink>(&step.operation);
        return removal != nullptr && removal->link == name;
    });
}

bool concerns_uppers(const TunnelPlan& plan) {
    return !plan.errors.empty() || plan.vanished ||
           std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
               return std::holds_alternative<DeleteLink>(step.operation);
           });
}

bool concerns_foreign(const TunnelPlan& plan) {
    return !plan.errors.empty() ||
           std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
               const auto* change = std::get_if<ChangeTunnel>(&step.operation);
               const auto* link = std::get_if<ChangeLink>(&step.operation);
               return std::holds_alternative<RemoveAddress>(step.operation) ||
                      std::holds_alternative<DeleteLink>(step.operation) ||
                      step.disruption == Disruption::flap ||
                      (change != nullptr && change->changed.dev) || // its undo may replace the link
                      (link != nullptr &&                           // these drop neighbours
                       (link->changed.mac || link->changed.arp));
           });
}

} // namespace vxlanctl
