#include "vxlanctl/plan/ownership.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/elsewhere.h"

#include <algorithm>
#include <iterator>

namespace vxlanctl {
namespace {

/// Whether what the kernel cannot change on the link is as it was recorded.
bool keeps_fixed_values(const Record& record, const Link& link) {
    const auto& rows = tunnel_attributes(link.tunnel.kind);
    return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
        if (row.mutability != Mutability::create_only) return true;
        const auto value = record.values.find(std::string(row.name));
        return value == record.values.end() || !is_stated(link.tunnel, row) ||
               value->second == value_text(link.tunnel, row);
    });
}

/// What `which` would do with a link, as far as its mark and record say.
enum class Standing : std::uint8_t { not_meant, meant, without_source, of_another_interface };

/// A link with our mark that the config does not name.
struct UnnamedLink {
    const Link* link;
    Standing standing;
};

Standing judge(const Link& link, const Mark& mark, bool has_twin, const Config& config,
               const State& state, Unnamed which) {
    if (which != Unnamed::remove_all && mark.origin != Origin::file) return Standing::not_meant;
    const Record* record = find_record(state, &link);
    if (which == Unnamed::prune) {
        if (record == nullptr || record->source.empty()) return Standing::without_source;
        if (!is_below(record->source, config.sources)) return Standing::not_meant;
    }
    const bool is_another = has_twin || (record != nullptr && !is_of(*record, link));
    return is_another ? Standing::of_another_interface : Standing::meant;
}

std::vector<UnnamedLink> judge_unnamed(const Config& config, const State& state, Unnamed which) {
    std::vector<UnnamedLink> unnamed;
    if (which == Unnamed::keep) return unnamed;
    std::set<std::string_view> named(config.absent.begin(), config.absent.end());
    named.insert(config.spared.begin(), config.spared.end());
    for (const auto& tunnel : config.tunnels)
        named.insert(tunnel.name);
    std::map<std::string, int> carriers; // of an ID
    for (const auto& link : state.links)
        if (const auto mark = mark_of(link.attributes.alias.value_or(""))) ++carriers[mark->id];
    for (const auto& link : state.links) {
        const auto mark = mark_of(link.attributes.alias.value_or(""));
        if (!mark || !is_tunnel(link) || is_leftover(link) || named.contains(link.name)) continue;
        const bool has_twin = carriers[mark->id] > 1;
        const auto standing = judge(link, *mark, has_twin, config, state, which);
        if (standing != Standing::not_meant) unnamed.push_back({&link, standing});
    }
    std::sort(unnamed.begin(), unnamed.end(),
              [](const auto& one, const auto& other) { return one.link->name < other.link->name; });
    return unnamed;
}

/// The attributes that the record's file states.
Tunnel recorded_attributes(const std::string& name, TunnelKind kind, const Record& record) {
    Tunnel tunnel;
    tunnel.name = name;
    tunnel.tunnel.kind = kind;
    const auto take = [&](auto& attributes, const auto& rows) {
        for (const auto& row : rows)
            if (const auto value = record.values.find(std::string(row.name));
                value != record.values.end())
                (void)set_value(attributes, row, value->second); // we have written it
    };
    take(tunnel.link, link_attributes());
    take(tunnel.tunnel, tunnel_attributes(kind));
    tunnel.evpn = record.keys.contains(control_plane_key);
    return tunnel;
}

/// Notes a value that is not the recorded one.
void note_other_value(const std::string& name, const std::string& wanted, const Record& record,
                      std::vector<std::string>& differing) {
    const auto recorded = record.values.find(name);
    if (recorded == record.values.end())
        differing.push_back(formatted("{}: {}", name, wanted));
    else if (recorded->second != wanted)
        differing.push_back(formatted("{}: {} -> {}", name, recorded->second, wanted));
}

