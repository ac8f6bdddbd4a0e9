// `doctor --to` agrees with ping: what it says is reached is, and what it says is blocked is not.
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// A network with a tunnel in it. Nothing filters or forwards unless a case says so.
struct ReachNetwork : Network {
    ReachNetwork() {
        sh(host.space, "for f in all default eth0; do\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter\n"
                       "echo 0 >/proc/sys/net/ipv4/conf/$f/forwarding; done");
        const auto made = vxlanctl(host.space, up_words);
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
    const Namespace& space = host.space;
};

struct Answer {
    int code = 0;
    nlohmann::json document;
    std::string text; ///< of the same call without --json

    std::string verdict() const { return document.at("verdict"); }
    std::string headline() const { return told(nlohmann::json::array({document.at("message")})); }
    /// The verdict of the first step of that name that is not passed, else of the first.
    std::string step(const std::string& name) const {
        std::string found = "none";
        for (const auto& step : document.at("steps")) {
            if (step.at("step") != name) continue;
            const std::string verdict = step.at("verdict");
            const auto what =
                fmt::format("{}: {}", verdict, told(nlohmann::json::array({step.at("message")})));
            if (verdict != "pass") return what;
            if (found == "none") found = what;
        }
        return found;
    }
    std::string remedy() const {
        for (const auto& step : document.at("steps"))
            if (step.at("verdict") == "fail") return step.at("remedy");
        return "";
    }
};

Answer doctor_to(const Namespace& space, const std::string& words) {
    const auto finished = vxlanctl(space, "doctor --json --to " + words);
    INFO(finished.out << finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    Answer answer{finished.code, nlohmann::json::parse(finished.out), ""};
    const auto brief = vxlanctl_brief(space, "doctor --to " + words);
    answer.text = brief.out;
    INFO(answer.text);
    CHECK(brief.code == finished.code);
    CHECK(std::count(answer.text.begin(), answer.text.end(), '\n') <= 10);
    std::istringstream lines(answer.text);
    for (std::string line; std::getline(lines, line);)
        CHECK((line.size() <= 80 || line.starts_with("  do:")));
    return answer;
}

bool pings(const Namespace& from, const std::string& address) {
    return run(from, {"ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address}).code == 0;
}

/// Ping reaches it, and so says the doctor, with and without a probe.
Answer is_reached(const Namespace& space, const std::string& address) {
    REQUIRE(pings(space, address));
    const auto answer = doctor_to(space, address);
    INFO(answer.text);
    CHECK(answer.code == 0);
    CHECK(answer.verdict() == "reached");
    const auto probed = doctor_to(space, address + " --probe");
    CHECK(probed.code == 0);
    CHECK(probed.verdict() == "reached");
    CHECK(probed.step("probe") == "pass: reach-answered");
    return answer;
}

/// Ping does not reach it, and so says the doctor.
Answer is_blocked(const Namespace& space, const std::string& address) {
    REQUIRE_FALSE(pings(space, address));
    const auto answer = doctor_to(space, address);
    INFO(answer.text);
    CHECK(answer.code == 3);
    CHECK(answer.verdict() == "blocked");
    CHECK(doctor_to(space, address + " --probe").verdict() == "blocked");
    return answer;
}

/// The remedy makes that it is reached.
void heals(const Namespace& space, const Answer& answer, const std::string& address) {
    INFO(answer.remedy());
    REQUIRE(answer.remedy() != "");
    const std::string program = VXLANCTL_PROGRAM;
    sh(space, fmt::format("PATH=\"{}:$PATH\"; {}", program.substr(0, program.rfind('/')),
                          answer.remedy()));
    is_reached(space, address);
}

} // namespace

TEST_CASE("doctor --to: an address behind a peer, before and after it is known") {
    const ReachNetwork net;
    const auto unknown = doctor_to(net.space, "10.192.158.4");
    CHECK(unknown.code == 0);
    CHECK(unknown.headline() == "reached-through-some-peer {count=2, interface=vxlan0, "
                                "peer=100.64.158.4, to=10.192.158.4}");
    CHECK(unknown.document.at("peers") ==
          nlohmann::json::array({"100.64.158.4", "100.64.158.132"}));
    const auto known = is_reached(net.space, "10.192.158.4");
    CHECK(known.headline() == "reached-through-peer {count=1, interface=vxlan0, "
                              "peer=100.64.158.4, to=10.192.158.4}");
    CHECK(known.text.find("10.192.158.4") < known.text.find("  pass  route      "));
    CHECK(known.step("peer") ==
          "pass: reach-by-mac {how=learned, mac=02:00:00:00:00:04, peer=100.64.158.4}");
    CHECK(known.step("mtu") == "pass: reach-mtu {mtu=8951, outer=9001}");
    CHECK(known.step("underlay").starts_with("pass: reach-underlay {"));
    CHECK(vxlanctl(net.space, "doctor -q --to 10.192.158.4").out == "");
    CHECK(vxlanctl_counted(net.space, "doctor --to 10.192.158.4").writes == 0);
    CHECK(doctor_to(net.space, "10.192.158.4 vxlan0").code == 0);
}

TEST_CASE("doctor --to: behind a gateway inside") {
    const ReachNetwork net;
    sh(*net.peers.front(), "ip addr add 192.0.2.1/32 dev lo");
    sh(net.space, "ip route add 192.0.2.0/24 via 10.192.158.4");
    const auto answer = is_reached(net.space, "192.0.2.1");
    CHECK(answer.document.at("peers") == nlohmann::json::array({"100.64.158.4"}));
    CHECK(answer.step("neighbour").starts_with("pass: reach-neighbour {address=10.192.158.4"));
}

TEST_CASE("doctor --to: nobody inside has the address, or its host has gone") {
    const ReachNetwork net;
    CHECK(is_blocked(net.space, "10.192.158.9").step("neighbour") ==
          "fail: reach-neighbour-silent {address=10.192.158.9, interface=vxlan0, mac=, "
          "state=stale}");
    is_reached(net.space, "10.192.158.4");
    sh(*net.peers.front(), "ip link set vxlan0 down");
    REQUIRE_FALSE(pings(net.space, "10.192.158.4"));
    // Whatever the neighbours' table still has: who is asked has the last word.
    const auto answer = doctor_to(net.space, "10.192.158.4 --probe");
    CHECK(answer.code == 3);
    CHECK(answer.verdict() == "blocked");
    sh(*net.peers.front(), "ip link set vxlan0 up");
    REQUIRE(reaches(net.space, "10.192.158.4"));
    is_reached(net.space, "10.192.158.4");
}

TEST_CASE("doctor --to: who answers ARP and no echo request is reached, with a warning") {
    const ReachNetwork net;
    sh(*net.peers.front(), "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
    const auto answer = doctor_to(net.space, "10.192.158.4 --probe");
    CHECK(answer.code == 0);
    CHECK(answer.verdict() == "reached");
    CHECK(answer.step("probe") == "warn: reach-answers-arp");
}

TEST_CASE("doctor --to: the tunnel is down, and then its route is gone") {
    const ReachNetwork net;
    sh(net.space, "ip link set vxlan0 down");
    auto answer = is_blocked(net.space, "10.192.158.4");
    CHECK(answer.step("interface") ==
          "fail: reach-tunnel-down {interface=vxlan0, prefix=10.128.0.0/9}");
    CHECK(answer.remedy() == "ip link set dev vxlan0 up");
    heals(net.space, answer, "10.192.158.4");
    REQUIRE(vxlanctl(net.space, "set vxlan0 --route 192.0.2.0/24").code == 0);
    sh(*net.peers.front(), "ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.1/32 dev vxlan0");
    is_reached(net.space, "192.0.2.1");
    sh(net.space, "ip route del 192.0.2.0/24 dev vxlan0");
    answer = is_blocked(net.space, "192.0.2.1");
    CHECK(answer.step("settings") == "fail: route-gone {route=192.0.2.0/24}");
    heals(net.space, answer, "192.0.2.1");
}

TEST_CASE("doctor --to: no route to the peer") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(net.space, "ip route add unreachable 100.64.158.4/32");
    const auto answer = is_blocked(net.space, "10.192.158.4");
    CHECK(answer.step("underlay") == "fail: reach-no-route {to=100.64.158.4}");
    is_reached(net.space, "10.192.158.132"); // behind the other one
}

TEST_CASE("doctor --to: no peer at all") {
    const ReachNetwork net; // in which nobody has said anything yet that could be learned from
    sh(net.space, "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
                  "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
    CHECK(is_blocked(net.space, "10.192.158.4").step("peer") ==
          "fail: reach-no-peer {interface=vxlan0}");
}

TEST_CASE("doctor --to: a frame for a MAC that is pinned behind the wrong peer") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(net.space, "bridge fdb replace 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.133");
    REQUIRE_FALSE(pings(net.space, "10.192.158.4"));
    const auto answer = doctor_to(net.space, "10.192.158.4 --probe");
    CHECK(answer.step("peer") ==
          "pass: reach-by-mac {how=pinned, mac=02:00:00:00:00:04, peer=100.64.158.133}");
    CHECK(answer.verdict() == "blocked");
}

TEST_CASE("doctor --to: the underlay's next hop does not answer, or the interface is down") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(*net.peers.front(), "ip link set eth0 down");
    sh(net.space, "ip neigh flush dev eth0");
    const auto answer = is_blocked(net.space, "10.192.158.4");
    CHECK(answer.step("underlay") ==
          "fail: reach-neighbour-silent {address=100.64.158.4, interface=eth0}");
    sh(net.space, "ip link set eth0 down");
    CHECK(is_blocked(net.space, "10.192.158.132").step("underlay") ==
          "fail: lower-down {dev=eth0}");
}

TEST_CASE("doctor --to: the local address is gone") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(net.space, "ip addr add 172.21.0.101/32 dev eth0\n" // with the last one, routes would go
                  "ip addr del 172.21.0.100/24 dev eth0");
    const auto answer = is_blocked(net.space, "10.192.158.4");
    CHECK(answer.step("local_address") ==
          "fail: local-changed {address=172.21.0.101, dev=eth0, local=172.21.0.100}");
    heals(net.space, answer, "10.192.158.4");
}

TEST_CASE("doctor --to: answers that strict filtering drops") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(net.space, "ip link add other type veth peer name far; ip link set other up\n"
                  "ip link set far up\n"
                  "ip rule add from 172.21.0.100 ipproto udp dport 4789 lookup main priority 9\n"
                  "ip rule add from 172.21.0.100 lookup 77 priority 10\n"
                  "ip route add 100.64.158.4/32 dev other table 77\n"
                  "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter");
    const auto answer = is_blocked(net.space, "10.192.158.4");
    CHECK(answer.step("rp_filter").starts_with("fail: rp-filter-drops {interface=eth0"));
    heals(net.space, answer, "10.192.158.4");
}

