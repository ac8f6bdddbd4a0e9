#include "twins.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace world {
namespace {

/// Everything that there is, marks apart.
nlohmann::json everything(const Namespace& space) {
    while (!run(space, {"ip", "-6", "addr", "show", "tentative"}).out.empty()) {
    }
    auto all = listed(space);
    for (auto& [name, item] : all["links"].items()) {
        const std::string alias = item.value("ifalias", "");
        item.erase("permaddr"); // random where the address is not that of hardware
        auto& info = item["linkinfo"];
        if (info.is_object()) info.erase("info_slave_data"); // timers, as bridges have them
        if (info.is_object() && info.value("info_kind", "") == "bridge") info.erase("info_data");
        const auto mark = alias.find("vxlanctl/1 ");
        item["ifalias"] = mark == std::string::npos ? alias
                          : mark < 3                ? ""
                                                    : alias.substr(0, mark - 3);
    }
    for (const auto& item : json_of(space, "ip -j link"))
        all["up"][item.at("ifname").get<std::string>()] =
            item.at("flags").dump().find("\"UP\"") != std::string::npos;
    for (auto& [name, list] : all["addresses"].items())
        for (auto& address : list)
            for (const char* time : {"valid_life_time", "preferred_life_time"})
                address[time] =
                    (address.at(time).get<std::uint64_t>() + 99) / 100; // it counts down
    all["fdb"] = nlohmann::json::array();
    for (const auto& entry : json_of(space, "bridge -j fdb"))
        if (entry.contains("dst")) all["fdb"].push_back(entry);
    std::sort(all["fdb"].begin(), all["fdb"].end());
    return all;
}

/// A MAC address that was not there before, and that nobody asked for, is random.
nlohmann::json without_random(nlohmann::json all, const std::string& known) {
    for (auto& [name, item] : all["links"].items())
        if (known.find(item.value("address", "")) == std::string::npos) item["address"] = "random";
    return all;
}

} // namespace

Twins::Twins() {
    without_duplicate_detection(ours.space);
    without_duplicate_detection(theirs.space);
    equalize();
}

void Twins::both(const std::string& line) {
    sh(ours.space, line);
    sh(theirs.space, line);
    equalize();
}

std::string Twins::run(const std::string& words) {
    const std::string before = sh(ours.space, "ip link");
    RunOptions script;
    script.input = vxlanctl(ours.space, words + " -n --ip-commands").out;
    INFO(words << "\n" << script.input);
    REQUIRE(script.input != "");
    const auto shell = world::run(theirs.space, {"/bin/sh", "-e"}, script);
    REQUIRE(shell.err == "");
    REQUIRE(shell.code == 0);
    const auto finished = vxlanctl(ours.space, words);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    REQUIRE(difference(without_random(everything(ours.space), before + words),
                       without_random(everything(theirs.space), before + words)) == "");
    equalize();
    return script.input;
}

void Twins::equalize() {
    const auto present = json_of(theirs.space, "ip -j link");
    for (const auto& item : json_of(ours.space, "ip -j link")) {
        const bool differs = std::none_of(present.begin(), present.end(), [&](const auto& other) {
            return other.at("ifname") == item.at("ifname") &&
                   other.value("address", "") == item.value("address", "");
        });
        if (differs)
            (void)world::run(theirs.space, {"ip", "link", "set", "dev", item.at("ifname"),
                                            "address", item.at("address")});
    }
}

} // namespace world
