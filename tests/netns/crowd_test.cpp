// What a run costs where much is on the host that does not concern it: system calls, and the bytes
// that the kernel sends. No clock has a part in it.
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <regex>
#include <sstream>

using namespace world;

namespace {

struct Cost {
    long calls = 0, bytes = 0;
};

/// What strace has written of a program and its children.
Cost cost_in(const std::string& trace) {
    Cost cost;
    std::istringstream lines(trace);
    const std::regex received(R"((recvfrom|recvmsg)\b.* = (\d+)$)");
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" = ") == std::string::npos) continue;
        ++cost.calls;
        if (line.find("recv") != std::string::npos && std::regex_search(line, match, received))
            cost.bytes += std::stol(match[2]);
    }
    return cost;
}

const std::vector<std::string> traced{"strace", "-f", "-s", "0", "-o", "/run/trace"};

Cost cost_of(const Namespace& space, const std::string& words, int code = 0) {
    auto command = command_of(words);
    std::erase(command, "-v"); // which prints more
    command.insert(command.begin(), traced.begin(), traced.end());
    RunOptions options;
    // Else all ancestors' environments are searched for it, and these are not ours.
    options.environment["SSH_CONNECTION"] = "192.0.2.7 50000 172.21.0.100 22";
    options.deadline = patience;
    const auto finished = run(space, command, options);
    INFO(words << ": " << finished.out << finished.err);
    REQUIRE(finished.code == code);
    return cost_in(text_of("/run/trace"));
}

constexpr int tunnels = 12;

/// Tunnels t0, t1, ... with a route each.
std::string file_of(int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += fmt::format("[vxlan.t{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "addresses = [\"10.{0}.0.1/24\"]\npeers = [\"100.64.{0}.1\"]\n"
                            "routes = [{{ to = \"10.{0}.1.0/24\" }}]\n",
                            i, 1000 + i);
    return text;
}

/// A host with these tunnels.
struct Quiet : Host {
    Quiet() {
        without_duplicate_detection(space);
        // Nobody answers as the gateway here.
        sh(space, "ip neigh add 172.21.0.1 lladdr 02:00:00:00:00:01 nud permanent dev eth0");
        write_text("/run/tunnels.toml", file_of(tunnels));
        REQUIRE(vxlanctl(space, "apply /run/tunnels.toml").code == 0);
    }
};

/// The same beside 1,000 interfaces, and 20,000 FDB entries and routes of others.
struct Crowded : Quiet {
    Crowded() {
        std::string links = "link add other type vxlan id 77 dstport 4789 local 172.21.0.100\n"
                            "link set other up\n";
        for (int i = 0; i < 500; ++i)
            links +=
                fmt::format("link add c{0} {1} type veth peer name d{0}\n", i, i < 100 ? "up" : "");
        std::string routes, entries;
        for (int i = 0; i < 20000; ++i) {
            routes += fmt::format("route add 198.18.{}.{}/32 dev c{}\n", i / 256, i % 256, i % 100);
            entries += fmt::format("fdb add 02:00:00:00:{:02x}:{:02x} dev other dst 192.0.2.9\n",
                                   i / 256, i % 256);
        }
        write_text("/run/links", links);
        write_text("/run/routes", routes);
        write_text("/run/entries", entries);
        sh(space, "ip -batch /run/links && ip -batch /run/routes && bridge -batch /run/entries");
    }
};

struct Run {
    const char* words;
    long more_calls, more_bytes; ///< than on a quiet host
};

} // namespace

