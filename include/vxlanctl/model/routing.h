#pragma once

#include "vxlanctl/base/address.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace vxlanctl {

/// Of an address: it has no end (INFINITY_LIFE_TIME).
constexpr std::uint32_t forever = 0xffffffff;

/// An address on a link. Identity: prefix and peer.
struct Address {
    Prefix prefix;
    std::optional<IpAddress> peer; ///< the other end of a point-to-point address
    std::optional<IpAddress> broadcast;
    std::uint8_t scope = 0;  ///< RT_SCOPE_*
    std::uint32_t flags = 0; ///< IFA_F_*
    std::string label;       ///< IPv4 only (eth0:1)
    std::uint32_t valid_seconds = forever;
    std::uint32_t preferred_seconds = forever;
    std::uint32_t metric = 0;
    /// The link is up, and has no route to the address's subnet. Read where the address is wanted.
    bool is_unrouted = false;
    bool operator==(const Address&) const = default;
};

/// A route, with what identifies it taken apart and the rest as the kernel gave it.
struct Route {
    Prefix to;
    std::uint32_t table = 254;
    std::uint32_t metric = 0;
    std::uint8_t tos = 0;
    std::uint8_t protocol = 4; ///< RTPROT_*
    std::uint8_t scope = 0;    ///< RT_SCOPE_*
    std::uint8_t type = 1;     ///< RTN_*
    std::uint32_t flags = 0;   ///< RTNH_F_*
    std::optional<IpAddress> via;
    std::optional<IpAddress> source;
    std::string dev;
    bool multipath = false; ///< has several next hops, or a next-hop object
    bool expires = false;   ///< IPv6: goes by itself some day
    /// Netlink attributes that are not taken apart and that say something, as received.
    std::vector<std::byte> other;
    auto operator<=>(const Route&) const = default;
};

/// Routes in the order in which they were read, with an index by what the kernel tells them apart
/// by, so that looking for one does not walk all. The index is made when it is first needed, and
/// made anew after whatever may have changed a route.
class Routes {
public:
    Routes() = default;
    Routes(std::vector<Route> routes) : routes_(std::move(routes)) {}
    Routes(std::initializer_list<Route> routes) : routes_(routes) {}

    const std::vector<Route>& list() const { return routes_; }
    std::size_t size() const { return routes_.size(); }
    bool empty() const { return routes_.empty(); }
    auto begin() const { return routes_.begin(); }
    auto end() const { return routes_.end(); }
    const Route& front() const { return routes_.front(); }
    const Route& at(std::size_t position) const { return routes_.at(position); }
    /// Those of the same destination, table, metric and TOS, see same_route_key().
    std::vector<const Route*> beside(const Route& route) const;
    /// The default routes, of any family, table and metric.
    std::vector<const Route*> defaults() const;
    bool contains(const Route& route) const;

    auto begin() { return changing().begin(); }
    auto end() { return changing().end(); }
    Route& front() { return changing().front(); }
    Route& at(std::size_t position) { return changing().at(position); }
    Route& back() { return changing().back(); }
    void pop_back() { changing().pop_back(); }
    void clear() { changing().clear(); }
    void push_back(Route route) { routes_.push_back(std::move(route)); }
    /// Drops all from this position on.
    void truncate(std::size_t size) { changing().resize(size); }
    void sort();
    template<class Predicate> void erase_if(Predicate is_meant) {
        if (std::any_of(routes_.begin(), routes_.end(), is_meant))
            std::erase_if(changing(), is_meant);
    }

private:
    std::vector<Route>& changing() {
        by_key_.clear();
        defaults_.clear();
        indexed_ = 0;
        return routes_;
    }
    void complete_index() const;

    std::vector<Route> routes_;
    mutable std::unordered_multimap<std::size_t, std::size_t> by_key_; ///< positions by hash
    mutable std::vector<std::size_t> defaults_;                        ///< positions
    mutable std::size_t indexed_ = 0; ///< those before this position are in the index
};

