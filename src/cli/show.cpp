#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/model/attributes.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <linux/in.h>
#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

// A MAC has 17 letters: so many fit beside the peer in 80 columns.
constexpr std::size_t macs_in_a_row = 2;

/// The MACs behind each remote, by how they came to be there.
using MacsBehind = std::map<FdbOrigin, std::multimap<IpAddress, MacAddress>>;

MacsBehind macs_behind_remotes(const Link& link) {
    MacsBehind macs;
    for (const auto& entry : link.macs)
        macs[entry.origin].emplace(entry.remote.dst, entry.mac);
    return macs;
}

std::string management(const Link& link) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return !mark ? "unmanaged" : mark->origin == Origin::cli ? "cli" : "file";
}

/// Unicast entries whose remote is in no flood list: the kernel learns from whoever sends.
std::vector<MacEntry> entries_elsewhere(const Link& link) {
    std::vector<MacEntry> entries;
    const auto& peers = link.flood_list;
    for (const auto& entry : link.macs) {
        const auto at = std::lower_bound(
            peers.begin(), peers.end(), entry.remote.dst,
            [](const FloodEntry& peer, const IpAddress& dst) { return peer.dst < dst; });
        if (at == peers.end() || at->dst != entry.remote.dst) entries.push_back(entry);
    }
    return entries;
}

std::string_view origin_word(FdbOrigin origin) {
    return origin == FdbOrigin::learned  ? "learned"
           : origin == FdbOrigin::pinned ? "pinned"
                                         : "external";
}

/// The rules that the tunnel's record claims, as far as the kernel has them.
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

/// The routes out of the tunnel that somebody made, and not the kernel for an address; and those
/// out of other links that we made for it.
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

/// The settings that are not as all new links have them.
std::vector<std::string> settings_of(const Link& link, const State& state) {
    std::vector<std::string> settings;
    const LinkAttributes& usual = state.settings.of_new_links;
    for (const auto& row : link_attributes()) {
        const std::string value = value_text(link.attributes, row);
        if (is_stated(usual, row) && value != value_text(usual, row))
            settings.push_back(formatted("{} {}", row.name, value));
    }
    return settings;
}

/// The devices that we made forward for the tunnel.
std::vector<std::string> forward_from(const Link& link, const State& state) {
    const Record* record = find_record(state, &link);
    return record == nullptr ? std::vector<std::string>{} : record->forward_from;
}

nlohmann::json opaque_json(const OpaqueEntry& entry) {
    nlohmann::json json{{"mac", to_string(entry.mac)}};
    if (entry.group) {
        json["group"] = *entry.group;
        json["members"] = nlohmann::json::array();
        for (const auto& member : entry.members)
            json["members"].push_back(to_string(member));
    }
    if (entry.source_vni) json["source_vni"] = *entry.source_vni;
    if (entry.dst) json["dst"] = to_string(*entry.dst);
    return json;
}

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

void add_peers(nlohmann::json& json, const Link& link) {
    json["peers"] = nlohmann::json::array();
    json["elsewhere"] = nlohmann::json::array();
    MacsBehind macs = macs_behind_remotes(link);
    for (const auto& peer : link.flood_list) {
        nlohmann::json item{{"dst", to_string(peer.dst)}};
        for (const FdbOrigin origin :
             {FdbOrigin::learned, FdbOrigin::pinned, FdbOrigin::external}) {
            auto& list = item[std::string(origin_word(origin))] = nlohmann::json::array();
            for (auto [at, end] = macs[origin].equal_range(peer.dst); at != end; ++at)
                list.push_back(to_string(at->second));
        }
        if (peer.port) item["port"] = *peer.port;
        if (peer.vni) item["vni"] = *peer.vni;
        if (!peer.via.empty()) item["via"] = printable(peer.via.str());
        json["peers"].push_back(std::move(item));
    }
    json["other_entries"] = nlohmann::json::array();
    for (const auto& entry : link.opaque)
        json["other_entries"].push_back(opaque_json(entry));
    for (const auto& entry : entries_elsewhere(link))
        json["elsewhere"].push_back({{"mac", to_string(entry.mac)},
                                     {"dst", to_string(entry.remote.dst)},
                                     {"origin", origin_word(entry.origin)}});
}

