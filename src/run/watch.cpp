#include "vxlanctl/run/watch.h"

#include "vxlanctl/base/lists.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The interfaces that a tunnel names.
std::set<std::string> named_interfaces(const Tunnel& tunnel) {
    std::set<std::string> names;
    for (const auto& name : {tunnel.tunnel.dev, tunnel.link.master, tunnel.link.vrf})
        names.insert(name.value_or(""));
    for (const auto& peer : tunnel.peers.value_or(std::vector<FloodEntry>{}))
        if (!peer.via.empty()) names.insert(peer.via.str());
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{}))
        names.insert(route.dev);
    for (const auto& name : tunnel.forward_from.value_or(std::vector<std::string>{}))
        names.insert(name);
    names.erase("");
    names.erase(tunnel.name);
    return names;
}

} // namespace

void Watch::set_tunnels(std::vector<Tunnel> tunnels, Time now) {
    std::vector<Condition> conditions(tunnels.size());
    for (std::size_t i = 0; i < tunnels.size(); ++i)
        if (const auto old = by_name_.find(tunnels[i].name);
            old != by_name_.end() && wanted_[old->second] == tunnels[i])
            conditions[i] = std::move(conditions_[old->second]);
    wanted_ = std::move(tunnels);
    conditions_ = std::move(conditions);
    index_tunnels();
    if (with_names_.empty())
        names_.reset();
    else if (!names_)
        names_ = now + pace_.names;
    note_all(now);
}

void Watch::index_tunnels() {
    by_name_.clear();
    roles_.clear();
    by_local_.clear();
    by_route_.clear();
    by_rule_.clear();
    with_settings_.clear();
    with_names_.clear();
    automatic_.clear();
    lowers_.assign(wanted_.size(), {});
    uppers_.assign(wanted_.size(), {});
    for (std::size_t i = 0; i < wanted_.size(); ++i)
        by_name_.emplace(wanted_[i].name, i);
    for (std::size_t i = 0; i < wanted_.size(); ++i)
        index_tunnel(i);
    std::erase_if(locals_, [&](const auto& seen) { return !by_local_.contains(seen.first); });
}

void Watch::index_tunnel(std::size_t at) {
    const Tunnel& tunnel = wanted_[at];
    const std::string& netns = tunnel.placement.netns;
    roles_[netns][tunnel.name].self.push_back(at);
    for (const auto& name : named_interfaces(tunnel)) {
        roles_[netns][name].under.push_back(at);
        if (tunnel.placement.move_dev && name == tunnel.tunnel.dev)
            roles_[""][name].under.push_back(at);
        if (const auto lower = by_name_.find(name);
            lower != by_name_.end() && wanted_[lower->second].placement.netns == netns) {
            lowers_[at].push_back(lower->second);
            uppers_[lower->second].push_back(at);
        }
    }
    if (tunnel.tunnel.local) by_local_[*tunnel.tunnel.local].push_back(at);
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{}))
        by_route_.emplace(route.to, std::pair(route.table, at));
    for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
        by_route_.emplace(network_of(prefix), std::pair(0U, at)); // in main, or the VRF's table
    for (const auto& rule : tunnel.rules.value_or(std::vector<Rule>{}))
        by_rule_.emplace(rule.table, at);
    if (tunnel.link.rp_filter || tunnel.link.forward || tunnel.forward_from)
        with_settings_.push_back(at);
    if (!tunnel.named_peers.empty() || !tunnel.automatic.remote_name.empty())
        with_names_.push_back(at);
    if (tunnel.automatic.local || tunnel.automatic.dev || tunnel.automatic.mtu)
        automatic_.push_back(at);
}

std::set<std::string> Watch::namespaces() const {
    std::set<std::string> names;
    for (const auto& tunnel : wanted_)
        names.insert(tunnel.placement.netns);
    names.erase("");
    return names;
}

