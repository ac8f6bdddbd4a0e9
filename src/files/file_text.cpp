#include "vxlanctl/files/file_text.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/files/isatap.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/tunnel_file.h"

#include <algorithm>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

constexpr std::size_t widest_line = 80;
constexpr std::uint32_t default_router_metric = 1;

std::string in_quotes(std::string_view text) {
    std::string result = "\"";
    for (const char character : as_utf8(text)) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\')
            result += formatted("\\{}", character);
        else if (byte < 0x20 || byte == 0x7f)
            result += formatted("\\u{:04X}", byte);
        else
            result += character;
    }
    return result + '"';
}

std::string bare_or_quoted(std::string_view key) {
    const bool is_bare =
        !key.empty() &&
        key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
            std::string_view::npos;
    return is_bare ? std::string(key) : in_quotes(key);
}

std::string line_of(std::string_view key, std::string_view value) {
    return formatted("{} = {}\n", key, value);
}

/// In one line if it fits, else an element a line.
std::string list_of(std::string_view key, const std::vector<std::string>& elements) {
    std::string line = line_of(key, formatted("[{}]", fmt::join(elements, ", ")));
    if (line.size() <= widest_line + 1) return line;
    return line_of(key, formatted("[\n    {},\n]", fmt::join(elements, ",\n    ")));
}

/// `{ key = value, ... }` out of pairs of these.
std::string inline_table(const std::vector<std::pair<std::string_view, std::string>>& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs)
        text += formatted("{}{} = {}", text.empty() ? "{ " : ", ", key, value);
    return text + " }";
}

template<class T, class TextOf>
std::vector<std::string> texts_of(const std::vector<T>& elements, TextOf text_of) {
    std::vector<std::string> texts;
    std::transform(elements.begin(), elements.end(), std::back_inserter(texts), text_of);
    return texts;
}

template<class Peer> std::string peer_text(const Peer& peer, const std::string& dst) {
    std::vector<std::pair<std::string_view, std::string>> pairs{{"dst", in_quotes(dst)}};
    if (peer.port) pairs.emplace_back("port", std::to_string(*peer.port));
    if (peer.vni) pairs.emplace_back("vni", std::to_string(*peer.vni));
    if (!peer.via.empty()) pairs.emplace_back("via", in_quotes(peer.via.str()));
    return pairs.size() == 1 ? pairs[0].second : inline_table(pairs);
}

std::string entry_text(const FloodEntry& peer) {
    return peer_text(peer, to_string(peer.dst));
}

std::string named_text(const NamedPeer& peer) {
    return peer_text(peer, peer.name);
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
    std::vector<std::pair<std::string_view, std::string>> pairs{
        {"to", is_default ? in_quotes("default") : network_text(route.to)}};
    if (route.via) pairs.emplace_back("via", in_quotes(to_string(*route.via)));
    if (!route.dev.empty()) pairs.emplace_back("dev", in_quotes(route.dev));
    if (route.table != 0) pairs.emplace_back("table", table_text(route.table));
    if (route.metric != default_metric(route.to.address.family))
        pairs.emplace_back("metric", std::to_string(route.metric));
    return inline_table(pairs);
}

