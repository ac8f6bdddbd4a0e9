#include "vxlanctl/files/file_text.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/toml_lines.h"
#include "vxlanctl/files/tunnel_file.h"

#include <algorithm>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

template<class Peer>
std::string peer_text(const Peer& peer, const std::string& dst, const std::string& name) {
    TomlPairs pairs{{"dst", in_quotes(dst)}};
    if (peer.port) pairs.emplace_back("port", std::to_string(*peer.port));
    if (peer.vni) pairs.emplace_back("vni", std::to_string(*peer.vni));
    if (!peer.via.empty()) pairs.emplace_back("via", in_quotes(peer.via.str()));
    if (!name.empty()) pairs.emplace_back("name", in_quotes(name));
    return pairs.size() == 1 ? pairs[0].second : inline_table(pairs);
}

std::string entry_text(const FloodEntry& peer) {
    return peer_text(peer, to_string(peer.dst), "");
}

std::string named_text(const NamedPeer& peer) {
    return peer_text(peer, peer.name, peer.label);
}

std::string table_text(std::uint32_t table) {
    return table == main_table         ? in_quotes("main")
           : table == RT_TABLE_DEFAULT ? in_quotes("default")
                                       : std::to_string(table);
}

/// Without the length where it is that of one host.
std::string network_text(const Prefix& prefix) {
    return in_quotes(prefix.length == full_length(prefix.address.family) ? to_string(prefix.address)
                                                                         : to_string(prefix));
}

std::string route_text(const Route& route) {
    const bool ipv4 = route.to.address.family == Family::ipv4;
    const bool is_default = route.to.length == 0 && (ipv4 || route.via);
    TomlPairs pairs{{"to", is_default ? in_quotes("default") : network_text(route.to)}};
    if (route.via) pairs.emplace_back("via", in_quotes(to_string(*route.via)));
    if (!route.dev.empty()) pairs.emplace_back("dev", in_quotes(route.dev));
    if (route.table != 0) pairs.emplace_back("table", table_text(route.table));
    if (route.metric != default_metric(route.to.address.family))
        pairs.emplace_back("metric", std::to_string(route.metric));
    return inline_table(pairs);
}

std::string rule_text(const Rule& rule) {
    TomlPairs pairs;
    if (rule.from) pairs.emplace_back("from", network_text(*rule.from));
    if (rule.to) pairs.emplace_back("to", network_text(*rule.to));
    pairs.emplace_back("table", table_text(rule.table));
    if (rule.priority) pairs.emplace_back("priority", std::to_string(*rule.priority));
    return inline_table(pairs);
}

/// Whether the value is the kernel's default, whichever of several ways to say so it is.
template<class Attributes>
bool is_default(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    Attributes defaults;
    if constexpr (std::is_same_v<Attributes, TunnelAttributes>) defaults.kind = attributes.kind;
    return !row.reset.empty() && set_value(defaults, row, row.reset) &&
           std::visit([&](auto member) { return attributes.*member == defaults.*member; },
                      row.member);
}

template<class Attributes>
std::string toml_value(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    const std::string value = value_text(attributes, row);
    const bool is_bool = std::holds_alternative<std::optional<bool> Attributes::*>(row.member);
    const bool is_number =
        value.find_first_not_of("0123456789") == std::string::npos &&
        !std::holds_alternative<std::optional<std::string> Attributes::*>(row.member);
    if (is_bool) return value == "yes" ? "true" : "false";
    return is_number ? value : in_quotes(value);
}

/// What people state of the attributes, where it is neither the default nor as in a blank tunnel.
template<class Attributes>
std::string attribute_lines(const Attributes& attributes, const Attributes& blank,
                            std::span<const AttributeRow<Attributes>> rows, TunnelKind kind) {
    std::string text;
    for (const auto& row : rows) {
        if (!is_option(row, kind) || !is_stated(attributes, row) || key_of(row.name) != row.name)
            continue;
        const std::string value = value_text(attributes, row);
        if (is_default(attributes, row) || value == value_text(blank, row)) continue;
        text += line_of(row.name, toml_value(attributes, row));
    }
    return text;
}

