#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/kernel/namespaces.h"
#include "vxlanctl/model/tunnel.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vxlanctl {

/// A network namespace that is not the call's.
struct OtherNamespace {
    std::string name;
    std::optional<Kernel> kernel;  ///< none where it is not there
    std::optional<Error> obstacle; ///< why nobody can tell whether it is
};

/// What a call wants of one network namespace.
struct NamespaceWish {
    std::optional<OtherNamespace> elsewhere; ///< none: that of the call
    Config config;
};

/// One config for each network namespace, that of the call first. Several names may be of one.
/// Without `home` none is opened, and each name is of another one.
std::vector<NamespaceWish> namespaces_of(const Config& config, const Kernel* home);

/// How many file descriptors a run needs at the most.
std::size_t descriptors_for(const Config& config);

/// Whether any of the tunnels wants its namespace to be made.
bool creates_namespace(const Config& config);
/// Whether all that the tunnels stand on is made or brought with their network namespace.
bool makes_all(const Config& config);

/// The lower devices that have to be brought out of the namespace of the call.
std::set<std::string> devices_to_move(const Config& config);

/// What the tunnels of a place stand on, by where it is.
struct AwaitedUnderlay {
    Config to_bring; ///< in the namespace of the call
    Config there;    ///< all tunnels, without what is to be brought for them
};

/// `present` are devices that have been moved already. One that is moved for a tunnel is so for
/// those others, too, that name it or have its address.
AwaitedUnderlay underlay_of(const Config& config, const std::set<std::string>& present);

} // namespace vxlanctl
