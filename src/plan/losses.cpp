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

std::string settings_in_words(const BridgePort& port) {
    std::vector<std::string> texts;
    for (const auto& setting : port.settings)
        texts.push_back(formatted("{} {}", setting.name, setting.value));
    return joined(texts, ", ");
}

std::vector<VlanRange> lasting_vlans(const BridgePort& port) {
    std::vector<VlanRange> vlans;
    for (const auto& range : port.vlans)
        if (range != VlanRange{1, 1, true, true}) vlans.push_back(range);
    return vlans;
}

std::string vlans_in_words(const std::vector<VlanRange>& vlans) {
    std::vector<std::string> texts;
    for (const auto& range : vlans)
        texts.push_back(
            formatted("{}{}{}{}", range.first,
                      range.last == range.first ? std::string() : formatted("-{}", range.last),
                      range.pvid ? " pvid" : "", range.untagged ? " untagged" : ""));
    return joined(texts, ", ");
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
    if (!link.port.settings.empty())
        texts.push_back("bridge port settings (" + settings_in_words(link.port) + ")");
    if (const auto vlans = lasting_vlans(link.port); !vlans.empty())
        texts.push_back("VLANs " + vlans_in_words(vlans));
    return joined(texts, "; ");
}

} // namespace vxlanctl
