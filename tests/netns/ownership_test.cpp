// Whose a tunnel is: of which file, ours, or another program's.
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>

using namespace world;

namespace {

std::string owned(const std::string& name, int vni, const std::string& more = "") {
    return fmt::format("[vxlan.{}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {}\n"
                       "peers = [\"100.64.158.4\"]\n{}\n",
                       name, vni, more);
}

/// An empty directory.
std::string fresh_directory(const std::string& path) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
}

/// What flannel makes: VNI 1 on port 8472, learning off, and an entry for each other node.
void make_flannel(const Namespace& space) {
    sh(space, "ip link add flannel.1 type vxlan id 1 dstport 8472 local 172.21.0.100 dev eth0 "
              "nolearning && ip addr add 10.42.0.0/32 dev flannel.1 && ip link set flannel.1 up && "
              "bridge fdb append 5e:00:00:00:00:02 dev flannel.1 dst 172.21.0.7 && "
              "ip neigh add 10.42.1.0 lladdr 5e:00:00:00:00:02 dev flannel.1 nud permanent");
}

std::string id_on(const Namespace& space, const std::string& name) {
    const auto alias = link(space, name).at("ifalias").get<std::string>();
    return alias.substr(alias.rfind(' ') + 1);
}

std::string record_path(const Namespace& space, const std::string& name) {
    return sh(space, "ls /run/vxlanctl/*/record-" + id_on(space, name) + " | tr -d '\\n'");
}

nlohmann::json record_of(const Namespace& space, const std::string& name) {
    return nlohmann::json::parse(text_of(record_path(space, name)));
}

} // namespace

TEST_CASE("prune: a tunnel goes when the file or directory that it came from is named") {
    const Host host;
    const Namespace& space = host.space;
    const std::string here = fresh_directory("/run/here"), there = fresh_directory("/run/there");
    write_text(here + "/a.toml", owned("vx1", 1));
    write_text(here + "/b.toml", owned("vx2", 2));
    write_text(there + "/c.toml", owned("vx3", 3));
    REQUIRE(vxlanctl(space, "apply " + here + " " + there).code == 0);
    CHECK(record_of(space, "vx1").at("source") == here + "/a.toml");

    SECTION("not because another directory does not define it") {
        write_text(there + "/d.toml", owned("vx4", 4));
        CHECK(vxlanctl(space, "apply --prune " + there).code == 0);
        CHECK(link_exists(space, "vx1"));
        CHECK(link_exists(space, "vx3"));
    }
    SECTION("also where its file was removed, or renamed") {
        std::filesystem::remove(here + "/a.toml");
        std::filesystem::rename(here + "/b.toml", here + "/z.toml");
        const auto told_first = vxlanctl(space, "apply " + here);
        CHECK(told_first.out.find("vx1: not defined in any of these files") != std::string::npos);
        CHECK(vxlanctl(space, "check --prune " + here).code == 3);
        CHECK(vxlanctl(space, "apply --prune " + here).code == 0);
        CHECK(!link_exists(space, "vx1"));
        CHECK(link_exists(space, "vx2"));
        CHECK(link_exists(space, "vx3"));
        CHECK(record_of(space, "vx2").at("source") == here + "/z.toml");
        CHECK(vxlanctl(space, "check --prune " + here).code == 0);
    }
    SECTION("also where its file alone is named") {
        write_text(here + "/a.toml", owned("vx5", 5));
        CHECK(vxlanctl(space, "apply --prune " + here + "/a.toml").code == 0);
        CHECK(!link_exists(space, "vx1"));
        CHECK(link_exists(space, "vx2"));
    }
    SECTION("and a file may come from elsewhere without being drift") {
        write_text("/run/other.toml", owned("vx1", 1));
        CHECK(vxlanctl(space, "check /run/other.toml").code == 0);
        CHECK(vxlanctl_counted(space, "apply /run/other.toml").writes == 0);
        CHECK(record_of(space, "vx1").at("source") == "/run/other.toml");
    }
    SECTION("and all of them go with --all-files") {
        REQUIRE(vxlanctl(space, "up eth0 172.21.0.100 typed - 100.64.158.9 --vni 77").code == 0);
        CHECK(vxlanctl(space, "down --all-files").code == 0);
        for (const char* name : {"vx1", "vx2", "vx3"})
            CHECK(!link_exists(space, name));
        CHECK(link_exists(space, "typed"));
    }
}

