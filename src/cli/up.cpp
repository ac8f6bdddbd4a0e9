#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/session.h"

namespace vxlanctl {
std::vector<OptionInfo> up_options() {
    auto options = tunnel_options(TunnelKind::vxlan);
    options.push_back({"address", 0, "ADDR/LEN", "another inner address; may be repeated"});
    options.push_back(duplicate_check_option());
    options.push_back(multicast_group_option());
    options.push_back(control_plane_option());
    options.push_back(peers_file_option());
    for (auto&& more : {change_options(), write_options()})
        options.insert(options.end(), more.begin(), more.end());
    options.push_back(override_option());
    options.push_back(wait_option());
    options.push_back(resolve_option());
    return options;
}

Result<int> run_up(const Arguments& arguments) {
    auto peers = read_peers_files(arguments);
    if (!peers) return tl::unexpected(peers.error());
    auto tunnel = vxlan_from_words(arguments.words, arguments.options, std::move(*peers));
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments);
}

} // namespace vxlanctl
