#include "vxlanctl/model/link_attributes.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace vxlanctl;

namespace {

std::string reread(const char* text) {
    const auto vlans = parse_vlans(text);
    return vlans ? to_string(*vlans) : "refused";
}

} // namespace

TEST_CASE("VLANs: read as people write them, and written in one form") {
    CHECK(reread("none") == "none");
    CHECK(reread("20") == "20");
    CHECK(reread("30-40, 20") == "20,30-40");
    CHECK(reread("20,21,22") == "20-22");
    CHECK(reread("20,21 untagged,22") == "20,21 untagged,22");
    CHECK(reread("1-4094") == "1-4094");
    for (const char* wrong : {"0", "4095", "20,", ",20", "20-", "30-20", "x", "020", "20 tagged",
                              "20,20", "10-30,20", "untagged", "-1", "20 21"}) {
        INFO(wrong);
        CHECK(reread(wrong) == "refused");
    }
}

TEST_CASE("VLANs: lists are sets, whatever ranges they were made of") {
    const unsigned seed = std::random_device()();
    INFO(seed);
    std::mt19937 random(seed);
    const auto vlan = [&] { return std::uniform_int_distribution<unsigned>(1, 4094)(random); };
    for (int round = 0; round < 200; ++round) {
        std::vector<VlanRange> ranges;
        std::map<unsigned, bool> members; // untagged?
        for (int i = 0; i < 20; ++i) {
            const auto first = vlan(), last = std::min(4094U, first + vlan() % 50);
            const bool untagged = vlan() % 2 == 0;
            ranges.push_back(
                {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last), untagged});
            for (auto id = first; id <= last; ++id)
                members[id] = untagged;
        }
        const VlanList list = vlan_list(ranges);
        CHECK(parse_vlans(to_string(list)).value() == list);
        const auto one = static_cast<std::uint16_t>(vlan());
        const VlanList beyond = vlans_beyond(list, one), less = without_vlan(list, one);
        for (unsigned id = 1; id <= 4094; ++id) {
            const auto number = static_cast<std::uint16_t>(id);
            const bool is_member = members.contains(id);
            if (contains_vlan(list, number) != is_member ||
                contains_vlan(beyond, number) != (!is_member && number != one) ||
                contains_vlan(less, number) != (is_member && number != one))
                FAIL(id);
        }
        for (std::size_t i = 1; i < list.ranges.size(); ++i) {
            const auto &before = list.ranges[i - 1], &after = list.ranges[i];
            CHECK(before.last < after.first);
            CHECK((before.last + 1 < after.first || before.untagged != after.untagged));
        }
    }
}