TEST_CASE("prune: symbolic links and relative paths keep the source") {
    const Host host;
    const Namespace& space = host.space;
    fresh_directory("/run/site/release-7");
    fresh_directory("/run/site/release-8");
    write_text("/run/site/release-7/a.toml", owned("vx1", 1) + owned("vx2", 2));
    write_text("/run/site/release-8/b.toml", owned("vx2", 2));
    sh(space, "ln -sfn release-7 /run/site/current");
    const std::string program = VXLANCTL_PROGRAM;
    const std::string words = GENERATE(
        as<std::string>{}, "apply --prune /run/site/current", "apply --prune /run//site/./current/",
        "apply --prune current", "apply --prune ../site/current", "apply --prune .");
    const std::string directory = words.ends_with(" .") ? "/run/site/current" : "/run/site";
    const auto apply = [&] { sh(space, "cd " + directory + " && " + program + " " + words); };
    apply();
    CHECK(record_of(space, "vx1").at("source") == "/run/site/current/a.toml");
    sh(space, "ln -sfn release-8 /run/site/current");
    apply();
    CHECK(!link_exists(space, "vx1"));
    CHECK(record_of(space, "vx2").at("source") == "/run/site/current/b.toml");
}

TEST_CASE("prune: what defines no tunnel is an error, unless it is allowed") {
    const Host host;
    const Namespace& space = host.space;
    const std::string directory = fresh_directory("/run/files");
    write_text(directory + "/a.toml", owned("vx1", 1));
    REQUIRE(vxlanctl(space, "apply " + directory).code == 0);
    std::filesystem::remove(directory + "/a.toml");
    write_text("/run/empty.toml", "");
    const std::string mode = GENERATE(as<std::string>{}, "apply", "plan", "check");
    for (const std::string word : {"/run/files", "/run/empty.toml", "--source test -"})
        for (const std::string prune : {" ", " --prune "}) {
            INFO(mode << prune << word);
            const auto refused = vxlanctl(space, mode + prune + word);
            CHECK(refused.code == 2);
            CHECK(told(refused, "defines-no-tunnel"));
            CHECK(link_exists(space, "vx1"));
        }
    const auto nameless = vxlanctl(space, mode + " --prune -", {{}, owned("vx1", 1)});
    CHECK(nameless.code == 2);
    CHECK(told(nameless, "prune-needs-source"));
    CHECK(vxlanctl(space, mode + " --source x /run/files").code == 2);
    CHECK(vxlanctl(space, "down --file /run/empty.toml").code == 2);
    CHECK(vxlanctl(space, "apply --prune --allow-empty /run/empty.toml").code == 0);
    CHECK(link_exists(space, "vx1"));
    CHECK(vxlanctl(space, "apply --prune --allow-empty /run/files").code == 0);
    CHECK(!link_exists(space, "vx1"));
}

TEST_CASE("prune: the tunnels of standard input go by the name that it is given") {
    const Host host;
    const Namespace& space = host.space;
    const auto apply = [&](const std::string& name, const std::string& text) {
        return vxlanctl(space, "apply --prune --allow-empty --source " + name + " -", {{}, text})
            .code;
    };
    CHECK(apply("one", owned("vx1", 1) + owned("vx2", 2)) == 0);
    CHECK(apply("two", owned("vx3", 3)) == 0);
    CHECK(link_exists(space, "vx1"));
    CHECK(apply("one", owned("vx2", 2)) == 0);
    CHECK(!link_exists(space, "vx1"));
    CHECK(link_exists(space, "vx2"));
    CHECK(link_exists(space, "vx3"));
    CHECK(apply("on", "") == 0); // a name is no directory
    CHECK(link_exists(space, "vx2"));
}

