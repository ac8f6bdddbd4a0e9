#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <netinet/in.h>

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

/// The rule that lets the packets pass.
std::string acceptance(const Examined& it, const Affected& affected) {
    const auto& tunnel = it.link.tunnel;
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
    return formatted("nft insert rule {} {} {} {}", chain.family, shell_quoted(chain.table),
                     shell_quoted(chain.name), shell_quoted(rule));
}

} // namespace

void check_firewall(Check& check, const Examined& it) {
    if (!is_good(it, check_local_address)) return;
    if (const auto& obstacle = it.facts.ruleset_obstacle)
        return check.warn(Code::firewall_unknown, {{"reason", text_of(*obstacle)}},
                          obstacle->code == Code::nft_missing ? "apt-get install nftables"
                                                              : "nft list ruleset");
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
    if (it.facts.has_legacy_rules)
        check.warn(Code::firewall_legacy, {}, "iptables-legacy-save -t filter");
    check.pass(it.facts.ruleset.chains.empty() ? Code::firewall_empty : Code::firewall_lets_pass,
               {{"what", what}});
}

} // namespace vxlanctl
