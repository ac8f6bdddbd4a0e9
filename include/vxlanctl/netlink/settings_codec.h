#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/netlink/message.h"

namespace vxlanctl {

/// Of the kernel's number, which may be any.
RpFilter rp_filter_of(std::uint32_t number);

/// RTM_GETNETCONF of net.ipv4.conf.default, net.ipv4.conf.all and net.ipv6.conf.all. A kernel
/// without IPv6 refuses the last one.
void encode_get_settings(MessageWriter& writer);

/// Takes over what one of the answers says.
void decode_settings(const nlmsghdr* message, InterfaceSettings& settings);

} // namespace vxlanctl