TEST_CASE("prune: a tunnel of version 0.1 is named and kept, until its file is applied") {
    const Host host;
    const Namespace& space = host.space;
    const std::string directory = fresh_directory("/run/files");
    write_text(directory + "/a.toml", owned("vx1", 1));
    REQUIRE(vxlanctl(space, "apply " + directory).code == 0);
    const bool is_lost = GENERATE(false, true);
    if (is_lost) {
        std::filesystem::remove(record_path(space, "vx1"));
    } else {
        auto record = record_of(space, "vx1");
        for (const char* member : {"source", "values", "interface"})
            record.erase(member);
        write_text(record_path(space, "vx1"), record.dump());
    }
    write_text(directory + "/a.toml", owned("vx2", 2));
    const auto kept = vxlanctl(space, "apply --prune " + directory);
    CHECK(kept.code == 0);
    CHECK(told(kept, "kept-without-source", {"vx1"}));
    CHECK(link_exists(space, "vx1"));
    const auto document =
        nlohmann::json::parse(vxlanctl(space, "apply --json --prune " + directory).out);
    CHECK(told(document.at("kept")) == "kept-without-source");
    CHECK(vxlanctl(space, "check --prune " + directory).code == 0); // not drift
    write_text(directory + "/b.toml", owned("vx1", 1));
    CHECK(vxlanctl_counted(space, "apply " + directory).writes == 0);
    std::filesystem::remove(directory + "/b.toml");
    CHECK(vxlanctl(space, "apply --prune " + directory).code == 0);
    CHECK(!link_exists(space, "vx1"));
}

TEST_CASE("prune: a mark that was copied makes no interface ours") {
    const Host host;
    const Namespace& space = host.space;
    const std::string directory = fresh_directory("/run/files");
    write_text(directory + "/a.toml", owned("vx1", 1) + owned("vx2", 2));
    REQUIRE(vxlanctl(space, "apply " + directory).code == 0);
    const auto alias = link(space, "vx1").at("ifalias").get<std::string>();
    write_text(directory + "/a.toml", owned("vx2", 2));
    std::string stays = "vx1";
    SECTION("to another interface beside ours: neither goes") {
        sh(space, "ip link add vx9 type vxlan id 9 dstport 4789 local 172.21.0.100 dev eth0");
        sh(space, "ip link set vx9 alias '" + alias + "'");
        stays = "vx9";
    }
    SECTION("to one that has our name by now") {
        sh(space, "ip link del vx1; ip link add vx1 type vxlan id 9 dstport 4789 local "
                  "172.21.0.100 dev eth0");
        sh(space, "ip link set vx1 alias '" + alias + "'");
    }
    SECTION("to one that is even like ours") {
        sh(space, "ip link del vx1; ip link add vx1 type vxlan id 1 dstport 4789 local "
                  "172.21.0.100 dev eth0");
        sh(space, "ip link set vx1 alias '" + alias + "'");
    }
    SECTION("and ours under another name is kept, too") {
        sh(space, "ip link set vx1 down && ip link set vx1 name vx8");
        stays = "vx8";
    }
    const auto pruned = vxlanctl(space, "apply --prune " + directory);
    INFO(pruned.out << pruned.err);
    CHECK(pruned.code == 0);
    CHECK(told(pruned, "kept-with-copied-mark", {stays}));
    CHECK(link_exists(space, stays));
    CHECK(vxlanctl(space, "down --all-files").code == 0);
    CHECK(link_exists(space, stays));
}

TEST_CASE(
    "down: an interface with a copied mark is another program's, and the tunnel keeps its rule") {
    const Host host;
    const Namespace& space = host.space;
    write_text("/run/a.toml",
               owned("vx1", 1, "rules = [{ from = \"10.66.0.0/16\", table = 166 }]"));
    REQUIRE(vxlanctl(space, "apply /run/a.toml").code == 0);
    const auto alias = link(space, "vx1").at("ifalias").get<std::string>();
    sh(space, "ip link add vx9 type vxlan id 99 local 172.21.0.100 dev eth0 dstport 4789 && "
              "ip link set vx9 alias '" +
                  alias + "'");
    const auto refused = vxlanctl(space, "down vx9");
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "not-made-by-vxlanctl", {"vx9"}));
    CHECK(link_exists(space, "vx9"));
    CHECK(vxlanctl(space, "down --force vx9").code == 0);
    CHECK_FALSE(link_exists(space, "vx9"));
    CHECK(sh(space, "ip rule show").find("166") != std::string::npos);
    CHECK(vxlanctl(space, "check /run/a.toml").code == 0);
}

