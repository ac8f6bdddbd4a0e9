#include "vxlanctl/files/tunnel_values.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/utf8.h"

#include <algorithm>
#include <linux/in.h>
#include <set>

namespace vxlanctl {
namespace {

constexpr std::size_t longest_name = 15;                           // IFNAMSIZ - 1
constexpr std::uint32_t least_ipv6_mtu = 1280;                     // RFC 8200 section 5
constexpr std::size_t longest_host_name = 253, longest_label = 63; // RFC 1035 section 2.3.4

/// The unicast address of another host, which is called `role`.
Result<IpAddress> parse_other_end(std::string_view text, std::string_view role) {
    auto address = parse_address(text);
    if (!address) return address;
    if (const auto obstacle = unicast_obstacle(*address); !obstacle.empty())
        return error(Code::address_not_unicast, quote(text),
                     {{"role", role}, {"obstacle", obstacle}});
    return address;
}

bool is_letter(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

bool is_of_name(char character) {
    return is_letter(character) || (character >= '0' && character <= '9') || character == '-';
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), is_of_name);
}

bool is_host_name(std::string_view text) {
    if (text.find('.') == std::string_view::npos) return false;
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > longest_host_name) return false;
    const auto last = text.substr(text.rfind('.') + 1);
    if (last.empty() || !is_letter(last.front())) return false; // of an address, mostly
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto label = text.substr(begin, text.find('.', begin) - begin);
        if (!is_label(label)) return false;
        begin += label.size() + 1;
    }
    return true;
}

/// What keeps a text from being a host name, where it looks as if it was meant to be one.
void explain_no_name(Error& problem, std::string_view text) {
    if (std::none_of(text.begin(), text.end(), is_letter)) return;
    if (is_label(text))
        problem.more.emplace_back(Code::host_name_needs_dot);
    else if (text.find('.') != std::string_view::npos || text.find(':') == std::string_view::npos)
        problem = Error(Code::not_an_address_or_name, problem.subject);
}

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

template<class T, class KeyOf>
std::vector<BadElement> doubled(std::span<const T> elements, KeyOf key_of) {
    std::set<decltype(key_of(elements.front()))> seen;
    std::vector<BadElement> bad;
    for (std::size_t i = 0; i < elements.size(); ++i)
        if (!seen.insert(key_of(elements[i])).second) bad.push_back({i, Error(Code::named_twice)});
    return bad;
}

} // namespace

tl::unexpected<Error> with_subject(Error error, std::string_view where) {
    if (error.subject.empty() && where.ends_with(':')) where.remove_suffix(1);
    error.subject = formatted("{}{}{}", where, error.subject.empty() ? "" : " ", error.subject);
    return tl::unexpected(std::move(error));
}

Result<void> first_of(std::vector<BadElement> bad) {
    if (bad.empty()) return {};
    return tl::unexpected(std::move(bad.front().error));
}

Result<void> first_of(std::vector<BadElement> bad, std::span<const PeerLine> lines,
                      std::span<const std::string> files) {
    if (bad.empty()) return {};
    auto& [index, error, earlier] = bad.front();
    const auto place = [&](std::size_t peer) {
        return formatted("{}:{}", files[lines[peer].file], lines[peer].line);
    };
    if (earlier && lines[*earlier].line != 0)
        error.more.emplace_back(Code::first_named_at, "", Values{{"place", place(*earlier)}});
    if (lines[index].line == 0) return tl::unexpected(std::move(error));
    return with_subject(std::move(error), place(index) + ":");
}

Tunnel blank_tunnel(TunnelKind kind) {
    Tunnel tunnel;
    tunnel.tunnel.kind = kind;
    tunnel.link.up = true;
    switch (kind) {
    case TunnelKind::vxlan:
        tunnel.tunnel.vni = default_vni;
        tunnel.tunnel.port = default_port;
        break;
    case TunnelKind::sit:
        tunnel.tunnel.isatap = true;
        tunnel.tunnel.remote = IpAddress{Family::ipv4, {}};
        tunnel.overrides_default_route = false;
        break;
    case TunnelKind::ip6tnl: tunnel.tunnel.proto = IPPROTO_IPIP; break;
    }
    return tunnel;
}

