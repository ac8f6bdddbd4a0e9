#include "vxlanctl/plan/rollback.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/effect.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/stacking.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace vxlanctl {
namespace {

using Names = std::set<std::string>;

enum class Kinds { all, that_go_with_lower };

/// Adds the tunnels that stand on these.
void add_uppers(Names& names, const State& state, Kinds which) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& link : state.links)
            if (is_tunnel(link) && (which == Kinds::all || goes_with_lower(link.kind)) &&
                names.contains(link.tunnel.dev.value_or("")))
                changed = names.insert(link.name).second || changed;
    }
}

bool is_deletion(const std::vector<Step>& steps) {
    return !steps.empty() && std::holds_alternative<DeleteLink>(steps.front().operation);
}

/// The links of other tunnels that the plan removes to take their place.
Names evicted_by(const TunnelPlan& plan) {
    Names names;
    for (const auto& step : plan.steps)
        if (const auto* removal = std::get_if<DeleteLink>(&step.operation);
            removal != nullptr && removal->link != plan.name)
            names.insert(removal->link);
    return names;
}

/// Whether the kernel takes the steps of a change in place, as far as it depends on other links.
bool is_possible(const std::string& name, const std::vector<Step>& steps, const State& state) {
    std::optional<std::uint32_t> mtu;
    std::optional<TunnelAttributes> then;
    for (const auto& step : steps) {
        if (const auto* change = std::get_if<ChangeLink>(&step.operation))
            if (change->changed.mtu) mtu = change->changed.mtu;
        const auto* moved = std::get_if<ChangeTunnel>(&step.operation);
        const Link* link = moved == nullptr ? nullptr : find_link(state, moved->link);
        if (link == nullptr) continue;
        const std::string dev = moved->changed.dev.value_or("");
        if (!dev.empty() && find_link(state, dev) == nullptr) return false;
        then = merged(then.value_or(link->tunnel), moved->changed);
        if (!dev.empty() && !mtu) mtu = link->attributes.mtu; // which it would take down
    }
    if (!mtu) return true;
    if (!then)
        if (const Link* link = find_link(state, name)) then = link->tunnel;
    const auto limit = then ? mtu_limit(*then, state) : std::nullopt;
    return !then || then->kind != TunnelKind::vxlan || !limit || *mtu <= *limit;
}

/// Finds the ways back, on a state that has what the earlier ones make.
class RollbackPlanner {
public:
    RollbackPlanner(const State& before, const State& now, std::span<const TunnelPlan> plans,
                    const std::map<std::string, int>& made)
        : before_(before), now_(now), state_(now), made_(made) {
        for (auto plan = plans.rbegin(); plan != plans.rend(); ++plan) {
            if (!is_carried_out(*plan)) continue;
            add({plan->name, &*plan, {}}); // of no link, where something is only released
            if (!plan->temporary.empty()) add({plan->temporary, &*plan, {}});
            const Link* is = find_link(now, plan->name);
            const Link* was = find_link(before, plan->name);
            const auto is_new = [](const Link* then, const Link* link) {
                return then != nullptr && (link == nullptr || link->index != then->index);
            };
            if (recreates(plan->steps, plan->name) && is_new(was, is)) lost_.insert(plan->name);
            for (const auto& name : evicted_by(*plan))
                if (is_new(find_link(before, name), find_link(now, name))) lost_.insert(name);
        }
        Names fallen = lost_;
        add_uppers(fallen, before, Kinds::that_go_with_lower);
        for (const auto& name : fallen_with(before, plans))
            add({name, nullptr, {}});
        lost_ = std::move(fallen);
    }

    Rollback find() {
        change_back();
        make_again();
        clear_up();
        return std::move(result_);
    }

private:
    struct Part {
        std::string name;
        const TunnelPlan* plan; ///< null for a link that went, or may go, with another one
        std::vector<Step> none;
        const std::vector<Step>& done() const { return plan == nullptr ? none : plan->steps; }
        bool is_whole() const { return plan == nullptr || plan->name == name; }
    };

    void add(Part part) {
        const auto same = [&](const Part& other) { return other.name == part.name; };
        if (std::none_of(parts_.begin(), parts_.end(), same)) parts_.push_back(std::move(part));
    }

