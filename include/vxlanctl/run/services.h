#pragma once

#include "vxlanctl/kernel/namespaces.h"
#include "vxlanctl/model/state.h"

#include <functional>
#include <map>

namespace vxlanctl {

/// What is known of the services that manage links.
struct Services {
    struct Managed {
        bool by_network_manager = false, by_networkd = false;
    };
    std::map<int, Managed> links; ///< by ifindex
    bool networkd_runs = false;
    bool removes_routes = false, removes_rules = false; ///< networkd, foreign ones
};

/// Which service manages which of the links, by the files that NetworkManager and systemd-networkd
/// keep below `root`/run, and what networkd's configuration says. Whatever cannot be read is taken
/// for not there.
Services read_services(const std::string& root, const std::vector<int>& links);

/// By the names of interfaces, the files below `root` in which other programs say that they make
/// them: a .netdev file of systemd-networkd (systemd.netdev(5)), or NetworkManager's state of a
/// device that it owns. `indexes` are the interfaces that are asked about.
std::map<std::string, std::string> files_that_make(const std::string& root,
                                                   const std::map<std::string, int>& indexes);
/// The same of this host for those tunnels of the state that do not carry our mark, and that
/// `is_meant`; none in a network namespace that the system's services do not work in.
std::map<std::string, std::string>
files_of_other_programs(const NamespaceId& space, const State& state,
                        const std::function<bool(const Link&)>& is_meant);

/// Whether that is the network namespace that the system's services work in.
bool is_services_namespace(const NamespaceId& space);

} // namespace vxlanctl
