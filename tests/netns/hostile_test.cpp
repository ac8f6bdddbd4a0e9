// What others put in the way of the program: links, programs, names, and files without end.
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// What can stand where a file is expected, as a line of shell in its directory.
const Strings impostors{"ln -s ../precious $file", "ln ../precious $file", "mkfifo $file",
                        "mkdir $file"};

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// Each of the locks, in directories of root's.
Strings locks_of(const Namespace& space) {
    const std::string own =
        "/run/vxlanctl/" + first_line(sh(space, "stat -L -c %d-%i /proc/self/ns/net"));
    sh(space, "rm -rf /run/vxlanctl; mkdir -m 755 /run/vxlanctl " + own);
    return {own + "/lock", "/run/vxlanctl/lock"};
}

/// Beside the directory is a file that the impostor may lead to.
void put(const Namespace& space, const std::string& impostor, const std::string& path) {
    sh(space,
       fmt::format("cd {}; file={}; echo precious >../precious; rm -rf $file; {}",
                   path.substr(0, path.rfind('/')), path.substr(path.rfind('/') + 1), impostor));
}

bool has_other_owners(const Namespace& space) {
    return run(space, {"/bin/sh", "-c", "touch /run/owned && chown 65534 /run/owned"}).code == 0;
}

/// What a terminal would not just show: control characters but the line's end and tabs, in UTF-8
/// also C1.
bool is_clean(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) return false;
        if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) return false;
    }
    return true;
}

const std::string rude = "a\033[2J\007b\xc2\x9b\x7f";

} // namespace

TEST_CASE("hostile: what stands in the place of a lock is not opened, waited for or written to") {
    const Host host;
    const Strings locks = locks_of(host.space);
    for (const auto& lock : locks) {
        for (const auto& impostor : impostors) {
            put(host.space, impostor, lock);
            const auto finished = vxlanctl(host.space, up_words);
            INFO(lock << ": " << impostor << "\n" << finished.err);
            CHECK(finished.code == 1);
            CHECK(finished.err.find(lock.substr(lock.rfind('/') + 1)) != std::string::npos);
            CHECK(text_of(lock.substr(0, lock.rfind('/')) + "/../precious") == "precious\n");
        }
        sh(host.space, "rm -rf " + locks.front().substr(0, locks.front().rfind('/')));
    }
    CHECK_FALSE(link_exists(host.space, "vxlan0"));
    const std::string lock = locks_of(host.space).front();
    if (!has_other_owners(host.space)) SKIP_CASE("a user namespace has one user");
    put(host.space, "touch $file; chmod 666 $file; chown 65534 $file", lock);
    CHECK(told(vxlanctl(host.space, up_words), "own-file-not-trusted"));
}

TEST_CASE("hostile: what stands in the place of a record is not read, and replaced or an error") {
    const Host host;
    for (const auto& impostor : impostors) {
        INFO(impostor);
        REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
        const std::string record = first_line(sh(host.space, "ls /run/vxlanctl/*/record-*"));
        CHECK(vxlanctl(host.space, up_words + " -n").out.find("mtu: 1400 -> ") !=
              std::string::npos); // which the record alone says
        put(host.space, impostor, record);
        const auto planned = vxlanctl(host.space, up_words + " -n");
        CHECK(planned.code == 0);
        CHECK(planned.out.find("mtu") == std::string::npos);
        CHECK(vxlanctl(host.space, "show").code == 0);
        const auto changed = vxlanctl(host.space, up_words + " --mtu 1300");
        const bool is_replaced = !impostor.starts_with("mkdir");
        CHECK(changed.code == (is_replaced ? 0 : 1));
        CHECK(link(host.space, "vxlan0").at("mtu") == (is_replaced ? 1300 : 1400));
        CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(record)) ==
              is_replaced);
        CHECK(text_of("/run/vxlanctl/precious") == "precious\n");
        sh(host.space, "rm -rf " + record + "; ip link del vxlan0");
    }
}

