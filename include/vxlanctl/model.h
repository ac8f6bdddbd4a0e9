#pragma once

#include "vxlanctl/address.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The values that the program computes with. `Config` is what is wanted, `State` what the kernel
/// has; plan.h compares the two. An empty std::optional means «not stated»: never compared, never
/// sent. Links are named by name throughout, since a link may be born in the plan that uses it; an
/// empty name means «none». Integers are in host byte order.
namespace vxlanctl {

/// The UDP source ports of a VXLAN, both ends included. The kernel takes low >= high as «its
/// default range» (udp_flow_src_port() in include/net/udp.h), so all of these are equal.
struct PortRange {
    std::uint16_t low = 0;
    std::uint16_t high = 0;
    bool operator==(const PortRange& other) const {
        return (low == other.low && high == other.high) || (low >= high && other.low >= other.high);
    }
};

/// The outer header's don't-fragment bit, as in enum ifla_vxlan_df.
enum class DontFragment : std::uint8_t { unset, set, inherit };

/// What every kind of link has.
struct LinkAttributes {
    std::optional<std::uint32_t> mtu; ///< bytes of an inner IP packet
    std::optional<MacAddress> mac;
    std::optional<std::string> master;
    std::optional<std::uint32_t> group;
    std::optional<std::uint32_t> txqlen;
    std::optional<bool> promote_secondaries; ///< net.ipv4.conf.LINK.promote_secondaries
    std::optional<std::string> alias;        ///< IFLA_IFALIAS, the mark included
    std::optional<bool> up;
    bool operator==(const LinkAttributes&) const = default;
};

/// What a link of kind vxlan has. The rows of vxlan_attributes() say what each one is.
struct VxlanAttributes {
    std::optional<std::uint32_t> vni;
    std::optional<IpAddress> local;
    std::optional<IpAddress> remote; ///< the default remote; 0.0.0.0 or :: is none
    std::optional<std::string> dev;
    std::optional<std::uint16_t> port;
    std::optional<PortRange> srcport;
    std::optional<std::uint8_t> ttl; ///< 0: the kernel's choice
    std::optional<bool> ttl_inherit;
    std::optional<std::uint8_t> tos; ///< 1: inherit
    std::optional<DontFragment> df;
    std::optional<std::uint32_t> label;  ///< IPv6 flow label
    std::optional<std::uint32_t> ageing; ///< seconds
    std::optional<std::uint32_t> limit;  ///< learned entries; 0: no limit
    std::optional<bool> learning;
    std::optional<bool> udp_csum; ///< of what is sent, in the underlay's own family
    std::optional<bool> udp6_zero_csum_rx;
    std::optional<bool> proxy;
    std::optional<bool> rsc;
    std::optional<bool> l2miss;
    std::optional<bool> l3miss;
    std::optional<bool> remcsum_tx;
    std::optional<bool> remcsum_rx;
    std::optional<bool> remcsum_nopartial;
    std::optional<bool> gbp;
    std::optional<bool> gpe;
    std::optional<bool> external;
    std::optional<bool> vnifilter;
    std::optional<bool> localbypass;
    bool operator==(const VxlanAttributes&) const = default;
};

/// One remote that broadcast, unknown and multicast frames are copied to. The four members are the
/// entry's identity in the kernel (vxlan_fdb_find_rdst); port and vni are empty where they equal
/// the link's own.
struct FloodEntry {
    IpAddress dst;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    std::string via; ///< the interface that packets to this remote must leave by
    auto operator<=>(const FloodEntry&) const = default;
};

/// NUD_PERMANENT and NTF_SELF: what `bridge fdb append` writes by default.
constexpr std::uint16_t permanent_flood_state = 0x80;
constexpr std::uint8_t own_flood_flags = 0x02;

/// How an FDB entry came about, which decides whom it belongs to.
enum class FdbOrigin : std::uint8_t {
    learned,  ///< by the kernel from traffic; ages
    pinned,   ///< permanent or static, set by somebody
    external, ///< NTF_EXT_LEARNED: owned by a control plane (BGP EVPN)
};

/// A unicast entry: frames to this MAC go to this remote.
struct MacEntry {
    MacAddress mac;
    FloodEntry remote;
    std::uint16_t state = 0; ///< NUD_*
    std::uint8_t flags = 0;  ///< NTF_*
    FdbOrigin origin = FdbOrigin::learned;
    auto operator<=>(const MacEntry&) const = default;
};

/// An address on a link. Identity: prefix and peer.
struct Address {
    Prefix prefix;
    std::optional<IpAddress> peer; ///< the other end of a point-to-point address
    std::optional<IpAddress> broadcast;
    std::uint8_t scope = 0;  ///< RT_SCOPE_*
    std::uint32_t flags = 0; ///< IFA_F_*
    std::string label;       ///< IPv4 only (eth0:1)
    std::uint32_t valid_seconds = 0xffffffff;
    std::uint32_t preferred_seconds = 0xffffffff;
    std::uint32_t metric = 0;
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
    bool multipath = false;       ///< has several next hops, or a next-hop object
    std::vector<std::byte> other; ///< netlink attributes that are not taken apart, as received
    auto operator<=>(const Route&) const = default;
};

/// A permanent neighbour entry.
struct Neighbour {
    IpAddress address;
    MacAddress mac;
    std::uint8_t flags = 0; ///< NTF_*
    auto operator<=>(const Neighbour&) const = default;
};

/// Packets and bytes since the link was made.
struct LinkCounters {
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0, rx_dropped = 0;
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0, tx_dropped = 0;
};

enum class Origin : std::uint8_t { cli, file };

/// What a link that we made or adopted carries in its alias: `vxlanctl/1 cli|file ID`.
struct Mark {
    Origin origin = Origin::cli;
    std::string id; ///< 16 hexadecimal digits
    bool operator==(const Mark&) const = default;
};

/// What we set on behalf of a marked link: the memory that lets a key which is no longer stated be
/// reset, and that nothing else needs.
struct Record {
    std::set<std::string> keys;
    std::vector<Prefix> addresses;
    bool operator==(const Record&) const = default;
};

/// One link as the kernel has it.
struct Link {
    int index = 0;
    std::string name;
    std::string kind; ///< IFLA_INFO_KIND; empty for a device of hardware
    LinkAttributes attributes;
    VxlanAttributes vxlan;           ///< all members are set when the kind is vxlan
    bool carrier = false;            ///< the device says that it can send (IFF_LOWER_UP)
    bool underlay_elsewhere = false; ///< its underlay is in another network namespace
    int lower_index = 0;             ///< what vxlan.dev names; 0 without one
    int master_index = 0;
    LinkCounters counters;

