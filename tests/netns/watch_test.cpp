// vxlanctl watch: what others change is put right, by the kernel's events.
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace world;
namespace fs = std::filesystem;

namespace {

const std::string watched_files = "/run/watch-files";

/// A tunnel on eth0 that has one of everything, for each number other ones.
std::string tunnel_text(int number, const std::string& more = "") {
    return fmt::format("[vxlan.vxlan{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = 1{0}\n"
                       "addresses = [\"10.{0}.0.1/24\"]\npeers = [\"100.64.158.4\", "
                       "\"100.64.158.132\"]\nroutes = [{{ to = \"192.0.2.{0}/32\", table = 10{0} "
                       "}}]\nrules = [{{ from = \"198.51.100.{0}\", table = 10{0} }}]\n"
                       "rp_filter = \"loose\"\n{1}",
                       number, more);
}

bool waits_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

std::string content(const std::string& path) {
    const std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void put_file(const std::string& name, const std::string& text) {
    fs::create_directories(watched_files);
    write_text(watched_files + "/" + name, text);
}

/// A host without files, and `watch` on it once it is begun.
class WatchedHost {
public:
    WatchedHost() {
        fs::remove_all(watched_files);
        fs::create_directories(watched_files);
    }
    ~WatchedHost() {
        if (process_) {
            kill(pid(), SIGCONT);
            kill(pid(), SIGKILL);
        }
    }
    void begin(const std::string& options = "", const std::string& words = watched_files) {
        for (const char* path : {"/run/watch-said", "/run/watch-out"}) {
            const std::ofstream made(path);
            fs::permissions(path, fs::perms(0666));
        }
        process_ = std::make_unique<Process>(
            host.space,
            std::vector<std::string>{"/bin/sh", "-c",
                                     fmt::format("exec {} -v watch {} {} >/run/watch-out "
                                                 "2>/run/watch-said",
                                                 VXLANCTL_PROGRAM, words, options)},
            run_options);
        const bool has_begun = waits_until(
            [&] { return out().find("atching") != std::string::npos || kill(pid(), 0) != 0; });
        INFO(said() << out());
        REQUIRE(has_begun);
    }
    /// Ends it; its exit code.
    int end(int signal = SIGTERM) {
        kill(pid(), signal);
        const int code = process_->wait().code;
        process_.reset();
        return code;
    }
    int pid() const { return process_->pid(); }
    static std::string said() { return content("/run/watch-said"); }
    static std::string out() { return content("/run/watch-out"); }
    bool is_in_sync(const std::string& words = watched_files) const {
        return vxlanctl(host.space, "check -q " + words).code == 0;
    }
    /// What the line of shell breaks is put right.
    void heals(const std::string& line) {
        INFO(line);
        sh(host.space, line);
        const bool is_healed = waits_until([&] { return is_in_sync(); });
        INFO(said() << out());
        CHECK(is_healed);
    }
    Host host;
    RunOptions run_options;

private:
    std::unique_ptr<Process> process_;
};

/// How many bytes of events wait at the program's sockets, by the kernel's own list.
long bytes_that_wait(const Namespace& space) {
    const Inside inside(space);
    std::ifstream list("/proc/thread-self/net/netlink");
    std::string line;
    long sum = 0;
    std::getline(list, line);
    while (std::getline(list, line)) {
        std::istringstream words(line);
        std::string socket, groups;
        long protocol = 0, port = 0, bytes = 0;
        words >> socket >> protocol >> port >> groups >> bytes;
        if (protocol == 0 && groups != "00000000") sum += bytes;
    }
    return sum;
}

/// Where the program tells how it fares.
class Manager {
public:
    Manager() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        unlink("/run/watch-notify");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, "/run/watch-notify");
        REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    ~Manager() { close(socket_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    /// The next that it says; empty when it says nothing more.
    std::string next() const {
        pollfd wanted{socket_, POLLIN, 0};
        if (poll(&wanted, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0)
            return "";
        std::array<char, 512> text{};
        const auto size = recv(socket_, text.data(), text.size(), 0);
        return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }

private:
    int socket_;
};

} // namespace

TEST_CASE("watch: puts right what others do to tunnels", "[kernel]") {
    WatchedHost watched;
    std::string text;
    for (int i = 0; i < 8; ++i)
        text += tunnel_text(i);
    put_file("all.toml", text);
    watched.begin();
    REQUIRE(watched.is_in_sync());
    watched.heals("ip addr del 10.0.0.1/24 dev vxlan0");
    watched.heals("ip link set vxlan1 down");
    watched.heals("bridge fdb del 00:00:00:00:00:00 dev vxlan2 dst 100.64.158.4");
    watched.heals("ip route del 192.0.2.3 table 103");
    watched.heals("ip rule del from 198.51.100.4 table 104");
    watched.heals("ip link del vxlan5");
    watched.heals("sysctl -q net.ipv4.conf.vxlan6.rp_filter=1");
    watched.heals("bridge fdb append 00:00:00:00:00:00 dev vxlan7 dst 192.0.2.99");
    CHECK(watched.end() == 0);
    INFO(WatchedHost::said());
    CHECK(WatchedHost::said().find("[") == std::string::npos); // nothing is wrong
}

TEST_CASE("watch: the underlay interface and its address come late, and go", "[kernel]") {
    WatchedHost watched;
    put_file("gate.toml", tunnel_text(0));
    // Before Linux 6.2 the kernel renames no link that is up (dev_change_name()).
    sh(watched.host.space,
       "ip link set eth0 down; ip link set eth0 name gone; ip link set gone up");
    watched.begin();
    CHECK_FALSE(link_exists(watched.host.space, "vxlan0"));
    sh(watched.host.space, "ip addr flush dev gone");
    sh(watched.host.space,
       "ip link set gone down; ip link set gone name eth0; ip link set eth0 up");
    sh(watched.host.space, "ip addr add 172.21.0.100/24 dev eth0");
    const bool is_made = waits_until([&] { return watched.is_in_sync(); });
    INFO(WatchedHost::said());
    REQUIRE(is_made);
    CHECK(watched.end() == 0);
}

TEST_CASE("watch: tunnels on tunnels are made again, the lower one first") {
    WatchedHost watched;
    put_file("stack.toml", tunnel_text(0) + "[vxlan.upper]\ndev = \"vxlan0\"\nlocal = "
                                            "\"10.0.0.1\"\nvni = 99\npeers = [\"10.0.0.2\"]\n");
    watched.begin();
    watched.heals("ip link del vxlan0");
    CHECK(link_exists(watched.host.space, "upper"));
}

TEST_CASE("watch: files that change, are replaced, added, and removed") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0));
    watched.begin("--prune");
    put_file("a.toml", tunnel_text(0, "mtu = 1400\n")); // in place
    CHECK(waits_until([&] { return link(space, "vxlan0").at("mtu") == 1400; }));
    write_text("/run/watch-new", tunnel_text(0, "mtu = 1300\n")); // as editors and git do
    fs::rename("/run/watch-new", watched_files + "/a.toml");
    CHECK(waits_until([&] { return link(space, "vxlan0").at("mtu") == 1300; }));
    put_file("b.toml", tunnel_text(1));
    CHECK(waits_until([&] { return link_exists(space, "vxlan1"); }));
    fs::create_directories(watched_files + "/b.toml.d");
    write_text(watched_files + "/b.toml.d/mtu.toml", "[vxlan.vxlan1]\nmtu = 1200\n");
    CHECK(waits_until([&] { return link(space, "vxlan1").at("mtu") == 1200; }));
    fs::remove_all(watched_files + "/b.toml.d");
    fs::remove(watched_files + "/b.toml");
    CHECK(waits_until([&] { return !link_exists(space, "vxlan1"); }));
    CHECK(link_exists(space, "vxlan0"));
    CHECK(watched.end() == 0);
}

