// Whether doctor agrees with the packets: in a lab that looks like a user's, each breakage stops
// pings and makes the check fail that names the cause; on a healthy host nothing fails.
#include "breakages.h"
#include "findings.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

using namespace lab;

namespace {

bool is_meant(bool in_gate, const std::string& name) {
    if (const char* parts = std::getenv("VXLANCTL_LAB_CASE")) { // with | between them
        std::istringstream text(parts);
        for (std::string part; std::getline(text, part, '|');)
            if (name.find(part) != std::string::npos) return true;
        return *parts == '\0';
    }
    return in_gate || !world::is_brief();
}

std::string all_of(const nlohmann::json& findings) {
    std::string text;
    for (const auto& check : findings)
        if (check.at("verdict") == "fail")
            text += fmt::format("{}: {}\n    {} {}\n", check.at("check").get<std::string>(),
                                world::told(check.at("messages")),
                                check.at("remedy").get<std::string>(), check.at("edits").dump());
    return text;
}

/// What fails for good: on a machine under load, an answer to a probe may come late.
nlohmann::json settled_findings(const Lab& lab, bool probe) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (true) {
        auto findings = lab.doctor(probe);
        if (findings::failed(findings).empty() || std::chrono::steady_clock::now() > end)
            return findings;
    }
}

void break_and_repair(const Breakage& breakage) {
    const Lab lab(breakage.setting);
    if (!lab.is_possible()) return;
    const bool breaks = breakage.line != "true"; // else the file itself is what is wrong
    if (breaks) {
        REQUIRE(lab.dead_for_long() == Strings{});
        lab.sh(breakage.line);
    }
    (void)lab.dead_flows(); // of the first large packets the kernel learns what fits
    const auto dead = lab.dead_flows();
    CHECK(!dead.empty());
    const auto findings = lab.doctor(breakage.probe);
    const auto failed = findings::failed(findings);
    INFO("dead: " << fmt::format("{}", fmt::join(dead, "; "))
                  << "\nfailed: " << fmt::format("{}", fmt::join(failed, ", ")) << "\n"
                  << all_of(findings));
    CHECK(std::find(failed.begin(), failed.end(), breakage.check) != failed.end());

    follow_remedies(lab, findings);
    if (!breakage.repair.empty()) lab.sh(breakage.repair);
    const auto traffic_flows = [&](const char* when) {
        INFO(when);
        CHECK(lab.dead_for_long() == Strings{});
        const auto after = settled_findings(lab, breakage.probe);
        INFO(all_of(after));
        CHECK(findings::failed(after) == Strings{});
    };
    traffic_flows("after the remedy");
    if (!breakage.setting.command.empty()) return; // a reboot takes such a tunnel away
    CHECK(lab.vxlanctl("check").code == 0);
    CHECK(lab.vxlanctl("apply").code == 0);
    traffic_flows("after the next apply");
    lab.reboot();
    traffic_flows("after a reboot");
}

} // namespace

TEST_CASE("lab: each breakage is found, and its remedy lets packets flow") {
    for (const auto& breakage : breakages())
        if (is_meant(breakage.in_gate, breakage.name)) DYNAMIC_SECTION(breakage.name) {
                break_and_repair(breakage);
            }
}

TEST_CASE("lab: on a healthy host nothing fails") {
    for (const auto& healthy : healthy_variants())
        if (is_meant(healthy.in_gate, healthy.name)) DYNAMIC_SECTION(healthy.name) {
                const Lab lab(healthy.setting);
                if (!lab.is_possible()) return;
                CHECK(lab.dead_for_long() == Strings{});
                for (const bool probe : {false, true}) {
                    const auto findings = settled_findings(lab, probe);
                    INFO(all_of(findings));
                    CHECK(findings::failed(findings) == Strings{});
                }
            }
}

TEST_CASE("lab: docs/doctor.md lists what is tried here") {
    const std::string begin = "<!-- made by tests/lab: begin -->\n";
    const std::string end = "<!-- made by tests/lab: end -->";
    const std::string path = SOURCE_DIRECTORY "/docs/doctor.md";
    std::string table = fmt::format("{} breakages:\n\n| what goes wrong | check | --probe |\n"
                                    "|--|--|--|\n",
                                    breakages().size());
    for (const auto& breakage : breakages())
        table += fmt::format("| {} | `{}` | {} |\n", breakage.name, breakage.check,
                             breakage.probe ? "needed" : "");
    table += fmt::format("\n{} healthy hosts:\n\n", healthy_variants().size());
    for (const auto& healthy : healthy_variants())
        table += fmt::format("- {}\n", healthy.name);
    std::string page = world::text_of(path);
    const auto from = page.find(begin) + begin.size(), to = page.find(end);
    REQUIRE(to != std::string::npos);
    const bool is_current = page.substr(from, to - from) == table;
    if (!is_current && std::getenv("VXLANCTL_LAB_TABLE") != nullptr)
        world::write_text(path, page.replace(from, to - from, table));
    else
        CHECK(is_current); // VXLANCTL_LAB_TABLE=1 writes it anew
}
