#include "vxlanctl/cli/measuring.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/asked_for.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/doctor/facts.h"
#include "vxlanctl/doctor/lost_settings.h"
#include "vxlanctl/kinds/attributes.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/ownership.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <linux/in.h>

namespace vxlanctl {
namespace {

std::string kind_word(const TunnelAttributes& tunnel) {
    switch (tunnel.kind) {
    case TunnelKind::sit: return tunnel.isatap.value_or(false) ? "isatap" : "sit";
    case TunnelKind::ip6tnl: return tunnel.proto == IPPROTO_IPIP ? "ipip6" : "ip6tnl";
    case TunnelKind::vxlan: break;
    }
    return "vxlan";
}

template<class T> std::string number_text(const std::optional<T>& number) {
    return number ? std::to_string(*number) : "";
}

/// As far as a file or the kernel says it.
TunnelMetrics described(const std::string& name, const TunnelAttributes& tunnel) {
    TunnelMetrics metrics;
    metrics.name = name;
    metrics.kind = kind_word(tunnel);
    metrics.vni = number_text(tunnel.vni);
    metrics.port = number_text(tunnel.port);
    if (tunnel.local && !is_unspecified(*tunnel.local)) metrics.local = to_string(*tunnel.local);
    metrics.dev = tunnel.dev.value_or("");
    return metrics;
}

using Peers = std::vector<FloodEntry>;

/// The peers that the tunnel shall have; empty where somebody else decides.
std::optional<Peers> wanted_peers(const Tunnel* wish, const Record* record) {
    if (wish != nullptr) return wish->peers;
    if (record == nullptr || !record->keys.contains(peers_key)) return std::nullopt;
    return parse_peers_text(record->peers);
}

const PeerNames& names_of(const Tunnel* wish, const Record* record) {
    static const PeerNames none;
    return wish != nullptr ? wish->peer_names : record != nullptr ? record->peer_names : none;
}

PeerMetrics named_peer(const FloodEntry& entry, const PeerNames& names) {
    PeerMetrics peer;
    peer.peer = peers_text({entry});
    if (const auto name = names.find(entry); name != names.end()) peer.name = name->second;
    return peer;
}

void add_activity(PeerMetrics& peer, const PeerActivity& known, FdbClock clock) {
    peer.learned_macs = known.macs;
    // Before, it would come and go, as it is known only until something is sent to there.
    if (clock == FdbClock::of_reception && known.activity.heard)
        peer.heard_before = static_cast<double>(known.activity.heard->count());
}

void add_traffic(PeerMetrics& peer, const IpAddress& address, const CountedPeers& counted) {
    const auto found = counted.find(address); // one that was silent until now is not there
    const PeerCounters counters = found == counted.end() ? PeerCounters{} : found->second;
    peer.received = {counters.rx_packets, counters.rx_bytes};
    peer.sent = {counters.tx_packets, counters.tx_bytes};
}

/// Those that the tunnel shall have and those that it has, once each.
std::vector<PeerMetrics> each_peer(const MeasuredTunnel& it, const Record* record, FdbClock clock) {
    const Peers want = wanted_peers(it.wish, record).value_or(Peers{});
    const Peers& have = it.link->flood_list;
    const PeerNames& names = names_of(it.wish, record);
    Peers all;
    std::set_union(have.begin(), have.end(), want.begin(), want.end(), std::back_inserter(all));
    const auto activity = peer_activity(*it.link, clock);
    std::vector<PeerMetrics> peers;
    for (const auto& entry : all) {
        PeerMetrics& peer = peers.emplace_back(named_peer(entry, names));
        const bool is_there = std::binary_search(have.begin(), have.end(), entry);
        if (std::binary_search(want.begin(), want.end(), entry)) peer.is_present = is_there;
        if (!is_there) continue;
        const auto known = std::lower_bound(
            activity.begin(), activity.end(), entry.dst,
            [](const PeerActivity& one, const IpAddress& dst) { return one.peer < dst; });
        if (known != activity.end()) add_activity(peer, *known, clock); // it has each one there is
        if (it.counted != nullptr) add_traffic(peer, entry.dst, *it.counted);
    }
    return peers;
}

/// One that a file defines.
TunnelMetrics of_missing(const Tunnel& wish) {
    TunnelMetrics tunnel = described(wish.name, wish.tunnel);
    tunnel.origin = "file";
    for (const auto& entry : wish.peers.value_or(Peers{})) {
        tunnel.each_peer.push_back(named_peer(entry, wish.peer_names));
        tunnel.each_peer.back().is_present = false;
    }
    return tunnel;
}

std::string origin_of(const Link& link) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return mark && mark->origin == Origin::cli ? "cli" : "file";
}

void add_evpn(TunnelMetrics& tunnel, const Link& link, const State& state,
              const ControlPlane& plane) {
    if (plane.presence != ControlPlane::Presence::known || !is_of_control_plane(link, state, plane))
        return;
    const auto is = compare(plane.evpn, link, find_record(state, &link));
    tunnel.evpn_routes = is.routes;
    if (is.vni == nullptr) return;
    tunnel.evpn_vteps = is.vni->vteps.size();
    tunnel.evpn_missing = is.missing.size();
    tunnel.evpn_unknown = is.unknown.size();
}

/// What the state alone decides, which has been read already.
constexpr std::array<TunnelCheck*, 9> checks_of_state{
    check_link,       check_lower_device, check_local_address, check_port, check_peers,
    check_flood_list, check_settings,     check_routers,       check_mtu};

bool is_decided_by_state(const CheckRow& row) {
    return std::find(checks_of_state.begin(), checks_of_state.end(), row.of_tunnel) !=
           checks_of_state.end();
}

CheckMetrics came_to(std::string tunnel, std::string_view check, Verdict verdict) {
    return {"", std::move(tunnel), std::string(check), verdict == Verdict::fail};
}

/// One that says nothing was not made.
template<class Function, class... What>
bool make(std::vector<CheckMetrics>& made, const CheckRow& row, const std::string& tunnel,
          Function* examine, const What&... what) {
    Check check;
    if (examine != nullptr) examine(check, what...);
    if (check.founds().empty()) return false;
    made.push_back(came_to(tunnel, row.name, check.verdict()));
    return true;
}

std::vector<CheckMetrics> checks_of(const State& state, const std::vector<Tunnel>& wishes,
                                    const std::vector<std::string>& names) {
    // What files say matters where the interface is missing, and else for what to do about it.
    const Facts nothing;
    Facts wished;
    wished.wishes = wishes;
    std::vector<CheckMetrics> made;
    const auto lost = all_lost_settings(state);
    for (const auto& name : names) {
        const Link* link = find_link(state, name);
        if (link == nullptr) {
            for (const auto& row : checks())
                if (row.of_missing == check_missing_link)
                    make(made, row, name, row.of_missing, wished, name);
            continue;
        }
        const TunnelFacts nothing_asked;
        Examined it{nothing, state, nothing_asked, *link, lost};
        for (const auto& row : checks())
            if (is_decided_by_state(row) && make(made, row, name, row.of_tunnel, it))
                it.verdicts.emplace(row.of_tunnel,
                                    made.back().has_failed ? Verdict::fail : Verdict::pass);
    }
    return made;
}

} // namespace

