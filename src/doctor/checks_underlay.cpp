#include "vxlanctl/doctor/checks.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <linux/rtnetlink.h>

/// What the tunnel's own packets need: the underlay interface, the local address, and routes.
namespace vxlanctl {
namespace {

bool is_examined(const Facts& facts, const std::string& name) {
    return std::any_of(facts.tunnels.begin(), facts.tunnels.end(),
                       [&](const TunnelFacts& tunnel) { return tunnel.name == name; });
}

/// That the local address, which was set for another tunnel, is gone from there.
const Loss* lost_local(const Examined& it) {
    if (it.local && find_host_address(it.state, *it.local, "") != nullptr) return nullptr;
    const auto found = std::find_if(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel != it.link.name && loss.address && loss.address == it.local;
    });
    return found == it.losses.end() ? nullptr : &*found;
}

std::optional<Message> failure_of(const RouteFact& way, const Examined& it) {
    if (way.code != 0)
        return Message(Code::route_missing, "",
                       {{"peer", to_string(way.to)},
                        {"through", it.dev.empty() ? "" : formatted(" through '{}'", it.dev)}})
            .with(way.code);
    if (way.dev == it.link.name)
        return Message(Code::route_into_tunnel, "", {{"peer", to_string(way.to)}});
    if (!it.dev.empty() && way.dev != it.dev)
        return Message(Code::route_through_other, "",
                       {{"peer", to_string(way.to)}, {"interface", way.dev}, {"dev", it.dev}});
    return std::nullopt;
}

std::optional<Message> doubt_about(const RouteFact& way, const Examined& it) {
    const HostAddress* host = it.local ? find_host_address(it.state, *it.local, way.dev) : nullptr;
    if (!it.dev.empty() || host == nullptr || host->link == way.dev) return std::nullopt;
    return Message(Code::route_not_where_local_is, "",
                   {{"peer", to_string(way.to)}, {"interface", way.dev}, {"home", host->link}});
}

/// Whether a check `rules` says why packets go another way.
bool is_astray_by_loss(const Examined& it) {
    return std::any_of(it.tunnel.out.begin(), it.tunnel.out.end(), [&](const RouteFact& way) {
        if (!failure_of(way, it) && !doubt_about(way, it)) return false;
        const auto lost = outer_losses(it, way.to);
        return std::any_of(lost.begin(), lost.end(),
                           [&](const Loss& loss) { return is_examined(it.facts, loss.tunnel); });
    });
}

/// A route to another end, by the gateway that the device has for everything else.
std::string outer_route(const Examined& it, const IpAddress& end) {
    std::string dev = it.dev;
    if (dev.empty() && it.local)
        if (const HostAddress* host = find_host_address(it.state, *it.local, "")) dev = host->link;
    Route missing;
    missing.to = {end, full_length(end.family)};
    for (const auto& known : it.state.routes)
        if (known.to.length == 0 && known.to.address.family == end.family && known.via &&
            known.dev == dev)
            missing.via = known.via;
    if (const Link* lower = find_link(it.state, dev))
        if (const Link* vrf = find_link(it.state, lower->attributes.vrf.value_or("")))
            missing.table = vrf->vrf_table;
    return route_command("add", missing, dev);
}

/// What another tunnel's record or the files state comes before a route of our making.
std::string way_remedy(const Examined& it, const IpAddress& end) {
    if (const auto lost = outer_losses(it, end); !lost.empty()) return lost.front().remedy;
    if (it.wish != nullptr) {
        Record stated;
        stated.routes = stated_routes(*it.wish, it.state);
        stated.rules = it.wish->rules.value_or(std::vector<Rule>{});
        for (const auto& loss : lost_settings(it.link, stated, it.state))
            if (!loss.inside && concerns(loss, end, it.local)) return "vxlanctl apply";
    }
    return outer_route(it, end);
}

std::string table_text(std::uint32_t table) {
    return table == main_table ? "main" : std::to_string(table);
}

void judge_drawn(Check& check, const Examined& it, const Prefix& inner, const Outside& outside,
                 const std::string& removal) {
    for (const auto& drawn : outside.drawn_into(inner)) {
        const auto& [address, length] = drawn.what;
        const bool alone = length == full_length(address.family);
        const bool taken =
            alone ? device_towards(address, it.state) == it.link.name : inner.length >= length;
        const Values values{{"what", drawn.text}, {"prefix", to_string(inner)}};
        if (taken)
            check.fail(Code::overlap, values, alone ? outer_route(it, address) : removal);
        else
            check.warn(Code::overlap_possible, values);
    }
}

} // namespace

