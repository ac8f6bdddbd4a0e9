#include "vxlanctl/doctor/evpn.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/facts.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/ownership.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace vxlanctl {
namespace {

/// What follows the last colon: of a target that bgpd derives, the VNI
/// (form_auto_rt() in bgpd/bgp_evpn.c), where RFC 8365 puts a type into the upper byte.
bool is_derived_of(std::string_view target, std::uint32_t vni) {
    const auto colon = target.rfind(':');
    if (colon == std::string_view::npos) return false;
    std::uint64_t number = 0;
    for (const char digit : target.substr(colon + 1)) {
        if (digit < '0' || digit > '9' || number > 0xffffffff) return false;
        number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    return (number & 0xffffff) == vni;
}

/// Of a derived target the AS may be any (map_vni_to_rt() there), so that the VNI decides.
bool is_imported(const EvpnFloodRoute& route, const EvpnBgpVni& known, std::uint32_t vni) {
    return std::any_of(route.targets.begin(), route.targets.end(), [&](const std::string& target) {
        return is_in(known.imports, target) ||
               (is_derived_of(target, vni) &&
                std::any_of(known.imports.begin(), known.imports.end(),
                            [&](const auto& import) { return is_derived_of(import, vni); }));
    });
}

/// The VTEPs that others' type-3 routes announce for the VNI, sorted.
std::vector<IpAddress> announced(const Evpn& evpn, const Link& link) {
    std::vector<IpAddress> origins;
    const std::uint32_t vni = link.tunnel.vni.value_or(0);
    const auto known = evpn.bgp_vnis.find(vni);
    if (known == evpn.bgp_vnis.end()) return origins;
    for (const auto& route : evpn.flood_routes)
        if (!route.is_own && route.origin != link.tunnel.local &&
            is_imported(route, known->second, vni))
            origins.push_back(route.origin);
    std::sort(origins.begin(), origins.end());
    origins.erase(std::unique(origins.begin(), origins.end()), origins.end());
    return origins;
}

/// By next-hop groups (ESI of several VTEPs) the kernel has VTEPs, too.
bool has_vtep(const Link& link, const IpAddress& address) {
    return has_entry_to(link.flood_list, address) ||
           std::any_of(link.opaque.begin(), link.opaque.end(), [&](const OpaqueEntry& entry) {
               return is_zero(entry.mac) && (entry.dst == address || is_in(entry.members, address));
           });
}

} // namespace

EvpnComparison compare(const Evpn& evpn, const Link& link, const Record* record) {
    EvpnComparison result;
    result.sessions_up = static_cast<std::size_t>(
        std::count_if(evpn.sessions.begin(), evpn.sessions.end(),
                      [](const EvpnSession& session) { return session.is_up; }));
    const auto found = evpn.vnis.find(link.tunnel.vni.value_or(0));
    const auto origins = announced(evpn, link);
    result.routes = origins.size();
    if (found == evpn.vnis.end() || found->second.interface != link.name) return result;
    result.vni = &found->second;
    if (found->second.routes) return result;
    std::vector<IpAddress> listed;
    for (const auto& vtep : found->second.vteps)
        listed.push_back(vtep.address);
    if (evpn.floods)
        std::copy_if(listed.begin(), listed.end(), std::back_inserter(result.missing),
                     [&](const IpAddress& address) { return !has_vtep(link, address); });
    std::copy_if(origins.begin(), origins.end(), std::back_inserter(result.not_taken),
                 [&](const IpAddress& origin) { return !is_in(listed, origin); });
    const auto recorded =
        record == nullptr ? std::vector<FloodEntry>{} : parse_peers_text(record->peers);
    for (const auto& entry : link.flood_list)
        if (!is_in(listed, entry.dst) && !has_entry_to(recorded, entry.dst) &&
            !is_multicast(entry.dst) && !is_in(result.unknown, entry.dst))
            result.unknown.push_back(entry.dst);
    return result;
}

bool is_of_control_plane(const Link& link, const State& state, const ControlPlane& plane) {
    if (link.tunnel.kind != TunnelKind::vxlan || !is_tunnel(link)) return false;
    const Record* record = find_record(state, &link);
    if (record != nullptr && record->keys.contains(control_plane_key)) return true;
    const auto known = plane.evpn.vnis.find(link.tunnel.vni.value_or(0));
    if (known != plane.evpn.vnis.end() && known->second.interface == link.name) return true;
    // Flannel's, for one, is in no bridge, and FRR takes no VNI of such an interface.
    const bool is_in_bridge = !link.attributes.master.value_or("").empty();
    return (is_in_bridge || link.tunnel.external.value_or(false)) &&
           !signs_of_another_program(link, state).empty();
}

bool may_have_control_plane(const State& state) {
    return std::any_of(state.links.begin(), state.links.end(), [](const Link& link) {
        return is_tunnel(link) && link.tunnel.kind == TunnelKind::vxlan;
    });
}

std::vector<std::string> interfaces_with_vrrp(std::string_view igmp) {
    // ip_mc_seq_show() in net/ipv4/igmp.c: `3 br100 : 1 V3`, and below it a line each group, whose
    // address is a number of the host's byte order.
    constexpr std::array groups{"120000E0", "E0000012"};
    std::vector<std::string> interfaces;
    std::string interface;
    while (!igmp.empty()) {
        const auto line = igmp.substr(0, igmp.find('\n'));
        igmp.remove_prefix(std::min(line.size() + 1, igmp.size()));
        const auto first = line.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        if (first == 0) { // of an interface
            const auto begin =
                line.find_first_not_of(" \t", std::min(line.find('\t'), line.size()));
            if (begin == std::string_view::npos) continue;
            interface = line.substr(begin, line.find_first_of(" \t:", begin) - begin);
            if (interface.starts_with("vrrp")) return {};
        } else if (is_in(std::vector<std::string_view>(groups.begin(), groups.end()),
                         line.substr(first, 8)) &&
                   !interface.empty() && !is_in(interfaces, interface)) {
            interfaces.push_back(interface);
        }
    }
    return interfaces;
}

std::string reason_to_skip(const ControlPlane& plane) {
    switch (plane.presence) {
    case ControlPlane::Presence::known: return "";
    case ControlPlane::Presence::unknown: return plane.obstacle ? to_string(*plane.obstacle) : "";
    case ControlPlane::Presence::not_asked:
    case ControlPlane::Presence::none: break;
    }
    return text_of(Code::frr_does_not_run);
}

} // namespace vxlanctl
