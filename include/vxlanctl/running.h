#pragma once

#include "vxlanctl/model.h"

namespace vxlanctl {

/// Whether what is around the tunnels is read too, see ReadRequest::surroundings.
enum class Surroundings : std::uint8_t { left_out, read };

/// What is read beside the tunnels that are meant, attributes alone.
struct Beside {
    std::vector<std::string> links;
    std::set<TunnelKind> kinds; ///< all links of these kinds
};

/// The tunnels of these names in full, or all of them, sorted by name, with what their records
/// claim elsewhere, and with the links that they refer to. A name that is no tunnel is an error.
Result<State> read_running(const std::vector<std::string>& names,
                           Surroundings surroundings = Surroundings::left_out,
                           const Beside& beside = {});

/// Whether the link is one of the tunnels meant; the kernel's own sit0 and ip6tnl0 are not.
bool is_running(const Link& link, const std::vector<std::string>& names);

/// These tunnels, or all, as a file that `apply` accepts and that changes nothing but marks. A
/// tunnel that none can state so is a comment as a whole, with the reason.
std::string running_text(const State& state, const std::vector<std::string>& names);

} // namespace vxlanctl
