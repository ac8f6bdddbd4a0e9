#include "vxlanctl/doctor/reach_facts.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/echo.h"
#include "vxlanctl/doctor/facts.h"
#include "vxlanctl/doctor/inside.h"
#include "vxlanctl/doctor/next_hops.h"
#include "vxlanctl/kernel/look_up.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <cerrno>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// Reads what reach() wants to know.
class ReachReading {
public:
    ReachReading(const Kernel& kernel, Netlink& netlink, const ReachRequest& request)
        : kernel_(kernel), netlink_(netlink), request_(request) {
        given_.to = request.to;
        given_.names = request.names;
    }

    Result<ReachFacts> run() {
        if (auto done = read_named(); !done) return tl::unexpected(done.error());
        if (!given_.facts.state.alternative_names.empty()) return std::move(given_);
        if (auto done = read_way(); !done) return tl::unexpected(done.error());
        if (request_.probe && given_.way.code == 0 && !given_.is_own)
            given_.probe = ask(); // first, so that the neighbours are as they are then
        if (auto done = read_tunnels(); !done) return tl::unexpected(done.error());
        if (auto done = read_direct_hosts(); !done) return tl::unexpected(done.error());
        read_neighbours();
        read_forwarding();
        return std::move(given_);
    }

private:
    bool is_meant(const std::string& name) const {
        return request_.names.empty() || is_in(request_.names, name);
    }

    /// Whether names are alternative ones, and the index that a link-local address needs.
    Result<void> read_named() {
        if (request_.names.empty()) return {};
        FactsRequest request;
        request.names = request_.names;
        auto facts = read_facts(kernel_, request);
        if (!facts) return tl::unexpected(facts.error());
        given_.facts = std::move(*facts);
        return {};
    }

    Result<void> read_way() {
        RouteQuery query{request_.to, std::nullopt, 0, 0, 0};
        if (is_link_local(request_.to) && !request_.names.empty())
            if (const Link* link =
                    find_link(std::as_const(given_.facts).state, request_.names.front()))
                query.link_index = link->index;
        const auto found = way_of(query);
        if (!found) return tl::unexpected(found.error());
        const std::uint8_t type = found->second.type;
        if (type == RTN_BROADCAST || type == RTN_MULTICAST)
            return error(Code::to_not_unicast, "",
                         {{"address", to_string(request_.to)}, {"what", "a broadcast address"}});
        given_.way = found->first;
        given_.by = found->second.to;
        given_.is_own = type == RTN_LOCAL;
        return {};
    }

    /// What the kernel says, and the link that it says, which known_ has then.
    Result<std::pair<RouteFact, RouteLookup>> way_of(const RouteQuery& query) {
        const auto in_table = look_up(netlink_, {query});
        if (!in_table) return tl::unexpected(in_table.error());
        const auto resolved = resolve_routes(netlink_, {query});
        if (!resolved) return tl::unexpected(resolved.error());
        const RouteLookup &route = in_table->front(), &made = resolved->front();
        const auto links = links_of(netlink_, {route.link_index});
        if (!links) return tl::unexpected(links.error());
        RouteFact way{
            query.to,    route.code != 0 ? route.code : made.code, "", route.table, route.via,
            made.source, made.mtu != 0 ? made.mtu : route.mtu};
        if (!links->empty()) {
            way.dev = links->front().name;
            known_.links.put(links->front());
        } else if (way.code == 0) {
            way.code = ENETUNREACH; // the link has just vanished
        }
        return std::pair{way, route};
    }

    ReachProbe ask() {
        constexpr int rounds = 4; // who sleeps may take a second or two to answer
        ReachProbe result;
        const Link* link = find_link(known_, given_.way.dev);
        const bool is_scoped = is_link_local(request_.to);
        auto echo = EchoQuestion::open(kernel_, {request_.to.family,
                                                 is_scoped ? given_.way.dev : std::string(),
                                                 link == nullptr ? 0 : link->index, std::nullopt});
        if (!echo) {
            result.obstacle = echo.error();
            return result;
        }
        echo->add(request_.to);
        const auto answered = [&] { return echo->answers().front().passes != 0; };
        NextHops hops(kernel_, netlink_, known_);
        hops.add(given_.way, given_.way.source);
        auto questions = hops.questions();
        questions.push_back(echo->question());
        int waited = 0;
        questions.push_back(
            {-1, [&] { return !answered() && ++waited <= rounds; }, [] {}, answered});
        ask_in_rounds(questions, rounds, ProbeClock::now() + rounds * round_time);
        hops.take_answers();
        if (const NextHop* hop = hops.find(given_.way)) result.hop = *hop;
        result.answered = answered();
        return result;
    }

