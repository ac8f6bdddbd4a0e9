// The table of peers that `show` prints, and where it breaks lines.
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/cli/columns.h"
#include "vxlanctl/cli/tunnel_view.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

using namespace vxlanctl;

namespace {

const std::vector<Column> columns{{"PEER"}, {"NAME"}, {"LEARNED", true}, {"LAST HEARD"}};
const OutputStyle plain;

std::size_t widest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);)
        widest = std::max(widest, display_width(line));
    return widest;
}

MacEntry learned(const char* peer, std::uint8_t last, FdbTimes times) {
    MacEntry entry;
    entry.mac.bytes = {2, 0, 0, 0, 0, last};
    entry.remote.dst = parse_address(peer).value();
    entry.times = times;
    return entry;
}

FloodEntry peer(const char* address) {
    return {parse_address(address).value(), {}, {}, ""};
}

/// A VXLAN of two peers, the first of which was heard three seconds ago.
Link tunnel() {
    Link link;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.attributes.up = true;
    link.attributes.mtu = 8951;
    link.tunnel.kind = TunnelKind::vxlan;
    link.tunnel.vni = 10;
    link.tunnel.port = 4789;
    link.tunnel.dev = "eth0";
    link.tunnel.local = parse_address("172.21.0.100").value();
    link.tunnel.learning = true;
    link.flood_list = {peer("100.64.158.4"), peer("100.64.158.132")};
    link.macs = {learned("100.64.158.4", 1, {100, 300}), learned("100.64.158.4", 2, {9000, 9000})};
    return link;
}

/// From the line of titles on, without the problems.
std::string peers_of(const Link& link, FdbClock clock, const OutputStyle& style = {}) {
    State state;
    state.fdb_clock = clock;
    state.links.push_back(link);
    const std::string text = text_of(view_of(state.links[0], state), style);
    const auto table = text.find("  PEER");
    REQUIRE(table != std::string::npos);
    return text.substr(table, text.find("  problem") - table);
}

} // namespace

TEST_CASE("table: columns that are empty are left out, and numbers are at the right") {
    CHECK(
        table_text(columns,
                   {{{"100.64.158.4", "", "3", "3 s"}, ""}, {{"100.64.158.132", "", "12", ""}, ""}},
                   plain) == "  PEER            LEARNED  LAST HEARD\n"
                             "  100.64.158.4          3  3 s\n"
                             "  100.64.158.132       12  -\n");
    CHECK(table_text(columns, {}, plain).empty());
    CHECK(table_text(columns,
                     {{{"100.64.158.4", "東京", "3", ""}, ""},
                      {{"100.64.158.5", "osaka", "3", ""}, "learned 02:00:00:00:00:01"}},
                     plain) == "  PEER          NAME   LEARNED\n"
                               "  100.64.158.4  東京         3\n"
                               "  100.64.158.5  osaka        3\n"
                               "    learned 02:00:00:00:00:01\n");
}

TEST_CASE("table: what is too wide for the others has a line of its own") {
    const std::string address = "2001:db8:1234:5678:9abc:def0:1234:5678 port 4790 via eth0";
    const std::string text = table_text(columns,
                                        {{{address, "a name of several words", "3", "59 min"}, ""},
                                         {{"100.64.158.4", "b", "3", "3 s"}, ""}},
                                        plain);
    CHECK(text == "  PEER          NAME  LEARNED  LAST HEARD\n"
                  "  " +
                      address +
                      "\n"
                      "    a name of several words\n"
                      "                            3  59 min\n"
                      "  100.64.158.4  b           3  3 s\n");
    CHECK(widest_line(table_text(
              columns, {{{address + " vni 16777215 via abcdefghijklmno", "b", "3", "3 s"}, ""}},
              plain)) <= 80);
    CHECK(widest_line(table_text(columns,
                                 {{{"100.64.158.4", std::string(63, 'n'), "3", "3 s"},
                                   "learned 02:00:00:00:00:01 02:00:00:00:00:02 "
                                   "02:00:00:00:00:03 02:00:00:00:00:04"}},
                                 plain)) <= 80);
}

TEST_CASE("show: a table of peers") {
    CHECK(peers_of(tunnel(), FdbClock::of_reception) == "  PEER            LEARNED  LAST HEARD\n"
                                                        "  100.64.158.4          2  3 s\n"
                                                        "  100.64.158.132        0  -\n");
    CHECK(peers_of(tunnel(), FdbClock::of_reception, {false, false, false, true}) ==
          "  PEER            LEARNED  LAST HEARD\n"
          "  100.64.158.4          2  3 s\n"
          "    learned 02:00:00:00:00:01 02:00:00:00:00:02\n"
          "  100.64.158.132        0  -\n");
}

TEST_CASE("show: an old kernel does not tell what was heard from what was sent") {
    CHECK(peers_of(tunnel(), FdbClock::of_any_use) ==
          "  PEER            LEARNED  LAST HEARD\n"
          "  100.64.158.4          2  1 s*\n"
          "  100.64.158.132        0  -\n"
          "  * heard or sent to: before Linux 6.15 the kernel does not tell the two apart\n");
}

TEST_CASE("show: without learning nothing is missing where nothing was learned") {
    Link link = tunnel();
    link.macs.clear();
    link.tunnel.learning = false;
    CHECK(peers_of(link, FdbClock::of_reception) == "  PEER\n"
                                                    "  100.64.158.4\n"
                                                    "  100.64.158.132\n");
    link.macs = {learned("100.64.158.4", 1, {100, 300})};
    link.macs[0].origin = FdbOrigin::pinned;
    CHECK(peers_of(link, FdbClock::of_reception) == "  PEER            PINNED\n"
                                                    "  100.64.158.4         1\n"
                                                    "  100.64.158.132       -\n");
}

TEST_CASE("show: of many peers and strangers the first ones, and all of them when asked") {
    Link link = tunnel();
    link.flood_list.clear();
    link.macs.clear();
    for (std::uint8_t i = 1; i <= 30; ++i) {
        auto entry = peer("100.64.158.0");
        entry.dst.bytes[3] = i;
        link.flood_list.push_back(entry);
        link.macs.push_back(learned("2001:db8:1234:5678:9abc:def0:1234:5678", i, {0, 0}));
    }
    const std::string text = peers_of(link, FdbClock::of_reception);
    CHECK(text.find("100.64.158.20 ") != std::string::npos);
    CHECK(text.find("100.64.158.21 ") == std::string::npos);
    CHECK(text.find("  and 10 more peers (see --verbose)\n") != std::string::npos);
    CHECK(text.find("02:00:00:00:00:14 at") != std::string::npos);
    CHECK(text.find("02:00:00:00:00:15 at") == std::string::npos);
    CHECK(text.find("  and 10 more MAC addresses elsewhere (see --verbose)\n") !=
          std::string::npos);
    CHECK(widest_line(text) <= 80);
    const std::string all = peers_of(link, FdbClock::of_reception, {false, false, false, true});
    CHECK(all.find("100.64.158.30 ") != std::string::npos);
    CHECK(all.find("02:00:00:00:00:1e at") != std::string::npos);
    CHECK(all.find("see --verbose") == std::string::npos);
}
