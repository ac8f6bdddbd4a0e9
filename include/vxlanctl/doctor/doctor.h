#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/doctor/probed.h"
#include "vxlanctl/model/evpn.h"
#include "vxlanctl/model/many_vnis.h"
#include "vxlanctl/model/model.h"
#include "vxlanctl/model/ruleset.h"
#include "vxlanctl/run/services.h"

/// Why does a tunnel not pass traffic: from facts to findings. Pure functions on values.
namespace vxlanctl {

enum class Verdict : std::uint8_t { pass, warn, fail };

/// A value in a file that has to be another one.
struct FileEdit {
    std::string file;
    std::size_t line = 0; ///< of the key; of a new one: above which it is to be put
    bool is_new = false;
    std::string section;    ///< `vxlan.vxlan0`
    std::string key, value; ///< the value as TOML has it: `1350`, `"auto"`
    bool operator==(const FileEdit&) const = default;
};

/// What to do about something: edit a file, and run commands.
struct Remedy {
    std::vector<FileEdit> edits;
    std::vector<std::string> commands; ///< for a shell, one after the other
    std::string look;                  ///< a command that shows more, where none puts it right
    /// What the commands change, where that could do harm.
    std::optional<Message> caution;

    Remedy() = default;
    Remedy(const char* command) : Remedy(std::string(command)) {}
    Remedy(std::string command) {
        if (!command.empty()) commands.push_back(std::move(command));
    }
    static Remedy to_look(std::string command) {
        Remedy remedy;
        remedy.look = std::move(command);
        return remedy;
    }
    bool empty() const { return edits.empty() && commands.empty(); }
    /// All commands in one line.
    std::string command() const;
};

/// What one check came to.
struct Finding {
    std::string tunnel; ///< empty for one about the host
    std::string check;  ///< its name, as docs/doctor.md lists them
    Verdict verdict = Verdict::pass;
    std::vector<Message> messages; ///< what was found, at least one
    std::string why;               ///< why it matters
    Remedy remedy;                 ///< empty where nothing can be done by a command

    /// The messages in one line.
    std::string found() const;
};

/// A neighbour, in any state.
struct KnownNeighbour {
    IpAddress address;
    std::optional<MacAddress> mac;
    std::uint16_t state = 0; ///< NUD_*
};

/// Where the kernel sends packets to an address.
struct RouteFact {
    IpAddress to;
    int code = 0; ///< errno when there is no way, or one that leads nowhere
    std::string dev;
    std::uint32_t table = 0;
    std::optional<IpAddress> via, source;
    std::uint32_t mtu = 0; ///< of the route, stated or learned from the path; 0: the link's
    /// The neighbour that packets are handed to, where the kernel knows one.
    std::optional<KnownNeighbour> next_hop = {};
    Prefix by = {};        ///< the route's destination
    std::uint8_t type = 0; ///< RTN_*; 0 where there is no route
};

/// What is needed of one tunnel beside its link.
struct TunnelFacts {
    std::string name;
    std::vector<RouteFact> out;   ///< to the other ends, as the tunnel's packets go
    std::vector<RouteFact> back;  ///< to the other ends by any device, as replies are expected
    std::vector<RouteFact> inner; ///< to networks and neighbours inside, by any device
    std::vector<KnownNeighbour> neighbours; ///< inside
    /// Of a lower device in a VRF: whether the tunnel's UDP socket is bound to that VRF.
    std::optional<bool> bound_to_vrf;
    /// Whether another program has a socket on the UDP port of a tunnel that is down.
    bool port_is_taken = false;
    /// The VLANs of a bridge port, and those of the other ports and the bridge itself; where the
    /// bridge filters by VLAN.
    std::vector<VlanRange> own_vlans, other_vlans;
    std::set<std::uint16_t> other_pvids; ///< the VLANs of frames without a tag of those others
    std::optional<Probe> probe;
};

/// net.ipv4.conf of a link, as in effect.
struct LinkPolicy {
    int rp_filter = 0;
    bool forwarding = false;
    int arp_ignore = 0;
    bool ipv6_disabled = false; ///< net.ipv6.conf.LINK.disable_ipv6
};

/// Where a file defines a tunnel.
struct Definition {
    struct Place {
        std::string file;
        std::size_t line = 0;
    };
    std::string section;               ///< `vxlan.vxlan0`
    Place first;                       ///< of the keys in the file itself
    std::map<std::string, Place> keys; ///< in the file or a drop-in
};

/// How a managed tunnel differs from what a file or a command asked for.
struct Drift {
    std::vector<std::string> what; ///< `set mtu: 1200 -> 1450`; empty: nothing
    std::vector<Message> reasons;  ///< why it cannot be put right as it is
    std::string remedy;            ///< the command that puts it right; empty where none can
};

struct Facts {
    State state; ///< all links, tunnels in full, the main table, rules and records
    std::vector<TunnelFacts> tunnels;
    std::vector<Tunnel> wishes;               ///< what the files state
    std::map<std::string, Definition> places; ///< of these, by the tunnel's name
    std::map<std::string, Drift> differences; ///< by the tunnel's name
    std::set<std::string> held;               ///< tunnels of files that are on hold
    /// Records of tunnels that a command made and that are gone, by the interface's name.
    std::map<std::string, Record> vanished;
    /// What makes them again, by the interface's name; none where words cannot say it.
    std::map<std::string, std::string> makers;
    std::map<std::string, LinkPolicy> policies; ///< by link
    bool ipv6_forwarding = false;
    std::vector<SteeringRule> rules; ///< all, in their order
    /// Routes of the main table that refuse packets: blackhole, unreachable, prohibit. Read where
    /// there is no way to some peer.
    std::vector<Route> refusing;
    Services services;
    ControlPlane control_plane;
    std::vector<std::string> vrrp; ///< interfaces that are in VRRP's multicast group, 224.0.0.18
    std::map<std::string, ManyVnis> many_vnis; ///< of single VXLAN devices
    Ruleset ruleset;
    std::optional<Error> ruleset_obstacle; ///< why it is not known
    bool has_legacy_rules = false; ///< iptables-legacy has a filter table, which nft does not show
};

/// All findings in the order of the checks: tunnel by tunnel, then the host's, and last what cannot
/// be seen from here. A check that depends on a failed one is left out.
std::vector<Finding> findings(const Facts& facts);

/// What a person should look at, as far as the state alone shows it.
std::vector<Message> problems(const Link& link, const State& state);

/// The same of a VXLAN whose control plane is known.
std::vector<Message> problems(const Link& link, const State& state, const ControlPlane& plane);

/// The outer addresses of the other ends, sorted, each once.
std::vector<IpAddress> other_ends(const Link& link);
/// Whether it has a remote of its own, beside the flood list.
bool has_remote(const Link& link);
/// The local address; none where it is unspecified.
std::optional<IpAddress> local_of(const Link& link);

/// The names that are meant: those given, or all tunnels that we manage and those that files
/// define.
std::vector<std::string> tunnels_meant(const std::vector<std::string>& names, const State& state,
                                       const std::vector<Tunnel>& wishes);

} // namespace vxlanctl