TEST_CASE("down: files name tunnels of other network namespaces") {
    const Host host;
    const Namespace& space = host.space;
    const auto in = [](const std::string& netns, const std::string& name, int vni) {
        return fmt::format("[vxlan.{}]\nlocal = \"172.21.0.1\"\nvni = {}\nnetns = \"{}\"\n"
                           "peers = [\"100.64.158.4\"]\n\n",
                           name, vni, netns);
    };
    for (const char* netns : {"blue", "green"})
        sh(space, fmt::format("ip netns add {0} && ip -n {0} addr add 172.21.0.1/32 dev lo && "
                              "ip -n {0} link set lo up",
                              netns));
    write_text("/run/all.toml", owned("vx1", 1) + in("blue", "vx2", 2) + in("green", "vx3", 3));
    write_text("/run/blue.toml", in("blue", "vx2", 2));
    REQUIRE(vxlanctl(space, "apply /run/all.toml").code == 0);
    const auto exists = [&](const std::string& netns, const std::string& name) {
        return sh(space, fmt::format("ip -n {} -br link show {} 2>/dev/null | wc -l", netns,
                                     name)) == "1\n";
    };
    REQUIRE(exists("blue", "vx2"));
    SECTION("that a file names") {
        const auto removed = vxlanctl(space, "down --file /run/blue.toml");
        INFO(removed.err);
        CHECK(removed.code == 0);
        CHECK(!exists("blue", "vx2"));
        CHECK(exists("green", "vx3"));
        CHECK(link_exists(space, "vx1"));
        CHECK(vxlanctl(space, "down --file /run/blue.toml").code == 0); // again
    }
    SECTION("all of them") {
        CHECK(vxlanctl(space, "down --all-files").code == 0);
        CHECK(!exists("blue", "vx2"));
        CHECK(!exists("green", "vx3"));
        CHECK(!link_exists(space, "vx1"));
    }
    SECTION("those of a pruned directory, also where no file names the namespace any more") {
        const std::string directory = fresh_directory("/run/files");
        write_text(directory + "/a.toml", owned("vx4", 4));
        write_text(directory + "/b.toml", in("green", "vx5", 5));
        REQUIRE(vxlanctl(space, "apply " + directory).code == 0);
        std::filesystem::remove(directory + "/b.toml");
        CHECK(vxlanctl(space, "check --prune " + directory).code == 3);
        const auto pruned = vxlanctl(space, "apply --prune " + directory);
        INFO(pruned.out << pruned.err);
        CHECK(pruned.code == 0);
        CHECK(!exists("green", "vx5"));
        CHECK(exists("green", "vx3")); // of another file
        CHECK(link_exists(space, "vx4"));
        CHECK(vxlanctl(space, "check --prune " + directory).code == 0);
    }
    SECTION("one that is gone has no tunnel any more") {
        sh(space, "ip netns del blue");
        CHECK(vxlanctl(space, "down --file /run/all.toml").code == 0);
        CHECK(!exists("green", "vx3"));
    }
    sh(space, "ip netns del green; ip netns del blue 2>/dev/null || true");
}

TEST_CASE("ownership: doctor calls what is normal for flannel and FRR no fault") {
    const Host host;
    const Namespace& space = host.space;
    make_flannel(space);
    sh(space, "ip link add vni100 mtu 1500 type vxlan id 100 dstport 4789 local 172.21.0.100 "
              "nolearning && ip link set vni100 mtu 8980 up && "
              "bridge fdb append 00:00:00:00:00:00 dev vni100 dst 172.21.0.7 extern_learn");
    for (const char* name : {"flannel.1", "vni100"}) {
        const auto told_all = vxlanctl(space, std::string("doctor ") + name);
        INFO(told_all.out);
        CHECK(told_all.code == 0);
        for (const char* command : {"do:  ip ", "do:  bridge ", "do:  vxlanctl "})
            CHECK(told_all.out.find(command) == std::string::npos);
    }
}

