// Tunnels out of TOML files: what is accepted, what the same is on the command line, and the exact
// text of what is wrong.
#include "told.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/files/tunnel_words.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace vxlanctl;
using Words = std::vector<std::string>;

namespace {

Result<std::string> no_peers_file(std::size_t, const std::string& path) {
    return tl::unexpected(
        Error(Code::cannot_read_file, path, {{"what", "peers file"}}).with(ENOENT));
}

ParsedFiles parse(const std::string& text, const ReadText& read = no_peers_file) {
    const SourceText file{"a.toml", text};
    return parse_files(std::span(&file, 1), read);
}

/// The one tunnel of a text without errors.
Tunnel tunnel_of(const std::string& text, const ReadText& read = no_peers_file) {
    const auto parsed = parse(text, read);
    for (const auto& error : parsed.errors)
        FAIL(told(error) << "\n" << excerpt(error));
    REQUIRE(parsed.tunnels.size() == 1);
    return parsed.tunnels[0].tunnel;
}

const std::string vxlan = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n";
const std::string isatap = "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n";
const std::string ipip6 = "[ipip6.site1]\nlocal = \"2001:db8::1\"\nremote = \"2001:db8::2\"\n";

/// The text has exactly this error, in the first line behind `section`. `message` begins with the
/// column.
void check_error(const std::string& section, const std::string& line, const std::string& message) {
    INFO(section << line);
    const auto parsed = parse(section + line);
    REQUIRE(parsed.errors.size() == 1);
    const Error& error = parsed.errors[0];
    CHECK(error.kind == ErrorKind::usage);
    const auto lines = static_cast<std::size_t>(std::count(section.begin(), section.end(), '\n'));
    CHECK(told(error) == fmt::format("a.toml:{}:{}", lines + 1, message));
    CHECK(excerpt(error) == fmt::format("    {}\n    {:>{}}\n", line.substr(0, line.find('\n')),
                                        "^", std::stoul(message)));
    CHECK(parsed.tunnels.empty());
}

/// What words state, less which of it they did not say.
Tunnel as_in_file(Result<Tunnel> words) {
    words->implied.clear();
    return std::move(*words);
}

} // namespace

TEST_CASE("file: a section for each kind, in the order of lines") {
    const auto parsed = parse("# tunnels\n" + isatap + vxlan + ipip6);
    CHECK(parsed.errors.empty());
    REQUIRE(parsed.tunnels.size() == 3);
    CHECK(parsed.tunnels[0].tunnel.name == "sit1");
    CHECK(parsed.tunnels[1].tunnel.name == "vxlan0");
    CHECK(parsed.tunnels[2].tunnel.name == "site1");
    for (const char* empty : {"", "\n", "# nothing\r\n", "\xef\xbb\xbf", "[vxlan]\n"}) {
        CHECK(parse(empty).errors.empty());
        CHECK(parse(empty).tunnels.empty());
    }
}

TEST_CASE("file: what is absent is not stated, apart from VNI, port and that the link is up") {
    const auto tunnel = tunnel_of(vxlan);
    Tunnel expected;
    expected.name = "vxlan0";
    expected.tunnel.local = parse_address("172.21.0.100").value();
    expected.tunnel.vni = 10;
    expected.tunnel.port = 4789;
    expected.link.up = true;
    CHECK(tunnel == expected);
    const auto link = tunnel_of(isatap);
    CHECK_FALSE(link.routers);
    CHECK_FALSE(link.routes);
    CHECK(to_string(link.addresses->at(0)) == "2001:db8::5efe:ad8:65/64");
    CHECK_FALSE(tunnel_of(ipip6).addresses);
}

TEST_CASE("file: an empty list states that there is nothing") {
    const auto tunnel =
        tunnel_of(vxlan + "peers = []\naddresses = []\nroutes = []\nrules = []\ndev = \"-\"\n");
    CHECK(tunnel.peers->empty());
    CHECK(tunnel.addresses->empty());
    CHECK(tunnel.routes->empty());
    CHECK(tunnel.rules->empty());
    CHECK(tunnel.tunnel.dev == "");
}

