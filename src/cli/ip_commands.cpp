#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/kinds/iproute2.h"
#include "vxlanctl/netlink/message.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <linux/in.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// What iproute2 needs to be told: it reads the attributes that are there, and sends all of them.
TunnelAttributes without_unchanged(TunnelAttributes attributes,
                                   const std::vector<Difference>& changes) {
    for (const auto& row : tunnel_attributes(attributes.kind))
        if (std::none_of(changes.begin(), changes.end(),
                         [&](const Difference& change) { return change.field == row.name; }))
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
    return attributes;
}

std::string link_words(const LinkAttributes& attributes) {
    std::string text;
    for (const auto& row : link_attributes()) {
        if (!is_stated(attributes, row) || row.name == "master" || row.name == "vrf" ||
            row.wire == Wire::ipv4_conf || is_of_port(row) || row.name == "alias" ||
            row.name == "up" || row.name == "arp")
            continue;
        text += formatted(" {} {}", ip_word_of(row.name), value_text(attributes, row));
    }
    // Both are the one master; at most one of them is named.
    const std::string master = attributes.master.value_or("") + attributes.vrf.value_or("");
    if (!master.empty())
        text += " master " + shell_quoted(master);
    else if (attributes.master || attributes.vrf)
        text += " nomaster";
    return text;
}

