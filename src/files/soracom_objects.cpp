#include "vxlanctl/files/soracom_objects.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/files/vxlan.h"

#include <algorithm>
#include <span>

namespace vxlanctl {
namespace {

constexpr std::string_view all_keys[] = {
    outer_key,     inner_key,       netmask_key,    owned_key, vni_key,
    opened_key,    subnet_keys[0],  subnet_keys[1], id_key,    redirection_key,
    separator_key, sim_routing_key, sim_routes_key, routes_key};
constexpr std::size_t most_listed = 16;

Result<std::vector<ApiObject>> objects_of(const SourceText& source) {
    auto objects = parse_objects(source, all_keys);
    if (!objects) return tl::unexpected(objects.error());
    std::vector<ApiObject> result;
    for (auto& object : *objects)
        result.push_back({&source, std::move(object)});
    return result;
}

bool has_any(const ApiObject& object, std::initializer_list<std::string_view> keys) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](std::string_view key) { return object.object.values.contains(key); });
}

} // namespace

const JsonValue* find(const JsonObject& object, std::string_view key) {
    const auto found = object.values.find(key);
    const bool is_there = found != object.values.end() && found->second.type != JsonType::null;
    return is_there ? &found->second : nullptr;
}

bool is_text(const JsonValue* value) {
    return value != nullptr && (value->type == JsonType::string || value->type == JsonType::number);
}

std::string text_in(const JsonObject& object, std::string_view key) {
    const JsonValue* const value = find(object, key);
    return is_text(value) ? value->text : "";
}

std::optional<bool> boolean_of(const JsonObject& object, std::string_view key) {
    const JsonValue* const value = find(object, key);
    if (value == nullptr || value->type != JsonType::boolean) return std::nullopt;
    return value->text == "true";
}

std::string shown(const ApiObject& object, std::string_view key) {
    const JsonValue* const value = find(object.object, key);
    return value == nullptr || value->text.empty() ? "none" : value->text;
}

std::string listed(const std::vector<std::string>& texts) {
    if (texts.empty()) return "none";
    const auto shown = std::min(texts.size(), most_listed);
    std::string text = joined(std::span(texts).first(shown), ", ");
    return shown == texts.size() ? text : formatted("{} and {} more", text, texts.size() - shown);
}

tl::unexpected<Error> refuse(Error error, const ApiObject& object, std::size_t offset) {
    error.place = place_of(*object.source, offset);
    return tl::unexpected(std::move(error));
}

tl::unexpected<Error> refuse(Error error, const ApiObject& object, std::string_view key) {
    const JsonValue* const value = find(object.object, key);
    if (!error.subject.starts_with(key)) error = with_subject(std::move(error), key).value();
    return refuse(std::move(error), object,
                  value == nullptr ? object.object.offset : value->offset);
}

Result<std::string> required(const ApiObject& object, std::string_view key,
                             std::string_view expected) {
    const JsonValue* const value = find(object.object, key);
    if (is_text(value)) return value->text;
    return refuse(value == nullptr
                      ? Error(Code::value_missing)
                      : Error(Code::wrong_type, "",
                              {{"expected", expected}, {"found", type_name(value->type)}}),
                  object, key);
}

Result<std::vector<ApiObject>> read_gate_peers(const SoracomTexts& texts) {
    if (texts.gate_peers.empty())
        return error(texts.vpg ? Error(Code::gate_peers_missing).also(Code::vpg_names_no_ends)
                               : Error(Code::gate_peers_missing));
    std::vector<ApiObject> entries;
    for (const auto& source : texts.gate_peers) {
        auto more = objects_of(source);
        if (!more) return more;
        std::move(more->begin(), more->end(), std::back_inserter(entries));
    }
    if (entries.empty()) return error(Code::no_gate_peer, texts.gate_peers[0].path);
    for (const auto& entry : entries) {
        if (has_any(entry, {outer_key, owned_key})) continue;
        return refuse(
            has_any(entry, {vni_key, subnet_keys[0], subnet_keys[1]})
                ? Error(Code::vpg_instead_of_gate_peer)
                : Error(Code::not_a_gate_peer, "", {{"one", outer_key}, {"other", owned_key}}),
            entry, entry.object.offset);
    }
    return entries;
}

Result<std::vector<ApiObject>> read_vpgs(const SoracomTexts& texts) {
    if (!texts.vpg) return std::vector<ApiObject>();
    auto vpgs = objects_of(*texts.vpg);
    if (!vpgs) return vpgs;
    if (vpgs->empty()) return error(Code::vpg_empty, texts.vpg->path);
    for (const auto& vpg : *vpgs)
        if (has_any(vpg, {outer_key}))
            return refuse(Error(Code::gate_peer_instead_of_vpg), vpg, vpg.object.offset);
    const bool says_something = std::any_of(vpgs->begin(), vpgs->end(), [](const ApiObject& vpg) {
        return has_any(vpg, {vni_key, opened_key, subnet_keys[0], subnet_keys[1]});
    });
    if (!says_something)
        return refuse(Error(Code::not_a_vpg, "",
                            {{"keys", formatted("{}, {}, {} and {}", vni_key, opened_key,
                                                subnet_keys[0], subnet_keys[1])}}),
                      vpgs->front(), vpgs->front().object.offset);
    return vpgs;
}

Result<std::map<IpAddress, const ApiObject*>>
peers_of(const std::vector<ApiObject>& entries, const ApiObject* self, const std::string& path) {
    std::map<IpAddress, const ApiObject*> peers; // in the order of a flood list
    for (const auto& entry : entries) {
        if (&entry == self) continue;
        const auto owned = boolean_of(entry.object, owned_key);
        if (!owned)
            return refuse(find(entry.object, owned_key) == nullptr
                              ? Error(Code::value_missing)
                              : Error(Code::not_one_of, "", {{"words", "true or false"}}),
                          entry, owned_key);
        if (*owned) continue;
        const auto text = required(entry, outer_key, "an address");
        if (!text) return tl::unexpected(text.error());
        const auto peer = parse_peer(*text);
        if (!peer) return refuse(peer.error(), entry, outer_key);
        peers.emplace(peer->dst, &entry);
    }
    if (!peers.empty()) return peers;
    return error(Code::no_end_of_vpg, path,
                 {{"entries",
                   formatted("{} {}", entries.size(), entries.size() == 1 ? "entry" : "entries")}});
}

} // namespace vxlanctl
