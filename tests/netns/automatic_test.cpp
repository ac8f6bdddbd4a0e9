// What a tunnel leaves to its host: one file for all hosts.
#include "names.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

std::string local_of(const Namespace& space, const std::string& name) {
    return link(space, name).at("linkinfo").at("info_data").value("local", "");
}

std::string dev_of(const Namespace& space, const std::string& name) {
    return link(space, name).at("linkinfo").at("info_data").value("link", "");
}

/// The file that each host of Network could have.
const std::string same_file =
    "[vxlan.vx1]\ndev = \"auto\"\nlocal = \"auto\"\nvni = 77\n"
    "peers = [\"172.21.0.100\", \"100.64.158.4\", \"100.64.158.132\", \"100.64.158.133\"]\n";

} // namespace

TEST_CASE("auto: the same file makes a mesh of all hosts") {
    const Network network;
    const Namespace& host = network.host.space;
    std::vector<const Namespace*> hosts{&host};
    for (const auto& peer : network.peers)
        hosts.push_back(&*peer);
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const auto applied = apply_text(*hosts[i], same_file);
        INFO(applied.err);
        CHECK(applied.code == 0);
        CHECK(told(applied, "own-peer-left-out"));
        CHECK(flood_list(*hosts[i], "vx1").size() == 3);
        CHECK(dev_of(*hosts[i], "vx1") == "eth0");
        sh(*hosts[i], fmt::format("ip addr add 10.7.7.{}/24 dev vx1", i + 1));
        const auto checked = check_text(*hosts[i], same_file);
        CHECK(checked.code == 0);
        CHECK(checked.err.empty());
    }
    CHECK(local_of(host, "vx1") == "172.21.0.100");
    CHECK(local_of(*network.peers[1], "vx1") == "100.64.158.132");
    for (int i = 2; i <= 4; ++i)
        CHECK(reaches(host, fmt::format("10.7.7.{}", i)));
    CHECK(reaches(*network.peers[2], "10.7.7.2"));
}

TEST_CASE("auto: own addresses are left out of files alone, and not if nobody else is left") {
    const Host host;
    const auto before = snapshot(host.space);
    const auto alone = apply_text(host.space, "[vxlan.vx1]\nlocal = \"172.21.0.100\"\n"
                                              "peers = [\"172.21.0.100\"]\n");
    CHECK(alone.code == 2);
    CHECK(told(alone, "only-own-peers"));
    const auto words = vxlanctl(host.space, "up eth0 172.21.0.100 vx1 - 100.64.158.4 172.21.0.100");
    CHECK(words.code == 2);
    CHECK(told(words, "address-is-local"));
    CHECK(difference(before, snapshot(host.space)).empty());
    // Another address of the host, out of a peers file.
    sh(host.space, "ip addr add 172.21.0.101/24 dev eth0");
    write_text("/run/peers", "172.21.0.101\n100.64.158.4\n");
    const auto applied = apply_text(host.space, "[vxlan.vx1]\nlocal = \"172.21.0.100\"\n"
                                                "peers_file = \"/run/peers\"\n");
    CHECK(applied.code == 0);
    CHECK(told(applied, "own-peer-left-out", {"172.21.0.101"}));
    CHECK(flood_list(host.space, "vx1") == std::vector<std::string>{"100.64.158.4"});
}

