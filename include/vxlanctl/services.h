#pragma once

#include "vxlanctl/doctor.h"
#include "vxlanctl/namespaces.h"

namespace vxlanctl {

/// Which service manages which of the links, by the files that NetworkManager and systemd-networkd
/// keep below `root`/run, and what networkd's configuration says. Whatever cannot be read is taken
/// for not there.
Services read_services(const std::string& root, const std::vector<int>& links);

/// Whether that is the network namespace that the system's services work in.
bool is_services_namespace(const NamespaceId& space);

} // namespace vxlanctl
