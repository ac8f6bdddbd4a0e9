#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/netlink/message.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <linux/in.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// iproute2's word for an attribute where it is another one than ours.
struct Word {
    std::string_view ours, theirs;
};
constexpr Word renamed[] = {{"vni", "id"},
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
    const auto* const found = std::find_if(std::begin(renamed), std::end(renamed),
                                           [&](const Word& word) { return word.ours == name; });
    return found == std::end(renamed) ? name : found->theirs;
}

/// Words of a command, and what there are none for.
struct Words {
    std::string text;
    std::vector<std::string> left_out;
};

std::string class_text(unsigned value) { // iproute2 reads it as hexadecimal in any case
    return value == 1 ? "inherit" : formatted("{:#x}", value);
}

/// What a sit or an ip6tnl carries, as `mode` has it; empty where it has no word.
std::string_view mode_of(const TunnelAttributes& attributes) {
    const bool over_ipv6 = attributes.kind == TunnelKind::ip6tnl;
    switch (*attributes.proto) {
    case 0: return "any";
    case IPPROTO_IPIP: return over_ipv6 ? "ipip6" : "ipip";
    case IPPROTO_IPV6: return over_ipv6 ? "ip6ip6" : "ip6ip";
    case IPPROTO_MPLS: return over_ipv6 ? "" : "mplsip";
    default: return "";
    }
}

/// iproute2 refuses what the kernel takes: a TTL of its own without path MTU discovery.
bool has_refused_pair(const TunnelAttributes& attributes) {
    return attributes.ttl.value_or(0) != 0 && !attributes.pmtudisc.value_or(true);
}

/// Of a sit or an ip6tnl.
Words ip_tunnel_words(const TunnelAttributes& attributes) {
    Words words;
    std::string& text = words.text;
    const bool refused_pair = has_refused_pair(attributes);
    if (refused_pair) words.left_out.emplace_back("pmtudisc no");
    for (const auto& row : tunnel_attributes(attributes.kind)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        if (row.name == "isatap")
            text += *attributes.isatap ? " isatap" : "";
        else if (row.name == "pmtudisc")
            text += *attributes.pmtudisc || refused_pair ? " pmtudisc" : " nopmtudisc";
        else if (row.name == "proto" && !mode_of(attributes).empty())
            text += formatted(" mode {}", mode_of(attributes));
        else if (row.name == "dev" && !attributes.dev->empty())
            text += " dev " + shell_quoted(*attributes.dev);
        else if (row.name == "ttl" && attributes.kind == TunnelKind::ip6tnl)
            text += formatted(" hoplimit {}", *attributes.ttl);
        else if (row.name == "tos")
            text += " tos " + class_text(*attributes.tos);
        else if (row.name == "label")
            text += formatted(" flowlabel {:#x}", *attributes.label);
        else if (row.name == "tclass" && *attributes.tclass != inherit_tclass)
            text += formatted(" tclass {:#x}", *attributes.tclass);
        else if (row.name == "local" || row.name == "remote")
            text += formatted(" {} {}", row.name, value == "none" ? "any" : value);
        else if (row.name == "ttl" || row.name == "tclass" || row.name == "encaplimit")
            text += formatted(" {} {}", row.name, value);
        else if (value != row.reset)
            words.left_out.push_back(formatted("{} {}", row.name, value));
    }
    return words;
}

