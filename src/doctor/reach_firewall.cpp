#include "vxlanctl/doctor/reach_steps.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/kinds/kinds.h"

#include <netinet/in.h>

/// What this host's firewall does with the packets to an address, and with the answers.
namespace vxlanctl {
namespace {

/// A packet, and what to call it.
struct Asked {
    Packet packet;
    std::string what;
    std::string acceptance; ///< what a rule that accepts it compares
};

/// An echo request to the address, or the answer.
Asked inner_asked(const Stretch& it, bool incoming) {
    Packet packet;
    packet.incoming = incoming;
    packet.link = it.link.name;
    packet.source = incoming ? it.to : it.source.value_or(IpAddress{it.to.family, {}});
    packet.destination = incoming ? it.source.value_or(IpAddress{it.to.family, {}}) : it.to;
    packet.protocol =
        it.to.family == Family::ipv4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
    return {packet,
            text_of(Code::packets_inside, {{"direction", incoming ? "from" : "to"},
                                           {"to", to_string(it.to)},
                                           {"interface", it.link.name}}),
            formatted("{} \"{}\" {} {} {}", incoming ? "iifname" : "oifname", it.link.name,
                      it.to.family == Family::ipv4 ? "ip" : "ip6", incoming ? "saddr" : "daddr",
                      to_string(it.to))};
}

/// A packet of the tunnel itself.
Asked outer_asked(const Stretch& it, const IpAddress& end, const IpAddress& local, bool incoming) {
    Packet packet = outer_packet(it.link.tunnel, incoming ? end : local, incoming ? local : end);
    packet.incoming = incoming;
    packet.link = it.link.tunnel.dev.value_or("");
    if (const RouteFact* way = find_out(it.given, it.link, end);
        packet.link.empty() && way != nullptr && way->code == 0)
        packet.link = way->dev;
    const std::string match = packet.port
                                  ? formatted("udp dport {}", *packet.port)
                                  : formatted("meta l4proto {}", packet.protocol.value_or(0));
    return {packet,
            text_of(Code::packets_outside, {{"protocol", outer_protocol_text(it.link.tunnel)},
                                            {"direction", incoming ? "from" : "to"},
                                            {"peer", to_string(end)}}),
            formatted("{} {} {} {}", end.family == Family::ipv4 ? "ip" : "ip6",
                      incoming ? "saddr" : "daddr", to_string(end), match)};
}

/// Whether it is worse than that nothing is known: of an answer, whether the rules know its
/// connection cannot be told.
bool is_told(Fate fate, const Asked& asked) {
    return fate == Fate::dropped || (fate == Fate::unsure && !asked.packet.incoming);
}

/// The first packet that is dropped, or else the first that may be, and how all of these are
/// accepted.
struct Objection {
    Fate fate = Fate::passes;
    Values values;
    std::string remedy;
};

/// The graver one counts; of equal ones the first, with both remedies.
void add_objection(Objection& worst, Objection other) {
    if (other.fate > worst.fate)
        worst = std::move(other);
    else if (other.fate == worst.fate && other.fate != Fate::passes)
        worst.remedy += " && " + other.remedy;
}

Objection objection_to(const Ruleset& ruleset, const Asked& asked) {
    const auto judgement = judge(ruleset, asked.packet);
    if (!is_told(judgement.fate, asked)) return {};
    const auto& [chain, why] = judgement.blamed.front();
    Objection objection{judgement.fate,
                        {{"what", asked.what},
                         {"table", formatted("{} {}", chain->family, chain->table)},
                         {"chain", chain->name},
                         {"why", why}},
                        ""};
    for (const auto& blamed : judgement.blamed)
        objection.remedy += (objection.remedy.empty() ? "" : " && ") +
                            insertion_of(asked.acceptance + " accept", *blamed.chain);
    return objection;
}

/// Of several remote ends, the one that most is let pass of.
Objection outer_objection(const Ruleset& ruleset, const Stretch& it) {
    const auto local = local_of(it.link);
    std::optional<Objection> least;
    for (const auto& end : it.ends) {
        if (!local || local->family != end.family) continue;
        Objection objection;
        for (const bool incoming : {false, true})
            add_objection(objection, objection_to(ruleset, outer_asked(it, end, *local, incoming)));
        if (!least || objection.fate < least->fate) least = std::move(objection);
    }
    return least.value_or(Objection{});
}

} // namespace

void judge_firewall(ReachSteps& steps, const std::vector<Stretch>& stretches) {
    const Facts& facts = stretches.front().given.facts;
    if (const auto& obstacle = facts.ruleset_obstacle)
        return steps.warn("firewall", Code::firewall_unknown, {{"reason", text_of(*obstacle)}});
    Objection worst;
    for (const auto& it : stretches)
        add_objection(worst, outer_objection(facts.ruleset, it));
    for (const bool incoming : {false, true})
        add_objection(worst, objection_to(facts.ruleset, inner_asked(stretches.front(), incoming)));
    if (worst.fate == Fate::dropped)
        steps.fail("firewall", Code::reach_firewall_drops, worst.values, worst.remedy);
    else if (worst.fate == Fate::unsure)
        steps.warn("firewall", Code::reach_firewall_may_drop, worst.values);
    else if (facts.has_legacy_rules)
        steps.warn("firewall", Code::firewall_legacy, {});
    else
        steps.pass("firewall", Code::reach_firewall_passes);
}

} // namespace vxlanctl
