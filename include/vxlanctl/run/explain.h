#pragma once

#include "vxlanctl/netlink/netlink.h"
#include "vxlanctl/plan/plan.h"

namespace vxlanctl {

/// The kernel's refusal of a step's message as an error that a person can act on. Supplies the
/// reason where the kernel gives none.
Error explain(const std::string& tunnel, const Step& step, std::size_t element,
              const Failure& failure);

/// Whether the refusal means that what was to be removed is gone already.
bool is_gone_already(const Step& step, const Failure& failure);

} // namespace vxlanctl
