#pragma once

#include "chance.h"
#include "vxlanctl/plan/plan.h"

/// Random wishes, and what happens to links besides: the input of tests of properties.
namespace vxlanctl::test {

/// Named vxlan0, on host_state(); of one kind in all of a seed's rounds.
Tunnel random_tunnel(Chance& chance, unsigned seed);
/// What others do to a link, and what traffic does.
void disturb(Chance& chance, State& state);
/// Under which everything is allowed.
PlanOptions random_options(Chance& chance);

} // namespace vxlanctl::test
