#include "vxlanctl/base/format.h"
#include "vxlanctl/base/human.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/cli/columns.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/describe.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// What the entry leads to.
std::string opaque_text(const OpaqueEntry& entry) {
    std::string text = is_zero(entry.mac) ? "flooded frames" : to_string(entry.mac);
    if (entry.source_vni) text += formatted(" of VNI {}", *entry.source_vni);
    if (entry.dst) text += formatted(" at {}", to_string(*entry.dst));
    if (!entry.group) return text;
    std::vector<std::string> members;
    for (const auto& member : entry.members)
        members.push_back(to_string(member));
    return text + formatted(" to next-hop group {}{}{}", *entry.group, members.empty() ? "" : ": ",
                            joined(members, ", "));
}

/// A line, or more where one is not wide enough.
std::string field(std::string_view name, std::string_view text) {
    constexpr std::size_t column = 13;
    return formatted("  {:<10} {}\n", name, wrapped(printable(text), column, column));
}

/// What the tunnel is, and what of it is not as the kernel makes it.
std::string attributes_text(const TunnelView& view) {
    const Link& link = view.link;
    const auto value = [&](std::string_view name) {
        for (const auto& row : tunnel_attributes(link.tunnel.kind))
            if (row.name == name) return value_text(link.tunnel, row);
        return std::string();
    };
    std::string text = field(
        view.word,
        formatted(
            "{}local {}, dev {}, MTU {}",
            link.tunnel.vni ? formatted("VNI {}, port {}, ", value("vni"), value("port")) : "",
            value("local"), link.underlay_elsewhere ? "in another network namespace" : value("dev"),
            link.attributes.mtu.value_or(0)));
    for (const auto& row : tunnel_attributes(link.tunnel.kind)) { // not as the kernel makes it
        const bool ordinary = row.reset.empty() || row.name == "isatap" || row.name == "dev" ||
                              value_text(link.tunnel, row) == row.reset;
        if (!ordinary && is_stated(link.tunnel, row))
            text += field("", formatted("{} {}", row.name, value_text(link.tunnel, row)));
    }
    for (const auto& setting : view.unusual_settings)
        text += field("", setting);
    for (const auto& device : view.forward_from)
        text += field("", "forward_from " + device);
    if (has_remote(link)) text += field("remote", to_string(*link.tunnel.remote));
    if (!link.attributes.master.value_or("").empty())
        text += field("master", *link.attributes.master);
    if (!link.attributes.vrf.value_or("").empty()) text += field("vrf", *link.attributes.vrf);
    return text;
}

constexpr std::size_t most_rows = 20;

/// How many are shown: never all but one.
std::size_t shown_of(std::size_t count, bool all) {
    return all || count <= most_rows + 1 ? count : most_rows;
}

std::string rest_text(std::size_t count, std::string_view what) {
    return formatted("  and {} more {} (see --verbose)\n", count, what);
}

/// The outer address, with what is not the tunnel's own.
std::string outer_text(const FloodEntry& entry) {
    return printable(item_of(entry).text);
}

/// `*` marks what the kernel does not tell apart from packets to the peer.
std::string heard_text(const Activity& activity) {
    if (activity.heard) return age_text(*activity.heard);
    return activity.heard_or_sent ? age_text(*activity.heard_or_sent) + "*" : "";
}

std::string macs_text(const PeerView& peer) {
    std::string text;
    for (const FdbOrigin origin : fdb_origins) {
        const auto& macs = peer.macs[static_cast<std::size_t>(origin)];
        if (!macs.empty()) text += formatted("{}{}", text.empty() ? "" : " ", origin_word(origin));
        for (const auto& mac : macs)
            text += " " + to_string(mac);
    }
    return text;
}

TableRow row_of(const PeerView& peer, const TunnelView& view, bool all) {
    const auto name = view.peer_names.find(peer.entry);
    TableRow row{
        {outer_text(peer.entry), name == view.peer_names.end() ? "" : printable(name->second)},
        all ? macs_text(peer) : ""};
    for (const FdbOrigin origin : fdb_origins) {
        const std::size_t count = peer.macs[static_cast<std::size_t>(origin)].size();
        const bool counts =
            count > 0 || (origin == FdbOrigin::learned && view.link.tunnel.learning.value_or(true));
        row.cells.push_back(counts ? std::to_string(count) : "");
    }
    row.cells.push_back(heard_text(peer.activity));
    row.cells.push_back(peer.counters ? bytes_text(peer.counters->rx_bytes) : "");
    row.cells.push_back(peer.counters ? bytes_text(peer.counters->tx_bytes) : "");
    return row;
}

