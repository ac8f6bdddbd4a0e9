// Files: apply, plan and check, on the kernel.
#include "faults.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <memory>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// A section of a VXLAN on the host of world.h; `more` are further lines.
std::string vxlan(const std::string& name, const std::string& vni, const std::string& more) {
    return fmt::format("[vxlan.{}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {}\n{}\n", name,
                       vni, more);
}

const std::string gate_peers = "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
const std::string gate_file =
    vxlan("vxlan0", "10", "addresses = [\"10.225.194.171/9\"]\n" + gate_peers);

} // namespace

TEST_CASE("apply: a file makes what the command line makes, and nothing the second time") {
    const Host host, twin;
    write_text("/run/gate.toml", gate_file);
    const auto made = vxlanctl(host.space, "apply /run/gate.toml");
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("vxlan0: created\n") == 0);
    CHECK(made.out.find("1 tunnel: 1 created\n") != std::string::npos);
    CHECK(link(host.space, "vxlan0")
              .at("ifalias")
              .get<std::string>()
              .starts_with("vxlanctl/1 file "));
    const auto again = vxlanctl_counted(host.space, "apply /run/gate.toml");
    CHECK(again.writes == 0);
    CHECK(again.finished.code == 0);
    CHECK(again.finished.out == "vxlan0: in sync\n1 tunnel: 1 in sync\n");
    CHECK(again.finished.err == "");

    // Last: a namespace that no process lives in is taken for gone, and its records with it.
    REQUIRE(vxlanctl(twin.space, up_words).code == 0);
    CHECK(addresses(host.space, "vxlan0") == addresses(twin.space, "vxlan0"));
    CHECK(flood_list(host.space, "vxlan0") == flood_list(twin.space, "vxlan0"));
    CHECK(link(host.space, "vxlan0").at("linkinfo") == link(twin.space, "vxlan0").at("linkinfo"));
}

TEST_CASE("apply: files of a directory come in the order of their names, hidden ones do not") {
    const Host host;
    sh(host.space, "rm -rf /run/wishes; mkdir /run/wishes");
    CHECK(vxlanctl(host.space, "apply --allow-empty /run/wishes").out == "0 tunnels\n");
    write_text("/run/wishes/20-b.toml", vxlan("vxlan1", "11", gate_peers));
    write_text("/run/wishes/10-a.toml", gate_file);
    write_text("/run/wishes/.30.toml", "not a file of ours");
    write_text("/run/wishes/README", "nor this");
    const auto made = vxlanctl(host.space, "apply /run/wishes");
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(made.out.find("vxlan0: created") < made.out.find("vxlan1: created"));
    CHECK(vxlanctl(host.space, "apply /run/nosuch").code == 2);
    CHECK(vxlanctl(host.space, "apply").out == "0 tunnels\n"); // there is no /etc/vxlanctl
}

TEST_CASE("apply: of a directory only regular files count, and nothing else is waited for") {
    const Host host;
    sh(host.space, "rm -rf /run/wishes; mkdir -p /run/wishes/c.toml; mkfifo /run/wishes/b.toml; "
                   "ln -s b.toml /run/wishes/d.toml; ln -s /dev/zero /run/wishes/e.toml; "
                   "ln -s /run/gate.toml /run/wishes/f.toml");
    write_text("/run/gate.toml", gate_file);
    RunOptions soon;
    soon.deadline = patience;
    const auto made = vxlanctl(host.space, "apply /run/wishes", soon);
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(made.out.find("vxlan0: created") != std::string::npos); // by a symbolic link
    for (const char* name : {"b", "c", "d", "e"})
        CHECK(told(made, "file-skipped", {fmt::format("/run/wishes/{}.toml", name)}));
    CHECK(std::count(made.err.begin(), made.err.end(), '\n') == 4);

    // Who names a FIFO means it.
    const auto program = std::string(VXLANCTL_PROGRAM);
    const std::string from_fifo = fmt::format(
        "cat /run/gate.toml > /run/wishes/b.toml & {} check /run/wishes/b.toml", program);
    CHECK(run(host.space, {"/bin/sh", "-c", from_fifo}, soon).code == 0);
    soon.input = gate_file;
    CHECK(vxlanctl(host.space, "check /dev/stdin", soon).code == 0);
    CHECK(run(host.space, {"/bin/sh", "-c", program + " check /dev/fd/7 7< /run/gate.toml"}, soon)
              .code == 0);
    sh(host.space, "rm -rf /run/wishes; mkdir /run/wishes; ln -s nowhere /run/wishes/a.toml");
    const auto dangling = vxlanctl(host.space, "check /run/wishes", soon);
    CHECK(dangling.code == 2);
    CHECK(told(dangling, "cannot-read-file", {"/run/wishes/a.toml"}));
    sh(host.space, "rm -rf /run/wishes");
}

