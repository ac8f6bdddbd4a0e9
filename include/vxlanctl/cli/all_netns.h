#pragma once

#include "vxlanctl/cli/command.h"
#include "vxlanctl/kernel/kernel.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

/// --all-netns: every network namespace in which vxlanctl manages a tunnel.
namespace vxlanctl {

/// The network namespaces, beside that of the call, in which vxlanctl manages a tunnel: those that
/// have a record in /run/vxlanctl. None is entered.
struct OtherNamespaces {
    std::vector<std::string> names; ///< in /run/netns, sorted
    std::size_t nameless = 0;       ///< others, to which no such name leads: they cannot be entered
};
Result<OtherNamespaces> other_namespaces();

/// `Tunnels in 2 more network namespaces (see --all-netns): blue, red`, and a line for those
/// without a name; empty where there are none.
std::string other_namespaces_text(const OtherNamespaces& others);
/// An object with `names` and `nameless`.
nlohmann::json other_namespaces_json(const OtherNamespaces& others);

/// One of the network namespaces to look at.
struct VisitedNamespace {
    std::string netns; ///< its name in /run/netns; empty for the namespace of the call
    Kernel kernel;
};

/// The namespace of the call, and with --all-netns the others too, by name.
struct VisitedNamespaces {
    std::vector<VisitedNamespace> all;
    OtherNamespaces others; ///< without --all-netns all that are left out, else the nameless ones
};

/// An error where a namespace cannot be opened. To read from another one than the first,
/// CAP_SYS_ADMIN is needed.
Result<VisitedNamespaces> visited_namespaces(const Arguments& arguments);

/// An error where --all-netns stands beside names of interfaces, which mean those of one namespace.
Result<void> check_all_netns(const Arguments& arguments);

/// `--all-netns`
OptionInfo all_netns_option();
/// What a command has to keep to enter the namespaces that it looks at.
Capabilities entering_namespaces(const Arguments& arguments);

} // namespace vxlanctl
