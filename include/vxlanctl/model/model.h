#pragma once

#include "vxlanctl/base/address.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
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

/// Reverse path filtering of IPv4 (RFC 3704), as net.ipv4.conf.LINK.rp_filter numbers it.
enum class RpFilter : std::uint8_t { off, strict, loose };

/// What every kind of link has.
struct LinkAttributes {
    std::optional<std::uint32_t> mtu; ///< bytes of an inner IP packet
    std::optional<MacAddress> mac;
    std::optional<std::string> master; ///< none where the master is a VRF
    std::optional<std::string> vrf;    ///< the master where that is a VRF
    std::optional<std::uint32_t> group;
    std::optional<std::uint32_t> txqlen;
    std::optional<bool> promote_secondaries; ///< net.ipv4.conf.LINK.promote_secondaries
    std::optional<RpFilter> rp_filter;       ///< net.ipv4.conf.LINK.rp_filter
    std::optional<bool> forward;             ///< net.ipv4.conf.LINK.forwarding
    std::optional<std::string> alias;        ///< IFLA_IFALIAS, the mark included
    std::optional<bool> up;
    std::optional<bool> arp; ///< no IFF_NOARP; of a VXLAN alone, since the other kinds have no ARP
    bool operator==(const LinkAttributes&) const = default;
};

/// The kinds of links that we make.
enum class TunnelKind : std::uint8_t {
    vxlan,
    sit,   ///< IPv6 in IPv4, also as ISATAP (RFC 5214)
    ip6tnl ///< IPv4 or IPv6 in IPv6 (RFC 2473)
};

/// What tunnels have. Which members a kind has, and what each one is, say the rows of
/// tunnel_attributes().
struct TunnelAttributes {
    TunnelKind kind = TunnelKind::vxlan;
    std::optional<std::uint32_t> vni;
    std::optional<IpAddress> local;
    std::optional<IpAddress> remote; ///< of a VXLAN the default remote; 0.0.0.0 or :: is none
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
    /// Of the VXLAN header's 64 bits, those that have to be 0 in what is received; where the kernel
    /// has such an attribute (Linux 6.14), and any change in place would lose them.
    std::optional<std::uint64_t> reserved_bits;
    std::optional<bool> isatap;
    std::optional<bool> pmtudisc;             ///< path MTU discovery
    std::optional<std::uint8_t> proto;        ///< IPPROTO_* that is carried; 0: any
    std::optional<std::uint16_t> tclass;      ///< outer traffic class, or inherit_tclass
    std::optional<std::uint16_t> encaplimit;  ///< RFC 2473 section 4.1.1, or no_encaplimit
    std::optional<std::uint32_t> fwmark;      ///< of the outer packets
    std::optional<std::uint32_t> other_flags; ///< IP6_TNL_F_* that no other member stands for
    bool operator==(const TunnelAttributes&) const = default;
};

/// A link's name, of at most 15 bytes, kept in place: flood lists have thousands.
class LinkName {
public:
    LinkName() = default;
    LinkName(std::string_view name) { name.copy(bytes_.data(), bytes_.size() - 1); }
    LinkName(const std::string& name) : LinkName(std::string_view(name)) {}
    LinkName(const char* name) : LinkName(std::string_view(name)) {}
    bool empty() const { return bytes_[0] == '\0'; }
    std::string str() const { return bytes_.data(); }
    // As two words: most lists of names are compared, and most names are empty.
    bool operator==(const LinkName& other) const { return words() == other.words(); }
    auto operator<=>(const LinkName& other) const { return bytes_ <=> other.bytes_; }

private:
    std::array<std::uint64_t, 2> words() const {
        return std::bit_cast<std::array<std::uint64_t, 2>>(bytes_);
    }
    std::array<char, 16> bytes_{};
};

constexpr std::uint16_t inherit_tclass = 256;
constexpr std::uint16_t no_encaplimit = 256;

