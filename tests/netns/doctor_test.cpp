// Each check of the doctor: broken alone, it fails alone, and its remedy mends it.
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

bool is_in(const Strings& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

nlohmann::json doctor(const Namespace& space, const std::string& words = "") {
    const auto finished = vxlanctl(space, "doctor --json " + words);
    INFO(finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    auto document = nlohmann::json::parse(finished.out);
    CHECK(document.at("healthy") == (finished.code == 0));
    const auto& checks = document.at("checks");
    for (std::size_t i = 0; i < checks.size(); ++i)
        CHECK(checks.at(i).at("number") == i + 1);
    CHECK(checks.back().at("check") == "cloud"); // always last
    return checks;
}

std::string verdict_of(const nlohmann::json& checks, const std::string& name) {
    const auto check = find(checks, name);
    return fmt::format("{}: {}", check.at("verdict").get<std::string>(),
                       told(check.at("messages")));
}

/// Exactly this check fails, with this remedy, if it is named, and following it literally heals it.
void fails_alone(const Namespace& space, const std::string& name, const std::string& found,
                 const std::string& remedy = "", const std::string& words = "") {
    const auto checks = doctor(space, words);
    CHECK(failed(checks) == Strings{name});
    const auto check = find(checks, name);
    CHECK(told(check.at("messages")).find(found) != std::string::npos);
    CHECK(check.at("why") != "");
    if (!remedy.empty()) CHECK(check.at("remedy") == remedy);
    const std::string program = VXLANCTL_PROGRAM;
    sh(space, fmt::format("PATH=\"{}:$PATH\"; {}", program.substr(0, program.rfind('/')),
                          check.at("remedy").get<std::string>()));
    CHECK(failed(doctor(space, words)).empty());
}

/// Nobody answers as the gateway here. An interface that goes down or loses its last address
/// forgets permanent neighbours as well (arp_ifdown() in net/ipv4/arp.c): then it is said again.
const std::string known_gateway = "ip neigh replace 172.21.0.1 lladdr 02:00:00:00:00:01 nud "
                                  "permanent dev eth0\n";
const std::string known_gateway_of_eth1 = "ip neigh replace 172.21.1.1 lladdr 02:00:00:00:01:01 "
                                          "nud permanent dev eth1\n";

/// A network with a tunnel in it; nothing filters or forwards unless a case says so.
struct Healthy : Network {
    Healthy() {
        sh(host.space, "for f in all default eth0; do\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/forwarding; done\n" +
                           known_gateway);
        const auto made = vxlanctl(host.space, up_words);
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
    const Namespace& space = host.space;
    void ping(const std::string& address) const {
        run(space, {"ping", "-n", "-c", "1", "-W", "1", address});
    }
};

/// The line of shell, where /etc/vxlanctl has this file alone.
std::string with_file(const Namespace& space, const std::string& toml, const std::string& line) {
    const std::string file = "/tmp/vxlanctl-doctor-test.toml";
    write_text(file, toml);
    return sh(space, fmt::format("unshare -m sh -ec 'mount -t tmpfs none /etc; mkdir "
                                 "/etc/vxlanctl; cp {} /etc/vxlanctl/a.toml; {}'",
                                 file, line));
}

nlohmann::json doctor_with_file(const Namespace& space, const std::string& toml) {
    return nlohmann::json::parse(
               with_file(space, toml, VXLANCTL_PROGRAM " doctor --json || [ $? = 3 ]"))
        .at("checks");
}

/// Exactly this check fails with that file, with this remedy, which mends it.
void fails_alone_with_file(const Namespace& space, const std::string& toml, const std::string& name,
                           const std::string& found, const std::string& remedy) {
    const auto checks = doctor_with_file(space, toml);
    CHECK(failed(checks) == Strings{name});
    CHECK(told(find(checks, name).at("messages")).find(found) != std::string::npos);
    CHECK(find(checks, name).at("remedy") == remedy);
    const std::string program = VXLANCTL_PROGRAM;
    with_file(space, toml,
              fmt::format("PATH=\"{}:$PATH\"; {}", program.substr(0, program.rfind('/')), remedy));
    CHECK(failed(doctor_with_file(space, toml)).empty());
}

/// What the doctor says in a process namespace of its own, so that its first process is in this
/// network namespace and services' files count, after that line of shell.
nlohmann::json doctor_among_services(const Namespace& space, const std::string& line) {
    const auto text =
        sh(space, fmt::format("unshare -m -p -f --mount-proc sh -ec 'mount -t tmpfs none /mnt\n"
                              "cp -a /run/vxlanctl /mnt; mount -t tmpfs none /run\n"
                              "cp -a /mnt/vxlanctl /run; mount -t tmpfs none /etc\n"
                              "{}\n{} doctor --json || [ $? = 3 ]'",
                              line, VXLANCTL_PROGRAM));
    return nlohmann::json::parse(text).at("checks");
}

/// The host of examples/two-vpgs.toml. Its second device filters strictly.
struct TwoVpgs {
    TwoVpgs() {
        sh(host.space, "for f in all default eth0; do\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done\n"
                       "ip link add eth1 mtu 9001 type veth peer name wire1; ip link set eth1 up\n"
                       "ip link set wire1 up; ip addr add 172.21.1.100/24 dev eth1\n"
                       "echo 1 >/proc/sys/net/ipv4/conf/eth1/rp_filter\n" +
                           known_gateway_of_eth1 + known_gateway);
        const auto made = vxlanctl(host.space, "apply " EXAMPLES "/two-vpgs.toml");
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
    Host host;
    const Namespace& space = host.space;
};

} // namespace

TEST_CASE("doctor: on a healthy tunnel nothing fails") {
    const Healthy net;
    auto checks = doctor(net.space);
    CHECK(failed(checks).empty());
    CHECK(verdict_of(checks, "route") ==
          "pass: route-fine {ways=100.64.158.4 through 'eth0', table main, from 172.21.0.100, "
          "100.64.158.132 through 'eth0', table main, from 172.21.0.100}");
    CHECK(verdict_of(checks, "mtu") == "pass: mtu-fits {mtu=8951, outer=9001}");
    CHECK(verdict_of(checks, "vni") == "pass: vni-own {port=4789, vni=10}");
    CHECK(find(checks, "macs").at("verdict") == "warn"); // nothing was said yet
    CHECK(find(checks, "probe").at("verdict") == "none");

    net.ping("10.192.158.4");
    net.ping("10.192.158.132");
    checks = doctor(net.space, "vxlan0 --probe");
    CHECK(failed(checks).empty());
    CHECK(verdict_of(checks, "macs") ==
          "pass: macs-learned {macs=1 behind 100.64.158.4, 1 behind 100.64.158.132}");
    const auto probe = verdict_of(checks, "probe");
    CHECK(probe.starts_with("pass: probe-answered {answers="));
    for (const char* part : {"10.192.158.4", "02:00:00:00:00:04", "100.64.158.4,", "10.192.158.132",
                             "02:00:00:00:00:84", "100.64.158.132}"})
        CHECK(probe.find(part) != std::string::npos);
    CHECK(verdict_of(checks, "path_mtu") ==
          "pass: path-mtu-fits {bytes=9001, peers=100.64.158.4, 100.64.158.132}");
    CHECK(vxlanctl_counted(net.space, "doctor").writes == 0);

    const auto text = vxlanctl_brief(net.space, "doctor");
    CHECK(text.code == 0);
    CHECK(text.out.starts_with("vxlan0: "));
    CHECK(vxlanctl(net.space, "doctor -q").out == "");
}

TEST_CASE("doctor: a tunnel that is down, or is not there") {
    const Healthy net;
    sh(net.space, "ip link set vxlan0 down");
    fails_alone(net.space, "settings", "settings-differ {changes=set 'vxlan0' up",
                "ip link set dev vxlan0 up");
    const auto checks = doctor(net.space, "vxlan7 vxlan0");
    CHECK(failed(checks) == Strings{"interface"});
    CHECK(checks.at(0).at("verdict") == "pass"); // vxlan0's
    sh(net.space, "ip link del vxlan0");
    fails_alone(net.space, "interface", "link-vanished",
                "vxlanctl " + up_words + " --vni 10 --port 4789");
    CHECK(vxlanctl(net.space, "down vxlan0").code == 0);
    CHECK(verdict_of(doctor(net.space), "interface") == "fail: no-tunnel");
    CHECK(verdict_of(doctor(net.space, "vxlan0"), "interface") == "fail: link-missing");
}

TEST_CASE("doctor: what cannot be a tunnel is an error") {
    const Host host;
    CHECK(vxlanctl(host.space, "doctor eth0").code == 2);
    CHECK(vxlanctl(host.space, "doctor a/b").code == 2);
    CHECK(vxlanctl(host.space, "doctor --prob").code == 2);
    for (const std::string other : {"--exit-warn", "--all-netns"})
        CHECK(told(vxlanctl(host.space, "doctor --to 172.21.0.1 " + other), "options-contradict"));
}

TEST_CASE("doctor: a tunnel of the files that is not there, and who has its VNI") {
    const Healthy net;
    const auto inside = [&](const std::string& line) {
        return with_file(net.space, "[vxlan.vxlan5]\nlocal = \"172.21.0.100\"\npeers = []\n", line);
    };
    const auto checks = nlohmann::json::parse(inside(std::string(VXLANCTL_PROGRAM) +
                                                     " doctor --json vxlan5 || [ $? = 3 ]"))
                            .at("checks");
    CHECK(failed(checks) == Strings{"interface", "vni"});
    CHECK(verdict_of(checks, "interface") == "fail: link-missing-but-in-files");
    CHECK(find(checks, "interface").at("remedy") == "vxlanctl apply");
    CHECK(verdict_of(checks, "vni") == "fail: vni-taken {interface=vxlan0, port=4789, vni=10}");
    inside(std::string(VXLANCTL_PROGRAM) + " down --force vxlan0"); // the remedy
    inside(std::string(VXLANCTL_PROGRAM) + " apply");
    CHECK(link_exists(net.space, "vxlan5"));
}

TEST_CASE("doctor: the lower device is down, or has no carrier") {
    const Healthy net;
    sh(net.space, "ip link set eth0 down");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"underlay"});
    CHECK(verdict_of(checks, "underlay") == "fail: lower-down {dev=eth0}");
    CHECK(find(checks, "underlay").at("remedy") == "ip link set dev eth0 up");
    sh(net.space, "ip link set dev eth0 up; ip route add 100.64.0.0/16 dev eth0");
    CHECK(failed(doctor(net.space)).empty());
    sh(net.wire, "ip link set wire0 down");
    CHECK(verdict_of(doctor(net.space), "underlay") == "fail: lower-no-carrier {dev=eth0}");
}

TEST_CASE("doctor: the local address is gone") {
    const Healthy net;
    sh(net.space, "ip addr add 172.21.0.101/32 dev eth0\n" // with the last one, routes would go
                  "ip addr del 172.21.0.100/24 dev eth0");
    fails_alone(net.space, "local_address",
                "local-changed {address=172.21.0.101, dev=eth0, local=172.21.0.100}",
                "vxlanctl set vxlan0 --local 172.21.0.101");
    sh(net.space, "ip addr add 192.0.2.9/32 dev lo; ip addr flush dev eth0");
    const auto checks = doctor(net.space);
    CHECK(verdict_of(checks, "local_address") == "fail: local-missing {local=172.21.0.101}");
    CHECK(find(checks, "local_address").at("remedy") == ""); // nobody knows its prefix length
}

TEST_CASE("doctor: port 8472, left over from the script") {
    const Healthy net;
    vxlanctl(net.space, "down vxlan0");
    sh(net.space, "ip link add vxlan0 type vxlan id 10 dev eth0 local 172.21.0.100 dstport 8472\n"
                  "ip addr add 10.225.194.171/9 dev vxlan0\n"
                  "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
                  "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132\n"
                  "ip link set vxlan0 up");
    fails_alone(net.space, "port", "port-8472-left",
                "vxlanctl up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 "
                "100.64.158.132 --vni 10 --allow-recreate --keep-foreign",
                "vxlan0");
    CHECK(link(net.space, "vxlan0").at("linkinfo").at("info_data").at("port") == 4789);
    // Whoever states it has it.
    vxlanctl(net.space, "down vxlan0");
    REQUIRE(vxlanctl(net.space, up_words + " --port 8472").code == 0);
    CHECK(failed(doctor(net.space)).empty());
}

TEST_CASE("doctor: peers that are configured nowhere, and who is heard") {
    const Healthy net;
    net.ping("10.192.158.4");
    sh(net.space, "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
                  "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
    fails_alone(net.space, "settings",
                "settings-differ {changes=add peer 100.64.158.4, add peer 100.64.158.132",
                "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 self permanent && "
                "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132 self permanent");
    CHECK(flood_list(net.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    // Of one that nobody manages, peers are those that were heard.
    sh(net.space, "ip link set vxlan0 alias ''; bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst "
                  "100.64.158.4; bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
    net.ping("10.192.158.4");
    fails_alone(net.space, "peers", "peers-missing",
                "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4", "vxlan0");
    sh(net.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132 dynamic");
    const auto checks = doctor(net.space, "vxlan0");
    CHECK(verdict_of(checks, "peers") == "warn: flood-list-ages");
    sh(net.space, find(checks, "peers").at("remedy"));
    CHECK(find(doctor(net.space, "vxlan0"), "peers").at("verdict") == "pass");
}

TEST_CASE("doctor: doubled entries of the flood list") {
    const Healthy net;
    sh(net.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0");
    fails_alone(net.space, "settings", "settings-differ {changes=");
    sh(net.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0\n"
                  "ip link set vxlan0 alias ''");
    fails_alone(net.space, "flood_list", "peer-twice {peer=100.64.158.4}",
                "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0", "vxlan0");
    sh(net.space, "ip link set vxlan0 type vxlan id 10 remote 100.64.158.132");
    fails_alone(net.space, "flood_list", "peer-twice {peer=100.64.158.132}",
                "ip link set dev vxlan0 type vxlan id 10 remote 0.0.0.0", "vxlan0");
    CHECK(flood_list(net.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
}

TEST_CASE("doctor: no route to a peer by the lower device") {
    const Healthy net;
    sh(net.space, "ip route add unreachable 100.64.158.4/32");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"route"});
    CHECK(find(checks, "route").at("remedy") == "ip route del unreachable 100.64.158.4/32");
    CHECK(find(checks, "route").at("caution") != "");
    sh(net.space, "ip route del unreachable 100.64.158.4/32; ip route del default\n"
                  "ip route del 100.64.0.0/16\n"
                  "ip route add 100.64.158.132 dev eth0\n");
    const auto none = doctor(net.space);
    CHECK(failed(none) == Strings{"route"});
    CHECK(verdict_of(none, "route") ==
          "fail: route-missing {peer=100.64.158.4, through= through 'eth0'}");
    CHECK(find(none, "route").at("remedy") == ""); // nobody knows a gateway
}

TEST_CASE("doctor: without a lower device packets go into the tunnel itself") {
    const Healthy net;
    vxlanctl(net.space, "down vxlan0");
    REQUIRE(vxlanctl(net.space, "up - 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4").code ==
            0);
    CHECK(failed(doctor(net.space)).empty());
    sh(net.space, "ip route add 100.64.158.0/24 dev vxlan0");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"route", "overlap"});
    CHECK(verdict_of(checks, "route") ==
          "fail: route-into-tunnel {peer=100.64.158.4, route=100.64.158.0/24}");
    CHECK(find(checks, "route").at("remedy") == "ip route del 100.64.158.0/24 dev vxlan0");
    sh(net.space, find(checks, "route").at("remedy"));
    CHECK(failed(doctor(net.space)).empty());
}

TEST_CASE("doctor: an inner prefix that swallows the underlay") {
    const Healthy net;
    sh(net.space, "ip addr add 172.21.0.200/25 dev vxlan0");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"overlap"});
    CHECK(verdict_of(checks, "overlap") ==
          "fail: overlap {prefix=172.21.0.128/25, what=172.21.0.0/24 (the subnet of the local "
          "address 172.21.0.100 on eth0)}");
    sh(net.space, "ip addr del 172.21.0.200/25 dev vxlan0");
    CHECK(failed(doctor(net.space)).empty());
    sh(net.space, "ip addr add 172.20.0.1/14 dev vxlan0"); // the subnet is more specific
    CHECK(find(doctor(net.space), "overlap").at("verdict") == "warn");
}

TEST_CASE("doctor: the MTU does not fit into the lower device, the route, or the path") {
    const Healthy net;
    sh(net.space, "ip link set eth0 mtu 1500");
    fails_alone(net.space, "mtu", "mtu-too-large-for-lower {dev=eth0, lower=1500, mtu=8951}",
                "vxlanctl set vxlan0 --mtu 1450");
    sh(net.space, "ip route replace 100.64.0.0/16 dev eth0 mtu 1400");
    fails_alone(net.space, "mtu",
                "mtu-too-large-for-route {mtu=1450, peer=", "vxlanctl set vxlan0 --mtu 1350");
}

TEST_CASE("doctor: with --probe, a router on the way that reports a smaller MTU") {
    const Host host;
    const Namespace router;
    sh(host.space,
       fmt::format("ip link set wire0 netns /proc/{}/fd/{}", getpid(), router.descriptor()));
    sh(router, "ip link set wire0 mtu 9001 up; ip addr add 172.21.0.1/24 dev wire0\n"
               "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
               "ip link add narrow mtu 1400 type veth peer name far\n"
               "ip addr add 100.64.0.1/16 dev narrow; ip link set far up; ip link set narrow up\n"
               "ip neigh add 100.64.158.4 lladdr 02:00:00:00:00:04 dev narrow");
    REQUIRE(
        vxlanctl(host.space, "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4").code ==
        0);
    CHECK(failed(doctor(host.space)).empty());
    const auto checks = doctor(host.space, "--probe");
    CHECK(find(checks, "path_mtu").at("verdict") == "fail");
    CHECK(verdict_of(checks, "path_mtu") == "fail: path-mtu-too-small {bytes=1400, needed=9001, "
                                            "peer=100.64.158.4, says=, says 172.21.0.1}");
    CHECK(find(checks, "path_mtu").at("remedy") == "vxlanctl set vxlan0 --mtu 1350");
    CHECK(failed(checks) == Strings{"path_mtu"});
    REQUIRE(vxlanctl(host.space, "set vxlan0 --mtu 1350").code == 0);
    CHECK(failed(doctor(host.space, "--probe")).empty());
}

TEST_CASE("doctor: no MAC is learned after traffic, and nobody answers") {
    const Healthy net;
    for (const auto& peer : net.peers)
        sh(*peer, "ip link set vxlan0 down");
    net.ping("10.192.158.4");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"macs"});
    CHECK(verdict_of(checks, "macs").find("macs-silence {addresses=10.192.158.4") !=
          std::string::npos);
    CHECK(find(checks, "macs").at("look") == "vxlanctl doctor --probe vxlan0");
    const auto probed = doctor(net.space, "--probe");
    CHECK(failed(probed) == Strings{"probe"}); // which knows better
    CHECK(verdict_of(probed, "probe") == "fail: probe-silence {addresses=10.192.158.4}");
    CHECK(find(probed, "macs").at("verdict") == "warn");
    CHECK(find(probed, "macs").at("remedy") == "");
    for (const auto& peer : net.peers)
        sh(*peer, "ip link set vxlan0 up");
    CHECK(failed(doctor(net.space, "--probe")).empty());
    net.ping("10.192.158.4");
    CHECK(failed(doctor(net.space)).empty());
}

TEST_CASE("doctor: nobody is asked whether a probe was answered where the reason is known") {
    const Healthy net;
    net.ping("10.192.158.4");
    net.ping("10.192.158.132");
    const auto fails = [&](const std::string& name) {
        const auto checks = doctor(net.space, "--probe");
        CHECK(failed(checks) == Strings{name});
        CHECK(find(checks, "probe").at("verdict") == "none");
    };
    REQUIRE(find(doctor(net.space, "--probe"), "probe").at("verdict") == "pass");
    sh(net.wire, "ip link set wire0 down");
    fails("underlay");
    sh(net.wire, "ip link set wire0 up");
    sh(net.space, "ip addr add 172.21.0.101/32 dev eth0; ip addr del 172.21.0.100/24 dev eth0");
    fails("local_address");
    sh(net.space, "ip addr add 172.21.0.100/24 dev eth0\n"
                  "ip addr add 10.225.194.172/32 dev vxlan0\n" // else all is forgotten
                  "ip addr del 10.225.194.171/9 dev vxlan0");
    fails("settings");
    sh(net.space, "ip addr add 10.225.194.171/9 dev vxlan0");
    REQUIRE(find(doctor(net.space, "--probe"), "probe").at("verdict") == "pass");
    sh(net.space, "bridge fdb replace 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.132");
    fails("pins");
}

TEST_CASE("doctor: no probe where the firewall drops", "[nft]") {
    const Healthy net;
    if (run(net.space, {"nft", "add", "table", "inet", "filter"}).code != 0)
        SKIP_CASE("nft does not work with this kernel");
    net.ping("10.192.158.4");
    sh(net.space, "nft add chain inet filter input "
                  "'{ type filter hook input priority 0; policy drop; }'");
    const auto checks = doctor(net.space, "--probe");
    CHECK(failed(checks) == Strings{"firewall"});
    CHECK(find(checks, "probe").at("verdict") == "none");
}

TEST_CASE("doctor: a probe without the capability is a warning, and reading needs none") {
    const Healthy net;
    net.ping("10.192.158.4");
    RunOptions nobody;
    nobody.as_nobody = true;
    const auto finished = vxlanctl(net.space, "doctor --json --probe", nobody);
    INFO(finished.err);
    CHECK(finished.code == 0);
    const auto checks = nlohmann::json::parse(finished.out).at("checks");
    CHECK(verdict_of(checks, "probe") ==
          "warn: probe-not-sent {reason=" + clause("needs-net-raw") + "}");
    CHECK(find(checks, "firewall").at("verdict") == "warn");
    CHECK(find(checks, "path_mtu").at("verdict") == "pass");
}

TEST_CASE("doctor: a pinned MAC breaks the failover") {
    const Healthy net;
    sh(net.space, "bridge fdb add 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4");
    fails_alone(net.space, "pins", "mac-pinned {mac=02:00:00:00:00:04, peer=100.64.158.4}",
                "bridge fdb del 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4");
}

TEST_CASE("doctor: strict filtering where answers go out by another device") {
    const Healthy net;
    sh(net.space, "ip link add eth1 type veth peer name far1; ip link set far1 up\n"
                  "ip link set eth1 up; ip addr add 172.22.0.1/24 dev eth1\n"
                  "ip route add 100.64.158.4/32 dev eth1\n" // the tunnel itself goes by eth0:
                  "ip rule add from 172.21.0.100 ipproto udp dport 4789 lookup 500\n"
                  "ip route add default via 172.21.0.1 dev eth0 table 500\n"
                  "echo 2 >/proc/sys/net/ipv4/conf/eth0/rp_filter");
    CHECK(failed(doctor(net.space)).empty());
    sh(net.space, "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter");
    fails_alone(net.space, "rp_filter",
                "rp-filter-drops {interface=eth0, other=eth1, what=100.64.158.4}",
                "sysctl -w net/ipv4/conf/eth0/rp_filter=2");
    sh(net.space, "ip route add 10.128.0.0/10 dev eth1\n"
                  "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/rp_filter");
    fails_alone(net.space, "rp_filter",
                "rp-filter-drops {interface=vxlan0, other=eth1, what=inside 10.128.0.1}",
                "vxlanctl set vxlan0 --rp-filter loose");
}

TEST_CASE("doctor: forwarding is off though a rule sends others' traffic into the tunnel") {
    const Healthy net;
    REQUIRE(vxlanctl(net.space, up_words + " --route '10.128.0.0/9,table 101' --rule 'from "
                                           "172.21.0.100,table 101'")
                .code == 0);
    CHECK(failed(doctor(net.space)).empty()); // the host's own traffic
    REQUIRE(vxlanctl(net.space, up_words + " --route '10.128.0.0/9,table 101' --rule 'from "
                                           "172.21.0.0/24,table 101'")
                .code == 0);
    fails_alone(net.space, "forwarding", "forwarding-missing {interface=eth0, reasons=",
                "sysctl -w net/ipv4/conf/eth0/forwarding=1 && vxlanctl set vxlan0 --forward");
}

TEST_CASE("doctor: forwarding is off though the file says that this host forwards") {
    const Healthy net;
    const std::string words = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                              "addresses = [\"10.225.194.171/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
    const std::string gateway = words + "forward = true\nforward_from = [\"eth0\"]\n";
    with_file(net.space, gateway, VXLANCTL_PROGRAM " apply");
    const auto checks = doctor_with_file(net.space, gateway);
    CHECK(failed(checks).empty());
    CHECK(verdict_of(checks, "forwarding") ==
          "pass: forwarding-on-as-needed {reasons=" + clause("file-says-forward") + "}");
    sh(net.space, "echo 0 >/proc/sys/net/ipv4/conf/vxlan0/forwarding");
    fails_alone_with_file(
        net.space, gateway, "settings",
        "settings-differ-from-file {changes=set forward: no -> yes, file=/etc/vxlanctl/a.toml}",
        "vxlanctl apply");
    sh(net.space, "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding");
    fails_alone_with_file(net.space, gateway, "settings",
                          "settings-differ-from-file {changes=set forward of eth0: no -> yes, "
                          "file=/etc/vxlanctl/a.toml}",
                          "vxlanctl apply");
}

TEST_CASE("doctor: forwarding in one direction only") {
    const Healthy net;
    for (const auto& [on, off] : {std::pair{"eth0", "vxlan0"}, std::pair{"vxlan0", "eth0"}}) {
        sh(net.space, fmt::format("echo 1 >/proc/sys/net/ipv4/conf/{}/forwarding\n"
                                  "echo 0 >/proc/sys/net/ipv4/conf/{}/forwarding",
                                  on, off));
        const auto checks = doctor(net.space);
        CHECK(failed(checks).empty());
        CHECK(verdict_of(checks, "forwarding") ==
              fmt::format("warn: forwarding-one-way {{off={}, on={}}}", off, on));
        const std::string remedy = find(checks, "forwarding").at("remedy");
        CHECK(remedy == fmt::format("sysctl -w net/ipv4/conf/{}/forwarding=1", off));
        sh(net.space, remedy);
        CHECK(verdict_of(doctor(net.space), "forwarding") == "pass: forwarding-on");
    }
}

TEST_CASE("doctor: a dormant table of the firewall drops nothing", "[nft]") {
    const Healthy net;
    if (run(net.space, {"nft", "add", "table", "inet", "asleep"}).code != 0)
        SKIP_CASE("nft does not work with this kernel");
    sh(net.space, "nft add table inet asleep '{ flags dormant; }'\n"
                  "nft add chain inet asleep input "
                  "'{ type filter hook input priority 0; policy drop; }'");
    CHECK(verdict_of(doctor(net.space), "firewall") == "pass: firewall-empty {what=UDP 4789}");
    sh(net.space, "nft add table inet awake; nft add set inet awake dormant "
                  "'{ type ipv4_addr; flags interval; }'\n"
                  "nft add chain inet awake input "
                  "'{ type filter hook input priority 0; policy accept; }'");
    CHECK(verdict_of(doctor(net.space), "firewall") == "pass: firewall-lets-pass {what=UDP 4789}");
    sh(net.space, "nft add rule inet awake input udp dport 4789 drop");
    const auto checks = doctor(net.space);
    CHECK(failed(checks) == Strings{"firewall"});
    CHECK(verdict_of(checks, "firewall")
              .find("{chain=input, direction=from, peers=100.64.158.4, 100.64.158.132, table=inet "
                    "awake, what=UDP 4789, why=handle ") != std::string::npos);
}

TEST_CASE("doctor: the firewall drops the peers' packets", "[nft]") {
    const Healthy net;
    if (run(net.space, {"nft", "add", "table", "inet", "filter"}).code != 0)
        SKIP_CASE("nft does not work with this kernel");
    sh(net.space, "nft add table inet filter\n"
                  "nft add chain inet filter input "
                  "'{ type filter hook input priority 0; policy drop; }'\n"
                  "nft add rule inet filter input ct state established,related accept\n"
                  "nft add rule inet filter input tcp dport 22 accept");
    fails_alone(net.space, "firewall",
                "firewall-drops {chain=input, direction=from, peers=100.64.158.4, 100.64.158.132, "
                "table=inet filter, what=UDP 4789, why=policy drop}",
                "nft insert rule inet filter input 'ip saddr { 100.64.158.4, 100.64.158.132 } udp "
                "dport 4789 accept'");
    sh(net.space, "nft flush chain inet filter input\n"
                  "nft add chain inet filter output '{ type filter hook output priority 0; }'\n"
                  "nft add rule inet filter input udp dport 4000-5000 accept\n"
                  "nft add rule inet filter output oifname \"eth*\" udp dport 4789 drop");
    fails_alone(net.space, "firewall",
                "firewall-drops {chain=output, direction=to, peers=100.64.158.4, 100.64.158.132, "
                "table=inet filter, what=UDP 4789, ",
                "nft insert rule inet filter output 'ip daddr { 100.64.158.4, 100.64.158.132 } udp "
                "dport 4789 accept'");
    sh(net.space, "nft flush ruleset; nft add table inet filter\n"
                  "nft add chain inet filter input '{ type filter hook input priority 0; }'\n"
                  "nft add rule inet filter input udp dport 4789 limit rate 5/second drop");
    CHECK(find(doctor(net.space), "firewall").at("verdict") == "warn");
}

TEST_CASE("doctor: what was set for the tunnel is gone") {
    const Healthy net;
    REQUIRE(vxlanctl(net.space, up_words + " --route '10.1.0.0/16,table 101' --rule 'from "
                                           "172.21.0.100,table 101'")
                .code == 0);
    sh(net.space, "ip rule del from 172.21.0.100 table 101; ip route del 10.1.0.0/16 table 101");
    fails_alone(net.space, "settings",
                "settings-differ {changes=add route 10.1.0.0/16 table 101, add rule from "
                "172.21.0.100/32 table 101");
}

TEST_CASE("doctor: an address of the tunnel is gone") {
    const Healthy net;
    sh(net.space, "ip addr del 10.225.194.171/9 dev vxlan0");
    fails_alone(net.space, "settings", "settings-differ {changes=add address 10.225.194.171/9");
    REQUIRE(
        vxlanctl(net.space, up_words + " --route '10.1.0.0/16,via 10.192.158.4,table 101'").code ==
        0);
    sh(net.space, "ip addr del 10.225.194.171/9 dev vxlan0"); // and the route with it
    fails_alone(net.space, "settings",
                "settings-differ {changes=add address 10.225.194.171/9, add route 10.1.0.0/16 via "
                "10.192.158.4 table 101");
}

TEST_CASE("doctor: of a lost route or rule to the peers the settings alone speak") {
    const TwoVpgs two;
    CHECK(failed(doctor(two.space)).empty());
    const std::string apply = "vxlanctl apply " EXAMPLES "/two-vpgs.toml";
    const std::string route = "settings-differ {changes=add route 100.64.0.0/16 via 172.21.1.1";
    sh(two.space, "ip route del 100.64.0.0/16 table 101");
    CHECK(failed(doctor(two.space, "vxlan0")).empty());
    CHECK(find(doctor(two.space, "vxlan1"), "route").at("verdict") == "none");
    fails_alone(two.space, "settings", route, apply);
    CHECK(find(doctor(two.space, "vxlan1"), "route").at("verdict") == "pass");
    sh(two.space, "ip rule del from 172.21.1.100");
    fails_alone(two.space, "settings",
                "settings-differ {changes=add rule from 172.21.1.100/32 table 101", apply);
    sh(two.space, "ip addr del 172.21.1.100/24 dev eth1"); // and the route with it
    const auto checks = doctor(two.space);
    CHECK(is_in(failed(checks), "local_address"));
    sh(two.space, "ip addr add 172.21.1.100/24 dev eth1\n" + known_gateway_of_eth1);
    fails_alone(two.space, "settings", route, apply);
}

TEST_CASE("doctor: a lost route in the main table, and tunnels that need another one's") {
    const Healthy net;
    sh(net.space, "ip route del 100.64.0.0/16");
    REQUIRE(
        vxlanctl(net.space, up_words + " --route '100.64.0.0/16,via 172.21.0.1,dev eth0'").code ==
        0);
    REQUIRE(vxlanctl(net.space, "up eth0 172.21.0.100 vxlan2 - 100.64.158.5 --vni 12").code == 0);
    const std::string found =
        "settings-differ {changes=add route 100.64.0.0/16 via 172.21.0.1 dev eth0";
    sh(net.space, "ip route del 100.64.0.0/16"); // there is the default route still
    CHECK(find(doctor(net.space), "route").at("verdict") == "pass");
    fails_alone(net.space, "settings", found);
    sh(net.space, "ip route del default; ip route del 100.64.0.0/16");
    fails_alone(net.space, "route", "route-missing {peer=100.64.158.5, through= through 'eth0'}",
                "ip route add 100.64.0.0/16 via 172.21.0.1 dev eth0", "vxlan2");
    sh(net.space, "ip route del 100.64.0.0/16");
    fails_alone(net.space, "settings", found);
}

TEST_CASE("doctor: a route to the peers that stands in the file only") {
    const Host host;
    sh(host.space, known_gateway);
    const std::string words = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                              "peers = [\"100.64.158.4\"]\n";
    with_file(host.space, words, VXLANCTL_PROGRAM " apply");
    sh(host.space, "ip route del default");
    CHECK(find(doctor_with_file(host.space, words), "route").at("remedy") == "");
    const auto stated = words + "routes = [{ to = \"100.64.0.0/16\", via = \"172.21.0.1\", "
                                "dev = \"eth0\" }]\n";
    fails_alone_with_file(host.space, stated, "settings",
                          "settings-differ-from-file {changes=add route 100.64.0.0/16 via "
                          "172.21.0.1 dev eth0, file=/etc/vxlanctl/a.toml}",
                          "vxlanctl apply");
}

TEST_CASE("doctor: nothing fails on a VXLAN with a multicast group, whatever routes there are") {
    const Host host;
    sh(host.space, "ip link add vx2 type vxlan id 21 local 172.21.0.100 dev eth0 dstport 4791 "
                   "group 239.1.1.1; ip link set vx2 up");
    auto checks = doctor(host.space, "vx2");
    CHECK(failed(checks).empty());
    CHECK(verdict_of(checks, "route")
              .find("pass: route-fine {ways=239.1.1.1 via 172.21.0.1 through 'eth0'") == 0);
    sh(host.space, "ip route del default");
    checks = doctor(host.space, "vx2");
    CHECK(failed(checks).empty());
    CHECK(verdict_of(checks, "route").find("pass: route-fine {ways=239.1.1.1 through 'eth0'") == 0);
    sh(host.space, "bridge fdb add 02:00:00:00:00:04 dev vx2 dst 172.21.0.7");
    CHECK(find(doctor(host.space, "vx2"), "pins").at("verdict") == "warn"); // who is there?
}

TEST_CASE("doctor: the cloud sees the outermost tunnel alone, by its address") {
    const Healthy net;
    const auto remedy = [](const std::string& filter, const std::string& address) {
        return fmt::format("aws ec2 describe-instances --filters Name=network-interface.{},"
                           "Values={}",
                           filter, address);
    };
    const std::string by_ipv4 = remedy("addresses.private-ip-address", "172.21.0.100");
    const auto cloud = find(doctor(net.space), "cloud");
    CHECK(cloud.at("look") == by_ipv4);
    REQUIRE(
        vxlanctl(net.space, "up vxlan0 10.225.194.171 vxlan9 - 10.192.158.4 --vni 9 --port 4790")
            .code == 0);
    CHECK(find(doctor(net.space), "cloud").at("messages") == cloud.at("messages"));
    CHECK(find(doctor(net.space, "vxlan9"), "cloud").at("look") == by_ipv4);
    REQUIRE(vxlanctl(net.space, "up eth0 2001:db8:21::100 vxlan6 - 2001:db8:22::1 --vni 6").code ==
            0);
    CHECK(find(doctor(net.space), "cloud").at("look") ==
          by_ipv4 + " && " + remedy("ipv6-addresses.ipv6-address", "2001:db8:21::100"));
}

TEST_CASE("doctor: systemd-networkd removes the tunnel's routes from a link that it manages") {
    const Healthy net;
    REQUIRE(
        vxlanctl(net.space, up_words + " --route '100.66.0.0/16,via 172.21.0.1,dev eth0'").code ==
        0);
    const auto with = [&](const std::string& state, const std::string& more = "") {
        return doctor_among_services(
            net.space, fmt::format("mkdir -p /run/systemd/netif/links; touch "
                                   "/run/systemd/netif/state\n"
                                   "echo ADMIN_STATE={} >/run/systemd/netif/links/{}\n{}",
                                   state, link(net.space, "eth0").at("ifindex").get<int>(), more));
    };
    const auto checks = with("configured");
    CHECK(failed(checks) == Strings{"networkd"});
    CHECK(told(find(checks, "networkd").at("messages")) == "networkd-removes-routes");
    auto remedy = find(checks, "networkd").at("remedy").get<std::string>();
    CHECK(remedy.find("ManageForeignRoutes=no") != std::string::npos);
    remedy = remedy.substr(0, remedy.find(" && systemctl"));
    std::replace(remedy.begin(), remedy.end(), '\'', '"');
    CHECK(failed(with("configured", remedy)).empty());
    CHECK(failed(with("unmanaged")).empty());
}

TEST_CASE("doctor: the example tells a monitoring agent what failed and what to do") {
    const Healthy net;
    const std::string program = VXLANCTL_PROGRAM;
    const auto example = [&](const std::string& words) {
        return run(net.space, {"/bin/sh", "-c",
                               fmt::format("PATH=\"{}:$PATH\" " EXAMPLES "/doctor.sh {}",
                                           program.substr(0, program.rfind('/')), words)});
    };
    auto finished = example("");
    CHECK(finished.code == 1); // nothing was said in the tunnel yet
    CHECK(finished.out.starts_with("WARNING: vxlan0: macs: "));
    CHECK(finished.out.find(" | passed=20 warnings=1 failed=0\n") != std::string::npos);
    net.ping("10.192.158.4");
    finished = example("");
    CHECK(finished.code == 0);
    CHECK(finished.out == "OK: no check failed | passed=21 warnings=0 failed=0\n");
    sh(net.space, "bridge fdb replace 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4");
    finished = example("vxlan0");
    CHECK(finished.code == 2);
    CHECK(finished.out ==
          fmt::format(
              "CRITICAL: vxlan0: pins: {} | passed=20 warnings=0 failed=1\n"
              "do: bridge fdb del 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4\n",
              clause("mac-pinned", {{"mac", "02:00:00:00:00:04"}, {"peer", "100.64.158.4"}})));
    finished = example("a/b");
    CHECK(finished.code == 3);
    CHECK(finished.out.find("UNKNOWN: ") == 0);
}

TEST_CASE("doctor: NetworkManager and systemd-networkd manage the link, or remove its rules") {
    const Healthy net;
    REQUIRE(vxlanctl(net.space, up_words + " --rule 'from 172.21.0.100,table 101'").code == 0);
    const auto index = link(net.space, "vxlan0").at("ifindex").get<int>();
    const auto with = [&](const std::string& line) {
        return doctor_among_services(net.space, line);
    };
    CHECK(failed(with("true")).empty());
    const auto device = fmt::format("mkdir -p /run/NetworkManager/devices; printf "
                                    "\"[device]\\nmanaged=%s\\n\" {} "
                                    ">/run/NetworkManager/devices/{};",
                                    "{}", index);
    auto checks = with(fmt::format(fmt::runtime(device), "true"));
    CHECK(failed(checks) == Strings{"manager"});
    CHECK(find(checks, "manager").at("remedy") == "nmcli device set vxlan0 managed no");
    CHECK(failed(with(fmt::format(fmt::runtime(device), "false"))).empty());

    const std::string networkd = "mkdir -p /run/systemd/netif/links /etc/systemd/networkd.conf.d; "
                                 "touch /run/systemd/netif/state;";
    const auto state = fmt::format("echo ADMIN_STATE=$STATE >/run/systemd/netif/links/{};", index);
    const std::string leave = "printf \"[Network]\\nManageForeignRoutingPolicyRules=no\\n\" "
                              ">/etc/systemd/networkd.conf.d/a.conf;";
    checks = with(networkd);
    CHECK(failed(checks) == Strings{"networkd"});
    CHECK(find(checks, "networkd")
              .at("remedy")
              .get<std::string>()
              .find("ManageForeignRoutingPolicyRules=no") != std::string::npos);
    CHECK(failed(with(networkd + leave)).empty());
    checks = with(networkd + leave + "STATE=configured; " + state);
    CHECK(failed(checks) == Strings{"manager"});
    CHECK(find(checks, "manager").at("remedy").get<std::string>().find("Unmanaged=yes") !=
          std::string::npos);
    CHECK(failed(with(networkd + leave + "STATE=unmanaged; " + state)).empty());
    // The remedy for rules writes such a file.
    auto remedy = find(with(networkd), "networkd").at("remedy").get<std::string>();
    remedy = remedy.substr(0, remedy.find(" && systemctl"));
    std::replace(remedy.begin(), remedy.end(), '\'', '"');
    CHECK(failed(with(networkd + remedy + ";")).empty());
}
