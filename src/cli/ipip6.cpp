#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/session.h"

namespace vxlanctl {

std::vector<OptionInfo> ipip6_up_options() {
    auto options = tunnel_options(TunnelKind::ip6tnl);
    for (auto&& more : {change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    options.push_back(override_option());
    options.push_back(wait_option());
    return options;
}

Result<int> run_ipip6_up(const Arguments& arguments) {
    auto tunnel = ipip6_from_words(arguments.words, arguments.options);
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments);
}

} // namespace vxlanctl
