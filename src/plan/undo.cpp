#include "vxlanctl/plan/undo.h"

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

/// The target with everything else on the link as surplus: the link is a new one of ours.
LinkTarget exactly(LinkTarget target, const Link& is) {
    const LinkTarget present = target_of(is);
    for (const auto& address : present.addresses)
        if (std::none_of(target.addresses.begin(), target.addresses.end(),
                         [&](const Address& other) { return same_identity(address, other); }))
            target.surplus_addresses.push_back(address);
    target.surplus_macs = minus(present.macs, target.macs);
    target.surplus_routes = minus(present.routes, target.routes);
    target.surplus_neighbours = minus(present.neighbours, target.neighbours);
    return target;
}

/// What others have put on the link since it was made.
std::vector<Address> addresses_of_others(const Link& was, const Link& is,
                                         const std::vector<Step>& done) {
    std::vector<Address> others;
    for (const auto& address : target_of(is).addresses) {
        const auto is_same = [&](const Address& other) { return same_identity(address, other); };
        const auto adds = [&](const Step& step) {
            const auto* add = std::get_if<AddAddress>(&step.operation);
            return add != nullptr && is_same(add->address);
        };
        if (std::none_of(was.addresses.begin(), was.addresses.end(), is_same) &&
            std::none_of(done.begin(), done.end(), adds))
            others.push_back(address);
    }
    return others;
}

/// Whether `present` can be what a step made of `added`. What another program made meanwhile is the
/// same but for its protocol.
const Route* find_made(const Routes& present, const Route& added) {
    for (const Route* other : present.beside(added))
        if (other->protocol == added.protocol && same_route_anywhere(*other, added)) return other;
    return nullptr;
}
const Rule* find_made(const std::vector<Rule>& present, const Rule& added) {
    const auto made = std::find_if(present.begin(), present.end(), [&](const Rule& other) {
        return other.protocol == added.protocol && fulfils(other, added);
    });
    return made == present.end() ? nullptr : &*made;
}

bool recreates(const std::vector<Step>& steps, const std::string& name) {
    return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
        const auto* removal = std::get_if<DeleteLink>(&step.operation);
        const auto* creation = std::get_if<CreateLink>(&step.operation);
        return (removal != nullptr && removal->link == name) ||
               (creation != nullptr && creation->link == name &&
                step.disruption == Disruption::recreate);
    });
}

/// Collects from the steps of a plan what they concern, and turns it round.
class Inversion {
public:
    Inversion(const Link& was, const Link& is) : was_(was), is_(is) {
        target_.name = was.name;
        target_.tunnel.kind = was.tunnel.kind;
        target_.ordered = true;
        target_.flood_state = is.flood_state;
        target_.flood_flags = is.flood_flags;
    }

    void operator()(const ChangeLink& step) {
        for (const auto& row : link_attributes())
            if (is_stated(step.changed, row)) take(row, was_.attributes, target_.attributes);
        if (step.changed.vrf) { // with everything that the flap took
            const LinkTarget all = target_of(was_);
            concerned_.insert(concerned_.end(), all.addresses.begin(), all.addresses.end());
            target_.routes = all.routes;
            target_.neighbours = all.neighbours;
        }
        if (step.changed.mac || step.changed.arp) target_.neighbours = target_of(was_).neighbours;
    }
    void operator()(const ChangeTunnel& step) {
        for (const auto& row : tunnel_attributes(step.changed.kind))
            if (is_stated(step.changed, row)) take(row, was_.tunnel, target_.tunnel);
        if (is_no_link(target_.tunnel.dev.value_or(""))) target_.tunnel.dev.reset(); // it was gone
        if (step.changed.dev) target_.attributes.mtu = was_.attributes.mtu; // clamped, perhaps
    }
    void operator()(const AddFlood& step) {
        change_flood(step.entries);
        target_.flood_state = was_.flood_state;
        target_.flood_flags = was_.flood_flags;
    }
    void operator()(const RemoveFlood& step) { change_flood(step.entries); }
    void operator()(const AddMacs& step) {
        for (const auto& entry : step.entries)
            if (!is_in(was_.macs, entry) && is_in(is_.macs, entry))
                target_.surplus_macs.push_back(entry);
    }
    void operator()(const RemoveMacs& step) {
        for (const auto& entry : step.entries)
            if (entry.origin != FdbOrigin::learned) target_.macs.push_back(entry);
    }
    void operator()(const AddRouters& step) { change_routers(step.entries); }
    void operator()(const ChangeRouters& step) { change_routers(step.entries); }
    void operator()(const RemoveRouters& step) { change_routers(step.entries); }
    void operator()(const AddAddress& step) { concerned_.push_back(step.address); }
    void operator()(const RemoveAddress& step) {
        concerned_.push_back(step.address);
        // The kernel may have dropped these with it.
        const LinkTarget all = target_of(was_);
        target_.routes = all.routes;
        target_.neighbours = all.neighbours;
    }
    void operator()(const AddRoute& step) {
        if (step.link != was_.name || find_route(was_.routes, step.route) != nullptr) return;
        if (const Route* present = find_made(is_.routes, step.route))
            target_.surplus_routes.push_back(*present);
    }
    void operator()(const RemoveRoute& step) {
        if (step.link == was_.name) target_.routes.push_back(step.route);
    }
    void operator()(const AddRule&) {} // see plan_back_elsewhere()
    void operator()(const RemoveRule&) {}
    void operator()(const SetForwarding&) {}
    void operator()(const AddNeighbour& step) {
        if (!is_in(was_.neighbours, step.neighbour) && is_in(is_.neighbours, step.neighbour))
            target_.surplus_neighbours.push_back(step.neighbour);
    }
    void operator()(const RemoveNeighbour& step) { target_.neighbours.push_back(step.neighbour); }
    /// Of a link that was to be made anew, and was changed in place when its turn came.
    void operator()(const CreateLink& step) {
        (*this)(ChangeLink{step.link, step.attributes});
        (*this)(ChangeTunnel{step.link, step.tunnel});
    }
    void operator()(const RenameLink&) {}
    void operator()(const DeleteLink&) {}

