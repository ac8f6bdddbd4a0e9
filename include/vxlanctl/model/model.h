#pragma once

#include "vxlanctl/model/state.h"
#include "vxlanctl/model/tunnel.h"

/// The values that the program computes with. `Config` is what is wanted, `State` what the kernel
/// has; plan.h compares the two. An empty std::optional means «not stated»: never compared, never
/// sent. Links are named by name throughout, since a link may be born in the plan that uses it; an
/// empty name means «none». Integers are in host byte order.
namespace vxlanctl {}
