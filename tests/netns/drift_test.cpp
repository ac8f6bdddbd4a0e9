// What is as it was made only at first sight: routes, lifetimes and flags that others took away.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

using namespace world;

namespace {

bool pings(const Namespace& space, const std::string& to) {
    return run(space, {"ping", "-n", "-c", "1", "-w", "60", to}).code == 0;
}

/// Whether `words` finds the drift, names `said`, fixes it in place, and writes nothing then.
void check_healed(const Namespace& space, const std::string& text, const std::string& said) {
    const auto ifindexes = sh(space, "ip -o link | cut -d: -f1");
    const auto found = check_text(space, text);
    INFO(text << found.out << found.err);
    CHECK(found.code == 3);
    CHECK(found.out.find(said) != std::string::npos);
    RunOptions options;
    options.input = text;
    const auto planned = vxlanctl(space, "plan -", options);
    CHECK(planned.out.find(said) != std::string::npos);
    const auto healed = apply_text(space, text);
    INFO(healed.out << healed.err);
    CHECK(healed.code == 0);
    CHECK(healed.out.find(said) != std::string::npos);
    CHECK(check_text(space, text).code == 0);
    CHECK(vxlanctl_counted(space, "apply -", {}, text).writes == 0);
    CHECK(sh(space, "ip -o link | cut -d: -f1") == ifindexes);
}

const std::string gates = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                          "addresses = [\"10.225.194.171/9\", \"fd00:10::1/64\"]\n"
                          "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";

/// A host with one tunnel of each kind that has an inner address.
struct Kinds {
    Kinds() {
        without_duplicate_detection(host.space);
        sh(host.space, "ip addr add 10.216.0.101/24 dev eth0");
    }
    Host host;
    std::string isatap = "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n"
                         "routers = [\"192.168.103.254\"]\n";
    std::string ipip6 = "[ipip6.site1]\nlocal = \"2001:db8:21::100\"\nremote = \"2001:db8:1::1\"\n"
                        "addresses = [\"192.0.2.1/30\"]\n";
};

} // namespace

TEST_CASE("drift: a removed route to the subnet of an inner address comes back") {
    const Network net;
    const Namespace& host = net.host.space;
    without_duplicate_detection(host);
    REQUIRE(apply_text(host, gates).code == 0);
    CHECK(check_text(host, gates).code == 0);
    SECTION("IPv4") {
        sh(host, "ip route del 10.128.0.0/9 dev vxlan0");
        check_healed(host, gates, "+ route 10.128.0.0/9");
        CHECK(sh(host, "ip route show 10.128.0.0/9")
                  .find("proto kernel scope link src "
                        "10.225.194.171") != std::string::npos);
        CHECK(pings(host, "10.192.158.4"));
    }
    SECTION("IPv6") {
        sh(host, "ip -6 route del fd00:10::/64 dev vxlan0");
        check_healed(host, gates, "+ route fd00:10::/64");
    }
    SECTION("both, and the kernel takes them again with the addresses") {
        sh(host, "ip route del 10.128.0.0/9 dev vxlan0; ip -6 route del fd00:10::/64 dev vxlan0");
        check_healed(host, gates, "+ route 10.128.0.0/9");
        sh(host, "ip addr del 10.225.194.171/9 dev vxlan0; ip addr del fd00:10::1/64 dev vxlan0");
        CHECK(sh(host, "ip route show dev vxlan0") == "");
        CHECK(sh(host, "ip -6 route show fd00:10::/64") == "");
    }
    SECTION("not one that is there with another metric, or that nobody wants") {
        sh(host, "ip route del 10.128.0.0/9 dev vxlan0\n"
                 "ip route add 10.128.0.0/9 dev vxlan0 metric 50\n"
                 "ip addr change fd00:10::1/64 dev vxlan0 metric 99");
        CHECK(check_text(host, gates).code == 0);
        sh(host, "ip addr del 10.225.194.171/9 dev vxlan0\n"
                 "ip addr add 10.225.194.171/9 brd + dev vxlan0 noprefixroute\n"
                 "ip route flush 10.128.0.0/9");
        CHECK(check_text(host, gates).code == 0);
    }
    SECTION("nor that of a secondary address") {
        const std::string two = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                "addresses = [\"10.225.194.171/9\", \"10.225.194.172/9\", "
                                "\"10.1.0.1/32\", \"fd00:10::1/64\"]\n"
                                "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
        REQUIRE(apply_text(host, two).code == 0);
        CHECK(vxlanctl_counted(host, "apply -", {}, two).writes == 0);
    }
}