/// `learning off flood on`, as bridge-link(8) has it.
std::string port_words(const LinkAttributes& attributes) {
    std::string text;
    for (const auto& row : link_attributes()) {
        if (row.wire != Wire::port || !is_stated(attributes, row)) continue;
        const bool is_flag =
            std::holds_alternative<std::optional<bool> LinkAttributes::*>(row.member);
        const std::string value = value_text(attributes, row);
        text += formatted(" {} {}", ip_word_of(row.name),
                          !is_flag         ? value
                          : value == "yes" ? "on"
                                           : "off");
    }
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
IpWords metric_words(const nlattr* metrics) {
    constexpr std::pair<int, const char*> metric_names[] = {
        {RTAX_MTU, "mtu"},           {RTAX_WINDOW, "window"},     {RTAX_SSTHRESH, "ssthresh"},
        {RTAX_CWND, "cwnd"},         {RTAX_ADVMSS, "advmss"},     {RTAX_REORDERING, "reordering"},
        {RTAX_HOPLIMIT, "hoplimit"}, {RTAX_INITCWND, "initcwnd"}, {RTAX_INITRWND, "initrwnd"},
        {RTAX_QUICKACK, "quickack"}};
    std::uint32_t locked = 0;
    for (const nlattr* metric : NetlinkAttributes::nested(metrics))
        if (nla_type(metric) == RTAX_LOCK) locked = read_as<std::uint32_t>(metric).value_or(0);
    IpWords words;
    for (const nlattr* metric : NetlinkAttributes::nested(metrics)) {
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
IpWords other_words(const Route& route) {
    constexpr const char* preferences[] = {"medium", "high", "", "low"};
    IpWords words;
    for (const nlattr* attribute : NetlinkAttributes(route.other)) {
        if (nla_type(attribute) == RTA_METRICS) {
            IpWords metrics = metric_words(attribute);
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
            if (!needs_link_up(address)) (*this)(Add<Address>{device.name, {address}});
        const bool is_up = device.attributes.up.value_or(false);
        if (is_up) line("ip link set dev {} up", shell_quoted(device.name));
        for (const auto& address : device.addresses)
            if (needs_link_up(address)) (*this)(Add<Address>{device.name, {address}});
        if (!is_up) return;
        for (const auto& route : device.routes)
            (*this)(Add<Route>{device.name, {route}, {}});
    }

    void add(const Step& step) {
        changes_ = &step.changes;
        std::visit(*this, step.operation);
    }

    void operator()(const CreateLink& op) {
        TunnelAttributes tunnel = op.tunnel, later;
        if (tunnel.ttl_inherit.value_or(false)) std::swap(tunnel.ttl, later.ttl); // one word
        const IpWords words = ip_words(tunnel);
        line("ip link add dev {}{}{}", name(op), link_words(op.attributes), words.text);
        leave_out(op, words);
        if (later.ttl) line("ip link set dev {}{}", name(op), ip_words(later).text);
        if (const auto alias = foreign_alias(op.attributes.alias.value_or("")); !alias.empty())
            line("ip link set dev {} alias {}", name(op), shell_quoted(alias));
    }
    void operator()(const ChangeLink& op) {
        if (const auto text = link_words(op.changed); !text.empty())
            line("ip link set dev {}{}", name(op), text);
        if (const auto text = port_words(op.changed); !text.empty())
            line("bridge link set dev {}{}", name(op), text);
        if (has_any(op.changed, Wire::port_vlans)) vlans(op);
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
        if (kind_of(op.changed.kind).changes_whole) // without any word ip sends nothing
            changed.local = op.changed.local;
        if (has_refused_pair(op.changed))
            changed.ttl = op.changed.ttl, changed.pmtudisc = op.changed.pmtudisc;
        IpWords words = ip_words(changed);
        if (changed.dev && changed.dev->empty()) words.left_out.emplace_back("dev none");
        line("ip link set dev {}{}", name(op), words.text);
        leave_out(op, words);
    }
    void operator()(const RenameLink& op) {
        line("ip link set dev {} name {}", name(op), shell_quoted(op.to));
    }
    void operator()(const DeleteLink& op) { line("ip link del dev {}", name(op)); }
    void operator()(const Add<FloodEntry>& op) {
        for (const auto& entry : op.objects)
            line("bridge fdb append 00:00:00:00:00:00 dev {}{}{}", name(op), ip_remote(entry),
                 state_words(op.manner.state, op.manner.flags));
    }
    void operator()(const Remove<FloodEntry>& op) {
        for (const auto& entry : op.objects)
            line("bridge fdb del 00:00:00:00:00:00 dev {}{} self", name(op), ip_remote(entry));
    }
    void operator()(const Add<MacEntry>& op) {
        for (const auto& entry : op.objects) {
            // A multicast MAC has a list of remotes like the all-zero one, and cannot be replaced.
            const bool has_list = (entry.mac.bytes[0] & 1) != 0;
            line("bridge fdb {} {} dev {}{}{}", has_list ? "append" : "replace",
                 to_string(entry.mac), name(op), ip_remote(entry.remote),
                 state_words(entry.state, entry.flags));
        }
    }
    void operator()(const Remove<MacEntry>& op) {
        for (const auto& entry : op.objects)
            line("bridge fdb del {} dev {}{} self", to_string(entry.mac), name(op),
                 ip_remote(entry.remote));
    }
    void operator()(const Add<PrlEntry>& op) {
        for (const auto& entry : op.objects)
            line("ip tunnel prl dev {} {} {}", name(op),
                 entry.is_default ? "prl-default" : "prl-nodefault", to_string(entry.router));
    }
    void operator()(const Change<PrlEntry>& op) {
        for (const auto& entry : op.objects) // iproute2 has no word for it
            line("ip tunnel prl dev {0} prl-delete {2} && ip tunnel prl dev {0} {1} {2}", name(op),
                 entry.is_default ? "prl-default" : "prl-nodefault", to_string(entry.router));
    }
    void operator()(const Remove<PrlEntry>& op) {
        for (const auto& entry : op.objects)
            line("ip tunnel prl dev {} prl-delete {}", name(op), to_string(entry.router));
    }
    void operator()(const Add<Rule>& op) { rule("add", op.object()); }
    void operator()(const Remove<Rule>& op) { rule("del", op.object()); }
    void operator()(const SetForwarding& op) { setting(op.link, "forwarding", op.on ? 1 : 0); }
    void operator()(const Add<Address>& op) {
        const bool is_there = changes_ != nullptr && !changes_->empty();
        if (op.manner.duplicate_check != 0)
            line("# {}: vxlanctl first asks for {} s, by ARP, whether another host has {}",
                 name(op), op.manner.duplicate_check, to_string(op.object().prefix.address));
        line("ip addr {} {} dev {}{}", is_there ? "replace" : "add", address_words(op.object()),
             name(op), address_details(op.object(), op.link));
    }
    void operator()(const Remove<Address>& op) {
        line("ip addr del {} dev {}", address_words(op.object()), name(op));
    }
    void operator()(const Add<Route>& op) {
        const IpWords words = other_words(op.object());
        if (words.left_out.empty())
            line("{}{}", route(op.manner.beside ? "append" : "add", op), words.text);
        else // without them it would lead elsewhere
            line("# not said in words ({}), so that this is left out: {}",
                 fmt::join(words.left_out, ", "), route("add", op));
    }
    void operator()(const Remove<Route>& op) { line("{}", route("del", op)); }
    void operator()(const Add<Neighbour>& op) {
        const auto& [address, link_layer, flags] = op.object();
        line("ip neigh replace {} lladdr {} dev {} nud permanent{}{}", to_string(address),
             to_string(link_layer), name(op), (flags & NTF_ROUTER) != 0 ? " router" : "",
             (flags & NTF_EXT_LEARNED) != 0 ? " extern_learn" : "");
    }
    void operator()(const Remove<Neighbour>& op) {
        line("ip neigh del {} dev {}", to_string(op.object().address), name(op));
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
    /// First what comes and then what goes. What the port has is in the differences.
    void vlans(const ChangeLink& op) {
        LinkAttributes have = op.changed;
        for (const auto& change : changes_ != nullptr ? *changes_ : std::vector<Difference>{})
            for (const auto& row : link_attributes())
                if (row.wire == Wire::port_vlans && row.name == change.field &&
                    !set_value(have, row, change.have))
                    std::visit([&](auto member) { (have.*member).reset(); }, row.member);
        const auto members_of = [](const LinkAttributes& port, std::uint16_t usual_pvid) {
            auto list = port.bridge_vlans.value_or(VlanList{});
            const std::uint16_t pvid = port.bridge_pvid.value_or(usual_pvid);
            if (pvid != 0 && !contains_vlan(list, pvid)) list.ranges.push_back({pvid, pvid, true});
            return list;
        };
        constexpr std::uint16_t usual_pvid = 1; // of a port that is made before
        const VlanList wanted = members_of(op.changed, 0);
        for (const auto& range : wanted.ranges)
            vlan("add", op, range, range.first == op.changed.bridge_pvid);
        for (const auto& range : vlan_list(members_of(have, usual_pvid).ranges).ranges)
            for (unsigned id = range.first; id <= range.last; ++id)
                if (const auto one = static_cast<std::uint16_t>(id); !contains_vlan(wanted, one))
                    vlan("del", op, {one, one}, false);
    }
    void vlan(const char* verb, const ChangeLink& op, const VlanRange& range, bool is_pvid) {
        line("bridge vlan {} dev {} vid {}{}{}{}", verb, name(op), range.first,
             range.last == range.first ? std::string() : formatted("-{}", range.last),
             is_pvid ? " pvid" : "", range.untagged ? " untagged" : "");
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
        const Route& route = op.object();
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
    template<class Operation> void leave_out(const Operation& op, const IpWords& words) {
        if (!words.left_out.empty())
            line("# {}: left out, since iproute2 6.1 has no word for it: {}", name(op),
                 fmt::join(words.left_out, ", "));
    }

    std::string netns_;                                ///< quoted
    const std::vector<Difference>* changes_ = nullptr; ///< of the step
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
