// FRR's remote VTEPs against the kernel's flood list.
#include "vxlanctl/doctor/evpn.h"

#include "told.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/facts.h"
#include "vxlanctl/plan/ownership.h"

#include <catch2/catch.hpp>
#include <linux/neighbour.h>

using namespace vxlanctl;
using Strings = std::vector<std::string>;

namespace {

IpAddress ip(const char* text) {
    return parse_address(text).value();
}

FloodEntry entry(const char* address) {
    return {ip(address), {}, {}, ""};
}

/// vxlan100 in br100, which FRR and the kernel agree about.
struct Agreement {
    Facts facts;
    Agreement() {
        Link bridge, link;
        bridge.index = 3;
        bridge.name = "br100";
        bridge.kind = "bridge";
        bridge.attributes.up = bridge.carrier = true;
        link.index = 4;
        link.name = "vxlan100";
        link.kind = "vxlan";
        link.attributes.up = link.carrier = true;
        link.attributes.master = "br100";
        link.tunnel.vni = 100;
        link.tunnel.port = 4789;
        link.tunnel.learning = false;
        link.tunnel.local = ip("172.21.0.1");
        link.flood_list = {entry("172.21.0.2"), entry("172.21.0.3")};
        link.attributes.bridge_learning = false;
        link.attributes.bridge_neigh_suppress = true;
        facts.state.links.push_back(bridge);
        facts.state.links.push_back(link);
        facts.tunnels.emplace_back().name = "vxlan100";
        facts.control_plane.presence = ControlPlane::Presence::known;
        Evpn& evpn = facts.control_plane.evpn;
        evpn.as = "65001";
        evpn.advertises_all = true;
        evpn.vnis[100] = {"vxlan100", false, {{ip("172.21.0.2")}, {ip("172.21.0.3")}}};
        evpn.bgp_vnis[100] = {{"65001:100"}};
        evpn.sessions = {{"172.21.0.254", "Established", true}};
        evpn.flood_routes = {{ip("172.21.0.1"), {"65001:100"}, true},
                             {ip("172.21.0.2"), {"65001:100"}, false},
                             {ip("172.21.0.3"), {"65001:100"}, false},
                             {ip("172.21.0.9"), {"65001:200"}, false}};
    }
    Evpn& evpn() { return facts.control_plane.evpn; }
    Link& link() { return *facts.state.links.find("vxlan100"); }

    Finding finding() const {
        for (const auto& one : findings(facts))
            if (one.check == "evpn") return one;
        return {};
    }
    /// `fail code {values}; …`
    std::string found() const {
        const Finding one = finding();
        if (one.messages.empty()) return "";
        std::string text = one.verdict == Verdict::pass   ? "pass"
                           : one.verdict == Verdict::warn ? "warn"
                                                          : "fail";
        for (const auto& message : one.messages) {
            (void)told(message); // whether the row has all values
            text += " " + code_word(message.code);
        }
        return text;
    }
};

} // namespace

TEST_CASE("evpn: FRR and the kernel agree") {
    Agreement it;
    CHECK(it.found() == "pass evpn-agrees");
    const auto is = compare(it.evpn(), it.link(), nullptr);
    CHECK(is.routes == 2); // neither our own, nor those of another VNI
    CHECK(is.sessions_up == 1);
    CHECK(problems(it.link(), it.facts.state, it.facts.control_plane).empty());
}

TEST_CASE("evpn: a VTEP that FRR lists and the kernel lacks is named with the entry to append") {
    Agreement it;
    it.link().flood_list = {entry("172.21.0.3")};
    CHECK(it.found() == "fail evpn-vtep-missing");
    CHECK(it.finding().messages[0].value("vteps") == "172.21.0.2");
    CHECK(it.finding().remedy.command() ==
          "bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst 172.21.0.2");
    CHECK(problems(it.link(), it.facts.state, it.facts.control_plane).size() == 1);
    // Which is what somebody wanted.
    it.evpn().floods = false;
    it.link().flood_list.clear();
    CHECK(it.found() == "pass evpn-agrees");
}

TEST_CASE("evpn: a next-hop group in the flood list's place has its members' VTEPs") {
    Agreement it;
    it.link().flood_list = {entry("172.21.0.3")};
    OpaqueEntry group;
    group.group = 7;
    group.members = {ip("172.21.0.2")};
    it.link().opaque = {group};
    CHECK(it.found() == "pass evpn-agrees");
}

TEST_CASE("evpn: an entry that FRR does not list is named, unless we have recorded it as a peer") {
    Agreement it;
    it.link().flood_list.push_back(entry("172.21.0.9"));
    CHECK(it.found() == "warn evpn-vtep-unknown");
    CHECK(it.finding().remedy.command() ==
          "bridge fdb del 00:00:00:00:00:00 dev vxlan100 dst 172.21.0.9");
    Record record;
    record.peers = peers_text({entry("172.21.0.9")});
    CHECK(compare(it.evpn(), it.link(), &record).unknown.empty());
}

TEST_CASE("evpn: routes that came and made no remote VTEP are named") {
    Agreement it;
    it.evpn().flood_routes.push_back({ip("172.21.0.4"), {"65002:100"}, false}); // eBGP
    CHECK(it.found() == "fail evpn-route-not-taken");
    CHECK(it.finding().messages[0].value("vteps") == "172.21.0.4");
    it.evpn().flood_routes.back().targets = {"65002:268435556"}; // RFC 8365 section 5.1.2.1
    CHECK(it.found() == "fail evpn-route-not-taken");
    it.evpn().flood_routes.back().targets = {"65001:7777"};
    CHECK(it.found() == "pass evpn-agrees");
    it.evpn().bgp_vnis[100].imports = {"65001:7777"};
    CHECK(it.found() == "fail evpn-route-not-taken");
}

