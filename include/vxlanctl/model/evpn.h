#pragma once

#include "vxlanctl/base/address.h"
#include "vxlanctl/base/error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What a control plane of BGP EVPN (RFC 7432, RFC 8365) says of its VNIs. Values only.
namespace vxlanctl {

/// A remote VTEP that zebra has for a VNI.
struct EvpnVtep {
    IpAddress address;
    /// False where zebra means to write no flood entry for it: `"flood":"-"`, since FRR 10.
    bool is_flooded = true;
    auto operator<=>(const EvpnVtep&) const = default;
};

/// A VNI that zebra has told to bgpd, or learned from it.
struct EvpnVni {
    std::string interface;       ///< the VXLAN's name, as zebra has it
    bool routes = false;         ///< a layer 3 VNI, which has no flood list
    std::vector<EvpnVtep> vteps; ///< sorted
    bool operator==(const EvpnVni&) const = default;
};

/// A BGP session that carries the address family l2vpn evpn.
struct EvpnSession {
    std::string neighbour; ///< an address or an interface, as it is configured
    std::string state;     ///< `Established`, `Active`, …; in FRR's words
    bool is_up = false;
    bool operator==(const EvpnSession&) const = default;
};

/// A type-3 route (inclusive multicast), by which a VTEP says that it wants a VNI's floods.
struct EvpnFloodRoute {
    IpAddress origin;                 ///< the VTEP
    std::vector<std::string> targets; ///< route targets, `65001:100`
    bool is_own = false;              ///< this host makes it
    bool operator==(const EvpnFloodRoute&) const = default;
};

/// A VNI as bgpd knows it.
struct EvpnBgpVni {
    std::vector<std::string> imports; ///< route targets
    bool operator==(const EvpnBgpVni&) const = default;
};

/// All of it, of one network namespace.
struct Evpn {
    std::map<std::uint32_t, EvpnVni> vnis; ///< that zebra has
    std::map<std::uint32_t, EvpnBgpVni> bgp_vnis;
    std::vector<EvpnSession> sessions;
    std::vector<EvpnFloodRoute> flood_routes;
    std::string as;              ///< that of bgpd's default instance; empty: there is none
    bool advertises_all = false; ///< `advertise-all-vni`
    bool floods = true;          ///< not `flooding disable`
    bool operator==(const Evpn&) const = default;
};

/// What is known of the control plane of one network namespace.
struct ControlPlane {
    enum class Presence : std::uint8_t {
        not_asked, ///< nothing there could concern it
        none,      ///< no zebra of FRR serves this network namespace
        known,
        unknown ///< there is one, and it could not be asked
    };
    Presence presence = Presence::not_asked;
    Evpn evpn;
    std::string directory;         ///< of its vty sockets; empty where there is none
    std::optional<Error> obstacle; ///< of `unknown`
};

} // namespace vxlanctl
