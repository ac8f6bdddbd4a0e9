// What runs through the tunnel, and what somebody else put on it, survives a change.
#include "events.h"
#include "stream.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

std::string with_peers(const std::string& peers, const std::string& inner = "10.225.194.171/9") {
    return "up eth0 172.21.0.100 vxlan0 " + inner + " " + peers;
}

/// Lets the host learn the peer's MAC, by a frame that needs no answer.
void announce(const Network& network, std::size_t peer) {
    const Namespace& space = *network.peers.at(peer);
    const Inside inside(space);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "vxlan0", 7);
    const auto everyone = stream_endpoint("10.255.255.255");
    sendto(fd, "hello", 5, 0, reinterpret_cast<const sockaddr*>(&everyone), sizeof everyone);
    close(fd);
}

} // namespace

TEST_CASE("hitless: no frame to a peer that stays is lost, and the flood list is never empty",
          "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, with_peers("100.64.158.4 100.64.158.132")).code == 0);
    announce(network, 1);
    const int index = link(host, "vxlan0").at("ifindex");
    const auto learned = macs(host, "vxlan0");
    REQUIRE(learned == Strings{"02:00:00:00:00:84 100.64.158.132"});

    Events events(host, RTNLGRP_NEIGH);
    std::set<std::string> flood{"100.64.158.4", "100.64.158.132"};
    Stream stream(host, *network.peers[1]);
    int rounds = 0;
    for (; rounds < 10 || (stream.sent() < 1000 && rounds < 1000); ++rounds) {
        for (const char* peers : {"100.64.158.132 100.64.158.133", "100.64.158.4 100.64.158.132"}) {
            const auto changed = vxlanctl(host, with_peers(peers));
            INFO(changed.err);
            REQUIRE(changed.code == 0);
        }
    }
    stream.stop();
    CHECK(events.smallest(index, flood) >= 2);
    CHECK(events.seen(RTM_DELNEIGH) == 2 * rounds);
    CHECK(flood == std::set<std::string>{"100.64.158.4", "100.64.158.132"});
    REQUIRE(stream.sent() >= 1000);
    CHECK(stream.not_sent() == 0);
    CHECK(stream.received_once() == stream.sent());
    CHECK(link(host, "vxlan0").at("ifindex") == index);
    CHECK(macs(host, "vxlan0") == learned);
}

TEST_CASE("hitless: attributes and MTU change under traffic without a loss", "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, up_words).code == 0);
    Stream stream(host, *network.peers[1]);
    for (int round = 0; stream.sent() < 500 && round < 1000; ++round)
        for (const char* options :
             {" --mtu 1400 --ttl 5", " --ageing 20 --df set", "", " --mtu 1500"})
            REQUIRE(vxlanctl(host, up_words + options).code == 0);
    stream.stop();
    REQUIRE(stream.sent() >= 500);
    CHECK(stream.not_sent() == 0);
    CHECK(stream.received_once() == stream.sent());
}

TEST_CASE("hitless: MACs learned behind a removed peer go with it, the others stay", "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, up_words).code == 0);
    announce(network, 0);
    announce(network, 1);
    sh(host, "bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst 100.64.158.4 static\n"
             "bridge fdb add 02:00:00:00:00:98 dev vxlan0 dst 100.64.158.4 dynamic");
    REQUIRE(macs(host, "vxlan0").size() == 4);
    const auto changed = vxlanctl(host, with_peers("100.64.158.132 100.64.158.133"));
    REQUIRE(changed.code == 0);
    CHECK(macs(host, "vxlan0") ==
          Strings{"02:00:00:00:00:84 100.64.158.132",
                  "02:00:00:00:00:99 100.64.158.4"}); // a pin is somebody's, and stays
}

