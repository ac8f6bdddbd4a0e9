#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/session.h"

namespace vxlanctl {

std::vector<OptionInfo> isatap_up_options() {
    std::vector<OptionInfo> options{
        {"router", 0, "ADDR",
         "a router that packets are accepted from, but no default router; may be repeated"},
        {"default-route", 0, "",
         "an IPv6 default route by the first router, even where there is one out of another link"},
        {"no-default-route", 0, "", "no default route"},
        {"metric", 0, "N",
         "of the default route (default 1); repeated: of one by the second router, and so on"},
        {"global-id", 0, "",
         "interface identifiers 0200:5efe:... (default: as the kernel makes them of the address)"},
        {"no-global-id", 0, "", "interface identifiers 0000:5efe:..."},
    };
    for (auto&& more : {tunnel_options(TunnelKind::sit), change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    options.push_back(override_option());
    options.push_back(wait_option());
    return options;
}

Result<int> run_isatap_up(const Arguments& arguments) {
    auto tunnel = isatap_from_words(arguments.words, arguments.options);
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments);
}

} // namespace vxlanctl
