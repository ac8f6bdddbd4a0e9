// Runs that are killed at random moments.
#include "chance.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <random>
#include <unistd.h>

using namespace world;

namespace {

const std::string head = "dev = \"eth0\"\nlocal = \"172.21.0.100\"\n";
const std::string wishes[] = {
    "[vxlan.vxlan0]\n" + head +
        "addresses = [\"10.225.194.171/9\"]\npeers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
        "mtu = 1400\nrules = [{ from = \"10.1.0.0/16\", table = 101 }]\n"
        "[vxlan.vxlan1]\nvni = 11\n" +
        head + "peers = [\"100.64.158.4\"]\n",
    "[vxlan.vxlan0]\n" + head +
        "addresses = [\"10.225.194.172/9\"]\npeers = [\"100.64.158.4\", \"100.64.158.133\"]\n"
        "routes = [{ to = \"10.200.0.0/16\", table = 101 }]\n"
        "[vxlan.vxlan2]\nvni = 12\n" +
        head + "addresses = [\"10.2.0.1/24\"]\npeers = [\"100.64.158.4\", \"100.64.158.5\"]\n"};

} // namespace

TEST_CASE("killed: after every kill the next run converges, and nothing of others is lost") {
    const unsigned seed = first_seed();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Host host;
    const Namespace& space = host.space;
    write_text("/run/wish.toml", wishes[0]);
    REQUIRE(vxlanctl(space, "apply --prune /run/wish.toml").code == 0);
    REQUIRE(vxlanctl(space, "up eth0 172.21.0.100 typed - 100.64.158.9 --vni 77").code == 0);
    sh(space, "ip link add foreign type vxlan id 78 dstport 4789 local 172.21.0.100 dev eth0\n"
              "ip addr add 10.225.194.200/9 dev vxlan0\n" // of VRRP
              "ip rule add from 10.3.0.0/16 lookup 103");
    const auto began = std::chrono::steady_clock::now();
    write_text("/run/wish.toml", wishes[1]);
    REQUIRE(vxlanctl(space, "apply --prune /run/wish.toml").code == 0);
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began);

    const int rounds = is_brief() ? 40 : 200;
    for (int round = 0; round < rounds; ++round) {
        write_text("/run/wish.toml", wishes[round % 2]);
        const std::string run = "apply --prune /run/wish.toml";
        {
            Process killed(space, command_of(run));
            std::uniform_int_distribution<long> moment(0, 5 * whole.count() / 4);
            usleep(static_cast<useconds_t>(moment(random)));
            kill(killed.pid(), SIGKILL);
            (void)killed.wait();
        }
        const auto next = vxlanctl(space, run + " --lock-timeout 0");
        INFO("round " << round << "\n" << next.out << next.err);
        REQUIRE(next.code == 0);
        REQUIRE(vxlanctl(space, "check --prune /run/wish.toml").code == 0);
        REQUIRE(link_exists(space, "foreign"));
        REQUIRE(flood_list(space, "typed") == std::vector<std::string>{"100.64.158.9"});
        const auto kept = addresses(space, "vxlan0");
        REQUIRE(std::count(kept.begin(), kept.end(), "10.225.194.200/9") == 1);
        REQUIRE(sh(space, "ip rule | grep -c 'lookup 103'") == "1\n");
    }
    // No replacement, no record and no rule of a killed run is left.
    REQUIRE(vxlanctl(space, "down --all-files").code == 0);
    CHECK(sh(space, "ip -br link show type vxlan | wc -l") == "2\n");
    CHECK(sh(space, "ls -R /run/vxlanctl | grep -c record-") == "1\n");
    CHECK(sh(space, "ip rule | grep -c 'lookup 101' || true") == "0\n");
}
