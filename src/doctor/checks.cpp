#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/ownership.h"

#include <algorithm>
#include <array>

namespace vxlanctl {
namespace {

constexpr auto rows = std::to_array<CheckRow>({
    {"settings", "the kernel has to have what a file or a command asked for", check_settings},
    {"interface", "an interface that is missing or down carries nothing", check_link,
     check_missing_link, check_any_tunnel},
    {"vni",
     "the kernel takes a VNI on a port once, whatever the local address or underlay interface",
     check_vni, check_missing_vni},
    {"underlay", "packets to the peers leave through the underlay interface", check_lower_device},
    {"local_address", "packets from an address that the host does not have vanish",
     check_local_address},
    {"port",
     "the kernel uses 8472 where no port is set, as old scripts do; SORACOM listens on 4789",
     check_port},
    {"peers", "broadcast, ARP above all, goes to the flood list alone", check_peers},
    {"flood_list", "a peer in the list twice gets each broadcast twice", check_flood_list},
    {"routers", "nothing from behind a router is accepted unless it is in the PRL", check_routers},
    {"default_route",
     "the kernel takes the router's IPv4 address out of the next hop, which has "
     "to be an ISATAP address",
     check_default_route},
    {"route", "the peers answer only what reaches them, from the local address", check_route},
    {"next_hop", "packets are handed to a gateway that has to answer ARP", check_next_hop},
    {"overlap",
     "an inner prefix makes a route into the tunnel, which may take what has to go "
     "outside of it",
     check_overlap},
    {"vrf",
     "the tunnel's socket belongs to the VRF that its underlay interface was in when the tunnel "
     "was set up",
     check_vrf},
    {"bridge", "a bridge decides what comes and goes through its ports", check_bridge},
    {"mtu", "packets that do not fit are dropped or fragmented: small ones pass, large ones hang",
     check_mtu},
    {"path_mtu",
     "packets that do not fit are dropped on the way: small ones pass, large ones "
     "hang",
     check_path_mtu},
    {"inside", "addresses inside are reached only through the tunnel", check_inside},
    {"rp_filter",
     "strict reverse path filtering drops packets that come in through another interface "
     "than answers would leave through",
     check_rp_filter},
    {"forwarding",
     "a gateway forwards, which is decided on the interface that a packet comes in through",
     check_forwarding},
    {"firewall", "packets have to pass this host's firewall, outside and inside the tunnel",
     check_firewall},
    {"macs", "the tunnel learns behind which peer a MAC is from what comes back", check_macs},
    {"pins", "a pinned MAC stays behind its peer when another one takes over", check_pins},
    {"manager", "a service that manages the interface removes what it does not know",
     check_manager},
    {"probe", "an answer through the tunnel proves that packets pass both ways", check_probe},
    {"inner_address", "two hosts that have one address take each other's packets",
     check_inner_address},
    {"evpn", "the peers of a VXLAN with a control plane are what FRR writes", check_evpn},
    {"networkd",
     "systemd-networkd removes routes and rules that it did not make, unless told "
     "otherwise",
     nullptr, nullptr, check_networkd},
    {"cloud", "it cannot be seen from here, and stops traffic all the same", nullptr, nullptr,
     check_cloud},
});

} // namespace

std::span<const CheckRow> checks() {
    return rows;
}

void Check::add(Verdict verdict, Message found, Remedy remedy) {
    if (verdict < verdict_) return;
    if (verdict > verdict_) founds_.clear(), remedy_ = {};
    verdict_ = verdict;
    founds_.push_back(std::move(found));
    for (auto& edit : remedy.edits)
        if (!is_in(remedy_.edits, edit)) remedy_.edits.push_back(std::move(edit));
    for (auto& command : remedy.commands)
        if (!is_in(remedy_.commands, command)) remedy_.commands.push_back(std::move(command));
    if (!remedy.look.empty()) remedy_.look = std::move(remedy.look);
    if (remedy.caution) remedy_.caution = std::move(remedy.caution);
}

const PeerNames& names_of_peers(const Examined& it) {
    static const PeerNames none;
    return it.record == nullptr ? none : it.record->peer_names;
}

bool is_good(const Examined& it, TunnelCheck* check) {
    const auto made = it.verdicts.find(check);
    return made != it.verdicts.end() && made->second != Verdict::fail;
}

bool has_failed(const Examined& it, TunnelCheck* check) {
    const auto made = it.verdicts.find(check);
    return made != it.verdicts.end() && made->second == Verdict::fail;
}

bool is_sound(const Examined& it, TunnelCheck* but_for) {
    return std::none_of(it.verdicts.begin(), it.verdicts.end(), [&](const auto& made) {
        return made.second == Verdict::fail && made.first != but_for;
    });
}

bool is_vxlan_of_ours(const Examined& it) {
    return it.link.tunnel.kind == TunnelKind::vxlan && it.signs.empty();
}

std::vector<Loss> outer_losses(const Examined& it, const IpAddress& end) {
    std::vector<Loss> found;
    for (const auto& loss : it.losses) {
        const bool is_into_itself = loss.tunnel == it.link.name && loss.inside;
        if (!is_into_itself && concerns(loss, end, it.local)) found.push_back(loss);
    }
    return found;
}

const Tunnel* wish_of(const Facts& facts, std::string_view name) {
    for (const auto& tunnel : facts.wishes)
        if (tunnel.name == name) return &tunnel;
    return nullptr;
}

bool leads_nowhere(const State& state, std::string_view name) {
    const Link* link = find_link(state, name);
    return name == "lo" || (link != nullptr && link->kind == "dummy");
}

LinkPolicy policy_of(const Facts& facts, const std::string& link) {
    const auto found = facts.policies.find(link);
    return found == facts.policies.end() ? LinkPolicy{} : found->second;
}

bool is_examined(const Facts& facts, std::string_view name) {
    return std::any_of(facts.tunnels.begin(), facts.tunnels.end(),
                       [&](const TunnelFacts& tunnel) { return tunnel.name == name; });
}

std::vector<std::string> signs_of_another(const Link& link, const State& state) {
    return mark_of(link.attributes.alias.value_or("")) ? std::vector<std::string>{}
                                                       : signs_of_another_program(link, state);
}

std::string first_of(const std::vector<std::string>& all) {
    constexpr std::size_t most = 3;
    if (all.size() <= most + 1) return joined(all, ", ");
    return formatted("{} and {} more", fmt::join(all.begin(), all.begin() + most, ", "),
                     all.size() - most);
}

} // namespace vxlanctl
