// A tunnel as the port of a bridge, which somebody else has made.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

using namespace world;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string tunnel_on(const std::string& bridge, const std::string& keys) {
    return "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmaster = \"" + bridge +
           "\"\npeers = [\"100.64.158.4\"]\n" + keys;
}

std::string port(const Namespace& space) {
    return sh(space, "bridge -d link show dev vxlan0");
}

/// A host behind the bridge of the test's host.
struct Bridged : Network {
    Bridged() {
        sh(host.space,
           "ip link add br0 type bridge; ip link set br0 up\n"
           "ip link add port0 type veth peer name inner0; ip link set port0 master br0 "
           "up\n"
           "ip link set inner0 netns " +
               ("/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(inner.descriptor())));
        sh(inner, "ip addr add 10.225.194.171/9 dev inner0; ip link set inner0 up");
    }
    Namespace inner;
};

const std::string all_set = "addr_gen_mode = \"none\"\nbridge_port = { learning = false, "
                            "neigh_suppress = true, isolated = true, unicast_flood = false, "
                            "multicast_flood = false, broadcast_flood = false, hairpin = true }\n";

} // namespace

TEST_CASE("bridge port: everything is set, put back where somebody changed it, and reset") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add br0 type bridge; ip link set br0 up");
    const auto made = apply_text(space, tunnel_on("br0", all_set));
    INFO(made.err);
    REQUIRE(made.code == 0);
    const std::string before = port(space);
    for (const char* part : {"learning off", "neigh_suppress on", "isolated on", " flood off",
                             "mcast_flood off", "bcast_flood off", "hairpin on"})
        CHECK(has(before, part));
    CHECK(has(sh(space, "ip -d link show dev vxlan0"), "addrgenmode none"));
    CHECK(vxlanctl_counted(space, "check").writes == 0);
    sh(space, "bridge link set dev vxlan0 learning on hairpin off\n"
              "ip link set dev vxlan0 addrgenmode eui64");
    const auto healed = apply_text(space, tunnel_on("br0", all_set));
    CHECK(healed.code == 0);
    CHECK(port(space) == before);
    CHECK(has(sh(space, "ip -d link show dev vxlan0"), "addrgenmode none"));

    const auto shown = nlohmann::json::parse(vxlanctl(space, "show vxlan0 --json").out);
    const auto& tunnel = shown.at("tunnels").at(0);
    CHECK(tunnel.at("bridge_port").at("learning") == false);
    CHECK(tunnel.at("bridge_port").at("isolated") == true);
    CHECK(tunnel.at("addr_gen_mode") == "none");
    CHECK(has(vxlanctl(space, "show vxlan0").out, "bridge_neigh_suppress yes"));
    const auto exported = vxlanctl(space, "export vxlan0").out;
    CHECK(has(exported, "bridge_port = { learning = false, neigh_suppress = true"));
    CHECK(apply_text(space, exported, "--dry-run").out.find("would be") == std::string::npos);

    CHECK(apply_text(space, tunnel_on("br0", "")).code == 0);
    for (const char* part : {"learning on", "neigh_suppress off", "isolated off", " flood on",
                             "mcast_flood on", "bcast_flood on", "hairpin off"})
        CHECK(has(port(space), part));
    CHECK(has(sh(space, "ip -d link show dev vxlan0"), "addrgenmode eui64"));
}

TEST_CASE("bridge port: the commands of iproute2 do the same") {
    const Host one, other;
    for (const auto* host : {&one, &other})
        sh(host->space, "ip link add br0 type bridge; ip link set br0 up");
    const auto commands = apply_text(one.space, tunnel_on("br0", all_set), "-n --ip-commands").out;
    INFO(commands);
    sh(one.space, commands);
    REQUIRE(apply_text(other.space, tunnel_on("br0", all_set)).code == 0);
    const auto words = [](const Namespace& space) {
        const auto text = port(space);
        return text.substr(text.find("hairpin"));
    };
    CHECK(words(one.space) == words(other.space));
}

