#include "vxlanctl/runtime/record_codec.h"

#include "vxlanctl/base/json_members.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// A member that is a list of strings; what is anything else counts as empty.
std::vector<std::string> strings_in(const nlohmann::json& json, const char* member) {
    std::vector<std::string> strings;
    const auto found = json.find(member);
    if (found == json.end() || !found->is_array()) return strings;
    for (const auto& item : *found)
        if (item.is_string()) strings.push_back(item.get<std::string>());
    return strings;
}

/// The elements of a member that are objects.
std::vector<nlohmann::json> objects_in(const nlohmann::json& json, const char* member) {
    std::vector<nlohmann::json> objects;
    const auto found = json.find(member);
    if (found == json.end() || !found->is_array()) return objects;
    for (const auto& item : *found)
        if (item.is_object()) objects.push_back(item);
    return objects;
}

std::optional<Route> parse_recorded_route(const nlohmann::json& json) {
    const auto to = parse_prefix(string_in(json, "to"));
    if (!to) return std::nullopt;
    Route route;
    route.to = *to;
    route.table = number_in(json, "table");
    route.metric = number_in(json, "metric");
    route.dev = string_in(json, "dev");
    if (const auto via = parse_address(string_in(json, "via"))) route.via = *via;
    return route;
}

nlohmann::json recorded(const Route& route) {
    nlohmann::json json{
        {"to", to_string(route.to)}, {"table", route.table}, {"metric", route.metric}};
    if (!route.dev.empty()) json["dev"] = route.dev;
    if (route.via) json["via"] = to_string(*route.via);
    return json;
}

std::optional<Rule> parse_recorded_rule(const nlohmann::json& json) {
    Rule rule;
    rule.table = number_in(json, "table");
    if (const auto from = parse_prefix(string_in(json, "from"))) rule.from = *from;
    if (const auto to = parse_prefix(string_in(json, "to"))) rule.to = *to;
    if (json.contains("priority")) rule.priority = number_in(json, "priority");
    if (rule.table == 0 || (!rule.from && !rule.to)) return std::nullopt;
    return rule;
}

nlohmann::json recorded(const Rule& rule) {
    nlohmann::json json{{"table", rule.table}};
    if (rule.from) json["from"] = to_string(*rule.from);
    if (rule.to) json["to"] = to_string(*rule.to);
    if (rule.priority) json["priority"] = *rule.priority;
    return json;
}

/// Each by the peer as peers_text() writes it.
PeerNames names_in(const nlohmann::json& json) {
    PeerNames names;
    const auto found = json.find("peer_names");
    if (found == json.end() || !found->is_object()) return names;
    for (const auto& [peer, name] : found->items())
        if (const auto parsed = parse_peers_text(peer); parsed.size() == 1 && name.is_string())
            names.emplace(parsed.front(), name.get<std::string>());
    return names;
}

// The peers may be thousands, and a JSON parser takes its time with each of their characters: they
// are the last member, which is cut out before the rest is parsed.
constexpr std::string_view peers_member = ",\"peers\":\"";

/// Whether JSON writes the text as it is.
bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char character) {
        return character >= ' ' && character <= '~' && character != '"' && character != '\\';
    });
}

/// The rest, and the peers where they are a plain last member, as record_text() writes it. Within a
/// string of JSON the member's quotation marks would have backslashes.
std::pair<std::string, std::string_view> take_peers(std::string_view text) {
    const auto at = text.find(peers_member);
    if (at == std::string_view::npos) return {std::string(text), {}};
    const auto begin = at + peers_member.size();
    const auto end = text.find('"', begin);
    if (end == std::string_view::npos || !text.substr(end + 1).starts_with("}") ||
        text.substr(begin, end - begin).find('\\') != std::string_view::npos)
        return {std::string(text), {}};
    return {std::string(text.substr(0, at)).append(text.substr(end + 1)),
            text.substr(begin, end - begin)};
}

} // namespace

std::optional<Record> parse_record(const std::string& text) {
    const auto [without_peers, peers] = take_peers(text);
    const auto json = nlohmann::json::parse(without_peers, nullptr, false);
    if (!json.is_object() || json.find("version") == json.end() || json["version"] != 1)
        return std::nullopt;
    Record record;
    for (const auto& key : strings_in(json, "keys"))
        record.keys.insert(key);
    for (const auto& address : strings_in(json, "addresses"))
        if (const auto prefix = parse_prefix(address)) record.addresses.push_back(*prefix);
    for (const auto& item : objects_in(json, "routes"))
        if (const auto route = parse_recorded_route(item)) record.routes.push_back(*route);
    for (const auto& item : objects_in(json, "rules"))
        if (const auto rule = parse_recorded_rule(item)) record.rules.push_back(*rule);
    record.forward_from = strings_in(json, "forward_from");
    if (const auto values = json.find("values"); values != json.end() && values->is_object())
        for (const auto& [name, value] : values->items())
            if (value.is_string()) record.values.emplace(name, value.get<std::string>());
    record.source = string_in(json, "source");
    if (const auto link = json.find("interface"); link != json.end() && link->is_object())
        record.interface = {string_in(*link, "name"), string_in(*link, "kind"),
                            static_cast<int>(number_in(*link, "index"))};
    record.peer_names = names_in(json);
    record.peers = peers.empty() ? string_in(json, "peers") : std::string(peers);
    return record;
}

std::string record_text(const Record& record) {
    nlohmann::json json{
        {"version", 1}, {"keys", record.keys}, {"addresses", nlohmann::json::array()}};
    for (const auto& address : record.addresses)
        json["addresses"].push_back(to_string(address));
    for (const auto& route : record.routes)
        json["routes"].push_back(recorded(route));
    for (const auto& rule : record.rules)
        json["rules"].push_back(recorded(rule));
    if (!record.forward_from.empty()) json["forward_from"] = record.forward_from;
    if (!record.values.empty()) json["values"] = record.values;
    if (!record.source.empty()) json["source"] = record.source;
    if (!record.interface.name.empty())
        json["interface"] = {{"name", record.interface.name},
                             {"kind", record.interface.kind},
                             {"index", record.interface.index}};
    for (const auto& [peer, name] : record.peer_names)
        json["peer_names"][peers_text({peer})] = name;
    const bool plain_peers = is_plain(record.peers);
    if (!plain_peers) json["peers"] = record.peers;
    std::string text = json.dump();
    if (plain_peers && !record.peers.empty()) {
        text.pop_back(); // the brace
        text.append(peers_member).append(record.peers).append("\"}");
    }
    return text + "\n";
}

std::optional<RecordOrigin> origin_of_record(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto device = nlohmann::json::json_pointer("/namespace/device");
    const auto inode = nlohmann::json::json_pointer("/namespace/inode");
    const auto cookie = nlohmann::json::json_pointer("/namespace/cookie");
    if (!json.is_object() || !json.contains(device) || !json.contains(inode) ||
        !json[device].is_number_unsigned() || !json[inode].is_number_unsigned())
        return std::nullopt;
    RecordOrigin origin{{json[device].get<dev_t>(), json[inode].get<ino_t>()}};
    if (json.contains(cookie) && json[cookie].is_number_unsigned())
        origin.cookie = json[cookie].get<std::uint64_t>();
    return origin;
}

} // namespace vxlanctl
