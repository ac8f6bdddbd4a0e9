// Routes and policy rules of tunnels, on the kernel.
#include "faults.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>

using namespace world;

namespace {

/// A host with two interfaces, as an EC2 instance with two ENIs, each with its gateway.
struct TwoInterfaces {
    TwoInterfaces() {
        sh(space, "rm -rf /run/vxlanctl\n"
                  "for i in 0 1; do\n"
                  "ip link add eth$i mtu 9001 type veth peer name wire$i mtu 9001\n"
                  "ip link set eth$i up; ip link set wire$i up\n"
                  "ip addr add 172.21.$i.100/24 dev eth$i\n"
                  "done\n"
                  "ip route add default via 172.21.0.1 dev eth0");
    }
    Namespace space;
};

const std::string first_eni = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 "
                              "--route '100.64.0.0/16,via 172.21.0.1,dev eth0,table 100' --rule "
                              "'from 172.21.0.100,table 100'";
const std::string second_eni = "up eth1 172.21.1.100 vxlan1 10.64.0.1/24 --vni 11 100.64.152.4 "
                               "--route '100.64.0.0/16,via 172.21.1.1,dev eth1,table 101' --rule "
                               "'from 172.21.1.100,table 101'";

std::string rules(const Namespace& space) {
    return sh(space, "ip rule | grep -v -e 'lookup local' -e 'from all lookup main' "
                     "-e 'lookup default' || true");
}

long lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

std::string routes(const Namespace& space, const std::string& words) {
    return sh(space, "ip route show " + words + " 2>/dev/null || true");
}

} // namespace

TEST_CASE("routes: two underlays have a table and a rule each, and leave one another alone") {
    const TwoInterfaces host;
    for (const auto& words : {first_eni, second_eni}) {
        const auto finished = vxlanctl(host.space, words);
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        CHECK(finished.err == ""); // not that a peer had no route: the tunnel brings it along
    }
    CHECK(lines(rules(host.space)) == 2);
    CHECK(rules(host.space).find("from 172.21.0.100 lookup 100 proto 147") != std::string::npos);
    CHECK(sh(host.space, "ip route get 100.64.152.4 from 172.21.0.100").find("dev eth0") !=
          std::string::npos);
    CHECK(sh(host.space, "ip route get 100.64.152.4 from 172.21.1.100").find("dev eth1") !=
          std::string::npos);
    CHECK(vxlanctl_counted(host.space, first_eni).writes == 0);
    CHECK(vxlanctl_counted(host.space, second_eni).writes == 0);
    CHECK(vxlanctl(host.space, "show vxlan1")
              .out.find("  rule       from 172.21.1.100/32 table "
                        "101") != std::string::npos);

    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK(rules(host.space).find("172.21.0.100") == std::string::npos);
    CHECK(routes(host.space, "table 100") == "");
    CHECK(lines(rules(host.space)) == 1);
    CHECK(vxlanctl_counted(host.space, second_eni).writes == 0);
}

TEST_CASE("routes: the example of two VPGs does what it says, and nothing the second time") {
    const TwoInterfaces host;
    const std::string example = fmt::format(
        "PATH=\"{}:$PATH\" " EXAMPLES "/two-vpgs.sh",
        std::string(VXLANCTL_PROGRAM).substr(0, std::string(VXLANCTL_PROGRAM).rfind('/')));
    sh(host.space, example);
    CHECK(lines(rules(host.space)) == 2);
    CHECK(lines(routes(host.space, "table 101")) == 1);
    CHECK(sh(host.space, example) == "vxlan0: in sync\nvxlan1: in sync\n");
}

