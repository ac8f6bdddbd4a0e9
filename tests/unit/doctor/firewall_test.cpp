#include "told.h"
#include "vxlanctl/doctor/firewall.h"
#include "vxlanctl/model/ruleset.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <set>

using namespace vxlanctl;

namespace {

IpAddress address(const char* text) {
    return parse_address(text).value();
}

Link vxlan_link(const char* name = "vxlan0", const char* local = "172.21.0.100") {
    Link link;
    link.name = name;
    link.kind = "vxlan";
    link.attributes.mtu = 1450;
    link.tunnel.vni = 10;
    link.tunnel.port = 4789;
    link.tunnel.local = address(local);
    return link;
}

void add_peer(Link& link, const char* dst) {
    link.flood_list.push_back({address(dst), std::nullopt, std::nullopt, ""});
}

void add_mac(Link& link, const char* dst, FdbOrigin origin) {
    link.macs.push_back({MacAddress{{2}}, {address(dst), {}, {}, ""}, 0, 0, origin});
}

Link sit_link(const char* name, const char* local) {
    Link link;
    link.name = name;
    link.kind = "sit";
    link.attributes.mtu = 1480;
    link.tunnel.kind = TunnelKind::sit;
    link.tunnel.local = address(local);
    link.tunnel.isatap = false;
    link.tunnel.proto = IPPROTO_IPV6;
    return link;
}

Link isatap_link() {
    Link link = sit_link("sit1", "10.216.0.101");
    link.tunnel.isatap = true;
    link.routers = {{address("192.168.103.254"), true}};
    return link;
}

std::string text(const Link& link, const FirewallWish& wish = {}, const State& state = {}) {
    return firewall_of(link, state, wish).value().text;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string error_of(const Link& link, const FirewallWish& wish = {}) {
    const auto firewall = firewall_of(link, {}, wish);
    return firewall ? "none" : told(firewall.error());
}

} // namespace

TEST_CASE("firewall: everything, exactly") {
    Link link = vxlan_link();
    add_peer(link, "100.64.158.4");
    add_peer(link, "100.64.158.132");
    FirewallWish wish{"eth0", true, true, {{IPPROTO_TCP, 22, 22}, {IPPROTO_UDP, 5000, 5010}}};
    wish.services.push_back(parse_service("ipip6").value());
    CHECK(text(link, wish) ==
          R"(# Rules for vxlan0, for 'nft -f -'. Loaded once more, they replace this one table.
table inet vxlanctl_vxlan0
delete table inet vxlanctl_vxlan0
table inet vxlanctl_vxlan0 {
	# Who may send into the tunnel.
	set peers {
		type ipv4_addr
		elements = { 100.64.158.4,
			     100.64.158.132 }
	}

	# Whoever reaches UDP port 4789 could send frames into the tunnel: the kernel compares
	# neither their source nor their destination address. @th,96,24 is the VNI.
	chain outside {
		type filter hook input priority -10; policy accept;
		udp dport 4789 @th,96,24 10 ip saddr != @peers counter drop
	}

	# What is forwarded from the tunnel to eth0 gets this host's address there. Before Linux 5.7
	# this matches nothing.
	chain masqueraded {
		type nat hook postrouting priority 100; policy accept;
		iifname "vxlan0" oifname "eth0" masquerade
	}

	# TCP connections of hosts behind this one send nothing that does not fit into the tunnel's
	# MTU of 1450. The kernel only ever makes the value smaller.
	chain clamp_mss {
		type filter hook forward priority -150; policy accept;
		iifname "vxlan0" meta nfproto ipv4 tcp flags & (syn | rst) == syn tcp option maxseg size set 1410
		oifname "vxlan0" meta nfproto ipv4 tcp flags & (syn | rst) == syn tcp option maxseg size set 1410
		iifname "vxlan0" meta nfproto ipv6 tcp flags & (syn | rst) == syn tcp option maxseg size set 1390
		oifname "vxlan0" meta nfproto ipv6 tcp flags & (syn | rst) == syn tcp option maxseg size set 1390
	}

	# What comes out of the tunnel to this host itself. The security groups of a cloud do not
	# see it.
	chain inside {
		type filter hook input priority -5; policy accept;
		iifname != "vxlan0" accept
		ct state established,related accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
		udp dport 5000-5010 accept
		meta l4proto 4 accept
		counter drop
	}
}
)");
}

TEST_CASE("firewall: what is counted is the own VNI's, to whatever port and VNI a peer has") {
    Link link = vxlan_link();
    add_peer(link, "100.64.158.4");
    link.flood_list.push_back({address("100.64.158.132"), 4790, {}, ""});
    link.flood_list.push_back({address("100.64.158.133"), {}, 12, ""});
    FirewallWish wish;
    wish.count = true;
    CHECK(has(text(link, wish), R"(
	# What comes from each peer and goes to it, for 'vxlanctl show'. Other tables' rules come
	# first.
	set received {
		type ipv4_addr
		size 65535
		flags dynamic
	}

	set sent {
		type ipv4_addr
		size 65535
		flags dynamic
	}

	chain count_received {
		type filter hook input priority 300; policy accept;
		udp dport 4789 @th,96,24 10 ip saddr @peers update @received { ip saddr counter }
	}

	chain count_sent {
		type filter hook output priority 300; policy accept;
		udp dport 4789 @th,96,24 10 ip daddr @peers update @sent { ip daddr counter }
		udp dport 4789 @th,96,24 12 ip daddr @peers update @sent { ip daddr counter }
		udp dport 4790 @th,96,24 10 ip daddr @peers update @sent { ip daddr counter }
	}
}
)"));
    CHECK_FALSE(has(text(link), "counter }"));

    Link over_ipv6 = vxlan_link("vxlan6", "2001:db8::1");
    add_peer(over_ipv6, "2001:db8::2");
    const std::string rules = text(over_ipv6, wish);
    CHECK(has(rules, "\tset sent {\n\t\ttype ipv6_addr\n"));
    CHECK(has(rules, "ip6 saddr @peers update @received { ip6 saddr counter }\n"));
}

TEST_CASE("firewall: what cannot be counted by peer is a warning") {
    FirewallWish wish;
    wish.count = true;
    Link group = vxlan_link();
    group.tunnel.remote = address("239.1.1.1");
    for (const Link& link : {group, isatap_link()}) {
        const auto firewall = firewall_of(link, {}, wish).value();
        CHECK_FALSE(has(firewall.text, "update @"));
        CHECK(has(firewall.text, "# Packets are not counted by peer: "));
        REQUIRE_FALSE(firewall.warnings.empty());
        CHECK(firewall.warnings.back().code == Code::peers_not_counted);
    }
}

TEST_CASE("firewall: without options it is the list of the peers alone") {
    const std::string rules = text(vxlan_link());
    for (const char* chain : {"chain masqueraded", "chain clamp_mss", "chain inside", "ct state"})
        CHECK_FALSE(has(rules, chain));
}

TEST_CASE("firewall: peers are whoever the tunnel sends to, and nobody whom it learned of") {
    Link link = vxlan_link();
    link.tunnel.remote = address("192.0.2.9");
    add_mac(link, "192.0.2.7", FdbOrigin::pinned);
    add_mac(link, "192.0.2.8", FdbOrigin::external);
    add_mac(link, "203.0.113.66", FdbOrigin::learned);
    CHECK(has(text(link), "{ 192.0.2.7,\n\t\t\t     192.0.2.8,\n\t\t\t     192.0.2.9 }"));
    CHECK_FALSE(has(text(link), "203.0.113.66"));
}

TEST_CASE("firewall: the members of a next-hop group may send, or there is no list") {
    Link link = vxlan_link();
    add_peer(link, "192.0.2.7");
    OpaqueEntry entry;
    entry.group = 10;
    link.opaque = {entry};
    CHECK(error_of(link) == "vxlan0: group-members-unknown {group=10}");
    link.opaque[0].members = {address("192.0.2.8"), address("192.0.2.9")};
    CHECK(has(text(link), "{ 192.0.2.7,\n\t\t\t     192.0.2.8,\n\t\t\t     192.0.2.9 }"));
}

TEST_CASE("firewall: without peers nobody may send") {
    const std::string rules = text(vxlan_link());
    CHECK(has(rules, "It has no other end, so nobody may."));
    CHECK(has(rules, "type ipv4_addr\n\t}"));
    CHECK(has(rules, "udp dport 4789 @th,96,24 10 ip saddr != @peers counter drop"));
}

TEST_CASE("firewall: over IPv6, where a fragment may be too short for a VNI") {
    Link link = vxlan_link("vxlan6", "2001:db8::1");
    add_peer(link, "2001:db8::2");
    const std::string rules = text(link);
    CHECK(has(rules, "type ipv6_addr\n\t\telements = { 2001:db8::2 }"));
    CHECK(has(rules, "udp dport 4789 ip6 saddr != @peers jump fragments\n"
                     "\t\tudp dport 4789 @th,96,24 10 ip6 saddr != @peers counter drop"));
    CHECK(has(rules, "@th,96,24 0-0xffffff return\n\t\tcounter drop"));
}

TEST_CASE("firewall: where the other ends cannot be known there is a warning and no list") {
    Link group = vxlan_link(), external = vxlan_link(), elsewhere = vxlan_link();
    group.tunnel.remote = address("239.1.1.1");
    external.tunnel.external = true;
    elsewhere.underlay_elsewhere = true;
    const Link any = sit_link("sit2", "10.0.0.1");
    for (const auto& link : {group, external, elsewhere, any}) {
        const auto firewall = firewall_of(link, {}, {}).value();
        CHECK(firewall.warnings.size() == 1);
        CHECK(has(firewall.text, "\t# Anybody may send into the tunnel: "));
        CHECK_FALSE(has(firewall.text, "drop"));
    }
}

TEST_CASE("firewall: protocol 41 comes from the routers of an ISATAP link") {
    const std::string rules = text(isatap_link());
    CHECK(has(rules, "elements = { 192.168.103.254 }"));
    CHECK(
        has(rules, "\t\tip daddr 10.216.0.101 meta l4proto 41 ip saddr != @peers counter drop\n"));
    CHECK(firewall_of(isatap_link(), {}, {})->warnings.empty());
}

TEST_CASE("firewall: an ISATAP link's rule does not hit other tunnels at its address") {
    State state;
    state.links.push_back(isatap_link());
    for (const auto& [name, local, remote] : {std::tuple{"sit2", "10.216.0.101", "192.0.2.2"},
                                              std::tuple{"sit3", "0.0.0.0", "192.0.2.3"},
                                              std::tuple{"sit4", "10.216.0.102", "192.0.2.4"}}) {
        state.links.push_back(sit_link(name, local));
        state.links.find(name)->tunnel.remote = address(remote);
    }
    const std::string rules = text(isatap_link(), {}, state);
    CHECK(has(rules, "{ 192.0.2.2,\n\t\t\t     192.0.2.3,\n\t\t\t     192.168.103.254 }"));
}

TEST_CASE("firewall: of a tunnel between two ends the kernel compares the other one") {
    Link link;
    link.name = "site1";
    link.kind = "ip6tnl";
    link.attributes.mtu = 1452;
    link.tunnel.kind = TunnelKind::ip6tnl;
    link.tunnel.proto = IPPROTO_IPIP;
    link.tunnel.local = address("2001:db8::1");
    link.tunnel.remote = address("2001:db8:1::1");
    FirewallWish wish;
    wish.clamp_mss = true;
    const auto firewall = firewall_of(link, {}, wish).value();
    CHECK(firewall.warnings.empty());
    CHECK(has(firewall.text, "from 2001:db8:1::1 alone"));
    CHECK_FALSE(has(firewall.text, "drop"));
    CHECK(has(firewall.text, "set 1412")); // and it carries IPv4 alone
    CHECK_FALSE(has(firewall.text, "nfproto ipv6"));
}

TEST_CASE("firewall: each name has a table of its own") {
    CHECK(firewall_table("vxlan0") == "vxlanctl_vxlan0");
    CHECK(firewall_table("eth0.10-a_b") == "vxlanctl_eth0.10-a_b");
    CHECK(firewall_table("a@b") == "vxlanctl_a/40b");
    CHECK(firewall_table("\xe3\x83") == "vxlanctl_/e3/83");
    std::set<std::string> tables;
    for (int byte = 1; byte < 256; ++byte)
        tables.insert(firewall_table(std::string(1, static_cast<char>(byte))));
    CHECK(tables.size() == 255);
}

TEST_CASE("firewall: names as nft takes them, or an error") {
    const auto quoted = [](const std::string& name) {
        FirewallWish wish;
        wish.protect = true;
        const auto firewall = firewall_of(vxlan_link(name.c_str()), {}, wish);
        if (!firewall) return std::string("error");
        const auto begin = firewall->text.find("iifname != ") + 11;
        return firewall->text.substr(begin, firewall->text.find(" accept", begin) - begin);
    };
    CHECK(quoted("a{b};$c") == R"("a{b};$c")");
    CHECK(quoted("vx*") == R"("vx\*")"); // else it would mean vx0 as well
    CHECK(quoted("v*x\\") == R"("v*x\")");
    CHECK(quoted("トンネル") == "\"トンネル\"");
    for (const char* name : {"a\"b", "a\\b*", "abcdefghijklmn*", "a\x01", "\xff"})
        CHECK(quoted(name) == "error");
    CHECK(error_of(vxlan_link("a\"b")) == "a\"b: name-not-for-nft");
}

TEST_CASE("firewall: what cannot be is refused") {
    FirewallWish wish;
    wish.masquerade = "vxlan0";
    CHECK(has(error_of(vxlan_link(), wish), "masquerade-is-tunnel"));
    wish.masquerade = "a\"b";
    CHECK(has(error_of(vxlan_link(), wish), "name-not-for-nft"));
    wish = {};
    wish.clamp_mss = true;
    Link small = vxlan_link();
    small.attributes.mtu = 60;
    CHECK(has(error_of(small, wish), "mtu-too-small-for-tcp {mtu=60}"));

    Link port = vxlan_link(), member = vxlan_link();
    port.attributes.master = "br0";
    member.attributes.vrf = "red";
    CHECK(error_of(port) == "none"); // the list of the peers is about the outside
    CHECK(error_of(port, wish) == "vxlan0: firewall-of-master {role=master, master=br0}");
    CHECK(has(error_of(member, wish), "firewall-of-master {role=VRF, master=red}"));
    for (auto& refused :
         {FirewallWish{"eth0", false, false, {}}, FirewallWish{"", false, true, {}}})
        CHECK(has(error_of(port, refused), "firewall-of-master {role=master"));
}

TEST_CASE("firewall: services") {
    CHECK(parse_service("tcp/22").value() == Service{IPPROTO_TCP, 22, 22});
    CHECK(parse_service("udp/1-65535").value() == Service{IPPROTO_UDP, 1, 65535});
    CHECK(parse_service("tcp/5-5").value() == Service{IPPROTO_TCP, 5, 5});
    CHECK(parse_service("vrrp").value() == Service{112, 0, 0});
    for (const char* bad : {"", "22", "tcp", "tcp/", "tcp/0", "tcp/65536", "tcp/ssh", "tcp/22 ",
                            "tcp/-5", "tcp/5-", "tcp/6-5", "tcp/1-2-3", "sctp/22", "TCP/22", "4"}) {
        INFO(bad);
        const auto service = parse_service(bad);
        REQUIRE_FALSE(service);
        CHECK(service.error().kind == ErrorKind::usage);
    }
}
