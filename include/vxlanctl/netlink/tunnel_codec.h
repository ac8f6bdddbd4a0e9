#pragma once

#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/link_codec.h"

/// IFLA_INFO_DATA: what is special to a kind of tunnel on the wire is told by functions of that
/// kind.
namespace vxlanctl {

TunnelAttributes decode_tunnel(TunnelKind kind, const nlattr* data, int& lower_index);

void encode_tunnel(MessageWriter& writer, const TunnelAttributes& tunnel, const IndexOf& index_of);

} // namespace vxlanctl
