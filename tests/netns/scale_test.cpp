// A thousand tunnels in one file, and one with ten thousand peers.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// Tunnels t0, t1, ... with ten peers each, of which the last one ends in `last`.
std::string file_of(int count, int last) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += fmt::format("[vxlan.t{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "addresses = [\"10.{2}.{3}.1/24\"]\npeers = [",
                            i, 1000 + i, 100 + i / 250, i % 250);
        for (int peer = 1; peer < 10; ++peer)
            text += fmt::format("\"100.64.{}.{}\", ", i % 250, peer);
        text += fmt::format("\"100.64.{}.{}\"]\n", i % 250, last);
    }
    return text;
}

RunOptions patiently(const std::string& input) {
    RunOptions options;
    options.input = input;
    options.deadline = patience;
    return options;
}

/// Sanitizers keep what is freed.
void check_memory(const Finished& finished, long most_mib) {
    if (!is_sanitized()) CHECK(finished.peak_kib < most_mib * 1024);
}

std::string last_line(const Finished& finished) {
    const std::string& text = finished.out;
    return text.substr(text.rfind('\n', text.size() - 2) + 1,
                       text.rfind('\n') - text.rfind('\n', text.size() - 2) - 1);
}

long reads_of(const Namespace& space, const std::string& words, const std::string& text) {
    const auto counted = vxlanctl_counted(space, words, {}, text);
    INFO(counted.finished.err);
    REQUIRE(counted.finished.code == 0);
    REQUIRE(counted.reads > 0);
    return counted.reads;
}

} // namespace

TEST_CASE("scale: a thousand tunnels are made, found in sync, and changed, by as many reads as two "
          "hundred") {
    const Host host;
    without_duplicate_detection(host.space); // a dump that its end interrupts is read again
    const int many = is_brief() ? 400 : 1000;
    const std::string all = file_of(many, 99), changed = file_of(many, 98);
    const auto made = vxlanctl(host.space, "apply --source test -", patiently(all));
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(last_line(made) == fmt::format("{0} tunnels: {0} created", many));
    check_memory(made, 32);
    const auto checked = vxlanctl(host.space, "check -", patiently(all));
    CHECK(checked.code == 0);
    CHECK(checked.out + checked.err == "");
    check_memory(checked, 32);

    CHECK(reads_of(host.space, "check -", all) <=
          reads_of(host.space, "check -", file_of(200, 99)));
    const long few_changes = reads_of(host.space, "apply --source test -", file_of(200, 98));
    const auto again = vxlanctl_counted(host.space, "apply --source test -", {}, changed);
    CHECK(last_line(again.finished) ==
          fmt::format("{} tunnels: {} in sync, {} changed", many, 200, many - 200));
    CHECK(again.reads == few_changes);
    CHECK(again.writes == 2 * (many - 200)); // one peer for another
    check_memory(again.finished, 32);

    const auto removed =
        vxlanctl(host.space, "apply --prune --source test -", patiently(file_of(many - 50, 98)));
    CHECK(last_line(removed) == fmt::format("{} tunnels: {} in sync, 50 removed", many, many - 50));
    check_memory(removed, 32);
}

TEST_CASE("scale: ten thousand peers of one tunnel need less than 16 MiB") {
    const Host host;
    std::string peers;
    for (int i = 0; i < 10000; ++i)
        peers += fmt::format("100.{}.{}.{}\n", 64 + i / 65536, i / 256 % 256, i % 256);
    const std::string up = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --peers-file -";
    for (const char* expected : {"created", "in sync"}) {
        const auto finished = vxlanctl(host.space, up, patiently(peers));
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        CHECK(finished.out.find(expected) != std::string::npos);
        check_memory(finished, 16);
    }
}