TEST_CASE("doctor --to: addresses that no tunnel leads to") {
    const ReachNetwork net;
    auto answer = doctor_to(net.space, "100.64.158.4");
    CHECK(answer.code == 0);
    CHECK(answer.verdict() == "outside");
    CHECK(answer.headline() == "reach-outside {interface=eth0, to=100.64.158.4, tunnels=}");
    CHECK(answer.step("forwarding") == "warn: reach-not-forwarded {tunnels='vxlan0'}");
    sh(net.space, "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/forwarding");
    CHECK(doctor_to(net.space, "100.64.158.4").step("forwarding") ==
          "pass: reach-forwarded {tunnels='vxlan0'}");
    CHECK(doctor_to(net.space, "100.64.158.4 --probe").step("probe") == "pass: reach-answered");
    answer = doctor_to(net.space, "100.64.158.4 vxlan0");
    CHECK(answer.code == 3);
    CHECK(answer.headline() ==
          "reach-outside-named {interface=eth0, to=100.64.158.4, tunnels='vxlan0'}");
    CHECK(doctor_to(net.space, "172.21.0.100").headline().starts_with("reach-own {"));
    sh(net.space, "ip route del default");
    answer = is_blocked(net.space, "203.0.113.1");
    CHECK(answer.step("route") == "fail: reach-no-route {to=203.0.113.1}");
    answer = is_blocked(net.space, "100.64.9.9");
    CHECK(answer.step("neighbour").starts_with("fail: reach-neighbour-silent "));
    sh(net.space, "ip link set vxlan0 down"); // that of the tunnel would be a shorter prefix
    CHECK(doctor_to(net.space, "100.64.158.4").verdict() == "outside");
}