    LinkTarget target() {
        const auto same_as = [](const Address& wanted) {
            return [&](const Address& other) { return same_identity(wanted, other); };
        };
        const auto holds = [&](const std::vector<Address>& list, const Address& address) {
            return std::any_of(list.begin(), list.end(), same_as(address));
        };
        for (const auto& address : was_.addresses)
            if (!is_automatic(address) &&
                (holds(is_.addresses, address) || holds(concerned_, address)))
                target_.addresses.push_back(address);
        for (const auto& address : is_.addresses)
            if (holds(concerned_, address) && !holds(was_.addresses, address))
                target_.surplus_addresses.push_back(address);
        std::sort(target_.routes.begin(), target_.routes.end());
        target_.routes.erase(std::unique(target_.routes.begin(), target_.routes.end()),
                             target_.routes.end());
        std::sort(target_.macs.begin(), target_.macs.end());
        std::sort(target_.neighbours.begin(), target_.neighbours.end());
        target_.neighbours.erase(std::unique(target_.neighbours.begin(), target_.neighbours.end()),
                                 target_.neighbours.end());
        return std::move(target_);
    }

private:
    template<class Attributes>
    static void take(const AttributeRow<Attributes>& row, const Attributes& from, Attributes& to) {
        std::visit([&](auto member) { to.*member = from.*member; }, row.member);
    }

    void change_routers(const std::vector<PrlEntry>& entries) {
        if (!target_.routers) target_.routers = is_.routers;
        for (const auto& entry : entries) {
            const auto same = [&](const PrlEntry& other) { return other.router == entry.router; };
            std::erase_if(*target_.routers, same);
            std::copy_if(was_.routers.begin(), was_.routers.end(),
                         std::back_inserter(*target_.routers), same);
        }
        std::sort(target_.routers->begin(), target_.routers->end());
    }

    void change_flood(const std::vector<FloodEntry>& entries) {
        if (!target_.flood_list) target_.flood_list = is_.flood_list;
        auto& list = *target_.flood_list;
        for (const auto& entry : entries) {
            const auto at = std::lower_bound(list.begin(), list.end(), entry);
            const bool present = at != list.end() && *at == entry;
            const bool wanted =
                std::binary_search(was_.flood_list.begin(), was_.flood_list.end(), entry);
            if (present && !wanted) list.erase(at);
            if (!present && wanted) list.insert(at, entry);
        }
    }

    const Link& was_;
    const Link& is_;
    LinkTarget target_;
    std::vector<Address> concerned_;
};

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

