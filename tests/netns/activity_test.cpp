// When peers were last heard, by what this kernel tells of it.
#include "world.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <functional>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace world;

namespace {

/// What `show --json` has of the first peer; -1 is absent.
struct LastPackets {
    long heard = -1, sent = -1, active = -1;
};

LastPackets last_packets(const Namespace& host) {
    const auto finished = vxlanctl(host, "show --json vxlan0");
    REQUIRE(finished.code == 0);
    const auto tunnel = nlohmann::json::parse(finished.out).at("tunnels").at(0);
    const auto peer = tunnel.at("peers").at(0);
    REQUIRE(peer.at("dst") == "100.64.158.4");
    return {peer.value("last_heard_seconds", -1L), peer.value("last_sent_seconds", -1L),
            peer.value("last_active_seconds", -1L)};
}

/// How many seconds ago the kernel set that time of the peer's MAC: `used` or `updated`.
long kernels_time(const Namespace& host, const char* which) {
    for (const auto& entry : json_of(host, "bridge -j -s fdb show dev vxlan0"))
        if (entry.at("mac") == "02:00:00:00:00:04") return entry.at(which).get<long>();
    return -1;
}

/// Looks again and again.
void wait_until(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!is_so())
        REQUIRE(std::chrono::steady_clock::now() < end);
}

/// One datagram into the tunnel, to an address behind the peer.
void send_datagram(const Namespace& host, const char* address) {
    const Inside inside(host);
    const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(descriptor >= 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    REQUIRE(inet_pton(AF_INET, address, &to.sin_addr) == 1);
    CHECK(sendto(descriptor, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 1);
    close(descriptor);
}

} // namespace

TEST_CASE("show: when a peer was last heard, and no number that this kernel does not know",
          "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    const Namespace& peer = *network.peers[0];
    REQUIRE(vxlanctl(host, up_words).code == 0);
    // No ARP in between.
    sh(host, "ip neigh replace 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0 nud permanent");
    sh(peer, "ip neigh replace 10.225.194.171 dev vxlan0 nud permanent lladdr " +
                 link(host, "vxlan0").at("address").get<std::string>());
    const auto nothing = last_packets(host);
    CHECK(nothing.heard == -1);
    CHECK(nothing.sent == -1);
    CHECK(nothing.active == -1);

    sh(peer, "ping -c 1 -w 600 10.225.194.171");
    wait_until([&] { return last_packets(host).heard >= 2; }); // each kernel knows a first packet
    CHECK(kernels_time(host, "updated") >= 2);
    CHECK(last_packets(host).active >= 2);

    // A second packet tells the kernels apart: only a new one notes it.
    const auto before = kernels_time(host, "updated");
    sh(peer, "ping -c 1 -w 600 10.225.194.171");
    const bool is_new = kernels_time(host, "updated") < before;
    const auto after = last_packets(host);
    CHECK(after.active <= kernels_time(host, "used"));
    if (is_new) {
        CHECK(after.heard >= 0);
        CHECK(after.heard <= kernels_time(host, "updated"));
    } else {
        CHECK(after.heard == -1);
        CHECK(after.sent == -1);
    }

    // The peer is silent, and the host goes on sending to it.
    sh(peer, "ip link set vxlan0 down");
    const auto silent_since = kernels_time(host, "updated");
    wait_until([&] {
        send_datagram(host, "10.192.158.4");
        const auto now = last_packets(host);
        CHECK(now.active >= 0);
        if (is_new) return now.heard >= 3 && now.sent >= 0 && now.sent < now.heard;
        CHECK(now.heard == -1);
        CHECK(now.sent == -1);
        return kernels_time(host, "updated") >= silent_since + 3;
    });
}