TEST_CASE("bridge port: `set` changes one thing, and the other things stay") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add br0 type bridge; ip link set br0 up");
    REQUIRE(
        vxlanctl(space, up_words + " --master br0 --bridge-isolated --no-bridge-learning").code ==
        0);
    const auto set = vxlanctl(space, "set vxlan0 --bridge-learning");
    INFO(set.err);
    CHECK(set.code == 0);
    CHECK(has(port(space), "learning on"));
    CHECK(has(port(space), "isolated on"));
    const auto wrong = vxlanctl(space, "set vxlan0 --bridge-vlans 5,x");
    CHECK(wrong.code == 2);
    CHECK(told(wrong, "not-vlans"));
    CHECK(vxlanctl(space, "set vxlan0 --master none").code == 0);
    CHECK(vxlanctl(space, "check").code == 0);
}

TEST_CASE("bridge port: --wait waits for the bridge") {
    const Host host;
    const Namespace& space = host.space;
    const auto in_vain = apply_text(space, tunnel_on("br0", all_set), "--wait 1");
    CHECK(in_vain.code == 1);
    CHECK(told(in_vain, "gave-up-waiting", {"interface 'br0'"}));
    RunOptions options;
    options.input = tunnel_on("br0", all_set);
    Process waiting(space, {VXLANCTL_PROGRAM, "apply", "-", "--wait", "600"}, options);
    sh(space, "ip link add br0 type bridge; ip link set br0 up");
    CHECK(waiting.wait().code == 0);
    CHECK(has(port(space), "isolated on"));
}

TEST_CASE("bridge port: packets pass, and not between isolated ports") {
    const Bridged net;
    const Namespace& space = net.host.space;
    REQUIRE(apply_text(space, tunnel_on("br0", "")).code == 0);
    CHECK(reaches(net.inner, "10.192.158.4"));
    sh(space, "bridge link set dev port0 isolated on");
    CHECK(reaches(net.inner, "10.192.158.4"));
    const std::string isolated = "bridge_port = { isolated = true }\n";
    REQUIRE(apply_text(space, tunnel_on("br0", isolated)).code == 0);
    CHECK(run(net.inner, {"ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "10.192.158.4"}).code !=
          0);
    REQUIRE(apply_text(space, tunnel_on("br0", "")).code == 0);
    CHECK(reaches(net.inner, "10.192.158.4"));
}

TEST_CASE("multicast group: hosts find one another by it") {
    const Network net;
    const auto up_with_group = [](const Namespace& space, const char* local, const char* inner) {
        const auto made =
            vxlanctl(space, fmt::format("up eth0 {} vxlan9 {}/24 --multicast-group 239.1.1.1 "
                                        "--vni 99",
                                        local, inner));
        INFO(made.err);
        REQUIRE(made.code == 0);
    };
    up_with_group(net.host.space, "172.21.0.100", "10.9.0.1");
    up_with_group(*net.peers.front(), "100.64.158.4", "10.9.0.2");
    CHECK(has(sh(net.host.space, "ip maddr show dev eth0"), "239.1.1.1"));
    CHECK(reaches(net.host.space, "10.9.0.2"));
    CHECK(has(vxlanctl(net.host.space, "export vxlan9").out, "multicast_group = \"239.1.1.1\""));
    const auto refused =
        vxlanctl(net.host.space, "up eth0 172.21.0.100 vxlan9 10.9.0.1/24 100.64.158.4 --vni 99");
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement"));
    const auto replaced =
        vxlanctl(net.host.space, "up eth0 172.21.0.100 vxlan9 10.9.0.1/24 100.64.158.4 --vni 99 "
                                 "--allow-recreate");
    CHECK(replaced.code == 0);
    CHECK_FALSE(has(sh(net.host.space, "ip maddr show dev eth0"), "239.1.1.1"));
    CHECK(reaches(net.host.space, "10.9.0.2"));
}
