#pragma once

#include "vxlanctl/plan/plan.h"
#include "vxlanctl/plan/steps.h"

#include <map>
#include <span>

/// The way back, when a plan could not be carried out to its end.
namespace vxlanctl {

/// The steps that lead a link back to what it was `before`, after `done` of its plan were carried
/// out, wholly or in part. On a link that was not replaced, only what these steps concern goes
/// back: what others did meanwhile stays. `name` is the link's, or that of a replacement. One that
/// is `lost` went, or goes, with its lower device as a consequence of what we did: it is made
/// again.
std::vector<Step> rollback_link(const std::string& name, const State& before, const State& now,
                                const std::vector<Step>& done, bool lost = false);

/// The steps that take back what `done` changed outside of links: rules, and routes elsewhere.
std::vector<Step> rollback_elsewhere(const std::string& name, const State& before, const State& now,
                                     const std::vector<Step>& done);

/// Whether the steps put a new link in the place of the one of that name.
bool recreates(const std::vector<Step>& steps, const std::string& name);

/// What others have put on the link since it was made; `done` are our own steps.
std::vector<Address> addresses_of_others(const Link& was, const Link& is,
                                         const std::vector<Step>& done);

/// A part of the way back of several tunnels, in the order in which the parts are to be taken.
struct RollbackPart {
    std::string tunnel;
    std::vector<Step> steps;
};
struct Rollback {
    std::vector<RollbackPart> parts;
    std::vector<std::string> taken; ///< links that others have replaced meanwhile: left alone
    std::vector<std::string> gone;  ///< links that others have removed meanwhile
};

/// The way back of all tunnels of a run at once, wherever in the plans it has come to: the upper
/// ones are taken back first, what stands on a link that has to be made again is made again after
/// it, and an MTU rises behind that of the lower device. `made` are the ifindexes of links that an
/// earlier attempt made. Where there is nothing left to do, all is as it was `before`, but for what
/// others have taken or removed.
Rollback rollback_run(const State& before, const State& now, std::span<const TunnelPlan> plans,
                      const std::map<std::string, int>& made = {});

/// The tunnels that are not in the plans and that stand on one that is: they may have gone with it.
std::vector<std::string> fallen_with(const State& before, std::span<const TunnelPlan> plans);

} // namespace vxlanctl
