// A host's state, taken along: what `plan` says of it somewhere else.
#include "names.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <regex>

using namespace world;

namespace {

const char* const snapshot_path = "/run/snapshot.json";

void take(const Namespace& space, const std::string& words = "") {
    const auto taken = vxlanctl(space, "snapshot " + words);
    INFO(taken.err);
    REQUIRE(taken.code == 0);
    write_text(snapshot_path, taken.out);
}

/// Without what is random: new marks and MAC addresses.
std::string comparable(const std::string& text) {
    static const std::regex random("vx[0-9a-f]{13}|[0-9a-f]{16}|, mac [0-9a-f:]{17}");
    return std::regex_replace(text, random, "");
}

/// `plan` on the host and elsewhere, by a snapshot, which have to say the same.
Finished plan_both(const Namespace& space, const std::string& words) {
    take(space);
    const Namespace elsewhere;
    const auto here = vxlanctl(space, "plan " + words);
    const auto there = vxlanctl(elsewhere, fmt::format("plan {} --state {}", words, snapshot_path));
    CHECK(there.code == here.code);
    CHECK(comparable(there.out) == comparable(here.out));
    CHECK(comparable(there.err) == comparable(here.err));
    return there;
}

const std::string gate_words =
    "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132 "
    "--mtu 1400";

} // namespace

TEST_CASE("snapshot: the plan elsewhere is that on the host") {
    const Host host;
    REQUIRE(vxlanctl(host.space, gate_words + " --rule 'from 10.1.0.0/16,table 101'").code == 0);
    const std::string begin = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n";
    for (const auto& text :
         {begin + "addresses = [\"10.225.194.172/9\"]\npeers = [\"100.64.158.4\"]\n",
          begin + "vni = 12\npeers = [\"100.64.158.4\"]\n",
          begin + "peers = [\"10.200.0.1\"]\naddresses = [\"10.225.194.171/9\"]\n",
          begin + "peers = [\"198.51.100.1\"]\n"
                  "[vxlan.vxlan1]\nvni = 11\nlocal = \"auto\"\ndev = \"auto\"\n"
                  "peers = [\"172.21.0.100\", \"100.64.158.4\"]\n",
          std::string("[vxlan.vxlan0]\nlocal = \"192.0.2.1\"\n"),
          std::string("[isatap.sit1]\nlocal = \"172.21.0.100\"\nprefix = \"2001:db8::/64\"\n"
                      "routers = [\"192.168.103.254\"]\n")}) {
        INFO(text);
        write_text("/run/file.toml", text);
        (void)plan_both(host.space, "/run/file.toml");
        (void)plan_both(host.space, "/run/file.toml --allow-recreate");
    }
}

TEST_CASE("snapshot: what another program runs is known elsewhere, too") {
    const Host host;
    sh(host.space, "ip link add flannel.1 type vxlan id 1 dev eth0 local 172.21.0.100 dstport 8472 "
                   "nolearning\n"
                   "bridge fdb add 02:00:00:00:00:07 dev flannel.1 dst 172.21.0.7 self permanent");
    write_text("/run/file.toml", "[vxlan.\"flannel.1\"]\nvni = 1\nport = 8472\ndev = \"eth0\"\n"
                                 "local = \"172.21.0.100\"\npeers = [\"172.21.0.7\"]\n");
    const auto planned = plan_both(host.space, "/run/file.toml");
    CHECK(planned.code == 4);
}

TEST_CASE("snapshot: --source says where the other host has the files") {
    const Host host;
    sh(host.space, "mkdir -p /run/host /run/repository");
    const std::string first = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n";
    write_text("/run/host/gate.toml", first);
    write_text("/run/host/other.toml", "[vxlan.vxlan1]\nvni = 11\nlocal = \"172.21.0.100\"\n");
    write_text("/run/repository/gate.toml", first);
    REQUIRE(vxlanctl(host.space, "apply /run/host").code == 0);
    take(host.space);
    const Namespace elsewhere;
    const auto plan = [&](const std::string& options) {
        return vxlanctl(elsewhere,
                        fmt::format("plan /run/repository --state {} {}", snapshot_path, options));
    };
    const auto pruned = plan("--prune --source /run/host");
    INFO(pruned.out << pruned.err);
    CHECK(pruned.code == 0);
    CHECK(pruned.out.find("vxlan1: would be removed") != std::string::npos);
    CHECK(pruned.out.find("vxlan0: would") == std::string::npos);
    const auto unknown = plan("--prune");
    CHECK(unknown.out.find("vxlan1: would be removed") == std::string::npos);
    sh(host.space, "rm -r /run/host /run/repository");
}

