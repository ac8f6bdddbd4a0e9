// The API's JSON as a file that apply accepts as it is.
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

using namespace world;

namespace {

const std::string sample = EXAMPLES "/gate-peers.json";
const std::string import_words = "import soracom --gate-peers " + sample;

RunOptions with_input(const std::string& text) {
    RunOptions options;
    options.input = text;
    return options;
}

/// A directory that goes with this object.
struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("import-test-{}", getpid());
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::size_t size() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path),
                                                      std::filesystem::directory_iterator()));
    }
};

} // namespace

TEST_CASE("import: what is printed makes the tunnel, and nothing the second time") {
    const Host host;
    RunOptions nobody;
    nobody.as_nobody = true;
    const auto imported = vxlanctl(host.space, import_words, nobody);
    INFO(imported.err);
    REQUIRE(imported.code == 0);
    CHECK(imported.err == "");
    const std::string page = text_of(SOURCE_DIRECTORY "/docs/import.md");
    CHECK(page.find("```toml\n" + imported.out + "```\n") != std::string::npos);
    CHECK(page.find("```json\n" + text_of(sample) + "```\n") != std::string::npos);
    CHECK(vxlanctl(host.space, "import soracom --gate-peers -", with_input(text_of(sample))).out ==
          imported.out);
    const auto applied = vxlanctl(host.space, "apply --source test -", with_input(imported.out));
    INFO(applied.err);
    CHECK(applied.code == 0);
    CHECK(addresses(host.space, "vxlan0") == std::vector<std::string>{"10.225.194.171/9"});
    CHECK(flood_list(host.space, "vxlan0") ==
          std::vector<std::string>{"100.64.158.132", "100.64.158.4"});
    const auto link = world::link(host.space, "vxlan0");
    CHECK(link.at("linkinfo").at("info_data").at("link") == "eth0");
    CHECK(link.at("linkinfo").at("info_data").at("id") == 10);
    CHECK(link.at("linkinfo").at("info_data").at("local") == "172.21.0.100");
    CHECK(vxlanctl(host.space, up_words).out == "vxlan0: in sync\n"); // the same by hand

    // The tunnel's own address is one of this host now, and makes no difference.
    const auto again = vxlanctl(host.space, import_words);
    CHECK(again.out == imported.out);
    CHECK(vxlanctl(host.space, "check -", with_input(again.out)).code == 0);
    CHECK(nlohmann::json::parse(vxlanctl(host.space, import_words + " --json").out) ==
          nlohmann::json{
              {"schema", 2}, {"toml", imported.out}, {"warnings", nlohmann::json::array()}});
}

TEST_CASE("import: on another host it says which entries and addresses there are") {
    const Host host;
    sh(host.space, "ip addr del 172.21.0.100/24 dev eth0\nip addr add 172.21.0.9/24 dev eth0");
    const auto refused = vxlanctl(host.space, import_words);
    INFO(refused.err);
    CHECK(refused.code == 2);
    CHECK(refused.out == "");
    CHECK(told(refused, "no-own-entry",
               {"172.21.0.100 (inner 10.225.194.171, the customer's)", "172.21.0.9 on eth0"}));
    const auto chosen = vxlanctl(host.space, import_words + " --self 172.21.0.100 --dev eth0");
    CHECK(chosen.code == 0);
    CHECK(chosen.out.find("dev = \"eth0\"\nlocal = \"172.21.0.100\"\n") != std::string::npos);
}

TEST_CASE("import: a file that says the same is not written, one that differs is not replaced") {
    const Host host;
    const Folder folder;
    const auto file = (folder.path / "gate.toml").string();
    const auto import_to = [&](const std::string& more = "") {
        return vxlanctl(host.space, fmt::format("{} -o {} {}", import_words, file, more));
    };
    REQUIRE(import_to().out == file + ": written\n");
    sh(host.space, "touch -d @1 " + file);
    const std::string before = sh(host.space, "stat -c '%i %Y' " + file);
    CHECK(import_to().out == file + ": in sync\n");
    CHECK(import_to("-q").out == "");
    CHECK(nlohmann::json::parse(import_to("--json").out).at("written") == false);
    CHECK(import_to("--force").out == file + ": in sync\n");
    CHECK(sh(host.space, "stat -c '%i %Y' " + file) == before);

    sh(host.space, "echo 'mtu = 1500' >>" + file);
    const std::string edited = text_of(file);
    const auto refused = import_to();
    CHECK(refused.code == 4);
    CHECK(refused.out == "");
    CHECK(told(refused, "file-differs", {file, "--force", "--peers-only"}));
    CHECK(text_of(file) == edited);
    CHECK(import_to("--json").code == 4);
    CHECK(nlohmann::json::parse(import_to("--force --json").out).at("written") == true);
    CHECK(text_of(file) == vxlanctl(host.space, import_words).out);

    write_text(file, ""); // has nothing to lose
    CHECK(import_to().out == file + ": written\n");
    CHECK(folder.size() == 1);
}