    std::vector<Address> addresses; ///< in the kernel's order, in which the first one is primary
    std::vector<FloodEntry> flood_list;                ///< sorted, without the default remote
    std::uint16_t flood_state = permanent_flood_state; ///< NUD_* of the whole list
    std::uint8_t flood_flags = own_flood_flags;        ///< NTF_* of the whole list
    std::vector<MacEntry> macs;                        ///< sorted
    std::vector<Route> routes;                         ///< out of this link, sorted
    std::vector<Neighbour> neighbours;                 ///< permanent ones, sorted
};

/// An address of this host and where it is.
struct HostAddress {
    Prefix prefix;
    std::optional<IpAddress> broadcast;
    int link_index = 0;
    std::string link; ///< empty where the name was not needed
};

/// What was read from one network namespace: the links asked for in full, and of the rest what
/// preflight needs.
struct State {
    std::vector<Link> links;
    std::vector<HostAddress> host_addresses;
    std::vector<Route> routes; ///< of the main table; read when an address is to be added
    std::map<std::string, Record> records; ///< by the mark's ID
    /// Names asked for that are alternative ones (altname), and the links' real names.
    std::map<std::string, std::string> alternative_names;
    std::optional<IpAddress> ssh_client; ///< the client of our SSH session, read with the routes
};

/// One wanted tunnel.
struct Tunnel {
    std::string name;
    LinkAttributes link;
    VxlanAttributes vxlan;
    std::optional<std::vector<Prefix>> addresses;
    std::optional<std::vector<FloodEntry>> peers; ///< the whole flood list; sorted, no doubles
    bool operator==(const Tunnel&) const = default;
};

/// What is wanted of one network namespace.
struct Config {
    Origin origin = Origin::cli;
    std::vector<Tunnel> tunnels;
    std::vector<std::string> absent; ///< links that shall not be there
};

/// The link of that name, or null.
const Link* find_link(const State& state, std::string_view name);

/// The mark in an alias, behind a foreign alias or alone; empty when there is none.
std::optional<Mark> mark_of(std::string_view alias);
/// `alias` with our mark in it, in place of an older one, behind ` | ` where somebody else's is.
std::string with_mark(std::string_view alias, const Mark& mark);

/// The name that a replacement is built under while the old link still carries traffic.
std::string temporary_name(const Mark& mark);
/// Whether the link is such a replacement that was never finished, because its maker was killed.
bool is_leftover(const Link& link);

/// Whether the kernel makes this address by itself, and would again on a new link: an IPv6
/// link-local one.
bool is_automatic(const Address& address);
bool same_identity(const Address& one, const Address& other);
bool has_address(const Link& link, const Prefix& prefix);
/// Whether a flood list in this state vanishes by itself: neither permanent nor static (NUD_NOARP).
bool ages(std::uint16_t flood_state);
/// Whether a control plane owns the flood list (NTF_EXT_LEARNED).
bool is_external(std::uint8_t flood_flags);
/// Bytes that encapsulation adds before an inner IP packet: 50 over IPv4, 70 over IPv6 (RFC 7348
/// section 5 and vxlan_headroom() in include/net/vxlan.h).
std::uint32_t vxlan_overhead(Family underlay);

} // namespace vxlanctl
