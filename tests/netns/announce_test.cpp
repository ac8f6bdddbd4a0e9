// Those behind the tunnel are told where a new inner address is.
#include "world.h"

#include <arpa/inet.h>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

const std::string two_peers = " 100.64.158.4 100.64.158.132";

std::string up_with(const std::string& inner) {
    return "up eth0 172.21.0.100 vxlan0 " + inner + two_peers;
}

/// What ARP says on a link of a namespace: the Ethernet frames themselves.
class Wiretap {
public:
    Wiretap(const Namespace& space, const char* link) {
        const Inside inside(space);
        socket_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ARP);
        address.sll_ifindex = static_cast<int>(if_nametoindex(link));
        if (address.sll_ifindex == 0 ||
            bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot listen to ARP");
    }
    Wiretap(const Wiretap&) = delete;
    Wiretap& operator=(const Wiretap&) = delete;
    ~Wiretap() { close(socket_); }

    /// `ADDRESS at MAC` of each announcement since the last call, up to a frame that is sent now
    /// and takes the same way, so that nothing can still be on it.
    Strings announced(const Namespace& from) {
        const std::string end = send_marker(from);
        const auto deadline = std::chrono::steady_clock::now() + patience;
        Strings found;
        while (true) {
            pollfd waiting{socket_, POLLIN, 0};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            REQUIRE(left.count() > 0);
            poll(&waiting, 1, static_cast<int>(left.count()));
            Frame frame{};
            if (recv(socket_, &frame, sizeof frame, 0) < static_cast<ssize_t>(sizeof frame))
                continue;
            const std::string sender = text_of(frame.arp.arp_spa);
            if (sender == end) return found;
            if (sender != text_of(frame.arp.arp_tpa)) continue;
            CHECK(mac_of(frame.ethernet.ether_dhost) == "ff:ff:ff:ff:ff:ff");
            CHECK(mac_of(frame.ethernet.ether_shost) == mac_of(frame.arp.arp_sha));
            CHECK(ntohs(frame.arp.arp_op) == ARPOP_REQUEST);
            found.push_back(sender + " at " + mac_of(frame.arp.arp_sha));
        }
    }

private:
    struct Frame {
        ether_header ethernet;
        ether_arp arp;
    };

    static std::string text_of(const std::uint8_t (&address)[4]) {
        return fmt::format("{}.{}.{}.{}", address[0], address[1], address[2], address[3]);
    }
    static std::string mac_of(const std::uint8_t (&mac)[6]) {
        return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2],
                           mac[3], mac[4], mac[5]);
    }

    /// Returns its sender, which is no host here.
    std::string send_marker(const Namespace& from) {
        const Inside inside(from);
        Frame frame{};
        std::fill_n(std::begin(frame.ethernet.ether_dhost), 6, std::uint8_t{0xff});
        frame.ethernet.ether_shost[0] = 2;
        frame.ethernet.ether_type = htons(ETH_P_ARP);
        frame.arp.ea_hdr = {htons(1), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)};
        frame.arp.arp_spa[0] = 192;
        frame.arp.arp_spa[2] = 2;
        frame.arp.arp_spa[3] = ++markers_;
        const int out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(if_nametoindex("vxlan0"));
        REQUIRE(sendto(out, &frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof to) == sizeof frame);
        close(out);
        return text_of(frame.arp.arp_spa);
    }

    int socket_ = -1;
    std::uint8_t markers_ = 0;
};

/// A host and a peer with addresses of both families inside, which know each other's MAC addresses.
struct Acquainted {
    Acquainted() {
        sh(peer, "sysctl -qw net.ipv6.conf.vxlan0.disable_ipv6=0\n"
                 "ip addr add 2001:db8:9::4/64 dev vxlan0 nodad");
        REQUIRE(vxlanctl(host, words).code == 0);
        for (const char* address : {"10.225.194.171", "2001:db8:9::1"})
            sh(peer, std::string("ping -c 1 -W 600 ") + address);
    }

