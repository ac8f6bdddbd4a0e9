// Where the tunnels' own packets leave: what is said of it, and what really arrives.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

constexpr const char* not_through_dev = "peer-not-through-dev";

/// A host with two interfaces, both with a default route. Behind eth0 nobody answers. Behind eth1
/// is a router, which is the peer as well: 100.64.158.4 and fd00:64::4, with the inner address
/// 10.192.158.4. What comes with another source address than eth1's does not come back.
struct TwoUplinks {
    TwoUplinks() {
        sh(host, "rm -rf /run/vxlanctl\n"
                 "for i in 0 1; do\n"
                 "ip link add eth$i mtu 9001 type veth peer name wire$i mtu 9001\n"
                 "ip link set eth$i up; ip link set wire$i up\n"
                 "ip addr add 172.21.$i.100/24 dev eth$i\n"
                 "ip addr add fd00:21:$i::100/64 dev eth$i nodad\n"
                 "done");
        sh(host,
           fmt::format("ip link set wire1 netns /proc/{}/fd/{}", getpid(), router.descriptor()));
        sh(router, "ip link set wire1 up; ip addr add 172.21.1.1/24 dev wire1\n"
                   "ip addr add fd00:21:1::1/64 dev wire1 nodad\n"
                   "ip addr add 100.64.158.4/32 dev lo; ip addr add fd00:64::4/128 dev lo");
        add_peer("100.64.158.4", "172.21.1.100", 4789);
    }

    /// The metrics decide which of the two is used.
    void route_by_metric() const {
        sh(host, "for i in 0 1; do\n"
                 "ip route add default via 172.21.$i.1 dev eth$i metric $((i + 1))00\n"
                 "ip -6 route add default via fd00:21:$i::1 dev eth$i metric $((i + 1))00\n"
                 "done");
    }

    void add_peer(const std::string& local, const std::string& back, int port) const {
        sh(router, fmt::format("ip link add vxlan0 type vxlan id 10 dstport {} local {}\n"
                               "ip link set vxlan0 up; ip addr add 10.192.158.4/9 dev vxlan0\n"
                               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {}",
                               port, local, back));
    }

    bool arrives(const std::string& to = "10.192.158.4") const {
        return run(host, {"ping", "-n", "-c", "1", "-w", "60", to}).code == 0;
    }
    /// Not within a second, which nothing takes that gets through.
    bool is_lost(const std::string& to = "10.192.158.4") const {
        return run(host, {"ping", "-n", "-c", "1", "-W", "1", to}).code != 0;
    }

    Namespace host, router;
};

const std::string second = "up eth1 172.21.1.100 vxlan0 10.225.194.171/9 100.64.158.4";

/// The commands that the first run names, and that it names `through`.
std::string commands_of(const TwoUplinks& world, const std::string& words,
                        const std::string& through = "eth0") {
    const auto finished = vxlanctl(world.host, words + " --json");
    INFO(finished.out << finished.err);
    REQUIRE(finished.code == 0);
    const auto document = nlohmann::json::parse(finished.out);
    for (const auto& warning : document.at("tunnels").at(0).at("warnings"))
        if (warning.at("code") == not_through_dev) {
            CHECK(warning.at("values").at("interface") == through);
            return warning.at("values").at("commands");
        }
    FAIL("there is no such warning");
    return "";
}

/// Two networks of one switch, as world::Network has them, where the host reaches the peers by
/// routes alone that the test chooses.
std::string inner_of(const std::string& prefix, const std::string& dev = "eth0",
                     const std::string& peers = "100.64.158.4 100.64.158.132") {
    return "up " + dev + " 172.21.0.100 vxlan0 " + prefix + " " + peers;
}

std::string verdict_on_flood_list(const Namespace& space) {
    const auto document = nlohmann::json::parse(vxlanctl(space, "doctor --json").out);
    for (const auto& check : document.at("checks"))
        if (check.at("check") == "flood_list") return check.at("verdict");
    return "";
}

