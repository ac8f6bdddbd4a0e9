// What programs in several network namespaces share: the directories of records and holds.
#include "faults.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

using namespace world;

namespace {

constexpr std::chrono::seconds long_time{300};

RunOptions input(std::string text) {
    RunOptions options;
    options.input = std::move(text);
    options.deadline = long_time;
    return options;
}

RunOptions traced_options() {
    RunOptions options = input("");
    options.environment = {{"ASAN_OPTIONS", "detect_leaks=0"}};
    return options;
}

std::string tunnel_text(const std::string& more = "") {
    return "[vxlan.vxlan0]\nlocal = '172.21.0.100'\npeers = ['100.64.158.4']\n" + more;
}
const std::string two_rules = "rules = [{ from = '10.1.0.0/16', table = 101 },\n"
                              "         { from = '10.2.0.0/16', table = 101 }]\n";

/// DEVICE-INODE.
std::string number_of(const Namespace& space) {
    std::string text = sh(space, "stat -L -c %d-%i /proc/self/ns/net");
    return text.substr(0, text.find('\n'));
}
std::string directory_of(const Namespace& space) {
    return "/run/vxlanctl/" + number_of(space);
}

std::vector<std::string> files_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(directory, absent))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> records_in(const std::string& directory) {
    auto names = files_in(directory);
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("record-"); });
    return names;
}

bool has_rule(const Namespace& space, const std::string& prefix) {
    return sh(space, "ip rule").find(prefix) != std::string::npos;
}

/// The namespaces of a test that have a name, and no holds from before.
struct Named {
    Named() { std::filesystem::remove_all("/var/lib/vxlanctl"); }
    Named(const Named&) = delete;
    Named& operator=(const Named&) = delete;
    ~Named() {
        for (const auto& name : names)
            (void)run(host.space, {"ip", "netns", "del", name});
        std::filesystem::remove_all("/var/lib/vxlanctl");
    }
    /// With 172.21.0.100 on `lo`.
    void add(const std::string& name) {
        names.push_back(name);
        sh(host.space, fmt::format("ip netns add {0}; ip -n {0} link set lo up\n"
                                   "ip -n {0} addr add 172.21.0.100/32 dev lo",
                                   name));
    }
    const Host host;
    std::vector<std::string> names;
};

/// As the shipped services run it.
Finished as_service(const Namespace& space, const std::string& words) {
    std::vector<std::string> command{"setpriv",    "--bounding-set", "-all,+net_admin",
                                     "--inh-caps", "-all",           "--no-new-privs"};
    for (auto& word : command_of(words))
        command.push_back(std::move(word));
    return run(space, command);
}

} // namespace

TEST_CASE("shared state: programs in two namespaces do not disturb each other's records") {
    const Host one;
    sh(one.space, "ip link set lo up");
    const Namespace other;
    REQUIRE(vxlanctl(one.space, "down nosuch").code == 0); // which says whose the directory is
    StoppedRun half(one.space, up_words, 1, "VXLANCTL_STOP_RENAME");
    REQUIRE(half.is_stopped());
    // It has written a record and not yet given it its name. Another program sweeps.
    const auto swept = vxlanctl(other, "down nosuch");
    INFO(swept.err);
    CHECK(swept.code == 0);
    const auto finished = half.resume();
    INFO(finished.out << finished.err);
    CHECK(finished.code == 0);
    CHECK(records_in(directory_of(one.space)).size() == 1);
    CHECK(vxlanctl_counted(one.space, up_words).writes == 0);
}

TEST_CASE("shared state: a change reads nothing of what other namespaces have recorded") {
    const Host host;
    const Namespace other;
    const Process inside(other, {"sleep", "infinity"}, input(""));
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    REQUIRE(vxlanctl(other, "down nosuch").code == 0);
    for (int i = 0; i < 100; ++i)
        write_text(fmt::format("{}/record-{:016x}", directory_of(other), i), "{\"version\":1}");
    const auto traced =
        run(host.space, {"strace", "-f", "-e", "trace=openat", VXLANCTL_PROGRAM, "down", "vxlan0"},
            traced_options());
    CHECK(traced.code == 0);
    CHECK(traced.err.find("\"record-00000") == std::string::npos);
    CHECK(records_in(directory_of(other)).size() == 100);
}

