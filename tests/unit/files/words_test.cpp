#include "told.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/kinds/kinds.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;
using Words = std::vector<std::string>;

namespace {

const Words example{"eth0", "172.21.0.100", "vxlan0", "10.225.194.171/9", "100.64.158.4"};

std::string error_of(const Words& words, const OptionValues& options = {}) {
    const auto tunnel = vxlan_from_words(words, options, {});
    return tunnel ? "none" : told(tunnel.error());
}

Words with(std::size_t position, const std::string& word) {
    Words words = example;
    words[position] = word;
    return words;
}

} // namespace

TEST_CASE("words: the contract's example") {
    const auto tunnel = vxlan_from_words(example, {}, {}).value();
    CHECK(tunnel.name == "vxlan0");
    CHECK(tunnel.tunnel.vni == 10U);
    CHECK(tunnel.tunnel.port == 4789);
    CHECK(tunnel.tunnel.dev == "eth0");
    CHECK(to_string(*tunnel.tunnel.local) == "172.21.0.100");
    REQUIRE(tunnel.addresses->size() == 1);
    CHECK(to_string(tunnel.addresses->at(0)) == "10.225.194.171/9");
    CHECK_FALSE(tunnel.link.mtu);
    CHECK_FALSE(tunnel.tunnel.learning);
}

TEST_CASE("words: a dash is «none» for DEV and INNER") {
    CHECK(vxlan_from_words(with(0, "-"), {}, {})->tunnel.dev == "");
    CHECK(vxlan_from_words(with(3, "-"), {}, {})->addresses->empty());
}

TEST_CASE("words: exact text of errors") {
    CHECK(error_of(with(1, "172.21.0")) == "LOCAL '172.21.0': not-an-ip-address");
    CHECK(error_of(with(1, "224.0.0.1")) == "LOCAL '224.0.0.1': address-not-of-a-host");
    CHECK(error_of(with(2, "a234567890123456")) ==
          "IFNAME 'a234567890123456': interface-name-too-long {bytes=16, most=15}");
    CHECK(error_of(with(3, "10.0.0.1")) == "inner address '10.0.0.1': prefix-length-missing");
    CHECK(error_of(with(3, "10.0.0.1/255.0.255.0")) ==
          "inner address '10.0.0.1/255.0.255.0': prefix-length-wrong {length=255.0.255.0, "
          "longest=32}");
    CHECK(error_of(with(4, "127.0.0.1")) ==
          "PEER '127.0.0.1': address-not-unicast {role=peer, obstacle=a loopback address}");
    CHECK(error_of(with(4, "172.21.0.100")) == "peer 172.21.0.100: address-is-local");
    CHECK(error_of(with(4, "2001:db8::1")) ==
          "peer 2001:db8::1: peer-of-other-family {local=172.21.0.100}");
    CHECK(error_of(example, {{"vni", {"16777216"}}}) ==
          "--vni '16777216': not-in-range {low=1, high=16777215, or=}");
    CHECK(error_of(example, {{"ageing", {"0"}}}) ==
          "--ageing '0': not-in-range {low=1, high=4294967295, or=}");
    for (const char* ttl : {"0", "256", "low"})
        CHECK(
            error_of(example, {{"ttl", {ttl}}}) ==
            fmt::format("--ttl '{}': not-in-range {{low=1, high=255, or=, auto or inherit}}", ttl));
    CHECK(error_of(example, {{"df", {"maybe"}}}) ==
          "--df 'maybe': not-one-of {words=unset, set or inherit}");
    CHECK(error_of(example, {{"mac", {"33:33:00:00:00:01"}}}) ==
          "--mac '33:33:00:00:00:01': mac-not-unicast");
    for (const char* seconds : {"0", "61", "-1", "soon"})
        CHECK(error_of(example, {{"duplicate-check", {seconds}}}) ==
              fmt::format("--duplicate-check '{}': not-in-range {{low=1, high=60, or=}}", seconds));
    CHECK(error_of(example, {{"learning", {""}}, {"no-learning", {""}}}) ==
          "options-contradict {one=--learning, other=--no-learning}");
    CHECK(error_of(with(2, "a\033[31m")) ==
          "IFNAME 'a\\x1b[31m': interface-name-has-bad-characters");
}

