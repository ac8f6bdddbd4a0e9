// Kernels that lack what younger ones have. docs/platforms.md names what that is.
#include "struck.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

using namespace world;

namespace {

const Strike on_5_4{"linux-5.4", 0};
const std::string long_name = "an-alternative-name-that-nothing-has";

} // namespace

TEST_CASE("old kernel: Linux 4.14 is refused, with the version that is needed") {
    const Host host;
    const auto before = snapshot(host.space);
    for (const std::string& words : {up_words, std::string("show"), std::string("doctor")}) {
        const auto struck = run_struck(host.space, words, {"linux-4.14", 0});
        INFO(words << "\n" << struck.finished.err);
        CHECK(!struck.call.empty());
        CHECK(struck.finished.code == 1);
        CHECK(told(struck.finished, "kernel-too-old", {"5.4"}));
    }
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("old kernel: on Linux 5.4 a tunnel is made, kept and removed") {
    const Host host;
    const auto before = snapshot(host.space);
    const auto made = run_struck(host.space, up_words, on_5_4);
    INFO(made.finished.out << made.finished.err);
    REQUIRE(made.finished.code == 0);
    CHECK(made.call == "cookie"); // that of the network namespace
    const auto again = run_struck(host.space, up_words, on_5_4).finished;
    CHECK(again.code == 0);
    CHECK(again.out.find("in sync") != std::string::npos);
    // What an earlier command set and a later one does not is in the record, without a cookie.
    REQUIRE(run_struck(host.space, up_words + " --mtu 1400", on_5_4).finished.code == 0);
    REQUIRE(run_struck(host.space, up_words, on_5_4).finished.code == 0);
    CHECK(link(host.space, "vxlan0").at("mtu") == 8951);
    CHECK(run_struck(host.space, "down --all", on_5_4).finished.code == 0);
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("old kernel: a name that is too long for an interface is one that does not exist") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    for (const std::string words : {"show ", "down "}) {
        const auto today = vxlanctl(host.space, words + long_name);
        const auto struck = run_struck(host.space, words + long_name, on_5_4);
        CHECK(struck.finished.code == today.code);
        CHECK(struck.finished.out == today.out);
        CHECK(struck.finished.err == today.err);
    }
}

// Before Linux 5.9 there is no close_range(), and the process that closes the socket for ARP takes
// its time.
TEST_CASE("old kernel: nobody waits for the process that ends after its parent") {
    const Host host;
    const std::string trace = "/run/trace";
    const auto finished =
        run(host.space, {"strace", "-f", "-y", "-o", trace, "-e", "trace=close,close_range,dup2",
                         "-e", "inject=close_range:error=ENOSYS", "sh", "-c",
                         std::string("exec " VXLANCTL_PROGRAM " ") + up_words});
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    std::istringstream lines(text_of(trace));
    std::string parent;
    bool closes_lock = false;
    const std::regex lock("close\\([0-9]+</run/vxlanctl/[^>]*lock[^>]*>\\) += 0");
    for (std::string line; std::getline(lines, line);) {
        const auto process = line.substr(0, line.find(' '));
        if (parent.empty()) parent = process;
        closes_lock = closes_lock || (process != parent && std::regex_search(line, lock));
    }
    INFO(text_of(trace));
    CHECK(closes_lock);
}
