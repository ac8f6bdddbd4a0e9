// Files beside one another: drop-ins, JSON, and those that are no files of tunnels.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

const std::string gate_file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                              "mtu = 1400\naddresses = [\"10.225.194.171/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
const std::string gate = "/run/wishes/gate.toml", drop_ins = gate + ".d";

/// A host with gate.toml in an otherwise empty directory, and a directory for its drop-ins.
struct Wishes {
    Wishes() {
        sh(host.space, "rm -rf /run/wishes; umask 022; mkdir -p " + drop_ins);
        write_text(gate, gate_file);
    }
    void drop_in(const std::string& name, const std::string& keys) const {
        write_text(drop_ins + "/" + name, "[vxlan.vxlan0]\n" + keys);
    }
    const Host host;
};

void check_pings(const Network& network) {
    const auto ping = run(network.host.space, {"ping", "-c", "1", "-w", "60", "10.192.158.4"});
    INFO(ping.out << ping.err);
    CHECK(ping.code == 0);
}

} // namespace

TEST_CASE("files: drop-ins change what a file says, wherever that is named") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    wishes.drop_in("10-mtu.toml", "mtu = 1300\n");
    wishes.drop_in("20-peers.toml", "peers = [\"100.64.158.133\"]\n");
    write_text(drop_ins + "/15.json", R"({"vxlan": {"vxlan0": {"mtu": 1320, "vni": 11}}})");
    write_text(drop_ins + "/.hidden.toml", "[");
    const auto made = vxlanctl(space, "apply " + gate);
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    CHECK(made.err.empty());
    CHECK(link(space, "vxlan0").at("mtu") == 1320);
    CHECK(link(space, "vxlan0").at("linkinfo").at("info_data").at("id") == 11);
    CHECK(flood_list(space, "vxlan0") == std::vector<std::string>{"100.64.158.133"});
    for (const std::string& word : {gate, std::string("/run/wishes"), std::string("/run/wishes/")})
        CHECK(vxlanctl(space, "check " + word).code == 0);
    CHECK(vxlanctl_counted(space, "apply /run/wishes").writes == 0);

    // Its source is the file, and what is no longer there is no longer meant.
    sh(space, "rm " + drop_ins + "/20-peers.toml");
    CHECK(vxlanctl(space, "check " + gate).code == 3);
    CHECK(vxlanctl(space, "apply --prune " + gate).out ==
          "vxlan0: changed\n  + peer 100.64.158.4\n  + peer 100.64.158.132\n"
          "  - peer 100.64.158.133\n1 tunnel: 1 changed\n");
    write_text(gate, "");
    sh(space, "rm -r " + drop_ins);
    CHECK(vxlanctl(space, "apply --prune --allow-empty " + gate).code == 0);
    CHECK_FALSE(link_exists(space, "vxlan0"));
}

TEST_CASE("files: a drop-in only changes tunnels of its own file") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    write_text("/run/wishes/more.toml", "[vxlan.vxlan1]\nlocal = \"172.21.0.100\"\nvni = 12\n");
    write_text(drop_ins + "/10.toml", "# more\n[vxlan.vxlan1]\nmtu = 1400\n");
    const auto before = snapshot(space);
    const auto refused = vxlanctl(space, "apply /run/wishes");
    CHECK(refused.code == 2);
    CHECK(told(refused, "drop-in-adds-tunnel", {drop_ins + "/10.toml:2:8: vxlan1", gate}));
    CHECK(difference(before, snapshot(space)) == "");
    write_text(drop_ins + "/10.toml", "[vxlan.vxlan0\n");
    CHECK(told(vxlanctl(space, "apply /run/wishes"), "not-toml", {drop_ins + "/10.toml:1:"}));
    sh(space, "rm " + drop_ins + "/10.toml; ln -s nowhere " + drop_ins + "/10.toml");
    CHECK(told(vxlanctl(space, "apply /run/wishes"), "cannot-read-file", {drop_ins + "/10.toml"}));
    sh(space, "rm " + drop_ins + "/10.toml; mkfifo " + drop_ins + "/10.toml");
    const auto fifo = vxlanctl(space, "apply /run/wishes");
    CHECK(fifo.code == 0);
    CHECK(told(fifo, "file-skipped", {drop_ins + "/10.toml"}));
}

