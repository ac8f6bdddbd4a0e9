#include "vxlanctl/kinds/kinds.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <limits>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <utility>

namespace vxlanctl {
namespace {

using LinkRow = AttributeRow<LinkAttributes>;
using enum Mutability;

constexpr LinkRow link_rows[] = {
    {"mtu", &LinkAttributes::mtu, IFLA_MTU, 0, Wire::number, in_place, "", "BYTES",
     "largest inner packet (default: the kernel's, lower device less the overhead)"},
    {"mac", &LinkAttributes::mac, IFLA_ADDRESS, 0, Wire::number, in_place, "", "MAC",
     "the interface's own MAC address, or random (default: one that stays the same)"},
    {"master", &LinkAttributes::master, IFLA_MASTER, 0, Wire::ifindex, in_place, "none", "LINK",
     "the bridge (or other master) that the link is a port of"},
    {"vrf", &LinkAttributes::vrf, IFLA_MASTER, 0, Wire::ifindex, flap, "none", "VRF",
     "the VRF that the link belongs to"},
    {"group", &LinkAttributes::group, IFLA_GROUP, 0, Wire::number, in_place, "0", "", ""},
    {"txqlen", &LinkAttributes::txqlen, IFLA_TXQLEN, 0, Wire::number, in_place, "1000", "", ""},
    {"promote_secondaries", &LinkAttributes::promote_secondaries, IPV4_DEVCONF_PROMOTE_SECONDARIES,
     0, Wire::ipv4_conf, in_place, "", "", ""},
    {"rp_filter", &LinkAttributes::rp_filter, IPV4_DEVCONF_RP_FILTER, 0, Wire::ipv4_conf, in_place,
     "", "MODE", "filter what comes out of the tunnel by its source: off, strict or loose"},
    {"forward", &LinkAttributes::forward, IPV4_DEVCONF_FORWARDING, 0, Wire::ipv4_conf, in_place, "",
     "", "forward the IPv4 packets that come out of the tunnel"},
    {"alias", &LinkAttributes::alias, IFLA_IFALIAS, 0, Wire::special, in_place, "", "", ""},
    {"up", &LinkAttributes::up, 0, 0, Wire::special, in_place, "", "", ""},
    {"arp", &LinkAttributes::arp, 0, 0, Wire::special, in_place, "yes", "", ""},
    {"addr_gen_mode", &LinkAttributes::addr_gen_mode, IFLA_INET6_ADDR_GEN_MODE, 0, Wire::ipv6_mode,
     in_place, "eui64", "GENMODE",
     "how IPv6 link-local addresses are made: eui64, none, stable_secret or random"},
    // With what a new port has (new_nbp() in net/bridge/br_if.c).
    {"bridge_learning", &LinkAttributes::bridge_learning, IFLA_BRPORT_LEARNING, 0, Wire::port,
     in_place, "yes", "", "the bridge learns which MAC is behind this port (default)"},
    {"bridge_neigh_suppress", &LinkAttributes::bridge_neigh_suppress, IFLA_BRPORT_NEIGH_SUPPRESS, 0,
     Wire::port, in_place, "no", "",
     "the bridge answers ARP and neighbour requests by what it knows"},
    {"bridge_isolated", &LinkAttributes::bridge_isolated, IFLA_BRPORT_ISOLATED, 0, Wire::port,
     in_place, "no", "", "no frames to and from other isolated ports"},
    {"bridge_unicast_flood", &LinkAttributes::bridge_unicast_flood, IFLA_BRPORT_UNICAST_FLOOD, 0,
     Wire::port, in_place, "yes", "", "frames to unknown MACs leave by this port (default)"},
    {"bridge_multicast_flood", &LinkAttributes::bridge_multicast_flood, IFLA_BRPORT_MCAST_FLOOD, 0,
     Wire::port, in_place, "yes", "", "frames to unknown multicast groups leave by it (default)"},
    {"bridge_broadcast_flood", &LinkAttributes::bridge_broadcast_flood, IFLA_BRPORT_BCAST_FLOOD, 0,
     Wire::port, in_place, "yes", "", "broadcast frames leave by it (default)"},
    {"bridge_hairpin", &LinkAttributes::bridge_hairpin, IFLA_BRPORT_MODE, 0, Wire::port, in_place,
     "no", "", "frames may leave by the port that they came by"},
    {"bridge_pvid",
     &LinkAttributes::bridge_pvid,
     0,
     0,
     Wire::port_vlans,
     in_place,
     "",
     "VLAN",
     "the VLAN of frames without a tag: 1 to 4094, or none",
     {"none", 0}},
    {"bridge_vlans", &LinkAttributes::bridge_vlans, 0, 0, Wire::port_vlans, in_place, "none",
     "VLANS", "the other VLANs of the port, such as 20,30-40, or none"},
    // Not ours to set, but a new port gets what the old one had.
    {"bridge_cost", &LinkAttributes::bridge_cost, IFLA_BRPORT_COST, 0, Wire::port, in_place, "", "",
     ""},
    {"bridge_priority", &LinkAttributes::bridge_priority, IFLA_BRPORT_PRIORITY, 0, Wire::port,
     in_place, "32", "", ""},
    {"bridge_group_fwd_mask", &LinkAttributes::bridge_group_fwd_mask, IFLA_BRPORT_GROUP_FWD_MASK, 0,
     Wire::port, in_place, "0", "", ""},
    {"bridge_mcast_router", &LinkAttributes::bridge_mcast_router, IFLA_BRPORT_MULTICAST_ROUTER, 0,
     Wire::port, in_place, "1", "", ""},
    {"bridge_guard", &LinkAttributes::bridge_guard, IFLA_BRPORT_GUARD, 0, Wire::port, in_place,
     "no", "", ""},
    {"bridge_root_block", &LinkAttributes::bridge_root_block, IFLA_BRPORT_PROTECT, 0, Wire::port,
     in_place, "no", "", ""},
    {"bridge_fastleave", &LinkAttributes::bridge_fastleave, IFLA_BRPORT_FAST_LEAVE, 0, Wire::port,
     in_place, "no", "", ""},
    {"bridge_mcast_to_unicast", &LinkAttributes::bridge_mcast_to_unicast,
     IFLA_BRPORT_MCAST_TO_UCAST, 0, Wire::port, in_place, "no", "", ""},
    {"bridge_vlan_tunnel", &LinkAttributes::bridge_vlan_tunnel, IFLA_BRPORT_VLAN_TUNNEL, 0,
     Wire::port, in_place, "no", "", ""},
};

struct NumberRange {
    std::string_view name;
    std::uint64_t low, high;
};
// Only what the kernel would clamp, wrap or refuse without saying why.
constexpr NumberRange number_ranges[] = {
    {"mtu", 68, 65535},        {"vni", 1, 16777215},   {"port", 1, 65535}, {"label", 0, 0xfffff},
    {"tclass", 0, 255},        {"encaplimit", 0, 255}, {"ttl", 1, 255}, // 0 has a word
    {"ageing", 1, 0xffffffff},                                          // 0 would be 300
    {"bridge_pvid", 1, 4094}};                                          // 0 has a word

NumberRange range_of(std::string_view name, std::uint64_t type_limit) {
    const auto* const found = std::find_if(std::begin(number_ranges), std::end(number_ranges),
                                           [&](const auto& range) { return range.name == name; });
    return found == std::end(number_ranges) ? NumberRange{name, 0, type_limit} : *found;
}

/// The words of an enum, in its order.
template<class Enum> constexpr std::array<std::string_view, 0> words_of{};
template<>
constexpr std::array<std::string_view, 3> words_of<DontFragment>{"unset", "set", "inherit"};
template<> constexpr std::array<std::string_view, 3> words_of<RpFilter>{"off", "strict", "loose"};
template<>
constexpr std::array<std::string_view, 4> words_of<AddrGenMode>{"eui64", "none", "stable_secret",
                                                                "random"};

std::string text_of(NumberWord, bool value) {
    return value ? "yes" : "no";
}
template<std::unsigned_integral T> std::string text_of(NumberWord word, T value) {
    return !word.word.empty() && word.value == value ? std::string(word.word)
                                                     : std::to_string(value);
}
std::string text_of(NumberWord, std::uint64_t bits) {
    return formatted("{:#018x}", bits);
}
std::string text_of(NumberWord, const IpAddress& value) {
    return is_unspecified(value) ? "none" : to_string(value);
}
std::string text_of(NumberWord, const std::string& value) {
    return value.empty() ? "none" : value;
}
std::string text_of(NumberWord, const PortRange& value) {
    return formatted("{}-{}", value.low, value.high);
}
template<class Enum>
requires std::is_enum_v<Enum> std::string text_of(NumberWord, Enum value) {
    return std::string(words_of<Enum>.at(static_cast<std::size_t>(value)));
}
std::string text_of(NumberWord, const MacAddress& value) {
    return to_string(value);
}
std::string text_of(NumberWord, const VlanList& value) {
    return to_string(value);
}

tl::unexpected<Error> bad_value(Code code, std::string_view name, std::string_view text,
                                Values values = {}) {
    return error(code, formatted("{} '{}'", name, text), std::move(values));
}

template<class T>
Result<void> parse_number(std::string_view name, std::string_view text, T& value) {
    const auto range = range_of(name, std::numeric_limits<T>::max());
    if (has_leading_zero(text)) return bad_value(Code::leading_zero, name, text);
    std::uint64_t number = 0;
    const bool hexadecimal = text.starts_with("0x"); // as people write classes of service
    const auto digits = text.substr(hexadecimal ? 2 : 0);
    const char* const end = digits.data() + digits.size();
    const auto [stop, problem] = std::from_chars(digits.data(), end, number, hexadecimal ? 16 : 10);
    if (problem != std::errc{} || stop != end || number < range.low || number > range.high)
        return bad_value(Code::not_in_range, name, text,
                         {{"low", range.low}, {"high", range.high}, {"or", ""}});
    value = static_cast<T>(number);
    return {};
}

Result<void> parse_value(std::string_view name, std::string_view text, bool& value) {
    if (text != "yes" && text != "no")
        return bad_value(Code::not_one_of, name, text, {{"words", "yes or no"}});
    value = text == "yes";
    return {};
}
Result<void> parse_value(std::string_view name, std::string_view text, std::uint8_t& value) {
    return parse_number(name, text, value);
}
Result<void> parse_value(std::string_view name, std::string_view text, std::uint16_t& value) {
    return parse_number(name, text, value);
}
Result<void> parse_value(std::string_view name, std::string_view text, std::uint32_t& value) {
    return parse_number(name, text, value);
}
Result<void> parse_value(std::string_view name, std::string_view text, std::uint64_t& value) {
    return parse_number(name, text, value);
}
Result<void> parse_value(std::string_view, std::string_view text, IpAddress& value) {
    auto address = parse_address(text);
    if (!address) return tl::unexpected(address.error());
    value = *address;
    return {};
}
Result<void> parse_value(std::string_view, std::string_view text, std::string& value) {
    value = text == "none" ? "" : text;
    return {};
}
Result<void> parse_value(std::string_view name, std::string_view text, PortRange& value) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return bad_value(Code::not_two_ports, name, text);
    if (auto low = parse_number(name, text.substr(0, dash), value.low); !low) return low;
    if (auto high = parse_number(name, text.substr(dash + 1), value.high); !high) return high;
    if (value.low >= value.high && (value.low != 0 || value.high != 0))
        return bad_value(Code::port_range_reversed, name, text);
    return {};
}
template<class Enum>
requires std::is_enum_v<Enum> Result<void> parse_value(std::string_view name, std::string_view text,
                                                       Enum& value) {
    const auto& words = words_of<Enum>;
    const auto found = std::find(words.begin(), words.end(), text);
    if (found == words.end())
        return bad_value(
            Code::not_one_of, name, text,
            {{"words", formatted("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "),
                                 words.back())}});
    value = static_cast<Enum>(found - words.begin());
    return {};
}
Result<void> parse_value(std::string_view, std::string_view text, MacAddress& value) {
    auto mac = parse_mac(text);
    if (!mac) return tl::unexpected(mac.error());
    value = *mac;
    return {};
}

