#include "vxlanctl/plan/tunnel_plan.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/recreate.h"
#include "vxlanctl/plan/target.h"

#include <algorithm>

namespace vxlanctl {
namespace {

std::string alias_of(const Link* link) {
    return link == nullptr ? "" : link->attributes.alias.value_or("");
}

/// Whose link it is: whether we may touch it, and what we remember of it.
Record settle_ownership(const Tunnel& tunnel, const Link* have, const State& state,
                        const PlanOptions& options, TunnelPlan& plan) {
    Record old_record;
    if (have != nullptr && tunnel_kind(have->kind) != tunnel.tunnel.kind) {
        plan.errors.emplace_back(Code::name_of_other_kind, tunnel.name,
                                 Values{{"kind", kind_in_words(*have)}});
        return old_record;
    }
    plan.old_mark = mark_of(alias_of(have));
    if (tunnel.named && (have == nullptr || plan.vanished))
        plan.errors.emplace_back(Code::no_such_interface, tunnel.name);
    else if (tunnel.named && !plan.old_mark && !options.adopt)
        plan.errors.emplace_back(Code::not_managed, tunnel.name);
    if (!plan.errors.empty()) return old_record;
    if (have != nullptr && !plan.old_mark && !options.adopt && !tunnel.adopt)
        if (const auto signs = signs_of_another_program(*have, state, tunnel.evpn); !signs.empty())
            plan.errors.emplace_back(Code::run_by_another_program, tunnel.name,
                                     Values{{"signs", joined(signs, ", ")}});
    if (have != nullptr && has_unreadable_record(*have, state))
        plan.errors.emplace_back(Code::record_unreadable, tunnel.name,
                                 Values{{"word", shell_quoted(tunnel.name)}});
    if (!plan.errors.empty()) return old_record;
    if (plan.old_mark) {
        if (const auto found = state.records.find(plan.old_mark->id); found != state.records.end())
            old_record = found->second;
        else
            plan.warnings.emplace_back(Code::record_missing, tunnel.name);
    }
    return old_record;
}

bool comes_from_file(const Tunnel& tunnel, const Record& record, Origin origin, TunnelPlan& plan) {
    const bool was_of_file = plan.old_mark && plan.old_mark->origin == Origin::file;
    // Nobody knows which file a record of 0.1 comes from.
    const bool keeps_origin = was_of_file && record.source.empty();
    if (keeps_origin && origin == Origin::cli && tunnel.source.empty())
        plan.warnings.emplace_back(Code::tunnel_comes_from_file, tunnel.name);
    return origin == Origin::file || !tunnel.source.empty() || keeps_origin;
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

/// A device that another tunnel of the config wants not to forward.
void refuse_contradictions(const Tunnel& tunnel, const Config& config, TunnelPlan& plan) {
    for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
        for (const auto& other : config.tunnels)
            if (other.name == device && other.link.forward == false)
                plan.errors.emplace_back(Code::forward_contradicts, tunnel.name,
                                         Values{{"other", other.name}});
}

/// Gives a new VXLAN a MAC address of its own, also where the kernel would choose one: udev would
/// replace that. An interface that takes an old one's place has that one's.
void settle_mac(LinkTarget& target, const Tunnel& tunnel, const Link* have, bool replaces,
                const PlanOptions& options, TunnelPlan& plan) {
    auto& mac = target.attributes.mac;
    if (tunnel.tunnel.kind != TunnelKind::vxlan || mac || (have != nullptr && !replaces)) return;
    if (have != nullptr) {
        mac = have->attributes.mac;
        return;
    }
    const auto machine = tunnel.random_mac ? std::nullopt : options.machine_id();
    mac = machine ? stable_mac(*machine, tunnel.name, target.tunnel)
                  : locally_administered(options.random_mac(tunnel.name));
    if (!machine && !tunnel.random_mac)
        plan.warnings.emplace_back(Code::no_machine_id, tunnel.name,
                                   Values{{"mac", to_string(*mac)}});
}

void plan_creation(const LinkTarget& target, TunnelPlan& plan) {
    plan.steps = build_steps(target, target.name);
    append(plan.steps, raise_steps(target));
}

/// An earlier command set more than this one repeats.
void warn_of_resets(const Tunnel& tunnel, const Record& record, TunnelPlan& plan) {
    if (const auto keys = not_repeated(tunnel, record); !keys.empty())
        plan.warnings.emplace_back(
            Code::resets_not_repeated, tunnel.name,
            Values{{"keys", joined(keys, ", ")}, {"word", shell_quoted(tunnel.name)}});
}

/// The steps of a change in place.
void plan_change(const Tunnel& tunnel, const Link& have, const LinkTarget& target,
                 TunnelPlan& plan) {
    plan.steps = change_steps(have, target);
    if (target.flood_list)
        for (const auto& entry : minus(have.flood_list, *target.flood_list))
            if (is_by_no_link(entry))
                plan.warnings.emplace_back(Code::peer_through_missing_interface, tunnel.name,
                                           Values{{"peer", to_string(entry.dst)}});
    for (const auto& route : lost_routes(have, target))
        plan.warnings.emplace_back(Code::route_goes_with_address, tunnel.name,
                                   Values{{"route", to_string(route.to)}});
    if (plan.steps.empty()) // what it would go back to is what it has
        std::erase_if(plan.warnings, [](const Message& warning) {
            return warning.code == Code::resets_not_repeated;
        });
    const auto* change =
        plan.steps.size() == 1 ? std::get_if<ChangeLink>(&plan.steps.front().operation) : nullptr;
    LinkAttributes mark_alone;
    mark_alone.alias = target.attributes.alias;
    plan.adopted = change != nullptr && change->changed == mark_alone;
}

} // namespace

const Tunnel* find_wish(const Config& config, const std::string& name) {
    const auto found = std::find_if(config.tunnels.begin(), config.tunnels.end(),
                                    [&](const Tunnel& tunnel) { return tunnel.name == name; });
    return found == config.tunnels.end() ? nullptr : &*found;
}

TunnelPlan plan_tunnel(const Tunnel& tunnel, const State& state, const Common& common) {
    const auto& [config, before, claims, absent, options, refused] = common;
    TunnelPlan plan;
    plan.name = tunnel.name;
    plan.wish = &tunnel;
    const Link* have = find_link(state, tunnel.name);
    if (have == nullptr) {
        have = state.vanished.find(tunnel.name);
        if (have != nullptr) plan.vanished = *have;
    }
    const Record old_record = settle_ownership(tunnel, have, state, options, plan);
    if (!plan.errors.empty()) return plan;
    plan.peer_names = tunnel.peer_names;
    plan.peer_names.insert(old_record.peer_names.begin(), old_record.peer_names.end());
    const bool is_of_file = comes_from_file(tunnel, old_record, config.origin, plan);

    settle_unresolved(tunnel, have, plan);
    LinkTarget target = target_for(tunnel, have, old_record, state, options);
    auto reasons = have != nullptr ? impossible_in_place(*have, target) : std::vector<Difference>{};
    if (plan.vanished && reasons.empty())
        reasons.push_back({"lower device", have->tunnel.dev.value_or(""), "another one"});
    const bool replaces = !reasons.empty();
    const bool keeps_mark = plan.old_mark && !replaces;
    plan.mark = keeps_mark ? plan.old_mark : Mark{config.origin, options.new_id(tunnel.name)};
    plan.mark->origin = is_of_file ? Origin::file : Origin::cli;
    target.attributes.alias = with_mark(alias_of(have), *plan.mark);
    plan.record = record_of(tunnel, before);
    if (tunnel.named)
        plan.record = with_unnamed(std::move(plan.record), old_record, *tunnel.named);
    else if (config.origin == Origin::cli && !is_of_file)
        warn_of_resets(tunnel, old_record, plan);
    if (have != nullptr && !replaces) plan.record.interface.index = have->index;

    plan_elsewhere(target, stated_elsewhere(tunnel, state), old_record, state, claims);
    if (tunnel.routes)
        target.leaving_routes = leaving_routes(stated_routes(tunnel, state), state, claims);
    settle_mac(target, tunnel, have, replaces, options, plan);
    if (replaces) {
        settle_recreate(target, *have, reasons, tunnel, state, common, plan);
    } else if (have != nullptr) {
        settle_flap(*have, target, state, options, plan);
    }
    preflight(tunnel, target, have, replaces, state, options, plan);
    refuse_contradictions(tunnel, config, plan);
    if (const auto beyond = refused.find(tunnel.name);
        beyond != refused.end() && plan.errors.empty())
        plan.errors = beyond->second;
    if (!plan.errors.empty()) return plan;

    if (replaces)
        plan.steps = recreate_steps(*have, target, reasons, state, plan);
    else if (have != nullptr)
        plan_change(tunnel, *have, target, plan);
    else
        plan_creation(target, plan);
    return plan;
}

} // namespace vxlanctl
