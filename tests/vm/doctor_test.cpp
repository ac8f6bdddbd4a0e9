// The doctor's checks of what a host's kernel may lack: ISATAP and VRF.
#include "findings.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

using findings::failed;
using findings::find;

const std::string isatap_words = "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254";

struct FletsHost {
    FletsHost() {
        sh(space, "rm -rf /run/vxlanctl\n"
                  "ip link add eth0 type veth peer name far\n"
                  "ip addr add 10.216.0.101/24 dev eth0\n"
                  "ip link set far up; ip link set eth0 up\n"
                  "ip route add default via 10.216.0.1 dev eth0");
        REQUIRE(vxlanctl(space, isatap_words).code == 0);
    }
    Namespace space;
};

nlohmann::json doctor(const Namespace& space, const std::string& words = "") {
    const auto finished = vxlanctl(space, "doctor --json " + words);
    INFO(finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    return nlohmann::json::parse(finished.out).at("checks");
}

/// Exactly this check fails, with this remedy, which mends it.
void fails_alone(const Namespace& space, const std::string& name, const std::string& found,
                 const std::string& remedy) {
    const auto checks = doctor(space);
    CHECK(failed(checks) == Strings{name});
    const auto check = find(checks, name);
    CHECK(told(check.at("messages")).find(found) != std::string::npos);
    if (!remedy.empty()) CHECK(check.at("remedy") == remedy);
    sh(space, check.at("remedy"));
    CHECK(failed(doctor(space)).empty());
}

} // namespace

TEST_CASE("doctor: on a healthy ISATAP tunnel nothing fails") {
    const FletsHost host;
    const auto checks = doctor(host.space);
    CHECK(failed(checks).empty());
    CHECK(told(find(checks, "routers").at("messages")) ==
          "routers-there {routers=192.168.103.254}");
    CHECK(told(find(checks, "default_route").at("messages")) ==
          "default-route-there {gateway=2001:db8::5efe:c0a8:67fe}");
    CHECK(find(checks, "route").at("verdict") == "pass");
    CHECK(find(checks, "settings").at("verdict") == "pass");
}

TEST_CASE("doctor: the PRL is empty, or lacks the default router") {
    const FletsHost host;
    sh(host.space, "ip tunnel prl dev sit1 prl-delete 192.168.103.254");
    fails_alone(host.space, "routers", "routers-missing",
                "ip tunnel prl dev sit1 prl-default 192.168.103.254");
    sh(host.space, "ip tunnel prl dev sit1 prl-delete 192.168.103.254\n"
                   "ip tunnel prl dev sit1 prl-default 192.168.103.1");
    fails_alone(host.space, "routers", "router-not-in-prl {router=192.168.103.254}",
                "ip tunnel prl dev sit1 prl-default 192.168.103.254");
    sh(host.space, "ip tunnel prl dev sit1 prl-delete 192.168.103.254\n"
                   "ip tunnel prl dev sit1 prl-nodefault 192.168.103.254");
    const auto checks = doctor(host.space);
    CHECK(find(checks, "routers").at("verdict") == "warn");
    sh(host.space, find(checks, "routers").at("remedy"));
    CHECK(find(doctor(host.space), "routers").at("verdict") == "pass");
}

TEST_CASE("doctor: the default route's next hop is no ISATAP address") {
    const FletsHost host;
    sh(host.space, "ip -6 route add default via 2001:db8::1 dev sit1 metric 5");
    fails_alone(host.space, "default_route", "next-hop-wrong {gateway=2001:db8::1}",
                "ip -6 route replace ::/0 via 2001:db8::5efe:c0a8:67fe dev sit1 metric 5");
    sh(host.space, "ip -6 route del default dev sit1 metric 5\n"
                   "ip -6 route add default dev sit1 metric 6");
    fails_alone(host.space, "default_route", "next-hop-missing {gateway=}",
                "ip -6 route replace ::/0 via 2001:db8::5efe:c0a8:67fe dev sit1 metric 6");
}

TEST_CASE("doctor: another default route is where the one was that vxlanctl set", "[long]") {
    const FletsHost host;
    const std::string wrong = "ip -6 route replace default dev sit1 metric 1 via ";
    const std::string gone =
        "settings-differ {changes=add route ::/0 via 2001:db8::5efe:c0a8:67fe metric 1";
    sh(host.space, "ip -6 route del default");
    CHECK(find(doctor(host.space), "default_route").at("verdict") == "none");
    fails_alone(host.space, "settings", gone, "");
    sh(host.space, wrong + "fe80::1; ip tunnel prl dev sit1 prl-delete 192.168.103.254");
    const auto checks = doctor(host.space); // each of the two with its own remedy
    CHECK(failed(checks) == Strings{"settings", "routers"});
    CHECK(find(checks, "routers").at("remedy") ==
          "ip tunnel prl dev sit1 prl-default 192.168.103.254");
}

