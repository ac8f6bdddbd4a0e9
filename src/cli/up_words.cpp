#include "vxlanctl/cli/up_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/kinds/attributes.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The options of one table of attributes, less those that other words say.
template<class Attributes>
std::string attribute_options(const Attributes& attributes,
                              std::span<const AttributeRow<Attributes>> rows, TunnelKind kind) {
    std::string text;
    for (const auto& row : rows) {
        if (!is_option(row, kind) || !is_stated(attributes, row) || row.name == "dev" ||
            row.name == "local" || row.name == "remote")
            continue;
        const std::string value = value_text(attributes, row);
        if (value == row.reset) continue;
        if (row.argument.empty())
            text += formatted(" --{}{}", value == "no" ? "no-" : "", option_name(row.name));
        else
            text += formatted(" --{} {}", option_name(row.name), shell_quoted(value));
    }
    return text;
}

/// DEV, LOCAL, IFNAME and so on.
std::string ends_of(const Tunnel& tunnel, const std::string& inner) {
    const std::string name = shell_quoted(tunnel.name);
    const std::string local = to_string(*tunnel.tunnel.local);
    if (tunnel.tunnel.kind == TunnelKind::ip6tnl)
        return formatted("ipip6 up {} {} {}{}", name, local, to_string(*tunnel.tunnel.remote),
                         inner.empty() ? "" : " " + inner);
    const std::string dev = tunnel.tunnel.dev.value_or("");
    std::string text = formatted("up {} {} {} {}", dev.empty() ? "-" : shell_quoted(dev), local,
                                 name, inner.empty() ? "-" : inner);
    for (const auto& peer : tunnel.peers.value_or(std::vector<FloodEntry>{}))
        text += " " + to_string(peer.dst);
    return text;
}

} // namespace

std::string up_words(const Tunnel& tunnel) {
    const auto& kind = tunnel.tunnel.kind;
    const auto peers = tunnel.peers.value_or(std::vector<FloodEntry>{});
    const bool has_plain_peers =
        std::all_of(peers.begin(), peers.end(), [](const FloodEntry& peer) {
            FloodEntry plain;
            plain.dst = peer.dst;
            return plain == peer;
        });
    if (!tunnel.tunnel.local || !has_plain_peers || kind == TunnelKind::sit ||
        (kind == TunnelKind::ip6tnl && !tunnel.tunnel.remote))
        return "";
    const auto addresses = tunnel.addresses.value_or(std::vector<Prefix>{});
    std::string text =
        "vxlanctl " + ends_of(tunnel, addresses.empty() ? "" : to_string(addresses.front()));
    for (std::size_t i = 1; i < addresses.size(); ++i)
        text += " --address " + to_string(addresses[i]);
    text += attribute_options(tunnel.tunnel, tunnel_attributes(kind), kind);
    text += attribute_options(tunnel.link, link_attributes(), kind);
    if (const auto& remote = tunnel.tunnel.remote; remote && is_multicast(*remote))
        text += " --multicast-group " + to_string(*remote);
    if (tunnel.evpn) text += " --control-plane evpn";
    for (const auto& route : tunnel.routes.value_or(std::vector<Route>{}))
        text += " --route " + shell_quoted(words_of(route));
    for (const auto& rule : tunnel.rules.value_or(std::vector<Rule>{}))
        text += " --rule " + shell_quoted(words_of(rule));
    for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
        text += " --forward-from " + shell_quoted(device);
    return text;
}

} // namespace vxlanctl
