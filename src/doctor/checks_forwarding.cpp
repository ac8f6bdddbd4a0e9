#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <linux/rtnetlink.h>

/// What the kernel drops by the sysctls of the devices that packets come in by.
namespace vxlanctl {
namespace {

constexpr int strict = 1, loose = 2; // rp_filter

bool is_strict(const Examined& it, const std::string& dev) {
    return policy_of(it.facts, dev).rp_filter == strict;
}

/// The interface that leads out of the host and has the local address; empty where none does.
std::string home_of_local(const Examined& it) {
    const HostAddress* host = it.local ? find_host_address(it.state, *it.local, "") : nullptr;
    return host == nullptr || leads_nowhere(it.state, host->link) ? "" : host->link;
}

bool is_lost_inside(const Examined& it, const IpAddress& address) {
    return std::any_of(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel == it.link.name && concerns(loss, address, std::nullopt);
    });
}

/// Whether packets from where the way leads, which come in by `ingress`, are dropped.
void judge_source(Check& check, const Examined& it, const RouteFact& way,
                  const std::string& ingress, const std::string& what) {
    if (way.code != 0 || way.to.family != Family::ipv4 || ingress.empty() || way.dev == ingress)
        return;
    const Values values{
        {"what", what + to_string(way.to)}, {"interface", ingress}, {"other", way.dev}};
    if (is_strict(it, ingress))
        check.fail(Code::rp_filter_drops, values,
                   ingress == it.link.name ? set_remedy(it, "rp_filter", "\"loose\"", "loose",
                                                        sysctl_command(ingress, "rp_filter", loose))
                                           : Remedy(sysctl_command(ingress, "rp_filter", loose)));
    else
        check.pass(Code::rp_filter_lets_pass, values);
}

/// Whether a rule's source is this host alone.
bool is_own(const Prefix& from, const State& state) {
    return from.length == full_length(from.address.family) &&
           find_host_address(state, from.address, "") != nullptr;
}

/// The device that traffic from the prefix comes in by.
std::string comes_from(const Examined& it, const Prefix& from) {
    for (const auto& host : it.state.host_addresses)
        if (overlaps(host.prefix, from) && host.link != it.link.name && !host.link.empty())
            return host.link;
    if (!it.dev.empty()) return it.dev;
    for (const auto& way : it.tunnel.out)
        if (way.code == 0) return way.dev;
    return "";
}

void add_rules(GatewaySigns& signs, const Examined& it) {
    std::vector<Rule> rules = it.state.rules;
    if (it.record != nullptr) append(rules, it.record->rules);
    if (it.wish != nullptr && it.wish->rules) append(rules, *it.wish->rules);
    const auto leads_here = [&](std::uint32_t table) {
        return std::any_of(it.link.routes.begin(), it.link.routes.end(), [&](const Route& route) {
            return route.table == table && route.protocol != RTPROT_KERNEL;
        });
    };
    for (const auto& rule : rules) {
        if (!rule.from || !leads_here(rule.table) || is_own(*rule.from, it.state)) continue;
        auto reason = text_of(Code::traffic_by_table,
                              {{"from", to_string(*rule.from)}, {"table", rule.table}});
        if (is_in(signs.reasons, reason)) continue;
        signs.reasons.push_back(std::move(reason));
        signs.family = rule.from->address.family;
        const std::string dev = comes_from(it, *rule.from);
        if (!dev.empty() && !is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
    }
}

/// Of a tunnel that nothing says is a gateway's.
void judge_one_way(Check& check, const Examined& it) {
    const bool inside = policy_of(it.facts, it.link.name).forwarding;
    const bool outside = policy_of(it.facts, it.dev).forwarding;
    if (!it.dev.empty() && it.link.tunnel.kind == TunnelKind::vxlan && inside != outside) {
        const std::string& on = outside ? it.dev : it.link.name;
        const std::string& off = outside ? it.link.name : it.dev;
        check.warn(Code::forwarding_one_way, {{"on", on}, {"off", off}},
                   sysctl_command(off, "forwarding", 1));
    }
    check.pass(inside ? Code::forwarding_on : Code::forwarding_off);
}

/// The tunnel's own setting goes with the interface, so that a file or a command has to set it.
Remedy forwarding_remedy(const Examined& it, const std::string& dev) {
    const std::string command = sysctl_command(dev, "forwarding", 1);
    return dev == it.link.name ? set_remedy(it, "forward", "true", "", command) : Remedy(command);
}

} // namespace

GatewaySigns gateway_signs(const Examined& it) {
    GatewaySigns signs;
    add_rules(signs, it);
    if (it.wish == nullptr) return signs;
    const auto devices = it.wish->forward_from.value_or(std::vector<std::string>{});
    if (it.wish->link.forward.value_or(false) || !devices.empty())
        signs.reasons.push_back(text_of(Code::file_says_forward));
    for (const auto& dev : devices)
        if (!is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
    return signs;
}

void check_rp_filter(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || !is_good(it, check_local_address)) return;
    for (const auto& way : it.tunnel.back) {
        if (!outer_losses(it, way.to).empty()) continue;
        std::string ingress = it.dev.empty() ? home_of_local(it) : it.dev;
        for (const auto& out : it.tunnel.out)
            if (ingress.empty() && out.to == way.to && out.code == 0) ingress = out.dev;
        judge_source(check, it, way, ingress, "");
    }
    for (const auto& way : it.tunnel.inner)
        if (!is_lost_inside(it, way.to)) judge_source(check, it, way, it.link.name, "inside ");
    for (const auto& dev : gateway_signs(it).ingress)
        if (check.verdict() == Verdict::pass && is_strict(it, dev))
            check.warn(Code::rp_filter_strict, {{"interface", dev}},
                       sysctl_command(dev, "rp_filter", loose));
    check.pass(Code::rp_filter_fine);
}

void check_forwarding(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || has_failed(it, check_settings)) return;
    const auto signs = gateway_signs(it);
    if (signs.reasons.empty()) return judge_one_way(check, it);
    const std::string reasons = first_of(signs.reasons);
    if (signs.family == Family::ipv6) {
        if (it.facts.ipv6_forwarding)
            check.pass(Code::forwarding_ipv6_on, {{"reasons", reasons}});
        else
            check.fail(Code::forwarding_ipv6_missing, {{"reasons", reasons}},
                       "sysctl -w net/ipv6/conf/all/forwarding=1");
        return;
    }
    auto devices = signs.ingress;
    devices.push_back(it.link.name);
    for (const auto& dev : devices)
        if (!policy_of(it.facts, dev).forwarding)
            check.fail(Code::forwarding_missing, {{"interface", dev}, {"reasons", reasons}},
                       forwarding_remedy(it, dev));
    check.pass(Code::forwarding_on_as_needed, {{"reasons", reasons}});
}

} // namespace vxlanctl
