#pragma once

#include "vxlanctl/netlink.h"
#include "vxlanctl/plan.h"
#include "vxlanctl/runtime.h"

namespace vxlanctl {

/// Where a transaction works, and whom it tells.
struct TransactionContext {
    Netlink& netlink;
    RuntimeDirectory& records;
    NamespaceId space;
    /// Told how many of a tunnel's messages are done.
    std::function<void(std::size_t done, std::size_t total)> progress;
};

/// Carries out one tunnel's plan: writes the record, sends the steps, waits for new IPv6 addresses
/// to become usable, reads back and plans again. `config` holds the tunnel alone; `before` is the
/// state that the plan was made from.
///
/// On any error the state read before is restored, and the error says so; where that fails too, it
/// is of kind undo_incomplete and lists what is left.
Result<void> carry_out(TransactionContext& context, const Config& config, const TunnelPlan& plan,
                       const State& before, const PlanOptions& options);

/// From here on SIGINT, SIGTERM and SIGHUP do not end the process but the transaction, at the next
/// step, with an undo.
void catch_signals();
/// The signal that came, or 0.
int caught_signal();

} // namespace vxlanctl
