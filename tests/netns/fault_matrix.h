#pragma once

#include "world.h"

#include <set>
#include <vector>

namespace world {

/// A fault of strike.cpp.
struct Strike {
    std::string fault;
    long number = 0;      ///< of the call, counted from 1
    bool goes_on = false; ///< all later ones, too
};
struct Struck {
    Finished finished;
    std::string call; ///< what it was; empty: there was no such call
};
Struck run_struck(const Namespace& space, const std::string& words, const Strike& strike,
                  std::map<std::string, std::string> environment = {});

/// A command that writes, for which everything fails in turn.
struct StruckCommand {
    std::string name;   ///< of its row in docs/reliability.md
    std::string before; ///< words of vxlanctl that make the state before, from any state here
    std::string words;
    std::string prepare;                            ///< shell, on a new host
    std::map<std::string, std::string> environment; ///< of the run that is struck
    bool any_mac = false; ///< vxlan0 has one that the kernel chooses anew each time
};

/// Runs the command with each fault of the matrix at each call. Returns its row of the table, and
/// what was found wrong.
struct StruckRow {
    std::vector<std::set<std::string>> outcomes; ///< a cell each
    std::vector<std::string> problems;
};
StruckRow strike_everywhere(const StruckCommand& command);

/// The cells of the command's row in docs/reliability.md.
std::vector<std::set<std::string>> documented_row(const std::string& command);
/// Puts a row in its place there.
void document_row(const std::string& command, const std::vector<std::set<std::string>>& outcomes);

/// Every so many of the calls are struck: all where VXLANCTL_FAULT_STRIDE is 1, which takes
/// minutes.
long fault_stride();

} // namespace world
