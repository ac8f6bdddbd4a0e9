// Tunnels in a VRF, which the kernels of many hosts lack.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

namespace {

struct VrfHost : Host {
    VrfHost() { sh(space, "ip link add vrf1 type vrf table 100; ip link set vrf1 up"); }
};

std::string master(const Namespace& space) {
    return link(space, "vxlan0").value("master", "");
}

} // namespace

TEST_CASE("vrf: a new link is made in it, with its routes in the VRF's table") {
    const VrfHost host;
    const std::string words = up_words + " --vrf vrf1 --route '192.0.2.0/24,via 10.192.158.4'";
    const auto made = vxlanctl_counted(host.space, words);
    INFO(made.finished.err);
    REQUIRE(made.finished.code == 0);
    CHECK(master(host.space) == "vrf1");
    CHECK(sh(host.space, "ip route show table 100 192.0.2.0/24").find("via 10.192.158.4") !=
          std::string::npos);
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
    const auto shown = nlohmann::json::parse(vxlanctl(host.space, "show --json").out);
    CHECK(shown.at("tunnels").at(0).at("vrf") == "vrf1");
    CHECK(shown.at("tunnels").at(0).at("master") == "");
}

TEST_CASE("vrf: a living link is moved only when a flap is allowed, and gets everything back") {
    const VrfHost host;
    REQUIRE(vxlanctl(host.space, up_words + " --route 192.0.2.0/24").code == 0);
    sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0\n"
                   "ip addr add 2001:db8:5::1/64 dev vxlan0 nodad\n"
                   "ip -6 route add 2001:db8:6::/48 via 2001:db8:5::2 dev vxlan0\n"
                   "ip route add 203.0.113.0/24 dev vxlan0\n"
                   "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0\n"
                   "bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst 100.64.158.4 static");
    const auto before = snapshot(host.space);
    const std::string words = up_words + " --route 192.0.2.0/24 --vrf vrf1";
    const auto refused = vxlanctl(host.space, words);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-interruption"));
    CHECK(difference(before, snapshot(host.space)) == "");

    const int index = link(host.space, "vxlan0").at("ifindex");
    const auto moved = vxlanctl(host.space, words + " --allow-flap");
    INFO(moved.err);
    REQUIRE(moved.code == 0);
    CHECK(link(host.space, "vxlan0").at("ifindex") == index);
    CHECK(master(host.space) == "vrf1");
    CHECK(addresses(host.space, "vxlan0") ==
          std::vector<std::string>{"10.225.194.171/9", "10.225.194.200/9", "2001:db8:5::1/64"});
    CHECK(sh(host.space, "ip route show 203.0.113.0/24") != "");
    CHECK(sh(host.space, "ip -6 route show 2001:db8:6::/48") != "");
    CHECK(sh(host.space, "ip route show table 100 192.0.2.0/24") != "");
    CHECK(sh(host.space, "ip route show 192.0.2.0/24") == ""); // its own goes with the tunnel
    CHECK(sh(host.space, "ip neigh show 10.192.158.4 dev vxlan0").find("PERMANENT") !=
          std::string::npos);
    CHECK(macs(host.space, "vxlan0").size() == 1);
    CHECK(flood_list(host.space, "vxlan0").size() == 2);
    CHECK(vxlanctl_counted(host.space, words).writes == 0);

    // No longer stated: out of the VRF again, and that is a flap too.
    CHECK(vxlanctl(host.space, up_words).code == 4);
    CHECK(vxlanctl(host.space, up_words + " --allow-flap").code == 0);
    CHECK(master(host.space) == "");
}

TEST_CASE("vrf: what an ISATAP link has comes back with it, and what cannot is counted") {
    const VrfHost host;
    const std::string words = "isatap up sit1 172.21.0.100 2001:db8::/64 192.168.103.254";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    sh(host.space, "ip neigh add 2001:db8::5efe:9 lladdr 1.2.3.4 dev sit1\n"
                   "ip -6 addr add 2001:db8:77::1/64 dev sit1\n"
                   "ip -6 route add 2001:db8:92::/48 dev sit1 src 2001:db8:77::1\n"
                   "ip nexthop add id 5 via 2001:db8::5efe:1.2.3.6 dev sit1\n"
                   "ip -6 route add 2001:db8:94::/48 nhid 5");
    const std::string neighbours = sh(host.space, "ip neigh show dev sit1 nud permanent");
    CHECK(neighbours.find("1.2.3.4") != std::string::npos);
    const auto moved = vxlanctl(host.space, words + " --vrf vrf1 --allow-flap");
    INFO(moved.err);
    REQUIRE(moved.code == 0);
    CHECK(sh(host.space, "ip neigh show dev sit1 nud permanent") == neighbours);
    CHECK(sh(host.space, "ip -6 route show 2001:db8:92::/48").find("src 2001:db8:77::1") !=
          std::string::npos);
    CHECK(told(moved, "routes-not-restorable", {"1 route"}));
}

TEST_CASE("vrf: a route whose source address would be in the VRF alone keeps the link as it is") {
    const VrfHost host;
    const std::string words = "up eth0 172.21.0.100 vxlan0 192.0.2.1/24 100.64.158.4";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    sh(host.space, "ip route add 203.0.113.0/24 nexthop via 192.0.2.2 dev vxlan0 "
                   "nexthop via 192.0.2.3 dev vxlan0\n"
                   "ip route add 203.0.114.0/24 via 192.0.2.2 src 192.0.2.1");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, words + " --vrf vrf1 --allow-flap");
    CHECK(refused.code == 4);
    INFO(refused.err);
    CHECK(told(refused, "route-source-lost", {"203.0.114.0/24", "254", "192.0.2.1", "vrf1"}));
    CHECK(difference(before, snapshot(host.space)) == "");

    sh(host.space, "ip route del 203.0.114.0/24");
    const auto failed =
        vxlanctl_counted(host.space, words + " --vrf vrf1 --allow-flap --route 198.51.100.0/24",
                         {{"VXLANCTL_BREAK_WRITE", "2"}});
    CHECK(failed.finished.code == 1);
    CHECK(told(failed.finished, "routes-not-restorable", {"1 route"}));
    CHECK(told(failed.finished, "restored-without-routes"));
}

TEST_CASE("vrf: every single write of the move fails in turn", "[long]") {
    break_every_write<VrfHost>(up_words + " --address 2001:db8:5::1/64",
                               up_words + " --address 2001:db8:5::1/64 --vrf vrf1 --allow-flap "
                                          "--route 192.0.2.0/24",
                               "cat > /run/after-first <<'EOF'\n"
                               "ip route add 203.0.113.0/24 dev vxlan0\n"
                               "EOF");
}