/// One remote that broadcast, unknown and multicast frames are copied to. The four members are the
/// entry's identity in the kernel (vxlan_fdb_find_rdst); port and vni are empty where they equal
/// the link's own.
struct FloodEntry {
    IpAddress dst;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    LinkName via; ///< the interface that packets to this remote must leave by
    auto operator<=>(const FloodEntry&) const = default;
};

/// A peer that is stated by its host name; each address that the name has makes a FloodEntry.
struct NamedPeer {
    std::string name; ///< in lower case
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    LinkName via;
    auto operator<=>(const NamedPeer&) const = default;
};

/// The name of a peer that has no usable address at the moment, and why.
struct UnresolvedName {
    std::string name;
    std::string why;
    bool operator==(const UnresolvedName&) const = default;
};

/// NUD_PERMANENT and NTF_SELF: what `bridge fdb append` writes by default.
constexpr std::uint16_t permanent_flood_state = 0x80;
constexpr std::uint8_t own_flood_flags = 0x02;

/// Whether it leaves by an interface that is no more; see is_no_link().
bool is_by_no_link(const FloodEntry& entry);

/// One router of an ISATAP link's potential router list (RFC 5214 section 8.3.2): the link accepts
/// packets that come through it from anywhere.
struct PrlEntry {
    IpAddress router;        ///< IPv4
    bool is_default = false; ///< PRL_DEFAULT: may be a default router
    auto operator<=>(const PrlEntry&) const = default;
};

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

/// An FDB entry that a FloodEntry or a MacEntry cannot express: frames go to the members of a
/// next-hop group (NDA_NH_ID, without NDA_DST), or the entry is one VNI's of a link that has many
/// (NDA_SRC_VNI). It is never written, and stays where it is.
struct OpaqueEntry {
    MacAddress mac;                          ///< all zero: in the flood list's place
    std::optional<std::uint32_t> group;      ///< the ID of the next-hop object
    std::vector<IpAddress> members;          ///< the gateways behind `group`; empty: not known
    std::optional<std::uint32_t> source_vni; ///< the VNI that the entry is for
    std::optional<IpAddress> dst;
    std::uint16_t state = 0; ///< NUD_*
    std::uint8_t flags = 0;  ///< NTF_*
    auto operator<=>(const OpaqueEntry&) const = default;
};

/// A setting of a bridge port (IFLA_BRPORT_*), in iproute2's words.
struct PortSetting {
    std::string name;
    std::uint32_t value = 0;
    auto operator<=>(const PortSetting&) const = default;
};

/// VLANs of a bridge port with the same flags, both ends included.
struct VlanRange {
    std::uint16_t first = 0, last = 0;
    bool pvid = false, untagged = false;
    auto operator<=>(const VlanRange&) const = default;
};

/// What a bridge port has that a new one would not have.
struct BridgePort {
    std::vector<PortSetting> settings;
    std::vector<VlanRange> vlans; ///< read where the link is to be removed
    bool operator==(const BridgePort&) const = default;
};

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

/// Which link-layer address an IP address on a link has.
struct Neighbour {
    IpAddress address;
    LinkLayerAddress link_layer;
    std::uint8_t flags = 0; ///< NTF_*
    auto operator<=>(const Neighbour&) const = default;
};

/// Packets and bytes since the link was made.
struct LinkCounters {
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0, rx_dropped = 0;
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0, tx_dropped = 0;
    std::uint64_t tx_carrier_errors = 0; ///< of a tunnel: there was no route to the other end
};

enum class Origin : std::uint8_t { cli, file };

/// What a link that we made or adopted carries in its alias: `vxlanctl/1 cli|file ID`.
struct Mark {
    Origin origin = Origin::cli;
    std::string id; ///< 16 hexadecimal digits
    bool operator==(const Mark&) const = default;
};

/// Which interface a record was written for. An alias can be copied, and the mark in it with it.
struct RecordedInterface {
    std::string name;
    std::string kind; ///< IFLA_INFO_KIND
    int index = 0;    ///< 0: not known, since the run that made it was killed
    bool operator==(const RecordedInterface&) const = default;
};