bool is_carried_out(const TunnelPlan& plan) {
    return plan.errors.empty() && !plan.steps.empty();
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
class Retreat {
public:
    Retreat(const State& before, const State& now, std::span<const TunnelPlan> plans,
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

    WaysBack find() {
        take_back();
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
        result_.ways.push_back({tunnel, std::move(steps)});
    }
    void take(const Part& part, std::vector<Step> steps) {
        take(part.plan == nullptr ? part.name : part.plan->name, std::move(steps));
    }

    std::vector<Step> elsewhere(const Part& part, bool removals) const {
        if (part.plan == nullptr || !part.is_whole()) return {};
        auto steps = plan_back_elsewhere(part.name, before_, state_, part.done());
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
            steps.push_back({AddAddress{part.name, address}, {}, {}});
        return steps;
    }

    std::vector<Step> way(const Part& part) const {
        const Link *is = find_link(state_, part.name), *then = was(part.name);
        if (!lacks_lower(is, then))
            return with_others(
                part, plan_back(part.name, before_, state_, part.done(), is_lost(part.name)));
        std::vector<Step> done = part.done();
        if (is->index == then->index) // a removal that was not come to yet
            std::erase_if(done, [](const Step& step) {
                return std::holds_alternative<DeleteLink>(step.operation);
            });
        TunnelAttributes dev;
        dev.kind = is->tunnel.kind;
        dev.dev = then->tunnel.dev;
        done.push_back({ChangeTunnel{part.name, dev}, {}, {}});
        return plan_back(part.name, before_, state_, done, is_lost(part.name));
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
    void take_back() {
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
    WaysBack result_;
};

} // namespace

std::vector<Step> plan_back(const std::string& name, const State& before, const State& now,
                            const std::vector<Step>& done, bool lost) {
    const Link* was = find_link(before, name);
    if (was == nullptr) was = before.vanished.find(name);
    const Link* is = find_link(now, name);
    std::vector<Step> steps;
    if (was == nullptr) {
        if (is != nullptr) steps.push_back({DeleteLink{name}, {}, Disruption::none});
        return steps;
    }
    const bool recreated = recreates(done, name) || lost;
    if (!recreated && is == nullptr) return steps; // with its lower device, or by another's hand
    const bool never_went =
        is != nullptr && is->index == was->index && is->attributes.alias == was->attributes.alias;

    LinkTarget target = target_of(*was);
    if (!recreated || never_went) {
        Inversion inversion(*was, *is);
        for (const auto& step : done)
            std::visit(inversion, step.operation);
        LinkTarget inverse = inversion.target();
        // A lower device that was given cannot be taken away again.
        if (impossible_in_place(*is, inverse).empty()) return change_steps(*is, inverse);
        if (recreated) return steps;
    } else if (is != nullptr) {
        append(target.addresses, addresses_of_others(*was, *is, done));
        if (impossible_in_place(*is, target).empty())
            return change_steps(*is, exactly(std::move(target), *is));
    }
    if (is != nullptr) steps.push_back({DeleteLink{name}, {}, Disruption::recreate});
    append(steps, build_steps(target, name));
    append(steps, raise_steps(target));
    return steps;
}

std::vector<Step> plan_back_elsewhere(const std::string& name, const State& before,
                                      const State& now, const std::vector<Step>& done) {
    LinkTarget target;
    target.name = name;
    const auto has_route = [](const State& state, const Route& route) {
        return find_route(routes_out_of(route.dev, state), route) != nullptr;
    };
    const auto forwards = [](const State& state, const std::string& device) {
        const Link* link = find_link(state, device);
        return link == nullptr ? std::nullopt : link->attributes.forward;
    };
    for (const auto& step : done) {
        if (const auto* forwarding = std::get_if<SetForwarding>(&step.operation)) {
            const auto& device = forwarding->link;
            if (forwards(now, device) == forwarding->on &&
                forwards(before, device) == !forwarding->on)
                (forwarding->on ? target.surplus_forwarding : target.missing_forwarding)
                    .push_back(device);
        } else if (const auto* rule = std::get_if<AddRule>(&step.operation)) {
            const Rule* present = find_made(now.rules, rule->rule);
            if (present != nullptr && find_rule(before.rules, rule->rule) == nullptr)
                target.surplus_rules.push_back(*present);
        } else if (const auto* gone = std::get_if<RemoveRule>(&step.operation)) {
            if (find_made(now.rules, gone->rule) == nullptr)
                target.missing_rules.push_back(gone->rule);
        } else if (const auto* route = std::get_if<AddRoute>(&step.operation)) {
            if (route->link != name && !has_route(before, route->route) &&
                find_made(routes_out_of(route->route.dev, now), route->route) != nullptr)
                target.surplus_routes_elsewhere.push_back(route->route);
        } else if (const auto* lost = std::get_if<RemoveRoute>(&step.operation)) {
            if (lost->link != name && !has_route(now, lost->route))
                target.missing_routes_elsewhere.push_back(lost->route);
        }
    }
    return elsewhere_steps(target);
}

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

WaysBack ways_back(const State& before, const State& now, std::span<const TunnelPlan> plans,
                   const std::map<std::string, int>& made) {
    return Retreat(before, now, plans, made).find();
}

} // namespace vxlanctl