bool is_option(const AttributeRow<LinkAttributes>& row, TunnelKind kind) {
    const bool has_ethernet = kind == TunnelKind::vxlan; // else it has no MAC and no bridge
    const bool has_ipv4 = kind != TunnelKind::sit;
    return !row.help.empty() && (has_ethernet || row.name == "mtu" || row.name == "vrf" ||
                                 (has_ipv4 && row.wire == Wire::ipv4_conf));
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
    const auto refuse = [&](Code code, Values values = {}) {
        return error(code, quote(name), std::move(values));
    };
    if (name.empty()) return refuse(Code::interface_name_empty);
    if (name.size() > longest_name)
        return refuse(Code::interface_name_too_long,
                      {{"bytes", name.size()}, {"most", longest_name}});
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

Result<void> check_tunnel_name(std::string_view name, TunnelKind kind) {
    if (auto good = check_link_name(name); !good) return good;
    const bool is_fallback_link =
        kind != TunnelKind::vxlan && name == formatted("{}0", traits_of(kind).name);
    if (is_fallback_link)
        return error(Code::interface_is_fallback, quote(name),
                     {{"example", kind == TunnelKind::sit ? "sit1" : "site1"}});
    return {};
}

Result<std::string> parse_dev(std::string_view text) {
    if (text == "-") return std::string();
    if (auto good = check_link_name(text); !good) return tl::unexpected(good.error());
    return std::string(text);
}

Result<IpAddress> parse_local(std::string_view text, TunnelKind kind) {
    auto local = parse_address(text);
    if (!local) return local;
    const std::string subject = formatted("'{}'", text);
    if (is_unspecified(*local) || is_multicast(*local) || is_limited_broadcast(*local))
        return error(Code::address_not_of_a_host, subject);
    if (kind == TunnelKind::sit && local->family != Family::ipv4)
        return error(Code::isatap_needs_ipv4, subject);
    if (kind == TunnelKind::ip6tnl && local->family != Family::ipv6)
        return error(Code::ipip6_needs_ipv6, subject);
    if (kind == TunnelKind::ip6tnl && is_loopback(*local))
        return error(Code::local_is_loopback, subject);
    return local;
}

Result<IpAddress> parse_remote(std::string_view text, const std::optional<IpAddress>& local) {
    auto remote = parse_other_end(text, "remote end");
    if (!remote) return remote;
    const std::string subject = formatted("'{}'", text);
    if (remote->family != Family::ipv6) return error(Code::ipip6_needs_ipv6, subject);
    if (*remote == local) return error(Code::address_is_local, subject);
    return remote;
}

Result<FloodEntry> parse_peer(std::string_view text) {
    const auto address = parse_other_end(text, "peer");
    if (!address) return tl::unexpected(address.error());
    return FloodEntry{*address, std::nullopt, std::nullopt, ""};
}

Result<Peer> parse_peer_or_name(std::string_view text) {
    if (is_host_name(text)) {
        NamedPeer peer{std::string(text), std::nullopt, std::nullopt, ""};
        for (char& character : peer.name)
            if (character >= 'A' && character <= 'Z')
                character = static_cast<char>(character - 'A' + 'a');
        return peer;
    }
    auto peer = parse_peer(text);
    if (peer) return *peer;
    if (!parse_address(text)) explain_no_name(peer.error(), text);
    return tl::unexpected(std::move(peer.error()));
}

void read_peers(std::string_view text, const std::string& path,
                const std::function<void(Peer, std::size_t line)>& take,
                const std::function<void(Error)>& refuse) {
    bool empty = true;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // a byte order mark
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = text.find('\n');
        auto content = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        content = content.substr(0, content.find('#'));
        const auto first = content.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) continue;
        content = content.substr(first, content.find_last_not_of(" \t\r") - first + 1);
        auto peer = parse_peer_or_name(content);
        empty = false;
        if (peer)
            take(std::move(*peer), line);
        else
            refuse(with_subject(peer.error(), formatted("{}:{}:", path, line)).value());
    }
    if (empty) refuse(Error(Code::peers_file_empty, path));
}

