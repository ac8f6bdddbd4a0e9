#include "vxlanctl/model/ruleset.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"

#include <algorithm>

namespace vxlanctl {
namespace {

enum class Answer : std::uint8_t { no, maybe, yes };

Answer answer(bool value) {
    return value ? Answer::yes : Answer::no;
}

bool is_pattern_of(const std::string& pattern, const std::string& name) {
    return pattern.ends_with('*')
               ? name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
               : pattern == name;
}

Answer is_link(const RulesetMatch& match, const std::string& link) {
    if (link.empty()) return Answer::maybe;
    return answer(std::any_of(match.words.begin(), match.words.end(),
                              [&](const auto& word) { return is_pattern_of(word, link); }));
}

Family family_of(const Packet& packet) {
    return packet.source ? packet.source->family : packet.family;
}

Answer is_number(const RulesetMatch& match, std::optional<std::uint32_t> number) {
    if (!number) return Answer::no; // of a protocol that has none
    return answer(std::any_of(match.numbers.begin(), match.numbers.end(), [&](const auto& range) {
        return range.first <= *number && *number <= range.second;
    }));
}

Answer is_address(const RulesetMatch& match, const std::optional<IpAddress>& address) {
    if (!address) return Answer::maybe;
    return answer(
        std::any_of(match.addresses.begin(), match.addresses.end(), [&](const auto& range) {
            return range.first.family == address->family && range.first <= *address &&
                   *address <= range.second;
        }));
}

Answer is_port(const RulesetMatch& match, const Packet& packet) {
    if (!packet.protocol) return Answer::maybe;
    return is_number(match,
                     packet.port ? std::optional<std::uint32_t>(*packet.port) : std::nullopt);
}

Answer is_state(const RulesetMatch& match, const Packet& packet) {
    const auto has = [&](std::string_view word) {
        return std::find(match.words.begin(), match.words.end(), word) != match.words.end();
    };
    if (packet.is_new) return has("untracked") && !has("new") ? Answer::maybe : answer(has("new"));
    if (has("new") && has("established")) return Answer::yes;
    return has("new") || has("established") || has("untracked") ? Answer::maybe : Answer::no;
}

Answer holds(const RulesetMatch& match, const Packet& packet) {
    Answer result = Answer::maybe;
    switch (match.field) {
    case MatchField::in_link:
        result = packet.incoming || packet.is_forwarded ? is_link(match, packet.link) : Answer::no;
        break;
    case MatchField::out_link:
        result = packet.is_forwarded ? is_link(match, packet.out_link)
                 : packet.incoming   ? Answer::no
                                     : is_link(match, packet.link);
        break;
    case MatchField::family:
        result = packet.is_arp ? Answer::no
                               : is_number(match, family_of(packet) == Family::ipv4 ? 4 : 6);
        break;
    case MatchField::protocol:
        result = packet.protocol ? is_number(match, *packet.protocol) : Answer::maybe;
        break;
    case MatchField::source: result = is_address(match, packet.source); break;
    case MatchField::destination: result = is_address(match, packet.destination); break;
    case MatchField::destination_port: result = is_port(match, packet); break;
    case MatchField::vni: result = packet.vni ? is_number(match, packet.vni) : Answer::maybe; break;
    case MatchField::state: result = is_state(match, packet); break;
    case MatchField::other: return Answer::maybe;
    }
    if (!match.negated || result == Answer::maybe) return result;
    return answer(result == Answer::no);
}

Answer holds(const RulesetRule& rule, const Packet& packet) {
    Answer all = Answer::yes;
    for (const auto& match : rule.matches)
        all = std::min(all, holds(match, packet));
    return all;
}

/// What may come of a chain.
struct Outcomes {
    bool accepted = false, dropped = false, goes_on = false;
    std::string dropped_by;
};

class Walk {
public:
    Walk(const Ruleset& ruleset, const Packet& packet) : ruleset_(ruleset), packet_(packet) {}

