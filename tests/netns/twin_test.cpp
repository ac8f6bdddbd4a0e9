// What --ip-commands prints, run by a shell, makes in a twin what the program makes itself.
#include "twins.h"

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/link_codec.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <set>

using namespace world;

namespace {

/// An option, and the attribute that it stands for.
struct Option {
    std::string attribute, words;
};
const Option creating[] = {{"vni", "--vni 77"},
                           {"port", "--port 4790"},
                           {"mtu", "--mtu 1400"},
                           {"mac", "--mac 02:00:00:00:00:aa"},
                           {"ttl", "--ttl 64"},
                           {"ttl_inherit", "--ttl inherit"},
                           {"tos", "--tos 16"},
                           {"tos", "--tos inherit"},
                           {"df", "--df set"},
                           {"df", "--df inherit"},
                           {"ageing", "--ageing 60"},
                           {"learning", "--no-learning"},
                           {"srcport", "--srcport 10000-20000"},
                           {"udp_csum", "--no-udp-csum"},
                           {"limit", "--limit 100"},
                           {"master", "--master br0"}};
/// Without an option: what iproute2 calls it. A replacement keeps it.
const Option kept[] = {{"proxy", "proxy"},
                       {"rsc", "rsc"},
                       {"l2miss", "l2miss"},
                       {"l3miss", "l3miss"},
                       {"remcsum_tx", "remcsumtx"},
                       {"remcsum_rx", "remcsumrx"},
                       {"gbp", "gbp"},
                       {"udp6_zero_csum_rx", "udp6zerocsumrx"},
                       {"label", "flowlabel 74565"}};

const std::string up6_words =
    "up eth0 2001:db8:21::100 vxlan0 10.225.194.171/9 2001:db8:64::4 2001:db8:64::132";

/// The words of `up` with all of the options that go together.
std::string with_everything(const std::string& words) {
    return words + " --vni 77 --port 4790 --mtu 1400 --mac 02:00:00:00:00:aa --ttl 64 --tos 4 "
                   "--df set --ageing 60 --no-learning --srcport 10000-20000 --no-udp-csum --limit "
                   "100 --master br0 --address 192.0.2.1/24 --address 2001:db8:9::1/64 --route "
                   "'10.9.0.0/16,via 10.192.158.4,metric 7' --route 2001:db8:7::/48 --rule 'from "
                   "172.21.0.100,table 100' --rule 'to 2001:db8:64::/48,table 101,priority 77'";
}

} // namespace

TEST_CASE("twin: a creation, with every option alone and with all of them") {
    Twins twins;
    twins.both("ip link add br0 address 02:00:00:00:00:b0 type bridge");
    for (const auto& option : creating) {
        twins.run(up_words + " " + option.words);
        twins.both("ip link del vxlan0");
    }
    twins.run(up6_words + " --no-udp-csum");
    twins.run("down vxlan0");
    for (const auto& words :
         {up_words, up6_words,
          std::string("up - 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4")}) {
        twins.run(with_everything(words));
        CHECK(twins.run("down vxlan0").ends_with("ip link del dev vxlan0\n"));
    }
}

TEST_CASE("twin: a change in place, with every option alone and with all of them") {
    Twins twins;
    twins.both("ip link add br0 address 02:00:00:00:00:b0 type bridge");
    for (const auto& words : {up_words, up6_words}) {
        twins.run(words);
        for (const char* option :
             {"--mtu 1400", "--mac 02:00:00:00:00:ab", "--ttl 64", "--tos 16", "--tos inherit",
              "--df set", "--ageing 60", "--no-learning", "--master br0",
              "--address 192.0.2.1/24 --address 2001:db8:9::1/64",
              "--mtu 1300 --ttl 9 --tos 0xfc --df inherit --ageing 9 --no-learning --master br0"})
            twins.run(words + " " + option);
        twins.run(words); // all of the defaults
        twins.both("ip link del vxlan0");
    }
    twins.run("up - 172.21.0.100 vxlan0 - 100.64.158.4");
    twins.both("ip addr add 172.21.0.101/24 dev eth0");
    twins.run("up eth0 172.21.0.101 vxlan0 - 100.64.158.4");
}

TEST_CASE("twin: an adoption is nothing but the mark, which the commands leave out") {
    Twins twins;
    twins.both("ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0\n"
               "ip addr add 10.225.194.171/9 brd + dev vxlan0; ip link set vxlan0 up\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132\n");
    CHECK(twins.run(up_words) ==
          "# vxlan0: the mark in the alias is vxlanctl's own, and is left out\n");
}

