#include "vxlanctl/doctor/facts.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/doctor/facts_surroundings.h"
#include "vxlanctl/doctor/neighbours.h"
#include "vxlanctl/doctor/probe.h"
#include "vxlanctl/kernel/look_up.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/run/frr.h"
#include "vxlanctl/run/many_vnis.h"
#include "vxlanctl/run/nft.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/services.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace vxlanctl {
namespace {

constexpr std::size_t most_look_ups = 64, most_inner = 32;

/// Of which tunnels all is read. The others explain why packets of these go astray, and need not be
/// read where none do.
enum class Extent : std::uint8_t { named, every };

/// Reads one namespace for the doctor.
class Gathering {
public:
    Gathering(const Kernel& kernel, Netlink& netlink, const FactsRequest& request, Extent extent)
        : kernel_(kernel), netlink_(netlink), request_(request), extent_(extent) {}

    Result<Facts> run() {
        const auto records = RuntimeDirectory::open_existing(kernel_);
        if (!records) return tl::unexpected(records.error());
        ReadRequest request;
        request.every_tunnel = extent_ == Extent::every;
        request.tunnels = request_.names;
        request.surroundings = true;
        request.uppers = false;
        request.needs = [this](const State& known) {
            Needs needs;
            needs.tables = {main_table};
            needs.rules = true;
            for (const auto& link : known.links)
                if (is_tunnel(link) && (extent_ == Extent::every || is_named(link.name)))
                    needs.links.insert(link.name);
            needs.links.merge(devices_of_routes(known));
            return needs;
        };
        auto state = read_state(netlink_, *records ? &**records : nullptr, request);
        if (!state) return tl::unexpected(state.error());
        facts_.state = std::move(*state);
        facts_.wishes = request_.wishes;
        facts_.places = request_.places;
        facts_.held = request_.held;
        if (*records) note_vanished(**records);
        for (const auto& link : std::as_const(facts_.state.links))
            names_.emplace(link.index, link.name);
        if (auto done = read_masters(); !done) return tl::unexpected(done.error());
        if (auto done = read_sources(); !done) return tl::unexpected(done.error());
        take_read_links();
        auto meant = tunnels_meant(request_.names, facts_.state, request_.wishes);
        for (const auto& [name, record] : facts_.vanished)
            if (!is_in(meant, name)) meant.push_back(name);
        if (auto done = read_neighbours(meant); !done) return tl::unexpected(done.error());
        for (const auto& name : meant) {
            auto tunnel = read_tunnel(name);
            if (!tunnel) return tl::unexpected(tunnel.error());
            facts_.tunnels.push_back(std::move(*tunnel));
        }
        take_read_links();
        if (auto done = read_rules(netlink_, facts_); !done) return tl::unexpected(done.error());
        if (auto done = read_refusing_routes(netlink_, facts_); !done)
            return tl::unexpected(done.error());
        if (auto done = read_port_vlans(netlink_, facts_); !done)
            return tl::unexpected(done.error());
        name_routes();
        read_policies();
        facts_.state.run_by =
            files_of_other_programs(kernel_.id(), facts_.state, [this](const Link& link) {
                return request_.names.empty() || is_named(link.name);
            });
        if (is_services_namespace(kernel_.id()))
            facts_.services = read_services("", managed_links());
        read_firewall();
        read_vrrp();
        facts_.many_vnis = read_many_vnis(kernel_, std::as_const(facts_.state).links);
        ask_control_plane();
        return std::move(facts_);
    }

private:
    void ask_control_plane() {
        if (request_.control_plane)
            facts_.control_plane = *request_.control_plane;
        else if (may_have_control_plane(facts_.state))
            facts_.control_plane = read_control_plane(kernel_);
    }

    bool is_named(const std::string& name) const { return is_in(request_.names, name); }

    /// Tunnels of commands that went with their underlay interface, or were deleted.
    void note_vanished(const RuntimeDirectory& directory) {
        const State& state = facts_.state;
        const auto is_known = [&](const std::string& id) {
            return state.records.contains(id) || state.unreadable_records.contains(id);
        };
        for (auto& [id, record] : directory.unclaimed(is_known)) {
            const std::string& name = record.interface.name;
            const bool is_meant = request_.names.empty() || is_named(name);
            if (!name.empty() && is_meant && find_link(state, name) == nullptr &&
                record.source.empty())
                facts_.vanished.emplace(name, std::move(record));
        }
    }

