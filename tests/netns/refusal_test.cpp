// What is refused or impossible: the code, the words, and that nothing was touched.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

void check_untouched(const Namespace& space, const std::string& words, int code,
                     const std::string& word, const std::vector<std::string>& values = {},
                     std::map<std::string, std::string> environment = {}) {
    const auto before = snapshot(space);
    const auto counted = vxlanctl_counted(space, words, std::move(environment));
    INFO(words);
    INFO(counted.finished.err);
    CHECK(counted.finished.code == code);
    CHECK(counted.writes == 0);
    CHECK(counted.finished.out.empty());
    CHECK(told(counted.finished, word, values));
    const auto& err = counted.finished.err;
    CHECK(std::count(err.begin(), err.end(), '\n') == 1);
    CHECK(difference(before, snapshot(space)) == "");
}

} // namespace

TEST_CASE("bad input: one clear line, exit code 2, nothing touched") {
    const Host host;
    sh(host.space, "ip link set eth0 mtu 1500");
    const auto check = [&](const std::string& words, const std::string& word,
                           const std::vector<std::string>& values = {}) {
        check_untouched(host.space, words, 2, word, values);
    };
    const std::string begin = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 ";
    check(begin + "172.21.0.100", "address-is-local", {"172.21.0.100"});
    check(begin + "0.0.0.0", "address-not-unicast", {"0.0.0.0"});
    check(begin + "255.255.255.255", "address-not-unicast", {"255.255.255.255"});
    check(begin + "172.21.0.255", "peer-is-broadcast", {"broadcast", "172.21.0.0/24"});
    check(begin + "172.21.0.0", "peer-is-broadcast", {"network", "172.21.0.0/24"});
    check(begin + "::ffff:100.64.158.4", "mapped-address", {"100.64.158.4"});
    check(begin + "100.64.158.4/24", "not-an-ip-address");
    check(begin + "100.64.158.4:", "not-in-range");
    check(begin + "100.64.158.4%eth0", "peer-interface-wrong", {"eth0"});
    check(begin + "127.0.0.1", "address-not-unicast", {"127.0.0.1"});
    check(begin + "239.1.1.1", "address-not-unicast", {"239.1.1.1"});
    check(begin + "2001:db8::1", "peer-of-other-family", {"172.21.0.100"});
    check(begin + "100.64.158.4 100.64.158.4", "named-twice", {"100.64.158.4"});
    check(begin + "100.64.158.4.5", "not-an-ip-address", {"100.64.158.4.5"});
    check(begin, "no-peer-named, peers-file-possible");
    check("up eth0 172.21.0.100 vxlan0", "wrong-words");
    check("up eth0 172.21.0.101 vxlan0 - 100.64.158.4", "local-not-here", {"172.21.0.101"});
    check("up eth9 172.21.0.100 vxlan0 - 100.64.158.4", "underlay-missing", {"eth9"});
    check("up eth0 172.21.0.100 vxlan0 10.225.194.171 100.64.158.4", "prefix-length-missing");
    check("up eth0 172.21.0.100 vxlan0 10.225.194.171/33 100.64.158.4", "prefix-length-wrong",
          {"33", "32"});
    check("up eth0 172.21.0.100 sixteen_bytes_ab - 100.64.158.4", "interface-name-too-long",
          {"16", "15"});
    check("up eth0 172.21.0.100 a/b - 100.64.158.4", "interface-name-has-bad-characters");
    check("up eth0 172.21.0.100 .. - 100.64.158.4", "interface-name-is-directory");
    check("up eth0 172.21.0.100 vx%d - 100.64.158.4", "interface-name-has-bad-characters");
    check("up eth0 172.21.0.100 eth0 - 100.64.158.4", "name-of-other-kind");
    check(up_words + " --vni 0", "not-in-range", {"1", "16777215"});
    check(up_words + " --vni 16777216", "not-in-range", {"1", "16777215"});
    check(up_words + " --vni ten", "not-in-range", {"1", "16777215"});
    check(up_words + " --vni 010", "leading-zero", {"010"});
    check(up_words + " --wait 010", "leading-zero", {"010"});
    check(up_words + " --route '10.2.0.0/16,metric 010'", "leading-zero", {"010"});
    check("up eth0 172.21.0.100 vxlan0 10.225.194.171/09 100.64.158.4", "leading-zero", {"09"});
    check("up eth0 172.21.0.100 vxlan0 10.225.194.171/0x9 100.64.158.4", "prefix-length-wrong");
    check("up eth0 172.21.0.100 vxlan0 172.22.0.0/16 100.64.158.4", "address-of-network",
          {"network", "172.22.0.0/16"});
    check(up_words + " --port 65536", "not-in-range", {"1", "65535"});
    check(up_words + " --srcport 5-5", "port-range-reversed");
    check(up_words + " --mac 01:00:00:00:00:01", "mac-not-unicast");
    check(up_words + " --learning --no-learning", "options-contradict",
          {"--learning", "--no-learning"});
    check(up_words + " --keep-foreign", "option-needs", {"--keep-foreign", "--allow-recreate"});
    check(up_words + " --master br7", "master-missing", {"br7"});
    check(up_words + " --mtu 1451", "mtu-over-limit", {"1451", "1450", "eth0", "1500"});
    check(up_words + " --mtu 1200 --address 2001:db8:5::1/64", "mtu-below-ipv6",
          {"1200", "1280", "2001:db8:5::1/64"});
    check(up_words + " --colour never", "unknown-option, did-you-mean", {"--color"});
    check("upp eth0", "unknown-command, did-you-mean", {"'up'"});
    check("down --all=false", "option-takes-no-argument", {"--all"});
    check(begin + "172.21.0.0", "peer-is-broadcast", {"172.21.0.0/24"});
    check(begin + "0.1.2.3", "address-not-unicast", {"0.1.2.3"});
    check("up eth0 172.21.0.100 vxlan0 100.64.158.4/24 100.64.158.4", "inner-is-outer",
          {"100.64.158.4"});
    check("up eth0 172.21.0.100 vxlan0 172.21.0.100/32 100.64.158.4", "inner-is-outer",
          {"172.21.0.100"});
    check("up eth0 172.21.0.100 default - 100.64.158.4", "interface-name-reserved");
    check(up_words + " --master eth0", "master-not-a-bridge", {"eth0"});
    check(up_words + " --address 2001:db8:5::1/64 --address 2001:db8:5::1/48", "named-twice",
          {"2001:db8:5::1/48"});
    check("--netns . show", "netns-name-wrong");
    check(up_words + " --peers-file /nonexistent", "cannot-read-file", {"/nonexistent"});
    check("", "command-missing");
}

