// Links on a tunnel: what the kernel removes with it must not be a surprise.
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>

using namespace world;

namespace {

const std::string upper = "[vxlan.upper]\ndev = \"lower\"\nlocal = \"10.9.0.1\"\nvni = 12\n"
                          "addresses = [\"10.8.0.1/24\"]\npeers = [\"10.9.0.2\"]\n";

std::string lower(const std::string& vni) {
    return "[vxlan.lower]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\naddresses = "
           "[\"10.9.0.1/24\"]\npeers = [\"100.64.158.4\"]\nvni = " +
           vni + "\n";
}

/// A tunnel on a tunnel, which others gave something besides.
struct Stack {
    Host host;
    const Namespace& space = host.space;
    Stack() {
        write_text("/run/before.toml", upper + lower("11"));
        write_text("/run/after.toml", upper + lower("13"));
        REQUIRE(vxlanctl(space, "apply /run/before.toml").code == 0);
        sh(space, "ip addr add 10.8.0.200/24 dev upper\nip route add 10.50.0.0/16 dev upper\n"
                  "bridge fdb add 02:00:00:00:00:01 dev upper dst 10.9.0.2 static\n"
                  "ip link set upper alias 'mine | " +
                      link(space, "upper").at("ifalias").get<std::string>() + "'");
    }
};

nlohmann::json without_mark(nlohmann::json state) {
    for (auto& link : state.at("links"))
        link.erase("ifalias");
    return state;
}

} // namespace

TEST_CASE("stacking: what stands on a replaced tunnel is made again, with what others gave it",
          "[kernel]") {
    const Stack stack;
    const Namespace& space = stack.space;
    const auto before = snapshot(space);
    const auto refused = vxlanctl(space, "plan /run/after.toml");
    CHECK(refused.code == 4);
    const auto undecided = vxlanctl(space, "apply /run/after.toml --allow-recreate");
    CHECK(undecided.code == 4); // the upper one has an address that nobody stated
    INFO(undecided.err);
    CHECK(told(undecided, "cannot-go-without", {"lower", "upper"}));
    CHECK(difference(before, snapshot(space)) == "");

    const std::string allowed = " /run/after.toml --allow-recreate --keep-foreign";
    const auto planned = vxlanctl(space, "plan" + allowed);
    INFO(planned.out << planned.err);
    CHECK(planned.code == 0);
    CHECK(planned.out.find("upper: would be replaced") != std::string::npos);
    const auto commands = vxlanctl(space, "plan --ip-commands" + allowed);
    CHECK(commands.out.find("ip link add dev upper") != std::string::npos);
    const auto applied = vxlanctl(space, "apply" + allowed);
    INFO(applied.out << applied.err);
    REQUIRE(applied.code == 0);
    CHECK(addresses(space, "upper") == std::vector<std::string>{"10.8.0.1/24", "10.8.0.200/24"});
    CHECK(macs(space, "upper") == std::vector<std::string>{"02:00:00:00:00:01 10.9.0.2"});
    CHECK(sh(space, "ip route show dev upper").find("10.50.0.0/16") != std::string::npos);
    const std::string alias = link(space, "upper").at("ifalias");
    CHECK(alias.starts_with("mine | vxlanctl/1 file "));
    CHECK(vxlanctl(space, "check /run/after.toml").code == 0);
}

TEST_CASE("stacking: a replacement that was not confirmed leaves what stood on the tunnel") {
    const Stack stack;
    const auto before = without_mark(listed(stack.space));
    const auto applied =
        vxlanctl(stack.space, "apply /run/after.toml --allow-recreate --keep-foreign --confirm 1");
    INFO(applied.out << applied.err);
    CHECK(applied.code == 1);
    CHECK(difference(before, without_mark(listed(stack.space))) == "");
    CHECK(vxlanctl(stack.space, "check /run/before.toml").code == 0);
}

TEST_CASE("stacking: a tunnel stands on another one by its local address, too") {
    const Stack stack;
    const Namespace& space = stack.space;
    sh(space, "ip link del upper; rm /run/before.toml"); // so that `up` may change what it says
    REQUIRE(vxlanctl(space, "up - 10.9.0.1 free 10.8.0.1/24 10.9.0.2 --vni 12").code == 0);
    const auto before = snapshot(space);
    const auto refused = vxlanctl(space, "down lower");
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "tunnels-depend-on-it", {"lower", "free"}));
    const auto readdressed = vxlanctl(
        space, "up eth0 172.21.0.100 lower 10.9.1.1/24 100.64.158.4 --vni 13 --allow-recreate");
    CHECK(readdressed.code == 4);
    CHECK(told(readdressed, "dependants-would-carry-nothing", {"free"}));
    CHECK(difference(before, snapshot(space)) == "");

    // With the same address, what stands on it goes on.
    CHECK(vxlanctl(space, "up eth0 172.21.0.100 lower 10.9.0.1/24 100.64.158.4 --vni 13 "
                          "--allow-recreate")
              .code == 0);
    SECTION("with it") {
        CHECK(vxlanctl(space, "down lower free").code == 0);
    }
    SECTION("by force") {
        CHECK(vxlanctl(space, "down lower --force").code == 0);
        CHECK(vxlanctl(space, "down free").code == 0);
    }
    CHECK(sh(space, "ip -br link show type vxlan") == "");
}

TEST_CASE("stacking: a tunnel that others stand on is not removed without them") {
    const Stack stack;
    const Namespace& space = stack.space;
    const auto before = snapshot(space);
    write_text("/run/before.toml", upper);
    for (const char* words :
         {"apply --prune /run/before.toml", "plan --prune /run/before.toml", "down lower"}) {
        const auto refused = vxlanctl(space, words);
        INFO(words << "\n" << refused.err);
        CHECK(refused.code == 4);
        CHECK(told(refused, "interfaces-depend-on-it", {"lower", "upper"}));
    }
    sh(space, "ip link add other type vxlan id 5 dstport 4789 local 10.8.0.1 dev upper");
    CHECK(told(vxlanctl(space, "down lower upper"), "interfaces-depend-on-it", {"other"}));
    CHECK(link_exists(space, "lower"));
    const auto replaced = vxlanctl(space, "apply /run/after.toml --allow-recreate --keep-foreign");
    INFO(replaced.err);
    CHECK(replaced.code == 4);
    CHECK(told(replaced, "uppers-would-be-lost", {"upper", "other"}));
    sh(space, "ip link del other");
    CHECK(difference(before, snapshot(space)) == "");

    SECTION("with them") {
        CHECK(vxlanctl(space, "down lower upper").code == 0);
    }
    SECTION("by force") {
        CHECK(vxlanctl(space, "down lower --force").code == 0);
    }
    CHECK(sh(space, "ip -br link show type vxlan") == "");
}
