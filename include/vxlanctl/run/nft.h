#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/ruleset.h"
#include "vxlanctl/netlink/netlink.h"

#include <set>
#include <string>

namespace vxlanctl {

/// What `nft -j list ruleset` printed (libnftables-json(5)). Expressions that are not understood
/// become matches that may be true or not. The error says where the text is no JSON.
Result<Ruleset> parse_ruleset(const std::string& text);

/// Asks nftables in the kernel, without nft. An error where the kernel has no netfilter.
Result<NetlinkSocket> netfilter_socket(const Kernel& kernel);
/// The names of all tables of family inet, by one dump.
Result<std::set<std::string>> read_inet_tables(Netlink& netlink);

/// The rules of a network namespace, by the program nft.
Result<Ruleset> read_ruleset(const Kernel& kernel);

} // namespace vxlanctl
