#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/session.h"
#include "vxlanctl/files/script_words.h"

namespace vxlanctl {
namespace {

/// What the script says when it does the same; nothing where it says nothing.
std::string script_text(const std::string& name, const Step& step) {
    if (std::holds_alternative<CreateLink>(step.operation)) // perhaps under a temporary name
        return formatted("- Creating vxlan interface {}\n", name);
    if (const auto* address = std::get_if<Add<Address>>(&step.operation))
        return formatted("- Setting IP address of {} to {}\n", name,
                         to_string(address->object().prefix.address));
    std::string text;
    if (const auto* peers = std::get_if<Add<FloodEntry>>(&step.operation))
        for (const auto& entry : peers->objects)
            text += formatted("- Registering {} as a peer\n", to_string(entry.dst));
    if (const auto* peers = std::get_if<Remove<FloodEntry>>(&step.operation))
        for (const auto& entry : peers->objects)
            text += formatted("- Flushing previously added fdb entry {}\n", to_string(entry.dst));
    return text;
}

std::string script_report(const TunnelPlan& plan) {
    std::string text;
    for (const auto& step : plan.steps)
        text += script_text(printable(plan.name), step);
    return text;
}

} // namespace

Result<int> run_init_vxlan(const Arguments& arguments) {
    auto peers = read_peers_files(arguments);
    if (!peers) return tl::unexpected(peers.error());
    auto tunnel = tunnel_from_script(arguments.words, arguments.options, std::move(*peers));
    if (!tunnel) return tl::unexpected(tunnel.error());
    return reconcile({Origin::cli, {std::move(*tunnel)}}, arguments, script_report);
}

} // namespace vxlanctl
