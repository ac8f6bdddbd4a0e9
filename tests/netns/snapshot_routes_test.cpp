// Where packets would leave, by the tables of a snapshot and by the kernel that it was made of.
#include "chance.h"
#include "vxlanctl/plan/snapshot_routes.h"
#include "vxlanctl/run/snapshot.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <linux/rtnetlink.h>

namespace {

const char* const interfaces = R"(
ip link add eth0 type veth peer name wire0
ip link add eth1 type veth peer name wire1
ip link add red type vrf table 600 2>/dev/null || true # not on every kernel
ip link add eth2 type veth peer name wire2
if ip link show red >/dev/null 2>&1; then ip link set eth2 master red; ip link set red up; fi
for dev in eth0 eth1 eth2 wire0 wire1 wire2; do ip link set $dev up; done
ip addr add 10.0.0.2/24 dev eth0
ip addr add 10.0.0.3/24 dev eth0
ip addr add 10.0.1.2/24 dev eth1
ip addr add 10.0.2.2/24 dev eth2
ip addr add 2001:db8:0::2/64 dev eth0 nodad
ip addr add 2001:db8:1::2/64 dev eth1 nodad
ip addr add 2001:db8:2::2/64 dev eth2 nodad
)";

std::string destination(Chance& chance, bool is_ipv6) {
    const auto number = chance.below(4);
    switch (chance.below(4)) {
    case 0: return "default";
    case 1:
        return is_ipv6 ? fmt::format("2001:db8:{}::/64", 100 + number)
                       : fmt::format("10.{}.0.0/16", 100 + number);
    case 2:
        return is_ipv6 ? fmt::format("2001:db8:{}:8000::/49", 100 + number)
                       : fmt::format("10.{}.128.0/17", 100 + number);
    default: return is_ipv6 ? "2001:db8:100::/40" : "10.96.0.0/11";
    }
}

std::string route_line(Chance& chance, bool is_ipv6) {
    const auto dev = chance.below(3);
    std::string line = fmt::format("ip {} route append ", is_ipv6 ? "-6" : "-4");
    static const char* const kinds[] = {"", "", "", "", "blackhole ", "unreachable ", "throw "};
    const std::string kind = kinds[chance.below(7)];
    line += kind + destination(chance, is_ipv6);
    if (kind.empty()) {
        if (chance.below(3) != 0)
            line += is_ipv6 ? fmt::format(" via 2001:db8:{}::1", dev)
                            : fmt::format(" via 10.0.{}.1", dev);
        line += fmt::format(" dev eth{}", dev);
        if (!is_ipv6 && chance.below(4) == 0) line += fmt::format(" src 10.0.{}.2", dev);
    }
    static const char* const tables[] = {"", "", " table 100", " table 101", " table 600"};
    line += tables[chance.below(5)];
    return line + fmt::format(" metric {}", 10 + chance.below(3));
}

std::string rule_line(Chance& chance, bool is_ipv6) {
    std::string line =
        fmt::format("ip {} rule add pref {}", is_ipv6 ? "-6" : "-4", 100 + 10 * chance.below(20));
    if (chance.below(6) == 0) line += " not";
    const std::string host = is_ipv6 ? "2001:db8:{}::2/128" : "10.0.{}.2/32";
    if (chance.below(2) == 0) line += " from " + fmt::format(fmt::runtime(host), chance.below(3));
    if (chance.below(3) == 0) {
        const auto to = destination(chance, is_ipv6);
        if (to != "default") line += " to " + to;
    }
    static const char* const more[] = {"",
                                       "",
                                       "",
                                       "",
                                       " fwmark 7",
                                       " iif eth0",
                                       " iif lo",
                                       " oif eth1",
                                       " ipproto udp dport 4789",
                                       " uidrange 0-0",
                                       " uidrange 1000-2000"};
    line += more[chance.below(11)];
    static const char* const actions[] = {
        " lookup 100", " lookup 101", " lookup 101", " lookup main suppress_prefixlength 0",
        " blackhole",  " prohibit",   " goto 32766", " lookup 100"};
    return line + actions[chance.below(8)];
}

std::vector<vxlanctl::RouteQuery> queries(Chance& chance, const vxlanctl::State& state) {
    std::vector<vxlanctl::RouteQuery> all;
    std::vector<int> indexes{0, 0, 0};
    for (const auto* name : {"eth0", "eth1", "red"})
        if (const auto* link = find_link(state, name)) indexes.push_back(link->index);
    for (int i = 0; i < 60; ++i) {
        const bool is_ipv6 = chance.below(2) == 0;
        const auto address = [&](const std::string& text) {
            return vxlanctl::parse_address(text).value();
        };
        const auto third = chance.below(6);
        vxlanctl::RouteQuery query;
        query.to =
            address(is_ipv6     ? third < 3 ? fmt::format("2001:db8:{}::77", third)
                                            : fmt::format("2001:db8:{}:{}::77", 97 + third,
                                                          chance.below(2) * 8000)
                        : third < 3 ? fmt::format("10.0.{}.77", third)
                                : fmt::format("10.{}.{}.77", 97 + third, chance.below(2) * 128));
        if (chance.below(2) == 0)
            query.from = address(is_ipv6 ? fmt::format("2001:db8:{}::2", chance.below(3))
                                         : fmt::format("10.0.{}.2", chance.below(3)));
        query.link_index = chance.pick(indexes);
        query.port = chance.below(2) == 0 ? 4789 : 0;
        all.push_back(query);
    }
    return all;
}

std::string text_of(const vxlanctl::RouteQuery& query) {
    return fmt::format("to {} from {} through {} port {}", to_string(query.to),
                       query.from ? to_string(*query.from) : "any", query.link_index, query.port);
}

std::string text_of(const vxlanctl::RouteLookup& answer) {
    if (answer.code != 0) return "nowhere";
    return fmt::format("{} table {} type {} through {} via {}", to_string(answer.to), answer.table,
                       answer.type, answer.link_index,
                       answer.via ? to_string(*answer.via) : "none");
}

} // namespace

TEST_CASE("snapshot routes: each way is the kernel's") {
    const unsigned rounds = seeds(60);
    for (unsigned seed = 1; seed <= rounds; ++seed) {
        const world::Namespace space;
        Chance chance(seed);
        std::string lines = interfaces;
        for (int i = 0; i < 12; ++i)
            lines += route_line(chance, chance.below(2) == 0) + " 2>/dev/null || true\n";
        for (int i = 0; i < 6; ++i)
            lines += rule_line(chance, chance.below(2) == 0) + " 2>/dev/null || true\n";
        world::sh(space, lines);
        const world::Inside inside(space);
        const auto kernel = vxlanctl::Kernel::here();
        REQUIRE(kernel);
        const auto taken = vxlanctl::take_snapshot(*kernel);
        REQUIRE(taken);
        auto socket = kernel->netlink();
        REQUIRE(socket);
        vxlanctl::Netlink netlink(*socket);
        const auto asked = queries(chance, taken->state);
        const auto known = vxlanctl::look_up(netlink, asked);
        REQUIRE(known);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            auto ours = vxlanctl::look_up(*taken, asked[i]);
            if (!ours.other_links.empty() && (*known)[i].code == 0) { // whichever the hash says
                const auto& links = ours.other_links;
                if (std::find(links.begin(), links.end(), (*known)[i].link_index) != links.end())
                    ours.link_index = (*known)[i].link_index, ours.via = (*known)[i].via;
            }
            INFO("seed " << seed << ": " << text_of(asked[i]) << "\n" << lines);
            CHECK(text_of(ours) == text_of((*known)[i]));
        }
    }
}
