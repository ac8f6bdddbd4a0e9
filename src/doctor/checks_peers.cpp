#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/model/activity.h"
#include "vxlanctl/plan/doubled_peers.h"

#include <algorithm>
#include <chrono>

/// Where a VXLAN sends frames.
namespace vxlanctl {
namespace {

bool was_asked(const Examined& it) {
    return it.tunnel.probe && !it.tunnel.probe->arp_obstacle;
}

/// Neighbours that do not answer.
std::vector<std::string> unanswered(const TunnelFacts& tunnel) {
    std::vector<std::string> addresses;
    for (const auto& neighbour : tunnel.neighbours)
        if (is_silent(neighbour) && !is_link_local(neighbour.address) &&
            !is_multicast(neighbour.address))
            addresses.push_back(to_string(neighbour.address));
    return addresses;
}

/// That no MAC address has been learned from any peer.
void judge_silence(Check& check, const Examined& it) {
    const auto silent = unanswered(it.tunnel);
    const auto& counters = it.link.counters;
    const auto remedy = Remedy::to_look(
        was_asked(it) ? "" : formatted("vxlanctl doctor --probe {}", shell_quoted(it.link.name)));
    const Values values{{"addresses", first_of(silent)},
                        {"sent", counters.tx_packets},
                        {"received", counters.rx_packets}};
    if (!silent.empty() && !was_asked(it))
        check.fail(Code::macs_silence, values, remedy);
    else if (!silent.empty()) // which the probe judges
        check.warn(Code::macs_silence, values);
    else
        check.warn(counters.rx_packets > 0 ? Code::macs_none_now : Code::macs_none_yet, values,
                   remedy);
}

/// Peers that traffic is sent to and that nothing comes from, while another one answers.
void judge_silent_peers(Check& check, const Examined& it) {
    constexpr std::chrono::minutes long_time{2};
    const auto all = peer_activity(it.link, it.state.fdb_clock);
    const bool any_heard = std::any_of(all.begin(), all.end(), [&](const PeerActivity& one) {
        return one.activity.heard && *one.activity.heard <= long_time;
    });
    for (const auto& [peer, activity, macs] : all)
        if (any_heard && activity.heard && *activity.heard > long_time && activity.sent &&
            *activity.sent <= long_time)
            check.warn(Code::peer_not_heard, {{"peer", to_string(peer)},
                                              {"heard", activity.heard->count()},
                                              {"sent", activity.sent->count()}});
}

std::vector<std::string> named_ends(const Examined& it) {
    std::vector<std::string> texts;
    for (const auto& end : other_ends(it.link))
        texts.push_back(peer_text(names_of_peers(it), end));
    return texts;
}

} // namespace

void check_peers(Check& check, const Examined& it) {
    // A control plane, which gives its entries to an interface that does not learn, has none at
    // first.
    const bool is_others =
        it.record == nullptr && it.wish == nullptr && !it.link.tunnel.learning.value_or(true);
    if (!is_vxlan_of_ours(it) || is_others || has_failed(it, check_settings)) return;
    const Link& link = it.link;
    const bool floods_elsewhere =
        has_remote(link) || link.tunnel.external.value_or(false) ||
        std::any_of(link.opaque.begin(), link.opaque.end(),
                    [](const OpaqueEntry& entry) { return is_zero(entry.mac); });
    if (link.flood_list.empty() && !floods_elsewhere) {
        std::vector<std::string> commands;
        for (const auto& entry : link.macs) // the kernel learns from whoever sends
            if (auto command = fdb_command("append", link.name, entry.remote);
                !is_in(commands, command))
                commands.push_back(std::move(command));
        check.fail(Code::peers_missing, {},
                   it.wish != nullptr ? Remedy("vxlanctl apply")
                                      : Remedy(joined(commands, " && ")));
    }
    if (ages(link.flood_state) && !link.flood_list.empty())
        check.warn(Code::flood_list_ages, {},
                   fdb_command("append", link.name, link.flood_list.front()) + " permanent");
    check.pass(Code::peers_there, {{"peers", first_of(named_ends(it))}});
}

void check_flood_list(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it) || has_failed(it, check_settings)) return;
    const auto& entries = it.link.flood_list;
    for (const auto& [plain, other, is_remote] : doubled_peers(entries, it.link.tunnel)) {
        const Message twice(Code::peer_twice, "", {{"peer", to_string(plain.dst)}});
        if (is_remote)
            check.add(Verdict::fail, twice,
                      formatted("ip link set dev {} type vxlan id {} remote {}",
                                shell_quoted(it.link.name), it.link.tunnel.vni.value_or(0),
                                plain.dst.family == Family::ipv4 ? "0.0.0.0" : "::"));
        else
            check.add(Verdict::fail, twice, fdb_command("del", it.link.name, other));
    }
    check.pass(Code::flood_list_fine,
               {{"entries",
                 formatted("{} {}", entries.size(), entries.size() == 1 ? "entry" : "entries")}});
}

void check_macs(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it) || !is_sound(it)) return;
    if (!it.link.tunnel.learning.value_or(true)) return check.pass(Code::macs_not_wanted);
    if (it.link.macs.empty()) return judge_silence(check, it);
    std::vector<std::string> with, without;
    for (const auto& end : other_ends(it.link)) {
        const auto count =
            std::count_if(it.link.macs.begin(), it.link.macs.end(),
                          [&](const MacEntry& entry) { return entry.remote.dst == end; });
        if (count > 0)
            with.push_back(formatted("{} behind {}", count, peer_text(names_of_peers(it), end)));
        else
            without.push_back(peer_text(names_of_peers(it), end));
    }
    judge_silent_peers(check, it);
    if (without.empty())
        check.pass(Code::macs_learned, {{"macs", first_of(with)}});
    else
        check.pass(Code::macs_none_behind, {{"macs", first_of(with) + (with.empty() ? "" : "; ")},
                                            {"peers", first_of(without)}});
}

void check_pins(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const auto ends = other_ends(it.link);
    const bool all_known = std::none_of(ends.begin(), ends.end(), is_multicast);
    const bool redundant = ends.size() > 1 && it.link.tunnel.learning.value_or(true);
    for (const auto& entry : it.link.macs) {
        if (entry.origin != FdbOrigin::pinned) continue;
        const std::string remedy = fdb_command("del", it.link.name, entry.remote, entry.mac);
        const Values values{{"mac", to_string(entry.mac)}, {"peer", to_string(entry.remote.dst)}};
        if (redundant || (all_known && !is_in(ends, entry.remote.dst)))
            check.fail(Code::mac_pinned, values, remedy);
        else
            check.warn(Code::mac_pinned, values, remedy);
    }
    check.pass(Code::pins_none);
}

} // namespace vxlanctl
