// Tunnels out of the JSON of SORACOM's API: every form that it comes in, what is said where it does
// not do, and over damaged and hostile texts no crash.
#include "chance.h"
#include "text_files.h"
#include "told.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/soracom.h"
#include "vxlanctl/files/vxlan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;
using text_files::text_of;

namespace {

const std::string sample = text_of(SOURCE_DIRECTORY "/examples/gate-peers.json");

const std::vector<HostAddress> this_host{
    {{parse_address("127.0.0.1").value(), 8}, std::nullopt, 1, "lo"},
    {{parse_address("172.21.0.100").value(), 24}, std::nullopt, 2, "eth0"}};

Result<SoracomTunnel> import(const std::string& gate_peers,
                             const std::optional<std::string>& vpg = std::nullopt,
                             const SoracomChoice& choice = {},
                             std::span<const HostAddress> host = this_host) {
    SoracomTexts texts{{{"peers.json", gate_peers}}, std::nullopt};
    if (vpg) texts.vpg = SourceText{"vpg.json", *vpg};
    return tunnel_from_soracom(texts, choice, host);
}

std::string error_of(const Result<SoracomTunnel>& imported) {
    if (imported) return "none";
    CHECK(imported.error().kind == ErrorKind::usage);
    return told(imported.error());
}

/// The file, which has to be one that apply accepts and that says all of the tunnel.
std::string file_of(const Result<SoracomTunnel>& imported) {
    INFO(error_of(imported));
    REQUIRE(imported);
    std::vector<std::string> comments;
    for (const auto& comment : imported->comments)
        comments.push_back(text_of(comment));
    std::string text = file_text(imported->tunnel, comments);
    CHECK(text.find("A file cannot state") == std::string::npos);
    const SourceText file{"a.toml", text};
    const auto parsed = parse_files(std::span(&file, 1), [](auto, const auto&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    REQUIRE(parsed.errors.empty());
    REQUIRE(parsed.tunnels.size() == 1);
    CHECK(parsed.tunnels[0].tunnel == imported->tunnel);
    return text;
}

std::string entry(const std::string& outer, const std::string& inner, const std::string& netmask,
                  const std::string& owned) {
    return fmt::format(R"({{"innerIpAddress":"{}","netmask":{},"outerIpAddress":"{}",)"
                       R"("ownedByCustomer":{}}})",
                       inner, netmask, outer, owned);
}

/// This host's entry and one end of a VPG.
std::string list(const std::string& own_mask, const std::string& other_mask = "null") {
    return fmt::format("[{},{}]", entry("172.21.0.100", "10.225.194.171", own_mask, "true"),
                       entry("100.64.158.4", "10.192.158.4", other_mask, "false"));
}

std::string address_of(const Result<SoracomTunnel>& imported) {
    if (!imported) return told(imported.error());
    return to_string(imported->tunnel.addresses->at(0));
}

const std::string expected = "[vxlan.vxlan0]\n"
                             "dev = \"eth0\"\n"
                             "local = \"172.21.0.100\"\n"
                             "addresses = [\"10.225.194.171/9\"]\n"
                             "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";

} // namespace

TEST_CASE("soracom: the list of Gate peers becomes a file") {
    CHECK(file_of(import(sample)) == expected);
    CHECK(import(sample)->warnings.empty());
    CHECK(file_of(import("\xef\xbb\xbf\r\n" + sample)) == expected); // with a byte order mark
    CHECK(file_of(import(sample, "{\"gateVxlanId\":11,\"gateOpened\":true}")).find("vni = 11\n") !=
          std::string::npos);
}

TEST_CASE("soracom: one Gate peer alone is not enough, with the list it is") {
    const std::string own = entry("172.21.0.100", "10.225.194.171", "9", "true");
    const std::string end = entry("100.64.158.4", "10.192.158.4", "9", "false");
    CHECK(error_of(import(own)) == "peers.json: no-end-of-vpg {entries=1 entry}");
    const SoracomTexts texts{{{"own.json", own}, {"list.json", "[" + end + "," + own + "]"}},
                             std::nullopt};
    const auto both = tunnel_from_soracom(texts, {}, this_host);
    INFO(error_of(both));
    CHECK(both->tunnel.peers->size() == 1);
    CHECK(error_of(import("[]")).find("peers.json: no-gate-peer") == 0);
    CHECK(file_of(import("[" + own + "," + end + "," + end + "]"))
              .find("peers = [\"100.64.158.4\"]") != std::string::npos);
}

TEST_CASE("soracom: the prefix length, in every form, from wherever it is") {
    const std::string good = "10.225.194.171/9";
    for (const char* mask : {"\"255.128.0.0\"", "9", "\"9\""})
        CHECK(address_of(import(list(mask))) == good);
    CHECK(address_of(import(list("24", "\"255.128.0.0\""))) == "10.225.194.171/24");
    for (const char* missing : {"null", "\"\""})
        for (const char* mask : {"\"255.128.0.0\"", "9", "\"9\""})
            CHECK(address_of(import(list(missing, mask))) == good);
    for (const std::string key : {"ueSubnetCidrRange", "deviceSubnetCidrRange"})
        CHECK(address_of(import(list("null"), "{\"" + key + "\":\"10.128.0.0/9\"}")) == good);
    // What is malformed and not needed does not count.
    CHECK(address_of(import(list("9", "\"x\""), "{\"ueSubnetCidrRange\":\"10.0.0.0/166\"}")) ==
          good);
    CHECK(address_of(import(list("null", "[166]"),
                            "{\"ueSubnetCidrRange\":\"10.0.0.0/166\","
                            "\"deviceSubnetCidrRange\":\"10.128.0.0/9\"}")) == good);

    CHECK(error_of(import(list("null"))) == "peers.json:1:2: netmask: netmask-missing");
    CHECK(error_of(import(list("null"), "{\"gateVxlanId\":10}")) ==
          "vpg.json:1:1: device-subnet-missing {key=deviceSubnetCidrRange}");
    CHECK(error_of(import(list("null"), "{\"ueSubnetCidrRange\":\"10.0.0.0/166\"}")) ==
          "vpg.json:1:22: ueSubnetCidrRange: prefix-length-wrong {length=166, longest=32}");
    CHECK(error_of(import(list("\"255.0.128.0\""))) ==
          "peers.json:1:47: netmask: prefix-length-wrong {length=255.0.128.0, longest=32}");
    CHECK(error_of(import(list("{}")))
              .find("1:47: netmask: wrong-type {expected=a mask or a prefix length, "
                    "found=an object}") != std::string::npos);
    const std::string disagreeing = list("null", "9");
    CHECK(error_of(import(disagreeing.substr(0, disagreeing.size() - 1) + "," +
                          entry("100.64.158.5", "10.192.158.5", "10", "false") + "]"))
              .find("netmask: netmasks-disagree {lengths=/9, /10}") != std::string::npos);
}

TEST_CASE("soracom: the VPG says the VNI, and warns") {
    const auto vpg = [](const std::string& text) { return import(sample, text); };
    CHECK(vpg("{\"gateVxlanId\":16777215}")->tunnel.tunnel.vni == 16777215);
    CHECK(vpg("{\"gateVxlanId\":null}")->tunnel.tunnel.vni == 10);
    CHECK(vpg("{\"gateVxlanId\":11,\"vpcPeeringConnections\":null,\"gateOpened\":[],"
              "\"redirection\":{\"gateVxlanId\":12},\"vpgId\":17}")
              ->tunnel.tunnel.vni == 11);
    for (const std::string bad :
         {"0", "16777216", "-1", "1.5", "\"x\"", "99999999999999999999999999"})
        CHECK(error_of(vpg("{\"gateVxlanId\":" + bad + "}")).find("vpg.json:1:16: gateVxlanId '") ==
              0);
    CHECK(error_of(vpg("{\"gateVxlanId\": [1]}")) ==
          "vpg.json:1:17: gateVxlanId: wrong-type {expected=a number, found=a list}");
    CHECK(told(vpg("{\"gateOpened\":false}")->warnings) ==
          std::vector<std::string>{"vxlan0: gate-closed"});
    CHECK(told(vpg("{\"ueSubnetCidrRange\":\"10.64.0.0/16\"}")->warnings.at(0)) ==
          "vxlan0: inner-outside-device-subnet {inner=10.225.194.171, subnet=10.64.0.0/16}");
    // `vpg list`
    const std::string
        first = "{\"vpgId\":\"a\",\"gateVxlanId\":11,\"ueSubnetCidrRange\":\"10.64.0.0/16\"}",
        second = "{\"vpgId\":\"b\",\"gateVxlanId\":12,\"ueSubnetCidrRange\":\"10.128.0.0/9\"}";
    CHECK(vpg("[" + first + "," + second + "]")->tunnel.tunnel.vni == 12);
    CHECK(vpg("[" + second + "]")->tunnel.tunnel.vni == 12);
    CHECK(error_of(vpg("[" + second + "," + second + "]")) ==
          "vpg.json: vpg-ambiguous {count=2, all=2, inner=10.225.194.171, vpgs=b (10.128.0.0/9), b "
          "(10.128.0.0/9)}");
    CHECK(error_of(vpg("[" + first + "," + first + "]"))
              .find("vpg.json: vpg-ambiguous {count=none, all=2") == 0);
    CHECK(error_of(vpg("[]")) == "vpg.json: vpg-empty");
    CHECK(error_of(vpg("{\"code\":\"X\"}")).find("vpg.json:1:1: not-a-vpg") == 0);
}

TEST_CASE("soracom: numbers with a fraction of nothing, and one object a line") {
    CHECK(import(sample, "{\"gateVxlanId\":11.0}")->tunnel.tunnel.vni == 11);
    CHECK(address_of(import(list("9.0"))) == "10.225.194.171/9");
    CHECK(error_of(import(list("9.5"))) ==
          "peers.json:1:47: netmask: prefix-length-wrong {length=9.5, longest=32}");
    const std::string lines = entry("172.21.0.100", "10.225.194.171", "9", "true") + "\n" +
                              entry("100.64.158.4", "", "null", "false") + "\n" +
                              entry("100.64.158.132", "", "null", "false") + "\n";
    CHECK(file_of(import(lines)) == expected);
    const std::string vpgs = "{\"gateVxlanId\":11,\"ueSubnetCidrRange\":\"10.64.0.0/16\"}\n"
                             "{\"gateVxlanId\":12,\"ueSubnetCidrRange\":\"10.128.0.0/9\"}\n";
    CHECK(import(lines, vpgs)->tunnel.tunnel.vni == 12);
    CHECK(error_of(import(lines + "{\"ownedByCustomer\":7}")) ==
          "peers.json:4:20: ownedByCustomer: not-one-of {words=true or false}");
}

namespace {

/// What the comments say, and what stands below them.
std::vector<std::string> comments_of(const std::string& vpg) {
    const auto imported = import(sample, vpg);
    file_of(imported);
    std::vector<std::string> texts;
    for (const auto& comment : imported->comments) {
        texts.push_back(told(comment.sentence));
        texts.insert(texts.end(), comment.lines.begin(), comment.lines.end());
    }
    return texts;
}

} // namespace

TEST_CASE("soracom: Junction redirection to this host makes it forward") {
    const auto redirected = [](const std::string& redirection) {
        return "{\"gateVxlanId\":10,\"redirection\":" + redirection + "}";
    };
    const std::string here =
        redirected("{\"enabled\":true,\"gateway\":\"10.225.194.171\",\"description\":\"x\"}");
    CHECK(import(sample, here)->tunnel.link.forward == true);
    CHECK(file_of(import(sample, here)).find("\nforward = true\n") != std::string::npos);
    CHECK(comments_of(here) ==
          std::vector<std::string>{"redirection-to-this-host", "forward_from = [\"eth0\"]",
                                   "vxlanctl firewall vxlan0 --masquerade eth0 | nft -f -"});
    SoracomChoice choice;
    choice.dev = "";
    choice.name = "a$b";
    CHECK(import(sample, here, choice)->comments.at(0).lines.at(1) ==
          "vxlanctl firewall 'a$b' --masquerade DEV | nft -f -");
    const std::string elsewhere = redirected("{\"enabled\":true,\"gateway\":\"10.225.194.172\"}");
    CHECK_FALSE(import(sample, elsewhere)->tunnel.link.forward);
    CHECK(comments_of(elsewhere) ==
          std::vector<std::string>{"redirection-elsewhere {gateway=10.225.194.172}"});
    for (const std::string nothing :
         {"null", "{}", "[]", "7", "{\"enabled\":false,\"gateway\":\"10.225.194.171\"}",
          "{\"enabled\":\"true\",\"gateway\":\"10.225.194.171\"}", "{\"enabled\":true}",
          "{\"enabled\":true,\"gateway\":\"x\"}", "{\"enabled\":true,\"gateway\":{}}",
          "{\"enabled\":true,\"enabled\":true,\"gateway\":\"10.225.194.171\"}"}) {
        INFO(nothing);
        CHECK_FALSE(import(sample, redirected(nothing))->tunnel.link.forward);
        CHECK(comments_of(redirected(nothing)).empty());
    }
}

TEST_CASE("soracom: the separator, networks behind devices and beyond the VPG are comments") {
    CHECK(comments_of("{\"gateVxlanId\":10,\"gatePrivacySeparatorEnabled\":true}") ==
          std::vector<std::string>{"devices-are-separated",
                                   "iifname \"vxlan0\" oifname \"vxlan0\" drop"});
    const std::string routes = "\"simBasedRoutingConfig\":{\"8982\":\"192.0.2.128/25\","
                               "\"8981\":\"192.0.2.7/25\",\"8983\":\"10.0.0.0/166\","
                               "\"8984\":null,\"8985\":[\"192.0.2.0/24\"]}";
    const std::vector<std::string> told_routes{
        "networks-behind-devices", "routes = [",
        "    { to = \"192.0.2.0/25\", via = \"\" }, # SIM 8981",
        "    { to = \"192.0.2.128/25\", via = \"\" }, # SIM 8982", "]"};
    CHECK(comments_of("{\"gateVxlanId\":10,\"enableSimBasedRouting\":true," + routes + "}") ==
          told_routes);
    CHECK(
        comments_of("{\"gateVxlanId\":10,\"enableSimBasedRouting\":false," + routes + "}").empty());
    CHECK(comments_of("{\"gateVxlanId\":10," + routes + "}").empty());
    CHECK(comments_of("{\"gateVxlanId\":10,\"customerRoutes\":{"
                      "\"b\":{\"destinationCidr\":\"10.2.0.0/16\"},\"c\":null,\"d\":{\"x\":1},"
                      "\"a\":{\"destinationCidr\":\"10.1.0.0/16\",\"target\":\"tgw-1\","
                      "\"type\":\"static\"}}}") ==
          std::vector<std::string>{"networks-behind-transit-gateway", "10.1.0.0/16 via tgw-1",
                                   "10.2.0.0/16"});
    // Whatever is malformed there need not be known, and what a VPG is called is no matter.
    for (const std::string nothing : {"null", "7", "[]", "{}", "\"x\"", "[{\"a\":1}]"})
        for (const std::string key :
             {"gatePrivacySeparatorEnabled", "customerRoutes",
              "enableSimBasedRouting\":true,\"simBasedRoutingConfig", "type"})
            CHECK(comments_of("{\"gateVxlanId\":10,\"" + key + "\":" + nothing + "}").empty());
    for (const char* type : {"12", "13", "14", "15", "242", "9999", "\"F2\""})
        CHECK(import(sample, std::string("{\"gateVxlanId\":11,\"type\":") + type + "}")
                  ->tunnel.tunnel.vni == 11);
    // No text gets out of its comment.
    const auto text = file_of(import(sample, "{\"gateVxlanId\":10,\"enableSimBasedRouting\":true,"
                                             "\"simBasedRoutingConfig\":{\"a\\nb = 1\":"
                                             "\"192.0.2.0/24\"}}"));
    CHECK(text.find("\n# b = 1\n") != std::string::npos);
}

TEST_CASE("soracom: a peers file needs the VPG's own entries alone") {
    const auto peers_of = [](const std::string& text) {
        const auto peers = peers_from_soracom({{{"peers.json", text}}, std::nullopt});
        return peers ? *peers : told(peers.error());
    };
    const std::string file = peers_of(sample);
    CHECK(is_imported_peers_file(file));
    const auto peers = parse_peers(file, "a.peers").value();
    REQUIRE(peers.entries.size() == 2);
    CHECK(to_string(peers.entries[0].dst) == "100.64.158.4");
    CHECK(to_string(peers.entries[1].dst) == "100.64.158.132");
    CHECK(std::count(file.begin(), file.end(), '\n') == 3);
    const std::string end = entry("100.64.158.4", "x", "\"x\"", "false");
    CHECK(parse_peers(peers_of(end + "\n" + end), "a.peers")->entries.size() == 1);
    CHECK(peers_of("[]") == "peers.json: no-gate-peer");
    CHECK(peers_of("").find("not-json") != std::string::npos);
    CHECK(peers_of(entry("172.21.0.100", "", "9", "true")) ==
          "peers.json: no-end-of-vpg {entries=1 entry}");
    CHECK(peers_of(entry("a.example.net.", "", "9", "false")) ==
          "peers.json:1:51: outerIpAddress 'a.example.net.': not-an-ip-address");
    for (const std::string text : {"", "100.64.158.4\n", "# Written by 'vxlanctl'\n"})
        CHECK_FALSE(is_imported_peers_file(text));
}

TEST_CASE("soracom: what is missing, or in the place of something else, is said") {
    const auto error_without = [](SoracomTexts texts) {
        return error_of(tunnel_from_soracom(texts, {}, this_host));
    };
    CHECK(error_without({}) == "gate-peers-missing");
    CHECK(error_without({{}, SourceText{"vpg.json", "{\"gateVxlanId\":10}"}}) ==
          "gate-peers-missing + vpg-names-no-ends");
    CHECK(error_of(import("{\"gateVxlanId\":10}")) == "peers.json:1:1: vpg-instead-of-gate-peer");
    CHECK(error_of(import(sample, sample)) == "vpg.json:1:3: gate-peer-instead-of-vpg");
    CHECK(error_of(import("[{}]")).find("peers.json:1:2: not-a-gate-peer") == 0);
}

TEST_CASE("soracom: which entry is this host's") {
    const std::string one = entry("172.21.0.100", "10.225.194.171", "9", "true"),
                      two = entry("172.21.1.100", "10.225.194.172", "9", "true"),
                      end = entry("100.64.158.4", "10.192.158.4", "9", "false"),
                      three = "[" + one + "," + two + "," + end + "]";
    // Another Gate peer of the customer's is no end of the VPG.
    CHECK(file_of(import(three)).find("peers = [\"100.64.158.4\"]\n") != std::string::npos);
    auto host = this_host;
    host.push_back({{parse_address("172.21.1.100").value(), 24}, std::nullopt, 3, "eth1"});
    CHECK(error_of(import(three, std::nullopt, {}, host)) ==
          "peers.json: several-own-entries {count=2, entries=172.21.0.100 (inner 10.225.194.171, "
          "the customer's), 172.21.1.100 (inner 10.225.194.172, the customer's)} + choose-self");
    SoracomChoice choice;
    choice.self = parse_address("172.21.1.100").value();
    const auto chosen = file_of(import(three, std::nullopt, choice, host));
    CHECK(chosen.find("dev = \"eth1\"\n") != std::string::npos);
    CHECK(chosen.find("10.225.194.172/9") != std::string::npos);

    CHECK(error_of(import(three, std::nullopt, choice)) ==
          "172.21.1.100: outer-address-not-here {addresses=172.21.0.100 on eth0}");
    choice.dev = "ens5";
    CHECK(file_of(import(three, std::nullopt, choice)).find("dev = \"ens5\"\n") !=
          std::string::npos);
    choice.dev = "";
    CHECK(file_of(import(three, std::nullopt, choice)).find("dev = \"-\"\n") != std::string::npos);
    host.push_back({{parse_address("172.21.0.100").value(), 24}, std::nullopt, 4, "eth2"});
    choice = {};
    choice.self = parse_address("172.21.0.100").value();
    CHECK(error_of(import(three, std::nullopt, choice, host)) ==
          "172.21.0.100: outer-address-on-several {interfaces=eth0, eth2}");

    const std::span<const HostAddress> nothing;
    CHECK(error_of(import("[" + two + "," + end + "]")) ==
          "peers.json: no-own-entry {entries=172.21.1.100 (inner 10.225.194.172, the customer's), "
          "100.64.158.4 (inner 10.192.158.4, the VPG's), addresses=172.21.0.100 on eth0}");
    CHECK(error_of(import(three, std::nullopt, {}, nothing)).find("addresses=none}") !=
          std::string::npos);
    for (const auto& [self, message] : std::vector<std::pair<std::string, std::string>>{
             {"10.225.194.172", "self-is-inner {outer=172.21.1.100}"},
             {"10.9.9.9", "give-outer-address"},
             {"100.64.158.4", "self-is-end-of-vpg {outer=100.64.158.4}"}}) {
        choice.self = parse_address(self).value();
        CHECK(error_of(import(three, std::nullopt, choice)).find(message) != std::string::npos);
    }
    // --self cannot tell them apart.
    const std::string doubled =
        "[" + one + "," + entry("172.21.0.100", "10.1.1.1", "9", "true") + "," + end + "]";
    const std::string message = error_of(import(doubled));
    CHECK(message.find("several-own-entries {count=2") != std::string::npos);
    CHECK(message.find("choose-self") == std::string::npos);
    CHECK(message.find("unregister-one") != std::string::npos);
    choice.self = parse_address("172.21.0.100").value();
    CHECK(error_of(import(doubled, std::nullopt, choice)) == message);
}

TEST_CASE("soracom: a value that is needed and will not do has its place") {
    const std::string own = entry("172.21.0.100", "10.225.194.171", "9", "true");
    const auto with = [&](const std::string& other) {
        return error_of(import("[" + own + ",\n" + other + "]"));
    };
    CHECK(with(entry("100.64.158.400", "", "null", "false")) ==
          "peers.json:2:54: outerIpAddress '100.64.158.400': not-an-ip-address");
    CHECK(with(entry("224.0.0.1", "", "null", "false")).find("peers.json:2:54: outerIpAddress") ==
          0);
    CHECK(with(entry("2001:db8::1", "", "null", "false")) ==
          "peers.json:2:54: peer 2001:db8::1: peer-of-other-family "
          "{local=172.21.0.100}");
    CHECK(with(entry("172.21.0.100", "", "null", "false")) ==
          "peers.json:2:54: peer 172.21.0.100: address-is-local");
    CHECK(with(entry("100.64.158.4", "", "null", "\"no\"")) ==
          "peers.json:2:87: ownedByCustomer: not-one-of {words=true or false}");
    CHECK(with("{\"outerIpAddress\":\"100.64.158.4\"}") ==
          "peers.json:2:1: ownedByCustomer: value-missing");
    CHECK(with("{\"ownedByCustomer\":false,\"outerIpAddress\":{}}") ==
          "peers.json:2:43: outerIpAddress: wrong-type {expected=an address, found=an object}");
    // Not needed, so that it may be anything.
    CHECK(file_of(import("[" + own + "," + entry("100.64.158.4", "x", "[{}]", "false") +
                         ",{\"outerIpAddress\":[1],\"ownedByCustomer\":true},"
                         "{\"id\":{\"a\":[]},\"outerIpAddress\":\"100.64.158.5\","
                         "\"ownedByCustomer\":false}]"))
              .find("peers = [\"100.64.158.4\", \"100.64.158.5\"]") != std::string::npos);
    for (const std::string inner :
         {"", "x", "10.128.0.0", "10.255.255.255", "127.0.0.1", "10.1.1.1/9"})
        CHECK(error_of(import("[" + entry("172.21.0.100", inner, "9", "true") + "," +
                              entry("100.64.158.4", "", "9", "false") + "]"))
                  .find("peers.json:1:20: innerIpAddress") == 0);

    const auto error = import("[ {\"ownedByCustomer\":true, \"outerIpAddress\":\"172.21.0.100\"},\n"
                              "  {\"\xe6\x97\xa5\": 1, \"ownedByCustomer\": 7}]")
                           .error();
    CHECK(told(error) == "peers.json:2:31: ownedByCustomer: not-one-of {words=true or false}");
    CHECK(excerpt(error) == "      {\"\xe6\x97\xa5\": 1, \"ownedByCustomer\": 7}]\n"
                            "                                  ^\n");
}

TEST_CASE("soracom: names are such that the file says them") {
    for (const std::string name : {"a\"b\\c", "x]y", "a.b", "\xe6\x97\xa5", "#x", "'"}) {
        SoracomChoice choice;
        choice.name = name;
        choice.dev = name;
        CHECK(file_of(import(sample, std::nullopt, choice)).find("[vxlan.\"") == 0);
    }
    for (const std::string name :
         {"", "a b", "a\nb", "\xff", "a/b", "sixteen_bytes_xx", "\x1b[2J"}) {
        SoracomChoice choice;
        choice.name = name;
        CHECK(error_of(import(sample, std::nullopt, choice)).find("--name '") == 0);
    }
    auto host = this_host;
    host[1].link = "e\xff";
    CHECK(error_of(import(sample, std::nullopt, {}, host)).find("name-not-utf8") !=
          std::string::npos);
}

TEST_CASE("soracom: huge and deeply nested texts are refused") {
    const auto error = [](const std::string& text) {
        const auto imported = import(text);
        const std::string excerpt_text = imported ? "" : excerpt(imported.error());
        CHECK(excerpt_text.size() < 3000);
        return error_of(imported);
    };
    const std::size_t depth = 100'000;
    CHECK(error(std::string(depth, '[')).find("found=a list") != std::string::npos);
    for (const std::string opening : {"[", "{\"a\":"}) {
        std::string text = "[{\"x\":";
        for (std::size_t i = 0; i < depth; ++i)
            text += opening;
        CHECK(error(text).find("json-too-deep {most=64}") != std::string::npos);
    }
    CHECK(error("[{\"x\":" + std::string(62, '[') + "0" + std::string(62, ']') + "}]")
              .find("not-a-gate-peer") != std::string::npos);
    CHECK(error(std::string(100 << 20, ' ')) == "peers.json:1:1: text-too-large {mib=8}");
    std::string many = "[{}";
    while (many.size() < 1 << 20)
        many += ",{}";
    CHECK(error(many + "]").find("json-list-too-long {most=10000}") != std::string::npos);
    // Nor does a long value make a long message.
    const std::string own = entry("172.21.0.100", "10.225.194.171", "9", "true");
    CHECK(error("[" + own + "," + entry(std::string(1 << 20, '1'), "", "9", "false") + "]").size() <
          300);
    CHECK(error("[" + std::string(1 << 20, '9') + "]").size() < 500);
    CHECK(error("{\"" + std::string(1 << 20, 'x') + "\x01\"}").size() < 500);
}

TEST_CASE("soracom: a damaged text is an error with a place, or one that says something else") {
    const auto check = [](const std::string& peers, const std::string& vpg) {
        const auto imported = import(peers, vpg);
        if (!imported) {
            const Error& error = imported.error();
            if (error.kind != ErrorKind::usage || told(error).empty()) FAIL(peers << vpg);
            const std::string text = excerpt(error);
            if (text.empty()) return;
            // The caret is not farther than one behind the line.
            std::size_t characters = 0;
            for (const char byte : error.place->text)
                characters += (static_cast<unsigned char>(byte) & 0xc0) != 0x80 ? 1 : 0;
            if (error.place->column > characters + 1) FAIL(peers << vpg << text);
            return;
        }
        const SourceText file{"a.toml", file_text(imported->tunnel)};
        CHECK(parse_files(std::span(&file, 1), [](auto, const auto&) {
                  return Result<std::string>(error(Code::peers_file_unexpected));
              }).errors.empty());
    };
    const std::string vpg =
        "{\"gateVxlanId\":11,\"gateOpened\":true,\"vpgId\":\"x\",\n"
        "\"ueSubnetCidrRange\":\"10.128.0.0/9\",\"vpcPeeringConnections\":null}";
    REQUIRE(import(sample, vpg));
    for (std::size_t size = 0; size < sample.find_last_of(']'); ++size)
        CHECK_FALSE(import(sample.substr(0, size)));
    for (std::size_t size = 0; size < vpg.size(); ++size)
        CHECK_FALSE(import(sample, vpg.substr(0, size)));
    for (std::size_t at = 0; at < sample.size(); ++at)
        for (unsigned flip = 1; flip < 256; flip = is_long() ? flip + 1 : 2 * flip) {
            std::string damaged = sample;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
            check(damaged, vpg);
        }
    for (std::size_t at = 0; at < vpg.size(); ++at)
        for (unsigned flip = 1; flip < 256; flip = is_long() ? flip + 1 : 2 * flip) {
            std::string damaged = vpg;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
            check(sample, damaged);
        }
}
