#include "vxlanctl/commands.h"
#include "vxlanctl/output.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/reconcile.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The names of all links that carry our mark.
Result<std::vector<std::string>> marked_links() {
    auto socket = NetlinkSocket::open();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    ReadRequest request;
    request.kinds = {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl};
    request.foreign = false;
    const auto state = read_state(netlink, nullptr, request);
    if (!state) return tl::unexpected(state.error());
    std::vector<std::string> names;
    for (const auto& link : state->links)
        if (mark_of(link.attributes.alias.value_or(""))) names.push_back(link.name);
    std::sort(names.begin(), names.end());
    return names;
}

Result<Config> wanted_absence(const Arguments& arguments) {
    Config config;
    if (arguments.has("all")) {
        if (!arguments.words.empty())
            return usage_error("", "either --all or names of tunnels, not both");
        auto names = marked_links();
        if (!names) return tl::unexpected(names.error());
        config.absent = std::move(*names);
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
    const bool says_so = !arguments.has("quiet") && !arguments.has("json");
    if (config->absent.empty() && says_so) print("no tunnel carries vxlanctl's mark\n");
    return reconcile(*config, arguments);
}

} // namespace vxlanctl