    /// Waits until the peer has this MAC address for both, though it sends nothing.
    void await_mac(const std::string& mac) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100);
        for (const char* address : {"10.225.194.171", "2001:db8:9::1"})
            while (sh(peer, std::string("ip neigh show dev vxlan0 ") + address).find(mac) ==
                   std::string::npos)
                REQUIRE(std::chrono::steady_clock::now() < deadline);
    }

    Network network;
    const Namespace& host = network.host.space;
    const Namespace& peer = *network.peers[0];
    const std::string words = up_with("10.225.194.171/9") + " --address 2001:db8:9::1/64 ";
};

/// How many of its packets `ping` has got no answer to.
int lost(const Finished& ping) {
    std::istringstream summary(ping.out.substr(ping.out.find("statistics ---") + 15));
    int sent = 0, received = 0;
    std::string word;
    summary >> sent >> word >> word >> received;
    REQUIRE(sent > 0);
    return sent - received;
}

std::string at_mac(const Namespace& host, const std::string& address) {
    return address + " at " + link(host, "vxlan0").at("address").get<std::string>();
}

} // namespace

TEST_CASE("announce: a new inner address is told of once, on a new link and on an old one") {
    const Network network;
    const Namespace& host = network.host.space;
    Wiretap tap(*network.peers[0], "vxlan0");
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9")).code == 0);
    CHECK(tap.announced(host) == Strings{at_mac(host, "10.225.194.171")});
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9")).out == "vxlan0: in sync\n");
    REQUIRE(vxlanctl(host, up_with("10.225.194.172/9") + " --dry-run").code == 0);
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9") + " --mtu 1400").code == 0);
    CHECK(tap.announced(host).empty());
    REQUIRE(vxlanctl(host, up_with("10.225.194.172/9")).code == 0);
    CHECK(tap.announced(host) == Strings{at_mac(host, "10.225.194.172")});
    REQUIRE(vxlanctl(host, up_with("10.225.194.172/9") + " --address 10.225.194.173/9").code == 0);
    CHECK(tap.announced(host) == Strings{at_mac(host, "10.225.194.173")});
}

TEST_CASE("announce: a recreate tells of our addresses, not of those that others set") {
    const Network network;
    const Namespace& host = network.host.space;
    Wiretap tap(*network.peers[0], "vxlan0");
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9")).code == 0);
    sh(host, "ip addr add 10.225.194.170/9 dev vxlan0"); // of VRRP
    CHECK(tap.announced(host).size() == 1);
    REQUIRE(vxlanctl(host,
                     up_with("10.225.194.171/9") + " --limit 1000 --allow-recreate --keep-foreign")
                .code == 0);
    REQUIRE(addresses(host, "vxlan0").size() == 2);
    CHECK(tap.announced(host) == Strings{at_mac(host, "10.225.194.171")});
}

TEST_CASE("announce: from another network namespace") {
    const Network network;
    const Namespace& host = network.host.space;
    const Namespace elsewhere;
    Wiretap tap(*network.peers[0], "vxlan0");
    const auto made =
        vxlanctl(elsewhere, fmt::format("--netns /proc/{}/fd/{} ", getpid(), host.descriptor()) +
                                up_with("10.225.194.171/9"));
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(tap.announced(host) == Strings{at_mac(host, "10.225.194.171")});
}

TEST_CASE("announce: not of a change that failed, and again of an address that is put back") {
    const Network network;
    const Namespace& host = network.host.space;
    Wiretap tap(*network.peers[0], "vxlan0");
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9")).code == 0);
    CHECK(tap.announced(host).size() == 1);
    // The removal of the old address is refused when the new one is there.
    const auto writes = vxlanctl_counted(host, up_with("10.225.194.172/9")).writes;
    REQUIRE(vxlanctl(host, up_with("10.225.194.171/9")).code == 0);
    CHECK(tap.announced(host).size() == 2);
    for (long broken = 1; broken <= writes; ++broken) {
        REQUIRE(vxlanctl_counted(host, up_with("10.225.194.172/9"),
                                 {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}})
                    .finished.code == 1);
        REQUIRE(addresses(host, "vxlan0") == Strings{"10.225.194.171/9"});
    }
    CHECK(tap.announced(host).empty());
    RunOptions wish;
    wish.input = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\ndev = \"eth0\"\n"
                 "addresses = [\"10.225.194.172/9\"]\npeers = [\"100.64.158.4\"]\n";
    REQUIRE(vxlanctl(host, "apply --source test - --confirm 1", wish).code == 1);
    REQUIRE(addresses(host, "vxlan0") == Strings{"10.225.194.171/9"});
    CHECK(tap.announced(host) ==
          Strings{at_mac(host, "10.225.194.172"), at_mac(host, "10.225.194.171")});
}

