// Other devices on the host do not disturb, and `show` tells what a person should look at.
#include "world.h"

#include <array>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

nlohmann::json shown(const Namespace& space, const std::string& name) {
    const auto finished = vxlanctl(space, "show --json " + name);
    REQUIRE(finished.code == 0);
    const auto document = nlohmann::json::parse(finished.out);
    CHECK(document.at("schema") == 2);
    REQUIRE(document.at("tunnels").size() == 1);
    return document.at("tunnels").at(0);
}

bool has_problem(const Namespace& space, const std::string& code) {
    const auto tunnel = shown(space, "vxlan0");
    for (const auto& problem : tunnel.at("problems"))
        if (problem.at("code") == code) return true;
    return false;
}

} // namespace

TEST_CASE("surroundings: other VXLANs of every sort are left alone and do not disturb") {
    const Host host;
    sh(host.space,
       "ip link add flannel.1 type vxlan id 1 local 172.21.0.100 dev eth0 dstport 8472 nolearning\n"
       "ip link add mcast type vxlan id 20 group 239.1.1.1 dev eth0 dstport 4789\n"
       "ip link add v6 type vxlan id 10 local 2001:db8:21::100 dstport 4789\n"
       "ip link add ext type vxlan external dstport 4800\n"
       "ip link add filt type vxlan external vnifilter dstport 4801\n"
       "bridge vni add dev filt vni 10\n"
       "bridge fdb add 00:00:00:00:00:00 dev ext src_vni 10 vni 10 dst 100.64.158.9\n"
       "ip link add gpe type vxlan gpe external dstport 4802\n"
       "for l in flannel.1 mcast v6 ext filt; do ip link set $l up; done");
    const auto before = snapshot(host.space);
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    CHECK(vxlanctl_counted(host.space, up_words).writes == 0);
    CHECK(vxlanctl(host.space, "show").code == 0);
    CHECK(vxlanctl(host.space, "down --all").code == 0);
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("surroundings: a thousand foreign links and addresses") {
    const Host host;
    std::string batch;
    for (int i = 0; i < 1000; ++i)
        batch += fmt::format("link add v{0} type veth peer name w{0}\naddr add 10.1.{1}.{2}/32 dev "
                             "v{0}\n",
                             i, i / 250, i % 250 + 1);
    RunOptions options;
    options.input = batch;
    REQUIRE(run(host.space, {"ip", "-batch", "-"}, options).code == 0);
    const auto made = vxlanctl(host.space, up_words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(vxlanctl_counted(host.space, up_words).writes == 0);
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
}

TEST_CASE("surroundings: names and aliases that are no UTF-8 do not break the JSON") {
    const Host host;
    sh(host.space,
       "ip link add \"$(printf 'vx\\377')\" type vxlan id 77 dstport 4789 local 172.21.0.100");
    CHECK(nlohmann::json::parse(vxlanctl(host.space, "show --json").out).at("tunnels").size() == 1);
    REQUIRE(vxlanctl(host.space, up_words + " -q").code == 0);
    sh(host.space, "ip link set vxlan0 alias \"$(printf 'caf\\351')\"");
    const auto adopted = vxlanctl(host.space, up_words + " --json");
    CHECK(adopted.code == 0);
    CHECK(nlohmann::json::parse(adopted.out).at("changed") == true);
}

TEST_CASE("surroundings: an alternative name is not taken for a link's own") {
    const Host host;
    sh(host.space, "ip link property add dev eth0 altname enp0s5\n"
                   "ip link property add dev eth0 altname vxlan0");
    const auto before = snapshot(host.space);
    const auto taken = vxlanctl(host.space, up_words);
    CHECK(taken.code == 2);
    CHECK(told(taken, "alternative-name", {"vxlan0", "eth0"}));
    CHECK(difference(before, snapshot(host.space)) == "");
    const auto lower = vxlanctl(host.space, "up enp0s5 172.21.0.100 vxlan1 - 100.64.158.4");
    CHECK(lower.code == 2);
    CHECK(told(lower, "alternative-name", {"enp0s5", "eth0"}));
}

TEST_CASE("surroundings: MACs that come and go during a dump do not disturb the flood list",
          "[concurrency]") {
    const Host host;
    std::string peers, come, go;
    for (int i = 0; i < 300; ++i)
        peers += fmt::format("100.65.{}.{}\n", i / 250, i % 250 + 1);
    for (int i = 0; i < 2000; ++i) {
        const auto mac = fmt::format("02:00:00:00:{:02x}:{:02x}", i / 256, i % 256);
        come += fmt::format("fdb replace {} dev vxlan0 dst 100.65.0.1 dynamic\n", mac);
        go += fmt::format("fdb del {} dev vxlan0 dst 100.65.0.1\n", mac);
    }
    RunOptions options;
    options.input = peers;
    const std::string words = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --peers-file -";
    REQUIRE(vxlanctl(host.space, words, options).code == 0);
    RunOptions churn_options;
    churn_options.input = come + go;
    for (int round = 0; round < 10; ++round) {
        Process churn(host.space, {"bridge", "-batch", "-"}, churn_options);
        for (int run = 0; run < 3; ++run) {
            const auto finished = vxlanctl(host.space, words, options);
            INFO(finished.err);
            CHECK(finished.out == "vxlan0: in sync\n");
        }
        (void)churn.wait();
    }
    CHECK(flood_list(host.space, "vxlan0").size() == 300);
}

TEST_CASE("show: all of a tunnel, for people and for machines") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, up_words).code == 0);
    sh(*network.peers[0], "ping -c 1 -w 600 10.225.194.171");
    const auto text = vxlanctl(host, "show vxlan0");
    CHECK(text.code == 0);
    for (const char* part :
         {"vxlan0: up, managed (cli)", "VNI 10, port 4789, local 172.21.0.100, dev eth0, MTU 8951",
          "10.225.194.171/9", "received   ", "sent       ",
          "\n  PEER            LEARNED  LAST HEARD\n  100.64.158.4          1  ",
          "\n    learned 02:00:00:00:00:04\n  100.64.158.132        0  -\n"})
        CHECK(text.out.find(part) != std::string::npos);
    CHECK(text.out.find("problem") == std::string::npos);
    CHECK(vxlanctl_brief(host, "show").out.find("02:00:00:00:00:04") == std::string::npos);
    CHECK(text.out.find("\033[") == std::string::npos);
    CHECK(vxlanctl(host, "show --color always").out.find("\033[32mup\033[0m") != std::string::npos);
    CHECK(vxlanctl(host, "show -q").out.empty());

    const auto tunnel = shown(host, "vxlan0");
    const auto it = link(host, "vxlan0");
    CHECK(tunnel.at("ifindex") == it.at("ifindex"));
    CHECK(tunnel.at("up") == true);
    CHECK(tunnel.at("managed") == "cli");
    CHECK(tunnel.at("mtu") == 8951);
    CHECK(tunnel.at("mac") == it.at("address"));
    CHECK(tunnel.at("vxlan").at("vni") == 10);
    CHECK(tunnel.at("vxlan").at("dev") == "eth0");
    CHECK(tunnel.at("vxlan").at("learning") == true);
    auto peer = tunnel.at("peers").at(0);
    for (const char* time : {"last_heard_seconds", "last_sent_seconds", "last_active_seconds"})
        peer.erase(time); // activity_test.cpp
    CHECK(peer == nlohmann::json{{"dst", "100.64.158.4"},
                                 {"learned", {"02:00:00:00:00:04"}},
                                 {"pinned", Strings{}},
                                 {"external", Strings{}}});
    CHECK(tunnel.at("elsewhere").empty());
    CHECK(tunnel.at("counters").at("rx").at("packets") >= 1);
    CHECK(tunnel.at("counters").at("tx").at("bytes") > 0);
    CHECK(tunnel.at("problems").empty());

    CHECK(vxlanctl(host, "show eth0").code == 2);
    CHECK(vxlanctl(host, "show nosuch").code == 2);
}

