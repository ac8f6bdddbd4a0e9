#pragma once

#include "vxlanctl/model/model.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace vxlanctl {

/// The inner networks of many tunnels. Most have the same ones, so that each combination is
/// compared once.
class MeshNetworks {
public:
    /// The number of the tunnel's combination. An address alone (/32, /128) makes no network, nor
    /// does a link-local one of IPv6.
    std::size_t add(const Tunnel& tunnel);
    /// Two networks that cannot both be right: one is within the other, or the two tunnels have
    /// some of one family, and none in common.
    const std::optional<std::pair<Prefix, Prefix>>& difference(std::size_t one, std::size_t other);

private:
    std::map<std::vector<Prefix>, std::size_t> numbers_;
    std::vector<const std::vector<Prefix>*> networks_; ///< by number, sorted
    std::map<std::pair<std::size_t, std::size_t>, std::optional<std::pair<Prefix, Prefix>>> known_;
};

} // namespace vxlanctl
