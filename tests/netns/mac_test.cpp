// The MAC address of a new tunnel, which stays whatever becomes of the interface.
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

namespace {

std::string mac(const Namespace& space, const std::string& name = "vxlan0") {
    return link(space, name).at("address");
}

/// up_words with another word for the tunnel's name, LOCAL or INNER, and with options.
std::string up(const std::string& options = "", const std::string& name = "vxlan0",
               const std::string& local = "172.21.0.100") {
    return "up eth0 " + local + " " + name + " 10.225.194.171/9 100.64.158.4 100.64.158.132 " +
           options;
}

/// The same where /etc/machine-id says something else.
Finished on_host_with_id(const Namespace& space, const std::string& text,
                         const std::string& words) {
    write_text("/run/other-id", text);
    std::vector<std::string> command{"unshare",
                                     "--mount",
                                     "sh",
                                     "-c",
                                     "mount --bind /run/other-id /etc/machine-id && exec \"$@\"",
                                     "sh"};
    for (auto& word : command_of(words))
        command.push_back(word);
    return run(space, command);
}

} // namespace

TEST_CASE("mac: a new tunnel has the same MAC address each time, and each tunnel another one",
          "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    const auto planned = vxlanctl(space, up("--dry-run --ip-commands"));
    REQUIRE(vxlanctl(space, up()).code == 0);
    const std::string first = mac(space);
    CHECK(std::string("26ae").find(first[1]) != std::string::npos); // locally administered
    CHECK(planned.out.find("ip link add dev vxlan0 address " + first + " type vxlan") !=
          std::string::npos);
    REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
    const auto json = nlohmann::json::parse(vxlanctl(space, up("--dry-run --json")).out);
    CHECK(json.at("tunnels").at(0).at("steps").at(0).at("attributes").at("mac") == first);
    REQUIRE(vxlanctl(space, up()).code == 0);
    CHECK(mac(space) == first);
    REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
    const auto is_another = [&](const std::string& words, const std::string& name = "vxlan0") {
        REQUIRE(vxlanctl(space, words).code == 0);
        CHECK(mac(space, name) != first);
        REQUIRE(vxlanctl(space, "down " + name).code == 0);
    };
    is_another(up("--vni 11"));
    is_another(up("", "vxlan1"), "vxlan1");
    sh(space, "ip addr add 172.21.0.101/24 dev eth0");
    is_another(up("", "vxlan0", "172.21.0.101"));
    REQUIRE(on_host_with_id(space, "ffeeddccbbaa99887766554433221100\n", up()).code == 0);
    CHECK(mac(space) != first);
}

TEST_CASE("mac: what runs keeps its MAC address: adopted, changed, replaced, or set by hand",
          "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add vxlan0 address 02:00:00:00:00:77 type vxlan id 10 dstport 4789 local "
              "172.21.0.100 dev eth0");
    const auto keeps = [&](const std::string& words) {
        const auto finished = vxlanctl(space, words);
        INFO(words << finished.err);
        CHECK(finished.code == 0);
        CHECK(mac(space) == "02:00:00:00:00:77");
        CHECK(vxlanctl(space, words).out == "vxlan0: in sync\n");
    };
    keeps(up());
    keeps(up("--mac random"));
    keeps(up("--port 4790 --allow-recreate"));
    keeps(up("--vni 11 --allow-recreate --drop-foreign"));
    sh(space, "ip addr add 172.21.0.101/24 dev eth0");
    keeps(up("--vni 11", "vxlan0", "172.21.0.101"));
    keeps(up("--mac 02:00:00:00:00:77 --vni 11"));
    keeps(up("--vni 11")); // no longer set: it is not reset
    sh(space, "ip link set dev vxlan0 address 02:00:00:00:00:78");
    CHECK(vxlanctl(space, up("--vni 11")).out == "vxlan0: in sync\n");
}

TEST_CASE("mac: a rollback puts it back", "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(vxlanctl(space, up("--mac 02:00:00:00:00:77")).code == 0);
    const std::string change = up("--limit 1000 --allow-recreate --drop-foreign");
    const auto failed = vxlanctl_counted(space, change, {{"VXLANCTL_BREAK_WRITE", "4"}}).finished;
    INFO(failed.err);
    CHECK(failed.code != 0);
    CHECK(mac(space) == "02:00:00:00:00:77");
}

TEST_CASE("mac: without a machine ID it is a random one, with a warning, and it stays as well") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(vxlanctl(space, up()).code == 0);
    const std::string stable = mac(space);
    for (const char* text : {"", "uninitialized\n"}) {
        REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
        const auto made = on_host_with_id(space, text, up());
        CHECK(made.code == 0);
        CHECK(told(made, "no-machine-id", {"vxlan0", mac(space)}));
        CHECK(mac(space) != stable);
        const auto again = on_host_with_id(space, text, up());
        CHECK(again.out == "vxlan0: in sync\n");
        CHECK(again.err.empty());
    }
}

TEST_CASE("mac: random, where that is asked for") {
    const Host host;
    const Namespace& space = host.space;
    const std::string file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                             "mac = \"random\"\n";
    std::set<std::string> macs;
    for (int i = 0; i < 3; ++i) {
        const auto made = apply_text(space, file);
        CHECK(made.code == 0);
        CHECK(made.err.empty());
        CHECK(check_text(space, file).code == 0);
        macs.insert(mac(space));
        REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
    }
    CHECK(macs.size() == 3);
}

TEST_CASE("mac: in another network namespace it is made in the same way") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(vxlanctl(space, up()).code == 0);
    const std::string here = mac(space);
    REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
    const std::string file =
        "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\npeers = [\"100.64.158.4\"]\n"
        "netns = \"blue\"\ncreate_netns = true\nmove_dev = true\n";
    const auto made = apply_text(space, file);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(sh(space, "ip -n blue link show vxlan0").find(here) != std::string::npos);
    sh(space, "ip netns del blue");
}
