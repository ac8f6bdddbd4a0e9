// What --ip-commands prints makes the same, of kinds of links that the kernels of many hosts lack.
#include "twins.h"

#include <catch2/catch.hpp>

using namespace world;

TEST_CASE("twin: ISATAP with its routers, created, changed and removed", "[long]") {
    Twins twins;
    const std::string words = "isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.4";
    twins.run(words);
    twins.run(words + " 100.64.158.5 --router 100.64.158.6 --metric 1 --metric 2");
    // The flag of the one changes, another one goes.
    twins.run("isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.6 --router 100.64.158.4");
    for (const char* option : {"--ttl 9", "--mtu 1400", "--ttl inherit --global-id",
                               "--mtu 1300 --ttl 9 --no-default-route --route 2001:db8:7::/48 "
                               "--rule 'from 172.21.0.100,table 9'"})
        twins.run(words + " " + option);
    twins.both("ip link set sit1 type sit tos 0x14 ttl inherit nopmtudisc");
    twins.run("isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.4 --dev eth0");
    CHECK(twins.run("down sit1") == "ip link del dev sit1\n");
    twins.run(words + " --dev eth0 --mtu 1400 --ttl 9");
}

TEST_CASE("twin: a sit that is no ISATAP is replaced, and keeps what it carries", "[long]") {
    for (const char* mode : {"ip6ip", "any"}) {
        Twins twins;
        twins.both(std::string("ip link add sit1 mtu 1380 type sit local 172.21.0.100 ttl 64 tos "
                               "0x14 mode ") +
                   mode +
                   "\nip addr add 2001:db8:8::1/64 dev sit1; ip link set sit1 up\n"
                   "ip -6 route add 2001:db8:6::/48 dev sit1");
        twins.run("isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.4 --allow-recreate "
                  "--keep-foreign");
    }
}

TEST_CASE("twin: iproute2 cannot take a lower device away, and the commands say so", "[long]") {
    Twins twins;
    const std::string words = "isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.4 --ttl 7";
    twins.run(words + " --dev eth0");
    const auto commands = vxlanctl(twins.ours.space, words + " -n --ip-commands").out;
    CHECK(commands.find("# sit1: left out, since iproute2 6.1 has no word for it: dev none\n") !=
          std::string::npos);
    sh(twins.theirs.space, commands);
    REQUIRE(vxlanctl(twins.ours.space, words).code == 0);
    auto info = link(twins.theirs.space, "sit1").at("linkinfo").at("info_data");
    CHECK(info.at("link") == "eth0");
    info.erase("link");
    auto expected = link(twins.ours.space, "sit1").at("linkinfo").at("info_data");
    expected.erase("link");
    CHECK(info == expected);
}

TEST_CASE("twin: iproute2 refuses a TTL without path MTU discovery, and the commands say so",
          "[long]") {
    Twins twins;
    const std::string words = "isatap up sit1 172.21.0.100 2001:db8:5::/64 100.64.158.4";
    twins.run(words);
    twins.both("ip link set sit1 type sit nopmtudisc");
    const auto commands = vxlanctl(twins.ours.space, words + " --ttl 7 -n --ip-commands").out;
    CHECK(commands.find("# sit1: left out, since iproute2 6.1 has no word for it: pmtudisc no\n") !=
          std::string::npos);
    sh(twins.theirs.space, commands);
    CHECK(link(twins.theirs.space, "sit1").at("linkinfo").at("info_data").at("ttl") == 7);
}

TEST_CASE("twin: IPv4 in IPv6, created, changed in every attribute, and removed", "[long]") {
    Twins twins;
    const std::string words = "ipip6 up site1 2001:db8:21::100 2001:db8:21::2 192.0.2.1/30";
    const auto change = [&](const std::string& options) { twins.run(words + " " + options); };
    twins.run(words);
    for (const char* options :
         {"--ttl 9", "--ttl inherit", "--tclass 32", "--tclass inherit", "--tclass 0",
          "--encaplimit 4", "--encaplimit none", "--mtu 1300", "", "--dev eth0",
          "--dev eth0 --mtu 1400 --ttl 9 --tclass 0x14 --encaplimit 0 --route 192.168.10.0/24 "
          "--rule 'from 192.0.2.1,table 9'"})
        change(options);
    // What nobody states stays, also where the kernel wants to hear all of it.
    twins.both("ip link set site1 type ip6tnl flowlabel 0x12345");
    change("--dev eth0 --ttl 8");
    twins.both("ip link set site1 type ip6tnl flowlabel inherit dscp inherit");
    change("--dev eth0 --ttl 7");
    twins.run("down site1");
    change("--dev eth0 --mtu 1400 --ttl inherit --tclass inherit --encaplimit 4");
}

TEST_CASE("twin: a foreign IPv6 tunnel is made to carry IPv4", "[long]") {
    for (const char* mode : {"ip6ip6", "any"}) {
        Twins twins;
        twins.both(std::string("ip link add site1 type ip6tnl local 2001:db8:21::100 remote "
                               "2001:db8:21::2 flowlabel 0x12345 encaplimit none mode ") +
                   mode + "\nip link set site1 up");
        twins.run("ipip6 up site1 2001:db8:21::100 2001:db8:21::2 192.0.2.1/30");
    }
}

TEST_CASE("twin: into a VRF, from there to a bridge, and out of both", "[long]") {
    Twins twins;
    twins.both("ip link add vrf1 type vrf table 100; ip link set vrf1 up\n"
               "ip link add br0 address 02:00:00:00:00:b0 type bridge; ip link set br0 up");
    const std::string words = up_words + " --allow-flap --route 192.0.2.0/24";
    twins.run(words + " --vrf vrf1");
    twins.run(words + " --master br0");
    twins.run(words);
    twins.both("ip addr add 2001:db8:5::1/64 dev vxlan0 nodad\n"
               "ip -6 route add 2001:db8:6::/48 via 2001:db8:5::2 dev vxlan0\n"
               "ip route add 203.0.113.0/24 dev vxlan0\n"
               "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0\n"
               "bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst 100.64.158.4 static");
    twins.run(words + " --vrf vrf1");
    twins.run(words);
}
