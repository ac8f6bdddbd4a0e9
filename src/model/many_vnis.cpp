#include "vxlanctl/model/many_vnis.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

namespace vxlanctl {
namespace {

template<class Number> std::string span_text(Number first, Number last) {
    return first == last ? formatted("{}", first) : formatted("{}-{}", first, last);
}

} // namespace

std::string vnis_text(const std::vector<VniRange>& vnis) {
    std::vector<std::string> texts;
    for (const auto& range : vnis)
        texts.push_back(span_text(range.first, range.last));
    return joined(texts, ", ");
}

std::string vlans_text(const std::vector<VlanVnis>& vlans) {
    std::vector<std::string> texts;
    for (const auto& range : vlans) {
        const bool is_one = range.first_vlan == range.last_vlan;
        texts.push_back(formatted(
            "{} {} {} {}", is_one ? "VLAN" : "VLANs", span_text(range.first_vlan, range.last_vlan),
            is_one ? "is VNI" : "are VNIs", span_text(range.vnis.first, range.vnis.last)));
    }
    return joined(texts, ", ");
}

} // namespace vxlanctl
