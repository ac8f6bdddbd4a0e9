#include "vxlanctl/plan/awaited.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/kinds/kinds.h"

namespace vxlanctl {

Awaited::Awaited(const Config& config) {
    std::set<std::string> made_links;
    std::set<IpAddress> made_addresses;
    for (const auto& tunnel : config.tunnels) {
        made_links.insert(tunnel.name);
        for (const auto& prefix : tunnel.addresses.value_or(std::vector<Prefix>{}))
            made_addresses.insert(prefix.address);
    }
    const auto await_link = [&](const std::string& name) {
        if (!name.empty() && !made_links.contains(name))
            await(links_, name, formatted("interface '{}'", name));
    };
    for (const auto& tunnel : config.tunnels) {
        const std::string dev = tunnel.tunnel.dev.value_or("");
        await_link(dev);
        await_link(tunnel.link.master.value_or(""));
        if (tunnel.link.mtu && !dev.empty() && !made_links.contains(dev)) {
            const std::uint32_t least = *tunnel.link.mtu + overhead(tunnel.tunnel);
            mtus_.emplace(dev, LeastMtu{least, things_.size()});
            mtus_.emplace(tunnel.name, LeastMtu{*tunnel.link.mtu, things_.size()}); // it stays
            things_.push_back({formatted("MTU {} of interface '{}'", least, dev), {}, dev});
            ++missing_;
        }
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            await_link(device);
        if (const auto& local = tunnel.tunnel.local;
            local && !is_unspecified(*local) && !made_addresses.contains(*local))
            await(addresses_, *local, formatted("address {}", to_string(*local)));
    }
}

template<class Key>
void Awaited::await(std::map<Key, std::size_t>& things, const Key& key, std::string words) {
    if (!things.emplace(key, things_.size()).second) return;
    things_.push_back({std::move(words), {}, ""});
    ++missing_;
}

void Awaited::add_link(int index, const std::string& name, std::uint32_t mtu) {
    forget_mtu_of(index); // it may have got another name, or a smaller MTU
    const auto [first, last] = mtus_.equal_range(name);
    for (auto wanted = first; wanted != last; ++wanted)
        if (mtu >= wanted->second.least) {
            add_holder(wanted->second.thing, {index, 0});
            mtus_by_index_.emplace(index, wanted->second.thing);
        }
    const auto awaited = links_.find(name);
    const auto known = by_index_.find(index);
    if (known != by_index_.end() && (awaited == links_.end() || awaited->second != known->second))
        remove_link(index); // it got another name
    if (awaited == links_.end()) return;
    by_index_[index] = awaited->second;
    add_holder(awaited->second, {index, 0});
}

void Awaited::remove_link(int index) {
    forget_mtu_of(index);
    const auto known = by_index_.find(index);
    if (known == by_index_.end()) return;
    remove_holder(known->second, {index, 0});
    by_index_.erase(known);
}

void Awaited::forget_mtu_of(int index) {
    const auto [first, last] = mtus_by_index_.equal_range(index);
    for (auto known = first; known != last; ++known)
        remove_holder(known->second, {index, 0});
    mtus_by_index_.erase(first, last);
}

void Awaited::add_address(const Prefix& prefix, int link_index) {
    const auto awaited = addresses_.find(prefix.address);
    if (awaited != addresses_.end()) add_holder(awaited->second, {link_index, prefix.length});
}

void Awaited::remove_address(const Prefix& prefix, int link_index) {
    const auto awaited = addresses_.find(prefix.address);
    if (awaited != addresses_.end()) remove_holder(awaited->second, {link_index, prefix.length});
}

void Awaited::add_holder(std::size_t thing, Holder holder) {
    auto& holders = things_[thing].holders;
    if (holders.empty()) --missing_;
    holders.insert(holder);
}

void Awaited::remove_holder(std::size_t thing, Holder holder) {
    auto& holders = things_[thing].holders;
    if (holders.erase(holder) > 0 && holders.empty()) ++missing_;
}

void Awaited::clear() {
    for (auto& thing : things_)
        thing.holders.clear();
    by_index_.clear();
    mtus_by_index_.clear();
    missing_ = things_.size();
}

std::vector<std::string> Awaited::links() const {
    std::vector<std::string> names;
    for (const auto& [name, thing] : links_)
        names.push_back(name);
    for (const auto& [name, least] : mtus_)
        names.push_back(name);
    return names;
}

std::vector<std::string> Awaited::missing() const {
    std::vector<std::string> words;
    for (const auto& thing : things_) {
        const auto link = links_.find(thing.of);
        const bool is_told = link != links_.end() && things_[link->second].holders.empty();
        if (thing.holders.empty() && !is_told) words.push_back(thing.words);
    }
    return words;
}

} // namespace vxlanctl
