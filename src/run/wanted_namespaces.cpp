#include "vxlanctl/run/wanted_namespaces.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/awaited.h"

#include <algorithm>
#include <map>

namespace vxlanctl {
namespace {

OtherNamespace other_namespace(const std::string& name) {
    OtherNamespace place{name, std::nullopt, std::nullopt};
    auto space = NetworkNamespace::find(name);
    if (!space)
        place.obstacle = space.error();
    else if (*space)
        place.kernel.emplace(std::move(**space));
    return place;
}

/// One config for each namespace, the call's first. Several names may be of one namespace.
class NamespaceWishes {
public:
    NamespaceWishes(const Config& config, const Kernel* home)
        : looks_(home != nullptr), places_(1) {
        if (looks_) by_id_.emplace(home->id(), 0);
        Config& here = places_[0].config = config;
        here.tunnels.clear();
        here.absent_elsewhere.clear();
        blank_ = here;
        blank_.absent.clear();
        for (const auto& tunnel : config.tunnels)
            in(tunnel.placement.netns).tunnels.push_back(tunnel);
        for (const auto& [name, absent] : config.absent_elsewhere)
            append(in(name).absent, std::vector<std::string>(absent));
    }
    std::vector<NamespaceWish> take() { return std::move(places_); }

private:
    /// What is wanted in the namespace of that name.
    Config& in(const std::string& name) {
        const auto [known, is_new] = by_name_.try_emplace(name, places_.size());
        if (!is_new) return places_[known->second].config;
        auto other =
            looks_ ? other_namespace(name) : OtherNamespace{name, std::nullopt, std::nullopt};
        if (other.kernel) {
            const auto [same, is_first] = by_id_.try_emplace(other.kernel->id(), places_.size());
            known->second = same->second;
            if (!is_first) return places_[same->second].config;
        }
        NamespaceWish& place = places_.emplace_back();
        place.elsewhere = std::move(other);
        place.config = blank_;
        return place.config;
    }

    bool looks_; ///< for the namespaces of this host
    std::map<std::string, std::size_t> by_name_{{"", 0}};
    std::map<NamespaceId, std::size_t> by_id_;
    std::vector<NamespaceWish> places_;
    Config blank_; ///< of a namespace of which nothing is wanted yet
};

} // namespace

std::vector<NamespaceWish> namespaces_of(const Config& config, const Kernel* home) {
    return NamespaceWishes(config, home).take();
}

std::size_t descriptors_for(const Config& config) {
    constexpr std::size_t for_all = 64, for_each = 8; // namespace, directories, locks, sockets
    std::set<std::string_view> names;
    for (const auto& tunnel : config.tunnels)
        names.insert(tunnel.placement.netns);
    for (const auto& [name, absent] : config.absent_elsewhere)
        names.insert(name);
    return for_all + for_each * names.size();
}

bool creates_namespace(const Config& config) {
    return std::any_of(config.tunnels.begin(), config.tunnels.end(),
                       [](const Tunnel& tunnel) { return tunnel.placement.create; });
}

bool makes_all(const Config& config) {
    return creates_namespace(config) && Awaited(underlay_of(config, {}).there).is_complete();
}

std::set<std::string> devices_to_move(const Config& config) {
    std::set<std::string> devices;
    for (const auto& tunnel : config.tunnels)
        if (tunnel.placement.move_dev) devices.insert(tunnel.tunnel.dev.value_or(""));
    return devices;
}

AwaitedUnderlay underlay_of(const Config& config, const std::set<std::string>& present) {
    std::set<std::string> devices;
    std::set<IpAddress> locals; // on them
    for (const auto& tunnel : config.tunnels) {
        const std::string dev = tunnel.tunnel.dev.value_or("");
        if (!tunnel.placement.move_dev || present.contains(dev)) continue;
        devices.insert(dev);
        if (tunnel.tunnel.local) locals.insert(*tunnel.tunnel.local);
    }
    AwaitedUnderlay underlay;
    underlay.to_bring.origin = underlay.there.origin = config.origin;
    for (Tunnel tunnel : config.tunnels) {
        if (tunnel.forward_from)
            std::erase_if(*tunnel.forward_from,
                          [&](const std::string& device) { return devices.contains(device); });
        const std::string dev = tunnel.tunnel.dev.value_or("");
        const bool is_brought = dev.empty()
                                    ? tunnel.tunnel.local && locals.contains(*tunnel.tunnel.local)
                                    : devices.contains(dev);
        if (is_brought) {
            underlay.to_bring.tunnels.push_back(tunnel);
            underlay.to_bring.tunnels.back().forward_from.reset();
            tunnel.tunnel.dev.reset();
            tunnel.tunnel.local.reset();
        }
        underlay.there.tunnels.push_back(std::move(tunnel));
    }
    return underlay;
}

} // namespace vxlanctl
