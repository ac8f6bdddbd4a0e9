// Tunnels of one call in several network namespaces.
#include "faults.h"
#include "struck.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fstream>
#include <memory>

using namespace world;

namespace {

const std::string vpgs_example = EXAMPLES "/two-vpgs-netns.toml";

/// A host with two interfaces, in which a test may name namespaces.
struct TwoDevices : Host {
    TwoDevices() {
        sh(space, "ip link add eth1 mtu 9001 type veth peer name wire1; ip link set eth1 up\n"
                  "ip link set wire1 up; ip addr add 172.21.1.100/24 dev eth1\n"
                  "ip route add 192.0.2.0/24 via 172.21.1.1 dev eth1\n"
                  "echo 2 >/proc/sys/net/ipv4/conf/eth1/rp_filter");
    }
    ~TwoDevices() {
        sh(space, "for name in $(ip netns list | cut -d' ' -f1); do ip netns del $name; done");
    }
};

/// What lies behind one interface of the host: a router and a peer with the outer address
/// 100.64.158.4 and the inner one 10.192.158.4, the same behind each.
struct Vpg {
    Vpg(const Namespace& host, const std::string& wire, const std::string& gateway,
        const std::string& local) {
        sh(host,
           fmt::format("ip link set {} netns /proc/{}/fd/{}", wire, getpid(), router.descriptor()));
        sh(router, fmt::format("ip link add peer type veth peer name eth0 netns /proc/{}/fd/{}",
                               getpid(), peer.descriptor()));
        sh(router, fmt::format("ip link set {0} up; ip addr add {1}/24 dev {0}\n"
                               "ip link set peer up; ip addr add 100.64.158.1/24 dev peer\n"
                               "echo 1 >/proc/sys/net/ipv4/ip_forward",
                               wire, gateway));
        sh(peer, fmt::format("ip link set eth0 up; ip addr add 100.64.158.4/24 dev eth0\n"
                             "ip route add default via 100.64.158.1\n"
                             "ip link add vxlan0 type vxlan id 10 dstport 4789 local 100.64.158.4\n"
                             "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {}\n"
                             "ip addr add 10.192.158.4/9 dev vxlan0; ip link set vxlan0 up",
                             local));
    }
    long received() const {
        const auto vxlan = json_of(peer, "ip -s -j link show dev vxlan0");
        return vxlan.at(0).at("stats64").at("rx").at("packets").get<long>();
    }
    Namespace router, peer;
};

RunOptions input(std::string text) {
    RunOptions options;
    options.input = std::move(text);
    return options;
}

const std::string second_vpg = "[vxlan.vxlan1]\nnetns = 'vpg-b'\ndev = 'eth1'\n"
                               "local = '172.21.1.100'\naddresses = ['10.1.0.1/24']\n"
                               "peers = ['100.64.158.4']\n";
const std::string brought = "create_netns = true\nmove_dev = true\n";

bool has_namespace(const Namespace& space) {
    return sh(space, "ip netns list").find("vpg-b") != std::string::npos;
}

} // namespace