TEST_CASE("snapshot: tunnels in other network namespaces, and devices on their way there") {
    const Host host;
    sh(host.space, "ip netns add blue; ip netns add green; ip -n blue link set lo up\n"
                   "ip -n blue addr add 172.21.1.100/32 dev lo\n"
                   "ip link add eth1 type veth peer name wire1; ip link set eth1 up\n"
                   "ip link set wire1 up; ip addr add 172.21.2.100/24 dev eth1");
    const std::string there =
        "[vxlan.there]\nnetns = \"blue\"\nlocal = \"172.21.1.100\"\nvni = 12\n";
    write_text("/run/file.toml", there + "peers = [\"100.64.158.4\"]\n");
    REQUIRE(vxlanctl(host.space, "apply /run/file.toml").code == 0);
    write_text("/run/file.toml",
               there + "peers = [\"100.64.158.5\"]\n"
                       "[vxlan.moved]\nnetns = \"red\"\ncreate_netns = true\nmove_dev = true\n"
                       "dev = \"eth1\"\nlocal = \"172.21.2.100\"\nvni = 13\n"
                       "peers = [\"172.21.2.1\"]\n");
    const auto planned = plan_both(host.space, "/run/file.toml");
    CHECK(planned.code == 0);
    // One that is there, and not in the snapshot.
    write_text("/run/file.toml", "[vxlan.there]\nnetns = \"green\"\nlocal = \"172.21.1.100\"\n");
    const auto refused =
        vxlanctl(host.space, fmt::format("plan /run/file.toml --state {}", snapshot_path));
    CHECK(refused.code == 2);
    CHECK(told(refused, "netns-not-in-snapshot", {"green"}));
    take(host.space, "green");
    CHECK(told(vxlanctl(host.space, fmt::format("plan /run/file.toml --state {}", snapshot_path)),
               "local-not-here", {"172.21.1.100"}));
    sh(host.space, "ip netns del blue; ip netns del green");
}

TEST_CASE("snapshot: a name has the address that the host last knew") {
    const Host host;
    const std::string text = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                             "peers = [\"gate-a.example\"]\n";
    {
        const Names names("100.64.158.4 gate-a.example\n");
        REQUIRE(apply_text(host.space, text).code == 0);
        take(host.space);
    }
    const Names other("100.64.158.99 gate-a.example\n100.64.158.5 gate-b.example\n");
    const auto plan = [&](const std::string& input) {
        RunOptions options;
        options.input = input;
        const Namespace elsewhere;
        return vxlanctl(elsewhere, fmt::format("plan - --state {}", snapshot_path), options);
    };
    const auto same = plan(text);
    INFO(same.out << same.err);
    CHECK(same.code == 0);
    CHECK(same.out.find("vxlan0: in sync") != std::string::npos);
    const auto more =
        plan(std::regex_replace(text, std::regex("\\]\n$"), ", \"gate-b.example\"]\n"));
    CHECK(more.out.find("+ peer 100.64.158.5 (gate-b.example)") != std::string::npos);
}

TEST_CASE("snapshot: what is no snapshot is one clear error") {
    const Host host;
    write_text("/run/file.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n");
    const auto error_of = [&](const std::string& text) {
        write_text(snapshot_path, text);
        return vxlanctl(host.space, fmt::format("plan /run/file.toml --state {}", snapshot_path));
    };
    for (const auto* text : {"", "{}", "[1]", "no JSON", "{\"snapshot\":\"1\"}"}) {
        INFO(text);
        const auto wrong = error_of(text);
        CHECK(wrong.code == 2);
        CHECK(told(wrong, "no-snapshot", {snapshot_path}));
    }
    CHECK(told(error_of("{\"snapshot\":2}"), "snapshot-too-new", {"2", "1"}));
    CHECK(told(error_of("{\"snapshot\":1,\"namespaces\":[]}"), "snapshot-member-wrong"));
    CHECK(told(error_of("{\"snapshot\":1,\"namespaces\":[{\"name\":\"\",\"interfaces\":"
                        "[{\"name\":\"a\",\"ifindex\":\"seven\"}]}]}"),
               "snapshot-member-wrong", {"namespaces.interfaces.ifindex"}));
    CHECK(told(error_of("{\"snapshot\":1,\"namespaces\":[{\"name\":\"blue\"}]}"),
               "snapshot-member-wrong"));
    const auto both = vxlanctl(host.space, "plan /run/file.toml --unless-held --state /run/none");
    CHECK(both.code == 2);
    CHECK(told(both, "options-contradict", {"--state", "--unless-held"}));
    CHECK(vxlanctl(host.space, "plan /run/file.toml --state /run/none").code == 2);
}

TEST_CASE("snapshot: files of anybody are planned for another host, and not for this one") {
    const Host host;
    REQUIRE(vxlanctl(host.space, gate_words).code == 0);
    take(host.space);
    sh(host.space, "mkdir -p /run/planned\n"
                   "printf '[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\ndev = \"eth0\"\npeers_file = "
                   "\"a.peers\"\n' "
                   ">/run/planned/gate.toml\n"
                   "echo 100.64.158.4 >/run/planned/a.peers\n"
                   "chmod 777 /run/planned/*");
    CHECK(vxlanctl(host.space, "plan /run/planned").code == 2);
    const auto there =
        vxlanctl(host.space, fmt::format("plan /run/planned --state {}", snapshot_path));
    INFO(there.err);
    CHECK(there.out.find("- peer 100.64.158.132") != std::string::npos);
    sh(host.space, "rm -r /run/planned");
}

TEST_CASE("snapshot: an ordinary user makes one of what he may see") {
    const Host host;
    REQUIRE(vxlanctl(host.space, gate_words).code == 0);
    RunOptions options;
    options.as_nobody = true;
    const auto taken = vxlanctl(host.space, "snapshot", options);
    INFO(taken.err);
    CHECK(taken.code == 0);
    CHECK(nlohmann::json::parse(taken.out).at("snapshot") == 1);
}
