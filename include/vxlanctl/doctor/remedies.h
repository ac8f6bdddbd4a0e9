#pragma once

#include "vxlanctl/model/model.h"

/// Commands for a shell, of iproute2 and sysctl(8), that bring a host in order.
namespace vxlanctl {

/// `ip route add 10.0.0.0/8 via 192.0.2.1 dev eth0 table 101 metric 5`
std::string route_command(std::string_view verb, const Route& route, const std::string& dev);
/// `ip rule add from 10.0.0.0/8 priority 100 table 101`
std::string rule_command(const Rule& rule);
/// The command that changes an entry of the forwarding database, all of its identity included; of
/// the flood list without a MAC address.
std::string fdb_command(std::string_view verb, const std::string& link, const FloodEntry& entry,
                        const MacAddress& mac = {});
std::string up_command(const std::string& link);
std::string mtu_command(const std::string& link, std::uint32_t mtu);
/// Of net.ipv4.conf.
std::string sysctl_command(const std::string& link, std::string_view name, int value);

} // namespace vxlanctl
