#include "vxlanctl/base/format.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/run/snapshot.h"
#include "vxlanctl/run/snapshot_archive.h"
#include "vxlanctl/runtime/record_codec.h"

namespace vxlanctl {
namespace {

constexpr int snapshot_version = 1;

} // namespace

// What the members of each type are called. Writing and reading go through the same list.

template<class Archive, class Attributes>
void each_attribute(Archive& archive, std::span<const AttributeRow<Attributes>> rows,
                    Attributes& attributes) {
    for (const auto& row : rows)
        std::visit([&](auto member) { archive(row.name, attributes.*member); }, row.member);
}

template<class Archive> void members(Archive& archive, PortRange& range) {
    archive("low", range.low);
    archive("high", range.high);
}

template<class Archive> void members(Archive& archive, Address& address) {
    archive("address", address.prefix);
    archive("peer", address.peer);
    archive("broadcast", address.broadcast);
    archive("scope", address.scope);
    archive("flags", address.flags);
    archive("label", address.label);
    archive("valid_seconds", address.valid_seconds);
    archive("preferred_seconds", address.preferred_seconds);
    archive("metric", address.metric);
    archive("has_no_route", address.is_unrouted);
}

template<class Archive> void members(Archive& archive, PlacedAddress& placed) {
    archive("ifindex", placed.link_index);
    members(archive, placed.address);
}

template<class Archive> void members(Archive& archive, TableRoute& entry) {
    Route& route = entry.route;
    archive("ifindex", entry.link_index);
    archive("to", route.to);
    archive("table", route.table);
    archive("metric", route.metric);
    archive("tos", route.tos);
    archive("protocol", route.protocol);
    archive("scope", route.scope);
    archive("type", route.type);
    archive("flags", route.flags);
    archive("via", route.via);
    archive("source", route.source);
    archive("multipath", route.multipath);
    archive("expires", route.expires);
    archive("other", route.other);
}

template<class Archive> void members(Archive& archive, Rule& rule) {
    archive("from", rule.from);
    archive("to", rule.to);
    archive("table", rule.table);
    archive("priority", rule.priority);
    archive("protocol", rule.protocol);
}

template<class Archive> void members(Archive& archive, SteeringRule& rule) {
    archive("family", rule.family);
    archive("priority", rule.priority);
    archive("action", rule.action);
    archive("table", rule.table);
    archive("from", rule.from);
    archive("to", rule.to);
    archive("protocol", rule.protocol);
    archive("ports", rule.ports);
    archive("has_more", rule.has_more);
    archive("inverted", rule.is_inverted);
    archive("vrf", rule.is_of_vrf);
    archive("in", rule.in);
    archive("out", rule.out);
    archive("tos", rule.tos);
    archive("mark", rule.mark);
    archive("users", rule.users);
    archive("unknown", rule.is_unknown);
    archive("target", rule.target);
    archive("suppressed", rule.suppressed);
}

template<class Archive> void members(Archive& archive, Neighbour& neighbour) {
    archive("address", neighbour.address);
    archive("link_layer", neighbour.link_layer.bytes);
    archive("flags", neighbour.flags);
}

template<class Archive> void members(Archive& archive, FdbTimes& times) {
    archive("used", times.used);
    archive("updated", times.updated);
}

template<class Archive> void members(Archive& archive, MacEntry& entry) {
    archive("mac", entry.mac);
    archive("remote", entry.remote);
    archive("state", entry.state);
    archive("flags", entry.flags);
    archive("origin", entry.origin);
    archive("times", entry.times);
}

template<class Archive> void members(Archive& archive, OpaqueEntry& entry) {
    archive("mac", entry.mac);
    archive("group", entry.group);
    archive("members", entry.members);
    archive("source_vni", entry.source_vni);
    archive("dst", entry.dst);
    archive("state", entry.state);
    archive("flags", entry.flags);
}

template<class Archive> void members(Archive& archive, PrlEntry& entry) {
    archive("router", entry.router);
    archive("default", entry.is_default);
}

template<class Archive> void members(Archive& archive, VlanRange& vlans) {
    archive("first", vlans.first);
    archive("last", vlans.last);
    archive("untagged", vlans.untagged);
}

template<class Archive> void members(Archive& archive, VlanList& list) {
    archive("ranges", list.ranges);
}

template<class Archive> void members(Archive& archive, LinkCounters& counters) {
    archive("rx_packets", counters.rx_packets);
    archive("tx_packets", counters.tx_packets);
}

template<class Archive> void members(Archive& archive, Dependant& dependant) {
    archive("name", dependant.name);
    archive("local", dependant.local);
}

template<class Archive> void members(Archive& archive, LinkAttributes& attributes) {
    each_attribute(archive, link_attributes(), attributes);
}

template<class Archive> void members(Archive& archive, TunnelAttributes& attributes) {
    each_attribute(archive, tunnel_attributes(attributes.kind), attributes);
}

template<class Archive> void members(Archive& archive, Link& link) {
    archive("ifindex", link.index);
    archive("name", link.name);
    archive("kind", link.kind);
    archive("attributes", link.attributes);
    if (const auto kind = tunnel_kind(link.kind)) {
        link.tunnel.kind = *kind;
        archive("tunnel", link.tunnel);
    }
    archive("carrier", link.carrier);
    archive("underlay_elsewhere", link.underlay_elsewhere);
    archive("uppers", link.uppers);
    archive("dependants", link.dependants);
    archive("lower_ifindex", link.lower_index);
    archive("master_ifindex", link.master_index);
    archive("vrf_table", link.vrf_table);
    archive("forwards_ipv6", link.forwards_ipv6);
    archive("counters", link.counters);
    archive("addresses", link.addresses);
    archive("peers", link.flood_list);
    archive("peers_state", link.flood_state);
    archive("peers_flags", link.flood_flags);
    archive("macs", link.macs);
    archive("other_entries", link.opaque);
    archive("bridge_port_state", link.port_state);
    archive("filters_vlans", link.filters_vlans);
    archive("default_pvid", link.default_pvid);
    archive("routers", link.routers);
    archive("neighbours", link.neighbours);
}

template<class Archive> void members(Archive& archive, InterfaceSettings& settings) {
    archive("new_interfaces", settings.of_new_links);
    archive("all_rp_filter", settings.all_rp_filter);
    archive("ipv6_forwarding", settings.ipv6_forwarding);
}

template<class Archive> void members(Archive& archive, NamespaceSnapshot& space) {
    State& state = space.state;
    archive("interfaces", state.links);
    archive("addresses", space.addresses);
    archive("routes", space.routes);
    archive("rules", space.rules);
    archive("source_rules", state.rules);
    archive("records", state.records);
    archive("records_not_understood", state.unreadable_records);
    archive("records_without_interface", state.orphans);
    archive("made_by_other_programs", state.run_by);
    archive("alternative_names", state.alternative_names);
    archive("ssh_client", state.ssh_client);
    archive("settings", state.settings);
    archive("fdb_clock", state.fdb_clock);
}

std::string snapshot_text(const Snapshot& snapshot) {
    nlohmann::json json{
        {"snapshot", snapshot_version},     {"vxlanctl", snapshot.program},
        {"kernel", snapshot.kernel},        {"time", snapshot.time},
        {"netns", nlohmann::json::array()}, {"namespaces", nlohmann::json::array()}};
    for (const auto& name : snapshot.netns)
        json["netns"].push_back(printable(name));
    for (const auto& [name, space] : snapshot.namespaces) {
        auto item = SnapshotWriter::object_of(space);
        item["name"] = printable(name);
        json["namespaces"].push_back(std::move(item));
    }
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<Snapshot> parse_snapshot(const std::string& text, const std::string& path) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("snapshot") || !json["snapshot"].is_number_integer())
        return error(Code::no_snapshot, path);
    if (json["snapshot"] != snapshot_version)
        return error(Code::snapshot_too_new, path,
                     {{"version", json["snapshot"].dump()}, {"known", snapshot_version}});
    Snapshot snapshot{
        string_in(json, "vxlanctl"), string_in(json, "kernel"), string_in(json, "time"), {}, {}};
    for (const auto& name : json.value("netns", nlohmann::json::array()))
        if (name.is_string()) snapshot.netns.insert(name.get<std::string>());
    SnapshotProblem problem;
    const auto spaces = json.find("namespaces");
    if (spaces == json.end() || !spaces->is_array() || spaces->empty())
        return error(Code::snapshot_member_wrong, path, {{"member", "namespaces"}});
    for (const auto& item : *spaces) {
        NamespaceSnapshot space;
        SnapshotReader::read_object(item, space, "namespaces", problem);
        complete(space);
        snapshot.namespaces.insert_or_assign(string_in(item, "name"), std::move(space));
    }
    if (problem.member.empty() && !snapshot.namespaces.contains("")) problem.member = "namespaces";
    if (!problem.member.empty())
        return error(Code::snapshot_member_wrong, path, {{"member", problem.member}});
    return snapshot;
}

} // namespace vxlanctl