TEST_CASE("twin: peers come and go, with ports, VNIs and interfaces, and with a default remote") {
    Twins twins;
    twins.run(up_words);
    twins.run("up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.133");
    twins.both("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9 port 4790\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9 vni 11\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9 via eth0\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 port 4790 vni 11 "
               "via eth0\n"
               "bridge fdb add 02:00:00:00:00:09 dev vxlan0 dst 100.64.158.9 dynamic\n"
               "bridge fdb add 02:00:00:00:00:08 dev vxlan0 dst 100.64.158.9 port 4790 vni 11 via "
               "eth0 dynamic\n"
               "bridge fdb add 02:00:00:00:00:04 dev vxlan0 dst 100.64.158.4 dynamic\n"
               "ip link set vxlan0 type vxlan remote 100.64.158.7\n");
    twins.run(up_words);
    // One append gives the whole list its state.
    twins.both("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 dynamic");
    twins.run(up_words);
}

TEST_CASE("twin: addresses of one subnet, with somebody's secondary") {
    Twins twins;
    twins.run(up_words + " --address 2001:db8:9::1/64");
    twins.both("ip addr add 10.225.194.200/9 dev vxlan0");
    const auto commands =
        twins.run("up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.132 "
                  "--address 2001:db8:9::1/72");
    CHECK(commands.find("promote_secondaries") != std::string::npos);
    CHECK(addresses(twins.theirs.space, "vxlan0") ==
          std::vector<std::string>{"10.225.194.200/9", "10.225.194.172/9", "2001:db8:9::1/72"});
    twins.both("ip addr add 192.0.2.1 peer 192.0.2.9/32 dev vxlan0\n"
               "ip addr add 2001:db8:8::1 peer 2001:db8:8::9/128 dev vxlan0\n"
               "ip addr add 192.0.2.65/26 label vxlan0:1 dev vxlan0\n"
               "bridge fdb add 02:00:00:00:00:09 dev vxlan0 dst 100.64.158.9 static\n");
    twins.run("up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.132 "
              "--exclusive");
}

TEST_CASE("twin: routes and rules, elsewhere as well") {
    Twins twins;
    const std::string elsewhere = up_words + " --route '100.64.0.0/16,via 172.21.0.1,dev eth0,"
                                             "table 100' --rule 'from 172.21.0.100,table 100'"
                                             " --rule 'from 2001:db8:21::100,table 100'";
    twins.run(elsewhere);
    twins.run(elsewhere + " --route '10.9.0.0/16,via 10.192.158.4' --route 2001:db8:7::/48");
    CHECK(twins.run(elsewhere + " --route '10.9.0.0/16,via 10.192.158.5' --route 192.0.2.0/24")
              .find("ip -4 route append 10.9.0.0/16 via 10.192.158.5") != std::string::npos);
    twins.run(up_words + " --rule 'from 172.21.0.100,table 101' --rule 'to 100.64.0.0/16,table "
                         "101,priority 9'");
    twins.run("down vxlan0");
}

TEST_CASE("twin: a replacement keeps every attribute that has no option") {
    int number = 0;
    for (const auto& option : kept) {
        if (is_brief() && ++number % 4 != 0) continue;
        INFO(option.words);
        Twins twins;
        const bool needs_ipv6 =
            option.attribute == "udp6_zero_csum_rx" || option.attribute == "label";
        twins.both(fmt::format(
            "ip link add vxlan0 type vxlan id 9 dstport 4789 local {} dev eth0 {}; ip link set "
            "vxlan0 up",
            needs_ipv6 ? "2001:db8:21::100" : "172.21.0.100", option.words));
        const auto& words = needs_ipv6 ? up6_words : up_words;
        twins.run(words + " --allow-recreate --keep-foreign");
        CHECK(
            sh(twins.theirs.space, "ip -d link show dev vxlan0").find(option.words.substr(0, 4)) !=
            std::string::npos);
    }
}

TEST_CASE("twin: no attribute of a VXLAN is forgotten") {
    // In every `up`, or none that a link with a flood list can have, or in the next test.
    std::set<std::string> names{"local",        "remote",    "dev",         "gpe",
                                "external",     "vnifilter", "localbypass", "remcsum_nopartial",
                                "reserved_bits"};
    for (const auto& option : creating)
        names.insert(option.attribute);
    for (const auto& option : kept)
        names.insert(option.attribute);
    for (const auto& row : vxlanctl::tunnel_attributes(vxlanctl::TunnelKind::vxlan)) {
        INFO(row.name);
        CHECK(names.contains(std::string(row.name)));
    }
}

