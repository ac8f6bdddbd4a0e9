// What `doctor --probe` finds out by sending packets. Traffic decides who is right.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// A host with vxlan0, a router, and behind it two peers with the inner addresses 10.192.158.4 and
/// .132, whose wires are ports of a bridge of the router's.
struct ProbeLab {
    ProbeLab() {
        give(host.space, "wire0", router);
        sh(router, "ip link set wire0 mtu 9001 up; ip addr add 172.21.0.1/24 dev wire0\n"
                   "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
                   "ip link add br0 type bridge; ip link set br0 mtu 9001 up\n"
                   "ip addr add 100.64.0.1/16 dev br0");
        make_peer(one, 4);
        make_peer(other, 132);
        // Nothing filters or forwards unless a case says so.
        sh(host.space, "for f in all default eth0; do\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/forwarding; done");
        const auto made = vxlanctl(host.space, up_words);
        INFO(made.err);
        REQUIRE(made.code == 0);
        for (const char* address : {"10.192.158.4", "10.192.158.132"})
            REQUIRE(reaches(space, address));
    }

    Host host;
    Namespace router, one, other;
    const Namespace& space = host.space;

private:
    static void give(const Namespace& from, const std::string& device, const Namespace& to) {
        sh(from,
           fmt::format("ip link set {} netns /proc/{}/fd/{}", device, getpid(), to.descriptor()));
    }

    void make_peer(const Namespace& peer, int last) const {
        sh(router, fmt::format("ip link add wire{0} mtu 9001 type veth peer name eth0 mtu 9001\n"
                               "ip link set wire{0} master br0 up",
                               last));
        give(router, "eth0", peer);
        sh(peer,
           fmt::format(
               "ip link set eth0 up; ip addr add 100.64.158.{0}/16 dev eth0\n"
               "ip route add default via 100.64.0.1\n"
               "ip link add vxlan0 address 02:00:00:00:00:{0:02x} type vxlan id 10 dstport 4789"
               " local 100.64.158.{0} dev eth0\n"
               "echo 1 >/proc/sys/net/ipv6/conf/vxlan0/disable_ipv6\n"
               "ip link set vxlan0 up; ip addr add 10.192.158.{0}/9 brd + dev vxlan0\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.100",
               last));
    }
};

/// The checks of one run, by name, as `verdict: code {values}`.
struct Probed {
    explicit Probed(const Namespace& space, const std::string& words = "vxlan0") {
        const auto finished = vxlanctl(space, "doctor --probe --json " + words);
        INFO(finished.err);
        REQUIRE((finished.code == 0 || finished.code == 3));
        const auto document = nlohmann::json::parse(finished.out);
        for (const auto& check : document.at("checks")) {
            const std::string name = check.at("check"), verdict = check.at("verdict");
            verdicts[name] = fmt::format("{}: {}", verdict, told(check.at("messages")));
            remedies[name] = check.at("remedy");
            if (verdict != "fail") continue;
            failed.push_back(name);
            UNSCOPED_INFO(check.dump());
        }
    }
    std::map<std::string, std::string> verdicts, remedies;
    std::vector<std::string> failed;
};

/// Whether an echo request of that many bytes, with the IP header, is answered in one piece.
bool passes(const Namespace& from, const std::string& address, int bytes) {
    return run(from, {"ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s",
                      std::to_string(bytes - 28), address})
               .code == 0;
}

} // namespace

TEST_CASE("probe: packets as large as the tunnel's pass on a healthy way") {
    const ProbeLab lab;
    CHECK(passes(lab.space, "10.192.158.4", 8951));
    const Probed probed(lab.space);
    CHECK(probed.failed.empty());
    CHECK(probed.verdicts.at("path_mtu") ==
          "pass: path-mtu-fits {bytes=9001, peers=100.64.158.4, 100.64.158.132}");
}

TEST_CASE("probe: large packets vanish on the way to one peer, and nobody reports it") {
    const ProbeLab lab;
    sh(lab.router, "ip link set wire4 mtu 1500"); // a bridge drops what is larger than its port
    REQUIRE(reaches(lab.space, "10.192.158.4"));
    REQUIRE_FALSE(passes(lab.space, "10.192.158.4", 8951));
    REQUIRE(passes(lab.space, "10.192.158.132", 8951));
    const Probed probed(lab.space);
    CHECK(probed.failed == std::vector<std::string>{"path_mtu"});
    // The bridge has room for a VLAN tag (is_skb_forwardable() in net/core/dev.c).
    CHECK(probed.verdicts.at("path_mtu") ==
          "fail: path-mtu-vanishes {bytes=1504, needed=9001, peer=100.64.158.4}");
    CHECK(probed.remedies.at("path_mtu") == "vxlanctl set vxlan0 --mtu 1454");
    REQUIRE(vxlanctl(lab.space, "set vxlan0 --mtu 1454").code == 0);
    CHECK(passes(lab.space, "10.192.158.4", 1454));
    CHECK(Probed(lab.space).failed.empty());
}

