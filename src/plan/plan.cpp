#include "vxlanctl/plan/plan.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/absence.h"
#include "vxlanctl/plan/effect.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/stacking.h"
#include "vxlanctl/plan/tunnel_plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace vxlanctl {
namespace {

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
    const bool only_tells =
        config.origin == Origin::file && config.unnamed == Unnamed::keep && !config.is_part;
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

std::optional<std::size_t> departure_in(const TunnelPlan& plan) {
    std::optional<std::size_t> position;
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
        if (const auto* removal = std::get_if<DeleteLink>(&plan.steps[i].operation)) {
            if (position || removal->link != plan.name) return std::nullopt;
            position = i;
        }
    return position;
}

bool make_beside(std::span<const Step> steps, const Link& other) {
    return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
        const auto* create = std::get_if<CreateLink>(&step.operation);
        return create != nullptr && is_tunnel(other) && create->tunnel.kind == other.tunnel.kind &&
               ((create->tunnel.vni && create->tunnel.vni == other.tunnel.vni) ||
                exclude_each_other(create->tunnel, other.tunnel));
    });
}

void name_peers(Message& message, const PeerNames& names) {
    const auto address = parse_address(message.value("peer"));
    const std::string name = address ? name_of_peer(names, *address) : "";
    if (!name.empty()) message.set({"peer_name", name});
    for (auto& next : message.more)
        name_peers(next, names);
}

void name_peers(TunnelPlan& plan) {
    if (plan.peer_names.empty()) return;
    for (auto* messages : {&plan.warnings, &plan.errors})
        for (auto& message : *messages)
            name_peers(message, plan.peer_names);
}

bool is_carried_out(const TunnelPlan& plan) {
    return plan.errors.empty() && !plan.steps.empty();
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
               return std::holds_alternative<Remove<Address>>(step.operation) ||
                      std::holds_alternative<DeleteLink>(step.operation) ||
                      step.disruption == Disruption::flap ||
                      (change != nullptr &&
                       change->changed.dev) || // its rollback may replace the link
                      (link != nullptr &&      // these drop neighbours
                       (link->changed.mac || link->changed.arp));
           });
}

} // namespace vxlanctl
