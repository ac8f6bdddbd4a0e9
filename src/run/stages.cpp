#include "vxlanctl/run/namespace_run.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/preflight.h"

#include <algorithm>
#include <span>

namespace vxlanctl {

void NamespaceRun::carry_out() {
    const bool prepares =
        std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [](const TunnelPlan& tunnel) {
            return tunnel.errors.empty() && !tunnel.preparations.empty();
        });
    if (prepares)
        if (auto ready = prepare(); !ready) return fail_unprepared(ready.error());
    if (!is_there()) return; // nothing can be made
    const auto given_up = records_given_up(state_);
    const std::size_t stages = plan_.tunnels.empty() ? 0 : plan_.tunnels.back().stage + 1;
    for (std::size_t stage = 0; stage < stages; ++stage) {
        if (prepares || (stage > 0 && stands_on_changes(stage))) plan_again(stage);
        carry_out_stage(stage);
    }
    release_unclaimed(given_up);
    if (prepares) put_back_unused();
}

void NamespaceRun::carry_out_stage(std::size_t stage) {
    const auto is_earlier = [&](const TunnelPlan& tunnel) { return tunnel.stage < stage; };
    const auto is_meant = [&](const TunnelPlan& tunnel) { return tunnel.stage == stage; };
    const auto begin = std::find_if_not(plan_.tunnels.begin(), plan_.tunnels.end(), is_earlier);
    const std::span<TunnelPlan> tunnels(begin,
                                        std::find_if_not(begin, plan_.tunnels.end(), is_meant));
    const auto first = static_cast<std::size_t>(begin - plan_.tunnels.begin());
    std::vector<Result<void>> results;
    std::vector<Announcement> news;
    {
        auto context = this->context();
        context.progress = call_.events.progressed;
        if (call_.events.reading)
            context.reading = [this](const Config& of) { call_.events.reading(name(), of); };
        results = vxlanctl::carry_out(context, config(), tunnels, state_, options_);
        call_.events.progressed(0, 0);
        warn_of_unrecorded(context, tunnels);
        for (const auto& error : context.unprobed)
            warn_of(error, tunnels);
        news = std::move(context.announcements);
        made_ = std::move(context.made);
    }
    if (const auto told = announcer_.announce(kernel(), news); !told)
        warn_of(told.error(), tunnels);
    for (std::size_t i = 0; i < tunnels.size(); ++i) {
        TunnelPlan& tunnel = tunnels[i];
        call_.wrote = call_.wrote || (results[i] && !tunnel.steps.empty());
        if (results[i] && tunnel.absent) state_.links.erase(tunnel.name); // for good
        if (results[i] || !tunnel.errors.empty()) continue;
        outcomes_[first + i] = Outcome::failed;
        tunnel.errors.push_back(results[i].error());
        if (results[i].error().kind == ErrorKind::rollback_incomplete && stage > 0)
            roll_back_with_lower(tunnel, stage + 1);
        call_.report(tunnel.errors.back());
    }
}

/// Whether plans of the stage were made on what an earlier stage was expected to make, or count on
/// what has failed.
bool NamespaceRun::stands_on_changes(std::size_t stage) const {
    bool concerned = false, wished = false, changed = false, failed = false;
    for (const auto& tunnel : plan_.tunnels) {
        const bool is_earlier = tunnel.stage < stage;
        concerned = concerned || tunnel.stage == stage;
        wished = wished || (tunnel.stage == stage && tunnel.wish != nullptr);
        changed = changed || (is_earlier && tunnel.wish != nullptr && !tunnel.steps.empty());
        failed = failed || (is_earlier && !tunnel.errors.empty());
    }
    return (wished && changed) || (concerned && failed);
}

/// The tunnel that failed and whose plan has removed this one, for its VNI or as what stands on it.
const TunnelPlan* NamespaceRun::who_removed(const TunnelPlan& tunnel, const Link& was) const {
    const auto removed_it = [&](const TunnelPlan& other) {
        return !other.errors.empty() && other.stage < tunnel.stage &&
               (other.name == was.tunnel.dev || removes(other, tunnel.name));
    };
    const auto found = std::find_if(plan_.tunnels.begin(), plan_.tunnels.end(), removed_it);
    return found == plan_.tunnels.end() ? nullptr : &*found;
}