/// `bridge_port = { learning = false }`; empty where all is as of a new port.
std::string bridge_port_line(const LinkAttributes& attributes) {
    TomlPairs pairs;
    for (const auto& row : link_attributes()) {
        const auto key = key_in_bridge_port(row.name);
        if (key.empty() || row.help.empty() || !is_stated(attributes, row) ||
            is_default(attributes, row))
            continue;
        pairs.emplace_back(key, toml_value(attributes, row));
    }
    return pairs.empty() ? "" : line_of(bridge_port_key, inline_table(pairs));
}

std::string all_attribute_lines(const Tunnel& tunnel) {
    const TunnelKind kind = tunnel.tunnel.kind;
    const Tunnel blank = blank_tunnel(kind);
    std::string text = attribute_lines(tunnel.link, blank.link, link_attributes(), kind) +
                       bridge_port_line(tunnel.link);
    TunnelAttributes attributes = tunnel.tunnel;
    if (attributes.ttl_inherit == true) { // a value of ttl's to people
        text += line_of("ttl", in_quotes("inherit"));
        attributes.ttl.reset();
    }
    return text + attribute_lines(attributes, blank.tunnel, tunnel_attributes(kind), kind);
}

/// Everything below the section's name.
std::string key_lines(Tunnel tunnel) {
    std::string text;
    const auto& attributes = tunnel.tunnel;
    const SectionKind& kind = section_kind(attributes.kind);
    const auto has_key = [&](std::string_view key) {
        return std::find(kind.keys.begin(), kind.keys.end(), key) != kind.keys.end();
    };
    if (has_key("dev") && attributes.dev)
        text += line_of("dev", in_quotes(attributes.dev->empty() ? "-" : *attributes.dev));
    if (attributes.local) text += line_of("local", in_quotes(to_string(*attributes.local)));
    if (has_key("remote") && attributes.remote)
        text += line_of("remote", in_quotes(to_string(*attributes.remote)));
    text += all_attribute_lines(tunnel);
    if (tunnel.random_mac) text += line_of("mac", in_quotes("random"));
    if (kind.lines_of_own != nullptr) text += kind.lines_of_own(tunnel);
    if (has_key("addresses") && tunnel.addresses)
        text += list_of("addresses", texts_of(*tunnel.addresses, [](const Prefix& address) {
                            return in_quotes(to_string(address));
                        }));
    if (tunnel.duplicate_check != 0)
        text += line_of("duplicate_check", std::to_string(tunnel.duplicate_check));
    if (tunnel.peers) {
        auto peers = texts_of(*tunnel.peers, [&](const FloodEntry& peer) {
            const auto name = tunnel.peer_names.find(peer);
            return name == tunnel.peer_names.end()
                       ? entry_text(peer)
                       : peer_text(peer, to_string(peer.dst), name->second);
        });
        append(peers, texts_of(tunnel.named_peers, named_text));
        text += list_of("peers", peers);
    }
    if (tunnel.forward_from)
        text += list_of("forward_from", texts_of(*tunnel.forward_from, in_quotes));
    if (tunnel.routes) text += list_of("routes", texts_of(*tunnel.routes, route_text));
    if (tunnel.rules) text += list_of("rules", texts_of(*tunnel.rules, rule_text));
    if (const auto& place = tunnel.placement; !place.netns.empty()) {
        text += line_of("netns", in_quotes(place.netns));
        if (place.create) text += line_of("create_netns", "true");
        if (place.move_dev) text += line_of("move_dev", "true");
    }
    if (tunnel.adopt) text += line_of("adopt", "true");
    if (tunnel.allow_overlap) text += line_of("allow_overlap", "true");
    return text;
}

template<class Attributes>
void tell_attributes(std::vector<std::string>& told, const Attributes& wanted,
                     const Attributes& stated, std::span<const AttributeRow<Attributes>> rows) {
    for (const auto& row : rows) {
        const std::string value = value_text(wanted, row);
        // The mark and whether the link is up are no wish of anybody's.
        if (!is_stated(wanted, row) || row.name == "alias" || row.name == "up") continue;
        if (!is_default(wanted, row) && value != value_text(stated, row))
            told.push_back(formatted("{} = {}", row.name, value));
    }
}

