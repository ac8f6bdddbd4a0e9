// Many interfaces that go at once, by a group of their own.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <regex>

using namespace world;

namespace {

/// Tunnels t0, t1, ... on that port.
std::string file_of(int count, int port, int first_vni = 1000) {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += fmt::format("[vxlan.t{}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {}\n"
                            "port = {}\npeers = [\"100.64.158.4\"]\n",
                            i, first_vni + i, port);
    return text;
}

/// A host on which that many of them run.
struct Many {
    explicit Many(int count_) : count(count_) {
        write_text("/run/many.toml", file_of(count, 4789));
        const auto made = vxlanctl(host.space, "apply /run/many.toml");
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
    const int count;
    const Host host;
    const Namespace& space = host.space;
};

int group_of(const Namespace& space, const std::string& name) {
    const auto group = link(space, name).at("group").get<std::string>();
    return group == "default" ? 0 : std::stoi(group);
}

long vxlans_on(const Namespace& space) {
    return std::stol(sh(space, "ip -br link show type vxlan | wc -l"));
}

/// The group that a run has noted, which is about to put links into it.
std::string noted_group(const Namespace& space) {
    const std::string text = sh(space, "cat /run/vxlanctl/*/moved");
    return std::to_string(nlohmann::json::parse(text).at("group").get<int>());
}

bool is_noted(const Namespace& space) {
    return sh(space, "ls /run/vxlanctl/*/moved 2>/dev/null || true") != "";
}

/// Kills a run when all are in the group, and before that is removed.
void kill_before_removal(const Many& many, const std::string& words) {
    StoppedRun run(many.space, words, many.count + 1);
    REQUIRE(run.is_stopped());
    CHECK(group_of(many.space, "t2") == std::stoi(noted_group(many.space)));
    kill(run.pid(), SIGKILL);
    (void)run.resume();
}

} // namespace

TEST_CASE("together: down --all removes fifty in one pass and tells each one", "[kernel]") {
    const Many many(50);
    sh(many.space, "ip link set t7 group 7");
    const auto counted = vxlanctl_counted(many.space, "down --all --json");
    REQUIRE(counted.finished.code == 0);
    CHECK(counted.writes == 51); // each into the group, and then all
    const auto json = nlohmann::json::parse(counted.finished.out);
    std::set<std::string> removed;
    for (const auto& tunnel : json.at("tunnels"))
        if (tunnel.at("result") == "removed") removed.insert(tunnel.at("name"));
    CHECK(removed.size() == 50);
    CHECK(vxlans_on(many.space) == 0);
    CHECK(!is_noted(many.space));
    CHECK(sh(many.space, "ls -R /run/vxlanctl | grep -c record- || true") == "0\n");
}

TEST_CASE("together: more than go at once go one batch after the other", "[kernel]") {
    const Many many(130);
    const auto counted = vxlanctl_counted(many.space, "down --all");
    REQUIRE(counted.finished.code == 0);
    CHECK(times_told(counted.finished, "kernel-refused") == 0);
    CHECK(counted.writes == 128 + 1 + 2); // two that are left over go one by one
    CHECK(std::regex_search(counted.finished.out, std::regex("t129: removed")));
    CHECK(vxlans_on(many.space) == 0);
}

TEST_CASE("together: three go one by one", "[kernel]") {
    const Many many(3);
    const auto counted = vxlanctl_counted(many.space, "down --all");
    REQUIRE(counted.finished.code == 0);
    CHECK(counted.writes == 3);
}

TEST_CASE("together: what stands on one of them keeps that one alone", "[kernel]") {
    const Many many(20);
    sh(many.space, "ip link add upper type vxlan id 7 dstport 4790 local 172.21.0.100 dev t3");
    const auto down = vxlanctl(many.space, "down --all");
    CHECK(down.code == 4);
    CHECK(told(down, "interfaces-depend-on-it", {"t3", "upper"}));
    CHECK(vxlans_on(many.space) == 2);
    CHECK(group_of(many.space, "t3") == 0);
    sh(many.space, "ip link del upper");
    CHECK(vxlanctl(many.space, "down --all").code == 0);
    CHECK(vxlans_on(many.space) == 0);
}

TEST_CASE("together: another program's interface in the same group stays, and in its group",
          "[kernel]") {
    const Many many(6);
    sh(many.space, "ip link add foreign type vxlan id 7 dstport 4790 local 172.21.0.100");
    StoppedRun run(many.space, "down --all", 1); // before the first of them is put there
    REQUIRE(run.is_stopped());
    const std::string group = noted_group(many.space);
    sh(many.space, "ip link set foreign group " + group);
    const auto down = run.resume();
    INFO(down.err);
    CHECK(down.code == 0);
    CHECK(vxlans_on(many.space) == 1);
    CHECK(group_of(many.space, "foreign") == std::stoi(group));
}

TEST_CASE("together: what the kernel refuses for all goes one by one", "[kernel]") {
    const int count = 6;
    for (const int broken : {1, 4, count + 1}) { // an interface's group, and the removal
        INFO("broken write " << broken);
        const Many many(count);
        const auto counted = vxlanctl_counted(many.space, "down --all",
                                              {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
        INFO(counted.finished.err);
        CHECK(counted.finished.code == 0);
        CHECK(counted.writes >= 2 * count);
        CHECK(vxlans_on(many.space) == 0);
        CHECK(!is_noted(many.space));
    }
}

TEST_CASE("together: where nothing can be put back, the groups are listed, and the next run puts "
          "them back",
          "[kernel]") {
    const int count = 6;
    const Many many(count);
    sh(many.space, "ip link set t2 group 7");
    const auto counted = vxlanctl_counted(many.space, "down --all",
                                          {{"VXLANCTL_BREAK_FROM", std::to_string(count + 1)}});
    INFO(counted.finished.out << counted.finished.err);
    CHECK(counted.finished.code == 5);
    CHECK(times_told(counted.finished, "rollback-failed") == count);
    CHECK(std::regex_search(counted.finished.err, std::regex("t2: .*group: [0-9]+ -> 7")));
    CHECK(vxlans_on(many.space) == count);
    REQUIRE(group_of(many.space, "t2") != 7);
    const auto next = vxlanctl(many.space, "apply /run/many.toml");
    CHECK(next.code == 0);
    CHECK(told(next, "groups-put-back", {"6 interfaces"}));
    CHECK(group_of(many.space, "t2") == 7);
    CHECK(group_of(many.space, "t5") == 0);
    CHECK(!is_noted(many.space));
}

TEST_CASE("together: the next run puts back the group that a killed one left", "[kernel]") {
    const int count = 6;
    const Many many(count);
    sh(many.space, "ip link set t2 group 7");
    const auto before = snapshot(many.space);
    kill_before_removal(many, "down --all");
    const auto next = vxlanctl(many.space, "down nosuch"); // of whatever tunnel
    CHECK(told(next, "groups-put-back", {"6 interfaces"}));
    CHECK(difference(before, snapshot(many.space)) == "");
    CHECK(!is_noted(many.space));
    CHECK(!told(vxlanctl(many.space, "down nosuch"), "groups-put-back"));
}

TEST_CASE("together: many are replaced, in place and beside the old ones, and keep their groups",
          "[kernel]") {
    const int count = 20;
    const Many many(count);
    sh(many.space, "ip link set t2 group 7; ip addr add 10.9.0.1/24 dev t4");
    const std::string how = " --allow-recreate --keep-foreign";
    for (const auto& text : {file_of(count, 4790), file_of(count, 4790, 2000)}) {
        write_text("/run/many.toml", text);
        const auto done = vxlanctl(many.space, "apply /run/many.toml" + how);
        INFO(done.err);
        REQUIRE(done.code == 0);
        CHECK(std::regex_search(done.out, std::regex("t19: replaced")));
        CHECK(vxlans_on(many.space) == count);
        CHECK(group_of(many.space, "t2") == 7);
        CHECK(group_of(many.space, "t3") == 0);
        CHECK(addresses(many.space, "t4") == std::vector<std::string>{"10.9.0.1/24"});
        CHECK(vxlanctl(many.space, "check /run/many.toml").code == 0);
    }
}

TEST_CASE("together: each fails alone where many are replaced", "[kernel]") {
    const int count = 6;
    const Many many(count);
    write_text("/run/many.toml", file_of(count, 4790));
    const std::string words = "apply /run/many.toml --allow-recreate";
    // Behind the groups, the removal: that of t0 is refused.
    const auto counted =
        vxlanctl_counted(many.space, words, {{"VXLANCTL_BREAK_WRITE", std::to_string(count + 2)}});
    INFO(counted.finished.out << counted.finished.err);
    CHECK(counted.finished.code == 1);
    CHECK(link(many.space, "t0").at("linkinfo").at("info_data").at("port") == 4789);
    CHECK(link(many.space, "t1").at("linkinfo").at("info_data").at("port") == 4790);
    CHECK(vxlanctl(many.space, words).code == 0);
    CHECK(vxlans_on(many.space) == count);
}

TEST_CASE("together: a change of many that nobody confirms is taken back", "[kernel]") {
    const int count = 8;
    const Many many(count);
    sh(many.space, "ip link set t2 group 7");
    const auto before = snapshot(many.space);
    std::string text = file_of(count, 4790);
    for (int i = 0; i < count; ++i)
        text += fmt::format("[vxlan.new{}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {}\n"
                            "peers = [\"100.64.158.4\"]\n",
                            i, 3000 + i);
    write_text("/run/many.toml", text);
    const auto done = vxlanctl(many.space, "apply /run/many.toml --allow-recreate --confirm 1");
    INFO(done.out << done.err);
    CHECK(done.code == 1);
    CHECK(told(done, "not-confirmed"));
    CHECK(difference(before, snapshot(many.space)) == "");
    CHECK(!is_noted(many.space));
}

TEST_CASE("together: the guardian of a run that was killed puts the groups back", "[kernel]") {
    const int count = 6;
    const Many many(count);
    sh(many.space, "ip link set t2 group 7");
    const auto before = snapshot(many.space);
    write_text("/run/many.toml", file_of(count, 4790));
    kill_before_removal(many, "apply /run/many.toml --allow-recreate --confirm 1");
    (void)vxlanctl(many.space, "down nosuch --lock-timeout 600");
    CHECK(difference(before, snapshot(many.space)) == "");
    CHECK(!is_noted(many.space));
}

TEST_CASE("together: putting an interface into a group changes nothing else of it", "[kernel]") {
    const int count = 4;
    const Many many(count);
    const auto before = link(many.space, "t1");
    StoppedRun run(many.space, "down --all", count + 1);
    REQUIRE(run.is_stopped());
    auto moved = link(many.space, "t1");
    CHECK(moved.at("group") != before.at("group"));
    moved["group"] = before.at("group");
    CHECK(moved == before);
    CHECK(run.resume().code == 0);
}