/// Puts the plan that was made anew in the place of that one. Returns whether the tunnel has gone
/// with another one's change, which stands, and cannot be made again.
bool NamespaceRun::renew(TunnelPlan& tunnel, TunnelPlan again) {
    const TunnelPlan before = std::exchange(tunnel, std::move(again));
    tunnel.preparations = before.preparations;
    tunnel.stage = before.stage;
    const bool is_absent = tunnel.wish != nullptr && find_link(state_, tunnel.name) == nullptr;
    if (before.vanished && is_absent && !tunnel.errors.empty()) {
        const TunnelPlan* remover = who_removed(tunnel, *before.vanished);
        if (remover == nullptr) return true;
        tunnel.errors = {Error(Code::lost_with_lower, tunnel.name, {{"other", remover->name}})};
    }
    if (!before.vanished && is_absent && tunnel.errors.empty() &&
        find_link(first_, tunnel.name) != nullptr) { // by the hand of others
        Error error(Code::cannot_return, tunnel.name);
        error.kind = ErrorKind::rollback_incomplete;
        error.more.emplace_back(Code::removed_meanwhile, "", Values{{"interface", tunnel.name}});
        tunnel.errors.push_back(std::move(error));
    }
    TunnelPlan news = tunnel;
    std::erase_if(news.warnings,
                  [&](const Message& warning) { return is_in(before.warnings, warning); });
    report_problems(news);
    return false;
}

/// Plans a stage anew, now that the earlier ones are carried out, or have failed.
void NamespaceRun::plan_again(std::size_t stage) {
    for (const auto& tunnel : plan_.tunnels) // also one of a later stage: what was refused stays so
        if (!tunnel.errors.empty()) options_.failed.emplace(tunnel.name, tunnel.errors.front());
    const State planned_on = std::exchange(state_, {});
    auto again = make_plan();
    // It was there, none of our steps has taken it, and it cannot be made again.
    const auto has_been_removed = [&](const TunnelPlan& tunnel) {
        return tunnel.wish != nullptr && find_link(planned_on, tunnel.name) != nullptr &&
               find_link(state_, tunnel.name) == nullptr &&
               state_.vanished.find(tunnel.name) == nullptr &&
               !tunnel.wish->tunnel.dev.value_or("").empty() &&
               find_link(state_, *tunnel.wish->tunnel.dev) == nullptr;
    };
    std::vector<TunnelPlan*> lost;
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (tunnel.stage != stage || !tunnel.errors.empty()) continue;
        if (!again) {
            tunnel.errors.push_back(again.error());
            call_.report(again.error());
        } else if (has_been_removed(tunnel)) {
            tunnel.errors.emplace_back(Code::removed_during_run, tunnel.name,
                                       Values{{"interface", *tunnel.wish->tunnel.dev}});
            call_.report(tunnel.errors.back());
            outcomes_[i] = Outcome::failed;
            continue;
        } else {
            const auto now = std::find_if(
                again->tunnels.begin(), again->tunnels.end(), [&](const TunnelPlan& other) {
                    return other.wish == tunnel.wish && other.name == tunnel.name;
                });
            if (now == again->tunnels.end()) continue; // it has gone by itself
            if (renew(tunnel, std::move(*now))) lost.push_back(&tunnel);
        }
        outcomes_[i] = tunnel.errors.empty() ? intended_outcome(tunnel) : Outcome::refused;
    }
    if (lost.empty()) return;
    TunnelPlan& failed = *lost.front();
    roll_back_with_lower(failed, stage);
    report_problems(failed);
    options_.failed.emplace(failed.name, failed.errors.front());
    for (auto* other : lost) // it may be there again
        if (other != &failed) other->errors.clear();
    plan_again(stage); // on what is there now
}

/// The plans of stages before `end` that were carried out on what the tunnel stands on, below and
/// above, or that are in the way of what goes back.
std::vector<TunnelPlan*> NamespaceRun::stack_of(const TunnelPlan& tunnel, std::size_t end) {
    const auto lower_of = [&](const TunnelPlan& other) {
        std::set<std::string> lower;
        const Link* was = find_link(first_, other.name);
        if (was != nullptr) lower.insert(was->tunnel.dev.value_or(""));
        if (other.wish != nullptr) lower.insert(other.wish->tunnel.dev.value_or(""));
        lower.erase("");
        return lower;
    };
    // It has the VNI, or the ends, that one of these had, and needs for its return.
    const auto has_place_of = [&](const TunnelPlan& other, const std::set<std::string>& names) {
        return other.wish != nullptr &&
               std::any_of(names.begin(), names.end(), [&](const std::string& name) {
                   const Link* was = name == other.name ? nullptr : find_link(first_, name);
                   return was != nullptr && is_tunnel(*was) &&
                          exclude_each_other(was->tunnel, other.wish->tunnel);
               });
    };
    std::set<std::string> names{tunnel.name}, carried_out;
    for (const auto& other : plan_.tunnels)
        if (other.stage < end && is_carried_out(other) && !other.absent)
            carried_out.insert(other.name);
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& other : plan_.tunnels) {
            const auto lower = lower_of(other);
            const bool stands_on_one = std::any_of(
                lower.begin(), lower.end(), [&](const auto& name) { return names.contains(name); });
            if ((stands_on_one || has_place_of(other, names)) && carried_out.contains(other.name))
                changed = names.insert(other.name).second || changed;
            if (!names.contains(other.name)) continue;
            for (const auto& name : lower)
                if (carried_out.contains(name)) changed = names.insert(name).second || changed;
            for (const auto& step : other.steps) // what it removed, for the VNI, comes back as well
                if (const auto* removal = std::get_if<DeleteLink>(&step.operation))
                    changed = names.insert(removal->link).second || changed;
        }
    }
    std::vector<TunnelPlan*> stack;
    for (auto& other : plan_.tunnels)
        if (&other != &tunnel && names.contains(other.name) && carried_out.contains(other.name))
            stack.push_back(&other);
    return stack;
}

