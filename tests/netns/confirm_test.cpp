// A change that is taken back unless somebody confirms it.
#include "faults.h"
#include "terminal.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace world;

namespace {

const std::string before_text = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                "addresses = [\"10.225.194.171/9\"]\n"
                                "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
const std::string after_text = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                               "addresses = [\"10.225.194.172/9\"]\nmtu = 1400\n"
                               "peers = [\"100.64.158.4\", \"100.64.158.133\"]\n"
                               "[vxlan.vxlan1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                               "vni = 11\npeers = [\"100.64.158.4\"]\n";

/// A host with a tunnel of a file, and another file that changes it and adds a second one.
struct Wishes {
    Wishes() {
        write_text("/run/wish.toml", before_text);
        REQUIRE(vxlanctl(host.space, "apply /run/wish.toml").code == 0);
        write_text("/run/wish.toml", after_text);
        before = snapshot(host.space);
        records = record_texts();
    }

    /// Without the number of the interface, which may have been made anew.
    std::string record_texts() const {
        return sh(host.space, "cat /run/vxlanctl/*/record-* | sed 's/\"index\":[0-9]*,//'");
    }

    /// As soon as nobody holds the lock any more.
    void check_taken_back() const {
        CHECK(vxlanctl(host.space, "down nosuch --lock-timeout 600").code == 0);
        CHECK(difference(before, snapshot(host.space)) == "");
        CHECK(record_texts() == records);
        CHECK(sh(host.space, "ls -R /run/vxlanctl | grep -c confirm || true") == "0\n");
    }
    void check_kept() const {
        CHECK(vxlanctl(host.space, "check /run/wish.toml").code == 0);
        CHECK(link_exists(host.space, "vxlan1"));
    }

    const Host host;
    nlohmann::json before;
    std::string records;
};

const std::string pending = "apply /run/wish.toml --confirm 600";
const std::string question = "[waits-for-confirmation]";

/// Stops the change before each of its writes in turn, and calls `act` then.
template<class Act> void at_each_write(Act act) {
    for (long write = 1;; ++write) {
        const Wishes wishes;
        StoppedRun run(wishes.host.space, "apply /run/wish.toml --confirm 1", write);
        INFO("write " << write);
        if (!run.is_stopped()) {
            REQUIRE(write > 4);
            return;
        }
        act(wishes, run);
    }
}

/// A signal, and then until the process has taken notice of it and waits again, or has ended.
void signal_and_settle(const std::string& pid, int number) {
    kill(std::stoi(pid), number);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const auto has = [&](const std::string& text) {
        return text_of("/proc/" + pid + "/status").find(text) != std::string::npos;
    };
    while (!has("ShdPnd:\t0000000000000000") || (!has("State:\tS") && !has("State:\tZ")))
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("process " + pid + " does not settle");
}

} // namespace

TEST_CASE("confirm: Enter at the terminal keeps the change, and nothing else does") {
    const Wishes wishes;
    Terminal run(wishes.host.space, command_of(pending));
    run.type("\n"); // before anybody asked
    run.read_until(question);
    run.type("yes");
    CHECK(link_exists(wishes.host.space, "vxlan1"));
    run.type("\n");
    run.read_until("confirmed: the change stays");
    CHECK(run.wait() == 0);
    wishes.check_kept();
}

TEST_CASE("confirm: an Enter right after the question keeps the change") {
    const Wishes wishes;
    std::vector<std::string> words{"env", "ASAN_OPTIONS=detect_leaks=0"}; // not while it is traced
    for (const char* word : {"strace", "-o", "/dev/null", "-P", "/dev/tty", "-e",
                             "inject=openat:delay_enter=300000"}) // microseconds
        words.emplace_back(word);
    const auto command = command_of(pending);
    words.insert(words.end(), command.begin(), command.end());
    Terminal run(wishes.host.space, words);
    run.read_until(question);
    run.type("\n");
    run.read_until("confirmed: the change stays");
    CHECK(run.wait() == 0);
    wishes.check_kept();
}

TEST_CASE("confirm: 'vxlanctl confirm' from another shell keeps the change") {
    const Wishes wishes;
    const Namespace& space = wishes.host.space;
    const auto early = vxlanctl(space, "confirm");
    CHECK(early.code == 1);
    CHECK(told(early, "no-change-waits"));
    Process run(space, command_of(pending)); // whose input is at its end
    await_pending(space);
    const Namespace other;
    CHECK(vxlanctl(other, "confirm").code == 1);
    const auto confirmed = vxlanctl(space, "confirm");
    INFO(confirmed.err);
    CHECK(confirmed.code == 0);
    CHECK(confirmed.out == "confirmed: the change stays\n");
    const auto finished = run.wait();
    CHECK(finished.code == 0);
    CHECK(finished.out.find("2 tunnels: 1 created, 1 changed\n") != std::string::npos);
    wishes.check_kept();
    CHECK(vxlanctl(space, "confirm --json").code == 1);
}

TEST_CASE("confirm: at the deadline everything goes back, and the files are on hold") {
    const Wishes wishes;
    const Namespace& space = wishes.host.space;
    const auto run = vxlanctl(space, "apply /run/wish.toml --confirm 1");
    CHECK(run.code == 1);
    CHECK(told(run, "not-confirmed, restored"));
    wishes.check_taken_back();

    const auto service = vxlanctl(space, "apply --prune --unless-held /run/wish.toml");
    CHECK(service.code == 0);
    CHECK(told(service, "file-on-hold", {"/run/wish.toml"}));
    wishes.check_taken_back();
    CHECK(vxlanctl(space, "check --prune /run/wish.toml").code == 3);
    for (const std::string looking : {"check", "plan", "apply --dry-run"}) {
        const auto looked = vxlanctl(space, looking + " --prune --unless-held /run/wish.toml");
        CHECK(looked.code == (looking == "check" ? 3 : 0)); // not all is well
        CHECK(looked.err == service.err);
    }
    CHECK(vxlanctl(space, "check --prune --unless-held --quiet /run/wish.toml").err.empty());
    SECTION("until they are edited") {
        write_text("/run/wish.toml", after_text + "# edited\n");
        CHECK(vxlanctl(space, "apply --prune --unless-held /run/wish.toml").err.empty());
    }
    SECTION("until they are applied by hand") {
        CHECK(vxlanctl(space, "apply /run/wish.toml").code == 0);
        CHECK(vxlanctl(space, "apply --unless-held /run/wish.toml").err.empty());
    }
    wishes.check_kept();
}

TEST_CASE("confirm: the time runs although nobody reads what is said") {
    const Wishes wishes;
    sh(wishes.host.space, "mkfifo /run/full");
    Process run(wishes.host.space,
                {"/bin/sh", "-c",
                 "exec 3<>/run/full; dd if=/dev/zero of=/run/full oflag=nonblock 2>/run/filled; "
                 "exec " VXLANCTL_PROGRAM " apply /run/wish.toml --confirm 1 >&3"});
    await_pending(wishes.host.space);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!difference(wishes.before, snapshot(wishes.host.space)).empty())
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    sh(wishes.host.space, "kill -KILL " + std::to_string(run.pid()));
    CHECK(run.wait().code == 128 + SIGKILL);
    wishes.check_taken_back();
}

