// What runs, as a file that changes nothing.
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

TEST_CASE("export: a device of the old script is adopted by its own file, and not touched") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type vxlan id 10 dstport 4789 srcport 4789 4789 "
                   "local 172.21.0.100 dev eth0\n"
                   "ip addr add 10.225.194.171/9 broadcast 10.255.255.255 dev vxlan0\n"
                   "ip link set vxlan0 up\nfor peer in 4 132; do\n"
                   "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.$peer\ndone\n"
                   "ip route add 10.200.0.0/16 dev vxlan0 table 101 metric 7\n"
                   "ip route add 10.201.0.0/16 dev vxlan0\n"
                   "ip -6 route add 2001:db8:aa::/48 dev vxlan0\n"
                   "ip -6 route add 2001:db8:ab::/48 via fe80::1 dev vxlan0 metric 3");
    const auto exported = vxlanctl(host.space, "export vxlan0");
    INFO(exported.out << exported.err);
    REQUIRE(exported.code == 0);
    for (const char* line : {"[vxlan.vxlan0]\n", "dev = \"eth0\"\n", "local = \"172.21.0.100\"\n",
                             "addresses = [\"10.225.194.171/9\"]\n", "# has the MAC address "})
        CHECK(exported.out.find(line) != std::string::npos);
    CHECK(exported.out.find("routes = [\n"
                            "    { to = \"10.200.0.0/16\", table = 101, metric = 7 },\n"
                            "    { to = \"10.201.0.0/16\" },\n"
                            "    { to = \"2001:db8:aa::/48\" },\n"
                            "    { to = \"2001:db8:ab::/48\", via = \"fe80::1\", metric = 3 "
                            "},\n]\n") != std::string::npos);
    for (const char* word :
         {"vni", "port", "mtu", "learning", "also has"}) // as the kernel makes them
        CHECK(exported.out.find(word) == std::string::npos);
    CHECK(vxlanctl(host.space, "export nosuch").code == 2);
    CHECK(nlohmann::json::parse(vxlanctl(host.space, "export vxlan0 --json").out).at("toml") ==
          exported.out);

    auto before = listed(host.space);
    const auto adopted = apply_text(host.space, exported.out);
    INFO(adopted.err);
    CHECK(adopted.code == 0);
    CHECK(adopted.out.find("vxlan0: adopted\n") == 0);
    auto after = listed(host.space);
    for (auto* state : {&before, &after})
        (*state)["links"]["vxlan0"].erase("ifalias");
    CHECK(difference(before, after) == "");
    CHECK(vxlanctl(host.space, "export").out == exported.out);
}

TEST_CASE("export: what a file cannot say is a comment, and what others gave stays theirs") {
    const Host host;
    sh(host.space,
       "ip link add plain type vxlan id 20 dstport 4789 dev eth0\nip link set plain up\n"
       "ip link add idle type vxlan id 21 dstport 4789 local 172.21.0.100 dev eth0\n"
       "ip link add remote type vxlan id 22 dstport 4789 local 172.21.0.100 remote 100.64.158.9\n"
       "ip link set remote up");
    const auto made = vxlanctl(host.space, up_words + " --mtu 1400 --no-learning");
    INFO(made.err);
    REQUIRE(made.code == 0);
    sh(host.space, "ip addr add 10.225.194.200/9 dev vxlan0"); // of VRRP
    const auto exported = vxlanctl(host.space, "export plain idle remote vxlan0");
    INFO(exported.out);
    for (const std::string& part : std::vector<std::string>{
             "# plain is left out: local '0.0.0.0': " + clause("address-not-of-a-host") +
                 ".\n# [vxlan.plain]\n",
             "# idle is left out: apply would change it (~ up: no -> yes).\n",
             "# has a default remote", "# A file cannot state: remote = 100.64.158.9\n",
             "# also has the address 10.225.194.200/9, which somebody else gave it\n",
             "learning = false\n", "mtu = 1400\n"})
        CHECK(exported.out.find(part) != std::string::npos);
    const auto applied = apply_text(host.space, exported.out);
    INFO(applied.err);
    CHECK(applied.code == 0);
    CHECK(applied.out.find("2 tunnels: 2 adopted\n") != std::string::npos);
    CHECK(addresses(host.space, "vxlan0").size() == 2);
    CHECK(sh(host.space, "bridge fdb show dev remote").find("100.64.158.9") != std::string::npos);
}