TEST_CASE("hitless: another inner address leaves a VRRP address and a foreign route alone") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0\n"
                   "ip route add 192.0.2.0/24 via 10.192.158.4 dev vxlan0 proto static\n"
                   "ip route add 198.51.100.0/24 dev vxlan0");
    const int index = link(host.space, "vxlan0").at("ifindex");
    Events events(host.space, RTNLGRP_IPV4_IFADDR);
    std::set<std::string> present{"10.225.194.171", "10.225.194.200"};
    const std::string words = with_peers("100.64.158.4 100.64.158.132", "10.225.194.172/9");
    const auto changed = vxlanctl(host.space, words);
    INFO(changed.err);
    REQUIRE(changed.code == 0);

    CHECK(events.smallest(index, present) >= 2);
    CHECK(events.seen(RTM_DELADDR) >= 1);
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.200/9", "10.225.194.172/9"});
    const auto routes = sh(host.space, "ip route show dev vxlan0");
    CHECK(routes.find("192.0.2.0/24 via 10.192.158.4") != std::string::npos);
    CHECK(routes.find("198.51.100.0/24") != std::string::npos);
    // Ours is behind the foreign one now, and must not go with it.
    CHECK(sh(host.space, "sysctl -n net.ipv4.conf.vxlan0.promote_secondaries") == "1\n");
    CHECK(vxlanctl_counted(host.space, words).writes == 0);

    SECTION("the foreign one leaves without it") {
        sh(host.space, "ip addr del 10.225.194.200/9 dev vxlan0");
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.172/9"});
    }
    SECTION("--exclusive removes what is not stated") {
        REQUIRE(vxlanctl(host.space, words + " --exclusive").code == 0);
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.172/9"});
    }
}

TEST_CASE("hitless: giving up the last address keeps routes that need none") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip route add 198.51.100.0/24 dev vxlan0");
    const std::string words = with_peers("100.64.158.4 100.64.158.132", "-");
    REQUIRE(vxlanctl(host.space, words).code == 0);
    CHECK(addresses(host.space, "vxlan0").empty());
    CHECK(sh(host.space, "ip route show dev vxlan0").find("198.51.100.0/24") != std::string::npos);
}