Words vxlan_words(const TunnelAttributes& attributes) {
    Words words;
    std::string& text = words.text;
    const bool over_ipv6 = attributes.local && attributes.local->family == Family::ipv6;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        const std::string_view word = word_of(row.name);
        if (row.name == "remcsum_nopartial" || row.name == "localbypass" ||
            row.name == "reserved_bits")
            words.left_out.push_back(formatted("{} {}", row.name, value));
        else if (row.name == "udp_csum" && over_ipv6)
            text += formatted(" {}udp6zerocsumtx", *attributes.udp_csum ? "no" : "");
        else if (row.name == "ttl_inherit")
            text += *attributes.ttl_inherit ? " ttl inherit" : "";
        else if (row.name == "tos")
            text += " tos " + class_text(*attributes.tos);
        else if (row.name == "srcport")
            text += formatted(" srcport {} {}", attributes.srcport->low, attributes.srcport->high);
        else if (value == "none" && (row.name == "local" || row.name == "remote"))
            text +=
                formatted(" {} {}", row.name,
                          to_string(row.name == "local" ? *attributes.local : *attributes.remote));
        else if (std::holds_alternative<std::optional<bool> TunnelAttributes::*>(row.member))
            text += formatted(" {}{}", value == "yes" ? "" : "no", word);
        else
            text += formatted(" {} {}", word, shell_quoted(value));
    }
    return words;
}

Words tunnel_words(const TunnelAttributes& attributes) {
    Words words = attributes.kind == TunnelKind::vxlan ? vxlan_words(attributes)
                                                       : ip_tunnel_words(attributes);
    words.text = formatted(" type {}{}", traits_of(attributes.kind).name, words.text);
    return words;
}

/// What iproute2 needs to be told: it reads the attributes that are there, and sends all of them.
TunnelAttributes without_unchanged(TunnelAttributes attributes,
                                   const std::vector<Change>& changes) {
    for (const auto& row : tunnel_attributes(attributes.kind))
        if (std::none_of(changes.begin(), changes.end(),
                         [&](const Change& change) { return change.field == row.name; }))
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
    return attributes;
}

std::string link_words(const LinkAttributes& attributes) {
    std::string text;
    for (const auto& row : link_attributes()) {
        if (!is_stated(attributes, row) || row.name == "master" || row.name == "vrf" ||
            row.wire == Wire::ipv4_conf || row.name == "alias" || row.name == "up" ||
            row.name == "arp")
            continue;
        text += formatted(" {} {}", word_of(row.name), value_text(attributes, row));
    }
    // Both are the one master; at most one of them is named.
    const std::string master = attributes.master.value_or("") + attributes.vrf.value_or("");
    if (!master.empty())
        text += " master " + shell_quoted(master);
    else if (attributes.master || attributes.vrf)
        text += " nomaster";
    return text;
}

/// The alias without our mark.
std::string foreign_alias(const std::string& alias) {
    constexpr std::string_view separator = " | ";
    const auto mark = mark_of(alias);
    if (!mark) return alias;
    const auto own = with_mark("", *mark).size();
    return alias.substr(0, std::max(alias.size(), own + separator.size()) - own - separator.size());
}

