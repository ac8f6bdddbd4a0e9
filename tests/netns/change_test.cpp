// `set` and `peer`, which change a part of a tunnel, and `up`, which describes all of it.
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <linux/if_link.h>

using namespace world;

namespace {

/// A tunnel with everything that the shortest command would put back to its default.
constexpr const char* full_words =
    "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132 --mtu 1400 "
    "--forward --rp-filter loose --ttl 9 --route 192.168.7.0/24 --rule 'from 172.21.0.0/24,table "
    "77' --forward-from eth0";

} // namespace

TEST_CASE("peer: one more, and one less, and nothing else changes") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, full_words).code == 0);
    const auto before = snapshot(host);

    const auto added = vxlanctl_counted(host, "peer add vxlan0 100.64.158.133");
    CHECK(added.finished.code == 0);
    CHECK(added.writes == 1);
    CHECK(flood_list(host, "vxlan0") ==
          std::vector<std::string>{"100.64.158.132", "100.64.158.133", "100.64.158.4"});
    CHECK(reaches(host, "10.192.158.133"));
    CHECK(vxlanctl_counted(host, "peer add vxlan0 100.64.158.133").writes == 0);

    const auto dry = vxlanctl(host, "peer del -n vxlan0 100.64.158.133");
    CHECK(dry.code == 0);
    CHECK(flood_list(host, "vxlan0").size() == 3);
    CHECK(vxlanctl(host, "peer del vxlan0 100.64.158.133").code == 0);
    sh(host, "ip neigh flush dev vxlan0");
    CHECK(difference(before, snapshot(host)).empty());

    const auto absent = vxlanctl(host, "peer del vxlan0 100.64.158.99");
    CHECK(absent.code == 0);
    CHECK(told(absent, "peer-not-there", {"100.64.158.99"}));
    CHECK(difference(before, snapshot(host)).empty());
}

TEST_CASE("peer: what somebody changed by hand stays as it is") {
    const Host host;
    REQUIRE(vxlanctl(host.space, full_words).code == 0);
    sh(host.space, "ip link set vxlan0 mtu 1300 && ip route del 192.168.7.0/24 && "
                   "ip addr add 10.225.194.200/9 dev vxlan0");
    REQUIRE(vxlanctl(host.space, "peer add vxlan0 100.64.158.133").code == 0);
    CHECK(link(host.space, "vxlan0").at("mtu") == 1300);
    CHECK(sh(host.space, "ip route show 192.168.7.0/24").empty());
    CHECK(addresses(host.space, "vxlan0").size() == 2);
    // What was set is remembered all the same.
    const auto again = vxlanctl(host.space, std::string(full_words) + " 100.64.158.133");
    CHECK(again.code == 0);
    CHECK(link(host.space, "vxlan0").at("mtu") == 1400);
    CHECK(!sh(host.space, "ip route show 192.168.7.0/24").empty());
}

TEST_CASE("peer: the last one may go, and is missed") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const auto removed = vxlanctl(host.space, "peer del vxlan0 100.64.158.4 100.64.158.132");
    CHECK(removed.code == 0);
    CHECK(told(removed, "no-peer-left"));
    CHECK(flood_list(host.space, "vxlan0").empty());
    CHECK(vxlanctl(host.space, "peer add vxlan0 100.64.158.4").code == 0);
    CHECK(flood_list(host.space, "vxlan0") == std::vector<std::string>{"100.64.158.4"});
}