TEST_CASE("routes: a rule of two tunnels stays until the last of them gives it up") {
    const TwoInterfaces host;
    const std::string rule = " --rule 'to 100.64.0.0/16,table 100'";
    const std::string one = "up eth0 172.21.0.100 vxlan0 10.1.0.1/24 100.64.158.4";
    const std::string two = "up eth0 172.21.0.100 vxlan1 10.2.0.1/24 --vni 11 100.64.158.4";
    REQUIRE(vxlanctl(host.space, one + rule).code == 0);
    REQUIRE(vxlanctl(host.space, two + rule).code == 0);
    CHECK(lines(rules(host.space)) == 1);
    CHECK(vxlanctl(host.space, one).out == "vxlan0: in sync\n");
    CHECK(lines(rules(host.space)) == 1);
    CHECK(vxlanctl(host.space, two).out.find("- rule to 100.64.0.0/16 table 100") !=
          std::string::npos);
    CHECK(rules(host.space) == "");

    REQUIRE(vxlanctl(host.space, one + rule).code == 0);
    REQUIRE(vxlanctl(host.space, two + rule).code == 0);
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK(lines(rules(host.space)) == 1);
    CHECK(vxlanctl(host.space, "down --all").code == 0);
    CHECK(rules(host.space) == "");
}

TEST_CASE("routes: show tells the rule, and the route out of the other link") {
    const TwoInterfaces host;
    REQUIRE(vxlanctl(host.space, first_eni).code == 0);
    const auto shown = vxlanctl(host.space, "show vxlan0");
    CHECK(shown.out.find("  route      100.64.0.0/16 via 172.21.0.1 dev eth0 table 100\n") !=
          std::string::npos);
    CHECK(shown.out.find("  rule       from 172.21.0.100/32 table 100") != std::string::npos);
    const auto json = nlohmann::json::parse(vxlanctl(host.space, "show --json").out);
    const auto route = json.at("tunnels").at(0).at("routes").at(0);
    CHECK(route.at("to") == "100.64.0.0/16");
    CHECK(route.at("dev") == "eth0");
}