TEST_CASE("export: one odd link does not keep apply from the others") {
    const Host host;
    sh(host.space, "add() { ip link add $1 type vxlan id $2 dstport 4789 dev eth0 local \"$3\"\n"
                   "ip link set $1 up; }\n"
                   "peer() { bridge fdb append 00:00:00:00:00:00 dev $1 dst $2; }\n"
                   "add good 30 172.21.0.100; peer good 100.64.158.4\n"
                   "add loop 31 172.21.0.100; peer loop 127.0.0.1\n"
                   "add self 32 172.21.0.100; peer self 172.21.0.100\n"
                   "add multi 33 172.21.0.100; peer multi 239.1.1.1\n"
                   "add net 34 172.21.0.100; ip addr add 172.22.0.0/16 dev net\n"
                   "add away 35 172.21.9.9\n"
                   "add big 36 172.21.0.100; ip link set eth0 mtu 1500\n"
                   "add low 37 172.21.0.100; ip addr add 10.50.0.1/24 dev low\n"
                   "add high 38 172.21.0.100; peer high 10.50.0.1\n"
                   "ip -6 route add 2001:db8:aa::/48 dev good expires 1000\n"
                   "ip -6 route add 2001:db8:ab::/48 dev good pref high");
    const auto exported = vxlanctl(host.space, "export good loop self multi net away big low high");
    INFO(exported.out);
    for (const std::string& part : std::vector<std::string>{
             "# loop is left out: ", "# self is left out: ", "# multi is left out: ",
             "# net is left out: ",
             "# away is left out: " + clause("local-not-here", {{"local", "172.21.9.9"}}),
             "\n[vxlan.big]\n", "\n[vxlan.low]\n",
             "# high is left out: " + clause("peer-is-own-address", {{"peer", "10.50.0.1"}}),
             "[vxlan.good]\n# also has a route to 2001:db8:aa::/48\n"
             "# also has a route to 2001:db8:ab::/48\n"})
        CHECK(exported.out.find(part) != std::string::npos);
    sh(host.space, "ip -6 route del 2001:db8:aa::/48"); // its time would differ
    auto before = listed(host.space);
    const auto applied = apply_text(host.space, exported.out);
    INFO(applied.err);
    CHECK(applied.code == 0);
    CHECK(applied.out.find("3 tunnels: 3 adopted\n") != std::string::npos);
    auto after = listed(host.space);
    for (auto* state : {&before, &after})
        for (const char* name : {"good", "big", "low"})
            (*state)["links"][name].erase("ifalias");
    CHECK(difference(before, after) == "");
}

TEST_CASE("export: as JSON, with what that cannot say in warnings") {
    const Host host;
    const auto& space = host.space;
    REQUIRE(vxlanctl(space, up_words + " --mtu 1400 --no-learning --route '10.128.0.0/9,table 101'")
                .code == 0);
    sh(space, "ip addr add 10.225.194.200/9 dev vxlan0\n" // of VRRP
              "ip link add plain type vxlan id 20 dstport 4789 dev eth0");
    const auto exported = vxlanctl(space, "export --format json");
    INFO(exported.out << exported.err);
    REQUIRE(exported.code == 0);
    const auto file = nlohmann::json::parse(exported.out);
    CHECK(file == nlohmann::json{{"vxlan",
                                  {{"vxlan0",
                                    {{"dev", "eth0"},
                                     {"local", "172.21.0.100"},
                                     {"mtu", 1400},
                                     {"learning", false},
                                     {"addresses", {"10.225.194.171/9"}},
                                     {"peers", {"100.64.158.4", "100.64.158.132"}},
                                     {"routes", {{{"to", "10.128.0.0/9"}, {"table", 101}}}}}}}}});
    CHECK(told(exported, "not-in-export", {"vxlan0: ", "10.225.194.200/9"}));
    CHECK(told(exported, "unmanaged-left-out", {"plain"}));
    RunOptions input;
    input.input = exported.out;
    const auto applied = vxlanctl(space, "apply -", input);
    CHECK(applied.code == 0);
    CHECK(applied.out.find("vxlan0: adopted\n") == 0);
    CHECK(vxlanctl(space, "check -", input).code == 0);
    CHECK(vxlanctl_counted(space, "apply -", {}, exported.out).writes == 0);

    const auto named = vxlanctl(space, "export plain --format json");
    CHECK(named.out == "{}\n");
    CHECK(told(named, "left-out-of-export", {"plain", "0.0.0.0"}));
    const auto json = nlohmann::json::parse(vxlanctl(space, "export --format json --json").out);
    CHECK(json.at("file") == file);
    CHECK(json.at("warnings").size() == 3);
    CHECK(json.at("warnings").at(0).at("code") == "not-in-export");
    CHECK(vxlanctl(space, "export --format json -q").err.empty());
    CHECK(vxlanctl(space, "export --format toml").out == vxlanctl(space, "export").out);
    for (const char* other : {"yaml", "JSON", "''"})
        CHECK(told(vxlanctl(space, std::string("export --format ") + other), "not-one-of",
                   {"toml, json or frr"}));
}
