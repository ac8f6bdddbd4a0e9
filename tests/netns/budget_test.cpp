// What a run may cost, in figures in which no clock has a part: the system calls of the program and
// of its loader, and their instructions. Who needs more of them on purpose writes it down here.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <regex>

using namespace world;

namespace {

/// A run, and what it needs with 2, 1,000 and 10,000 peers: a tenth more than was counted.
struct Budget {
    const char* run;
    std::array<long, 3> system_calls;
    std::array<long, 3> instructions; ///< in thousands
};

constexpr std::array<int, 3> peer_counts{2, 1000, 10000};
constexpr std::array<Budget, 5> budgets{{
    {"--version", {54, 54, 54}, {360, 360, 360}},
    {"fresh", {247, 251, 292}, {1320, 6050, 50000}},
    {"no change", {145, 147, 171}, {940, 4800, 41000}},
    {"one peer replaced", {235, 239, 278}, {1350, 8050, 70000}},
    {"show", {152, 154, 180}, {780, 4920, 42000}},
}};

/// Distinct addresses out of 100.64.0.0/10, in no order: an odd factor permutes the numbers below
/// 2^22.
std::string peers(int count, bool is_last_another) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        const int n = (is_last_another && i == count ? count + 1 : i) * 1299709L % 4194304;
        text += fmt::format("100.{}.{}.{}\n", 64 + n / 65536, n / 256 % 256, n % 256);
    }
    return text;
}

/// The system calls of a command, as strace counts them.
long system_calls(const Namespace& space, std::vector<std::string> command,
                  const RunOptions& options) {
    const std::string counts = "/run/system-calls";
    command.insert(command.begin(), {"strace", "-f", "-c", "-o", counts});
    REQUIRE(run(space, command, options).code == 0);
    const std::string text = text_of(counts);
    std::smatch total; // % time, seconds, usecs/call, calls
    REQUIRE(std::regex_search(text, total, std::regex(R"((\d+) +(\d+ +)?total\n)")));
    return std::stol(total[1]);
}

/// The instructions of a command, in thousands, as callgrind counts them; not those of its child,
/// which closes what the kernel takes its time to close.
long instructions(const Namespace& space, std::vector<std::string> command,
                  const RunOptions& options) {
    command.insert(command.begin(),
                   {"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"});
    const auto finished = run(space, command, options);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    const std::regex line(R"(Collected : (\d+))");
    long most = 0;
    for (std::sregex_iterator at(finished.err.begin(), finished.err.end(), line), end; at != end;
         ++at)
        most = std::max(most, std::stol((*at)[1]));
    REQUIRE(most > 0);
    return most / 1000;
}

/// Tunnels with so many routes each, all different.
std::string file_with_routes(int tunnels, int routes, int metric) {
    std::string text;
    for (int i = 0, n = 0; i < tunnels; ++i) {
        text += fmt::format("[vxlan.t{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "peers = [\"100.64.0.1\"]\nroutes = [",
                            i, 1000 + i);
        for (int route = 0; route < routes; ++route, ++n)
            text += fmt::format("{{ to = \"10.{}.{}.{}/32\", metric = {} }}, ", n / 65536,
                                n / 256 % 256, n % 256, metric);
        text += "]\n";
    }
    return text;
}

/// Counts each run of `budgets` in the order of a tunnel's life, and compares.
template<class Count> void check(Count count, std::array<long, 3> Budget::*allowed) {
    // Valgrind takes half a minute for the last.
    const std::size_t columns = peer_counts.size() - (is_brief() ? 1 : 0);
    for (std::size_t column = 0; column < columns; ++column) {
        const Host host;
        RunOptions options;
        options.deadline = patience;
        // Else all ancestors' environments are searched for it, and these are not ours.
        options.environment["SSH_CONNECTION"] = "192.0.2.7 50000 172.21.0.100 22";
        const auto words = [&](const std::string& line) {
            options.input = peers(peer_counts[column], line == "one peer replaced");
            const bool is_whole = line == "--version" || line == "show";
            auto command = command_of(
                is_whole ? line : "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --peers-file -");
            std::erase(command, "-v"); // which prints more
            return command;
        };
        for (const auto& budget : budgets) {
            const auto command = words(budget.run);
            const long counted = count(host.space, command, options);
            INFO(budget.run << " with " << peer_counts[column] << " peers: " << counted);
            CHECK(counted <= (budget.*allowed)[column]);
            // What became so much less that the budget says nothing any more is a new budget.
            CHECK(counted >= (budget.*allowed)[column] * 2 / 3);
        }
    }
}

} // namespace

TEST_CASE("budget: system calls") {
    if (is_sanitized()) SKIP_CASE("the sanitizers' system calls would be counted");
    check(system_calls, &Budget::system_calls);
}

TEST_CASE("budget: instructions") {
    if (is_sanitized()) SKIP_CASE("valgrind does not run the sanitizers' programs");
    check(instructions, &Budget::instructions);
}

TEST_CASE("budget: planning takes instructions in proportion to routes and tunnels") {
    if (is_sanitized()) SKIP_CASE("valgrind does not run the sanitizers' programs");
    const Host host;
    RunOptions options;
    options.environment["SSH_CONNECTION"] = "192.0.2.7 50000 172.21.0.100 22";
    const auto check_planning = [&](int tunnels, int routes, int metric, long allowed) {
        options.input = file_with_routes(tunnels, routes, metric);
        auto command = command_of("plan -q -");
        std::erase(command, "-v");
        const long counted = instructions(host.space, command, options);
        INFO(tunnels << " tunnels with " << routes << " routes each: " << counted);
        CHECK(counted <= allowed);
        CHECK(counted >= allowed * 2 / 3);
    };
    check_planning(1000, 10, 7, 615000);
    check_planning(2, 3000, 7, 177000);
    if (is_brief()) return;
    REQUIRE(run(host.space, command_of("apply -q --source test -"), options).code == 0);
    check_planning(2, 3000, 8, 375000); // each route is to be replaced
}
