#include "vxlanctl/base/format.h"
#include "vxlanctl/base/number.h"
#include "vxlanctl/model/link_attributes.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace vxlanctl {
namespace {

constexpr std::uint16_t highest_vlan = 4094; // IEEE 802.1Q reserves 4095
constexpr std::string_view untagged_word = " untagged";

enum class Membership : std::uint8_t { none, tagged, untagged };
using Memberships = std::array<Membership, 4096>; ///< by VLAN

VlanList compressed(const Memberships& all) {
    VlanList list;
    for (std::uint16_t vlan = 1; vlan <= highest_vlan; ++vlan) {
        if (all[vlan] == Membership::none) continue;
        if (all[vlan] == all[vlan - 1U])
            list.ranges.back().last = vlan;
        else
            list.ranges.push_back({vlan, vlan, all[vlan] == Membership::untagged});
    }
    return list;
}

void put(Memberships& all, const VlanRange& range) {
    for (unsigned vlan = range.first; vlan <= std::min(range.last, highest_vlan); ++vlan)
        all[vlan] = range.untagged ? Membership::untagged : Membership::tagged;
    all[0] = Membership::none;
}

std::string_view without_spaces(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::optional<std::uint16_t> parse_vlan(std::string_view text) {
    std::uint16_t vlan = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, vlan);
    if (problem != std::errc{} || stop != end || has_leading_zero(text) || vlan < 1 ||
        vlan > highest_vlan)
        return std::nullopt;
    return vlan;
}

std::optional<VlanRange> parse_range(std::string_view text) {
    VlanRange range;
    text = without_spaces(text);
    if (text.ends_with(untagged_word)) {
        range.untagged = true;
        text = without_spaces(text.substr(0, text.size() - untagged_word.size()));
    }
    const auto dash = text.find('-');
    const auto first = parse_vlan(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_vlan(text.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    range.first = *first;
    range.last = *last;
    return range;
}

} // namespace

VlanList vlan_list(const std::vector<VlanRange>& ranges) {
    Memberships all{};
    for (const auto& range : ranges)
        put(all, range);
    return compressed(all);
}

bool contains_vlan(const VlanList& list, std::uint16_t vlan) {
    return std::any_of(list.ranges.begin(), list.ranges.end(), [&](const VlanRange& range) {
        return range.first <= vlan && vlan <= range.last;
    });
}

VlanList without_vlan(const VlanList& list, std::uint16_t vlan) {
    Memberships all{};
    for (const auto& range : list.ranges)
        put(all, range);
    all[std::min(vlan, highest_vlan)] = vlan <= highest_vlan ? Membership::none : all[highest_vlan];
    return compressed(all);
}

VlanList vlans_beyond(const VlanList& list, std::uint16_t vlan) {
    Memberships present{}, beyond{};
    for (const auto& range : list.ranges)
        put(present, range);
    for (std::uint16_t other = 1; other <= highest_vlan; ++other)
        if (present[other] == Membership::none && other != vlan) beyond[other] = Membership::tagged;
    return compressed(beyond);
}

std::string to_string(const VlanList& list) {
    std::string text;
    for (const auto& range : list.ranges)
        text += formatted("{}{}{}{}", text.empty() ? "" : ",", range.first,
                          range.last == range.first ? "" : formatted("-{}", range.last),
                          range.untagged ? untagged_word : "");
    return text.empty() ? "none" : text;
}

Result<VlanList> parse_vlans(std::string_view text) {
    Memberships all{};
    for (auto rest = text == "none" ? std::string_view() : text; !rest.empty();) {
        const auto comma = rest.find(',');
        const auto range = parse_range(rest.substr(0, comma));
        const bool ends_in_comma = comma + 1 == rest.size();
        if (!range || ends_in_comma) return error(Code::not_vlans, quote(text));
        for (unsigned vlan = range->first; vlan <= range->last; ++vlan)
            if (all[vlan] != Membership::none) return error(Code::named_twice, quote(text));
        put(all, *range);
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return compressed(all);
}

} // namespace vxlanctl
