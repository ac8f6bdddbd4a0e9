#include "vxlanctl/run/outer_ways.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/preflight.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// A host without a route to one peer is mostly without one to any: of many, a few are looked up.
constexpr std::size_t many_ways = 17, few_ways = 4;

bool is_judged(const TunnelPlan& plan) {
    return plan.wish != nullptr && plan.errors.empty() && !plan.steps.empty() &&
           plan.wish->tunnel.kind == TunnelKind::vxlan;
}

/// The peers that the plan adds, or with another local address or underlay interface all: lists
/// that are sorted.
std::vector<const std::vector<FloodEntry>*> new_peers(const TunnelPlan& plan) {
    std::vector<const std::vector<FloodEntry>*> lists;
    for (const auto& step : plan.steps) {
        const auto* change = std::get_if<ChangeTunnel>(&step.operation);
        if (change != nullptr && (change->changed.dev || change->changed.local) && plan.wish->peers)
            return {&*plan.wish->peers};
        if (const auto* added = std::get_if<Add<FloodEntry>>(&step.operation))
            lists.push_back(&added->objects);
    }
    return lists;
}

/// Whether the way is to one of these.
bool leads_to_one(const OuterWay& way, const std::vector<FloodEntry>& sorted,
                  const TunnelAttributes& vxlan) {
    auto entry = first_entry_to(sorted, way.peer);
    for (; entry != sorted.end() && entry->dst == way.peer; ++entry)
        if (way_to(*entry, vxlan) == way || learned_way_to(*entry, vxlan) == way) return true;
    return false;
}

/// Judges all plans of a run.
class WayJudge {
public:
    WayJudge(Routing& routing, const Config& config, const State& state, const PlanOptions& options,
             Plan& made)
        : routing_(routing), config_(config), state_(state), options_(options), made_(made) {}

    void run() {
        collect();
        if (ways_.empty() || !read_vrfs() || !look_up_ways()) return;
        for (std::size_t i = 0; i < made_.tunnels.size(); ++i)
            if (is_judged(made_.tunnels[i])) judge(made_.tunnels[i], inside_[i]);
    }

private:
    void collect() {
        inside_.resize(made_.tunnels.size());
        for (std::size_t i = 0; i < made_.tunnels.size(); ++i) {
            const TunnelPlan& plan = made_.tunnels[i];
            if (!is_judged(plan)) continue;
            for (const auto* list : new_peers(plan))
                for (const auto& peer : *list) {
                    if (new_ways_.size() >= many_ways) break;
                    new_ways_.insert(way_to(peer, plan.wish->tunnel));
                    if (plan.wish->tunnel.learning.value_or(true))
                        new_ways_.insert(learned_way_to(peer, plan.wish->tunnel));
                }
            for (const auto& peer : newly_inside(plan, state_, many_ways))
                inside_[i].push_back(learned_way_to(peer, plan.wish->tunnel));
        }
        if (new_ways_.size() >= many_ways)
            new_ways_.erase(std::next(new_ways_.begin(), few_ways), new_ways_.end());
        for (const auto& way : new_ways_)
            ways_.emplace(way, RouteLookup{});
        for (const auto& list : inside_)
            for (const auto& way : list)
                ways_.emplace(way, RouteLookup{});
    }

    /// The VRFs that underlay interfaces are in.
    bool read_vrfs() {
        std::set<int> masters;
        for (const auto& [way, found] : ways_)
            if (const Link* dev = find_link(state_, way.dev)) masters.insert(dev->master_index);
        const auto links = routing_.links_of(masters);
        if (!links) return false;
        for (const auto& link : *links)
            if (link.kind == "vrf") vrfs_.emplace(link.index, link.vrf_table);
        return true;
    }

    int index_of(const std::string& name) const {
        const Link* link = find_link(state_, name);
        return link == nullptr ? 0 : link->index;
    }

    int vrf_of(const std::string& dev) const {
        const Link* link = find_link(state_, dev);
        return link != nullptr && vrfs_.contains(link->master_index) ? link->master_index : 0;
    }