TEST_CASE("apply: any error in any file, and nothing is touched") {
    const Host host;
    write_text("/run/good.toml", gate_file);
    write_text("/run/bad.toml", vxlan("vxlan1", "16777216", "mtu = \"big\"\npeeers = []\n"));
    const auto before = snapshot(host.space);
    const auto finished = vxlanctl(host.space, "apply /run/good.toml /run/bad.toml");
    CHECK(finished.code == 2);
    for (const char* part : {"/run/bad.toml:4:7: ", "    vni = 16777216\n", "          ^\n",
                             "/run/bad.toml:5:", "/run/bad.toml:6:1: ", "'peers'", "[not-in-range]",
                             "[wrong-type]", "[unknown-key, did-you-mean]"})
        CHECK(finished.err.find(part) != std::string::npos);
    CHECK(finished.out.empty());
    CHECK(difference(before, snapshot(host.space)) == "");
    const auto json = nlohmann::json::parse(
        vxlanctl(host.space, "apply --json /run/good.toml /run/bad.toml").out);
    CHECK(json.at("errors").size() == 3);
    CHECK(json.at("errors").at(0).at("place").at("line") == 4);
    CHECK(check_text(host.space, "[vxlan]\nx = 1\n").code == 2);
    CHECK(check_text(host.space, "vxlan = [\n").code == 2);
}

TEST_CASE("apply: a tunnel that cannot be made does not keep the others from being made") {
    const Host host;
    const std::string homeless =
        "[vxlan.vxlan9]\ndev = \"eth9\"\nlocal = \"172.21.0.100\"\nvni = 19\n" + gate_peers;
    const auto finished =
        apply_text(host.space, gate_file + homeless + vxlan("vxlan1", "11", gate_peers));
    CHECK(finished.code == 1);
    CHECK(told(finished, "underlay-missing", {"vxlan9", "eth9"}));
    CHECK(finished.out.find("3 tunnels: 2 created, 1 refused\n") != std::string::npos);
    CHECK(link_exists(host.space, "vxlan0"));
    CHECK(link_exists(host.space, "vxlan1"));

    CHECK(apply_text(host.space, homeless).code == 2); // nothing was touched
    CHECK(apply_text(host.space, gate_file + homeless).code == 2);
    const auto refused =
        apply_text(host.space, vxlan("vxlan0", "12", gate_peers) +
                                   vxlan("vxlan1", "11", "mtu = 1400\n" + gate_peers));
    CHECK(refused.code == 4);
    CHECK(link(host.space, "vxlan1").at("mtu") == 1400);
}

TEST_CASE("apply: a tunnel that the kernel refuses is undone alone") {
    const Host host;
    sh(host.space, "ip link add hidden type vxlan id 11 dstport 4789 local 172.21.0.100 dev eth0");
    const Namespace elsewhere;
    sh(host.space,
       fmt::format("ip link set hidden netns /proc/{}/fd/{}", getpid(), elsewhere.descriptor()));
    const auto finished = apply_text(host.space, vxlan("vxlan1", "11", gate_peers) + gate_file);
    CHECK(finished.code == 1);
    CHECK(finished.out.find("2 tunnels: 1 created, 1 failed\n") != std::string::npos);
    CHECK(!link_exists(host.space, "vxlan1"));
    CHECK(link_exists(host.space, "vxlan0"));
}