/// How many frames came out of a tunnel.
long received(const Namespace& space, const std::string& name) {
    const auto links = json_of(space, "ip -j -s link show dev " + name);
    return links.at(0).at("stats64").at("rx").at("packets");
}

bool pings(const Namespace& space, const std::string& to) {
    return run(space, {"ping", "-n", "-c", "1", "-w", "60", to}).code == 0;
}

} // namespace

TEST_CASE("outer way: the second of two uplinks is named, and the commands lead through it") {
    const TwoUplinks world;
    world.route_by_metric();
    const auto planned = vxlanctl(world.host, second + " -n");
    CHECK(planned.code == 0);
    CHECK(told(planned, not_through_dev, {"100.64.158.4", "'eth0'", "'eth1'"}));
    const std::string commands = commands_of(world, second);
    CHECK(world.is_lost());
    CHECK(vxlanctl_counted(world.host, second).writes == 0);
    sh(world.host, commands);
    CHECK(world.arrives());
    CHECK(vxlanctl(world.host, "down vxlan0").code == 0);
    const auto again = vxlanctl(world.host, second);
    CHECK(again.code == 0);
    CHECK(again.err == "");
    CHECK(world.arrives());
}

TEST_CASE("outer way: a table that is used is not named again, and an unknown gateway is a word") {
    const TwoUplinks world;
    sh(world.host, "ip route add default via 172.21.0.1 dev eth0\n"
                   "ip route add 192.0.2.0/24 via 172.21.0.1 table 100");
    const std::string commands = commands_of(world, second);
    CHECK(commands.find("table 101") != std::string::npos);
    CHECK(commands.find("via GATEWAY ") != std::string::npos);
    CHECK(world.is_lost());
    sh(world.host, "GATEWAY=172.21.1.1; " +
                       std::string(commands).replace(commands.find("GATEWAY"), 7, "$GATEWAY"));
    CHECK(world.arrives());
}

TEST_CASE("outer way: the second uplink over IPv6") {
    const TwoUplinks world;
    world.route_by_metric();
    sh(world.router, "ip link del vxlan0");
    world.add_peer("fd00:64::4", "fd00:21:1::100", 4789);
    const std::string words = "up eth1 fd00:21:1::100 vxlan0 10.225.194.171/9 fd00:64::4";
    const std::string commands = commands_of(world, words);
    CHECK(world.is_lost());
    sh(world.host, commands);
    CHECK(world.arrives());
    CHECK(vxlanctl_counted(world.host, words).writes == 0);
}

TEST_CASE("outer way: a VRF's table decides for an underlay interface that is in it") {
    const TwoUplinks world;
    if (run(world.host, {"ip", "link", "add", "vrf0", "type", "vrf", "table", "50"}).code != 0)
        SKIP_CASE("this kernel has no VRFs");
    sh(world.host, "ip link set vrf0 up\n"
                   "ip route add default via 172.21.0.1 dev eth0\n"
                   "ip link set eth1 master vrf0");
    SECTION("alone there") {
        sh(world.host, "ip route add default via 172.21.1.1 dev eth1 table 50");
        const auto finished = vxlanctl(world.host, second);
        CHECK(finished.code == 0);
        CHECK(finished.err == "");
        CHECK(world.arrives());
    }
    SECTION("with another one that is preferred") {
        sh(world.host, "ip link set eth0 master vrf0");
        sh(world.host, "ip route add default via 172.21.0.1 dev eth0 metric 100 table 50\n"
                       "ip route add default via 172.21.1.1 dev eth1 metric 200 table 50");
        const std::string commands = commands_of(world, second);
        CHECK(world.is_lost());
        sh(world.host, commands);
        CHECK(world.arrives());
    }
    SECTION("without a route") {
        sh(world.host, "ip route del default; ip route add unreachable default table 50");
        CHECK(told(vxlanctl(world.host, second), "no-route", {"100.64.158.4"}));
    }
}

