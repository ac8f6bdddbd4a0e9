#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <linux/rtnetlink.h>

/// How the tunnel's own packets leave this host.
namespace vxlanctl {
namespace {

/// Whether what leaves through `out` leaves through the underlay interface: `lo` is no way out, and
/// a port of a bridge or the parent of a VLAN or macvlan is the same way.
bool is_same_way(const std::string& dev, const std::string& out, const State& state) {
    if (dev == out || dev == "lo") return true;
    const Link* device = find_link(state, dev);
    const Link* leaves = find_link(state, out);
    if (device == nullptr || leaves == nullptr) return false;
    return device->master_index == leaves->index || leaves->master_index == device->index ||
           device->lower_index == leaves->index || leaves->lower_index == device->index;
}

std::optional<Message> failure_of(const RouteFact& way, const Examined& it) {
    const std::string peer = to_string(way.to);
    if (const auto route = refusing_route(it, way))
        return Message(Code::route_refuses, "",
                       {{"peer", peer},
                        {"route", to_string(route->to)},
                        {"type", route_type_word(route->type)}});
    if (const auto* rule = refusing_rule(it, way))
        return Message(Code::rule_refuses, "", {{"peer", peer}, {"rule", rule_text(*rule)}});
    if (way.code != 0)
        return Message(Code::route_missing, "",
                       {{"peer", peer},
                        {"through", it.dev.empty() ? "" : formatted(" through '{}'", it.dev)}})
            .with(way.code);
    if (way.dev == it.link.name)
        return Message(Code::route_into_tunnel, "", {{"peer", peer}, {"route", to_string(way.by)}});
    const HostAddress* host = it.local ? find_host_address(it.state, *it.local, way.dev) : nullptr;
    const bool is_home =
        host != nullptr && (host->link == way.dev || leads_nowhere(it.state, host->link));
    if (!it.dev.empty() && !is_same_way(it.dev, way.dev, it.state) && !is_home)
        return Message(Code::route_through_other, "",
                       {{"peer", peer}, {"interface", way.dev}, {"dev", it.dev}});
    return std::nullopt;
}

std::optional<Message> doubt_about(const RouteFact& way, const Examined& it) {
    const HostAddress* host = it.local ? find_host_address(it.state, *it.local, way.dev) : nullptr;
    if (!it.dev.empty() || host == nullptr || host->link == way.dev ||
        leads_nowhere(it.state, host->link))
        return std::nullopt;
    return Message(Code::route_not_where_local_is, "",
                   {{"peer", to_string(way.to)}, {"interface", way.dev}, {"home", host->link}});
}

/// Whether the settings of some tunnel say why packets go another way.
bool is_astray_by_loss(const Examined& it) {
    return std::any_of(it.tunnel.out.begin(), it.tunnel.out.end(), [&](const RouteFact& way) {
        if (!failure_of(way, it) && !doubt_about(way, it)) return false;
        const auto lost = outer_losses(it, way.to);
        return std::any_of(lost.begin(), lost.end(),
                           [&](const Loss& loss) { return is_examined(it.facts, loss.tunnel); });
    });
}

/// Whether a route or rule of the file that is missing leads there: the settings say so.
bool is_astray_by_file(const Examined& it, const RouteFact& way) {
    if (it.wish == nullptr || !has_failed(it, check_settings)) return false;
    Record stated;
    stated.routes = stated_routes(*it.wish, it.state);
    stated.rules = it.wish->rules.value_or(std::vector<Rule>{});
    const auto lost = lost_settings(it.link, stated, it.state);
    return std::any_of(lost.begin(), lost.end(), [&](const Loss& loss) {
        return !loss.inside && concerns(loss, way.to, it.local);
    });
}

/// What the record of a tunnel asks for comes before a route of our making.
Remedy way_remedy(const Examined& it, const RouteFact& way) {
    if (const auto lost = outer_losses(it, way.to); !lost.empty()) return lost.front().remedy;
    return remedy_of_way(it, way);
}

std::string table_text(std::uint32_t table) {
    return table == main_table ? "main" : std::to_string(table);
}

void judge_drawn(Check& check, const Examined& it, const Prefix& inner, const Outside& outside) {
    for (const auto& drawn : outside.drawn_into(inner)) {
        const auto& [address, length] = drawn.what;
        const bool alone = length == full_length(address.family);
        const bool taken =
            alone ? device_towards(address, it.state) == it.link.name : inner.length >= length;
        const Values values{{"what", drawn.text}, {"prefix", to_string(inner)}};
        if (taken)
            check.fail(Code::overlap, values);
        else
            check.warn(Code::overlap_possible, values);
    }
}

} // namespace

void check_route(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || !is_good(it, check_local_address) ||
        is_astray_by_loss(it))
        return;
    std::vector<std::string> good;
    for (const auto& way : it.tunnel.out) {
        if (const auto failure = failure_of(way, it)) {
            if (!is_astray_by_file(it, way))
                check.add(Verdict::fail, *failure, way_remedy(it, way));
            continue;
        }
        if (it.link.tunnel.ttl == 1 && way.via && !it.link.tunnel.ttl_inherit.value_or(false))
            check.fail(Code::ttl_too_small,
                       {{"peer", to_string(way.to)}, {"gateway", to_string(*way.via)}},
                       set_remedy(it, "ttl", "\"auto\"", "auto"));
        if (const auto doubt = doubt_about(way, it)) check.add(Verdict::warn, *doubt);
        const auto from = it.local ? it.local : way.source;
        good.push_back(formatted("{}{} through '{}', table {}, from {}", to_string(way.to),
                                 way.via ? " via " + to_string(*way.via) : "", way.dev,
                                 table_text(way.table), from ? to_string(*from) : "any address"));
    }
    if (good.empty())
        check.pass(Code::no_peer_to_reach);
    else
        check.pass(Code::route_fine, {{"ways", first_of(good)}});
}

void check_next_hop(Check& check, const Examined& it) {
    // Of another program's tunnel, who is there now is that program's affair.
    if (!is_good(it, check_route) || !it.signs.empty()) return;
    std::vector<std::string> known;
    for (const auto& way : it.tunnel.out) {
        const auto& hop = way.next_hop;
        if (!hop || is_multicast(way.to)) continue;
        const Values values{{"gateway", to_string(hop->address)},
                            {"interface", way.dev},
                            {"peer", to_string(way.to)}};
        if (is_silent(*hop))
            check.fail(way.via ? Code::gateway_silent : Code::peer_silent_on_link, values);
        else if (const std::string text = to_string(hop->address); !is_in(known, text))
            known.push_back(text);
    }
    if (known.empty())
        check.pass(Code::next_hop_not_asked);
    else
        check.pass(Code::next_hop_answers, {{"gateways", first_of(known)}});
}

void check_overlap(Check& check, const Examined& it) {
    if (!it.local || it.link.underlay_elsewhere) return check.pass(Code::overlap_unknown);
    const Outside outside({it.link.name, *it.local, !it.dev.empty(), other_ends(it.link)},
                          it.state);
    for (const auto& address : it.link.addresses) {
        const Prefix inner = network_of(address.prefix);
        if (is_automatic(address) || inner.length == full_length(inner.address.family)) continue;
        judge_drawn(check, it, inner, outside);
    }
    for (const auto& route : it.link.routes)
        if (route.table == main_table && route.protocol != RTPROT_KERNEL &&
            route.type == RTN_UNICAST && route.to.length != 0)
            judge_drawn(check, it, route.to, outside);
    check.pass(Code::overlap_none);
}

} // namespace vxlanctl
