#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/session.h"

namespace vxlanctl {
namespace {

Result<PeerList> read_peers_files(const Arguments& arguments) {
    PeerList peers;
    const auto option = arguments.options.find("peers-file");
    if (option == arguments.options.end()) return peers;
    for (const auto& path : option->second) {
        const auto text = read_text(path, "peers file");
        if (!text) return tl::unexpected(text.error());
        auto parsed = parse_peers(*text, path == "-" ? "standard input" : path);
        if (!parsed) return parsed;
        peers.append(std::move(*parsed));
    }
    return peers;
}

} // namespace

std::vector<OptionInfo> up_options() {
    auto options = tunnel_options(TunnelKind::vxlan);
    options.push_back({"address", 0, "ADDR/LEN", "another inner address; may be repeated"});
    options.push_back({"duplicate-check", 0, "SECONDS",
                       "how long to ask by ARP whether another host has a new inner IPv4 address, "
                       "1 to 60 (default: do not ask)"});
    options.push_back(
        {"peers-file", 0, "FILE", "more peers, one a line; - is standard input; may be repeated"});
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