TEST_CASE("hostile: what stands in the place of the files on hold is not read, and replaced") {
    const Host host;
    const std::string hold = "/var/lib/vxlanctl/hold.json", wish = "/run/wish.toml";
    write_text(wish, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n");
    sh(host.space, "rm -rf /var/lib/vxlanctl; mkdir -m 755 /var/lib/vxlanctl");
    for (const auto& impostor : impostors) {
        INFO(impostor);
        put(host.space, impostor, hold);
        CHECK(vxlanctl(host.space, "plan --unless-held " + wish).code == 0);
        const auto rejected = vxlanctl(host.space, "apply --confirm 1 " + wish);
        const bool is_replaced = !impostor.starts_with("mkdir");
        CHECK(rejected.code == 1); // as before; that the list was not written is another error
        INFO(rejected.err);
        CHECK((rejected.err.find("hold.json") != std::string::npos) == !is_replaced);
        CHECK(text_of("/var/lib/precious") == "precious\n");
        CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(hold)) ==
              is_replaced);
        CHECK((told(vxlanctl(host.space, "plan --unless-held " + wish), "file-on-hold")) ==
              is_replaced);
    }
    sh(host.space, "rm -rf /var/lib/vxlanctl /var/lib/precious");
}

TEST_CASE("hostile: a directory of locks and records that others could write to is not used") {
    const Host host;
    Strings lines{"chmod 777 /run/vxlanctl", "chmod 1777 /run/vxlanctl", "chmod 775 /run/vxlanctl",
                  "mv /run/vxlanctl /run/moved; ln -s moved /run/vxlanctl"};
    if (has_other_owners(host.space)) lines.emplace_back("chown 65534 /run/vxlanctl");
    for (const auto& line : lines) {
        INFO(line);
        REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
        sh(host.space, line);
        const auto refused = vxlanctl(host.space, up_words + " --mtu 1300");
        INFO(refused.err);
        CHECK(refused.code == 1);
        CHECK(refused.err.find("/run/vxlanctl: ") != std::string::npos);
        CHECK(link(host.space, "vxlan0").at("mtu") == 1400);
        // Nor what it says: without the record nobody knows that we have set the MTU.
        const auto planned = vxlanctl(host.space, up_words + " -n");
        CHECK(planned.code == 0);
        CHECK(planned.out.find("mtu") == std::string::npos);
        sh(host.space, "rm -rf /run/vxlanctl /run/moved; ip link del vxlan0");
    }
}

TEST_CASE("hostile: programs earlier in PATH are not run, and the others get no environment") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    RunOptions fooled;
    fooled.environment = {{"PATH", "/run/fake:/usr/sbin:/usr/bin:/sbin:/bin"},
                          {"GRAPHVIZ_DOT", "/run/fake/dot"},
                          {"IFS", "x"}};
    sh(host.space, "mkdir -p /run/fake; rm -f /run/fooled\n"
                   "for name in dot nft sh; do\n"
                   "printf '#!/bin/sh\\n: >/run/fooled\\n' >/run/fake/$name\n"
                   "chmod 755 /run/fake/$name\ndone");
    (void)vxlanctl(host.space, "graph --format svg", fooled);
    (void)vxlanctl(host.space, "doctor", fooled);
    CHECK_FALSE(std::filesystem::exists("/run/fooled"));
    // In place of the true one, in the tests' own mount namespace.
    if (!std::filesystem::exists("/usr/bin/dot")) SKIP_CASE("Graphviz is not installed");
    write_text("/run/spy", "#!/bin/sh\nexec 3>/run/seen\ntr '\\0' '\\n' </proc/$$/environ >&3\n"
                           "echo \"$@\" >&3\ncat >&3\nprintf 'no \\033[2J way\\n' >&2\nexit 3\n");
    sh(host.space, "chmod 755 /run/spy; mount --bind /run/spy /usr/bin/dot");
    const auto drawn = vxlanctl(host.space, "graph --format svg", fooled);
    sh(host.space, "umount /usr/bin/dot");
    CHECK(drawn.code == 1);
    CHECK(told(drawn, "dot-failed", {"no \\x1b[2J way"}));
    CHECK(std::count(drawn.err.begin(), drawn.err.end(), '\n') == 1);
    CHECK(text_of("/run/seen") == "-Tsvg\n" + vxlanctl(host.space, "graph --format dot").out);
}