TEST_CASE("outer way: rules by protocol and port count, as for the packets themselves") {
    const TwoUplinks world;
    sh(world.host, "ip route add default via 172.21.0.1 dev eth0\n"
                   "ip rule add ipproto udp dport 4789 lookup 77\n"
                   "ip route add default via 172.21.1.1 dev eth1 table 77");
    SECTION("of the tunnel's port") {
        const auto finished = vxlanctl(world.host, second);
        CHECK(finished.code == 0);
        CHECK(finished.err == "");
        CHECK(world.arrives());
    }
    SECTION("of another one") {
        CHECK(told(vxlanctl(world.host, second + " --port 4790"), not_through_dev,
                   {"100.64.158.4", "'eth0'"}));
    }
    SECTION("of a peer's own port") {
        sh(world.host, "ip rule add ipproto udp dport 4790 lookup main pref 10");
        const std::string text = "[vxlan.vxlan0]\ndev = \"eth1\"\nlocal = \"172.21.1.100\"\n"
                                 "peers = [{ dst = \"100.64.158.4\", port = 4790 }]\n";
        CHECK(told(apply_text(world.host, text), not_through_dev, {"100.64.158.4", "'eth0'"}));
    }
    SECTION("of another user") {
        sh(world.host, "ip rule add uidrange 1-4000000000 lookup main pref 10");
        RunOptions nobody;
        nobody.as_nobody = true;
        CHECK(vxlanctl(world.host, second + " -n", nobody).err == "");
    }
}

TEST_CASE("outer way: a way that the tunnel brings along, a peer's own and another host's count") {
    const TwoUplinks world;
    world.route_by_metric();
    SECTION("the tunnel's rule and route") {
        const auto finished =
            vxlanctl(world.host, second + " --rule 'from 172.21.1.100,table 101' --route "
                                          "'default,via 172.21.1.1,dev eth1,table 101'");
        CHECK(finished.err == "");
        CHECK(world.arrives());
    }
    SECTION("the tunnel's route alone") {
        const auto finished =
            vxlanctl(world.host, second + " --route '100.64.0.0/16,via 172.21.1.1,dev eth1'");
        CHECK(finished.err == "");
        CHECK(world.arrives());
    }
    SECTION("via, of frames that are flooded alone") {
        const std::string text = "[vxlan.vxlan0]\ndev = \"eth1\"\nlocal = \"172.21.1.100\"\n"
                                 "addresses = [\"10.225.194.171/9\"]\n"
                                 "peers = [{ dst = \"100.64.158.4\", via = \"eth1\" }]\n";
        CHECK(told(apply_text(world.host, text), not_through_dev, {"100.64.158.4", "'eth0'"}));
        CHECK(world.is_lost());
        CHECK(vxlanctl(world.host, "down vxlan0").code == 0);
        CHECK(apply_text(world.host, text + "learning = false\n").err == "");
        CHECK(world.arrives());
    }
    SECTION("via over IPv6, of none") {
        const std::string text = "[vxlan.vxlan0]\ndev = \"eth1\"\nlocal = \"fd00:21:1::100\"\n"
                                 "addresses = [\"10.225.194.171/9\"]\nlearning = false\n"
                                 "peers = [{ dst = \"fd00:64::4\", via = \"eth1\" }]\n";
        sh(world.router, "ip link del vxlan0");
        world.add_peer("fd00:64::4", "fd00:21:1::100", 4789);
        CHECK(told(apply_text(world.host, text), not_through_dev, {"fd00:64::4", "'eth0'"}));
        CHECK(world.is_lost());
        sh(world.host, "ip -6 route add default via fd00:21:1::1 dev eth1 table 100\n"
                       "ip -6 rule add from fd00:21:1::100 lookup 100");
        CHECK(world.arrives());
        CHECK(vxlanctl(world.host, "down vxlan0").code == 0);
        CHECK(apply_text(world.host, text).err == "");
    }
    SECTION("without an underlay interface, none is missed") {
        CHECK(vxlanctl(world.host, "up - 172.21.1.100 vxlan0 - 100.64.158.4").err == "");
    }
}