TEST_CASE("namespaces: two VPGs with one VNI and the same addresses, each reached by its own") {
    const TwoDevices host;
    const Vpg first(host.space, "wire0", "172.21.0.1", "172.21.0.100");
    const Vpg other(host.space, "wire1", "172.21.1.1", "172.21.1.100");
    const auto made = vxlanctl(host.space, "apply " + vpgs_example);
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("vxlan0: created\n") != std::string::npos);
    CHECK(made.out.find("vxlan1 in vpg-b: created\n  + network namespace vpg-b\n  + lower device "
                        "eth1, with 172.21.1.100/24, route 192.0.2.0/24 via 172.21.1.1\n") !=
          std::string::npos);
    sh(host.space, "ping -c 1 -w 600 10.192.158.4");
    const long of_first = first.received();
    CHECK(of_first > 0);
    sh(host.space, "ip netns exec vpg-b ping -c 1 -w 600 10.192.158.4");
    CHECK(other.received() > 0);
    CHECK(sh(host.space, "ip -n vpg-b route show 192.0.2.0/24").find("via 172.21.1.1 dev eth1") !=
          std::string::npos);

    const auto again = vxlanctl_counted(host.space, "apply " + vpgs_example);
    CHECK(again.finished.out.find("vxlan1 in vpg-b: in sync\n") != std::string::npos);
    CHECK(again.writes == 0);
    CHECK(vxlanctl(host.space, "check " + vpgs_example).code == 0);
    CHECK(vxlanctl_counted(host.space, "--netns vpg-b apply " + vpgs_example).finished.code == 2);
    sh(host.space, "bridge -n vpg-b fdb del 00:00:00:00:00:00 dev vxlan1 dst 100.64.158.132");
    CHECK(vxlanctl(host.space, "check " + vpgs_example).code == 3);
    const auto json =
        nlohmann::json::parse(vxlanctl(host.space, "apply --json " + vpgs_example).out);
    CHECK(json.at("tunnels").at(0).at("result") == "in_sync");
    CHECK(json.at("tunnels").at(1).at("netns") == "vpg-b");
    CHECK(json.at("tunnels").at(1).at("result") == "changed");

    SECTION("--prune removes there what no file states") {
        const std::string file = second_vpg + brought + "vni = 11\n";
        std::string renamed = file;
        renamed.replace(renamed.find("vxlan1"), 6, "vxlan2");
        REQUIRE(vxlanctl(host.space, "apply --source test -", input(text_of(vpgs_example))).code ==
                0);
        const auto pruned = vxlanctl(host.space, "apply --prune --source test -", input(renamed));
        INFO(pruned.out << pruned.err);
        CHECK(pruned.code == 0);
        CHECK(pruned.out.find("vxlan1 in vpg-b: removed\n") != std::string::npos);
        CHECK(pruned.out.find("vxlan0: removed\n") != std::string::npos);
    }
}

TEST_CASE("namespaces: the commands of a plan make the same") {
    const TwoDevices host;
    const auto commands = vxlanctl(host.space, "plan --ip-commands " + vpgs_example);
    INFO(commands.out << commands.err);
    CHECK(commands.code == 0);
    CHECK_FALSE(has_namespace(host.space));
    sh(host.space, commands.out);
    const auto checked = vxlanctl(host.space, "check " + vpgs_example);
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
}

TEST_CASE("namespaces: one that is not there, or has no device, is an error of its tunnels alone") {
    const TwoDevices host;
    const std::string first = "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\n";
    const auto absent = vxlanctl(host.space, "apply --source test -", input(first + second_vpg));
    CHECK(absent.code == 1);
    CHECK(told(absent, "netns-missing", {"vxlan1", "vpg-b"}));
    CHECK(link_exists(host.space, "vxlan0"));
    const auto without =
        vxlanctl(host.space, "apply --source test -", input(second_vpg + "create_netns = true\n"));
    CHECK(without.code == 2);
    CHECK(told(without, "underlay-missing", {"eth1"}));
    CHECK_FALSE(has_namespace(host.space));
    CHECK(vxlanctl(host.space, "check -", input(second_vpg + brought)).code == 3);
    CHECK_FALSE(has_namespace(host.space));
    for (const char* bad : {"netns = 'a/b'", "netns = ''", "netns = '..'", "create_netns = true",
                            "move_dev = true", "netns = 'x'\nmove_dev = true"})
        CHECK(vxlanctl(host.space, "apply --source test -",
                       input("[ipip6.site1]\nlocal = '2001:db8::1'\nremote = '2001:db8::2'\n" +
                             std::string(bad)))
                  .code == 2);
}