Result<void> parse_value(std::string_view name, std::string_view text, VlanList& value) {
    auto vlans = parse_vlans(text);
    if (!vlans) return bad_value(vlans.error().code, name, text, vlans.error().values);
    value = std::move(*vlans);
    return {};
}

/// Whether the kernel would really make `want` out of `have` on a living link.
template<class T> bool possible_in_place(Mutability mutability, const T& have, const T& want) {
    switch (mutability) {
    case in_place:
    case flap: return true;
    case create_only: return false;
    case no_group:
        if constexpr (std::is_same_v<T, IpAddress>)
            if (is_multicast(have) || is_multicast(want)) return false;
        [[fallthrough]];
    case same_family:
        if constexpr (std::is_same_v<T, IpAddress>) return have.family == want.family;
        return true;
    case not_clearable: return want != T{};
    case presence_kept: return (have == T{}) == (want == T{});
    }
    return false;
}

template<class Attributes>
AttributeDiff<Attributes> diff_rows(std::span<const AttributeRow<Attributes>> rows,
                                    const Attributes& have, const Attributes& want) {
    AttributeDiff<Attributes> result;
    for (const auto& row : rows)
        std::visit(
            [&](auto member) {
                const auto& wanted = want.*member;
                if (!wanted || wanted == have.*member) return;
                result.changed.*member = wanted;
                result.changes.push_back(
                    {std::string(row.name), value_text(have, row), text_of(row.word, *wanted)});
                if (have.*member && !possible_in_place(row.mutability, *(have.*member), *wanted))
                    result.impossible_in_place.push_back(result.changes.back());
                if (row.mutability == flap) result.flaps.push_back(result.changes.back());
            },
            row.member);
    return result;
}

