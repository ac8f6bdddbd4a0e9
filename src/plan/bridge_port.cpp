#include "vxlanctl/plan/bridge_port.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

#include <utility>

namespace vxlanctl {

const Link* bridge_of(const LinkAttributes& wanted, const Link* have, const State& state) {
    if (!wanted.vrf.value_or("").empty()) return nullptr;
    const auto running = have == nullptr ? std::nullopt : have->attributes.master;
    const Link* master = find_link(state, (wanted.master ? wanted.master : running).value_or(""));
    return master != nullptr && master->kind == "bridge" ? master : nullptr;
}

void settle_port(LinkTarget& target, const Link* have, const State& state) {
    const Link* bridge = bridge_of(target.attributes, have, state);
    if (bridge == nullptr) {
        target.attributes = without_port_part(std::move(target.attributes));
        return;
    }
    target.new_port = new_port(bridge->default_pvid);
    if (have == nullptr || bridge->name == have->attributes.master) return;
    LinkAttributes kept = port_part(have->attributes);
    kept.bridge_pvid.reset();
    kept.bridge_vlans.reset();
    kept.bridge_cost.reset();
    target.attributes = merged(kept, target.attributes);
}

std::optional<Error> port_refusal(const Tunnel& tunnel, const LinkTarget& target,
                                  const State& state) {
    const std::string master = tunnel.link.master.value_or("");
    if (target.new_port != LinkAttributes{} ||
        (!master.empty() && find_link(state, master) == nullptr))
        return std::nullopt;
    std::vector<std::string> names;
    for (const auto& row : link_attributes())
        if (is_of_port(row) && is_stated(tunnel.link, row)) names.emplace_back(row.name);
    if (names.empty()) return std::nullopt;
    return Error(
        Code::not_a_bridge_port, tunnel.name,
        {{"settings", formatted("{} {}", joined(names, ", "), names.size() == 1 ? "is" : "are")}});
}

} // namespace vxlanctl