TEST_CASE("shared state: holds of programs that work at once in several namespaces all stay") {
    Named named;
    std::vector<std::unique_ptr<Process>> programs;
    for (int i = 0; i < 12; ++i) {
        named.add(fmt::format("hold{}", i));
        write_text(fmt::format("/run/hold{}.toml", i),
                   tunnel_text(fmt::format("vni = {}\n", i + 1)));
    }
    for (const auto& name : named.names)
        programs.push_back(std::make_unique<Process>(
            named.host.space,
            command_of(fmt::format("--netns {0} apply --confirm 1 /run/{0}.toml", name)),
            input("")));
    for (auto& program : programs)
        CHECK(program->wait().code == 1);
    for (const auto& name : named.names) {
        const auto planned = vxlanctl(
            named.host.space, fmt::format("--netns {0} plan --unless-held /run/{0}.toml", name));
        INFO(name << ": " << planned.out << planned.err);
        CHECK(told(planned, "file-on-hold"));
    }
}

TEST_CASE("shared state: a hold belongs to the namespace, whatever leads to it") {
    Named named;
    named.add("held");
    const Namespace& space = named.host.space;
    write_text("/run/held.toml", tunnel_text());
    REQUIRE(vxlanctl(space, "--netns /run/netns/held apply --confirm 1 /run/held.toml").code == 1);
    const std::string plan = VXLANCTL_PROGRAM " plan -v --unless-held /run/held.toml 2>&1";
    for (const std::string prefix : {"--netns held", "--netns /run/netns/../netns/held"}) {
        const auto planned = vxlanctl(space, prefix + " plan --unless-held /run/held.toml");
        INFO(prefix);
        CHECK(told(planned, "file-on-hold"));
    }
    CHECK(told(sh(space, "ip netns exec held " + plan), "file-on-hold"));
    CHECK_FALSE(told(sh(space, plan), "file-on-hold"));
    CHECK(vxlanctl(space, "--netns held apply /run/held.toml").code == 0);
    CHECK_FALSE(told(sh(space, "ip netns exec held " + plan), "file-on-hold"));
}

TEST_CASE("shared state: a list of holds is on the disk before it has its name, and with it") {
    Named named;
    write_text("/run/held.toml", tunnel_text());
    const auto traced =
        run(named.host.space,
            {"strace", "-f", "-e", "trace=fsync,renameat,renameat2", "-o", "/run/trace",
             VXLANCTL_PROGRAM, "apply", "--confirm", "1", "/run/held.toml"},
            traced_options());
    CHECK(traced.code == 1);
    const std::string trace = text_of("/run/trace");
    const auto first = trace.find("fsync(");
    const auto named_at = trace.find("\"hold.json\")");
    REQUIRE(named_at != std::string::npos);
    CHECK(first < named_at);
    CHECK(trace.find("fsync(", named_at) != std::string::npos);
}

TEST_CASE("shared state: holds of 0.1 are taken over") {
    Named named;
    named.add("held");
    const Namespace& space = named.host.space;
    write_text("/run/held.toml", tunnel_text());
    REQUIRE(sh(space, "ip netns exec held true").empty());
    REQUIRE(vxlanctl(space, "--netns held apply --confirm 1 /run/held.toml").code == 1);
    const auto now = nlohmann::json::parse(text_of("/var/lib/vxlanctl/hold.json"));
    const auto hold = now.at("netns").at("held");
    const std::string words = GENERATE("held", "/run/netns/held");
    write_text("/var/lib/vxlanctl/hold.json", nlohmann::json{{words, hold}}.dump());
    CHECK(told(vxlanctl(space, "--netns held plan --unless-held /run/held.toml"), "file-on-hold"));
    write_text("/run/other.toml", tunnel_text("vni = 77\n"));
    REQUIRE(vxlanctl(space, "apply --confirm 1 /run/other.toml").code == 1);
    CHECK(nlohmann::json::parse(text_of("/var/lib/vxlanctl/hold.json")).at("netns") ==
          nlohmann::json{{"held", hold}});
}

