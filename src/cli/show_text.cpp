#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/steps.h"

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

std::string field(std::string_view name, std::string_view text) {
    return formatted("  {:<10} {}\n", name, printable(text));
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
        formatted("{}local {}, dev {}, MTU {}",
                  link.tunnel.vni ? formatted("VNI {}, port {}, ", value("vni"), value("port"))
                                  : "",
                  value("local"), link.underlay_elsewhere ? "elsewhere" : value("dev"),
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

/// At most two in a row: a MAC has 17 letters, and so many fit beside the peer in 80 columns.
std::string macs_text(const std::vector<MacAddress>& macs, bool all) {
    constexpr std::size_t in_a_row = 2;
    std::string text;
    for (std::size_t i = 0; i < macs.size(); ++i) {
        if (i == in_a_row && !all) return text + formatted(" and {} more", macs.size() - in_a_row);
        text += formatted("{}{}", i == 0 ? "" : " ", to_string(macs[i]));
    }
    return text;
}

std::string peers_text(const TunnelView& view, bool all) {
    constexpr std::size_t most_peers = 20;
    std::string text;
    for (std::size_t i = 0; i < view.peers.size(); ++i) {
        if (i == most_peers && !all && view.peers.size() > most_peers + 1)
            return text + field("", formatted("and {} more peers (see --verbose)",
                                              view.peers.size() - most_peers));
        const auto& peer = view.peers[i];
        std::string macs;
        for (const FdbOrigin origin : fdb_origins)
            if (const auto& list = peer.macs[static_cast<std::size_t>(origin)]; !list.empty())
                macs += formatted(" {} {}", origin_word(origin), macs_text(list, all));
        text += field("peer", formatted("{:<16}{}", item_of(peer.entry, view.peer_names).text,
                                        macs.empty() ? " no MAC learned" : macs));
    }
    return text;
}

std::string counters_text(const LinkCounters& counters) {
    return field("received",
                 formatted("{} packets, {} bytes, {} errors, {} dropped", counters.rx_packets,
                           counters.rx_bytes, counters.rx_errors, counters.rx_dropped)) +
           field("sent",
                 formatted("{} packets, {} bytes, {} errors, {} dropped", counters.tx_packets,
                           counters.tx_bytes, counters.tx_errors, counters.tx_dropped));
}

} // namespace

std::string text_of(const TunnelView& view, const OutputStyle& style) {
    const Link& link = view.link;
    const bool up = link.attributes.up.value_or(false);
    std::string text =
        formatted("{}: {}, {}\n", printable(link.name),
                  painted(style, up ? Ink::added : Ink::removed, up ? "up" : "down"),
                  view.management == "unmanaged" ? "not managed by vxlanctl"
                                                 : "managed (" + view.management + ")");
    text += attributes_text(view);
    for (const auto& address : link.addresses)
        text += field("address", to_string(address.prefix));
    for (const auto& entry : link.routers)
        text += field("router", item_of(entry).text);
    for (const auto& route : view.routes)
        text += field("route", to_string(route));
    for (const auto& rule : view.rules)
        text += field("rule", to_string(rule));
    text += peers_text(view, style.verbose);
    for (const auto& entry : view.elsewhere)
        text += field("elsewhere", formatted("{} {} at {}, which is not in the flood list",
                                             origin_word(entry.origin), to_string(entry.mac),
                                             item_of(entry.remote, view.peer_names).text));
    for (const auto& entry : link.opaque)
        text += field("other", opaque_text(entry));
    text += counters_text(link.counters);
    for (const auto& problem : view.problems)
        text += painted(style, Ink::warning,
                        field("problem", text_of(problem) + code_list(problem, codes(style))));
    return text;
}

} // namespace vxlanctl