template<class Attributes>
Attributes merged_rows(std::span<const AttributeRow<Attributes>> rows, Attributes base,
                       const Attributes& over) {
    for (const auto& row : rows)
        std::visit(
            [&](auto member) {
                if (over.*member) base.*member = over.*member;
            },
            row.member);
    return base;
}

/// Whether a value may be `inherit` by another attribute of the kernel's.
template<class Attributes>
bool inherits_by_flag(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    if constexpr (std::is_same_v<Attributes, TunnelAttributes>)
        return row.kernel == IFLA_VXLAN_TTL && attributes.kind == TunnelKind::vxlan;
    return false;
}

/// The words that will do in place of a number: `, auto or inherit`.
std::string other_words(NumberWord word, bool may_inherit) {
    if (word.word.empty()) return "";
    return may_inherit ? formatted(", {} or inherit", word.word) : formatted(" or {}", word.word);
}

} // namespace

bool has_any(const LinkAttributes& attributes, Wire wire) {
    return std::any_of(std::begin(link_rows), std::end(link_rows), [&](const LinkRow& row) {
        return row.wire == wire && is_stated(attributes, row);
    });
}

bool is_of_port(const LinkRow& row) {
    return row.wire == Wire::port || row.wire == Wire::port_vlans;
}

LinkAttributes without_port_part(LinkAttributes attributes) {
    for (const auto& row : link_attributes())
        if (is_of_port(row))
            std::visit([&](auto member) { (attributes.*member).reset(); }, row.member);
    return attributes;
}

