// When a peer was last heard, as far as the kernel's two times tell.
#include "vxlanctl/model/activity.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace vxlanctl;
using std::chrono::seconds;

namespace {

constexpr FdbClock old_kernel = FdbClock::of_any_use, new_kernel = FdbClock::of_reception;

MacEntry entry_of(const char* peer, std::uint8_t last, std::optional<FdbTimes> times) {
    MacEntry entry;
    entry.mac.bytes = {2, 0, 0, 0, 0, last};
    entry.remote.dst = parse_address(peer).value();
    entry.times = times;
    return entry;
}

/// Of the peer that all of them are behind.
Activity activity_of(const std::vector<MacEntry>& entries, FdbClock clock) {
    Link link;
    link.macs = entries;
    const auto all = peer_activity(link, clock);
    REQUIRE(all.size() == 1);
    CHECK(all[0].macs == entries.size());
    return all[0].activity;
}

} // namespace

TEST_CASE("activity: which kernel tells when a packet was received") {
    for (const char* release :
         {"6.15.0", "6.15", "6.15-rc1", "6.18.44-vm", "6.100.1", "7.0.0", "10.2"}) {
        INFO(release);
        CHECK(fdb_clock_of(release) == new_kernel);
    }
    for (const char* release :
         {"6.14.11", "6.1.0-31-amd64", "5.15.0-200-generic", "5.14.0-570.el9.x86_64", "4.18", "6",
          "6.", "6.x", "", "seven", "2.6.75", "-7.1", "99999999999.1"}) {
        INFO(release);
        CHECK(fdb_clock_of(release) == old_kernel);
    }
}

TEST_CASE("activity: a new kernel tells when the peer was heard, and when later sent to") {
    CHECK(activity_of(FdbTimes{250, 12000}, new_kernel) ==
          Activity{seconds(120), seconds(2), seconds(2)});
    // Learning sets both times, so nothing need have been sent.
    CHECK(activity_of(FdbTimes{12000, 250}, new_kernel) == Activity{seconds(2), {}, seconds(2)});
    CHECK(activity_of(FdbTimes{250, 250}, new_kernel) == Activity{seconds(2), {}, seconds(2)});
}

TEST_CASE("activity: an old kernel tells what was heard only while nothing more happened") {
    // Heard two minutes ago, and sent or heard since.
    CHECK(activity_of(FdbTimes{250, 12000}, old_kernel) == Activity{{}, {}, seconds(2)});
    // Learned, and then no more packet.
    CHECK(activity_of(FdbTimes{250, 250}, old_kernel) == Activity{seconds(2), {}, seconds(2)});
    // More than once within the second that it was learned in.
    CHECK(activity_of(FdbTimes{201, 299}, old_kernel) == Activity{seconds(2), {}, seconds(2)});
    // A kernel that has the change and a low number.
    CHECK(activity_of(FdbTimes{12000, 250}, old_kernel) == Activity{seconds(2), {}, seconds(2)});
}

TEST_CASE("activity: a peer was heard when the last of its MACs was") {
    const char* const peer = "100.64.158.4";
    CHECK(activity_of(
              {entry_of(peer, 1, FdbTimes{500, 9000}), entry_of(peer, 2, FdbTimes{3000, 3000})},
              new_kernel) == Activity{seconds(30), seconds(5), seconds(5)});
    // Whether another packet was sent after this one is not known.
    CHECK(
        activity_of({entry_of(peer, 1, FdbTimes{500, 9000}), entry_of(peer, 2, FdbTimes{400, 300})},
                    new_kernel) == Activity{seconds(3), {}, seconds(3)});
    // The second one was heard 30 s ago; the first one perhaps 5 s ago.
    CHECK(activity_of(
              {entry_of(peer, 1, FdbTimes{500, 9000}), entry_of(peer, 2, FdbTimes{3000, 3000})},
              old_kernel) == Activity{{}, {}, seconds(5)});
    // Whatever happened on the first one was before the second one was heard.
    CHECK(
        activity_of({entry_of(peer, 1, FdbTimes{500, 9000}), entry_of(peer, 2, FdbTimes{100, 100})},
                    old_kernel) == Activity{seconds(1), {}, seconds(1)});
    CHECK(activity_of({entry_of(peer, 1, FdbTimes{500, 9000}), entry_of(peer, 2, std::nullopt)},
                      new_kernel) == Activity{});
}

TEST_CASE(
    "activity: peers that nothing was learned behind are told, and what was set says nothing") {
    Link link;
    link.flood_list = {{parse_address("100.64.158.4").value(), {}, {}, ""},
                       {parse_address("100.64.158.4").value(), 4790, {}, ""},
                       {parse_address("100.64.158.132").value(), {}, {}, ""}};
    REQUIRE(std::is_sorted(link.flood_list.begin(), link.flood_list.end()));
    MacEntry pin = entry_of("100.64.158.4", 1, FdbTimes{10, 10});
    pin.origin = FdbOrigin::pinned;
    link.macs = {pin, entry_of("100.64.158.9", 2, FdbTimes{700, 700})};
    const auto all = peer_activity(link, new_kernel);
    REQUIRE(all.size() == 3);
    CHECK(all[0] == PeerActivity{parse_address("100.64.158.4").value(), {}, 0});
    CHECK(all[1] ==
          PeerActivity{parse_address("100.64.158.9").value(), {seconds(7), {}, seconds(7)}, 1});
    CHECK(all[2] == PeerActivity{parse_address("100.64.158.132").value(), {}, 0});
}

TEST_CASE("activity: an entry is the same one when time has passed") {
    const auto now = entry_of("100.64.158.4", 1, FdbTimes{0, 0}),
               later = entry_of("100.64.158.4", 1, FdbTimes{500, 700}),
               other = entry_of("100.64.158.4", 2, FdbTimes{0, 0});
    CHECK(now == later);
    CHECK_FALSE(now < later);
    CHECK_FALSE(later < now);
    CHECK(now != other);
    CHECK(now < other);
}
