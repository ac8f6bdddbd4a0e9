#pragma once

#include "vxlanctl/steps.h"

/// The way back, when a plan could not be carried out to its end.
namespace vxlanctl {

/// The steps that lead a link back to what it was `before`, after `done` of its plan were carried
/// out, wholly or in part. On a link that was not replaced, only what these steps concern goes
/// back: what others did meanwhile stays. `name` is the link's, or that of a replacement.
std::vector<Step> plan_back(const std::string& name, const State& before, const State& now,
                            const std::vector<Step>& done);

/// The steps that take back what `done` changed outside of links: rules, and routes elsewhere.
std::vector<Step> plan_back_elsewhere(const std::string& name, const State& before,
                                      const State& now, const std::vector<Step>& done);

} // namespace vxlanctl
