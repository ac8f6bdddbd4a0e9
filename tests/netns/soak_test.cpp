// What takes minutes and runs when it is asked for: netns_tests "[soak]".
#include "chance.h"
#include "stream.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <random>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// What runs could leave behind, each one a little more: files, and sockets in the namespace.
std::string left_behind(const Namespace& space) {
    return sh(space, "ls -R /run/vxlanctl; wc -l </proc/net/packet; wc -l </proc/net/udp; "
                     "wc -l </proc/net/raw");
}

} // namespace

TEST_CASE("soak: ten thousand applies with changing peers lose no frame to one that stays",
          "[.][soak]") {
    constexpr int runs = 10000;
    const std::string kept = "100.64.158.132";
    const Network network;
    const Namespace& host = network.host.space;
    const unsigned seed = first_seed();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto apply = [&](const Strings& peers) {
        std::string list = fmt::format("\"{}\"", kept);
        for (const auto& peer : peers)
            list += fmt::format(", \"{}\"", peer);
        return apply_text(host, fmt::format("[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n"
                                            "dev = \"eth0\"\naddresses = [\"10.225.194.171/9\"]\n"
                                            "peers = [{}]\n",
                                            list));
    };
    REQUIRE(apply({"100.64.158.4"}).code == 0);
    Stream stream(host, *network.peers[1]);
    const auto before = left_behind(host);
    long first_peak = 0, last_peak = 0;
    Strings peers;
    for (int i = 0; i < runs; ++i) {
        peers.clear();
        for (int last = 1; last < 100; ++last)
            if (random() % 8 == 0) peers.push_back(fmt::format("100.64.158.{}", last));
        if (i == runs - 1) peers = {"100.64.158.4"}; // as before
        const auto finished = apply(peers);
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        if (i < 1000) first_peak = std::max(first_peak, finished.peak_kib);
        if (i >= runs - 1000) last_peak = std::max(last_peak, finished.peak_kib);
    }
    stream.stop();
    std::cout << fmt::format("{} applies, {} datagrams, peak memory {} KiB in the first thousand, "
                             "{} KiB in the last\n",
                             runs, stream.sent(), first_peak, last_peak);
    CHECK(stream.not_sent() == 0);
    CHECK(stream.received_once() == stream.sent());
    CHECK(last_peak < first_peak * 21 / 20);
    CHECK(flood_list(host, "vxlan0") == Strings{kept, "100.64.158.4"});
    CHECK(left_behind(host) == before);
}

TEST_CASE("soak: twenty processes at once, again and again for a minute, end in a wanted state",
          "[.][soak]") {
    const Host host;
    const std::string up = "up eth0 172.21.0.100 vxlan0 ";
    const Strings wanted{up_words, up + "10.225.194.172/9 100.64.158.4 100.64.158.133 --mtu 1400",
                         up + "10.225.194.171/9 100.64.158.5 --ttl 5 --no-learning"};
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    int rounds = 0;
    std::vector<int> ends(wanted.size());
    for (; std::chrono::steady_clock::now() < end; ++rounds) {
        std::vector<std::unique_ptr<Process>> runs;
        for (std::size_t i = 0; i < 20; ++i)
            runs.push_back(
                std::make_unique<Process>(host.space, command_of(wanted[i % wanted.size()])));
        for (const auto& run : runs) {
            const auto finished = run->wait();
            INFO(finished.err);
            CHECK(finished.code == 0);
        }
        int in_sync = 0;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (vxlanctl(host.space, wanted[i] + " -n").out == "vxlan0: in sync\n") {
                ++in_sync;
                ++ends[i];
            }
        REQUIRE(in_sync == 1);
    }
    std::cout << fmt::format("{} times twenty processes; the end was {} times each wanted state\n",
                             rounds, fmt::join(ends, ", "));
}
