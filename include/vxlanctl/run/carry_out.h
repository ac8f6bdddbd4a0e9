#pragma once

#include "vxlanctl/run/transaction.h"

#include <span>
#include <vector>

namespace vxlanctl {

/// Carries out the plans of several tunnels, one after the other: writes the record, sends the
/// steps. Then waits for all new IPv6 addresses to become usable, reads everything back and plans
/// again. `before` is the state that the plans were made from, `config` what they were made for;
/// tunnels in it without a plan do not matter.
///
/// One result a plan, in order. On any error the state of that tunnel read before is restored, and
/// the error says so; where that fails too, it is of kind rollback_incomplete and lists what is
/// left. The other tunnels are not concerned. A plan that has errors is not carried out, and its
/// first one is the result.
///
/// A signal that is caught (signals.h) ends the run: the tunnel at work is rolled back, those
/// already carried out are completed, the others are not begun. The last one is at work until all
/// are read back and found to be in effect; what comes later is too late.
std::vector<Result<void>> carry_out(TransactionContext& context, const Config& config,
                                    std::span<const TunnelPlan> plans, const State& before,
                                    const PlanOptions& options);

/// Returns to `before`, from wherever in the plans a run has come to, also one of another process
/// that was killed; the last plan first. The errors are of kind rollback_incomplete and list what
/// is left.
std::vector<Error> roll_back(TransactionContext& context, std::span<const TunnelPlan> plans,
                             const State& before);

} // namespace vxlanctl
