#include "vxlanctl/plan/mesh_networks.h"

#include "vxlanctl/base/lists.h"

#include <algorithm>

namespace vxlanctl {
namespace {

using Networks = std::vector<Prefix>;

std::optional<std::pair<Prefix, Prefix>> compare(const Networks& one, const Networks& other) {
    const Networks left = minus(one, other), right = minus(other, one);
    for (const auto& mine : left)
        for (const auto& theirs : right)
            if (overlaps(mine, theirs)) return std::pair(mine, theirs);
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        const auto is_of_family = [&](const Prefix& network) {
            return network.address.family == family;
        };
        const auto first = std::find_if(one.begin(), one.end(), is_of_family);
        const auto second = std::find_if(other.begin(), other.end(), is_of_family);
        const bool any_common = std::any_of(one.begin(), one.end(), [&](const Prefix& network) {
            return is_of_family(network) && is_in(other, network);
        });
        if (first != one.end() && second != other.end() && !any_common)
            return std::pair(*first, *second);
    }
    return std::nullopt;
}

} // namespace

std::size_t MeshNetworks::add(const Tunnel& tunnel) {
    Networks networks;
    for (const auto& prefix : tunnel.addresses.value_or(Networks{})) {
        const Family family = prefix.address.family;
        if (prefix.length != full_length(family) &&
            (family == Family::ipv4 || !is_link_local(prefix.address)))
            networks.push_back(network_of(prefix));
    }
    std::sort(networks.begin(), networks.end());
    networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
    const auto [known, is_new] = numbers_.try_emplace(std::move(networks), numbers_.size());
    if (is_new) networks_.push_back(&known->first);
    return known->second;
}

const std::optional<std::pair<Prefix, Prefix>>& MeshNetworks::difference(std::size_t one,
                                                                         std::size_t other) {
    static const std::optional<std::pair<Prefix, Prefix>> none;
    if (one == other) return none;
    const auto [known, is_new] = known_.try_emplace({one, other});
    if (is_new) known->second = compare(*networks_[one], *networks_[other]);
    return known->second;
}

} // namespace vxlanctl