TEST_CASE("namespaces: the namespace of the call may have that name, too") {
    const TwoDevices host;
    sh(host.space, "ip netns add vpg-b; ip link set eth1 netns vpg-b\n"
                   "ip -n vpg-b addr add 172.21.1.100/24 dev eth1; ip -n vpg-b link set eth1 up");
    const auto made = vxlanctl(host.space, "--netns vpg-b apply --source test --lock-timeout 0 -",
                               input(second_vpg));
    INFO(made.out << made.err);
    CHECK(made.code == 0);
    CHECK(vxlanctl_counted(host.space, "apply --source test -", {}, second_vpg).writes == 0);
}

TEST_CASE("namespaces: a device that this SSH session comes in by is not moved") {
    const TwoDevices host;
    const auto before = snapshot(host.space);
    RunOptions options = input(second_vpg + brought);
    options.environment = {{"SSH_CONNECTION", "203.0.113.7 50000 172.21.1.100 22"}};
    const auto refused = vxlanctl(host.space, "apply --source test -", options);
    CHECK(refused.code == 4);
    CHECK(told(refused, "device-in-use", {"eth1", "vpg-b"}));
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK_FALSE(has_namespace(host.space));
}

TEST_CASE("namespaces: every single write fails in turn, and the device is back") {
    write_text("/run/second.toml", second_vpg + brought);
    break_every_write<TwoDevices>("", "apply /run/second.toml");
}

TEST_CASE("namespaces: one that is made and cannot be opened is an error, whatever call fails") {
    write_text("/run/second.toml", second_vpg + brought);
    bool met = false;
    auto host = std::make_unique<TwoDevices>();
    for (long number = 1;; ++number) {
        const auto struck = run_struck(host->space, "apply /run/second.toml", {"EPERM", number});
        if (struck.call.empty()) break;
        INFO("call " << number << " (" << struck.call << ")\n" << struck.finished.err);
        CHECK(struck.finished.code < 128);
        met = met || told(struck.finished, "cannot-enter-netns", {"vpg-b"});
        if (!has_namespace(host->space)) continue;
        host.reset(); // before another one, whose namespaces have the same place
        host = std::make_unique<TwoDevices>();
    }
    CHECK(met);
}

TEST_CASE("namespaces: a rollback inside a sweep works in the namespace that is swept") {
    const TwoDevices host;
    sh(host.space, "ip netns add vpg-b; ip -n vpg-b link set lo up\n"
                   "ip -n vpg-b addr add 172.21.1.100/32 dev lo");
    const std::string here = "[vxlan.vxlan0]\nlocal = '172.21.0.100'\npeers = ['100.64.158.4']\n";
    const std::string stays = "[vxlan.stays]\nnetns = 'vpg-b'\nvni = 12\nlocal = '172.21.1.100'\n"
                              "peers = ['100.64.158.4']\n";
    const std::string goes = "[vxlan.goes]\nnetns = 'vpg-b'\nvni = 11\nlocal = '172.21.1.100'\n"
                             "peers = ['100.64.158.4']\n"
                             "rules = [{ from = '10.1.0.0/16', table = 101 },\n"
                             "         { from = '10.2.0.0/16', table = 101 }]\n";
    REQUIRE(vxlanctl(host.space, "apply --source test -", input(here + stays + goes)).code == 0);
    sh(host.space, "ip -n vpg-b link del goes");
    const auto before = snapshot(host.space);
    const auto rules = sh(host.space, "ip -n vpg-b rule");
    REQUIRE(rules.find("10.2.0.0/16") != std::string::npos);
    const auto failed = vxlanctl_counted(host.space, "apply --prune --source test -",
                                         {{"VXLANCTL_BREAK_WRITE", "2"}}, here + stays);
    INFO(failed.finished.out << failed.finished.err);
    CHECK(failed.writes == 3); // the first one is put back
    CHECK(failed.finished.code == 1);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(sh(host.space, "ip -n vpg-b rule") == rules);
    CHECK(vxlanctl(host.space, "apply --prune --source test -", input(here + stays)).code == 0);
    CHECK(sh(host.space, "ip -n vpg-b rule").find("10.") == std::string::npos);
}