TEST_CASE("confirm: what others have put on a new link meanwhile stays") {
    const Wishes wishes;
    const Namespace& space = wishes.host.space;
    write_text("/run/wish.toml", before_text + "vni = 77\n");
    Terminal run(space, command_of(pending + " --allow-recreate"));
    run.read_until(question);
    sh(space, "ip addr add 10.225.194.170/32 dev vxlan0");
    run.hang_up();
    CHECK(run.wait() == 1);
    CHECK(vxlanctl(space, "down nosuch --lock-timeout 600").code == 0);
    CHECK(link(space, "vxlan0").at("linkinfo").at("info_data").at("id") == 10);
    sh(space, "ip addr del 10.225.194.170/32 dev vxlan0"); // it is there
    write_text("/run/wish.toml", before_text);
    CHECK(vxlanctl(space, "check /run/wish.toml").code == 0);
}

TEST_CASE("confirm: a removal that was taken back is not made again by a service") {
    const Wishes wishes;
    const Namespace& space = wishes.host.space;
    write_text("/run/wish.toml", "");
    CHECK(vxlanctl(space, "apply --prune --allow-empty /run/wish.toml --confirm 1 --json").code ==
          1);
    wishes.check_taken_back();
    CHECK(vxlanctl(space, "apply --prune --allow-empty --unless-held /run/wish.toml").code == 0);
    wishes.check_taken_back();
    CHECK(vxlanctl(space, "apply --prune --allow-empty /run/wish.toml").code == 0);
    CHECK(!link_exists(space, "vxlan0"));
}

