#include "vxlanctl/model/names.h"

#include "vxlanctl/base/lists.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// Why the answer makes no peers. One that is wrong in part is not to be trusted.
std::string obstacle_in(const NameAnswer& answer) {
    if (answer.addresses.empty()) return answer.why;
    for (const auto& address : answer.addresses)
        if (const auto obstacle = unicast_obstacle(address); !obstacle.empty())
            return text_of(Code::answer_not_unicast,
                           {{"address", to_string(address)}, {"obstacle", obstacle}});
    return "";
}

} // namespace

std::set<NameQuery> host_names_in(const Config& config) {
    std::set<NameQuery> names;
    for (const auto& tunnel : config.tunnels) {
        const Family family = tunnel.tunnel.local.value().family;
        for (const auto& peer : tunnel.named_peers)
            names.insert({peer.name, family});
        if (const auto& remote = tunnel.automatic.remote_name; !remote.empty())
            names.insert({remote, family});
    }
    return names;
}

void put_addresses(Tunnel& tunnel, const NameAnswers& answers) {
    if (const auto& name = tunnel.automatic.remote_name; !name.empty()) {
        const auto& answer = answers.at({name, tunnel.tunnel.local.value().family});
        if (const auto why = obstacle_in(answer); why.empty())
            tunnel.automatic.remotes = answer.addresses;
        else
            tunnel.unresolved.push_back({name, why});
    }
    if (tunnel.named_peers.empty()) return;
    auto& peers = tunnel.peers.value();
    for (const auto& peer : tunnel.named_peers) {
        const auto& answer = answers.at({peer.name, tunnel.tunnel.local.value().family});
        if (const auto why = obstacle_in(answer); !why.empty()) {
            UnresolvedName unresolved{peer.name, why};
            if (!is_in(tunnel.unresolved, unresolved))
                tunnel.unresolved.push_back(std::move(unresolved));
            continue;
        }
        for (const auto& address : answer.addresses)
            peers.push_back({address, peer.port, peer.vni, peer.via});
        for (const auto& address : answer.addresses)
            tunnel.peer_names.try_emplace({address, peer.port, peer.vni, peer.via},
                                          peer.label.empty() ? peer.name : peer.label);
    }
    std::sort(peers.begin(), peers.end());
    peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
}

bool has_peers(const Link& link, Family family) {
    const auto& remote = link.tunnel.remote;
    return (remote && remote->family == family && !is_unspecified(*remote)) ||
           std::any_of(link.flood_list.begin(), link.flood_list.end(),
                       [&](const FloodEntry& entry) { return entry.dst.family == family; });
}

Message warning_of(const UnresolvedName& name, const std::string& tunnel) {
    return Message(Code::peer_name_unknown_kept, tunnel, {{"peer", name.name}, {"why", name.why}});
}

} // namespace vxlanctl