TEST_CASE("words: IPv6 inside needs an MTU of 1280") {
    CHECK(error_of(with(3, "2001:db8:9::1/64"), {{"mtu", {"1279"}}}) ==
          "--mtu '1279': mtu-below-ipv6 {mtu=1279, least=1280, what=address 2001:db8:9::1/64}");
    CHECK(error_of(example, {{"mtu", {"1279"}}, {"route", {"2001:db8:5::/48"}}}) ==
          "--mtu '1279': mtu-below-ipv6 {mtu=1279, least=1280, what=route 2001:db8:5::/48}");
    CHECK(error_of(example, {{"mtu", {"1279"}}, {"route", {"2001:db8:5::/48,dev eth1"}}}) ==
          "none");
    CHECK(error_of(with(3, "2001:db8:9::1/64"), {{"mtu", {"1280"}}}) == "none");
    CHECK(error_of(example, {{"mtu", {"68"}}}) == "none");
}

TEST_CASE("words: peers from a file join those of the command line, and doubles are found") {
    const auto more =
        parse_peers("100.64.158.132\n  100.64.158.133 # the third\n\n", "peers").value();
    CHECK(vxlan_from_words(example, {}, more)->peers->size() == 3);
    const auto doubled = vxlan_from_words(example, {}, parse_peers("100.64.158.4", "p").value());
    CHECK(told(doubled.error()) ==
          "peer 100.64.158.4: named-twice + each-frame-twice + first-named-at {place=p:1}");
}

TEST_CASE("words: what is wrong with a peer beside others names the file and the line") {
    const auto error = [](const std::string& text) {
        PeerList peers = parse_peers(text, "p").value();
        peers.append(parse_peers("gate-z.example", "q").value());
        return told(vxlan_from_words(with(4, "100.64.158.9"), {}, peers).error());
    };
    CHECK(error("# two\n100.64.158.4\n\n100.64.158.4") ==
          "p:4: peer 100.64.158.4: named-twice + each-frame-twice + first-named-at {place=p:2}");
    CHECK(error("100.64.158.4\n2001:db8::1") ==
          "p:2: peer 2001:db8::1: peer-of-other-family {local=172.21.0.100}");
    CHECK(error("100.64.158.4\n172.21.0.100") == "p:2: peer 172.21.0.100: address-is-local");
    CHECK(error("a.example\na.example") ==
          "p:2: peer a.example: named-twice + first-named-at {place=p:1}");
    CHECK(error("gate-z.example") ==
          "q:1: peer gate-z.example: named-twice + first-named-at {place=p:1}");
}

TEST_CASE("words: a peer as it is copied from elsewhere") {
    const auto peer = [](const std::string& text) {
        return std::get<FloodEntry>(parse_peer_or_name(text).value());
    };
    const auto v4 = parse_address("100.64.158.4").value(),
               v6 = parse_address("2001:db8::4").value();
    CHECK(peer("100.64.158.4/32") == FloodEntry{v4, {}, {}, ""});
    CHECK(peer("100.64.158.4:4790") == FloodEntry{v4, 4790, {}, ""});
    CHECK(peer("2001:db8::4/128") == FloodEntry{v6, {}, {}, ""});
    CHECK(peer("[2001:db8::4]") == FloodEntry{v6, {}, {}, ""});
    CHECK(peer("[2001:db8::4]:4790") == FloodEntry{v6, 4790, {}, ""});
    CHECK(peer("fe80::1%eth0") == FloodEntry{parse_address("fe80::1").value(), {}, {}, "eth0"});
    CHECK(std::get<NamedPeer>(parse_peer_or_name("gate.example.com:4790").value()) ==
          NamedPeer{"gate.example.com", 4790, {}, ""});
    for (const char* text : {"100.64.158.4/31", "2001:db8::4/64", "[2001:db8::4", "[]", "[", "]",
                             "[2001:db8::4]4790", "[2001:db8::4]:", "100.64.158.4:0", ":", "%", "/",
                             "fe80::1%", "2001:db8::4%eth0", "100.64.158.4:4789/32"}) {
        INFO(text);
        CHECK_FALSE(parse_peer_or_name(text));
    }
}

