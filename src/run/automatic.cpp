#include "vxlanctl/run/automatic.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/surroundings.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// The other ends, in the order in which they were written as far as that is known.
std::vector<IpAddress> ends_of(const Tunnel& tunnel) {
    std::vector<IpAddress> ends = tunnel.automatic.towards;
    append(ends, tunnel.automatic.remotes);
    for (const auto& peer : tunnel.peers.value_or(std::vector<FloodEntry>{}))
        if (!is_in(ends, peer.dst)) ends.push_back(peer.dst);
    return ends;
}

/// Where packets to one of the ends leave.
struct Way {
    IpAddress local;
    int link_index = 0;
};

/// The way to the first end that has one outside of the tunnel. `dev` is 0 for any interface.
Result<std::optional<Way>> find_way(Routing& routing, const Tunnel& tunnel,
                                    const std::vector<IpAddress>& ends, int dev, int own) {
    std::vector<RouteQuery> queries;
    for (const auto& end : ends)
        queries.push_back({end, std::nullopt, dev, tunnel.tunnel.port.value_or(0), 0});
    const auto answers = routing.resolve(queries);
    if (!answers) return tl::unexpected(answers.error());
    const auto inner = tunnel.addresses.value_or(std::vector<Prefix>{});
    const auto is_inner = [&](const IpAddress& address) {
        return std::any_of(inner.begin(), inner.end(),
                           [&](const Prefix& prefix) { return prefix.address == address; });
    };
    for (const auto& answer : *answers)
        if (answer.code == 0 && answer.type == RTN_UNICAST && answer.link_index != own &&
            answer.source && !is_unspecified(*answer.source) && !is_inner(*answer.source))
            return std::optional(Way{*answer.source, answer.link_index});
    return std::optional<Way>();
}

/// Whether the address that the tunnel has may stay.
bool stays(const IpAddress& local, const State& state, const std::string& dev) {
    return std::any_of(state.host_addresses.begin(), state.host_addresses.end(),
                       [&](const HostAddress& host) {
                           return host.prefix.address == local && (dev.empty() || host.link == dev);
                       });
}

void choose_ends(Routing& routing, const State& state, Tunnel& tunnel, Settled& settled) {
    const Automatic& automatic = tunnel.automatic;
    const Link* have = find_link(state, tunnel.name);
    const bool is_ours = have != nullptr && have->kind == kind_of(tunnel.tunnel.kind).name;
    const std::string set_dev = tunnel.tunnel.dev.value_or("");
    const auto& running = is_ours ? have->tunnel : TunnelAttributes{};
    const bool keeps = automatic.local && running.local &&
                       running.local->family == tunnel.tunnel.local->family &&
                       stays(*running.local, state, "");
    if (keeps) tunnel.tunnel.local = running.local;
    const bool keeps_dev =
        automatic.dev && (keeps || !automatic.local) && !running.dev.value_or("").empty();
    if (keeps_dev) tunnel.tunnel.dev = running.dev;
    if ((keeps || !automatic.local) && (keeps_dev || !automatic.dev)) return;

    const Link* dev = find_link(state, set_dev);
    const auto ends = ends_of(tunnel);
    const auto way = find_way(routing, tunnel, ends, dev == nullptr ? 0 : dev->index,
                              have == nullptr ? 0 : have->index);
    if (!way || !*way) {
        auto first = texts_of(std::span(ends).first(std::min<std::size_t>(ends.size(), 3)));
        if (ends.size() > first.size()) first.emplace_back("...");
        settled.errors.push_back(
            way ? Error(Code::no_automatic_local, tunnel.name,
                        {{"peers", first.empty() ? "any peer" : joined(first, ", ")},
                         {"through", set_dev.empty() ? "" : formatted(" through '{}'", set_dev)}})
                : way.error());
        return;
    }
    if (automatic.local && !keeps) tunnel.tunnel.local = (*way)->local;
    if (automatic.dev) {
        const auto links = routing.links_of({(*way)->link_index});
        if (links && !links->empty()) tunnel.tunnel.dev = links->front().name;
    }
}