void check_lower_device(Check& check, const Examined& it) {
    const Values dev{{"dev", it.dev}};
    if (it.link.underlay_elsewhere) return check.warn(Code::lower_elsewhere);
    if (it.dev.empty()) return check.pass(Code::lower_none);
    switch (condition_of(find_link(it.state, it.dev))) {
    case LinkCondition::missing: return check.fail(Code::lower_gone, {}, "ip -br link");
    case LinkCondition::down: return check.fail(Code::lower_down, dev, up_command(it.dev));
    case LinkCondition::no_carrier:
        return check.fail(Code::lower_no_carrier, dev,
                          formatted("ip -d link show dev {}", shell_quoted(it.dev)));
    case LinkCondition::up: return check.pass(Code::lower_up, dev);
    }
}

void check_local_address(Check& check, const Examined& it) {
    if (it.link.underlay_elsewhere) return;
    if (const Loss* below = lost_local(it)) {
        if (!is_examined(it.facts, below->tunnel)) // else that one's check says so
            check.fail(Code::local_gone_from_tunnel,
                       {{"local", to_string(*below->address)}, {"interface", below->tunnel}},
                       below->remedy);
        return;
    }
    if (!it.local) return check.pass(Code::local_none);
    const std::string local = to_string(*it.local);
    const HostAddress* host = find_host_address(it.state, *it.local, it.dev);
    if (host == nullptr)
        check.fail(Code::local_missing, {{"local", local}},
                   formatted("ip addr add {}/{} dev {}", local, full_length(it.local->family),
                             it.dev.empty() ? "lo" : shell_quoted(it.dev)));
    else if (!it.dev.empty() && host->link != it.dev)
        check.warn(Code::local_on_another,
                   {{"local", local}, {"interface", host->link}, {"dev", it.dev}});
    else
        check.pass(Code::local_here, {{"local", local}, {"interface", host->link}});
}

void check_rules(Check& check, const Examined& it) {
    if (!is_good(it, check_link)) return;
    if (it.record == nullptr) return check.pass(Code::nothing_recorded);
    // With the lower device or the local address go routes that were set out of the device.
    const bool inside_alone = !is_good(it, check_lower_device) ||
                              !(is_good(it, check_local_address) || it.link.underlay_elsewhere);
    for (const auto& loss : it.losses)
        if (loss.tunnel == it.link.name && (loss.inside || !inside_alone))
            check.add(Verdict::fail, loss.message, loss.remedy);
    check.pass(inside_alone ? Code::all_inside_there : Code::all_set_there,
               {{"addresses", it.record->addresses.size()},
                {"routes", it.record->routes.size()},
                {"rules", it.record->rules.size()}});
}

void check_route(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || !is_good(it, check_local_address) ||
        is_astray_by_loss(it))
        return;
    std::vector<std::string> good;
    for (const auto& way : it.tunnel.out) {
        if (const auto failure = failure_of(way, it)) {
            check.add(Verdict::fail, *failure, way_remedy(it, way.to));
            continue;
        }
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

void check_overlap(Check& check, const Examined& it) {
    if (!it.local || it.link.underlay_elsewhere) return check.pass(Code::overlap_unknown);
    const Outside outside({it.link.name, *it.local, !it.dev.empty(), other_ends(it.link)},
                          it.state);
    for (const auto& address : it.link.addresses) {
        const Prefix inner = network_of(address.prefix);
        if (is_automatic(address) || inner.length == full_length(inner.address.family)) continue;
        judge_drawn(check, it, inner, outside,
                    formatted("ip addr del {} dev {}", to_string(address.prefix),
                              shell_quoted(it.link.name)));
    }
    for (const auto& route : it.link.routes)
        if (route.table == main_table && route.protocol != RTPROT_KERNEL &&
            route.type == RTN_UNICAST && route.to.length != 0)
            judge_drawn(check, it, route.to, outside, route_command("del", route, it.link.name));
    check.pass(Code::overlap_none);
}

} // namespace vxlanctl