TEST_CASE("file: the same wish as on the command line is the same tunnel") {
    const Words vxlan_words{"eth0", "172.21.0.100", "vxlan0", "10.225.194.171/9", "100.64.158.4"};
    const std::string file = vxlan + "dev = \"eth0\"\naddresses = [\"10.225.194.171/9\"]\n"
                                     "peers = [\"100.64.158.4\"]\n";
    const std::pair<OptionValues, const char*> vxlans[] = {
        {{}, ""},
        {{{"vni", {"11"}}, {"port", {"8472"}}, {"mtu", {"1500"}}},
         "vni = 11\nport = 8472\nmtu = 1500"},
        {{{"mac", {"02:00:00:00:00:01"}}, {"master", {"br0"}}},
         "mac = \"02:00:00:00:00:01\"\nmaster = \"br0\""},
        {{{"mac", {"random"}}, {"duplicate-check", {"3"}}},
         "mac = \"random\"\nduplicate_check = 3"},
        {{{"master", {"none"}}}, "master = \"none\""},
        {{{"vrf", {"blue"}}}, "vrf = \"blue\""},
        {{{"ttl", {"64"}}, {"tos", {"0x20"}}}, "ttl = 64\ntos = 0x20"},
        {{{"ttl", {"inherit"}}, {"tos", {"inherit"}}}, "ttl = \"inherit\"\ntos = \"inherit\""},
        {{{"ttl", {"auto"}}, {"df", {"set"}}}, "ttl = \"auto\"\ndf = \"set\""},
        {{{"ageing", {"60"}}, {"limit", {"5"}}, {"srcport", {"10000-20000"}}},
         "ageing = 60\nlimit = 5\nsrcport = \"10000-20000\""},
        {{{"learning", {""}}, {"udp-csum", {""}}}, "learning = true\nudp_csum = true"},
        {{{"no-learning", {""}}, {"no-udp-csum", {""}}}, "learning = false\nudp_csum = false"},
        {{{"route",
           {"10.0.0.0/8,via 192.0.2.1,dev eth1,table 101,metric 7", "default,table main"}}},
         "routes = [{ to = \"10.0.0.0/8\", via = \"192.0.2.1\", dev = \"eth1\", table = 101, "
         "metric = 7 }, { to = \"default\", table = \"main\" }]"},
        {{{"forward", {""}}, {"rp-filter", {"loose"}}, {"forward-from", {"eth0", "eth1"}}},
         "forward = true\nrp_filter = \"loose\"\nforward_from = [\"eth0\", \"eth1\"]"},
        {{{"no-forward", {""}}, {"rp-filter", {"off"}}}, "forward = false\nrp_filter = \"off\""},
        {{{"rule", {"from 172.21.0.100,table 101", "to 10.0.0.0/8,table default,priority 9"}}},
         "rules = [{ from = \"172.21.0.100\", table = 101 },\n"
         "{ table = \"default\", to = \"10.0.0.0/8\", priority = 9 }]"},
    };
    for (const auto& [options, text] : vxlans) {
        INFO(text);
        CHECK(tunnel_of(file + text) == as_in_file(vxlan_from_words(vxlan_words, options, {})));
    }
    CHECK(tunnel_of("[vxlan.v6]\nlocal = \"2001:db8::1\"\nudp_csum = false\naddresses = "
                    "[\"10.0.0.1/255.255.255.0\", \"2001:db8:9::1/64\"]\ndev = \"-\"\n"
                    "peers = [\"2001:db8::3\", \"2001:db8::2\"]") ==
          as_in_file(vxlan_from_words(Words{"-", "2001:db8::1", "v6", "10.0.0.1/24", "2001:db8::2"},
                                      {{"no-udp-csum", {""}}, {"address", {"2001:db8:9::1/64"}}},
                                      parse_peers("2001:db8::3", "p").value())));

    const auto words = [](std::initializer_list<const char*> routers) {
        Words all{"sit1", "10.216.0.101", "2001:db8::/64"};
        all.insert(all.end(), routers.begin(), routers.end());
        return all;
    };
    const std::tuple<Words, OptionValues, const char*> isataps[] = {
        {words({"10.0.0.9"}), {}, "routers = [\"10.0.0.9\"]"},
        {words({"10.0.0.9"}),
         {{"default-route", {""}}},
         "routers = [{ address = \"10.0.0.9\" }]\ndefault_route = true"},
        {words({"10.0.0.9"}),
         {{"no-default-route", {""}}},
         "routers = [\"10.0.0.9\"]\ndefault_route = false"},
        {words({"10.0.0.9"}),
         {{"no-default-route", {""}}},
         "routers = [{ address = \"10.0.0.9\", default_route = false }]"},
        {words({"10.0.0.9", "10.0.0.8"}),
         {{"router", {"10.0.0.7"}}},
         "routers = [{ address = \"10.0.0.7\", prl_default = false }, \"10.0.0.9\", \"10.0.0.8\"]"},
        {words({"10.0.0.9", "10.0.0.8"}),
         {{"metric", {"5", "6"}}},
         "metric = 5\nrouters = [\"10.0.0.9\", { address = \"10.0.0.8\", default_route = true, "
         "metric = 6 }]"},
        {words({"10.0.0.9"}),
         {{"metric", {"5"}}},
         "routers = [{ address = \"10.0.0.9\", metric = 5 }]"},
        {words({}),
         {{"router", {"10.0.0.7"}}, {"metric", {"5"}}},
         "routers = [{ address = \"10.0.0.7\", prl_default = false, default_route = true, metric = "
         "5 }]"},
        {words({}),
         {{"router", {"10.0.0.7"}}},
         "routers = [{ address = \"10.0.0.7\", prl_default = false }]"},
        {words({"100.64.0.1"}),
         {{"global-id", {""}}},
         "routers = [\"100.64.0.1\"]\nglobal_id = true"},
        {words({"100.64.0.1"}),
         {{"no-global-id", {""}}},
         "routers = [\"100.64.0.1\"]\nglobal_id = false"},
        {words({"10.0.0.9"}),
         {{"dev", {"eth0"}},
          {"ttl", {"64"}},
          {"mtu", {"1400"}},
          {"vrf", {"blue"}},
          {"route", {"2001:db8:9::/48"}},
          {"rule", {"to 2001:db8:9::/48,table 7"}}},
         "routers = [\"10.0.0.9\"]\ndev = \"eth0\"\nttl = 64\nmtu = 1400\nvrf = \"blue\"\n"
         "routes = [{ to = \"2001:db8:9::/48\" }]\nrules = [{ to = \"2001:db8:9::/48\", table = 7 "
         "}]"},
        {words({"10.0.0.9"}),
         {{"dev", {"-"}}, {"ttl", {"inherit"}}},
         "routers = [\"10.0.0.9\"]\ndev = \"-\"\nttl = \"inherit\""},
    };
    for (const auto& [line, options, text] : isataps) {
        INFO(text);
        CHECK(tunnel_of(isatap + text) == as_in_file(isatap_from_words(line, options)));
    }
    CHECK(tunnel_of(ipip6 +
                    "addresses = [\"192.0.2.1/30\"]\nroutes = [{ to = \"192.168.10.0/24\" }]"
                    "\nencaplimit = 4\ntclass = \"inherit\"\nttl = 9\ndev = \"none\"") ==
          as_in_file(ipip6_from_words(Words{"site1", "2001:db8::1", "2001:db8::2", "192.0.2.1/30"},
                                      {{"route", {"192.168.10.0/24"}},
                                       {"encaplimit", {"4"}},
                                       {"tclass", {"inherit"}},
                                       {"ttl", {"9"}},
                                       {"dev", {"none"}}})));
}

