#include "vxlanctl/doctor/firewall.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/files/tunnel_values.h"

#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

Result<FirewallWish> wish_of(const Arguments& arguments) {
    FirewallWish wish;
    wish.clamp_mss = arguments.has("clamp-mss");
    wish.protect = arguments.has("protect");
    wish.count = arguments.has("count");
    if (arguments.has("masquerade")) {
        wish.masquerade = arguments.value("masquerade");
        if (auto good = check_link_name(wish.masquerade); !good)
            return with_subject(good.error(), "--masquerade");
    }
    const auto services = arguments.options.find("accept");
    if (services == arguments.options.end()) return wish;
    if (!wish.protect)
        return error(Error(Code::option_needs, "", {{"option", "--accept"}, {"other", "--protect"}})
                         .also(Code::everything_is_accepted));
    for (const auto& text : services->second) {
        const auto service = parse_service(text);
        if (!service) return with_subject(service.error(), "--accept");
        wish.services.push_back(*service);
    }
    return wish;
}

/// nft compares a device's real name.
Result<std::string> real_name(const std::string& device, const State& state) {
    if (const auto found = state.alternative_names.find(device);
        found != state.alternative_names.end())
        return found->second;
    if (find_link(state, device) == nullptr)
        return error(Code::no_such_interface, formatted("--masquerade '{}'", device));
    return device;
}

} // namespace

std::vector<OptionInfo> firewall_options() {
    return {{"masquerade", 0, "DEV",
             "give what is forwarded from the tunnel to DEV this host's address there"},
            {"clamp-mss", 0, "", "make forwarded TCP connections fit into the tunnel's MTU"},
            {"protect", 0, "",
             "drop what comes out of the tunnel to this host, but ICMP and what belongs to "
             "connections that there are"},
            {"accept", 0, "SERVICE",
             "with --protect: accept tcp/PORT, udp/PORT, tcp/LOW-HIGH, udp/LOW-HIGH, ipip6 or "
             "vrrp, too; may be repeated"},
            {"count", 0, "",
             "count packets and bytes from and to each peer of a VXLAN, which show then tells"}};
}

Result<int> run_firewall(const Arguments& arguments) {
    auto wish = wish_of(arguments);
    if (!wish) return tl::unexpected(wish.error());
    Beside beside;
    beside.kinds = {TunnelKind::sit};
    if (!wish->masquerade.empty()) beside.links = {wish->masquerade};
    std::vector<std::string> names = arguments.words;
    const auto state = read_running(names, Surroundings::left_out, beside);
    if (!state) return tl::unexpected(state.error());
    if (!wish->masquerade.empty()) {
        auto device = real_name(wish->masquerade, *state);
        if (!device) return tl::unexpected(device.error());
        wish->masquerade = std::move(*device);
    }
    std::string text;
    for (const auto& link : state->links) {
        if (!is_running(link, names)) continue;
        if (arguments.words.empty() && !mark_of(link.attributes.alias.value_or(""))) continue;
        const auto firewall = firewall_of(link, *state, *wish);
        if (!firewall) return tl::unexpected(firewall.error());
        for (const auto& warning : firewall->warnings)
            print_warning(warning, codes(arguments));
        text += (text.empty() ? "" : "\n") + firewall->text;
    }
    if (text.empty()) return error(Code::no_managed_tunnel);
    print(arguments.has("json") ? document_text({{"schema", json_schema}, {"nft", text}}) : text);
    return 0;
}

} // namespace vxlanctl
