#include "vxlanctl/files/section_kind.h"

#include "vxlanctl/files/route_words.h"

namespace vxlanctl {
namespace {

constexpr const SectionKind* kinds[] = {&vxlan_section, &isatap_section, &ipip6_section};

} // namespace

std::span<const SectionKind* const> section_kinds() {
    return kinds;
}

const SectionKind& section_kind(TunnelKind kind) {
    return *kinds[static_cast<std::size_t>(kind)];
}

std::string_view section_name(TunnelKind kind) {
    return section_kind(kind).name;
}

std::vector<std::string> section_keys(TunnelKind kind) {
    const SectionKind& own = section_kind(kind);
    std::vector<std::string> keys(own.keys.begin(), own.keys.end());
    for (const auto& row : tunnel_attributes(kind))
        if (is_option(row, kind)) keys.emplace_back(row.name);
    for (const auto& row : link_attributes())
        if (is_option(row, kind)) keys.emplace_back(row.name);
    if (own.inner != Family::ipv6) keys.emplace_back("forward_from");
    keys.insert(keys.end(),
                {"routes", "rules", "netns", "create_netns", "move_dev", "adopt", "allow_overlap"});
    return keys;
}

std::vector<std::string> element_keys(std::string_view list) {
    if (list == "peers") return {"dst", "port", "vni", "via"};
    if (list == "routers") return {"address", "prl_default", "default_route", "metric"};
    if (list == "routes") return {std::begin(RouteBuilder::words), std::end(RouteBuilder::words)};
    if (list == "rules") return {std::begin(RuleBuilder::words), std::end(RuleBuilder::words)};
    return {};
}

} // namespace vxlanctl
