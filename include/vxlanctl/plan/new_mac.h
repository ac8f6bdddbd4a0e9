#pragma once

#include "vxlanctl/model/model.h"

/// The MAC address of a new VXLAN. It is in the create message, so that udev leaves it alone
/// (MACAddressPolicy=persistent replaces one that the kernel chose).
namespace vxlanctl {

/// What machine-id(5) calls this host. It is confidential: it leaves the host only hashed.
using MachineId = std::array<std::uint8_t, 16>;

/// Of the text of /etc/machine-id; empty where that is no ID, as `uninitialized` is none.
std::optional<MachineId> parse_machine_id(std::string_view text);

/// The MAC address that a VXLAN of this name, VNI and local address has on that host, whenever it
/// is made: HMAC-SHA256 with the machine ID as its key, as sd_id128_get_machine_app_specific(3).
MacAddress stable_mac(const MachineId& machine, const std::string& name,
                      const TunnelAttributes& vxlan);

/// The address as one of a single station that nobody sold (IEEE 802: locally administered).
MacAddress locally_administered(MacAddress mac);

} // namespace vxlanctl
