#include "vxlanctl/facts.h"

#include "vxlanctl/directory.h"
#include "vxlanctl/nft.h"
#include "vxlanctl/probe.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/route_codec.h"
#include "vxlanctl/services.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr std::size_t most_look_ups = 64, most_inner = 32;

/// Reads one namespace for the doctor.
class Gathering {
public:
    Gathering(const Kernel& kernel, Netlink& netlink, const FactsRequest& request)
        : kernel_(kernel), netlink_(netlink), request_(request) {}

    Result<Facts> run() {
        const auto records = RuntimeDirectory::open_existing(kernel_);
        if (!records) return tl::unexpected(records.error());
        ReadRequest request;
        request.every_tunnel = true;
        request.needs = [this](const State& known) {
            Needs needs;
            needs.tables = {main_table};
            needs.rules = true;
            for (const auto& link : known.links)
                if (is_tunnel(link)) needs.links.insert(link.name);
            for (const auto& [id, record] : known.records)
                for (const auto& route : record.routes)
                    if (!route.dev.empty()) needs.links.insert(route.dev);
            for (const auto& wish : request_.wishes)
                for (const auto& route : wish.routes.value_or(std::vector<Route>{}))
                    if (!route.dev.empty()) needs.links.insert(route.dev);
            return needs;
        };
        auto state = read_state(netlink_, *records ? &**records : nullptr, request);
        if (!state) return tl::unexpected(state.error());
        facts_.state = std::move(*state);
        facts_.wishes = request_.wishes;
        for (const auto& link : facts_.state.links)
            names_.emplace(link.index, link.name);
        name_routes();
        if (auto done = read_neighbours(); !done) return tl::unexpected(done.error());
        for (const auto& name : tunnels_meant(request_.names, facts_.state, request_.wishes)) {
            auto tunnel = read_tunnel(name);
            if (!tunnel) return tl::unexpected(tunnel.error());
            facts_.tunnels.push_back(std::move(*tunnel));
        }
        read_policies();
        std::vector<int> indexes;
        for (const auto& link : facts_.state.links)
            indexes.push_back(link.index);
        if (is_services_namespace(kernel_.id())) facts_.services = read_services("", indexes);
        read_firewall();
        return std::move(facts_);
    }

private:
    /// The reader gives names to default routes alone.
    void name_routes() {
        for (auto& route : facts_.state.routes)
            if (route.dev.starts_with('/')) route.dev = name_of(std::atoi(route.dev.c_str() + 1));
    }

    std::string name_of(int index) const {
        const auto found = names_.find(index);
        return found == names_.end() ? "" : found->second;
    }

    Result<void> read_neighbours() {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_dump_neighbours(writer, 0);
        return netlink_.dump(
            batch,
            [&](const nlmsghdr* message) {
                const auto decoded = decode_any_neighbour(message);
                if (decoded && (decoded->state & NUD_NOARP) == 0)
                    neighbours_[decoded->link_index].push_back(
                        {decoded->address,
                         decoded->link_layer ? mac_of(*decoded->link_layer) : std::nullopt,
                         decoded->state});
            },
            [&] { neighbours_.clear(); });
    }

    Result<TunnelFacts> read_tunnel(const std::string& name) {
        TunnelFacts facts;
        facts.name = name;
        const Link* link = find_link(std::as_const(facts_).state, name);
        if (link == nullptr || !is_tunnel(*link)) return facts;
        facts.neighbours = neighbours_[link->index];
        if (!link->underlay_elsewhere)
            if (auto done = read_ways(facts, *link); !done) return tl::unexpected(done.error());
        if (auto done = read_inner_ways(facts, *link); !done) return tl::unexpected(done.error());
        if (const Link* vrf = vrf_of_lower(*link); vrf != nullptr && link->tunnel.port)
            facts.bound_to_vrf = has_socket(*link, vrf->index);
        if (request_.probe) facts.probe = probe_tunnel(kernel_, netlink_, *link, facts);
        return facts;
    }

    const Link* vrf_of_lower(const Link& link) const {
        const State& state = facts_.state;
        const Link* lower = find_link(state, link.tunnel.dev.value_or(""));
        return lower == nullptr ? nullptr : find_link(state, lower->attributes.vrf.value_or(""));
    }