std::string peers_text(const TunnelView& view, const OutputStyle& style) {
    static const std::vector<Column> peer_columns{
        {"PEER"},           {"NAME"},       {"LEARNED", true},  {"PINNED", true},
        {"EXTERNAL", true}, {"LAST HEARD"}, {"RECEIVED", true}, {"SENT", true}};
    const std::size_t count = shown_of(view.peers.size(), style.verbose);
    std::vector<TableRow> rows;
    bool is_marked = false;
    for (std::size_t i = 0; i < count; ++i) {
        rows.push_back(row_of(view.peers[i], view, style.verbose));
        is_marked =
            is_marked || (!view.peers[i].activity.heard && view.peers[i].activity.heard_or_sent);
    }
    std::string text = table_text(peer_columns, rows, style);
    if (count < view.peers.size()) text += rest_text(view.peers.size() - count, "peers");
    if (is_marked)
        text += "  * heard or sent to: before Linux 6.15 the kernel does not tell the two apart\n";
    return text;
}

std::string elsewhere_text(const TunnelView& view, bool all) {
    const auto& remote = view.link.tunnel.remote;
    const bool anybody = remote && is_multicast(*remote);
    const std::size_t count = shown_of(view.elsewhere.size(), all);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& entry = view.elsewhere[i];
        text += field("elsewhere", formatted("{} {} at {}{}", origin_word(entry.origin),
                                             to_string(entry.mac), outer_text(entry.remote),
                                             anybody ? "" : ", which is not in the flood list"));
    }
    return count == view.elsewhere.size()
               ? text
               : text + rest_text(view.elsewhere.size() - count, "MAC addresses elsewhere");
}

/// `1 packet`, `2 packets`
std::string counted(std::uint64_t count, std::string_view what) {
    return formatted("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string counters_text(const LinkCounters& counters) {
    return field("received",
                 formatted("{}, {}, {}, {} dropped", counted(counters.rx_packets, "packet"),
                           counted(counters.rx_bytes, "byte"), counted(counters.rx_errors, "error"),
                           counters.rx_dropped)) +
           field("sent", formatted("{}, {}, {}, {} dropped", counted(counters.tx_packets, "packet"),
                                   counted(counters.tx_bytes, "byte"),
                                   counted(counters.tx_errors, "error"), counters.tx_dropped));
}

std::string many_vnis_text(const ManyVnis& many) {
    std::string text;
    if (!many.accepted.empty()) text += field("VNIs", vnis_text(many.accepted));
    if (!many.vlans.empty()) text += field("VLANs", vlans_text(many.vlans));
    return text;
}

std::string evpn_text(const EvpnView& evpn) {
    if (!evpn.skipped.empty()) return field("evpn", "skipped: " + evpn.skipped);
    const auto up = static_cast<std::uint64_t>(
        std::count_if(evpn.sessions.begin(), evpn.sessions.end(),
                      [](const EvpnSession& session) { return session.is_up; }));
    return field("evpn", formatted("{}, {} of {} up, {}", counted(evpn.vteps.size(), "remote VTEP"),
                                   up, counted(evpn.sessions.size(), "session"),
                                   counted(evpn.routes, "type-3 route")));
}

} // namespace

std::string text_of(const TunnelView& view, const OutputStyle& style) {
    const Link& link = view.link;
    const bool up = link.attributes.up.value_or(false);
    std::string text =
        formatted("{}{}: {}, {}\n", printable(link.name),
                  view.netns.empty() ? "" : " in " + printable(view.netns),
                  painted(style, up ? Ink::added : Ink::removed, up ? "up" : "down"),
                  view.management == "unmanaged" ? "not managed by vxlanctl"
                                                 : "managed (" + view.management + ")");
    if (!view.source.empty()) text += field("source", view.source);
    text += attributes_text(view);
    for (const auto& address : link.addresses)
        text += field("address", to_string(address.prefix));
    for (const auto& entry : link.routers)
        text += field("router", item_of(entry).text);
    for (const auto& route : view.routes)
        text += field("route", to_string(route));
    for (const auto& rule : view.rules)
        text += field("rule", to_string(rule));
    if (view.many_vnis) text += many_vnis_text(*view.many_vnis);
    if (view.evpn) text += evpn_text(*view.evpn);
    text += counters_text(link.counters);
    text += peers_text(view, style);
    text += elsewhere_text(view, style.verbose);
    for (const auto& entry : link.opaque)
        text += field("other", opaque_text(entry));
    for (const auto& problem : view.problems)
        text += painted(style, Ink::warning,
                        field("problem", text_of(problem) + code_list(problem, codes(style))));
    return text;
}

} // namespace vxlanctl