TEST_CASE("words: what is a host name, and what stays a mistake in an address") {
    const std::string label(63, 'a');
    for (const std::string& name : {std::string("gate-a.example.net"), std::string("gate-a."),
                                    std::string("1.example"), std::string("a--b.xn--p1ai"),
                                    label + "." + label + "." + label + "." + label.substr(2)}) {
        INFO(name);
        const auto peer = parse_peer_or_name(name);
        REQUIRE(peer);
        CHECK(std::get<NamedPeer>(*peer) == NamedPeer{name, {}, {}, ""});
    }
    for (const std::string& text : {std::string("gate-a"),
                                    std::string("100.64.158.400"),
                                    std::string("100.64.158.4."),
                                    std::string("100.64.158.4x"),
                                    std::string("100.64.0x9e04"),
                                    std::string("100.64.158"),
                                    std::string("a..b"),
                                    std::string(".a"),
                                    std::string("."),
                                    std::string(".."),
                                    std::string("-a.b"),
                                    std::string("a-.b"),
                                    std::string("a_b.c"),
                                    std::string("a.b/24"),
                                    std::string("a.b:4789:1"),
                                    std::string("a .b"),
                                    std::string("a.b\0c", 5),
                                    std::string("\u00fc.example"),
                                    label + "a.b",
                                    label + "." + label + "." + label + "." + label.substr(1)}) {
        INFO(text);
        const auto peer = parse_peer_or_name(text);
        REQUIRE_FALSE(peer);
        const Code code = peer.error().code;
        CHECK((code == Code::not_an_ip_address || code == Code::not_an_address_or_name));
    }
    CHECK(error_of(with(4, "gate_a.example.net")) ==
          "PEER 'gate_a.example.net': not-an-address-or-name");
    CHECK(error_of(with(4, "gate_a")).find("not-an-address-or-name") != std::string::npos);
    CHECK(error_of(with(4, "100.64.158.400")) == "PEER '100.64.158.400': not-an-ip-address");
    CHECK(error_of(with(4, "2001:db8::g")) == "PEER '2001:db8::g': not-an-ip-address");
    CHECK(error_of(with(4, "224.0.0.1")).find("address-not-unicast {role=peer") !=
          std::string::npos);
    CHECK(error_of(with(4, "gate-a")) == "PEER 'gate-a': not-an-ip-address + host-name-needs-dot");
}

TEST_CASE("words: peers by name join the addresses, each once") {
    const auto tunnel =
        vxlan_from_words(with(4, "Gate-A.example.net"), {},
                         parse_peers("gate-b.example.net\n100.64.158.4\n", "p").value())
            .value();
    CHECK(tunnel.named_peers == std::vector<NamedPeer>{{"gate-a.example.net", {}, {}, ""},
                                                       {"gate-b.example.net", {}, {}, ""}});
    CHECK(tunnel.peers->size() == 1);
    CHECK(told(vxlan_from_words(with(4, "a.example"), {}, parse_peers("A.EXAMPLE\n", "p").value())
                   .error()) == "peer a.example: named-twice + first-named-at {place=p:1}");
}

TEST_CASE("peers file: a word behind a peer is its name") {
    const auto list = parse_peers("100.64.158.9 gate-z\n100.64.158.4\t gate-a # the first\r\n"
                                  "100.64.158.5\nb.example  gate-b\n100.64.158.4:4790 gate-c\n",
                                  "p")
                          .value();
    const auto tunnel = vxlan_from_words(with(4, "100.64.158.8"), {}, list).value();
    const auto name = [&](const std::string& address, std::optional<std::uint16_t> port = {}) {
        const auto found = tunnel.peer_names.find({parse_address(address).value(), port, {}, ""});
        return found == tunnel.peer_names.end() ? "none" : found->second;
    };
    CHECK(tunnel.peer_names.size() == 3);
    CHECK(name("100.64.158.4") == "gate-a");
    CHECK(name("100.64.158.4", 4790) == "gate-c");
    CHECK(name("100.64.158.9") == "gate-z");
    REQUIRE(tunnel.named_peers.size() == 1);
    CHECK(tunnel.named_peers.front().label == "gate-b");
    // A port that is the tunnel's own makes no other peer.
    CHECK(vxlan_from_words(example, {}, parse_peers("100.64.158.9:4789 x", "p").value())
              ->peer_names.contains({parse_address("100.64.158.9").value(), {}, {}, ""}));

    const auto problem = [](const std::string& text) {
        return told(parse_peers(text, "p").error());
    };
    CHECK(problem("100.64.158.4 gate a") == "p:1: 'gate a': peer-line-has-more");
    CHECK(problem("100.64.158.4 100.64.158.5") == "p:1: '100.64.158.5': peer-name-is-address");
    CHECK(problem("gate-a 100.64.158.4") ==
          "p:1: 'gate-a': not-an-ip-address + host-name-needs-dot");
    CHECK(problem("100.64.158.4 " + std::string(64, 'n')) ==
          "p:1: '" + std::string(64, 'n') + "': peer-name-wrong {most=63}");
    CHECK(parse_peer_name(std::string(63, 'n')));
    CHECK(parse_peer_name("two words"));
    for (const char* bad : {"", " a", "a ", "a\nb", "\x1b[31m", "\xff", "\u202e", "::1"})
        CHECK_FALSE(parse_peer_name(bad));
}

