#pragma once

#include "vxlanctl/command.h"

namespace vxlanctl {

/// `up DEV LOCAL IFNAME INNER PEER...`
std::vector<OptionInfo> up_options();
Result<int> run_up(const Arguments& arguments);

/// `down IFNAME... | --all`
std::vector<OptionInfo> down_options();
Result<int> run_down(const Arguments& arguments);

/// `show [IFNAME...]`
Result<int> run_show(const Arguments& arguments);

} // namespace vxlanctl
