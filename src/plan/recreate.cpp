#include "vxlanctl/plan/recreate.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/stacking.h"
#include "vxlanctl/plan/target.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <utility>

namespace vxlanctl {
namespace {

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
}

void keep_attributes(LinkTarget& target, const LinkTarget& old, const Link& have,
                     const State& state) {
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
    for (const auto& row : link_attributes()) // what takes a step of its own
        if ((row.wire == Wire::ipv6_mode || is_of_port(row)) && !row.reset.empty() &&
            value_text(attributes, row) == row.reset)
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
    if (attributes.bridge_pvid == target.new_port.bridge_pvid && !attributes.bridge_vlans)
        attributes.bridge_pvid.reset();
    if (target.new_port == LinkAttributes{} || changes_bridge(have, target))
        attributes = without_port_part(std::move(attributes)); // what it keeps is settled
    target.attributes = merged(attributes, target.attributes);

    TunnelAttributes tunnel = old.tunnel;
    if (tunnel.local && tunnel.local->family != target.tunnel.local->family) {
        tunnel.label.reset();
        tunnel.udp6_zero_csum_rx.reset();
    }
    target.tunnel = merged(tunnel, target.tunnel);
}

void keep_addresses(LinkTarget& target, const LinkTarget& old) {
    std::vector<Address> addresses;
    for (const auto& address : old.addresses)
        if (!is_among(target.surplus_addresses, address)) addresses.push_back(address);
    for (const auto& address : target.addresses)
        if (!is_among(addresses, address)) addresses.push_back(address);
    target.addresses = std::move(addresses);
}

void keep_macs(LinkTarget& target, const LinkTarget& old, const Link& have,
               std::vector<Message>& warnings) {
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
}

void keep_routes(LinkTarget& target, const LinkTarget& old, const Link& have, const State& state,
                 std::vector<Message>& warnings) {
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
}

/// Adds to the target of a new link what the old one has and nobody asked to lose.
void keep_foreign(LinkTarget& target, const Link& have, const State& state,
                  std::vector<Message>& warnings) {
    const LinkTarget old = target_of(have);
    keep_attributes(target, old, have, state);
    keep_addresses(target, old);
    keep_flood_list(target, have, warnings);
    keep_macs(target, old, have, warnings);
    target.neighbours = old.neighbours;
    keep_routes(target, old, have, state, warnings);
    warn_of_unrestorable_routes(have, warnings);
    warnings.emplace_back(Code::not_restored, have.name);
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
void settle_replacement(LinkTarget& target, const Link& have,
                        const std::vector<Difference>& reasons, const Tunnel& tunnel,
                        const std::vector<std::string>& lost_uppers, const State& state,
                        const PlanOptions& options, TunnelPlan& plan) {
    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    std::vector<std::string> undeclared;
    for (const auto& address : have.addresses) {
        if (!is_automatic(address) && !is_among(target.surplus_addresses, address) &&
            !is_in(stated, address.prefix))
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

/// The IPv6 addresses that the old link has and the new one gets. Those have passed duplicate
/// address detection, and waiting for it again would interrupt traffic for two seconds.
std::vector<Address> moved_addresses(const Link& have, const LinkTarget& want) {
    constexpr std::uint32_t unproven = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_NODAD;
    std::vector<Address> moved;
    for (const auto& address : want.addresses)
        if (address.prefix.address.family == Family::ipv6 &&
            std::any_of(have.addresses.begin(), have.addresses.end(), [&](const Address& old) {
                return same_identity(old, address) && (old.flags & unproven) == 0;
            }))
            moved.push_back(address);
    return moved;
}

} // namespace

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
    const auto [settings, vlans] = set_on_port(have);
    add(settings, "bridge port setting", "bridge port settings");
    add(vlans, "VLAN", "VLANs");
    add(of_origin(FdbOrigin::learned), "learned MAC", "learned MACs", true);
    const std::string last = std::exchange(kinds_lost.back(), "");
    kinds_lost.pop_back();
    return formatted("{} and {}", joined(kinds_lost, ", "), last);
}

void warn_of_unrestorable_routes(const Link& have, std::vector<Message>& warnings) {
    const auto lost = unrestorable_routes(have).size();
    if (lost > 0)
        warnings.emplace_back(
            Code::routes_not_restorable, have.name,
            Values{{"routes", formatted("{} route{}", lost, lost == 1 ? "" : "s")}});
}

void settle_recreate(LinkTarget& target, const Link& have, const std::vector<Difference>& reasons,
                     const Tunnel& tunnel, const State& state, const Common& common,
                     TunnelPlan& plan) {
    if (is_external(have.flood_flags))
        for (const auto& entry : have.flood_list)
            if (entry.dst.family != tunnel.tunnel.local->family)
                plan.warnings.emplace_back(Code::peer_not_restorable, tunnel.name,
                                           Values{{"peer", to_string(entry.dst)},
                                                  {"why", text_of(Code::local_of_other_family)}});
    settle_replacement(target, have, reasons, tunnel,
                       uppers_left(have, common.config, common.absent), state, common.options,
                       plan);
    settle_dependants(have, target, common, plan);
}

std::vector<Step> recreate_steps(const Link& have, LinkTarget want,
                                 const std::vector<Difference>& reasons, const State& state,
                                 TunnelPlan& plan) {
    want.moved = moved_addresses(have, want);
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

} // namespace vxlanctl
