#pragma once

#include "vxlanctl/files/peers.h"

#include <map>

/// A wanted tunnel out of the words of a command line: text in, value or error out. Nothing here
/// looks at the host.
namespace vxlanctl {

/// Options as written: name without dashes -> its arguments in order. A bare flag has one empty
/// argument; `--no-learning` is `no-learning`.
using OptionValues = std::map<std::string, std::vector<std::string>, std::less<>>;

/// `DEV LOCAL IFNAME INNER PEER...` and the options of `up`. `peers` are those of peers files.
Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                PeerList peers);

/// `IFNAME LOCAL PREFIX ROUTER...` and the options of `isatap up`. The address, the next hops and
/// the default route follow from them.
Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options);

/// `IFNAME LOCAL6 REMOTE6 [INNER]` and the options of `ipip6 up`.
Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options);

} // namespace vxlanctl
