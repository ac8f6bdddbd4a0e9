// What `doctor --probe` sees of ISATAP and IPv4-in-IPv6 tunnels. Traffic decides who is right.
#include "findings.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

using findings::failed;

void move(const Namespace& from, const char* name, const Namespace& to) {
    sh(from, fmt::format("ip link set {} netns /proc/{}/fd/{}", name, getpid(), to.descriptor()));
}

/// A host with sit1, its ISATAP router, and a site behind that with an IPv4-in-IPv6 tunnel back.
struct FletsNetwork {
    FletsNetwork() {
        for (const auto* space : {&host, &router, &site})
            without_duplicate_detection(*space);
        sh(host, "rm -rf /run/vxlanctl\n"
                 "ip link add eth0 type veth peer name wan\n"
                 "ip addr add 10.216.0.101/24 dev eth0; ip link set eth0 up");
        move(host, "wan", router);
        sh(host, "ip route add default via 10.216.0.1 dev eth0");
        sh(router, "ip addr add 10.216.0.1/24 dev wan; ip link set wan up\n"
                   "ip addr add 192.168.103.254/32 dev lo\n"
                   "ip tunnel add is0 mode isatap local 192.168.103.254\n"
                   "ip addr add 2001:db8::5efe:192.168.103.254/64 dev is0; ip link set is0 up\n"
                   "ip link add lan type veth peer name eth0\n"
                   "ip addr add 2001:db8:1::1/64 dev lan nodad; ip link set lan up\n"
                   "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
        move(router, "eth0", site);
        sh(site, "ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip link set eth0 up\n"
                 "ip -6 route add default via 2001:db8:1::1\n"
                 "ip -6 tunnel add site1 mode ipip6 local 2001:db8:1::2 "
                 "remote 2001:db8::5efe:10.216.0.101 encaplimit none\n"
                 "ip link set site1 up; ip addr add 192.0.2.2/30 dev site1");
        REQUIRE(vxlanctl(host, "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254").code ==
                0);
    }

    void add_site() const {
        REQUIRE(vxlanctl(host, "ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::2 "
                               "192.0.2.1/30 --encaplimit none")
                    .code == 0);
    }

    Namespace host, router, site;
};

nlohmann::json probed(const Namespace& space, const std::string& words) {
    const auto finished = vxlanctl(space, "doctor --probe --json " + words);
    INFO(finished.out << finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    return nlohmann::json::parse(finished.out).at("checks");
}

std::string verdict_of(const nlohmann::json& checks, const std::string& name) {
    for (const auto& check : checks)
        if (check.at("check") == name)
            return fmt::format("{}: {}", check.at("verdict").get<std::string>(),
                               told(check.at("messages")));
    return "none";
}

bool is_found(const std::string& text, const std::string& part) {
    INFO(text);
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

} // namespace

TEST_CASE("probe: an ISATAP router answers, outside and through the tunnel") {
    const FletsNetwork net;
    REQUIRE(reaches(net.host, "2001:db8:1::2"));
    const auto checks = probed(net.host, "sit1");
    CHECK(failed(checks).empty());
    CHECK(is_found(verdict_of(checks, "probe"), "pass: end-answers "));
    CHECK(is_found(verdict_of(checks, "probe"), "end=192.168.103.254"));
    CHECK(is_found(verdict_of(checks, "probe"), "inside=2001:db8::5efe:c0a8:67fe, fe80::"));
    CHECK(is_found(verdict_of(checks, "path_mtu"), "pass: path-mtu-fits"));
}

TEST_CASE("probe: an ISATAP router that filters ICMP is only a warning") {
    const FletsNetwork net;
    sh(net.router, "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
    REQUIRE(reaches(net.host, "2001:db8:1::2"));
    const auto checks = probed(net.host, "sit1");
    CHECK(failed(checks).empty());
    CHECK(is_found(verdict_of(checks, "probe"), "warn: end-silent-outside "));
}

TEST_CASE("probe: nobody answers through an ISATAP tunnel, whose router answers outside") {
    const FletsNetwork net;
    sh(net.router, "ip link set is0 down");
    REQUIRE_FALSE(run(net.host, {"ping", "-n", "-c", "1", "-W", "1", "2001:db8:1::2"}).code == 0);
    const auto checks = probed(net.host, "sit1");
    CHECK(failed(checks) == Strings{"probe"});
    CHECK(is_found(verdict_of(checks, "probe"), "fail: end-silent-inside "));
    CHECK(is_found(verdict_of(checks, "probe"), "protocol=protocol 41"));
    sh(net.router, "ip link set is0 up");
    CHECK(failed(probed(net.host, "sit1")).empty());
}

TEST_CASE("probe: an ISATAP router that is gone is named") {
    const FletsNetwork net;
    sh(net.router, "ip link set is0 down; ip addr del 192.168.103.254/32 dev lo");
    const auto checks = probed(net.host, "sit1");
    CHECK(failed(checks) == Strings{"probe"});
    CHECK(is_found(verdict_of(checks, "probe"), "fail: end-silent "));
    CHECK(is_found(verdict_of(checks, "probe"), "end=192.168.103.254"));
}

TEST_CASE("probe: of two ISATAP routers the one that is not used may be silent") {
    const FletsNetwork net;
    sh(net.host, "ip tunnel prl dev sit1 prl-nodefault 192.168.103.9");
    auto checks = probed(net.host, "sit1");
    CHECK(failed(checks).empty());
    CHECK(is_found(verdict_of(checks, "probe"), "warn: end-silent "));
    CHECK(is_found(verdict_of(checks, "probe"), "end=192.168.103.9"));
    sh(net.router, "ip link set is0 down");
    checks = probed(net.host, "sit1");
    CHECK(failed(checks) == Strings{"probe"});
    CHECK(is_found(verdict_of(checks, "probe"), "end=192.168.103.254"));
}

TEST_CASE("probe: an IPv4-in-IPv6 tunnel over an ISATAP tunnel, both asked at once") {
    const FletsNetwork net;
    net.add_site();
    REQUIRE(reaches(net.host, "192.0.2.2"));
    auto checks = probed(net.host, "");
    CHECK(failed(checks).empty());
    checks = probed(net.host, "site1");
    CHECK(verdict_of(checks, "probe") ==
          "pass: end-answers {asked=192.0.2.2, end=2001:db8:1::2, inside=192.0.2.2, "
          "protocol=protocol 4}");
    sh(net.site, "ip link set site1 down");
    REQUIRE_FALSE(run(net.host, {"ping", "-n", "-c", "1", "-W", "1", "192.0.2.2"}).code == 0);
    checks = probed(net.host, "site1");
    CHECK(failed(checks) == Strings{"probe"});
    CHECK(verdict_of(checks, "probe") ==
          "fail: end-silent-inside {asked=192.0.2.2, end=2001:db8:1::2, inside=, "
          "protocol=protocol 4}");
    sh(net.site, "ip link set eth0 down");
    CHECK(is_found(verdict_of(probed(net.host, "site1"), "probe"), "fail: end-silent "));
}

TEST_CASE("probe: an IPv4-in-IPv6 tunnel in which nobody is known") {
    const FletsNetwork net;
    REQUIRE(vxlanctl(net.host, "ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::2 "
                               "--encaplimit none")
                .code == 0);
    CHECK(is_found(verdict_of(probed(net.host, "site1"), "probe"), "pass: end-answers-outside "));
    sh(net.site, "echo 1 >/proc/sys/net/ipv6/icmp/echo_ignore_all");
    CHECK(is_found(verdict_of(probed(net.host, "site1"), "probe"), "warn: end-silent-unasked "));
}

TEST_CASE("probe: large packets vanish on the way to an ISATAP router, and nobody reports it") {
    const FletsNetwork net;
    sh(net.router, "ip link set wan mtu 1300"); // which drops what is larger
    const auto passes = [&](int bytes) {
        return run(net.host, {"ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s",
                              std::to_string(bytes - 48), "2001:db8::5efe:192.168.103.254"})
                   .code == 0;
    };
    REQUIRE(passes(1284));
    REQUIRE_FALSE(passes(1285));
    const auto checks = probed(net.host, "sit1");
    CHECK(failed(checks) == Strings{"path_mtu"});
    CHECK(verdict_of(checks, "path_mtu") ==
          "fail: path-mtu-vanishes {bytes=1304, needed=1500, peer=192.168.103.254}");
    sh(net.host, "ip link set dev sit1 mtu 1284"); // the remedy
    CHECK(failed(probed(net.host, "sit1")).empty());
}

TEST_CASE("probe: what comes out of an ISATAP tunnel proves that it works, though nobody answers") {
    const FletsNetwork net;
    sh(net.router, "echo 1 >/proc/sys/net/ipv6/icmp/echo_ignore_all");
    REQUIRE(reaches(net.host, "2001:db8:1::2"));
    REQUIRE(failed(probed(net.host, "sit1")) == Strings{"probe"});
    const Process pings(net.site, {"ping", "-n", "-q", "-i", "0.2", "2001:db8::5efe:10.216.0.101"});
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string verdict;
    while (!verdict.starts_with("warn") && std::chrono::steady_clock::now() < end)
        verdict = verdict_of(probed(net.host, "sit1"), "probe");
    CHECK(is_found(verdict, "warn: end-silent-inside "));
}

namespace {

nlohmann::json reach(const Namespace& space, const std::string& words) {
    const auto finished = vxlanctl(space, "doctor --json --to " + words);
    INFO(finished.out << finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    auto answer = nlohmann::json::parse(finished.out);
    CHECK((answer.at("verdict") == "reached") == (finished.code == 0));
    return answer;
}

/// Ping and the doctor are of one mind, and so is a probe.
bool is_reached(const Namespace& space, const std::string& address) {
    const bool pings =
        run(space, {"ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address}).code == 0;
    const auto answer = reach(space, address);
    INFO(answer.dump(1));
    CHECK((answer.at("verdict") == "reached") == pings);
    CHECK((reach(space, address + " --probe").at("verdict") == "reached") == pings);
    return pings;
}

std::string headline(const nlohmann::json& answer) {
    return told(nlohmann::json::array({answer.at("message")}));
}

std::string failure(const nlohmann::json& answer) {
    for (const auto& step : answer.at("steps"))
        if (step.at("verdict") == "fail") return told(nlohmann::json::array({step.at("message")}));
    return "";
}

} // namespace

TEST_CASE("doctor --to: IPv6 through an ISATAP tunnel") {
    const FletsNetwork net;
    const std::string behind = "2001:db8:1::2", router = "2001:db8::5efe:c0a8:67fe";
    REQUIRE(is_reached(net.host, behind));
    CHECK(headline(reach(net.host, behind)) ==
          "reached-through-router {count=1, interface=sit1, peer=192.168.103.254, to=" + behind +
              "}");
    REQUIRE(is_reached(net.host, router));
    sh(net.host, "ip tunnel prl dev sit1 prl-delete 192.168.103.254");
    REQUIRE_FALSE(is_reached(net.host, behind));
    auto answer = reach(net.host, behind);
    CHECK(failure(answer) == "reach-router-not-in-prl {interface=sit1, peer=192.168.103.254}");
    sh(net.host, "ip tunnel prl dev sit1 prl-default 192.168.103.254"); // the remedy
    REQUIRE(is_reached(net.host, behind));
    sh(net.host, "ip -6 route replace default via 2001:db8::1 dev sit1 metric 1");
    REQUIRE_FALSE(is_reached(net.host, behind));
    CHECK(failure(reach(net.host, behind)) == "reach-hop-wrong {hop=2001:db8::1}");
    sh(net.host, "ip -6 route replace default via " + router + " dev sit1 metric 1\n" +
                     "ip route add unreachable 192.168.103.254/32");
    REQUIRE_FALSE(is_reached(net.host, behind));
    CHECK(failure(reach(net.host, behind)) == "reach-no-route {to=192.168.103.254}");
    sh(net.host, "ip route del unreachable 192.168.103.254/32");
    sh(net.router, "ip link set is0 down"); // which this host cannot know, unless it asks
    CHECK(reach(net.host, behind).at("verdict") == "reached");
    CHECK(failure(reach(net.host, behind + " --probe")) == "reach-silent");
}

TEST_CASE("doctor --to: an IPv4 site over an IPv4-in-IPv6 tunnel over an ISATAP tunnel") {
    const FletsNetwork net;
    net.add_site();
    sh(net.site, "ip addr add 192.168.10.5/32 dev lo");
    sh(net.host, "ip route add 192.168.10.0/24 dev site1");
    REQUIRE(is_reached(net.host, "192.168.10.5"));
    CHECK(headline(reach(net.host, "192.168.10.5")) ==
          "reached-through-remote {count=1, interface=site1, peer=2001:db8:1::2, "
          "to=192.168.10.5}");
    const auto text = vxlanctl_brief(net.host, "doctor --probe --to 192.168.10.5").out;
    INFO(text);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 10);
    CHECK(text.find("2001:db8:1::2 through 'sit1'") != std::string::npos);
    CHECK(text.find("192.168.103.254 through 'eth0'") != std::string::npos);
    sh(net.host, "ip tunnel prl dev sit1 prl-delete 192.168.103.254");
    REQUIRE_FALSE(is_reached(net.host, "192.168.10.5"));
    sh(net.host, "ip tunnel prl dev sit1 prl-default 192.168.103.254");
    REQUIRE(is_reached(net.host, "192.168.10.5"));
    sh(net.host, "ip link set site1 down");
    REQUIRE_FALSE(is_reached(net.host, "192.0.2.2"));
    CHECK(failure(reach(net.host, "192.0.2.2")) ==
          "reach-tunnel-down {interface=site1, prefix=192.0.2.0/30}");
}
