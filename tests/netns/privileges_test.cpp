// What a running program may still do: /proc/PID/status of one that has been stopped.
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <linux/capability.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace world;

namespace {

using Set = std::uint64_t;

constexpr Set bit(int capability) {
    return Set{1} << capability;
}
constexpr Set writer = bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_SYS_PTRACE);
constexpr Set namespaces = bit(CAP_SYS_ADMIN), files = bit(CAP_DAC_READ_SEARCH);

/// All sets but the bounding one, together: what the process has, or could get again.
Set capabilities_of(int pid) {
    std::istringstream lines(text_of("/proc/" + std::to_string(pid) + "/status"));
    Set all = 0;
    for (std::string key, value; lines >> key;) {
        std::getline(lines, value);
        if (key == "CapInh:" || key == "CapPrm:" || key == "CapEff:" || key == "CapAmb:")
            all |= std::stoull(value, nullptr, 16);
        // A program that root starts gets them all, unless it is kept from that.
        if (key == "NoNewPrivs:" && value == "\t0" && all != bit(CAP_NET_ADMIN)) return ~Set{0};
    }
    return all;
}

/// What the command has when it is about to send the first message of that sort to the kernel.
Set when_it_sends(const Namespace& space, const char* sort, const std::vector<std::string>& command,
                  const std::string& input = "") {
    RunOptions options;
    options.environment = {
        {"LD_PRELOAD", FAULT_LIBRARY}, {"ASAN_OPTIONS", "verify_asan_link_order=0"}, {sort, "1"}};
    options.input = input;
    Process process(space, command, options);
    siginfo_t what{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(process.pid()), &what, WSTOPPED | WEXITED | WNOWAIT) ==
            0);
    INFO(command.back());
    REQUIRE(what.si_code == CLD_STOPPED);
    const Set set = capabilities_of(process.pid());
    kill(process.pid(), SIGCONT);
    CHECK(process.wait().code != 127);
    return set;
}

constexpr const char *reading = "VXLANCTL_STOP_READING", *writing = "VXLANCTL_STOP_BEFORE";

const std::string wish = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                         "peers = [\"100.64.158.4\"]\n";

} // namespace

TEST_CASE("privileges: commands that read keep none, those that write what they need") {
    const Host host;
    const Namespace& space = host.space;
    for (const char* words :
         {"export", "graph", "firewall", "plan -", "check -", "apply --source test - --dry-run",
          "up eth0 172.21.0.100 vxlan0 - 100.64.158.4 -n"})
        CHECK(when_it_sends(space, reading, command_of(words), wish) == 0);
    // Without it, nftables tells no counters.
    CHECK(when_it_sends(space, reading, command_of("show")) == bit(CAP_NET_ADMIN));
    CHECK(when_it_sends(space, reading, command_of("metrics")) == bit(CAP_NET_ADMIN));
    CHECK(when_it_sends(space, reading, command_of("apply --source test -"), wish) == writer);
    CHECK(when_it_sends(space, writing,
                        command_of("up eth0 172.21.0.100 vxlan1 - 100.64.158.4 --vni 11")) ==
          writer);
    CHECK(when_it_sends(space, writing, command_of("down vxlan0")) == writer);
    CHECK(when_it_sends(space, reading, command_of("doctor")) == (writer | files));
    sh(space, "mkdir -p /run/netns; touch /run/netns/here\n"
              "mount --bind /proc/self/ns/net /run/netns/here");
    CHECK(when_it_sends(space, reading, command_of("export --netns here")) == 0);
    CHECK(when_it_sends(space, reading, command_of("show --netns here")) == bit(CAP_NET_ADMIN));
    CHECK(when_it_sends(space, reading, command_of("metrics --netns here")) ==
          (bit(CAP_NET_ADMIN) | namespaces));
    CHECK(when_it_sends(space, reading, command_of("export --all-netns")) == namespaces);
    CHECK(when_it_sends(space, reading, command_of("show --all-netns")) ==
          (bit(CAP_NET_ADMIN) | namespaces));
    CHECK(when_it_sends(space, writing, command_of("down vxlan1 --netns here")) ==
          (writer | namespaces));
    sh(space, "umount /run/netns/here; rm /run/netns/here");
}

TEST_CASE("privileges: the rest is given up before anything is read") {
    const Host host;
    sh(host.space, "rm -f /run/pipe; mkfifo -m 600 /run/pipe");
    const auto before_input = [&](const std::string& words) {
        Process process(host.space, command_of(words));
        // Opens when the program does, which is the moment that it asks for input.
        const int end = open("/run/pipe", O_WRONLY | O_CLOEXEC);
        const Set set = capabilities_of(process.pid());
        close(end);
        (void)process.wait();
        return set;
    };
    CHECK(before_input("plan /run/pipe") == (files | namespaces));
    CHECK(before_input("apply /run/pipe") == (writer | files | namespaces));
    CHECK(before_input("up eth0 172.21.0.100 vxlan0 - --peers-file /run/pipe") == (writer | files));
    CHECK(before_input("graph --file /run/pipe") == files);
}

TEST_CASE("privileges: a user with CAP_NET_ADMIN alone keeps that for writing, and nft gets it") {
    const Host host;
    const Namespace& space = host.space;
    const std::vector<std::string> as_service{
        "setpriv",        "--reuid",    "65534",      "--regid",        "65534",
        "--clear-groups", "--inh-caps", "+net_admin", "--ambient-caps", "+net_admin"};
    auto words = as_service;
    words.emplace_back("true");
    if (run(space, words).code != 0) SKIP_CASE("a user namespace has one user");
    const auto service = [&](const std::string& line) {
        auto command = as_service;
        for (auto& word : command_of(line))
            command.push_back(std::move(word));
        return command;
    };
    CHECK(when_it_sends(space, writing, service("up eth0 172.21.0.100 vxlan0 - 100.64.158.4")) ==
          bit(CAP_NET_ADMIN));
    CHECK(link_exists(space, "vxlan0"));
    CHECK(when_it_sends(space, reading, service("export")) == 0);
    CHECK(when_it_sends(space, reading, service("show")) == bit(CAP_NET_ADMIN));
    CHECK(when_it_sends(space, reading, service("check -"), wish) == 0);
    if (run(space, {"nft", "list", "ruleset"}).code != 0)
        SKIP_CASE("nft does not work with this kernel");
    const auto found = run(space, service("doctor")).out;
    INFO(found);
    CHECK(found.find("pass  firewall: " + clause("firewall-empty")) != std::string::npos);
}
