#include "vxlanctl/model/state.h"

#include "vxlanctl/base/format.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>

namespace vxlanctl {

Links::Links(const Links& other) : by_name_(other.by_name_) {
    links_.reserve(other.links_.size());
    for (const auto& link : other.links_)
        links_.push_back(std::make_unique<Link>(*link));
}

Links& Links::operator=(const Links& other) {
    if (this != &other) *this = Links(other);
    return *this;
}

std::optional<std::size_t> Links::position_of(std::string_view name) const {
    if (by_name_.empty()) {
        by_name_.resize(links_.size());
        std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
        std::stable_sort(by_name_.begin(), by_name_.end(), [&](std::size_t one, std::size_t other) {
            return links_[one]->name < links_[other]->name;
        });
    }
    const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                        [&](std::size_t position, std::string_view wanted) {
                                            return links_[position]->name < wanted;
                                        });
    if (found == by_name_.end() || links_[*found]->name != name) return std::nullopt;
    return *found;
}

const Link* Links::find(std::string_view name) const {
    const auto position = position_of(name);
    return position ? links_[*position].get() : nullptr;
}

void Links::put(Link link) {
    if (const auto present = position_of(link.name)) {
        *links_[*present] = std::move(link);
        return;
    }
    const auto at = std::upper_bound(by_name_.begin(), by_name_.end(), link.name,
                                     [&](const std::string& name, std::size_t position) {
                                         return name < links_[position]->name;
                                     });
    by_name_.insert(at, links_.size());
    links_.push_back(std::make_unique<Link>(std::move(link)));
}

Link* Links::find_to_change(std::string_view name) {
    const auto position = position_of(name);
    return position ? links_[*position].get() : nullptr;
}

void Links::erase(std::string_view name) {
    const auto position = position_of(name);
    if (!position) return;
    links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(*position));
    std::erase(by_name_, *position);
    for (auto& other : by_name_)
        if (other > *position) --other;
}

void Links::sort_by_name() {
    std::sort(changing().begin(), links_.end(),
              [](const Place& one, const Place& other) { return one->name < other->name; });
}

Link* Links::find(std::string_view name) {
    const auto position = position_of(name);
    return position ? changing()[*position].get() : nullptr;
}

std::vector<HostAddresses::End> HostAddresses::ends_of(const HostAddress& host,
                                                       std::size_t position) {
    return {{host.prefix.address, position},
            {network_of(host.prefix).address, position},
            {broadcast_of(host.prefix), position},
            {host.broadcast.value_or(host.prefix.address), position}};
}

std::vector<const HostAddress*> HostAddresses::near(const IpAddress& low,
                                                    const IpAddress& high) const {
    if (ends_.empty()) {
        for (std::size_t i = 0; i < all_.size(); ++i)
            for (const auto& end : ends_of(all_[i], i))
                ends_.push_back(end);
        std::sort(ends_.begin(), ends_.end());
    }
    std::set<std::size_t> positions;
    const auto first = std::lower_bound(
        ends_.begin(), ends_.end(), low,
        [](const End& end, const IpAddress& address) { return end.first < address; });
    for (auto end = first; end != ends_.end() && end->first <= high; ++end)
        positions.insert(end->second);
    std::vector<const HostAddress*> found;
    for (const auto position : positions)
        found.push_back(&all_[position]);
    return found;
}

void HostAddresses::push_back(HostAddress address) {
    if (!ends_.empty())
        for (const auto& end : ends_of(address, all_.size()))
            ends_.insert(std::upper_bound(ends_.begin(), ends_.end(), end), end);
    all_.push_back(std::move(address));
}

void HostAddresses::erase(const std::vector<std::size_t>& sorted_positions) {
    for (auto position = sorted_positions.rbegin(); position != sorted_positions.rend(); ++position)
        all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(*position));
    const auto place = [&](std::size_t position) {
        return std::lower_bound(sorted_positions.begin(), sorted_positions.end(), position);
    };
    std::erase_if(ends_, [&](const End& end) {
        const auto found = place(end.second);
        return found != sorted_positions.end() && *found == end.second;
    });
    for (auto& end : ends_)
        end.second -= static_cast<std::size_t>(place(end.second) - sorted_positions.begin());
}

std::string kind_in_words(const Link& link) {
    return link.kind.empty() ? "a network device" : link.kind;
}

bool goes_with_lower(std::string_view kind) {
    constexpr std::string_view they_are[] = {"vxlan",  "vlan",   "macvlan", "macvtap",
                                             "ipvlan", "ipvtap", "macsec",  "hsr"};
    return std::find(std::begin(they_are), std::end(they_are), kind) != std::end(they_are);
}

std::string temporary_name(const Mark& mark) {
    return "vx" + mark.id.substr(0, 13); // 15 bytes, the most that a name may have
}

bool is_leftover(const Link& link) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return mark && link.name == temporary_name(*mark);
}

bool has_address(const Link& link, const Prefix& prefix) {
    return std::any_of(link.addresses.begin(), link.addresses.end(),
                       [&](const Address& address) { return address.prefix == prefix; });
}

const Link* find_link(const State& state, std::string_view name) {
    return name.empty() ? nullptr : state.links.find(name);
}

const Record* find_record(const State& state, const Link* link) {
    const auto mark =
        link != nullptr ? mark_of(link->attributes.alias.value_or("")) : std::optional<Mark>();
    const auto found = mark ? state.records.find(mark->id) : state.records.end();
    return found == state.records.end() ? nullptr : &found->second;
}

} // namespace vxlanctl