TEST_CASE("doctor: of a tunnel in a tunnel, what is broken below is not told twice", "[long]") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, "ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::2 "
                                 "192.0.2.1/30")
                .code == 0);
    const auto healthy = doctor(host.space);
    CHECK(failed(healthy).empty());
    const auto cloud = find(healthy, "cloud");
    CHECK(told(cloud.at("messages")) == "cloud {doors=protocol 41 from 192.168.103.254}");
    CHECK(cloud.at("look") == "aws ec2 describe-instances --filters "
                              "Name=network-interface.addresses.private-ip-address,"
                              "Values=10.216.0.101");
    CHECK(find(doctor(host.space, "site1"), "cloud").at("messages") == cloud.at("messages"));
    const std::string remedy =
        "ip -6 route add ::/0 via 2001:db8::5efe:c0a8:67fe dev sit1 metric 1";
    sh(host.space, "ip -6 route del default");
    CHECK(find(doctor(host.space, "site1"), "route").at("remedy") == remedy);
    fails_alone(host.space, "settings",
                "settings-differ {changes=add route ::/0 via 2001:db8::5efe:c0a8:67fe metric 1",
                "");
    sh(host.space, "ip link set sit1 down"); // and site1's local address is gone with it
    const auto alone = doctor(host.space, "site1");
    CHECK(failed(alone) == Strings{"local_address"});
    CHECK(told(find(alone, "local_address").at("messages")) ==
          "local-gone-from-tunnel {interface=sit1, local=2001:db8::5efe:ad8:65}");
    const std::string address = "ip addr add 2001:db8::5efe:ad8:65/64 dev sit1";
    CHECK(find(alone, "local_address").at("remedy") == "ip link set dev sit1 up && " + address);
    fails_alone(host.space, "settings", "settings-differ {changes=", "");
}

TEST_CASE("doctor: the firewall drops protocol 41") {
    const FletsHost host;
    // This kernel has no nf_tables for IPv4: another program says what nft would.
    const std::string rules =
        R"({"nftables": [{"chain": {"family": "ip", "table": "filter", "name": "input",
            "type": "filter", "hook": "input", "prio": 0, "policy": "POLICY"}}, {"rule":
            {"family": "ip", "table": "filter", "chain": "input", "handle": 4, "expr": [{"match":
            {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}},
            "right": "ipv6"}}, {"drop": null}]}}]})";
    sh(host.space, "mkdir -p /run/fake; cat >/run/fake/nft <<'end'\n#!/bin/sh\ncat <<'json'\n" +
                       rules + "\njson\nend\nchmod +x /run/fake/nft");
    const auto text = sh(host.space, fmt::format("unshare -m sh -ec 'mount --bind /run/fake/nft "
                                                 "/usr/sbin/nft; {} doctor --json || [ $? = 3 ]'",
                                                 VXLANCTL_PROGRAM));
    const auto checks = nlohmann::json::parse(text).at("checks");
    CHECK(failed(checks) == Strings{"firewall"});
    CHECK(told(find(checks, "firewall").at("messages")) ==
          "firewall-drops {chain=input, direction=from, peers=192.168.103.254, table=ip filter, "
          "what=protocol 41, why=handle 4 of chain 'input'}");
    CHECK(find(checks, "firewall").at("remedy") ==
          "nft insert rule ip filter input 'ip saddr { 192.168.103.254 } ip protocol 41 accept'");
}

TEST_CASE("doctor: the lower device came into a VRF under a running tunnel") {
    const Host host;
    const std::string known_peers = // of whom nobody answers here
        "for last in 4 132; do ip neigh replace 100.64.158.$last lladdr 02:00:00:00:00:04 nud "
        "permanent dev eth0; done";
    sh(host.space, "ip link add red type vrf table 100; ip link set red up\n"
                   "ip route add 100.64.0.0/16 dev eth0\n" +
                       known_peers);
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    CHECK(failed(doctor(host.space)).empty());
    sh(host.space, "ip link set eth0 master red\n"
                   "ip route add 100.64.0.0/16 dev eth0 table 100\n" +
                       known_peers);
    run(host.space, {"ping", "-n", "-c", "1", "-W", "1", "10.192.158.4"}); // carrier errors
    const auto checks = doctor(host.space);
    CHECK(failed(checks) == Strings{"vrf"});
    const std::string remedy = find(checks, "vrf").at("remedy");
    CHECK(remedy == "ip link set dev vxlan0 down && ip link set dev vxlan0 up");
    sh(host.space, remedy);
    const auto again = doctor(host.space);
    CHECK(find(again, "vrf").at("verdict") == "pass");
    CHECK(told(find(again, "route").at("messages"))
              .starts_with("route-fine {ways=100.64.158.4 through 'eth0', table 100, from "
                           "172.21.0.100"));
}

TEST_CASE("doctor: IPv4 over IPv6 without a route to the other end") {
    const Host host;
    REQUIRE(
        vxlanctl(host.space, "ipip6 up site1 2001:db8:21::100 2001:db8:21::2 192.0.2.1/30").code ==
        0);
    CHECK(failed(doctor(host.space)).empty());
    sh(host.space, "ip -6 route add unreachable 2001:db8:21::2/128");
    CHECK(failed(doctor(host.space)) == Strings{"route"});
}