TEST_CASE("apply: a tunnel on a tunnel is made after it, removed before it, and follows it") {
    const Host host;
    const std::string upper = "[vxlan.upper]\ndev = \"lower\"\nlocal = \"10.9.0.1\"\nvni = 12\n"
                              "addresses = [\"10.8.0.1/24\"]\npeers = [\"10.9.0.2\"]\n";
    const std::string lower = vxlan("lower", "11", "addresses = [\"10.9.0.1/24\"]\n" + gate_peers);
    RunOptions input;
    input.input = upper + lower;
    const auto planned = vxlanctl(host.space, "plan -", input);
    CHECK(planned.code == 0);
    CHECK(planned.out.find("lower: would be created") < planned.out.find("upper: would be"));
    const auto made = apply_text(host.space, upper + lower);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.err.empty()); // not that the peer had no route: it has by then
    CHECK(link(host.space, "upper").at("linkinfo").at("info_data").at("link") == "lower");
    CHECK(link(host.space, "upper").at("mtu") == 8901); // of the lower one's 8951
    CHECK(check_text(host.space, lower + upper).code == 0);

    // A change of the lower one that needs a new link takes the upper one with it.
    const std::string moved = vxlan("lower", "13", "addresses = [\"10.9.0.1/24\"]\n" + gate_peers);
    const auto recreated = apply_text(host.space, upper + moved, "--allow-recreate --drop-foreign");
    INFO(recreated.err);
    CHECK(recreated.code == 0);
    CHECK(check_text(host.space, moved + upper).code == 0);

    const auto removed = vxlanctl(host.space, "down --all");
    INFO(removed.err);
    CHECK(removed.code == 0);
    CHECK(removed.out == "upper: removed\n  - link upper\nlower: removed\n  - link lower\n");
    // Without the lower one there is no place for the upper one.
    const auto alone =
        apply_text(host.space, upper + vxlan("lower", "16", "mtu = 60000\n" + gate_peers));
    CHECK(alone.code == 2);
    CHECK(!link_exists(host.space, "upper"));
}

TEST_CASE("apply: --prune removes what came from files and stands in none, and nothing else") {
    const Host host;
    sh(host.space, "ip link add foreign type vxlan id 77 dstport 4789 local 172.21.0.100 dev eth0");
    REQUIRE(vxlanctl(host.space, "up eth0 172.21.0.100 typed - 100.64.158.4 --vni 78").code == 0);
    REQUIRE(apply_text(host.space, gate_file + vxlan("vxlan1", "11", gate_peers)).code == 0);
    const auto reported = apply_text(host.space, gate_file);
    CHECK(reported.code == 0);
    CHECK(reported.out == "vxlan0: in sync\n"
                          "vxlan1: not defined in any of these files (--prune removes it)\n"
                          "1 tunnel: 1 in sync, 1 not in these files\n");
    CHECK(check_text(host.space, gate_file).code == 0);
    CHECK(check_text(host.space, gate_file, "--prune").code == 3);
    CHECK(link_exists(host.space, "vxlan1"));
    const auto pruned = apply_text(host.space, gate_file, "--prune");
    CHECK(pruned.code == 0);
    CHECK(pruned.out.find("vxlan1: removed\n") != std::string::npos);
    CHECK(pruned.out.find("2 tunnels: 1 in sync, 1 removed\n") != std::string::npos);
    CHECK(!link_exists(host.space, "vxlan1"));
    CHECK(link_exists(host.space, "typed"));
    CHECK(apply_text(host.space, "", "--prune").code == 0);
    CHECK(!link_exists(host.space, "vxlan0"));
    CHECK(link_exists(host.space, "typed"));
    CHECK(link_exists(host.space, "foreign"));
    CHECK(vxlanctl(host.space, "down --all").out == "typed: removed\n  - link typed\n");
    CHECK(vxlanctl(host.space, "down --all").out == "no tunnel is managed by vxlanctl\n");
}

