#pragma once

#include <cstdint>
#include <linux/capability.h>

/// What the kernel lets this process do (capabilities(7)).
namespace vxlanctl {

/// A set of capabilities, a bit each as in /proc/PID/status.
using Capabilities = std::uint64_t;

constexpr Capabilities capability(int number) {
    return Capabilities{1} << number;
}
constexpr Capabilities no_capability = 0;
/// To read files of whoever called sudo.
constexpr Capabilities reads_all_files = capability(CAP_DAC_READ_SEARCH);
constexpr Capabilities writes_all_files = capability(CAP_DAC_OVERRIDE);
/// To enter and to make network namespaces.
constexpr Capabilities enters_namespaces = capability(CAP_SYS_ADMIN);
/// To see in which namespaces others' processes live, and the SSH session that sudo hides.
constexpr Capabilities sees_processes = capability(CAP_SYS_PTRACE);
constexpr Capabilities changes_network = capability(CAP_NET_ADMIN);
/// To join the group that may ask FRR.
constexpr Capabilities joins_groups = capability(CAP_SETGID);
constexpr Capabilities sends_raw = capability(CAP_NET_RAW); ///< ARP, and probes

/// Whether this process may change the network of its namespace, as far as it can know before it
/// tries: CAP_NET_ADMIN is effective.
bool has_net_admin();
/// The same of CAP_SYS_ADMIN, without which no other network namespace can be entered.
bool has_sys_admin();

/// Gives up all other capabilities for good, also for the programs that it starts. Where a service
/// manager forbids the call itself, they stay what it has chosen.
void keep_capabilities(Capabilities kept);

} // namespace vxlanctl
