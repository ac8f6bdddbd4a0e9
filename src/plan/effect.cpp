#include "vxlanctl/plan/effect.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/preflight.h"

#include <algorithm>
#include <set>
#include <utility>

namespace vxlanctl {
namespace {

bool is_of_ipv4(const Address& address) {
    return address.prefix.address.family == Family::ipv4;
}

template<class Entry, class More> void unite(std::vector<Entry>& list, const More& more) {
    list.insert(list.end(), more.begin(), more.end());
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

template<class Entry, class Less> void remove_from(std::vector<Entry>& list, Less less) {
    std::sort(less.begin(), less.end());
    std::erase_if(list, [&](const Entry& entry) {
        return std::binary_search(less.begin(), less.end(), entry);
    });
}

/// One step after the other. Routes to be removed are collected: each removal walks over all.
class Effect {
public:
    explicit Effect(State& state) : state_(state) {}

    void take(const Step& step) {
        const auto* removal = std::get_if<Remove<Route>>(&step.operation);
        if (removal == nullptr || removal->link != removing_from_) flush();
        std::visit([&](const auto& operation) { (*this)(operation); }, step.operation);
    }

    void finish() {
        flush();
        for (const auto& name : unsorted_)
            if (Link* link = find(name)) link->routes.sort();
    }

    void operator()(const CreateLink& op) {
        Link link;
        link.name = op.link;
        link.kind = kind_of(op.tunnel.kind).name;
        link.tunnel = with_defaults(op.tunnel);
        link.attributes = op.attributes;
        link.attributes.up = false;
        enslave(link, op.attributes.master);
        const auto limit = mtu_limit(link.tunnel, state_);
        auto& mtu = link.attributes.mtu;
        if (!mtu && (link.tunnel.dev.value_or("").empty() || !limit))
            mtu = kind_of(link.tunnel.kind).mtu;
        if (limit) mtu = std::min(mtu.value_or(*limit), *limit); // silently
        state_.links.put(std::move(link));
    }
    void operator()(const ChangeLink& op) {
        Link* link = find(op.link);
        if (link == nullptr) return;
        const bool cycles = op.changed.vrf && op.changed.vrf != link->attributes.vrf &&
                            link->attributes.up.value_or(false);
        const bool goes_down = op.changed.up == false;
        if (cycles || goes_down) {
            link->routes.clear();
            std::erase_if(link->addresses,
                          [](const Address& address) { return !is_of_ipv4(address); });
        }
        if (cycles || goes_down || op.changed.mac) link->neighbours.clear();
        if (op.changed.master != link->attributes.master) enslave(*link, op.changed.master);
        link->attributes = merged(std::move(link->attributes), op.changed);
        link->carrier = link->attributes.up.value_or(false);
    }
    void operator()(const ChangeTunnel& op) {
        Link* link = find(op.link);
        if (link == nullptr) return;
        const auto& remote = link->tunnel.remote;
        if (op.changed.remote && is_unspecified(*op.changed.remote) && remote &&
            !is_unspecified(*remote))
            std::erase(link->flood_list,
                       FloodEntry{*remote, {}, {}, link->tunnel.dev.value_or("")});
        link->tunnel = merged(std::move(link->tunnel), op.changed);
        if (op.changed.dev) {
            const Link* lower = find(*op.changed.dev);
            link->lower_index = lower == nullptr ? 0 : lower->index;
        }
        const auto limit = mtu_limit(link->tunnel, state_);
        auto& mtu = link->attributes.mtu;
        if (kind_of(op.changed.kind).changes_whole)
            mtu = link->tunnel.dev.value_or("").empty() || !limit ? kind_of(op.changed.kind).mtu
                                                                  : *limit;
        else if (op.changed.dev && limit && mtu && *mtu > *limit)
            mtu = limit;
    }
    void operator()(const RenameLink& op) {
        const Link* link = find(op.link);
        if (link == nullptr) return;
        Link renamed = *link;
        renamed.name = op.to;
        state_.links.erase(op.link);
        state_.links.put(std::move(renamed));
    }
    void operator()(const DeleteLink& op) { remove(op.link); }

    void operator()(const Add<FloodEntry>& op) {
        if (Link* link = find(op.link)) {
            unite(link->flood_list, op.objects);
            link->flood_state = op.manner.state;
            link->flood_flags = op.manner.flags;
        }
    }
    template<class Object> void operator()(const Add<Object>& op) {
        if (Link* link = find(op.link)) unite(link->*ObjectTraits<Object>::of_link, op.objects);
    }
    template<class Object> void operator()(const Remove<Object>& op) {
        if (Link* link = find(op.link))
            remove_from(link->*ObjectTraits<Object>::of_link, op.objects);
    }
    void operator()(const Change<PrlEntry>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return;
        for (auto& router : link->routers)
            for (const auto& entry : op.objects)
                if (router.router == entry.router) router = entry;
    }
    void operator()(const Add<Address>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return;
        if (is_among(link->addresses, op.object())) return;
        link->addresses.push_back(op.object());
        state_.host_addresses.push_back(
            {op.object().prefix, op.object().broadcast, link->index, link->name});
    }
    void operator()(const Remove<Address>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return;
        std::erase_if(link->addresses,
                      [&](const Address& other) { return same_identity(op.object(), other); });
        state_.host_addresses.erase_if([&](const HostAddress& host) {
            return host.prefix == op.object().prefix && is_on(host, *link);
        });
        const bool last = is_of_ipv4(op.object()) &&
                          std::none_of(link->addresses.begin(), link->addresses.end(), is_of_ipv4);
        if (!last) return;
        link->routes.erase_if(
            [](const Route& route) { return route.to.address.family == Family::ipv4; });
        std::erase_if(link->neighbours, [](const Neighbour& neighbour) {
            return neighbour.address.family == Family::ipv4;
        });
    }

    void operator()(const Add<Route>& op) {
        Link* link = find(op.link);
        if (link == nullptr || find_route(link->routes, op.object()) != nullptr) return;
        Route route = op.object();
        route.dev.clear(); // a link's own routes do not say which one
        link->routes.push_back(route);
        unsorted_.insert(op.link);
        route.dev = op.link;
        state_.routes.push_back(std::move(route));
    }
    void operator()(const Remove<Route>& op) {
        removing_from_ = op.link;
        removed_.push_back(op.object());
        removed_.back().dev.clear();
    }
    void operator()(const Add<Rule>& op) {
        if (find_rule(state_.rules, op.object()) == nullptr) state_.rules.push_back(op.object());
    }
    void operator()(const Remove<Rule>& op) { std::erase(state_.rules, op.object()); }
    void operator()(const SetForwarding& op) {
        if (Link* link = find(op.link)) link->attributes.forward = op.on;
    }

private:
    Link* find(const std::string& name) { return state_.links.find_to_change(name); }

    /// What a port of the master has, where one is stated.
    void enslave(Link& link, const std::optional<std::string>& master) {
        if (!master) return;
        const Link* bridge = find(*master);
        link.attributes = without_port_part(std::move(link.attributes));
        if (bridge != nullptr && bridge->kind == "bridge")
            link.attributes = merged(std::move(link.attributes), new_port(bridge->default_pvid));
    }

    /// A link that is not there yet has no ifindex.
    static bool is_on(const HostAddress& host, const Link& link) {
        return link.index != 0 ? host.link_index == link.index : host.link == link.name;
    }

    void remove(const std::string& name) {
        const Link* gone = find(name);
        if (gone == nullptr) return;
        std::vector<std::string> uppers, dependants;
        for (const auto& link : std::as_const(state_.links))
            if (link.tunnel.dev == name && link.name != name)
                (goes_with_lower(link.kind) ? uppers : dependants).push_back(link.name);
        for (const auto& dependant : dependants) {
            Link& left = *find(dependant);
            left.tunnel.dev = no_link(left.lower_index);
        }
        for (const auto& upper : uppers) {
            Link vanished = *find(upper);
            vanished.mtu_is_default = vanished.attributes.mtu == mtu_limit(vanished.tunnel, state_);
            remove(upper);
            state_.vanished.put(std::move(vanished));
        }
        gone = find(name);
        state_.host_addresses.erase_if([&](const HostAddress& host) { return is_on(host, *gone); });
        state_.routes.erase_if([&](const Route& route) { return route.dev == name; });
        if (Link* lower = find(gone->tunnel.dev.value_or(""))) {
            std::erase(lower->uppers, name);
            std::erase_if(lower->dependants,
                          [&](const Dependant& dependant) { return dependant.name == name; });
        }
        state_.links.erase(name);
    }

    void flush() {
        if (removed_.empty()) return;
        const Routes removed(std::exchange(removed_, {}));
        if (Link* link = find(removing_from_))
            link->routes.erase_if([&](const Route& route) { return removed.contains(route); });
        removing_from_.clear();
    }

    State& state_;
    std::string removing_from_; ///< the link that these led out of
    std::vector<Route> removed_;
    std::set<std::string> unsorted_;
};

} // namespace

void take_effect(State& state, const std::vector<Step>& steps) {
    Effect effect(state);
    for (const auto& step : steps)
        effect.take(step);
    effect.finish();
}

} // namespace vxlanctl
