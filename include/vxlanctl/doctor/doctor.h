#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/doctor/probed.h"
#include "vxlanctl/model/model.h"
#include "vxlanctl/model/ruleset.h"
#include "vxlanctl/run/services.h"

/// Why does a tunnel not pass traffic: from facts to findings. Pure functions on values.
namespace vxlanctl {

enum class Verdict : std::uint8_t { pass, warn, fail };

/// What one check came to.
struct Finding {
    std::string tunnel; ///< empty for one about the host
    std::string check;  ///< its name, as docs/doctor.md lists them
    Verdict verdict = Verdict::pass;
    std::vector<Message> messages; ///< what was found, at least one
    std::string why;               ///< why it matters
    std::string remedy;            ///< a command for a shell; empty where nothing is to be done

    /// The messages in one line.
    std::string found() const;
};

/// Where the kernel sends packets to an address.
struct RouteFact {
    IpAddress to;
    int code = 0; ///< errno when there is no way, or one that leads nowhere
    std::string dev;
    std::uint32_t table = 0;
    std::optional<IpAddress> via, source;
    std::uint32_t mtu = 0; ///< of the route, stated or learned from the path; 0: the link's
};

/// A neighbour inside a tunnel, in any state.
struct InnerNeighbour {
    IpAddress address;
    std::optional<MacAddress> mac;
    std::uint16_t state = 0; ///< NUD_*
};

/// What is needed of one tunnel beside its link.
struct TunnelFacts {
    std::string name;
    std::vector<RouteFact> out;   ///< to the other ends, as the tunnel's packets go
    std::vector<RouteFact> back;  ///< to the other ends by any device, as replies are expected
    std::vector<RouteFact> inner; ///< to networks and neighbours inside, by any device
    std::vector<InnerNeighbour> neighbours;
    /// Of a lower device in a VRF: whether the tunnel's UDP socket is bound to that VRF.
    std::optional<bool> bound_to_vrf;
    std::optional<Probe> probe;
};

/// net.ipv4.conf of a link, as in effect.
struct LinkPolicy {
    int rp_filter = 0;
    bool forwarding = false;
};

struct Facts {
    State state; ///< all links, tunnels in full, the main table, rules and records
    std::vector<TunnelFacts> tunnels;
    std::vector<Tunnel> wishes;                 ///< what the files state
    std::map<std::string, LinkPolicy> policies; ///< by link
    bool ipv6_forwarding = false;
    Services services;
    Ruleset ruleset;
    std::optional<Error> ruleset_obstacle; ///< why it is not known
    bool has_legacy_rules = false; ///< iptables-legacy has a filter table, which nft does not show
};

/// All findings in the order of the checks: tunnel by tunnel, then the host's, and last what cannot
/// be seen from here. A check that depends on a failed one is left out.
std::vector<Finding> findings(const Facts& facts);

/// What a person should look at, as far as the state alone shows it.
std::vector<Message> problems(const Link& link, const State& state);

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
