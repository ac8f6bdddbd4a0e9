#pragma once

#include "world.h"

#include <functional>
#include <set>
#include <string>

namespace world {

/// Listens to a namespace's netlink events from its making on. Events come in the order in which
/// the kernel did things, so replaying them shows every state in between.
class Events {
public:
    Events(const Namespace& space, int group);
    ~Events();
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    /// Every change of the set of flood entries (RTNLGRP_NEIGH) or IPv4 addresses
    /// (RTNLGRP_IPV4_IFADDR) of a link since the last call, applied to `set`; returns the smallest
    /// size that the set had.
    std::size_t smallest(int link_index, std::set<std::string>& set);
    /// How many messages of that type were seen by smallest().
    long seen(int type) const { return seen_.count(type) != 0 ? seen_.at(type) : 0; }

private:
    int socket_;
    std::map<int, long> seen_;
};

} // namespace world