TEST_CASE("file: every option of the attribute tables is a key, and every key is known once") {
    for (const auto kind : {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl}) {
        auto keys = section_keys(kind);
        std::sort(keys.begin(), keys.end());
        CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
        const std::string& section = kind == TunnelKind::vxlan ? vxlan
                                     : kind == TunnelKind::sit ? isatap
                                                               : ipip6;
        for (const auto& key : keys) { // with a value that no key takes
            if (section.find("\n" + key + " =") != std::string::npos) continue;
            INFO(key);
            const auto parsed = parse(section + key + " = 2000-01-01");
            REQUIRE_FALSE(parsed.errors.empty());
            CHECK(told(parsed.errors[0]).find("found=a date or a time") != std::string::npos);
        }
    }
}

TEST_CASE("file: peers with a port, a VNI and a way of their own") {
    const auto peers =
        *tunnel_of(vxlan + "port = 8472\nvni = 11\npeers = [\n"
                           "  \"100.64.1.9\",\n"
                           "  { dst = \"100.64.1.1\", port = 4789, vni = 12, via = \"eth1\" },\n"
                           "  { dst = \"100.64.1.2\", port = 8472, vni = 11 },\n"
                           "]\n")
             .peers;
    REQUIRE(peers.size() == 3);
    const auto address = [](const char* text) { return parse_address(text).value(); };
    CHECK(peers[0] == FloodEntry{address("100.64.1.1"), 4789, 12, "eth1"});
    // These are the link's own, and thus not another identity.
    CHECK(peers[1] == FloodEntry{address("100.64.1.2"), {}, {}, ""});
    CHECK(peers[2] == FloodEntry{address("100.64.1.9"), {}, {}, ""});
}

TEST_CASE("file: peers files are found beside the file that names them") {
    std::vector<std::string> paths;
    const ReadText read = [&](std::size_t, const std::string& path) -> Result<std::string> {
        paths.push_back(path);
        return path.ends_with("one") ? "100.64.1.1\n" : "100.64.1.2 # second\n";
    };
    const std::string text =
        vxlan + "peers = [\"100.64.1.3\"]\npeers_file = [\"one\", \"/srv/two\"]\n";
    const SourceText files[] = {{"/etc/vxlanctl/a.toml", text}};
    const auto parsed = parse_files(files, read);
    REQUIRE(parsed.errors.empty());
    CHECK(parsed.tunnels[0].tunnel.peers->size() == 3);
    CHECK(paths == Words{"/etc/vxlanctl/one", "/srv/two"});
    const SourceText standard_input[] = {{"standard input", vxlan + "peers_file = \"one\"\n"}};
    CHECK(parse_files(standard_input, read).tunnels[0].tunnel.peers->size() == 1);
    CHECK(paths.back() == "one");

    const auto broken = [](std::size_t, const std::string&) -> Result<std::string> {
        return "x\n";
    };
    const auto errors = parse(vxlan + "peers_file = \"one\"", broken).errors;
    REQUIRE(errors.size() == 1);
    CHECK(told(errors[0]) == "a.toml:3:14: one:1: 'x': not-an-ip-address + host-name-needs-dot");
    check_error(vxlan, "peers_file = \"one\"", "14: one: cannot-read-file {what=peers file} (2)");
    check_error(vxlan, "peers_file = \"-\"", "14: peers_file '-': stdin-in-file");
    check_error(vxlan, "peers_file = 3",
                "14: peers_file: wrong-type {expected=a string or a list, found=an integer}");
}