TEST_CASE("show: marks what looks wrong") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    CHECK(shown(host.space, "vxlan0").at("problems").empty());

    sh(host.space, "bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst 100.64.158.9 dynamic");
    CHECK(vxlanctl(host.space, "show")
              .out.find("elsewhere  learned 02:00:00:00:00:99 at 100.64.158.9") !=
          std::string::npos);
    CHECK(shown(host.space, "vxlan0").at("elsewhere").size() == 1);
    sh(host.space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 via eth0");
    CHECK(has_problem(host.space, "peer-twice"));
    sh(host.space, "ip link set vxlan0 type vxlan remote 100.64.158.132");
    CHECK(has_problem(host.space, "peer-twice"));
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    CHECK(shown(host.space, "vxlan0").at("problems").empty());

    sh(host.space, "ip link set vxlan0 down");
    CHECK(has_problem(host.space, "link-down"));
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    sh(host.space, "ip link set wire0 down");
    CHECK(has_problem(host.space, "lower-no-carrier"));
    sh(host.space, "ip link set eth0 down");
    CHECK(has_problem(host.space, "lower-down"));
    sh(host.space, "ip link set eth0 mtu 1500");
    CHECK(has_problem(host.space, "mtu-too-large-for-lower"));
    sh(host.space, "ip addr flush dev eth0");
    CHECK(has_problem(host.space, "local-missing"));
    sh(host.space, "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
                   "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
    CHECK(has_problem(host.space, "peers-missing"));
}

TEST_CASE("output: JSON of a change, and quiet and verbose runs") {
    const Host host;
    const auto made = vxlanctl(host.space, up_words + " --json");
    REQUIRE(made.code == 0);
    const auto document = nlohmann::json::parse(made.out);
    CHECK(document.at("schema") == 2);
    CHECK(document.at("changed") == true);
    CHECK(document.at("dry_run") == false);
    const auto& tunnel = document.at("tunnels").at(0);
    CHECK(tunnel.at("name") == "vxlan0");
    CHECK(tunnel.at("result") == "created");
    CHECK(tunnel.at("steps").at(0).at("operation") == "create_link");
    CHECK(tunnel.at("steps").at(1).at("peers").size() == 2);

    const auto again = nlohmann::json::parse(vxlanctl(host.space, up_words + " --json").out);
    CHECK(again.at("changed") == false);
    CHECK(again.at("tunnels").at(0).at("result") == "in_sync");

    const auto refused = vxlanctl(host.space, up_words + " --vni 11 --json");
    CHECK(refused.code == 4);
    const auto why = nlohmann::json::parse(refused.out);
    CHECK(why.at("tunnels").at(0).at("result") == "refused");
    CHECK(why.at("tunnels").at(0).at("errors").at(0).at("kind") == "refused");

    sh(host.space, "ip link add br0 type bridge");
    const auto impossible = vxlanctl(host.space, "down vxlan0 br0 --json");
    CHECK(impossible.code == 2);
    const auto left = nlohmann::json::parse(impossible.out);
    CHECK(left.at("changed") == false);
    CHECK(left.at("tunnels").at(0).at("result") == "untouched");
    CHECK(link_exists(host.space, "vxlan0"));
    for (const char* words : {"show nosuch --json", "up --json", "down x --xyzzy --json"}) {
        const auto early = vxlanctl(host.space, words);
        CHECK(early.code == 2);
        CHECK(nlohmann::json::parse(early.out).at("errors").size() == 1);
    }
    CHECK(vxlanctl(host.space, up_words + " --mtu 1400 -q").out.empty());
    CHECK(vxlanctl(host.space, "--version").out.find("vxlanctl 0.1.0") == 0);
    CHECK(vxlanctl(host.space, "--help").out.find("Commands:") != std::string::npos);
    CHECK(vxlanctl(host.space, "up --help").out.find("--peers-file FILE") != std::string::npos);
}

namespace {

/// What standard output is: a full disk, a pipe that nobody reads, nothing at all.
constexpr std::array deaf_outputs{">/dev/full", ">&4 4>&-", // see unheard()
                                  ">&-"};

Finished unheard(const Host& host, const std::string& words, const std::string& output) {
    return run(host.space, {"/bin/sh", "-c",
                            "exec 3<>/run/pipe 4>/run/pipe 3<&-; exec " VXLANCTL_PROGRAM " " +
                                words + " " + output});
}

bool says_so(const Finished& finished) {
    return finished.err.find(clause("cannot-write-output")) != std::string::npos;
}

const std::string unheard_file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                 "peers = [\"100.64.158.4\"]\n";

} // namespace

TEST_CASE("surroundings: a change that cannot be reported is done all the same, and 'check' keeps "
          "its exit code") {
    for (const std::string output : deaf_outputs) {
        const Host host;
        sh(host.space, "rm -f /run/pipe; mkfifo /run/pipe");
        write_text("/run/file.toml", unheard_file);
        INFO(output);
        CHECK(unheard(host, "check /run/file.toml", output).code == 3);
        const auto made = unheard(host, "apply /run/file.toml", output);
        CHECK(made.code == 0);
        CHECK(says_so(made));
        CHECK(link_exists(host.space, "vxlan0"));
        CHECK(unheard(host, "check /run/file.toml", output).code == 0);
        const auto gone = unheard(host, "down vxlan0 --json", output);
        CHECK(gone.code == 0);
        CHECK(says_so(gone));
        CHECK_FALSE(link_exists(host.space, "vxlan0"));
        CHECK(unheard(host, "down vxlan0 --xyzzy --json", output).code == 2);
    }
}

TEST_CASE("surroundings: what only tells something fails where it cannot") {
    const Host host;
    sh(host.space, "rm -f /run/pipe; mkfifo /run/pipe");
    write_text("/run/file.toml", unheard_file);
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    for (const std::string output : deaf_outputs)
        for (const std::string words : {"show", "export", "plan /run/file.toml", "graph",
                                        "--version", "--help", "apply --dry-run /run/file.toml"}) {
            const auto finished = unheard(host, words, output);
            INFO(words << " " << output << ": " << finished.err);
            CHECK(finished.code == 1);
            CHECK(says_so(finished));
        }
}