TEST_CASE("outer way: the MTU of the interface that packets leave through is looked at") {
    const TwoUplinks world;
    world.route_by_metric();
    sh(world.host, "ip link set eth0 mtu 1500");
    CHECK(told(vxlanctl(world.host, second), "mtu-too-large-there", {"8951", "1450", "'eth0'"}));
    CHECK_FALSE(told(vxlanctl(world.host, second + " --mtu 1450 --vni 11 -n --allow-recreate"),
                     "mtu-too-large-there"));
}

TEST_CASE("outer way: a route to nowhere is none") {
    const auto kind = GENERATE("blackhole", "unreachable", "prohibit");
    const TwoUplinks world;
    world.route_by_metric();
    sh(world.host,
       fmt::format("ip route add {0} 100.64.158.4; ip -6 route add {0} fd00:64::4", kind));
    INFO(kind);
    for (const char* dev : {"eth1", "-"}) {
        CHECK(told(
            vxlanctl(world.host, fmt::format("up {} 172.21.1.100 vxlan0 - 100.64.158.4 -n", dev)),
            "no-route", {"100.64.158.4"}));
        CHECK(told(
            vxlanctl(world.host, fmt::format("up {} fd00:21:1::100 vxlan0 - fd00:64::4 -n", dev)),
            "no-route", {"fd00:64::4"}));
    }
}

TEST_CASE("outer way: inner addresses as peers are refused, and the good ones stay") {
    const Network net;
    const Namespace& host = net.host.space;
    const std::string good = inner_of("10.225.194.171/9");
    REQUIRE(vxlanctl(host, good).code == 0);
    const auto before = snapshot(host);
    for (const char* dev : {"eth0", "-"}) {
        const std::string wrong = inner_of("10.225.194.171/9", dev, "10.192.158.4 10.192.158.132");
        for (const char* option : {"", " --allow-recreate --drop-foreign"}) {
            const auto counted = vxlanctl_counted(host, wrong + option);
            INFO(wrong << option << counted.finished.err);
            if (std::string(dev) == "-" && *option == '\0') {
                CHECK(counted.finished.code != 0); // a new interface has to be allowed as well
            } else {
                CHECK(counted.finished.code == 4);
                CHECK(told(counted.finished, "peer-leads-into-tunnel",
                           {"10.192.158.4", "10.192.158.132", "10.128.0.0/9"}));
            }
            CHECK(counted.writes == 0);
        }
    }
    CHECK(difference(before, snapshot(host)) == "");
    CHECK(pings(host, "10.192.158.4"));
    CHECK(vxlanctl_counted(host, good).writes == 0);
}

TEST_CASE("outer way: whatever leads a peer into its own tunnel is refused before it is made") {
    const Network net;
    const Namespace& host = net.host.space;
    const auto refused = [&](const std::string& words) {
        for (const char* dev : {"eth0", "-"}) {
            const auto before = snapshot(host);
            const auto finished = vxlanctl(host, fmt::format("up {} ", dev) + words);
            INFO(words << finished.err);
            CHECK(finished.code == 4);
            CHECK(told(finished, "peer-leads-into-tunnel"));
            CHECK(difference(before, snapshot(host)) == "");
            CHECK(vxlanctl(host, fmt::format("up {} ", dev) + words + " -n --allow-overlap").code ==
                  0);
        }
    };
    SECTION("a new tunnel") {
        refused("172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 10.192.158.4");
    }
    SECTION("a route of it") {
        refused("172.21.0.100 vxlan0 - 100.64.158.4 --route 100.64.158.0/24");
    }
    SECTION("without any route outside") {
        sh(host, "ip route del default; ip route del 100.64.0.0/16");
        refused("172.21.0.100 vxlan0 100.64.0.1/10 100.64.158.4");
    }
    SECTION("over IPv6") {
        refused("2001:db8:21::100 vxlan0 fd00::1/32 fd00::4");
    }
    SECTION("after some that are reached outside") {
        sh(host, "ip route add 10.192.158.0/24 dev eth0");
        refused("172.21.0.100 vxlan0 10.225.194.171/9 10.192.158.4 10.192.158.5 10.192.158.6 "
                "10.192.158.7 10.192.158.8 10.193.0.1");
    }
    SECTION("a peer's way for what is not flooded") {
        const auto finished = apply_text(
            host, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\naddresses = "
                  "[\"10.0.0.1/8\"]\npeers = [{ dst = \"10.9.9.9\", via = \"eth0\" }]\n");
        CHECK(finished.code == 4);
        CHECK(told(finished, "peer-leads-into-tunnel", {"10.9.9.9"}));
    }
    SECTION("an address that a running tunnel gets") {
        REQUIRE(vxlanctl(host, "up eth0 172.21.0.100 vxlan0 - 100.64.158.4").code == 0);
        const auto finished =
            vxlanctl(host, "up eth0 172.21.0.100 vxlan0 100.64.158.99/24 100.64.158.4");
        CHECK(finished.code == 4);
        CHECK(told(finished, "peer-leads-into-tunnel", {"100.64.158.4", "100.64.158.0/24"}));
        CHECK(addresses(host, "vxlan0").empty());
    }
}

