#include "vxlanctl/files/script_words.h"

#include "told.h"
#include "vxlanctl/cli/command.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using Words = std::vector<std::string>;

namespace {

const Words with_cidr{"eth0",           "172.21.0.100", "vxlan0",        "10.225.194.171/9",
                      "10.255.255.255", "100.64.158.4", "100.64.158.132"};
const Words with_length{"eth0", "10.0.0.254",   "vxlan0",        "10.254.0.254",
                        "9",    "100.64.152.4", "100.64.152.132"};
const Words with_vni{"ens5", "172.31.38.0", "vxlan0",       "10.111.0.200",
                     "24",   "10",          "100.67.0.224", "100.67.0.228"};

Words with(Words words, std::size_t position, const std::string& word) {
    words.at(position) = word;
    return words;
}

std::string address_of(const Words& words) {
    const auto tunnel = tunnel_from_script(words);
    if (!tunnel) return told(tunnel.error());
    return tunnel->addresses->empty() ? "none" : to_string(tunnel->addresses->at(0));
}

std::string error_of(const Words& words) {
    const auto tunnel = tunnel_from_script(words);
    return tunnel ? "none" : told(tunnel.error());
}

/// LOCAL, address, VNI, peers.
std::string summary_of(const Words& words) {
    const auto tunnel = tunnel_from_script(words);
    if (!tunnel) return told(tunnel.error());
    std::string text = *tunnel->tunnel.dev + " " + to_string(*tunnel->tunnel.local) + " " +
                       tunnel->name + " " + address_of(words) + " " +
                       std::to_string(*tunnel->tunnel.vni);
    for (const auto& peer : *tunnel->peers)
        text += " " + to_string(peer.dst);
    return text;
}

} // namespace

TEST_CASE("script words: the three generations") {
    CHECK(summary_of(with_cidr) ==
          "eth0 172.21.0.100 vxlan0 10.225.194.171/9 10 100.64.158.4 100.64.158.132");
    CHECK(summary_of(with_length) ==
          "eth0 10.0.0.254 vxlan0 10.254.0.254/9 10 100.64.152.4 100.64.152.132");
    CHECK(summary_of(with_vni) ==
          "ens5 172.31.38.0 vxlan0 10.111.0.200/24 10 100.67.0.224 100.67.0.228");
    for (const auto& words : {with_cidr, with_length, with_vni}) {
        const auto tunnel = tunnel_from_script(words).value();
        CHECK(tunnel.tunnel.port == 4789);
        CHECK(tunnel.failed_port == 8472);
        CHECK(tunnel.link.up == true);
        CHECK_FALSE(tunnel.link.mtu);
        CHECK_FALSE(tunnel.routes);
    }
}

TEST_CASE("script words: the fifth one is a prefix length, a mask, or without a meaning") {
    CHECK(address_of(with(with_length, 4, "255.128.0.0")) == "10.254.0.254/9");
    CHECK(address_of(with(with_vni, 4, "255.255.255.0")) == "10.111.0.200/24");
    for (const char* meaningless : {"255.128.0.0", "9", "24", "", "10.255.255.255", "::"})
        CHECK(address_of(with(with_cidr, 4, meaningless)) == "10.225.194.171/9");
    CHECK(address_of(with(with_cidr, 3, "10.225.194.171/255.128.0.0")) == "10.225.194.171/9");
    CHECK(address_of(with(with(with_length, 3, "2001:db8::1"), 4, "64")) == "2001:db8::1/64");
}

TEST_CASE("script words: the sixth one is a VNI exactly where it is a bare number") {
    for (const auto& words : {with_cidr, with_length}) {
        auto more = words;
        more.insert(more.begin() + 5, "16777215");
        CHECK(tunnel_from_script(more)->tunnel.vni == 16777215U);
        CHECK(tunnel_from_script(more)->peers->size() == 2);
    }
    CHECK(error_of(with(with_vni, 5, "0")) == "VNI '0': not-in-range {low=1, high=16777215, or=}");
    CHECK(error_of(with(with_vni, 5, "99999999999999999999")) ==
          "VNI '99999999999999999999': not-in-range {low=1, high=16777215, or=}");
    CHECK(error_of(with(with_vni, 5, "10x")) == "PEER '10x': not-an-ip-address");
    CHECK(error_of(with(with_vni, 5, "")) == "PEER '': not-an-ip-address");
    CHECK(error_of(with(with_vni, 6, "10")) == "PEER '10': not-an-ip-address");
}

TEST_CASE("script words: an empty address states none, and not that the link is up") {
    for (const auto& words : {with_length, with_vni})
        for (const char* mask : {"9", "255.128.0.0", "", "10.255.255.255"}) {
            const auto tunnel = tunnel_from_script(with(with(words, 3, ""), 4, mask)).value();
            CHECK(tunnel.addresses == std::vector<Prefix>{});
            CHECK_FALSE(tunnel.link.up);
            CHECK(tunnel.peers->size() == 2);
        }
}

TEST_CASE("script words: a peer named twice is one") {
    CHECK(tunnel_from_script(with(with_length, 6, "100.64.152.4"))->peers->size() == 1);
}

