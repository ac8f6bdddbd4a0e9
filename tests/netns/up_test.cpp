// What `up` builds, attribute by attribute as iproute2 sees it.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

const nlohmann::json& vxlan_of(const nlohmann::json& link) {
    return link.at("linkinfo").at("info_data");
}

/// A second run writes nothing and says so.
void check_in_sync(const Namespace& space, const std::string& words) {
    const auto again = vxlanctl_counted(space, words);
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    CHECK(again.finished.out == "vxlan0: in sync\n");
}

} // namespace

TEST_CASE("up: builds the whole tunnel of the contract's example", "[kernel]") {
    const Host host;
    const auto made = vxlanctl(host.space, up_words);
    INFO(made.err);
    REQUIRE(made.code == 0);

    const auto it = link(host.space, "vxlan0");
    CHECK(it.at("linkinfo").at("info_kind") == "vxlan");
    CHECK(it.at("mtu") == 8951);
    CHECK(it.at("flags").dump().find("\"UP\"") != std::string::npos);
    CHECK(vxlan_of(it).at("id") == 10);
    CHECK(vxlan_of(it).at("port") == 4789);
    CHECK(vxlan_of(it).at("local") == "172.21.0.100");
    CHECK(vxlan_of(it).at("link") == "eth0");
    CHECK(vxlan_of(it).at("ageing") == 300);
    CHECK(vxlan_of(it).at("learning") == true);
    CHECK(vxlan_of(it).at("udp_csum") == true);
    CHECK(vxlan_of(it).value("ttl", 0) == 0);
    CHECK_FALSE(vxlan_of(it).contains("group"));
    CHECK_FALSE(vxlan_of(it).contains("remote"));
    CHECK(it.at("ifalias").get<std::string>().starts_with("vxlanctl/1 cli "));

    const auto address =
        json_of(host.space, "ip -j -4 addr show dev vxlan0").at(0).at("addr_info").at(0);
    CHECK(address.at("local") == "10.225.194.171");
    CHECK(address.at("prefixlen") == 9);
    CHECK(address.at("broadcast") == "10.255.255.255");
    CHECK(address.at("scope") == "global");

    const auto fdb = json_of(host.space, "bridge -j fdb show dev vxlan0");
    REQUIRE(fdb.size() == 2);
    for (const auto& entry : fdb) {
        CHECK(entry.at("mac") == "00:00:00:00:00:00");
        CHECK(entry.at("state") == "permanent");
        CHECK(entry.at("flags") == nlohmann::json::array({"self"}));
        CHECK_FALSE(entry.contains("via"));
    }
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    check_in_sync(host.space, up_words);
}

TEST_CASE("up: every option reaches the kernel, and a second run changes nothing", "[kernel]") {
    const Host host;
    sh(host.space, "ip link add br0 type bridge");
    const std::string words =
        up_words + " --vni 77 --port 4790 --mtu 1400 --mac 02:00:00:00:00:aa --ttl 64 --tos 16"
                   " --df set --ageing 60 --no-learning --srcport 10000-20000 --no-udp-csum"
                   " --limit 100 --master br0 --address 192.0.2.1/24 --address 2001:db8:9::1/64";
    const auto made = vxlanctl(host.space, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    const auto it = link(host.space, "vxlan0");
    CHECK(it.at("mtu") == 1400);
    CHECK(it.at("address") == "02:00:00:00:00:aa");
    CHECK(it.at("master") == "br0");
    CHECK(vxlan_of(it).at("id") == 77);
    CHECK(vxlan_of(it).at("port") == 4790);
    CHECK(vxlan_of(it).at("ttl") == 64);
    CHECK(vxlan_of(it).at("tos") == "0x10");
    CHECK(vxlan_of(it).at("df") == "set");
    CHECK(vxlan_of(it).at("ageing") == 60);
    CHECK(vxlan_of(it).at("learning") == false);
    CHECK(vxlan_of(it).at("port_range") == nlohmann::json{{"low", 10000}, {"high", 20000}});
    CHECK(vxlan_of(it).at("udp_csum") == false);
    CHECK(vxlan_of(it).at("limit") == 100);
    CHECK(addresses(host.space, "vxlan0") ==
          Strings{"10.225.194.171/9", "192.0.2.1/24", "2001:db8:9::1/64"});
    check_in_sync(host.space, words);
}

TEST_CASE("up: ttl and tos can be inherited", "[kernel]") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words + " --ttl inherit --tos inherit").code == 0);
    const auto text = sh(host.space, "ip -d link show dev vxlan0");
    CHECK(text.find(" ttl inherit ") != std::string::npos);
    CHECK(text.find(" tos inherit ") != std::string::npos);
    check_in_sync(host.space, up_words + " --ttl inherit --tos inherit");
    CHECK(vxlanctl(host.space, up_words + " --ttl 64").code == 4); // create-only in the kernel
}