std::string rule_text(const Rule& rule) {
    std::vector<std::pair<std::string_view, std::string>> pairs;
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

/// What people state of the attributes, where it is not the default.
template<class Attributes>
std::string attribute_lines(const Attributes& attributes,
                            std::span<const AttributeRow<Attributes>> rows, TunnelKind kind) {
    std::string text;
    for (const auto& row : rows) {
        if (!is_option(row, kind) || !is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        const bool is_ours = kind == TunnelKind::vxlan &&
                             ((row.name == "vni" && value == std::to_string(default_vni)) ||
                              (row.name == "port" && value == std::to_string(default_port)));
        if (is_default(attributes, row) || is_ours) continue;
        const bool is_bool = std::holds_alternative<std::optional<bool> Attributes::*>(row.member);
        const bool is_number =
            value.find_first_not_of("0123456789") == std::string::npos &&
            !std::holds_alternative<std::optional<std::string> Attributes::*>(row.member);
        text += line_of(row.name, is_bool     ? (value == "yes" ? "true" : "false")
                                  : is_number ? value
                                              : in_quotes(value));
    }
    return text;
}

std::string all_attribute_lines(const Tunnel& tunnel) {
    const TunnelKind kind = tunnel.tunnel.kind;
    std::string text = attribute_lines(tunnel.link, link_attributes(), kind);
    TunnelAttributes attributes = tunnel.tunnel;
    if (attributes.ttl_inherit == true) { // a value of ttl's to people
        text += line_of("ttl", in_quotes("inherit"));
        attributes.ttl.reset();
    }
    return text + attribute_lines(attributes, tunnel_attributes(kind), kind);
}

/// An ISATAP link taken apart into what it follows from.
struct IsatapParts {
    IsatapWish wish;
    std::size_t derived_routes = 0; ///< so many of the first routes follow
};

/// By which of the routers the route is the default route that follows; null if by none.
const PrlEntry* router_of(const Route& route, const std::vector<PrlEntry>& routers,
                          const IsatapWish& wish) {
    const auto found = std::find_if(routers.begin(), routers.end(), [&](const PrlEntry& entry) {
        Route derived;
        derived.to = {IpAddress{Family::ipv6, {}}, 0};
        derived.via = isatap_address(wish.prefix, entry.router, wish.global_id);
        derived.table = 0;
        derived.metric = route.metric;
        return same_route(route, derived) && route.metric > 0;
    });
    return found == routers.end() ? nullptr : &*found;
}

/// The routers in an order in which their default routes come as the tunnel's first routes do.
IsatapParts with_routers(const Tunnel& tunnel, IsatapWish wish) {
    IsatapParts parts{std::move(wish), 0};
    if (!tunnel.routers || tunnel.routers->empty()) return parts;
    std::vector<IsatapRouter> routers;
    const auto is_named = [&](const PrlEntry& entry) {
        return std::any_of(routers.begin(), routers.end(), [&](const IsatapRouter& router) {
            return router.address == entry.router;
        });
    };
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{})) {
        const PrlEntry* const entry = router_of(route, *tunnel.routers, parts.wish);
        const bool is_new = entry != nullptr && !is_named(*entry) &&
                            std::none_of(routers.begin(), routers.end(), [&](const auto& router) {
                                return router.metric == route.metric;
                            });
        if (!is_new) break;
        routers.push_back({entry->router, entry->is_default, route.metric});
        ++parts.derived_routes;
    }
    for (const auto& entry : *tunnel.routers)
        if (!is_named(entry)) routers.push_back({entry.router, entry.is_default, std::nullopt});
    parts.wish.routers = std::move(routers);
    return parts;
}

/// Empty where no address is one that ISATAP makes of LOCAL.
std::optional<IsatapParts> parts_of(const Tunnel& tunnel) {
    std::optional<IsatapParts> best;
    if (!tunnel.tunnel.local || tunnel.tunnel.local->family != Family::ipv4) return best;
    for (const auto& address : tunnel.addresses.value_or(std::vector<Prefix>{}))
        for (const auto global :
             {std::optional<bool>(), std::optional(true), std::optional(false)}) {
            const Prefix prefix = network_of(address);
            if (!parse_isatap_prefix(to_string(prefix)) ||
                isatap_address(prefix, *tunnel.tunnel.local, global) != address.address)
                continue;
            auto parts = with_routers(tunnel, {prefix, global, std::nullopt});
            // The identifiers of the routers tell which it was, if that of LOCAL does not.
            if (!best || parts.derived_routes > best->derived_routes) best = std::move(parts);
        }
    return best;
}

