#include "vxlanctl/await.h"

#include "vxlanctl/lists.h"

#include <algorithm>
#include <fmt/format.h>

namespace vxlanctl {

std::vector<std::string> missing_underlay(const Config& config, const State& state) {
    std::vector<std::string> missing;
    const auto add = [&](std::string what) {
        if (!is_in(missing, what)) missing.push_back(std::move(what));
    };
    const auto makes_any = [&](auto makes) {
        return std::any_of(config.tunnels.begin(), config.tunnels.end(), makes);
    };
    for (const auto& tunnel : config.tunnels) {
        const std::string dev = tunnel.tunnel.dev.value_or("");
        const bool makes_link = makes_any([&](const Tunnel& other) { return other.name == dev; });
        if (!dev.empty() && !makes_link && find_link(state, dev) == nullptr)
            add(fmt::format("link '{}'", dev));
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            if (find_link(state, device) == nullptr &&
                !makes_any([&](const Tunnel& other) { return other.name == device; }))
                add(fmt::format("link '{}'", device));
        if (!tunnel.tunnel.local) continue;
        const IpAddress& local = *tunnel.tunnel.local;
        const bool has_address =
            std::any_of(state.host_addresses.begin(), state.host_addresses.end(),
                        [&](const HostAddress& host) { return host.prefix.address == local; });
        const bool makes_address = makes_any([&](const Tunnel& other) {
            const auto is_local = [&](const Prefix& prefix) { return prefix.address == local; };
            return other.addresses &&
                   std::any_of(other.addresses->begin(), other.addresses->end(), is_local);
        });
        if (!has_address && !makes_address) add(fmt::format("address {}", to_string(local)));
    }
    return missing;
}

} // namespace vxlanctl
