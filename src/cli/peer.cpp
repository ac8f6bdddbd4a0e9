#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/cli/session.h"

namespace vxlanctl {
namespace {

Result<int> change_peers(const Arguments& arguments, PeerChange change) {
    if (arguments.words.empty())
        return error(Code::wrong_words, "",
                     {{"words", "IFNAME PEER..."},
                      {"help", formatted("vxlanctl {} --help", arguments.command)}});
    auto peers = read_peers_files(arguments);
    if (!peers) return tl::unexpected(peers.error());
    const auto running = running_tunnel(arguments.words.front());
    if (!running) return tl::unexpected(running.error());
    if (!kind_of(running->kind).has_fdb)
        return error(Code::has_no_peers, running->name, {{"kind", section_name(running->kind)}});
    auto tunnel = peers_from_words(*running, std::span(arguments.words).subspan(1), change,
                                   std::move(*peers));
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments);
}

} // namespace

std::vector<OptionInfo> peer_options() {
    std::vector<OptionInfo> options{peers_file_option(), adopt_option(), overlap_option()};
    for (auto& option : write_options())
        options.push_back(std::move(option));
    options.push_back(override_option());
    options.push_back(resolve_option());
    return options;
}

Result<int> run_peer_add(const Arguments& arguments) {
    return change_peers(arguments, PeerChange::add);
}

Result<int> run_peer_del(const Arguments& arguments) {
    return change_peers(arguments, PeerChange::remove);
}

} // namespace vxlanctl
