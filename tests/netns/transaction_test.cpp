// All or nothing: every write fails in turn, runs are killed and compete.
#include "events.h"
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/wait.h>

using namespace world;
using Strings = std::vector<std::string>;

TEST_CASE("undo: every single write of a creation fails in turn") {
    break_every_write<Host>("", up_words + " --mtu 1400 --address 192.0.2.1/24");
}

TEST_CASE("undo: every single write of a change in place fails in turn") {
    break_every_write<Host>(
        up_words, "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133 "
                  "--ttl 9 --mtu 1400 --mac 02:00:00:00:00:77 --address 2001:db8:5::1/64");
}

TEST_CASE("undo: every single write of a change beside foreign addresses fails in turn") {
    break_every_write<Host>(
        up_words,
        "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133 "
        "--mac 02:00:00:00:00:77",
        "cat > /run/after-first <<'EOF'\n"
        "ip addr add 10.225.194.200/9 dev vxlan0\n"
        "ip route add 192.0.2.0/24 via 10.192.158.4 dev vxlan0 proto static\n"
        "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0 nud permanent\n"
        "EOF");
    unlink("/run/after-first");
}

TEST_CASE("undo: every single write of a replacement fails in turn") {
    const std::string foreign =
        "cat > /run/after-first <<'EOF'\n"
        "ip addr add 10.225.194.200/9 dev vxlan0\n"
        "ip link set vxlan0 mtu 1300 address 02:00:00:00:00:55 txqueuelen 500\n"
        "ip route add 192.0.2.0/24 via 10.192.158.4 dev vxlan0 proto static metric 7\n"
        "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0 nud permanent\n"
        "bridge fdb add 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4 static\n"
        "EOF";
    const std::string allowed = " --allow-recreate --keep-foreign";
    SECTION("side by side") {
        break_every_write<Host>(up_words, up_words + " --vni 11" + allowed, foreign);
    }
    SECTION("one after the other") {
        break_every_write<Host>(
            up_words + " --no-learning",
            up_words + " --no-learning --limit 50 --srcport 1000-2000" + allowed, foreign);
    }
    unlink("/run/after-first");
}

TEST_CASE("undo: the IPv6 addresses of a replaced link are in their order again") {
    const std::string words =
        up_words + " --address 2001:db8:5::2/64 --address 2001:db8:5::1/64 --address 192.0.2.1/32";
    break_every_write<Host>(words, words + " --vni 11 --allow-recreate");
    const Host host;
    REQUIRE(vxlanctl(host.space, words).code == 0);
    const auto before = addresses(host.space, "vxlan0");
    REQUIRE(vxlanctl(host.space, words + " --vni 11 --allow-recreate").code == 0);
    CHECK(addresses(host.space, "vxlan0") == before);
}

TEST_CASE("undo: a VXLAN with an extension that was replaced receives its frames again") {
    break_every_write<Host>("", "up - 172.21.0.100 vxlan0 - 100.64.158.4 --allow-recreate",
                            "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dstport 4789 "
                            "dev eth0 gbp; ip link set vxlan0 up");
}

TEST_CASE("undo: every single write of an adoption fails in turn") {
    break_every_write<Host>(
        "", up_words,
        "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dstport 4789 "
        "remote 100.64.158.4 srcport 4789 4789\n"
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9 dynamic\n"
        "ip link set vxlan0 alias 'to the gate'");
}

TEST_CASE("undo: a link goes back to the master that it had") {
    break_every_write<Host>(up_words + " --master br7", up_words + " --master br8 --mtu 1400",
                            "ip link add br7 type bridge; ip link add br8 type bridge");
}

TEST_CASE("undo: a removal that fails leaves the tunnel") {
    break_every_write<Host>(up_words, "down vxlan0");
}

TEST_CASE("undo: where it fails as well, the exit code is 5 and the rest is listed") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const auto failed = vxlanctl_counted(
        host.space, "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133",
        {{"VXLANCTL_BREAK_FROM", "3"}});
    INFO(failed.finished.err);
    CHECK(failed.finished.code == 5);
    CHECK(told(failed.finished, "rollback-failed", {"remove peer 100.64.158.133"}));
    CHECK(vxlanctl(host.space, up_words).code == 0); // the next run mends it
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"});
}