TEST_CASE("files: drop-ins are trusted as files are") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    wishes.drop_in("10.toml", "mtu = 1300\n");
    const auto refused = [&](const std::string& line, const std::string& code,
                             const std::string& what) {
        sh(space, line);
        const auto finished = vxlanctl(space, "plan " + gate);
        INFO(line << "\n" << finished.err);
        CHECK(finished.code == 2);
        CHECK(told(finished, code, {what}));
    };
    refused("chmod 666 " + drop_ins + "/10.toml", "file-writable-by-others", drop_ins + "/10.toml");
    refused("chmod 644 " + drop_ins + "/10.toml; chmod 777 " + drop_ins, "file-writable-by-others",
            drop_ins);
    refused("rm " + drop_ins + "/10.toml", "file-writable-by-others", drop_ins); // though empty
    refused("chmod 755 " + drop_ins + "; chown 65533 " + drop_ins, "file-owner-not-trusted",
            drop_ins);
    sh(space, "chown 0 " + drop_ins);
    CHECK(vxlanctl(space, "plan " + gate).code == 0);
}

TEST_CASE("files: a change of a drop-in that was not confirmed puts its file on hold") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    REQUIRE(vxlanctl(space, "apply /run/wishes").code == 0);
    wishes.drop_in("10.toml", "mtu = 1300\n");
    CHECK(vxlanctl(space, "apply --confirm 1 /run/wishes").code == 1);
    CHECK(link(space, "vxlan0").at("mtu") == 1400);
    const auto held = vxlanctl(space, "apply --unless-held /run/wishes");
    CHECK(told(held, "file-on-hold", {gate}));
    CHECK(link(space, "vxlan0").at("mtu") == 1400);
    wishes.drop_in("10.toml", "mtu = 1310\n");
    const auto applied = vxlanctl(space, "apply --unless-held /run/wishes");
    CHECK_FALSE(told(applied, "file-on-hold"));
    CHECK(link(space, "vxlan0").at("mtu") == 1310);
}

TEST_CASE("files: plan -v says where the values stand that it sets or changes") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    REQUIRE(vxlanctl(space, "apply " + gate).code == 0);
    wishes.drop_in("50-mtu.toml", "\nmtu = 1300\n");
    const std::string place = drop_ins + "/50-mtu.toml:3";
    CHECK(vxlanctl(space, "plan " + gate).out ==
          "vxlan0: would be changed\n  ~ mtu: 1400 -> 1300\n  mtu: set in " + place +
              "\n0 to create, 1 to change, 0 to remove. Nothing was changed.\n");
    CHECK(vxlanctl_brief(space, "plan " + gate).out ==
          "vxlan0: would be changed\n  ~ mtu: 1400 -> 1300\n0 to create, 1 to change, 0 to remove. "
          "Nothing was changed.\n");
    const auto from = [&](const std::string& words) {
        const auto finished = vxlanctl_brief(space, words);
        return nlohmann::json::parse(finished.out)
            .at("tunnels")
            .at(0)
            .value("from", nlohmann::json::object());
    };
    CHECK(from("plan --json " + gate) == nlohmann::json{{"mtu", place}});
    CHECK(from("apply -n --json " + gate) == nlohmann::json{{"mtu", place}});
    REQUIRE(vxlanctl(space, "down vxlan0").code == 0);
    CHECK(from("plan --json " + gate) == nlohmann::json{{"dev", gate + ":2"},
                                                        {"local", gate + ":3"},
                                                        {"mtu", place},
                                                        {"addresses", gate + ":5"},
                                                        {"peers", gate + ":6"}});
    CHECK(from("apply --json " + gate).empty());
    CHECK(from("plan --json " + gate).empty()); // in sync
    wishes.drop_in("60.toml", "peers = []\nforward = true\nmaster = \"none\"\n");
    CHECK(from("plan --json " + gate) ==
          nlohmann::json{{"peers", drop_ins + "/60.toml:2"}, {"forward", drop_ins + "/60.toml:3"}});
}

