// Calls that fail, one by one, and what vxlanctl makes of it.
#include "faults.h"
#include "struck.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

using namespace world;

namespace {

const std::string change = "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 "
                           "100.64.158.133";
const std::string wish = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                         "addresses = [\"10.225.194.172/9\"]\npeers = [\"100.64.158.4\"]\n";

} // namespace

TEST_CASE("struck: a dump that never ends is an error after a minute") {
    const Host host;
    const auto before = snapshot(host.space);
    const auto struck = run_struck(host.space, up_words, {"endless", 1});
    REQUIRE(!struck.call.empty());
    INFO(struck.finished.err);
    CHECK(struck.finished.code == 1);
    CHECK(told(struck.finished, "answer-does-not-end"));
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("struck: a record that cannot be opened is no missing one") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
    const auto before = snapshot(host.space);
    bool met = false;
    for (long number = 1;; ++number) {
        const auto struck = run_struck(host.space, change + " -n", {"ENOMEM", number});
        if (struck.call.empty()) break;
        INFO("call " << number << "\n" << struck.finished.err);
        CHECK(!told(struck.finished, "record-missing"));
        met = met || told(struck.finished, "cannot-read-record", {"Cannot allocate memory"});
    }
    CHECK(met);
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("struck: where records cannot be opened, none are sought elsewhere") {
    for (long number = 1;; ++number) {
        const Host host;
        REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
        const auto struck = run_struck(host.space, change, {"EPERM", number});
        INFO("call " << number << "\n" << struck.finished.err);
        if (struck.finished.code == 0)
            CHECK(link(host.space, "vxlan0").at("mtu") == 8951); // what was set is reset
        if (struck.call.empty() || number == 10) break;          // later ones are other calls
    }
}

TEST_CASE("struck: the record of another network namespace outlives one that cannot be read") {
    const Host host;
    const Namespace other;
    const Process lives(other, {"sleep", "600"});
    sh(other, "ip link add eth0 type veth peer name wire0; ip link set eth0 up\n"
              "ip addr add 172.21.0.100/24 dev eth0");
    REQUIRE(vxlanctl(other, up_words).code == 0);
    const auto records = record_files();
    REQUIRE(records.size() == 1);
    for (long number = 1;; ++number) {
        REQUIRE(vxlanctl(host.space, up_words).code == 0);
        const auto struck = run_struck(host.space, "down vxlan0", {"ENOMEM", number});
        INFO("call " << number << ", " << struck.call);
        for (const auto& [path, text] : records)
            REQUIRE(record_files().count(path) == 1);
        if (struck.call.empty()) break;
    }
}

TEST_CASE("struck: the list of what is left names every peer") {
    const Host host;
    REQUIRE(vxlanctl(host.space, "up eth0 172.21.0.100 vxlan0 - 100.64.158.4").code == 0);
    const auto failed = vxlanctl_counted(
        host.space,
        "up eth0 172.21.0.100 vxlan0 - 100.64.158.4 100.64.158.5 100.64.158.6 --mtu 100000",
        {{"VXLANCTL_BREAK_FROM", "3"}});
    const auto more = vxlanctl_counted(host.space,
                                       "up eth0 172.21.0.100 vxlan0 10.1.0.1/24 100.64.158.4 "
                                       "100.64.158.5 100.64.158.6",
                                       {{"VXLANCTL_BREAK_FROM", "3"}});
    INFO(failed.finished.err << more.finished.err);
    CHECK(more.finished.code == 5);
    CHECK(told(more.finished, "rollback-failed",
               {"remove peer 100.64.158.5, remove peer 100.64.158.6"}));
}

TEST_CASE("struck: what cannot be read again is not said to be left, but that it may be") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    bool met = false;
    for (long number = 1; !met; ++number) {
        const auto struck = run_struck(host.space, change, {"EBUSY", number, true});
        REQUIRE(!struck.call.empty());
        met = struck.finished.code == 5 && told(struck.finished, "rollback-unknown");
        if (!met) continue;
        INFO(struck.finished.err);
        CHECK(told(struck.finished, "rollback-unknown"));
        CHECK(told(struck.finished, "rollback-unknown", {"remove peer 100.64.158.132"}));
    }
}

