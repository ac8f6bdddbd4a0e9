// What `firewall --count` counts by peer, and `show` tells.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

bool nft_is_here(const Namespace& space) {
    return run(space, {"nft", "list", "tables"}).code == 0;
}

void load_counting(const Namespace& space, const std::string& words) {
    const auto printed = vxlanctl(space, "firewall --count " + words);
    REQUIRE(printed.code == 0);
    CHECK(printed.err.empty());
    RunOptions options;
    options.input = printed.out;
    const auto loaded = run(space, {"nft", "-f", "-"}, options);
    INFO(printed.out << loaded.err);
    REQUIRE(loaded.code == 0);
}

/// `RXPACKETS/RXBYTES TXPACKETS/TXBYTES` of each peer of the tunnel; empty where none are counted.
std::map<std::string, std::string> counted_by_peer(const Namespace& space, const std::string& name,
                                                   const RunOptions& options = {}) {
    const auto finished = vxlanctl(space, "show --json " + name, options);
    REQUIRE(finished.code == 0);
    std::map<std::string, std::string> result;
    const auto tunnel = nlohmann::json::parse(finished.out).at("tunnels").at(0);
    for (const auto& peer : tunnel.at("peers")) {
        if (!peer.contains("counters")) continue;
        const auto text = [&](const char* way) {
            const auto counters = peer.at("counters").at(way);
            return fmt::format("{}/{}", counters.at("packets").get<long>(),
                               counters.at("bytes").get<long>());
        };
        result[peer.at("dst")] = text("rx") + " " + text("tx");
    }
    return result;
}

using PeerCounts = std::map<std::string, std::string>;

/// Each knows the other's MAC address for good, so that nobody asks for it.
void introduce(const Namespace& host, const Namespace& peer, const std::string& device,
               const std::string& host_address, const std::string& peer_address) {
    const auto mac = [&](const Namespace& space) {
        return link(space, device).at("address").get<std::string>();
    };
    sh(host, fmt::format("ip neigh replace {} lladdr {} dev {} nud permanent", peer_address,
                         mac(peer), device));
    sh(peer, fmt::format("ip neigh replace {} lladdr {} dev {} nud permanent", host_address,
                         mac(host), device));
}

/// So many echo requests, each of which is answered; none is repeated.
void exchange(const Namespace& from, const std::string& address, int count) {
    sh(from, fmt::format("ping -n -c {} -i 0.01 -W 600 {}", count, address));
}

/// One frame to all peers; nobody answers.
void flood(const Namespace& from, const std::string& broadcast) {
    (void)run(from, {"ping", "-n", "-b", "-c", "1", "-W", "1", broadcast});
}

// An echo request, and around it Ethernet, VXLAN, UDP and IP.
constexpr int over_ipv4 = 84 + 14 + 8 + 8 + 20, over_ipv6 = over_ipv4 + 20;

std::string times(int rx, int tx, int size = over_ipv4) {
    return fmt::format("{}/{} {}/{}", rx, rx * size, tx, tx * size);
}

} // namespace