TEST_CASE("shared state: records of 0.1 are taken over, and its locks are heeded") {
    const Host host;
    const Namespace other;
    const Process inside(other, {"sleep", "infinity"}, input(""));
    const std::string number = number_of(host.space), directory = directory_of(host.space);
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
    const auto records = records_in(directory);
    REQUIRE(records.size() == 1);
    // As 0.1 kept it.
    const auto old_text = [](const std::string& text, const std::string& space) {
        auto json = nlohmann::json::parse(text);
        const auto dash = space.find('-');
        json["namespace"] = {{"device", std::stoul(space.substr(0, dash))},
                             {"inode", std::stoul(space.substr(dash + 1))},
                             {"cookie", 0}};
        return json.dump();
    };
    const std::string text = text_of(directory + "/" + records[0]);
    std::filesystem::remove_all("/run/vxlanctl");
    sh(host.space, "mkdir -m 755 /run/vxlanctl");
    write_text("/run/vxlanctl/" + records[0], old_text(text, number));
    write_text("/run/vxlanctl/record-00000000000000ff", old_text(text, number_of(other)));
    sh(host.space, "chmod 644 /run/vxlanctl/record-*");

    CHECK(vxlanctl(host.space, up_words + " -n").out.find("mtu: 1400 -> ") != std::string::npos);
    // One of 0.1 is at work here.
    sh(host.space, "rm -f /run/has-lock /run/go-on; mkfifo /run/go-on");
    Process old(host.space, {"flock", "/run/vxlanctl/lock-" + number, "sh", "-c",
                             "echo >/run/has-lock; read line </run/go-on"});
    sh(host.space, "until [ -e /run/has-lock ]; do :; done");
    const auto waiting = vxlanctl(host.space, up_words + " --lock-timeout 0");
    INFO(waiting.err);
    CHECK(waiting.code == 1);
    CHECK(told(waiting, "locked"));
    sh(host.space, "echo >/run/go-on");
    CHECK(old.wait().code == 0);

    const auto changed = vxlanctl(host.space, up_words);
    INFO(changed.out << changed.err);
    CHECK(changed.out.find("mtu: 1400 -> ") != std::string::npos);
    CHECK(records_in(directory) == records);
    CHECK(records_in(directory_of(other)) == std::vector<std::string>{"record-00000000000000ff"});
    CHECK(records_in("/run/vxlanctl").empty());
    CHECK(sh(host.space, "ls /run/vxlanctl").find("lock-") == std::string::npos);
}

TEST_CASE("shared state: what a namespace with the same number has left counts for nothing") {
    const Host host;
    const Namespace& space = host.space;
    const Process inside(space, {"sleep", "infinity"}, input("")); // or it is seen as deleted
    const std::string id = directory_of(space) + "/id";
    REQUIRE(vxlanctl(space, "apply --source test -", input(tunnel_text("mtu = 1400\n"))).code == 0);
    // Of a tunnel that another namespace had.
    const Namespace other;
    sh(other, "ip addr add 172.21.0.100/32 dev lo");
    REQUIRE(vxlanctl(other, "apply --source test -", input(tunnel_text(two_rules))).code == 0);
    sh(space, fmt::format("mv {}/record-* {}", directory_of(other), directory_of(space)));
    sh(space, "ip rule add from 10.1.0.0/16 lookup 101");
    const auto pretend_to_be_another = [&] {
        auto json = nlohmann::json::parse(text_of(id));
        const char* const member = json.at("cookie") != 0 ? "cookie" : "in_proc";
        json[member] = json.at(member).get<std::uint64_t>() + 1;
        write_text(id, json.dump());
    };
    pretend_to_be_another();
    const auto next = vxlanctl(space, "apply --source test -", input(tunnel_text()));
    INFO(next.out << next.err);
    CHECK(next.code == 0);
    CHECK(told(next, "records-discarded", {"1 record"}));
    CHECK(next.out.find("mtu: 1400 -> ") != std::string::npos); // our mark is here
    CHECK(has_rule(space, "10.1.0.0/16"));                      // and theirs is not
    CHECK(records_in(directory_of(space)).size() == 1);
    CHECK(vxlanctl(space, "apply --source test -", input(tunnel_text())).err.empty());
    SECTION("also after the next boot") {
        write_text(id, "{\"boot\":\"another\"}");
        CHECK(vxlanctl(space, "down nosuch").code == 0);
        CHECK(nlohmann::json::parse(text_of(id)).at("boot") != "another");
    }
    SECTION("and where nothing says whose it is") {
        std::filesystem::remove(id);
        CHECK(vxlanctl(space, "down vxlan0").code == 0);
        CHECK(records_in(directory_of(space)).empty());
    }
}