    /// Links that are referred to and have not been read, by ifindex; for take_read_links(). One
    /// that has vanished is none.
    Result<void> read_links(std::set<int> indexes) {
        std::erase_if(indexes, [&](int index) { return names_.contains(index); });
        auto links = links_of(netlink_, indexes);
        if (!links) return tl::unexpected(links.error());
        for (auto& link : *links)
            if (names_.emplace(link.index, link.name).second)
                read_links_.push_back(std::move(link));
        return {};
    }

    /// Moves the links of the state, to which nobody may refer.
    void take_read_links() {
        for (auto& link : std::exchange(read_links_, {}))
            facts_.state.links.push_back(std::move(link));
    }

    /// The VRFs that lower devices are in.
    Result<void> read_masters() {
        std::set<int> masters;
        for (const auto& link : std::as_const(facts_.state.links))
            masters.insert(link.master_index);
        if (auto done = read_links(masters); !done) return done;
        for (const auto& master : read_links_)
            for (auto& link : facts_.state.links)
                if (link.master_index == master.index) { // the reader knew no name
                    link.attributes.master = link.attributes.vrf = "";
                    (master.kind == "vrf" ? link.attributes.vrf : link.attributes.master) =
                        master.name;
                }
        return {};
    }

    /// The devices that traffic comes in by which rules may send into a tunnel.
    Result<void> read_sources() {
        std::vector<Rule> rules = facts_.state.rules;
        for (const auto& [id, record] : facts_.state.records)
            append(rules, record.rules);
        for (const auto& wish : request_.wishes)
            append(rules, wish.rules.value_or(std::vector<Rule>{}));
        auto& hosts = facts_.state.host_addresses;
        for (const auto& host : hosts)
            for (const auto& rule : rules)
                if (rule.from && overlaps(host.prefix, *rule.from))
                    sources_.insert(host.link_index);
        if (auto done = read_links(sources_); !done) return done;
        for (auto& host : hosts.changing())
            if (host.link.empty()) host.link = name_of(host.link_index);
        return {};
    }

    /// The reader gives names to default routes alone.
    void name_routes() {
        for (auto& route : facts_.state.routes)
            if (route.dev.starts_with('/')) route.dev = name_of(std::atoi(route.dev.c_str() + 1));
    }

    /// Those other than a tunnel that routes were set on, or are wanted.
    std::set<std::string> devices_of_routes(const State& state) const {
        std::set<std::string> names;
        for (const auto& [id, record] : state.records)
            for (const auto& route : record.routes)
                names.insert(route.dev);
        for (const auto& wish : request_.wishes)
            for (const auto& route : wish.routes.value_or(std::vector<Route>{}))
                names.insert(route.dev);
        names.erase("");
        return names;
    }

    /// Those whose managing service makes a difference: the tunnels, and what routes were set on.
    std::vector<int> managed_links() const {
        auto names = devices_of_routes(facts_.state);
        for (const auto& tunnel : facts_.tunnels)
            names.insert(tunnel.name);
        std::vector<int> indexes;
        for (const auto& name : names)
            if (const Link* link = find_link(facts_.state, name)) indexes.push_back(link->index);
        return indexes;
    }

    std::string name_of(int index) const {
        const auto found = names_.find(index);
        return found == names_.end() ? "" : found->second;
    }

    Result<void> read_neighbours(const std::vector<std::string>& tunnels) {
        std::set<int> interfaces;
        for (const auto& name : tunnels)
            if (const Link* link = find_link(std::as_const(facts_).state, name))
                interfaces.insert(link->index);
        auto found = neighbours_on(netlink_, interfaces);
        if (!found) return tl::unexpected(found.error());
        neighbours_ = std::move(*found);
        return {};
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
            if (const auto bound = bound_sockets(kernel_, link->tunnel); !bound.empty())
                facts.bound_to_vrf = bound.contains(vrf->index);
        if (link->tunnel.port && !link->attributes.up.value_or(false))
            facts.port_is_taken =
                !is_port_of_another(*link) && !bound_sockets(kernel_, link->tunnel).empty();
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
        std::vector<RouteQuery> out, back;
        for (const auto& end : ends) {
            const int vrf_index = vrf == nullptr ? 0 : vrf->index;
            if (link.tunnel.kind == TunnelKind::vxlan)
                out.push_back(vxlan_query(link, end, local, vrf_index));
            else // these are bound to the lower device
                out.push_back({end, local, lower == nullptr ? 0 : lower->index, 0, 0});
            back.push_back({end, local, vrf_index, 0, 0});
        }
        auto found = ways_of(out);
        if (!found) return tl::unexpected(found.error());
        facts.out = std::move(*found);
        found = ways_of(back);
        if (!found) return tl::unexpected(found.error());
        facts.back = std::move(*found);
        return {};
    }