    Result<void> read_ways(TunnelFacts& facts, const Link& link) {
        auto ends = other_ends(link);
        if (ends.size() > most_look_ups) ends.resize(most_look_ups);
        const State& state = facts_.state;
        const Link* lower = find_link(state, link.tunnel.dev.value_or(""));
        const Link* vrf = vrf_of_lower(link);
        std::optional<IpAddress> local;
        for (const auto& host : state.host_addresses)
            if (link.tunnel.local == host.prefix.address) local = host.prefix.address;
        std::vector<LookUp> out, back;
        for (const auto& end : ends) {
            out.push_back({end, local, lower == nullptr ? 0 : lower->index});
            back.push_back({end, local, vrf == nullptr ? 0 : vrf->index});
        }
        auto found = look_up(out);
        if (!found) return tl::unexpected(found.error());
        facts.out = std::move(*found);
        found = look_up(back);
        if (!found) return tl::unexpected(found.error());
        facts.back = std::move(*found);
        return {};
    }

    /// To neighbours inside, and to an address of each inner network.
    Result<void> read_inner_ways(TunnelFacts& facts, const Link& link) {
        std::vector<LookUp> look_ups;
        const auto add = [&](const IpAddress& address) {
            const auto& hosts = std::as_const(facts_).state.host_addresses;
            const bool own = std::any_of(hosts.begin(), hosts.end(), [&](const HostAddress& host) {
                return host.prefix.address == address;
            });
            if (!own && look_ups.size() < most_inner)
                look_ups.push_back({address, std::nullopt, link.master_index});
        };
        for (const auto& address : link.addresses) {
            if (address.prefix.address.family != Family::ipv4 || address.prefix.length > 30)
                continue;
            IpAddress first = network_of(address.prefix).address;
            ++first.bytes[3];
            add(first);
        }
        for (const auto& neighbour : facts.neighbours)
            if (neighbour.address.family == Family::ipv4) add(neighbour.address);
        auto found = look_up(look_ups);
        if (!found) return tl::unexpected(found.error());
        facts.inner = std::move(*found);
        return {};
    }

    Result<std::vector<Way>> look_up(const std::vector<LookUp>& wanted) {
        std::vector<Way> ways;
        for (const auto& one : wanted)
            ways.emplace_back().to = one.to;
        auto answers = ask(wanted, encode_look_up_route, ways);
        if (!answers) return tl::unexpected(answers.error());
        for (std::size_t i = 0; i < ways.size(); ++i)
            if ((*answers)[i]) describe(ways[i], *(*answers)[i]);
        std::vector<Way> resolved(ways.size());
        answers = ask(wanted, encode_resolve_route, resolved);
        if (!answers) return tl::unexpected(answers.error());
        for (std::size_t i = 0; i < ways.size(); ++i) {
            const auto& route = (*answers)[i];
            // Multicast needs no route: without one it is on the link
            // (ip_route_output_key_hash_rcu() in net/ipv4/route.c).
            if (ways[i].code != 0 && is_multicast(ways[i].to) && route) describe(ways[i], *route);
            if (ways[i].code == 0 || is_multicast(ways[i].to)) ways[i].code = resolved[i].code;
            if (route && route->mtu != 0) ways[i].mtu = route->mtu;
        }
        return ways;
    }

    void describe(Way& way, const FoundRoute& route) const {
        way.dev = name_of(route.link_index);
        way.table = route.table;
        way.via = route.via;
        way.source = route.source;
        way.mtu = route.mtu;
        if (route.type != RTN_UNICAST && route.type != RTN_LOCAL && route.type != RTN_MULTICAST)
            way.code = EHOSTUNREACH;
    }

    using Encode = void (*)(MessageWriter&, const LookUp&);

