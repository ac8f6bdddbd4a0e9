#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <netinet/in.h>
#include <set>

/// What is not about one tunnel.
namespace vxlanctl {
namespace {

/// The tunnel whose packets the cloud sees: that one, or of tunnels in tunnels the outermost.
const Link* outermost(const Link* link, const State& state) {
    std::set<const Link*> seen;
    while (seen.insert(link).second) {
        const std::string dev = link->tunnel.dev.value_or("");
        const auto local = local_of(*link);
        const HostAddress* host = local ? find_host_address(state, *local, dev) : nullptr;
        const Link* under = find_link(state, host == nullptr ? dev : host->link);
        if (under == nullptr || !is_tunnel(*under)) return link;
        link = under;
    }
    return link;
}

/// `UDP 4789 from 100.64.158.4`
std::string door_of(const Link& link) {
    auto ends = other_ends(link);
    std::erase_if(ends, is_multicast);
    return formatted("{} from {}", outer_protocol_text(link.tunnel),
                     ends.empty() ? "the peers" : first_of(texts_of(ends)));
}

/// EC2 looks for addresses of the two families by different filters, of which all have to match.
std::string instances_command(const std::set<IpAddress>& locals) {
    std::vector<std::string> commands;
    for (const auto& [family, filter] : {std::pair{Family::ipv4, "addresses.private-ip-address"},
                                         std::pair{Family::ipv6, "ipv6-addresses.ipv6-address"}}) {
        std::vector<std::string> values;
        for (const auto& local : locals)
            if (local.family == family) values.push_back(to_string(local));
        if (!values.empty())
            commands.push_back(formatted("aws ec2 describe-instances --filters "
                                         "Name=network-interface.{},Values={}",
                                         filter, fmt::join(values, ",")));
    }
    return joined(commands, " && ");
}

} // namespace

void check_any_tunnel(Check& check, const Facts& facts) {
    if (facts.tunnels.empty())
        check.fail(Code::no_tunnel, {}, Remedy::to_look("vxlanctl up --help"));
}

void check_networkd(Check& check, const Facts& facts) {
    const auto& services = facts.services;
    if (!services.networkd_runs) return check.pass(Code::networkd_does_not_run);
    const std::string remedy =
        "mkdir -p /etc/systemd/networkd.conf.d && printf "
        "'[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' > "
        "/etc/systemd/networkd.conf.d/vxlanctl.conf && systemctl restart systemd-networkd";
    const auto is_managed = [&](const Route& route) {
        const Link* link = find_link(facts.state, route.dev);
        const auto found =
            link == nullptr ? services.links.end() : services.links.find(link->index);
        return found != services.links.end() && found->second.by_networkd;
    };
    bool has_rules = false, has_routes = false;
    const auto add = [&](const std::vector<Rule>& rules, const std::vector<Route>& routes) {
        has_rules = has_rules || !rules.empty();
        has_routes = has_routes || std::any_of(routes.begin(), routes.end(), is_managed);
    };
    for (const auto& [id, record] : facts.state.records)
        add(record.rules, record.routes);
    for (const auto& wish : facts.wishes)
        add(wish.rules.value_or(std::vector<Rule>{}), wish.routes.value_or(std::vector<Route>{}));
    if (has_rules && services.removes_rules) check.fail(Code::networkd_removes_rules, {}, remedy);
    if (has_routes && services.removes_routes)
        check.fail(Code::networkd_removes_routes, {}, remedy);
    check.pass(Code::networkd_harmless);
}

void check_cloud(Check& check, const Facts& facts) {
    std::set<std::string> doors;
    std::set<IpAddress> locals;
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(facts.state, tunnel.name);
        if (link == nullptr) continue;
        link = outermost(link, facts.state);
        if (const auto local = local_of(*link)) locals.insert(*local);
        doors.insert(door_of(*link));
    }
    check.warn(Code::cloud,
               {{"doors", doors.empty() ? "UDP 4789 from the peers" : joined(doors, "; ")}},
               Remedy::to_look(instances_command(locals)));
}

} // namespace vxlanctl
