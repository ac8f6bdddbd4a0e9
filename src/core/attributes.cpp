#include "vxlanctl/attributes.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <fmt/format.h>
#include <limits>
#include <linux/if_link.h>
#include <utility>

namespace vxlanctl {
namespace {

// Newer than the oldest header we build with (Linux 6.4).
constexpr std::uint16_t ifla_vxlan_localbypass = 31;

using LinkRow = AttributeRow<LinkAttributes>;
using Vxlan = VxlanAttributes;
using VxlanRow = AttributeRow<VxlanAttributes>;
using enum Mutability;

constexpr LinkRow link_rows[] = {
    {"mtu", &LinkAttributes::mtu, IFLA_MTU, 0, Wire::number, in_place, "", "BYTES",
     "largest inner packet (default: the kernel's, lower device - 50, or - 70 over IPv6)"},
    {"mac", &LinkAttributes::mac, IFLA_ADDRESS, 0, Wire::number, in_place, "", "MAC",
     "the link's own MAC address (default: a random one)"},
    {"master", &LinkAttributes::master, IFLA_MASTER, 0, Wire::ifindex, in_place, "none", "LINK",
     "the bridge (or other master) that the link is a port of"},
    {"group", &LinkAttributes::group, IFLA_GROUP, 0, Wire::number, in_place, "0", "", ""},
    {"txqlen", &LinkAttributes::txqlen, IFLA_TXQLEN, 0, Wire::number, in_place, "1000", "", ""},
    {"promote_secondaries", &LinkAttributes::promote_secondaries, IFLA_AF_SPEC, 0, Wire::special,
     in_place, "", "", ""},
    {"alias", &LinkAttributes::alias, IFLA_IFALIAS, 0, Wire::special, in_place, "", "", ""},
    {"up", &LinkAttributes::up, 0, 0, Wire::special, in_place, "", "", ""},
};

// From vxlan_nl2conf() and vxlan_changelink() in drivers/net/vxlan/vxlan_core.c.
constexpr VxlanRow vxlan_rows[] = {
    {"vni", &Vxlan::vni, IFLA_VXLAN_ID, 0, Wire::number, create_only, "", "VNI",
     "VXLAN network identifier, 1 to 16777215 (default 10)"},
    {"local", &Vxlan::local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, Wire::address, same_family, "",
     "", ""},
    {"remote", &Vxlan::remote, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, Wire::address, same_family, "",
     "", ""},
    {"dev", &Vxlan::dev, IFLA_VXLAN_LINK, 0, Wire::ifindex, not_clearable, "", "", ""},
    {"port", &Vxlan::port, IFLA_VXLAN_PORT, 0, Wire::big_endian, create_only, "", "PORT",
     "UDP destination port (default 4789)"},
    {"srcport", &Vxlan::srcport, IFLA_VXLAN_PORT_RANGE, 0, Wire::big_endian, create_only, "0-0",
     "LO-HI", "UDP source ports (default: the kernel's range)"},
    {"ttl", &Vxlan::ttl, IFLA_VXLAN_TTL, 0, Wire::number, in_place, "auto", "TTL",
     "outer TTL: 1 to 255, auto, or inherit from the inner packet"},
    {"ttl_inherit", &Vxlan::ttl_inherit, IFLA_VXLAN_TTL_INHERIT, 0, Wire::flag, create_only, "no",
     "", ""},
    {"tos", &Vxlan::tos, IFLA_VXLAN_TOS, 0, Wire::number, in_place, "0", "TOS",
     "outer type of service: 0 to 255, or inherit (which is 1)"},
    {"df", &Vxlan::df, IFLA_VXLAN_DF, 0, Wire::number, in_place, "unset", "DF",
     "outer don't-fragment bit: set, unset or inherit"},
    {"label", &Vxlan::label, IFLA_VXLAN_LABEL, 0, Wire::big_endian, in_place, "0", "", ""},
    {"ageing", &Vxlan::ageing, IFLA_VXLAN_AGEING, 0, Wire::number, in_place, "300", "SECONDS",
     "lifetime of learned MACs (default 300)"},
    {"limit", &Vxlan::limit, IFLA_VXLAN_LIMIT, 0, Wire::number, create_only, "0", "N",
     "how many MACs may be learned (default 0: any number)"},
    {"learning", &Vxlan::learning, IFLA_VXLAN_LEARNING, 0, Wire::number, in_place, "yes", "",
     "learn which MAC is behind which peer (default)"},
    {"udp_csum", &Vxlan::udp_csum, IFLA_VXLAN_UDP_CSUM, IFLA_VXLAN_UDP_ZERO_CSUM6_TX, Wire::negated,
     create_only, "yes", "", "compute the outer UDP checksum (default)"},
    {"udp6_zero_csum_rx", &Vxlan::udp6_zero_csum_rx, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0, Wire::number,
     create_only, "no", "", ""},
    {"proxy", &Vxlan::proxy, IFLA_VXLAN_PROXY, 0, Wire::number, create_only, "no", "", ""},
    {"rsc", &Vxlan::rsc, IFLA_VXLAN_RSC, 0, Wire::number, create_only, "no", "", ""},
    {"l2miss", &Vxlan::l2miss, IFLA_VXLAN_L2MISS, 0, Wire::number, create_only, "no", "", ""},
    {"l3miss", &Vxlan::l3miss, IFLA_VXLAN_L3MISS, 0, Wire::number, create_only, "no", "", ""},
    {"remcsum_tx", &Vxlan::remcsum_tx, IFLA_VXLAN_REMCSUM_TX, 0, Wire::number, create_only, "no",
     "", ""},
    {"remcsum_rx", &Vxlan::remcsum_rx, IFLA_VXLAN_REMCSUM_RX, 0, Wire::number, create_only, "no",
     "", ""},
    {"remcsum_nopartial", &Vxlan::remcsum_nopartial, IFLA_VXLAN_REMCSUM_NOPARTIAL, 0, Wire::flag,
     create_only, "no", "", ""},
    {"gbp", &Vxlan::gbp, IFLA_VXLAN_GBP, 0, Wire::flag, create_only, "no", "", ""},
    {"gpe", &Vxlan::gpe, IFLA_VXLAN_GPE, 0, Wire::flag, create_only, "no", "", ""},
    {"external", &Vxlan::external, IFLA_VXLAN_COLLECT_METADATA, 0, Wire::number, create_only, "no",
     "", ""},
    {"vnifilter", &Vxlan::vnifilter, IFLA_VXLAN_VNIFILTER, 0, Wire::number, create_only, "no", "",
     ""},
    {"localbypass", &Vxlan::localbypass, ifla_vxlan_localbypass, 0, Wire::number, in_place, "yes",
     "", ""},
};

struct NumberRange {
    std::string_view name;
    std::uint32_t low, high;
};
// Only what the kernel would clamp, wrap or refuse without saying why.
constexpr NumberRange number_ranges[] = {
    {"mtu", 68, 65535}, {"vni", 1, 16777215}, {"port", 1, 65535}, {"label", 0, 0xfffff}};

NumberRange range_of(std::string_view name, std::uint32_t type_limit) {
    const auto* const found = std::find_if(std::begin(number_ranges), std::end(number_ranges),
                                           [&](const auto& range) { return range.name == name; });
    return found == std::end(number_ranges) ? NumberRange{name, 0, type_limit} : *found;
}

/// Words that stand for one number of an attribute.
struct NumberWord {
    std::string_view name, word;
    std::uint32_t value;
};
constexpr NumberWord number_words[] = {{"ttl", "auto", 0}, {"tos", "inherit", 1}};

constexpr std::string_view df_words[] = {"unset", "set", "inherit"};

std::string text_of(std::string_view, bool value) {
    return value ? "yes" : "no";
}
template<std::unsigned_integral T> std::string text_of(std::string_view name, T value) {
    for (const auto& word : number_words)
        if (word.name == name && word.value == value) return std::string(word.word);
    return std::to_string(value);
}
std::string text_of(std::string_view, const IpAddress& value) {
    return is_unspecified(value) ? "none" : to_string(value);
}
std::string text_of(std::string_view, const std::string& value) {
    return value.empty() ? "none" : value;
}
std::string text_of(std::string_view, const PortRange& value) {
    return fmt::format("{}-{}", value.low, value.high);
}
std::string text_of(std::string_view, DontFragment value) {
    return std::string(df_words[static_cast<std::size_t>(value)]);
}
std::string text_of(std::string_view, const MacAddress& value) {
    return to_string(value);
}

tl::unexpected<Error> bad_value(std::string_view name, std::string_view text,
                                std::string_view expected) {
    return usage_error(fmt::format("{} '{}'", name, text), fmt::format("not {}", expected));
}

template<class T>
Result<void> parse_number(std::string_view name, std::string_view text, T& value) {
    for (const auto& word : number_words)
        if (word.name == name && word.word == text) {
            value = static_cast<T>(word.value);
            return {};
        }
    const auto range = range_of(name, std::numeric_limits<T>::max());
    std::uint64_t number = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || stop != text.data() + text.size() || number < range.low ||
        number > range.high)
        return bad_value(name, text, fmt::format("a number from {} to {}", range.low, range.high));
    value = static_cast<T>(number);
    return {};
}

Result<void> parse_value(std::string_view name, std::string_view text, bool& value) {
    if (text != "yes" && text != "no") return bad_value(name, text, "yes or no");
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
    if (dash == std::string_view::npos) return bad_value(name, text, "two ports, LO-HI");
    if (auto low = parse_number(name, text.substr(0, dash), value.low); !low) return low;
    if (auto high = parse_number(name, text.substr(dash + 1), value.high); !high) return high;
    if (value.low >= value.high && (value.low != 0 || value.high != 0))
        return bad_value(name, text, "a range: the first port must be below the second");
    return {};
}
Result<void> parse_value(std::string_view name, std::string_view text, DontFragment& value) {
    const auto* const found = std::find(std::begin(df_words), std::end(df_words), text);
    if (found == std::end(df_words)) return bad_value(name, text, "set, unset or inherit");
    value = static_cast<DontFragment>(found - std::begin(df_words));
    return {};
}
Result<void> parse_value(std::string_view, std::string_view text, MacAddress& value) {
    auto mac = parse_mac(text);
    if (!mac) return tl::unexpected(mac.error());
    value = *mac;
    return {};
}

/// Whether the kernel would really make `want` out of `have` on a living link.
template<class T> bool possible_in_place(Mutability mutability, const T& have, const T& want) {
    switch (mutability) {
    case in_place: return true;
    case create_only: return false;
    case same_family:
        if constexpr (std::is_same_v<T, IpAddress>) return have.family == want.family;
        return true;
    case not_clearable: return want != T{};
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
                    {std::string(row.name), value_text(have, row), text_of(row.name, *wanted)});
                if (have.*member && !possible_in_place(row.mutability, *(have.*member), *wanted))
                    result.impossible_in_place.push_back(result.changes.back());
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

} // namespace

std::span<const LinkRow> link_attributes() {
    return link_rows;
}

std::span<const VxlanRow> vxlan_attributes() {
    return vxlan_rows;
}

AttributeDiff<LinkAttributes> diff(const LinkAttributes& have, const LinkAttributes& want) {
    return diff_rows(link_attributes(), have, want);
}

AttributeDiff<VxlanAttributes> diff(const VxlanAttributes& have, const VxlanAttributes& want) {
    return diff_rows(vxlan_attributes(), have, want);
}

LinkAttributes merged(LinkAttributes base, const LinkAttributes& over) {
    return merged_rows(link_attributes(), std::move(base), over);
}

VxlanAttributes merged(VxlanAttributes base, const VxlanAttributes& over) {
    return merged_rows(vxlan_attributes(), std::move(base), over);
}

template<class Attributes>
std::string value_text(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    return std::visit(
        [&](auto member) {
            const auto& value = attributes.*member;
            return value ? text_of(row.name, *value) : std::string();
        },
        row.member);
}
template std::string value_text(const LinkAttributes&, const LinkRow&);
template std::string value_text(const VxlanAttributes&, const VxlanRow&);

template<class Attributes>
Result<void> set_value(Attributes& attributes, const AttributeRow<Attributes>& row,
                       std::string_view text) {
    if constexpr (std::is_same_v<Attributes, VxlanAttributes>)
        if (row.name == "ttl" && text == "inherit") { // another attribute of the kernel's
            attributes.ttl_inherit = true;
            return {};
        }
    return std::visit(
        [&](auto member) -> Result<void> {
            auto value = typename std::decay_t<decltype(attributes.*member)>::value_type{};
            auto parsed = parse_value(row.name, text, value);
            if (parsed) attributes.*member = value;
            return parsed;
        },
        row.member);
}
template Result<void> set_value(LinkAttributes&, const LinkRow&, std::string_view);
template Result<void> set_value(VxlanAttributes&, const VxlanRow&, std::string_view);

void complete(VxlanAttributes& attributes) {
    if (attributes.ttl && !attributes.ttl_inherit) attributes.ttl_inherit = false;
    const bool over_ipv6 = attributes.local && attributes.local->family == Family::ipv6;
    if (over_ipv6 && attributes.udp_csum) attributes.udp6_zero_csum_rx = !*attributes.udp_csum;
}

} // namespace vxlanctl
