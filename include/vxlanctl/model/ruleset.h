#pragma once

#include "vxlanctl/base/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a firewall does with a packet, as far as its rules can be understood. What cannot be is
/// never taken for a yes or a no.
namespace vxlanctl {

/// What a rule compares.
enum class MatchField : std::uint8_t {
    in_link,
    out_link,
    family,
    protocol,
    source,
    destination,
    destination_port,
    vni,   ///< of a VXLAN packet, as `@th,96,24`
    state, ///< of the connection: `new`, `established`, …
    other  ///< anything else: may be true or not
};

/// One comparison of a rule. Only the list that the field needs is used.
struct RulesetMatch {
    MatchField field = MatchField::other;
    bool negated = false;
    std::vector<std::string> words; ///< links (`eth*` is a pattern), states
    std::vector<std::pair<std::uint32_t, std::uint32_t>> numbers; ///< ranges, both ends included
    std::vector<std::pair<IpAddress, IpAddress>> addresses;       ///< ranges, both ends included
    bool operator==(const RulesetMatch&) const = default;
};

enum class RuleAction : std::uint8_t {
    go_on,
    accept,
    drop,
    jump,
    go_to,
    give_back,
    new_destination, ///< redirect and dnat
    new_source,      ///< snat
    unknown
};

struct RulesetRule {
    std::vector<RulesetMatch> matches;
    RuleAction action = RuleAction::go_on;
    std::string target; ///< the chain of jump and go_to
    /// What NAT gives the packet; empty: stays as it is.
    std::optional<IpAddress> nat_address;
    std::optional<std::uint16_t> nat_port;
    std::uint64_t handle = 0;
};

struct RulesetChain {
    std::string family, table, name;
    std::string type, hook; ///< empty for a chain that is only jumped to
    std::string device;     ///< of hook ingress; empty for any
    bool drops = false;     ///< the policy
    std::vector<RulesetRule> rules;
};

struct RulesetTable {
    std::string family, name;
    bool operator==(const RulesetTable&) const = default;
};

struct Ruleset {
    std::vector<RulesetChain> chains; ///< without those of tables that are known to be dormant
    /// Tables with flags that are not understood: before nft 1.1 JSON has arbitrary text in place
    /// of a single one (a use after free in table_flags_json()).
    std::vector<RulesetTable> unclear;
};

/// A packet of a tunnel or in one, as the host's firewall sees it. What is not known of one is any:
/// then only rules that would concern each such packet surely do.
struct Packet {
    bool incoming = true;
    bool is_forwarded = false;    ///< comes in and goes out again
    bool is_arp = false;          ///< seen by chains of the families arp, netdev and bridge alone
    std::string link;             ///< that it comes in or goes out by; empty when that is not known
    std::string out_link;         ///< of one that is forwarded, that it goes out by
    Family family = Family::ipv4; ///< where no address is known
    std::optional<IpAddress> source, destination;
    std::optional<std::uint8_t> protocol;
    std::optional<std::uint16_t> port; ///< the UDP destination port
    std::optional<std::uint32_t> vni;  ///< none also of a packet that is in no tunnel
    /// The connection's state: certainly `new` for VXLAN, whose every flow has a source port of
    /// its own; not known for protocols without ports, where any packet sent makes it established.
    bool is_new = false;
};

enum class Fate : std::uint8_t { passes, unsure, dropped };

/// What becomes of a packet, and which base chains are to blame unless it passes.
struct Judgement {
    Fate fate = Fate::passes;
    struct Blamed {
        const RulesetChain* chain;
        std::string why; ///< `policy drop`, or `handle 7 of chain 'input'`
    };
    std::vector<Blamed> blamed; ///< of the gravest fate alone
};
Judgement judge(const Ruleset& ruleset, const Packet& packet);

/// The command that puts a rule, such as `udp dport 4789 accept`, before all others of the chain.
std::string insertion_of(std::string_view rule, const RulesetChain& chain);
/// The command that lets `peers` into the table of `vxlanctl firewall`: `nft add element …`.
std::string addition_to_peers(const std::string& table, const std::vector<std::string>& peers);

/// The name of the table, of family inet, that `vxlanctl firewall` makes for a tunnel; no two
/// interfaces have the same one.
std::string firewall_table(std::string_view link);

/// The sets in it in which `vxlanctl firewall --count` counts what comes from each peer and goes to
/// it: an element with a counter for each address.
inline constexpr const char* received_set = "received";
inline constexpr const char* sent_set = "sent";

} // namespace vxlanctl
