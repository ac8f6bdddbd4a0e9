#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/inside.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <linux/neighbour.h>
#include <map>

/// What came of the packets that a probe sent.
namespace vxlanctl {
namespace {

std::string in_words(const ArpAnswer& answer) {
    return text_of(answer.behind ? Code::answer_behind : Code::answer_not_in_fdb,
                   {{"address", to_string(answer.address)},
                    {"mac", to_string(answer.mac.value_or(MacAddress{}))},
                    {"peer", answer.behind ? to_string(*answer.behind) : ""}});
}

bool tell_obstacle(Check& check, const std::optional<Error>& obstacle) {
    if (!obstacle) return false;
    const std::string reason(obstacle->value("reason"));
    check.warn(Code::probe_not_sent, {{"reason", reason.empty() ? text_of(*obstacle) : reason}});
    return true;
}

/// The peer that an address was behind before anybody was asked.
std::optional<IpAddress> known_behind(const Examined& it, const IpAddress& address) {
    for (const auto& neighbour : it.tunnel.neighbours)
        for (const auto& entry : it.link.macs)
            if (neighbour.address == address && neighbour.mac == entry.mac) return entry.remote.dst;
    return std::nullopt;
}

/// The peers behind which nobody answers who was there before, with those who were asked for.
std::map<IpAddress, std::vector<std::string>> silent_peers(const Examined& it) {
    std::map<IpAddress, std::vector<std::string>> silent;
    const auto& answers = it.tunnel.probe->answers;
    for (const auto& answer : answers)
        if (const auto peer = known_behind(it, answer.address); peer && !answer.mac)
            silent[*peer].push_back(to_string(answer.address));
    for (const auto& answer : answers)
        if (answer.mac) {
            if (answer.behind) silent.erase(*answer.behind);
            if (const auto peer = known_behind(it, answer.address)) silent.erase(*peer);
        }
    return silent;
}

void judge_arp(Check& check, const Examined& it) {
    if (tell_obstacle(check, it.tunnel.probe->arp_obstacle)) return;
    std::vector<std::string> silent, answered;
    for (const auto& answer : it.tunnel.probe->answers)
        if (!answer.mac)
            silent.push_back(to_string(answer.address));
        else
            answered.push_back(in_words(answer));
    for (const auto& [peer, addresses] : silent_peers(it))
        if (!answered.empty())
            check.fail(Code::probe_peer_silent,
                       {{"peer", to_string(peer)}, {"addresses", first_of(addresses)}});
    if (answered.empty())
        check.fail(Code::probe_silence, {{"addresses", first_of(silent)}},
                   Remedy::to_look(formatted("tcpdump -ni {} udp port {}",
                                             it.dev.empty() ? "any" : shell_quoted(it.dev),
                                             it.link.tunnel.port.value_or(0))));
    else if (!silent.empty())
        check.warn(Code::probe_partly,
                   {{"answers", joined(answered, ", ")}, {"addresses", first_of(silent)}});
    else
        check.pass(Code::probe_answered, {{"answers", joined(answered, ", ")}});
}

/// Whether traffic depends on the end: it is the only one, or a route leads through it.
bool is_needed(const Examined& it, const IpAddress& end) {
    const auto leads_there = [&](const Route& route) {
        return route.via && embedded_ipv4(*route.via) == end;
    };
    return it.tunnel.probe->ends.size() == 1 ||
           std::any_of(it.link.routes.begin(), it.link.routes.end(), leads_there);
}

void judge_end(Check& check, const Examined& it, const RemoteEnd& end) {
    std::vector<std::string> answered, asked;
    for (const auto& inside : end.inside) {
        asked.push_back(to_string(inside.to));
        if (inside.passes != 0) answered.push_back(asked.back());
    }
    const bool answers_outside = end.outside.passes != 0;
    const Values values{{"end", to_string(end.outside.to)},
                        {"inside", first_of(answered)},
                        {"asked", first_of(asked)},
                        {"protocol", outer_protocol_text(it.link.tunnel)}};
    if (!answered.empty()) {
        if (answers_outside) return check.pass(Code::end_answers, values);
        return check.warn(Code::end_silent_outside, values);
    }
    if (asked.empty()) {
        if (answers_outside) return check.pass(Code::end_answers_outside, values);
        return check.warn(Code::end_silent_unasked, values);
    }
    const Code silence = answers_outside ? Code::end_silent_inside : Code::end_silent;
    // What comes out of the tunnel has come through it, whoever filters ICMP.
    if (it.tunnel.probe->heard.empty() && is_needed(it, end.outside.to))
        check.fail(silence, values, "");
    else
        check.warn(silence, values);
}

/// An entry that somebody set, and that has another MAC address than who answers.
void judge_entry(Check& check, const IpAddress& address, const std::string& dev,
                 const MacAddress& entry, const MacAddress& mac) {
    if (entry == mac) return;
    check.fail(Code::neighbour_wrong,
               {{"address", to_string(address)},
                {"interface", dev},
                {"entry", to_string(entry)},
                {"mac", to_string(mac)}},
               formatted("ip neigh del {} dev {}", to_string(address), shell_quoted(dev)));
}

void judge_entries(Check& check, const Examined& it) {
    for (const auto& known : it.tunnel.neighbours)
        for (const auto& answer : it.tunnel.probe->answers)
            if ((known.state & NUD_PERMANENT) != 0 && known.address == answer.address &&
                known.mac && answer.mac)
                judge_entry(check, known.address, it.link.name, *known.mac, *answer.mac);
    for (const auto& hop : it.tunnel.probe->next_hops)
        if ((hop.state & NUD_PERMANENT) != 0 && hop.entry && hop.mac)
            judge_entry(check, hop.address, hop.dev, *hop.entry, *hop.mac);
}

/// Where nobody answers, a next hop that does not either may be why.
void tell_silent_hops(Check& check, const Examined& it) {
    for (const auto& hop : it.tunnel.probe->next_hops)
        if (!hop.mac && (hop.state & (NUD_PERMANENT | NUD_REACHABLE)) == 0)
            check.fail(Code::next_hop_silent,
                       {{"address", to_string(hop.address)}, {"interface", hop.dev}}, "");
}

/// What somebody behind the remote end answered, if larger packets than that vanish; else null.
const InnerSize* vanishing(const Examined& it, const IpAddress& end) {
    for (const auto& size : it.tunnel.probe->sizes)
        if (size.behind == end && size.passes < size.wanted) return &size;
    return nullptr;
}

/// The MTU with which everything fits that was tried, with `taken` bytes of outer headers.
Remedy mtu_remedy(const Examined& it, std::uint32_t needed, std::uint32_t taken) {
    std::uint32_t least = needed;
    for (const auto& path : it.tunnel.probe->paths)
        if (path.code == 0) least = std::min(least, path.mtu);
    for (const auto& size : it.tunnel.probe->sizes)
        if (size.passes < size.wanted) least = std::min(least, size.passes + taken);
    return least > taken ? mtu_remedy(it, least - taken) : Remedy();
}

} // namespace

void check_probe(Check& check, const Examined& it) {
    if (!it.tunnel.probe || !it.signs.empty() || !is_sound(it, check_macs)) return;
    judge_entries(check, it);
    if (check.verdict() == Verdict::fail) return; // which explains silence
    if (it.link.tunnel.kind == TunnelKind::vxlan) {
        judge_arp(check, it);
    } else if (!tell_obstacle(check, it.tunnel.probe->echo_obstacle)) {
        for (const auto& end : it.tunnel.probe->ends)
            judge_end(check, it, end);
    }
    if (check.verdict() == Verdict::fail) tell_silent_hops(check, it);
}

/// Of what was answered, since the tunnel may be sound where nobody inside is known.
void check_inner_address(Check& check, const Examined& it) {
    if (!it.tunnel.probe || !is_vxlan_of_ours(it)) return;
    std::vector<std::string> free;
    for (const auto& answer : it.tunnel.probe->own)
        if (answer.mac)
            check.fail(
                Code::inner_address_taken, {{"owner", in_words(answer)}},
                Remedy::to_look(formatted("bridge fdb show dev {} | grep {}",
                                          shell_quoted(it.link.name), to_string(*answer.mac))));
        else
            free.push_back(to_string(answer.address));
    if (!free.empty()) check.pass(Code::inner_address_own, {{"addresses", first_of(free)}});
}

void check_path_mtu(Check& check, const Examined& it) {
    if (!it.tunnel.probe || !is_good(it, check_route) || !it.signs.empty()) return;
    const auto taken = overhead(it.link.tunnel);
    const auto needed = it.link.attributes.mtu.value_or(0) + taken;
    const Remedy remedy = mtu_remedy(it, needed, taken);
    std::vector<std::string> good;
    for (const auto& path : it.tunnel.probe->paths) {
        const auto* lost = vanishing(it, path.to);
        const std::string peer = to_string(path.to);
        if (path.code != 0)
            check.add(Verdict::warn,
                      Message(Code::path_mtu_not_tried, "", {{"peer", peer}}).with(path.code));
        else if (path.mtu < needed)
            check.fail(Code::path_mtu_too_small,
                       {{"peer", peer},
                        {"bytes", path.mtu},
                        {"needed", needed},
                        {"says", path.reporter ? ", says " + to_string(*path.reporter) : ""}},
                       remedy);
        else if (lost == nullptr)
            good.push_back(peer);
        else
            check.fail(
                Code::path_mtu_vanishes,
                {{"peer", peer}, {"bytes", lost->passes + taken}, {"needed", lost->wanted + taken}},
                remedy);
    }
    for (const auto& size : it.tunnel.probe->sizes)
        if (!size.behind && size.passes < size.wanted)
            check.fail(Code::path_mtu_vanishes,
                       {{"peer", to_string(size.to)},
                        {"bytes", size.passes + taken},
                        {"needed", size.wanted + taken}},
                       remedy);
    if (good.empty())
        check.pass(Code::no_peer_to_reach);
    else
        check.pass(Code::path_mtu_fits, {{"peers", first_of(good)}, {"bytes", needed}});
}

} // namespace vxlanctl