    const Link* was(const std::string& name) const {
        const Link* link = find_link(before_, name);
        return link != nullptr ? link : before_.vanished.find(name);
    }

    /// The parts, sorted by how much their links stand on.
    std::vector<const Part*> sorted(const State& state, bool upper_first) const {
        std::vector<std::string> names;
        for (const auto& part : parts_)
            names.push_back(part.name);
        const auto layers = layers_in(state, names);
        std::vector<std::pair<std::size_t, const Part*>> order;
        for (std::size_t i = 0; i < parts_.size(); ++i)
            order.emplace_back(layers[i], &parts_[i]);
        if (!upper_first) std::reverse(order.begin(), order.end()); // as they were planned
        std::stable_sort(order.begin(), order.end(), [&](const auto& one, const auto& other) {
            return upper_first ? one.first > other.first : one.first < other.first;
        });
        std::vector<const Part*> result;
        for (const auto& [layer, part] : order)
            result.push_back(part);
        return result;
    }

    void take(const std::string& tunnel, std::vector<Step> steps) {
        if (steps.empty()) return;
        take_effect(state_, steps);
        result_.parts.push_back({tunnel, std::move(steps)});
    }
    void take(const Part& part, std::vector<Step> steps) {
        take(part.plan == nullptr ? part.name : part.plan->name, std::move(steps));
    }

    std::vector<Step> elsewhere(const Part& part, bool removals) const {
        if (part.plan == nullptr || !part.is_whole()) return {};
        auto steps = rollback_elsewhere(part.name, before_, state_, part.done());
        std::erase_if(steps, [&](const Step& step) { return is_destructive(step) != removals; });
        return steps;
    }

    bool is_lost(const std::string& name) const {
        const Link* link = was(name);
        const Link* is = find_link(state_, name);
        return link != nullptr &&
               (lost_.contains(name) || made_.contains(name) ||
                state_.vanished.find(name) != nullptr) &&
               (is == nullptr || is->index != link->index);
    }

    /// Whether the link has lost its lower device, and had one: those of some kinds stay then.
    static bool lacks_lower(const Link* is, const Link* was) {
        return is != nullptr && was != nullptr && is_no_link(is->tunnel.dev.value_or("")) &&
               !was->tunnel.dev.value_or("").empty() && !is_no_link(*was->tunnel.dev);
    }

    /// The steps, and where they make the link anew that goes with its lower one, what others have
    /// put on it meanwhile.
    std::vector<Step> with_others(const Part& part, std::vector<Step> steps) const {
        const Link *seen = find_link(now_, part.name), *then = was(part.name);
        if (seen == nullptr || then == nullptr || find_link(state_, part.name) != nullptr ||
            left_alone_.contains(part.name))
            return steps;
        for (const auto& address : addresses_of_others(*then, *seen, part.done()))
            steps.push_back({Add<Address>{part.name, {address}}, {}, {}});
        return steps;
    }

    std::vector<Step> way(const Part& part) const {
        const Link *is = find_link(state_, part.name), *then = was(part.name);
        if (!lacks_lower(is, then))
            return with_others(
                part, rollback_link(part.name, before_, state_, part.done(), is_lost(part.name)));
        std::vector<Step> done = part.done();
        if (is->index == then->index) // a removal that was not come to yet
            std::erase_if(done, [](const Step& step) {
                return std::holds_alternative<DeleteLink>(step.operation);
            });
        TunnelAttributes dev;
        dev.kind = is->tunnel.kind;
        dev.dev = then->tunnel.dev;
        done.push_back({ChangeTunnel{part.name, dev}, {}, {}});
        return rollback_link(part.name, before_, state_, done, is_lost(part.name));
    }

    /// A link of another program is neither changed nor removed, whatever its name.
    bool is_ours(const Link& is, const Part& part) const {
        if (!is_tunnel(is)) return false;
        const auto known = made_.find(is.name);
        if (known != made_.end() && known->second == is.index) return true;
        const Link* then = was(part.name);
        if (then != nullptr && then->index == is.index && then->kind == is.kind) return true;
        const auto mark = mark_of(is.attributes.alias.value_or(""));
        if (!mark) // a random name: it is ours, and had no mark yet
            return part.plan != nullptr && part.name == part.plan->temporary;
        if (part.plan != nullptr && (mark == part.plan->mark || mark == part.plan->old_mark))
            return true;
        return then != nullptr && mark == mark_of(then->attributes.alias.value_or(""));
    }

