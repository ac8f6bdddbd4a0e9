#pragma once

#include "vxlanctl/model/fdb.h"
#include "vxlanctl/model/link_attributes.h"
#include "vxlanctl/model/record.h"
#include "vxlanctl/model/routing.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vxlanctl {

/// Where a tunnel is, if it is not in the network namespace of the call.
struct Placement {
    std::string netns;     ///< a name as of ip-netns(8); empty: that of the call
    bool create = false;   ///< it is made where there is none of that name
    bool move_dev = false; ///< the lower device is brought into it out of that of the call
    bool operator==(const Placement&) const = default;
};

/// What a tunnel leaves to its host: one description fits all hosts.
struct Automatic {
    bool local = false; ///< the local address; TunnelAttributes::local says of which family it is
    bool dev = false;   ///< the underlay interface
    bool mtu = false;   ///< what fits the path to the other ends
    std::vector<IpAddress> towards; ///< the other ends, in the order in which they were written
    std::optional<bool> global_id;  ///< of an ISATAP tunnel, whose address follows from `local`
    std::string remote_name;        ///< the remote end of an IPv4-in-IPv6 tunnel, to be looked up
    std::vector<IpAddress> remotes; ///< its addresses
    bool operator==(const Automatic&) const = default;
};

/// What the peers of a call are to those that a tunnel has.
enum class PeerChange : std::uint8_t { replace, add, remove };

/// One wanted tunnel.
struct Tunnel {
    std::string name;
    LinkAttributes link;
    TunnelAttributes tunnel;
    std::optional<std::vector<Prefix>> addresses;
    std::optional<std::vector<FloodEntry>> peers; ///< the whole flood list; sorted, no doubles
    std::vector<NamedPeer> named_peers;           ///< peers to be looked up, see names.h; sorted
    PeerNames peer_names;                         ///< of `peers`, as far as they have names
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
    Automatic automatic = {};
    /// Only these keys are to change; everything else stays as it was set, and as it runs. Empty
    /// for a tunnel that is described as a whole: there, what is not set goes back to its default.
    std::optional<std::set<std::string>> named = {};
    PeerChange peer_change = PeerChange::replace;
    /// How many seconds others are asked for, before an inner IPv4 address is newly set, whether
    /// one has it; 0: they are not asked.
    std::uint32_t duplicate_check = 0;
    /// A control plane of BGP EVPN (RFC 8365) writes the flood list and the MACs; `peers` is empty.
    bool evpn = false;
    /// The remote VTEPs that it has for the VNI, where it is about to get recorded peers: what it
    /// has itself stays.
    std::vector<IpAddress> vteps = {};
    bool random_mac = false;    ///< where it is made anew, its MAC address is a random one
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

/// By a key of a tunnel, where it stands: `/etc/vxlanctl/gate.toml:3`.
using KeyPlaces = std::map<std::string, std::string>;

/// What is wanted of one network namespace.
struct Config {
    Origin origin = Origin::cli;
    std::vector<Tunnel> tunnels;
    std::vector<std::string> absent = {}; ///< links that shall not be there
    /// Those of them that go with a link that is replaced, whoever made them.
    std::set<std::string> dropped = {};
    Unnamed unnamed = Unnamed::keep;
    std::set<std::string> spared = {}; ///< names that `unnamed` does not concern
    bool is_part =
        false; ///< of what the call wants: nothing is said of links that it does not name
    /// The files and directories that the call names, as Tunnel::source has them.
    std::vector<std::string> sources = {};
    /// Where the keys of each tunnel stand in files, by its name, for who tells of a plan. Empty
    /// where nobody asks.
    std::map<std::string, KeyPlaces> places = {};
    /// Links that shall not be there, in other network namespaces, by these namespaces' names. A
    /// namespace without any is one that `unnamed` concerns too.
    std::map<std::string, std::vector<std::string>> absent_elsewhere = {};
};

} // namespace vxlanctl
