#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/plan/operation.h"
#include "vxlanctl/runtime/runtime.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

/// Many links go at once: for each one that is removed alone the kernel waits until nobody uses it
/// any more (netdev_wait_allrefs_any() and synchronize_net() in net/core/dev.c), for all of a group
/// no longer than for one.
namespace vxlanctl {

/// From this many on they go together; fewer are not worth the reading in between.
constexpr std::size_t fewest_together = 4;
/// No more at once: until all of them have gone, the kernel lets nobody else change a network.
constexpr std::size_t most_together = 128;

/// Removes links, so many at once, by a group that no other link is in, which is looked at before
/// the removal. Returns the ifindexes of those that have gone. Where that fails, the others are
/// back in the groups that they had, which `links` name, and can be removed one by one. For who has
/// the lock.
std::set<int> remove_together(const Kernel& kernel, RuntimeDirectory& records,
                              const std::vector<MovedLinks::Link>& links);

/// What that may have done to a link that is still there, for a rollback: it is in another group.
Step move_to_group(const std::string& link);

/// Puts back into their groups what a run has left in another one, and forgets it. Returns how many
/// there were.
Result<std::size_t> put_back_moved(const Kernel& kernel, RuntimeDirectory& records);

} // namespace vxlanctl
