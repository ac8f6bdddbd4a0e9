#include "vxlanctl/model/routing.h"

#include <algorithm>
#include <bit>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// Equal where same_route_key() is.
std::size_t key_of(const Route& route) {
    std::uint64_t key = route.to.length;
    const auto words = route.to.address.words();
    for (const std::uint64_t part : {words[0], words[1], std::uint64_t{route.table},
                                     std::uint64_t{route.metric}, std::uint64_t{route.tos}})
        key = (std::rotl(key, 23) ^ part) * 0x9e3779b97f4a7c15; // Fibonacci hashing
    return key;
}

} // namespace

void Routes::complete_index() const {
    for (; indexed_ < routes_.size(); ++indexed_) {
        by_key_.emplace(key_of(routes_[indexed_]), indexed_);
        if (routes_[indexed_].to.length == 0) defaults_.push_back(indexed_);
    }
}

std::vector<const Route*> Routes::beside(const Route& route) const {
    complete_index();
    std::vector<const Route*> found;
    const auto [begin, end] = by_key_.equal_range(key_of(route));
    for (auto at = begin; at != end; ++at)
        if (same_route_key(routes_[at->second], route)) found.push_back(&routes_[at->second]);
    std::sort(found.begin(), found.end()); // in the order of the list
    return found;
}

std::vector<const Route*> Routes::defaults() const {
    complete_index();
    std::vector<const Route*> found;
    for (const std::size_t position : defaults_)
        found.push_back(&routes_[position]);
    return found;
}

bool Routes::contains(const Route& route) const {
    const auto others = beside(route);
    return std::any_of(others.begin(), others.end(),
                       [&](const Route* other) { return *other == route; });
}

void Routes::sort() {
    if (!std::is_sorted(routes_.begin(), routes_.end()))
        std::sort(changing().begin(), changing().end());
}

bool same_route(const Route& one, const Route& other) {
    return same_route_anywhere(one, other) && one.dev == other.dev;
}

bool same_route_key(const Route& one, const Route& other) {
    return one.to == other.to && one.table == other.table && one.metric == other.metric &&
           one.tos == other.tos;
}

bool fulfils(const Rule& rule, const Rule& wanted) {
    return rule.from == wanted.from && rule.to == wanted.to && rule.table == wanted.table &&
           (!wanted.priority || rule.priority == wanted.priority);
}

bool same_route_anywhere(const Route& one, const Route& other) {
    return same_route_key(one, other) && one.via == other.via && one.type == other.type &&
           one.multipath == other.multipath;
}

const Route* find_route(const Routes& routes, const Route& wanted) {
    const auto others = routes.beside(wanted);
    const auto found = std::find_if(others.begin(), others.end(), [&](const Route* other) {
        return same_route_anywhere(*other, wanted);
    });
    return found == others.end() ? nullptr : *found;
}

const Rule* find_rule(const std::vector<Rule>& rules, const Rule& wanted) {
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const Rule& rule) { return fulfils(rule, wanted); });
    return found == rules.end() ? nullptr : &*found;
}

bool selects(const SteeringRule& rule, const std::optional<IpAddress>& from, const IpAddress& to,
             std::uint8_t protocol, std::uint16_t port) {
    return !rule.has_more && rule.family == to.family &&
           (!rule.from || (from && contains(*rule.from, *from))) &&
           (!rule.to || contains(*rule.to, to)) && (!rule.protocol || rule.protocol == protocol) &&
           (!rule.ports || (rule.ports->first <= port && port <= rule.ports->second));
}

bool is_automatic(const Address& address) {
    if (address.prefix.address.family == Family::ipv4) return false;
    const Prefix ipv4_compatible{IpAddress{Family::ipv6, {}}, 96};
    return is_link_local(address.prefix.address) ||
           (address.prefix.length == 96 && contains(ipv4_compatible, address.prefix.address));
}

bool same_identity(const Address& one, const Address& other) {
    return one.prefix == other.prefix && one.peer == other.peer;
}

bool is_among(const std::vector<Address>& addresses, const Address& wanted) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& address) { return same_identity(address, wanted); });
}

bool differs_in_lifetime(const Address& one, const Address& other) {
    return (one.valid_seconds == forever) != (other.valid_seconds == forever) ||
           (one.preferred_seconds == forever) != (other.preferred_seconds == forever);
}

std::optional<Route> connected_route(const Address& address, std::uint32_t table) {
    const Prefix& prefix = address.prefix;
    const Family family = prefix.address.family;
    const bool has_none = prefix.length >= full_length(family) || address.peer ||
                          (address.flags & (IFA_F_NOPREFIXROUTE | IFA_F_DADFAILED)) != 0;
    // Of IPv4's secondary addresses, the primary one has it (fib_add_ifaddr()); the same bit says
    // of an IPv6 address that it is a temporary one. Nor has 0.0.0.0/LENGTH any.
    const bool is_secondary = (address.flags & IFA_F_SECONDARY) != 0;
    const Prefix network = network_of(prefix);
    if (has_none || is_secondary || is_unspecified(network.address)) return std::nullopt;
    constexpr std::uint32_t ipv6_metric = 256; // IP6_RT_PRIO_ADDRCONF
    Route route;
    route.to = network;
    route.table = table;
    route.protocol = RTPROT_KERNEL;
    route.metric = address.metric;
    if (family == Family::ipv4) {
        route.scope = RT_SCOPE_LINK;
        route.source = prefix.address;
    } else if (route.metric == 0) {
        route.metric = ipv6_metric;
    }
    return route;
}

bool has_connected(const Routes& routes, const Route& connected) {
    return std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        const bool is_in_table = connected.table == 0 || route.table == connected.table;
        return route.to == connected.to && is_in_table && !route.via && route.type == RTN_UNICAST;
    });
}

} // namespace vxlanctl
