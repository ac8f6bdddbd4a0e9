#pragma once

#include "vxlanctl/files/soracom_objects.h"

/// What the VPG says about the tunnel of this host.
namespace vxlanctl {

/// The device subnet; empty where it is missing or malformed.
std::optional<Prefix> subnet_of(const ApiObject& vpg);

/// Whether Junction redirection sends the packets of all devices to that inner address.
bool redirects_to(const ApiObject& vpg, const IpAddress& inner);

/// What whoever reads the file of the tunnel has to know of the VPG.
std::vector<FileComment> comments_on(const ApiObject& vpg, const Tunnel& tunnel);

} // namespace vxlanctl