TEST_CASE("doctor --to: what the firewall drops, outside and inside", "[nft]") {
    const ReachNetwork net;
    if (run(net.space, {"nft", "add", "table", "inet", "filter"}).code != 0)
        SKIP_CASE("nft does not work with this kernel");
    is_reached(net.space, "10.192.158.4");
    const auto drops = [&](const std::string& hook, const std::string& rule,
                           const std::string& what) {
        INFO(hook << " " << rule);
        sh(net.space, fmt::format("nft 'add chain inet filter {0} {{ type filter hook {0} priority "
                                  "0; }}'; nft 'add rule inet filter {0} {1} drop'",
                                  hook, rule));
        const auto answer = is_blocked(net.space, "10.192.158.4");
        CHECK(answer.step("firewall").find(what) != std::string::npos);
        heals(net.space, answer, "10.192.158.4");
        sh(net.space, "nft flush ruleset; nft add table inet filter");
    };
    const auto outside = [](const std::string& direction) {
        return clause(
            "packets-outside",
            {{"protocol", "UDP 4789"}, {"direction", direction}, {"peer", "100.64.158.4"}});
    };
    const auto inside = [](const std::string& direction) {
        return clause("packets-inside",
                      {{"direction", direction}, {"to", "10.192.158.4"}, {"interface", "vxlan0"}});
    };
    drops("output", "udp dport 4789", outside("to"));
    drops("input", "udp dport 4789", outside("from"));
    drops("output", "oifname vxlan0", inside("to"));
    drops("input", "iifname vxlan0", inside("from"));
    // One command for all that is dropped.
    sh(net.space, "nft 'add chain inet filter input { type filter hook input priority 0; "
                  "policy drop; }'\n"
                  "nft 'add chain inet filter output { type filter hook output priority 0; "
                  "policy drop; }'");
    const auto closed = is_blocked(net.space, "10.192.158.4");
    heals(net.space, closed, "10.192.158.4");
    sh(net.space, "nft flush ruleset; nft add table inet filter");
    // What lets connections pass lets answers pass.
    sh(net.space, "nft 'add chain inet filter input { type filter hook input priority 0; "
                  "policy drop; }'\n"
                  "nft add rule inet filter input ct state established,related accept\n"
                  "nft add rule inet filter input udp dport 4789 accept");
    CHECK(is_reached(net.space, "10.192.158.4").step("firewall") == "pass: reach-firewall-passes");
}

