// `show --watch`: on a terminal, into a file, into a pipe.
#include "terminal.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <functional>
#include <sstream>

using namespace world;

namespace {

/// A terminal of this size that can be cleared.
std::vector<std::string> on_screen(int rows, int columns, const std::string& words) {
    return {"/bin/sh", "-c",
            fmt::format("stty rows {} columns {}; TERM=xterm exec {}", rows, columns,
                        fmt::join(command_of(words), " "))};
}

std::string shell_line(const std::string& words) {
    return fmt::format("{}", fmt::join(command_of(words), " "));
}

const std::string home = "\033[H";
const std::string cleared = "\033[2J";

} // namespace

TEST_CASE("show --watch: a terminal is cleared and shows what changes, until Ctrl-C") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    Terminal screen(host.space, on_screen(40, 100, "show -w 1"));
    CHECK(screen.read_until("MTU 8951").find(home + cleared) != std::string::npos);
    sh(host.space, "ip link set vxlan0 mtu 1400");
    const std::string later = screen.read_until("MTU 1400");
    CHECK(later.find(home) != std::string::npos);
    CHECK(later.find(cleared) == std::string::npos); // it would flicker
    screen.type("\003");
    CHECK(screen.wait() == 0);
}

TEST_CASE("show --watch: a small terminal has as much as it has room for") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    Terminal screen(host.space, on_screen(5, 30, "show --watch 86400"));
    std::istringstream lines(screen.read_until("\033[J"));
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);)
        all.push_back(line);
    REQUIRE(all.size() == 5); // four, and the end
    for (auto& line : all)
        CHECK(line.size() <= 30 + home.size() + cleared.size() + std::string("\033[K\r").size());
    CHECK(all[3].find(" more lines\033[K") != std::string::npos);
    const int number = GENERATE(SIGTERM, SIGINT, SIGHUP);
    screen.send_signal(number);
    CHECK(screen.wait() == 0);
}

TEST_CASE("show --watch: a terminal that cannot be cleared gets one after the other") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    Terminal screen(host.space, command_of("show -w1")); // TERM=dumb
    const std::string first = screen.read_until("vxlan0: "), second = screen.read_until("vxlan0: ");
    CHECK((first + second).find('\033') == std::string::npos);
    screen.hang_up();
    CHECK(screen.wait() == 0);
}

TEST_CASE("show --watch --json: a document a line, also while the tunnel is gone") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    write_text("/run/watched", "");
    Process watching(
        host.space,
        {"/bin/sh", "-c", "exec " + shell_line("show vxlan0 --json --watch 1") + " >/run/watched"});
    const auto documents = [] {
        std::vector<nlohmann::json> all;
        std::istringstream lines(text_of("/run/watched"));
        for (std::string line; std::getline(lines, line);)
            if (!lines.eof()) all.push_back(nlohmann::json::parse(line));
        return all;
    };
    const auto await = [&](const std::function<bool(const nlohmann::json&)>& is_it) {
        const auto end = std::chrono::steady_clock::now() + patience;
        for (;;) {
            const auto all = documents();
            if (std::any_of(all.begin(), all.end(), is_it)) return;
            REQUIRE(std::chrono::steady_clock::now() < end);
        }
    };
    const auto has_mtu = [](int mtu) {
        return [=](const nlohmann::json& document) {
            return document.at("tunnels").size() == 1 &&
                   document.at("tunnels").at(0).at("mtu") == mtu;
        };
    };
    await(has_mtu(8951));
    sh(host.space, "ip link del vxlan0");
    await([](const nlohmann::json& document) {
        return document.contains("errors") &&
               document.at("errors").at(0).at("code") == "no-such-interface";
    });
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
    await(has_mtu(1400));
    kill(watching.pid(), SIGTERM);
    CHECK(watching.wait().code == 0);
    CHECK(documents().front().at("time").get<std::string>().size() == 20);
}

TEST_CASE("show --watch: a reader that goes away ends it") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const auto finished =
        run(host.space, {"/bin/bash", "-c",
                         shell_line("show --watch 86400") + " | head -n 2; exit ${PIPESTATUS[0]}"});
    CHECK(finished.code == 1);
    CHECK(finished.out.find("vxlan0: up") != std::string::npos);
    CHECK(told(finished, "cannot-write-output"));
}

TEST_CASE("show --watch: what cannot be watched is refused at once") {
    const Host host;
    CHECK(told(vxlanctl(host.space, "show nosuch -w"), "no-such-interface"));
    CHECK(told(vxlanctl(host.space, "show -w 0"), "not-in-range", {"--watch '0'"}));
    CHECK(told(vxlanctl(host.space, "show --watch=x"), "not-in-range", {"--watch 'x'"}));
    CHECK(told(vxlanctl(host.space, "show -q -w"), "options-contradict"));
}