TEST_CASE("watch: a file that is wrong is told once, and what was right before stays") {
    WatchedHost watched;
    put_file("a.toml", tunnel_text(0));
    watched.begin("--prune");
    put_file("a.toml", "[vxlan.vxlan0]\nlokal = 1\n");
    CHECK(waits_until([] { return told(WatchedHost::said(), "files-stay-as-read"); }));
    sh(watched.host.space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(waits_until([&] { return addresses(watched.host.space, "vxlan0").size() == 1; }));
    put_file("a.toml", "[vxlan.vxlan0]\nlokal = 1\n"); // the same once more
    sh(watched.host.space, "ip link del vxlan0");
    CHECK(waits_until([&] { return link_exists(watched.host.space, "vxlan0"); }));
    put_file("a.toml", tunnel_text(0, "mtu = 1400\n"));
    CHECK(waits_until([&] { return link(watched.host.space, "vxlan0").at("mtu") == 1400; }));
    const std::string said = WatchedHost::said();
    const auto first = said.find("[files-stay-as-read]");
    REQUIRE(first != std::string::npos);
    CHECK(said.find("[files-stay-as-read]", first + 1) == std::string::npos);
}

TEST_CASE("watch: wrong files at the start, and wrong words, end it with 2") {
    const WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", "[vxlan.vxlan0]\nlokal = 1\n");
    CHECK(vxlanctl(space, "watch " + watched_files).code == 2);
    CHECK(vxlanctl(space, "watch /nonexistent").code == 2);
    const auto input = vxlanctl(space, "watch -");
    CHECK(input.code == 2);
    CHECK(told(input, "cannot-watch-input"));
    CHECK(vxlanctl(space, "watch --confirm 5").code == 2);
}

TEST_CASE("watch: --dry-run tells what differs, and writes nothing") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0));
    REQUIRE(vxlanctl(space, "apply " + watched_files).code == 0);
    watched.begin("--dry-run");
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(waits_until(
        [] { return WatchedHost::out().find("+ address 10.0.0.1/24") != std::string::npos; }));
    sh(space, "ip addr add 10.0.0.1/24 dev vxlan0; ip route replace 192.0.2.0/32 dev vxlan0 table "
              "100 proto 147");
    CHECK(waits_until(
        [] { return WatchedHost::out().find("vxlan0: in sync") != std::string::npos; }));
    const auto before = snapshot(space);
    sh(space, "ip link del vxlan0");
    CHECK(waits_until(
        [] { return WatchedHost::out().find("vxlan0: would be created") != std::string::npos; }));
    CHECK_FALSE(link_exists(space, "vxlan0"));
    CHECK(watched.end() == 0);
    CHECK_FALSE(link_exists(space, "vxlan0"));
}