TEST_CASE("up: the inner address as CIDR, with a dotted mask, IPv6, or none") {
    const Host host;
    const auto with_inner = [](const std::string& inner) {
        return "up eth0 172.21.0.100 vxlan0 " + inner + " 100.64.158.4";
    };
    SECTION("dotted mask") {
        REQUIRE(vxlanctl(host.space, with_inner("10.225.194.171/255.128.0.0")).code == 0);
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"});
        check_in_sync(host.space, with_inner("10.225.194.171/9"));
    }
    SECTION("IPv6, ready for use when the program ends") {
        REQUIRE(vxlanctl(host.space, with_inner("2001:db8:5::1/64")).code == 0);
        const auto info = json_of(host.space, "ip -j -6 addr show dev vxlan0 scope global");
        const auto& address = info.at(0).at("addr_info").at(0);
        CHECK(address.at("local") == "2001:db8:5::1");
        CHECK_FALSE(address.contains("tentative"));
        check_in_sync(host.space, with_inner("2001:db8:5::1/64"));
    }
    SECTION("none") {
        REQUIRE(vxlanctl(host.space, with_inner("-")).code == 0);
        CHECK(addresses(host.space, "vxlan0").empty());
        CHECK(link(host.space, "vxlan0").at("flags").dump().find("\"UP\"") != std::string::npos);
        check_in_sync(host.space, with_inner("-"));
    }
    SECTION("a host route, without a broadcast address") {
        REQUIRE(vxlanctl(host.space, with_inner("10.225.194.171/32")).code == 0);
        const auto info = json_of(host.space, "ip -j -4 addr show dev vxlan0");
        CHECK_FALSE(info.at(0).at("addr_info").at(0).contains("broadcast"));
        check_in_sync(host.space, with_inner("10.225.194.171/32"));
    }
}

TEST_CASE("up: the underlay may be IPv6", "[kernel]") {
    const Host host;
    const std::string words =
        "up eth0 2001:db8:21::100 vxlan0 10.225.194.171/9 2001:db8:64::4 2001:db8:64::132";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    const auto it = link(host.space, "vxlan0");
    CHECK(it.at("mtu") == 9001 - 70);
    CHECK(vxlan_of(it).at("local6") == "2001:db8:21::100");
    CHECK(flood_list(host.space, "vxlan0") == Strings{"2001:db8:64::132", "2001:db8:64::4"});
    check_in_sync(host.space, words);

    SECTION("without checksums, it also accepts packets without") {
        const std::string without = words + " --no-udp-csum";
        REQUIRE(vxlanctl(host.space, without + " --allow-recreate").code == 0);
        const auto changed = link(host.space, "vxlan0");
        CHECK(vxlan_of(changed).at("udp_zero_csum6_tx") == true);
        CHECK(vxlan_of(changed).at("udp_zero_csum6_rx") == true);
        check_in_sync(host.space, without);
    }
}

TEST_CASE("up: no lower device") {
    const Host host;
    const std::string words = "up - 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    const auto it = link(host.space, "vxlan0");
    CHECK_FALSE(vxlan_of(it).contains("link"));
    CHECK(it.at("mtu") == 1500);
    check_in_sync(host.space, words);

    SECTION("adding one is a change in place, taking it away is not") {
        const auto index = it.at("ifindex");
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        CHECK(link(host.space, "vxlan0").at("ifindex") == index);
        CHECK(vxlan_of(link(host.space, "vxlan0")).at("link") == "eth0");
        CHECK(vxlanctl(host.space, words).code == 4);
        CHECK(vxlanctl(host.space, words + " --allow-recreate").code == 0);
        CHECK_FALSE(vxlan_of(link(host.space, "vxlan0")).contains("link"));
    }
}

