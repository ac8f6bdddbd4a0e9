#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kernel/kernel.h"

#include <functional>

namespace vxlanctl {

struct FactsRequest {
    std::vector<std::string> names; ///< of tunnels; none: see tunnels_meant()
    std::vector<Tunnel> wishes;
    std::map<std::string, Definition> places;
    std::set<std::string> held;
    /// How tunnels differ from what was asked for; called with what was read.
    std::function<void(Facts&)> compare = [](Facts&) {};
    bool probe = false; ///< send packets too
    /// What FRR says, where it has been asked already.
    std::optional<ControlPlane> control_plane = std::nullopt;
    bool every = false; ///< of the tunnels that are not named the links, in full
};

/// The interfaces that /proc/net/igmp lists in VRRP's multicast group, 224.0.0.18 (RFC 5798 section
/// 5.1.1.2): whoever speaks VRRP there has joined it. None where there is an interface `vrrp…`: the
/// macvlan of keepalived's use_vmac, or of FRR's vrrpd, with a MAC address that moves along.
std::vector<std::string> interfaces_with_vrrp(std::string_view igmp);

/// Everything that findings() wants to know. Of each tunnel at most 64 other ends are looked up.
Result<Facts> read_facts(const Kernel& kernel, const FactsRequest& request);

} // namespace vxlanctl
