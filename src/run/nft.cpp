#include "vxlanctl/run/nft.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/json_members.h"
#include "vxlanctl/base/program.h"
#include "vxlanctl/netlink/nftables_codec.h"

#include <algorithm>
#include <linux/netlink.h>
#include <map>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

using Json = nlohmann::json;

const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

bool is_pair(const Json* json) {
    return json != nullptr && json->is_array() && json->size() == 2;
}

void leave_out(Ruleset& ruleset, const RulesetTable& table) {
    std::erase_if(ruleset.chains, [&](const RulesetChain& chain) {
        return chain.family == table.family && chain.table == table.name;
    });
}

class Parser {
public:
    Ruleset parse(const Json& document) {
        const Json* items = member(document, "nftables");
        if (items == nullptr || !items->is_array()) return {};
        for (const auto& item : *items)
            if (const Json* table = member(item, "table")) add_flags(*table);
        for (const auto& item : *items) // sets stand behind the rules that use them
            if (const Json* set = member(item, "set")) add_set(*set);
        for (const auto& item : *items)
            if (const Json* chain = member(item, "chain")) add_chain(*chain);
        for (const auto& item : *items)
            if (const Json* rule = member(item, "rule")) add_rules(*rule);
        for (const auto& table : dormant_)
            leave_out(ruleset_, table);
        return std::move(ruleset_);
    }

private:
    static std::string key_of(const Json& object, const std::string& name) {
        return formatted("{}/{}/{}", string_in(object, "family"), string_in(object, "table"), name);
    }

    void add_flags(const Json& json) {
        const Json* flags = member(json, "flags"); // one word, or an array
        if (flags == nullptr) return;
        const auto has = [&](const char* word) {
            return *flags == word || (flags->is_array() && std::find(flags->begin(), flags->end(),
                                                                     word) != flags->end());
        };
        const RulesetTable table{string_in(json, "family"), string_in(json, "name")};
        if (has("dormant"))
            dormant_.push_back(table);
        else if (!has("owner") && !has("persist"))
            ruleset_.unclear.push_back(table);
    }

    void add_set(const Json& set) {
        const Json* elements = member(set, "elem");
        sets_[key_of(set, string_in(set, "name"))] =
            elements != nullptr ? *elements : Json::array();
    }

    void add_chain(const Json& json) {
        RulesetChain chain;
        chain.family = string_in(json, "family");
        chain.table = string_in(json, "table");
        chain.name = string_in(json, "name");
        chain.type = string_in(json, "type");
        chain.hook = string_in(json, "hook");
        chain.device = string_in(json, "dev");
        chain.drops = string_in(json, "policy") == "drop";
        ruleset_.chains.push_back(std::move(chain));
    }

    void add_rules(const Json& json) {
        const auto chain = std::find_if(ruleset_.chains.begin(), ruleset_.chains.end(),
                                        [&](const RulesetChain& known) {
                                            return known.family == string_in(json, "family") &&
                                                   known.table == string_in(json, "table") &&
                                                   known.name == string_in(json, "chain");
                                        });
        const Json* statements = member(json, "expr");
        if (chain == ruleset_.chains.end() || statements == nullptr || !statements->is_array())
            return;
        RulesetRule rule;
        if (const Json* handle = member(json, "handle"); handle != nullptr)
            rule.handle = handle->is_number_unsigned() ? handle->get<std::uint64_t>() : 0;
        for (const auto& statement : *statements)
            if (!add_statement(rule, statement, json, chain->rules)) return;
        chain->rules.push_back(std::move(rule));
    }

    /// False when the rule is finished, because its verdict depends on a map.
    bool add_statement(RulesetRule& rule, const Json& statement, const Json& json,
                       std::vector<RulesetRule>& rules) {
        if (!statement.is_object() || statement.empty()) {
            rule.matches.emplace_back();
            return true;
        }
        const std::string& name = statement.begin().key();
        const Json& value = statement.begin().value();
        if (name == "match") {
            add_match(rule, value, json);
        } else if (name == "vmap") {
            add_map(rule, value, json, rules);
            return false;
        } else if (const auto action = action_of(name)) {
            rule.action = *action;
            rule.target = value.is_object() ? string_in(value, "target") : "";
            if (*action == RuleAction::new_source || *action == RuleAction::new_destination)
                add_nat(rule, value);
        } else if (!is_harmless(name)) {
            rule.matches.emplace_back();
        }
        return true;
    }