TEST_CASE("up: attributes change in place, and go back to the default when no longer stated",
          "[kernel]") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const auto index = link(host.space, "vxlan0").at("ifindex");
    sh(host.space, "ip link add br0 type bridge");

    const auto changed = vxlanctl(host.space, up_words + " --mtu 1400 --ttl 9 --tos 4 --df set"
                                                         " --ageing 99 --no-learning --master br0");
    INFO(changed.err);
    REQUIRE(changed.code == 0);
    CHECK(changed.out.find("mtu: 8951 -> 1400") != std::string::npos);
    auto it = link(host.space, "vxlan0");
    CHECK(it.at("ifindex") == index);
    CHECK(it.at("mtu") == 1400);
    CHECK(it.at("master") == "br0");
    CHECK(vxlan_of(it).at("ttl") == 9);

    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    it = link(host.space, "vxlan0");
    CHECK(it.at("ifindex") == index);
    CHECK(it.at("mtu") == 8951);
    CHECK_FALSE(it.contains("master"));
    CHECK(vxlan_of(it).value("ttl", 0) == 0);
    CHECK(vxlan_of(it).value("ageing", 0) == 300);
    CHECK(vxlan_of(it).at("learning") == true);
    check_in_sync(host.space, up_words);
}

TEST_CASE("up: what was never stated is never touched") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip link set vxlan0 mtu 1300; ip link set vxlan0 type vxlan ttl 7 ageing 11");
    check_in_sync(host.space, up_words);
    CHECK(link(host.space, "vxlan0").at("mtu") == 1300);
}

TEST_CASE("up: without its record it resets nothing, and says so once") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words + " --ttl 9").code == 0);
    sh(host.space, "rm -f /run/vxlanctl/*/record-*");
    const auto first = vxlanctl_counted(host.space, up_words);
    CHECK(first.finished.code == 0);
    CHECK(first.writes == 0);
    CHECK(told(first.finished, "record-missing"));
    CHECK(vxlan_of(link(host.space, "vxlan0")).at("ttl") == 9);
    CHECK(vxlanctl(host.space, up_words).err.empty());
}

TEST_CASE("up: ten thousand peers from a file, then one of them changed") {
    const Host host;
    std::string file = "# peers\n\n";
    Strings expected;
    for (int i = 0; i < 10000; ++i) {
        const auto peer = fmt::format("100.65.{}.{}", i / 250, i % 250 + 1);
        file += peer + (i % 3 == 0 ? "   # with a comment\n" : "\n");
        expected.push_back(peer);
    }
    std::sort(expected.begin(), expected.end());
    const std::string words = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --peers-file -";
    RunOptions options;
    options.input = file;
    const auto made = vxlanctl(host.space, words, options);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(flood_list(host.space, "vxlan0") == expected);
    CHECK(vxlanctl(host.space, words, options).out == "vxlan0: in sync\n");

    options.input.replace(options.input.find("100.65.0.1 "), 10, "100.66.0.1");
    const auto changed = vxlanctl(host.space, words, options);
    CHECK(changed.out == "vxlan0: changed\n  + peer 100.66.0.1\n  - peer 100.65.0.1\n");
}

TEST_CASE("up: a progress bar on a terminal, and none elsewhere") {
    const Host host;
    std::string command = "(";
    command += "i=0; while [ $i -lt 64 ]; do j=1; while [ $j -le 250 ]; do echo 100.65.$i.$j; "
               "j=$((j+1)); done; i=$((i+1)); done) > /run/many";
    sh(host.space, command);
    const std::string call = std::string(VXLANCTL_PROGRAM) +
                             " up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --peers-file /run/many";
    // script(1) gives the program a terminal; how long 16,000 appends take depends on the kernel.
    RunOptions slow;
    slow.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                        {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                        {"VXLANCTL_SEND_TIME", "100"}};
    const auto shown = run(host.space, {"script", "-qec", call, "/dev/null"}, slow);
    CHECK(shown.code == 0);
    CHECK(shown.out.find("%") != std::string::npos);
    CHECK(shown.out.find("[####") != std::string::npos);
    sh(host.space, "ip link del vxlan0");
    CHECK(run(host.space, {"/bin/sh", "-c", call}).err.empty());
}

TEST_CASE("up: works in a named network namespace from outside") {
    const Host here;
    sh(here.space, "ip netns add there");
    sh(here.space, "ip -n there link add eth0 mtu 1500 type veth peer name wire0\n"
                   "ip -n there link set eth0 up; ip -n there link set wire0 up\n"
                   "ip -n there addr add 172.21.0.100/24 dev eth0\n"
                   "ip -n there route add default via 172.21.0.1");
    const auto made = vxlanctl(here.space, "--netns there " + up_words);
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK_FALSE(link_exists(here.space, "vxlan0"));
    CHECK(sh(here.space, "ip -n there -br link").find("vxlan0") != std::string::npos);
    CHECK(vxlanctl(here.space, "show --netns there").out.find("100.64.158.132") !=
          std::string::npos);
    CHECK(vxlanctl(here.space, "down vxlan0 --netns there").code == 0);
    CHECK(vxlanctl(here.space, "show --netns nowhere").code == 2);
    sh(here.space, "ip netns del there");
}

