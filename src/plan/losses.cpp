#include "vxlanctl/plan/losses.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/lasting_routes.h"

#include <algorithm>
#include <map>
#include <set>

namespace vxlanctl {

std::string counted(std::ptrdiff_t count, std::string_view one, std::string_view many) {
    return formatted("{} {}", count, count == 1 ? one : many);
}

std::string opaque_in_words(const std::vector<OpaqueEntry>& entries) {
    std::map<std::string, std::ptrdiff_t> counts;
    for (const auto& entry : entries)
        ++counts[entry.group ? formatted("next-hop group {}", *entry.group)
                             : formatted("source VNI {}", entry.source_vni.value_or(0))];
    std::vector<std::string> texts;
    constexpr std::size_t most = 5;
    for (const auto& [what, count] : counts) {
        if (texts.size() == most) {
            texts.push_back(formatted("and {} more", counts.size() - most));
            break;
        }
        texts.push_back(formatted("{} ({})", what, counted(count, "MAC", "MACs")));
    }
    return joined(texts, ", ");
}

PortSettings set_on_port(const Link& link) {
    PortSettings set;
    const LinkAttributes usual = new_port(link.attributes.bridge_pvid.value_or(0));
    for (const auto& row : link_attributes())
        if (row.wire == Wire::port && is_stated(link.attributes, row) &&
            value_text(link.attributes, row) != value_text(usual, row))
            ++set.settings;
    for (const auto& range : link.attributes.bridge_vlans.value_or(VlanList{}).ranges)
        set.vlans += range.last - range.first + 1;
    return set;
}

std::string losses_in_words(const Link& link) {
    const auto learned =
        std::count_if(link.macs.begin(), link.macs.end(),
                      [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
    std::string set = settings_lost_in_words(link);
    if (learned == 0) return set;
    return counted(learned, "learned MAC", "learned MACs") + (set.empty() ? "" : "; " + set);
}

std::string settings_lost_in_words(const Link& link) {
    std::vector<std::string> texts;
    if (!link.opaque.empty()) texts.push_back("FDB entries of " + opaque_in_words(link.opaque));
    return joined(texts, "; ");
}

} // namespace vxlanctl