    /// What is not one address and one port may be anything.
    static void add_nat(RulesetRule& rule, const Json& value) {
        const Json* address = member(value, "addr");
        const Json* port = member(value, "port");
        if (address != nullptr) {
            const auto parsed =
                parse_address(address->is_string() ? address->get<std::string>() : "");
            if (!parsed) rule.action = RuleAction::unknown;
            if (parsed) rule.nat_address = *parsed;
        }
        if (port == nullptr) return;
        if (port->is_number_unsigned() && port->get<std::uint64_t>() <= 0xffff)
            rule.nat_port = port->get<std::uint16_t>();
        else
            rule.action = RuleAction::unknown;
    }

    static std::optional<RuleAction> action_of(const std::string& name) {
        static const std::map<std::string, RuleAction> actions{
            {"accept", RuleAction::accept},        {"drop", RuleAction::drop},
            {"reject", RuleAction::drop},          {"jump", RuleAction::jump},
            {"goto", RuleAction::go_to},           {"return", RuleAction::give_back},
            {"continue", RuleAction::go_on},       {"redirect", RuleAction::new_destination},
            {"dnat", RuleAction::new_destination}, {"snat", RuleAction::new_source},
            {"masquerade", RuleAction::accept}}; // with the source that a tunnel has anyway
        if (const auto found = actions.find(name); found != actions.end()) return found->second;
        const bool ends = name == "queue" || name == "tproxy" || name == "synproxy" || name == "xt";
        return ends ? std::optional(RuleAction::unknown) : std::nullopt;
    }

    static bool is_harmless(const std::string& name) {
        static const std::vector<std::string> names{"counter", "log",      "mangle", "notrack",
                                                    "comment", "set",      "meter",  "flow",
                                                    "secmark", "ct helper"};
        return std::find(names.begin(), names.end(), name) != names.end();
    }

    static RulesetMatch numbers(MatchField field, std::uint32_t number) {
        RulesetMatch match;
        match.field = field;
        match.numbers = {{number, number}};
        return match;
    }

    void add_match(RulesetRule& rule, const Json& json, const Json& where) {
        const Json* left = member(json, "left");
        const Json* right = member(json, "right");
        const std::string op = string_in(json, "op");
        RulesetMatch match;
        if (left != nullptr && right != nullptr && (op == "==" || op == "!=" || op == "in")) {
            match.field = field_of(*left, rule.matches);
            match.negated = op == "!=";
            if (!add_values(match, *right, where)) match = {};
        }
        rule.matches.push_back(std::move(match));
    }