TEST_CASE("undo: the kernel's own words are in the message") {
    const Host host;
    // The kernel refuses a second VXLAN socket with other flags on the same port when set up.
    sh(host.space, "ip link add ext type vxlan external dstport 4789; ip link set ext up");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, up_words);
    INFO(refused.err);
    CHECK(refused.code == 1);
    CHECK(told(refused, "udp-port-in-use", {"Address already in use"}));
    CHECK(told(refused, "udp-port-in-use"));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("undo: a signal in the middle restores the state") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const auto before = snapshot(host.space);
    RunOptions options;
    // The second group of writes, the removals, comes after a first one has succeeded.
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                           {"VXLANCTL_STOP_BEFORE", "1"}};
    Process process(host.space,
                    {VXLANCTL_PROGRAM, "-v", "up", "eth0", "172.21.0.100", "vxlan0",
                     "10.225.194.172/9", "100.64.158.4", "100.64.158.133"},
                    options);
    int status = 0;
    REQUIRE(waitpid(process.pid(), &status, WUNTRACED) == process.pid());
    REQUIRE(WIFSTOPPED(status));
    kill(process.pid(), SIGTERM);
    kill(process.pid(), SIGCONT);
    const auto finished = process.wait();
    INFO(finished.err);
    CHECK(finished.code == 1);
    CHECK(told(finished, "interrupted", {"15"}));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("undo: a signal is not too late before everything is read back") {
    const Host host;
    const auto interrupted = [&](const std::string& words, long write) {
        const auto before = snapshot(host.space);
        StoppedRun run(host.space, words, write);
        REQUIRE(run.is_stopped());
        kill(run.pid(), SIGTERM);
        const auto finished = run.resume();
        INFO(finished.err);
        CHECK(finished.code == 1);
        CHECK(told(finished, "interrupted, restored", {"15"}));
        CHECK(difference(before, snapshot(host.space)) == "");
    };
    std::string peers;
    for (int i = 0; i < 6000; ++i)
        peers += fmt::format("100.65.{}.{}\n", i / 250, i % 250 + 1);
    write_text("/run/peers", peers);
    const std::string many = up_words + " --peers-file /run/peers";
    SECTION("while a new tunnel's peers are sent") {
        interrupted(many, 2000);
    }
    SECTION("while peers are added, or taken away") {
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        interrupted(many, 2000);
        REQUIRE(vxlanctl(host.space, many).code == 0);
        interrupted(up_words, 2000);
    }
    SECTION("when the last datagram is on its way") {
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        interrupted(up_words + " --ttl 9", 1);
        // What went cannot come back as it was.
        StoppedRun run(host.space, "down vxlan0", 1);
        REQUIRE(run.is_stopped());
        kill(run.pid(), SIGTERM);
        const auto removed = run.resume();
        CHECK(removed.code == 0);
        CHECK(removed.out == "vxlan0: removed\n  - link vxlan0\n");
    }
    unlink("/run/peers");
}

TEST_CASE("undo: an IPv6 address where IPv6 is disabled is refused, with the setting's name") {
    const Host host;
    sh(host.space, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, up_words + " --address 2001:db8:5::1/64");
    INFO(refused.err);
    CHECK(refused.code == 1);
    CHECK(told(refused, "ipv6-disabled", {"vxlan0"}));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("undo: what others did meanwhile stays", "[concurrency]") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    // A new IPv6 address is awaited, here for eight seconds: time for others, and for a signal.
    sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0\n"
                   "sysctl -qw net.ipv6.conf.vxlan0.dad_transmits=8");
    Process process(host.space, {"/bin/sh", "-c",
                                 fmt::format("exec {} {} --address 2001:db8:5::1/64 --ttl 9",
                                             VXLANCTL_PROGRAM, up_words)});
    sh(host.space, "i=0; until ip -6 addr show dev vxlan0 | grep -q 2001:db8:5::1; do "
                   "i=$((i+1)); [ $i -lt 2000 ] || exit 1; done\n"
                   "ip addr del 10.225.194.200/9 dev vxlan0\n"
                   "ip addr add 10.225.194.201/9 dev vxlan0\n"
                   "bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst 100.64.158.4 static\n"
                   "ip route add 192.0.2.0/24 dev vxlan0");
    kill(process.pid(), SIGTERM);
    const auto finished = process.wait();
    INFO(finished.err);
    CHECK(finished.code == 1);
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9", "10.225.194.201/9"});
    CHECK(macs(host.space, "vxlan0") == Strings{"02:00:00:00:00:99 100.64.158.4"});
    CHECK(sh(host.space, "ip route show dev vxlan0").find("192.0.2.0/24") != std::string::npos);
    CHECK(sh(host.space, "ip -d link show dev vxlan0").find("ttl auto") != std::string::npos);
}