TEST_CASE("watch: --json prints a document a line") {
    WatchedHost watched;
    put_file("a.toml", tunnel_text(0));
    watched.begin("--json");
    watched.heals("ip link set vxlan0 down");
    put_file("a.toml", "x");
    CHECK(waits_until([] { return told(WatchedHost::said(), "files-stay-as-read"); }));
    CHECK(watched.end() == 0);
    std::istringstream lines(WatchedHost::out());
    std::vector<std::string> events;
    for (std::string line; std::getline(lines, line);) {
        const auto event = nlohmann::json::parse(line);
        events.push_back(event.at("event"));
        CHECK(event.at("time").get<std::string>().size() == 20);
        if (events.back() == "tunnel") CHECK(event.at("tunnel").at("name") == "vxlan0");
    }
    REQUIRE(events.size() > 4);
    CHECK(std::vector<std::string>(events.begin(), events.begin() + 3) ==
          std::vector<std::string>{"tunnel", "watching", "tunnel"});
    CHECK(events.back() == "message");
}

TEST_CASE("watch: a tunnel that another program keeps changing is left alone") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0) + tunnel_text(1));
    watched.begin();
    for (int i = 0; i < 5; ++i) {
        sh(space, "ip link set vxlan0 mtu 1300; ip addr del 10.0.0.1/24 dev vxlan0");
        CHECK(waits_until([&] { return addresses(space, "vxlan0").size() == 1; }));
    }
    CHECK(waits_until(
        [] { return told(WatchedHost::said(), "fought-over", {"add address 10.0.0.1/24"}); }));
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0; ip addr del 10.1.0.1/24 dev vxlan1");
    CHECK(waits_until([&] { return addresses(space, "vxlan1").size() == 1; })); // others go on
    CHECK(addresses(space, "vxlan0").empty());
    kill(watched.pid(), SIGHUP); // who asks for it
    CHECK(waits_until([&] { return addresses(space, "vxlan0").size() == 1; }));
    CHECK(watched.end() == 0);
}

TEST_CASE("watch: a change that waits for its confirmation stays, and one that was rejected, too") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0));
    REQUIRE(vxlanctl(space, "apply " + watched_files).code == 0);
    put_file("a.toml", tunnel_text(0, "mtu = 1400\n"));
    Process confirming(space, {VXLANCTL_PROGRAM, "apply", watched_files, "--confirm", "600"});
    REQUIRE(waits_until([&] { return link(space, "vxlan0").at("mtu") == 1400; }));
    std::ofstream("/run/watch-out");
    Process process(space, {"/bin/sh", "-c",
                            fmt::format("exec {} -v watch {} >/run/watch-out 2>/run/watch-said",
                                        VXLANCTL_PROGRAM, watched_files)});
    CHECK(waits_until([] { return told(WatchedHost::said(), "locked"); }));
    kill(confirming.pid(), SIGTERM); // rejects it
    CHECK(confirming.wait().code != 0);
    CHECK(waits_until([] { return told(WatchedHost::said(), "file-on-hold"); }));
    CHECK(waits_until([] { return WatchedHost::out().find("watching 0") != std::string::npos; }));
    CHECK(link(space, "vxlan0").at("mtu") != 1400);
    CHECK(vxlanctl(space, "apply " + watched_files).code == 0); // by hand
    CHECK(waits_until([] { return WatchedHost::out().find("watching 1") != std::string::npos; }));
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(waits_until([&] { return addresses(space, "vxlan0").size() == 1; }));
    CHECK(link(space, "vxlan0").at("mtu") == 1400);
    kill(process.pid(), SIGTERM);
    CHECK(process.wait().code == 0);
}

