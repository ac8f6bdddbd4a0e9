#pragma once

#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/model.h"

#include <nlohmann/json_fwd.hpp>

namespace vxlanctl {

/// Whether what is around the tunnels is read too, see ReadRequest::surroundings.
enum class Surroundings : std::uint8_t { left_out, read };

/// What is read beside the tunnels that are meant, attributes alone.
struct Beside {
    std::vector<std::string> links;
    std::set<TunnelKind> kinds; ///< all links of these kinds
};

/// The tunnels of these names in full, or all of them, sorted by name, with what their records
/// claim elsewhere, and with the links that they refer to. A name that is no tunnel is an error,
/// and an alternative one becomes the real one.
Result<State> read_running(std::vector<std::string>& names,
                           Surroundings surroundings = Surroundings::left_out,
                           const Beside& beside = {});
/// The same of another network namespace.
Result<State> read_running(const Kernel& kernel, std::vector<std::string>& names,
                           Surroundings surroundings = Surroundings::left_out,
                           const Beside& beside = {});

/// Whether the link is one of the tunnels meant, or without names any tunnel; the kernel's own sit0
/// and ip6tnl0 are not.
bool is_running(const Link& link, const std::vector<std::string>& names);
/// The same, but without names only tunnels that vxlanctl manages.
bool is_concerned(const Link& link, const std::vector<std::string>& names);
/// Tunnels that is_concerned() leaves out since no name is given. Sorted.
std::vector<std::string> left_out(const State& state, const std::vector<std::string>& names);
/// The sentence that tells of them; empty where there are none.
std::string left_out_text(const std::vector<std::string>& names);
/// Their names, as documents have them under `not_managed`.
nlohmann::json left_out_json(const std::vector<std::string>& names);

/// These tunnels, or all that vxlanctl manages, as a file that `apply` accepts and that changes
/// nothing but marks. A tunnel that none can state so is a comment as a whole, with the reason.
std::string running_text(const State& state, const std::vector<std::string>& names);

/// Replaces alternative names (altname) that the state was asked for. Returns whether there are
/// any.
bool use_real_names(std::vector<std::string>& names, const State& state);

/// The tunnel of that name, for those who change a part of it. `local` is the address that it shall
/// have, or empty.
Result<RunningTunnel> running_tunnel(const std::string& name, const std::string& local = {});

} // namespace vxlanctl