/// What we set on behalf of a marked link: the memory that lets a key which is no longer stated be
/// reset, and that says which file a tunnel comes from.
struct Record {
    std::set<std::string> keys;
    std::map<std::string, std::string> values; ///< of the stated attributes, as value_text() has it
    std::vector<Prefix> addresses;
    std::vector<Route> routes; ///< with `dev` where it is not the link itself
    std::vector<Rule> rules;
    std::vector<std::string> forward_from; ///< devices that we made forward
    std::string source;                    ///< see Tunnel::source; empty in a record of 0.1
    RecordedInterface interface;           ///< empty in a record of 0.1
    /// The peers, as peers_text() writes them: there may be thousands, and they are taken apart
    /// only where the key `peers` is not stated any more.
    std::string peers = {};
    bool operator==(const Record&) const = default;
};

/// Of Record::keys: the file or the command stated the peers.
inline constexpr const char* peers_key = "peers";
/// A flood list in one line: `ADDRESS[/PORT[/VNI[/VIA]]]`, with spaces between.
std::string peers_text(const std::vector<FloodEntry>& peers);
/// The inverse of peers_text(), sorted; a word that is no peer is left out.
std::vector<FloodEntry> parse_peers_text(std::string_view text);
/// What is in either text.
std::string united_peers(const std::string& one, const std::string& other);

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
    LinkCounters counters;       ///< read where they are asked for

    std::vector<Address> addresses; ///< in the kernel's order, in which the first one is primary
    std::vector<FloodEntry> flood_list;                ///< sorted, without the default remote
    std::uint16_t flood_state = permanent_flood_state; ///< NUD_* of the whole list
    std::uint8_t flood_flags = own_flood_flags;        ///< NTF_* of the whole list
    std::vector<MacEntry> macs;                        ///< sorted
    std::vector<OpaqueEntry> opaque;                   ///< of neither of the two, sorted
    BridgePort port = {};                              ///< where the master is a bridge
    std::vector<PrlEntry> routers;                     ///< of an ISATAP link, sorted
    Routes routes;                                     ///< out of this link, sorted
    std::vector<Neighbour> neighbours;                 ///< permanent ones, sorted
    std::vector<Neighbour> found_neighbours;           ///< known besides; where asked for, sorted
};

/// Links in the order in which they were read, of which find() does not look at every one. Whoever
/// gets at a link to change it may change its name, so that the names are put in order again then.
class Links {
public:
    std::size_t size() const { return links_.size(); }
    bool empty() const { return links_.empty(); }
    auto begin() const { return links_.begin(); }
    auto end() const { return links_.end(); }
    const Link& operator[](std::size_t position) const { return links_[position]; }
    /// The first one of that name, or null.
    const Link* find(std::string_view name) const;
    /// In place of the one of that name, or at the end.
    void put(Link link);
    /// The first one of that name, or null, for a change that leaves it its name.
    Link* find_to_change(std::string_view name);
    void erase(std::string_view name);

    auto begin() { return changing().begin(); }
    auto end() { return changing().end(); }
    Link& operator[](std::size_t position) { return changing()[position]; }
    Link* find(std::string_view name);
    void push_back(Link link) { changing().push_back(std::move(link)); }
    /// Drops all from this position on.
    void truncate(std::size_t size) { changing().resize(size); }

private:
    std::vector<Link>& changing() {
        by_name_.clear();
        return links_;
    }

    std::vector<Link> links_;
    mutable std::vector<std::size_t> by_name_; ///< positions; none while the names are not in order
};

/// An address of this host and where it is.
struct HostAddress {
    Prefix prefix;
    std::optional<IpAddress> broadcast;
    int link_index = 0;
    std::string link; ///< empty where the name was not needed
};