void Watch::forget_links(std::string_view netns) {
    if (const auto found = links_.find(netns); found != links_.end()) found->second.clear();
}

const Watch::Role* Watch::role_of(std::string_view netns, const std::string& name) const {
    const auto names = roles_.find(netns);
    if (names == roles_.end()) return nullptr;
    const auto role = names->second.find(name);
    return role == names->second.end() ? nullptr : &role->second;
}

void Watch::know(const WatchEvent& link, std::string_view netns) {
    if (role_of(netns, link.link.name) != nullptr)
        links_[std::string(netns)][link.index] = link.link;
}

void Watch::note(const WatchEvent& event, std::string_view netns, Time now, const IsSeen& is_seen) {
    using EventKind = WatchEvent::Kind;
    if (event.kind == EventKind::link) return note_link(event, netns, now, is_seen);
    const Role* role = nullptr;
    if (const auto links = links_.find(netns); links != links_.end())
        if (const auto link = links->second.find(event.index); link != links->second.end())
            role = role_of(netns, link->second.name);
    switch (event.kind) {
    case EventKind::address: note_address(event, role, now, is_seen); break;
    case EventKind::route: note_route(event, role, netns, now, is_seen); break;
    case EventKind::rule: {
        const auto [first, last] = by_rule_.equal_range(event.table);
        for (auto rule = first; rule != last; ++rule)
            if (wanted_[rule->second].placement.netns == netns) concern(rule->second, now, is_seen);
        break;
    }
    case EventKind::settings:
        for (const std::size_t at : with_settings_)
            if (wanted_[at].placement.netns == netns &&
                (event.index == 0 ||
                 (role != nullptr && (is_in(role->self, at) || is_in(role->under, at)))))
                concern(at, now, is_seen);
        break;
    default:
        if (role == nullptr) break;
        for (const std::size_t at : role->self) // a control plane's entries are its own affair
            if (event.kind != EventKind::entry || !wanted_[at].evpn) concern(at, now, is_seen);
    }
}

void Watch::note_link(const WatchEvent& event, std::string_view netns, Time now,
                      const IsSeen& is_seen) {
    auto links = links_.find(netns);
    const auto known = links == links_.end() ? std::unordered_map<int, WatchedLink>::iterator()
                                             : links->second.find(event.index);
    const bool is_known = links != links_.end() && known != links->second.end();
    const bool is_other = is_known && (event.is_gone || known->second.name != event.link.name);
    if (is_other) { // it has gone, or has another name
        if (const Role* role = role_of(netns, known->second.name)) {
            concern(role->self, now, is_seen);
            concern(role->under, now, is_seen);
        }
        links->second.erase(known);
    }
    const Role* role = event.is_gone ? nullptr : role_of(netns, event.link.name);
    if (role == nullptr) return;
    concern(role->self, now, is_seen);
    // A name that a new interface has, or other things that those above it go by.
    if (!is_known || is_other || known->second != event.link) concern(role->under, now, is_seen);
    links_[std::string(netns)][event.index] = event.link;
}

/// One of a router's advertisement is told again and again: a local address that stays is no news.
/// The kernel makes link-local addresses by itself, and tells of them a second late.
void Watch::note_address(const WatchEvent& event, const Role* role, Time now,
                         const IsSeen& is_seen) {
    if (role != nullptr)
        for (const std::size_t at : role->self)
            if (!event.prefix || !is_link_local(event.prefix->address) ||
                is_in(wanted_[at].addresses.value_or(std::vector<Prefix>{}), *event.prefix))
                concern(at, now, is_seen);
    const auto local = event.prefix ? by_local_.find(event.prefix->address) : by_local_.end();
    if (local == by_local_.end()) {
        if (role != nullptr) // what is chosen for them may be this one
            for (const std::size_t at : automatic_)
                if (is_in(role->under, at)) concern(at, now, is_seen);
        return;
    }
    auto& seen = locals_[local->first];
    const bool is_news =
        event.is_gone ? (seen.erase(event.index), true) : seen.insert(event.index).second;
    if (is_news) concern(local->second, now, is_seen);
}

