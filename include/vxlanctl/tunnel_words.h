#pragma once

#include "vxlanctl/model.h"

#include <map>
#include <span>

/// A wanted tunnel out of the words of a command line: text in, value or error out. Nothing here
/// looks at the host.
namespace vxlanctl {

constexpr std::uint32_t default_vni = 10;
constexpr std::uint16_t default_port = 4789; ///< IANA's; the kernel's own default is 8472

/// Options as written: name without dashes -> its arguments in order. A bare flag has one empty
/// argument; `--no-learning` is `no-learning`.
using OptionValues = std::map<std::string, std::vector<std::string>, std::less<>>;

/// `DEV LOCAL IFNAME INNER PEER...` and the options of `up`. `peers` are those of peers files.
Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                std::vector<FloodEntry> peers);

/// `IFNAME LOCAL PREFIX ROUTER...` and the options of `isatap up`. The address, the next hops and
/// the default route follow from them.
Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options);

/// `IFNAME LOCAL6 REMOTE6 [INNER]` and the options of `ipip6 up`.
Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options);

/// A peers file: one address per line, `#` begins a comment. `path` is for messages, which read
/// `path:line: message`. A file without any peer is an error: it is more likely broken than meant.
Result<std::vector<FloodEntry>> parse_peers(std::string_view text, const std::string& path);

/// What the kernel takes as a name (dev_valid_name()), less what makes it choose one itself (%).
Result<void> check_link_name(std::string_view name);

} // namespace vxlanctl
