#include "vxlanctl/tunnel_words.h"

#include "vxlanctl/attributes.h"
#include "vxlanctl/route_words.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <linux/in.h>

namespace vxlanctl {
namespace {

constexpr std::size_t longest_name = 15; // IFNAMSIZ - 1

std::string option_name(std::string_view attribute) {
    std::string name(attribute);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

tl::unexpected<Error> with_subject(Error error, std::string_view where) {
    error.subject = fmt::format("{}{}{}", where, error.subject.empty() ? "" : " ", error.subject);
    return tl::unexpected(std::move(error));
}

/// Everything that the options say about the attributes of one table.
template<class Attributes>
Result<void> take_options(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                          const OptionValues& options) {
    for (const auto& row : rows) {
        if (row.help.empty()) continue;
        const std::string name = option_name(row.name);
        if (const auto negation = options.find("no-" + name); negation != options.end()) {
            if (options.contains(name))
                return usage_error("",
                                   fmt::format("--{0} and --no-{0} contradict each other", name));
            (void)set_value(attributes, row, "no");
        }
        const auto option = options.find(name);
        if (option == options.end()) continue;
        const std::string text = row.argument.empty() ? "yes" : option->second.back();
        if (auto set = set_value(attributes, row, text); !set) {
            Error error = set.error();
            error.subject = fmt::format("--{} '{}'", name, text);
            return tl::unexpected(std::move(error));
        }
    }
    return {};
}

/// The unicast address of another host, which is called `role`.
Result<IpAddress> parse_other_end(std::string_view text, std::string_view role) {
    auto address = parse_address(text);
    if (!address) return address;
    const auto refuse = [&](std::string_view what) {
        return usage_error(fmt::format("'{}'", text), fmt::format("a {} cannot be {}", role, what),
                           "Name the unicast address of another host.");
    };
    if (is_unspecified(*address)) return refuse("the unspecified address");
    if (address->family == Family::ipv4 && address->bytes[0] == 0)
        return refuse("in 0.0.0.0/8, which means this network");
    if (is_loopback(*address)) return refuse("a loopback address");
    if (is_multicast(*address)) return refuse("a multicast address");
    if (is_limited_broadcast(*address)) return refuse("the broadcast address");
    return address;
}

Result<FloodEntry> parse_peer(std::string_view text) {
    const auto address = parse_other_end(text, "peer");
    if (!address) return tl::unexpected(address.error());
    return FloodEntry{*address, std::nullopt, std::nullopt, ""};
}

Result<IpAddress> parse_local(const std::string& word, std::string_view name) {
    auto local = parse_address(word);
    if (!local) return with_subject(local.error(), name);
    if (is_unspecified(*local) || is_multicast(*local) || is_limited_broadcast(*local))
        return usage_error(fmt::format("{} '{}'", name, word),
                           "not an address that a host can have");
    return local;
}

/// The option's arguments; none where it is not given.
std::vector<std::string> values_of(const OptionValues& options, std::string_view name) {
    const auto option = options.find(name);
    return option == options.end() ? std::vector<std::string>{} : option->second;
}

/// The options that all kinds of tunnels have, and those of this one's table.
Result<void> take_all_options(Tunnel& tunnel, const OptionValues& options) {
    if (auto taken = take_options(tunnel.link, link_attributes(), options); !taken) return taken;
    if (auto taken = take_options(tunnel.tunnel, tunnel_attributes(tunnel.tunnel.kind), options);
        !taken)
        return taken;
    if (tunnel.tunnel.dev == "-") tunnel.tunnel.dev = "";
    for (const auto& [option, name] :
         {std::pair("--master", tunnel.link.master), std::pair("--vrf", tunnel.link.vrf),
          std::pair("DEV", tunnel.tunnel.dev)})
        if (!name.value_or("").empty())
            if (auto good = check_link_name(*name); !good)
                return with_subject(good.error(), option);
    if (tunnel.link.master && tunnel.link.vrf)
        return usage_error("", "--vrf and --master contradict each other: a VRF is a master");
    complete(tunnel.tunnel);

    for (const auto& text : values_of(options, "route")) {
        auto route = parse_route(text);
        if (!route) return with_subject(route.error(), fmt::format("--route '{}':", text));
        if (!tunnel.routes) tunnel.routes.emplace();
        tunnel.routes->push_back(std::move(*route));
    }
    for (const auto& text : values_of(options, "rule")) {
        auto rule = parse_rule(text);
        if (!rule) return with_subject(rule.error(), fmt::format("--rule '{}':", text));
        if (!tunnel.rules) tunnel.rules.emplace();
        tunnel.rules->push_back(*rule);
    }
    if (auto good = check_routes(tunnel.routes.value_or(std::vector<Route>{})); !good) return good;
    return check_rules(tunnel.rules.value_or(std::vector<Rule>{}));
}

/// The /64 of an ISATAP link.
Result<Prefix> parse_isatap_prefix(const std::string& word) {
    auto prefix = parse_prefix(word);
    if (!prefix) return with_subject(prefix.error(), "PREFIX");
    const auto refuse = [&](std::string what, std::string remedy = {}) {
        return usage_error(fmt::format("PREFIX '{}'", word), std::move(what), std::move(remedy));
    };
    if (prefix->address.family != Family::ipv6) return refuse("not an IPv6 prefix");
    if (prefix->length != 64)
        return refuse("an ISATAP prefix has the length 64 exactly",
                      "The other half of the address holds the IPv4 address.");
    if (network_of(*prefix) != *prefix)
        return refuse("has host bits",
                      fmt::format("The prefix is {}.", to_string(network_of(*prefix))));
    if (is_multicast(prefix->address) || is_link_local(prefix->address) ||
        is_unspecified(prefix->address))
        return refuse("not a prefix that addresses can be made of");
    return prefix;
}

/// ROUTER... with the default flag, and every --router without. In the order in which they are
/// named.
Result<std::vector<PrlEntry>> parse_routers(std::span<const std::string> words,
                                            const OptionValues& options, const IpAddress& local) {
    std::vector<PrlEntry> routers;
    const auto take = [&](const std::string& word, bool is_default) -> Result<void> {
        const std::string_view name = is_default ? "ROUTER" : "--router";
        const auto router = parse_other_end(word, "router");
        if (!router) return with_subject(router.error(), name);
        const auto refuse = [&](std::string what, std::string remedy = {}) {
            return usage_error(fmt::format("{} '{}'", name, word), std::move(what),
                               std::move(remedy));
        };
        if (router->family != Family::ipv4)
            return refuse("not an IPv4 address", "ISATAP routers are reached over IPv4.");
        if (*router == local) return refuse("is the local address", "Name the other ends only.");
        for (const auto& entry : routers)
            if (entry.router == *router) return refuse("named twice");
        routers.push_back({*router, is_default});
        return {};
    };
    for (const auto& word : words)
        if (auto taken = take(word, true); !taken) return tl::unexpected(taken.error());
    for (const auto& word : values_of(options, "router"))
        if (auto taken = take(word, false); !taken) return tl::unexpected(taken.error());
    if (routers.empty())
        return usage_error("", "no router is named",
                           "Name at least one ROUTER, or use --router for one that is no default "
                           "router.");
    return routers;
}

/// The metrics of default routes: of the first router's, and with --metric repeated of the next.
Result<std::vector<std::uint32_t>> default_metrics(const OptionValues& options,
                                                   std::size_t routers) {
    const auto texts = values_of(options, "metric");
    if (options.contains("no-default-route")) {
        if (options.contains("default-route"))
            return usage_error("", "--default-route and --no-default-route contradict each other");
        if (!texts.empty()) return usage_error("", "--metric is that of a default route");
        return std::vector<std::uint32_t>{};
    }
    std::vector<std::uint32_t> metrics;
    for (const auto& text : texts) {
        std::uint32_t metric = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, problem] = std::from_chars(text.data(), end, metric);
        if (problem != std::errc{} || stop != end || metric == 0)
            return usage_error(fmt::format("--metric '{}'", text),
                               "not a number from 1 to 4294967295");
        if (std::find(metrics.begin(), metrics.end(), metric) != metrics.end())
            return usage_error(fmt::format("--metric '{}'", text), "named twice",
                               "Two default routes need different metrics.");
        metrics.push_back(metric);
    }
    if (metrics.size() > std::max<std::size_t>(routers, 1))
        return usage_error("", "there are more --metric than routers");
    if (metrics.empty() && routers > 0) metrics.push_back(1);
    return metrics;
}

/// The flood list, sorted. Every peer is of LOCAL's family, none is LOCAL, none comes twice.
Result<std::vector<FloodEntry>> flood_list(std::vector<FloodEntry> peers, const IpAddress& local) {
    std::sort(peers.begin(), peers.end());
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const IpAddress& peer = peers[i].dst;
        const auto refuse = [&](std::string what, std::string remedy = {}) {
            return usage_error(fmt::format("peer {}", to_string(peer)), std::move(what),
                               std::move(remedy));
        };
        if (peer.family != local.family)
            return refuse(
                fmt::format("not of the family of the local address {}", to_string(local)));
        if (peer == local) return refuse("is the local address", "Name the other ends only.");
        if (i > 0 && peers[i] == peers[i - 1])
            return refuse("named twice", "Every frame would be sent to it twice: name it once.");
    }
    return peers;
}

/// The inner addresses: INNER, unless it is `-`, and every --address.
Result<std::vector<Prefix>> inner_addresses(const std::string& inner, const OptionValues& options) {
    std::vector<std::string> texts;
    if (inner != "-") texts.push_back(inner);
    if (const auto option = options.find("address"); option != options.end())
        texts.insert(texts.end(), option->second.begin(), option->second.end());
    std::vector<Prefix> result;
    for (const auto& text : texts) {
        const auto prefix = parse_prefix(text);
        if (!prefix) {
            Error error = prefix.error();
            error.subject = fmt::format("inner address '{}'", text);
            return tl::unexpected(std::move(error));
        }
        const auto& address = prefix->address;
        if (is_unspecified(address) || is_multicast(address) || is_loopback(address) ||
            is_limited_broadcast(address))
            return usage_error(fmt::format("inner address '{}'", text),
                               "not an address that a host can have");
        const bool has_broadcast = address.family == Family::ipv4 && prefix->length < 31;
        if (has_broadcast &&
            (address == network_of(*prefix).address || address == broadcast_of(*prefix)))
            return usage_error(fmt::format("inner address '{}'", text),
                               "is the network's or the broadcast address, not that of a host");
        const bool twice = std::any_of(result.begin(), result.end(), [&](const Prefix& other) {
            return other == *prefix || (address.family == Family::ipv6 && other.address == address);
        });
        if (twice) return usage_error(fmt::format("inner address '{}'", text), "named twice");
        result.push_back(*prefix);
    }
    return result;
}

} // namespace

Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                std::vector<FloodEntry> peers) {
    constexpr std::size_t fixed_words = 4;
    if (words.size() < fixed_words)
        return usage_error("", "too few words: DEV LOCAL IFNAME INNER PEER... are needed",
                           "See 'vxlanctl up --help'.");
    Tunnel tunnel;
    const std::string& dev = words[0];
    if (dev != "-")
        if (auto good = check_link_name(dev); !good) return with_subject(good.error(), "DEV");
    tunnel.tunnel.dev = dev == "-" ? "" : dev;

    const auto local = parse_local(words[1], "LOCAL");
    if (!local) return tl::unexpected(local.error());
    tunnel.tunnel.local = *local;

    tunnel.name = words[2];
    if (auto good = check_link_name(tunnel.name); !good)
        return with_subject(good.error(), "IFNAME");

    const auto addresses = inner_addresses(words[3], options);
    if (!addresses) return tl::unexpected(addresses.error());
    tunnel.addresses = *addresses;

    for (const auto& word : words.subspan(fixed_words)) {
        const auto peer = parse_peer(word);
        if (!peer) return with_subject(peer.error(), "PEER");
        peers.push_back(*peer);
    }
    if (peers.empty())
        return usage_error("", "no peer is named",
                           "Name at least one PEER, or a file of them with --peers-file.");
    auto list = flood_list(std::move(peers), *local);
    if (!list) return tl::unexpected(list.error());
    tunnel.peers = std::move(*list);

    tunnel.tunnel.vni = default_vni;
    tunnel.tunnel.port = default_port;
    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    return tunnel;
}

Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options) {
    constexpr std::size_t fixed_words = 3;
    if (words.size() < fixed_words)
        return usage_error("", "too few words: IFNAME LOCAL PREFIX ROUTER... are needed",
                           "See 'vxlanctl isatap up --help'.");
    Tunnel tunnel;
    tunnel.tunnel.kind = TunnelKind::sit;
    tunnel.name = words[0];
    if (auto good = check_link_name(tunnel.name); !good)
        return with_subject(good.error(), "IFNAME");
    if (tunnel.name == "sit0")
        return usage_error("IFNAME 'sit0'", "is the kernel's own link, which cannot be changed",
                           "Choose another name, such as sit1.");

    const auto local = parse_local(words[1], "LOCAL");
    if (!local) return tl::unexpected(local.error());
    if (local->family != Family::ipv4)
        return usage_error(fmt::format("LOCAL '{}'", words[1]), "not an IPv4 address",
                           "ISATAP carries IPv6 over IPv4.");
    const auto prefix = parse_isatap_prefix(words[2]);
    if (!prefix) return tl::unexpected(prefix.error());
    const auto named = words.subspan(fixed_words);
    auto routers = parse_routers(named, options, *local);
    if (!routers) return tl::unexpected(routers.error());
    const auto metrics = default_metrics(options, named.size());
    if (!metrics) return tl::unexpected(metrics.error());

    tunnel.tunnel.isatap = true;
    tunnel.tunnel.local = *local;
    tunnel.tunnel.remote = IpAddress{Family::ipv4, {}};
    if (options.contains("global-id") && options.contains("no-global-id"))
        return usage_error("", "--global-id and --no-global-id contradict each other");
    const auto global = options.contains("global-id")      ? std::optional(true)
                        : options.contains("no-global-id") ? std::optional(false)
                                                           : std::nullopt;
    tunnel.addresses = {{isatap_address(*prefix, *local, global), 64}};
    tunnel.overrides_default_route = options.contains("default-route");
    tunnel.routes.emplace();
    for (std::size_t i = 0; i < metrics->size(); ++i) {
        Route route;
        route.to = {IpAddress{Family::ipv6, {}}, 0};
        route.via = isatap_address(*prefix, (*routers)[i].router, global);
        route.table = 0;
        route.metric = (*metrics)[i];
        route.protocol = our_protocol;
        tunnel.routes->push_back(route);
    }
    std::sort(routers->begin(), routers->end());
    tunnel.routers = std::move(*routers);
    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    return tunnel;
}

Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options) {
    if (words.size() < 3 || words.size() > 4)
        return usage_error("", "IFNAME LOCAL6 REMOTE6 and perhaps INNER are needed",
                           "See 'vxlanctl ipip6 up --help'.");
    Tunnel tunnel;
    tunnel.tunnel.kind = TunnelKind::ip6tnl;
    tunnel.name = words[0];
    if (auto good = check_link_name(tunnel.name); !good)
        return with_subject(good.error(), "IFNAME");
    if (tunnel.name == "ip6tnl0")
        return usage_error("IFNAME 'ip6tnl0'", "is the kernel's own link, which cannot be changed",
                           "Choose another name.");
    const auto local = parse_local(words[1], "LOCAL6");
    if (!local) return tl::unexpected(local.error());
    const auto remote = parse_other_end(words[2], "remote end");
    if (!remote) return with_subject(remote.error(), "REMOTE6");
    for (const auto& [name, word, address] :
         {std::tuple("LOCAL6", words[1], *local), std::tuple("REMOTE6", words[2], *remote)})
        if (address.family != Family::ipv6)
            return usage_error(fmt::format("{} '{}'", name, word), "not an IPv6 address",
                               "The tunnel carries IPv4 over IPv6.");
    if (*local == *remote)
        return usage_error(fmt::format("REMOTE6 '{}'", words[2]), "is the local address",
                           "Name the other end.");
    tunnel.tunnel.local = *local;
    tunnel.tunnel.remote = *remote;
    tunnel.tunnel.proto = IPPROTO_IPIP;
    if (words.size() == 4) {
        const auto addresses = inner_addresses(words[3], options);
        if (!addresses) return tl::unexpected(addresses.error());
        for (const auto& prefix : *addresses)
            if (prefix.address.family != Family::ipv4)
                return usage_error(fmt::format("INNER '{}'", words[3]), "not an IPv4 address",
                                   "The tunnel carries IPv4 alone.");
        tunnel.addresses = *addresses;
    }
    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    return tunnel;
}

