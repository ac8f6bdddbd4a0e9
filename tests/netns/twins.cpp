#include "twins.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <linux/if_addr.h>
#include <sstream>

namespace world {
namespace {

bool has_tentative_address(const Namespace& space) {
    const Inside inside(space);
    std::istringstream lines(
        text_of("/proc/net/if_inet6")); // address index length scope FLAGS name
    for (std::string address, index, length, scope, flags, name;
         lines >> address >> index >> length >> scope >> flags >> name;)
        if ((std::stoul(flags, nullptr, 16) & IFA_F_TENTATIVE) != 0) return true;
    return false;
}

/// Everything that there is, marks apart.
nlohmann::json everything(const Namespace& space) {
    while (has_tentative_address(space)) {
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
    for (auto& [name, list] : all["addresses"].items())
        for (auto& address : list)
            for (const char* time : {"valid_life_time", "preferred_life_time"})
                address[time] =
                    (address.at(time).get<std::uint64_t>() + 99) / 100; // it counts down
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
    const std::string before = world::run(ours.space, {"ip", "link"}).out;
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