TEST_CASE("ownership: an export, applied and pruned, leaves flannel's interface alone") {
    const Host host;
    const Namespace& space = host.space;
    make_flannel(space);
    REQUIRE(vxlanctl(space, up_words).code == 0);
    const auto before = snapshot(space);
    const std::string directory = fresh_directory("/run/files");
    const auto exported = vxlanctl(space, "export");
    CHECK(exported.out.find("[vxlan.flannel") == std::string::npos);
    CHECK(exported.out.find("1 tunnel is not managed by vxlanctl, shown when named: flannel.1") !=
          std::string::npos);
    write_text(directory + "/a.toml", exported.out);
    REQUIRE(vxlanctl(space, "apply " + directory).code == 0);
    std::filesystem::remove(directory + "/a.toml");
    CHECK(vxlanctl(space, "apply --prune --allow-empty " + directory).code == 0);
    CHECK(!link_exists(space, "vxlan0"));
    CHECK(vxlanctl(space, "down --all").code == 0);
    CHECK(vxlanctl(space, "down --all-files").code == 0);
    CHECK(macs(space, "flannel.1") == std::vector<std::string>{"5e:00:00:00:00:02 172.21.0.7"});
    REQUIRE(vxlanctl(space, up_words).code == 0);
    CHECK(difference(before, snapshot(space)).find("flannel") == std::string::npos);
}

TEST_CASE("ownership: what another program runs is only taken over when that is asked for") {
    const Host host;
    const Namespace& space = host.space;
    const auto make = [&](const std::string& more) {
        sh(space, "ip link add vx5 type vxlan id 5 dstport 4789 local 172.21.0.100 dev eth0 " +
                      more + "; ip link set vx5 up");
    };
    std::string sign;
    SECTION("pins, and learning off") {
        make("nolearning");
        sh(space, "bridge fdb append 5e:00:00:00:00:02 dev vx5 dst 172.21.0.7 " +
                      GENERATE(as<std::string>{}, "permanent", "static"));
        sign = "sign-pins-without-learning";
    }
    SECTION("a flood list, and learning off, as of FRR before any MAC is known") {
        make("nolearning");
        sh(space, "bridge fdb append 00:00:00:00:00:00 dev vx5 dst 172.21.0.7 permanent");
        sign = "sign-pins-without-learning";
    }
    SECTION("entries of a control plane") {
        make("");
        sh(space, "bridge fdb append 5e:00:00:00:00:02 dev vx5 dst 172.21.0.7 extern_learn");
        sign = "sign-external-entries";
    }
    SECTION("a mode that we do not make") {
        sh(space, "ip link add vx5 type vxlan external dstport 4789; ip link set vx5 up");
        sign = "sign-external";
    }
    const auto before = snapshot(space);
    const std::string words = "up eth0 172.21.0.100 vx5 - 100.64.158.4 --vni 5";
    write_text("/run/vx5.toml", owned("vx5", 5));
    for (const std::string& command :
         {words, words + " --dry-run", words + " --allow-recreate --drop-foreign",
          std::string("init-vxlan eth0 172.21.0.100 vx5 10.0.0.1 9 5 100.64.158.4"),
          std::string("apply /run/vx5.toml"), std::string("plan /run/vx5.toml")}) {
        INFO(command);
        const auto refused = vxlanctl(space, command);
        CHECK(refused.code == 4);
        CHECK(told(refused, "run-by-another-program", {clause(sign)}));
    }
    CHECK(vxlanctl(space, "check /run/vx5.toml").code == 3);
    CHECK(difference(before, snapshot(space)).empty());
    const auto exported = vxlanctl(space, "export vx5");
    CHECK(exported.code == 0);
    CHECK(exported.out.find("\n[vxlan.vx5]") == std::string::npos);
    CHECK(exported.out.find("# vx5 is left out: ") == 0);
    CHECK(vxlanctl(space, "graph").out.find("vx5") != std::string::npos); // in the line below
    const auto shown = nlohmann::json::parse(vxlanctl(space, "show --json").out);
    CHECK(shown.at("tunnels").at(0).at("problems").empty());
    CHECK(vxlanctl(space, "doctor").out.find("vx5") != std::string::npos);
    const auto report = nlohmann::json::parse(vxlanctl(space, "doctor vx5 --json").out);
    for (const auto& check : report.at("checks"))
        if (check.at("check") == "peers" || check.at("check") == "flood_list" ||
            check.at("check") == "pins" || check.at("check") == "macs")
            FAIL(check.dump());
    if (sign == "sign-external") return; // it has to be replaced
    const auto adopted = sign == "sign-external-entries"
                             ? vxlanctl(space, words + " --adopt")
                             : apply_text(space, owned("vx5", 5, "adopt = true\n"));
    INFO(adopted.err);
    CHECK(adopted.code == 0);
    CHECK(!id_on(space, "vx5").empty());
    CHECK(vxlanctl(space, "up eth0 172.21.0.100 vx5 - 100.64.158.4 --vni 5").code == 0); // managed
}