void Watch::note_route(const WatchEvent& event, const Role* role, std::string_view netns, Time now,
                       const IsSeen& is_seen) {
    if (event.is_gone && role != nullptr) concern(role->self, now, is_seen);
    if (event.prefix) {
        const auto [first, last] = by_route_.equal_range(*event.prefix);
        for (auto route = first; route != last; ++route) {
            const auto& [table, at] = route->second;
            if ((table == 0 || table == event.table) && wanted_[at].placement.netns == netns)
                concern(at, now, is_seen);
        }
    }
    if (event.is_gone) return;
    for (const std::size_t at : automatic_) // it waits for a way
        if (conditions_[at].retry && wanted_[at].placement.netns == netns)
            concern(at, now, is_seen);
}

void Watch::concern(const Tunnels& tunnels, Time now, const IsSeen& is_seen) {
    for (const std::size_t at : tunnels)
        concern(at, now, is_seen);
}

void Watch::concern(std::size_t at, Time now, const IsSeen& is_seen) {
    if (is_seen && is_seen(wanted_[at].name)) return;
    auto& condition = conditions_[at];
    if (!condition.first) condition.first = now;
    condition.last = now;
}

void Watch::note_all(Time now) {
    if (!all_) all_ = now;
}

void Watch::note_namespace(std::string_view netns, Time now) {
    for (std::size_t i = 0; i < wanted_.size(); ++i)
        if (wanted_[i].placement.netns == netns) concern(i, now, {});
}

void Watch::end_truces() {
    for (auto& condition : conditions_) {
        condition.truce.reset();
        condition.repairs.clear();
    }
}

std::optional<Watch::Time> Watch::due_by_itself(std::size_t at) const {
    const auto& condition = conditions_[at];
    if (condition.truce) return condition.truce; // then it is looked at, whatever happened
    std::optional<Time> when;
    if (condition.first)
        when = std::min(*condition.last + pace_.settle, *condition.first + pace_.coalesce);
    if (condition.retry && (!when || *condition.retry < *when)) when = condition.retry;
    if (when && condition.not_before) when = std::max(*when, *condition.not_before);
    return when;
}

/// What stands on a tunnel that is due soon waits for it.
std::optional<Watch::Time> Watch::due(std::size_t at) const {
    auto when = due_by_itself(at);
    if (!when) return when;
    std::set<std::size_t> below;
    for (Tunnels left = lowers_[at]; !left.empty();) {
        const std::size_t lower = left.back();
        left.pop_back();
        if (lower == at || !below.insert(lower).second) continue;
        append(left, lowers_[lower]);
        if (conditions_[lower].truce) continue;
        if (const auto first = due_by_itself(lower); first && conditions_[lower].first)
            when = std::max(*when, *first);
    }
    return when;
}

std::optional<Watch::Time> Watch::next() const {
    std::optional<Time> next;
    const auto sooner = [&](const std::optional<Time>& when) {
        if (when && (!next || *when < *next)) next = when;
    };
    if (all_) sooner(last_all_ ? std::max(*all_, *last_all_ + pace_.interval) : *all_);
    sooner(names_);
    for (std::size_t i = 0; i < conditions_.size(); ++i)
        if (conditions_[i].first || conditions_[i].retry || conditions_[i].truce) sooner(due(i));
    return next;
}

void Watch::add_with_uppers(std::size_t at, WatchTurn& turn) const {
    if (conditions_[at].truce || !turn.tunnels.insert(wanted_[at].name).second) return;
    for (const std::size_t upper : uppers_[at])
        add_with_uppers(upper, turn);
}

