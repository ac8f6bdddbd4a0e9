#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/doctor/remedies.h"

#include <algorithm>

/// A VXLAN whose flood list FRR writes.
namespace vxlanctl {
namespace {

/// `vtysh`, for one of several instances with the directory of its sockets.
std::string vtysh(const Examined& it) {
    const std::string& directory = it.facts.control_plane.directory;
    const bool is_usual =
        directory.empty() || directory == "/run/frr" || directory == "/var/run/frr";
    return is_usual ? "vtysh" : "vtysh --vty_socket " + shell_quoted(directory);
}

/// `vtysh -c 'show evpn vni 10'`
Remedy ask_frr(const Examined& it, const std::string& command) {
    return Remedy::to_look(formatted("{} -c '{}'", vtysh(it), command));
}

std::string number_text(std::size_t count, std::string_view what) {
    return formatted("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Why zebra does not have the VNI, or has it for another interface.
void judge_unknown_vni(Check& check, const Examined& it, const Evpn& evpn, Values values) {
    const std::uint32_t vni = it.link.tunnel.vni.value_or(0);
    const auto found = evpn.vnis.find(vni);
    if (found != evpn.vnis.end()) {
        values.emplace_back("other", found->second.interface);
        return check.fail(Code::evpn_vni_elsewhere, values,
                          ask_frr(it, formatted("show evpn vni {}", vni)));
    }
    if (evpn.as.empty())
        return check.fail(Code::evpn_no_bgp, values, ask_frr(it, "show bgp l2vpn evpn summary"));
    if (!evpn.advertises_all)
        return check.fail(Code::evpn_not_advertised, values,
                          formatted("{} -c 'configure terminal' -c 'router bgp {}' -c "
                                    "'address-family l2vpn evpn' -c 'advertise-all-vni'",
                                    vtysh(it), evpn.as));
    check.fail(Code::evpn_vni_unknown, values, ask_frr(it, "show evpn vni"));
}

/// How it no longer learns: by the file, by what made the tunnel, or by iproute2's command.
Remedy learning_remedy(const Examined& it, bool of_port, const std::string& command) {
    const bool is_ours = it.record != nullptr && it.record->source.empty() && it.wish == nullptr;
    if (is_ours)
        return formatted("vxlanctl set {} --no-{}learning", shell_quoted(it.link.name),
                         of_port ? "bridge-" : "");
    if (it.wish == nullptr || of_port) return command;
    return set_remedy(it, "learning", "false", "", command);
}

void judge_learning(Check& check, const Examined& it, const Values& values) {
    const std::string name = shell_quoted(it.link.name);
    if (it.link.tunnel.learning.value_or(true))
        check.warn(Code::evpn_learns, values,
                   learning_remedy(it, false,
                                   formatted("ip link set dev {} type vxlan nolearning", name)));
    if (it.link.attributes.bridge_learning.value_or(false))
        check.warn(
            Code::evpn_port_learns, values,
            learning_remedy(it, true, formatted("bridge link set dev {} learning off", name)));
}

void judge_sessions(Check& check, const Examined& it, const Evpn& evpn, Values values) {
    std::vector<std::string> down;
    for (const auto& session : evpn.sessions)
        if (!session.is_up) down.push_back(formatted("{} ({})", session.neighbour, session.state));
    if (evpn.sessions.empty())
        return check.fail(Code::evpn_no_session, values,
                          ask_frr(it, "show bgp l2vpn evpn summary"));
    if (down.empty()) return;
    values.emplace_back("sessions", first_of(down));
    const Message found(Code::evpn_session_down, "", values);
    check.add(down.size() == evpn.sessions.size() ? Verdict::fail : Verdict::warn, found,
              ask_frr(it, "show bgp l2vpn evpn summary"));
}

void judge_vteps(Check& check, const Examined& it, const Evpn& evpn, const EvpnComparison& is,
                 const Values& values) {
    const auto with = [&](const std::vector<IpAddress>& vteps) {
        Values more = values;
        more.emplace_back("vteps", first_of(texts_of(vteps)));
        return more;
    };
    const auto commands = [&](std::string_view verb, const std::vector<IpAddress>& vteps) {
        Remedy remedy;
        for (const auto& vtep : vteps) {
            FloodEntry entry;
            entry.dst = vtep;
            for (const auto& have : it.link.flood_list)
                if (have.dst == vtep) entry = have;
            remedy.commands.push_back(fdb_command(verb, it.link.name, entry));
        }
        return remedy;
    };
    if (!is.missing.empty())
        check.fail(Code::evpn_vtep_missing, with(is.missing), commands("append", is.missing));
    if (!is.not_taken.empty())
        check.fail(Code::evpn_route_not_taken, with(is.not_taken),
                   ask_frr(it, formatted("show bgp l2vpn evpn route vni {} type 3",
                                         it.link.tunnel.vni.value_or(0))));
    if (!is.unknown.empty())
        check.warn(Code::evpn_vtep_unknown, with(is.unknown), commands("del", is.unknown));
    if (is.routes == 0 && is.sessions_up > 0 && !evpn.bgp_vnis.empty() && is.vni->vteps.empty())
        check.warn(Code::evpn_no_routes, values, ask_frr(it, "show bgp l2vpn evpn route type 3"));
}

/// A single VXLAN device has no VNI of its own, and no flood list that could be compared.
void tell_of_many(Check& check, const Examined& it) {
    const auto found = it.facts.many_vnis.find(it.link.name);
    if (found == it.facts.many_vnis.end()) return;
    std::vector<std::string> carries;
    if (!found->second.accepted.empty())
        carries.push_back("VNIs " + vnis_text(found->second.accepted));
    if (!found->second.vlans.empty()) carries.push_back(vlans_text(found->second.vlans));
    if (carries.empty()) return;
    check.pass(Code::evpn_many_vnis,
               {{"interface", it.link.name}, {"carries", joined(carries, "; ")}});
}

} // namespace

void check_evpn(Check& check, const Examined& it) {
    const ControlPlane& plane = it.facts.control_plane;
    if (!is_of_control_plane(it.link, it.state, plane)) return;
    if (it.link.tunnel.external.value_or(false)) return tell_of_many(check, it);
    Values values{{"interface", it.link.name}, {"vni", it.link.tunnel.vni.value_or(0)}};
    if (plane.presence != ControlPlane::Presence::known) {
        values.emplace_back("reason", reason_to_skip(plane));
        if (plane.presence == ControlPlane::Presence::unknown)
            return check.warn(Code::evpn_skipped, values, ask_frr(it, "show evpn"));
        return check.pass(Code::evpn_skipped, values);
    }
    const Evpn& evpn = plane.evpn;
    const auto is = compare(evpn, it.link, it.record);
    judge_learning(check, it, values);
    const Link* bridge = find_link(it.state, it.link.attributes.master.value_or(""));
    if (bridge == nullptr || bridge->kind != "bridge")
        check.fail(Code::evpn_not_in_bridge, values, Remedy::to_look("bridge link show"));
    if (is.vni == nullptr) return judge_unknown_vni(check, it, evpn, values);
    if (is.vni->routes) return check.pass(Code::evpn_routes, values);
    judge_sessions(check, it, evpn, values);
    // zebra drops the VTEPs of a VXLAN that is down, or in no bridge (zebra_vxlan_if_down() and
    // zebra_vxlan_if_update() in zebra/zebra_vxlan.c): that is said already.
    if (!has_failed(it, check_link) && bridge != nullptr) judge_vteps(check, it, evpn, is, values);
    values.emplace_back("vteps", number_text(is.vni->vteps.size(), "remote VTEP"));
    values.emplace_back("sessions", formatted("{} of {}", is.sessions_up,
                                              number_text(evpn.sessions.size(), "session")));
    check.pass(Code::evpn_agrees, values);
}

} // namespace vxlanctl
