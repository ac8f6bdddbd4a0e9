#pragma once

#include "vxlanctl/doctor/doctor.h"

/// Is an address reached through a tunnel, and if not, why? A pure function on values.
namespace vxlanctl {

/// What asking the address itself came to.
struct ReachProbe {
    bool answered = false;         ///< it answered an echo request
    std::optional<NextHop> hop;    ///< the next hop, which may be the address; none: not asked for
    std::optional<Error> obstacle; ///< why nothing could be sent
};

struct ReachFacts {
    IpAddress to;
    std::vector<std::string> names; ///< of the tunnels that are meant; none: any

    RouteFact way;       ///< to the address, as this host's own packets go
    Prefix by;           ///< the route's destination
    bool is_own = false; ///< it leads to this host itself
    /// Of all tunnels that the way may lead through, one in the other.
    Facts facts;
    /// The ways of outer packets that facts.tunnels does not have: to an ISATAP host itself.
    std::vector<RouteFact> more_out;
    /// By the interface: those that the packets leave through.
    std::map<std::string, std::vector<KnownNeighbour>> neighbours;
    /// Whether packets that come out of a tunnel are forwarded, in the address's family; of the
    /// managed tunnels, where the way leads through none.
    std::map<std::string, bool> forwards;
    std::optional<ReachProbe> probe;
};

enum class ReachVerdict : std::uint8_t {
    reached, ///< through a tunnel, as far as this host can know
    outside, ///< not through a tunnel, or not through the one that is meant
    blocked, ///< something is in the way
};

/// One thing that was looked at.
struct ReachStep {
    std::string name; ///< as docs/doctor.md lists them
    Verdict verdict = Verdict::pass;
    Message message;
    std::string remedy; ///< a command for a shell that heals it; empty where there is none
};

struct Reach {
    ReachVerdict verdict = ReachVerdict::reached;
    Message headline{Code::reach_outside}; ///< what came of it, in one sentence
    std::string tunnel;                    ///< that the way leads through; empty: none
    std::vector<IpAddress> peers;          ///< the remote ends that the packets are sent to
    std::vector<ReachStep> steps;
};

Reach reach(const ReachFacts& given);

} // namespace vxlanctl
