#include "vxlanctl/report.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// iproute2's word for an attribute where it is another one than ours.
struct Word {
    std::string_view ours, theirs;
};
constexpr Word words[] = {{"vni", "id"},
                          {"port", "dstport"},
                          {"label", "flowlabel"},
                          {"limit", "maxaddress"},
                          {"udp_csum", "udpcsum"},
                          {"udp6_zero_csum_rx", "udp6zerocsumrx"},
                          {"remcsum_tx", "remcsumtx"},
                          {"remcsum_rx", "remcsumrx"},
                          {"mac", "address"},
                          {"txqlen", "txqueuelen"}};

std::string_view word_of(std::string_view name) {
    const auto* const found = std::find_if(std::begin(words), std::end(words),
                                           [&](const Word& word) { return word.ours == name; });
    return found == std::end(words) ? name : found->theirs;
}

/// Of a sit or an ip6tnl.
std::string ip_tunnel_words(const TunnelAttributes& attributes) {
    std::string text;
    for (const auto& row : tunnel_attributes(attributes.kind)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        if (row.name == "isatap")
            text += value == "yes" ? " isatap" : "";
        else if (row.name == "pmtudisc")
            text += value == "yes" ? " pmtudisc" : " nopmtudisc";
        else if (row.name == "proto")
            text += fmt::format(" mode {}", value == "41" ? "ip6ip" : value);
        else if (row.name == "dev" && value != "none")
            text += " dev " + shell_quoted(value);
        else if (row.name == "ttl" && attributes.kind == TunnelKind::ip6tnl)
            text += " hoplimit " + (value == "inherit" ? "0" : value);
        else if (row.name == "label")
            text += value == "0" ? "" : fmt::format(" flowlabel {:#x}", *attributes.label);
        else if (row.name == "tclass" && value != "inherit")
            text += fmt::format(" tclass {:#x}", *attributes.tclass);
        else if (row.name == "local" || row.name == "remote")
            text += fmt::format(" {} {}", row.name, value == "none" ? "any" : value);
        else if (row.name == "ttl" || row.name == "tos" || row.name == "tclass" ||
                 row.name == "encaplimit")
            text += fmt::format(" {} {}", row.name, value);
    }
    return text;
}

std::string vxlan_words(const TunnelAttributes& attributes, Family underlay) {
    std::string text;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        std::string_view word = word_of(row.name);
        if (row.name == "udp_csum" && underlay == Family::ipv6)
            text += fmt::format(" {}udp6zerocsumtx", value == "yes" ? "no" : "");
        else if (row.name == "ttl_inherit")
            text += value == "yes" ? " ttl inherit" : "";
        else if (row.name == "srcport")
            text +=
                fmt::format(" srcport {} {}", attributes.srcport->low, attributes.srcport->high);
        else if (row.name == "remote" && value == "none")
            text += fmt::format(" remote {}", to_string(*attributes.remote));
        else if (std::holds_alternative<std::optional<bool> TunnelAttributes::*>(row.member))
            text += fmt::format(" {}{}", value == "yes" ? "" : "no", word);
        else
            text += fmt::format(" {} {}", word, shell_quoted(value));
    }
    return text;
}

std::string tunnel_words(const TunnelAttributes& attributes, Family underlay) {
    return fmt::format(" type {}{}", traits_of(attributes.kind).name,
                       attributes.kind == TunnelKind::vxlan ? vxlan_words(attributes, underlay)
                                                            : ip_tunnel_words(attributes));
}

std::string link_words(const LinkAttributes& attributes) {
    std::string text;
    for (const auto& row : link_attributes()) {
        if (!is_stated(attributes, row) || row.name == "promote_secondaries" ||
            row.name == "alias" || row.name == "up")
            continue;
        const std::string value = value_text(attributes, row);
        if ((row.name == "master" || row.name == "vrf") && value == "none")
            text += " nomaster";
        else if (row.name == "vrf")
            text += " master " + shell_quoted(value);
        else
            text += fmt::format(" {} {}", word_of(row.name), shell_quoted(value));
    }
    return text;
}