Result<std::vector<FloodEntry>> parse_peers(std::string_view text, const std::string& path) {
    std::vector<FloodEntry> peers;
    peers.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // a byte order mark
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = text.find('\n');
        auto content = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        content = content.substr(0, content.find('#'));
        const auto first = content.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) continue;
        content = content.substr(first, content.find_last_not_of(" \t\r") - first + 1);
        const auto peer = parse_peer(content);
        if (!peer) return with_subject(peer.error(), fmt::format("{}:{}:", path, line));
        peers.push_back(*peer);
    }
    if (peers.empty())
        return usage_error(path, "names no peer", "One address per line is expected.");
    return peers;
}

Result<void> check_link_name(std::string_view name) {
    const auto refuse = [&](std::string why) {
        return usage_error(fmt::format("'{}'", name), "not a link name: " + std::move(why));
    };
    if (name.empty()) return refuse("it is empty");
    if (name.size() > longest_name)
        return refuse(
            fmt::format("it has {} bytes, and the most is {}", name.size(), longest_name));
    if (name == "." || name == "..") return refuse("it means a directory");
    if (name == "all" || name == "default") return refuse("the kernel's sysctls use it");
    if (name.front() == '-') return refuse("it begins with a dash");
    for (const char character : name) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte <= ' ' || byte == 0x7f || character == '/' || character == ':' || character == '%')
            return refuse("blanks, control characters, '/', ':' and '%' are not allowed in it");
    }
    return {};
}

} // namespace vxlanctl