TEST_CASE("watch: holds no lock while it waits, and waits for those who do") {
    WatchedHost watched;
    put_file("a.toml", tunnel_text(0));
    watched.begin();
    CHECK(vxlanctl(watched.host.space, "down nosuch --lock-timeout 0").code == 0);
    CHECK(vxlanctl(watched.host.space, "apply --lock-timeout 0 " + watched_files).code == 0);
}

TEST_CASE("watch: tells the service manager that it is ready, alive, and ending") {
    WatchedHost watched;
    const Manager manager;
    put_file("a.toml", tunnel_text(0));
    watched.run_options.environment = {{"NOTIFY_SOCKET", "/run/watch-notify"},
                                       {"WATCHDOG_USEC", "40000"}};
    watched.begin();
    std::string told_first;
    for (bool is_ready = false; !is_ready;) {
        told_first = manager.next();
        REQUIRE(!told_first.empty());
        is_ready = told_first.starts_with("READY=1\nSTATUS=1 tunnel watched");
    }
    CHECK(link_exists(watched.host.space, "vxlan0")); // after the first apply
    for (int i = 0; i < 3; ++i)
        while (manager.next() != "WATCHDOG=1") {
        }
    kill(watched.pid(), SIGTERM);
    std::string last;
    do
        last = manager.next();
    while (!last.empty() && last != "STOPPING=1");
    CHECK(last == "STOPPING=1");
    CHECK(watched.end() == 0);
}

TEST_CASE("watch: a storm of learned entries and of neighbours does not reach it") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0));
    watched.begin();
    CHECK(waits_until([&] { return bytes_that_wait(space) == 0; }));
    kill(watched.pid(), SIGSTOP);
    std::string storm;
    for (int i = 0; i < 500; ++i)
        storm += fmt::format("fdb add 02:00:00:00:{:02x}:{:02x} dev vxlan0 dst 100.64.158.4 "
                             "dynamic self\n",
                             i / 256, i % 256);
    write_text("/run/watch-storm", storm);
    sh(space, "bridge -b /run/watch-storm");
    sh(space, "ip neigh add 172.21.0.9 lladdr 02:00:00:00:00:09 nud reachable dev eth0");
    CHECK(bytes_that_wait(space) == 0);
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(bytes_that_wait(space) > 0); // what is no storm does
    kill(watched.pid(), SIGCONT);
    CHECK(waits_until([&] { return watched.is_in_sync(); }));
}

TEST_CASE("watch: events that were lost lead to a reading of all, which heals") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", tunnel_text(0) + tunnel_text(1));
    watched.begin();
    CHECK(waits_until([&] { return bytes_that_wait(space) == 0; }));
    kill(watched.pid(), SIGSTOP);
    std::string storm;
    for (int i = 0; i < 60000; ++i)
        storm += fmt::format("addr add 203.0.113.1/32 dev lo\naddr del 203.0.113.1/32 dev lo\n");
    write_text("/run/watch-storm", storm);
    sh(space, "ip -b /run/watch-storm");
    sh(space, "ip link del vxlan0; ip addr del 10.1.0.1/24 dev vxlan1"); // nobody hears this
    kill(watched.pid(), SIGCONT);
    CHECK(waits_until([&] { return watched.is_in_sync(); }));
}

TEST_CASE("watch: what one run cannot do does not end it, and is told once") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    sh(space, "ip link add blocker type vxlan id 11 dstport 4789 local 172.21.0.100");
    put_file("a.toml", tunnel_text(0) + tunnel_text(1));
    watched.begin();
    CHECK(told(WatchedHost::said(), "vni-in-use"));
    CHECK_FALSE(link_exists(space, "vxlan1"));
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(waits_until([&] { return addresses(space, "vxlan0").size() == 1; }));
    kill(watched.pid(), SIGHUP);
    sh(space, "ip addr del 10.0.0.1/24 dev vxlan0");
    CHECK(waits_until([&] { return addresses(space, "vxlan0").size() == 1; }));
    const std::string said = WatchedHost::said();
    const auto first = said.find("vni-in-use");
    CHECK(said.find("vni-in-use", first + 1) == std::string::npos);
    sh(space, "ip link del blocker");
    kill(watched.pid(), SIGHUP);
    CHECK(waits_until([&] { return watched.is_in_sync(); }));
}

