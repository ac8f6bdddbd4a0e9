#include "vxlanctl/doctor/facts_surroundings.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/kernel/look_up.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <thread>
#include <utility>

namespace vxlanctl {
namespace {

/// The neighbour that the packets of a way are handed to, or null.
const KnownNeighbour* next_hop_of(const RouteFact& way, const State& state,
                                  const Neighbours& known) {
    const Link* link = find_link(state, way.dev);
    const auto there = link == nullptr ? known.end() : known.find(link->index);
    return there == known.end() ? nullptr : find_neighbour(there->second, way.via.value_or(way.to));
}

bool is_resolving(const Facts& facts, const Neighbours& known) {
    for (const auto& tunnel : facts.tunnels)
        for (const auto& way : tunnel.out)
            if (const auto* hop = next_hop_of(way, facts.state, known);
                hop != nullptr && (hop->state & NUD_INCOMPLETE) != 0)
                return true;
    return false;
}

/// The bridge that filters what comes and goes through the tunnel, or null.
const Link* filtering_bridge(const Link* link, const State& state) {
    const Link* bridge =
        link == nullptr ? nullptr : find_link(state, link->attributes.master.value_or(""));
    return bridge != nullptr && bridge->filters_vlans ? bridge : nullptr;
}

} // namespace

Result<void> read_next_hops(Netlink& netlink, Facts& facts) {
    const State& state = facts.state;
    std::set<int> through;
    for (const auto& tunnel : facts.tunnels)
        for (const auto& way : tunnel.out)
            if (const Link* link = find_link(state, way.dev); link != nullptr && way.code == 0)
                through.insert(link->index);
    // The kernel asks again each second, three times (neigh_timer_handler() in
    // net/core/neighbour.c): who does not answer twice is silent.
    constexpr int most_readings = 24;
    constexpr std::chrono::milliseconds pause{50};
    Neighbours known;
    for (int reading = 0; reading < most_readings; ++reading) {
        if (reading > 0) std::this_thread::sleep_for(pause);
        auto found = neighbours_on(netlink, through, true);
        if (!found) return tl::unexpected(found.error());
        known = std::move(*found);
        if (!is_resolving(facts, known)) break;
    }
    for (auto& tunnel : facts.tunnels)
        for (auto& way : tunnel.out)
            if (const auto* hop = next_hop_of(way, state, known)) way.next_hop = *hop;
    return {};
}

std::optional<IpAddress> own_inner_address(const Link& link) {
    for (const auto& address : link.addresses)
        if (address.prefix.address.family == Family::ipv4) return address.prefix.address;
    return std::nullopt;
}

void look_up_heard(Netlink& netlink, Facts& facts) {
    std::vector<RouteQuery> queries;
    std::vector<TunnelFacts*> asking; // of each query
    for (auto& tunnel : facts.tunnels) {
        const Link* link = find_link(std::as_const(facts).state, tunnel.name);
        if (link == nullptr || !tunnel.probe) continue;
        for (const auto& heard : tunnel.probe->heard) {
            const bool is_known =
                std::any_of(tunnel.inner.begin(), tunnel.inner.end(),
                            [&](const RouteFact& way) { return way.to == heard; }) ||
                find_host_address(facts.state, heard, "") != nullptr;
            if (heard.family != Family::ipv4 || is_known || is_unspecified(heard)) continue;
            queries.push_back({heard, own_inner_address(*link), link->master_index, 0, 0});
            asking.push_back(&tunnel);
        }
    }
    const auto found = look_up(netlink, queries);
    if (!found) return; // what is not known is not told
    std::set<int> indexes;
    for (const auto& lookup : *found)
        indexes.insert(lookup.link_index);
    std::map<int, std::string> names;
    if (const auto links = links_of(netlink, indexes))
        for (const auto& link : *links)
            names[link.index] = link.name;
    for (std::size_t i = 0; i < found->size(); ++i) {
        const RouteLookup& lookup = (*found)[i];
        RouteFact way{queries[i].to, lookup.code, names[lookup.link_index],
                      lookup.table,  lookup.via,  lookup.source};
        way.by = lookup.to;
        way.type = lookup.type;
        asking[i]->inner.push_back(std::move(way));
    }
}

Result<void> read_rules(Netlink& netlink, Facts& facts) {
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_rules(writer, family);
        const auto handle = [&](const nlmsghdr* message) {
            if (auto rule = decode_any_rule(message)) facts.rules.push_back(*rule);
        };
        const auto restart = [&] {
            std::erase_if(facts.rules,
                          [&](const SteeringRule& rule) { return rule.family == family; });
        };
        // A kernel without policy routing of IPv6 has no such table.
        if (auto done = netlink.dump(batch, handle, restart);
            !done && done.error().errno_code != EOPNOTSUPP)
            return done;
    }
    return {};
}