    /// Whether a link that will leave it stands on this one.
    bool carries_postponed(const std::string& name) const {
        return std::any_of(postponed_.begin(), postponed_.end(), [&](const std::string& upper) {
            const Link* link = find_link(state_, upper);
            return link != nullptr && link->tunnel.dev == name;
        });
    }

    /// Whether something cannot be made again as long as the link is there.
    bool is_in_the_way(const Link& is) const {
        return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
            const Link* then = was(part.name);
            return then != nullptr && find_link(state_, part.name) == nullptr && is_tunnel(*then) &&
                   exclude_each_other(is.tunnel, then->tunnel);
        });
    }

    /// The upper ones first: what was not there goes, and what changed in place changes back, if
    /// it can before something else is there.
    void change_back() {
        for (const Part* part : sorted(state_, true)) {
            const Link* is = find_link(state_, part->name);
            if (is != nullptr && !is_ours(*is, *part)) {
                if (part->plan != nullptr && was(part->name) != nullptr)
                    result_.taken.push_back(part->name);
                left_alone_.insert(part->name);
            }
            take(*part, elsewhere(*part, true));
            is = find_link(state_, part->name);
            if (is == nullptr || left_alone_.contains(part->name)) continue;
            auto steps = way(*part);
            if (!is_deletion(steps)) {
                const bool now = is_possible(part->name, steps, state_);
                (now ? settled_ : postponed_).insert(part->name);
                if (now) take(*part, std::move(steps));
            } else if (was(part->name) != nullptr || !carries_postponed(part->name) ||
                       is_in_the_way(*is)) {
                take(*part, {steps.front()});
                steps.erase(steps.begin());
                if (!steps.empty()) rebuilt_.emplace(part->name, std::move(steps));
            }
        }
    }

    /// The lower ones first: all that was there.
    void make_again() {
        for (const Part* part : sorted(before_, false)) {
            if (was(part->name) != nullptr && !left_alone_.contains(part->name)) {
                const bool is_missing = find_link(state_, part->name) == nullptr;
                if (!is_missing && settled_.contains(part->name) &&
                    !lacks_lower(find_link(state_, part->name), was(part->name))) {
                    // It is as it was.
                } else if (const auto rest = rebuilt_.find(part->name);
                           is_missing && rest != rebuilt_.end()) {
                    take(*part, std::move(rest->second));
                } else if (is_missing && !is_lost(part->name) &&
                           !recreates(part->done(), part->name)) {
                    if (part->plan != nullptr) result_.gone.push_back(part->name);
                } else {
                    take(*part, way(*part));
                }
            }
            take(*part, elsewhere(*part, false));
        }
    }

    /// What something had to leave first.
    void clear_up() {
        for (const Part* part : sorted(state_, true))
            if (was(part->name) == nullptr && !left_alone_.contains(part->name))
                take(*part, way(*part));
    }

    const State& before_;
    const State& now_;
    State state_; ///< as it will be by then
    const std::map<std::string, int>& made_;
    std::vector<Part> parts_; ///< the last one that was carried out comes first
    Names lost_;              ///< links that went by our doing
    Names left_alone_;        ///< links of other programs
    /// How links that had to be removed are made again, with what others have put on them.
    std::map<std::string, std::vector<Step>> rebuilt_;
    Names settled_;   ///< links that have changed back
    Names postponed_; ///< links that change back when others are there
    Rollback result_;
};

} // namespace

std::vector<std::string> fallen_with(const State& before, std::span<const TunnelPlan> plans) {
    Names names, planned;
    for (const auto& plan : plans) {
        if (!is_carried_out(plan)) continue;
        planned.insert(plan.name);
        names.merge(evicted_by(plan));
    }
    names.insert(planned.begin(), planned.end());
    add_uppers(names, before, Kinds::all);
    std::vector<std::string> fallen;
    std::set_difference(names.begin(), names.end(), planned.begin(), planned.end(),
                        std::back_inserter(fallen));
    return fallen;
}

Rollback rollback_run(const State& before, const State& now, std::span<const TunnelPlan> plans,
                      const std::map<std::string, int>& made) {
    return RollbackPlanner(before, now, plans, made).find();
}

} // namespace vxlanctl
