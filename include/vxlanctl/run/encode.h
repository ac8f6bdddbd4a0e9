#pragma once

#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/plan/operation.h"

namespace vxlanctl {

/// Appends an operation's messages to the writer's: message_count() of them, in the order of its
/// objects. `index` is the ifindex of the operation's link; `index_of` tells those of the links
/// that it refers to. Of what netlink does not know (is_by_ioctl()) there is none.
void encode(MessageWriter& writer, const Operation& operation, int index, const IndexOf& index_of);

/// Whether the operation is carried out by an ioctl an object, not by netlink.
bool is_by_ioctl(const Operation& operation);

} // namespace vxlanctl