/// What fits into the path to each end, as the kernel has learned it, and not more than the
/// interface allows. What was learned expires: then the MTU stays as low as it is.
void choose_mtu(Routing& routing, const State& state, Tunnel& tunnel) {
    std::vector<RouteQuery> queries;
    for (const auto& end : ends_of(tunnel))
        queries.push_back({end, tunnel.tunnel.local, 0, tunnel.tunnel.port.value_or(0), 0});
    const auto answers = routing.resolve(queries);
    const auto taken = overhead(tunnel.tunnel);
    std::optional<std::uint32_t> most = mtu_limit(tunnel.tunnel, state);
    if (tunnel.tunnel.dev.value_or("").empty()) most.reset();
    std::set<int> indexes;
    bool all_known = answers.has_value();
    const auto lower = [&](std::uint32_t mtu) {
        if (mtu > taken) most = std::min(most.value_or(mtu - taken), mtu - taken);
    };
    if (answers)
        for (const auto& answer : *answers) {
            if (answer.code != 0) continue;
            if (answer.mtu != 0)
                lower(answer.mtu);
            else
                indexes.insert(answer.link_index), all_known = false;
        }
    if (const auto links = routing.links_of(indexes))
        for (const auto& link : *links)
            if (link.attributes.mtu) lower(*link.attributes.mtu);
    if (!all_known)
        if (const Link* have = find_link(state, tunnel.name);
            have != nullptr && find_record(state, have) != nullptr &&
            find_record(state, have)->keys.contains("mtu") && have->attributes.mtu)
            most = std::min(most.value_or(*have->attributes.mtu), *have->attributes.mtu);
    tunnel.link.mtu = most;
}

} // namespace

bool is_automatic(const Tunnel& tunnel) {
    const auto& automatic = tunnel.automatic;
    return automatic.local || automatic.dev || automatic.mtu || !automatic.remote_name.empty();
}

Settled settle_automatic(Routing& routing, const State& state, Tunnel& tunnel) {
    Settled settled;
    auto& automatic = tunnel.automatic;
    if (!automatic.remote_name.empty()) {
        const Link* have = find_link(state, tunnel.name);
        const auto running = have == nullptr ? std::nullopt : have->tunnel.remote;
        if (running && (automatic.remotes.empty() || is_in(automatic.remotes, *running)))
            automatic.remotes = {*running}; // it stays as long as the name has it
        if (!automatic.remotes.empty()) tunnel.tunnel.remote = automatic.remotes.front();
    }
    if (automatic.local || automatic.dev) choose_ends(routing, state, tunnel, settled);
    if (automatic.local && tunnel.tunnel.isatap.value_or(false) && tunnel.addresses)
        for (auto& prefix : *tunnel.addresses)
            prefix.address =
                isatap_address(network_of(prefix), *tunnel.tunnel.local, automatic.global_id);
    if (automatic.mtu && settled.errors.empty()) choose_mtu(routing, state, tunnel);
    automatic = {};
    return settled;
}

Result<bool> can_be_settled(Netlink& netlink, const Tunnel& tunnel) {
    if (!tunnel.automatic.local && !tunnel.automatic.dev) return true;
    ReadRequest request;
    request.others = {tunnel.name, tunnel.tunnel.dev.value_or("")};
    request.foreign = false;
    const auto state = read_state(netlink, nullptr, request);
    if (!state) return tl::unexpected(state.error());
    auto ends = ends_of(tunnel);
    if (ends.empty()) // names, which are looked up when there is a way to anywhere
        ends.push_back(
            parse_address(tunnel.tunnel.local->family == Family::ipv4 ? "192.0.2.1" : "2000::")
                .value());
    KernelRouting routing(netlink);
    const Link* own = find_link(*state, tunnel.name);
    const Link* dev = find_link(*state, tunnel.tunnel.dev.value_or(""));
    if (dev == nullptr && !tunnel.tunnel.dev.value_or("").empty()) return false;
    const auto way = find_way(routing, tunnel, ends, dev == nullptr ? 0 : dev->index,
                              own == nullptr ? 0 : own->index);
    if (!way) return tl::unexpected(way.error());
    return way->has_value();
}

} // namespace vxlanctl