TEST_CASE("ownership: what a script has half made is adopted, with an operator's pins") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0");
    const bool has_pins = GENERATE(false, true);
    if (has_pins) sh(space, "bridge fdb append 5e:00:00:00:00:02 dev vxlan0 dst 100.64.158.4");
    const auto adopted = vxlanctl(space, up_words);
    INFO(adopted.err);
    CHECK(adopted.code == 0);
    CHECK(macs(space, "vxlan0").size() == (has_pins ? 1U : 0U));
}

TEST_CASE("ownership: an interface that systemd-networkd or NetworkManager makes is theirs") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add vxlan0 type vxlan id 10 dstport 4789 local 172.21.0.100 dev eth0");
    const auto index = link(space, "vxlan0").at("ifindex").get<int>();
    fresh_directory("/run/systemd/network");
    fresh_directory("/run/NetworkManager/devices");
    std::string file;
    SECTION("a .netdev file") {
        file = "/run/systemd/network/10-vx.netdev";
        write_text(file, "[NetDev]\nName=vxlan0\nKind=vxlan\n");
    }
    SECTION("NetworkManager's state") {
        file = fmt::format("/run/NetworkManager/devices/{}", index);
        write_text(file, "[device]\nmanaged=1\nnm-owned=true\n");
    }
    // As process 1, the namespace is that of the system's services.
    const std::string as_first =
        "unshare --pid --fork --mount-proc " + std::string(VXLANCTL_PROGRAM);
    const auto refused = run(space, {"sh", "-c", as_first + " -v " + up_words});
    CHECK(refused.code == 4);
    CHECK(told(refused, "run-by-another-program", {file}));
    CHECK(run(space, {"sh", "-c", as_first + " " + up_words + " --adopt"}).code == 0);
    CHECK(run(space, {"sh", "-c", as_first + " " + up_words}).code == 0); // managed by now
    sh(space, "ip link del vxlan0");
    std::filesystem::remove_all("/run/systemd/network");
    std::filesystem::remove_all("/run/NetworkManager");
}