nlohmann::json tunnel_json(const Link& link, const State& state) {
    nlohmann::json json{{"name", printable(link.name)},
                        {"kind", link.kind},
                        {"ifindex", link.index},
                        {"managed", management(link)},
                        {"up", link.attributes.up.value_or(false)},
                        {"carrier", link.carrier},
                        {"mtu", link.attributes.mtu.value_or(0)},
                        {"mac", link.attributes.mac ? to_string(*link.attributes.mac) : ""},
                        {"master", printable(link.attributes.master.value_or(""))},
                        {"vrf", printable(link.attributes.vrf.value_or(""))},
                        {link.kind, attributes_json(link.tunnel)},
                        {"addresses", nlohmann::json::array()},
                        {"routes", nlohmann::json::array()},
                        {"rules", nlohmann::json::array()},
                        {"problems", nlohmann::json::array()}};
    if (const auto settings = attributes_json(link.attributes);
        settings.contains("rp_filter") && settings.contains("forward")) {
        json["rp_filter"] = settings.at("rp_filter");
        json["forward"] = settings.at("forward");
    }
    json["forward_from"] = nlohmann::json::array();
    for (const auto& device : forward_from(link, state))
        json["forward_from"].push_back(printable(device));
    for (const auto& address : link.addresses)
        json["addresses"].push_back(to_string(address.prefix));
    for (const auto& route : routes_of(link, state))
        json["routes"].push_back(route_json(route));
    for (const auto& rule : rules_of(link, state))
        json["rules"].push_back(rule_json(rule));
    if (link.tunnel.kind == TunnelKind::vxlan) add_peers(json, link);
    if (link.tunnel.isatap.value_or(false)) {
        json["routers"] = nlohmann::json::array();
        for (const auto& entry : link.routers)
            json["routers"].push_back(entry_json(entry));
    }
    const auto& counters = link.counters;
    json["counters"] = {{"rx",
                         {{"packets", counters.rx_packets},
                          {"bytes", counters.rx_bytes},
                          {"errors", counters.rx_errors},
                          {"dropped", counters.rx_dropped}}},
                        {"tx",
                         {{"packets", counters.tx_packets},
                          {"bytes", counters.tx_bytes},
                          {"errors", counters.tx_errors},
                          {"dropped", counters.tx_dropped}}}};
    for (const auto& problem : problems(link, state))
        json["problems"].push_back(message_json(problem));
    return json;
}

std::string mac_list(const std::multimap<IpAddress, MacAddress>& macs, const IpAddress& remote,
                     bool all) {
    const std::size_t count = macs.count(remote);
    std::string text;
    std::size_t named = 0;
    for (auto [at, end] = macs.equal_range(remote); at != end; ++at, ++named) {
        if (named == macs_in_a_row && !all)
            return text + formatted(" and {} more", count - macs_in_a_row);
        text += formatted("{}{}", named == 0 ? "" : " ", to_string(at->second));
    }
    return text;
}

