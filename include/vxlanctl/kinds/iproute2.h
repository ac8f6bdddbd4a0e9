#pragma once

#include "vxlanctl/model/model.h"

#include <string>
#include <string_view>
#include <vector>

/// How iproute2 calls what tunnels have.
namespace vxlanctl {

/// Words of a command, and what there are none for.
struct IpWords {
    std::string text;
    std::vector<std::string> left_out;
};

/// iproute2's word for an attribute.
std::string_view ip_word_of(std::string_view name);
/// A traffic class.
std::string ip_class(unsigned value);

/// iproute2 refuses what the kernel takes: a TTL of its own without path MTU discovery.
bool has_refused_pair(const TunnelAttributes& attributes);

/// The remote of an FDB entry, for `bridge fdb`: ` dst 100.64.158.4 port 4790`.
std::string ip_remote(const FloodEntry& entry);

/// What is stated of a tunnel, behind ` type KIND`.
IpWords ip_words(const TunnelAttributes& attributes);
/// Of a sit or an ip6tnl.
IpWords ip_tunnel_words(const TunnelAttributes& attributes);

} // namespace vxlanctl