LinkAttributes port_part(const LinkAttributes& attributes) {
    LinkAttributes part;
    for (const auto& row : link_attributes())
        if (is_of_port(row))
            std::visit([&](auto member) { part.*member = attributes.*member; }, row.member);
    return part;
}

LinkAttributes new_port(std::uint16_t default_pvid) {
    LinkAttributes port;
    for (const auto& row : link_attributes())
        if (is_of_port(row) && !row.reset.empty())
            (void)set_value(port, row, row.reset); // a row's own default is well-formed
    port.bridge_pvid = default_pvid;
    return port;
}

std::string to_string(RpFilter filter) {
    return text_of(NumberWord{}, filter);
}

std::span<const LinkRow> link_attributes() {
    return link_rows;
}

AttributeDiff<LinkAttributes> diff(const LinkAttributes& have, const LinkAttributes& want) {
    return diff_rows(link_attributes(), have, want);
}

AttributeDiff<TunnelAttributes> diff(const TunnelAttributes& have, const TunnelAttributes& want) {
    auto result = diff_rows(tunnel_attributes(want.kind), have, want);
    result.changed.kind = want.kind;
    // The kernel sets them in every change, as for a link without extensions (vxlan_nl2conf()): one
    // with them would receive no such frame any more.
    if (have.reserved_bits || result.changed.reserved_bits)
        result.impossible_in_place = result.changes;
    return result;
}