TEST_CASE("apply: down --file removes what the file states, and no other tunnel") {
    const Host host;
    RunOptions file;
    file.input = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n"
                 "[vxlan.vxlan1]\nlocal = \"172.21.0.100\"\nvni = 11\nnetns = \"blue\"\n";
    REQUIRE(apply_text(host.space, "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n"
                                   "[vxlan.vxlan1]\nlocal = \"172.21.0.100\"\nvni = 11\n")
                .code == 0);
    const auto removed = vxlanctl(host.space, "down --file -", file);
    CHECK(removed.code == 0);
    CHECK(removed.out.find("vxlan0: removed\n  - link vxlan0\n") == 0);
    CHECK(removed.err.empty()); // a network namespace that does not exist has no tunnel
    CHECK(link_exists(host.space, "vxlan1"));
    file.input = "[vxlan.vxlan1]\n";
    CHECK(vxlanctl(host.space, "down --file -", file).code == 2);
    CHECK(link_exists(host.space, "vxlan1"));
    CHECK(vxlanctl(host.space, "down --all --file -", file).code == 2);
    CHECK(link_exists(host.space, "vxlan1"));
}

TEST_CASE("apply: a renamed tunnel takes over the VNI of the old one") {
    const Host host;
    REQUIRE(apply_text(host.space, vxlan("old", "10", gate_peers)).code == 0);
    const auto renamed = apply_text(host.space, vxlan("new", "10", gate_peers), "--prune");
    INFO(renamed.err);
    CHECK(renamed.code == 0);
    CHECK(!link_exists(host.space, "old"));
    CHECK(flood_list(host.space, "new").size() == 2);
}

TEST_CASE("apply: what the file does not state any more is reset or removed") {
    const Host host;
    const std::string rich = vxlan("vxlan0", "10",
                                   "addresses = [\"10.225.194.171/9\", \"10.1.0.1/24\"]\n"
                                   "mtu = 1400\nttl = 17\n"
                                   "routes = [{ to = \"10.200.0.0/16\", table = 101 }]\n"
                                   "rules = [{ from = \"10.1.0.1\", table = 101 }]\n" +
                                       gate_peers);
    const auto reset = [&] {
        const auto now = link(host.space, "vxlan0");
        return now.at("mtu") == 8951 && now.at("linkinfo").at("info_data").at("ttl") == 0 &&
               addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"} &&
               sh(host.space, "ip rule").find("lookup 101") == std::string::npos &&
               sh(host.space, "ip route show table 101 2>/dev/null || true").empty();
    };
    REQUIRE(apply_text(host.space, rich).code == 0);
    REQUIRE(!reset());
    SECTION("by its record") {
        CHECK(apply_text(host.space, gate_file).code == 0);
        CHECK(reset());
    }
    SECTION("not where the record is lost, which is said once") {
        sh(host.space, "rm /run/vxlanctl/*/record-*");
        const auto first = apply_text(host.space, gate_file);
        CHECK(first.code == 0);
        CHECK(told(first, "record-missing"));
        CHECK(!reset());
        CHECK(apply_text(host.space, gate_file).err.empty());
    }
    SECTION("not on a link that somebody made anew") {
        sh(host.space, "ip link del vxlan0; ip rule del table 101\n"
                       "ip link add vxlan0 mtu 1400 type vxlan id 10 dstport 4789 ttl 17 "
                       "local 172.21.0.100 dev eth0");
        const auto adopted = apply_text(host.space, gate_file);
        CHECK(adopted.code == 0);
        CHECK(adopted.err.empty());
        CHECK(link(host.space, "vxlan0").at("mtu") == 1400);
        CHECK(link(host.space, "vxlan0").at("linkinfo").at("info_data").at("ttl") == 17);
    }
    SECTION("also where the run was killed between the record and the kernel") {
        write_text("/run/gate.toml", gate_file);
        StoppedRun run(host.space, "apply /run/gate.toml", 1);
        REQUIRE(run.is_stopped());
        kill(run.pid(), SIGKILL);
        run.resume();
        CHECK(apply_text(host.space, gate_file).code == 0);
        CHECK(reset());
    }
}

