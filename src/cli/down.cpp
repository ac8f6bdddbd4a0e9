#include "vxlanctl/commands.h"
#include "vxlanctl/files.h"
#include "vxlanctl/reconcile.h"
#include "vxlanctl/report.h"

#include <algorithm>

namespace vxlanctl {
namespace {

void add_absent(Config& config, const std::string& name) {
    if (std::find(config.absent.begin(), config.absent.end(), name) == config.absent.end())
        config.absent.push_back(name);
}

/// The tunnels of these files, or all that is wrong with them.
std::vector<Error> add_tunnels_of(const std::vector<std::string>& files, Config& config,
                                  Codes shown) {
    auto parsed = read_tunnels(files);
    for (const auto& defined : parsed.tunnels)
        if (defined.tunnel.placement.netns.empty())
            add_absent(config, defined.tunnel.name);
        else if (parsed.errors.empty())
            print_warning(Error(Code::tunnel_stays_in_netns, defined.tunnel.name,
                                {{"netns", defined.tunnel.placement.netns}}),
                          shown);
    return std::move(parsed.errors);
}

Result<Config> wanted_absence(const Arguments& arguments) {
    Config config;
    if (arguments.has("all")) {
        if (!arguments.words.empty() || arguments.has("file")) return error(Code::names_or_all);
        config.unnamed = Unnamed::remove_all;
        return config;
    }
    if (arguments.words.empty() && !arguments.has("file")) return error(Code::no_tunnel_named);
    for (const auto& name : arguments.words) {
        if (auto good = check_link_name(name); !good) return tl::unexpected(good.error());
        add_absent(config, name);
    }
    return config;
}

} // namespace

std::vector<OptionInfo> down_options() {
    std::vector<OptionInfo> options{
        {"all", 0, "", "every tunnel that carries vxlanctl's mark"},
        {"file", 0, "FILE|DIR|-", "the tunnels that these files state; may be repeated"},
        {"force", 0, "", "also a tunnel that vxlanctl did not make"},
    };
    const auto more = write_options();
    options.insert(options.end(), more.begin(), more.end());
    return options;
}

Result<int> run_down(const Arguments& arguments) {
    auto config = wanted_absence(arguments);
    if (!config) return tl::unexpected(config.error());
    if (const auto files = arguments.options.find("file"); files != arguments.options.end())
        if (const auto errors = add_tunnels_of(files->second, *config, codes(arguments));
            !errors.empty())
            return print_failures(errors, arguments);
    return reconcile(std::move(*config), arguments);
}

} // namespace vxlanctl
