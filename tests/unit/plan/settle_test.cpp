// Properties of plans, over many random pairs of wish and state: carried out by a simulated kernel
// they lead to what was wished, never pass through a state without a peer or an address, and broken
// off anywhere they can be undone.
#include "random.h"
#include "simulator.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/rollback.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <iterator>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

/// What has to be equal again after an undo.
std::string essence(const State& state) {
    std::string text;
    for (const auto& link : state.links) {
        for (const auto& route : is_tunnel(link) ? std::vector<Route>{} : link.routes)
            text += fmt::format(" {} route {} {}", link.name, to_string(route.to), route.table);
        if (!is_tunnel(link)) continue;
        text += link.name;
        for (const auto& entry : link.routers)
            text += fmt::format(" router {} {}", to_string(entry.router), entry.is_default);
        for (const auto& row : tunnel_attributes(link.tunnel.kind))
            text += fmt::format(" {}={}", row.name, value_text(link.tunnel, row));
        for (const auto& row : link_attributes())
            text += fmt::format(" {}={}", row.name, value_text(link.attributes, row));
        // The order counts within an IPv4 subnet, where the first one is the primary.
        auto addresses = link.addresses;
        std::stable_sort(addresses.begin(), addresses.end(),
                         [](const Address& one, const Address& other) {
                             const bool ipv4 = one.prefix.address.family == Family::ipv4;
                             return ipv4 ? network_of(one.prefix) < network_of(other.prefix)
                                         : one.prefix < other.prefix;
                         });
        for (const auto& address : addresses)
            text += " " + to_string(address.prefix);
        for (const auto& entry : link.flood_list)
            text += fmt::format(" peer {} {} {}", to_string(entry.dst), entry.via.str(),
                                entry.port.value_or(0));
        if (!link.flood_list.empty()) text += ages(link.flood_state) ? " ages" : "";
        for (const auto& entry : link.macs)
            if (entry.origin != FdbOrigin::learned) text += " mac " + to_string(entry.mac);
        for (const auto& route : link.routes)
            text += " route " + to_string(route.to);
        for (const auto& entry : link.neighbours)
            text += " neighbour " + to_string(entry.address);
        text += "\n";
    }
    for (const auto& link : state.links)
        if (link.attributes.forward.value_or(false)) text += " forwards " + link.name;
    auto rules = state.rules;
    std::sort(rules.begin(), rules.end());
    for (const auto& rule : rules)
        text += " rule " + to_string(rule);
    return text;
}

bool has_ipv4(const Link* link) {
    return link != nullptr &&
           std::any_of(link->addresses.begin(), link->addresses.end(), [](const Address& address) {
               return address.prefix.address.family == Family::ipv4;
           });
}

bool reaches_somebody(const Link* link) {
    return link != nullptr && link->tunnel.kind == TunnelKind::vxlan &&
           (!link->flood_list.empty() || !is_unspecified(*link->tunnel.remote));
}

bool replaces(const TunnelPlan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](const Step& step) { return step.disruption == Disruption::recreate; });
}

} // namespace

TEST_CASE("settle: a carried out plan leaves nothing to do, and is hitless where it can be") {
    for (unsigned seed = 0; seed < seeds(4000); ++seed) {
        INFO("seed " << seed);
        Chance chance(seed);
        State state = host_state();
        for (int round = 0; round < 3; ++round) {
            const Config config{Origin::cli, {random_tunnel(chance, seed)}, {}};
            const PlanOptions options = random_options(chance);
            const TunnelPlan planned = plan(config, state, options).tunnels.at(0);
            if (!planned.errors.empty()) continue; // a foreign IPv6 address in the way, an MTU...
            const Link* before = find_link(state, "vxlan0");
            const bool had_address = has_ipv4(before), had_peer = reaches_somebody(before);
            State done = state;
            std::vector<State> between;
            for (const auto& step : planned.steps) {
                REQUIRE(simulate(done, step) == "");
                between.push_back(done);
            }
            const Link* after = find_link(done, "vxlan0");
            if (!replaces(planned) && before != nullptr)
                for (const auto& moment : between) {
                    const Link* link = find_link(moment, "vxlan0");
                    if (had_address && has_ipv4(after)) REQUIRE(has_ipv4(link));
                    // Where a default remote is the same entry as the only peer, there is a gap.
                    if (had_peer && before->tunnel.dev != "" && reaches_somebody(after))
                        REQUIRE(reaches_somebody(link));
                }
            done.records[planned.mark->id] = planned.record;
            const TunnelPlan again = plan(config, done, options).tunnels.at(0);
            for (const auto& line : rendered(again.steps))
                UNSCOPED_INFO(line);
            REQUIRE(again.steps.empty());
            REQUIRE(again.errors.empty());
            const TunnelPlan same = plan(config, state, options).tunnels.at(0);
            auto twice = rendered(same.steps), once = rendered(planned.steps);
            REQUIRE(twice.size() == once.size());
            state = done;
            disturb(chance, state);
        }
    }
}

TEST_CASE("settle: a plan broken off at any step can be undone") {
    long undone = 0;
    for (unsigned seed = 0; seed < seeds(2000); ++seed) {
        Chance chance(seed);
        State state = host_state();
        for (int round = 0; round < 2; ++round) {
            const Config config{Origin::cli, {random_tunnel(chance, seed)}, {}};
            const PlanOptions options = random_options(chance);
            const TunnelPlan planned = plan(config, state, options).tunnels.at(0);
            if (!planned.errors.empty()) continue;
            State now = state;
            for (std::size_t broken = 0; broken <= planned.steps.size(); ++broken) {
                State back = now;
                auto steps = rollback_elsewhere("vxlan0", state, back, planned.steps);
                for (auto& step : rollback_link("vxlan0", state, back, planned.steps))
                    steps.push_back(step);
                if (!planned.temporary.empty())
                    for (auto& step : rollback_link(planned.temporary, state, back, planned.steps))
                        steps.insert(steps.begin(), step);
                for (const auto& step : steps) {
                    INFO("seed " << seed << " broken at " << broken << ": " << rendered({step})[0]);
                    REQUIRE(simulate(back, step) == "");
                }
                INFO("seed " << seed << " broken at " << broken);
                REQUIRE(essence(back) == essence(state));
                ++undone;
                if (broken < planned.steps.size())
                    REQUIRE(simulate(now, planned.steps[broken]) == "");
            }
            now.records[planned.mark->id] = planned.record;
            state = now;
            disturb(chance, state);
        }
    }
    CHECK(undone > seeds(10000));
}