TEST_CASE("hostile: control characters of words and file names reach no terminal") {
    const Host host;
    std::filesystem::create_directories("/run/" + rude);
    write_text("/run/" + rude + "/" + rude + ".toml", "x = ");
    const Strings before_rude[] = {
        {"up", "eth0", "172.21.0.100", "vxlan0", "-", "100.64.158.4", "--peers-file"},
        {"up", "eth0", "172.21.0.100", "vxlan0", "-"},
        {"up", "eth0", "172.21.0.100", "vxlan0"},
        {"up", "eth0", "172.21.0.100"},
        {"up", "eth0"},
        {"up"},
        {"isatap", "up"},
        {"ipip6", "up"},
        {"isatap"},
        {"init-vxlan"},
        {"apply"},
        {"plan", "/run/" + rude},
        {"check", "--json"},
        {"watch", "--dry-run"},
        {"show"},
        {"show", "--color"},
        {"export"},
        {"graph", "--format"},
        {"graph", "--file"},
        {"doctor"},
        {"firewall", "--accept"},
        {"firewall"},
        {"import", "soracom", "--gate-peers"},
        {"down"},
        {"down", "--lock-timeout"},
        {"--netns"},
        {"show", "--netns"},
        {}};
    const auto check_clean = [&](Strings command) {
        command.insert(command.begin(), VXLANCTL_PROGRAM);
        const auto finished = run(host.space, command);
        INFO(fmt::format("{}", fmt::join(command, " ")) << "\n" << finished.out << finished.err);
        CHECK(finished.code == 2);
        CHECK(is_clean(finished.out));
        CHECK(is_clean(finished.err));
        CHECK(finished.err.starts_with("vxlanctl: "));
    };
    for (auto command : before_rude) {
        command.push_back(rude);
        check_clean(command);
        command.back() = "--" + rude;
        check_clean(command);
    }
    for (const char* option :
         {"vni", "port", "mtu", "mac", "ttl", "tos", "df", "ageing", "srcport", "limit", "master",
          "vrf", "address", "route", "rule", "rp-filter", "forward-from"})
        check_clean({"up", "eth0", "172.21.0.100", "vxlan0", "-", "100.64.158.4",
                     fmt::format("--{}", option), rude});
}

TEST_CASE("hostile: control characters in files reach no terminal") {
    const Host host;
    const std::string section = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n";
    const std::string escaped = "a\\u001b[2J\\u0007b\\u009b\\u007f";
    for (const std::string& text :
         {rude + " = 1\n", "\"" + escaped + "\" = 1\n", "[vxlan.\"" + escaped + "\"]\n",
          "[" + rude + "]\n", "[\"" + escaped + "\".x]\n", section + "x = \"" + rude + "\"\n",
          section + "\"" + escaped + "\" = 1\n", section + "peers = [\"" + escaped + "\"]\n",
          section + "dev = \"" + escaped + "\"\n", section + "mtu = " + rude + "\n",
          section + "peers_file = \"" + escaped + "\"\n", section + "netns = \"" + escaped + "\"\n",
          section + "vni = 1 # " + rude + "\nvni = 2\n", section + "x = '''" + rude,
          section + "routes = [{ to = \"" + escaped + "\" }]\n",
          section + "master = \"" + escaped + "\"\n"}) {
        const auto finished = run(host.space, {VXLANCTL_PROGRAM, "apply", "-"}, {{}, text});
        INFO(text << "\n" << finished.out << finished.err);
        CHECK(finished.code == 2);
        CHECK(is_clean(finished.out));
        CHECK(is_clean(finished.err));
        CHECK_FALSE(finished.err.empty());
    }
    const auto peers = vxlanctl(
        host.space, "up eth0 172.21.0.100 vxlan0 - --peers-file -",
        {{}, "100.64.158.4\n" + rude + "\n100.64.158.4 " + rude + "\n" + rude + ".example.org\n"});
    CHECK(peers.code == 2);
    CHECK(is_clean(peers.err));
    const auto json = vxlanctl(host.space, "import soracom --gate-peers -",
                               {{}, "[{\"" + rude + "\": \"" + rude + "\"}, " + rude});
    CHECK(json.code == 2);
    CHECK(is_clean(json.err));
}