TEST_CASE("apply: an adopted link keeps a foreign alias beside the mark") {
    const Host host;
    sh(host.space, "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0\n"
                   "ip link set vxlan0 alias 'rack 7' up\nip addr add 10.225.194.171/9 dev vxlan0\n"
                   "for peer in 4 132; do\n"
                   "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.$peer\ndone");
    const auto index = link(host.space, "vxlan0").at("ifindex");
    CHECK(check_text(host.space, gate_file).code == 0); // a missing mark is no drift
    const auto adopted = apply_text(host.space, gate_file);
    CHECK(adopted.code == 0);
    CHECK(adopted.out.find("vxlan0: adopted\n") == 0);
    CHECK(link(host.space, "vxlan0").at("ifindex") == index);
    CHECK(link(host.space, "vxlan0")
              .at("ifalias")
              .get<std::string>()
              .starts_with("rack 7 | vxlanctl/1 file "));
    CHECK(apply_text(host.space, gate_file).out == "vxlan0: in sync\n1 tunnel: 1 in sync\n");
}

TEST_CASE("apply: what the command line made becomes the file's") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
    CHECK(check_text(host.space, gate_file).code == 3); // the MTU is not stated any more
    REQUIRE(apply_text(host.space, gate_file).code == 0);
    CHECK(link(host.space, "vxlan0").at("mtu") == 8951);
    CHECK(link(host.space, "vxlan0")
              .at("ifalias")
              .get<std::string>()
              .starts_with("vxlanctl/1 file "));
    const auto again = vxlanctl_counted(host.space, up_words); // what the file says
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    CHECK(apply_text(host.space, "", "--prune").code == 0);
    CHECK(!link_exists(host.space, "vxlan0"));
}

TEST_CASE("apply: a rule of two new tunnels is made once") {
    const Host host;
    const std::string rule = "rules = [{ from = \"10.1.0.0/16\", table = 101 }]\n" + gate_peers;
    REQUIRE(apply_text(host.space, vxlan("one", "11", rule) + vxlan("two", "12", rule)).code == 0);
    CHECK(sh(host.space, "ip rule | grep -c 'lookup 101'") == "1\n");
    REQUIRE(apply_text(host.space, vxlan("one", "11", rule), "--prune").code == 0);
    CHECK(sh(host.space, "ip rule | grep -c 'lookup 101'") == "1\n");
    REQUIRE(apply_text(host.space, "", "--prune").code == 0);
    CHECK(sh(host.space, "ip rule | grep -c 'lookup 101' || true") == "0\n");
}