std::string tunnel_text(const Link& link, const State& state, const OutputStyle& style) {
    const bool up = link.attributes.up.value_or(false);
    const auto value = [&](std::string_view name) {
        for (const auto& row : tunnel_attributes(link.tunnel.kind))
            if (row.name == name) return value_text(link.tunnel, row);
        return std::string();
    };
    const auto field = [](std::string_view name, std::string_view text) {
        return formatted("  {:<10} {}\n", name, printable(text));
    };
    std::string text =
        formatted("{}: {}, {}\n", printable(link.name),
                  painted(style, up ? Ink::added : Ink::removed, up ? "up" : "down"),
                  management(link) == "unmanaged" ? "not managed by vxlanctl"
                                                  : "managed (" + management(link) + ")");
    const bool is_vxlan = link.tunnel.kind == TunnelKind::vxlan;
    const bool is_isatap = link.tunnel.isatap.value_or(false);
    text +=
        field(is_isatap                           ? "isatap"
              : link.tunnel.proto == IPPROTO_IPIP ? "ipip6"
                                                  : link.kind,
              formatted("{}local {}, dev {}, MTU {}",
                        is_vxlan ? formatted("VNI {}, port {}, ", value("vni"), value("port")) : "",
                        value("local"), link.underlay_elsewhere ? "elsewhere" : value("dev"),
                        link.attributes.mtu.value_or(0)));
    for (const auto& row : tunnel_attributes(link.tunnel.kind)) { // not as the kernel makes it
        const bool ordinary = row.reset.empty() || row.name == "isatap" || row.name == "dev" ||
                              value_text(link.tunnel, row) == row.reset;
        if (!ordinary && is_stated(link.tunnel, row))
            text += field("", formatted("{} {}", row.name, value_text(link.tunnel, row)));
    }
    for (const auto& setting : settings_of(link, state))
        text += field("", setting);
    for (const auto& device : forward_from(link, state))
        text += field("", "forward_from " + device);
    if (has_remote(link)) text += field("remote", to_string(*link.tunnel.remote));
    if (!link.attributes.master.value_or("").empty())
        text += field("master", *link.attributes.master);
    if (!link.attributes.vrf.value_or("").empty()) text += field("vrf", *link.attributes.vrf);
    for (const auto& address : link.addresses)
        text += field("address", to_string(address.prefix));
    for (const auto& entry : link.routers)
        text += field("router", entry_text(entry));
    for (const auto& route : routes_of(link, state))
        text += field("route", to_string(route));
    for (const auto& rule : rules_of(link, state))
        text += field("rule", to_string(rule));
    MacsBehind macs = macs_behind_remotes(link);
    constexpr std::size_t most_peers = 20;
    for (std::size_t i = 0; i < link.flood_list.size(); ++i) {
        const auto& peer = link.flood_list[i];
        if (i == most_peers && !style.verbose && link.flood_list.size() > most_peers + 1) {
            text += field("", formatted("and {} more peers (see --verbose)",
                                        link.flood_list.size() - most_peers));
            break;
        }
        std::string line = formatted("{:<16}", entry_text(peer));
        bool has_macs = false;
        for (const FdbOrigin origin : {FdbOrigin::learned, FdbOrigin::pinned, FdbOrigin::external})
            if (const auto list = mac_list(macs[origin], peer.dst, style.verbose); !list.empty()) {
                line += formatted(" {} {}", origin_word(origin), list);
                has_macs = true;
            }
        text += field("peer", has_macs ? line : line + " no MAC learned");
    }
    for (const auto& entry : entries_elsewhere(link))
        text += field("elsewhere", formatted("{} {} at {}, which is not in the flood list",
                                             origin_word(entry.origin), to_string(entry.mac),
                                             entry_text(entry.remote)));
    for (const auto& entry : link.opaque)
        text += field("other", opaque_text(entry));
    const auto& counters = link.counters;
    text += field("received",
                  formatted("{} packets, {} bytes, {} errors, {} dropped", counters.rx_packets,
                            counters.rx_bytes, counters.rx_errors, counters.rx_dropped));
    text +=
        field("sent", formatted("{} packets, {} bytes, {} errors, {} dropped", counters.tx_packets,
                                counters.tx_bytes, counters.tx_errors, counters.tx_dropped));
    for (const auto& problem : problems(link, state))
        text += painted(style, Ink::warning,
                        field("problem", text_of(problem) + code_list(problem, codes(style))));
    return text;
}

} // namespace

Result<int> run_show(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    const auto state = read_running(arguments.words);
    if (!state) return tl::unexpected(state.error());
    nlohmann::json document{{"schema", json_schema}, {"tunnels", nlohmann::json::array()}};
    std::vector<const Link*> links;
    for (const auto& link : state->links)
        if (is_running(link, arguments.words)) links.push_back(&link);
    std::stable_partition(links.begin(), links.end(), [](const Link* link) {
        return mark_of(link->attributes.alias.value_or("")).has_value();
    });
    for (const auto* link : links) {
        if (has_unreadable_record(*link, *state))
            print_warning(Message(Code::record_not_understood, link->name), codes(*style));
        if (style->json)
            document["tunnels"].push_back(tunnel_json(*link, *state));
        else if (!style->quiet)
            print(tunnel_text(*link, *state, *style));
    }
    if (style->json) print(document_text(document));
    return 0;
}

} // namespace vxlanctl