TEST_CASE("evpn: sessions that are down") {
    Agreement it;
    it.evpn().sessions.push_back({"172.21.0.253", "Active", false});
    CHECK(it.found() == "warn evpn-session-down");
    CHECK(it.finding().messages[0].value("sessions") == "172.21.0.253 (Active)");
    it.evpn().sessions.erase(it.evpn().sessions.begin());
    CHECK(it.found() == "fail evpn-session-down");
    it.evpn().sessions.clear();
    CHECK(it.found() == "fail evpn-no-session");
}

TEST_CASE("evpn: no VTEP and no route of another one is a warning") {
    Agreement it;
    it.evpn().vnis[100].vteps.clear();
    it.evpn().flood_routes.resize(1);
    it.link().flood_list.clear();
    CHECK(it.found() == "warn evpn-no-routes");
}

TEST_CASE("evpn: why FRR does not know the VNI") {
    Agreement it;
    it.link().flood_list.clear();
    it.link().tunnel.external = false;
    MacEntry pin; // what shows that another program runs it
    pin.origin = FdbOrigin::pinned;
    pin.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
    it.link().macs = {pin};
    it.evpn().vnis[100].interface = "vxlan7";
    CHECK(it.found() == "fail evpn-vni-elsewhere");
    it.evpn().vnis.clear();
    CHECK(it.found() == "fail evpn-vni-unknown");
    it.evpn().advertises_all = false;
    CHECK(it.found() == "fail evpn-not-advertised");
    CHECK(it.finding().remedy.command() ==
          "vtysh -c 'configure terminal' -c 'router bgp 65001' -c 'address-family l2vpn evpn' -c "
          "'advertise-all-vni'");
    it.facts.control_plane.directory = "/run/frr/red";
    CHECK(it.finding().remedy.command().starts_with("vtysh --vty_socket /run/frr/red -c "));
    it.evpn().as.clear();
    CHECK(it.found() == "fail evpn-no-bgp");
}

TEST_CASE("evpn: an interface that learns, or is in no bridge") {
    Agreement it;
    it.link().tunnel.learning = true;
    CHECK(it.found() == "warn evpn-learns");
    CHECK(it.finding().remedy.command() == "ip link set dev vxlan100 type vxlan nolearning");
    it.link().tunnel.learning = false;
    it.link().attributes.bridge_learning = true;
    CHECK(it.found() == "warn evpn-port-learns");
    CHECK(it.finding().remedy.command() == "bridge link set dev vxlan100 learning off");
    it.link().attributes.master = "";
    CHECK(it.found() == "fail evpn-not-in-bridge");
}

TEST_CASE("evpn: without FRR nothing is compared, and it says so only where it would matter") {
    Agreement it;
    it.facts.control_plane = {};
    it.facts.control_plane.presence = ControlPlane::Presence::none;
    CHECK(it.found() == "pass evpn-skipped"); // a permanent list, and no learning
    it.facts.control_plane.presence = ControlPlane::Presence::unknown;
    it.facts.control_plane.obstacle = Error(Code::vtysh_missing);
    CHECK(it.found() == "warn evpn-skipped");
    it.link().tunnel.learning = true;
    CHECK(it.found().empty());
}

TEST_CASE("evpn: another program's interface beside FRR is none of FRR's") {
    Agreement it;
    Link& flannel = it.link(); // which pins MAC addresses, learns none, and is in no bridge
    flannel.attributes.master = "";
    flannel.tunnel.vni = 1;
    MacEntry pin;
    pin.origin = FdbOrigin::pinned;
    pin.mac.bytes[0] = 2;
    flannel.macs = {pin};
    REQUIRE_FALSE(signs_of_another_program(flannel, it.facts.state).empty());
    CHECK(it.found().empty());
    CHECK_FALSE(is_of_control_plane(flannel, it.facts.state, it.facts.control_plane));
    flannel.attributes.master = "br100"; // as FRR wants its own
    CHECK(it.found() == "fail evpn-vni-unknown");
}

TEST_CASE("vrrp: who speaks it is known by its multicast group") {
    const char* igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
                       "1\tlo        :     1      V3\n"
                       "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
                       "3\tbr100     :     2      V3\n"
                       "\t\t\t\t120000E0     1 0:00000000\t\t0\n"
                       "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
                       "4\tbr100.7   :     2      V3\n"
                       "\t\t\t\tE0000012     1 0:00000000\t\t0\n";
    CHECK(interfaces_with_vrrp(igmp) == Strings{"br100", "br100.7"});
    const char* vmac = "5\tvrrp.51   :     1      V3\n"; // vmac_xmit_base speaks on br100
    CHECK(interfaces_with_vrrp(std::string(igmp) + vmac).empty());
    CHECK(interfaces_with_vrrp("").empty());
    CHECK(interfaces_with_vrrp("\t120000E0\nx\n\n7\t").empty());
}

TEST_CASE("vrrp: on a bridge whose port suppresses gratuitous ARP it is a warning") {
    Agreement it;
    const auto bridge_codes = [&] {
        for (const auto& one : findings(it.facts))
            if (one.check == "bridge") return code_word(one.messages.at(0).code);
        return std::string();
    };
    CHECK(bridge_codes() == "bridge-port-forwards");
    for (const char* interface : {"br100", "br100.7"}) {
        it.facts.vrrp = {interface};
        CHECK(bridge_codes() == "bridge-vrrp-suppressed");
    }
    it.facts.vrrp = {"vrrp.51", "br1000"}; // use_vmac, and another bridge
    CHECK(bridge_codes() == "bridge-port-forwards");
    it.facts.vrrp = {"br100"};
    it.link().attributes.bridge_neigh_suppress = false;
    CHECK(bridge_codes() == "bridge-port-forwards");
}