TEST_CASE("auto: on the command line, and it stays as long as the address is there") {
    const Network network;
    const Namespace& host = network.host.space;
    const std::string words = "up auto auto vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132";
    REQUIRE(vxlanctl(host, words).code == 0);
    CHECK(local_of(host, "vxlan0") == "172.21.0.100");
    CHECK(dev_of(host, "vxlan0") == "eth0");
    CHECK(link(host, "vxlan0").at("mtu") == 8951);
    CHECK(reaches(host, "10.192.158.4"));
    CHECK(vxlanctl_counted(host, words).writes == 0);

    sh(host, "ip addr add 172.21.0.7/24 dev eth0 && "
             "ip route replace 100.64.0.0/16 dev eth0 src 172.21.0.7");
    CHECK(vxlanctl_counted(host, words).writes == 0);

    // DHCP gives another address.
    sh(host, "sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1 && "
             "ip addr del 172.21.0.100/24 dev eth0");
    const auto ifindex = link(host, "vxlan0").at("ifindex");
    const auto changed = vxlanctl(host, words);
    INFO(changed.out << changed.err);
    CHECK(changed.code == 0);
    CHECK(local_of(host, "vxlan0") == "172.21.0.7");
    CHECK(link(host, "vxlan0").at("ifindex") == ifindex);
    sh(*network.peers[0], "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.7");
    CHECK(reaches(host, "10.192.158.4"));
}

TEST_CASE("auto: without a way to a peer it is one clear error, and --wait waits for it") {
    const Namespace space;
    const std::string words = "up auto auto vxlan0 10.225.194.171/9 100.64.158.4";
    const auto refused = vxlanctl(space, words);
    CHECK(refused.code == 2);
    CHECK(told(refused, "no-automatic-local", {"100.64.158.4"}));
    CHECK(!link_exists(space, "vxlan0"));

    Process waiting(space, command_of(words + " --wait 600"));
    sh(space, "ip link add eth0 mtu 9001 type veth peer name wire && ip link set eth0 up && "
              "ip link set wire up && ip addr add 172.21.0.9/24 dev eth0 && "
              "ip route add default dev eth0");
    const auto finished = waiting.wait();
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK(local_of(space, "vxlan0") == "172.21.0.9");
}

TEST_CASE("auto: the inner network is no way, though it has the peers in it") {
    const Network network;
    const Namespace& host = network.host.space;
    const std::string words = "up auto auto vxlan0 100.64.1.1/10 100.64.158.4 --allow-overlap";
    REQUIRE(vxlanctl(host, words).code == 0);
    CHECK(local_of(host, "vxlan0") == "172.21.0.100");
    CHECK(vxlanctl_counted(host, words).writes == 0);
    CHECK(vxlanctl(host, "set vxlan0 --local auto").code == 0);
    CHECK(local_of(host, "vxlan0") == "172.21.0.100");
}