TEST_CASE("import: a peers file is refreshed beside a file that is edited by hand") {
    const Host host;
    const Folder folder;
    const auto peers = (folder.path / "gate.peers").string(),
               file = (folder.path / "gate.toml").string();
    const auto refresh = [&](const std::string& json, const std::string& more = "") {
        return vxlanctl(host.space,
                        "import soracom --gate-peers - --peers-only -o " + peers + " " + more,
                        with_input(json));
    };
    CHECK(refresh(text_of(sample)).out == peers + ": written\n");
    write_text(file, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmtu = 1500\n"
                     "addresses = [\"10.225.194.171/9\"]\npeers_file = \"gate.peers\"\n");
    CHECK(vxlanctl(host.space, "apply " + file).code == 0);
    CHECK(flood_list(host.space, "vxlan0") ==
          std::vector<std::string>{"100.64.158.132", "100.64.158.4"});

    sh(host.space, "touch -d @1 " + peers); // what a path unit looks at
    const std::string before = sh(host.space, "stat -c '%i %Y' " + peers);
    CHECK(refresh(text_of(sample)).out == peers + ": in sync\n");
    CHECK(sh(host.space, "stat -c '%i %Y' " + peers) == before);

    const std::string moved = "{\"outerIpAddress\":\"100.64.158.5\",\"ownedByCustomer\":false}\n";
    CHECK(refresh(moved).out == peers + ": written\n"); // its first line is ours
    CHECK(vxlanctl(host.space, "apply " + file).code == 0);
    CHECK(flood_list(host.space, "vxlan0") == std::vector<std::string>{"100.64.158.5"});
    CHECK(link(host.space, "vxlan0").at("mtu") == 1500);

    // What cannot be read changes nothing, such as where the program before the pipe failed.
    const std::string whole = text_of(peers);
    for (const std::string broken : {"", "[]", "{\"code\":\"AGW0001\"}"})
        CHECK(refresh(broken).code == 2);
    CHECK(text_of(peers) == whole);

    write_text(peers, "100.64.158.4 # by hand\n" + whole);
    const auto refused = refresh(text_of(sample));
    CHECK(refused.code == 4);
    CHECK(told(refused, "peers-file-differs", {peers, "--force"}));
    CHECK(text_of(peers).starts_with("100.64.158.4 # by hand\n"));
    CHECK(refresh(text_of(sample), "--force").out == peers + ": written\n");
    const auto document = nlohmann::json::parse(refresh(text_of(sample), "--json").out);
    CHECK(document.at("peers") == text_of(peers));
    CHECK(document.at("written") == false);
    for (const std::string option :
         {"--vpg /dev/null", "--self 172.21.0.100", "--name x", "--dev x"})
        CHECK(told(refresh(moved, option), "options-contradict", {"--peers-only"}));
}

TEST_CASE("import: devices whose packets Junction redirects reach the internet by its comment",
          "[nft]") {
    const Network net;
    const Namespace& space = net.host.space;
    if (run(space, {"nft", "add", "table", "inet", "other"}).code != 0)
        SKIP_CASE("this kernel has no nf_tables for IP");
    const std::string vpg = "{\"gateVxlanId\":10.0,\"redirection\":{\"enabled\":true,"
                            "\"gateway\":\"10.225.194.171\"}}";
    const auto imported = vxlanctl(space, import_words + " --vpg -", with_input(vpg));
    INFO(imported.err << imported.out);
    REQUIRE(imported.code == 0);
    const auto applied = apply_text(space, imported.out);
    CHECK(applied.code == 0);
    CHECK(sh(space, "cat /proc/sys/net/ipv4/conf/vxlan0/forwarding") == "1\n");

    // Behind the first peer is a device, and the last peer is a host of the internet.
    const Namespace &device = *net.peers.at(0), &server = *net.peers.at(2);
    sh(space, "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0; "
              "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/forwarding; "
              "ip route add 198.51.100.1 via 100.64.158.133 dev eth0");
    sh(server, "ip addr add 198.51.100.1/32 dev lo; ip link del vxlan0");
    sh(device, "ip route add 198.51.100.1 via 10.225.194.171 dev vxlan0");
    const std::vector<std::string> ping{"ping", "-n", "-c", "1", "-w", "20", "198.51.100.1"};
    CHECK(run(device, {"ping", "-n", "-c", "1", "-W", "1", "198.51.100.1"}).code == 1);

    // Literally what the comment says.
    const std::string program = VXLANCTL_PROGRAM;
    std::string file = imported.out;
    const std::string key = "#     forward_from", command = "#     vxlanctl firewall";
    REQUIRE(file.find(key) != std::string::npos);
    file.erase(file.find(key), 1);
    const auto begin = file.find(command);
    REQUIRE(begin != std::string::npos);
    const std::string line = file.substr(begin + 1, file.find('\n', begin) - begin - 1);
    CHECK(apply_text(space, file).code == 0);
    sh(space, fmt::format("PATH=\"{}:$PATH\" {}", program.substr(0, program.rfind('/')), line));
    CHECK(run(device, ping).code == 0);
}