TEST_CASE("ownership: words that say what the file says change nothing, and others are refused") {
    const Host host;
    const Namespace& space = host.space;
    const std::string file = "/run/gate.toml";
    write_text(file, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = 20\n"
                     "mtu = 1400\nrp_filter = \"loose\"\n"
                     "addresses = [\"10.225.194.171/9\", \"10.0.0.1/24\"]\n"
                     "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                     "routes = [{ to = \"10.150.0.0/16\", table = 101 }]\n"
                     "rules = [{ from = \"172.21.0.100\", table = 101 }]\n");
    REQUIRE(vxlanctl(space, "apply " + file).code == 0);
    const auto before = snapshot(space);
    const std::string same =
        GENERATE(as<std::string>{}, up_words, up_words + " --mtu 1400", up_words + " --vni 20",
                 "init-vxlan eth0 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4 100.64.158.132",
                 up_words + " --route 10.150.0.0/16,table 101");
    const auto run_same = [&](const std::string& words) {
        // A blank within an option's argument.
        return words.find("--route") == std::string::npos
                   ? vxlanctl_counted(space, words)
                   : vxlanctl_counted(space, up_words + " --route '10.150.0.0/16,table 101'");
    };
    const auto again = run_same(same);
    INFO(same << again.finished.out << again.finished.err);
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    CHECK(difference(before, snapshot(space)).empty());

    const auto refuses = [&](const std::string& words, const std::string& key) {
        const auto refused = vxlanctl(space, words);
        INFO(words << refused.out << refused.err);
        CHECK(refused.code == 4);
        CHECK(told(refused, "file-says-otherwise", {file, key}));
        CHECK(difference(before, snapshot(space)).empty());
    };
    refuses(up_words + " --mtu 1300", "mtu: 1400 -> 1300");
    refuses(up_words + " --vni 10 --allow-recreate", "vni: 20 -> 10");
    refuses(up_words + " --ttl 9", "ttl: 9");
    refuses(up_words + " 100.64.158.5", "peers");
    refuses("up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.132",
            "addresses");
    refuses("init-vxlan eth0 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4", "peers");

    const auto overridden = vxlanctl(space, up_words + " --mtu 1300 --ttl 9 --override");
    INFO(overridden.err);
    CHECK(overridden.code == 0);
    CHECK(told(overridden, "overrides-file", {file}));
    CHECK(link(space, "vxlan0").at("mtu") == 1300);
    CHECK(addresses(space, "vxlan0").size() == 2);
    CHECK(vxlanctl(space, "check " + file).code == 3);
    CHECK(vxlanctl(space, "apply " + file).code == 0);
    CHECK(difference(before, snapshot(space)).empty());
    CHECK(vxlanctl_counted(space, "apply " + file).writes == 0);

    // Without its file, the tunnel is the command's.
    std::filesystem::remove(file);
    const auto taken = vxlanctl(space, up_words + " --vni 20 --mtu 1300");
    INFO(taken.out << taken.err);
    CHECK(taken.code == 0);
    CHECK(link(space, "vxlan0").at("ifalias").get<std::string>().starts_with("vxlanctl/1 cli "));
    CHECK(addresses(space, "vxlan0") == std::vector<std::string>{"10.225.194.171/9"});
}

TEST_CASE("records: one that cannot be understood is no reason to forget what it lists") {
    const Host host;
    const Namespace& space = host.space;
    const std::string file = "/run/gate.toml";
    write_text(file, owned("vx1", 1, "rules = [{ from = \"172.21.0.100\", table = 101 }]\n") +
                         owned("vx2", 2));
    REQUIRE(vxlanctl(space, "apply " + file).code == 0);
    const std::string path = record_path(space, "vx1");
    const std::string whole = text_of(path);
    const std::string broken = GENERATE_COPY(whole.substr(0, whole.size() / 2), std::string());
    write_text(path, broken);
    write_text(file, owned("vx1", 1) + owned("vx2", 2, "mtu = 1300\n"));
    const auto before = snapshot(space);
    const auto applied = vxlanctl(space, "apply " + file);
    CHECK(applied.code == 1);
    CHECK(told(applied, "record-unreadable", {"vx1"}));
    CHECK(link(space, "vx2").at("mtu") == 1300); // the other one is not concerned
    CHECK(vxlanctl(space, "down vx1").code == 1);
    CHECK(link_exists(space, "vx1"));
    CHECK(text_of(path) == broken);
    const auto shown = vxlanctl(space, "show");
    CHECK(shown.code == 0);
    CHECK(told(shown, "record-not-understood", {"vx1"}));
    const auto removed = vxlanctl(space, "down --force vx1");
    CHECK(removed.code == 0);
    CHECK(told(removed, "removed-with-unreadable-record", {"vx1"}));
    CHECK(!link_exists(space, "vx1"));
    CHECK(vxlanctl(space, "apply " + file).code == 0);
    CHECK(vxlanctl(space, "check " + file).code == 0);
}
