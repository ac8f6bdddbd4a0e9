// Lower devices and addresses that come late.
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <thread>

using namespace world;

namespace {

/// A host without eth0, on which vxlanctl waits.
class Waiting {
public:
    explicit Waiting(const std::string& words)
        : process_(space, {"/bin/sh", "-c",
                           fmt::format("exec {} {} 2>/run/said", VXLANCTL_PROGRAM, words)}) {}

    /// Waits until the program has said that.
    void await(const std::string& text) const {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (said().find(text) == std::string::npos) {
            INFO(said());
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            std::this_thread::yield();
        }
    }
    Finished finish() { return process_.wait(); }
    int pid() const { return process_.pid(); }
    static std::string said() {
        const std::ifstream file("/run/said");
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

private:
    struct NothingSaid {
        NothingSaid() { std::ofstream("/run/said"); }
    } nothing_said_;

public:
    Namespace space;

private:
    Process process_;
};

const std::string device = "ip link add eth0 type veth peer name wire\nip link set eth0 up\n"
                           "ip link set wire up\nip route add default dev eth0";
const std::string words = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4";

/// First the namespace comes, then the device with its address in it.
void check_late_namespace(Waiting& host) {
    host.await(clause("waiting-for", {{"what", "network namespace 'vpg-b'"}}) + "\n");
    sh(host.space, "ip netns add vpg-b");
    host.await(clause("waiting-for", {{"what", "interface 'eth1', address 172.21.1.100"}}) + "\n");
    sh(host.space, "ip -n vpg-b link add eth1 type veth peer name wire\n"
                   "ip -n vpg-b link set eth1 up; ip -n vpg-b addr add 172.21.1.100/24 dev eth1");
    CHECK(host.finish().code == 0);
    CHECK(sh(host.space, "ip -n vpg-b -br link show dev vxlan1") != "");
    sh(host.space, "ip netns del vpg-b");
}

} // namespace

TEST_CASE("wait: the lower device comes late, and its address later") {
    Waiting host(words + " --wait 600");
    host.await(clause("waiting-for", {{"what", "interface 'eth0', address 172.21.0.100"}}) + "\n");
    CHECK(vxlanctl(host.space, "down nosuch --lock-timeout 0").code == 0); // no lock is held
    sh(host.space, device);
    host.await(clause("waiting-for", {{"what", "address 172.21.0.100"}}) + "\n");
    sh(host.space, "ip addr add 172.21.0.100/24 dev eth0");
    const auto finished = host.finish();
    INFO(Waiting::said());
    CHECK(finished.code == 0);
    CHECK(flood_list(host.space, "vxlan0") == std::vector<std::string>{"100.64.158.4"});
}

TEST_CASE("wait: the address is there first, on another link") {
    Waiting host(words + " --wait 600");
    sh(host.space, "ip addr add 172.21.0.100/32 dev lo");
    host.await(clause("waiting-for", {{"what", "interface 'eth0'"}}) + "\n");
    sh(host.space, device);
    CHECK(host.finish().code == 0);
    CHECK(link_exists(host.space, "vxlan0"));
}

TEST_CASE("wait: the end of the time is an error, and so is a signal") {
    const Namespace space;
    const auto late = vxlanctl(space, words + " --wait 1");
    CHECK(late.code == 1);
    CHECK(told(late, "gave-up-waiting", {"1", "interface 'eth0', address 172.21.0.100"}));
    CHECK(vxlanctl(space, words + " --wait x").code == 2);
    Waiting host(words + " --wait 600");
    host.await(clause("waiting-for", {{"what", "interface 'eth0'"}}));
    kill(host.pid(), SIGTERM);
    CHECK(host.finish().code == 1);
    CHECK(Waiting::said().find(
              clause("interrupted-waiting",
                     {{"signal", "15"}, {"what", "interface 'eth0', address 172.21.0.100"}})) !=
          std::string::npos);
}

TEST_CASE("wait: a file's tunnel whose device never comes does not keep the others from it") {
    const Host host;
    RunOptions input;
    input.input =
        "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\npeers = [\"100.64.158.4\"]\n"
        "[vxlan.vxlan1]\ndev = \"eth9\"\nlocal = \"172.21.0.100\"\nvni = 11\n"
        "peers = [\"100.64.158.4\"]\n";
    const auto applied = vxlanctl(host.space, "apply --source test - --wait 1", input);
    INFO(applied.err);
    CHECK(applied.code == 1);
    CHECK(told(applied, "gave-up-waiting", {"1", "interface 'eth9'"}));
    CHECK(link_exists(host.space, "vxlan0"));
    CHECK(!link_exists(host.space, "vxlan1"));
}

TEST_CASE("wait: the network namespace comes late") {
    std::ofstream("/run/second.toml") << "[vxlan.vxlan1]\nnetns = 'vpg-b'\ndev = 'eth1'\n"
                                         "local = '172.21.1.100'\npeers = ['100.64.158.4']\n";
    Waiting host("apply --wait 600 /run/second.toml");
    check_late_namespace(host);
}

TEST_CASE(
    "wait: a namespace that may be made is waited for where its device is not brought there") {
    const std::string late = "[vxlan.vxlan1]\nnetns = 'vpg-b'\ncreate_netns = true\ndev = 'eth1'\n"
                             "local = '172.21.1.100'\npeers = ['100.64.158.4']\n";
    std::ofstream("/run/late.toml") << late;
    const Namespace space;
    const auto given_up = vxlanctl(space, "apply --wait 1 /run/late.toml");
    CHECK(given_up.code == 1);
    CHECK(told(given_up, "gave-up-waiting-for-netns", {"vpg-b"}));
    CHECK(sh(space, "ip netns list").empty());
    Waiting host("apply --wait 600 /run/late.toml");
    check_late_namespace(host);
}

TEST_CASE(
    "wait: a device that is brought for one tunnel is waited for where it is, for all on it") {
    const std::string place = "netns = 'vpg-b'\nlocal = '172.21.1.100'\npeers = ['100.64.158.4']\n";
    std::ofstream("/run/brought.toml")
        << "[vxlan.vxlan1]\ncreate_netns = true\nmove_dev = true\ndev = 'eth1'\n"
        << place << "[vxlan.vxlan2]\nvni = 11\ndev = 'eth1'\n"
        << place << "[vxlan.vxlan3]\nvni = 12\n"
        << place;
    Waiting host("apply --wait 600 /run/brought.toml");
    host.await(clause("waiting-for", {{"what", "interface 'eth1', address 172.21.1.100"}}) + "\n");
    CHECK(Waiting::said().find("network namespace") == std::string::npos);
    sh(host.space, "ip link add eth1 type veth peer name wire\n"
                   "ip link set eth1 up; ip addr add 172.21.1.100/24 dev eth1");
    CHECK(host.finish().code == 0);
    for (const char* name : {"vxlan1", "vxlan2", "vxlan3"})
        CHECK(sh(host.space, fmt::format("ip -n vpg-b -br link show dev {}", name)) != "");
    sh(host.space, "ip netns del vpg-b");
}