TEST_CASE("script words: comments of SORACOM's console that no shell took away are none") {
    const std::string summary = summary_of(with_vni);
    for (const Words& comment : {Words{"`# outer address`"}, Words{"`#", "outer", "address`"},
                                 Words{"`#VNI`"}, Words{"`#", "10", "`"}})
        for (std::size_t at = 0; at <= with_vni.size(); ++at) {
            auto words = with_vni;
            words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), comment.begin(),
                         comment.end());
            CHECK(summary_of(words) == summary);
        }
    // One that does not end is a word in the wrong place.
    CHECK(error_of(with(with_vni, 7, "`# peer")) == "PEER '`# peer': not-an-ip-address");
    CHECK(error_of({"`# a`", "`# b`", "`# c`", "`# d`", "`# e`", "`# f`"})
              .starts_with("wrong-words"));
}

TEST_CASE("script words: the options of up beside them") {
    const OptionValues options{{"mtu", {"1400"}},
                               {"address", {"10.1.1.1/24"}},
                               {"route", {"10.2.0.0/16,via 10.1.1.2"}},
                               {"no-learning", {""}}};
    const auto tunnel = tunnel_from_script(with_vni, options).value();
    CHECK(tunnel.link.mtu == 1400U);
    CHECK(tunnel.addresses->size() == 2);
    CHECK(tunnel.routes->size() == 1);
    CHECK(tunnel.tunnel.learning == false);
    CHECK(tunnel.tunnel.vni == 10U);
    CHECK(tunnel.failed_port == 8472);
    const Words no_peer{with_length.begin(), with_length.begin() + 5};
    PeerList peers = parse_peers("100.64.152.4\n", "a.peers").value();
    CHECK(tunnel_from_script(no_peer, {}, peers)->peers->size() == 1);
    CHECK(tunnel_from_script(with_length, {{"vni", {"11"}}})->tunnel.vni == 11U);
    const auto told_of = [](const Words& words, const OptionValues& given) {
        const auto made = tunnel_from_script(words, given);
        return made ? "none" : told(made.error());
    };
    CHECK(told_of(with_vni, {{"vni", {"11"}}}) ==
          "options-contradict {one=--vni, other=the VNI 10 in front of the peers}");
    CHECK(told_of(with_vni, {{"mtu", {"x"}}}).starts_with("--mtu 'x': "));
    // What was meant is not what went wrong.
    CHECK_FALSE(tunnel_from_script(with_vni, {{"port", {"8472"}}})->failed_port);
}

TEST_CASE("script words: exact text of errors") {
    CHECK(error_of({}) == "wrong-words {words=DEV LOCAL IFNAME INNER MASK [VNI] PEER..., "
                          "help=vxlanctl init-vxlan --help}");
    const std::string no_peer = "no-peer-named";
    CHECK(error_of({with_length.begin(), with_length.begin() + 5}) == no_peer);
    CHECK(error_of({with_vni.begin(), with_vni.begin() + 6}) == no_peer);
    CHECK(error_of(with(with_length, 0, "")) == "DEV '': interface-name-empty");
    CHECK(error_of(with(with_length, 0, "-")) == "DEV '-': interface-name-is-option");
    CHECK(error_of(with(with_length, 1, "10.0.0.256")) == "LOCAL '10.0.0.256': not-an-ip-address");
    CHECK(error_of(with(with_length, 2, "a/b"))
              .starts_with("IFNAME 'a/b': interface-name-has-bad-characters"));
    CHECK(error_of(with(with_length, 3, "-")) == "INNER/MASK '-/9': not-an-ip-address");
    CHECK(error_of(with(with_length, 4, "10.255.255.255"))
              .starts_with("INNER/MASK '10.254.0.254/10.255.255.255': prefix-length-wrong "
                           "{length=10.255.255.255"));
    CHECK(error_of(with(with_cidr, 3, "10.225.194.171/33"))
              .starts_with("INNER '10.225.194.171/33': prefix-length-wrong {length=33"));
    CHECK(error_of(with(with_cidr, 4, "eth1")) == "MASK 'eth1': script-mask-wrong");
    CHECK(error_of(with(with_length, 5, "10.0.0.254")) == "peer 10.0.0.254: address-is-local");
    CHECK(error_of(with(with_length, 5, "2001:db8::1")) ==
          "peer 2001:db8::1: peer-of-other-family {local=10.0.0.254}");
    CHECK(error_of(with(with_length, 2, "a\033[31m")).find('\033') == std::string::npos);
}

TEST_CASE("script words: the name of the program decides, in whatever directory it is") {
    for (const char* path : {"init_vxlan.sh", "/root/gate_init_vxlan.sh", "./init_vxlan.sh",
                             "/opt/a b/gate_init_vxlan.sh"})
        CHECK(is_script(path));
    for (const char* path : {"", "/", "vxlanctl", "init_vxlan", "my_init_vxlan.sh",
                             "/init_vxlan.sh/vxlanctl", "init_vxlan.sh.old"})
        CHECK_FALSE(is_script(path));
    const std::vector<const char*> as_script{"/root/init_vxlan.sh", "eth0", "", "--json"};
    CHECK(words_of_call(as_script) == Words{"init-vxlan", "--", "eth0", "", "--json"});
    const auto parsed = parse_arguments(words_of_call(as_script)).value();
    CHECK(parsed.command == "init-vxlan");
    CHECK(parsed.words == Words{"eth0", "", "--json"});
    CHECK(parsed.options.empty());
    const std::vector<const char*> as_itself{"vxlanctl", "init-vxlan", "eth0", "", "--json"};
    const auto itself = parse_arguments(words_of_call(as_itself)).value();
    CHECK(itself.words == Words{"eth0", ""});
    CHECK(itself.has("json"));
    CHECK(words_of_call({}).empty());
}
