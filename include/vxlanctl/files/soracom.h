#pragma once

#include "vxlanctl/files/file_text.h"
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
    std::vector<FileComment> comments; ///< for the file
};

/// `host` are this host's addresses, with the names of their devices. Errors are of kind usage, and
/// have a place where a text is wrong. Of the texts only that is looked at which is needed.
Result<SoracomTunnel> tunnel_from_soracom(const SoracomTexts& texts, const SoracomChoice& choice,
                                          std::span<const HostAddress> host);

/// The peers file of the same: below a line that says who wrote it one address a line. Which entry
/// is this host's makes no difference.
Result<std::string> peers_from_soracom(const SoracomTexts& texts);
/// Whether the text begins with that line, so that nobody means to keep it.
bool is_imported_peers_file(std::string_view text);

} // namespace vxlanctl
