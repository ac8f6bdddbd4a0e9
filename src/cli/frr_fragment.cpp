#include "vxlanctl/cli/frr_fragment.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"

#include <algorithm>
#include <map>

namespace vxlanctl {
namespace {

constexpr const char* fragment_head =
    "! FRR's half of EVPN, by vxlanctl export --format frr. FRR 8.4 and FRR 10 take the same "
    "words.\n"
    "! Replace these names; FRR refuses the text until you have:\n"
    "!   AS         the autonomous system, for example 65001, the same on every VTEP (iBGP)\n"
    "!   NEIGHBOUR  a route reflector, or each other VTEP: one line for each\n"
    "! Then try it, and take it over. vxlanctl writes no file of FRR's.\n"
    "!   vtysh -C -f THIS-FILE\n"
    "!   /usr/lib/frr/frr-reload.py --test THE-WHOLE-NEW-frr.conf\n"
    "! In /etc/frr/daemons: bgpd=yes, and bfdd=yes if you use the bfd line below.\n";

/// Why FRR would not take the tunnel's VNI; empty where it would.
std::string obstacle(const FrrTunnel& tunnel,
                     const std::map<std::uint32_t, std::string>& first_of_vni) {
    if (!tunnel.vni) return "it is no VXLAN with one VNI of its own";
    if (!tunnel.local) return "it has no local address yet";
    if (tunnel.local->family != Family::ipv4)
        return "its local address is IPv6, which FRR's EVPN does not take as a VTEP up to FRR 10";
    if (const std::string& first = first_of_vni.at(*tunnel.vni); first != tunnel.name)
        return formatted("VNI {} is that of {} already, and FRR takes one interface for each VNI",
                         *tunnel.vni, printable(first));
    return "";
}

std::string tunnel_comment(const FrrTunnel& tunnel, const std::string& why_not) {
    std::string text = formatted("! {}:", printable(tunnel.name));
    if (!why_not.empty()) return text + formatted(" left out: {}.\n", why_not);
    text +=
        formatted(" VNI {}, VTEP address {}, {}\n", *tunnel.vni, to_string(*tunnel.local),
                  tunnel.bridge.empty() ? "in no bridge" : "in bridge " + printable(tunnel.bridge));
    for (const auto& lack : tunnel.lacks)
        text += formatted("!   still needs {}\n", lack);
    return text;
}

std::string bgp_text(const std::vector<const FrrTunnel*>& taken) {
    const std::string address = to_string(*taken.front()->local);
    std::string text = formatted("router bgp AS\n"
                                 " bgp router-id {0}\n"
                                 " no bgp default ipv4-unicast\n"
                                 " neighbor VTEPS peer-group\n"
                                 " neighbor VTEPS remote-as AS\n"
                                 " neighbor VTEPS update-source {0}\n"
                                 " ! Notices within a second that a neighbour died:\n"
                                 " ! neighbor VTEPS bfd\n"
                                 " ! With neighbours in other autonomous systems (eBGP), FRR wants "
                                 "a policy for each, or:\n"
                                 " ! no bgp ebgp-requires-policy\n"
                                 " neighbor NEIGHBOUR peer-group VTEPS\n"
                                 " !\n"
                                 " address-family l2vpn evpn\n"
                                 "  neighbor VTEPS activate\n"
                                 "  ! On a route reflector alone:\n"
                                 "  ! neighbor VTEPS route-reflector-client\n"
                                 "  advertise-all-vni\n"
                                 "  ! FRR derives the route target AS:VNI of each VNI. Only VTEPs "
                                 "that derive another one need:\n",
                                 address);
    for (const auto* tunnel : taken)
        text += formatted("  ! vni {0}\n"
                          "  !  route-target both AS:{0}\n"
                          "  ! exit-vni\n",
                          *tunnel->vni);
    return text + " exit-address-family\nexit\n";
}

} // namespace

FrrTunnel frr_tunnel(const Link& link, const State& state) {
    FrrTunnel tunnel;
    tunnel.name = link.name;
    const bool has_one_vni =
        !link.tunnel.external.value_or(false) && link.tunnel.vni.value_or(0) != 0;
    if (has_one_vni) tunnel.vni = link.tunnel.vni;
    if (link.tunnel.local && !is_unspecified(*link.tunnel.local)) tunnel.local = link.tunnel.local;
    const Link* bridge = find_link(state, link.attributes.master.value_or(""));
    if (bridge != nullptr && bridge->kind == "bridge") tunnel.bridge = bridge->name;
    const std::string name = shell_quoted(link.name);
    if (tunnel.bridge.empty())
        tunnel.lacks.push_back(formatted("a bridge: ip link set dev {} master BRIDGE", name));
    if (link.tunnel.learning.value_or(true))
        tunnel.lacks.push_back(
            formatted("learning off: ip link set dev {} type vxlan nolearning", name));
    if (!tunnel.bridge.empty() && link.attributes.bridge_learning.value_or(true))
        tunnel.lacks.push_back(
            formatted("learning off as a port: bridge link set dev {} learning off", name));
    if (!tunnel.bridge.empty() && !link.attributes.bridge_neigh_suppress.value_or(false))
        tunnel.lacks.push_back(formatted(
            "ARP answered by the bridge: bridge link set dev {} neigh_suppress on", name));
    return tunnel;
}

FrrTunnel frr_tunnel(const Tunnel& wish) {
    FrrTunnel tunnel;
    tunnel.name = wish.name;
    if (wish.tunnel.kind == TunnelKind::vxlan) tunnel.vni = wish.tunnel.vni;
    tunnel.local = wish.tunnel.local;
    tunnel.bridge = wish.link.master.value_or("");
    if (tunnel.bridge.empty()) tunnel.lacks.emplace_back("a bridge: the key master");
    if (wish.evpn) return tunnel; // which implies the rest
    if (wish.tunnel.learning.value_or(true))
        tunnel.lacks.emplace_back("learning off: the key learning = false");
    if (wish.link.bridge_learning.value_or(true) ||
        !wish.link.bridge_neigh_suppress.value_or(false))
        tunnel.lacks.emplace_back(
            "settings of its port: bridge_port = { learning = false, neigh_suppress = true }");
    return tunnel;
}

std::string frr_fragment(std::vector<FrrTunnel> tunnels) {
    std::sort(tunnels.begin(), tunnels.end(), [](const FrrTunnel& one, const FrrTunnel& other) {
        return std::pair(one.vni, one.name) < std::pair(other.vni, other.name);
    });
    std::map<std::uint32_t, std::string> first_of_vni;
    for (const auto& tunnel : tunnels)
        if (tunnel.vni) first_of_vni.emplace(*tunnel.vni, tunnel.name);
    std::string text = fragment_head, comments;
    std::vector<const FrrTunnel*> taken;
    for (const auto& tunnel : tunnels) {
        const std::string why_not = obstacle(tunnel, first_of_vni);
        comments += tunnel_comment(tunnel, why_not);
        if (why_not.empty()) taken.push_back(&tunnel);
    }
    text += "!\n" + comments;
    if (taken.empty()) return text + "! There is no VXLAN here that FRR could take.\n";
    return text + "!\n" + bgp_text(taken);
}

} // namespace vxlanctl