TEST_CASE("twin: what iproute2 has no word for is a comment that says so") {
    Twins twins;
    vxlanctl::TunnelAttributes vxlan;
    vxlan.vni = 10;
    vxlan.port = 4789;
    vxlan.local = *vxlanctl::parse_address("172.21.0.100");
    vxlan.ttl = 5; // which only counts without the other one
    vxlan.ttl_inherit = true;
    vxlan.remcsum_nopartial = true;
    vxlan.localbypass = false;                 // since Linux 6.4; earlier ones ignore it
    vxlan.reserved_bits = 0x40000000'00000000; // since Linux 6.14
    vxlanctl::MessageBatch batch;
    vxlanctl::MessageWriter writer(batch);
    vxlanctl::encode_create(writer, "vxlan0", {}, vxlan, {});
    {
        const vxlanctl::Kernel kernel(
            vxlanctl::NetworkNamespace::open(
                fmt::format("/proc/self/fd/{}", twins.ours.space.descriptor()))
                .value());
        auto socket = kernel.netlink();
        REQUIRE(socket);
        const auto failures = vxlanctl::Netlink(*socket).request(batch, [](const nlmsghdr*) {});
        REQUIRE(failures);
        REQUIRE(failures->empty());
    }
    sh(twins.theirs.space,
       "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 ttl inherit\n"
       "ip link set vxlan0 type vxlan ttl 5");
    const auto before = world::vxlanctl(twins.ours.space, "show --json vxlan0");
    const auto commands = twins.run(
        "up - 172.21.0.100 vxlan0 - 100.64.158.4 --limit 3 --allow-recreate --keep-foreign");
    const auto shown = nlohmann::json::parse(before.out).at("tunnels").at(0).at("vxlan");
    CHECK(commands.find(
              std::string("\n# vxlan0: left out, since iproute2 6.1 has no word for it: "
                          "remcsum_nopartial yes") +
              (shown.at("localbypass") == false ? ", localbypass no" : "") +
              (shown.contains("reserved_bits") ? ", reserved_bits 0x4000000000000000" : "") +
              "\n") != std::string::npos);
    CHECK(commands.find("ip link set dev vxlan0 type vxlan ttl 5\n") != std::string::npos);
}

TEST_CASE("twin: a route that words do not say whole is not added, and a comment says so") {
    Twins twins;
    twins.both("ip link add vxlan0 type vxlan id 9 dstport 4789 local 172.21.0.100 dev eth0\n"
               "ip link set vxlan0 up\n"
               "ip route add 203.0.113.0/24 dev vxlan0 features ecn");
    const auto commands =
        world::vxlanctl(twins.ours.space, up_words + " --allow-recreate -n --ip-commands").out;
    CHECK(commands.find("\n# not said in words (metric 12), so that this is left out: ip -4 route "
                        "add 203.0.113.0/24 dev vxlan0 ") != std::string::npos);
    sh(twins.theirs.space, commands);
    CHECK(sh(twins.theirs.space, "ip route show 203.0.113.0/24") == "");
}