TEST_CASE("peers file: CRLF, comments and a missing last newline are fine; the rest has its line") {
    CHECK(parse_peers("100.64.158.4\r\n#x\r\n100.64.158.5", "p")->entries.size() == 2);
    CHECK(told(parse_peers("\n\nnonsense\n", "/etc/peers").error()) ==
          "/etc/peers:3: 'nonsense': not-an-ip-address + host-name-needs-dot");
    CHECK(told(parse_peers("# nothing\n", "/etc/peers").error()) == "/etc/peers: peers-file-empty");
    CHECK_FALSE(parse_peers(std::string("1.2.3.4\0", 8), "p"));
}

TEST_CASE("attributes: every row's default and every value read back as they were written") {
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        INFO(row.name);
        TunnelAttributes attributes;
        if (!row.reset.empty()) {
            REQUIRE(set_value(attributes, row, row.reset));
            CHECK(value_text(attributes, row) == row.reset);
        }
        for (const char* text : {"yes", "no", "1", "77", "set", "1000-2000", "192.0.2.1", "eth0"})
            if (set_value(attributes, row, text)) {
                TunnelAttributes again;
                REQUIRE(set_value(again, row, value_text(attributes, row)));
                CHECK(again == attributes);
            }
    }
    for (const auto& row : link_attributes())
        if (!row.reset.empty()) {
            LinkAttributes attributes;
            REQUIRE(set_value(attributes, row, row.reset));
            CHECK(value_text(attributes, row) == row.reset);
        }
}

TEST_CASE("attributes: a range below itself is the kernel's default, and all such are equal") {
    CHECK(PortRange{4789, 4789} == PortRange{0, 0});
    CHECK_FALSE(PortRange{1000, 2000} == PortRange{0, 0});
}

TEST_CASE("addresses: prefixes contain, overlap and broadcast") {
    const auto prefix = [](const char* text) { return parse_prefix(text).value(); };
    CHECK(to_string(network_of(prefix("10.225.194.171/9"))) == "10.128.0.0/9");
    CHECK(to_string(broadcast_of(prefix("10.225.194.171/9"))) == "10.255.255.255");
    CHECK(overlaps(prefix("10.128.0.0/9"), prefix("10.200.0.1/16")));
    CHECK(overlaps(prefix("10.200.0.1/16"), prefix("10.128.0.0/9")));
    CHECK_FALSE(overlaps(prefix("10.0.0.1/9"), prefix("10.128.0.1/9")));
    CHECK_FALSE(contains(prefix("0.0.0.0/0"), parse_address("::1").value()));
    CHECK(contains(prefix("2001:db8::/33"), parse_address("2001:db8:7fff::1").value()));
    CHECK_FALSE(contains(prefix("2001:db8::/33"), parse_address("2001:db8:8000::1").value()));
    CHECK(to_string(prefix("10.0.0.1/255.255.255.252")) == "10.0.0.1/30");
    for (const char* bad :
         {"10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/", "10.0.0.1/9x", "::1/129", "::1/255.0.0.0",
          "10.0.0.1/9::1", "10.0.0.1/300::", "010.0.0.1/8", "10.0.0.1/8/8"})
        CHECK_FALSE(parse_prefix(bad));
}

TEST_CASE("mark: found alone and behind a foreign alias, and replaced in place") {
    const Mark mark{Origin::cli, "0123456789abcdef"};
    CHECK(with_mark("", mark) == "vxlanctl/1 cli 0123456789abcdef");
    CHECK(with_mark("to the gate", mark) == "to the gate | vxlanctl/1 cli 0123456789abcdef");
    CHECK(mark_of(with_mark("to the gate", mark)) == mark);
    const Mark file{Origin::file, "fedcba9876543210"};
    CHECK(with_mark(with_mark("a | b", mark), file) == "a | b | vxlanctl/1 file fedcba9876543210");
    for (const char* alias : {"", "vxlanctl", "vxlanctl/1 cli", "vxlanctl/1 cli 0123",
                              "vxlanctl/2 cli 0123456789abcdef", "vxlanctl/1 him 0123456789abcdef",
                              "vxlanctl/1 cli ../../../etc/pas"})
        CHECK_FALSE(mark_of(alias));

    // A foreign alias that merely looks like a mark is one that a mark stands behind.
    for (const std::string foreign :
         {"vxlanctl/1 cli 1 | vxlanctl/1 file 2", "vxlanctl/1 file ../../etc/passwd",
          "vxlanctl/1 cli 0123456789abcdef | mine"}) {
        CHECK_FALSE(mark_of(foreign));
        CHECK(with_mark(foreign, mark) == foreign + " | vxlanctl/1 cli 0123456789abcdef");
        CHECK(mark_of(with_mark(foreign, mark)) == mark);
        CHECK(with_mark(with_mark(foreign, mark), file) ==
              foreign + " | vxlanctl/1 file fedcba9876543210");
    }
}