TEST_CASE("peer: an entry with a port of its own is the same peer") {
    const Host host;
    REQUIRE(apply_text(host.space, "[vxlan.vx1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                   "peers = [{ dst = \"100.64.158.4\", port = 5000 }]\n")
                .code == 0);
    const auto words = "peer add vx1 100.64.158.4 --override";
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
    CHECK(flood_list(host.space, "vx1").size() == 1);
    CHECK(vxlanctl(host.space, "peer del vx1 100.64.158.4 --override").code == 0);
    CHECK(flood_list(host.space, "vx1").empty());
}

TEST_CASE("set: only what is named changes") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, full_words).code == 0);
    const auto before = snapshot(host);
    const auto changed = vxlanctl(host, "set vxlan0 --mtu 1300");
    INFO(changed.out << changed.err);
    CHECK(changed.code == 0);
    CHECK(link(host, "vxlan0").at("mtu") == 1300);
    CHECK(vxlanctl_counted(host, "set vxlan0 --mtu 1300").writes == 0);
    CHECK(vxlanctl(host, "set vxlan0 --mtu 1400").code == 0);
    CHECK(difference(before, snapshot(host)).empty());
    CHECK(reaches(host, "10.192.158.4"));

    SECTION("a list is the whole list") {
        CHECK(vxlanctl(host, "set vxlan0 --route 192.168.8.0/24").code == 0);
        CHECK(sh(host, "ip route show 192.168.7.0/24").empty());
        CHECK(!sh(host, "ip route show 192.168.8.0/24").empty());
        CHECK(link(host, "vxlan0").at("mtu") == 1400);
    }
    SECTION("a replacement keeps all that was set") {
        CHECK(vxlanctl(host, "set vxlan0 --vni 11").code == 4);
        CHECK(difference(before, snapshot(host)).empty());
        CHECK(vxlanctl(host, "set vxlan0 --vni 11 --allow-recreate").code == 0);
        CHECK(vxlanctl(host, "set vxlan0 --vni 10 --allow-recreate").code == 0);
        const auto without_mark = [](nlohmann::json all) {
            all.at("links").at("vxlan0").erase(std::to_string(IFLA_IFALIAS));
            return all;
        };
        CHECK(difference(without_mark(before), without_mark(snapshot(host))).empty());
        CHECK(vxlanctl_counted(host, full_words).writes == 0);
    }
    SECTION("the local address may be changed in place") {
        sh(host, "ip addr add 172.21.0.101/24 dev eth0");
        CHECK(vxlanctl(host, "set vxlan0 --local 172.21.0.101").code == 0);
        CHECK(link(host, "vxlan0").at("linkinfo").at("info_data").at("local") == "172.21.0.101");
        CHECK(link(host, "vxlan0").at("mtu") == 1400);
    }
}

TEST_CASE("set, peer: what cannot be done is one clear error, and changes nothing") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip link add other type vxlan id 77 dstport 4790 local 172.21.0.100 dev eth0");
    const auto before = snapshot(host.space);
    const auto refused = [&](const std::string& words, int code, const std::string& told_code) {
        const auto result = vxlanctl(host.space, words);
        INFO(words << "\n" << result.err);
        CHECK(result.code == code);
        CHECK(told(result, told_code));
    };
    refused("set vxlan0", 2, "nothing-to-set");
    refused("set", 2, "wrong-words");
    refused("set nope --mtu 1300", 2, "no-such-interface");
    refused("set eth0 --mtu 1300", 2, "not-a-tunnel");
    refused("set vxlan0 --mtu 13000", 2, "mtu-over-limit");
    refused("set vxlan0 --encaplimit 3", 2, "option-not-of-kind");
    refused("set other --mtu 1300", 4, "not-managed");
    refused("peer add other 100.64.158.4", 4, "not-managed");
    refused("peer add vxlan0", 2, "no-peer-named");
    refused("peer add", 2, "wrong-words");
    refused("peer add vxlan0 172.21.0.100", 2, "address-is-local");
    refused("peer add vxlan0 10.192.158.4", 4, "peer-leads-into-tunnel");
    refused("peer add nope 100.64.158.4", 2, "no-such-interface");
    CHECK(difference(before, snapshot(host.space)).empty());

    CHECK(vxlanctl(host.space, "peer add other 100.64.158.4 --adopt").code == 0);
    CHECK(flood_list(host.space, "other") == std::vector<std::string>{"100.64.158.4"});
}

