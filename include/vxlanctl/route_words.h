#pragma once

#include "vxlanctl/model.h"

#include <string_view>

/// Routes and rules as people write them, on the command line and in files.
namespace vxlanctl {

/// `DST[,via GW][,dev D][,table N][,metric M]`. DST is a prefix without host bits, an address, or
/// `default` of the gateway's family. `dev` stays empty and `table` 0 where they are not given.
Result<Route> parse_route(std::string_view text);

/// `[from PREFIX,][to PREFIX,]table N[,priority P]`, in any order; from or to has to be there.
Result<Rule> parse_rule(std::string_view text);

/// Routes that the kernel could not have side by side, and rules that come twice, are errors.
Result<void> check_routes(const std::vector<Route>& routes);
Result<void> check_rules(const std::vector<Rule>& rules);

} // namespace vxlanctl