    /// As the kernel asks for the packets of a VXLAN to one of its ends, see outer_way.h.
    RouteQuery vxlan_query(const Link& link, const IpAddress& end,
                           const std::optional<IpAddress>& local, int vrf_index) const {
        FloodEntry peer;
        peer.dst = end;
        for (const auto& entry : link.flood_list)
            if (entry.dst == end) peer = entry;
        const OuterWay way = way_to(peer, link.tunnel);
        // The default remote alone is bound to the underlay interface (vxlan_xmit_one() in
        // drivers/net/vxlan/vxlan_core.c takes the remote's own ifindex).
        const bool is_default = link.tunnel.remote == end && link.lower_index != 0;
        const Link* via = find_link(facts_.state, way.via);
        const int out = via != nullptr ? via->index : is_default ? link.lower_index : vrf_index;
        return {end, local, out, way.port, way.tos};
    }

    /// To neighbours inside, and to an address of each inner network.
    Result<void> read_inner_ways(TunnelFacts& facts, const Link& link) {
        std::vector<RouteQuery> queries;
        const auto add = [&](const IpAddress& address) {
            const auto& hosts = std::as_const(facts_).state.host_addresses;
            const bool own = std::any_of(hosts.begin(), hosts.end(), [&](const HostAddress& host) {
                return host.prefix.address == address;
            });
            // From the tunnel's own address, as answers are sent, and as the reverse path filter
            // asks (__fib_validate_source() in net/ipv4/fib_frontend.c).
            if (!own && queries.size() < most_inner)
                queries.push_back({address, own_inner_address(link), link.master_index, 0, 0});
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
        auto found = ways_of(queries);
        if (!found) return tl::unexpected(found.error());
        facts.inner = std::move(*found);
        return {};
    }

    Result<std::vector<RouteFact>> ways_of(const std::vector<RouteQuery>& queries) {
        const auto in_table = look_up(netlink_, queries);
        if (!in_table) return tl::unexpected(in_table.error());
        const auto resolved = resolve_routes(netlink_, queries);
        if (!resolved) return tl::unexpected(resolved.error());
        std::set<int> outgoing;
        for (const auto* routes : {&*in_table, &*resolved})
            for (const auto& route : *routes)
                outgoing.insert(route.link_index);
        if (auto done = read_links(outgoing); !done) return tl::unexpected(done.error());
        std::vector<RouteFact> ways;
        for (std::size_t i = 0; i < queries.size(); ++i)
            ways.push_back(way_of(queries[i].to, (*in_table)[i], (*resolved)[i]));
        return ways;
    }

    RouteFact way_of(const IpAddress& to, const RouteLookup& in_table,
                     const RouteLookup& resolved) const {
        // Multicast needs no route: without one it is on the link
        // (ip_route_output_key_hash_rcu() in net/ipv4/route.c).
        const bool is_on_link = in_table.code != 0 && is_multicast(to) && resolved.code == 0;
        const RouteLookup& route = is_on_link ? resolved : in_table;
        const bool leads_there =
            route.type == RTN_UNICAST || route.type == RTN_LOCAL || route.type == RTN_MULTICAST;
        RouteFact way{to,          route.code, name_of(route.link_index),
                      route.table, route.via,  route.source};
        if (way.code == 0 && !leads_there) way.code = EHOSTUNREACH;
        if (way.code == 0 || is_multicast(to)) way.code = resolved.code;
        way.mtu = resolved.mtu != 0 ? resolved.mtu : route.mtu;
        way.by = route.to;
        way.type = route.type;
        return way;
    }

    /// Whether another VXLAN that is up has its socket on the same port.
    bool is_port_of_another(const Link& link) const {
        const auto& links = std::as_const(facts_).state.links;
        return std::any_of(links.begin(), links.end(), [&](const Link& other) {
            return &other != &link && other.tunnel.port == link.tunnel.port &&
                   other.attributes.up.value_or(false);
        });
    }

    /// Who runs VRRP on a bridge, where a port of it suppresses gratuitous ARP.
    void read_vrrp() {
        const auto& links = std::as_const(facts_.state).links;
        const bool may_matter = std::any_of(links.begin(), links.end(), [](const Link& link) {
            return link.attributes.bridge_neigh_suppress.value_or(false);
        });
        if (!may_matter) return;
        if (const auto file = kernel_.open_file("/proc/net/igmp"))
            facts_.vrrp = interfaces_with_vrrp(read_all(file->get()));
    }

    void read_firewall() {
        if (auto ruleset = read_ruleset(kernel_))
            facts_.ruleset = std::move(*ruleset);
        else
            facts_.ruleset_obstacle = ruleset.error();
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
        for (const auto& name : devices_concerned())
            facts_.policies[name] = {
                std::max(all, sysctl(formatted("ipv4/conf/{}/rp_filter", name))),
                sysctl(formatted("ipv4/conf/{}/forwarding", name)) != 0,
                std::max(sysctl("ipv4/conf/all/arp_ignore"),
                         sysctl(formatted("ipv4/conf/{}/arp_ignore", name))),
                sysctl(formatted("ipv6/conf/{}/disable_ipv6", name)) != 0};
        facts_.ipv6_forwarding = sysctl("ipv6/conf/all/forwarding") != 0;
    }

    /// The interface that has the tunnel's local address, by which answers come in; empty: none.
    std::string home_of(const Link& link) const {
        for (const auto& host : facts_.state.host_addresses)
            if (host.prefix.address == link.tunnel.local) return host.link;
        return "";
    }

    /// Those by which packets of the tunnels come in or go out.
    std::set<std::string> devices_concerned() const {
        std::set<std::string> names;
        for (const auto& tunnel : facts_.tunnels) {
            names.insert(tunnel.name);
            if (const Link* link = find_link(facts_.state, tunnel.name))
                names.merge(std::set<std::string>{home_of(*link), link->tunnel.dev.value_or(""),
                                                  link->attributes.master.value_or("")});
            for (const auto* ways : {&tunnel.out, &tunnel.back, &tunnel.inner})
                for (const auto& way : *ways)
                    names.insert(way.dev);
        }
        for (const auto& wish : request_.wishes)
            for (const auto& device : wish.forward_from.value_or(std::vector<std::string>{}))
                names.insert(device);
        for (const int index : sources_)
            names.insert(name_of(index));
        std::erase_if(names, [&](const std::string& name) {
            return find_link(facts_.state, name) == nullptr;
        });
        return names;
    }

    const Kernel& kernel_;
    Netlink& netlink_;
    const FactsRequest& request_;
    const Extent extent_;
    Facts facts_;
    std::vector<Link> read_links_;
    std::set<int> sources_;
    std::map<int, std::string> names_;
    Neighbours neighbours_;
};

/// Whether what other tunnels have, or have lost, may say more of the named ones: something fails,
/// or they are in other tunnels. Of what is no tunnel, nothing is asked.
bool needs_others(const Facts& facts) {
    const State& state = facts.state;
    const auto is_tunnels = [&](const std::string& name) {
        const Link* link = find_link(state, name);
        return link != nullptr && is_tunnel(*link);
    };
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(state, tunnel.name);
        if (link == nullptr) return true;
        if (!is_tunnel(*link)) return false;
        const auto is_home = [&](const HostAddress& host) {
            return host.prefix.address == link->tunnel.local && is_tunnels(host.link);
        };
        if (is_tunnels(link->tunnel.dev.value_or("")) ||
            std::any_of(state.host_addresses.begin(), state.host_addresses.end(), is_home))
            return true;
    }
    const auto all = findings(facts);
    return std::any_of(all.begin(), all.end(),
                       [](const Finding& finding) { return finding.verdict == Verdict::fail; });
}

void add_probes(const Kernel& kernel, Netlink& netlink, Facts& facts) {
    auto probes = probe_tunnels(kernel, netlink, facts.state, facts.tunnels);
    for (std::size_t i = 0; i < probes.size(); ++i)
        facts.tunnels[i].probe = std::move(probes[i]);
    look_up_heard(netlink, facts);
}

} // namespace

Result<Facts> read_facts(const Kernel& kernel, const FactsRequest& request) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    const Extent extent = request.names.empty() || request.every ? Extent::every : Extent::named;
    auto facts = Gathering(kernel, netlink, request, extent).run();
    if (facts && !facts->state.alternative_names.empty()) return facts; // to be asked by real names
    if (facts && extent == Extent::named && needs_others(*facts))
        facts = Gathering(kernel, netlink, request, Extent::every).run();
    if (!facts) return facts;
    if (auto done = read_next_hops(netlink, *facts); !done) return tl::unexpected(done.error());
    request.compare(*facts);
    if (request.probe) add_probes(kernel, netlink, *facts);
    return facts;
}

} // namespace vxlanctl
