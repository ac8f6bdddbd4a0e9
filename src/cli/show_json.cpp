#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/kinds/kinds.h"

#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

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

void add_peers(nlohmann::json& json, const TunnelView& view) {
    json["peers"] = nlohmann::json::array();
    for (const auto& peer : view.peers) {
        auto item = fields_json(item_of(peer.entry, view.peer_names).fields);
        for (const FdbOrigin origin : fdb_origins) {
            auto& list = item[std::string(origin_word(origin))] = nlohmann::json::array();
            for (const auto& mac : peer.macs[static_cast<std::size_t>(origin)])
                list.push_back(to_string(mac));
        }
        add_activity(item, peer.activity);
        if (const auto& counted = peer.counters)
            item["counters"] = {
                {"rx", {{"packets", counted->rx_packets}, {"bytes", counted->rx_bytes}}},
                {"tx", {{"packets", counted->tx_packets}, {"bytes", counted->tx_bytes}}}};
        json["peers"].push_back(std::move(item));
    }
    json["other_entries"] = nlohmann::json::array();
    for (const auto& entry : view.link.opaque)
        json["other_entries"].push_back(opaque_json(entry));
    json["elsewhere"] = nlohmann::json::array();
    for (const auto& entry : view.elsewhere)
        json["elsewhere"].push_back({{"mac", to_string(entry.mac)},
                                     {"dst", to_string(entry.remote.dst)},
                                     {"origin", origin_word(entry.origin)}});
}

/// What the link has as the port of a bridge; empty where it is none.
nlohmann::json port_json(const LinkAttributes& attributes) {
    auto json = nlohmann::json::object();
    const auto fields = fields_json(fields_of(port_part(attributes)));
    for (const auto& [name, value] : fields.items())
        json[std::string(key_in_bridge_port(name))] = value;
    return json;
}

nlohmann::json evpn_json(const EvpnView& evpn) {
    if (!evpn.skipped.empty()) return {{"skipped", printable(evpn.skipped)}};
    const auto list = [](const std::vector<IpAddress>& addresses) {
        auto json = nlohmann::json::array();
        for (const auto& address : addresses)
            json.push_back(to_string(address));
        return json;
    };
    auto sessions = nlohmann::json::array();
    for (const auto& session : evpn.sessions)
        sessions.push_back({{"neighbour", printable(session.neighbour)},
                            {"state", printable(session.state)},
                            {"up", session.is_up}});
    return {{"vteps", list(evpn.vteps)},     {"missing", list(evpn.missing)},
            {"unknown", list(evpn.unknown)}, {"not_taken", list(evpn.not_taken)},
            {"type3_routes", evpn.routes},   {"sessions", std::move(sessions)}};
}

nlohmann::json range_json(std::uint32_t first, std::uint32_t last) {
    return {{"first", first}, {"last", last}};
}

void add_many_vnis(nlohmann::json& json, const ManyVnis& many) {
    auto& accepted = json["vnis"] = nlohmann::json::array();
    for (const auto& range : many.accepted)
        accepted.push_back(range_json(range.first, range.last));
    auto& vlans = json["vlan_vnis"] = nlohmann::json::array();
    for (const auto& range : many.vlans)
        vlans.push_back({{"vlans", range_json(range.first_vlan, range.last_vlan)},
                         {"vnis", range_json(range.vnis.first, range.vnis.last)}});
}

template<class Objects> nlohmann::json items_json(const Objects& objects) {
    auto list = nlohmann::json::array();
    for (const auto& object : objects)
        list.push_back(fields_json(item_of(object).fields));
    return list;
}

} // namespace

void add_activity(nlohmann::json& peer, const Activity& activity) {
    const auto add = [&](const char* name, const std::optional<std::chrono::seconds>& ago) {
        if (ago) peer[name] = ago->count();
    };
    add("last_heard_seconds", activity.heard);
    add("last_sent_seconds", activity.sent);
    add("last_active_seconds", activity.heard_or_sent);
}

nlohmann::json json_of(const TunnelView& view) {
    const Link& link = view.link;
    nlohmann::json json{{"name", printable(link.name)},
                        {"kind", link.kind},
                        {"ifindex", link.index},
                        {"managed", view.management},
                        {"up", link.attributes.up.value_or(false)},
                        {"carrier", link.carrier},
                        {"mtu", link.attributes.mtu.value_or(0)},
                        {"mac", link.attributes.mac ? to_string(*link.attributes.mac) : ""},
                        {"master", printable(link.attributes.master.value_or(""))},
                        {"vrf", printable(link.attributes.vrf.value_or(""))},
                        {link.kind, fields_json(fields_of(link.tunnel))},
                        {"addresses", nlohmann::json::array()},
                        {"forward_from", nlohmann::json::array()},
                        {"routes", items_json(view.routes)},
                        {"rules", items_json(view.rules)},
                        {"problems", messages_json(view.problems)}};
    if (const auto settings = fields_json(fields_of(link.attributes));
        settings.contains("rp_filter") && settings.contains("forward")) {
        json["rp_filter"] = settings.at("rp_filter");
        json["forward"] = settings.at("forward");
    }
    if (link.attributes.addr_gen_mode)
        json["addr_gen_mode"] = fields_json(fields_of(link.attributes)).at("addr_gen_mode");
    if (auto port = port_json(link.attributes); !port.empty())
        json["bridge_port"] = std::move(port);
    if (!view.netns.empty()) json["netns"] = printable(view.netns);
    if (view.many_vnis) add_many_vnis(json, *view.many_vnis);
    if (view.evpn) json["evpn"] = evpn_json(*view.evpn);
    if (!view.source.empty()) json["source"] = printable(view.source);
    for (const auto& device : view.forward_from)
        json["forward_from"].push_back(printable(device));
    for (const auto& address : link.addresses)
        json["addresses"].push_back(to_string(address.prefix));
    if (view.has_peers) add_peers(json, view);
    if (link.tunnel.isatap.value_or(false)) json["routers"] = items_json(link.routers);
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
    return json;
}

} // namespace vxlanctl
