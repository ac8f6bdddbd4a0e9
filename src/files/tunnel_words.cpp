#include "vxlanctl/files/tunnel_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/isatap.h"
#include "vxlanctl/files/route_words.h"

#include <algorithm>

namespace vxlanctl {
namespace {

std::string option_name(std::string_view attribute) {
    std::string name(attribute);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

/// The first of the problems with the elements that `texts` were, which are called `role`.
Result<void> first_of(std::vector<BadElement> bad, std::string_view role,
                      std::span<const std::string> texts) {
    if (bad.empty()) return {};
    const auto& [index, error, earlier] = bad.front();
    return with_subject(error, formatted("{} '{}'", role, texts[index]));
}

/// A tunnel of which the words have said nothing yet.
Tunnel unsaid_tunnel(TunnelKind kind) {
    Tunnel tunnel = blank_tunnel(kind);
    tunnel.implied = stated_keys(tunnel);
    return tunnel;
}

/// Everything that the options say about the attributes of one table. What they say is not implied
/// any more.
template<class Attributes>
Result<void> take_options(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                          TunnelKind kind, const OptionValues& options,
                          std::set<std::string>& implied) {
    for (const auto& row : rows) {
        if (!is_option(row, kind)) continue;
        const std::string name = option_name(row.name);
        if (const auto negation = options.find("no-" + name); negation != options.end()) {
            if (options.contains(name))
                return error(Code::options_contradict, "",
                             {{"one", "--" + name}, {"other", "--no-" + name}});
            (void)set_value(attributes, row, "no");
        }
        const auto option = options.find(name);
        if (option == options.end() && !options.contains("no-" + name)) continue;
        implied.erase(std::string(row.name));
        if (option == options.end()) continue;
        const std::string text = row.argument.empty() ? "yes" : option->second.back();
        if (auto set = state_value(attributes, row, text, kind); !set) {
            Error error = set.error();
            // DEV is what the other commands call it.
            error.subject = formatted("{} '{}'", name == "dev" ? "DEV" : "--" + name, text);
            return tl::unexpected(std::move(error));
        }
    }
    return {};
}

/// The option's arguments; none where it is not given.
std::vector<std::string> values_of(const OptionValues& options, std::string_view name) {
    const auto option = options.find(name);
    return option == options.end() ? std::vector<std::string>{} : option->second;
}

/// The options that all kinds of tunnels have, and those of this one's table.
Result<void> take_all_options(Tunnel& tunnel, const OptionValues& options) {
    const TunnelKind kind = tunnel.tunnel.kind;
    if (auto taken = take_options(tunnel.link, link_attributes(), kind, options, tunnel.implied);
        !taken)
        return taken;
    if (auto taken =
            take_options(tunnel.tunnel, tunnel_attributes(kind), kind, options, tunnel.implied);
        !taken)
        return taken;
    if (tunnel.link.master && tunnel.link.vrf)
        return error(Error(Code::options_contradict, "", {{"one", "--vrf"}, {"other", "--master"}})
                         .also(Code::vrf_is_a_master));
    complete(tunnel.tunnel);

    for (const auto& text : values_of(options, "route")) {
        auto route = parse_route(text);
        if (!route) return with_subject(route.error(), formatted("--route '{}':", text));
        if (auto good = check_route_family(*route, tunnel); !good)
            return with_subject(good.error(), "--route");
        if (!tunnel.routes) tunnel.routes.emplace();
        tunnel.routes->push_back(std::move(*route));
    }
    for (const auto& text : values_of(options, "rule")) {
        auto rule = parse_rule(text);
        if (!rule) return with_subject(rule.error(), formatted("--rule '{}':", text));
        if (!tunnel.rules) tunnel.rules.emplace();
        tunnel.rules->push_back(*rule);
    }
    const auto devices = values_of(options, "forward-from");
    for (const auto& text : devices) {
        auto device = parse_forward_from(text);
        if (!device) return with_subject(device.error(), "--forward-from");
        if (!tunnel.forward_from) tunnel.forward_from.emplace();
        tunnel.forward_from->push_back(std::move(*device));
    }
    if (auto good = first_of(check_forward_from(devices), "--forward-from", devices); !good)
        return good;
    if (auto good = check_ipv6_mtu(tunnel); !good) return with_subject(good.error(), "--mtu");
    if (auto good = check_routes(tunnel.routes.value_or(std::vector<Route>{})); !good) return good;
    return check_rules(tunnel.rules.value_or(std::vector<Rule>{}));
}

/// The metrics of default routes: of the first router's, and with --metric repeated of the next.
Result<std::vector<std::uint32_t>> default_metrics(const OptionValues& options,
                                                   std::size_t routers) {
    const auto texts = values_of(options, "metric");
    if (options.contains("no-default-route")) {
        if (options.contains("default-route"))
            return error(Code::options_contradict, "",
                         {{"one", "--default-route"}, {"other", "--no-default-route"}});
        if (!texts.empty()) return error(Code::metric_without_default_route, "--metric");
        return std::vector<std::uint32_t>{};
    }
    std::vector<std::uint32_t> metrics;
    for (const auto& text : texts) {
        const auto metric = parse_positive("--metric", text);
        if (!metric) return tl::unexpected(metric.error());
        metrics.push_back(*metric);
    }
    if (auto good = first_of(check_metrics(metrics), "--metric", texts); !good)
        return tl::unexpected(good.error());
    if (metrics.size() > std::max<std::size_t>(routers, 1))
        return error(Code::more_metrics_than_routers);
    if (metrics.empty() && routers > 0) metrics.push_back(1);
    return metrics;
}

/// ROUTER... with the default flag, and every --router without. In the order in which they are
/// named, and the first ones with a default route.
Result<std::vector<IsatapRouter>> parse_routers(std::span<const std::string> words,
                                                const OptionValues& options,
                                                const IpAddress& local) {
    std::vector<IsatapRouter> routers;
    std::vector<std::string> names;
    const auto take = [&](const std::string& word, bool is_default) -> Result<void> {
        const std::string_view role = is_default ? "ROUTER" : "--router";
        const auto router = parse_router(word, local);
        if (!router) return with_subject(router.error(), role);
        routers.push_back({*router, is_default, std::nullopt});
        names.push_back(formatted("{} '{}'", role, word));
        return {};
    };
    for (const auto& word : words)
        if (auto taken = take(word, true); !taken) return tl::unexpected(taken.error());
    for (const auto& word : values_of(options, "router"))
        if (auto taken = take(word, false); !taken) return tl::unexpected(taken.error());
    if (auto bad = check_routers(routers); !bad.empty())
        return with_subject(bad.front().error, names[bad.front().index]);
    if (routers.empty()) return error(Code::no_router_named);
    const auto metrics = default_metrics(options, words.size());
    if (!metrics) return tl::unexpected(metrics.error());
    for (std::size_t i = 0; i < metrics->size(); ++i)
        routers[i].metric = (*metrics)[i];
    return routers;
}

/// The inner addresses: INNER, unless it is `-`, and every --address.
Result<std::vector<Prefix>> inner_addresses(const std::string& inner, const OptionValues& options) {
    std::vector<std::string> texts;
    if (inner != "-") texts.push_back(inner);
    for (auto& text : values_of(options, "address"))
        texts.push_back(std::move(text));
    std::vector<Prefix> result;
    for (const auto& text : texts) {
        const auto prefix = parse_inner_address(text);
        if (!prefix) return with_subject(prefix.error(), "inner address");
        result.push_back(*prefix);
    }
    if (auto good = first_of(check_addresses(result), "inner address", texts); !good)
        return tl::unexpected(good.error());
    return result;
}

} // namespace

Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                PeerList peers) {
    constexpr std::size_t fixed_words = 4;
    if (words.size() < fixed_words)
        return error(Code::wrong_words, "",
                     {{"words", "DEV LOCAL IFNAME INNER PEER..."}, {"help", "vxlanctl up --help"}});
    Tunnel tunnel = unsaid_tunnel(TunnelKind::vxlan);
    auto dev = parse_dev(words[0]);
    if (!dev) return with_subject(dev.error(), "DEV");
    tunnel.tunnel.dev = std::move(*dev);

    const auto local = parse_local(words[1], TunnelKind::vxlan);
    if (!local) return with_subject(local.error(), "LOCAL");
    tunnel.tunnel.local = *local;

    tunnel.name = words[2];
    if (auto good = check_tunnel_name(tunnel.name, TunnelKind::vxlan); !good)
        return with_subject(good.error(), "IFNAME");

    const auto addresses = inner_addresses(words[3], options);
    if (!addresses) return tl::unexpected(addresses.error());
    tunnel.addresses = *addresses;

    for (const auto& word : words.subspan(fixed_words)) {
        auto peer = parse_peer_or_name(word);
        if (!peer) return with_subject(peer.error(), "PEER");
        peers.add(std::move(*peer));
    }
    auto& entries = peers.entries;
    auto& names = peers.names;
    if (entries.empty() && names.empty())
        return error(Error(Code::no_peer_named).also(Code::peers_file_possible));
    sort_with(entries, peers.entry_lines);
    if (auto good = first_of(check_peers(entries, *local), peers.entry_lines, peers.files); !good)
        return tl::unexpected(good.error());
    if (auto good = first_of(check_names(names), peers.name_lines, peers.files); !good)
        return tl::unexpected(good.error());
    std::sort(names.begin(), names.end());
    tunnel.peers = std::move(entries);
    tunnel.named_peers = std::move(names);

    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    return tunnel;
}

Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options) {
    constexpr std::size_t fixed_words = 3;
    if (words.size() < fixed_words)
        return error(
            Code::wrong_words, "",
            {{"words", "IFNAME LOCAL PREFIX ROUTER..."}, {"help", "vxlanctl isatap up --help"}});
    Tunnel tunnel = unsaid_tunnel(TunnelKind::sit);
    tunnel.name = words[0];
    if (auto good = check_tunnel_name(tunnel.name, TunnelKind::sit); !good)
        return with_subject(good.error(), "IFNAME");
    const auto local = parse_local(words[1], TunnelKind::sit);
    if (!local) return with_subject(local.error(), "LOCAL");
    tunnel.tunnel.local = *local;
    const auto prefix = parse_isatap_prefix(words[2]);
    if (!prefix) return with_subject(prefix.error(), "PREFIX");
    auto routers = parse_routers(words.subspan(fixed_words), options, *local);
    if (!routers) return tl::unexpected(routers.error());

    if (options.contains("global-id") && options.contains("no-global-id"))
        return error(Code::options_contradict, "",
                     {{"one", "--global-id"}, {"other", "--no-global-id"}});
    const auto global = options.contains("global-id")      ? std::optional(true)
                        : options.contains("no-global-id") ? std::optional(false)
                                                           : std::nullopt;
    tunnel.overrides_default_route = options.contains("default-route");
    state_isatap(tunnel, {*prefix, global, std::move(*routers)});
    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    return tunnel;
}

Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options) {
    constexpr auto kind = TunnelKind::ip6tnl;
    if (words.size() < 3 || words.size() > 4)
        return error(
            Code::wrong_words, "",
            {{"words", "IFNAME LOCAL6 REMOTE6 [INNER]"}, {"help", "vxlanctl ipip6 up --help"}});
    Tunnel tunnel = unsaid_tunnel(kind);
    tunnel.name = words[0];
    if (auto good = check_tunnel_name(tunnel.name, kind); !good)
        return with_subject(good.error(), "IFNAME");
    const auto local = parse_local(words[1], kind);
    if (!local) return with_subject(local.error(), "LOCAL6");
    tunnel.tunnel.local = *local;
    const auto remote = parse_remote(words[2], *local);
    if (!remote) return with_subject(remote.error(), "REMOTE6");
    tunnel.tunnel.remote = *remote;
    if (words.size() == 4) {
        const auto addresses = inner_addresses(words[3], options);
        if (!addresses) return tl::unexpected(addresses.error());
        for (const auto& address : *addresses)
            if (auto good = check_inner_family(address, words[3], kind); !good)
                return with_subject(good.error(), "INNER");
        tunnel.addresses = *addresses;
    }
    if (auto taken = take_all_options(tunnel, options); !taken)
        return tl::unexpected(taken.error());
    if (auto good = check_scope(*local, tunnel.tunnel); !good)
        return with_subject(good.error(), "LOCAL6");
    if (auto good = check_scope(*remote, tunnel.tunnel); !good)
        return with_subject(good.error(), "REMOTE6");
    return tunnel;
}

} // namespace vxlanctl
