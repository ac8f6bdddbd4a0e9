// Others are asked for an inner address before it is set.
#include "world.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

const std::string two_peers = " 100.64.158.4 100.64.158.132";

std::string up_with(const std::string& inner, const std::string& options = "--duplicate-check 1") {
    return "up eth0 172.21.0.100 vxlan0 " + inner + two_peers + " " + options;
}

/// The first peer has the address already, and the second one reaches it there.
struct Owned {
    Owned() {
        sh(owner, "ip addr add 10.225.194.171/9 dev vxlan0\n"
                  "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132");
        sh(other, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4");
    }
    Network network;
    const Namespace& host = network.host.space;
    const Namespace& owner = *network.peers[0];
    const Namespace& other = *network.peers[1];
};

} // namespace

TEST_CASE("duplicate check: an address that another host has is refused, and nothing is left") {
    const Owned net;
    sh(net.other, "ping -c 1 -W 600 10.225.194.171");
    Process pings(net.other, {"ping", "-i", "0.1", "-c", "25", "-W", "600", "10.225.194.171"});
    const auto before = snapshot(net.host);
    const auto refused = vxlanctl(net.host, up_with("10.225.194.171/9"));
    CHECK(refused.code == 1);
    CHECK(told(refused, "address-answered, restored",
               {"vxlan0", "10.225.194.171", "02:00:00:00:00:04"}));
    CHECK(difference(before, snapshot(net.host)).empty());
    const auto answered = pings.wait();
    INFO(answered.out);
    CHECK(answered.out.find("25 received") != std::string::npos);
    CHECK(sh(net.other, "ip neigh show 10.225.194.171").find("02:00:00:00:00:04") !=
          std::string::npos);
    // Without the check it is set, as ever.
    CHECK(vxlanctl(net.host, up_with("10.225.194.171/9", "")).code == 0);
}

TEST_CASE("duplicate check: a running tunnel stays as it was") {
    const Owned net;
    REQUIRE(vxlanctl(net.host, up_with("10.225.194.172/9")).code == 0);
    const auto before = snapshot(net.host);
    const auto refused =
        vxlanctl(net.host, up_with("10.225.194.173/9") + " --address 10.225.194.171/9");
    CHECK(refused.code == 1);
    CHECK(told(refused, "address-answered, restored", {"10.225.194.171", "02:00:00:00:00:04"}));
    CHECK(difference(before, snapshot(net.host)).empty());
    sh(net.host, "ping -c 1 -W 600 10.192.158.4");
}

TEST_CASE("duplicate check: an address that nobody has comes up, and is not asked for again") {
    const Owned net;
    const auto made = vxlanctl(net.host, up_with("10.225.194.172/9"));
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(made.err.empty());
    sh(net.other, "ping -c 1 -W 600 10.225.194.172");
    CHECK(vxlanctl(net.host, up_with("10.225.194.172/9")).out == "vxlan0: in sync\n");
    // Neither what stays nor what moves to a new interface is asked for: this takes no minute.
    RunOptions soon;
    soon.deadline = std::chrono::seconds(50);
    const std::string long_check = "--duplicate-check 60 --limit 1000 --allow-recreate";
    CHECK(vxlanctl(net.host, up_with("10.225.194.172/9", long_check), soon).code == 0);
    CHECK(addresses(net.host, "vxlan0") == Strings{"10.225.194.172/9"});
}

TEST_CASE("duplicate check: of a file, and with a host that asks for the address as well") {
    const Owned net;
    sh(net.owner, "ip link del vxlan0");
    Process first(net.owner, command_of("up eth0 100.64.158.4 vxlan0 10.225.194.171/9 "
                                        "172.21.0.100 --duplicate-check 60"));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!link_exists(net.owner, "vxlan0"))
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    const auto second =
        apply_text(net.host, "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                             "addresses = [\"10.225.194.171/9\"]\nduplicate_check = 1\n"
                             "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n");
    INFO(second.err);
    const auto refused = first.wait();
    CHECK(refused.code == 1);
    REQUIRE(second.code == 0);
    CHECK(told(refused, "address-answered, restored",
               {"10.225.194.171", link(net.host, "vxlan0").at("address").get<std::string>()}));
    CHECK_FALSE(link_exists(net.owner, "vxlan0"));
}

TEST_CASE("duplicate check: without CAP_NET_RAW there is a warning, and the address is set") {
    const Owned net;
    auto command = command_of(up_with("10.225.194.171/9"));
    command.insert(command.begin(), {"setpriv", "--inh-caps=-net_raw", "--bounding-set=-net_raw"});
    const auto made = run(net.host, command);
    CHECK(made.code == 0);
    CHECK(told(made, "address-not-probed", {"vxlan0", "10.225.194.171"}));
    CHECK(addresses(net.host, "vxlan0") == Strings{"10.225.194.171/9"});
}

TEST_CASE("duplicate check: a signal ends it, and the tunnel is not made") {
    const Owned net;
    const auto before = snapshot(net.host);
    Process asking(net.host, command_of(up_with("10.225.194.172/9", "--duplicate-check 60")));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!link_exists(net.host, "vxlan0"))
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    sh(net.host, fmt::format("kill {}", asking.pid()));
    const auto ended = asking.wait();
    CHECK(ended.code == 1);
    CHECK(told(ended, "interrupted, restored", {"vxlan0"}));
    CHECK(difference(before, snapshot(net.host)).empty());
}

TEST_CASE("duplicate check: doctor --probe looks for a second host with the address") {
    const Owned net;
    const auto checked = [&](const std::string& inner) {
        REQUIRE(vxlanctl(net.host, up_with(inner, "")).code == 0);
        const auto json =
            nlohmann::json::parse(vxlanctl(net.host, "doctor vxlan0 --probe --json").out);
        for (const auto& check : json.at("checks"))
            if (check.at("check") == "inner_address")
                return check.at("verdict").get<std::string>() + ": " + told(check.at("messages"));
        return std::string("none");
    };
    CHECK(checked("10.225.194.172/9") == "pass: inner-address-own {addresses=10.225.194.172}");
    const auto taken = checked("10.225.194.171/9");
    CHECK(taken.starts_with("fail: inner-address-taken"));
    for (const char* part : {"10.225.194.171", "02:00:00:00:00:04", "100.64.158.4"})
        CHECK(taken.find(part) != std::string::npos);
}