TEST_CASE("watch: tunnels in another network namespace, which may come late") {
    WatchedHost watched;
    const auto& space = watched.host.space;
    put_file("a.toml", "[vxlan.vxlan0]\nnetns = \"watch-b\"\nlocal = \"172.21.1.100\"\n"
                       "addresses = [\"10.0.0.1/24\"]\npeers = [\"100.64.158.4\"]\n");
    watched.begin();
    sh(space, "ip netns add watch-b");
    sh(space, "ip -n watch-b link set lo up; ip -n watch-b addr add 172.21.1.100/32 dev lo");
    CHECK(waits_until([&] { return watched.is_in_sync(); }));
    sh(space, "ip -n watch-b link del vxlan0");
    CHECK(waits_until([&] { return watched.is_in_sync(); }));
    INFO(WatchedHost::said() << WatchedHost::out());
    CHECK(watched.end() == 0);
    sh(space, "ip netns del watch-b");
}

TEST_CASE("watch: needs CAP_NET_ADMIN to change anything, and nothing to tell what differs") {
    WatchedHost watched;
    put_file("a.toml", tunnel_text(0));
    fs::permissions(watched_files, fs::perms(0755));
    RunOptions nobody;
    nobody.as_nobody = true;
    const auto refused = vxlanctl(watched.host.space, "watch " + watched_files, nobody);
    CHECK(refused.code == 1);
    CHECK(told(refused, "needs-net-admin"));
    watched.run_options.as_nobody = true;
    watched.begin("--dry-run");
    CHECK(WatchedHost::out().find("vxlan0: would be created") != std::string::npos);
    CHECK(watched.end(SIGINT) == 0);
}

// An hour in tools/test long, where VXLANCTL_SOAK_SECONDS says so.
TEST_CASE("watch: memory and descriptors stay as they are", "[.][soak]") {
    const char* const wanted = std::getenv("VXLANCTL_SOAK_SECONDS");
    const std::chrono::seconds time(wanted == nullptr ? 60 : std::stol(wanted));
    constexpr int count = 20;
    WatchedHost watched;
    const auto& space = watched.host.space;
    std::string text;
    for (int i = 10; i < 10 + count; ++i)
        text += tunnel_text(i);
    put_file("a.toml", text);
    watched.begin();
    const auto memory = [&] {
        const std::string status = content(fmt::format("/proc/{}/status", watched.pid()));
        return std::stol(status.substr(status.find("VmRSS:") + 6));
    };
    const auto descriptors = [&] {
        const fs::directory_iterator all(fmt::format("/proc/{}/fd", watched.pid()));
        return std::distance(fs::begin(all), fs::end(all));
    };
    const auto disturb = [&](int number) {
        const std::string name = fmt::format("vxlan{}", number);
        if (number % 2 == 0)
            sh(space, fmt::format("ip addr flush dev {}", name));
        else
            sh(space, "ip link del " + name);
        CHECK(waits_until(
            [&] { return link_exists(space, name) && addresses(space, name).size() == 1; }));
        if (number % 7 == 0) // which also ends every fight
            kill(watched.pid(), SIGHUP);
        if (number % 10 == 0) put_file("a.toml", text + "# " + std::to_string(std::rand()));
    };
    for (int i = 0; i < 3 * count; ++i) // what is kept for the next time grows first
        disturb(10 + i % count);
    const long memory_before = memory(), descriptors_before = descriptors();
    const auto end = std::chrono::steady_clock::now() + time;
    long rounds = 0;
    for (; std::chrono::steady_clock::now() < end; ++rounds)
        disturb(10 + static_cast<int>(rounds % count));
    WARN(fmt::format("{} disturbances; resident memory {} -> {} KiB", rounds, memory_before,
                     memory()));
    CHECK(memory() < memory_before + 2048);
    CHECK(descriptors() == descriptors_before);
    CHECK(watched.end() == 0);
    INFO(WatchedHost::said());
    CHECK_FALSE(told(WatchedHost::said(), "fought-over"));
}
