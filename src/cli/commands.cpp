#include "vxlanctl/cli/commands.h"

#include "vxlanctl/base/lists.h"

namespace vxlanctl {
namespace {

constexpr Capabilities writes_from_words =
    changes_network | sends_raw | joins_groups | sees_processes;
/// Files may name network namespaces, which is not known before they have been read.
constexpr Capabilities reads_files = reads_all_files | enters_namespaces;
constexpr Capabilities writes_from_files = writes_from_words | reads_files;
/// The nftables ruleset, probes, and whose network namespace this is.
constexpr Capabilities finds_out = writes_from_words | reads_all_files;
/// Files, and the nftables ruleset.
constexpr Capabilities measures = reads_files | changes_network | joins_groups;

/// Those that describe or change tunnels in words.
std::vector<Command> commands_of_words() {
    return {
        {"up", "DEV LOCAL IFNAME INNER PEER... [OPTION...]",
         "Make the VXLAN IFNAME: LOCAL is the outer address, on DEV; INNER the address in the "
         "tunnel; PEER the other ends' outer addresses",
         up_options, run_up, writes_from_words | reads_all_files, LostOutput::keeps_code,
         TunnelKind::vxlan},
        {"isatap up", "IFNAME LOCAL PREFIX ROUTER... [OPTION...]",
         "Make the ISATAP tunnel IFNAME, for IPv6 over IPv4: LOCAL is the host's IPv4 address, "
         "PREFIX the /64 that its IPv6 address is made of, ROUTER the routers' IPv4 addresses",
         isatap_up_options, run_isatap_up, writes_from_words, LostOutput::keeps_code,
         TunnelKind::sit},
        {"ipip6 up", "IFNAME LOCAL6 REMOTE6 [INNER] [OPTION...]",
         "Make the tunnel IFNAME for IPv4 over IPv6: LOCAL6 and REMOTE6 are the ends, INNER the "
         "address in the tunnel",
         ipip6_up_options, run_ipip6_up, writes_from_words, LostOutput::keeps_code,
         TunnelKind::ip6tnl},
        {"set", "IFNAME --OPTION...",
         "Change only what the options name of a tunnel that runs; everything else stays",
         set_options, run_set, writes_from_words, LostOutput::keeps_code},
        {"peer add", "IFNAME PEER... [OPTION...]",
         "Add peers to a VXLAN that runs; everything else stays", peer_options, run_peer_add,
         writes_from_words | reads_all_files, LostOutput::keeps_code},
        {"peer del", "IFNAME PEER... [OPTION...]",
         "Remove peers from a VXLAN that runs; everything else stays", peer_options, run_peer_del,
         writes_from_words | reads_all_files, LostOutput::keeps_code},
        {"init-vxlan", "[OPTION...] DEV LOCAL IFNAME INNER MASK [VNI] PEER...",
         "Make the VXLAN of the scripts init_vxlan.sh and gate_init_vxlan.sh, out of the same "
         "words, with the options of up; also when the program is called by one of these names, "
         "but then without options",
         up_options, run_init_vxlan, writes_from_words | reads_all_files, LostOutput::keeps_code,
         TunnelKind::vxlan},
    };
}

/// Those that remove tunnels, or go by files.
std::vector<Command> commands_of_files() {
    const auto no_options = [] { return std::vector<OptionInfo>{}; };
    return {
        {"down", "IFNAME... | --all | --all-files | --file FILE [OPTION...]",
         "Remove tunnels that vxlanctl made", down_options, run_down, writes_from_files,
         LostOutput::keeps_code},
        {"apply", "[FILE|DIR|-]... [OPTION...]",
         "Make the kernel match the files; without any, those of /etc/vxlanctl", apply_options,
         run_apply, writes_from_files, LostOutput::keeps_code},
        {"plan", "[FILE|DIR|-]... [OPTION...]", "Say what apply would do, and do nothing",
         plan_options, run_plan, reads_files},
        {"check", "[FILE|DIR|-]... [OPTION...]",
         "Say what differs from the files, and nothing where nothing does; the exit code is 3 then",
         check_options, run_check, reads_files, LostOutput::keeps_code},
        {"watch", "[FILE|DIR]... [OPTION...]",
         "Apply the files, and again whenever something that they concern changes: in the kernel, "
         "in the files, or where a name leads",
         watch_options, run_watch, writes_from_files, LostOutput::keeps_code, std::nullopt,
         "vxlanctl watch\n"
         "vxlanctl watch --prune /etc/vxlanctl\n"
         "vxlanctl watch --dry-run gate.toml"},
        {"validate", "[FILE|DIR|-]... | --mesh FILE|DIR... [OPTION...]",
         "Say what is wrong with files wherever they are applied; with --mesh also what "
         "contradicts between hosts: the exit code is 3 then",
         validate_options, run_validate, reads_all_files, LostOutput::fails, std::nullopt,
         "vxlanctl validate gate.toml\n"
         "vxlanctl validate --format github hosts/tokyo hosts/osaka.toml\n"
         "vxlanctl validate --mesh --closed hosts/*.toml"},
        {"snapshot", "[NETNS...] [OPTION...]",
         "Print what planning reads of this host, as JSON for 'vxlanctl plan --state'; of further "
         "network namespaces where they are named",
         no_options, run_snapshot, reads_files | sees_processes, LostOutput::fails, std::nullopt,
         "vxlanctl snapshot > gate-a.json\n"
         "vxlanctl snapshot vpg-b > gate-a.json\n"
         "vxlanctl plan hosts/gate-a --state gate-a.json"},
        {"confirm", "", "Keep what 'apply --confirm' has done", no_options, run_confirm,
         writes_all_files, LostOutput::keeps_code},
    };
}

/// Those that look at what runs, or print a file of another kind.
std::vector<Command> telling_commands() {
    return {
        {"show", "[IFNAME...] [OPTION...]",
         "Show what runs: the interface, addresses, routes, rules, counters, peers and when each "
         "was last heard, and what looks wrong",
         show_options, run_show,
         // Without the first, nftables tells no counters.
         changes_network | enters_namespaces | joins_groups},
        {"metrics", "[OPTION...]",
         "Print what a monitoring system watches of all tunnels that vxlanctl manages or files "
         "define, in Prometheus's text format",
         metrics_options, run_metrics, measures},
        {"export", "[IFNAME...] [OPTION...]",
         "Print what runs as a file that apply accepts, and that changes nothing; or what FRR "
         "needs for EVPN",
         export_options, run_export, enters_namespaces | reads_all_files},
        {"import soracom", "--gate-peers FILE [--vpg FILE] [OPTION...]",
         "Print the tunnel of a SORACOM Gate peer, out of the API's JSON, as a file that apply "
         "accepts; or its peers alone, as a peers file",
         import_soracom_options, run_import_soracom, reads_all_files | writes_all_files},
        {"graph", "[IFNAME...] [OPTION...]",
         "Draw what runs, or what files say: this host, its outer and inner addresses, and who is "
         "at the other ends",
         graph_options, run_graph, reads_all_files},
        {"doctor", "[IFNAME...] [OPTION...]",
         "Find out why a tunnel does not pass traffic, and say which command mends it; the exit "
         "code is 3 then",
         doctor_options, run_doctor, finds_out | enters_namespaces},
        {"firewall", "[IFNAME...] [OPTION...]",
         "Print rules for nft that let the other ends of a tunnel alone send into it, and more as "
         "the options say",
         firewall_options, run_firewall, no_capability},
    };
}

} // namespace

const std::vector<Command>& commands() {
    static const std::vector<Command> table = [] {
        auto all = commands_of_words();
        append(all, commands_of_files());
        append(all, telling_commands());
        return all;
    }();
    return table;
}

} // namespace vxlanctl