void PeerList::add(Peer peer, PeerLine line) {
    if (auto* name = std::get_if<NamedPeer>(&peer)) {
        names.push_back(std::move(*name));
        name_lines.push_back(line);
    } else {
        entries.push_back(std::get<FloodEntry>(peer));
        entry_lines.push_back(line);
    }
}

void PeerList::append(PeerList more) {
    for (auto* lines : {&more.entry_lines, &more.name_lines})
        for (auto& line : *lines)
            line.file += static_cast<std::uint32_t>(files.size());
    vxlanctl::append(entries, std::move(more.entries));
    vxlanctl::append(names, std::move(more.names));
    vxlanctl::append(entry_lines, std::move(more.entry_lines));
    vxlanctl::append(name_lines, std::move(more.name_lines));
    vxlanctl::append(files, std::move(more.files));
}

Result<PeerList> parse_peers(std::string_view text, const std::string& path) {
    PeerList peers;
    peers.files.push_back(path);
    peers.entries.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    std::optional<Error> first;
    read_peers(
        text, path,
        [&](Peer peer, std::size_t line) {
            peers.add(std::move(peer), {0, static_cast<std::uint32_t>(line)});
        },
        [&](Error error) {
            if (!first) first = std::move(error);
        });
    if (first) return tl::unexpected(std::move(*first));
    return peers;
}

std::vector<BadElement> check_peers(std::span<const FloodEntry> peers, const IpAddress& local) {
    std::vector<BadElement> bad;
    std::size_t first = 0; // of those that are equal
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const FloodEntry& peer = peers[i];
        if (peer != peers[first]) first = i;
        const auto refuse = [&](Error problem) {
            problem.subject = formatted("peer {}", to_string(peer.dst));
            bad.push_back({i, std::move(problem)});
        };
        if (peer.dst.family != local.family)
            refuse(Error(Code::peer_of_other_family, "", {{"local", to_string(local)}}));
        else if (peer.dst == local)
            refuse(Error(Code::address_is_local));
        else if (first != i) {
            refuse(Error(Code::named_twice).also(Code::each_frame_twice));
            bad.back().first = first;
        }
    }
    return bad;
}

std::vector<BadElement> check_names(std::span<const NamedPeer> names) {
    auto bad = doubled(names, [](const NamedPeer& peer) { return peer; });
    for (auto& [index, error, first] : bad) {
        error.subject = "peer " + names[index].name;
        first = static_cast<std::size_t>(std::find(names.begin(), names.end(), names[index]) -
                                         names.begin());
    }
    return bad;
}

Result<Prefix> parse_inner_address(std::string_view text) {
    auto prefix = parse_prefix(text);
    const std::string subject = formatted("'{}'", text);
    if (!prefix) {
        prefix.error().subject = subject;
        return prefix;
    }
    const auto& address = prefix->address;
    if (is_unspecified(address) || is_multicast(address) || is_loopback(address) ||
        is_limited_broadcast(address))
        return error(Code::address_not_of_a_host, subject);
    const bool has_broadcast = address.family == Family::ipv4 && prefix->length < 31;
    if (has_broadcast &&
        (address == network_of(*prefix).address || address == broadcast_of(*prefix)))
        return error(Code::address_of_network, subject);
    return prefix;
}

Result<void> check_inner_family(const Prefix& address, std::string_view text, TunnelKind kind) {
    if (kind == TunnelKind::ip6tnl && address.address.family != Family::ipv4)
        return error(Code::inner_needs_ipv4, quote(text));
    return {};
}

Result<void> check_route_family(const Route& route, const Tunnel& tunnel) {
    if (!is_own(route, tunnel)) return {};
    const bool ipv4 = route.to.address.family == Family::ipv4;
    const auto refuse = [&](std::string_view carried) {
        return error(Code::destination_not_carried, quote(to_string(route.to)),
                     {{"family", carried}});
    };
    if (tunnel.tunnel.kind == TunnelKind::ip6tnl && !ipv4) return refuse("IPv4");
    if (tunnel.tunnel.kind == TunnelKind::sit && ipv4) return refuse("IPv6");
    return {};
}