TEST_CASE("probe: of peers behind which nobody answers a small packet, no size is told") {
    const ProbeLab lab;
    sh(lab.router, "ip link set wire4 mtu 1500");
    sh(lab.one, "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
    const Probed probed(lab.space);
    CHECK(probed.failed.empty());
    CHECK(probed.verdicts.at("path_mtu").starts_with("pass: path-mtu-fits "));
}

TEST_CASE("probe: a permanent neighbour inside has another MAC address than who answers") {
    const ProbeLab lab;
    sh(lab.space, "ip neigh replace 10.192.158.4 lladdr 02:00:00:00:00:99 dev vxlan0");
    REQUIRE_FALSE(passes(lab.space, "10.192.158.4", 84));
    const Probed probed(lab.space);
    CHECK(probed.failed == std::vector<std::string>{"probe"});
    CHECK(probed.verdicts.at("probe") ==
          "fail: neighbour-wrong {address=10.192.158.4, entry=02:00:00:00:00:99, "
          "interface=vxlan0, mac=02:00:00:00:00:04}");
    CHECK(probed.remedies.at("probe") == "ip neigh del 10.192.158.4 dev vxlan0");
    sh(lab.space, probed.remedies.at("probe"));
    CHECK(reaches(lab.space, "10.192.158.4"));
    CHECK(Probed(lab.space).failed.empty());
    // One that is right may be permanent.
    sh(lab.space, "ip neigh replace 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0");
    CHECK(Probed(lab.space).failed.empty());
}

TEST_CASE("probe: a permanent neighbour on the underlay has another MAC address") {
    const ProbeLab lab;
    sh(lab.space, "ip neigh replace 172.21.0.1 lladdr 02:00:00:00:00:99 dev eth0");
    REQUIRE_FALSE(passes(lab.space, "10.192.158.4", 84));
    const Probed probed(lab.space);
    CHECK(probed.failed == std::vector<std::string>{"probe"});
    CHECK(probed.verdicts.at("probe").starts_with(
        "fail: neighbour-wrong {address=172.21.0.1, entry=02:00:00:00:00:99, interface=eth0, "));
    CHECK(probed.remedies.at("probe") == "ip neigh del 172.21.0.1 dev eth0");
    sh(lab.space, probed.remedies.at("probe"));
    CHECK(reaches(lab.space, "10.192.158.4"));
    CHECK(Probed(lab.space).failed.empty());
}

TEST_CASE("probe: nobody answers, and neither does the next hop") {
    const ProbeLab lab;
    sh(lab.router, "ip addr del 172.21.0.1/24 dev wire0");
    sh(lab.space, "ip neigh flush dev eth0");
    REQUIRE_FALSE(passes(lab.space, "10.192.158.4", 84));
    const Probed probed(lab.space);
    CHECK(probed.failed == std::vector<std::string>{"next_hop"});
    sh(lab.router, "ip addr add 172.21.0.1/24 dev wire0");
    CHECK(reaches(lab.space, "10.192.158.4"));
    CHECK(Probed(lab.space).failed.empty());
}

TEST_CASE("probe: a permanent neighbour on an IPv6 underlay has another MAC address") {
    const Host host;
    const Namespace peer;
    sh(host.space,
       fmt::format("ip link set wire0 netns /proc/{}/fd/{}", getpid(), peer.descriptor()));
    sh(peer, "ip link set wire0 up; ip addr add 2001:db8:21::4/64 dev wire0 nodad\n"
             "ip link add vxlan0 address 02:00:00:00:00:04 type vxlan id 10 dstport 4789 "
             "local 2001:db8:21::4 dev wire0\n"
             "ip link set vxlan0 up; ip addr add 10.192.158.4/9 dev vxlan0\n"
             "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 2001:db8:21::100");
    REQUIRE(vxlanctl(host.space, "up eth0 2001:db8:21::100 vxlan0 10.225.194.171/9 2001:db8:21::4")
                .code == 0);
    REQUIRE(reaches(host.space, "10.192.158.4"));
    CHECK(Probed(host.space).failed.empty());
    sh(host.space, "ip neigh replace 2001:db8:21::4 lladdr 02:00:00:00:00:99 dev eth0");
    REQUIRE_FALSE(passes(host.space, "10.192.158.4", 84));
    const Probed probed(host.space);
    CHECK(probed.failed == std::vector<std::string>{"probe"});
    CHECK(probed.verdicts.at("probe").starts_with(
        "fail: neighbour-wrong {address=2001:db8:21::4, entry=02:00:00:00:00:99, interface=eth0"));
    sh(host.space, probed.remedies.at("probe"));
    CHECK(reaches(host.space, "10.192.158.4"));
    CHECK(Probed(host.space).failed.empty());
}

TEST_CASE("probe: several tunnels are asked at the same time, and each has its own answer") {
    const ProbeLab lab;
    sh(lab.space, "ip addr add 172.21.0.101/24 dev eth0");
    REQUIRE(
        vxlanctl(lab.space, "up eth0 172.21.0.101 vxlan1 10.1.0.1/24 100.64.158.4 --vni 11").code ==
        0);
    sh(lab.one, "ip link add vxlan1 type vxlan id 11 dstport 4789 local 100.64.158.4 dev eth0\n"
                "ip link set vxlan1 up; ip addr add 10.1.0.4/24 dev vxlan1\n"
                "bridge fdb append 00:00:00:00:00:00 dev vxlan1 dst 172.21.0.101");
    REQUIRE(reaches(lab.space, "10.1.0.4"));
    CHECK(Probed(lab.space, "").failed.empty());
    sh(lab.one, "ip link set vxlan1 down");
    REQUIRE_FALSE(passes(lab.space, "10.1.0.4", 84));
    CHECK(Probed(lab.space, "vxlan0").failed.empty());
    const Probed both(lab.space, "vxlan0 vxlan1");
    CHECK(both.failed == std::vector<std::string>{"probe"});
    CHECK(both.verdicts.at("probe") == "fail: probe-silence {addresses=10.1.0.4}");
}