TEST_CASE("files: JSON is the same document, in files and on standard input") {
    const Network network;
    const auto& space = network.host.space;
    const std::string text = R"({"vxlan": {"vxlan0": {"dev": "eth0", "local": "172.21.0.100",
        "addresses": ["10.225.194.171/9"], "peers": ["100.64.158.4", {"dst": "100.64.158.132"}],
        "allow_overlap": true}}})";
    sh(space, "rm -rf /run/wishes; umask 022; mkdir -p /run/wishes/a.json.d");
    write_text("/run/wishes/a.json", text);
    const auto made = vxlanctl(space, "apply /run/wishes");
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("vxlan0: created\n") == 0);
    check_pings(network);
    CHECK(vxlanctl(space, "check /run/wishes/a.json").code == 0);
    RunOptions input;
    input.input = "\n  " + text;
    CHECK(vxlanctl(space, "check -", input).code == 0);
    CHECK(vxlanctl(space, "check /dev/stdin", input).code == 0);
    write_text("/run/wishes/a.json.d/mtu.toml", "[vxlan.vxlan0]\nmtu = 1300\n");
    CHECK(vxlanctl(space, "apply /run/wishes").code == 0);
    CHECK(link(space, "vxlan0").at("mtu") == 1300);
    check_pings(network);

    input.input = "{\"vxlan\": {\"vxlan0\": {\"local\":\n 7}}}";
    const auto wrong = vxlanctl(space, "apply -", input);
    CHECK(wrong.code == 2);
    CHECK(told(wrong, "wrong-type", {"standard input:2:2: local"}));
    CHECK(wrong.err.find("     7}}}\n     ^\n") != std::string::npos);
    write_text("/run/wishes/b.toml", "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n");
    const auto twice = vxlanctl(space, "apply /run/wishes");
    CHECK(told(twice, "defined-twice", {"/run/wishes/b.toml:1:8", "/run/wishes/a.json:1:12"}));
}

TEST_CASE("files: what is skipped in a directory is told, but not what others leave there") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    write_text(gate, gate_file + "peers_file = [\"site.peers\", \"/run/wishes/./all.peers\"]\n");
    sh(space, "cd /run/wishes; echo 100.64.158.133 >site.peers; echo 100.64.158.134 >all.peers\n"
              "mkdir old old.conf vxlan9.toml.d; touch .gitignore '.#gate.toml' gate.toml~ "
              "'#gate.toml#' .gate.toml.swp gate.toml.swp gate.toml.dpkg-old gate.toml.dpkg-dist "
              "gate.toml.rpmnew gate.toml.rpmsave");
    const auto quiet = vxlanctl(space, "plan /run/wishes");
    INFO(quiet.err);
    CHECK(quiet.code == 0);
    CHECK(quiet.err.empty());

    sh(space, "touch /run/wishes/SITE.TOML /run/wishes/README " + drop_ins + "/10-mtu.conf");
    const auto few = vxlanctl(space, "plan /run/wishes");
    CHECK(times_told(few, "file-name-skipped") == 3);
    for (const std::string& path : {std::string("/run/wishes/SITE.TOML"),
                                    std::string("/run/wishes/README"), drop_ins + "/10-mtu.conf"})
        CHECK(told(few, "file-name-skipped", {path}));
    sh(space, "touch /run/wishes/other.peers /run/wishes/gate.yaml");
    const auto many = vxlanctl(space, "check /run/wishes");
    CHECK(times_told(many, "file-name-skipped") == 1);
    CHECK(times_told(many, "files-skipped") == 1);
    CHECK(told(many, "files-skipped",
               {"/run/wishes: 4 ", "README, SITE.TOML, gate.yaml and 1 more"}));
    CHECK(vxlanctl(space, "plan -q /run/wishes").err.empty());
    CHECK(vxlanctl(space, "plan " + gate).err.find("files-skipped") == std::string::npos);
    write_text(gate, "");
    const auto none = vxlanctl(space, "apply /run/wishes");
    CHECK(none.code == 2);
    CHECK(told(none, "files-skipped"));
}