TEST_CASE("file: peers that are named twice, and all that is wrong in a peers file") {
    const ReadText read = [](std::size_t, const std::string& path) -> Result<std::string> {
        if (path == "many") {
            std::string text;
            for (int i = 0; i < 300; ++i)
                text += "x\n";
            return text;
        }
        return path == "one" ? "100.64.1.1\n# the same\n100.64.1.1\n"
                             : "y\n100.64.1.2\n127.0.0.1\n100.64.1.1\n2001:db8::1\n";
    };
    const auto errors_of = [&](const std::string& lines) {
        std::string text;
        for (const auto& error : parse(vxlan + lines, read).errors)
            text += told(error) + "\n";
        return text;
    };
    const auto named_twice = [](const std::string& peer, const std::string& place) {
        return "peer " + peer +
               ": named-twice + each-frame-twice + first-named-at {place=" + place + "}\n";
    };
    CHECK(errors_of("peers_file = \"one\"") ==
          "a.toml:3:14: one:3: " + named_twice("100.64.1.1", "one:1"));
    CHECK(errors_of("peers = [\"100.64.1.1\"]\npeers_file = \"one\"") ==
          "a.toml:4:14: one:1: " + named_twice("100.64.1.1", "a.toml:3:10") +
              "a.toml:4:14: one:3: " + named_twice("100.64.1.1", "a.toml:3:10"));
    CHECK(errors_of("peers_file = [\"one\", \"two\"]") ==
          "a.toml:3:15: one:3: " + named_twice("100.64.1.1", "one:1") +
              "a.toml:3:22: two:1: 'y': not-an-ip-address + host-name-needs-dot\n"
              "a.toml:3:22: two:3: '127.0.0.1': address-not-unicast {role=peer, "
              "obstacle=a loopback address}\n"
              "a.toml:3:22: two:4: " +
              named_twice("100.64.1.1", "one:1") +
              "a.toml:3:22: two:5: peer 2001:db8::1: peer-of-other-family {local=172.21.0.100}\n");
    const auto many = parse(vxlan + "peers_file = \"many\"", read).errors;
    REQUIRE(many.size() == 101);
    CHECK(told(many[99]) == "a.toml:3:14: many:100: 'x': not-an-ip-address + host-name-needs-dot");
    CHECK(told(many[100]) == "a.toml: more-errors {count=200}");
}

TEST_CASE("file: peers by name, beside addresses and in peers files") {
    const ReadText read = [](std::size_t, const std::string&) -> Result<std::string> {
        return "gate-c.example.net # the third\n100.64.1.2\n";
    };
    const auto tunnel = tunnel_of(
        vxlan + "peers_file = \"more\"\npeers = [\"GATE-A.example.net\", \"100.64.1.1\",\n"
                "{ dst = \"gate-b.\", port = 4790, vni = 10, via = \"eth1\" }]\n",
        read);
    CHECK(tunnel.named_peers == std::vector<NamedPeer>{{"gate-a.example.net", {}, {}, ""},
                                                       {"gate-b.", std::uint16_t{4790}, {}, "eth1"},
                                                       {"gate-c.example.net", {}, {}, ""}});
    CHECK(tunnel.peers->size() == 2);
    CHECK(tunnel_of(vxlan + "peers = [\"gate-a.example.net\"]").peers->empty()); // but stated
    check_error(vxlan, "peers = [\"a.example\", \"b.example\", \"A.example\"]",
                "36: peer a.example: named-twice + first-named-at {place=a.toml:3:10}");
    CHECK(tunnel_of(vxlan + "peers = [\"a.example\", { dst = \"a.example\", vni = 11 }]")
              .named_peers.size() == 2);
    check_error(vxlan, "peers = [{ dst = \"gate_a.example\" }]",
                "18: dst 'gate_a.example': not-an-address-or-name");
}

TEST_CASE("file: exact text of errors in a VXLAN") {
    check_error(vxlan, "mtuu = 1500", "1: unknown-key {key=mtuu} + did-you-mean {word=mtu}");
    check_error(vxlan, "udp-csum = true",
                "1: unknown-key {key=udp-csum} + did-you-mean {word=udp_csum}");
    check_error(vxlan, "colour = 3", "1: unknown-key {key=colour} + see-manual");
    check_error(vxlan, "mtu = 70000", "7: mtu '70000': not-in-range {low=68, high=65535, or=}");
    check_error(vxlan, "vni = -1", "7: vni '-1': not-in-range {low=1, high=16777215, or=}");
    check_error(vxlan, "mtu = \"1500\"",
                "7: mtu: wrong-type {expected=an integer, found=a string}");
    check_error(
        vxlan, "mtu = 1500.0",
        "7: mtu: wrong-type {expected=an integer, found=a number with a fraction or exponent}");
    check_error(vxlan, "ttl = \"64\"", "7: ttl: wrong-type {expected=an integer, found=a string}");
    check_error(vxlan, "ttl = true",
                "7: ttl: wrong-type {expected=an integer or a word, found=a boolean}");
    check_error(vxlan, "tos = \"low\"",
                "7: tos 'low': not-in-range {low=0, high=255, or= or inherit}");
    check_error(vxlan, "ttl = 0",
                "7: ttl '0': not-in-range {low=1, high=255, or=, auto or inherit}");
    check_error(vxlan, "ageing = 0", "10: ageing '0': not-in-range {low=1, high=4294967295, or=}");
    check_error(
        vxlan + "addresses = [\"2001:db8:9::1/64\"]\n", "mtu = 1279",
        "7: mtu '1279': mtu-below-ipv6 {mtu=1279, least=1280, what=address 2001:db8:9::1/64}");
    check_error(vxlan + "routes = [{ to = \"2001:db8:5::/48\" }]\n", "mtu = 1279",
                "7: mtu '1279': mtu-below-ipv6 {mtu=1279, least=1280, what=route 2001:db8:5::/48}");
    check_error(vxlan, "df = \"maybe\"", "6: df 'maybe': not-one-of {words=unset, set or inherit}");
    check_error(vxlan, "learning = \"yes\"",
                "12: learning: wrong-type {expected=a boolean, found=a string}");
    check_error(vxlan, "srcport = \"2-1\"", "11: srcport '2-1': port-range-reversed");
    check_error(vxlan, "master = \"a/b\"", "10: master 'a/b': interface-name-has-bad-characters");
    check_error(vxlan + "master = \"br0\"\n", "vrf = \"blue\"", "7: vrf-and-master");
    check_error(vxlan, "dev = []", "7: dev: wrong-type {expected=a string, found=a list}");
    check_error(vxlan, "addresses = \"10.0.0.1/24\"",
                "13: addresses: wrong-type {expected=a list, found=a string}");
    check_error(vxlan, "addresses = [\"10.0.0.1\"]",
                "14: inner address '10.0.0.1': prefix-length-missing");
    check_error(vxlan, "addresses = [\"10.0.0.1/24\", \"10.0.0.1/24\"]",
                "29: inner address '10.0.0.1/24': named-twice");
    check_error(
        vxlan, "peers = [\"127.0.0.1\"]",
        "10: peer '127.0.0.1': address-not-unicast {role=peer, obstacle=a loopback address}");
    check_error(vxlan, "peers = [\"${PEER}\"]", "10: peer '${PEER}': not-an-address-or-name");
    check_error(vxlan, "peers = [\"100.64.1.1\", \"2001:db8::1\"]",
                "24: peer 2001:db8::1: peer-of-other-family {local=172.21.0.100}");
    check_error(
        vxlan, "peers = [\"100.64.1.2\", \"100.64.1.1\", \"100.64.1.2\"]",
        "38: peer 100.64.1.2: named-twice + each-frame-twice + first-named-at {place=a.toml:3:10}");
    check_error(
        vxlan, "peers = [{ dst = \"100.64.1.1\" }, { dst = \"100.64.1.1\", vni = 10 }]",
        "34: peer 100.64.1.1: named-twice + each-frame-twice + first-named-at {place=a.toml:3:10}");
    check_error(vxlan, "peers = [{ port = 5 }]", "10: peer: key-missing {key=dst}");
    check_error(vxlan, "peers = [{ dst = \"100.64.1.1\", port = 0 }]",
                "39: port '0': not-in-range {low=1, high=65535, or=}");
    check_error(vxlan, "peers = [{ dst = \"100.64.1.1\", dev = \"eth1\" }]",
                "32: unknown-key {key=dev} + see-manual");
    check_error(vxlan, "peers = [3]",
                "10: peer: wrong-type {expected=a string or a table, found=an integer}");
}