TEST_CASE("adopt: a device made by hand is taken over without a flap") {
    const Host host;
    const auto make = [&](const std::string& options) {
        sh(host.space, "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dev eth0 " +
                           options +
                           "\nip addr add 10.225.194.171/9 brd + dev vxlan0\n"
                           "ip link set vxlan0 up\n"
                           "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
                           "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
    };
    SECTION("the script's with the right port, and any source ports") {
        make("dstport 4789 srcport 4789 4789");
        const auto before = link(host.space, "vxlan0");
        const auto adopted = vxlanctl_counted(host.space, up_words);
        CHECK(adopted.finished.code == 0);
        CHECK(adopted.writes == 1); // the mark
        CHECK(adopted.finished.out.find("vxlan0: adopted") == 0);
        auto after = link(host.space, "vxlan0");
        after.erase("ifalias");
        CHECK(difference(before, after) == "");
        CHECK(vxlanctl_counted(host.space, up_words).writes == 0);
    }
    SECTION("with a foreign alias, which stays in front of the mark") {
        make("dstport 4789 srcport 10000 20000");
        sh(host.space, "ip link set vxlan0 alias 'to the gate'");
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        const std::string alias = link(host.space, "vxlan0").at("ifalias");
        CHECK(alias.starts_with("to the gate | vxlanctl/1 cli "));
        CHECK(vxlanctl_counted(host.space, up_words).writes == 0);
    }
    SECTION("with a stale peer and another address, which is not ours") {
        make("dstport 4789");
        sh(host.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9\n"
                       "ip addr add 10.225.194.200/9 dev vxlan0");
        const auto index = link(host.space, "vxlan0").at("ifindex");
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        CHECK(link(host.space, "vxlan0").at("ifindex") == index);
        CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9", "10.225.194.200/9"});
    }
    SECTION("with a default remote, which would double frames") {
        make("dstport 4789 remote 100.64.158.4");
        REQUIRE(flood_list(host.space, "vxlan0").size() == 3);
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
        CHECK_FALSE(link(host.space, "vxlan0").at("linkinfo").at("info_data").contains("remote"));
    }
    SECTION("with a default remote whose entry equals the peer's own") {
        sh(host.space, "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dstport 4789 "
                       "remote 100.64.158.4");
        const std::string words = "up - 172.21.0.100 vxlan0 - 100.64.158.4";
        REQUIRE(vxlanctl(host.space, words).code == 0);
        CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.4"});
        CHECK(vxlanctl_counted(host.space, words).writes == 0);
    }
    SECTION("with doubled peers and a list that ages") {
        make("dstport 4789");
        sh(host.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0 "
                       "dynamic");
        REQUIRE(flood_list(host.space, "vxlan0").size() == 3);
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
        const auto fdb = json_of(host.space, "bridge -j fdb show dev vxlan0");
        for (const auto& entry : fdb)
            CHECK(entry.at("state") == "permanent");
    }
    SECTION("the script's verbatim, whose port 8472 never passed traffic, is refused") {
        make("port 4789 4789");
        const auto refused = vxlanctl_counted(host.space, up_words);
        CHECK(refused.finished.code == 4);
        CHECK(refused.writes == 0);
        CHECK(told(refused.finished, "needs-replacement", {"port: 8472 -> 4789"}));
        CHECK(told(refused.finished, "needs-replacement"));
    }
}

TEST_CASE("careful: entries of a control plane stay") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dev eth0 dstport 4789\n"
                   "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.7 extern_learn\n"
                   "bridge fdb add 02:00:00:00:00:77 dev vxlan0 dst 100.64.158.7 extern_learn");
    const auto changed =
        vxlanctl(host.space, with_peers("100.64.158.4 100.64.158.133") + " --adopt");
    REQUIRE(changed.code == 0);
    const auto list = flood_list(host.space, "vxlan0");
    CHECK(std::count(list.begin(), list.end(), "100.64.158.7") == 1);
    CHECK(std::count(list.begin(), list.end(), "100.64.158.133") == 1);
    CHECK(macs(host.space, "vxlan0") == Strings{"02:00:00:00:00:77 100.64.158.7"});
    CHECK(sh(host.space, "bridge fdb show dev vxlan0").find("dst 100.64.158.7 self extern_learn") !=
          std::string::npos);
    CHECK(vxlanctl_counted(host.space, with_peers("100.64.158.4 100.64.158.133")).writes == 0);
}

TEST_CASE(
    "hitless: where the kernel would reset reserved bits, nothing of a VXLAN changes in place") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0 "
                   "ttl auto gbp; ip link set vxlan0 up");
    const auto reserved = [&] {
        const auto shown = vxlanctl(host.space, "show --json vxlan0");
        const auto vxlan = nlohmann::json::parse(shown.out).at("tunnels").at(0).at("vxlan");
        CHECK(vxlan.at("gbp") == true);
        return vxlan.value("reserved_bits", "");
    };
    const std::string before = reserved();
    const bool has_bits = !before.empty();           // since Linux 6.14
    CHECK(vxlanctl(host.space, up_words).code == 0); // changes no attribute
    CHECK(reserved() == before);
    const auto changed = vxlanctl(host.space, up_words + " --ttl 9");
    CHECK(changed.code == (has_bits ? 4 : 0));
    CHECK((told(changed, "needs-replacement", {"ttl: auto -> 9"})) == has_bits);
    const auto replaced = vxlanctl(host.space, up_words + " --ttl 9 --allow-recreate");
    INFO(replaced.err);
    CHECK(replaced.code == 0);
    CHECK(reserved() == before);
    CHECK(vxlanctl_counted(host.space, up_words + " --ttl 9").writes == 0);
}