std::string remote_words(const FloodEntry& entry) {
    std::string text = " dst " + to_string(entry.dst);
    if (entry.port) text += formatted(" port {}", *entry.port);
    if (entry.vni) text += formatted(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += " via " + shell_quoted(entry.via.str());
    return text;
}

/// Of an FDB entry: NUD_* and NTF_*.
std::string state_words(std::uint16_t state, std::uint8_t flags) {
    return formatted(" self {}{}{}",
                     (state & NUD_PERMANENT) != 0 ? "permanent"
                     : (state & NUD_NOARP) != 0   ? "static"
                                                  : "dynamic",
                     (flags & NTF_ROUTER) != 0 ? " router" : "",
                     (flags & NTF_EXT_LEARNED) != 0 ? " extern_learn" : "");
}

/// What identifies an address.
std::string address_words(const Address& address) {
    const std::string local = to_string(address.prefix.address);
    return address.peer
               ? formatted("{} peer {}/{}", local, to_string(*address.peer), address.prefix.length)
               : formatted("{}/{}", local, address.prefix.length);
}

std::string lifetime_text(std::uint32_t seconds) {
    return seconds == forever ? "forever" : std::to_string(seconds);
}

/// What else somebody asked for with it.
std::string address_details(const Address& address, const std::string& link) {
    constexpr std::pair<std::uint32_t, const char*> flag_words[] = {
        {IFA_F_NODAD, "nodad"},
        {IFA_F_OPTIMISTIC, "optimistic"},
        {IFA_F_HOMEADDRESS, "home"},
        {IFA_F_MANAGETEMPADDR, "mngtmpaddr"},
        {IFA_F_NOPREFIXROUTE, "noprefixroute"},
        {IFA_F_MCAUTOJOIN, "autojoin"}};
    std::string text;
    if (address.broadcast) text += " brd " + to_string(*address.broadcast);
    if (!address.label.empty() && address.label != link)
        text += " label " + shell_quoted(address.label);
    if (address.scope != 0 && address.prefix.address.family == Family::ipv4)
        text += formatted(" scope {}", address.scope);
    if (address.metric != 0) text += formatted(" metric {}", address.metric);
    for (const auto& [flag, word] : flag_words)
        if ((address.flags & flag) != 0) text += formatted(" {}", word);
    if (address.valid_seconds != forever || address.preferred_seconds != forever)
        text += formatted(" valid_lft {} preferred_lft {}", lifetime_text(address.valid_seconds),
                          lifetime_text(address.preferred_seconds));
    return text;
}

std::string_view type_word(std::uint8_t type) {
    constexpr std::string_view type_words[] = {
        "",          "",           "local ",     "broadcast ",
        "anycast ",  "multicast ", "blackhole ", "unreachable ",
        "prohibit ", "throw ",     "nat ",       "xresolve "};
    return type < std::size(type_words) ? type_words[type] : "";
}

/// RTA_METRICS.
Words metric_words(const nlattr* metrics) {
    constexpr std::pair<int, const char*> metric_names[] = {
        {RTAX_MTU, "mtu"},           {RTAX_WINDOW, "window"},     {RTAX_SSTHRESH, "ssthresh"},
        {RTAX_CWND, "cwnd"},         {RTAX_ADVMSS, "advmss"},     {RTAX_REORDERING, "reordering"},
        {RTAX_HOPLIMIT, "hoplimit"}, {RTAX_INITCWND, "initcwnd"}, {RTAX_INITRWND, "initrwnd"},
        {RTAX_QUICKACK, "quickack"}};
    std::uint32_t locked = 0;
    for (const nlattr* metric : Attributes::nested(metrics))
        if (nla_type(metric) == RTAX_LOCK) locked = read_as<std::uint32_t>(metric).value_or(0);
    Words words;
    for (const nlattr* metric : Attributes::nested(metrics)) {
        const int type = nla_type(metric);
        const auto* const found =
            std::find_if(std::begin(metric_names), std::end(metric_names),
                         [&](const auto& name) { return name.first == type; });
        const auto value = read_as<std::uint32_t>(metric);
        if (found != std::end(metric_names) && value)
            words.text += formatted(" {}{} {}", found->second,
                                    (locked >> type & 1) != 0 ? " lock" : "", *value);
        else if (type != RTAX_LOCK)
            words.left_out.push_back(formatted("metric {}", type));
    }
    return words;
}

/// What the kernel said of a route beyond what is taken apart.
Words other_words(const Route& route) {
    constexpr const char* preferences[] = {"medium", "high", "", "low"};
    Words words;
    for (const nlattr* attribute : Attributes(route.other)) {
        if (nla_type(attribute) == RTA_METRICS) {
            Words metrics = metric_words(attribute);
            words.text += metrics.text;
            words.left_out.insert(words.left_out.end(), metrics.left_out.begin(),
                                  metrics.left_out.end());
        } else if (nla_type(attribute) == RTA_PREF) {
            const unsigned value = read_as<std::uint8_t>(attribute).value_or(0) & 3U;
            if (value != 0) words.text += formatted(" pref {}", preferences[value]);
        } else {
            words.left_out.push_back(formatted("attribute {}", nla_type(attribute)));
        }
    }
    return words;
}

/// One command a line, for each operation in turn.
class Commands {
public:
    /// `netns` is where the commands work; empty: here.
    explicit Commands(const std::string& netns)
        : netns_(netns.empty() ? "" : shell_quoted(netns)) {}

    void add(const Preparations& preparations) {
        if (preparations.creates_namespace)
            text_ += formatted("ip netns add {0}\nip -n {0} link set dev lo up\n", netns_);
        if (!preparations.moved) return;
        const Link& device = *preparations.moved;
        text_ += formatted("ip link set dev {} netns {}\n", shell_quoted(device.name), netns_);
        for (const auto& address : device.addresses)
            if (!needs_link_up(address)) (*this)(AddAddress{device.name, address});
        const bool is_up = device.attributes.up.value_or(false);
        if (is_up) line("ip link set dev {} up", shell_quoted(device.name));
        for (const auto& address : device.addresses)
            if (needs_link_up(address)) (*this)(AddAddress{device.name, address});
        if (!is_up) return;
        for (const auto& route : device.routes)
            (*this)(AddRoute{device.name, route});
    }

    void add(const Step& step) {
        changes_ = &step.changes;
        std::visit(*this, step.operation);
    }

    void operator()(const CreateLink& op) {
        TunnelAttributes tunnel = op.tunnel, later;
        if (tunnel.ttl_inherit.value_or(false)) std::swap(tunnel.ttl, later.ttl); // one word
        const Words words = tunnel_words(tunnel);
        line("ip link add dev {}{}{}", name(op), link_words(op.attributes), words.text);
        leave_out(op, words);
        if (later.ttl) line("ip link set dev {}{}", name(op), tunnel_words(later).text);
        if (const auto alias = foreign_alias(op.attributes.alias.value_or("")); !alias.empty())
            line("ip link set dev {} alias {}", name(op), shell_quoted(alias));
    }
    void operator()(const ChangeLink& op) {
        if (const auto text = link_words(op.changed); !text.empty())
            line("ip link set dev {}{}", name(op), text);
        const auto& conf = op.changed;
        if (conf.promote_secondaries)
            setting(op.link, "promote_secondaries", *conf.promote_secondaries ? 1 : 0);
        if (conf.rp_filter) setting(op.link, "rp_filter", static_cast<int>(*conf.rp_filter));
        if (conf.forward) setting(op.link, "forwarding", *conf.forward ? 1 : 0);
        if (op.changed.arp)
            line("ip link set dev {} arp {}", name(op), *op.changed.arp ? "on" : "off");
        if (op.changed.up) line("ip link set dev {} {}", name(op), *op.changed.up ? "up" : "down");
        if (op.changed.alias)
            line("# {}: the mark in the alias is vxlanctl's own, and is left out", name(op));
    }
    void operator()(const ChangeTunnel& op) {
        TunnelAttributes changed = without_unchanged(op.changed, *changes_);
        if (traits_of(op.changed.kind).changes_whole) // without any word ip sends nothing
            changed.local = op.changed.local;
        if (has_refused_pair(op.changed))
            changed.ttl = op.changed.ttl, changed.pmtudisc = op.changed.pmtudisc;
        Words words = tunnel_words(changed);
        if (changed.dev && changed.dev->empty()) words.left_out.emplace_back("dev none");
        line("ip link set dev {}{}", name(op), words.text);
        leave_out(op, words);
    }
    void operator()(const RenameLink& op) {
        line("ip link set dev {} name {}", name(op), shell_quoted(op.to));
    }
    void operator()(const DeleteLink& op) { line("ip link del dev {}", name(op)); }
    void operator()(const AddFlood& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb append 00:00:00:00:00:00 dev {}{}{}", name(op), remote_words(entry),
                 state_words(op.state, op.flags));
    }
    void operator()(const RemoveFlood& op) {
        for (const auto& entry : op.entries)
            line("bridge fdb del 00:00:00:00:00:00 dev {}{} self", name(op), remote_words(entry));
    }
    void operator()(const AddMacs& op) {
        for (const auto& entry : op.entries) {
            // A multicast MAC has a list of remotes like the all-zero one, and cannot be replaced.
            const bool has_list = (entry.mac.bytes[0] & 1) != 0;
            line("bridge fdb {} {} dev {}{}{}", has_list ? "append" : "replace",
                 to_string(entry.mac), name(op), remote_words(entry.remote),
                 state_words(entry.state, entry.flags));
        }
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
    void operator()(const SetForwarding& op) { setting(op.link, "forwarding", op.on ? 1 : 0); }
    void operator()(const AddAddress& op) {
        const bool is_there = changes_ != nullptr && !changes_->empty();
        line("ip addr {} {} dev {}{}", is_there ? "replace" : "add", address_words(op.address),
             name(op), address_details(op.address, op.link));
    }
    void operator()(const RemoveAddress& op) {
        line("ip addr del {} dev {}", address_words(op.address), name(op));
    }
    void operator()(const AddRoute& op) {
        const Words words = other_words(op.route);
        if (words.left_out.empty())
            line("{}{}", route(op.beside ? "append" : "add", op), words.text);
        else // without them it would lead elsewhere
            line("# not said in words ({}), so that this is left out: {}",
                 fmt::join(words.left_out, ", "), route("add", op));
    }
    void operator()(const RemoveRoute& op) { line("{}", route("del", op)); }
    void operator()(const AddNeighbour& op) {
        const auto& [address, link_layer, flags] = op.neighbour;
        line("ip neigh replace {} lladdr {} dev {} nud permanent{}{}", to_string(address),
             to_string(link_layer), name(op), (flags & NTF_ROUTER) != 0 ? " router" : "",
             (flags & NTF_EXT_LEARNED) != 0 ? " extern_learn" : "");
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
        text_ += in_namespace(formatted(format, std::forward<Values>(values)...)) + "\n";
    }
    std::string in_namespace(const std::string& command) const {
        if (netns_.empty() || command.starts_with('#')) return command;
        return formatted("ip netns exec {} {}", netns_,
                         command.find_first_of(">&") == std::string::npos
                             ? command
                             : "sh -c " + shell_quoted(command));
    }
    void setting(const std::string& link, std::string_view name, int value) {
        line("echo {} >{}", value, // sysctl globs names
             shell_quoted(formatted("/proc/sys/net/ipv4/conf/{}/{}", link, name)));
    }
    void rule(const char* verb, const Rule& rule) {
        const Family family = (rule.from ? rule.from : rule.to)->address.family;
        line("ip -{} rule {} {} protocol {}", family == Family::ipv4 ? 4 : 6, verb, to_string(rule),
             rule.protocol);
    }
    template<class Operation> static std::string route(const char* verb, const Operation& op) {
        const Route& route = op.route;
        const bool ipv4 = route.to.address.family == Family::ipv4;
        return formatted("ip -{} route {} {}{}{}{} dev {}{} table {} protocol {}{}{}{}",
                         ipv4 ? 4 : 6, verb, type_word(route.type), to_string(route.to),
                         route.tos != 0 ? formatted(" tos {:#x}", route.tos) : "",
                         route.via ? " via " + to_string(*route.via) : "", name(op),
                         route.source ? " src " + to_string(*route.source) : "", route.table,
                         route.protocol, ipv4 ? formatted(" scope {}", route.scope) : "",
                         route.metric != 0 ? formatted(" metric {}", route.metric) : "",
                         (route.flags & RTNH_F_ONLINK) != 0 ? " onlink" : "");
    }
    template<class Operation> void leave_out(const Operation& op, const Words& words) {
        if (!words.left_out.empty())
            line("# {}: left out, since iproute2 6.1 has no word for it: {}", name(op),
                 fmt::join(words.left_out, ", "));
    }

    std::string netns_;                            ///< quoted
    const std::vector<Change>* changes_ = nullptr; ///< of the step
    std::string text_;
};

} // namespace

std::string ip_commands(const TunnelPlan& plan) {
    Commands commands(plan.netns);
    commands.add(plan.preparations);
    for (const auto& step : plan.steps)
        commands.add(step);
    return commands.take();
}

} // namespace vxlanctl