TEST_CASE("bad input: a peer's link that is not there, in a file") {
    const Host host;
    write_text("/run/via.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n"
                                "peers = [{ dst = \"100.64.158.4\", via = \"eth7\" }]\n");
    for (const char* command : {"apply /run/via.toml", "plan /run/via.toml"}) {
        const auto counted = vxlanctl_counted(host.space, command);
        INFO(counted.finished.err);
        CHECK(counted.finished.code == 2);
        CHECK(counted.writes == 0);
        CHECK(told(counted.finished, "interface-missing", {"100.64.158.4", "eth7"}));
    }
}

TEST_CASE("bad input: a broken peers file is named with its line, an empty one is refused") {
    const Host host;
    sh(host.space, "printf '100.64.158.4\\n\\n# x\\n100.64.158.400\\n' > /run/peers\n"
                   "printf '# nothing\\n' > /run/empty");
    const std::string words = "up eth0 172.21.0.100 vxlan0 - --peers-file ";
    check_untouched(host.space, words + "/run/peers", 2, "not-an-ip-address",
                    {"/run/peers:4: '100.64.158.400'"});
    check_untouched(host.space, words + "/run/empty", 2, "peers-file-empty", {"/run/empty"});
}

TEST_CASE("no route to a new peer is a warning, with a lower device as without") {
    const Host host;
    CHECK(vxlanctl(host.space, up_words + " -n").err.empty());
    sh(host.space, "ip route del default");
    for (const char* dev : {"eth0", "-"}) {
        const auto planned = vxlanctl(host.space, std::string("up ") + dev +
                                                      " 172.21.0.100 vxlan0 - 100.64.158.4 -n");
        CHECK(planned.code == 0);
        CHECK(told(planned, "no-route", {"100.64.158.4"}));
    }
}

TEST_CASE("a name held by another kind of link is an error, and that link is untouched") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type bridge");
    check_untouched(host.space, up_words + " --allow-recreate --drop-foreign", 2,
                    "name-of-other-kind", {"bridge"});
    sh(host.space, "ip link del vxlan0; ip link add vxlan0 type veth peer name other");
    check_untouched(host.space, up_words + " --allow-recreate --drop-foreign", 2,
                    "name-of-other-kind", {"veth"});
}