TEST_CASE("twin: a replacement keeps what others put on and around the link") {
    Twins twins;
    twins.both("ip link add br0 address 02:00:00:00:00:b0 type bridge");
    twins.run(up_words + " --ttl 9");
    twins.both(
        "ip link set vxlan0 group 7 txqueuelen 77 mtu 1400 master br0\n"
        "ip link set vxlan0 type vxlan tos 0x14 ageing 77\n"
        "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/promote_secondaries\n"
        "ip addr add 10.225.194.200/9 brd 10.255.255.254 label vxlan0:vip dev vxlan0\n"
        "ip addr add 10.225.194.201/9 label other:1 dev vxlan0\n"
        "ip addr add 10.2.0.1/32 scope link dev vxlan0\n"
        "ip addr add 10.2.0.2/32 preferred_lft 0 dev vxlan0\n"
        "ip addr add 192.0.2.1 peer 192.0.2.128/25 metric 77 dev vxlan0\n"
        "ip addr add 198.51.100.1/24 noprefixroute dev vxlan0\n"
        "ip addr add 198.51.100.65/26 valid_lft 9000 preferred_lft 5000 dev vxlan0\n"
        "ip addr add 2001:db8:9::1/64 metric 5 nodad home dev vxlan0\n"
        "ip addr add 2001:db8:8::1/64 noprefixroute preferred_lft 0 dev vxlan0\n"
        "ip route add 203.0.113.0/26 via 10.192.158.4 metric 7 proto static src 10.225.194.200 "
        "dev vxlan0\n"
        "ip route add 203.0.113.64/26 via 10.9.9.9 onlink mtu lock 1300 advmss 1200 initcwnd 9 "
        "dev vxlan0\n"
        "ip route add 203.0.113.128/26 tos 0x10 dev vxlan0 scope 250\n"
        "ip route add broadcast 203.0.113.192/32 dev vxlan0\n"
        "ip route add local 203.0.113.193/32 dev vxlan0 table 7\n"
        "ip route add 203.0.113.194/32 dev vxlan0 hoplimit 7 quickack 1\n"
        "ip -6 route add 2001:db8:6::/48 via 2001:db8:9::2 pref high mtu 1300 dev vxlan0\n"
        "ip -6 route add 2001:db8:7::/48 metric 9 src 2001:db8:9::1 pref low dev vxlan0\n"
        "ip neigh add 10.192.158.4 lladdr 02:00:00:00:00:04 dev vxlan0\n"
        "ip neigh add 2001:db8:9::2 lladdr 02:00:00:00:00:05 router dev vxlan0\n"
        "ip neigh add 10.192.158.5 lladdr 02:00:00:00:00:06 extern_learn dev vxlan0 nud permanent\n"
        "bridge fdb add 02:00:00:00:00:01 dev vxlan0 dst 100.64.158.4 port 4790 vni 9 via eth0\n"
        "bridge fdb add 02:00:00:00:00:02 dev vxlan0 dst 100.64.158.4 static router\n"
        "bridge fdb add 02:00:00:00:00:03 dev vxlan0 dst 100.64.158.4 dynamic extern_learn\n"
        "bridge fdb append 01:00:5e:00:00:05 dev vxlan0 dst 100.64.158.4\n"
        "bridge fdb append 01:00:5e:00:00:05 dev vxlan0 dst 100.64.158.132\n");
    sh(twins.ours.space, "ip link set vxlan0 alias \"customer's A | $(ip -d -j link show vxlan0 | "
                         "sed 's/.*\"ifalias\":\"\\([^\"]*\\)\".*/\\1/')\"");
    sh(twins.theirs.space, "ip link set vxlan0 alias \"customer's A\"");
    const std::string allowed = " --ttl 9 --allow-recreate --keep-foreign";
    SECTION("beside the old one") {
        const auto commands = twins.run(up_words + " --vni 11" + allowed);
        CHECK(commands.find("ip link del dev vxlan0\nip link set dev vx") != std::string::npos);
    }
    SECTION("in its place") {
        CHECK(twins.run(up_words + " --limit 9" + allowed).starts_with("ip link del dev vxlan0\n"));
    }
    SECTION("and drops it when told so") {
        twins.run(up_words + " --limit 9 --ttl 9 --allow-recreate --drop-foreign");
    }
}

TEST_CASE("twin: the flood list of a control plane keeps its flag") {
    Twins twins;
    twins.both(
        "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0\n"
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9 via eth0 extern_learn\n"
        "ip link set vxlan0 up\n");
    twins.run(up_words + " --adopt");
}

TEST_CASE("twin: names that a shell, iproute2 or sysctl would take for something else", "[long]") {
    for (const std::string name : {"type", "a=b.1", "it;s*", "$(id)", "~", "#x", "\\", "none"}) {
        INFO(name);
        Twins twins;
        twins.both(fmt::format("ip link add dev 'b{0}' address 02:00:00:00:00:b0 type bridge\n"
                               "ip link set dev 'b{0}' up; ip link set dev eth0 down\n"
                               "ip link set dev eth0 name '{0}'; ip link set dev '{0}' up",
                               name));
        const auto words = [&](const std::string& inner) {
            return fmt::format("up '{0}' 172.21.0.100 't{0}' {1} 100.64.158.4 --master 'b{0}' "
                               "--route '192.0.2.0/24,dev b{0}'",
                               name, inner);
        };
        twins.run(words("10.1.0.1/24"));
        twins.both(fmt::format("ip addr add 10.1.0.9/24 dev 't{0}'\n"
                               "bridge fdb append 00:00:00:00:00:00 dev 't{0}' dst 100.64.158.9 "
                               "via '{0}'",
                               name));
        twins.run(words("10.1.0.2/24"));
    }
    for (const std::string name : {"type", "dev", "name", "address"}) {
        Twins twins;
        twins.run(fmt::format("up eth0 172.21.0.100 {} 10.1.0.1/24 100.64.158.4", name));
        twins.run("down " + name);
    }
}