TEST_CASE("namespaces: a change that nobody confirms is taken back everywhere") {
    const TwoDevices host;
    const auto before = snapshot(host.space);
    const auto rejected = vxlanctl(host.space, "apply --confirm 1 " + vpgs_example);
    INFO(rejected.out << rejected.err);
    CHECK(rejected.code == 1);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK_FALSE(has_namespace(host.space));
}

TEST_CASE("namespaces: a device that others need here is not moved") {
    const TwoDevices host;
    const auto refused = [&](const std::string& text, int code, const std::string& word,
                             const std::string& who) {
        const auto before = snapshot(host.space);
        const auto finished = vxlanctl(host.space, "apply --source test -", input(text));
        INFO(finished.out << finished.err);
        CHECK(finished.code == code);
        CHECK(told(finished, word, {"eth1", "vpg-b", who}));
        CHECK(difference(before, snapshot(host.space)) == "");
        CHECK_FALSE(has_namespace(host.space));
    };
    const auto with = [&](const std::string& commands, const std::string& undone,
                          const std::string& who) {
        sh(host.space, commands);
        refused(second_vpg + brought, 4, "device-in-use", who);
        sh(host.space, undone);
    };
    with("ip link add fl0 type vxlan id 99 dev eth1 dstport 8472", "ip link del fl0", "'fl0'");
    with("ip link add fl0 type vxlan id 99 local 172.21.1.100 dstport 8472", "ip link del fl0",
         "'fl0'");
    with("ip link add br0 type bridge; ip link set eth1 master br0", "ip link del br0", "'br0'");
    with(
        "ip route add 10.61.0.0/16 nexthop via 172.21.1.1 dev eth1 nexthop via 172.21.1.2 dev eth1",
        "ip route del 10.61.0.0/16", "");
    refused(second_vpg + brought +
                "[vxlan.vxlan3]\nnetns = 'vpg-c'\ncreate_netns = true\n"
                "move_dev = true\ndev = 'eth1'\nlocal = '172.21.1.100'\n",
            2, "device-needed-elsewhere", "'vxlan3'");
    const std::string here = "[vxlan.vxlan3]\nvni = 11\nlocal = '172.21.1.100'\n";
    const auto partly =
        vxlanctl(host.space, "apply --source test -", input(second_vpg + brought + here));
    CHECK(partly.code == 1);
    CHECK(told(partly, "device-needed-elsewhere", {"vxlan3"}));
    CHECK(link_exists(host.space, "vxlan3"));
}

TEST_CASE("namespaces: a device takes addresses with a peer and a lifetime along, and back") {
    const TwoDevices host;
    sh(host.space, "ip addr add 10.7.7.1 peer 10.7.7.2/32 dev eth1\n"
                   "ip addr add 10.7.8.1/24 dev eth1 valid_lft 3000 preferred_lft 2000\n"
                   "ip addr add 2001:db8:7::1/64 dev eth1 nodad valid_lft 3000 preferred_lft 2000\n"
                   "ip route add 10.60.0.0/16 via 10.7.7.2 dev eth1");
    const auto moved = vxlanctl(host.space, "apply --source test -", input(second_vpg + brought));
    INFO(moved.out << moved.err);
    CHECK(moved.code == 0);
    CHECK(sh(host.space, "ip -n vpg-b addr show dev eth1").find("10.7.7.1 peer 10.7.7.2/32") !=
          std::string::npos);
    CHECK(sh(host.space, "ip -n vpg-b addr show dev eth1 | grep -A 1 10.7.8.1").find("sec ") !=
          std::string::npos);
    CHECK(sh(host.space, "ip -n vpg-b route show 10.60.0.0/16") != "");
    CHECK(sh(host.space, "ip -n vpg-b -6 route show 2001:db8:7::/64 dev eth1") != "");
}

TEST_CASE("namespaces: an ordinary user may look at files that name one which is not there") {
    const TwoDevices host;
    RunOptions options = input(second_vpg + brought);
    options.as_nobody = true;
    CHECK(vxlanctl(host.space, "check -", options).code == 3);
}
