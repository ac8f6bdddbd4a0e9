#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/lost_settings.h"

#include <map>
#include <span>
#include <string_view>

/// The checks, a row each, and what they work with. A new check is a row in checks.cpp and its
/// function, in the checks_*.cpp of its subject.
namespace vxlanctl {

/// One check while it is made: the gravest verdict counts, and says what was found. One that says
/// nothing is left out: it does not concern the tunnel, or another check says why it would fail.
class Check {
public:
    void pass(Code found, Values values = {}) {
        add(Verdict::pass, Message(found, "", std::move(values)));
    }
    void warn(Code found, Values values = {}, Remedy remedy = {}) {
        add(Verdict::warn, Message(found, "", std::move(values)), std::move(remedy));
    }
    void fail(Code found, Values values, Remedy remedy = {}) {
        add(Verdict::fail, Message(found, "", std::move(values)), std::move(remedy));
    }
    void add(Verdict verdict, Message found, Remedy remedy = {});

    Verdict verdict() const { return verdict_; }
    const std::vector<Message>& founds() const { return founds_; }
    /// That of all that was found.
    const Remedy& remedy() const { return remedy_; }

private:
    Verdict verdict_ = Verdict::pass;
    std::vector<Message> founds_;
    Remedy remedy_;
};

struct Examined;
using TunnelCheck = void(Check& check, const Examined& it);
/// Of a tunnel whose interface is missing.
using MissingCheck = void(Check& check, const Facts& facts, const std::string& name);
using HostCheck = void(Check& check, const Facts& facts);

struct CheckRow {
    std::string_view name; ///< as docs/doctor.md lists it
    std::string_view why;  ///< it matters
    TunnelCheck* of_tunnel = nullptr;
    MissingCheck* of_missing = nullptr;
    HostCheck* of_host = nullptr;
};
/// In the order in which they are made.
std::span<const CheckRow> checks();

/// What a file states of the tunnel; null: nothing.
const Tunnel* wish_of(const Facts& facts, std::string_view name);
/// Whether an address on that interface is one of the host, which leaves through any other: the
/// interface leads nowhere.
bool leads_nowhere(const State& state, std::string_view link);
/// That of an interface; of one that was not read, all off.
LinkPolicy policy_of(const Facts& facts, const std::string& link);
/// Whether it is one of the tunnels that are examined.
bool is_examined(const Facts& facts, std::string_view name);
/// What shows that another program runs the tunnel; its peers and entries are that one's affair.
std::vector<std::string> signs_of_another(const Link& link, const State& state);

/// A tunnel that is examined.
struct Examined {
    const Facts& facts;
    const State& state; ///< that of `facts`; or all that is known, and `facts` is empty
    const TunnelFacts& tunnel;
    const Link& link;
    const std::vector<Loss>& losses;                  ///< of all tunnels
    const Tunnel* wish = wish_of(facts, link.name);   ///< null: none
    const Record* record = find_record(state, &link); ///< null: none
    std::string dev = link.tunnel.dev.value_or("");   ///< the underlay interface; empty: none
    std::optional<IpAddress> local = local_of(link);
    std::vector<std::string> signs = signs_of_another(link, state);
    std::map<TunnelCheck*, Verdict> verdicts = {}; ///< of the checks that were made
};

/// What people call its peers, as the record has it.
const PeerNames& names_of_peers(const Examined& it);

/// Whether the check was made and did not fail.
bool is_good(const Examined& it, TunnelCheck* check);
/// Whether the check was made and failed.
bool has_failed(const Examined& it, TunnelCheck* check);
/// Whether nothing failed yet that would explain silence, apart from that check.
bool is_sound(const Examined& it, TunnelCheck* but_for = nullptr);
/// Whether it is a VXLAN that no other program runs. What is a fault of ours, another program may
/// mean: FRR's interfaces have an MTU of 1500 without an underlay interface, and flannel's the port
/// 8472.
bool is_vxlan_of_ours(const Examined& it);

/// What says that other hosts' traffic goes through the tunnel, and by which devices it comes.
struct GatewaySigns {
    std::vector<std::string> reasons, ingress;
    Family family = Family::ipv4;
};

GatewaySigns gateway_signs(const Examined& it);

/// What is gone of the ways of the tunnel's own packets to one of its ends.
std::vector<Loss> outer_losses(const Examined& it, const IpAddress& end);
/// Names the first few of many.
std::string first_of(const std::vector<std::string>& all);

// checks_interface.cpp
TunnelCheck check_link, check_vni, check_port, check_vrf, check_manager;
MissingCheck check_missing_link, check_missing_vni;
// checks_underlay.cpp
TunnelCheck check_settings, check_lower_device, check_local_address;
// checks_route.cpp
TunnelCheck check_route, check_next_hop, check_overlap;
// checks_bridge.cpp
TunnelCheck check_bridge;
// checks_evpn.cpp
TunnelCheck check_evpn;
// checks_inside.cpp
TunnelCheck check_inside;
// checks_peers.cpp
TunnelCheck check_peers, check_flood_list, check_macs, check_pins;
// checks_probe.cpp
TunnelCheck check_probe, check_inner_address, check_path_mtu;
// checks_isatap.cpp
TunnelCheck check_routers, check_default_route;
// checks_mtu.cpp, where check_lower_mtu() is what the state alone decides
TunnelCheck check_mtu, check_lower_mtu;
// checks_forwarding.cpp
TunnelCheck check_rp_filter, check_forwarding;
// checks_firewall.cpp
TunnelCheck check_firewall;
// checks_host.cpp
HostCheck check_any_tunnel, check_networkd, check_cloud;

} // namespace vxlanctl
