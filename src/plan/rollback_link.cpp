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

/// The target with everything else on the link as surplus: the link is a new one of ours.
LinkTarget exactly(LinkTarget target, const Link& is) {
    const LinkTarget present = target_of(is);
    for (const auto& address : present.addresses)
        if (!is_among(target.addresses, address)) target.surplus_addresses.push_back(address);
    target.surplus_macs = minus(present.macs, target.macs);
    target.surplus_routes = minus(present.routes, target.routes);
    target.surplus_neighbours = minus(present.neighbours, target.neighbours);
    return target;
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
        if (step.changed.master) // what the port had went with it
            target_.attributes = merged(target_.attributes, port_part(was_.attributes));
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
    void operator()(const Add<FloodEntry>& step) {
        change_flood(step.objects);
        target_.flood_state = was_.flood_state;
        target_.flood_flags = was_.flood_flags;
    }
    void operator()(const Remove<FloodEntry>& step) { change_flood(step.objects); }
    void operator()(const Add<MacEntry>& step) {
        for (const auto& entry : step.objects)
            if (!is_in(was_.macs, entry) && is_in(is_.macs, entry))
                target_.surplus_macs.push_back(entry);
    }
    void operator()(const Remove<MacEntry>& step) {
        for (const auto& entry : step.objects)
            if (entry.origin != FdbOrigin::learned) target_.macs.push_back(entry);
    }
    void operator()(const Add<PrlEntry>& step) { change_routers(step.objects); }
    void operator()(const Change<PrlEntry>& step) { change_routers(step.objects); }
    void operator()(const Remove<PrlEntry>& step) { change_routers(step.objects); }
    void operator()(const Add<Address>& step) { concerned_.push_back(step.object()); }
    void operator()(const Remove<Address>& step) {
        concerned_.push_back(step.object());
        // The kernel may have dropped these with it.
        const LinkTarget all = target_of(was_);
        target_.routes = all.routes;
        target_.neighbours = all.neighbours;
    }
    void operator()(const Add<Route>& step) {
        if (step.link != was_.name || find_route(was_.routes, step.object()) != nullptr) return;
        if (const Route* present = find_made(is_.routes, step.object()))
            target_.surplus_routes.push_back(*present);
    }
    void operator()(const Remove<Route>& step) {
        if (step.link == was_.name) target_.routes.push_back(step.object());
    }
    void operator()(const Add<Rule>&) {} // see rollback_elsewhere()
    void operator()(const Remove<Rule>&) {}
    void operator()(const SetForwarding&) {}
    void operator()(const Add<Neighbour>& step) {
        if (!is_in(was_.neighbours, step.object()) && is_in(is_.neighbours, step.object()))
            target_.surplus_neighbours.push_back(step.object());
    }
    void operator()(const Remove<Neighbour>& step) { target_.neighbours.push_back(step.object()); }
    /// Of a link that was to be made anew, and was changed in place when its turn came.
    void operator()(const CreateLink& step) {
        (*this)(ChangeLink{step.link, step.attributes});
        (*this)(ChangeTunnel{step.link, step.tunnel});
    }
    void operator()(const RenameLink&) {}
    void operator()(const DeleteLink&) {}

    LinkTarget target() {
        for (const auto& address : was_.addresses)
            if (!is_automatic(address) &&
                (is_among(is_.addresses, address) || is_among(concerned_, address)))
                target_.addresses.push_back(address);
        for (const auto& address : is_.addresses)
            if (is_among(concerned_, address) && !is_among(was_.addresses, address))
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

} // namespace

std::vector<Address> addresses_of_others(const Link& was, const Link& is,
                                         const std::vector<Step>& done) {
    std::vector<Address> others;
    for (const auto& address : target_of(is).addresses) {
        const auto adds = [&](const Step& step) {
            const auto* add = std::get_if<Add<Address>>(&step.operation);
            return add != nullptr && same_identity(add->object(), address);
        };
        if (!is_among(was.addresses, address) && std::none_of(done.begin(), done.end(), adds))
            others.push_back(address);
    }
    return others;
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

std::vector<Step> rollback_link(const std::string& name, const State& before, const State& now,
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

std::vector<Step> rollback_elsewhere(const std::string& name, const State& before, const State& now,
                                     const std::vector<Step>& done) {
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
        } else if (const auto* rule = std::get_if<Add<Rule>>(&step.operation)) {
            const Rule* present = find_made(now.rules, rule->object());
            if (present != nullptr && find_rule(before.rules, rule->object()) == nullptr)
                target.surplus_rules.push_back(*present);
        } else if (const auto* gone = std::get_if<Remove<Rule>>(&step.operation)) {
            if (find_made(now.rules, gone->object()) == nullptr)
                target.missing_rules.push_back(gone->object());
        } else if (const auto* route = std::get_if<Add<Route>>(&step.operation)) {
            if (route->link != name && !has_route(before, route->object()) &&
                find_made(routes_out_of(route->object().dev, now), route->object()) != nullptr)
                target.surplus_routes_elsewhere.push_back(route->object());
        } else if (const auto* lost = std::get_if<Remove<Route>>(&step.operation)) {
            if (lost->link != name && !has_route(now, lost->object()))
                target.missing_routes_elsewhere.push_back(lost->object());
        }
    }
    return elsewhere_steps(target);
}

} // namespace vxlanctl
