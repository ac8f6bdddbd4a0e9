#pragma once

#include "vxlanctl/model/state.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace vxlanctl {

/// A route with the interface that it leads through.
struct TableRoute {
    int link_index = 0; ///< of the next hop; 0 where there is none
    Route route;
    bool operator==(const TableRoute&) const = default;
};

/// An address of the host with all that the kernel says of it.
struct PlacedAddress {
    int link_index = 0;
    Address address;
    bool operator==(const PlacedAddress&) const = default;
};

/// What planning reads of one network namespace, kept to plan somewhere else.
struct NamespaceSnapshot {
    /// All links, the tunnels among them in full. `routes` has those that forward packets to
    /// another host, of every table; a link's `routes` those that lead out of it.
    State state;
    std::vector<PlacedAddress> addresses;
    std::vector<TableRoute> routes;  ///< of all types and tables, those of a next hop together
    std::vector<SteeringRule> rules; ///< in the order in which the kernel goes through them
};

/// Fills in of the state what the other members say: routes, by table and by link, and the host's
/// addresses.
void complete(NamespaceSnapshot& space);

/// What `vxlanctl snapshot` prints.
struct Snapshot {
    std::string program;         ///< the version that made it
    std::string kernel;          ///< `uname -r`
    std::string time;            ///< UTC, `2026-11-30T13:00:00Z`
    std::set<std::string> netns; ///< all names in /run/netns
    /// By the name in /run/netns; the one that the command was called in by the empty name.
    std::map<std::string, NamespaceSnapshot> namespaces;
};

} // namespace vxlanctl