TEST_CASE("VNI and port in use: the holder is named where it is visible, and said to be elsewhere "
          "where it is not") {
    const Host host;
    sh(host.space, "ip link add vxlan7 type vxlan id 10 dstport 4789 local 172.21.0.100");
    check_untouched(host.space, up_words, 2, "vni-in-use", {"10", "4789", "vxlan7"});
    CHECK(vxlanctl(host.space, up_words + " -n").code == 2);

    const Namespace elsewhere;
    sh(host.space,
       fmt::format("ip link set vxlan7 netns /proc/{}/fd/{}", getpid(), elsewhere.descriptor()));
    const auto before = snapshot(host.space);
    const auto hidden = vxlanctl(host.space, up_words);
    CHECK(hidden.code == 2);
    CHECK(told(hidden, "vni-in-use-elsewhere", {"10", "4789"}));
    CHECK(hidden.err.find("File exists") != std::string::npos);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(sh(host.space, "ls -R /run/vxlanctl").find("record-") == std::string::npos);
    CHECK(vxlanctl(host.space, up_words + " --vni 11").code == 0);
}

TEST_CASE("an inner prefix that swallows the underlay is refused with what would move") {
    const Host host;
    const auto inner = [](const std::string& prefix) {
        return "up eth0 172.21.0.100 vxlan0 " + prefix + " 100.64.158.4";
    };
    SECTION("the local address's own subnet") {
        check_untouched(host.space, inner("172.16.0.5/12"), 4, "address-draws-traffic",
                        {"172.21.0.0/24 (the subnet"});
        check_untouched(host.space, inner("172.21.0.5/28"), 4, "address-draws-traffic",
                        {"172.21.0.0/24 (the subnet"});
        CHECK(vxlanctl(host.space, inner("172.21.0.5/32")).code == 0);
    }
    SECTION("the default gateway") {
        sh(host.space, "ip route replace default via 10.129.0.1 dev eth0 onlink");
        check_untouched(host.space, up_words, 4, "address-draws-traffic",
                        {"10.129.0.1 (the default gateway on eth0)"});
        CHECK(vxlanctl(host.space, up_words + " --allow-overlap").code == 0);
    }
    SECTION("the client of this SSH session") {
        check_untouched(host.space, up_words, 4, "address-draws-traffic",
                        {"10.200.0.7 (the client of this SSH session)"},
                        {{"SSH_CONNECTION", "10.200.0.7 51000 172.21.0.100 22"}});
    }
    SECTION("a peer, with a lower device as without") {
        check_untouched(host.space, "up - 172.21.0.100 vxlan0 100.64.0.9/10 100.64.158.4", 4,
                        "peer-leads-into-tunnel", {"100.64.158.4", "100.64.0.0/10"});
        check_untouched(host.space, inner("100.64.0.9/10"), 4, "peer-leads-into-tunnel",
                        {"100.64.158.4", "100.64.0.0/10"});
        CHECK(vxlanctl(host.space, inner("100.64.0.9/10") + " --allow-overlap").code == 0);
    }
    SECTION("but not when the client comes through the tunnel already") {
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        RunOptions options;
        options.environment = {{"SSH_CONNECTION", "10.200.0.7 51000 10.225.194.171 22"}};
        CHECK(vxlanctl(host.space,
                       "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.132",
                       options)
                  .code == 0);
    }
}

TEST_CASE("recreate: refused without the option that allows it") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    for (const char* option : {" --vni 11", " --port 4790", " --no-udp-csum", " --limit 5",
                               " --srcport 1000-2000", " --ttl inherit"})
        check_untouched(host.space, up_words + option, 4, "needs-replacement");
    const auto index = link(host.space, "vxlan0").at("ifindex");
    const auto made = vxlanctl(host.space, up_words + " --vni 11 --allow-recreate");
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(link(host.space, "vxlan0").at("ifindex") != index);
    CHECK(link(host.space, "vxlan0").at("linkinfo").at("info_data").at("id") == 11);
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    CHECK(vxlanctl_counted(host.space, up_words + " --vni 11").writes == 0);
    CHECK(sh(host.space, "ls -R /run/vxlanctl | grep -c record-") == "1\n");
}