TEST_CASE("doctor --to: neighbours of IPv6 inside") {
    const ReachNetwork net;
    sh(net.space, "ip addr add 2001:db8:77::1/64 dev vxlan0 nodad");
    sh(*net.peers.front(), "echo 0 >/proc/sys/net/ipv6/conf/vxlan0/disable_ipv6\n"
                           "ip addr add 2001:db8:77::4/64 dev vxlan0 nodad");
    is_reached(net.space, "2001:db8:77::4");
    CHECK(is_blocked(net.space, "2001:db8:77::9").step("neighbour").starts_with("fail: "));
    const auto answer = doctor_to(net.space, "fe80::ff:fe00:4 vxlan0 --probe");
    CHECK(answer.verdict() == "reached");
    CHECK(answer.step("probe") == "pass: reach-answered");
}

TEST_CASE("doctor --to: however many tunnels there are, the same number of requests") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    const auto requests = [&] {
        return vxlanctl_counted(net.space, "doctor --to 10.192.158.4").reads;
    };
    const long alone = requests();
    CHECK(alone > 0);
    std::string more;
    for (int i = 1; i <= 20; ++i)
        more += fmt::format("[vxlan.vxlan{0}]\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "addresses = [\"10.{0}.0.1/24\"]\npeers = [\"100.64.158.4\"]\n",
                            i, 100 + i);
    REQUIRE(apply_text(net.space, more).code == 0);
    CHECK(requests() == alone);
}

TEST_CASE("doctor --to: tunnels by their alternative names, and what is none") {
    const ReachNetwork net;
    is_reached(net.space, "10.192.158.4");
    sh(net.space, "ip link property add dev vxlan0 altname gate\n"
                  "ip link add other type veth peer name far");
    const auto answer = doctor_to(net.space, "10.192.158.4 gate");
    CHECK(answer.verdict() == "reached");
    CHECK(answer.document.at("tunnel") == "vxlan0");
    const auto refused = vxlanctl(net.space, "doctor --to 10.192.158.4 other");
    CHECK(refused.code == 2);
    CHECK(told(refused, "not-a-tunnel"));
}

TEST_CASE("doctor --to: what is no address of one host") {
    const Host host;
    const auto refused = [&](const std::string& words, const std::string& code) {
        const auto finished = vxlanctl(host.space, "doctor --to " + words);
        CHECK(finished.code == 2);
        CHECK(told(finished, code));
    };
    refused("vxlan0", "not-an-ip-address");
    refused("224.0.0.1", "to-not-unicast");
    refused("172.21.0.255", "to-not-unicast");
    refused("fe80::1", "to-needs-interface");
    refused("10.0.0.1 eth0", "not-a-tunnel");
    const auto missing = doctor_to(host.space, "172.21.0.1 vxlan9");
    CHECK(missing.code == 3);
    CHECK(missing.step("interface") == "fail: link-missing");
}

TEST_CASE("doctor --to: who has no capability is told, and no packet is sent") {
    const ReachNetwork net;
    REQUIRE(pings(net.space, "10.192.158.4"));
    RunOptions nobody;
    nobody.as_nobody = true;
    const auto finished = vxlanctl(net.space, "doctor --json --probe --to 10.192.158.4", nobody);
    INFO(finished.err);
    CHECK(finished.code == 0);
    const Answer answer{0, nlohmann::json::parse(finished.out), ""};
    CHECK(answer.verdict() == "reached");
    CHECK(answer.step("probe") == "warn: probe-not-sent {reason=" + clause("needs-net-raw") + "}");
}

TEST_CASE("doctor --to: the names of peers") {
    const ReachNetwork net;
    REQUIRE(apply_text(net.space, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                  "addresses = [\"10.225.194.171/9\"]\n"
                                  "peers = [{ dst = \"100.64.158.4\", name = \"gate-a\" }]\n")
                .code == 0);
    const auto answer = is_reached(net.space, "10.192.158.4");
    CHECK(answer.headline().find("peer=100.64.158.4, peer_name=gate-a") != std::string::npos);
    CHECK(answer.text.find("100.64.158.4 (gate-a)") != std::string::npos);
}
