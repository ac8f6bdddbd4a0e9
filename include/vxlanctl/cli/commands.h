#pragma once

#include "vxlanctl/cli/command.h"

namespace vxlanctl {

/// `up DEV LOCAL IFNAME INNER PEER...`
std::vector<OptionInfo> up_options();
Result<int> run_up(const Arguments& arguments);

/// `set IFNAME --OPTION...`
std::vector<OptionInfo> set_options();
Result<int> run_set(const Arguments& arguments);

/// `peer add|del IFNAME PEER...`
std::vector<OptionInfo> peer_options();
Result<int> run_peer_add(const Arguments& arguments);
Result<int> run_peer_del(const Arguments& arguments);

/// `isatap up IFNAME LOCAL PREFIX ROUTER...`
std::vector<OptionInfo> isatap_up_options();
Result<int> run_isatap_up(const Arguments& arguments);

/// `ipip6 up IFNAME LOCAL6 REMOTE6 [INNER]`
std::vector<OptionInfo> ipip6_up_options();
Result<int> run_ipip6_up(const Arguments& arguments);

/// `init-vxlan DEV LOCAL IFNAME INNER MASK [VNI] PEER...`
Result<int> run_init_vxlan(const Arguments& arguments);

/// `down IFNAME... | --all`
std::vector<OptionInfo> down_options();
Result<int> run_down(const Arguments& arguments);

/// `apply [FILE|DIR|-]...`
std::vector<OptionInfo> apply_options();
Result<int> run_apply(const Arguments& arguments);

/// `plan [FILE|DIR|-]...`
std::vector<OptionInfo> plan_options();
Result<int> run_plan(const Arguments& arguments);

/// `snapshot [NETNS...]`
Result<int> run_snapshot(const Arguments& arguments);

/// `check [FILE|DIR|-]...`
std::vector<OptionInfo> check_options();
Result<int> run_check(const Arguments& arguments);

/// `watch [FILE|DIR]...`
std::vector<OptionInfo> watch_options();
Result<int> run_watch(const Arguments& arguments);

/// `validate [FILE|DIR|-]...`
std::vector<OptionInfo> validate_options();
Result<int> run_validate(const Arguments& arguments);

/// `confirm`
Result<int> run_confirm(const Arguments& arguments);

/// `show [IFNAME...] [-w [SECONDS]]`
std::vector<OptionInfo> show_options();
Result<int> run_show(const Arguments& arguments);

/// `metrics`
std::vector<OptionInfo> metrics_options();
Result<int> run_metrics(const Arguments& arguments);

/// `export [IFNAME...]`
std::vector<OptionInfo> export_options();
Result<int> run_export(const Arguments& arguments);

/// `import soracom --gate-peers FILE`
std::vector<OptionInfo> import_soracom_options();
Result<int> run_import_soracom(const Arguments& arguments);

/// `graph [IFNAME...]`
std::vector<OptionInfo> graph_options();
Result<int> run_graph(const Arguments& arguments);

/// `doctor [IFNAME...]`
std::vector<OptionInfo> doctor_options();
Result<int> run_doctor(const Arguments& arguments);

/// `firewall [IFNAME...]`
std::vector<OptionInfo> firewall_options();
Result<int> run_firewall(const Arguments& arguments);

} // namespace vxlanctl
