#pragma once

#include "vxlanctl/model/model.h"

namespace vxlanctl {

/// A running tunnel as a wish.
struct Exported {
    /// What would change nothing but the mark. It also has attributes that no file can state.
    Tunnel tunnel;
    std::vector<std::string> comments; ///< what is there besides
    /// Why no file should state it, as far as a plan would not tell; mostly empty.
    std::string obstacle;
};

/// `link` is one of `state`, read in full, with its record if it has one. What somebody else may
/// move at any time is a comment: of a link that we manage everything that is not in its record,
/// of another one routes that a routing daemon made.
Exported exported(const Link& link, const State& state);

} // namespace vxlanctl
