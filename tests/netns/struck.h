#pragma once

#include "world.h"

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
/// A run of vxlanctl in which that happens. Throws where it does not end.
Struck run_struck(const Namespace& space, const std::string& words, const Strike& strike,
                  std::map<std::string, std::string> environment = {});

} // namespace world