bool is_as_recorded(const Link& link, const Record& record, const State& state) {
    const Tunnel asked = recorded_tunnel(link.name, link.tunnel.kind, record);
    const auto forwards_still = [&](const std::string& device) { return forwards(device, state); };
    return lost_settings(link, record, state).empty() &&
           diff(link.attributes, asked.link).changes.empty() &&
           diff(link.tunnel, asked.tunnel).changes.empty() &&
           std::all_of(record.forward_from.begin(), record.forward_from.end(), forwards_still) &&
           (!asked.peers || *asked.peers == link.flood_list);
}

bool is_measured(const Link& link) {
    return is_tunnel(link) && !is_fallback(link) && !is_leftover(link) &&
           mark_of(link.attributes.alias.value_or(""));
}

TunnelMetrics measured(const MeasuredTunnel& it, const State& state) {
    if (it.link == nullptr) return of_missing(*it.wish);
    const Link& link = *it.link;
    const Record* record = find_record(state, &link);
    TunnelMetrics tunnel = described(link.name, link.tunnel);
    tunnel.origin = it.wish != nullptr ? "file" : origin_of(link);
    tunnel.is_up = link.attributes.up.value_or(false);
    tunnel.is_in_sync = it.wish != nullptr
                            ? it.is_in_sync
                            : record != nullptr && is_as_recorded(link, *record, state);
    tunnel.mtu = link.attributes.mtu;
    if (!kind_of(link.tunnel.kind).has_fdb) return tunnel;
    tunnel.peers = link.flood_list.size();
    tunnel.learned_macs = static_cast<std::uint64_t>(
        std::count_if(link.macs.begin(), link.macs.end(),
                      [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; }));
    tunnel.each_peer = each_peer(it, record, state.fdb_clock);
    if (it.plane != nullptr) add_evpn(tunnel, link, state, *it.plane);
    return tunnel;
}

Result<MadeChecks> made_checks(const Kernel& kernel, const State& state,
                               const std::vector<Tunnel>& wishes, const ControlPlane& plane) {
    const auto names = tunnels_meant({}, state, wishes);
    if (names.empty()) return MadeChecks{};
    if (names.size() > most_examined) return MadeChecks{checks_of(state, wishes, names), false};
    FactsRequest request;
    request.wishes = wishes;
    request.control_plane = plane;
    request.compare = [&](Facts& read) { compare_with_asked(kernel, read); };
    const auto facts = read_facts(kernel, request);
    if (!facts) return tl::unexpected(facts.error());
    MadeChecks made;
    for (const auto& finding : findings(*facts))
        made.checks.push_back(came_to(finding.tunnel, finding.check, finding.verdict));
    return made;
}

} // namespace vxlanctl
