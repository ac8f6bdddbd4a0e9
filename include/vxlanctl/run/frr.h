#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/evpn.h"

#include <string>
#include <string_view>
#include <vector>

/// FRR's own words about EVPN, through vtysh. Nothing is written to FRR, and none of its files is.
namespace vxlanctl {

/// One command to vtysh and what came of it.
struct FrrAnswer {
    std::string_view command;
    std::string text; ///< JSON, or empty, or a sentence
};

/// The commands, in the order in which vtysh is given them. It ends with the first that fails.
const std::vector<std::string>& frr_commands();
/// Parts what `vtysh -E -c … -c …` printed by the prompts, `host# command`, that `-E` adds.
std::vector<FrrAnswer> frr_answers(std::string_view printed);

/// From the JSON of FRR 8.4 to 10. What is not as expected counts as missing: no text makes it
/// fail, since others wrote it.
Evpn parse_evpn(const std::vector<FrrAnswer>& answers);

/// The directories of zebra's vty sockets, of /proc/net/unix. That file lists the sockets that were
/// made in one network namespace (unix_seq_start() in net/unix/af_unix.c), so that they are those
/// of the zebra that serves it, whatever the path.
std::vector<std::string> frr_directories(std::string_view unix_sockets);

/// Asks FRR by one process, whatever the number of VNIs; none is started where no zebra serves the
/// namespace. vtysh is given ten seconds.
ControlPlane read_control_plane(const Kernel& kernel);

/// Before capabilities are given up: root without CAP_DAC_OVERRIDE may not write to sockets of the
/// group frrvty, so that this process joins the group that they have. Where it may not, vtysh says
/// so. Nothing where FRR does not run.
void join_group_of_frr();

} // namespace vxlanctl