std::string router_text(const IsatapRouter& router, bool has_route_by_default) {
    std::vector<std::pair<std::string_view, std::string>> pairs{
        {"address", in_quotes(to_string(router.address))}};
    if (!router.prl_default) pairs.emplace_back("prl_default", "false");
    if (router.metric.has_value() != has_route_by_default)
        pairs.emplace_back("default_route", router.metric ? "true" : "false");
    if (router.metric && router.metric != default_router_metric)
        pairs.emplace_back("metric", std::to_string(*router.metric));
    return pairs.size() == 1 ? pairs[0].second : inline_table(pairs);
}

/// The keys of an ISATAP link; the routes that follow from them are taken out of `tunnel`.
std::string isatap_lines(Tunnel& tunnel) {
    const auto parts = parts_of(tunnel);
    if (!parts) return ""; // the comments will tell
    const auto& [wish, derived_routes] = *parts;
    std::string text = line_of("prefix", in_quotes(to_string(wish.prefix)));
    if (wish.global_id) text += line_of("global_id", *wish.global_id ? "true" : "false");
    if (tunnel.overrides_default_route) text += line_of("default_route", "true");
    if (!wish.routers) return text;
    const bool no_routes = derived_routes == 0 && !tunnel.overrides_default_route &&
                           std::any_of(wish.routers->begin(), wish.routers->end(),
                                       [](const auto& router) { return router.prl_default; });
    if (no_routes) text += line_of("default_route", "false");
    bool may_be_first = !no_routes;
    text += list_of("routers", texts_of(*wish.routers, [&](const IsatapRouter& router) {
                        const bool is_first = may_be_first && router.prl_default;
                        may_be_first = may_be_first && !is_first;
                        return router_text(router, is_first);
                    }));
    if (tunnel.routes) {
        auto& routes = *tunnel.routes;
        routes.erase(routes.begin(), routes.begin() + static_cast<std::ptrdiff_t>(derived_routes));
        if (routes.empty()) tunnel.routes.reset(); // `routers` states that there are no others
    }
    return text;
}

/// Everything below the section's name.
std::string key_lines(Tunnel tunnel) {
    std::string text;
    const auto& attributes = tunnel.tunnel;
    if (attributes.kind == TunnelKind::vxlan && attributes.dev)
        text += line_of("dev", in_quotes(attributes.dev->empty() ? "-" : *attributes.dev));
    if (attributes.local) text += line_of("local", in_quotes(to_string(*attributes.local)));
    if (attributes.kind == TunnelKind::ip6tnl && attributes.remote)
        text += line_of("remote", in_quotes(to_string(*attributes.remote)));
    text += all_attribute_lines(tunnel);
    if (attributes.kind == TunnelKind::sit)
        text += isatap_lines(tunnel);
    else if (tunnel.addresses)
        text += list_of("addresses", texts_of(*tunnel.addresses, [](const Prefix& address) {
                            return in_quotes(to_string(address));
                        }));
    if (tunnel.peers) {
        auto peers = texts_of(*tunnel.peers, entry_text);
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

std::string comment_lines(std::string_view text) {
    std::string result;
    while (true) {
        const auto end = text.find('\n');
        result += formatted("# {}\n", printable(as_utf8(text.substr(0, end))));
        if (end == std::string_view::npos) return result;
        text.remove_prefix(end + 1);
    }
}

std::string file_text(const Tunnel& tunnel, const std::vector<std::string>& comments) {
    const std::string header =
        formatted("[{}.{}]\n", section_name(tunnel.tunnel.kind), bare_or_quoted(tunnel.name));
    const std::string keys = key_lines(tunnel);
    std::string text = header;
    for (const auto& comment : comments)
        text += comment_lines(comment);
    // Reading it again is the surest way to know what it says.
    const SourceText source{"", header + keys};
    const auto parsed = parse_files(std::span(&source, 1), [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    for (const auto& thing : untold(tunnel, parsed))
        text += comment_lines("A file cannot state: " + thing);
    return text + keys;
}

} // namespace vxlanctl