/// rtm_protocol and FRA_PROTOCOL of what we add, so that people see where it came from. It is no
/// proof that something is ours: only a record is.
constexpr std::uint8_t our_protocol = 147;
constexpr std::uint32_t main_table = 254;

/// A policy rule that looks up a table by source and destination.
struct Rule {
    std::optional<Prefix> from, to; ///< at least one, both of one family
    std::uint32_t table = 0;
    std::optional<std::uint32_t> priority; ///< not stated: the kernel's choice
    std::uint8_t protocol = our_protocol;
    auto operator<=>(const Rule&) const = default;
};

/// A policy rule as far as it steers the packets of this host: with more selectors and actions than
/// Rule has, to find out which one leads a packet astray.
struct SteeringRule {
    Family family = Family::ipv4;
    std::uint32_t priority = 0;
    std::uint8_t action = 1; ///< FR_ACT_*
    std::uint32_t table = 0; ///< of FR_ACT_TO_TBL
    std::optional<Prefix> from, to;
    std::optional<std::uint8_t> protocol;                         ///< IPPROTO_*
    std::optional<std::pair<std::uint16_t, std::uint16_t>> ports; ///< destination, both included
    bool has_more = false;                                        ///< selects by something else too
    // What `has_more` stands for, and what becomes of a route that the rule leads to.
    bool is_inverted = false; ///< concerns what the selectors do not
    bool is_of_vrf = false;   ///< leads into the table of the packet's VRF (FRA_L3MDEV)
    std::string in, out;      ///< interfaces
    std::uint8_t tos = 0;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> mark;  ///< value and mask
    std::optional<std::pair<std::uint32_t, std::uint32_t>> users; ///< UIDs, both included
    bool is_unknown = false;                ///< selects by something that is not in here
    std::optional<std::uint32_t> target;    ///< the priority that FR_ACT_GOTO goes on at
    std::optional<std::uint8_t> suppressed; ///< routes of at most this length do not count
    bool operator==(const SteeringRule&) const = default;
};
/// Whether it concerns a packet that this host sends. One with more selectors never does.
bool selects(const SteeringRule& rule, const std::optional<IpAddress>& from, const IpAddress& to,
             std::uint8_t protocol, std::uint16_t port);

/// Which link-layer address an IP address on a link has.
struct Neighbour {
    IpAddress address;
    LinkLayerAddress link_layer;
    std::uint8_t flags = 0; ///< NTF_*
    auto operator<=>(const Neighbour&) const = default;
};

/// Whether the kernel makes this address by itself, and would again on a new link: an IPv6
/// link-local one, and ::IPV4/96 on a sit (add_v4_addrs() in net/ipv6/addrconf.c).
bool is_automatic(const Address& address);
bool same_identity(const Address& one, const Address& other);
/// Whether the same address is one of these.
bool is_among(const std::vector<Address>& addresses, const Address& wanted);
/// Whether the one has an end and the other has none, valid or preferred. How long the rest is
/// changes by itself.
bool differs_in_lifetime(const Address& one, const Address& other);
/// The route that the kernel makes of an address on a link that is up, for a table; none for a
/// single host's address, a secondary one, or one of which none is wanted.
std::optional<Route> connected_route(const Address& address, std::uint32_t table);
/// Whether the routes have that one, whatever its metric and whoever made it; of table 0 in any.
bool has_connected(const Routes& routes, const Route& connected);

/// Whether the two are one and the same wish: by destination, table, metric, gateway and link.
bool same_route(const Route& one, const Route& other);
/// Whether the kernel takes the two for one and the same, unless the second is appended.
bool same_route_key(const Route& one, const Route& other);
/// Whether the kernel's `rule` does what is `wanted`.
bool fulfils(const Rule& rule, const Rule& wanted);

/// Whether the two are the same wish but for `dev`: routes of a link do not say which one.
bool same_route_anywhere(const Route& one, const Route& other);
/// The route of a link's that is as wanted, or null; `dev` does not count.
const Route* find_route(const Routes& routes, const Route& wanted);
/// The rule that does what is wanted, or null.
const Rule* find_rule(const std::vector<Rule>& rules, const Rule& wanted);

} // namespace vxlanctl
