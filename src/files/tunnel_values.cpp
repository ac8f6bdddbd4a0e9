#include "vxlanctl/files/tunnel_values.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/files/route_words.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr const SectionKind* kinds[] = {&vxlan_section, &isatap_section, &ipip6_section};
constexpr std::size_t longest_name = 15;       // IFNAMSIZ - 1
constexpr std::uint32_t least_ipv6_mtu = 1280; // RFC 8200 section 5

/// The MTU of a link that carries IPv6 alone, in IPv4 packets (ipip6_tunnel_setup() in
/// net/ipv6/sit.c).
Result<void> state_sit_mtu(LinkAttributes& attributes, const AttributeRow<LinkAttributes>& row,
                           std::string_view text) {
    constexpr std::uint32_t most = 65535 - 20;
    LinkAttributes stated;
    if (!set_value(stated, row, text) || *stated.mtu < least_ipv6_mtu || *stated.mtu > most)
        return error(Code::not_in_range, formatted("mtu '{}'", text),
                     {{"low", least_ipv6_mtu}, {"high", most}, {"or", ""}});
    attributes.mtu = stated.mtu;
    return {};
}

/// Whether the route leads into the tunnel.
bool is_own(const Route& route, const Tunnel& tunnel) {
    return route.dev.empty() || route.dev == tunnel.name;
}

/// What the kernel takes as a name of at most so many bytes.
Result<void> check_name_of_at_most(std::size_t longest, std::string_view name) {
    const auto refuse = [&](Code code, Values values = {}) {
        return error(code, quote(name), std::move(values));
    };
    if (name.empty()) return refuse(Code::interface_name_empty);
    if (name.size() > longest)
        return refuse(Code::interface_name_too_long, {{"bytes", name.size()}, {"most", longest}});
    if (name == "." || name == "..") return refuse(Code::interface_name_is_directory);
    if (name == "all" || name == "default") return refuse(Code::interface_name_reserved);
    if (name.front() == '-') return refuse(Code::interface_name_is_option);
    const auto is_refused = [](char character) {
        return character == ' ' || character == '/' || character == ':' || character == '%';
    };
    if (has_control_character(name) || std::any_of(name.begin(), name.end(), is_refused))
        return refuse(Code::interface_name_has_bad_characters);
    return {};
}

} // namespace

std::span<const SectionKind* const> section_kinds() {
    return kinds;
}

const SectionKind& section_kind(TunnelKind kind) {
    return *kinds[static_cast<std::size_t>(kind)];
}

std::string_view section_name(TunnelKind kind) {
    return section_kind(kind).name;
}

std::vector<std::string> section_keys(TunnelKind kind) {
    const SectionKind& own = section_kind(kind);
    std::vector<std::string> keys(own.keys.begin(), own.keys.end());
    for (const auto& row : tunnel_attributes(kind))
        if (is_option(row, kind)) keys.emplace_back(row.name);
    for (const auto& row : link_attributes())
        if (is_option(row, kind) && !is_of_port(row)) keys.emplace_back(row.name);
    if (!own.inner) keys.emplace_back(bridge_port_key);
    if (own.inner != Family::ipv6) keys.emplace_back("forward_from");
    keys.insert(keys.end(),
                {"routes", "rules", "netns", "create_netns", "move_dev", "adopt", "allow_overlap"});
    return keys;
}

std::vector<std::string> element_keys(std::string_view list) {
    if (list == "peers") return {"dst", "port", "vni", "via", "name"};
    if (list == "routers") return {"address", "prl_default", "default_route", "metric"};
    if (list == "routes") return {std::begin(RouteBuilder::words), std::end(RouteBuilder::words)};
    if (list == "rules") return {std::begin(RuleBuilder::words), std::end(RuleBuilder::words)};
    if (list == bridge_port_key) {
        std::vector<std::string> keys;
        for (const auto& row : link_attributes())
            if (is_of_port(row) && !row.help.empty())
                keys.emplace_back(key_in_bridge_port(row.name));
        return keys;
    }
    return {};
}