std::optional<WatchTurn> Watch::take(Time now) {
    WatchTurn turn;
    for (std::size_t i = 0; i < conditions_.size(); ++i)
        if (auto& truce = conditions_[i].truce; truce && *truce <= now) {
            turn.again.insert(wanted_[i].name);
            truce.reset();
            conditions_[i].repairs.clear();
            conditions_[i].first = conditions_[i].last = now - pace_.coalesce;
        }
    if (names_ && *names_ <= now) {
        turn.look_up = true;
        names_ = now + pace_.names;
        for (const std::size_t at : with_names_)
            add_with_uppers(at, turn);
    }
    turn.all = all_ && (!last_all_ || *last_all_ + pace_.interval <= now);
    for (std::size_t i = 0; i < conditions_.size() && !turn.all; ++i) {
        if (!conditions_[i].first && !conditions_[i].retry) continue;
        if (const auto when = due(i); when && *when <= now) add_with_uppers(i, turn);
    }
    for (std::size_t i = 0; i < conditions_.size(); ++i)
        if (conditions_[i].truce) turn.spared.insert(wanted_[i].name);
    if (turn.all) {
        all_.reset();
        turn.tunnels.clear();
    }
    if (!turn.all && turn.tunnels.empty()) return std::nullopt;
    for (std::size_t i = 0; i < conditions_.size(); ++i)
        if ((turn.all && !conditions_[i].truce) || turn.tunnels.contains(wanted_[i].name))
            conditions_[i].first = conditions_[i].last = conditions_[i].retry = std::nullopt;
    return turn;
}

std::vector<WatchFight> Watch::finish(const WatchTurn& turn,
                                      const std::vector<WatchResult>& results, Time now) {
    if (turn.all) last_all_ = now;
    for (const auto& [name, at] : by_name_)
        if (turn.all || turn.tunnels.contains(name))
            conditions_[at].not_before = now + pace_.interval;
    std::vector<WatchFight> fights;
    for (const auto& result : results) {
        const auto found = by_name_.find(result.tunnel);
        if (found == by_name_.end()) continue;
        auto& condition = conditions_[found->second];
        const bool is_new = std::exchange(condition.is_new, result.is_failed && condition.is_new);
        if (result.is_failed) condition.retry = now + pace_.retry;
        condition.rollbacks =
            result.is_failed && !result.steps.empty() ? condition.rollbacks + 1 : 0;
        // The kernel may tell late of what we did and undid ourselves: that is no reason to try the
        // same again at once, for ever.
        if (condition.rollbacks > 0)
            condition.not_before =
                now +
                std::min(pace_.interval * (1U << std::min(condition.rollbacks, 10U)), pace_.retry);
        if (result.is_failed || result.steps.empty() || is_new) continue;
        condition.repairs.push_back(now);
        while (condition.repairs.front() + pace_.window < now)
            condition.repairs.pop_front();
        if (condition.repairs.size() < pace_.repairs) continue;
        condition.truce = now + pace_.truce;
        condition.first = condition.last = std::nullopt;
        fights.push_back({result.tunnel, result.steps});
    }
    return fights;
}

void Watch::postpone(const WatchTurn& turn, Time now) {
    if (turn.all) {
        note_all(now);
        last_all_ = now;
    }
    if (turn.look_up) names_ = now + pace_.interval;
    for (const auto& name : turn.tunnels)
        if (const auto found = by_name_.find(name); found != by_name_.end()) {
            concern(found->second, now, {});
            conditions_[found->second].not_before = now + pace_.interval;
        }
}

std::size_t Watch::failing() const {
    return static_cast<std::size_t>(
        std::count_if(conditions_.begin(), conditions_.end(),
                      [](const Condition& condition) { return condition.retry.has_value(); }));
}

std::size_t Watch::left_alone() const {
    return static_cast<std::size_t>(
        std::count_if(conditions_.begin(), conditions_.end(),
                      [](const Condition& condition) { return condition.truce.has_value(); }));
}

} // namespace vxlanctl
