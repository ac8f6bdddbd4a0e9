#include "vxlanctl/run/loaded_firewall.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/run/nft.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The addresses that the plan adds to the flood list or the PRL.
std::vector<IpAddress> new_ends(const TunnelPlan& plan) {
    std::vector<IpAddress> ends;
    for (const auto& step : plan.steps) {
        if (const auto* peers = std::get_if<Add<FloodEntry>>(&step.operation))
            for (const auto& peer : peers->objects)
                ends.push_back(peer.dst);
        if (const auto* routers = std::get_if<Add<PrlEntry>>(&step.operation))
            for (const auto& entry : routers->objects)
                ends.push_back(entry.router);
    }
    return ends;
}

bool drops(const Ruleset& ruleset, const std::string& table, const Packet& packet) {
    const auto judgement = judge(ruleset, packet);
    return judgement.fate == Fate::dropped &&
           std::any_of(judgement.blamed.begin(), judgement.blamed.end(),
                       [&](const Judgement::Blamed& blamed) {
                           return blamed.chain->family == "inet" && blamed.chain->table == table;
                       });
}

} // namespace

void warn_of_loaded_firewall(const Kernel& kernel, const State& state, Plan& plan) {
    for (auto& tunnel : plan.tunnels) {
        const Link* link = find_link(state, tunnel.name);
        const auto ends =
            link == nullptr || !tunnel.errors.empty() ? std::vector<IpAddress>{} : new_ends(tunnel);
        const std::string table = firewall_table(tunnel.name);
        if (ends.empty() || !link->tunnel.local || !has_table(kernel, table)) continue;
        const auto ruleset = read_ruleset(kernel);
        if (!ruleset) continue; // without nft nobody has looked; doctor says so
        std::vector<std::string> dropped;
        for (const auto& end : ends) {
            Packet packet = outer_packet(link->tunnel, end, *link->tunnel.local);
            packet.link = link->tunnel.dev.value_or("");
            if (drops(*ruleset, table, packet)) dropped.push_back(to_string(end));
        }
        if (dropped.empty()) continue;
        const std::string peers = joined(dropped, ", ");
        tunnel.warnings.emplace_back(Code::loaded_firewall_drops, tunnel.name,
                                     Values{{"peers", peers},
                                            {"table", table},
                                            {"command", addition_to_peers(table, dropped)}});
    }
}

} // namespace vxlanctl
