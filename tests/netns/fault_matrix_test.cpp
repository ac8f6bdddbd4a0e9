// Everything that a command asks of the kernel fails in turn.
#include "fault_matrix.h"
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;

namespace {

void check_row(const StruckCommand& command) {
    const auto problems = strike_everywhere(command);
    for (const auto& problem : problems)
        UNSCOPED_INFO(problem);
    CHECK(problems.empty());
}

bool knows(const std::string& kind) {
    const Namespace space;
    return run(space, {"ip", "link", "add", "try0", "type", kind, "local", "172.21.0.100"}).code ==
           0;
}

const std::string head = "dev = \"eth0\"\nlocal = \"172.21.0.100\"\n";
const std::string first_old = "[vxlan.vxlan0]\nmac = \"02:00:00:00:00:01\"\nmtu = 1400\n" + head +
                              "addresses = [\"10.225.194.171/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                              "rules = [{ from = \"10.1.0.0/16\", table = 101 }]\n";
const std::string first_new = "[vxlan.vxlan0]\nmac = \"02:00:00:00:00:01\"\n" + head +
                              "addresses = [\"10.225.194.172/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.133\"]\n"
                              "routes = [{ to = \"10.200.0.0/16\", table = 101 }]\n";
const std::string another = "[vxlan.vxlan1]\nmac = \"02:00:00:00:00:02\"\nvni = 11\n" + head +
                            "peers = [\"100.64.158.4\"]\n";
const std::string there = "[vxlan.there]\nmac = \"02:00:00:00:00:03\"\nnetns = \"vpg-b\"\n"
                          "local = \"172.21.1.100\"\nvni = 12\n";
const std::string there_old = there + "addresses = [\"10.225.194.171/9\"]\n"
                                      "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                                      "rules = [{ from = \"10.2.0.0/16\", table = 102 }]\n";
const std::string there_new = there + "addresses = [\"10.225.194.172/9\"]\n"
                                      "peers = [\"100.64.158.4\", \"100.64.158.133\"]\n";
const std::string stays = "[vxlan.stays]\nmac = \"02:00:00:00:00:04\"\nnetns = \"vpg-b\"\n"
                          "local = \"172.21.1.100\"\nvni = 13\npeers = [\"100.64.158.4\"]\n";
const std::string goes = there + "rules = [{ from = \"10.2.0.0/16\", table = 102 },\n"
                                 "         { from = \"10.3.0.0/16\", table = 102 }]\n";
const std::string prepare_there = "ip netns add vpg-b; ip -n vpg-b link set lo up\n"
                                  "ip -n vpg-b addr add 172.21.1.100/32 dev lo";
const std::string brought = "[vxlan.vxlan1]\nmac = \"02:00:00:00:00:02\"\nnetns = \"vpg-b\"\n"
                            "create_netns = true\nmove_dev = true\ndev = \"eth1\"\n"
                            "local = \"172.21.1.100\"\npeers = [\"100.64.158.4\"]\n";

/// As many as go together.
std::string four_on(const std::string& port) {
    std::string text;
    for (const std::string number : {"1", "2", "3", "4"})
        text += "[vxlan.t" + number + "]\nmac = \"02:00:00:00:00:1" + number + "\"\nvni = 2" +
                number + "\nport = " + port + "\n" + head + "peers = [\"100.64.158.4\"]\n";
    return text;
}

struct Files {
    Files() {
        write_text("/run/old.toml", first_old + another);
        write_text("/run/new.toml", first_new + another);
        write_text("/run/less.toml", first_old);
        write_text("/run/brought.toml", brought);
        write_text("/run/two-old.toml", first_old + there_old);
        write_text("/run/two-new.toml", first_old + there_new);
        write_text("/run/both.toml", another + stays + goes);
        write_text("/run/stays.toml", another + stays);
        write_text("/run/four.toml", four_on("4789"));
        write_text("/run/four-new.toml", four_on("4790"));
    }
};

const std::string up = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132 "
                       "--mac 02:00:00:00:00:01 --mtu 1400 --rule 'from 10.1.0.0/16,table 101'";

StruckCommand row(std::string name, std::string before, std::string words) {
    StruckCommand command;
    command.name = std::move(name);
    command.before = std::move(before);
    command.words = std::move(words);
    return command;
}

} // namespace

TEST_CASE("fault matrix: up") {
    check_row(row("`up`, a new tunnel", "down --all", up));
}

TEST_CASE("fault matrix: up of a tunnel that is there") {
    check_row(row("`up`, a change", up,
                  "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133 "
                  "--mac 02:00:00:00:00:01 --route '10.200.0.0/16,table 101'"));
}

TEST_CASE("fault matrix: up of a replacement") {
    check_row(
        row("`up --allow-recreate`", up + " --allow-recreate", up + " --vni 11 --allow-recreate"));
}

TEST_CASE("fault matrix: up in another namespace") {
    auto command = row("`up --netns`", "down --all --netns inside", up + " --netns inside");
    command.netns = "inside";
    command.prepare = "ip netns add inside; ip link set eth0 netns inside\n"
                      "ip -n inside link set eth0 up\n"
                      "ip -n inside addr add 172.21.0.100/24 dev eth0";
    check_row(command);
}

TEST_CASE("fault matrix: isatap up") {
    if (!knows("sit")) SKIP_CASE("this kernel has no sit");
    const std::string isatap = "isatap up sit1 172.21.0.100 2001:db8::/64 --mtu 1280 ";
    check_row(row("`isatap up`, a new tunnel", "down --all", isatap + "192.168.103.254"));
    check_row(row("`isatap up`, a change", isatap + "192.168.103.254",
                  isatap + "192.168.103.253 --router 192.168.103.252"));
}

TEST_CASE("fault matrix: ipip6 up") {
    if (run(Namespace(), {"ip", "link", "add", "try0", "type", "ip6tnl", "local", "2001:db8::1"})
            .code != 0)
        SKIP_CASE("this kernel has no ip6tnl");
    check_row(row("`ipip6 up`, a new tunnel", "down --all",
                  "ipip6 up site1 2001:db8:21::100 2001:db8:1::1 192.0.2.1/30"));
}

TEST_CASE("fault matrix: apply") {
    const Files files;
    check_row(row("`apply`", "apply --prune /run/old.toml", "apply /run/new.toml"));
}

TEST_CASE("fault matrix: apply --prune") {
    const Files files;
    auto command =
        row("`apply --prune`", "apply --prune /run/file.toml", "apply --prune /run/file.toml");
    command.files = "cp /run/old.toml /run/file.toml";
    command.spoil = "cp /run/less.toml /run/file.toml";
    check_row(command);
}

TEST_CASE("fault matrix: apply into a namespace that it makes") {
    const Files files;
    auto command = row("`apply` with `create_netns` and `move_dev`", "", "apply /run/brought.toml");
    command.netns = "vpg-b";
    command.anew = true;
    command.may_lose = true; // the addresses of a device on its way
    command.prepare = "ip link add eth1 address 02:00:00:00:00:e1 type veth peer name wire1 "
                      "address 02:00:00:00:00:f1\n"
                      "ip link set wire1 up; ip link set eth1 up\n"
                      "ip addr add 172.21.1.100/24 dev eth1\n"
                      "ip route add 192.0.2.0/24 via 172.21.1.1 dev eth1 proto 147";
    check_row(command);
}

TEST_CASE("fault matrix: apply --confirm") {
    const Files files;
    auto command = row("`apply --confirm`, confirmed", "apply --prune /run/old.toml",
                       "apply /run/new.toml --confirm 1");
    command.environment = {{"VXLANCTL_TERMINAL", "enter"}};
    check_row(command);
}

TEST_CASE("fault matrix: apply --confirm that is not confirmed") {
    const Files files;
    auto command = row("`apply --confirm`, taken back", "apply --prune /run/old.toml",
                       "apply /run/new.toml --confirm 1");
    command.environment = {{"VXLANCTL_TERMINAL", "gone"}};
    check_row(command);
}

TEST_CASE("fault matrix: down") {
    check_row(row("`down`", up, "down vxlan0"));
}

TEST_CASE("fault matrix: down of several at once") {
    const Files files;
    check_row(row("`down --all`, four tunnels at once", "apply /run/four.toml", "down --all"));
}

TEST_CASE("fault matrix: apply of several replacements at once") {
    const Files files;
    auto command =
        row("`apply --allow-recreate`, four tunnels at once",
            "apply --allow-recreate /run/four.toml", "apply --allow-recreate /run/four-new.toml");
    command.each = true;
    check_row(command);
}

TEST_CASE("fault matrix: down sweeps what a vanished tunnel left") {
    auto command = row("`down`, with what a vanished tunnel left", up, "down nosuch");
    command.spoil = "ip link del vxlan0";
    command.may_wait = true;
    check_row(command);
}

TEST_CASE("fault matrix: apply in two namespaces") {
    const Files files;
    auto command = row("`apply` in two namespaces", "apply --prune /run/two-old.toml",
                       "apply /run/two-new.toml");
    command.netns = "vpg-b";
    command.there = {"there"};
    command.prepare = prepare_there;
    check_row(command);
}

TEST_CASE("fault matrix: apply sweeps what a vanished tunnel left in another namespace") {
    const Files files;
    auto command = row("`apply --prune`, with what a vanished tunnel left in another namespace",
                       "apply --prune /run/both.toml", "apply --prune /run/stays.toml");
    command.netns = "vpg-b";
    command.there = {"network namespace 'vpg-b'"};
    command.prepare = prepare_there;
    command.spoil = "ip -n vpg-b link del there";
    command.may_wait = true;
    check_row(command);
}

TEST_CASE("fault matrix: init-vxlan") {
    auto command = row("`init-vxlan`", "down --all",
                       "init-vxlan eth0 172.21.0.100 vxlan0 10.225.194.171 9 10 100.64.158.4 "
                       "100.64.158.132");
    command.any_mac = true;
    check_row(command);
}
