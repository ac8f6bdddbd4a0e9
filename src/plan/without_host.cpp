#include "vxlanctl/plan/without_host.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/expected_host.h"
#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/plan/own_addresses.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/plan/surroundings.h"
#include "vxlanctl/plan/tunnel_networks.h"

#include <algorithm>
#include <utility>

namespace vxlanctl {
namespace {

/// What misses something that every host as expected has: it would have been made by another tunnel
/// that is wrong itself, or tunnels wait for each other.
bool is_consequence(const Error& error) {
    constexpr Code codes[] = {Code::underlay_missing, Code::interface_missing, Code::local_not_here,
                              Code::master_missing, Code::cannot_go_without};
    return std::find(std::begin(codes), std::end(codes), error.code) != std::end(codes);
}

/// `auto`, as the file has it, in place of what stands for a local address that is not known.
void name_placeholders(Message& message, const Tunnel& tunnel) {
    if (!tunnel.automatic.local || !tunnel.tunnel.local) return;
    const std::string alone = to_string(*tunnel.tunnel.local);
    const std::string as_subnet =
        formatted("{}/{}", alone, full_length(tunnel.tunnel.local->family));
    for (auto& value : message.values)
        for (const auto& text : {as_subnet, alone})
            for (std::size_t at = 0; (at = value.text.find(text)) != std::string::npos;)
                value.text.replace(at, text.size(), "auto");
}

/// Of two that exclude each other, the later one is wrong. The planner only finds those of which
/// the earlier one can be made.
std::vector<Error> exclusions(const Config& config) {
    State state;
    for (const auto& tunnel : config.tunnels) {
        Link link;
        link.name = tunnel.name;
        link.kind = kind_of(tunnel.tunnel.kind).name;
        link.tunnel = with_defaults(tunnel.tunnel);
        state.links.push_back(std::move(link));
    }
    std::vector<Error> errors;
    for (std::size_t i = 0; i < state.links.size(); ++i) {
        const Link& link = std::as_const(state.links)[i];
        const auto others = exclusive_links(link.tunnel, link.name, state);
        for (const auto& other : others) {
            const bool is_earlier = std::any_of(
                config.tunnels.begin(), config.tunnels.begin() + static_cast<std::ptrdiff_t>(i),
                [&](const Tunnel& tunnel) { return tunnel.name == other; });
            if (!is_earlier) continue;
            if (link.tunnel.kind == TunnelKind::vxlan)
                errors.emplace_back(Code::vni_in_use, link.name,
                                    Values{{"vni", link.tunnel.vni.value()},
                                           {"port", link.tunnel.port.value()},
                                           {"interface", other}});
            else
                errors.emplace_back(Code::ends_in_use, link.name, Values{{"interface", other}});
            break;
        }
    }
    return errors;
}

/// That of the planner.
void add_plan(ConfigFaults& faults, Plan made) {
    std::vector<Error> consequences;
    for (auto& tunnel : made.tunnels) {
        name_peers(tunnel);
        for (auto& error : tunnel.errors) {
            if (error.code == Code::vni_in_use || error.code == Code::ends_in_use) continue;
            if (tunnel.wish != nullptr) name_placeholders(error, *tunnel.wish);
            (is_consequence(error) ? consequences : faults.errors).push_back(std::move(error));
        }
        for (auto& warning : tunnel.warnings)
            if (row_of(warning.code).severity == Severity::warning)
                faults.warnings.push_back(std::move(warning));
    }
    if (faults.errors.empty()) append(faults.errors, std::move(consequences));
}

} // namespace

ConfigFaults judge_without_host(Config config) {
    ConfigFaults faults;
    config = without_host(std::move(config));
    const State host = expected_host(config);
    const OwnAddresses own(host);
    for (auto& tunnel : config.tunnels) {
        append(faults.errors, own.leave_out_of(tunnel).errors);
        complete_link_local_peers(tunnel);
    }
    auto only_itself = std::move(faults.errors);
    PlanOptions options;
    std::uint64_t marks = 0;
    options.new_id = [&](const std::string&) { return formatted("{:016x}", ++marks); };
    faults.errors = exclusions(config);
    add_plan(faults, plan(config, host, options));
    append(faults.errors, std::move(only_itself));
    judge_outer_networks(config, host, faults);
    judge_inner_networks(config, host, faults);
    return faults;
}

} // namespace vxlanctl
