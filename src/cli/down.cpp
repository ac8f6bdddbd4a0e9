#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/session.h"
#include "vxlanctl/runtime/runtime.h"

namespace vxlanctl {
namespace {

/// The tunnels of these files, or all that is wrong with them.
std::vector<Error> add_tunnels_of(const std::vector<std::string>& files, Config& config) {
    auto read = read_tunnels(files);
    auto errors = std::move(read.parsed.errors);
    if (errors.empty())
        for (const auto& word : read.empty)
            errors.emplace_back(Code::file_defines_no_tunnel, word);
    for (const auto& defined : read.parsed.tunnels) {
        const auto& netns = defined.tunnel.placement.netns;
        auto& absent = netns.empty() ? config.absent : config.absent_elsewhere[netns];
        if (!is_in(absent, defined.tunnel.name)) absent.push_back(defined.tunnel.name);
    }
    return errors;
}

Result<Config> wanted_absence(const Arguments& arguments) {
    Config config;
    const bool all = arguments.has("all"), all_files = arguments.has("all-files");
    if (all || all_files) {
        if (!arguments.words.empty() || arguments.has("file") || (all && all_files))
            return error(Code::names_or_all);
        config.unnamed = all ? Unnamed::remove_all : Unnamed::remove_files;
        if (all_files) {
            std::vector<Message> warnings;
            if (auto done = concern_namespaces(config, namespaces_with_directory(), warnings);
                !done)
                return tl::unexpected(done.error());
            for (const auto& warning : warnings)
                print_warning(warning, codes(arguments));
        }
        return config;
    }
    if (arguments.words.empty() && !arguments.has("file")) return error(Code::no_tunnel_named);
    for (const auto& name : arguments.words) {
        if (auto good = check_present_name(name); !good) return tl::unexpected(good.error());
        if (!is_in(config.absent, name)) config.absent.push_back(name);
    }
    return config;
}

} // namespace

std::vector<OptionInfo> down_options() {
    std::vector<OptionInfo> options{
        {"all", 0, "", "every tunnel that vxlanctl manages"},
        {"all-files", 0, "", "every tunnel that came from a file, whichever one"},
        {"file", 0, "FILE|DIR|-", "the tunnels that these files define; may be repeated"},
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
        if (const auto errors = add_tunnels_of(files->second, *config); !errors.empty())
            return print_failures(errors, arguments);
    return reconcile(std::move(*config), arguments);
}

} // namespace vxlanctl