    Outcomes through(const RulesetChain& chain, int depth = 0) {
        constexpr int deepest = 16; // NFT_JUMP_STACK_SIZE
        if (depth > deepest) return {true, true, true, "a jump too deep"};
        Outcomes result;
        for (const auto& rule : chain.rules) {
            const Answer matches = holds(rule, packet_);
            if (matches == Answer::no) continue;
            const bool surely = matches == Answer::yes;
            switch (rule.action) {
            case RuleAction::go_on: break;
            case RuleAction::accept: result.accepted = true; break;
            case RuleAction::drop: drop(result, rule, chain); break;
            case RuleAction::new_destination:
            case RuleAction::new_source:
                if (changes(rule))
                    drop(result, rule, chain);
                else
                    result.accepted = true;
                break;
            case RuleAction::give_back: result.goes_on = true; break;
            case RuleAction::unknown:
                result.accepted = result.goes_on = true;
                drop(result, rule, chain);
                continue;
            case RuleAction::jump:
            case RuleAction::go_to:
                const Outcomes inner = through(chain, rule, depth);
                result.accepted = result.accepted || inner.accepted;
                if (inner.dropped && !result.dropped) result.dropped_by = inner.dropped_by;
                result.dropped = result.dropped || inner.dropped;
                if (rule.action == RuleAction::go_to)
                    result.goes_on = result.goes_on || inner.goes_on;
                else if (inner.goes_on)
                    continue;
                break;
            }
            if (surely && rule.action != RuleAction::go_on) return result;
        }
        result.goes_on = true;
        return result;
    }

private:
    static void drop(Outcomes& result, const RulesetRule& rule, const RulesetChain& chain) {
        if (!result.dropped)
            result.dropped_by = formatted("handle {} of chain '{}'", rule.handle, chain.name);
        result.dropped = true;
    }

    /// Whether NAT gives the packet another end, where nobody expects it.
    bool changes(const RulesetRule& rule) const {
        const auto& end =
            rule.action == RuleAction::new_source ? packet_.source : packet_.destination;
        return (rule.nat_address && rule.nat_address != end) ||
               (rule.action == RuleAction::new_destination && rule.nat_port &&
                rule.nat_port != packet_.port);
    }

    Outcomes through(const RulesetChain& from, const RulesetRule& rule, int depth) {
        for (const auto& chain : ruleset_.chains)
            if (chain.family == from.family && chain.table == from.table &&
                chain.name == rule.target)
                return through(chain, depth + 1);
        return {true, true, true, formatted("chain '{}', which is not known", rule.target)};
    }

    const Ruleset& ruleset_;
    const Packet& packet_;
};

bool is_of_family(const RulesetChain& chain, const Packet& packet) {
    if (packet.is_arp) return chain.family == "arp" || chain.family == "netdev";
    return chain.family == "inet" || chain.family == "netdev" ||
           chain.family == (family_of(packet) == Family::ipv4 ? "ip" : "ip6");
}

bool concerns(const RulesetChain& chain, const Packet& packet) {
    if (chain.type != "filter" && chain.type != "nat" && chain.type != "route") return false;
    if (!is_of_family(chain, packet)) return false;
    const bool leaves = chain.hook == "postrouting" || chain.hook == "egress";
    const std::string& link = packet.is_forwarded && leaves ? packet.out_link : packet.link;
    if (!chain.device.empty() && !link.empty() && chain.device != link) return false;
    if (packet.is_forwarded)
        return leaves || chain.hook == "forward" || chain.hook == "ingress" ||
               chain.hook == "prerouting";
    return packet.incoming
               ? chain.hook == "ingress" || chain.hook == "prerouting" || chain.hook == "input"
               : chain.hook == "output" || chain.hook == "postrouting" || chain.hook == "egress";
}

} // namespace

Judgement judge(const Ruleset& ruleset, const Packet& packet) {
    Judgement judgement;
    for (const auto& chain : ruleset.chains) {
        if (!concerns(chain, packet)) continue;
        Outcomes outcomes = Walk(ruleset, packet).through(chain);
        const bool has_policy =
            chain.type != "nat"; // the kernel takes no other one than accept there
        if (outcomes.goes_on && chain.drops && has_policy) {
            if (!outcomes.dropped) outcomes.dropped_by = "policy drop";
            outcomes.dropped = true;
        }
        const bool passes = outcomes.accepted || (outcomes.goes_on && !(chain.drops && has_policy));
        const Fate fate = !outcomes.dropped ? Fate::passes : passes ? Fate::unsure : Fate::dropped;
        if (fate == Fate::passes || fate < judgement.fate) continue;
        if (fate > judgement.fate) judgement.blamed.clear();
        judgement.fate = fate;
        judgement.blamed.push_back({&chain, outcomes.dropped_by});
    }
    return judgement;
}

std::string insertion_of(std::string_view rule, const RulesetChain& chain) {
    return formatted("nft insert rule {} {} {} {}", chain.family, shell_quoted(chain.table),
                     shell_quoted(chain.name), shell_quoted(rule));
}

std::string addition_to_peers(const std::string& table, const std::vector<std::string>& peers) {
    return formatted("nft add element inet {} peers {}", shell_quoted(table),
                     shell_quoted(formatted("{{ {} }}", fmt::join(peers, ", "))));
}

std::string firewall_table(std::string_view link) {
    std::string text = "vxlanctl_";
    for (const char character : link)
        if ((character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
            (character >= '0' && character <= '9') || character == '_' || character == '-' ||
            character == '.')
            text += character;
        else // no link's name has a slash, and nft takes one in an identifier
            text += formatted("/{:02x}", static_cast<unsigned char>(character));
    return text;
}

} // namespace vxlanctl
