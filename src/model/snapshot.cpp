#include "vxlanctl/model/snapshot.h"

#include <unordered_map>

namespace vxlanctl {

void complete(NamespaceSnapshot& space) {
    constexpr std::uint8_t unicast = 1; // RTN_UNICAST
    State& state = space.state;
    std::unordered_map<int, Link*> links;
    for (auto& link : state.links) {
        link.routes.clear();
        links.emplace(link.index, &link);
    }
    const auto name_of = [&](int index) {
        const auto link = links.find(index);
        return link == links.end() ? no_link(index) : link->second->name;
    };
    state.host_addresses.clear();
    for (const auto& [index, address] : space.addresses)
        state.host_addresses.push_back({address.prefix, address.broadcast, index, name_of(index)});
    state.routes.clear();
    for (const auto& [index, route] : space.routes) {
        if (const auto link = links.find(index); link != links.end())
            link->second->routes.push_back(route);
        if (route.type != unicast) continue;
        state.routes.push_back(route);
        state.routes.back().dev = name_of(index);
    }
    for (const auto& named : links)
        named.second->routes.sort();
}

} // namespace vxlanctl