TEST_CASE("undo: a link that somebody else made under our name is left alone") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    RunOptions options;
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                           {"VXLANCTL_STOP_BEFORE", "1"}};
    Process process(
        host.space,
        {"/bin/sh", "-c", fmt::format("exec {} -v {} --ttl 9", VXLANCTL_PROGRAM, up_words)},
        options);
    int status = 0;
    REQUIRE(waitpid(process.pid(), &status, WUNTRACED) == process.pid());
    REQUIRE(WIFSTOPPED(status));
    sh(host.space, "ip link del vxlan0\n"
                   "ip link add vxlan0 type vxlan id 4242 local 172.21.0.100 dstport 4789\n"
                   "ip link set vxlan0 alias theirs");
    const auto theirs = snapshot(host.space);
    kill(process.pid(), SIGCONT);
    const auto finished = process.wait();
    INFO(finished.err);
    CHECK(finished.code == 5);
    CHECK(told(finished, "replaced-meanwhile"));
    CHECK(difference(theirs, snapshot(host.space)) == "");
}

TEST_CASE("undo: a refused address never costs the old one, whatever comes in between") {
    for (long broken = 1; broken < 12; ++broken) {
        const Host host;
        without_duplicate_detection(host.space);
        REQUIRE(vxlanctl(host.space, up_words + " --address 2001:db8:5::1/64").code == 0);
        const int index = link(host.space, "vxlan0").at("ifindex");
        Events events(host.space, RTNLGRP_IPV4_IFADDR);
        std::set<std::string> present{"10.225.194.171"};
        const auto counted = vxlanctl_counted(
            host.space,
            "up eth0 172.21.0.100 vxlan0 10.225.194.172/24 100.64.158.4 100.64.158.132 --address "
            "2001:db8:5::1/48",
            {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
        INFO(broken << counted.finished.err);
        CHECK(events.smallest(index, present) >= 1);
        if (counted.finished.code == 0) break;
        CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9", "2001:db8:5::1/64"});
    }
}

namespace {

/// A host with the tunnels one, two and three.
struct ThreeTunnels {
    ThreeTunnels() {
        int number = 0;
        for (const std::string name : {"one", "two", "three"}) {
            ++number;
            REQUIRE(vxlanctl(space, fmt::format("up eth0 172.21.0.100 {0} 10.0.{1}.1/24 "
                                                "100.64.158.4 --vni {1}",
                                                name, number))
                        .code == 0);
        }
    }
    Host host;
    const Namespace& space = host.space;
    const std::string removal = "down one two three";
};

/// How often `part` is in `text`.
} // namespace

TEST_CASE("several tunnels: what fails for one does not concern the others") {
    const ThreeTunnels tunnels;
    const auto counted =
        vxlanctl_counted(tunnels.space, tunnels.removal, {{"VXLANCTL_BREAK_WRITE", "2"}});
    INFO(counted.finished.err);
    CHECK(counted.finished.code == 1);
    CHECK(counted.writes == 3);
    CHECK(times_told(counted.finished, "restored") == 1);
    CHECK(!link_exists(tunnels.space, "one"));
    CHECK(flood_list(tunnels.space, "two") == Strings{"100.64.158.4"});
    CHECK(addresses(tunnels.space, "two") == Strings{"10.0.2.1/24"});
    CHECK(!link_exists(tunnels.space, "three"));
    CHECK(vxlanctl(tunnels.space, tunnels.removal).code == 0);
    CHECK(sh(tunnels.space, "ls -R /run/vxlanctl | grep -c record- || true") == "0\n");
}

TEST_CASE("several tunnels: after a signal no other one is begun") {
    const ThreeTunnels tunnels;
    StoppedRun run(tunnels.space, tunnels.removal, 2);
    REQUIRE(run.is_stopped());
    kill(run.pid(), SIGTERM);
    const auto finished = run.resume();
    INFO(finished.out << finished.err);
    CHECK(finished.code == 1);
    CHECK(!link_exists(tunnels.space, "one"));
    CHECK(!link_exists(tunnels.space, "two")); // its only write was on its way
    CHECK(flood_list(tunnels.space, "three") == Strings{"100.64.158.4"});
    CHECK(told(finished, "interrupted, not-begun", {"three", "15"}));
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    CHECK(finished.out.find("three") == std::string::npos);
}

TEST_CASE("several tunnels: what an interrupted one had made for another too is made again") {
    const Host host;
    sh(host.space, "sysctl -qw net.ipv6.conf.default.dad_transmits=8"); // time for a signal
    write_text("/run/tunnels.toml", "[vxlan.one]\nlocal = \"172.21.0.100\"\nvni = 1\npeers = []\n"
                                    "addresses = [\"2001:db8:5::1/64\"]\n"
                                    "rules = [{ from = \"10.3.0.0/16\", table = 103 }]\n"
                                    "[vxlan.two]\nlocal = \"172.21.0.100\"\nvni = 2\npeers = []\n"
                                    "rules = [{ from = \"10.3.0.0/16\", table = 103 }]\n");
    Process process(host.space, command_of("apply /run/tunnels.toml"));
    sh(host.space, "i=0; until ip -br link show up dev two 2>/dev/null | grep -q two; do "
                   "i=$((i+1)); [ $i -lt 2000 ] || exit 1; done");
    kill(process.pid(), SIGTERM);
    const auto finished = process.wait();
    INFO(finished.out << finished.err);
    CHECK(finished.code == 1);
    CHECK(times_told(finished, "interrupted") == 1);
    CHECK(!link_exists(host.space, "one"));
    CHECK(link_exists(host.space, "two"));
    CHECK(sh(host.space, "ip rule | grep -c 'lookup 103'") == "1\n");
    unlink("/run/tunnels.toml");
}

TEST_CASE("a killed run leaves nothing that the next one cannot mend") {
    for (int write = 1; write < 12; ++write) {
        const Host host;
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        RunOptions options;
        options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                               {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                               {"VXLANCTL_STOP_BEFORE", std::to_string(write)}};
        const std::string words = up_words + " --vni 11 --allow-recreate";
        Process process(host.space,
                        {"/bin/sh", "-c", fmt::format("exec {} {}", VXLANCTL_PROGRAM, words)},
                        options);
        int status = 0;
        REQUIRE(waitpid(process.pid(), &status, WUNTRACED) == process.pid());
        if (!WIFSTOPPED(status)) break; // fewer writes than that
        kill(process.pid(), SIGKILL);
        waitpid(process.pid(), &status, 0);
        const auto next = vxlanctl(host.space, words);
        INFO(write << ": " << next.err);
        CHECK(next.code == 0);
        CHECK(vxlanctl_counted(host.space, words).writes == 0);
        CHECK(json_of(host.space, "ip -j link show type vxlan").size() == 1);
        CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    }
}

TEST_CASE("two runs at once: one waits, and the end is one of the two wanted states whole",
          "[concurrency]") {
    const Host host;
    const std::string other =
        "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133 --mtu 1400";
    const auto start = [&](const std::string& words) {
        return std::make_unique<Process>(
            host.space, std::vector<std::string>{
                            "/bin/sh", "-c", fmt::format("exec {} {}", VXLANCTL_PROGRAM, words)});
    };
    for (int round = 0; round < 10; ++round) {
        std::vector<std::unique_ptr<Process>> runs;
        for (const auto& words : {up_words, other, up_words, other})
            runs.push_back(start(words));
        for (const auto& run : runs) {
            const auto finished = run->wait();
            INFO(finished.err);
            CHECK(finished.code == 0);
        }
        const bool first = vxlanctl(host.space, up_words + " -n").out == "vxlan0: in sync\n";
        const bool second = vxlanctl(host.space, other + " -n").out == "vxlan0: in sync\n";
        CHECK(first != second);
    }
}

TEST_CASE("the lock: who holds it is said, and the wait ends", "[concurrency]") {
    const Host host;
    RunOptions options;
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                           {"VXLANCTL_STOP_BEFORE", "1"}};
    Process holder(host.space,
                   {"/bin/sh", "-c", fmt::format("exec {} {}", VXLANCTL_PROGRAM, up_words)},
                   options);
    int status = 0;
    REQUIRE(waitpid(holder.pid(), &status, WUNTRACED) == holder.pid());
    REQUIRE(WIFSTOPPED(status));

    const auto refused = vxlanctl(host.space, up_words + " --lock-timeout 0");
    CHECK(refused.code == 1);
    CHECK(told(refused, "locked", {std::to_string(holder.pid()), "vxlanctl up vxlan0"}));
    CHECK(vxlanctl(host.space, "show").code == 0); // readers take none
    CHECK(vxlanctl(host.space, up_words + " -n").code == 0);

    const Host elsewhere; // another namespace has a lock of its own
    kill(holder.pid(), SIGCONT);
    CHECK(holder.wait().code == 0);
}

TEST_CASE("hostile: a runtime directory that others could write to is not used") {
    const Host host;
    sh(host.space, "mkdir -m 777 /run/vxlanctl");
    const auto refused = vxlanctl_counted(host.space, up_words);
    CHECK(refused.finished.code == 1);
    CHECK(refused.writes == 0);
    CHECK(told(refused.finished, "directory-not-trusted", {"/run/vxlanctl"}));
    sh(host.space, "rmdir /run/vxlanctl; mkdir /run/else; ln -s /run/else /run/vxlanctl");
    CHECK(vxlanctl(host.space, up_words).code == 1);
    sh(host.space, "rm /run/vxlanctl; rmdir /run/else");
    CHECK(vxlanctl(host.space, up_words).code == 0);
}