TEST_CASE("firewall --count: what comes from each peer and goes to it, of one VNI", "[nft]") {
    const Network network;
    const Namespace& host = network.host.space;
    if (!nft_is_here(host)) SKIP_CASE("nft does not work with this kernel");
    sh(host, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1"); // no frame but the test's own
    REQUIRE(vxlanctl(host, up_words).code == 0);
    REQUIRE(vxlanctl(host, "up eth0 172.21.0.100 vxlan1 192.168.7.1/24 100.64.158.4 "
                           "100.64.158.132 100.64.158.133:4790 --vni 11")
                .code == 0);
    introduce(host, *network.peers[0], "vxlan0", "10.225.194.171", "10.192.158.4");
    introduce(host, *network.peers[1], "vxlan0", "10.225.194.171", "10.192.158.132");
    CHECK(counted_by_peer(host, "vxlan0").empty());
    CHECK(vxlanctl(host, "show").out.find("RECEIVED") == std::string::npos);
    sh(host, "nft add table inet vxlanctl_vxlan0"); // one without such sets
    CHECK(counted_by_peer(host, "vxlan0").empty());

    load_counting(host, "");
    const PeerCounts none{{"100.64.158.4", times(0, 0)}, {"100.64.158.132", times(0, 0)}};
    CHECK(counted_by_peer(host, "vxlan0") == none);
    exchange(*network.peers[0], "10.225.194.171", 4); // which is learned, and not flooded to then
    exchange(host, "10.192.158.4", 1);
    exchange(*network.peers[1], "10.225.194.171", 3);
    CHECK(counted_by_peer(host, "vxlan0") ==
          PeerCounts{{"100.64.158.4", times(5, 5)}, {"100.64.158.132", times(3, 3)}});
    flood(host, "10.255.255.255");
    const PeerCounts all{{"100.64.158.4", times(5, 6)}, {"100.64.158.132", times(3, 4)}};
    CHECK(counted_by_peer(host, "vxlan0") == all);

    // The same peers, another VNI; one of them has another port.
    flood(host, "192.168.7.255");
    CHECK(counted_by_peer(host, "vxlan0") == all);
    CHECK(counted_by_peer(host, "vxlan1") == PeerCounts{{"100.64.158.4", times(0, 1)},
                                                        {"100.64.158.132", times(0, 1)},
                                                        {"100.64.158.133", times(0, 1)}});
    const std::string text = vxlanctl(host, "show vxlan0").out;
    INFO(text);
    CHECK(text.find("LAST HEARD  RECEIVED   SENT\n") != std::string::npos);
    CHECK(text.find("670 B  804 B\n") != std::string::npos);

    // Who may not read the rules is told everything else.
    RunOptions nobody;
    nobody.as_nobody = true;
    CHECK(counted_by_peer(host, "vxlan0", nobody).empty());

    load_counting(host, "vxlan0"); // from the beginning again
    CHECK(counted_by_peer(host, "vxlan0") == none);
    CHECK(counted_by_peer(host, "vxlan1").size() == 3);
}

TEST_CASE("firewall --count: a stranger is not counted, and a peer that is let in is", "[nft]") {
    const Network network;
    const Namespace& host = network.host.space;
    if (!nft_is_here(host)) SKIP_CASE("nft does not work with this kernel");
    sh(host, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    REQUIRE(vxlanctl(host, up_words).code == 0);
    introduce(host, *network.peers[2], "vxlan0", "10.225.194.171", "10.192.158.133");
    load_counting(host, "vxlan0");
    CHECK(run(*network.peers[2], {"ping", "-c", "1", "-W", "1", "10.225.194.171"}).code == 1);
    REQUIRE(vxlanctl(host, up_words + " 100.64.158.133").code == 0);
    CHECK(counted_by_peer(host, "vxlan0").at("100.64.158.133") == times(0, 0));
    sh(host, "nft add element inet vxlanctl_vxlan0 peers '{ 100.64.158.133 }'");
    exchange(*network.peers[2], "10.225.194.171", 2);
    CHECK(counted_by_peer(host, "vxlan0").at("100.64.158.133") == times(2, 2));
}

TEST_CASE("firewall --count: over IPv6", "[nft]") {
    const Network network;
    const Namespace& host = network.host.space;
    const Namespace& peer = *network.peers[0];
    if (!nft_is_here(host)) SKIP_CASE("nft does not work with this kernel");
    sh(host, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    sh(peer, "ip addr add 2001:db8:21::4/64 dev eth0 nodad\n"
             "ip link add vxlan6 type vxlan id 20 dstport 4789 local 2001:db8:21::4 dev eth0 "
             "remote 2001:db8:21::100\n"
             "sysctl -qw net.ipv6.conf.vxlan6.disable_ipv6=1\n"
             "ip link set vxlan6 up; ip addr add 10.7.0.2/24 dev vxlan6");
    REQUIRE(vxlanctl(host, "up eth0 2001:db8:21::100 vxlan6 10.7.0.1/24 2001:db8:21::4 --vni 20")
                .code == 0);
    introduce(host, peer, "vxlan6", "10.7.0.1", "10.7.0.2");
    load_counting(host, "vxlan6");
    exchange(host, "10.7.0.2", 4);
    CHECK(counted_by_peer(host, "vxlan6") ==
          PeerCounts{{"2001:db8:21::4", times(4, 4, over_ipv6)}});
    flood(host, "10.7.0.255");
    CHECK(counted_by_peer(host, "vxlan6") ==
          PeerCounts{{"2001:db8:21::4", times(4, 5, over_ipv6)}});
}
