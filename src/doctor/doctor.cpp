#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/plan.h"

#include <algorithm>

namespace vxlanctl {

std::string Finding::found() const {
    std::string text;
    for (const auto& message : messages)
        text += (text.empty() ? "" : "; ") + text_of(message);
    return text;
}

std::vector<Finding> findings(const Facts& facts) {
    std::vector<Finding> all;
    const auto make = [&](const CheckRow& row, const std::string& tunnel, auto* examine,
                          const auto&... what) {
        Check check;
        if (examine != nullptr) examine(check, what...);
        if (check.founds().empty()) return false;
        all.push_back({tunnel, std::string(row.name), check.verdict(), check.founds(),
                       std::string(row.why), check.remedy()});
        return true;
    };
    const auto lost = all_lost_settings(facts.state);
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(facts.state, tunnel.name);
        if (link == nullptr) {
            for (const auto& row : checks())
                make(row, tunnel.name, row.of_missing, facts, tunnel.name);
            continue;
        }
        Examined it{facts, facts.state, tunnel, *link, lost};
        for (const auto& row : checks())
            if (make(row, tunnel.name, row.of_tunnel, it)) {
                it.verdicts.emplace(row.of_tunnel, all.back().verdict);
                for (auto& message : all.back().messages)
                    name_peers(message, names_of_peers(it));
            }
    }
    for (const auto& row : checks())
        make(row, "", row.of_host, facts);
    return all;
}

std::vector<Message> problems(const Link& link, const State& state) {
    static const Facts no_facts;
    static const TunnelFacts nothing;
    static const std::vector<Loss> no_losses;
    const Examined it{no_facts, state, nothing, link, no_losses};
    std::vector<Message> found;
    for (TunnelCheck* examine :
         {check_link, check_lower_device, check_lower_mtu, check_local_address, check_routers,
          check_peers, check_flood_list}) {
        Check check;
        examine(check, it);
        if (check.verdict() != Verdict::pass)
            found.insert(found.end(), check.founds().begin(), check.founds().end());
    }
    for (auto& message : found)
        name_peers(message, names_of_peers(it));
    return found;
}

std::vector<Message> problems(const Link& link, const State& state, const ControlPlane& plane) {
    static const TunnelFacts nothing;
    static const std::vector<Loss> no_losses;
    Facts facts;
    facts.control_plane = plane;
    Check check;
    check_evpn(check, {facts, state, nothing, link, no_losses});
    const bool is_down = !link.attributes.up.value_or(false); // which is what is wrong
    return check.verdict() == Verdict::pass || is_down ? std::vector<Message>{} : check.founds();
}

std::vector<IpAddress> other_ends(const Link& link) {
    std::vector<IpAddress> ends;
    for (const auto& entry : link.flood_list)
        ends.push_back(entry.dst);
    for (const auto& entry : link.opaque)
        ends.insert(ends.end(), entry.members.begin(), entry.members.end());
    for (const auto& entry : link.routers)
        ends.push_back(entry.router);
    if (has_remote(link)) ends.push_back(*link.tunnel.remote);
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return ends;
}

bool has_remote(const Link& link) {
    return link.tunnel.remote && !is_unspecified(*link.tunnel.remote);
}

std::optional<IpAddress> local_of(const Link& link) {
    return link.tunnel.local && !is_unspecified(*link.tunnel.local) ? link.tunnel.local
                                                                    : std::nullopt;
}

std::vector<std::string> tunnels_meant(const std::vector<std::string>& names, const State& state,
                                       const std::vector<Tunnel>& wishes) {
    std::set<std::string> meant(names.begin(), names.end());
    if (!names.empty()) return {meant.begin(), meant.end()};
    for (const auto& link : state.links)
        if (is_tunnel(link) && !is_fallback(link) && !is_leftover(link) &&
            mark_of(link.attributes.alias.value_or("")))
            meant.insert(link.name);
    for (const auto& wish : wishes)
        meant.insert(wish.name);
    return {meant.begin(), meant.end()};
}

} // namespace vxlanctl
