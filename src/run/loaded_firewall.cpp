#include "vxlanctl/run/loaded_firewall.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/run/nft.h"

#include <algorithm>
#include <optional>
#include <set>

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

/// Rules that are read once for all tunnels of a run, and not before one needs them.
class Loaded {
public:
    explicit Loaded(const Kernel& kernel) : kernel_(kernel) {}

    bool has_table(const std::string& name) {
        if (!tables_) tables_ = read_tables();
        return tables_->contains(name);
    }
    /// Null where there is no nft: then nobody has looked, and doctor says so.
    const Ruleset* ruleset() {
        if (!ruleset_) ruleset_ = read_ruleset(kernel_);
        return *ruleset_ ? &**ruleset_ : nullptr;
    }

private:
    /// None without netfilter.
    std::set<std::string> read_tables() const {
        auto socket = netfilter_socket(kernel_);
        if (!socket) return {};
        Netlink netlink(*socket);
        return read_inet_tables(netlink).value_or(std::set<std::string>{});
    }

    const Kernel& kernel_;
    std::optional<std::set<std::string>> tables_;
    std::optional<Result<Ruleset>> ruleset_;
};

} // namespace

void warn_of_loaded_firewall(const Kernel& kernel, const State& state, Plan& plan) {
    Loaded loaded(kernel);
    for (auto& tunnel : plan.tunnels) {
        const Link* link = find_link(state, tunnel.name);
        const auto ends =
            link == nullptr || !tunnel.errors.empty() ? std::vector<IpAddress>{} : new_ends(tunnel);
        const std::string table = firewall_table(tunnel.name);
        if (ends.empty() || !link->tunnel.local || !loaded.has_table(table)) continue;
        const Ruleset* ruleset = loaded.ruleset();
        if (ruleset == nullptr) continue;
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
