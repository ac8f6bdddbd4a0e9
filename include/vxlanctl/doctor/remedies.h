#pragma once

#include "vxlanctl/doctor/checks.h"

/// What brings a host in order: commands for a shell, of iproute2 and sysctl(8), and edits of
/// files.
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

/// The file that defines the tunnel in this network namespace; empty: none.
std::string file_of(const Facts& facts, const std::string& tunnel);
/// How a tunnel gets another value of a key: where a file defines it by an edit, in TOML's words,
/// so that the next apply keeps it; where a command made it, by `vxlanctl set`; else by the command
/// `otherwise`.
Remedy set_remedy(const Examined& it, std::string_view key, const std::string& toml,
                  const std::string& word, std::string otherwise = "");
Remedy mtu_remedy(const Examined& it, std::uint32_t mtu);
/// The same remedy, preceded by what it changes.
Remedy with_caution(Remedy remedy, Code caution, Values values = {});

/// `blackhole`, of RTN_*.
std::string_view route_type_word(std::uint8_t type);
/// Whether routes of that type refuse packets: blackhole, unreachable, prohibit.
bool refuses(std::uint8_t type);
/// `100: from 10.0.0.0/8 lookup 101`, as ip-rule(8) lists it.
std::string rule_text(const SteeringRule& rule);
/// The rule because of which packets of the tunnel find no route: blackhole, unreachable, prohibit;
/// or null.
const SteeringRule* refusing_rule(const Examined& it, const RouteFact& way);

/// The route that refuses packets to there; none where none does. Of IPv4 the kernel says only that
/// there is no way (fib_props in net/ipv4/fib_semantics.c), so that it is looked for in the main
/// table.
std::optional<Route> refusing_route(const Examined& it, const RouteFact& way);

/// What leads the tunnel's packets to a peer again; empty where nobody can know.
Remedy remedy_of_way(const Examined& it, const RouteFact& way);
/// What leads packets for an address inside into the tunnel again; empty where nobody can know.
Remedy remedy_of_astray(const Examined& it, const RouteFact& way);

} // namespace vxlanctl