TEST_CASE("file: exact text of errors in routes and rules") {
    check_error(vxlan, "routes = [{ to = \"10.0.0.1/8\" }]",
                "18: to '10.0.0.1/8': host-bits-set {network=10.0.0.0/8}");
    check_error(vxlan, "routes = [{ via = \"192.0.2.1\" }]", "11: route: destination-missing");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\", via = \"224.0.0.1\" }]",
                "38: via '224.0.0.1': not-a-gateway");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\", via = \"2001:db8::1\" }]",
                "11: route via 2001:db8::1: gateway-of-other-family");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\", table = \"101\" }]",
                "40: table: wrong-type {expected=an integer, found=a string}");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\", table = \"local\" }]",
                "40: table 'local': not-in-range {low=1, high=4294967295, or=}");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\", metrik = 5 }]",
                "32: unknown-key {key=metrik} + did-you-mean {word=metric}");
    check_error(vxlan, "routes = [{ to = \"10.0.0.0/8\" }, { to = \"10.0.0.0/8\" }]",
                "34: route 10.0.0.0/8: named-twice + metrics-must-differ");
    check_error(vxlan, "routes = [\"10.0.0.0/8\"]",
                "11: route: wrong-type {expected=a table, found=a string}");
    check_error(vxlan, "forward_from = [\"eth0\", \"eth0\"]",
                "25: forward_from 'eth0': named-twice");
    check_error(vxlan, "forward_from = \"eth0\"",
                "16: forward_from: wrong-type {expected=a list, found=a string}");
    check_error(vxlan, "rp_filter = 1",
                "13: rp_filter: wrong-type {expected=a string, found=an integer}");
    check_error(vxlan, "rules = [{ table = 5 }]", "10: rule: rule-selects-nothing");
    check_error(vxlan, "rules = [{ from = \"10.0.0.1\" }]", "10: rule: rule-without-table");
    check_error(vxlan,
                "rules = [{ from = \"10.0.0.1\", table = 5 }, { from = \"10.0.0.1\", "
                "table = 5, priority = 9 }]",
                "44: rule: named-twice");
    check_error(vxlan, "rules = [{ from = \"0.0.0.0/0\", table = 5 }]",
                "19: from 0.0.0.0/0: rule-for-everything");
}

