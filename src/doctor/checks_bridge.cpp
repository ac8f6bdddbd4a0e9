#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <linux/if_bridge.h>

/// A tunnel that is a port of a bridge.
namespace vxlanctl {
namespace {

bool overlap(const VlanRange& one, const VlanRange& other) {
    return one.first <= other.last && other.first <= one.last;
}

bool share_any(const std::vector<VlanRange>& one, const std::vector<VlanRange>& other) {
    return std::any_of(one.begin(), one.end(), [&](const VlanRange& range) {
        return std::any_of(other.begin(), other.end(),
                           [&](const VlanRange& second) { return overlap(range, second); });
    });
}

/// Whether somebody asked for the tunnel to be a port of something.
bool is_asked_for(const Examined& it) {
    return (it.record != nullptr && it.record->keys.contains("master")) ||
           (it.wish != nullptr && it.wish->link.master);
}

/// What the tunnel would need to be in the one VLAN that all others have as theirs.
Remedy vlan_remedy(const Examined& it) {
    const auto& usual = it.tunnel.other_pvids;
    if (usual.size() != 1) return {};
    const auto states_vlans = [](const LinkAttributes& attributes) {
        return has_any(attributes, Wire::port_vlans);
    };
    if (it.wish != nullptr && states_vlans(it.wish->link)) return {}; // the file has to change
    const std::string name = shell_quoted(it.link.name);
    if (it.record != nullptr &&
        (it.record->keys.contains("bridge_pvid") || it.record->keys.contains("bridge_vlans")))
        return formatted("vxlanctl set {} --bridge-pvid {}", name, *usual.begin());
    return formatted("bridge vlan add vid {} dev {} pvid untagged", *usual.begin(), name);
}

/// A port that suppresses neighbour discovery floods no gratuitous ARP
/// (br_do_proxy_suppress_arp() in net/bridge/br_arp_nd_proxy.c), by which an address that moves to
/// another MAC address is announced. One of its own MAC address (use_vmac) is on a macvlan.
void judge_vrrp(Check& check, const Examined& it, const Link& bridge, Values values) {
    if (!it.link.attributes.bridge_neigh_suppress.value_or(false)) return;
    for (const auto& interface : it.facts.vrrp) {
        if (interface != bridge.name && !interface.starts_with(bridge.name + ".")) continue;
        values.emplace_back("vrrp", interface);
        return check.warn(
            Code::bridge_vrrp_suppressed, values,
            Remedy::to_look(formatted("ip maddr show dev {}", shell_quoted(interface))));
    }
}

} // namespace

void check_bridge(Check& check, const Examined& it) {
    const Link* bridge = find_link(it.state, it.link.attributes.master.value_or(""));
    if (bridge == nullptr || bridge->kind != "bridge") return;
    const std::string name = shell_quoted(it.link.name);
    std::vector<std::string> addresses;
    for (const auto& address : it.link.addresses)
        if (!is_automatic(address)) addresses.push_back(to_string(address.prefix));
    const Values values{{"bridge", bridge->name},
                        {"addresses", joined(addresses, ", ")},
                        {"interface", it.link.name}};
    // The bridge takes what comes in before IP sees it, and hands it to IP as its own
    // (br_handle_frame() in net/bridge/br_input.c): answers leave through the port then.
    const Remedy remedy =
        is_asked_for(it) ? Remedy() : Remedy(formatted("ip link set dev {} nomaster", name));
    constexpr int strict = 1;
    if (!addresses.empty() && policy_of(it.facts, bridge->name).rp_filter == strict)
        check.fail(Code::address_on_bridge_port, values, remedy);
    else if (!addresses.empty())
        check.warn(Code::address_on_bridge_port, values, remedy);
    if (!bridge->attributes.up.value_or(false))
        return check.fail(Code::bridge_down, values, up_command(bridge->name));
    const auto state = it.link.port_state.value_or(BR_STATE_FORWARDING);
    if (state == BR_STATE_DISABLED || state == BR_STATE_BLOCKING)
        check.fail(Code::bridge_port_blocked, values,
                   formatted("bridge link set dev {} state {}", name, BR_STATE_FORWARDING));
    else if (state != BR_STATE_FORWARDING)
        check.warn(Code::bridge_port_not_forwarding, values);
    if (bridge->filters_vlans && !share_any(it.tunnel.own_vlans, it.tunnel.other_vlans))
        check.fail(Code::bridge_vlans_differ, values, vlan_remedy(it));
    judge_vrrp(check, it, *bridge, values);
    check.pass(Code::bridge_port_forwards, values);
}

} // namespace vxlanctl