/// What a network namespace says of all its links, of IPv4 unless it says otherwise.
struct InterfaceSettings {
    LinkAttributes of_new_links;           ///< net.ipv4.conf.default
    std::optional<RpFilter> all_rp_filter; ///< net.ipv4.conf.all.rp_filter
    std::optional<bool> ipv6_forwarding;   ///< net.ipv6.conf.all.forwarding
    bool operator==(const InterfaceSettings&) const = default;
};

/// What was read from one network namespace: the links asked for in full, and of the rest what
/// preflight needs.
struct State {
    Links links;
    std::vector<HostAddress> host_addresses;
    /// Of the tables that addresses and routes are to be added to, and out of all links.
    Routes routes;
    std::vector<Rule> rules; ///< those that Rule can express; read when a tunnel has any
    /// By the mark's ID: of the tunnels asked for, and where a rule or a route elsewhere goes
    /// away, of all that live.
    std::map<std::string, Record> records;
    /// The IDs of records that are there and say nothing that can be understood.
    std::set<std::string> unreadable_records = {};
    /// Those of links that are gone; read where all of the living are, for a writer.
    std::map<std::string, Record> orphans = {};
    /// Devices that forward because of us, though no record says so any more: that of the tunnel
    /// that had asked for it was rewritten in the same run.
    std::set<std::string> forwarding_is_ours = {};
    /// Of interfaces without our mark: the file in which another program of this host, such as
    /// systemd-networkd, says that it runs the interface of that name.
    std::map<std::string, std::string> run_by = {};
    /// Names asked for that are alternative ones (altname), and the links' real names.
    std::map<std::string, std::string> alternative_names;
    std::optional<IpAddress> ssh_client; ///< the client of our SSH session, read with the routes
    InterfaceSettings settings;          ///< read where a tunnel has such a key
    /// Links that have gone, or will have, because a new one takes the place of their lower device.
    Links vanished = {};
};

/// Where a tunnel is, if it is not in the network namespace of the call.
struct Placement {
    std::string netns;     ///< a name as of ip-netns(8); empty: that of the call
    bool create = false;   ///< it is made where there is none of that name
    bool move_dev = false; ///< the lower device is brought into it out of that of the call
    bool operator==(const Placement&) const = default;
};

/// One wanted tunnel.
struct Tunnel {
    std::string name;
    LinkAttributes link;
    TunnelAttributes tunnel;
    std::optional<std::vector<Prefix>> addresses;
    std::optional<std::vector<FloodEntry>> peers; ///< the whole flood list; sorted, no doubles
    std::vector<NamedPeer> named_peers;           ///< peers to be looked up, see names.h; sorted
    std::vector<UnresolvedName> unresolved;       ///< as long as there are any, no peer is removed
    std::optional<std::vector<PrlEntry>> routers; ///< the whole PRL; sorted, no doubles
    /// `dev` is empty for the tunnel itself, `table` 0 for main or the VRF's.
    std::optional<std::vector<Route>> routes;
    std::optional<std::vector<Rule>> rules;
    /// Devices by which packets come in that are to go into the tunnel: they forward IPv4.
    std::optional<std::vector<std::string>> forward_from;
    /// Whether a default route of these may stand beside one out of another link.
    bool overrides_default_route = true;
    Placement placement;
    /// A VXLAN of that name on this UDP port is an attempt at the tunnel that went wrong, and is
    /// replaced without being asked for, unless it carries our mark, has ever received a packet, or
    /// shows that somebody means it so: a multicast group, entries of a control plane.
    std::optional<std::uint16_t> failed_port;
    /// The file that defines it: its path as it was given, made absolute, symbolic links kept. For
    /// standard input the name that --source gave. Empty on the command line.
    std::string source;
    /// Attributes that the command line states only because it says nothing of them.
    std::set<std::string> implied;
    bool adopt = false;         ///< also an interface that another program seems to run
    bool allow_overlap = false; ///< also where inner prefixes draw outer traffic into the tunnel
    bool operator==(const Tunnel&) const = default;
};

