#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/cli/session.h"

#include <algorithm>

namespace vxlanctl {
namespace {

bool has_option(const std::vector<OptionInfo>& options, std::string_view name) {
    return std::any_of(options.begin(), options.end(),
                       [&](const OptionInfo& option) { return option.name == name; });
}

/// The options that say what a tunnel is.
std::vector<OptionInfo> settings_of(TunnelKind kind) {
    auto options = tunnel_options(kind);
    options.push_back({"local", 0, "LOCAL", "this host's outer address"});
    if (kind == TunnelKind::vxlan) {
        options.push_back({"dev", 0, "DEV", "the underlay interface, or - for none"});
        options.push_back(multicast_group_option());
        options.push_back(control_plane_option());
    }
    if (kind == TunnelKind::ip6tnl)
        options.push_back({"remote", 0, "REMOTE6", "the other end's outer address"});
    if (kind != TunnelKind::sit)
        options.push_back(
            {"address", 0, "ADDR/LEN", "the inner addresses, all of them; may be repeated"});
    return options;
}

std::vector<OptionInfo> settings() {
    std::vector<OptionInfo> all;
    for (const auto kind : tunnel_kinds)
        for (auto& option : settings_of(kind)) {
            if (option.name == "route") option.help = "the routes, all of them: " + option.help;
            if (option.name == "rule") option.help = "the rules, all of them: " + option.help;
            if (!has_option(all, option.name)) all.push_back(std::move(option));
        }
    return all;
}

} // namespace

std::vector<OptionInfo> set_options() {
    auto options = settings();
    for (auto&& more : {change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    options.push_back(override_option());
    options.push_back(wait_option());
    return options;
}

Result<int> run_set(const Arguments& arguments) {
    if (arguments.words.size() != 1)
        return error(Code::wrong_words, "",
                     {{"words", "IFNAME --OPTION..."}, {"help", "vxlanctl set --help"}});
    const auto running = running_tunnel(arguments.words.front(), arguments.value("local"));
    if (!running) return tl::unexpected(running.error());
    const auto all = settings(), own = settings_of(running->kind);
    for (const auto& [name, values] : arguments.options)
        if (has_option(all, name) && !has_option(own, name))
            return error(Code::option_not_of_kind, running->name,
                         {{"option", name}, {"kind", section_name(running->kind)}});
    auto tunnel = changes_from_words(*running, arguments.options);
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments);
}

} // namespace vxlanctl