std::string_view key_in_bridge_port(std::string_view attribute) {
    constexpr std::string_view prefix = "bridge_";
    for (const auto& row : link_attributes())
        if (row.name == attribute && is_of_port(row)) return attribute.substr(prefix.size());
    return "";
}

std::string_view key_of(std::string_view attribute) {
    return key_in_bridge_port(attribute).empty() ? attribute : bridge_port_key;
}

tl::unexpected<Error> with_subject(Error error, std::string_view where) {
    if (error.subject.empty() && where.ends_with(':')) where.remove_suffix(1);
    error.subject = formatted("{}{}{}", where, error.subject.empty() ? "" : " ", error.subject);
    return tl::unexpected(std::move(error));
}

Tunnel blank_tunnel(TunnelKind kind) {
    Tunnel tunnel;
    tunnel.tunnel.kind = kind;
    tunnel.link.up = true;
    section_kind(kind).state_defaults(tunnel);
    return tunnel;
}

std::string option_name(std::string_view key) {
    std::string name(key);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

bool is_option(const AttributeRow<LinkAttributes>& row, TunnelKind kind) {
    const auto inner = section_kind(kind).inner; // without frames it has no MAC and no bridge
    return !row.help.empty() && (!inner || row.name == "mtu" || row.name == "vrf" ||
                                 (inner == Family::ipv4 && row.wire == Wire::ipv4_conf));
}

bool is_option(const AttributeRow<TunnelAttributes>& row, TunnelKind) {
    return !row.help.empty();
}

template<class Attributes>
Result<void> state_value(Attributes& attributes, const AttributeRow<Attributes>& row,
                         std::string_view text, TunnelKind kind) {
    if constexpr (std::is_same_v<Attributes, LinkAttributes>)
        if (row.name == "mtu" && kind == TunnelKind::sit)
            return state_sit_mtu(attributes, row, text);
    const auto* const name = std::get_if<std::optional<std::string> Attributes::*>(&row.member);
    if (name == nullptr) return set_value(attributes, row, text);
    if (row.name == "dev" && text == "-") text = "none";
    if (text != "none")
        if (auto good = check_link_name(text); !good) return good;
    return set_value(attributes, row, text);
}
template Result<void> state_value(LinkAttributes&, const AttributeRow<LinkAttributes>&,
                                  std::string_view, TunnelKind);
template Result<void> state_value(TunnelAttributes&, const AttributeRow<TunnelAttributes>&,
                                  std::string_view, TunnelKind);

Result<void> check_link_name(std::string_view name) {
    return check_name_of_at_most(longest_name, name);
}

Result<void> check_present_name(std::string_view name) {
    constexpr std::size_t longest_alternative = 127; // ALTIFNAMSIZ - 1
    return check_name_of_at_most(longest_alternative, name);
}

Result<void> check_tunnel_name(std::string_view name, TunnelKind kind) {
    if (auto good = check_link_name(name); !good) return good;
    const auto example = section_kind(kind).example;
    if (!name.empty() && name == kind_of(kind).fallback)
        return error(Code::interface_is_fallback, quote(name), {{"example", example}});
    return {};
}

Result<std::string> parse_dev(std::string_view text) {
    if (text == "-") return std::string();
    return parse_link_name(text);
}

Result<std::string> parse_link_name(std::string_view text) {
    if (auto good = check_link_name(text); !good) return tl::unexpected(good.error());
    return std::string(text);
}

Result<IpAddress> parse_local(std::string_view text, TunnelKind kind) {
    auto local = parse_address(text);
    if (!local) return local;
    const std::string subject = formatted("'{}'", text);
    if (const auto mapped = mapped_ipv4(*local))
        return error(Code::mapped_address, subject, {{"address", to_string(*mapped)}});
    if (is_unspecified(*local) || is_multicast(*local) || is_limited_broadcast(*local))
        return error(Code::address_not_of_a_host, subject);
    const SectionKind& row = section_kind(kind);
    if (row.outer && local->family != *row.outer) return error(row.other_outer, subject);
    if (row.outer == Family::ipv6 && is_loopback(*local))
        return error(Code::local_is_loopback, subject);
    return local;
}

Result<IpAddress> parse_other_end(std::string_view text, std::string_view role, TunnelKind kind,
                                  const std::optional<IpAddress>& local) {
    auto address = parse_address(text);
    if (!address) return address;
    if (const auto mapped = mapped_ipv4(*address))
        return error(Code::mapped_address, quote(text), {{"address", to_string(*mapped)}});
    if (const auto obstacle = unicast_obstacle(*address); !obstacle.empty())
        return error(Code::address_not_unicast, quote(text),
                     {{"role", role}, {"obstacle", obstacle}});
    const SectionKind& row = section_kind(kind);
    if (row.outer && address->family != *row.outer) return error(row.other_outer, quote(text));
    if (*address == local) return error(Code::address_is_local, quote(text));
    return address;
}

Result<Prefix> parse_inner_address(std::string_view text) {
    auto prefix = parse_prefix(text);
    const std::string subject = formatted("'{}'", text);
    if (!prefix) {
        prefix.error().subject = subject;
        return prefix;
    }
    const auto& address = prefix->address;
    if (const auto mapped = mapped_ipv4(address))
        return error(Code::mapped_address, subject, {{"address", to_string(*mapped)}});
    if (is_unspecified(address) || is_multicast(address) || is_loopback(address) ||
        is_limited_broadcast(address))
        return error(Code::address_not_of_a_host, subject);
    const bool has_broadcast = address.family == Family::ipv4 && prefix->length < 31;
    const Prefix network = network_of(*prefix);
    if (has_broadcast && (address == network.address || address == broadcast_of(*prefix)))
        return error(Code::address_of_network, subject,
                     {{"which", address == network.address ? "network" : "broadcast"},
                      {"network", to_string(network)}});
    return prefix;
}

Result<void> check_route_family(const Route& route, const Tunnel& tunnel) {
    if (!is_own(route, tunnel)) return {};
    const auto inner = section_kind(tunnel.tunnel.kind).inner;
    if (!inner || route.to.address.family == *inner) return {};
    return error(Code::destination_not_carried, quote(to_string(route.to)),
                 {{"family", *inner == Family::ipv4 ? "IPv4" : "IPv6"}});
}

Result<void> check_ipv6_mtu(const Tunnel& tunnel) {
    if (!tunnel.link.mtu || *tunnel.link.mtu >= least_ipv6_mtu) return {};
    std::string needs;
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{}))
        if (route.to.address.family == Family::ipv6 && is_own(route, tunnel))
            needs = "route " + to_string(route.to);
    for (const auto& address : tunnel.addresses.value_or(std::vector<Prefix>{}))
        if (address.address.family == Family::ipv6) needs = "address " + to_string(address);
    if (needs.empty()) return {};
    return error(Code::mtu_below_ipv6, quote(std::to_string(*tunnel.link.mtu)),
                 {{"mtu", *tunnel.link.mtu}, {"least", least_ipv6_mtu}, {"what", needs}});
}

Result<std::string> parse_netns(std::string_view name) {
    constexpr std::size_t longest = 255; // NAME_MAX
    if (!name.empty() && name != "." && name != ".." && name.size() <= longest &&
        name.find('/') == std::string_view::npos && !has_control_character(name))
        return std::string(name);
    return error(Code::netns_name_wrong, quote(name));
}

std::vector<BadElement> check_addresses(std::span<const Prefix> addresses) {
    return doubled(addresses, [](Prefix prefix) {
        if (prefix.address.family == Family::ipv6) prefix.length = 0; // it does not tell them apart
        return prefix;
    });
}

} // namespace vxlanctl
