#include "vxlanctl/files/soracom_vpg.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/files/toml_lines.h"

namespace vxlanctl {
namespace {

constexpr std::size_t longest_sim = 100; // bytes

/// Where Junction redirection sends the packets; empty where it is off or malformed.
std::optional<IpAddress> redirection_of(const ApiObject& vpg) {
    const JsonValue* const value = find(vpg.object, redirection_key);
    const auto redirection = value == nullptr ? std::nullopt : nested_object(*vpg.source, *value);
    if (!redirection || boolean_of(redirection->object, "enabled") != true) return std::nullopt;
    const auto gateway = parse_address(text_in(redirection->object, "gateway"));
    return gateway ? std::optional(*gateway) : std::nullopt;
}

void tell_redirection(std::vector<FileComment>& comments, const ApiObject& vpg,
                      const Tunnel& tunnel) {
    const auto gateway = redirection_of(vpg);
    if (!gateway) return;
    if (!redirects_to(vpg, tunnel.addresses->front().address)) {
        comments.push_back(
            {Message(Code::redirection_elsewhere, "", {{"gateway", to_string(*gateway)}}), {}});
        return;
    }
    const std::string stated = tunnel.tunnel.dev.value_or("");
    const std::string dev = stated.empty() ? "DEV" : stated;
    comments.push_back({Message(Code::redirection_to_this_host),
                        {formatted("forward_from = [{}]", in_quotes(dev)),
                         formatted("vxlanctl firewall {} --masquerade {} | nft -f -",
                                   shell_quoted(tunnel.name), shell_quoted(dev))}});
}

void tell_separation(std::vector<FileComment>& comments, const ApiObject& vpg,
                     const Tunnel& tunnel) {
    if (boolean_of(vpg.object, separator_key) != true) return;
    comments.push_back({Message(Code::devices_are_separated),
                        {formatted("iifname \"{0}\" oifname \"{0}\" drop", tunnel.name)}});
}

/// `{ SIM: CIDR }`
void tell_networks_behind_devices(std::vector<FileComment>& comments, const ApiObject& vpg) {
    const JsonValue* const value = find(vpg.object, sim_routes_key);
    if (value == nullptr || boolean_of(vpg.object, sim_routing_key) != true) return;
    const auto networks = nested_object(*vpg.source, *value);
    FileComment comment{Message(Code::networks_behind_devices), {"routes = ["}};
    if (networks)
        for (const auto& [sim, written] : networks->object.values)
            if (const auto network = parse_prefix(written.text); network)
                comment.lines.push_back(formatted("    {{ to = {}, via = \"\" }}, # SIM {}",
                                                  in_quotes(to_string(network_of(*network))),
                                                  shortened(sim, longest_sim)));
    if (comment.lines.size() == 1) return;
    comment.lines.emplace_back("]");
    comments.push_back(std::move(comment));
}

/// `{ ID: { destinationCidr, target, type } }`
void tell_networks_behind_gateway(std::vector<FileComment>& comments, const ApiObject& vpg) {
    const JsonValue* const value = find(vpg.object, routes_key);
    const auto routes = value == nullptr ? std::nullopt : nested_object(*vpg.source, *value);
    if (!routes) return;
    FileComment comment{Message(Code::networks_behind_transit_gateway), {}};
    for (const auto& [id, written] : routes->object.values)
        if (const auto route = nested_object(routes->source, written))
            if (const auto network = parse_prefix(text_in(route->object, "destinationCidr"))) {
                const std::string target = text_in(route->object, "target");
                comment.lines.push_back(formatted("{}{}{}", to_string(network_of(*network)),
                                                  target.empty() ? "" : " via ", target));
            }
    if (!comment.lines.empty()) comments.push_back(std::move(comment));
}

} // namespace

std::optional<Prefix> subnet_of(const ApiObject& vpg) {
    for (const auto key : subnet_keys)
        if (const auto subnet = parse_prefix(text_in(vpg.object, key))) return *subnet;
    return std::nullopt;
}

bool redirects_to(const ApiObject& vpg, const IpAddress& inner) {
    return redirection_of(vpg) == inner;
}

std::vector<FileComment> comments_on(const ApiObject& vpg, const Tunnel& tunnel) {
    std::vector<FileComment> comments;
    tell_redirection(comments, vpg, tunnel);
    tell_separation(comments, vpg, tunnel);
    tell_networks_behind_devices(comments, vpg);
    tell_networks_behind_gateway(comments, vpg);
    return comments;
}

} // namespace vxlanctl