TEST_CASE("shared state: a namespace that is made anew with the same number inherits nothing") {
    Named named;
    const Namespace& space = named.host.space;
    const auto inode = [&] { return sh(space, "stat -L -c %i /run/netns/again"); };
    named.add("again");
    const std::string first = inode();
    REQUIRE(vxlanctl(space, "--netns again apply --source test -", input(tunnel_text(two_rules)))
                .code == 0);
    sh(space, "ip netns del again");
    named.add("again");
    for (int i = 0; inode() != first && i < 200; ++i) {
        sh(space, "ip netns del again");
        named.add("again");
    }
    if (inode() != first) SKIP_CASE("the kernel does not give the number again");
    sh(space, "ip -n again rule add from 10.1.0.0/16 lookup 101");
    const auto down = vxlanctl(space, "--netns again down nosuch");
    INFO(down.out << down.err);
    CHECK(down.code == 0);
    CHECK(told(down, "records-discarded", {"1 record"}));
    CHECK(sh(space, "ip -n again rule").find("10.1.0.0/16") != std::string::npos);
}

TEST_CASE("shared state: a service sweeps what namespaces that are gone have left") {
    Named named;
    const Namespace& space = named.host.space;
    named.add("gone");
    named.add("stays");
    for (const auto& name : named.names)
        REQUIRE(vxlanctl(space, "--netns " + name + " apply --source test -",
                         input(tunnel_text(two_rules)))
                    .code == 0);
    const Namespace nameless; // merely held open by this process, and so by another one
    const Process inside(nameless, {"sleep", "infinity"}, input(""));
    sh(nameless, "ip addr add 172.21.0.100/32 dev lo");
    REQUIRE(vxlanctl(nameless, "apply --source test -", input(tunnel_text(two_rules))).code == 0);
    const auto directory = [&](const std::string& name) {
        const std::string number = sh(space, "stat -L -c %d-%i /run/netns/" + name);
        return "/run/vxlanctl/" + number.substr(0, number.find('\n'));
    };
    const std::string gone = directory("gone"), stays = directory("stays");
    sh(space, "ip netns del gone");
    const auto swept = as_service(space, "down nosuch");
    INFO(swept.err);
    CHECK(swept.code == 0);
    CHECK_FALSE(std::filesystem::exists(gone));
    CHECK(records_in(stays).size() == 1);
    CHECK(records_in(directory_of(nameless)).size() == 1);
}

TEST_CASE("shared state: a record that a rollback could not write is told") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
    const auto before = snapshot(host.space);
    const auto failed =
        vxlanctl_counted(host.space, up_words + " --mtu 1300 --rule 'from 10.1.0.0/16,table 101'",
                         {{"VXLANCTL_BREAK_WRITE", "1"}, {"VXLANCTL_BREAK_RENAME", "2"}});
    INFO(failed.finished.err);
    CHECK(failed.finished.code == 1);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(told(failed.finished, "record-out-of-date",
               {clause("cannot-write-file"), "No space left on device"}));
    CHECK(vxlanctl(host.space, up_words + " --mtu 1400").code == 0);
}