/// A tunnel that could not go back alone, since what it stands on has changed, goes back with that.
void NamespaceRun::roll_back_with_lower(TunnelPlan& failed, std::size_t end) {
    const auto stack = stack_of(failed, end);
    if (stack.empty()) return;
    std::vector<TunnelPlan> plans;
    for (const auto& tunnel : plan_.tunnels)
        if (&tunnel == &failed || is_in(stack, const_cast<TunnelPlan*>(&tunnel)))
            plans.push_back(tunnel);
    for (auto& plan : plans)
        plan.errors.clear();
    auto context = this->context();
    State before = first_;
    for (const auto& tunnel : plan_.tunnels) // they were to go, and do not come back
        if (tunnel.absent && is_carried_out(tunnel) && tunnel.stage < end)
            before.links.erase(tunnel.name);
    const auto left = vxlanctl::roll_back(context, plans, before);
    warn_of_unrecorded(context, plan_.tunnels);
    (void)announcer_.announce(kernel(), context.announcements); // without it, others find out later
    const auto settle = [&](Error& error) {
        const auto rest = std::find_if(left.begin(), left.end(), [&](const Error& other) {
            return other.subject == error.subject;
        });
        error.kind = rest == left.end() ? ErrorKind::kernel : ErrorKind::rollback_incomplete;
        if (rest == left.end())
            error.more.emplace_back(Code::restored);
        else
            error.more.insert(error.more.end(), rest->more.begin(), rest->more.end());
    };
    failed.errors.back().more.clear(); // what was left before
    settle(failed.errors.back());
    for (const auto& rest : left) { // of one that had gone with these
        const auto is_it = [&](const TunnelPlan& plan) { return plan.name == rest.subject; };
        if (std::none_of(plans.begin(), plans.end(), is_it)) call_.report(rest);
    }
    for (auto* tunnel : stack) {
        Error error(Code::rolled_back_with_upper, tunnel->name, {{"other", failed.name}});
        settle(error);
        outcomes_[static_cast<std::size_t>(tunnel - plan_.tunnels.data())] = Outcome::failed;
        tunnel->errors.push_back(error);
        call_.report(error);
    }
}

/// The plans, with what release_unclaimed() may have done since: the process that works on the way
/// back has seen none of it.
std::vector<TunnelPlan> NamespaceRun::plans_with_releases() const {
    std::vector<TunnelPlan> plans = plan_.tunnels;
    for (const auto& [i, old] : records_given_up(first_)) {
        LinkTarget target;
        target.name = plans[i].name;
        plan_elsewhere(target, {}, old, first_, Claims({}));
        append(plans[i].steps, elsewhere_steps(target));
    }
    return plans;
}

std::vector<Error> NamespaceRun::roll_back() {
    std::vector<Error> left;
    if (auto found = find_prepared(); !found) {
        found.error().more.emplace_back(Code::nothing_rolled_back);
        return {found.error()};
    }
    if (!is_there()) {
        if (auto lost = find_lost(); !lost) left.push_back(lost.error());
        return left;
    }
    auto context = this->context();
    left = vxlanctl::roll_back(context, plans_with_releases(), first_);
    unrecorded_ = std::move(context.unrecorded);
    (void)announcer_.announce(kernel(), context.announcements); // without it, others find out later
    for (const auto& device : moved_)
        if (auto back = bring_back(device, call_.home, kernel()); !back)
            left.push_back(with_namespace(back.error()));
    if (made_namespace_ && left.empty()) NetworkNamespace::remove(name());
    if (auto lost = find_lost(); !lost) left.push_back(lost.error());
    return left;
}

} // namespace vxlanctl