TEST_CASE("file: exact text of errors in the other kinds") {
    const std::string ends = "[isatap.sit1]\nlocal = \"10.216.0.101\"\n";
    check_error(ends, "prefix = \"2001:db8::/48\"",
                "10: prefix '2001:db8::/48': isatap-prefix-length");
    check_error(isatap, "routers = []", "11: routers: routers-empty");
    check_error(isatap, "routers = [\"10.216.0.101\"]",
                "12: router '10.216.0.101': address-is-local");
    check_error(isatap, "routers = [\"10.0.0.1\", { address = \"10.0.0.1\" }]",
                "24: router 10.0.0.1: named-twice");
    check_error(isatap,
                "routers = [\"10.0.0.1\", { address = \"10.0.0.2\", default_route = true }]",
                "24: metric 1: named-twice + metrics-must-differ");
    check_error(isatap, "routers = [\"10.0.0.1\", { address = \"10.0.0.2\", metric = 2 }]",
                "57: metric: metric-without-default-route");
    check_error(isatap + "default_route = false\n",
                "routers = [{ address = \"10.0.0.2\", default_route = true }]",
                "52: default_route: contradicts-no-default-route");
    check_error(isatap + "routers = [{ address = \"10.0.0.2\", metric = 3 }]\n", "metric = 2",
                "10: metric: first-router-has-a-metric");
    check_error(isatap + "routers = [\"10.0.0.2\"]\ndefault_route = false\n", "metric = 2",
                "10: metric: metric-without-default-route");
    check_error(isatap, "metric = 2", "10: metric: means-nothing-without {key=routers}");
    check_error(isatap, "addresses = []", "1: unknown-key {key=addresses} + see-manual");
    check_error("", "[isatap.sit0]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"",
                "9: 'sit0': interface-is-fallback {example=sit1}");
    const std::string site = "[ipip6.site1]\nlocal = \"2001:db8::1\"\n";
    check_error(site, "remote = \"2001:db8::1\"", "10: remote '2001:db8::1': address-is-local");
    check_error(site, "remote = \"192.0.2.1\"", "10: remote '192.0.2.1': ipip6-needs-ipv6");
    check_error(ipip6, "addresses = [\"2001:db8:9::1/64\"]",
                "14: inner address '2001:db8:9::1/64': inner-needs-ipv4");
    check_error(ipip6, "routes = [{ to = \"2001:db8:5::/48\" }]",
                "11: route '2001:db8:5::/48': destination-not-carried {family=IPv4}");
    check_error(isatap, "routes = [{ to = \"10.9.0.0/24\" }]",
                "11: route '10.9.0.0/24': destination-not-carried {family=IPv6}");
    check_error(isatap, "mtu = 1279", "7: mtu '1279': not-in-range {low=1280, high=65515, or=}");
    check_error(isatap, "ttl = 0", "7: ttl '0': not-in-range {low=1, high=255, or= or inherit}");
    check_error(site, "remote = \"fe80::2\"", "10: remote 'fe80::2': link-local-needs-dev");
    check_error("[ipip6.site1]\nremote = \"2001:db8::2\"\n", "local = \"::1\"",
                "9: local '::1': local-is-loopback");
    check_error("[ipip6.site1]\nremote = \"2001:db8::2\"\n", "local = \"fe80::1\"",
                "9: local 'fe80::1': link-local-needs-dev");
    CHECK(tunnel_of("[ipip6.site1]\ndev = \"eth0\"\nlocal = \"fe80::1\"\nremote = \"fe80::2\"")
              .tunnel.dev == "eth0");
    CHECK(tunnel_of(ipip6 + "routes = [{ to = \"2001:db8:5::/48\", dev = \"eth0\" }]")
              .routes->size() == 1);
}

TEST_CASE("file: exact text of errors outside of sections") {
    check_error("", "mtu = 1500", "1: unknown-key {key=mtu} + key-belongs-in-section");
    check_error("", "[vxlans.vxlan0]",
                "2: unknown-section {section=vxlans} + did-you-mean {word=vxlan}");
    check_error("", "[tunnel.vxlan0]", "2: unknown-section {section=tunnel} + sections-there-are");
    check_error("[vxlan]\n", "local = \"172.21.0.100\"", "1: local: not-a-section {section=vxlan}");
    check_error("", "[vxlan.vxlan0]", "1: vxlan0: key-missing {key=local}");
    check_error("", "[[vxlan.vxlan0]]", "9: vxlan0: not-a-section {section=vxlan}");
    check_error("", "[vxlan.a234567890123456]\nlocal = \"172.21.0.100\"",
                "8: 'a234567890123456': interface-name-too-long {bytes=16, most=15}");
}

