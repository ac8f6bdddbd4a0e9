#include "vxlanctl/doctor/firewall.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/model/ruleset.h"

#include <algorithm>
#include <charconv>
#include <netinet/in.h>
#include <set>
#include <utility>

namespace vxlanctl {
namespace {

constexpr std::uint8_t vrrp = 112;

/// A link's name as nft wants it in a comparison, where `*` at the end would stand for anything.
Result<std::string> quoted(const std::string& name) {
    constexpr std::size_t longest = 15; // for nft with the backslash, of which it then drops all
    const bool is_pattern = name.ends_with('*');
    if (name.find('"') != std::string::npos || printable(name) != name ||
        (is_pattern && (name.size() == longest || name.find('\\') != std::string::npos)))
        return error(Code::name_not_for_nft, printable(name));
    return is_pattern ? formatted("\"{}\\*\"", name.substr(0, name.size() - 1))
                      : formatted("\"{}\"", name);
}

std::string chain(std::string_view comment, std::string_view name, std::string_view rules) {
    return formatted("\n{}\tchain {} {{\n{}\t}}\n", comment, name, rules);
}

std::string base_chain(std::string_view comment, std::string_view name, std::string_view hook,
                       std::string_view rules) {
    return chain(comment, name, formatted("\t\ttype {}; policy accept;\n{}", hook, rules));
}

bool is_at(const Link& link, const IpAddress& local) {
    return local_of(link).value_or(local) == local;
}

/// The addresses that packets of the tunnel may come from, sorted.
std::vector<IpAddress> senders(const Link& link, const State& state) {
    std::vector<IpAddress> ends = other_ends(link);
    for (const auto& entry : link.macs) // what was learned is what anybody could have sent
        if (entry.origin != FdbOrigin::learned && !is_unspecified(entry.remote.dst))
            ends.push_back(entry.remote.dst);
    // The kernel gives a packet to the tunnel that names its source before it comes to one that
    // names none (ipip6_tunnel_lookup() in net/ipv6/sit.c).
    if (link.tunnel.kind == TunnelKind::sit && link.tunnel.local)
        for (const auto& other : state.links)
            if (other.name != link.name && is_tunnel(other) &&
                other.tunnel.kind == TunnelKind::sit && has_remote(other) &&
                is_at(other, *link.tunnel.local))
                ends.push_back(*other.tunnel.remote);
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return ends;
}

Family underlay_family(const Link& link, const std::vector<IpAddress>& ends) {
    if (const auto local = local_of(link)) return local->family;
    return ends.empty() ? Family::ipv4 : ends.front().family;
}

/// Each in a line of its own, the name of a peer as a comment behind it.
std::string elements_text(const std::vector<IpAddress>& ends, const PeerNames& names) {
    std::string text;
    bool after_comment = false;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const std::string name = name_of_peer(names, ends[i]);
        text += formatted("{}{}{}{}", i == 0 ? "" : "\n\t\t\t     ", to_string(ends[i]),
                          i + 1 == ends.size() ? "" : ",", name.empty() ? "" : " # " + name);
        after_comment = !name.empty();
    }
    return text.empty()
               ? ""
               : formatted("\t\telements = {{ {}{}}}\n", text, after_comment ? "\n\t\t\t   " : " ");
}

std::string peer_set(Family family, std::vector<IpAddress> ends, const PeerNames& names) {
    std::erase_if(ends, [&](const IpAddress& end) { return end.family != family; });
    return formatted("\t# Who may send into the tunnel.{}\n\tset peers {{\n\t\ttype {}\n{}\t}}\n",
                     ends.empty() ? " It has no other end, so nobody may." : "",
                     family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr",
                     elements_text(ends, names));
}

/// Everybody but the peers is dropped, of this VNI alone: other tunnels have the same port. The
/// destination does not count, since the kernel's socket listens on all addresses of the host.
std::string vxlan_rules(const Link& link, Family family) {
    const auto vni = link.tunnel.vni.value_or(0);
    const auto port = link.tunnel.port.value_or(0);
    const std::string comment = formatted(
        "\t# Whoever reaches UDP port {} could send frames into the tunnel: the kernel compares\n"
        "\t# neither their source nor their destination address. @th,96,24 is the VNI.\n",
        port);
    const std::string hook = "filter hook input priority -10";
    if (family == Family::ipv4)
        return base_chain(
            comment, "outside", hook,
            formatted("\t\tudp dport {} @th,96,24 {} ip saddr != @peers counter drop\n", port,
                      vni));
    // The kernel calls this hook before it puts fragments together (ip6_input() in
    // net/ipv6/ip6_input.c), and a rule does not match what lies behind a packet's end.
    return chain("\t# A fragment that is too short for a VNI would pass as one without it.\n",
                 "fragments", "\t\t@th,96,24 0-0xffffff return\n\t\tcounter drop\n") +
           base_chain(
               comment, "outside", hook,
               formatted("\t\tudp dport {0} ip6 saddr != @peers jump fragments\n"
                         "\t\tudp dport {0} @th,96,24 {1} ip6 saddr != @peers counter drop\n",
                         port, vni));
}

std::string isatap_rules(const Link& link) {
    const auto local = local_of(link);
    return base_chain(
        "\t# Protocol 41 is taken from routers alone, and from the other ends of other tunnels at\n"
        "\t# this address: not from other ISATAP hosts of the network.\n",
        "outside", "filter hook input priority -10",
        formatted("\t\t{}meta l4proto 41 ip saddr != @peers counter drop\n",
                  local ? formatted("ip daddr {} ", to_string(*local)) : ""));
}

std::string counting_set(const char* name, Family family) {
    return formatted("\tset {} {{\n\t\ttype {}\n\t\tsize 65535\n\t\tflags dynamic\n\t}}\n", name,
                     family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr");
}

/// The ports and VNIs that the kernel sends to.
std::set<std::pair<std::uint16_t, std::uint32_t>> destinations(const Link& link) {
    const std::uint16_t port = link.tunnel.port.value_or(0);
    const std::uint32_t vni = link.tunnel.vni.value_or(0);
    std::set<std::pair<std::uint16_t, std::uint32_t>> all{{port, vni}};
    for (const auto& entry : link.flood_list)
        all.emplace(entry.port.value_or(port), entry.vni.value_or(vni));
    for (const auto& entry : link.macs)
        all.emplace(entry.remote.port.value_or(port), entry.remote.vni.value_or(vni));
    return all;
}

/// A packet adds the element of its peer when there is none yet, which Linux 5.4 can already do;
/// only since 5.7 may an element have a counter before.
std::string counting_rules(const Link& link, Family family) {
    const char* const ip = family == Family::ipv4 ? "ip" : "ip6";
    const auto rule = [&](std::uint16_t port, std::uint32_t vni, const char* end, const char* set) {
        return formatted("\t\tudp dport {0} @th,96,24 {1} {2} {3} @peers update @{4} {{ {2} {3} "
                         "counter }}\n",
                         port, vni, ip, end, set);
    };
    std::string sent;
    for (const auto& [port, vni] : destinations(link))
        sent += rule(port, vni, "daddr", sent_set);
    const std::string received =
        rule(link.tunnel.port.value_or(0), link.tunnel.vni.value_or(0), "saddr", received_set);
    return "\n\t# What comes from each peer and goes to it, for 'vxlanctl show'. Other tables' "
           "rules "
           "come\n\t# first.\n" +
           counting_set(received_set, family) + "\n" + counting_set(sent_set, family) +
           base_chain("", "count_received", "filter hook input priority 300", received) +
           base_chain("", "count_sent", "filter hook output priority 300", sent);
}

/// Why the sources of a VXLAN's packets cannot be known; empty where they are.
std::string unknown_peers(const Link& link) {
    if (link.underlay_elsewhere) return text_of(Code::underlay_receives_elsewhere);
    if (link.tunnel.external.value_or(false) || link.tunnel.vnifilter.value_or(false))
        return text_of(Code::peers_known_to_others);
    if (has_remote(link) && is_multicast(*link.tunnel.remote))
        return text_of(Code::group_has_no_list, {{"group", to_string(*link.tunnel.remote)}});
    return "";
}

/// An allow-list that lacks the members of a next-hop group would cut them off.
Result<void> check_groups(const Link& link) {
    if (!unknown_peers(link).empty()) return {}; // there is no such list
    for (const auto& entry : link.opaque)
        if (entry.group && entry.members.empty())
            return error(Code::group_members_unknown, link.name, {{"group", *entry.group}});
    return {};
}

void add_counting(Firewall& firewall, const Link& link, const State& state) {
    const std::string reason =
        link.tunnel.kind == TunnelKind::vxlan ? unknown_peers(link) : text_of(Code::is_no_vxlan);
    if (reason.empty()) {
        firewall.text += counting_rules(link, underlay_family(link, senders(link, state)));
        return;
    }
    firewall.text += formatted("\t# Packets are not counted by peer: {}.\n", reason);
    firewall.warnings.emplace_back(Code::peers_not_counted, link.name, Values{{"reason", reason}});
}

void add_allow_list(Firewall& firewall, const Link& link, const State& state) {
    const std::string unknown = unknown_peers(link);
    if (!unknown.empty()) {
        firewall.text += formatted("\t# Anybody may send into the tunnel: {}.\n", unknown);
        firewall.warnings.emplace_back(Code::anybody_may_send, link.name,
                                       Values{{"reason", unknown}});
        return;
    }
    const bool is_isatap = link.tunnel.isatap.value_or(false);
    if (link.tunnel.kind != TunnelKind::vxlan && !is_isatap) {
        // A rule for its local address would drop what other tunnels there receive.
        const bool has_end = has_remote(link);
        firewall.text += has_end
                             ? formatted("\t# The kernel itself takes packets of the tunnel from "
                                         "{} alone.\n",
                                         to_string(*link.tunnel.remote))
                             : "\t# Anybody may send into the tunnel: it has no remote end.\n";
        if (!has_end)
            firewall.warnings.emplace_back(Code::anybody_may_send, link.name,
                                           Values{{"reason", text_of(Code::has_no_remote)}});
        return;
    }
    const auto ends = senders(link, state);
    const Family family = underlay_family(link, ends);
    const Record* record = find_record(state, &link);
    firewall.text += peer_set(family, ends, record != nullptr ? record->peer_names : PeerNames());
    firewall.text += is_isatap ? isatap_rules(link) : vxlan_rules(link, family);
}

bool carries(const Link& link, Family family) {
    const auto protocol = link.tunnel.proto.value_or(0);
    return link.tunnel.kind == TunnelKind::vxlan || protocol == 0 ||
           protocol == (family == Family::ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6);
}

std::string mss_rules(const Link& link, std::uint32_t mtu, const std::string& name) {
    std::string rules;
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        if (!carries(link, family)) continue;
        const bool is_v4 = family == Family::ipv4;
        for (const auto* way : {"iifname", "oifname"})
            rules += formatted("\t\t{} {} meta nfproto {} tcp flags & (syn | rst) == syn "
                               "tcp option maxseg size set {}\n",
                               way, name, is_v4 ? "ipv4" : "ipv6", mtu - (is_v4 ? 40 : 60));
    }
    return base_chain(formatted("\t# TCP connections of hosts behind this one send nothing that "
                                "does not fit into the tunnel's\n\t# MTU of {}. The kernel only "
                                "ever makes the value smaller.\n",
                                mtu),
                      "clamp_mss", "filter hook forward priority -150", rules);
}

std::string protocol_text(const Service& service) {
    if (service.protocol == IPPROTO_TCP) return "tcp";
    return service.protocol == IPPROTO_UDP ? "udp" : "";
}

std::string service_rule(const Service& service) {
    if (service.low == 0) return formatted("\t\tmeta l4proto {} accept\n", service.protocol);
    return formatted("\t\t{} dport {}{} accept\n", protocol_text(service), service.low,
                     service.high == service.low ? "" : formatted("-{}", service.high));
}

std::string protect_rules(const std::string& name, const std::vector<Service>& services) {
    std::string rules = formatted("\t\tiifname != {} accept\n"
                                  "\t\tct state established,related accept\n"
                                  "\t\tmeta l4proto {{ icmp, ipv6-icmp }} accept\n",
                                  name);
    for (const auto& service : services)
        rules += service_rule(service);
    return base_chain("\t# What comes out of the tunnel to this host itself. The security groups "
                      "of a cloud do not\n\t# see it.\n",
                      "inside", "filter hook input priority -5", rules + "\t\tcounter drop\n");
}

bool read_port(std::string_view text, std::uint16_t& port) {
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, port);
    return problem == std::errc{} && stop == end && port != 0;
}

