#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/plan/surroundings.h"

/// The interface itself, and what else would have it.
namespace vxlanctl {
namespace {

constexpr std::uint16_t script_port = 8472;

/// `vxlanctl up` with everything that the link has now, on the right port.
std::string recreation(const Examined& it) {
    std::string local = "LOCAL", inner = "-", more;
    if (it.local)
        local = to_string(*it.local);
    else
        for (const auto& host : it.state.host_addresses)
            if (host.link == it.dev && !is_link_local(host.prefix.address) && local == "LOCAL")
                local = to_string(host.prefix.address);
    for (const auto& address : it.link.addresses) {
        if (is_automatic(address)) continue;
        if (inner == "-")
            inner = to_string(address.prefix);
        else
            more += " --address " + to_string(address.prefix);
    }
    return formatted("vxlanctl up {} {} {} {} {} --vni {}{} --allow-recreate --keep-foreign",
                     it.dev.empty() ? "-" : shell_quoted(it.dev), local, shell_quoted(it.link.name),
                     inner, joined(texts_of(other_ends(it.link)), " "),
                     it.link.tunnel.vni.value_or(0), more);
}

} // namespace

void check_link(Check& check, const Examined& it) {
    if (it.link.tunnel.kind == TunnelKind::ip6tnl && it.link.tunnel.external.value_or(false))
        check.warn(Code::link_external, {}, Remedy::to_look("vxlanctl ipip6 up --help"));
    const bool is_up = it.link.attributes.up.value_or(false);
    if (!is_up && it.tunnel.port_is_taken)
        return check.fail(Code::port_taken, {{"port", it.link.tunnel.port.value_or(0)}});
    if (!is_up && !it.facts.differences.contains(it.link.name)) // else the settings say so
        return check.fail(Code::link_down, {}, up_command(it.link.name));
    if (!is_up) return;
    const std::string name = shell_quoted(it.link.name);
    if (!it.link.carrier)
        check.fail(Code::link_no_carrier, {}, formatted("ip link set dev {} protodown off", name));
    if (is_vxlan_of_ours(it) && it.link.attributes.arp == false)
        check.fail(Code::link_no_arp, {}, formatted("ip link set dev {} arp on", name));
    check.pass(Code::link_up);
}

void check_missing_link(Check& check, const Facts& facts, const std::string& name) {
    if (facts.held.contains(name))
        return check.fail(Code::settings_on_hold, {{"file", file_of(facts, name)}},
                          "vxlanctl apply");
    const auto gone = facts.vanished.find(name);
    if (gone != facts.vanished.end()) {
        const auto dev = gone->second.values.find("dev");
        const bool has_dev = dev == gone->second.values.end() || dev->second.empty() ||
                             find_link(facts.state, dev->second) != nullptr;
        const auto maker = facts.makers.find(name);
        if (!has_dev) return check.fail(Code::link_vanished_with_dev, {{"dev", dev->second}});
        return check.fail(Code::link_vanished, {},
                          maker == facts.makers.end() ? Remedy() : Remedy(maker->second));
    }
    const bool in_files = wish_of(facts, name) != nullptr;
    check.fail(in_files ? Code::link_missing_but_in_files : Code::link_missing, {},
               in_files ? Remedy("vxlanctl apply") : Remedy::to_look("vxlanctl up --help"));
}

void check_vni(Check& check, const Examined& it) {
    if (it.link.tunnel.kind == TunnelKind::vxlan)
        check.pass(Code::vni_own, {{"vni", it.link.tunnel.vni.value_or(0)},
                                   {"port", it.link.tunnel.port.value_or(0)}});
}

void check_missing_vni(Check& check, const Facts& facts, const std::string& name) {
    const Tunnel* wish = wish_of(facts, name);
    if (wish == nullptr || wish->tunnel.kind != TunnelKind::vxlan || !wish->tunnel.local) return;
    const auto vni = wish->tunnel.vni.value_or(0);
    const auto port = wish->tunnel.port.value_or(0);
    for (const auto& holder : exclusive_links(wish->tunnel, name, facts.state)) {
        const Link* link = find_link(facts.state, holder);
        const bool is_managed =
            link != nullptr && mark_of(link->attributes.alias.value_or("")).has_value();
        check.fail(Code::vni_taken, {{"vni", vni}, {"port", port}, {"interface", holder}},
                   is_managed
                       ? with_caution(
                             formatted("vxlanctl down {} && vxlanctl apply", shell_quoted(holder)),
                             Code::removes_tunnel, {{"interface", holder}})
                       : Remedy::to_look(formatted("vxlanctl show {}", shell_quoted(holder))));
    }
    check.pass(Code::vni_free, {{"vni", vni}, {"port", port}});
}

void check_port(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const auto number = it.link.tunnel.port.value_or(0);
    if (number != script_port)
        check.pass(Code::port_fine, {{"port", number}});
    else if (it.record != nullptr && it.record->keys.contains("port"))
        check.warn(Code::port_8472_set);
    else
        check.fail(Code::port_8472_left, {}, recreation(it));
}

void check_vrf(Check& check, const Examined& it) {
    const bool is_here = !it.link.underlay_elsewhere;
    if (!is_here || it.link.tunnel.kind != TunnelKind::vxlan || !is_good(it, check_lower_device))
        return;
    const Link* lower = find_link(it.state, it.dev);
    const std::string name = lower != nullptr ? lower->attributes.vrf.value_or("") : "";
    if (name.empty()) {
        check.pass(Code::vrf_none);
        return;
    }
    const auto errors = it.link.counters.tx_carrier_errors;
    const std::string remedy = formatted("ip link set dev {} down && {}",
                                         shell_quoted(it.link.name), up_command(it.link.name));
    const Values values{{"dev", lower->name}, {"vrf", name}, {"errors", errors}};
    if (it.tunnel.bound_to_vrf == false)
        check.fail(Code::vrf_changed_later, values, remedy);
    else if (!it.tunnel.bound_to_vrf && errors > 0)
        check.fail(Code::vrf_carrier_errors, values, remedy);
    else
        check.pass(Code::vrf_fine, values);
}

void check_manager(Check& check, const Examined& it) {
    if (!it.signs.empty()) {
        check.pass(Code::manager_another, {{"signs", joined(it.signs, ", ")}});
        return;
    }
    const auto& links = it.facts.services.links;
    const auto found = links.find(it.link.index);
    const auto managed = found == links.end() ? Services::Managed{} : found->second;
    const std::string name = shell_quoted(it.link.name);
    if (managed.by_network_manager)
        check.fail(Code::manager_network_manager, {},
                   formatted("nmcli device set {} managed no", name));
    if (managed.by_networkd) {
        const std::string text =
            formatted("[Match]\\nName={}\\n\\n[Link]\\nUnmanaged=yes\\n", it.link.name);
        check.fail(
            Code::manager_networkd, {},
            formatted("mkdir -p /etc/systemd/network && printf {} > {} && networkctl reload && "
                      "networkctl reconfigure {}",
                      shell_quoted(text),
                      shell_quoted(formatted("/etc/systemd/network/00-{}.network", it.link.name)),
                      name));
    }
    check.pass(Code::manager_none);
}

} // namespace vxlanctl