Result<void> check_scope(const IpAddress& address, const TunnelAttributes& tunnel) {
    if (tunnel.kind != TunnelKind::ip6tnl || !is_link_local(address) ||
        !tunnel.dev.value_or("").empty())
        return {};
    return error(Code::link_local_needs_dev, quote(to_string(address)));
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

Result<void> check_netns(std::string_view name) {
    constexpr std::size_t longest = 255; // NAME_MAX
    if (!name.empty() && name != "." && name != ".." && name.size() <= longest &&
        name.find('/') == std::string_view::npos && !has_control_character(name))
        return {};
    return error(Code::netns_name_wrong, quote(name));
}

Result<std::string> parse_forward_from(std::string_view text) {
    if (auto good = check_link_name(text); !good) return tl::unexpected(good.error());
    return std::string(text);
}

std::vector<BadElement> check_forward_from(std::span<const std::string> devices) {
    return doubled(devices, [](const std::string& device) { return device; });
}

std::vector<BadElement> check_addresses(std::span<const Prefix> addresses) {
    return doubled(addresses, [](Prefix prefix) {
        if (prefix.address.family == Family::ipv6) prefix.length = 0; // it does not tell them apart
        return prefix;
    });
}

Result<Prefix> parse_isatap_prefix(std::string_view text) {
    auto prefix = parse_prefix(text);
    if (!prefix) return prefix;
    const auto refuse = [&](Code code, Values values = {}) {
        return error(code, quote(text), std::move(values));
    };
    if (prefix->address.family != Family::ipv6) return refuse(Code::not_an_ipv6_prefix);
    if (prefix->length != 64) return refuse(Code::isatap_prefix_length);
    if (network_of(*prefix) != *prefix)
        return refuse(Code::host_bits_set, {{"network", to_string(network_of(*prefix))}});
    if (is_multicast(prefix->address) || is_link_local(prefix->address) ||
        is_unspecified(prefix->address))
        return refuse(Code::prefix_not_for_addresses);
    return prefix;
}

Result<IpAddress> parse_router(std::string_view text, const std::optional<IpAddress>& local) {
    auto router = parse_other_end(text, "router");
    if (!router) return router;
    const std::string subject = formatted("'{}'", text);
    if (router->family != Family::ipv4) return error(Code::isatap_needs_ipv4, subject);
    if (*router == local) return error(Code::address_is_local, subject);
    return router;
}

std::vector<BadElement> check_routers(std::span<const IsatapRouter> routers) {
    return doubled(routers, [](const IsatapRouter& router) { return router.address; });
}

std::vector<BadElement> check_metrics(std::span<const std::uint32_t> metrics) {
    auto bad = doubled(metrics, [](std::uint32_t metric) { return metric; });
    for (auto& one : bad)
        one.error.more.emplace_back(Code::metrics_must_differ);
    return bad;
}

void state_isatap(Tunnel& tunnel, IsatapWish wish) {
    tunnel.addresses = {
        {isatap_address(wish.prefix, tunnel.tunnel.local.value(), wish.global_id), 64}};
    if (!wish.routers) return;
    tunnel.routers.emplace();
    std::vector<Route> routes;
    for (const auto& router : *wish.routers) {
        tunnel.routers->push_back({router.address, router.prl_default});
        if (!router.metric) continue;
        Route route;
        route.to = {IpAddress{Family::ipv6, {}}, 0};
        route.via = isatap_address(wish.prefix, router.address, wish.global_id);
        route.table = 0;
        route.metric = *router.metric;
        route.protocol = our_protocol;
        routes.push_back(std::move(route));
    }
    std::sort(tunnel.routers->begin(), tunnel.routers->end());
    if (!tunnel.routes) tunnel.routes.emplace();
    tunnel.routes->insert(tunnel.routes->begin(), routes.begin(), routes.end());
}

} // namespace vxlanctl