TEST_CASE("drift: of many tunnels, the one that lacks a route is found") {
    const Host host;
    std::string text;
    for (int i = 0; i < 12; ++i)
        text += fmt::format("[vxlan.t{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "addresses = [\"10.{0}.0.1/16\"]\npeers = [\"100.64.0.1\"]\n",
                            i, 100 + i);
    REQUIRE(apply_text(host.space, text).code == 0);
    CHECK(check_text(host.space, text).code == 0);
    sh(host.space, "ip route del 10.7.0.0/16 dev t7");
    check_healed(host.space, text, "+ route 10.7.0.0/16");
}

TEST_CASE("drift: in a VRF, the route is looked for in its table, whoever set the VRF") {
    const Host host;
    if (run(host.space, {"ip", "link", "add", "vrf0", "type", "vrf", "table", "50"}).code != 0)
        SKIP_CASE("this kernel has no VRFs");
    sh(host.space, "ip link set vrf0 up");
    const std::string text = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                             "addresses = [\"10.225.194.171/9\"]\npeers = [\"100.64.158.4\"]\n";
    const std::string stated = text + "vrf = \"vrf0\"\n";
    REQUIRE(apply_text(host.space, stated).code == 0);
    CHECK(check_text(host.space, stated).code == 0);
    sh(host.space, "ip route del 10.128.0.0/9 table 50");
    check_healed(host.space, stated, "+ route 10.128.0.0/9");
    REQUIRE(vxlanctl(host.space, "down vxlan0").code == 0);
    REQUIRE(apply_text(host.space, text).code == 0);
    sh(host.space, "ip link set vxlan0 master vrf0");
    CHECK(check_text(host.space, text).code == 0);
    sh(host.space, "ip route del 10.128.0.0/9 table 50");
    check_healed(host.space, text, "+ route 10.128.0.0/9 table 50");
}

TEST_CASE(
    "drift: an inner address that got a lifetime has none again, another program's keeps it") {
    const Network net;
    const Namespace& host = net.host.space;
    without_duplicate_detection(host);
    REQUIRE(apply_text(host, gates).code == 0);
    sh(host, "ip addr add 10.3.0.1/24 dev vxlan0 valid_lft 1000 preferred_lft 1000");
    CHECK(check_text(host, gates).code == 0);
    const auto lifetimes = [&](const std::string& address) {
        return sh(host, "ip addr show dev vxlan0 to " + address);
    };
    for (const std::string address : {"10.225.194.171/9", "fd00:10::1/64"}) {
        sh(host,
           fmt::format("ip addr change {} dev vxlan0 valid_lft 100 preferred_lft 100", address));
        check_healed(host, gates, "~ lifetime of " + address + ": limited -> forever");
        CHECK(lifetimes(address).find("valid_lft forever preferred_lft forever") !=
              std::string::npos);
        sh(host, fmt::format("ip addr change {} dev vxlan0 preferred_lft 0", address));
        check_healed(host, gates, "~ lifetime of " + address + ": deprecated -> forever");
    }
    CHECK(lifetimes("10.3.0.1").find("valid_lft forever") == std::string::npos);
    CHECK(pings(host, "10.192.158.4"));
}

TEST_CASE("drift: an interface with ARP switched off has it again") {
    const Network net;
    const Namespace& host = net.host.space;
    without_duplicate_detection(host);
    REQUIRE(apply_text(host, gates).code == 0);
    sh(host, "ip neigh add 10.192.158.132 lladdr 02:00:00:00:00:84 dev vxlan0 nud permanent\n"
             "ip link set vxlan0 arp off\n"
             "ip neigh replace 10.192.158.133 lladdr 02:00:00:00:00:85 dev vxlan0 nud permanent");
    check_healed(host, gates, "~ arp: no -> yes");
    CHECK(pings(host, "10.192.158.4"));
    CHECK(sh(host, "ip neigh show nud permanent").find("10.192.158.133") != std::string::npos);
}

TEST_CASE("drift: ISATAP and IPv4 in IPv6 have routes and lifetimes too, and no ARP") {
    const Kinds kinds;
    const Namespace& host = kinds.host.space;
    for (const auto& [text, name, subnet] : {std::tuple{kinds.isatap, "sit1", "2001:db8::/64"},
                                             std::tuple{kinds.ipip6, "site1", "192.0.2.0/30"}}) {
        const auto made = apply_text(host, text);
        INFO(text << made.err);
        if (told(made, "module-missing")) SKIP_CASE("this kernel has no such tunnels");
        REQUIRE(made.code == 0);
        CHECK(check_text(host, text).code == 0);
        sh(host, fmt::format("ip route del {} dev {}", subnet, name));
        check_healed(host, text, fmt::format("+ route {}", subnet));
        const auto address = addresses(host, name).at(0);
        sh(host,
           fmt::format("ip addr change {} dev {} valid_lft 100 preferred_lft 100", address, name));
        check_healed(host, text, "~ lifetime of " + address);
        REQUIRE(vxlanctl(host, fmt::format("down {}", name)).code == 0);
    }
}

namespace {

struct Drifted {
    Drifted() { without_duplicate_detection(space); }
    Host host;
    Namespace& space = host.space;
};

} // namespace

TEST_CASE("drift: a run that heals and fails leaves what it found") {
    break_every_write<Drifted>(
        "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 --address fd00:10::1/64",
        "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.5 --address fd00:10::1/64",
        "printf '%s\\n' 'ip addr change fd00:10::1/64 dev vxlan0 preferred_lft 0' "
        "'ip route del 10.128.0.0/9 dev vxlan0' 'ip -6 route del fd00:10::/64 dev vxlan0' "
        "'ip link set vxlan0 arp off' > /run/after-first");
    unlink("/run/after-first");
}