TEST_CASE("auto: an ISATAP tunnel's address follows from the address that is chosen", "[kernel]") {
    if (!kinds_here().contains("sit")) SKIP_CASE("this kernel has no sit");
    const Host host;
    const std::string words = "isatap up sit1 auto 2001:db8::/64 100.64.158.4";
    const auto made = vxlanctl(host.space, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(addresses(host.space, "sit1") == std::vector<std::string>{"2001:db8::5efe:ac15:64/64"});
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
}

TEST_CASE("DS-Lite: the AFTR by name, and the address that the host got", "[kernel]") {
    if (!kinds_here().contains("ip6tnl")) SKIP_CASE("this kernel has no ip6tnl");
    const Namespace host, aftr;
    const Names names("2001:db8:aa::1 gw.example.com\n");
    for (const auto* space : {&host, &aftr})
        without_duplicate_detection(*space);
    sh(host, fmt::format("ip link add eth0 type veth peer name p0 && ip link set p0 netns "
                         "/proc/{}/fd/{} && ip link set eth0 up && "
                         "ip addr add 2001:db8:1::abc/64 dev eth0 && "
                         "ip route add default via fe80::1 dev eth0",
                         getpid(), aftr.descriptor()));
    sh(aftr, "ip link set p0 up && ip addr add fe80::1/64 dev p0 && "
             "ip addr add 2001:db8:aa::1/128 dev lo && ip route add 2001:db8:1::/64 dev p0 && "
             "ip -6 tunnel add b4 mode ipip6 local 2001:db8:aa::1 remote 2001:db8:1::abc && "
             "ip link set b4 up && ip addr add 192.0.0.1/29 dev b4 && "
             "ip addr add 203.0.113.1/32 dev lo");
    const std::string file = "[ipip6.dslite]\nlocal = \"auto\"\nremote = \"gw.example.com\"\n"
                             "addresses = [\"192.0.0.2/29\"]\nroutes = [{ to = \"0.0.0.0/0\" }]\n";
    const auto applied = apply_text(host, file);
    INFO(applied.err);
    REQUIRE(applied.code == 0);
    CHECK(reaches(host, "203.0.113.1"));
    CHECK(check_text(host, file).code == 0);

    // The name does not answer for a while: the tunnel stays.
    Names::set_hosts("");
    const auto kept = apply_text(host, file);
    CHECK(kept.code == 0);
    CHECK(told(kept, "peer-name-unknown-kept", {"gw.example.com"}));
    CHECK(reaches(host, "203.0.113.1"));
}

TEST_CASE("MTU: what the path lets through, and not more than the interface", "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    const std::string words =
        "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 --mtu path";
    REQUIRE(vxlanctl(host, words).code == 0);
    CHECK(link(host, "vxlan0").at("mtu") == 8951);
    CHECK(vxlanctl_counted(host, words).writes == 0);
    sh(host, "ip route add 100.64.158.4 dev eth0 mtu 1400");
    CHECK(vxlanctl(host, words).code == 0);
    CHECK(link(host, "vxlan0").at("mtu") == 1350);
    CHECK(vxlanctl_counted(host, words).writes == 0);
    CHECK(run(host, {"ping", "-n", "-c", "1", "-w", "10", "-M", "do", "-s", "1322", "10.192.158.4"})
              .code == 0);
    // What was learned expires, and nothing larger is known.
    sh(host, "ip route del 100.64.158.4");
    CHECK(vxlanctl_counted(host, words).writes == 0);
    sh(host, "ip route add 100.64.158.4 dev eth0 mtu 1450");
    CHECK(vxlanctl(host, words).code == 0);
    CHECK(link(host, "vxlan0").at("mtu") == 1400);
    sh(host, "ip link set eth0 mtu 1420");
    CHECK(vxlanctl(host, words).code == 0);
    CHECK(link(host, "vxlan0").at("mtu") == 1370);
}

TEST_CASE("MTU: an interface that has shrunk, or has not grown yet, refuses no other change") {
    const Host host;
    const std::string file = "[vxlan.vx1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmtu = 8951\n";
    const auto with_peers = [&](const std::string& peers) {
        return fmt::format("{}peers = [{}]\n", file, peers);
    };
    sh(host.space, "ip link set eth0 mtu 1500");
    const auto early = apply_text(host.space, with_peers("\"100.64.158.4\""));
    CHECK(early.code == 2);
    CHECK(told(early, "mtu-over-limit"));

    RunOptions text;
    text.input = with_peers("\"100.64.158.4\"");
    Process waiting(host.space, command_of("apply - --wait 600"), text);
    sh(host.space, "ip link set eth0 mtu 9001");
    CHECK(waiting.wait().code == 0);
    CHECK(link(host.space, "vx1").at("mtu") == 8951);

    sh(host.space, "ip link set eth0 mtu 1500");
    const auto changed =
        apply_text(host.space, with_peers("\"100.64.158.4\", \"100.64.158.5\""), "--wait 600");
    CHECK(changed.code == 0);
    CHECK(told(changed, "mtu-too-large-now"));
    CHECK(flood_list(host.space, "vx1").size() == 2);
    CHECK(link(host.space, "vx1").at("mtu") == 8951);
    CHECK(apply_text(host.space, with_peers("\"100.64.158.4\"") + "ttl = 9\n").code == 0);
    CHECK(check_text(host.space, with_peers("\"100.64.158.4\"") + "ttl = 9\n").code == 0);
}