/// What of the elements is missing in `stated`; `name` is what one of them is called.
template<class T, class TextOf, class Equal = std::equal_to<>>
void tell_list(std::vector<std::string>& told, std::string_view name,
               const std::optional<std::vector<T>>& wanted,
               const std::optional<std::vector<T>>& stated, TextOf text_of, Equal equal = {}) {
    if (wanted.has_value() != stated.has_value())
        told.push_back(formatted(
            "{} {}s", wanted ? "the absence of further" : "that nothing is said about", name));
    if (!wanted || wanted == stated) return;
    const std::vector<T> none;
    const std::vector<T>& there = stated ? *stated : none;
    for (const auto& element : *wanted)
        if (std::none_of(there.begin(), there.end(),
                         [&](const T& other) { return equal(element, other); }))
            told.push_back(formatted("{} {}", name, text_of(element)));
}

/// What `tunnel` says and the section does not.
std::vector<std::string> untold(const Tunnel& tunnel, const ParsedFiles& parsed) {
    std::vector<std::string> told;
    if (parsed.tunnels.empty()) return told; // its reader will tell
    const Tunnel& stated = parsed.tunnels[0].tunnel;
    if (tunnel.name != stated.name) told.push_back(formatted("the name {}", tunnel.name));
    tell_attributes(told, tunnel.link, stated.link, link_attributes());
    tell_attributes(told, tunnel.tunnel, stated.tunnel, tunnel_attributes(tunnel.tunnel.kind));
    tell_list(told, "address", tunnel.addresses, stated.addresses,
              [](const Prefix& address) { return to_string(address); });
    tell_list(told, "peer", tunnel.peers, stated.peers, entry_text);
    tell_list(told, "peer", std::optional(tunnel.named_peers), std::optional(stated.named_peers),
              named_text);
    tell_list(told, "router", tunnel.routers, stated.routers,
              [](const PrlEntry& entry) { return to_string(entry.router); });
    tell_list(told, "route", tunnel.routes, stated.routes, route_text, same_route);
    tell_list(told, "forward_from", tunnel.forward_from, stated.forward_from,
              [](const std::string& device) { return device; });
    tell_list(told, "rule", tunnel.rules, stated.rules, rule_text,
              [](const Rule& one, const Rule& other) {
                  return fulfils(one, other) && fulfils(other, one);
              });
    return told;
}

} // namespace

std::string routes_text(const std::vector<Route>& routes) {
    return formatted("[{}]", joined(texts_of(routes, route_text), ", "));
}

std::string rules_text(const std::vector<Rule>& rules) {
    return formatted("[{}]", joined(texts_of(rules, rule_text), ", "));
}

std::string text_of(const FileComment& comment) {
    constexpr std::size_t width = 80 - 2; // less the sign of a comment
    std::string text = wrapped(to_string(comment.sentence), 0, 0, width);
    for (const auto& line : comment.lines)
        text += formatted("\n    {}", line);
    return text;
}

std::string comment_lines(std::string_view text) {
    std::string result;
    while (true) {
        const auto end = text.find('\n');
        result += formatted("# {}\n", printable(as_utf8(text.substr(0, end))));
        if (end == std::string_view::npos) return result;
        text.remove_prefix(end + 1);
    }
}

SectionText section_text(const Tunnel& tunnel) {
    const std::string text =
        formatted("[{}.{}]\n", section_name(tunnel.tunnel.kind), bare_or_quoted(tunnel.name)) +
        key_lines(tunnel);
    // Reading it again is the surest way to know what it says.
    const SourceText source{"", text};
    const auto parsed = parse_files(std::span(&source, 1), [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    return {text, untold(tunnel, parsed)};
}

std::string file_text(const Tunnel& tunnel, const std::vector<std::string>& comments) {
    const auto [section, untold_things] = section_text(tunnel);
    const auto keys = section.find('\n') + 1;
    std::string text = section.substr(0, keys);
    for (const auto& comment : comments)
        text += comment_lines(comment);
    for (const auto& thing : untold_things)
        text += comment_lines("A file cannot state: " + thing);
    return text + section.substr(keys);
}

} // namespace vxlanctl