TEST_CASE("shared state: where /run/vxlanctl cannot be written, root has no other directory") {
    const Host host;
    sh(host.space, "rm -rf /tmp/vxlanctl-0; mkdir -p /run/vxlanctl\n"
                   "mount -t tmpfs -o ro,mode=755 none /run/vxlanctl");
    RunOptions options;
    options.environment = {{"XDG_RUNTIME_DIR", ""}};
    const auto refused = vxlanctl(host.space, up_words, options);
    sh(host.space, "umount /run/vxlanctl");
    INFO(refused.err);
    CHECK(refused.code == 1);
    CHECK(told(refused, "cannot-write-to-directory", {"/run/vxlanctl"}));
    CHECK_FALSE(link_exists(host.space, "vxlan0"));
    CHECK_FALSE(std::filesystem::exists("/tmp/vxlanctl-0"));
}

TEST_CASE("shared state: a signal that comes while the lock is awaited is what ended the run") {
    const Host host;
    StoppedRun holder(host.space, up_words, 1);
    REQUIRE(holder.is_stopped());
    Process waiting(host.space, command_of(up_words + " --wait 600 --lock-timeout 3600"),
                    input(""));
    const auto is_waiting = [&] {
        return text_of("/proc/locks")
                   .find(fmt::format("-> FLOCK  ADVISORY  WRITE {} ", waiting.pid())) !=
               std::string::npos;
    };
    const auto deadline = std::chrono::steady_clock::now() + long_time;
    while (!is_waiting())
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    kill(waiting.pid(), SIGINT);
    const auto finished = waiting.wait();
    INFO(finished.err);
    CHECK(finished.code == 1);
    CHECK(told(finished, "interrupted-waiting, nothing-begun",
               {"2", fmt::format("process {} (", holder.pid())}));
    CHECK_FALSE(told(finished, "locked"));
    CHECK(holder.resume().code == 0);
}

TEST_CASE("shared state: many namespaces need more descriptors than a process has by default") {
    Named named;
    std::string text;
    for (int i = 0; i < 40; ++i) {
        named.add(fmt::format("many{}", i));
        text += fmt::format("[vxlan.vx{0}]\nnetns = 'many{0}'\nlocal = '172.21.0.100'\n", i);
    }
    write_text("/run/many.toml", text);
    const auto limited = [&](const std::string& limit, const std::string& option = "") {
        return run(
            named.host.space,
            {"/bin/sh", "-c", limit + "; exec " VXLANCTL_PROGRAM " apply /run/many.toml" + option});
    };
    const auto cannot = limited("ulimit -n 30", " -v");
    INFO(cannot.err);
    CHECK(cannot.code == 1);
    CHECK_FALSE(told(cannot, "netns-missing"));
    CHECK_FALSE(told(cannot, "no-such-netns"));
    CHECK(cannot.err.find("Too many open files") != std::string::npos);
    const auto can = limited("ulimit -S -n 60");
    INFO(can.err);
    CHECK(can.code == 0);
    CHECK(can.out.find("40 tunnels") != std::string::npos);
}

TEST_CASE("shared state: names with control characters are no names of namespaces") {
    const Host host;
    const std::string rude = "a\nb";
    const auto refused = run(host.space, {VXLANCTL_PROGRAM, "-v", "--netns", rude, "show"});
    CHECK(refused.code == 2);
    CHECK(told(refused, "netns-name-wrong"));
    for (const char* name : {"a\\nb", "a\\u001bb", "a\\u009bb", "a\\u007fb"}) {
        const auto made = vxlanctl(host.space, "apply --source test -",
                                   input(fmt::format("[ipip6.site1]\nlocal = '2001:db8::1'\n"
                                                     "remote = '2001:db8::2'\nnetns = \"{}\"\n"
                                                     "create_netns = true\n",
                                                     name)));
        INFO(name << ": " << made.err);
        CHECK(made.code == 2);
        CHECK(told(made, "netns-name-wrong"));
        CHECK(vxlanctl(host.space, "apply --source test -",
                       input(fmt::format("[ipip6.\"{}\"]\nlocal = '2001:db8::1'\n"
                                         "remote = '2001:db8::2'\n",
                                         name)))
                  .code == 2);
    }
}