    /// One answer for each look-up, or its errno in the way.
    Result<std::vector<std::optional<FoundRoute>>> ask(const std::vector<LookUp>& wanted,
                                                       Encode encode, std::vector<Way>& ways) {
        std::vector<std::optional<FoundRoute>> result(wanted.size());
        if (wanted.empty()) return result;
        MessageBatch batch;
        MessageWriter writer(batch);
        for (const auto& one : wanted)
            encode(writer, one);
        std::vector<std::optional<FoundRoute>> answers;
        const auto failures = netlink_.request(
            batch, [&](const nlmsghdr* message) { answers.push_back(decode_found_route(message)); },
            {}, [](const Failure&) { return false; });
        if (!failures) return tl::unexpected(failures.error());
        for (const auto& failure : *failures)
            ways[failure.message].code = failure.code;
        for (std::size_t i = 0, next = 0; i < wanted.size(); ++i)
            if (ways[i].code == 0 && next < answers.size()) result[i] = answers[next++];
        return result;
    }

    /// Whether there is a UDP socket on the tunnel's port that is bound to that link; none when the
    /// kernel does not tell.
    std::optional<bool> has_socket(const Link& link, int bound_to) const {
        const auto opened = kernel_.socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
        if (!opened) return std::nullopt;
        const FileDescriptor& diag = *opened;
        const timeval patience{5, 0};
        setsockopt(diag.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        struct {
            nlmsghdr header;
            inet_diag_req_v2 request;
        } message{};
        message.header.nlmsg_len = sizeof message;
        message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        const bool over_ipv6 = link.tunnel.local && link.tunnel.local->family == Family::ipv6;
        message.request.sdiag_family = over_ipv6 ? AF_INET6 : AF_INET;
        message.request.sdiag_protocol = IPPROTO_UDP;
        message.request.idiag_states = ~0U;
        if (send(diag.get(), &message, sizeof message, 0) < 0) return std::nullopt;
        bool seen = false, found = false;
        for (;;) {
            alignas(nlmsghdr) std::array<std::byte, 32768> buffer;
            const auto size = recv(diag.get(), buffer.data(), buffer.size(), 0);
            if (size <= 0) return std::nullopt;
            auto left = static_cast<int>(size);
            for (auto* at = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(at, left);
                 at = nlmsg_next(at, &left)) {
                if (at->nlmsg_type == NLMSG_DONE) return seen ? std::optional(found) : std::nullopt;
                if (at->nlmsg_type == NLMSG_ERROR) return std::nullopt;
                const auto* answer = fixed_header<inet_diag_msg>(at);
                if (answer == nullptr || ntohs(answer->id.idiag_sport) != link.tunnel.port)
                    continue;
                seen = true;
                found = found || answer->id.idiag_if == static_cast<std::uint32_t>(bound_to);
            }
        }
    }

    void read_firewall() {
        if (auto ruleset = read_ruleset(kernel_)) {
            facts_.ruleset = std::move(*ruleset);
        } else {
            facts_.ruleset_obstacle =
                ruleset.error().why.empty() ? to_string(ruleset.error()) : ruleset.error().why;
            facts_.ruleset_remedy = ruleset.error().remedy;
        }
        for (const char* path : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"})
            if (const auto file = kernel_.open_file(path))
                facts_.has_legacy_rules = facts_.has_legacy_rules ||
                                          read_all(file->get()).find("filter") != std::string::npos;
    }

    int sysctl(const std::string& path) const {
        const auto file = kernel_.open_file("/proc/sys/net/" + path);
        return file ? std::atoi(read_all(file->get()).c_str()) : 0;
    }

    void read_policies() {
        const int all = sysctl("ipv4/conf/all/rp_filter");
        for (const auto& link : std::as_const(facts_).state.links)
            facts_.policies[link.name] = {
                std::max(all, sysctl(fmt::format("ipv4/conf/{}/rp_filter", link.name))),
                sysctl(fmt::format("ipv4/conf/{}/forwarding", link.name)) != 0};
        facts_.ipv6_forwarding = sysctl("ipv6/conf/all/forwarding") != 0;
    }

    const Kernel& kernel_;
    Netlink& netlink_;
    const FactsRequest& request_;
    Facts facts_;
    std::map<int, std::string> names_;
    std::map<int, std::vector<InnerNeighbour>> neighbours_;
};

} // namespace

Result<Facts> read_facts(const Kernel& kernel, const FactsRequest& request) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    return Gathering(kernel, netlink, request).run();
}

} // namespace vxlanctl