std::string remote_words(const FloodEntry& entry) {
    std::string text = " dst " + to_string(entry.dst);
    if (entry.port) text += fmt::format(" port {}", *entry.port);
    if (entry.vni) text += fmt::format(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += " via " + shell_quoted(entry.via.str());
    return text;
}

/// One command a line, for each operation in turn.
class Commands {
public:
    void operator()(const CreateLink& op) {
        const Family underlay = op.tunnel.local ? op.tunnel.local->family : Family::ipv4;
        line("ip link add {}{}{}", name(op), link_words(op.attributes),
             tunnel_words(op.tunnel, underlay));
    }
    void operator()(const ChangeLink& op) {
        if (const auto text = link_words(op.changed); !text.empty())
            line("ip link set dev {}{}", name(op), text);
        if (op.changed.promote_secondaries)
            line("sysctl -qw net/ipv4/conf/{}/promote_secondaries={}", name(op),
                 *op.changed.promote_secondaries ? 1 : 0);
        if (op.changed.up) line("ip link set dev {} {}", name(op), *op.changed.up ? "up" : "down");
        if (op.changed.alias)
            line("# {}: the mark in the alias is vxlanctl's own, and is left out", name(op));
    }
    void operator()(const ChangeTunnel& op) {
        line("ip link set dev {}{}", name(op), tunnel_words(op.changed, Family::ipv4));
    }
    void operator()(const RenameLink& op) {
        line("ip link set dev {} name {}", name(op), shell_quoted(op.to));
    }
    void operator()(const DeleteLink& op) { line("ip link del dev {}", name(op)); }
    void operator()(const AddFlood& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb append 00:00:00:00:00:00 dev {}{} self permanent", name(op),
                 remote_words(entry));
    }
    void operator()(const RemoveFlood& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb del 00:00:00:00:00:00 dev {}{} self", name(op), remote_words(entry));
    }
    void operator()(const AddMacs& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb replace {} dev {}{} self {}{}", to_string(entry.mac), name(op),
                 remote_words(entry.remote),
                 (entry.state & NUD_PERMANENT) != 0 ? "permanent" : "static",
                 entry.origin == FdbOrigin::external ? " extern_learn" : "");
    }
    void operator()(const RemoveMacs& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb del {} dev {}{} self", to_string(entry.mac), name(op),
                 remote_words(entry.remote));
    }
    void operator()(const AddRouters& op) {
        for (const auto& entry : op.entries)
            line("ip tunnel prl dev {} {} {}", name(op),
                 entry.is_default ? "prl-default" : "prl-nodefault", to_string(entry.router));
    }
    void operator()(const ChangeRouters& op) {
        for (const auto& entry : op.entries) // iproute2 has no word for it
            line("ip tunnel prl dev {0} prl-delete {2} && ip tunnel prl dev {0} {1} {2}", name(op),
                 entry.is_default ? "prl-default" : "prl-nodefault", to_string(entry.router));
    }
    void operator()(const RemoveRouters& op) {
        for (const auto& entry : op.entries)
            line("ip tunnel prl dev {} prl-delete {}", name(op), to_string(entry.router));
    }
    void operator()(const AddRule& op) { rule("add", op.rule); }
    void operator()(const RemoveRule& op) { rule("del", op.rule); }
    void operator()(const AddAddress& op) {
        const auto& address = op.address;
        line("ip addr add {}{} dev {}{}{}", to_string(address.prefix.address),
             address.peer
                 ? fmt::format(" peer {}/{}", to_string(*address.peer), address.prefix.length)
                 : fmt::format("/{}", address.prefix.length),
             name(op), address.broadcast ? " brd " + to_string(*address.broadcast) : "",
             address.metric != 0 ? fmt::format(" metric {}", address.metric) : "");
    }
    void operator()(const RemoveAddress& op) {
        line("ip addr del {} dev {}", to_string(op.address.prefix), name(op));
    }
    void operator()(const AddRoute& op) { route(op.beside ? "append" : "add", op); }
    void operator()(const RemoveRoute& op) { route("del", op); }
    void operator()(const AddNeighbour& op) {
        line("ip neigh replace {} lladdr {} dev {} nud permanent", to_string(op.neighbour.address),
             to_string(op.neighbour.mac), name(op));
    }
    void operator()(const RemoveNeighbour& op) {
        line("ip neigh del {} dev {}", to_string(op.neighbour.address), name(op));
    }

    std::string take() { return std::move(text_); }

private:
    template<class Operation> static std::string name(const Operation& op) {
        return shell_quoted(op.link);
    }
    template<class... Values> void line(fmt::format_string<Values...> format, Values&&... values) {
        text_ += fmt::format(format, std::forward<Values>(values)...) + "\n";
    }
    void rule(const char* verb, const Rule& rule) {
        const Family family = (rule.from ? rule.from : rule.to)->address.family;
        line("ip -{} rule {} {} protocol {}", family == Family::ipv4 ? 4 : 6, verb, to_string(rule),
             rule.protocol);
    }
    template<class Operation> void route(const char* verb, const Operation& op) {
        const Route& route = op.route;
        line("ip -{} route {} {}{} dev {}{} table {} protocol {}{}{}",
             route.to.address.family == Family::ipv4 ? 4 : 6, verb, to_string(route.to),
             route.via ? " via " + to_string(*route.via) : "", name(op),
             route.source ? " src " + to_string(*route.source) : "", route.table, route.protocol,
             route.metric != 0 ? fmt::format(" metric {}", route.metric) : "",
             (route.flags & RTNH_F_ONLINK) != 0 ? " onlink" : "");
        // The preference is in every IPv6 route, and medium by default.
        const bool has_more = std::any_of(route.other.begin(), route.other.end(),
                                          [](std::byte byte) { return byte != std::byte{0}; });
        if (has_more && route.to.address.family == Family::ipv4)
            line("# that route has further attributes, which are left out");
    }

    std::string text_;
};

} // namespace

std::string ip_commands(const TunnelPlan& plan) {
    Commands commands;
    for (const auto& step : plan.steps)
        std::visit(commands, step.operation);
    return commands.take();
}

std::string shell_quoted(std::string_view text) {
    constexpr std::string_view harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789._-:/@+,=";
    if (!text.empty() && text.find_first_not_of(harmless) == std::string_view::npos)
        return std::string(text);
    std::string quoted = "'";
    for (const char character : text) {
        if (character == '\'')
            quoted += "'\\''";
        else
            quoted += character;
    }
    return quoted + "'";
}

} // namespace vxlanctl
