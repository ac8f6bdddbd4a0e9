#include "vxlanctl/base/json_members.h"
#include "vxlanctl/run/frr.h"

#include <algorithm>
#include <nlohmann/json.hpp>

/// FRR's JSON. Where its releases differ, 8.4's and 10's words both count: zebra_evpn_print() in
/// zebra/zebra_evpn.c, display_vni() in bgpd/bgp_evpn_vty.c, bgp_show_summary() in bgpd/bgp_vty.c.
namespace vxlanctl {
namespace {

using Json = nlohmann::json;

constexpr std::string_view vnis_command = "show evpn vni detail json",
                           sessions_command = "show bgp l2vpn evpn summary json",
                           bgp_vnis_command = "show bgp l2vpn evpn vni json",
                           routes_command = "show bgp l2vpn evpn route type 3 json";
constexpr std::uint32_t most_vni = (1U << 24) - 1;

Json json_of(const std::string& text) {
    return Json::parse(text, nullptr, false);
}

std::optional<IpAddress> address_in(const Json& value) {
    if (!value.is_string()) return std::nullopt;
    auto parsed = parse_address(value.get_ref<const std::string&>());
    return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<std::uint32_t> vni_in(const Json& object) {
    if (!object.is_object()) return std::nullopt;
    const auto found = object.find("vni");
    if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
    const auto vni = found->get<std::uint64_t>();
    return vni > 0 && vni <= most_vni ? std::optional(static_cast<std::uint32_t>(vni))
                                      : std::nullopt;
}

const Json& array_in(const Json& object, const char* name) {
    static const Json none = Json::array();
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : none;
}

/// 8.4: `"numRemoteVteps":["192.0.2.1"]`. Since 10: `"remoteVteps":[{"ip":…,"flood":"HER"}]`.
std::vector<EvpnVtep> vteps_in(const Json& object) {
    std::vector<EvpnVtep> vteps;
    for (const char* name : {"remoteVteps", "numRemoteVteps"})
        for (const auto& item : array_in(object, name)) {
            const Json* address = &item;
            if (item.is_object()) {
                const auto found = item.find("ip");
                if (found == item.end()) continue;
                address = &*found;
            }
            const auto parsed = address_in(*address);
            if (!parsed) continue;
            vteps.push_back({*parsed, !item.is_object() || string_in(item, "flood") != "-"});
        }
    std::sort(vteps.begin(), vteps.end());
    const auto same = [](const EvpnVtep& one, const EvpnVtep& other) {
        return one.address == other.address;
    };
    vteps.erase(std::unique(vteps.begin(), vteps.end(), same), vteps.end());
    return vteps;
}

void add_vnis(Evpn& evpn, const Json& all) {
    for (const auto& item : all) { // an array, or an object with the VNIs as names
        const auto vni = vni_in(item);
        if (!vni) continue;
        EvpnVni& known = evpn.vnis[*vni];
        for (const char* name : {"vxlanInterface", "vxlanIntf", "vxlanIf"})
            if (known.interface.empty()) known.interface = string_in(item, name);
        known.routes = string_in(item, "type") == "L3";
        known.vteps = vteps_in(item);
    }
}

/// A number, or since FRR 8.5 a text as `as-notation` says: `65001`, `1.10`.
std::string as_in(const Json& summary) {
    const auto number = number_in<std::uint32_t>(summary, "as");
    if (number != 0) return std::to_string(number);
    std::string text = string_in(summary, "as");
    const bool is_plain = text.find_first_not_of("0123456789.") == std::string::npos;
    return is_plain ? text : "";
}

void add_sessions(Evpn& evpn, const Json& summary) {
    if (!summary.is_object()) return;
    evpn.as = as_in(summary);
    const auto peers = summary.find("peers");
    if (peers == summary.end() || !peers->is_object()) return;
    for (const auto& [neighbour, peer] : peers->items()) {
        if (!peer.is_object()) continue;
        const std::string state = string_in(peer, "state");
        evpn.sessions.push_back({neighbour, state, state == "Established"});
    }
}

void add_bgp_vnis(Evpn& evpn, const Json& all) {
    if (!all.is_object()) return;
    evpn.advertises_all = string_in(all, "advertiseAllVnis") == "Enabled";
    evpn.floods = string_in(all, "flooding") != "Disabled";
    for (const auto& item : all) {
        const auto vni = vni_in(item);
        if (!vni) continue;
        EvpnBgpVni& known = evpn.bgp_vnis[*vni];
        for (const char* name : {"importRTs", "importRts"})
            for (const auto& target : array_in(item, name))
                if (target.is_string()) known.imports.push_back(target.get<std::string>());
    }
}

/// `"RT:65001:100 ET:8"`
std::vector<std::string> targets_in(const std::string& communities) {
    constexpr std::string_view tag = "RT:";
    std::vector<std::string> targets;
    for (std::size_t at = 0; at < communities.size();) {
        const auto end = std::min(communities.find(' ', at), communities.size());
        const std::string_view word = std::string_view(communities).substr(at, end - at);
        if (word.starts_with(tag)) targets.emplace_back(word.substr(tag.size()));
        at = end + 1;
    }
    return targets;
}

/// The first of the paths is enough: all are of one VTEP.
void add_route(Evpn& evpn, const Json& route) {
    for (const auto& paths : array_in(route, "paths"))
        for (const auto& path : paths) {
            if (!path.is_object() || number_in<std::uint32_t>(path, "routeType") != 3) continue;
            const auto ip = path.find("ip");
            const auto origin = ip == path.end() ? std::nullopt : address_in(*ip);
            if (!origin) continue;
            const auto community = path.find("extendedCommunity");
            EvpnFloodRoute found{*origin, {}, string_in(path, "peerId") == "(unspec)"};
            if (community != path.end())
                found.targets = targets_in(string_in(*community, "string"));
            evpn.flood_routes.push_back(std::move(found));
            return;
        }
}

/// By route distinguishers, and below them by prefixes.
void add_routes(Evpn& evpn, const Json& all) {
    if (!all.is_object()) return;
    for (const auto& table : all) {
        if (!table.is_object()) continue;
        for (const auto& route : table)
            if (route.is_object()) add_route(evpn, route);
    }
}

} // namespace

const std::vector<std::string>& frr_commands() {
    static const std::vector<std::string> commands{
        std::string(vnis_command), std::string(sessions_command), std::string(bgp_vnis_command),
        std::string(routes_command)};
    return commands;
}

std::vector<FrrAnswer> frr_answers(std::string_view printed) {
    std::vector<FrrAnswer> answers;
    while (!printed.empty()) {
        const auto end = std::min(printed.find('\n'), printed.size() - 1);
        const std::string_view line = printed.substr(0, end + 1);
        printed.remove_prefix(line.size());
        const auto& all = frr_commands();
        const auto command = std::find_if(all.begin(), all.end(), [&](const std::string& one) {
            const auto bare = line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
            return bare.ends_with(one) && bare.substr(0, bare.size() - one.size()).ends_with("# ");
        });
        if (command != all.end())
            answers.push_back({*command, {}});
        else if (!answers.empty())
            answers.back().text += line;
    }
    return answers;
}

Evpn parse_evpn(const std::vector<FrrAnswer>& answers) {
    Evpn evpn;
    for (const auto& [command, text] : answers) {
        const Json json = json_of(text);
        if (!json.is_structured()) continue; // nothing, or a sentence
        if (command == vnis_command) add_vnis(evpn, json);
        if (command == sessions_command) add_sessions(evpn, json);
        if (command == bgp_vnis_command) add_bgp_vnis(evpn, json);
        if (command == routes_command) add_routes(evpn, json);
    }
    return evpn;
}

std::vector<std::string> frr_directories(std::string_view unix_sockets) {
    constexpr std::string_view socket = "/zebra.vty";
    constexpr std::string_view listening = " 00010000 "; // __SO_ACCEPTCON
    std::vector<std::string> directories;
    while (!unix_sockets.empty()) {
        const auto line = unix_sockets.substr(0, unix_sockets.find('\n'));
        unix_sockets.remove_prefix(std::min(line.size() + 1, unix_sockets.size()));
        const auto path = line.find(" /");
        if (path == std::string_view::npos || !line.ends_with(socket) ||
            line.find(listening) == std::string_view::npos)
            continue;
        directories.emplace_back(line.substr(path + 1, line.size() - path - 1 - socket.size()));
    }
    std::sort(directories.begin(), directories.end(),
              [](const std::string& one, const std::string& other) {
                  return std::pair(one.size(), one) < std::pair(other.size(), other);
              });
    directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
    return directories;
}

} // namespace vxlanctl
