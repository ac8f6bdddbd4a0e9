#include "vxlanctl/doctor/reach_steps.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/doctor/inside.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/plan.h"

#include <algorithm>
#include <array>
#include <linux/neighbour.h>

/// One tunnel on the way to an address.
namespace vxlanctl {
namespace {

constexpr std::uint16_t has_mac = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;

std::string state_word(std::uint16_t state) {
    return (state & NUD_PERMANENT) != 0   ? "permanent"
           : (state & NUD_REACHABLE) != 0 ? "reachable"
                                          : "stale";
}

std::string how_word(FdbOrigin origin) {
    return origin == FdbOrigin::learned  ? "learned"
           : origin == FdbOrigin::pinned ? "pinned"
                                         : "set by a control plane";
}

std::vector<std::string> end_texts(const Stretch& it) {
    std::vector<std::string> texts;
    for (const auto& end : it.ends)
        texts.push_back(peer_text(peer_names(it.given, it.link), end));
    return texts;
}

/// The remote ends that frames to this MAC address go to.
void find_behind(ReachSteps& steps, Stretch& it, const MacAddress& mac) {
    std::string how;
    for (const auto& entry : it.link.macs)
        if (entry.mac == mac && !is_in(it.ends, entry.remote.dst)) {
            it.ends.push_back(entry.remote.dst);
            how = how_word(entry.origin);
        }
    for (const auto& entry : it.link.opaque)
        if (entry.mac == mac) {
            append(it.ends, entry.members);
            how = how_word(FdbOrigin::external);
        }
    if (it.ends.empty()) {
        it.ends = other_ends(it.link); // unknown unicast
        if (it.ends.size() > 1)
            steps.pass("peer", Code::reach_mac_flooded,
                       {{"mac", to_string(mac)}, {"peers", first_of(end_texts(it))}});
        return;
    }
    Message found(Code::reach_by_mac, "",
                  {{"mac", to_string(mac)}, {"how", how}, {"peer", first_of(texts_of(it.ends))}});
    name_peers(found, peer_names(it.given, it.link));
    steps.add("peer", Verdict::pass, std::move(found));
}

void find_peers_of_vxlan(ReachSteps& steps, Stretch& it) {
    const KnownNeighbour* neighbour = find_neighbour(it.given, it.link.name, it.hop);
    if (neighbour != nullptr && neighbour->mac && (neighbour->state & has_mac) != 0) {
        find_behind(steps, it, *neighbour->mac);
    } else {
        it.ends = other_ends(it.link);
        if (!it.ends.empty())
            steps.pass("peer", Code::reach_peers_asked, {{"peers", first_of(end_texts(it))}});
    }
    if (it.ends.size() > 1) it.headline = Code::reached_through_some_peer;
    if (it.ends.empty() && !it.link.tunnel.external.value_or(false))
        steps.fail("peer", Code::reach_no_peer, {{"interface", it.link.name}});
}

/// The kernel takes the router's address out of the next hop (ipip6_tunnel_xmit() in
/// net/ipv6/sit.c), and of what comes back accepts only what is from a router of the PRL, or from
/// the very host that the inner source address names (isatap_chksrc()).
void find_router(ReachSteps& steps, Stretch& it) {
    const auto router = embedded_ipv4(it.hop);
    const std::string hop = to_string(it.hop);
    if (!router) return steps.fail("peer", Code::reach_hop_wrong, {{"hop", hop}});
    it.ends = {*router};
    const std::string peer = to_string(*router);
    const auto& routers = it.link.routers;
    const bool is_listed = std::any_of(routers.begin(), routers.end(), [&](const PrlEntry& entry) {
        return entry.router == *router;
    });
    it.headline = is_listed ? Code::reached_through_router : Code::reached_through_peer;
    if (is_listed || it.hop == it.to)
        return steps.pass("peer", Code::reach_by_router, {{"peer", peer}, {"hop", hop}});
    steps.fail("peer", Code::reach_router_not_in_prl, {{"peer", peer}, {"interface", it.link.name}},
               formatted("ip tunnel prl dev {} prl-default {}", shell_quoted(it.link.name), peer));
}

void find_remote(ReachSteps& steps, Stretch& it) {
    it.headline = Code::reached_through_remote;
    if (!has_remote(it.link))
        return steps.fail("peer", Code::reach_no_remote, {{"interface", it.link.name}});
    it.ends = {*it.link.tunnel.remote};
    steps.pass("peer", Code::reach_by_remote, {{"peer", to_string(it.ends.front())}});
}

/// Why packets of the tunnel to one remote end do not arrive; nothing where they may.
std::optional<ReachStep> obstacle_of(const Stretch& it, const IpAddress& end) {
    const RouteFact* way = find_out(it.given, it.link, end);
    const auto failed = [](Message message) {
        return ReachStep{"underlay", Verdict::fail, std::move(message), ""};
    };
    if (way == nullptr) return std::nullopt;
    if (way->code != 0)
        return failed(Message(Code::reach_no_route, "", {{"to", to_string(end)}}).with(way->code));
    if (way->dev == it.link.name)
        return failed(Message(Code::route_into_tunnel, "", {{"peer", to_string(end)}}));
    const IpAddress hop = way->via.value_or(end);
    const auto* neighbour = find_neighbour(it.given, way->dev, hop);
    if (neighbour != nullptr && is_silent(*neighbour))
        return failed(Message(Code::reach_neighbour_silent, "",
                              {{"address", to_string(hop)}, {"interface", way->dev}}));
    return std::nullopt;
}

std::string hop_text(const Stretch& it, const RouteFact& way) {
    const auto* neighbour = find_neighbour(it.given, way.dev, way.via.value_or(way.to));
    if (neighbour == nullptr || !neighbour->mac || (neighbour->state & has_mac) == 0) return "";
    return formatted(" ({})", state_word(neighbour->state));
}

} // namespace

void judge_tunnel(ReachSteps& steps, const Stretch& it) {
    // These keep all packets of the tunnel; what other checks find may concern other addresses.
    constexpr std::array<std::string_view, 5> decisive{"interface", "underlay", "local_address",
                                                       "vrf", "rp_filter"};
    for (auto& finding : findings(it.given.facts))
        if (finding.tunnel == it.link.name && finding.verdict == Verdict::fail &&
            std::find(decisive.begin(), decisive.end(), finding.check) != decisive.end())
            steps.add(finding.check, Verdict::fail, std::move(finding.messages.front()),
                      finding.remedy.command());
}

void find_ends(ReachSteps& steps, Stretch& it) {
    const TunnelKind kind = it.link.tunnel.kind;
    if (kind == TunnelKind::vxlan)
        find_peers_of_vxlan(steps, it);
    else if (it.link.tunnel.isatap.value_or(false))
        find_router(steps, it);
    else
        find_remote(steps, it);
}

void judge_room(ReachSteps& steps, const Stretch& it) {
    const auto own = it.link.attributes.mtu.value_or(0);
    const auto outer = own + overhead(it.link.tunnel);
    std::uint32_t room = outer;
    for (const auto& end : it.ends) {
        const RouteFact* way = find_out(it.given, it.link, end);
        if (way == nullptr || way->code != 0) continue;
        const Link* dev = find_link(it.given.facts.state, way->dev);
        const auto mtu = way->mtu != 0    ? way->mtu
                         : dev != nullptr ? dev->attributes.mtu.value_or(0)
                                          : 0;
        if (mtu != 0) room = std::min(room, mtu);
    }
    if (room < outer)
        steps.warn("mtu", Code::reach_mtu_too_large,
                   {{"mtu", own}, {"outer", outer}, {"room", room}},
                   room > outer - own ? mtu_command(it.link.name, room - (outer - own)) : "");
    else
        steps.pass("mtu", Code::reach_mtu, {{"mtu", own}, {"outer", outer}});
}

const RouteFact* judge_underlay(ReachSteps& steps, const Stretch& it) {
    std::vector<ReachStep> obstacles;
    const RouteFact* good = nullptr;
    for (const auto& end : it.ends)
        if (auto obstacle = obstacle_of(it, end))
            obstacles.push_back(std::move(*obstacle));
        else if (good == nullptr)
            good = find_out(it.given, it.link, end);
    // Where one of several ends is reached, the others may not be needed.
    const bool is_reached = obstacles.size() < it.ends.size();
    for (auto& obstacle : obstacles) {
        steps.add(obstacle.name, is_reached ? Verdict::warn : Verdict::fail,
                  std::move(obstacle.message));
        if (obstacles.size() > 2) break; // one stands for all
    }
    if (good == nullptr) return nullptr;
    Message way(Code::reach_underlay, "",
                {{"peer", to_string(good->to)},
                 {"interface", good->dev},
                 {"via", good->via ? ", via " + to_string(*good->via) : ""},
                 {"state", hop_text(it, *good)}});
    name_peers(way, peer_names(it.given, it.link));
    steps.add("underlay", Verdict::pass, std::move(way));
    const Link* dev = find_link(it.given.facts.state, good->dev);
    return dev != nullptr && is_tunnel(*dev) ? good : nullptr;
}

void judge_neighbour(ReachSteps& steps, const ReachFacts& given, const std::string& dev,
                     const IpAddress& hop) {
    const Link* link = find_link(given.facts.state, dev);
    if (link == nullptr || is_zero(link->attributes.mac.value_or(MacAddress{}))) return;
    const auto* neighbour = find_neighbour(given, dev, hop);
    const Values values{
        {"address", to_string(hop)},
        {"interface", dev},
        {"mac", neighbour != nullptr && neighbour->mac ? to_string(*neighbour->mac) : ""},
        {"state", neighbour != nullptr ? state_word(neighbour->state) : ""}};
    if (neighbour == nullptr || (!neighbour->mac && !is_silent(*neighbour)))
        steps.pass("neighbour", Code::reach_neighbour_unknown, values);
    else if (is_silent(*neighbour))
        steps.fail("neighbour", Code::reach_neighbour_silent, values);
    else
        steps.pass("neighbour", Code::reach_neighbour, values);
}

} // namespace vxlanctl