TEST_CASE("budget: a run costs what it concerns, beside 1,000 interfaces and 20,000 entries and "
          "routes of others") {
    if (is_sanitized()) SKIP_CASE("the sanitizers' system calls would be counted");
    constexpr std::array runs{
        // The addresses of all links are read.
        Run{"check /run/tunnels.toml", 10, 20000},
        Run{"apply /run/tunnels.toml", 10, 20000},
        Run{"show t0 t1 t2", 10, 20000},
        Run{"export t0", 10, 20000},
        // Default routes, and what an inner prefix draws into the tunnel, are in the main table.
        Run{"doctor t0", 60, 1500000},
        // What stands on a tunnel that goes is among all links.
        Run{"down t11", 60, 1500000},
    };
    std::array<Cost, runs.size()> quiet;
    {
        const Quiet host;
        for (std::size_t i = 0; i < runs.size(); ++i)
            quiet[i] = cost_of(host.space, runs[i].words);
    }
    const Crowded host;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto crowded = cost_of(host.space, runs[i].words);
        INFO(runs[i].words << ": " << quiet[i].calls << " system calls and " << quiet[i].bytes
                           << " bytes, in the crowd " << crowded.calls << " and " << crowded.bytes);
        CHECK(crowded.calls <= quiet[i].calls + runs[i].more_calls);
        CHECK(crowded.bytes <= quiet[i].bytes + runs[i].more_bytes);
    }
}

TEST_CASE("budget: waiting reads what is there once, and then events alone") {
    if (is_sanitized()) SKIP_CASE("the sanitizers' system calls would be counted");
    const Namespace space;
    constexpr int addresses_of_others = 1000, events = 2000;
    std::string there = "link add other type veth peer name others\n", news;
    for (int i = 0; i < addresses_of_others; ++i)
        there += fmt::format("addr add 198.18.{}.{}/32 dev other\n", i / 250, i % 250);
    for (int i = 0; i < events / 2; ++i)
        news += "addr add 198.19.0.1/32 dev other\naddr del 198.19.0.1/32 dev other\n";
    write_text("/run/there", there);
    write_text("/run/news", news);
    sh(space, "ip -batch /run/there; rm -f /run/said; mkfifo /run/said");
    auto command =
        command_of("up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 --wait 300");
    std::string line = "exec";
    command.insert(command.begin(), traced.begin(), traced.end());
    for (const auto& word : command)
        line += " " + word;
    RunOptions options;
    options.deadline = patience;
    Process waiting(space, {"/bin/sh", "-c", line + " 2>/run/said"}, options);
    sh(space,
       "head -n 1 /run/said >/run/heard; cat /run/said >/dev/null 2>&1 &\n"
       "ip -batch /run/news; ip link add eth0 type veth peer name wire; ip link set eth0 up; "
       "ip link set wire up; ip route add default dev eth0; "
       "ip addr add 172.21.0.100/24 dev eth0");
    CHECK(told(text_of("/run/heard"), "waiting-for"));
    REQUIRE(waiting.wait().code == 0);
    // The run itself reads the addresses a few times.
    CHECK(cost_in(text_of("/run/trace")).bytes < 10L * addresses_of_others * 100 + events * 100L);
}

TEST_CASE("budget: a change costs the same beside 1,000 records of another network namespace") {
    if (is_sanitized()) SKIP_CASE("the sanitizers' system calls would be counted");
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const std::string other_peer =
        "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.133";
    const auto alone = cost_of(host.space, other_peer);
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const Host other;
    // Mounted, as one with a name is: it is seen to live without a look at each process.
    sh(other.space, "mkdir -p /run/netns; touch /run/netns/other; "
                    "mount --bind /proc/self/ns/net /run/netns/other");
    REQUIRE(vxlanctl(other.space, up_words).code == 0);
    const std::filesystem::directory_iterator directories("/run/vxlanctl");
    const std::string alias = link(other.space, "vxlan0").at("ifalias");
    const std::string record = "record-" + alias.substr(alias.rfind(' ') + 1);
    for (const auto& directory : directories) {
        if (!exists(directory.path() / record)) continue;
        for (int i = 0; i < 1000; ++i)
            copy_file(directory.path() / record,
                      directory.path() / fmt::format("record-{:016x}", i));
    }
    const auto beside = cost_of(host.space, other_peer);
    INFO(alone.calls << " system calls, beside the records " << beside.calls);
    CHECK(beside.calls <= alone.calls + 60);
    sh(host.space, "umount /run/netns/other; rm /run/netns/other");
}
