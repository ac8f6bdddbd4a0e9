#pragma once

#include "vxlanctl/plan/plan.h"

namespace vxlanctl {

/// What became of one tunnel.
enum class Outcome : std::uint8_t {
    in_sync,
    created,
    changed,
    replaced,
    adopted,
    removed,
    absent,
    refused,
    failed,
    taken_back, ///< since nobody confirmed it
    untouched   ///< because of another tunnel's error of kind usage
};

/// The outcome that the plan has if every step succeeds.
Outcome intended_outcome(const TunnelPlan& plan);

} // namespace vxlanctl
