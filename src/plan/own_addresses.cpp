#include "vxlanctl/plan/own_addresses.h"

#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {

OwnAddresses::OwnAddresses(const State& state) {
    for (const auto& host : state.host_addresses)
        addresses_.insert(host.prefix.address);
}

bool OwnAddresses::are_among(const Tunnel& tunnel) const {
    return tunnel.peers &&
           std::any_of(tunnel.peers->begin(), tunnel.peers->end(),
                       [&](const FloodEntry& peer) { return addresses_.contains(peer.dst); });
}

Settled OwnAddresses::leave_out_of(Tunnel& tunnel) const {
    Settled settled;
    if (!tunnel.peers) return settled;
    std::set<std::string> own;
    std::erase_if(*tunnel.peers, [&](const FloodEntry& peer) {
        return addresses_.contains(peer.dst) && (own.insert(to_string(peer.dst)), true);
    });
    if (own.empty()) return settled;
    if (tunnel.peers->empty() && tunnel.unresolved.empty())
        settled.errors.emplace_back(Code::only_own_peers, tunnel.name);
    else
        settled.notes.emplace_back(Code::own_peer_left_out, tunnel.name,
                                   Values{{"peers", joined(own, ", ")}});
    return settled;
}

} // namespace vxlanctl
