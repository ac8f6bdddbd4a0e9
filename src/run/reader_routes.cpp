#include "vxlanctl/run/state_reader.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/route_codec.h"

#include <algorithm>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

// For routes it walks its whole table each time: half a millisecond where that has 20,000, of which
// a whole dump takes 3.
constexpr std::size_t most_routes_by_link = 8;
// Up to this many routing tables, the kernel filters routes by table.
constexpr std::size_t most_by_table = 4;

} // namespace

Result<void> StateReader::read_addresses() {
    const auto handle = [&](const nlmsghdr* message) {
        const auto decoded = decode_address(message);
        if (!decoded) return;
        state_.host_addresses.push_back(
            {decoded->address.prefix, decoded->address.broadcast, decoded->link_index, ""});
        if (Link* link = tunnel(decoded->link_index)) link->addresses.push_back(decoded->address);
    };
    const auto restart = [&] {
        state_.host_addresses.clear();
        for (auto& link : state_.links)
            link.addresses.clear();
    };
    auto done = dump([](MessageWriter& writer) { encode_dump_addresses(writer, 0); }, "addresses",
                     handle, restart);
    // In the order in which they came and can come again, as of IPv4: the kernel puts a new one
    // of IPv6 before the others (ipv6_link_dev_addr() in net/ipv6/addrconf.c).
    for (auto& link : state_.links)
        std::reverse(std::stable_partition(link.addresses.begin(), link.addresses.end(),
                                           [](const Address& address) {
                                               return address.prefix.address.family == Family::ipv4;
                                           }),
                     link.addresses.end());
    return done;
}

Result<void> StateReader::read_rules() {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const std::size_t size = state_.rules.size();
        const auto handle = [&](const nlmsghdr* message) {
            if (const auto rule = decode_rule(message)) state_.rules.push_back(*rule);
        };
        if (auto done = dump([&](MessageWriter& writer) { encode_dump_rules(writer, family); },
                             "rules", handle, [&] { state_.rules.resize(size); });
            !done && done.error().errno_code != EAFNOSUPPORT &&
            done.error().errno_code != EOPNOTSUPP)
            return done; // a kernel without policy routing has none
    }
    return {};
}

Result<void> StateReader::read_neighbours() {
    for (const int filter : filters(tunnels_, most_by_link)) {
        const auto handle = [&](const nlmsghdr* message) {
            const auto decoded = decode_neighbour(message);
            Link* link = decoded ? tunnel(decoded->link_index) : nullptr;
            if (link == nullptr) return;
            if (decoded->is_permanent)
                link->neighbours.push_back(decoded->neighbour);
            else if (request_.surroundings)
                link->found_neighbours.push_back(decoded->neighbour);
        };
        const auto restart = [&] {
            for (auto& link : state_.links)
                if (filter == 0 || link.index == filter)
                    link.neighbours.clear(), link.found_neighbours.clear();
        };
        if (auto done = dump_of_link(
                filter, [&](MessageWriter& writer) { encode_dump_neighbours(writer, filter); },
                "neighbours", handle, restart);
            !done)
            return done;
    }
    for (auto& link : state_.links) {
        std::sort(link.neighbours.begin(), link.neighbours.end());
        std::sort(link.found_neighbours.begin(), link.found_neighbours.end());
    }
    return {};
}

Result<void> StateReader::read_tables(const std::set<std::uint32_t>& tables) {
    const bool one_by_one = tables.size() <= most_by_table;
    for (const Family family : {Family::ipv4, Family::ipv6})
        for (const auto table : one_by_one ? tables : std::set<std::uint32_t>{RT_TABLE_UNSPEC})
            if (auto done = read_table(family, table, tables); !done) return done;
    return {};
}

Result<void> StateReader::read_table(Family family, std::uint32_t table,
                                     const std::set<std::uint32_t>& tables) {
    const std::size_t size = state_.routes.size();
    const auto handle = [&](const nlmsghdr* message) {
        for (auto& [index, route] : decode_route(message)) {
            if (route.type != RTN_UNICAST || route.to.address.family != family ||
                !tables.contains(route.table))
                continue;
            // Routes may be out of thousands of links.
            if (route.to.length == 0 || request_.destinations.contains(route.to))
                wanted_names_.insert(index);
            state_.routes.push_back(std::move(route));
            state_.routes.back().dev = no_link(index);
        }
    };
    const auto done =
        dump([&](MessageWriter& writer) { encode_dump_routes(writer, family, 0, table); }, "routes",
             handle, [&] { state_.routes.truncate(size); });
    const bool is_empty = !done && done.error().errno_code == ENOENT; // no such table yet
    return is_empty ? Result<void>() : done;
}