TEST_CASE("recreate: undeclared addresses need a decision") {
    const Host host;
    sh(host.space, "ip link add br0 type bridge");
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip link set vxlan0 address 02:00:00:00:00:55; ip link set vxlan0 master br0\n"
                   "ip addr add 10.225.194.200/9 dev vxlan0\n"
                   "ip addr add 2001:db8:77::1/64 dev vxlan0 nodad\n"
                   "ip route add 192.0.2.0/24 via 10.192.158.4 dev vxlan0 proto static metric 7\n"
                   "ip route add 198.51.100.0/24 dev vxlan0 table 77\n"
                   "ip -6 route add 2001:db8:78::/64 via 2001:db8:77::9 dev vxlan0\n"
                   "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0 nud permanent\n"
                   "bridge fdb add 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4 static\n"
                   "bridge fdb append 01:00:5e:00:00:12 dev vxlan0 dst 100.64.158.4 static\n"
                   "ip route add 203.0.113.0/24 dev vxlan0\n"
                   "ip route add 192.0.2.128/25 via 203.0.113.1 dev vxlan0");
    const std::string words = up_words + " --port 4790 --allow-recreate";
    check_untouched(host.space, up_words + " --port 4790", 4, "needs-replacement");
    const auto undecided = vxlanctl_counted(host.space, words);
    CHECK(undecided.finished.code == 4);
    CHECK(undecided.writes == 0);
    CHECK(told(undecided.finished, "foreign-addresses-undecided",
               {"10.225.194.200/9, 2001:db8:77::1/64"}));

    SECTION("--keep-foreign puts everything back") {
        auto before = listed(host.space);
        const auto kept = vxlanctl(host.space, words + " --keep-foreign");
        INFO(kept.err);
        REQUIRE(kept.code == 0);
        auto after = listed(host.space);
        CHECK(after["links"]["vxlan0"]["linkinfo"]["info_data"]["port"] == 4790);
        for (auto* all : {&before, &after}) {
            (*all)["links"]["vxlan0"]["linkinfo"]["info_data"].erase("port");
            (*all)["links"]["vxlan0"].erase("ifalias");                     // a new mark
            (*all)["links"]["vxlan0"]["linkinfo"].erase("info_slave_data"); // a new port number
        }
        CHECK(difference(before, after) == "");
    }
    SECTION("--drop-foreign leaves what is stated") {
        REQUIRE(vxlanctl(host.space, words + " --drop-foreign").code == 0);
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"});
        CHECK_FALSE(link(host.space, "vxlan0").contains("master"));
        CHECK(sh(host.space, "ip route show table all dev vxlan0").find("192.0.2.0") ==
              std::string::npos);
    }
}

TEST_CASE("recreate: an IPv6 address with a lifetime gets its connected route again") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip -6 addr add 2001:db8:77::1/64 dev vxlan0 nodad valid_lft 5000 "
                   "preferred_lft 4000\n"
                   "ip -6 route add 2001:db8:90::/48 via 2001:db8:77::2 dev vxlan0");
    const auto has_routes = [&] {
        return sh(host.space, "ip -6 route show 2001:db8:77::/64 dev vxlan0") != "" &&
               sh(host.space, "ip -6 route show 2001:db8:90::/48 dev vxlan0") != "";
    };
    REQUIRE(has_routes());
    const std::string allowed = " --allow-recreate --keep-foreign";
    for (long broken = 1;; ++broken) {
        const auto counted =
            vxlanctl_counted(host.space, up_words + " --srcport 5000-6000" + allowed,
                             {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
        INFO("broken write " << broken << counted.finished.err);
        CHECK(has_routes());
        if (counted.finished.code == 0) break;
        REQUIRE(counted.finished.code == 1);
    }
    CHECK(vxlanctl(host.space, up_words + " --srcport 5000-6000 --vni 12" + allowed).code == 0);
    CHECK(has_routes());
}

TEST_CASE("recreate: a route waits for its source address to pass duplicate address detection") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip -6 addr add 2001:db8:77::1/64 dev vxlan0 nodad\n"
                   "ip -6 route add 2001:db8:92::/48 dev vxlan0 src 2001:db8:77::1\n"
                   "ip -6 addr change 2001:db8:77::1/64 dev vxlan0");
    const auto made =
        vxlanctl(host.space, up_words + " --port 4790 --allow-recreate --keep-foreign");
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(sh(host.space, "ip -6 route show 2001:db8:92::/48").find("src 2001:db8:77::1") !=
          std::string::npos);
}

TEST_CASE("without CAP_NET_ADMIN: one line, exit code 1; show and dry run work") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    RunOptions nobody;
    nobody.as_nobody = true;
    const auto refused = vxlanctl(host.space, up_words, nobody);
    if (refused.code == 126) { // an ordinary user's namespace has no second user
        SKIP_CASE("cannot become another user here");
    }
    CHECK(refused.code == 1);
    CHECK(told(refused, "needs-net-admin"));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
    const auto shown = vxlanctl(host.space, "show vxlan0", nobody);
    CHECK(shown.code == 0);
    CHECK(shown.out.find("\n  100.64.158.132  ") != std::string::npos);
    CHECK(vxlanctl(host.space, up_words + " -n", nobody).out == "vxlan0: in sync\n");
    CHECK(vxlanctl(host.space, "down vxlan0", nobody).code == 1);
    CHECK(link_exists(host.space, "vxlan0"));
}