/// What becomes of links that carry our mark and that a config does not name.
enum class Unnamed : std::uint8_t {
    keep,
    prune,        ///< those whose source the call names go
    remove_files, ///< all of origin `file` go
    remove_all
};

/// What is wanted of one network namespace.
struct Config {
    Origin origin = Origin::cli;
    std::vector<Tunnel> tunnels;
    std::vector<std::string> absent = {}; ///< links that shall not be there
    /// Those of them that go with a link that is replaced, whoever made them.
    std::set<std::string> dropped = {};
    Unnamed unnamed = Unnamed::keep;
    std::set<std::string> spared = {}; ///< names that `unnamed` does not concern
    /// The files and directories that the call names, as Tunnel::source has them.
    std::vector<std::string> sources = {};
    /// Links that shall not be there, in other network namespaces, by these namespaces' names. A
    /// namespace without any is one that `unnamed` concerns too.
    std::map<std::string, std::vector<std::string>> absent_elsewhere = {};
};

/// Stands in a name's place for the link of that ifindex, whose name is not known, or that is gone.
std::string no_link(int index);
bool is_no_link(std::string_view name);

/// A link's kind for messages; `a network device` where the kernel names none (IFLA_INFO_KIND).
std::string kind_in_words(const Link& link);

/// The link of that name, or null.
const Link* find_link(const State& state, std::string_view name);

/// The record of a link that carries our mark; null where it has none, or it was not read.
const Record* find_record(const State& state, const Link* link);

/// The mark in an alias, where it is the last part, behind a foreign alias and ` | `, or alone;
/// empty when there is none. A foreign alias may look like one that is broken.
std::optional<Mark> mark_of(std::string_view alias);
/// `alias` with our mark in it, in place of an older one, behind ` | ` where somebody else's is.
std::string with_mark(std::string_view alias, const Mark& mark);

/// Whether the link is of a kind that we make.
bool is_tunnel(const Link& link);
/// sit0 and ip6tnl0: they come with the kernel module, take what no other tunnel does, and cannot
/// be removed.
bool is_fallback(const Link& link);
/// Whether the kernel removes links of that kind with their lower device: it does not where they
/// only send through it.
bool goes_with_lower(std::string_view kind);

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

/// The name that a replacement is built under while the old link still carries traffic.
std::string temporary_name(const Mark& mark);
/// Whether the link is such a replacement that was never finished, because its maker was killed.
bool is_leftover(const Link& link);

/// Whether the kernel makes this address by itself, and would again on a new link: an IPv6
/// link-local one, and ::IPV4/96 on a sit (add_v4_addrs() in net/ipv6/addrconf.c).
bool is_automatic(const Address& address);
bool same_identity(const Address& one, const Address& other);
/// Whether the one has an end and the other has none, valid or preferred. How long the rest is
/// changes by itself.
bool differs_in_lifetime(const Address& one, const Address& other);
/// The route that the kernel makes of an address on a link that is up, for a table; none for a
/// single host's address, a secondary one, or one of which none is wanted.
std::optional<Route> connected_route(const Address& address, std::uint32_t table);
/// Whether the routes have that one, whatever its metric and whoever made it; of table 0 in any.
bool has_connected(const Routes& routes, const Route& connected);
bool has_address(const Link& link, const Prefix& prefix);
/// Whether a flood list in this state vanishes by itself: neither permanent nor static (NUD_NOARP).
bool ages(std::uint16_t flood_state);
/// Whether a control plane owns the flood list (NTF_EXT_LEARNED).
bool is_external(std::uint8_t flood_flags);
/// Bytes that encapsulation adds before an inner IP packet. VXLAN: 50 over IPv4, 70 over IPv6 (RFC
/// 7348 section 5 and vxlan_headroom() in include/net/vxlan.h); the others: an IPv4 or IPv6 header,
/// and 8 for an encapsulation limit.
std::uint32_t overhead(const TunnelAttributes& tunnel);

} // namespace vxlanctl
