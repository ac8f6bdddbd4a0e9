#include "vxlanctl/doctor/next_hops.h"

#include "vxlanctl/base/lists.h"

#include <algorithm>

namespace vxlanctl {

void NextHops::add(const RouteFact& way, const std::optional<IpAddress>& local) {
    const Link* dev = find_link(state_, way.dev);
    if (way.code != 0 || dev == nullptr || is_multicast(way.to) || hops_.size() >= most ||
        is_zero(dev->attributes.mac.value_or(MacAddress{})) || find(way) != nullptr)
        return;
    NextHop hop{way.via.value_or(way.to), way.dev, {}, 0, {}};
    const bool has_local = local && local->family == hop.address.family;
    const IpAddress sender = way.source && way.source->family == hop.address.family ? *way.source
                             : has_local                                            ? *local
                                         : IpAddress{hop.address.family, {}};
    if (!ask(*dev, hop.address, sender)) return;
    if (const auto* known = find_neighbour(neighbours(*dev), hop.address)) {
        hop.entry = known->mac;
        hop.state = known->state;
    }
    hops_.push_back(hop);
}

std::vector<Question> NextHops::questions() {
    std::vector<Question> all;
    for (auto& [dev, question] : by_arp_)
        all.push_back(question.question());
    for (auto& [dev, question] : by_solicitation_)
        all.push_back(question.question());
    return all;
}

void NextHops::take_answers() {
    for (auto& hop : hops_) {
        const bool ipv4 = hop.address.family == Family::ipv4;
        const auto& all =
            ipv4 ? by_arp_.at(hop.dev).answers() : by_solicitation_.at(hop.dev).answers();
        const auto found = all.find(hop.address);
        if (found == all.end()) continue;
        const bool is_known = hop.entry && is_in(found->second, *hop.entry);
        hop.mac = is_known ? *hop.entry : found->second.front();
    }
}

const NextHop* NextHops::find(const RouteFact& way) const {
    for (const auto& hop : hops_)
        if (hop.address == way.via.value_or(way.to) && hop.dev == way.dev) return &hop;
    return nullptr;
}

bool NextHops::ask(const Link& dev, const IpAddress& address, const IpAddress& sender) {
    if (address.family == Family::ipv4) {
        auto at = by_arp_.find(dev.name);
        if (at == by_arp_.end()) {
            auto opened = ArpQuestion::open(kernel_, dev.index);
            if (!opened) return false;
            at = by_arp_.emplace(dev.name, std::move(*opened)).first;
        }
        at->second.add(address, sender);
        return true;
    }
    auto at = by_solicitation_.find(dev.name);
    if (at == by_solicitation_.end()) {
        auto opened = SolicitationQuestion::open(kernel_, dev.name, dev.index,
                                                 dev.attributes.mac.value_or(MacAddress{}));
        if (!opened) return false;
        at = by_solicitation_.emplace(dev.name, std::move(*opened)).first;
    }
    at->second.add(address);
    return true;
}

const std::vector<KnownNeighbour>& NextHops::neighbours(const Link& dev) {
    if (!neighbours_.contains(dev.index))
        neighbours_[dev.index] =
            std::move(neighbours_on(netlink_, {dev.index}).value_or(Neighbours{})[dev.index]);
    return neighbours_.at(dev.index);
}

} // namespace vxlanctl