TEST_CASE("announce: those who know another MAC address of an IPv4 or IPv6 address are told") {
    const Acquainted net;
    const std::string mac = "02:00:00:00:00:99";
    SECTION("of a new interface") {
        REQUIRE(vxlanctl(net.host, net.words + "--limit 1000 --allow-recreate --mac " + mac).code ==
                0);
    }
    SECTION("of one whose MAC address changes") {
        REQUIRE(vxlanctl(net.host, net.words + "--mac " + mac).code == 0);
    }
    SECTION("by a host that forwards") {
        sh(net.host, "sysctl -qw net.ipv6.conf.all.forwarding=1");
        REQUIRE(vxlanctl(net.host, net.words + "--mac " + mac).code == 0);
        net.await_mac(mac);
        CHECK(sh(net.peer, "ip -6 neigh show 2001:db8:9::1").find("router") != std::string::npos);
    }
    net.await_mac(mac);
    CHECK(addresses(net.host, "vxlan0") == Strings{"10.225.194.171/9", "2001:db8:9::1/64"});
    CHECK(sh(net.host, "ip -6 addr show dev vxlan0").find("nodad") == std::string::npos);
}

TEST_CASE("announce: a replacement with another MAC address costs less than a second of traffic") {
    const Acquainted net;
    constexpr const char* count = "60"; // a tenth of a second apart
    Process ipv4(net.peer, {"ping", "-q", "-i", "0.1", "-c", count, "10.225.194.171"});
    Process ipv6(net.peer, {"ping", "-q", "-i", "0.1", "-c", count, "2001:db8:9::1"});
    sh(net.peer, "ping -i 0.1 -c 10 10.225.194.171");
    REQUIRE(vxlanctl(net.host, net.words + "--limit 1000 --allow-recreate --mac 02:00:00:00:00:99")
                .code == 0);
    const int lost4 = lost(ipv4.wait()), lost6 = lost(ipv6.wait());
    WARN("lost: " << lost4 << " of IPv4, " << lost6 << " of IPv6");
    CHECK(lost4 < 10);
    CHECK(lost6 < 10);
}

TEST_CASE("announce: without CAP_NET_RAW it is a warning, where there is something to tell") {
    const Network network;
    const Namespace& host = network.host.space;
    Wiretap tap(*network.peers[0], "vxlan0");
    const auto without = [&](const std::string& words) {
        auto command = command_of(words);
        command.insert(command.begin(),
                       {"setpriv", "--inh-caps=-net_raw", "--bounding-set=-net_raw"});
        return run(host, command);
    };
    const auto made = without(up_with("10.225.194.171/9") + " --json");
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(told(made, "cannot-announce", {"vxlan0", "10.225.194.171"}));
    CHECK(std::count(made.err.begin(), made.err.end(), '\n') == 1);
    CHECK(told(nlohmann::json::parse(made.out).at("tunnels").at(0).at("warnings")) ==
          "cannot-announce {address=10.225.194.171, reason=" + clause("needs-net-raw") + "}");
    CHECK(addresses(host, "vxlan0") == Strings{"10.225.194.171/9"});
    CHECK(without(up_with("10.225.194.171/9")).err.empty());
    CHECK(without("-q " + up_with("10.225.194.172/9")).err.empty());
    CHECK(tap.announced(host).empty());
}