/// Where the rules would not see what comes out of the tunnel by its name.
Result<void> check_master(const Link& link, const FirewallWish& wish) {
    if (wish.masquerade.empty() && !wish.clamp_mss && !wish.protect) return {};
    const std::string master = link.attributes.master.value_or("");
    const std::string vrf = link.attributes.vrf.value_or("");
    if (master.empty() && vrf.empty()) return {};
    return error(
        Code::firewall_of_master, link.name,
        {{"role", vrf.empty() ? "master" : "VRF"}, {"master", vrf.empty() ? master : vrf}});
}

} // namespace

Result<Service> parse_service(std::string_view text) {
    const auto wrong = [&] { return error(Code::not_a_service, quote(text)); };
    if (text == "ipip6") return Service{IPPROTO_IPIP, 0, 0};
    if (text == "vrrp") return Service{vrrp, 0, 0};
    Service service;
    if (text.starts_with("tcp/"))
        service.protocol = IPPROTO_TCP;
    else if (text.starts_with("udp/"))
        service.protocol = IPPROTO_UDP;
    else
        return wrong();
    const auto ports = text.substr(4);
    const auto dash = ports.find('-');
    if (!read_port(ports.substr(0, dash), service.low) ||
        !read_port(dash == std::string_view::npos ? ports : ports.substr(dash + 1), service.high) ||
        service.high < service.low)
        return wrong();
    return service;
}

