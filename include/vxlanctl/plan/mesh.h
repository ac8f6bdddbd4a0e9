#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Whether what the files of several hosts say fits together. Pure functions on values; nothing is
/// looked up.
namespace vxlanctl {

struct MeshHost {
    std::string name; ///< what the call names it by
    std::vector<const Tunnel*> tunnels;
};

/// One tunnel of one host, by their indexes.
struct MeshEnd {
    std::size_t host = 0, tunnel = 0;
    auto operator<=>(const MeshEnd&) const = default;
};

/// One thing that is wrong, and the tunnel whose file says it.
struct MeshClause {
    Message message; ///< a finding, without a subject
    MeshEnd where;
    std::vector<std::string> all = {}; ///< of peers that nobody knows: all, not just a few
};

/// All that is wrong between two tunnels of different hosts, or with one alone.
struct Contradiction {
    MeshEnd end;
    std::optional<MeshEnd> other; ///< of a host that comes later
    std::vector<MeshClause> clauses;
};

struct MeshFindings {
    std::vector<Contradiction> contradictions; ///< in the order of the hosts and their tunnels
    std::vector<Message> notes;                ///< what could not be compared
};

/// Compares VXLANs, and IPv4-in-IPv6 tunnels whose ends are addresses; ISATAP tunnels have nothing
/// but their local addresses in common. A peer means the tunnel of another host with that local
/// address: if there are several, the one with its VNI and port, else with its VNI, else the one of
/// the same name. `closed`: a peer that means no host is wrong as well.
///
/// A host with `local = "auto"` may be any peer that means nobody, and a peer that is a host name
/// may be any host: as many as there are of these are not taken to be missing.
MeshFindings compare_hosts(std::span<const MeshHost> hosts, bool closed);

} // namespace vxlanctl