TEST_CASE("routes: what was there before, and was stated besides, is not taken away") {
    const TwoInterfaces host;
    sh(host.space, "ip rule add from 172.21.0.100 table 100 pref 50\n"
                   "ip route add 100.64.0.0/16 via 172.21.0.1 dev eth0 table 100");
    const auto before = snapshot(host.space);
    const std::string words =
        first_eni + " --route 'default,via 172.21.0.1,dev eth0' --route '172.21.0.0/24,dev eth0'";
    const auto made = vxlanctl(host.space, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
    CHECK(vxlanctl(host.space, "down vxlan0").out == "vxlan0: removed\n  - link vxlan0\n");
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("routes: one whose gateway was changed by hand is put right") {
    const TwoInterfaces host;
    const std::string words = first_eni + " --route '10.9.0.0/16,via 10.192.158.4'";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    sh(host.space, "ip route change 10.9.0.0/16 via 10.192.158.9 dev vxlan0\n"
                   "ip route change 100.64.0.0/16 via 172.21.0.9 dev eth0 table 100");
    const auto mended = vxlanctl(host.space, words);
    INFO(mended.err);
    CHECK(mended.code == 0);
    CHECK(routes(host.space, "10.9.0.0/16") ==
          "10.9.0.0/16 via 10.192.158.4 dev vxlan0 proto 147 \n");
    CHECK(routes(host.space, "table 100") == "100.64.0.0/16 via 172.21.0.1 dev eth0 proto 147 \n");
}

TEST_CASE("routes: what others have stays") {
    const TwoInterfaces host;
    REQUIRE(vxlanctl(host.space, first_eni).code == 0);
    sh(host.space, "ip rule add from 172.21.0.100 table 77\n"
                   "ip rule add iif eth0 from 172.21.0.100 table 100\n"
                   "ip route add 203.0.113.0/24 via 172.21.0.1 table 100\n"
                   "ip route add 192.0.2.0/24 dev vxlan0");
    const auto counted =
        vxlanctl_counted(host.space, "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4");
    CHECK(counted.writes == 2);
    CHECK(lines(rules(host.space)) == 2);
    CHECK(lines(routes(host.space, "table 100")) == 1);
    CHECK(routes(host.space, "192.0.2.0/24") != "");
}

TEST_CASE("routes: the next run puts back what a flap of the link took", "[kernel]") {
    const TwoInterfaces host;
    const std::string words = first_eni + " --route '10.9.0.0/16,via 10.192.158.4'";
    REQUIRE(vxlanctl(host.space, words).code == 0);
    sh(host.space, "ip link set vxlan0 down; ip link set vxlan0 up");
    REQUIRE(routes(host.space, "10.9.0.0/16") == "");
    CHECK(vxlanctl(host.space, words).out ==
          "vxlan0: changed\n  + route 10.9.0.0/16 via 10.192.158.4\n");
    sh(host.space, "ip rule del from 172.21.0.100 table 100");
    CHECK(vxlanctl(host.space, words).out ==
          "vxlan0: changed\n  + rule from 172.21.0.100/32 table 100\n");
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
}

TEST_CASE("routes: at no moment of a gateway's change is there no route", "[kernel]") {
    const std::string base = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 ";
    for (long stop = 1;; ++stop) {
        const TwoInterfaces host;
        REQUIRE(vxlanctl(host.space, base + "--route '10.9.0.0/16,via 10.192.158.4'").code == 0);
        StoppedRun run(host.space, base + "--route '10.9.0.0/16,via 10.192.158.5'", stop);
        if (!run.is_stopped()) {
            CHECK(stop == 3);
            CHECK(run.resume().code == 0);
            CHECK(routes(host.space, "10.9.0.0/16").find("10.192.158.5") != std::string::npos);
            return;
        }
        CHECK(routes(host.space, "10.9.0.0/16") != "");
        CHECK(run.resume().code == 0);
    }
}

TEST_CASE("routes: every single write fails in turn") {
    break_every_write<TwoInterfaces>("", first_eni + " --route 10.9.0.0/16");
    break_every_write<TwoInterfaces>(
        first_eni + " --route '10.9.0.0/16,via 10.192.158.4'",
        "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 "
        "--route '10.9.0.0/16,via 10.192.158.5' --rule 'from 172.21.0.100,table 99'");
    break_every_write<TwoInterfaces>(first_eni, "down vxlan0");
}

TEST_CASE(
    "routes: what somebody else makes in the middle of a run is neither ours nor taken away") {
    const std::string rule = "ip rule add from 172.21.0.100 table 100 pref 77";
    const std::string words = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 ";
    const TwoInterfaces host;
    const auto last_write = [&](const std::string& options) {
        const long writes = vxlanctl_counted(host.space, words + options).writes;
        REQUIRE(vxlanctl(host.space, "down vxlan0").code == 0);
        return writes;
    };
    SECTION("a rule, beside which ours stands") {
        const std::string options = "--rule 'from 172.21.0.100,table 100,priority 77'";
        StoppedRun run(host.space, words + options, last_write(options));
        REQUIRE(run.is_stopped());
        sh(host.space, rule);
        const auto made = run.resume();
        INFO(made.err);
        CHECK(made.code == 0);
        CHECK(lines(rules(host.space)) == 2);
        CHECK(vxlanctl_counted(host.space, words + options).writes == 0);
        CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
        CHECK(rules(host.space) == "77:\tfrom 172.21.0.100 lookup 100\n");
    }
    SECTION("a rule, when ours is refused") {
        const std::string options = "--rule 'from 172.21.0.100,table 100,priority 77'";
        const long last = last_write(options);
        RunOptions faults;
        faults.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                              {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                              {"VXLANCTL_STOP_BEFORE", std::to_string(last)},
                              {"VXLANCTL_BREAK_WRITE", std::to_string(last)}};
        Process process(host.space, command_of(words + options), faults);
        int status = 0;
        REQUIRE(waitpid(process.pid(), &status, WUNTRACED) == process.pid());
        REQUIRE(WIFSTOPPED(status));
        sh(host.space, rule);
        kill(process.pid(), SIGCONT);
        const auto failed = process.wait();
        INFO(failed.err);
        CHECK(failed.code == 1);
        CHECK(rules(host.space) == "77:\tfrom 172.21.0.100 lookup 100\n");
        CHECK(!link_exists(host.space, "vxlan0"));
    }
    SECTION("a route out of another link") {
        const std::string options = "--route '198.51.100.0/24,via 172.21.0.1,dev eth0'";
        StoppedRun run(host.space, words + options, last_write(options));
        REQUIRE(run.is_stopped());
        sh(host.space, "ip route add 198.51.100.0/24 via 172.21.0.1 dev eth0");
        const auto failed = run.resume();
        INFO(failed.err);
        CHECK(failed.code == 1);
        CHECK(told(failed, "restored"));
        CHECK(routes(host.space, "198.51.100.0/24") ==
              "198.51.100.0/24 via 172.21.0.1 dev eth0 \n");
    }
    SECTION("a route out of the tunnel") {
        REQUIRE(vxlanctl(host.space, words).code == 0);
        StoppedRun run(host.space, words + "--route '10.9.0.0/16,via 10.192.158.4'", 1);
        REQUIRE(run.is_stopped());
        sh(host.space, "ip route add 10.9.0.0/16 via 10.192.158.4 dev vxlan0");
        const auto failed = run.resume();
        INFO(failed.err);
        CHECK(failed.code == 1);
        CHECK(routes(host.space, "10.9.0.0/16") == "10.9.0.0/16 via 10.192.158.4 dev vxlan0 \n");
    }
}

TEST_CASE("routes: what two tunnels have set is not changed for one of them alone") {
    const TwoInterfaces host;
    const std::string shared = " --route '198.51.100.0/24,via 172.21.0.1,dev eth0'";
    const std::string second = "up eth1 172.21.1.100 vxlan1 10.64.0.1/24 100.64.152.4 --vni 11";
    REQUIRE(vxlanctl(host.space, up_words + shared).code == 0);
    REQUIRE(vxlanctl(host.space, second + shared).code == 0);
    const auto before = snapshot(host.space);
    const auto refused =
        vxlanctl(host.space, second + " --route '198.51.100.0/24,via 172.21.0.9,dev eth0'");
    INFO(refused.err);
    CHECK(refused.code != 0);
    CHECK(told(refused, "route-exists"));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("routes: of those that two tunnels of a file share, none stays when both fail") {
    const Host host;
    const std::string shared =
        "routes = [{ to = \"100.64.0.0/16\", dev = \"eth0\", table = 101 }, { to = "
        "\"100.64.0.0/16\", via = \"192.0.2.1\", dev = \"eth0\", table = 102 }]\n";
    const std::string head = "dev = \"eth0\"\nlocal = \"172.21.0.100\"\n";
    write_text("/run/shared.toml",
               "[vxlan.v1]\nvni = 11\n" + head + shared + "[vxlan.v0]\n" + head + shared);
    const auto before = snapshot(host.space);
    const auto run = vxlanctl(host.space, "apply /run/shared.toml");
    INFO(run.err);
    CHECK(run.code == 1);
    for (const std::string tunnel : {"v0", "v1"})
        CHECK(told(run, "kernel-refused",
                   {"vxlanctl: " + tunnel + ": ",
                    "add route 100.64.0.0/16 via 192.0.2.1 dev eth0 table 102",
                    "Nexthop has invalid gateway"}));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("routes: what is in the way, or swallows the host's own network, touches nothing") {
    const TwoInterfaces host;
    const std::string base = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 ";
    REQUIRE(vxlanctl(host.space, base).code == 0);
    sh(host.space, "ip route add 192.0.2.0/24 dev vxlan0");
    const auto before = snapshot(host.space);
    const auto refused = [&](const std::string& options, int code, const std::string& word,
                             const std::vector<std::string>& values = {}) {
        const auto finished = vxlanctl(host.space, base + options);
        INFO(options << ": " << finished.err);
        CHECK(finished.code == code);
        CHECK(told(finished, word, values));
        CHECK(difference(before, snapshot(host.space)) == "");
    };
    refused("--route '192.0.2.0/24,via 10.192.158.4'", 2, "route-exists",
            {"192.0.2.0/24", "vxlan0"});
    refused("--route 172.16.0.0/12", 4, "route-draws-traffic", {"172.21.0.0/24"});
    refused("--route '0.0.0.0/0,metric 5'", 4, "route-draws-traffic", {"172.21.0.0/24"});
    refused("--route 0.0.0.0/0", 2, "route-exists", {"0.0.0.0/0", "eth0"});
    refused("--route '10.9.0.0/16,dev eth7'", 2, "interface-missing", {"eth7"});
    refused("--route 10.9.0.1/16", 2, "host-bits-set");
    refused("--rule 'from 10.0.0.1'", 2, "rule-without-table");
    refused("--vrf eth1", 2, "not-a-vrf", {"eth1"});
    refused("--vrf vrf1 --master br0", 2, "options-contradict, vrf-is-a-master");
}

TEST_CASE("routes: one that leads out of another interface now is moved without a gap") {
    const Host host;
    const Namespace& space = host.space;
    const std::string tunnel = "[vxlan.vx5]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                               "addresses = [\"10.5.0.1/24\"]\npeers = [\"100.64.158.4\"]\n";
    const std::string outside = "routes = [{ to = \"10.150.0.0/16\", via = \"172.21.0.1\", dev = "
                                "\"eth0\", table = 101 }]\n";
    const std::string inside = "routes = [{ to = \"10.150.0.0/16\", table = 101 }]\n";
    REQUIRE(apply_text(space, tunnel + outside).code == 0);
    const auto into = apply_text(space, tunnel + inside);
    INFO(into.out << into.err);
    CHECK(into.code == 0);
    CHECK(sh(space, "ip route show table 101").find("dev vx5") != std::string::npos);
    CHECK(sh(space, "ip route show table 101 | wc -l") == "1\n");
    CHECK(check_text(space, tunnel + inside).code == 0);
    const auto out_again = apply_text(space, tunnel + outside);
    INFO(out_again.out << out_again.err);
    CHECK(out_again.code == 0);
    CHECK(sh(space, "ip route show table 101") ==
          "10.150.0.0/16 via 172.21.0.1 dev eth0 proto 147 \n");
    CHECK(check_text(space, tunnel + outside).code == 0);
}

TEST_CASE("routes: tunnels hand a route to each other, and swap two") {
    const Host host;
    const Namespace& space = host.space;
    const auto tunnel = [](int n, const std::string& to) {
        return fmt::format("[vxlan.vx{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {0}\n"
                           "addresses = [\"10.{0}.0.1/24\"]\npeers = [\"100.64.158.4\"]\n{1}",
                           n,
                           to.empty() ? "" : "routes = [{ to = \"" + to + "\", table = 101 }]\n");
    };
    const std::string one = "10.150.0.0/16", other = "10.160.0.0/16";
    const auto leads = [&](const std::string& to, const std::string& dev) {
        const auto text = sh(space, "ip route show table 101 " + to);
        return text.find("dev " + dev + " ") != std::string::npos &&
               std::count(text.begin(), text.end(), '\n') == 1;
    };
    REQUIRE(apply_text(space, tunnel(1, one) + tunnel(2, other)).code == 0);
    for (const auto& [first, second] : {std::pair{other, one}, std::pair{one, other}}) {
        const std::string file = tunnel(1, first) + tunnel(2, second);
        const auto swapped = apply_text(space, file);
        INFO(swapped.out << swapped.err);
        CHECK(swapped.code == 0);
        CHECK(leads(first, "vx1"));
        CHECK(leads(second, "vx2"));
        CHECK(check_text(space, file).code == 0);
    }
    for (const auto& file : {tunnel(2, one) + tunnel(1, ""), tunnel(1, one) + tunnel(2, "")}) {
        const auto handed = apply_text(space, file);
        INFO(handed.out << handed.err);
        CHECK(handed.code == 0);
        CHECK(check_text(space, file).code == 0);
    }
    CHECK(leads(one, "vx1"));
}