TEST_CASE("files: what systemd is asked to watch") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    const auto watched = [&](const std::string& words = "/run/wishes") {
        const auto finished = run(space, {VXLANCTL_PROGRAM, "__watched-directories", words});
        INFO(finished.err);
        CHECK(finished.code == 0);
        CHECK(finished.err.empty());
        return finished.out;
    };
    CHECK(watched() == drop_ins + "\n");
    sh(space, "rm -r " + drop_ins +
                  "; rm -rf /run/lists; mkdir -p /run/lists/real /run/lists/link;"
                  "touch /run/lists/real/c; ln -s ../real/c /run/lists/link/peers");
    const std::string begin = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\npeers_file = ";
    // It does not matter whether they are there, or what is in them.
    write_text(gate, begin + "[\"/run/lists/a b/x\", \"/run/lists/missing/../none/y\", "
                             "\"/run/lists/link/peers\", \"beside\", \"/run/vxlanctl/z\", "
                             "\"/run/lists/line\\nend/w\"]\n");
    CHECK(watched() == "/run/lists/a b\n/run/lists/link\n/run/lists/none\n/run/lists/real\n"
                       "/run/wishes\n");
    write_text(gate, begin + "\"/run/lists/a b/x\"\nvni = \"wrong\"\n");
    CHECK(watched() == "/run/lists/a b\n");
    write_text(gate, "[");
    CHECK(watched().empty());
    CHECK(watched("/run/nothing").empty());
}

TEST_CASE("files: a peers file that is replaced by another program is read whole") {
    const Wishes wishes;
    const auto& space = wishes.host.space;
    sh(space, "rm -r " + drop_ins + "; mkdir -p /run/lists");
    const auto list = [](int network, int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text +=
                fmt::format("100.{}.{}.{} gate-{}-{}\n", network, i / 250, 1 + i % 250, network, i);
        return text;
    };
    write_text("/run/lists/old", list(64, 3000));
    write_text("/run/lists/new", list(65, 2000));
    sh(space, "cp /run/lists/old /run/lists/peers");
    write_text(gate, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                     "peers_file = \"/run/lists/peers\"\n");
    Process writer(space, {"/bin/sh", "-c",
                           "while [ ! -e /run/lists/stop ]; do for list in new old; do "
                           "cp /run/lists/$list /run/lists/next && "
                           "mv /run/lists/next /run/lists/peers; done; done"});
    for (int i = 0; i < 40; ++i) {
        const auto planned = vxlanctl(space, "apply -n --json " + gate);
        INFO(planned.err.substr(0, 1000));
        REQUIRE(planned.code == 0);
        std::set<std::string> begins;
        std::size_t count = 0;
        const auto document = nlohmann::json::parse(planned.out);
        for (const auto& step : document.at("tunnels").at(0).at("steps"))
            if (step.at("operation") == "add_peers")
                for (const auto& peer : step.at("peers")) {
                    begins.insert(peer.at("dst").get<std::string>().substr(0, 6));
                    ++count;
                }
        CHECK(begins.size() == 1);
        CHECK(count == (begins.contains("100.64") ? 3000 : 2000));
    }
    CHECK(vxlanctl(space, "check " + gate).code == 3); // and no error
    write_text("/run/lists/stop", "");
    CHECK(writer.wait().code == 0);
}
