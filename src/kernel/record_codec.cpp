#include "vxlanctl/record_codec.h"

#include "vxlanctl/json_members.h"

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

} // namespace

std::optional<Record> parse_record(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
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
    return json.dump() + "\n";
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
