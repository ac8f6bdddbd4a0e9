#pragma once

#include "vxlanctl/model/fdb.h"
#include "vxlanctl/model/link_attributes.h"
#include "vxlanctl/model/record.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vxlanctl {

/// Packets and bytes since the link was made.
struct LinkCounters {
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0, rx_dropped = 0;
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0, tx_dropped = 0;
    std::uint64_t tx_carrier_errors = 0; ///< of a tunnel: there was no route to the other end
};

/// A tunnel that stands on a link and stays without it, but then carries nothing.
struct Dependant {
    std::string name;
    std::optional<IpAddress> local; ///< the address of the link that it needs; empty: the link
    bool operator==(const Dependant&) const = default;
};

/// One link as the kernel has it.
struct Link {
    int index = 0;
    std::string name;
    std::string kind; ///< IFLA_INFO_KIND; empty for a device of hardware
    LinkAttributes attributes;
    TunnelAttributes tunnel;         ///< where is_tunnel(): all members that the kind has
    bool carrier = false;            ///< the device says that it can send (IFF_LOWER_UP)
    bool underlay_elsewhere = false; ///< its underlay is in another network namespace
    /// The links that the kernel removes with this one; read where it is to be removed.
    std::vector<std::string> uppers = {};
    std::vector<Dependant> dependants = {}; ///< read with them
    bool mtu_is_default = false; ///< told of State::vanished: the lower device that it had gave it
    int lower_index = 0;         ///< what tunnel.dev names; 0 without one
    int master_index = 0;
    std::uint32_t vrf_table = 0; ///< of a link of kind vrf
    bool forwards_ipv6 = false;  ///< net.ipv6.conf.LINK.forwarding
    LinkCounters counters;       ///< read where they are asked for

    std::vector<Address> addresses; ///< in the kernel's order, in which the first one is primary
    std::vector<FloodEntry> flood_list;                ///< sorted, without the default remote
    std::uint16_t flood_state = permanent_flood_state; ///< NUD_* of the whole list
    std::uint8_t flood_flags = own_flood_flags;        ///< NTF_* of the whole list
    std::vector<MacEntry> macs;                        ///< sorted
    std::vector<OpaqueEntry> opaque;                   ///< of neither of the two, sorted
    std::optional<std::uint8_t> port_state = {};       ///< BR_STATE_* of a bridge port
    bool filters_vlans = false;                        ///< of a link of kind bridge
    std::uint16_t default_pvid = 1;                    ///< of a link of kind bridge; 0: none
    std::vector<PrlEntry> routers;                     ///< of an ISATAP link, sorted
    Routes routes;                                     ///< out of this link, sorted
    std::vector<Neighbour> neighbours;                 ///< permanent ones, sorted
    std::vector<Neighbour> found_neighbours;           ///< known besides; where asked for, sorted
};

/// Links in the order in which they were read, of which find() does not look at every one. Whoever
/// gets at a link to change it may change its name, so that the names are put in order again then.
class Links {
    using Place = std::unique_ptr<Link>; ///< so that the others stay in theirs when one goes

public:
    template<class Value> class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Link;
        using difference_type = std::ptrdiff_t;
        using pointer = Value*;
        using reference = Value&;
        explicit Iterator(const Place* at = nullptr) : at_(at) {}
        Value& operator*() const { return **at_; }
        Value* operator->() const { return at_->get(); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        Iterator operator++(int) { return Iterator(at_++); }
        bool operator==(const Iterator&) const = default;

    private:
        const Place* at_;
    };

    Links() = default;
    Links(const Links& other);
    Links(Links&& other) noexcept = default;
    Links& operator=(const Links& other);
    Links& operator=(Links&& other) noexcept = default;
    ~Links() = default;

    std::size_t size() const { return links_.size(); }
    bool empty() const { return links_.empty(); }
    auto begin() const { return Iterator<const Link>(links_.data()); }
    auto end() const { return Iterator<const Link>(links_.data() + links_.size()); }
    const Link& operator[](std::size_t position) const { return *links_[position]; }
    /// The first one of that name, or null.
    const Link* find(std::string_view name) const;
    /// In place of the one of that name, or at the end.
    void put(Link link);
    /// The first one of that name, or null, for a change that leaves it its name.
    Link* find_to_change(std::string_view name);
    void erase(std::string_view name);

    auto begin() { return Iterator<Link>(changing().data()); }
    auto end() { return Iterator<Link>(changing().data() + links_.size()); }
    Link& operator[](std::size_t position) { return *changing()[position]; }
    Link* find(std::string_view name);
    void push_back(Link link) { changing().push_back(std::make_unique<Link>(std::move(link))); }
    /// Drops all from this position on.
    void truncate(std::size_t size) { changing().resize(size); }
    void sort_by_name();

private:
    std::vector<Place>& changing() {
        by_name_.clear();
        return links_;
    }
    /// Where the one of that name is; none where there is none.
    std::optional<std::size_t> position_of(std::string_view name) const;

    std::vector<Place> links_;
    mutable std::vector<std::size_t> by_name_; ///< positions; none while the names are not in order
};

/// An address of this host and where it is.
struct HostAddress {
    Prefix prefix;
    std::optional<IpAddress> broadcast;
    int link_index = 0;
    std::string link; ///< empty where the name was not needed
};

/// Addresses of this host in the order in which they were read, of which near() does not look at
/// every one: each of a thousand tunnels asks about its peers, and has an address here.
class HostAddresses {
public:
    HostAddresses() = default;
    HostAddresses(std::initializer_list<HostAddress> all) : all_(all) {}
    std::size_t size() const { return all_.size(); }
    bool empty() const { return all_.empty(); }
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }
    const HostAddress& operator[](std::size_t position) const { return all_[position]; }
    /// Those of which the address itself, the broadcast one, or the lowest or highest of the
    /// network is from `low` to `high`, in their order.
    std::vector<const HostAddress*> near(const IpAddress& low, const IpAddress& high) const;

    void push_back(HostAddress address);
    template<class Predicate> void erase_if(Predicate is_gone) {
        std::vector<std::size_t> gone;
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (is_gone(std::as_const(all_[i]))) gone.push_back(i);
        erase(gone);
    }
    void clear() { changing().clear(); }
    /// For changes that may be to the addresses themselves.
    std::vector<HostAddress>& changing() {
        ends_.clear();
        return all_;
    }

private:
    /// One of the addresses that near() looks for, and the position of whose it is.
    using End = std::pair<IpAddress, std::size_t>;
    static std::vector<End> ends_of(const HostAddress& host, std::size_t position);
    void erase(const std::vector<std::size_t>& sorted_positions);

    std::vector<HostAddress> all_;
    mutable std::vector<End> ends_; ///< sorted; none while they are not up to date
};

bool has_address(const Link& link, const Prefix& prefix);

/// A link's kind for messages; `a network device` where the kernel names none (IFLA_INFO_KIND).
std::string kind_in_words(const Link& link);

/// Whether the kernel removes links of that kind with their lower device: it does not where they
/// only send through it.
bool goes_with_lower(std::string_view kind);

/// The name that a replacement is built under while the old link still carries traffic.
std::string temporary_name(const Mark& mark);
/// Whether the link is such a replacement that was never finished, because its maker was killed.
bool is_leftover(const Link& link);

} // namespace vxlanctl
