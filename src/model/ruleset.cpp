#include "vxlanctl/model/ruleset.h"

#include "vxlanctl/base/format.h"

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

Answer is_number(const RulesetMatch& match, std::optional<std::uint32_t> number) {
    if (!number) return Answer::no; // of a protocol that has none
    return answer(std::any_of(match.numbers.begin(), match.numbers.end(), [&](const auto& range) {
        return range.first <= *number && *number <= range.second;
    }));
}

Answer is_address(const RulesetMatch& match, const IpAddress& address) {
    return answer(
        std::any_of(match.addresses.begin(), match.addresses.end(), [&](const auto& range) {
            return range.first.family == address.family && range.first <= address &&
                   address <= range.second;
        }));
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
        result = packet.incoming ? is_link(match, packet.link) : Answer::no;
        break;
    case MatchField::out_link:
        result = packet.incoming ? Answer::no : is_link(match, packet.link);
        break;
    case MatchField::family:
        result = is_number(match, packet.source.family == Family::ipv4 ? 4 : 6);
        break;
    case MatchField::protocol: result = is_number(match, packet.protocol); break;
    case MatchField::source: result = is_address(match, packet.source); break;
    case MatchField::destination: result = is_address(match, packet.destination); break;
    case MatchField::destination_port:
        result = is_number(match,
                           packet.port ? std::optional<std::uint32_t>(*packet.port) : std::nullopt);
        break;
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

bool concerns(const RulesetChain& chain, const Packet& packet) {
    if (chain.type != "filter") return false;
    const bool right_family = chain.family == "inet" || chain.family == "netdev" ||
                              chain.family == (packet.source.family == Family::ipv4 ? "ip" : "ip6");
    if (!right_family) return false;
    if (!chain.device.empty() && !packet.link.empty() && chain.device != packet.link) return false;
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
        if (outcomes.goes_on && chain.drops) {
            if (!outcomes.dropped) outcomes.dropped_by = "policy drop";
            outcomes.dropped = true;
        }
        const bool passes = outcomes.accepted || (outcomes.goes_on && !chain.drops);
        const Fate fate = !outcomes.dropped ? Fate::passes : passes ? Fate::unsure : Fate::dropped;
        if (fate == Fate::passes || fate < judgement.fate) continue;
        if (fate > judgement.fate) judgement.blamed.clear();
        judgement.fate = fate;
        judgement.blamed.push_back({&chain, outcomes.dropped_by});
    }
    return judgement;
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