LinkAttributes merged(LinkAttributes base, const LinkAttributes& over) {
    return merged_rows(link_attributes(), std::move(base), over);
}

std::map<std::string, std::string> stated_values(const Tunnel& tunnel) {
    std::map<std::string, std::string> values;
    const auto note = [&](const auto& attributes, const auto& rows) {
        for (const auto& row : rows)
            if (is_stated(attributes, row)) values.emplace(row.name, value_text(attributes, row));
    };
    note(tunnel.link, link_attributes());
    note(tunnel.tunnel, tunnel_attributes(tunnel.tunnel.kind));
    if (tunnel.evpn) values.emplace(control_plane_key, "evpn");
    return values;
}

std::set<std::string> stated_keys(const Tunnel& tunnel) {
    std::set<std::string> names;
    for (const auto& [name, value] : stated_values(tunnel))
        names.insert(name);
    return names;
}

TunnelAttributes merged(TunnelAttributes base, const TunnelAttributes& over) {
    base.kind = over.kind;
    return merged_rows(tunnel_attributes(over.kind), std::move(base), over);
}

template<class Attributes>
std::string value_text(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    return std::visit(
        [&](auto member) {
            const auto& value = attributes.*member;
            return value ? text_of(row.word, *value) : std::string();
        },
        row.member);
}
template std::string value_text(const LinkAttributes&, const LinkRow&);
template std::string value_text(const TunnelAttributes&, const TunnelRow&);

template<class Attributes>
Result<void> set_value(Attributes& attributes, const AttributeRow<Attributes>& row,
                       std::string_view text) {
    if constexpr (std::is_same_v<Attributes, TunnelAttributes>)
        if (text == "inherit" && inherits_by_flag(attributes, row)) {
            attributes.ttl_inherit = true;
            return {};
        }
    return std::visit(
        [&](auto member) -> Result<void> {
            auto value = typename std::decay_t<decltype(attributes.*member)>::value_type{};
            if constexpr (std::is_integral_v<decltype(value)>)
                if (!row.word.word.empty() && text == row.word.word) {
                    attributes.*member = static_cast<decltype(value)>(row.word.value);
                    return {};
                }
            auto parsed = parse_value(row.name, text, value);
            if (parsed)
                attributes.*member = value;
            else if (parsed.error().code == Code::not_in_range)
                parsed.error().set(
                    {"or", other_words(row.word, inherits_by_flag(attributes, row))});
            return parsed;
        },
        row.member);
}
template Result<void> set_value(LinkAttributes&, const LinkRow&, std::string_view);
template Result<void> set_value(TunnelAttributes&, const TunnelRow&, std::string_view);

TunnelAttributes with_defaults(TunnelAttributes attributes) {
    if (!kind_of(attributes.kind).changes_whole) return attributes;
    for (const auto& row : tunnel_attributes(attributes.kind))
        if (!row.reset.empty() && !is_stated(attributes, row))
            (void)set_value(attributes, row, row.reset); // a row's own default is well-formed
    return attributes;
}

} // namespace vxlanctl