TEST_CASE("down: removes what is ours, says what is absent, refuses the rest") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip link add other type vxlan id 99 dstport 4789 local 172.21.0.100\n"
                   "ip link add br0 type bridge");
    const auto absent = vxlanctl_counted(host.space, "down nosuch");
    CHECK(absent.finished.code == 0);
    CHECK(absent.finished.out == "nosuch: not there\n");
    CHECK(absent.writes == 0);

    const auto foreign = vxlanctl_counted(host.space, "down other");
    CHECK(foreign.finished.code == 4);
    CHECK(told(foreign.finished, "not-made-by-vxlanctl"));
    CHECK(foreign.writes == 0);

    const auto bridge = vxlanctl_counted(host.space, "down br0 vxlan0 --force");
    CHECK(bridge.finished.code == 2);
    CHECK(bridge.writes == 0);

    CHECK(vxlanctl(host.space, "down vxlan0 -n").code == 0);
    CHECK(link_exists(host.space, "vxlan0"));
    CHECK(vxlanctl(host.space, "down --all").out == "vxlan0: removed\n  - link vxlan0\n");
    CHECK_FALSE(link_exists(host.space, "vxlan0"));
    CHECK(link_exists(host.space, "other"));
    CHECK(sh(host.space, "ls -R /run/vxlanctl").find("record-") == std::string::npos);
    CHECK(vxlanctl(host.space, "down other --force").code == 0);
    CHECK_FALSE(link_exists(host.space, "other"));
    CHECK(link_exists(host.space, "br0"));
}

TEST_CASE("dry run: changes nothing, and its commands build the same with iproute2") {
    const Host host, twin;
    const std::string words =
        up_words + " --mtu 1400 --ttl 64 --df set --no-learning --address 192.0.2.1/24";
    const auto planned = vxlanctl_counted(host.space, words + " -n");
    CHECK(planned.finished.code == 0);
    CHECK(planned.writes == 0);
    CHECK(planned.finished.out.find("vxlan0: would be created") == 0);
    CHECK_FALSE(link_exists(host.space, "vxlan0"));

    const auto compare = [&](const std::string& call) {
        const auto commands = vxlanctl(host.space, call + " -n --ip-commands");
        REQUIRE(commands.code == 0);
        sh(twin.space, commands.out);
        REQUIRE(vxlanctl(host.space, call).code == 0);
        auto by_us = listed(host.space), by_iproute2 = listed(twin.space);
        for (auto* all : {&by_us, &by_iproute2}) { // what is random, and the mark
            for (auto& [name, item] : (*all)["links"].items())
                item.erase("address"), item.erase("ifalias");
        }
        CHECK(difference(by_us, by_iproute2) == "");
    };
    compare(words);
    compare("up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133");
    compare("up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 --vni 11 --allow-recreate");
    compare("down vxlan0");
}

TEST_CASE("dry run: answers as the run would") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    CHECK(vxlanctl(host.space, up_words + " --vni 11 -n").code == 4);
    CHECK(vxlanctl(host.space, up_words + " --mtu 9001 -n").code == 2);
    CHECK(vxlanctl(host.space, up_words + " -n").out == "vxlan0: in sync\n");
}

TEST_CASE("up: a flow label is set, changed in place, and reset") {
    const Host host;
    const Namespace& space = host.space;
    const std::string words = "up eth0 2001:db8:21::100 vxlan0 10.0.0.1/24 2001:db8:64::4";
    const auto label = [&] {
        return link(space, "vxlan0").at("linkinfo").at("info_data").value("label", "0x0");
    };
    REQUIRE(vxlanctl(space, words + " --label 0x12345").code == 0);
    const auto index = link(space, "vxlan0").at("ifindex");
    CHECK(label() == "0x12345");
    CHECK(vxlanctl_counted(space, words + " --label 74565").writes == 0);
    CHECK(vxlanctl(space, words + " --label 7").code == 0);
    CHECK(label() == "0x7");
    const auto exported = vxlanctl(space, "export");
    CHECK(exported.out.find("label") != std::string::npos);
    CHECK(vxlanctl(space, words).code == 0);
    CHECK(label() == "0x0");
    CHECK(link(space, "vxlan0").at("ifindex") == index);
    CHECK(vxlanctl(space, words + " --label 0x100000").code == 2);
    const auto refused =
        vxlanctl(space, "up eth0 172.21.0.100 vxlan1 - 100.64.158.4 --vni 11 --label 7");
    CHECK(refused.code == 2);
    CHECK(told(refused, "label-over-ipv4", {"172.21.0.100"}));
}