Result<Firewall> firewall_of(const Link& link, const State& state, const FirewallWish& wish) {
    const auto name = quoted(link.name);
    if (!name) return tl::unexpected(name.error());
    if (wish.masquerade == link.name) return error(Code::masquerade_is_tunnel, link.name);
    if (const auto good = check_master(link, wish); !good) return tl::unexpected(good.error());
    if (const auto good = check_groups(link); !good) return tl::unexpected(good.error());
    const auto mtu = link.attributes.mtu.value_or(0);
    if (wish.clamp_mss && mtu <= 60)
        return error(Code::mtu_too_small_for_tcp, link.name, {{"mtu", mtu}});

    const std::string table = firewall_table(link.name);
    Firewall firewall;
    firewall.text =
        formatted("# Rules for {}, for 'nft -f -'. Loaded once more, they replace this one table.\n"
                  "table inet {}\ndelete table inet {}\ntable inet {} {{\n",
                  link.name, table, table, table);
    add_allow_list(firewall, link, state);
    if (wish.count) add_counting(firewall, link, state);
    if (!wish.masquerade.empty()) {
        const auto device = quoted(wish.masquerade);
        if (!device) return tl::unexpected(device.error());
        firewall.text += base_chain(
            formatted("\t# What is forwarded from the tunnel to {} gets this host's address "
                      "there. Before Linux 5.7\n\t# this matches nothing.\n",
                      wish.masquerade),
            "masqueraded", "nat hook postrouting priority 100",
            formatted("\t\tiifname {} oifname {} masquerade\n", *name, *device));
    }
    if (wish.clamp_mss) firewall.text += mss_rules(link, mtu, *name);
    if (wish.protect) firewall.text += protect_rules(*name, wish.services);
    firewall.text += "}\n";
    return firewall;
}

} // namespace vxlanctl