TEST_CASE("check: drift of every kind is found, without privilege, and apply mends it") {
    struct Drift {
        const char *by, *said;
    };
    const auto drift = GENERATE(values<Drift>({
        {"bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.133",
         "- peer 100.64.158.133"},
        {"bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4", "+ peer 100.64.158.4"},
        {"bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0",
         "- peer 100.64.158.4 via eth0"},
        {"ip link set vxlan0 mtu 1300", "~ mtu: 1300 -> 1400"},
        {"ip addr del 10.225.194.171/9 dev vxlan0", "+ address 10.225.194.171/9"},
        {"ip route del 10.200.0.0/16 table 101", "+ route 10.200.0.0/16 table 101"},
        {"ip rule del table 101", "+ rule from 10.1.0.1/32 table 101"},
        {"ip link set vxlan0 down", "~ up: no -> yes"},
        {"ip link set vxlan0 type vxlan dev eth1", "~ dev: eth1 -> eth0"},
        {"ip link set vxlan0 type vxlan nolearning", "~ learning: no -> yes"},
        {"ip link set vxlan0 type vxlan remote 100.64.158.99", "~ remote: 100.64.158.99 -> none"},
        {"ip link del vxlan0", "vxlan0: would be created"},
        {"ip link del vxlan0; ip link add vxlan0 type vxlan id 11 dstport 4789 local 172.21.0.100",
         ""},
    }));
    const Host host;
    sh(host.space, "ip link add eth1 mtu 9001 type veth peer name wire1; ip link set eth1 up");
    const std::string text = vxlan("vxlan0", "10",
                                   "addresses = [\"10.225.194.171/9\"]\nmtu = 1400\n"
                                   "learning = true\n"
                                   "routes = [{ to = \"10.200.0.0/16\", table = 101 }]\n"
                                   "rules = [{ from = \"10.1.0.1\", table = 101 }]\n" +
                                       gate_peers);
    REQUIRE(apply_text(host.space, text).code == 0);
    RunOptions nobody;
    nobody.input = text;
    nobody.as_nobody = true;
    const auto silent = vxlanctl(host.space, "check -", nobody);
    CHECK(silent.code == 0);
    CHECK(silent.out + silent.err == "");

    sh(host.space, drift.by);
    INFO(drift.by);
    const auto found = vxlanctl(host.space, "check -", nobody);
    INFO(found.out << found.err);
    CHECK(found.code == 3);
    CHECK((found.out + found.err).find(drift.said) != std::string::npos);
    CHECK(vxlanctl(host.space, "check - -q", nobody).out == "");
    REQUIRE(apply_text(host.space, text, "--allow-recreate").code == 0);
    CHECK(vxlanctl(host.space, "check -", nobody).code == 0);
}

TEST_CASE("plan: differences, what they interrupt, a total, and machines' forms of it") {
    const Host host;
    REQUIRE(apply_text(host.space, gate_file).code == 0);
    RunOptions input;
    input.input =
        vxlan("vxlan0", "11", "mtu = 1400\n" + gate_peers) + vxlan("vxlan1", "12", gate_peers);
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, "plan -", input);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement"));
    const auto planned = vxlanctl(host.space, "plan - --allow-recreate", input);
    CHECK(planned.code == 0);
    for (const char* part :
         {"vxlan0: would be replaced", "~ vni: 10 -> 11  (replaces the link)",
          "vxlan1: would be created", "+ peer 100.64.158.4",
          "1 to create, 0 to change, 1 to replace, 0 to remove. Nothing was changed.\n"})
        CHECK(planned.out.find(part) != std::string::npos);
    const auto json =
        nlohmann::json::parse(vxlanctl(host.space, "plan - --json --allow-recreate", input).out);
    CHECK(json.at("dry_run") == true);
    CHECK(json.at("changed") == true);
    CHECK(json.at("summary") == nlohmann::json{{"tunnels", 2}, {"created", 1}, {"replaced", 1}});
    const auto commands = vxlanctl(host.space, "plan - --ip-commands --allow-recreate", input).out;
    CHECK(commands.find("ip link add dev vxlan1 ") != std::string::npos);
    CHECK(difference(before, snapshot(host.space)) == "");
    const std::string first_line = planned.out.substr(0, planned.out.find('\n'));
    CHECK(apply_text(host.space, input.input, "-n --allow-recreate").out.starts_with(first_line));
    CHECK(vxlanctl(host.space, "apply --source test - --ip-commands", input).code == 2);
}

TEST_CASE("apply: many tunnels that are in sync are only counted") {
    const Host host;
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += vxlan(fmt::format("vx{}", i), std::to_string(100 + i), gate_peers);
    REQUIRE(apply_text(host.space, text).code == 0);
    RunOptions input;
    input.input = text;
    CHECK(vxlanctl_brief(host.space, "apply --source test -", input).out ==
          "40 tunnels: 40 in sync\n");
    CHECK(apply_text(host.space, text, "--verbose").out.find("vx7: in sync\n") !=
          std::string::npos);
    sh(host.space, "ip link set vx7 down");
    CHECK(vxlanctl_brief(host.space, "apply --source test -", input).out ==
          "vx7: changed\n  ~ up: no -> yes\n40 tunnels: 39 in sync, 1 changed\n");
}