Result<void> StateReader::read_needed_routes(const std::set<int>& links,
                                             const std::vector<Route>& wanted) {
    if (wanted.empty()) return read_routes_of_links(links);
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto is_of_family = [&](const Route& route) {
            return route.to.address.family == family;
        };
        if (std::none_of(wanted.begin(), wanted.end(), is_of_family)) continue;
        if (auto done = read_own_routes(links, family); !done) return done;
    }
    std::set<int> incomplete;
    for (const auto& route : wanted)
        if (const Link* out = find_link(state_, route.dev);
            out != nullptr && find_route(out->routes, route) == nullptr)
            incomplete.insert(out->index);
    return incomplete.empty() ? Result<void>() : read_routes_of_links(incomplete);
}

Result<void> StateReader::read_own_routes(const std::set<int>& links, Family family) {
    const auto clear = [&] { clear_routes(links, family); };
    clear();
    auto done = dump(
        [&](MessageWriter& writer) {
            encode_dump_routes_of_protocol(writer, family, our_protocol);
        },
        "routes", [&](const nlmsghdr* message) { add_routes(links, family, message); }, clear);
    for (auto& link : state_.links)
        if (links.contains(link.index)) link.routes.sort();
    return done;
}

Result<void> StateReader::read_connected(const std::vector<Route>& wanted) {
    std::set<int> links, incomplete;
    std::set<std::uint32_t> tables;
    for (const auto& route : wanted)
        if (const Link* out = find_link(state_, route.dev))
            links.insert(out->index), tables.insert(route.table);
    if (links.empty()) return {};
    const bool one_by_one = links.size() <= most_routes_by_link;
    if (!one_by_one) {
        const auto table = tables.size() == 1 ? *tables.begin() : RT_TABLE_UNSPEC;
        for (const Family family : families_of(wanted))
            if (auto done = read_kernels_routes(links, family, table); !done) return done;
    }
    for (const auto& route : wanted)
        if (const Link* out = find_link(state_, route.dev);
            out != nullptr && (one_by_one || !has_connected(out->routes, route)))
            incomplete.insert(out->index);
    for (const Family family : families_of(wanted))
        for (const int filter : filters(incomplete, most_routes_by_link))
            if (auto done = read_routes_of_links(incomplete, family, filter); !done) return done;
    for (const auto& route : wanted)
        if (Link* out = state_.links.find_to_change(route.dev)) note_unrouted(*out, route);
    return {};
}

void StateReader::note_unrouted(Link& link, const Route& connected) {
    if (has_connected(link.routes, connected)) return;
    for (auto& address : link.addresses)
        if (const auto route = connected_route(address, connected.table);
            route && route->to == connected.to)
            address.is_unrouted = true;
}

std::set<Family> StateReader::families_of(const std::vector<Route>& routes) {
    std::set<Family> families;
    for (const auto& route : routes)
        families.insert(route.to.address.family);
    return families;
}

Result<void> StateReader::read_kernels_routes(const std::set<int>& links, Family family,
                                              std::uint32_t table) {
    const auto clear = [&] { clear_routes(links, family); };
    clear();
    const auto done = dump(
        [&](MessageWriter& writer) {
            encode_dump_routes_of_protocol(writer, family, RTPROT_KERNEL, table);
        },
        "routes", [&](const nlmsghdr* message) { add_routes(links, family, message); }, clear);
    const bool is_empty = !done && done.error().errno_code == ENOENT; // no such table
    return is_empty ? Result<void>() : done;
}

void StateReader::clear_routes(const std::set<int>& links, Family family) {
    for (auto& link : state_.links)
        if (links.contains(link.index))
            link.routes.erase_if(
                [&](const Route& route) { return route.to.address.family == family; });
}

void StateReader::add_routes(const std::set<int>& links, Family family, const nlmsghdr* message) {
    for (auto& [index, route] : decode_route(message))
        if (links.contains(index) && route.to.address.family == family)
            state_.links[by_index_.at(index)].routes.push_back(std::move(route));
}

Result<void> StateReader::read_routes_of_links(const std::set<int>& links) {
    for (const Family family : {Family::ipv4, Family::ipv6})
        for (const int filter : filters(links, most_routes_by_link))
            if (auto done = read_routes_of_links(links, family, filter); !done) return done;
    for (auto& link : state_.links)
        if (links.contains(link.index)) link.routes.sort();
    return {};
}

Result<void> StateReader::read_routes_of_links(const std::set<int>& links, Family family,
                                               int filter) {
    const std::set<int> meant = filter == 0 ? links : std::set<int>{filter};
    const auto clear = [&] { clear_routes(meant, family); };
    clear();
    return dump_of_link(
        filter, [&](MessageWriter& writer) { encode_dump_routes(writer, family, filter, 0); },
        "routes", [&](const nlmsghdr* message) { add_routes(meant, family, message); }, clear);
}

} // namespace vxlanctl
