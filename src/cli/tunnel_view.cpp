#include "vxlanctl/cli/tunnel_view.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/lasting_routes.h"

#include <algorithm>
#include <iterator>
#include <linux/in.h>
#include <map>

namespace vxlanctl {
namespace {

std::string management(const Link& link) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return !mark ? "unmanaged" : mark->origin == Origin::cli ? "cli" : "file";
}

std::vector<MacEntry> entries_elsewhere(const Link& link) {
    std::vector<MacEntry> entries;
    for (const auto& entry : link.macs)
        if (!has_entry_to(link.flood_list, entry.remote.dst)) entries.push_back(entry);
    return entries;
}

std::vector<Rule> rules_of(const Link& link, const State& state) {
    std::vector<Rule> rules;
    const Record* record = find_record(state, &link);
    if (record == nullptr) return rules;
    for (const auto& rule : state.rules)
        if (std::any_of(record->rules.begin(), record->rules.end(),
                        [&](const Rule& wanted) { return fulfils(rule, wanted); }))
            rules.push_back(rule);
    return rules;
}

std::vector<Route> routes_of(const Link& link, const State& state) {
    std::vector<Route> routes;
    std::copy_if(link.routes.begin(), link.routes.end(), std::back_inserter(routes), is_restorable);
    for (auto& route : routes)
        route.dev.clear();
    const Record* record = find_record(state, &link);
    for (const auto& route : record != nullptr ? record->routes : std::vector<Route>{})
        if (const Link* out = find_link(state, route.dev);
            out != nullptr && find_route(out->routes, route) != nullptr)
            routes.push_back(route);
    return routes;
}

std::vector<std::string> settings_of(const Link& link, const State& state) {
    std::vector<std::string> settings;
    const LinkAttributes& usual = state.settings.of_new_links;
    for (const auto& row : link_attributes()) {
        const std::string value = value_text(link.attributes, row);
        if (is_stated(usual, row) && value != value_text(usual, row))
            settings.push_back(formatted("{} {}", row.name, value));
    }
    const Link* bridge = find_link(state, link.attributes.master.value_or(""));
    const LinkAttributes port = new_port(bridge == nullptr ? 0 : bridge->default_pvid);
    for (const auto& row : link_attributes()) {
        const std::string value = value_text(link.attributes, row);
        const bool is_usual =
            is_stated(port, row) ? value == value_text(port, row) : value == row.reset;
        if ((is_of_port(row) || row.wire == Wire::ipv6_mode) && !value.empty() && !is_usual)
            settings.push_back(formatted("{} {}", row.name, value));
    }
    return settings;
}

/// Of one peer of a tunnel whose packets are counted; one that is not there has none yet.
PeerCounters counters_of(const CountedPeers& counted, const IpAddress& peer) {
    const auto found = counted.find(peer);
    return found == counted.end() ? PeerCounters{} : found->second;
}

std::vector<PeerView> peers_of(const Link& link, FdbClock clock, const CountedTunnels& counted) {
    const auto counters = counted.find(link.name);
    const auto all = peer_activity(link, clock);
    auto activity = all.begin(); // each has one of its own, in the same order
    std::multimap<IpAddress, const MacEntry*> behind;
    for (const auto& entry : link.macs)
        behind.emplace(entry.remote.dst, &entry);
    std::vector<PeerView> peers;
    for (const auto& entry : link.flood_list) {
        while (activity->peer != entry.dst)
            ++activity;
        auto& peer = peers.emplace_back(PeerView{entry, {}, activity->activity});
        if (counters != counted.end()) peer.counters = counters_of(counters->second, entry.dst);
        for (auto [at, end] = behind.equal_range(entry.dst); at != end; ++at)
            peer.macs[static_cast<std::size_t>(at->second->origin)].push_back(at->second->mac);
    }
    return peers;
}

} // namespace

std::string_view origin_word(FdbOrigin origin) {
    return origin == FdbOrigin::learned  ? "learned"
           : origin == FdbOrigin::pinned ? "pinned"
                                         : "external";
}

std::optional<EvpnView> evpn_view_of(const Link& link, const State& state,
                                     const ControlPlane& plane) {
    if (!is_of_control_plane(link, state, plane)) return std::nullopt;
    EvpnView view;
    view.skipped = reason_to_skip(plane);
    if (!view.skipped.empty()) return view;
    const auto is = compare(plane.evpn, link, find_record(state, &link));
    if (is.vni != nullptr)
        for (const auto& vtep : is.vni->vteps)
            view.vteps.push_back(vtep.address);
    view.missing = is.missing;
    view.unknown = is.unknown;
    view.not_taken = is.not_taken;
    view.routes = is.routes;
    view.sessions = plane.evpn.sessions;
    return view;
}

TunnelView view_of(const Link& link, const State& state, const CountedTunnels& counted) {
    const Record* record = find_record(state, &link);
    return {link,
            management(link),
            record == nullptr ? "" : record->source,
            link.tunnel.isatap.value_or(false)  ? "isatap"
            : link.tunnel.proto == IPPROTO_IPIP ? "ipip6"
                                                : link.kind,
            settings_of(link, state),
            record == nullptr ? std::vector<std::string>{} : record->forward_from,
            routes_of(link, state),
            rules_of(link, state),
            kind_of(link.tunnel.kind).has_fdb,
            peers_of(link, state.fdb_clock, counted),
            record == nullptr ? PeerNames{} : record->peer_names,
            entries_elsewhere(link),
            problems(link, state),
            ""};
}

} // namespace vxlanctl
