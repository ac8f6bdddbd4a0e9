#pragma once

#include "vxlanctl/model/model.h"
#include "vxlanctl/netlink/message.h"

namespace vxlanctl {

struct AddressMessage {
    int link_index = 0;
    Address address;
};

/// An address out of RTM_NEWADDR; empty for what is none of IPv4 or IPv6.
std::optional<AddressMessage> decode_address(const nlmsghdr* message);
/// The same out of RTM_DELADDR.
std::optional<AddressMessage> decode_gone_address(const nlmsghdr* message);

/// RTM_NEWADDR; an address that is there already is left as it is or updated, never doubled.
void encode_add_address(MessageWriter& writer, int link_index, const Address& address);
void encode_remove_address(MessageWriter& writer, int link_index, const Address& address);
/// RTM_GETADDR of both families, for one link or with 0 for all.
void encode_dump_addresses(MessageWriter& writer, int link_index);

} // namespace vxlanctl