    RouteQuery query_of(const OuterWay& way) const {
        const int out = way.via.empty() ? vrf_of(way.dev) : index_of(way.via);
        return {way.peer, way.local, out, way.port, way.tos};
    }

    bool look_up_ways() {
        std::vector<RouteQuery> queries;
        for (const auto& [way, found] : ways_)
            queries.push_back(query_of(way));
        auto answers = routing_.look_up(queries);
        if (!answers) return false;
        auto answer = answers->begin();
        for (auto& [way, found] : ways_)
            found = std::move(*answer++);
        return true;
    }

    void judge(TunnelPlan& plan, const std::vector<OuterWay>& inside) {
        const bool may_overlap = options_.allow_overlap || plan.wish->allow_overlap;
        if (!may_overlap && refuse_what_comes_back(plan, inside)) return;
        std::map<std::string, std::vector<OuterWay>> elsewhere; // by the interface
        std::set<IpAddress> unreached;
        for (const auto& way : new_ways_) {
            const auto lists = new_peers(plan);
            const bool is_of_plan =
                std::any_of(lists.begin(), lists.end(), [&, &asked = way](const auto* list) {
                    return leads_to_one(asked, *list, plan.wish->tunnel);
                });
            if (!is_of_plan) continue;
            const RouteLookup& now = ways_.at(way);
            const WayOut out = way_out(way, now, plan, state_);
            if (out.leads == Leads::nowhere && unreached.insert(way.peer).second &&
                !gets_route(way.peer, plan.name))
                plan.warnings.emplace_back(Code::no_route, plan.name,
                                           Values{{"peer", to_string(way.peer)}});
            if (out.leads == Leads::outside && leaves_elsewhere(way, now, out) &&
                !gets_route(way.peer, plan.name))
                elsewhere[out.dev.empty() ? name_of(out.link_index) : out.dev].push_back(way);
        }
        for (const auto& [interface, ways] : elsewhere)
            warn_of_other_interface(plan, interface, ways);
    }

    /// Returns whether the plan is refused.
    bool refuse_what_comes_back(TunnelPlan& plan, const std::vector<OuterWay>& inside) {
        std::vector<std::string> peers, outside;
        Prefix into, by;
        for (const auto& way : inside) {
            const WayOut out = way_out(way, ways_.at(way), plan, state_);
            if (out.leads == Leads::into_tunnel)
                peers.push_back(to_string(way.peer)), into = out.by;
            if (out.leads == Leads::outside) outside.push_back(to_string(way.peer)), by = out.by;
        }
        for (auto* named : {&peers, &outside})
            named->resize(std::min(named->size(), few_ways));
        if (!outside.empty() && peers.empty())
            plan.warnings.emplace_back(
                Code::peer_inside_prefix, plan.name,
                Values{{"peers", joined(outside, ", ")}, {"route", to_string(by)}});
        if (peers.empty()) return false;
        plan.errors.emplace_back(
            Code::peer_leads_into_tunnel, plan.name,
            Values{{"peers", joined(peers, ", ")}, {"prefix", to_string(into)}});
        plan.steps.clear();
        return true;
    }

    bool leaves_elsewhere(const OuterWay& way, const RouteLookup& now, const WayOut& out) const {
        if (way.wanted.empty()) return false;
        if (!out.dev.empty()) return out.dev != way.wanted;
        const int dev = index_of(way.wanted);
        return dev != 0 && out.link_index != dev && !is_in(now.other_links, dev);
    }

    /// Whether what the config makes beside this tunnel will lead to the peer: an address of
    /// another one, or a route.
    bool gets_route(const IpAddress& peer, const std::string& tunnel_name) const {
        const auto leads = [&](const auto& list, auto prefix_of) {
            return list && std::any_of(list->begin(), list->end(), [&](const auto& element) {
                       return contains(prefix_of(element), peer);
                   });
        };
        return std::any_of(
            config_.tunnels.begin(), config_.tunnels.end(), [&](const Tunnel& tunnel) {
                return tunnel.name != tunnel_name &&
                       (leads(tunnel.addresses, [](const Prefix& prefix) { return prefix; }) ||
                        leads(tunnel.routes, [](const Route& route) { return route.to; }));
            });
    }

