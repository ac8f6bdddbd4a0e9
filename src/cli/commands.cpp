#include "vxlanctl/commands.h"

namespace vxlanctl {

const std::vector<Command>& commands() {
    static const std::vector<Command> table{
        {"up", "DEV LOCAL IFNAME INNER PEER... [OPTION...]",
         "Make the VXLAN IFNAME: LOCAL is the outer address, on DEV; INNER the address in the "
         "tunnel; PEER the other ends' outer addresses",
         up_options(), run_up},
        {"down", "IFNAME... | --all [OPTION...]", "Remove tunnels that vxlanctl made",
         down_options(), run_down},
        {"show",
         "[IFNAME...] [OPTION...]",
         "Show what runs: link, addresses, peers, learned MACs, counters, and what looks wrong",
         {},
         run_show},
    };
    return table;
}

} // namespace vxlanctl
