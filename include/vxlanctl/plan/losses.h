#pragma once

#include "vxlanctl/model/model.h"

/// What a link has that a new one in its place cannot be given, in words.
namespace vxlanctl {

/// `1 address`, `2 addresses`.
std::string counted(std::ptrdiff_t count, std::string_view one, std::string_view many);
/// `next-hop group 10 (1 MAC), VNI 20 (2 MACs)`: what the entries lead to.
std::string opaque_in_words(const std::vector<OpaqueEntry>& entries);
/// How much somebody has set of a bridge port: settings that a new one would not have, and VLANs
/// beside the one of frames without a tag.
struct PortSettings {
    std::ptrdiff_t settings = 0, vlans = 0;
};
PortSettings set_on_port(const Link& link);
/// What neither a replacement nor a rollback can make again; empty where there is nothing.
std::string losses_in_words(const Link& link);
/// The same without what comes back by itself: learned MACs.
std::string settings_lost_in_words(const Link& link);

} // namespace vxlanctl
