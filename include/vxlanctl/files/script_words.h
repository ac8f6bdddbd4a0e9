#pragma once

#include "vxlanctl/files/tunnel_words.h"

/// The argv of the shell scripts that make a SORACOM Gate peer's VXLAN, in their three generations:
///
///     init_vxlan.sh      DEV LOCAL IFNAME INNER/LENGTH ANYTHING   PEER...   (2016)
///     gate_init_vxlan.sh DEV LOCAL IFNAME INNER LENGTH-OR-MASK    PEER...
///     gate_init_vxlan.sh DEV LOCAL IFNAME INNER LENGTH-OR-MASK VNI PEER...
namespace vxlanctl {

/// The port of a VXLAN that the script made while the kernel module was loaded without udp_port:
/// the kernel's own default, on which no Gate answers.
constexpr std::uint16_t script_port = 8472;

/// The tunnel that the script would make of its words. A prefix length in the fourth word makes the
/// fifth one meaningless, and the sixth one is a VNI exactly where it is a bare number. With an
/// empty INNER the tunnel has no address, and whether the link is up is not stated. A peer that is
/// named twice is one peer, as it is to the script. Between the words may stand comments, as
/// SORACOM's console prints them for a shell: `# outer address`, with the back quotes.
/// `options` are those of `up`, and `peers` those of peers files.
Result<Tunnel> tunnel_from_script(std::span<const std::string> words,
                                  const OptionValues& options = {}, PeerList peers = {});

/// Whether a program that is called by this path is one of the scripts.
bool is_script(std::string_view path);

} // namespace vxlanctl
