#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <netinet/in.h>
#include <set>

/// What this host's firewall does with the tunnel's packets.
namespace vxlanctl {
namespace {

Packet packet(const Examined& it, const IpAddress& end, bool incoming) {
    Packet result =
        outer_packet(it.link.tunnel, incoming ? end : *it.local, incoming ? *it.local : end);
    result.incoming = incoming;
    result.link = it.dev;
    for (const auto& way : it.tunnel.out)
        if (result.link.empty() && way.to == end && way.code == 0) result.link = way.dev;
    return result;
}

/// What a base chain does with packets from or to some ends.
struct Affected {
    Judgement::Blamed blamed;
    Fate fate;
    bool incoming;
    std::vector<std::string> ends;
};

std::vector<Affected> affected_of(const Examined& it) {
    std::vector<Affected> all;
    const auto add = [&](const IpAddress& end, bool incoming) {
        const auto judgement = judge(it.facts.ruleset, packet(it, end, incoming));
        for (const auto& blamed : judgement.blamed) {
            const auto at = std::find_if(all.begin(), all.end(), [&](const Affected& affected) {
                return affected.blamed.chain == blamed.chain && affected.fate == judgement.fate &&
                       affected.incoming == incoming;
            });
            if (at != all.end())
                at->ends.push_back(to_string(end));
            else
                all.push_back({blamed, judgement.fate, incoming, {to_string(end)}});
        }
    };
    if (!it.local) return all;
    for (const auto& end : other_ends(it.link)) {
        if (!is_multicast(end)) add(end, true);
        add(end, false);
    }
    return all;
}

/// The table of `vxlanctl firewall` lacks the peers, or a rule of somebody else's stops them.
std::string acceptance(const Examined& it, const Affected& affected) {
    const auto& tunnel = it.link.tunnel;
    if (affected.blamed.chain->table == firewall_table(it.link.name))
        return addition_to_peers(affected.blamed.chain->table, affected.ends);
    const bool is_ipv4 = it.local->family == Family::ipv4;
    const auto protocol = kind_of(tunnel.kind).protocol(tunnel);
    const std::string match =
        protocol == IPPROTO_UDP
            ? formatted("udp dport {}", *tunnel.port)
            : formatted("{} {}", is_ipv4 ? "ip protocol" : "meta l4proto", protocol);
    const std::string rule =
        formatted("{} {} {{ {} }} {} accept", is_ipv4 ? "ip" : "ip6",
                  affected.incoming ? "saddr" : "daddr", fmt::join(affected.ends, ", "), match);
    const auto& chain = *affected.blamed.chain;
    std::string insertion = insertion_of(rule, chain);
    if (chain.type != "nat" || !tunnel.port) return insertion;
    // Connections keep what NAT gave them when they began.
    return formatted("{} && {{ conntrack -D -p udp --dport {} || true; }}", insertion,
                     *tunnel.port);
}

/// Packets in the tunnel that have to pass, by the name of what they are.
struct InnerTraffic {
    Code what;
    Packet packet;
    std::string match; ///< as nft selects them
};

Packet inner_packet(const std::string& link, bool incoming, Family family) {
    Packet packet;
    packet.incoming = incoming;
    packet.link = link;
    packet.family = family;
    return packet;
}

/// The interface by whose name rules see what comes out of the tunnel.
std::string seen_as(const Examined& it) {
    const std::string master = it.link.attributes.master.value_or("");
    return master.empty() ? it.link.name : master;
}

std::set<Family> inner_families(const Examined& it) {
    std::set<Family> families;
    for (const auto& host : it.state.host_addresses)
        if (host.link == seen_as(it) && !is_link_local(host.prefix.address))
            families.insert(host.prefix.address.family);
    return families;
}

/// Between the tunnel and another interface, or with an empty name any.
void add_forwarded(std::vector<InnerTraffic>& all, const Examined& it, const std::string& other,
                   Family family) {
    const std::string link = seen_as(it);
    Packet packet = inner_packet(link, true, family);
    packet.is_forwarded = true;
    packet.out_link = other;
    all.push_back({Code::forwarded_from_tunnel, packet, formatted("iifname \"{}\"", link)});
    std::swap(packet.link, packet.out_link);
    all.push_back({Code::forwarded_into_tunnel, packet, formatted("oifname \"{}\"", link)});
}

std::vector<InnerTraffic> inner_traffic(const Examined& it) {
    std::vector<InnerTraffic> all;
    const std::string link = seen_as(it);
    const std::string name = formatted("\"{}\"", link);
    for (const auto family : inner_families(it)) {
        all.push_back({Code::packets_out_of_tunnel, inner_packet(link, true, family),
                       formatted("iifname {}", name)});
        all.push_back({Code::packets_into_tunnel, inner_packet(link, false, family),
                       formatted("oifname {}", name)});
    }
    if (inner_families(it).contains(Family::ipv4) && kind_of(it.link.tunnel.kind).has_fdb)
        for (const bool incoming : {true, false}) {
            Packet arp = inner_packet(link, incoming, Family::ipv4);
            arp.is_arp = true;
            all.push_back({incoming ? Code::arp_out_of_tunnel : Code::arp_into_tunnel, arp,
                           formatted("{} {}", incoming ? "iifname" : "oifname", name)});
        }
    const auto signs = gateway_signs(it);
    if (signs.reasons.empty()) return all;
    if (signs.ingress.empty()) add_forwarded(all, it, "", signs.family);
    for (const auto& dev : signs.ingress)
        add_forwarded(all, it, dev, signs.family);
    return all;
}

/// Only what surely stops all of it: many firewalls let through some of what is inside.
void judge_inside(Check& check, const Examined& it) {
    for (const auto& traffic : inner_traffic(it)) {
        const auto judgement = judge(it.facts.ruleset, traffic.packet);
        if (judgement.fate != Fate::dropped) continue;
        for (const auto& blamed : judgement.blamed) {
            const auto& chain = *blamed.chain;
            check.fail(Code::firewall_drops_inside,
                       {{"what", text_of(traffic.what)},
                        {"table", formatted("{} {}", chain.family, chain.table)},
                        {"chain", chain.name},
                        {"why", blamed.why}},
                       insertion_of(traffic.match + " accept", chain));
        }
    }
}

} // namespace

void check_firewall(Check& check, const Examined& it) {
    if (!is_good(it, check_local_address)) return;
    if (const auto& obstacle = it.facts.ruleset_obstacle)
        return check.warn(Code::firewall_unknown, {{"reason", text_of(*obstacle)}},
                          Remedy::to_look(obstacle->code == Code::nft_missing
                                              ? "apt-get install nftables"
                                              : "nft list ruleset"));
    const std::string what = outer_protocol_text(it.link.tunnel);
    for (const auto& affected : affected_of(it)) {
        const auto& chain = *affected.blamed.chain;
        const Values values{{"what", what},
                            {"direction", affected.incoming ? "from" : "to"},
                            {"peers", first_of(affected.ends)},
                            {"table", formatted("{} {}", chain.family, chain.table)},
                            {"chain", chain.name},
                            {"why", affected.blamed.why}};
        if (affected.fate == Fate::dropped)
            check.fail(Code::firewall_drops, values, acceptance(it, affected));
        else
            check.warn(Code::firewall_may_drop, values, acceptance(it, affected));
    }
    if (it.signs.empty()) judge_inside(check, it);
    if (it.facts.has_legacy_rules)
        check.warn(Code::firewall_legacy, {}, Remedy::to_look("iptables-legacy-save -t filter"));
    check.pass(it.facts.ruleset.chains.empty() ? Code::firewall_empty : Code::firewall_lets_pass,
               {{"what", what}});
}

} // namespace vxlanctl