/// Lays one table's attributes over those of the file, and notes what differs.
template<class Attributes>
Attributes laid_over(const Attributes& file, Attributes words,
                     std::span<const AttributeRow<Attributes>> rows, const Record& record,
                     const std::set<std::string>& implied, std::vector<std::string>& differing) {
    for (const auto& row : rows) {
        const std::string name(row.name);
        if (!is_stated(words, row)) {
            std::visit([&](auto member) { words.*member = file.*member; }, row.member);
            continue;
        }
        const auto recorded = record.values.find(name);
        const std::string wanted = value_text(words, row);
        if (recorded != record.values.end() && recorded->second == wanted) continue;
        if (implied.contains(name)) {
            if (recorded != record.values.end())
                std::visit([&](auto member) { words.*member = file.*member; }, row.member);
            continue;
        }
        note_other_value(name, wanted, record, differing);
    }
    return words;
}

/// Adds what the words list to what the file lists, and notes what the file does not.
template<class Element, class Equal>
void lay_list_over(std::optional<std::vector<Element>>& words, const std::vector<Element>& file,
                   Equal equal, const char* key, std::vector<std::string>& differing) {
    std::vector<Element> all = file;
    bool differs = false;
    for (const auto& element : words.value_or(std::vector<Element>{})) {
        if (is_in(file, element, equal)) continue;
        differs = true;
        all.push_back(element);
    }
    if (differs) differing.emplace_back(key);
    if (words || !file.empty()) words = std::move(all);
}

/// Gives the attributes that are recorded and not named the values that they have: these stay.
template<class Attributes>
void keep_running(Attributes& attributes, const Attributes& have,
                  std::span<const AttributeRow<Attributes>> rows, const Tunnel& words,
                  const Record& record, std::vector<std::string>& differing) {
    for (const auto& row : rows) {
        const std::string name(row.name);
        if (words.named->contains(name)) {
            note_other_value(name, value_text(attributes, row), record, differing);
        } else if (record.keys.contains(name) || is_stated(attributes, row)) {
            std::visit([&](auto member) { attributes.*member = have.*member; }, row.member);
        }
    }
}

/// A list that is not named becomes the recorded elements that are there.
template<class Element, class IsThere>
void keep_list(std::optional<std::vector<Element>>& list, const std::vector<Element>& recorded,
               const char* key, const Tunnel& words, IsThere is_there,
               std::vector<std::string>& differing) {
    if (words.named->contains(key)) {
        if (list != recorded) differing.emplace_back(key);
        return;
    }
    if (recorded.empty()) return;
    list.emplace();
    std::copy_if(recorded.begin(), recorded.end(), std::back_inserter(*list), is_there);
}

/// The flood list after the change.
std::vector<FloodEntry> changed_peers(const std::vector<FloodEntry>& have, const Tunnel& words) {
    const auto& named = *words.peers;
    std::vector<FloodEntry> peers;
    if (words.peer_change == PeerChange::replace) return named;
    if (words.peer_change == PeerChange::remove) {
        std::copy_if(have.begin(), have.end(), std::back_inserter(peers),
                     [&](const FloodEntry& entry) { return !has_entry_to(named, entry.dst); });
        return peers;
    }
    // One that is there, perhaps with a port or `via`, would get each broadcast twice.
    std::copy_if(named.begin(), named.end(), std::back_inserter(peers),
                 [&](const FloodEntry& entry) { return !has_entry_to(have, entry.dst); });
    append(peers, have);
    std::sort(peers.begin(), peers.end());
    return peers;
}

} // namespace

bool is_of(const Record& record, const Link& link) {
    const RecordedInterface& recorded = record.interface;
    return (recorded.name.empty() || recorded.name == link.name) &&
           (recorded.kind.empty() || recorded.kind == link.kind) &&
           (recorded.index == 0 || recorded.index == link.index) &&
           keeps_fixed_values(record, link);
}

bool has_unreadable_record(const Link& link, const State& state) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return mark && state.unreadable_records.contains(mark->id);
}

bool is_below(const std::string& source, const std::vector<std::string>& sources) {
    return std::any_of(sources.begin(), sources.end(), [&](const std::string& named) {
        if (!source.starts_with(named)) return false;
        return source.size() == named.size() || named.ends_with('/') || source[named.size()] == '/';
    });
}

std::vector<std::string> unnamed_links(const Config& config, const State& state, Unnamed which) {
    std::vector<std::string> names;
    for (const auto& [link, standing] : judge_unnamed(config, state, which))
        if (standing == Standing::meant) names.push_back(link->name);
    return names;
}