TEST_CASE("set, peer: a tunnel that a file defines keeps what the file says") {
    const Host host;
    write_text("/run/one.toml",
               "[vxlan.vx1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmtu = 1400\n"
               "peers = [\"100.64.158.4\"]\n");
    REQUIRE(vxlanctl(host.space, "apply /run/one.toml").code == 0);
    const auto before = snapshot(host.space);
    CHECK(vxlanctl_counted(host.space, "set vx1 --mtu 1400").writes == 0);
    for (const std::string words :
         {"set vx1 --mtu 1300", "peer add vx1 100.64.158.5", "peer del vx1 100.64.158.4"}) {
        const auto refused = vxlanctl(host.space, words);
        INFO(words);
        CHECK(refused.code == 4);
        CHECK(told(refused, "file-says-otherwise",
                   {"/run/one.toml", words.starts_with("set") ? "mtu: 1400 -> 1300" : "peers"}));
    }
    CHECK(difference(before, snapshot(host.space)).empty());
    const auto changed = vxlanctl(host.space, "peer add vx1 100.64.158.5 --override");
    CHECK(changed.code == 0);
    CHECK(told(changed, "overrides-file", {"/run/one.toml"}));
    CHECK(flood_list(host.space, "vx1").size() == 2);
    CHECK(vxlanctl(host.space, "check /run/one.toml").code == 3);
    CHECK(vxlanctl(host.space, "apply /run/one.toml").code == 0);
    CHECK(difference(before, snapshot(host.space)).empty());

    // Without its file the tunnel is the command line's.
    std::filesystem::remove("/run/one.toml");
    CHECK(vxlanctl(host.space, "set vx1 --mtu 1300").code == 0);
    CHECK(link(host.space, "vx1").at("mtu") == 1300);
}

TEST_CASE("up: says what it puts back to the default because it is not repeated") {
    const Host host;
    REQUIRE(vxlanctl(host.space, full_words).code == 0);
    const auto planned = vxlanctl(host.space, "up -n " + up_words.substr(3));
    CHECK(planned.code == 0);
    CHECK(told(planned, "resets-not-repeated",
               {"forward", "mtu", "routes", "rp_filter", "rules", "ttl"}));
    CHECK(link(host.space, "vxlan0").at("mtu") == 1400);
    CHECK(told(vxlanctl(host.space, up_words), "resets-not-repeated"));
    CHECK(link(host.space, "vxlan0").at("mtu") == 8951);
    CHECK(!told(vxlanctl(host.space, up_words), "resets-not-repeated"));
}

TEST_CASE("peer: a loaded firewall table drops the new one until the command of the warning ran") {
    const Network network;
    const Namespace& host = network.host.space;
    if (run(host, {"nft", "add", "table", "inet", "other"}).code != 0)
        SKIP_CASE("this kernel has no nf_tables for IP");
    REQUIRE(vxlanctl(host, up_words).code == 0);
    const auto quiet = vxlanctl(host, "peer del vxlan0 100.64.158.132");
    REQUIRE(quiet.code == 0);
    CHECK(!told(vxlanctl(host, "peer add vxlan0 100.64.158.132"), "loaded-firewall-drops"));
    RunOptions rules;
    rules.input = vxlanctl(host, "firewall vxlan0").out;
    REQUIRE(run(host, {"nft", "-f", "-"}, rules).code == 0);

    const auto added = vxlanctl(host, "peer add vxlan0 100.64.158.133");
    CHECK(added.code == 0);
    REQUIRE(told(added, "loaded-firewall-drops",
                 {"nft add element inet vxlanctl_vxlan0 peers '{ 100.64.158.133 }'"}));
    CHECK(run(host, {"ping", "-n", "-c", "1", "-W", "1", "10.192.158.133"}).code == 1);
    sh(host, "nft add element inet vxlanctl_vxlan0 peers '{ 100.64.158.133 }'");
    CHECK(reaches(host, "10.192.158.133"));
    CHECK(!told(vxlanctl(host, "peer del vxlan0 100.64.158.133"), "loaded-firewall-drops"));
    CHECK(!told(vxlanctl(host, "peer add vxlan0 100.64.158.133"), "loaded-firewall-drops"));
}