TEST_CASE("import: the file of -o is replaced at once, or not at all") {
    const Host host;
    const Folder folder;
    const auto file = folder.path / "gate.toml";
    const auto import_to = [&](const std::string& path, const std::string& more = "") {
        return vxlanctl(host.space, fmt::format("{} -o {} {}", import_words, path, more));
    };
    CHECK(import_to(file).out == file.string() + ": written\n");
    CHECK(text_of(file) == vxlanctl(host.space, import_words).out);
    CHECK(vxlanctl(host.space, "apply " + file.string()).code == 0);

    std::filesystem::create_symlink(file, folder.path / "link");
    CHECK(import_to(folder.path / "link", "--name vxlan1 -q --force").out == "");
    CHECK(text_of(file).find("[vxlan.vxlan1]\n") == 0);
    CHECK(std::filesystem::is_symlink(folder.path / "link"));
    CHECK(folder.size() == 2);

    // Also where nothing is there yet, by a link that is relative to where it is.
    std::filesystem::create_directory(folder.path / "far");
    std::filesystem::create_symlink("far/new.toml", folder.path / "dangling");
    std::filesystem::create_symlink(folder.path / "dangling", folder.path / "twice");
    CHECK(import_to(folder.path / "twice", "-q").code == 0);
    CHECK(std::filesystem::is_symlink(folder.path / "dangling"));
    CHECK(std::filesystem::is_regular_file(folder.path / "far" / "new.toml"));
    std::filesystem::create_symlink("round", folder.path / "round");
    const auto endless = import_to(folder.path / "round");
    CHECK(endless.code == 1);
    CHECK(told(endless, "cannot-write-file", {"round"}));
    for (const char* name : {"dangling", "twice", "round", "far"})
        std::filesystem::remove_all(folder.path / name);

    // An error leaves what is there.
    CHECK(import_to(file, "--name a/b").code == 2);
    CHECK(text_of(file).find("[vxlan.vxlan1]\n") == 0);
    CHECK(import_to(folder.path / "none" / "gate.toml").code == 1);
    CHECK(import_to(folder.path / std::string(300, 'x')).code == 1); // and leaves no part of it
    for (const std::string& path : {folder.path.string(), std::string("/dev/null")}) {
        const auto refused = import_to(path);
        CHECK(refused.code == 2);
        CHECK(told(refused, "not-replaced", {path}));
    }
    CHECK(std::filesystem::is_character_file("/dev/null"));
    CHECK(folder.size() == 2);
}

TEST_CASE("import: mistakes in words and texts are errors of usage, and nothing is printed") {
    const Host host;
    struct Mistake {
        std::string words, codes;
        std::vector<std::string> values;
    };
    for (const auto& [words, codes, values] : std::vector<Mistake>{
             {"import", "second-word-missing, did-you-mean", {"'import soracom'"}},
             {"import soracm", "unknown-command, did-you-mean", {"'import soracom'"}},
             {"import soracom", "gate-peers-missing", {}},
             {"import soracom --gate-peer x", "unknown-option, did-you-mean", {"'--gate-peers'"}},
             {"import soracom " + sample, "command-takes-no-words, files-by-options", {}},
             {"import soracom --gate-peers - --vpg -", "stdin-named-twice", {}},
             {"import soracom --gate-peers ''", "cannot-read-file", {"'': ", "(No such file"}},
             {"import soracom --gate-peers /nonexistent", "cannot-read-file", {"(No such file"}},
             {"import soracom --gate-peers /dev/zero", "text-too-large", {"/dev/zero", "64"}},
             {import_words + " --self x", "not-an-ip-address", {"--self 'x': "}},
             {import_words + " -o ''", "not-a-file-name", {"--output '': "}},
             {import_words + " --dev a/b", "interface-name-has-bad-characters", {"--dev 'a/b': "}},
             {"import soracom --gate-peers -", "not-json", {"standard input:2:6: "}}}) {
        const auto refused = vxlanctl(host.space, words, with_input("[\n{\"a\":}]"));
        INFO(words << ": " << refused.err);
        CHECK(refused.code == 2);
        CHECK(refused.out == "");
        CHECK(told(refused, codes, values));
    }
    CHECK(vxlanctl(host.space, "import soracom --gate-peers -", with_input("[\n{\"a\":}]"))
              .err.find("\n    {\"a\":}]\n         ^\n") != std::string::npos);
    const auto closed = vxlanctl(host.space, import_words + " --vpg -",
                                 with_input("{\"gateOpened\":false,\"gateVxlanId\":11}"));
    CHECK(closed.code == 0);
    CHECK(told(closed, "gate-closed", {"vxlan0"}));
    CHECK(closed.out.find("vni = 11\n") != std::string::npos);
}
