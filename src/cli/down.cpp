#include "vxlanctl/commands.h"
#include "vxlanctl/reconcile.h"

#include <algorithm>

namespace vxlanctl {
namespace {

Result<Config> wanted_absence(const Arguments& arguments) {
    Config config;
    if (arguments.has("all")) {
        if (!arguments.words.empty())
            return usage_error("", "either --all or names of tunnels, not both");
        config.unnamed = Unnamed::remove_all;
        return config;
    }
    if (arguments.words.empty())
        return usage_error("", "no tunnel is named", "Name one, or use --all.");
    for (const auto& name : arguments.words) {
        if (auto good = check_link_name(name); !good) return tl::unexpected(good.error());
        if (std::find(config.absent.begin(), config.absent.end(), name) == config.absent.end())
            config.absent.push_back(name);
    }
    return config;
}

} // namespace

std::vector<OptionInfo> down_options() {
    std::vector<OptionInfo> options{
        {"all", 0, "", "every tunnel that carries vxlanctl's mark"},
        {"force", 0, "", "also a tunnel that vxlanctl did not make"},
    };
    const auto more = write_options();
    options.insert(options.end(), more.begin(), more.end());
    return options;
}

Result<int> run_down(const Arguments& arguments) {
    const auto config = wanted_absence(arguments);
    if (!config) return tl::unexpected(config.error());
    return reconcile(*config, arguments);
}

} // namespace vxlanctl