TEST_CASE("outer way: a peer inside the prefix that is reached outside is a note, and works") {
    const Network net;
    const Namespace& host = net.host.space;
    sh(*net.peers[0], "ip addr add 100.80.0.4/12 dev vxlan0");
    std::string inner = "100.80.0.1/9"; // 100.0.0.0/9, with all peers in it
    SECTION("by a more specific route") {}
    SECTION("by a policy rule") {
        sh(host, "ip route del 100.64.0.0/16; ip rule add to 100.64.0.0/16 lookup 77\n"
                 "ip route add 100.64.0.0/16 dev eth0 table 77");
    }
    for (const char* dev : {"eth0", "-"}) {
        const auto finished = vxlanctl(host, inner_of(inner, dev));
        INFO(finished.err);
        CHECK(finished.code == 0);
        CHECK(told(finished, "peer-inside-prefix", {"100.64.158.4", "100.64.0.0/16"}));
        CHECK(pings(host, "100.80.0.4"));
        CHECK(vxlanctl_counted(host, inner_of(inner, dev)).writes == 0);
        CHECK(vxlanctl(host, "down vxlan0").code == 0);
    }
}

TEST_CASE("outer way: one that leads in now and ends with the change is no obstacle") {
    const Network net;
    const Namespace& host = net.host.space;
    sh(host, "ip route del 100.64.0.0/16; ip route add 100.64.0.0/12 dev eth0");
    REQUIRE(vxlanctl(host, inner_of("100.80.0.1/9", "eth0", "100.64.158.4")).code == 0);
    REQUIRE(vxlanctl(host, inner_of("100.64.99.1/16", "eth0", "100.64.158.4") + " --allow-overlap")
                .code == 0);
    const auto finished = vxlanctl(host, inner_of("10.225.194.171/9"));
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK(pings(host, "10.192.158.132"));
}