std::vector<Message> kept_unnamed(const Config& config, const State& state, Unnamed which) {
    std::vector<Message> kept;
    for (const auto& [link, standing] : judge_unnamed(config, state, which))
        if (standing == Standing::without_source)
            kept.emplace_back(Code::kept_without_source, link->name);
        else if (standing == Standing::of_another_interface)
            kept.emplace_back(Code::kept_with_copied_mark, link->name);
    return kept;
}

std::vector<std::string> absent_links(const Config& config, const State& state) {
    auto names = config.absent;
    append(names, unnamed_links(config, state, config.unnamed));
    return names;
}

std::vector<std::string> signs_of_another_program(const Link& link, const State& state,
                                                  bool has_control_plane) {
    std::vector<std::string> signs;
    const auto has_entry = [&](FdbOrigin origin) {
        return std::any_of(link.macs.begin(), link.macs.end(), [&](const MacEntry& entry) {
            return entry.origin == origin && entry.mac != link.attributes.mac;
        });
    };
    if (kind_of(link.tunnel.kind).has_fdb) {
        if (!has_control_plane && (is_external(link.flood_flags) || has_entry(FdbOrigin::external)))
            signs.push_back(text_of(Code::sign_external_entries));
        const bool has_permanent_list = !link.flood_list.empty() && !ages(link.flood_state);
        if (!has_control_plane && link.tunnel.learning == false &&
            (has_entry(FdbOrigin::pinned) || has_permanent_list))
            signs.push_back(text_of(Code::sign_pins_without_learning));
        if (link.tunnel.external.value_or(false)) signs.push_back(text_of(Code::sign_external));
        if (link.tunnel.vnifilter.value_or(false)) signs.push_back(text_of(Code::sign_vnifilter));
    }
    if (const auto file = state.run_by.find(link.name); file != state.run_by.end())
        signs.push_back(text_of(Code::sign_configured_elsewhere, {{"file", file->second}}));
    return signs;
}

Tunnel recorded_tunnel(const std::string& name, TunnelKind kind, const Record& record) {
    Tunnel tunnel = recorded_attributes(name, kind, record);
    const auto take = [&](auto& list, const auto& recorded, const char* key) {
        if (!recorded.empty() || record.keys.contains(key)) list = recorded;
    };
    take(tunnel.addresses, record.addresses, "addresses");
    take(tunnel.routes, record.routes, "routes");
    take(tunnel.rules, record.rules, "rules");
    take(tunnel.forward_from, record.forward_from, "forward_from");
    if (record.keys.contains(peers_key)) tunnel.peers = parse_peers_text(record.peers);
    tunnel.peer_names = record.peer_names;
    tunnel.source = record.source;
    return tunnel;
}

LaidOver over_file(const Tunnel& words, const Record& record, const Link& have) {
    const Tunnel file = recorded_attributes(words.name, words.tunnel.kind, record);
    LaidOver over{words, {}};
    auto& [tunnel, differing, warnings] = over;
    tunnel.link =
        laid_over(file.link, words.link, link_attributes(), record, words.implied, differing);
    tunnel.tunnel = laid_over(file.tunnel, words.tunnel, tunnel_attributes(words.tunnel.kind),
                              record, words.implied, differing);
    lay_list_over(tunnel.addresses, record.addresses, std::equal_to<>{}, "addresses", differing);
    lay_list_over(
        tunnel.routes, record.routes,
        [](const Route& one, const Route& other) {
            return one.to == other.to && one.via == other.via && one.dev == other.dev &&
                   one.metric == other.metric &&
                   (one.table == other.table || one.table == 0 || other.table == 0);
        },
        "routes", differing);
    lay_list_over(tunnel.rules, record.rules, fulfils, "rules", differing);
    lay_list_over(tunnel.forward_from, record.forward_from, std::equal_to<>{}, "forward_from",
                  differing);
    if (words.evpn && !file.evpn) differing.push_back(formatted("{}: evpn", control_plane_key));
    tunnel.evpn = words.evpn || file.evpn;
    const bool has_peers = record.keys.contains(peers_key);
    if (words.peers &&
        (has_peers ? peers_text(*words.peers) != record.peers : *words.peers != have.flood_list))
        differing.emplace_back("peers");
    if (words.routers && *words.routers != have.routers) differing.emplace_back("routers");
    tunnel.peer_names.insert(record.peer_names.begin(), record.peer_names.end());
    tunnel.source = record.source;
    tunnel.implied.clear();
    return over;
}

