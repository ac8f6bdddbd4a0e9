#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

/// What a single VXLAN device (`external`) carries: many VNIs, which VLANs of a bridge become. It
/// is read and shown, and never written. Values only.
namespace vxlanctl {

/// Both ends included.
struct VniRange {
    std::uint32_t first = 0, last = 0;
    auto operator<=>(const VniRange&) const = default;
};

/// VLANs of the bridge port and the VNIs that they are, one after the other: VLAN `first_vlan` is
/// VNI `vnis.first`.
struct VlanVnis {
    std::uint16_t first_vlan = 0, last_vlan = 0;
    VniRange vnis;
    auto operator<=>(const VlanVnis&) const = default;
};

struct ManyVnis {
    std::vector<VniRange> accepted; ///< of `vnifilter`; none before Linux 5.18
    std::vector<VlanVnis> vlans;    ///< of a bridge port with `vlan_tunnel on`
    bool operator==(const ManyVnis&) const = default;
};

/// `10, 20-29`
std::string vnis_text(const std::vector<VniRange>& vnis);
/// `VLAN 10 is VNI 1010, VLANs 20-29 are VNIs 1020-1029`
std::string vlans_text(const std::vector<VlanVnis>& vlans);

} // namespace vxlanctl