TEST_CASE("struck: what a killed run had switched on for a moment the next one switches off") {
    for (long write = 1;; ++write) {
        const Host host;
        REQUIRE(vxlanctl(host.space, up_words + " --mac 02:00:00:00:00:01").code == 0);
        sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0"); // of VRRP
        const std::string setting = "cat /proc/sys/net/ipv4/conf/vxlan0/promote_secondaries";
        REQUIRE(sh(host.space, setting) == "0\n");
        const std::string words = "up eth0 172.21.0.100 vxlan0 10.1.0.1/24 100.64.158.4";
        StoppedRun run(host.space, words, write);
        if (!run.is_stopped()) {
            CHECK(run.resume().code == 0);
            CHECK(sh(host.space, setting) == "0\n");
            REQUIRE(write > 3);
            break;
        }
        kill(run.pid(), SIGKILL);
        (void)run.resume();
        const auto next = vxlanctl(host.space, words);
        INFO("write " << write << "\n" << next.out << next.err);
        CHECK(next.code == 0);
        CHECK(sh(host.space, setting) == "0\n");
        CHECK(addresses(host.space, "vxlan0") ==
              std::vector<std::string>{"10.1.0.1/24", "10.225.194.200/9"});
        CHECK(vxlanctl_counted(host.space, words).writes == 0);
    }
}

TEST_CASE("struck: a change that goes nowhere lets the program end") {
    write_text("/run/wish.toml", wish);
    const Host host;
    const Namespace elsewhere; // where nobody sees that the VNI is taken
    sh(host.space, fmt::format("ip link add other type vxlan id 10 dstport 4789 local "
                               "172.21.0.100 dev eth0\n"
                               "ip link set other netns /proc/{}/fd/{}",
                               getpid(), elsewhere.descriptor()));
    for (long number = 1;; ++number) {
        INFO("call " << number);
        const auto struck =
            run_struck(host.space, "apply /run/wish.toml --confirm 600", {"EBUSY", number});
        CHECK(struck.finished.code != 0);
        CHECK(!link_exists(host.space, "vxlan0"));
        if (struck.call.empty()) break;
    }
}

TEST_CASE("struck: a rejection that cannot be noted leaves nothing to do by hand") {
    write_text("/run/wish.toml", wish);
    const Host host;
    sh(host.space, "rm -rf /var/lib/vxlanctl; touch /var/lib/vxlanctl");
    const auto run = vxlanctl(host.space, "apply /run/wish.toml --confirm 1");
    sh(host.space, "rm /var/lib/vxlanctl");
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK(told(run, "not-confirmed, restored"));
    CHECK(!link_exists(host.space, "vxlan0"));
}

TEST_CASE("struck: confirm does not say that a change is taken back which stays") {
    write_text("/run/wish.toml", wish);
    const Host host;
    for (const char* fault : {"EINTR", "ENOMEM", "EPERM"})
        for (long number = 1;; number += is_brief() ? 3 : 1) {
            INFO(fault << " at call " << number);
            REQUIRE(vxlanctl(host.space, "down vxlan0").code == 0);
            Process pending(host.space, command_of("apply /run/wish.toml --confirm 600"));
            await_pending(host.space);
            const auto struck = run_struck(host.space, "confirm", {fault, number});
            INFO(struck.finished.err);
            const bool cannot_tell = told(struck.finished, "confirmation-unknown");
            CHECK(!told(struck.finished, "confirmed-too-late"));
            if (struck.finished.code != 0 && !cannot_tell)
                REQUIRE(vxlanctl(host.space, "confirm").code == 0); // it waits as before
            CHECK(pending.wait().code == 0);
            CHECK(vxlanctl(host.space, "check /run/wish.toml").code == 0);
            if (struck.call.empty()) break;
        }
}