TEST_CASE("hostile: control characters in the kernel's names and aliases reach no terminal") {
    const Host host;
    const std::string name = "x\033[2J\x7f\xc2\x9b";
    const auto sent = run(host.space, {"ip", "link", "add", name, "type", "vxlan", "id", "7",
                                       "dstport", "4789", "local", "172.21.0.100"});
    REQUIRE(sent.code == 0);
    REQUIRE(run(host.space, {"ip", "link", "add", "y\033[1m", "type", "veth"}).code == 0);
    REQUIRE(run(host.space, {"ip", "link", "set", name, "alias", rude}).code == 0);
    REQUIRE(run(host.space, {"ip", "link", "set", "eth0", "alias", rude}).code == 0);
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    REQUIRE(run(host.space, {"ip", "link", "set", "vxlan0", "alias", rude}).code == 0);
    REQUIRE(vxlanctl(host.space, up_words).code == 0); // which puts the mark behind it
    for (const char* words : {"show",
                              "show -v",
                              "show --json",
                              "export",
                              "export --json",
                              "graph",
                              "graph -v",
                              "graph --json",
                              "graph --format dot",
                              "graph --format mermaid",
                              "graph --format svg",
                              "doctor",
                              "doctor -v",
                              "doctor --json",
                              "firewall vxlan0",
                              "down --all -n",
                              "down --all -n --ip-commands",
                              "down --all -n --json",
                              "plan --prune --source test -",
                              "down --all"}) {
        const auto finished = vxlanctl(host.space, words);
        INFO(words << "\n" << finished.out << finished.err);
        CHECK(is_clean(finished.out));
        CHECK(is_clean(finished.err));
        CHECK_FALSE((finished.out + finished.err).empty());
    }
    for (const char* options : {"-n", "-n --ip-commands", "-n --json", "-n --exclusive", ""}) {
        const auto finished = vxlanctl(host.space, up_words + " --vni 7 " + options);
        INFO(options << "\n" << finished.out << finished.err);
        CHECK(is_clean(finished.out));
        CHECK(is_clean(finished.err));
        CHECK(finished.err.find("\\x1b[2J") != std::string::npos); // who has the VNI
    }
}

TEST_CASE("hostile: a file of gigabytes is one clear error at once, and takes no memory") {
    // AddressSanitizer reserves terabytes of addresses.
    const auto limited = [](int kib, const std::string& words) {
        return fmt::format("{}exec " VXLANCTL_PROGRAM " {}",
                           is_sanitized() ? "" : fmt::format("ulimit -v {}; ", kib), words);
    };
    const Host host;
    sh(host.space, "mkdir -p -m 755 /run/large; truncate -s 8G /run/large/x.toml");
    for (const char* words :
         {"apply /run/large/x.toml", "plan /run/large", "check - </run/large/x.toml",
          "graph --file /run/large/x.toml", "import soracom --gate-peers /run/large/x.toml",
          "up eth0 172.21.0.100 vxlan0 - --peers-file /run/large/x.toml"}) {
        const auto finished =
            run(host.space, {"/bin/sh", "-c", limited(65536, words + std::string(" -v"))});
        INFO(words << "\n" << finished.err);
        CHECK(finished.code == 2);
        CHECK(told(finished, "text-too-large", {"64"}));
        CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    }
    sh(host.space, "rm -r /run/large");
    // Nobody knows how much will come out of a pipe.
    for (const char* words : {"apply --source test -", "apply /dev/zero", "apply <(cat /dev/zero)",
                              "up eth0 172.21.0.100 vxlan0 - --peers-file -"}) {
        const auto finished =
            run(host.space,
                {"/bin/bash", "-c",
                 fmt::format("cat /dev/zero | ({})", limited(300000, words + std::string(" -v")))});
        INFO(words << "\n" << finished.err);
        CHECK(finished.code == 2);
        CHECK(told(finished, "text-too-large", {"64"}));
    }
}