TEST_CASE("outer way: a peer that is reached twice is refused, by the file as by doctor") {
    const Network net;
    const Namespace& host = net.host.space;
    const auto file = [](const std::string& peers) {
        return "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
               "addresses = [\"10.225.194.171/9\"]\npeers = [" +
               peers + "]\n";
    };
    const auto verdict = [&] { return verdict_on_flood_list(host); };
    const std::string plain = "\"100.64.158.4\"";
    for (const std::string other : {"{ dst = \"100.64.158.4\", via = \"eth0\" }",
                                    "{ dst = \"100.64.158.4\", port = 4789, via = \"eth0\" }"}) {
        const auto refused = apply_text(host, file(plain + ", " + other));
        INFO(other << refused.err);
        CHECK(refused.code == 2);
        CHECK(told(refused, "peer-reached-twice", {"100.64.158.4", "'eth0'"}));
        CHECK_FALSE(link_exists(host, "vxlan0"));
    }
    REQUIRE(apply_text(host, file(plain)).code == 0);
    CHECK(verdict() == "pass");
    sh(host, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0");
    CHECK(vxlanctl(host, "doctor").code == 3); // which says how it differs from the file
    CHECK(check_text(host, file(plain)).code == 3);
    REQUIRE(apply_text(host, file(plain)).code == 0);
    sh(host, "ip link set vxlan0 type vxlan remote 100.64.158.4");
    CHECK(vxlanctl(host, "doctor").code == 3);
    REQUIRE(apply_text(host, file(plain)).code == 0);
    CHECK(verdict() == "pass");
}

TEST_CASE("outer way: one address with two VNIs is two networks, of which each gets a frame once") {
    const Network net;
    const Namespace& host = net.host.space;
    const Namespace& peer = *net.peers[0];
    sh(peer, "ip link add vxlan20 type vxlan id 20 dstport 4789 local 100.64.158.4 dev eth0\n"
             "sysctl -qw net.ipv6.conf.vxlan20.disable_ipv6=1; ip link set vxlan20 up");
    sh(host, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    const std::string text = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                             "addresses = [\"10.225.194.171/9\"]\n"
                             "peers = [\"100.64.158.4\", { dst = \"100.64.158.4\", vni = 20 }]\n";
    const auto finished = apply_text(host, text);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    CHECK(finished.err == "");
    const long before = received(peer, "vxlan0"), before20 = received(peer, "vxlan20");
    run(host, {"ping", "-n", "-b", "-c", "1", "-W", "1", "10.255.255.255"});
    CHECK(received(peer, "vxlan0") == before + 1);
    CHECK(received(peer, "vxlan20") == before20 + 1);
    CHECK(verdict_on_flood_list(host) == "pass");
    CHECK(check_text(host, text).code == 0);
}

TEST_CASE("outer way: a link-local peer is reached through the underlay interface") {
    const Namespace host, peer;
    sh(host, fmt::format("rm -rf /run/vxlanctl\n"
                         "ip link add eth0 type veth peer name wire0\n"
                         "ip link set wire0 netns /proc/{}/fd/{}\n"
                         "ip link set eth0 up; ip addr add fe80::100/64 dev eth0 nodad",
                         getpid(), peer.descriptor()));
    sh(peer, "ip link set wire0 up; ip addr add fe80::4/64 dev wire0 nodad\n"
             "ip link add vxlan0 type vxlan id 10 dstport 4789 local fe80::4 dev wire0\n"
             "ip link set vxlan0 up; ip addr add 10.192.158.4/9 dev vxlan0\n"
             "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst fe80::100 via wire0");
    const std::string words = "up eth0 fe80::100 vxlan0 10.225.194.171/9 fe80::4";
    const auto finished = vxlanctl(host, words);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    CHECK(finished.err == "");
    CHECK(flood_list(host, "vxlan0") == Strings{"fe80::4@eth0"});
    CHECK(pings(host, "10.192.158.4"));
    CHECK(vxlanctl_counted(host, words).writes == 0);
}

TEST_CASE("outer way: each of two warnings names a table of its own") {
    const TwoUplinks world;
    world.route_by_metric();
    const std::string tunnel = "dev = \"eth1\"\nlocal = \"172.21.1.100\"\n"
                               "peers = [\"100.64.158.4\"]\n";
    const auto applied = apply_text(world.host, "[vxlan.vx1]\nvni = 1\n" + tunnel +
                                                    "[vxlan.vx2]\nvni = 2\n" + tunnel);
    INFO(applied.err);
    CHECK(told(applied, not_through_dev, {"vx1", "table 100"}));
    CHECK(told(applied, not_through_dev, {"vx2", "table 101"}));
}

TEST_CASE(
    "outer way: a peer inside the tunnel's own prefix that leaves by another tunnel is told") {
    const TwoUplinks world;
    sh(world.host, "ip route add default via 172.21.0.1");
    REQUIRE(vxlanctl(world.host, "up eth0 172.21.0.100 vx1 10.5.0.1/24 100.64.158.4").code == 0);
    const auto made =
        vxlanctl(world.host, "up eth1 172.21.1.100 vx2 10.5.0.9/24 10.5.0.2 --vni 17");
    INFO(made.err);
    CHECK((told(made, not_through_dev, {"10.5.0.2", "'vx1'", "'eth1'"}) || made.code == 4));
}
