#include "vxlanctl/plan.h"

#include "vxlanctl/preflight.h"
#include "vxlanctl/steps.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <linux/if_addr.h>

namespace vxlanctl {
namespace {

template<class T> void append(std::vector<T>& to, std::vector<T> from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

bool is_among(const std::vector<Prefix>& prefixes, const Prefix& prefix) {
    return std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
}

Address inner_address(const Prefix& prefix) {
    Address address;
    address.prefix = prefix;
    if (prefix.address.family == Family::ipv4 && prefix.length < 31)
        address.broadcast = broadcast_of(prefix);
    return address;
}

template<class Attributes>
void add_stated_keys(std::set<std::string>& keys, std::span<const AttributeRow<Attributes>> rows,
                     const Attributes& attributes) {
    for (const auto& row : rows)
        if (is_stated(attributes, row)) keys.emplace(row.name);
}

/// States the kernel's default for every key that we once set and that is not stated any more.
template<class Attributes>
void reset_unstated(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                    const Record& record) {
    for (const auto& row : rows)
        if (!row.reset.empty() && !is_stated(attributes, row) &&
            record.keys.contains(std::string(row.name)))
            (void)set_value(attributes, row, row.reset); // a row's own default is well-formed
}

Record record_of(const Tunnel& tunnel) {
    Record record;
    add_stated_keys(record.keys, link_attributes(), tunnel.link);
    add_stated_keys(record.keys, vxlan_attributes(), tunnel.vxlan);
    record.addresses = tunnel.addresses.value_or(std::vector<Prefix>{});
    return record;
}

/// What the tunnel's link shall become, given what it is: the stated values, the defaults of what
/// we set earlier and is no longer stated, and what of ours is surplus.
LinkTarget target_for(const Tunnel& tunnel, const Link* have, const Record& record,
                      const State& state, const PlanOptions& options) {
    LinkTarget target;
    target.name = tunnel.name;

    target.attributes = tunnel.link;
    reset_unstated(target.attributes, link_attributes(), record);
    target.attributes.up = true;

    target.vxlan = tunnel.vxlan;
    reset_unstated(target.vxlan, vxlan_attributes(), record);
    complete(target.vxlan);
    // The flood list is ours entirely: a default remote beside it would double every frame.
    if (have != nullptr && have->vxlan.remote && !is_unspecified(*have->vxlan.remote))
        target.vxlan.remote = IpAddress{have->vxlan.remote->family, {}};
    // These two make a link without a VNI and a flood list of its own.
    target.vxlan.external = false;
    target.vxlan.vnifilter = false;
    if (!tunnel.link.mtu && record.keys.contains("mtu"))
        target.attributes.mtu = target.vxlan.dev.value_or("").empty()
                                    ? std::optional<std::uint32_t>(1500)
                                    : mtu_limit(target.vxlan, state);

    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    for (const auto& prefix : stated)
        target.addresses.push_back(inner_address(prefix));
    target.flood_list = tunnel.peers;
    if (have == nullptr) return target;

    const auto is_surplus = [&](const Address& address) {
        if (is_among(stated, address.prefix)) return false;
        if (is_among(record.addresses, address.prefix)) return true;
        return options.exclusive && !is_link_local(address.prefix.address) &&
               (address.flags & IFA_F_TENTATIVE) == 0;
    };
    std::copy_if(have->addresses.begin(), have->addresses.end(),
                 std::back_inserter(target.surplus_addresses), is_surplus);
    // Addresses with a peer of their own, a label or a lifetime are equal if prefix and peer are.
    for (auto& address : target.addresses)
        for (const auto& present : have->addresses)
            if (present.prefix == address.prefix) address = present;

    if (!tunnel.peers) return target;
    auto& flood_list = *target.flood_list;
    target.flood_flags = have->flood_flags;
    std::vector<FloodEntry> removed;
    std::set_difference(have->flood_list.begin(), have->flood_list.end(), flood_list.begin(),
                        flood_list.end(), std::back_inserter(removed));
    if (is_external(have->flood_flags)) {
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

/// Adds to the target of a new link what the old one has and nobody asked to lose.
void keep_foreign(LinkTarget& target, const Link& have, const State& state,
                  std::vector<std::string>& warnings) {
    const LinkTarget old = target_of(have);

    LinkAttributes attributes = old.attributes;
    // An MTU that is only the kernel's default is computed anew for the new underlay.
    if (const auto limit = mtu_limit(have.vxlan, state); attributes.mtu == limit)
        attributes.mtu.reset();
    if (const auto limit = mtu_limit(target.vxlan, state);
        attributes.mtu && limit && *attributes.mtu > *limit)
        attributes.mtu.reset();
    target.attributes = merged(attributes, target.attributes);

    VxlanAttributes vxlan = old.vxlan;
    if (vxlan.local && vxlan.local->family != target.vxlan.local->family) {
        vxlan.label.reset();
        vxlan.udp6_zero_csum_rx.reset();
    }
    target.vxlan = merged(vxlan, target.vxlan);

    std::vector<Address> addresses;
    const auto is_in = [](const std::vector<Address>& list, const Address& wanted) {
        return std::any_of(list.begin(), list.end(),
                           [&](const Address& address) { return same_identity(address, wanted); });
    };
    for (const auto& address : old.addresses)
        if (!is_in(target.surplus_addresses, address)) addresses.push_back(address);
    for (const auto& address : target.addresses)
        if (!is_in(addresses, address)) addresses.push_back(address);
    target.addresses = std::move(addresses);

    for (const auto& entry : old.macs)
        if (std::find(target.surplus_macs.begin(), target.surplus_macs.end(), entry) ==
            target.surplus_macs.end())
            target.macs.push_back(entry);
    target.neighbours = old.neighbours;
    for (const auto& route : old.routes) {
        if (can_be_added(route, target.addresses, old.routes))
            target.routes.push_back(route);
        else
            warnings.push_back(
                fmt::format("route {} goes with the address that it needs", to_string(route.to)));
    }
    const auto lost = std::count_if(have.routes.begin(), have.routes.end(),
                                    [](const Route& route) { return route.multipath; });
    if (lost > 0) warnings.push_back(fmt::format("{} multipath routes cannot be put back", lost));
    warnings.emplace_back("traffic control, bridge port settings and sysctls of the old link are "
                          "not put back");
}

std::string cost_of_recreate(const Link& have) {
    const auto learned =
        std::count_if(have.macs.begin(), have.macs.end(),
                      [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
    const auto addresses =
        std::count_if(have.addresses.begin(), have.addresses.end(),
                      [](const Address& address) { return !is_automatic(address); });
    const auto routes = std::count_if(have.routes.begin(), have.routes.end(), is_restorable);
    return fmt::format("{} address{}, {} route{} and {} learned MAC{}", addresses,
                       addresses == 1 ? "" : "es", routes, routes == 1 ? "" : "s", learned,
                       learned == 1 ? "" : "s");
}

std::string joined(const std::vector<Change>& changes) {
    std::string text;
    for (const auto& change : changes) {
        if (!text.empty()) text += ", ";
        text += to_string(change);
    }
    return text;
}

/// Whether the recreate may happen, and what it has to keep.
void settle_recreate(LinkTarget& target, const Link& have, const std::vector<Change>& reasons,
                     const Tunnel& tunnel, const State& state, const PlanOptions& options,
                     TunnelPlan& plan) {
    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    std::vector<std::string> undeclared;
    for (const auto& address : have.addresses) {
        const bool surplus =
            std::any_of(target.surplus_addresses.begin(), target.surplus_addresses.end(),
                        [&](const Address& other) { return same_identity(other, address); });
        if (!is_automatic(address) && !surplus && !is_among(stated, address.prefix))
            undeclared.push_back(to_string(address.prefix));
    }
    const bool undecided = !undeclared.empty() && options.foreign == Foreign::ask;
    const std::string decision =
        fmt::format("--keep-foreign to put back what is not stated ({}; a VRRP address may then be "
                    "doubled), or --drop-foreign",
                    fmt::join(undeclared, ", "));
    const auto refuse = [&](std::string doing, std::string remedy) {
        plan.errors.push_back(
            {ErrorKind::refused, plan.name, std::move(doing), "", 0, std::move(remedy)});
    };
    if (!options.allow_recreate)
        refuse(
            fmt::format("cannot change {} on a living link; a new one would interrupt traffic and "
                        "drop {}",
                        joined(reasons), cost_of_recreate(have)),
            undecided ? fmt::format("To replace it, use --allow-recreate with {}.", decision)
                      : "To replace it, use --allow-recreate.");
    else if (undecided)
        refuse("the link to be replaced has addresses that are not stated",
               fmt::format("Use {}.", decision));
    plan.warnings.push_back(fmt::format(
        "the link is replaced, which interrupts traffic and concerns {}", cost_of_recreate(have)));
    if (options.foreign != Foreign::drop) keep_foreign(target, have, state, plan.warnings);
}

std::vector<Step> recreate_steps(const Link& have, const LinkTarget& want,
                                 const std::vector<Change>& reasons, TunnelPlan& plan) {
    // With another VNI or port both links can exist, so the old one carries traffic until the new
    // one is built.
    const bool side_by_side =
        have.vxlan.vni != want.vxlan.vni || have.vxlan.port != want.vxlan.port;
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

TunnelPlan plan_tunnel(const Tunnel& tunnel, Origin origin, const State& state,
                       const PlanOptions& options) {
    TunnelPlan plan;
    plan.name = tunnel.name;
    const Link* have = find_link(state, tunnel.name);
    if (have != nullptr && have->kind != "vxlan") {
        plan.errors.push_back({ErrorKind::usage, tunnel.name,
                               fmt::format("the name belongs to a link of another kind ({})",
                                           have->kind.empty() ? "a network device" : have->kind),
                               "", 0, "Choose another name, or remove that link yourself."});
        return plan;
    }

    Record old_record;
    const std::string alias = have != nullptr ? have->attributes.alias.value_or("") : std::string();
    plan.old_mark = mark_of(alias);
    if (plan.old_mark) {
        if (const auto found = state.records.find(plan.old_mark->id); found != state.records.end())
            old_record = found->second;
        else
            plan.warnings.emplace_back(
                "the record of what was set earlier is missing: nothing that "
                "is no longer stated is reset");
        if (plan.old_mark->origin == Origin::file && origin == Origin::cli)
            plan.warnings.emplace_back(
                "the tunnel comes from a file, which may now say something else");
    }

    LinkTarget target = target_for(tunnel, have, old_record, state, options);
    const auto reasons =
        have != nullptr ? impossible_in_place(*have, target) : std::vector<Change>{};
    const bool replaces = !reasons.empty();
    const bool keeps_mark = plan.old_mark && !replaces;
    plan.mark = keeps_mark ? plan.old_mark : Mark{origin, options.new_id()};
    if (origin == Origin::file) plan.mark->origin = origin;
    if (plan.old_mark && plan.old_mark->origin == Origin::file) plan.mark->origin = Origin::file;
    target.attributes.alias = with_mark(alias, *plan.mark);
    plan.record = record_of(tunnel);

    if (replaces) settle_recreate(target, *have, reasons, tunnel, state, options, plan);
    preflight(tunnel, target, have, replaces, state, options, plan);
    if (!plan.errors.empty()) return plan;

    if (have == nullptr) {
        plan.steps = build_steps(target, target.name);
        append(plan.steps, raise_steps(target));
    } else if (replaces) {
        plan.steps = recreate_steps(*have, target, reasons, plan);
    } else {
        plan.steps = change_steps(*have, target);
        for (const auto& route : lost_routes(*have, target))
            plan.warnings.push_back(
                fmt::format("route {} goes with the address that it needs", to_string(route.to)));
        const auto* change = plan.steps.size() == 1
                                 ? std::get_if<ChangeLink>(&plan.steps.front().operation)
                                 : nullptr;
        LinkAttributes mark_alone;
        mark_alone.alias = target.attributes.alias;
        plan.adopted = change != nullptr && !plan.old_mark && change->changed == mark_alone;
    }
    return plan;
}

TunnelPlan plan_absence(const std::string& name, const State& state, const PlanOptions& options) {
    TunnelPlan plan;
    plan.name = name;
    plan.absent = true;
    const Link* have = find_link(state, name);
    if (have == nullptr) return plan;
    plan.old_mark = mark_of(have->attributes.alias.value_or(""));
    if (have->kind != "vxlan")
        plan.errors.push_back({ErrorKind::usage, name,
                               fmt::format("not a tunnel of a kind that vxlanctl manages ({})",
                                           have->kind.empty() ? "a network device" : have->kind),
                               "", 0, fmt::format("'ip link del {}' removes any link.", name)});
    else if (!plan.old_mark && !options.force)
        plan.errors.push_back({ErrorKind::refused, name,
                               "cannot remove: the link was not made by vxlanctl", "", 0,
                               "Use --force to remove it all the same."});
    else
        plan.steps.push_back({DeleteLink{name}, {}, Disruption::none});
    return plan;
}

/// Replacements that a killed run left behind hold their VNI, and would never go by themselves.
std::vector<TunnelPlan> plan_leftovers(const Config& config, const State& state,
                                       const PlanOptions& options) {
    std::vector<TunnelPlan> plans;
    for (const auto& link : state.links) {
        const bool named =
            std::find(config.absent.begin(), config.absent.end(), link.name) != config.absent.end();
        if (link.kind == "vxlan" && is_leftover(link) && !named)
            plans.push_back(plan_absence(link.name, state, options));
    }
    return plans;
}

/// The target with everything else on the link as surplus: the link is a new one of ours.
LinkTarget exactly(LinkTarget target, const Link& is) {
    const LinkTarget present = target_of(is);
    for (const auto& address : present.addresses)
        if (std::none_of(target.addresses.begin(), target.addresses.end(),
                         [&](const Address& other) { return same_identity(address, other); }))
            target.surplus_addresses.push_back(address);
    const auto surplus = [](const auto& list, const auto& wanted) {
        auto result = std::decay_t<decltype(list)>{};
        std::set_difference(list.begin(), list.end(), wanted.begin(), wanted.end(),
                            std::back_inserter(result));
        return result;
    };
    target.surplus_macs = surplus(present.macs, target.macs);
    target.surplus_routes = surplus(present.routes, target.routes);
    target.surplus_neighbours = surplus(present.neighbours, target.neighbours);
    return target;
}

bool recreates(const std::vector<Step>& steps, const std::string& name) {
    return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
        const auto* removal = std::get_if<DeleteLink>(&step.operation);
        return removal != nullptr && removal->link == name;
    });
}

template<class T> bool is_in(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

/// Collects from the steps of a plan what they concern, and turns it round.
class Inversion {
public:
    Inversion(const Link& was, const Link& is) : was_(was), is_(is) {
        target_.name = was.name;
        target_.ordered = true;
        target_.flood_state = is.flood_state;
        target_.flood_flags = is.flood_flags;
    }

    void operator()(const ChangeLink& step) {
        for (const auto& row : link_attributes())
            if (is_stated(step.changed, row)) take(row, was_.attributes, target_.attributes);
    }
    void operator()(const ChangeVxlan& step) {
        for (const auto& row : vxlan_attributes())
            if (is_stated(step.changed, row)) take(row, was_.vxlan, target_.vxlan);
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
    void operator()(const AddAddress& step) { concerned_.push_back(step.address); }
    void operator()(const RemoveAddress& step) {
        concerned_.push_back(step.address);
        // The kernel may have dropped routes with it.
        target_.routes = target_of(was_).routes;
    }
    void operator()(const AddRoute& step) {
        if (!is_in(was_.routes, step.route) && is_in(is_.routes, step.route))
            target_.surplus_routes.push_back(step.route);
    }
    void operator()(const RemoveRoute& step) { target_.routes.push_back(step.route); }
    void operator()(const AddNeighbour& step) {
        if (!is_in(was_.neighbours, step.neighbour) && is_in(is_.neighbours, step.neighbour))
            target_.surplus_neighbours.push_back(step.neighbour);
    }
    void operator()(const RemoveNeighbour& step) { target_.neighbours.push_back(step.neighbour); }
    void operator()(const CreateLink&) {}
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
        std::sort(target_.macs.begin(), target_.macs.end());
        std::sort(target_.neighbours.begin(), target_.neighbours.end());
        return std::move(target_);
    }

private:
    template<class Attributes>
    static void take(const AttributeRow<Attributes>& row, const Attributes& from, Attributes& to) {
        std::visit([&](auto member) { to.*member = from.*member; }, row.member);
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

Plan plan(const Config& config, const State& state, const PlanOptions& options) {
    Plan plan;
    plan.tunnels = plan_leftovers(config, state, options);
    plan.leftovers = plan.tunnels.size();
    for (const auto& tunnel : config.tunnels)
        plan.tunnels.push_back(plan_tunnel(tunnel, config.origin, state, options));
    for (const auto& name : config.absent)
        plan.tunnels.push_back(plan_absence(name, state, options));
    return plan;
}

std::vector<Step> plan_back(const std::string& name, const State& before, const State& now,
                            const std::vector<Step>& done) {
    const Link* was = find_link(before, name);
    const Link* is = find_link(now, name);
    std::vector<Step> steps;
    if (was == nullptr) {
        if (is != nullptr) steps.push_back({DeleteLink{name}, {}, Disruption::none});
        return steps;
    }
    const bool recreated = recreates(done, name);
    if (recreated && is != nullptr && is->index == was->index &&
        is->attributes.alias == was->attributes.alias)
        return steps;                              // it never went
    if (!recreated && is == nullptr) return steps; // with its lower device, or by another's hand

    LinkTarget target = target_of(*was);
    if (!recreated) {
        Inversion inversion(*was, *is);
        for (const auto& step : done)
            std::visit(inversion, step.operation);
        LinkTarget inverse = inversion.target();
        // A lower device that was given cannot be taken away again.
        if (impossible_in_place(*is, inverse).empty()) return change_steps(*is, inverse);
    } else if (is != nullptr && impossible_in_place(*is, target).empty()) {
        return change_steps(*is, exactly(std::move(target), *is));
    }
    if (is != nullptr) steps.push_back({DeleteLink{name}, {}, Disruption::recreate});
    append(steps, build_steps(target, name));
    append(steps, raise_steps(target));
    return steps;
}

bool concerns_foreign(const TunnelPlan& plan) {
    return !plan.errors.empty() ||
           std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
               const auto* change = std::get_if<ChangeVxlan>(&step.operation);
               return std::holds_alternative<RemoveAddress>(step.operation) ||
                      std::holds_alternative<DeleteLink>(step.operation) ||
                      (change != nullptr && change->changed.dev); // its undo may replace the link
           });
}

bool adds_address(const Config& config, const State& state) {
    for (const auto& tunnel : config.tunnels) {
        const Link* have = find_link(state, tunnel.name);
        for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
            if (have == nullptr || !has_address(*have, prefix)) return true;
    }
    return false;
}

} // namespace vxlanctl