    /// Read where it is not known; empty where it has gone.
    const Link* link_of(int index) {
        if (const auto known = others_.find(index); known != others_.end()) return &known->second;
        auto links = routing_.links_of({index});
        if (!links || links->empty()) return nullptr;
        return &others_.emplace(index, std::move(links->front())).first->second;
    }

    std::string name_of(int index) {
        const Link* link = link_of(index);
        return link == nullptr ? no_link(index) : link->name;
    }

    void warn_of_other_interface(TunnelPlan& plan, const std::string& interface,
                                 const std::vector<OuterWay>& ways) {
        OuterWay first = ways.front();
        first.dev = first.wanted;
        first.via.clear();
        std::vector<std::string> peers;
        for (const auto& way : ways)
            if (const auto peer = to_string(way.peer); !is_in(peers, peer)) peers.push_back(peer);
        const WayThroughDevice through = way_through_device(first);
        Message warning(Code::peer_not_through_dev, plan.name,
                        {{"peers", joined(peers, ", ")},
                         {"interface", interface},
                         {"dev", first.dev},
                         {"commands", commands_for(first, through)}});
        if (!through.gateway && !through.is_on_link)
            warning.more.emplace_back(Code::gateway_is_router, "", Values{{"dev", first.dev}});
        plan.warnings.push_back(std::move(warning));
        warn_of_mtu(plan, interface, to_string(first.peer));
    }

    WayThroughDevice way_through_device(const OuterWay& way) {
        WayThroughDevice through;
        RouteQuery query = query_of(way);
        const int vrf = query.link_index;
        query.link_index = index_of(way.dev);
        if (way.peer.family == Family::ipv6) // with a source address it is bound to no interface
            query.from.reset();              // (ip6_route_output_flags_noref() in net/ipv6/route.c)
        if (const auto answers = routing_.look_up({query});
            answers && answers->front().code == 0 &&
            answers->front().link_index == query.link_index) {
            through.gateway = answers->front().via;
            through.is_on_link = !through.gateway;
        }
        through.is_vrf = vrf != 0;
        if (through.is_vrf) {
            through.table = vrfs_.at(vrf);
            return through;
        }
        through.table = routing_.unused_table(way.peer.family, next_table_).value_or(0);
        if (through.table == 0) through.table = next_table_;
        next_table_ = through.table + 1;
        return through;
    }

    /// Packets that do not fit there are fragmented or dropped.
    void warn_of_mtu(TunnelPlan& plan, const std::string& interface, const std::string& peer) {
        const Link* have = find_link(state_, plan.name);
        const Tunnel& wish = *plan.wish;
        auto mtu = wish.link.mtu;
        if (!mtu && have != nullptr) mtu = have->attributes.mtu;
        if (!mtu) mtu = mtu_limit(wish.tunnel, state_);
        const auto at = std::find_if(others_.begin(), others_.end(), [&](const auto& known) {
            return known.second.name == interface;
        });
        if (at == others_.end() || !at->second.attributes.mtu || !mtu) return;
        const std::uint32_t there = *at->second.attributes.mtu, taken = overhead(wish.tunnel);
        if (*mtu + taken <= there) return;
        plan.warnings.emplace_back(Code::mtu_too_large_there, plan.name,
                                   Values{{"mtu", *mtu},
                                          {"peer", peer},
                                          {"interface", interface},
                                          {"limit", there > taken ? there - taken : 0}});
    }

    Routing& routing_;
    const Config& config_;
    const State& state_;
    const PlanOptions& options_;
    Plan& made_;
    std::set<OuterWay> new_ways_;
    std::vector<std::vector<OuterWay>> inside_; ///< by the plan's index
    std::map<OuterWay, RouteLookup> ways_;
    std::map<int, std::uint32_t> vrfs_; ///< the tables, by ifindex
    std::map<int, Link> others_;        ///< links that packets leave through
    std::uint32_t next_table_ = 100;    ///< each warning names another one
};

} // namespace

void judge_outer_ways(Routing& routing, const Config& config, const State& state,
                      const PlanOptions& options, Plan& made) {
    WayJudge(routing, config, state, options, made).run();
}

} // namespace vxlanctl