TEST_CASE("file: a syntax error is told in plain words") {
    check_error(
        vxlan, "dev = eth0",
        "7: not-toml {problem=could not determine value type (in the value)} + quotes-needed");
    check_error("[vxlan.vxlan0]\n", "local = 10.0.0.1",
                "13: not-toml {problem=expected decimal digit or exponent, saw '.' (in the "
                "floating-point)} + quotes-needed");
    for (const char* text :
         {"x = \u00e9", "x = 1\"\u00e9\"", "\u00e9 = 1", "x\u00e9 = 1", "x = 1 \u00e9",
          "x = \"\"\"\\\u00e9\"\"\"", "x = [1\u00e9]", "x = 1-\u00e9", "[\u00e9]"}) {
        INFO(text); // which toml++ calls unreachable
        const auto errors = parse(vxlan + text).errors;
        REQUIRE(errors.size() == 1);
        CHECK(code_word(errors[0].code).find("toml") != std::string::npos);
    }
    check_error(vxlan, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1", "34: toml-too-many-dots");
    check_error(vxlan, "[}", // an assertion of toml++'s fails here
                "2: not-toml {problem=expected bare key starting character or string delimiter, "
                "saw '}' (in the key)}");
    check_error(vxlan + "mtu = 1500\n", "mtu = 1400", "7: mtu: set-twice");
    check_error(vxlan, "[ vxlan . vxlan0 ]",
                "1: vxlan.vxlan0: defined-twice {place=a.toml:1:1, as=}");
}

TEST_CASE("file: a string that is not closed is told from one with a control character") {
    check_error(vxlan, "dev = \"eth0", "12: toml-string-not-closed");
    check_error(vxlan, "dev = 'eth0\nmtu = 1", "12: toml-string-not-closed");
    check_error(vxlan, "dev = \"\"\"eth0", "14: toml-string-not-closed");
    CHECK(told(parse(vxlan + "dev = \"a\x01"
                             "b\"\n")
                   .errors.at(0))
              .find("control characters") != std::string::npos);
    CHECK(told(parse(vxlan + "dev = \"eth0\r\nmtu = 1\n").errors.at(0))
              .find("toml-string-not-closed") != std::string::npos);
}

TEST_CASE("file: what a terminal would interpret is not printed raw") {
    // C1, and what turns the direction of writing.
    const auto errors = parse("[vxlan.a]\nlocal = \"\u009bA\u202eB\u2066\u200fC\"\n").errors;
    REQUIRE(errors.size() == 1);
    CHECK(told(errors[0]).find(
              "local '\\xc2\\x9bA\\xe2\\x80\\xaeB\\xe2\\x81\\xa6\\xe2\\x80\\x8fC'") !=
          std::string::npos);
    const auto comment = parse(vxlan + "x = 1 # \u009bA\u202e\u2069\u200eB \u00e9\n").errors;
    REQUIRE(comment.size() == 1);
    CHECK(excerpt(comment[0]) == "    x = 1 #  A   B \u00e9\n    ^\n");
    CHECK(printable("\u00e9\u4e00\U0001f600\u00a0\u2065\u200d") ==
          "\u00e9\u4e00\U0001f600\u00a0\u2065\u200d");
    CHECK(printable("a\x9b\xe2\x80z\xc2") == "a\\x9b\\xe2\\x80z\\xc2");
}

TEST_CASE("file: all errors of all files come in one run, in the order of files and lines") {
    const SourceText files[] = {
        {"a.toml", "[vxlan.b]\nmtu = 1\n[vxlan.a]\nlocal = 3\n"},
        {"b.toml", "[vxlan.c]\nlocal = \"10.0.0.1\nmtu = 1\n"}, // nothing behind this is told
        {"c.toml", "[isatap.a]\r\nlocal = \"10.0.0.1\"\r\nprefix = \"2001:db8::/64\"\r\n" + vxlan},
        {"d.toml", vxlan},
    };
    const auto parsed = parse_files(files, no_peers_file);
    std::string text;
    for (const auto& error : parsed.errors)
        text += told(error) + "\n" + excerpt(error);
    CHECK(text == R"(a.toml:1:1: b: key-missing {key=local}
    [vxlan.b]
    ^
a.toml:2:7: mtu '1': not-in-range {low=68, high=65535, or=}
    mtu = 1
          ^
a.toml:4:9: local: wrong-type {expected=a string, found=an integer}
    local = 3
            ^
b.toml:2:18: toml-string-not-closed
    local = "10.0.0.1
                     ^
c.toml:1:9: a: defined-twice {place=a.toml:3:8, as= as vxlan}
    [isatap.a]
            ^
d.toml:1:8: vxlan0: defined-twice {place=c.toml:4:8, as=}
    [vxlan.vxlan0]
           ^
)");
    REQUIRE(parsed.tunnels.size() == 1);
    CHECK(parsed.tunnels[0].tunnel.name == "vxlan0");
    CHECK(parsed.tunnels[0].file == 2);
}

TEST_CASE("file: a byte order mark and characters of several bytes do not move the caret") {
    const auto errors =
        parse("\xef\xbb\xbf[vxlan.\"\u00e9\"]\nlocal = \"\u00e9\" # \u00e9\nx = 1").errors;
    REQUIRE(errors.size() == 2);
    CHECK(excerpt(errors[0]) == "    local = \"\u00e9\" # \u00e9\n            ^\n");
    CHECK(errors[1].place == Place{"a.toml", 3, 1, "x = 1"});
    const auto unknown = parse("\xef\xbb\xbfmtu = 3").errors;
    REQUIRE(unknown.size() == 1);
    CHECK(excerpt(unknown[0]) == "    mtu = 3\n    ^\n");
}

TEST_CASE("file: hostile texts end soon, with few errors, and without a crash") {
    const auto repeated = [](const std::string& text, std::size_t count) {
        std::string result;
        result.reserve(text.size() * count);
        for (std::size_t i = 0; i < count; ++i)
            result += text;
        return result;
    };
    const std::string deep = repeated("a.", 1000000) + "a = 1"; // toml++ destroys by recursion
    const std::string texts[] = {
        deep,
        "x = [\"\"\"a\"\"\"\"\", {" + deep + "}]", // behind the ends of strings
        "x = ['''a'''', {" + deep + "}]",
        "x = ['''a''', {" + deep + "}]",
        "x = ['a\\', {" + deep + "}]",
        "x = [\"a\\\\\", {" + deep + "}]",
        "x = [ # \"\n {" + deep + "}]",
        repeated("[", 100000),
        "x = " + repeated("[", 100000),
        "x = " + repeated("{a=", 100000),
        "[" + repeated("a.", 16) + "a]\nx = " + repeated("[{" + repeated("a.", 16) + "a=\n", 20000),
        "x = [" + repeated("1,", 1000000) + "]",
        vxlan + "peers = [" + repeated("1,", 200000) + "]",
        vxlan + "routes = [" + repeated("{to=\"::\"},", 50000) + "]",
        vxlan + "rules = [" + repeated("{to=\"::1\",table=5},", 50000) + "]",
        vxlan + "addresses = [" + repeated("\"10.0.0.1/8\",", 50000) + "]",
        isatap + "routers = [" + repeated("\"10.0.0.1\",", 50000) + "]",
        repeated("[vxlan.a]\n", 100000),
        vxlan + repeated("x", 1000000) + " = 1",
        vxlan + "dev = \"" + repeated("\u00e9", 1000000) + "\"",
        std::string("[vxlan.a\0b]\nlocal = \"\0\"", 24),
        "[vxlan.\"a\\u0000b\"]\nlocal = \"1.2.3.4\\u0000\"\npeers_file = \"a\\u0000b\"",
        "\xff\xfe[vxlan.a]",
        "\xc3",
        std::string(64 << 20, '\n'),
    };
    for (const auto& text : texts) {
        INFO(text.substr(0, 100));
        const auto parsed = parse(text);
        CHECK_FALSE(parsed.errors.empty());
        CHECK(parsed.errors.size() <= 101);
        std::size_t size = 0;
        for (const auto& error : parsed.errors)
            size += told(error).size() + excerpt(error).size();
        CHECK(size < 200000);
    }
}

TEST_CASE("file: ten thousand peers") {
    std::string text = vxlan + "peers = [\n";
    for (int i = 0; i < 10000; ++i)
        text += fmt::format("  \"100.{}.{}.{}\",\n", 64 + i / 62500, i / 250 % 250, i % 250 + 1);
    CHECK(tunnel_of(text + "]\n").peers->size() == 10000);
}

namespace {

std::string man_page() {
    std::ifstream file(SOURCE_DIRECTORY "/man/vxlanctl.toml.5");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The keys that the page explains, by the title of the part that they stand in.
std::map<std::string, std::set<std::string>> explained_keys() {
    std::map<std::string, std::set<std::string>> keys;
    std::string title, line;
    std::istringstream page(man_page());
    while (std::getline(page, line)) {
        constexpr std::string_view part = ".Ss ", item = ".It Ic ";
        if (line.starts_with(part)) title = line.substr(part.size());
        if (!line.starts_with(item)) continue;
        const auto key = line.substr(item.size(), line.find(' ', item.size()) - item.size());
        INFO(title << ": " << key << " stands there twice");
        CHECK(keys[title].insert(key).second);
    }
    return keys;
}

std::set<std::string> as_set(const std::vector<std::string>& list) {
    return {list.begin(), list.end()};
}

} // namespace

TEST_CASE("manual page: explains every key of the file where it may stand, and no other") {
    auto explained = explained_keys();
    const auto everywhere = explained["All sections"];
    for (const auto kind : {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl}) {
        auto& keys = explained[fmt::format("\\&[{}.NAME]", section_name(kind))];
        keys.insert(everywhere.begin(), everywhere.end());
        CHECK(keys == as_set(section_keys(kind)));
    }
    CHECK(explained["A peer"] == as_set(element_keys("peers")));
    CHECK(explained["A router"] == as_set(element_keys("routers")));
    CHECK(explained["A route"] == as_set(element_keys("routes")));
    CHECK(explained["A rule"] == as_set(element_keys("rules")));
    CHECK(explained["A bridge port"] == as_set(element_keys("bridge_port")));
    CHECK(explained.size() == 9);
}

TEST_CASE("manual page: the examples are files without an error") {
    const std::string page = man_page();
    std::size_t tunnels = 0;
    constexpr std::string_view begin = ".Bd -literal -offset indent\n", end = "\n.Ed";
    for (auto at = page.find(begin, page.find(".Sh EXAMPLES")); at != std::string::npos;
         at = page.find(begin, at + 1)) {
        const auto text = page.substr(at + begin.size());
        const SourceText example{"example", text.substr(0, text.find(end))}; // TOML or JSON
        const auto parsed =
            parse_files(std::span(&example, 1), [](std::size_t, const std::string&) {
                return Result<std::string>("100.64.1.1\n");
            });
        for (const auto& error : parsed.errors)
            FAIL_CHECK(told(error) << "\n" << excerpt(error));
        tunnels += parsed.tunnels.size();
    }
    CHECK(tunnels == 5);
}

TEST_CASE("files: where a tunnel's key stands, and its section where it has none of the keys") {
    const SourceText file{
        "a.toml", vxlan + "  mtu = 1400\n", {{"a.toml.d/b.toml", "[vxlan.vxlan0]\nvni = 11\n"}}};
    const auto parsed = parse_files(std::span(&file, 1), no_peers_file);
    REQUIRE(parsed.tunnels.size() == 1);
    const auto place = [&](std::vector<std::string_view> keys) {
        auto found = place_of(parsed.tunnels[0], keys, std::span(&file, 1));
        CHECK(found.text.empty());
        found.text = line_at(found, parsed.tunnels[0], std::span(&file, 1));
        return found;
    };
    CHECK(place({"mtu", "local"}) == Place{"a.toml", 3, 3, "  mtu = 1400"});
    CHECK(place({"peers", "local"}) == Place{"a.toml", 2, 1, "local = \"172.21.0.100\""});
    CHECK(place({"vni"}) == Place{"a.toml.d/b.toml", 2, 1, "vni = 11"});
    CHECK(place({"peers"}) == Place{"a.toml", 1, 8, "[vxlan.vxlan0]"});
    CHECK(place({}) == place({"peers"}));
}
