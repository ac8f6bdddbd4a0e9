#include "vxlanctl/doctor/reach.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/reach_steps.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/plan.h"

#include <algorithm>
#include <linux/neighbour.h>

namespace vxlanctl {

void ReachSteps::pass(std::string_view name, Code found, Values values) {
    add(name, Verdict::pass, Message(found, "", std::move(values)));
}

void ReachSteps::warn(std::string_view name, Code found, Values values, std::string remedy) {
    add(name, Verdict::warn, Message(found, "", std::move(values)), std::move(remedy));
}

void ReachSteps::fail(std::string_view name, Code found, Values values, std::string remedy) {
    add(name, Verdict::fail, Message(found, "", std::move(values)), std::move(remedy));
}

void ReachSteps::add(std::string_view name, Verdict verdict, Message message, std::string remedy) {
    steps_.push_back({std::string(name), verdict, std::move(message), std::move(remedy)});
}

const ReachStep* ReachSteps::first_failure() const {
    const auto found = std::find_if(steps_.begin(), steps_.end(), [](const ReachStep& step) {
        return step.verdict == Verdict::fail;
    });
    return found == steps_.end() ? nullptr : &*found;
}

void ReachSteps::forgive() {
    for (auto& step : steps_)
        if (step.verdict == Verdict::fail) step.verdict = Verdict::warn;
}

const PeerNames& peer_names(const ReachFacts& given, const Link& link) {
    static const PeerNames none;
    const Record* record = find_record(given.facts.state, &link);
    return record == nullptr ? none : record->peer_names;
}

const KnownNeighbour* find_neighbour(const ReachFacts& given, const std::string& dev,
                                     const IpAddress& address) {
    const auto all = given.neighbours.find(dev);
    if (all == given.neighbours.end()) return nullptr;
    return find_neighbour(all->second, address);
}

const RouteFact* find_out(const ReachFacts& given, const Link& link, const IpAddress& end) {
    for (const auto& tunnel : given.facts.tunnels)
        if (tunnel.name == link.name)
            for (const auto& way : tunnel.out)
                if (way.to == end) return &way;
    for (const auto& way : given.more_out)
        if (way.to == end) return &way;
    return nullptr;
}

namespace {

/// The answer while it is found.
class Reaching {
public:
    explicit Reaching(const ReachFacts& given) : given_(given) {}

    Reach run() {
        tell_route();
        const Link* link = find_link(given_.facts.state, given_.way.dev);
        const bool is_through_tunnel = given_.way.code == 0 && !given_.is_own && link != nullptr &&
                                       is_tunnel(*link) && is_meant(link->name);
        if (is_through_tunnel)
            go_through(*link);
        else
            go_outside();
        judge_answer();
        return conclude(is_through_tunnel);
    }

private:
    bool is_meant(const std::string& name) const {
        return given_.names.empty() || is_in(given_.names, name);
    }

    void tell_route() {
        const RouteFact& way = given_.way;
        if (way.code != 0) return;
        steps_.pass("route", Code::reach_route,
                    {{"destination", to_string(given_.by)},
                     {"interface", way.dev},
                     {"via", way.via ? ", via " + to_string(*way.via) : ""},
                     {"source", way.source ? ", from " + to_string(*way.source) : ""},
                     {"table", way.table == main_table ? "" : formatted(", table {}", way.table)}});
    }

    void go_through(const Link& link) {
        constexpr std::size_t deepest = 3; // tunnels, one in the other
        const RouteFact* way = &given_.way;
        const Link* next = &link;
        while (next != nullptr && stretches_.size() < deepest) {
            Stretch& it = stretches_.emplace_back(
                Stretch{given_, *next, way->to, way->via.value_or(way->to), way->source});
            judge_tunnel(steps_, it);
            find_ends(steps_, it);
            judge_room(steps_, it);
            way = judge_underlay(steps_, it);
            next = way == nullptr ? nullptr : find_link(given_.facts.state, way->dev);
        }
        judge_firewall(steps_, stretches_);
        if (link.tunnel.kind == TunnelKind::vxlan)
            judge_neighbour(steps_, given_, link.name, stretches_.front().hop);
    }

    /// The route leads elsewhere, or nowhere: would it lead through a tunnel, if all were well?
    void go_outside() {
        for (const auto& link : given_.facts.state.links)
            if (is_tunnel(link) && is_meant(link.name)) tell_missing(link);
        for (const auto& name : given_.names)
            if (find_link(given_.facts.state, name) == nullptr)
                steps_.fail("interface", Code::link_missing, {});
        if (given_.way.code != 0 && steps_.first_failure() == nullptr)
            steps_.add("route", Verdict::fail,
                       Message(Code::reach_no_route, "", {{"to", to_string(given_.to)}})
                           .with(given_.way.code));
        if (given_.way.code != 0 || given_.is_own) return;
        judge_neighbour(steps_, given_, given_.way.dev, given_.way.via.value_or(given_.to));
        tell_forwarding();
    }