    /// From tunnel to tunnel, as long as the outer packets of one may go into another.
    Result<void> read_tunnels() {
        constexpr int deepest = 4;
        std::vector<std::string> names = request_.names;
        if (!is_in(names, given_.way.dev))
            names.push_back(given_.way.dev.empty() ? "lo" : given_.way.dev);
        const Link* dev = find_link(known_, given_.way.dev);
        const bool is_outside = dev == nullptr || !is_tunnel(*dev) || !is_meant(dev->name);
        for (int depth = 0; depth < deepest; ++depth) {
            // Outside, any tunnel may be the one that would lead there if all were well.
            FactsRequest request;
            request.names = names;
            request.wishes = request_.wishes;
            request.every = is_outside;
            auto facts = read_facts(kernel_, request);
            if (!facts) return tl::unexpected(facts.error());
            given_.facts = std::move(*facts);
            const auto before = names.size();
            for (const auto& tunnel : given_.facts.tunnels)
                for (const auto& way : tunnel.out) {
                    const Link* out = find_link(given_.facts.state, way.dev);
                    if (out != nullptr && is_tunnel(*out) && !is_in(names, way.dev))
                        names.push_back(way.dev);
                }
            if (names.size() == before) break;
        }
        return {};
    }

    /// An ISATAP host that is no router is reached at the IPv4 address in its own.
    Result<void> read_direct_hosts() {
        const Link* link = find_link(given_.facts.state, given_.way.dev);
        const auto host = embedded_ipv4(given_.way.via.value_or(request_.to));
        if (link == nullptr || !link->tunnel.isatap.value_or(false) || !host) return {};
        const Link* lower = find_link(given_.facts.state, link->tunnel.dev.value_or(""));
        const auto found =
            way_of({*host, local_of(*link), lower == nullptr ? 0 : lower->index, 0, 0});
        if (!found) return tl::unexpected(found.error());
        given_.more_out.push_back(found->first);
        return {};
    }

    void read_neighbours() {
        constexpr std::size_t most = 8; // interfaces
        std::set<std::string> names{given_.way.dev};
        for (const auto& tunnel : given_.facts.tunnels)
            for (const auto& way : tunnel.out)
                names.insert(way.dev);
        for (const auto& way : given_.more_out)
            names.insert(way.dev);
        for (const auto& name : names) {
            const Link* link = find_link(given_.facts.state, name);
            if (link == nullptr) link = find_link(known_, name);
            if (link != nullptr && given_.neighbours.size() < most)
                given_.neighbours[name] =
                    neighbours_on(netlink_, {link->index}).value_or(Neighbours{})[link->index];
        }
    }

    /// Of the tunnels that devices may be behind, where the way itself leads through none.
    void read_forwarding() {
        constexpr std::size_t most = 8;
        const Link* dev = find_link(given_.facts.state, given_.way.dev);
        if (given_.way.code != 0 || given_.is_own || (dev != nullptr && is_tunnel(*dev))) return;
        for (const auto& name :
             tunnels_meant(request_.names, given_.facts.state, std::vector<Tunnel>{})) {
            const Link* link = find_link(given_.facts.state, name);
            if (link == nullptr || link->tunnel.kind != TunnelKind::vxlan ||
                !link->attributes.up.value_or(false) || given_.forwards.size() >= most)
                continue;
            const std::string path = request_.to.family == Family::ipv4
                                         ? formatted("/proc/sys/net/ipv4/conf/{}/forwarding", name)
                                         : std::string("/proc/sys/net/ipv6/conf/all/forwarding");
            if (const auto file = kernel_.open_file(path))
                given_.forwards[name] = read_all(file->get()).starts_with('1');
        }
    }

    const Kernel& kernel_;
    Netlink& netlink_;
    const ReachRequest& request_;
    ReachFacts given_;
    State known_; ///< the links that ways lead through
};

} // namespace

Result<ReachFacts> read_reach(const Kernel& kernel, const ReachRequest& request) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    return ReachReading(kernel, netlink, request).run();
}

} // namespace vxlanctl