    /// What the left side is, and in `implied` what it implies of the protocol.
    static MatchField field_of(const Json& left, std::vector<RulesetMatch>& implied) {
        if (const Json* meta = member(left, "meta")) {
            const std::string key = string_in(*meta, "key");
            if (key == "iifname" || key == "iif") return MatchField::in_link;
            if (key == "oifname" || key == "oif") return MatchField::out_link;
            if (key == "l4proto") return MatchField::protocol;
            if (key == "nfproto" || key == "protocol") return MatchField::family;
        }
        if (const Json* connection = member(left, "ct"))
            if (string_in(*connection, "key") == "state") return MatchField::state;
        if (const Json* payload = member(left, "payload")) {
            const std::string protocol = string_in(*payload, "protocol");
            const std::string field = string_in(*payload, "field");
            if (protocol == "ip" || protocol == "ip6") {
                implied.push_back(numbers(MatchField::family, protocol == "ip" ? 4 : 6));
                if (field == "saddr") return MatchField::source;
                if (field == "daddr") return MatchField::destination;
                if (field == "protocol" || field == "nexthdr") return MatchField::protocol;
            }
            static const std::map<std::string, std::uint32_t> protocols{
                {"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}, {"esp", 50}};
            if (const auto found = protocols.find(protocol); found != protocols.end())
                implied.push_back(numbers(MatchField::protocol, found->second));
            if (is_vni(*payload)) return MatchField::vni;
            if ((protocol == "udp" || protocol == "th") && field == "dport")
                return MatchField::destination_port;
        }
        return MatchField::other;
    }

    /// 24 bits behind the UDP header and 4 bytes of flags (RFC 7348 section 5).
    static bool is_vni(const Json& payload) {
        const Json* offset = member(payload, "offset");
        const Json* length = member(payload, "len");
        return string_in(payload, "base") == "th" && offset != nullptr && *offset == 96 &&
               length != nullptr && *length == 24;
    }

    /// False for what is not understood.
    bool add_values(RulesetMatch& match, const Json& right, const Json& where) {
        if (match.field == MatchField::other) return true;
        if (right.is_array())
            return std::all_of(right.begin(), right.end(),
                               [&](const Json& one) { return add_values(match, one, where); });
        if (const Json* set = member(right, "set")) return add_values(match, *set, where);
        if (const Json* element = member(right, "elem")) // with a timeout or a comment
            if (const Json* value = member(*element, "val"))
                return add_values(match, *value, where);
        if (right.is_string() && right.get<std::string>().starts_with('@')) {
            const auto found = sets_.find(key_of(where, right.get<std::string>().substr(1)));
            return found != sets_.end() && add_values(match, found->second, where);
        }
        switch (match.field) {
        case MatchField::in_link:
        case MatchField::out_link:
        case MatchField::state:
            if (!right.is_string()) return false;
            match.words.push_back(right);
            return true;
        case MatchField::source:
        case MatchField::destination: return add_addresses(match, right);
        default: return add_numbers(match, right);
        }
    }

    static bool add_addresses(RulesetMatch& match, const Json& json) {
        if (const Json* prefix = member(json, "prefix")) {
            const Json* length = member(*prefix, "len");
            const auto address = parse_address(string_in(*prefix, "addr"));
            if (!address || length == nullptr || !length->is_number_unsigned() ||
                length->get<std::uint64_t>() > full_length(address->family))
                return false;
            const Prefix whole{*address, length->get<std::uint8_t>()};
            match.addresses.emplace_back(network_of(whole).address, broadcast_of(whole));
            return true;
        }
        if (const Json* range = member(json, "range"); is_pair(range)) {
            if (!range->at(0).is_string() || !range->at(1).is_string()) return false;
            const auto low = parse_address(range->at(0).get<std::string>());
            const auto high = parse_address(range->at(1).get<std::string>());
            if (low && high) match.addresses.emplace_back(*low, *high);
            return low && high;
        }
        if (!json.is_string()) return false;
        const auto address = parse_address(json.get<std::string>());
        if (address) match.addresses.emplace_back(*address, *address);
        return address.has_value();
    }

    static std::optional<std::uint32_t> number_of(const Json& json, MatchField field) {
        if (json.is_number_unsigned() && json.get<std::uint64_t>() <= 0xffffffff)
            return json.get<std::uint32_t>();
        if (!json.is_string()) return std::nullopt;
        static const std::map<std::string, std::uint32_t> families{
            {"ipv4", 4}, {"ip", 4}, {"ipv6", 6}, {"ip6", 6}};
        static const std::map<std::string, std::uint32_t> protocols{
            {"icmp", 1}, {"igmp", 2},    {"ipencap", 4},    {"ipip", 4},   {"ipv4", 4},
            {"tcp", 6},  {"udp", 17},    {"ipv6", 41},      {"gre", 47},   {"esp", 50},
            {"ah", 51},  {"icmpv6", 58}, {"ipv6-icmp", 58}, {"sctp", 132}, {"vrrp", 112}};
        const auto& words = field == MatchField::family ? families : protocols;
        const auto found = words.find(json.get<std::string>());
        if (field == MatchField::destination_port || found == words.end()) return std::nullopt;
        return found->second;
    }

    static bool add_numbers(RulesetMatch& match, const Json& json) {
        if (const Json* range = member(json, "range"); is_pair(range)) {
            const auto low = number_of(range->at(0), match.field);
            const auto high = number_of(range->at(1), match.field);
            if (low && high) match.numbers.emplace_back(*low, *high);
            return low && high;
        }
        const auto number = number_of(json, match.field);
        if (number) match.numbers.emplace_back(*number, *number);
        return number.has_value();
    }

    /// A rule for each element of a verdict map, which exclude one another.
    void add_map(const RulesetRule& rule, const Json& map, const Json& where,
                 std::vector<RulesetRule>& rules) {
        const auto uncertain = [&] {
            RulesetRule one = rule;
            one.action = RuleAction::unknown;
            rules.push_back(std::move(one));
        };
        const Json* key = member(map, "key");
        const Json* data = member(map, "data");
        if (data != nullptr)
            if (const Json* set = member(*data, "set")) data = set;
        if (key == nullptr || data == nullptr || !data->is_array()) return uncertain();
        for (const auto& element : *data) {
            if (!element.is_array() || element.size() != 2 || !element[1].is_object() ||
                element[1].empty())
                return uncertain();
            RulesetRule one = rule;
            RulesetMatch match;
            match.field = field_of(*key, one.matches);
            if (!add_values(match, element[0], where)) match = {};
            one.matches.push_back(std::move(match));
            const auto action = action_of(element[1].begin().key());
            one.action = action.value_or(RuleAction::unknown);
            if (element[1].begin().value().is_object())
                one.target = string_in(element[1].begin().value(), "target");
            rules.push_back(std::move(one));
        }
    }

    Ruleset ruleset_;
    std::vector<RulesetTable> dormant_;
    std::map<std::string, Json> sets_;
};

/// Of `nft list table`: a table's flags are indented once, those of its sets twice.
bool is_dormant(const std::string& listing) {
    const auto flags = listing.find("\n\tflags ");
    return flags != std::string::npos &&
           listing.substr(flags + 1, listing.find('\n', flags + 1) - flags).find("dormant") !=
               std::string::npos;
}

} // namespace

Result<Ruleset> parse_ruleset(const std::string& text) {
    const auto document = Json::parse(text, nullptr, false);
    if (document.is_discarded()) return error(Code::nft_not_json);
    return Parser().parse(document);
}

Result<Ruleset> read_ruleset(const Kernel& kernel) {
    const auto inside = kernel.visit();
    if (!inside) return tl::unexpected(inside.error());
    const auto output = run_system_program("nft", {"-j", "list", "ruleset"});
    if (!output && output.error().errno_code == ENOENT) return error(Code::nft_missing);
    if (!output) return tl::unexpected(output.error());
    if (output->code != 0)
        return error(
            Error(Code::nft_failed).with(0, output->err.substr(0, output->err.find('\n'))));
    auto ruleset = parse_ruleset(output->out);
    if (!ruleset) return ruleset;
    for (const auto& table : ruleset->unclear) {
        const auto listing = run_system_program("nft", {"list", "table", table.family, table.name});
        if (listing && listing->code == 0 && is_dormant(listing->out)) leave_out(*ruleset, table);
    }
    return ruleset;
}

Result<std::set<std::string>> read_inet_tables(Netlink& netlink) {
    MessageBatch request;
    MessageWriter writer(request);
    encode_dump_inet_tables(writer);
    std::set<std::string> names;
    auto done = netlink.dump(
        request,
        [&](const nlmsghdr* message) {
            if (auto name = decode_table_name(message)) names.insert(std::move(*name));
        },
        [&] { names.clear(); });
    return done ? Result<std::set<std::string>>(std::move(names)) : tl::unexpected(done.error());
}

Result<NetlinkSocket> netfilter_socket(const Kernel& kernel) {
    auto opened = kernel.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    return opened ? NetlinkSocket::over(std::move(*opened)) : tl::unexpected(opened.error());
}

} // namespace vxlanctl
