#pragma once

#include "vxlanctl/model/model.h"

/// What a link has that a new one in its place cannot be given, in words.
namespace vxlanctl {

/// `1 address`, `2 addresses`.
std::string counted(std::ptrdiff_t count, std::string_view one, std::string_view many);
/// `next-hop group 10 (1 MAC), VNI 20 (2 MACs)`: what the entries lead to.
std::string opaque_in_words(const std::vector<OpaqueEntry>& entries);
/// `learning 0, isolated 1`.
std::string settings_in_words(const BridgePort& port);
/// The VLANs of a bridge port that a new one does not get by itself (`vlan_default_pvid`, which is
/// 1 unless somebody changes it).
std::vector<VlanRange> lasting_vlans(const BridgePort& port);
/// `7, 100-102 untagged`.
std::string vlans_in_words(const std::vector<VlanRange>& vlans);
/// What neither a replacement nor a rollback can make again; empty where there is nothing.
std::string losses_in_words(const Link& link);
/// The same without what comes back by itself: learned MACs.
std::string settings_lost_in_words(const Link& link);

} // namespace vxlanctl
