// FRR's words: what the real 8.4.4 printed on one of three VTEPs with two VNIs, and the same as FRR
// 10 prints it.
#include "vxlanctl/run/frr.h"

#include "text_files.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using Strings = std::vector<std::string>;

namespace {

std::string recorded(const std::string& release) {
    return text_files::text_of(SOURCE_DIRECTORY "/tests/fuzz/seeds/frr/frr-" + release);
}

Evpn evpn_of(const std::string& printed) {
    return parse_evpn(frr_answers(printed));
}

Strings texts(const std::vector<EvpnVtep>& vteps) {
    Strings all;
    for (const auto& vtep : vteps)
        all.push_back(to_string(vtep.address) + (vtep.is_flooded ? "" : " not flooded"));
    return all;
}

/// What comes of one command's output.
Evpn answered(const std::string& command, const std::string& text) {
    return evpn_of("host# " + command + "\n" + text);
}

} // namespace

TEST_CASE("frr: what FRR 8.4 prints is understood") {
    const Evpn evpn = evpn_of(recorded("8.4"));
    CHECK(evpn.as == "65001");
    CHECK(evpn.advertises_all);
    CHECK(evpn.floods);
    REQUIRE(evpn.vnis.size() == 2);
    const EvpnVni& vni = evpn.vnis.at(100);
    CHECK(vni.interface == "vxlan100");
    CHECK_FALSE(vni.routes);
    CHECK(texts(vni.vteps) == Strings{"172.21.0.2", "172.21.0.3"});
    REQUIRE(evpn.sessions.size() == 2);
    CHECK(evpn.sessions[0] == EvpnSession{"172.21.0.2", "Established", true});
    CHECK(evpn.bgp_vnis.at(200).imports == Strings{"65001:200"});
    REQUIRE(evpn.flood_routes.size() == 6);
    CHECK(evpn.flood_routes[0].is_own);
    CHECK(evpn.flood_routes[0].targets == Strings{"65001:100"});
    CHECK(to_string(evpn.flood_routes[5].origin) == "172.21.0.3");
    CHECK(evpn.flood_routes[5].targets == Strings{"65001:200"});
    CHECK_FALSE(evpn.flood_routes[5].is_own);
}

TEST_CASE("frr: FRR 10 lists VTEPs as objects, and says whether they are flooded to") {
    Evpn evpn = evpn_of(recorded("10"));
    CHECK(texts(evpn.vnis.at(100).vteps) == Strings{"172.21.0.2", "172.21.0.3 not flooded"});
    CHECK(texts(evpn.vnis.at(200).vteps) == Strings{"172.21.0.2", "172.21.0.3"});
    // Else the two say the same.
    const Evpn before = evpn_of(recorded("8.4"));
    evpn.vnis = before.vnis;
    CHECK(evpn == before);
}

TEST_CASE("frr: a daemon that is missing, or has nothing to say, leaves the rest") {
    const Evpn no_bgp = evpn_of("vm# show evpn vni detail json\n[]\n"
                                "vm# show bgp l2vpn evpn summary json\n");
    CHECK(no_bgp == Evpn{});
    const Evpn no_instance =
        evpn_of("vm# show evpn vni detail json\n"
                "vm# show bgp l2vpn evpn summary json\n{}\n"
                "vm# show bgp l2vpn evpn vni json\n% BGP instance not found\n");
    CHECK(no_instance == Evpn{});
    CHECK(evpn_of("") == Evpn{});
    CHECK(frr_answers("Exiting: failed to connect to any daemons.\n").empty());
}

TEST_CASE("frr: sessions that are not established, AS numbers with a dot, layer 3 VNIs") {
    const auto summary = answered(
        "show bgp l2vpn evpn summary json",
        R"J({"as":"1.10","peers":{"eth0":{"state":"Active"},"192.0.2.1":{"state":"Idle (Admin)"}}})J");
    CHECK(summary.as == "1.10");
    REQUIRE(summary.sessions.size() == 2);
    CHECK(summary.sessions[1] == EvpnSession{"eth0", "Active", false});
    // It is put into a command.
    CHECK(answered("show bgp l2vpn evpn summary json", R"({"as":"1 -c reboot"})").as.empty());
    const auto routes = answered("show evpn vni detail json",
                                 R"([{"vni":4001,"type":"L3","vxlanIntf":"vxlan4001"}])");
    CHECK(routes.vnis.at(4001).routes);
    CHECK(routes.vnis.at(4001).interface == "vxlan4001");
    const auto off = answered("show bgp l2vpn evpn vni json",
                              R"({"advertiseAllVnis":"Disabled","flooding":"Disabled"})");
    CHECK_FALSE(off.advertises_all);
    CHECK_FALSE(off.floods);
}

TEST_CASE("frr: JSON of any other form is nothing, and no reason to end") {
    for (const char* text :
         {"", "null", "7", "\"text\"", "[", "[[[[", "{\"a\":", "[null,7,\"x\",[],{}]",
          R"({"peers":[]})", R"({"peers":{"a":7}})", R"([{"vni":-1},{"vni":16777216},{"vni":1.5}])",
          R"([{"vni":10,"numRemoteVteps":[7,null,"x",{"ip":7},{"flood":"HER"}]}])",
          R"({"1:2":{"[3]":{"paths":[7,[7,{"routeType":3,"ip":7}]]}}})",
          R"({"1:2":{"[3]":{"paths":[[{"routeType":3,"ip":"::1","extendedCommunity":7}]]}}})",
          R"({"10":{"vni":10,"importRTs":[7,{}]}})", "\xff\xfe\0"}) {
        INFO(text);
        for (const auto& command : frr_commands()) {
            const Evpn evpn = answered(command, text);
            for (const auto& [vni, known] : evpn.vnis)
                CHECK(known.vteps.empty());
        }
    }
    CHECK(answered("show evpn vni detail json", std::string(100000, '[')) == Evpn{});
}

TEST_CASE("frr: the sockets of a network namespace say where its zebra is") {
    const std::string sockets =
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "000000004ce62b18: 00000002 00000000 00010000 0001 01 39340 /run/frr/h1/zserv.api\n"
        "00000000f898516f: 00000002 00000000 00010000 0001 01 39346 /run/frr/h1/zebra.vty\n"
        "00000000f8985170: 00000003 00000000 00000000 0001 03 39347 /run/frr/h9/zebra.vty\n"
        "00000000a4cce492: 00000002 00000000 00010000 0001 01 37601 /run/frr/zebra.vty\n"
        "00000000df9e2947: 00000003 00000000 00000000 0001 03 39348\n"
        "00000000df9e2948: 00000002 00000000 00010000 0001 01 39349 @/abstract/zebra.vty\n";
    CHECK(frr_directories(sockets) == Strings{"/run/frr", "/run/frr/h1"});
    CHECK(frr_directories("").empty());
    CHECK(frr_directories("\n\n /zebra.vty").empty());
}
