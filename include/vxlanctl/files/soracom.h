#pragma once

#include "vxlanctl/files/tunnel_file.h"

/// The VXLAN tunnel of a SORACOM Gate peer out of what SORACOM's API says, which is JSON: texts in,
/// value or error out.
namespace vxlanctl {

struct SoracomTexts {
    /// Lists of Gate peers (`soracom vpg list-gate-peers`), or one (`register-gate-peer`).
    std::vector<SourceText> gate_peers;
    /// The VPG (`soracom vpg get`), or a list that has it (`soracom vpg list`).
    std::optional<SourceText> vpg;
};

/// What is not in the texts, or not to be as it is there.
struct SoracomChoice {
    std::string name = "vxlan0";    ///< of the tunnel
    std::optional<IpAddress> self;  ///< the outer address of this host's entry
    std::optional<std::string> dev; ///< the lower device; empty for none
};

struct SoracomTunnel {
    Tunnel tunnel; ///< such as a file can state
    std::vector<Message> warnings;
};

/// `host` are this host's addresses, with the names of their devices. Errors are of kind usage, and
/// have a place where a text is wrong. Of the texts only that is looked at which is needed.
Result<SoracomTunnel> tunnel_from_soracom(const SoracomTexts& texts, const SoracomChoice& choice,
                                          std::span<const HostAddress> host);

} // namespace vxlanctl