TEST_CASE("confirm: a terminal that hangs up takes the change back") {
    const Wishes wishes;
    Terminal run(wishes.host.space, command_of(pending));
    run.read_until(question);
    run.hang_up();
    wishes.check_taken_back();
    CHECK(run.wait() == 1);
}

TEST_CASE("confirm: a killed program takes the change back") {
    const Wishes wishes;
    Terminal run(wishes.host.space, command_of(pending));
    run.read_until(question);
    run.kill_process();
    wishes.check_taken_back();
}

TEST_CASE("confirm: a program that is killed at any of its writes takes all of them back") {
    at_each_write([](const Wishes& wishes, StoppedRun& run) {
        kill(run.pid(), SIGKILL);
        wishes.check_taken_back();
    });
}

TEST_CASE("confirm: a signal takes the change back") {
    const int number = GENERATE(SIGTERM, SIGINT, SIGHUP);
    const Wishes wishes;
    Process run(wishes.host.space, command_of(pending));
    await_pending(wishes.host.space);
    kill(run.pid(), number);
    const auto finished = run.wait();
    CHECK(finished.code == 1);
    CHECK(told(finished, "not-confirmed", {std::to_string(number)}));
    wishes.check_taken_back();
}

TEST_CASE("confirm: a signal to the guardian waits until the change is there") {
    at_each_write([](const Wishes& wishes, StoppedRun& run) {
        signal_and_settle(
            sh(wishes.host.space, fmt::format("pgrep -P {} | tr -d '\\n'", run.pid())), SIGTERM);
        const auto finished = run.resume();
        CHECK(finished.code == 1);
        CHECK(told(finished, "not-confirmed", {"15"}));
        wishes.check_taken_back();
    });
}

TEST_CASE("confirm: without its guardian the program takes the change back itself") {
    const Wishes wishes;
    Process run(wishes.host.space, command_of(pending + " --json"));
    await_pending(wishes.host.space);
    sh(wishes.host.space, "pkill -KILL -P " + std::to_string(run.pid()));
    const auto finished = run.wait();
    CHECK(finished.code == 1);
    wishes.check_taken_back();
    const auto document = nlohmann::json::parse(finished.out);
    CHECK(document.at("confirmed") == false);
    CHECK(document.at("changed") == false);
    CHECK(document.at("summary").at("taken_back") == 2);
}

TEST_CASE("confirm: other writers are told who is pending, and for how long") {
    const Wishes wishes;
    Process run(wishes.host.space, command_of(pending));
    await_pending(wishes.host.space);
    const auto other = vxlanctl(wishes.host.space, "down vxlan0 --lock-timeout 1");
    CHECK(other.code == 1);
    CHECK(told(other, "locked, holder-unconfirmed", {"vxlanctl apply /run/wish.toml"}));
    CHECK(vxlanctl(wishes.host.space, "confirm").code == 0);
    CHECK(run.wait().code == 0);
}

TEST_CASE("confirm: nothing is asked where nothing changes") {
    const Wishes wishes;
    write_text("/run/wish.toml", before_text);
    CHECK(vxlanctl(wishes.host.space, pending).out == "vxlan0: in sync\n1 tunnel: 1 in sync\n");
    write_text("/run/wish.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.101\"\n");
    CHECK(vxlanctl(wishes.host.space, pending).code == 2);
    wishes.check_taken_back();
    for (const char* time : {"0", "x", "-1", "100000"})
        CHECK(vxlanctl(wishes.host.space, std::string("apply /run/wish.toml --confirm=") + time)
                  .code == 2);
}
