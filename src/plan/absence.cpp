#include "vxlanctl/plan/absence.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/recreate.h"

#include <algorithm>
#include <utility>

namespace vxlanctl {
namespace {

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

} // namespace

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

} // namespace vxlanctl
