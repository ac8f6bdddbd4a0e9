#include "vxlanctl/run/outcome.h"

#include <algorithm>

namespace vxlanctl {

Outcome intended_outcome(const TunnelPlan& plan) {
    if (plan.absent) return plan.steps.empty() ? Outcome::absent : Outcome::removed;
    if (plan.adopted) return Outcome::adopted;
    const bool deletes = plan.vanished || removes(plan, plan.name);
    const bool creates = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<CreateLink>(step.operation);
    });
    return deletes              ? Outcome::replaced
           : creates            ? Outcome::created
           : plan.steps.empty() ? Outcome::in_sync
                                : Outcome::changed;
}

} // namespace vxlanctl