Result<void> read_refusing_routes(Netlink& netlink, Facts& facts) {
    const auto is_lost = [](const TunnelFacts& tunnel) {
        return std::any_of(tunnel.out.begin(), tunnel.out.end(),
                           [](const RouteFact& way) { return way.code != 0; });
    };
    if (std::none_of(facts.tunnels.begin(), facts.tunnels.end(), is_lost)) return {};
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_routes(writer, family, 0, main_table);
        const auto handle = [&](const nlmsghdr* message) {
            for (auto& [index, route] : decode_route(message))
                if (route.table == main_table && refuses(route.type))
                    facts.refusing.push_back(std::move(route));
        };
        const auto restart = [&] {
            std::erase_if(facts.refusing,
                          [&](const Route& route) { return route.to.address.family == family; });
        };
        if (auto done = netlink.dump(batch, handle, restart);
            !done && done.error().errno_code != ENOENT) // a table without routes
            return done;
    }
    return {};
}

Result<void> read_port_vlans(Netlink& netlink, Facts& facts) {
    const State& state = facts.state;
    const auto is_concerned = [&](const TunnelFacts& tunnel) {
        return filtering_bridge(find_link(state, tunnel.name), state) != nullptr;
    };
    if (std::none_of(facts.tunnels.begin(), facts.tunnels.end(), is_concerned)) return {};
    std::vector<PortVlans> ports;
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_bridge_ports(writer);
    auto done = netlink.dump(
        batch,
        [&](const nlmsghdr* message) {
            if (auto port = decode_port_vlans(message)) ports.push_back(std::move(*port));
        },
        [&] { ports.clear(); });
    if (!done) return done;
    for (auto& tunnel : facts.tunnels) {
        const Link* link = find_link(state, tunnel.name);
        const Link* bridge = filtering_bridge(link, state);
        if (bridge == nullptr) continue;
        for (const auto& port : ports)
            if (port.link_index == link->index) {
                append(tunnel.own_vlans, port.vlans);
            } else if (port.bridge_index == bridge->index || port.link_index == bridge->index) {
                append(tunnel.other_vlans, port.vlans);
                if (port.pvid != 0) tunnel.other_pvids.insert(port.pvid);
            }
    }
    return {};
}

std::set<int> bound_sockets(const Kernel& kernel, const TunnelAttributes& tunnel) {
    auto opened = kernel.socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
    if (!opened) return {};
    auto transport = NetlinkSocket::over(std::move(*opened));
    if (!transport) return {};
    const bool over_ipv6 = tunnel.local && tunnel.local->family == Family::ipv6;
    inet_diag_req_v2 wanted{};
    wanted.sdiag_family = over_ipv6 ? AF_INET6 : AF_INET;
    wanted.sdiag_protocol = IPPROTO_UDP;
    wanted.idiag_states = ~0U;
    MessageBatch batch;
    MessageWriter writer(batch);
    writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, wanted);
    writer.finish();
    std::set<int> bound;
    const auto handle = [&](const nlmsghdr* message) {
        const auto* answer = fixed_header<inet_diag_msg>(message);
        if (answer != nullptr && ntohs(answer->id.idiag_sport) == tunnel.port)
            bound.insert(static_cast<int>(answer->id.idiag_if));
    };
    const auto done = Netlink(*transport).dump(batch, handle, [&] { bound.clear(); });
    return done ? bound : std::set<int>{};
}

} // namespace vxlanctl
