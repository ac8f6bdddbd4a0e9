#pragma once

#include "world.h"

#include <set>
#include <vector>

namespace world {

/// A command that writes, for which everything fails in turn.
struct StruckCommand {
    std::string name;    ///< of its row in docs/reliability.md
    std::string before;  ///< words of vxlanctl that make the state before, from any state here
    std::string words;   ///< of the run that is struck
    std::string prepare; ///< shell, on a new host
    std::string files;   ///< shell, each time before `before`
    std::string spoil;   ///< shell, after `before`
    std::map<std::string, std::string> environment; ///< of the run that is struck
    std::string netns;                              ///< a namespace that has a part in it
    std::set<std::string> there;                    ///< what messages begin with that are about it
    bool any_mac = false;  ///< a link has one that the kernel chooses anew each time
    bool anew = false;     ///< `before` does not lead back: each time on a new host
    bool may_lose = false; ///< what the next run cannot make again
    bool each = false;     ///< tunnels that do not depend on one another: each is old or new
    bool may_wait = false; ///< what is not done is left to the next run, and is no failure
};

/// A cell of the table each: what came of that fault, for one call or another.
using StruckRow = std::vector<std::set<std::string>>;

/// Runs the command with faults of the matrix. As a test, each call meets one of them, and each
/// fault many calls; where VXLANCTL_FAULT_TABLE is set, each meets all, and the command's row in
/// docs/reliability.md is written anew. Returns what was found wrong, with what came of it that the
/// table does not have.
std::vector<std::string> strike_everywhere(const StruckCommand& command);

} // namespace world