TEST_CASE("careful: FDB entries that a new link cannot have are named, and keep it from nothing") {
    const Host host;
    sh(host.space, "ip link add eth1 type veth peer name wire1");
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "bridge fdb add 02:00:00:00:00:09 dev vxlan0 dst 100.64.158.9 static\n"
                   "bridge fdb add 02:00:00:00:00:08 dev vxlan0 dst 100.64.158.9 via eth1 static\n"
                   "ip link del eth1");
    const auto replaced = [&](const std::string& words) {
        const auto finished = vxlanctl(host.space, words + " --vni 11 --limit 9 --allow-recreate");
        CHECK(finished.code == 0);
        return finished;
    };
    CHECK(told(replaced(up_words), "fdb-entry-not-restorable",
               {"02:00:00:00:00:08", "100.64.158.9"}));
    CHECK(macs(host.space, "vxlan0") == Strings{"02:00:00:00:00:09 100.64.158.9"});
    CHECK(told(replaced("up eth0 2001:db8:21::100 vxlan0 10.225.194.171/9 2001:db8:64::4"),
               "fdb-entry-not-restorable", {"02:00:00:00:00:09", "100.64.158.9"}));
    CHECK(macs(host.space, "vxlan0").empty());
    // The flood list of a control plane.
    sh(host.space,
       "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 2001:db8:64::4\n"
       "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 2001:db8:64::9 extern_learn");
    CHECK(told(replaced(up_words), "peer-not-restorable", {"2001:db8:64::9"}));
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
}

TEST_CASE("careful: a peer by a link that has gone keeps nothing from being done") {
    const Host host;
    const auto file = [](const std::string& keys) {
        return "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n" + keys;
    };
    const auto by_eth1 = file("peers = [{ dst = \"100.64.158.4\", via = \"eth1\" }]\n");
    const auto without = file("peers = [\"100.64.158.132\"]\n");
    const auto make = [&] {
        sh(host.space, "ip link add eth1 type veth peer name wire1");
        CHECK(apply_text(host.space, by_eth1).code == 0);
    };
    make();
    sh(host.space, "ip link del eth1");
    const auto changed = apply_text(host.space, without);
    CHECK(changed.code == 0);
    CHECK(told(changed, "peer-through-missing-interface", {"100.64.158.4"}));
    CHECK(flood_list(host.space, "vxlan0").size() == 2);
    CHECK(vxlanctl_counted(host.space, "apply --source test -", {}, without).writes == 0);
    make();
    CHECK(flood_list(host.space, "vxlan0").size() == 2); // the old one, and the new one
    sh(host.space, "ip link del eth1");
    // A replacement is rid of it, and an undo does not fail by it.
    const auto replaced = without + "vni = 11\n";
    for (long write = 1;; ++write) {
        const auto finished =
            vxlanctl_counted(host.space, "apply --source test - --allow-recreate",
                             {{"VXLANCTL_BREAK_WRITE", std::to_string(write)}}, replaced)
                .finished;
        INFO(write << "\n" << finished.err);
        if (finished.code == 0 && write > 1) break;
        REQUIRE(finished.code == 1);
    }
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132"});
}

TEST_CASE("hitless: what the kernel drops neighbours with, they are put back after") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(vxlanctl(space, up_words).code == 0);
    sh(space, "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0 nud permanent\n"
              "ip neigh add 2001:db8:9::2 lladdr 02:00:00:00:00:05 dev vxlan0 nud permanent");
    const auto permanent = [&] { return sh(space, "ip neigh show dev vxlan0 nud permanent"); };
    const auto before = permanent();
    CHECK(vxlanctl(space, up_words + " --mac 02:00:00:00:00:aa").code == 0);
    CHECK(permanent() == before);
    const auto finished = // with the last IPv4 address
        vxlanctl(space, "up eth0 172.21.0.100 vxlan0 - 100.64.158.4 100.64.158.132");
    INFO(finished.out << finished.err);
    REQUIRE(finished.code == 0);
    CHECK(addresses(space, "vxlan0").empty());
    CHECK(permanent() == before);
}