    /// Whether the route would be a more specific one than that which is there.
    bool would_lead(const Prefix& prefix) const {
        return contains(prefix, given_.to) &&
               (given_.way.code != 0 || prefix.length > given_.by.length);
    }

    void tell_missing(const Link& link) {
        const Record* record = find_record(given_.facts.state, &link);
        if (!link.attributes.up.value_or(false)) {
            std::vector<Prefix> prefixes;
            for (const auto& address : link.addresses)
                prefixes.push_back(network_of(address.prefix));
            if (record != nullptr) {
                for (const auto& prefix : record->addresses)
                    prefixes.push_back(network_of(prefix));
                for (const auto& route : record->routes)
                    if (route.dev.empty()) prefixes.push_back(route.to);
            }
            for (const auto& prefix : prefixes)
                if (would_lead(prefix))
                    return steps_.fail("interface", Code::reach_tunnel_down,
                                       {{"interface", link.name}, {"prefix", to_string(prefix)}},
                                       up_command(link.name));
        } else if (record != nullptr) {
            for (const auto& loss : lost_settings(link, *record, given_.facts.state))
                if (loss.inside && loss.to && would_lead(*loss.to))
                    return steps_.add("settings", Verdict::fail, loss.message, loss.remedy);
        }
    }

    /// What devices behind tunnels send to the address.
    void tell_forwarding() {
        std::vector<std::string> on, off;
        for (const auto& [name, forwards] : given_.forwards)
            if (is_meant(name)) (forwards ? on : off).push_back(formatted("'{}'", name));
        if (!on.empty())
            steps_.pass("forwarding", Code::reach_forwarded, {{"tunnels", first_of(on)}});
        if (!off.empty())
            steps_.warn("forwarding", Code::reach_not_forwarded, {{"tunnels", first_of(off)}});
    }

    /// The last word has who was asked.
    void judge_answer() {
        if (!given_.probe) return;
        const auto& [answered, hop, obstacle] = *given_.probe;
        if (obstacle) {
            const std::string reason(obstacle->value("reason"));
            steps_.warn("probe", Code::probe_not_sent,
                        {{"reason", reason.empty() ? text_of(*obstacle) : reason}});
        } else if (answered) {
            steps_.forgive();
            steps_.pass("probe", Code::reach_answered);
        } else if (hop && hop->mac && hop->address == given_.to &&
                   steps_.first_failure() == nullptr) {
            steps_.warn("probe", Code::reach_answers_arp, {});
        } else {
            steps_.fail("probe", Code::reach_silent, {});
        }
    }

    Reach conclude(bool is_through_tunnel) {
        const std::string to = to_string(given_.to);
        Reach result;
        if (const ReachStep* failure = steps_.first_failure()) {
            result.verdict = ReachVerdict::blocked;
            result.headline = Message(Code::reach_blocked, "",
                                      {{"to", to}, {"reason", text_of(failure->message)}});
        } else if (!is_through_tunnel) {
            std::vector<std::string> tunnels;
            for (const auto& name : given_.names)
                tunnels.push_back(formatted("'{}'", name));
            result.verdict = ReachVerdict::outside;
            result.headline = Message(
                given_.is_own     ? Code::reach_own
                : tunnels.empty() ? Code::reach_outside
                                  : Code::reach_outside_named,
                "",
                {{"to", to}, {"tunnels", joined(tunnels, ", ")}, {"interface", given_.way.dev}});
        }
        if (is_through_tunnel) {
            const Stretch& it = stretches_.front();
            result.tunnel = it.link.name;
            result.peers = it.ends;
            if (result.verdict == ReachVerdict::reached) result.headline = headline_of(it);
        }
        result.steps = std::move(steps_.list());
        return result;
    }

    Message headline_of(const Stretch& it) const {
        Message message(it.headline, "",
                        {{"to", to_string(given_.to)},
                         {"interface", it.link.name},
                         {"peer", it.ends.empty() ? "" : to_string(it.ends.front())},
                         {"count", it.ends.size()}});
        name_peers(message, peer_names(given_, it.link));
        return message;
    }

    const ReachFacts& given_;
    ReachSteps steps_;
    std::vector<Stretch> stretches_;
};

} // namespace

Reach reach(const ReachFacts& given) {
    return Reaching(given).run();
}

} // namespace vxlanctl
