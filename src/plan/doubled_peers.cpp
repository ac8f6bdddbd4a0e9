#include "vxlanctl/plan/doubled_peers.h"

namespace vxlanctl {
namespace {

bool is_one_endpoint(const FloodEntry& one, const FloodEntry& other,
                     const TunnelAttributes& vxlan) {
    const auto port = [&](const FloodEntry& entry) { return entry.port ? entry.port : vxlan.port; };
    const auto vni = [&](const FloodEntry& entry) { return entry.vni ? entry.vni : vxlan.vni; };
    return one.dst == other.dst && port(one) == port(other) && vni(one) == vni(other);
}

} // namespace

std::vector<DoubledPeer> doubled_peers(const std::vector<FloodEntry>& sorted,
                                       const TunnelAttributes& vxlan) {
    std::vector<DoubledPeer> doubled;
    for (std::size_t first = 0, i = 1; i < sorted.size(); ++i) {
        if (sorted[i].dst != sorted[i - 1].dst) {
            first = i;
            continue;
        }
        for (std::size_t earlier = first; earlier < i; ++earlier)
            if (is_one_endpoint(sorted[earlier], sorted[i], vxlan)) {
                doubled.push_back({sorted[earlier], sorted[i]});
                break;
            }
    }
    if (!vxlan.remote || is_unspecified(*vxlan.remote)) return doubled;
    const FloodEntry remote{*vxlan.remote, std::nullopt, std::nullopt, vxlan.dev.value_or("")};
    for (const auto& entry : sorted)
        if (is_one_endpoint(remote, entry, vxlan)) doubled.push_back({remote, entry, true});
    return doubled;
}

} // namespace vxlanctl