LaidOver over_running(const Tunnel& words, const Record& record, const Link& have,
                      const State& state) {
    LaidOver over{words, {}};
    auto& [tunnel, differing, warnings] = over;
    keep_running(tunnel.link, have.attributes, link_attributes(), words, record, differing);
    if (words.link.master == "" || !words.link.vrf.value_or("").empty()) // it leaves its bridge
        tunnel.link = merged(without_port_part(tunnel.link), port_part(words.link));
    keep_running(tunnel.tunnel, have.tunnel, tunnel_attributes(words.tunnel.kind), words, record,
                 differing);
    if (!words.named->contains(control_plane_key))
        tunnel.evpn = record.keys.contains(control_plane_key);
    else
        note_other_value(control_plane_key, words.evpn ? "evpn" : "none", record, differing);
    keep_list(
        tunnel.addresses, record.addresses, "addresses", words,
        [&](const Prefix& prefix) {
            return std::any_of(have.addresses.begin(), have.addresses.end(),
                               [&](const Address& address) { return address.prefix == prefix; });
        },
        differing);
    keep_list(
        tunnel.routes, record.routes, "routes", words,
        [&](const Route& route) {
            return route.dev.empty()
                       ? find_own_route(have.routes, route) != nullptr
                       : find_route(routes_out_of(route.dev, state), route) != nullptr;
        },
        differing);
    keep_list(
        tunnel.rules, record.rules, "rules", words,
        [&](const Rule& rule) { return find_rule(state.rules, rule) != nullptr; }, differing);
    keep_list(
        tunnel.forward_from, record.forward_from, "forward_from", words,
        [&](const std::string& device) { return forwards(device, state); }, differing);
    if (words.peers) {
        tunnel.peers = changed_peers(have.flood_list, words);
        if (words.peer_change == PeerChange::remove) {
            for (const auto& peer : *words.peers)
                if (!has_entry_to(have.flood_list, peer.dst))
                    warnings.emplace_back(Code::peer_not_there, words.name,
                                          Values{{"peer", to_string(peer.dst)}});
            if (tunnel.peers->empty() && !have.flood_list.empty())
                warnings.emplace_back(Code::no_peer_left, words.name);
        }
        if (peers_text(*tunnel.peers) != record.peers) differing.emplace_back(peers_key);
    } else if (record.keys.contains(peers_key) && !tunnel.evpn) {
        tunnel.peers = have.flood_list;
    }
    tunnel.peer_names.insert(record.peer_names.begin(), record.peer_names.end());
    tunnel.source = record.source;
    tunnel.implied.clear();
    return over;
}

Record with_unnamed(Record now, const Record& old, const std::set<std::string>& named) {
    for (const auto& [name, value] : old.values)
        if (!named.contains(name)) now.values[name] = value;
    for (const auto& key : old.keys)
        if (!named.contains(key)) now.keys.insert(key);
    if (!named.contains("addresses")) now.addresses = old.addresses;
    if (!named.contains("routes")) now.routes = old.routes;
    if (!named.contains("rules")) now.rules = old.rules;
    if (!named.contains("forward_from")) now.forward_from = old.forward_from;
    if (!named.contains(peers_key)) now.peers = old.peers, now.peer_names = old.peer_names;
    return now;
}

std::vector<std::string> not_repeated(const Tunnel& tunnel, const Record& record) {
    std::vector<std::string> keys;
    const auto stated = stated_keys(tunnel);
    for (const auto& key : record.keys)
        if (record.values.contains(key) && !stated.contains(key)) keys.push_back(key);
    const auto add = [&](const char* key, const auto& recorded, const auto& wanted) {
        if (!recorded.empty() && !wanted) keys.emplace_back(key);
    };
    add("addresses", record.addresses, tunnel.addresses);
    add("routes", record.routes, tunnel.routes);
    add("rules", record.rules, tunnel.rules);
    add("forward_from", record.forward_from, tunnel.forward_from);
    return keys;
}

} // namespace vxlanctl
