// Stacks of tunnels, of which several change in one run: what the kernel removes as a consequence
// belongs to the change, on the way forth and on the way back.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// The lowest tunnel, on eth0.
std::string ground(const std::string& keys, const std::string& name = "vx0") {
    return fmt::format("[vxlan.{}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                       "addresses = [\"10.0.0.1/24\"]\npeers = [\"172.22.0.1\"]\n{}\n",
                       name, keys);
}

/// vxN with VNI 1N on the lowest one.
std::string on_it(int number, const std::string& keys = "", const std::string& dev = "vx0") {
    return fmt::format("[vxlan.vx{0}]\ndev = \"{1}\"\nlocal = \"10.0.0.1\"\nvni = 1{0}\n"
                       "addresses = [\"10.{0}.0.1/24\"]\npeers = [\"10.0.0.2\"]\n{2}\n",
                       number, dev, keys);
}

const std::string with_rule = "rules = [{ from = \"10.66.0.0/16\", table = 166 }]";

/// A host on which the first of two files was applied.
struct Lab {
    Lab(const std::string& first, const std::string& second) {
        sh(space, "ip route add 172.22.0.0/16 dev eth0");
        write_text("/run/stack.toml", first);
        const auto applied = vxlanctl(space, "apply /run/stack.toml");
        INFO(applied.err);
        REQUIRE(applied.code == 0);
        write_text("/run/stack.toml", second);
        before = listed(space); // an upper one's attributes have the number of the lower one
        records = record_files();
    }

    /// The second one; with `--prune` it is what the first one was, too.
    Finished apply(const std::string& options = "") const {
        return vxlanctl(space, "apply --allow-recreate /run/stack.toml " + options);
    }
    void check_as_before() const {
        CHECK(difference(before, listed(space)) == "");
        CHECK(record_files() == records);
    }
    void check_in_sync() const {
        CHECK(vxlanctl(space, "check --prune /run/stack.toml").code == 0);
    }
    std::string rules() const { return sh(space, "ip rule show"); }

    const Host host;
    const Namespace& space = host.space;
    nlohmann::json before;
    std::map<std::string, std::string> records;
};

} // namespace

TEST_CASE("stacks: what was removed with a lower tunnel comes back where nobody confirms") {
    const std::string first = GENERATE_COPY(
        ground("vni = 10") + on_it(5), ground("vni = 10") + on_it(5, with_rule) + on_it(6),
        ground("vni = 10") + on_it(5) +
            on_it(6, "forward_from = [\"eth0\"]\nlocal = \"10.5.0.1\"", "vx5"));
    std::string fixed = first; // a key stands there once
    if (const auto at = fixed.find("local = \"10.0.0.1\"\nvni = 16");
        at != std::string::npos && first.find("local = \"10.5.0.1\"") != std::string::npos)
        fixed.erase(at, 19);
    const Lab lab(fixed, ground("vni = 30"));
    const auto applied = lab.apply("--prune --confirm 1");
    INFO(fixed << applied.out << applied.err);
    CHECK(applied.code == 1);
    CHECK(told(applied, "not-confirmed, restored"));
    lab.check_as_before();
}

TEST_CASE("stacks: what was removed or replaced together comes back together") {
    // A tunnel that stays, one that is removed, one that is new, and one that changes.
    const Lab lab(ground("vni = 10") + on_it(4) + on_it(5, with_rule) + on_it(7),
                  ground("vni = 30") + on_it(4) + on_it(6) + on_it(7, "ttl = 9"));
    const auto applied = lab.apply("--prune --confirm 1");
    INFO(applied.out << applied.err);
    CHECK(applied.code == 1);
    lab.check_as_before();
}

TEST_CASE("stacks: a tunnel that goes with a replaced one releases what it has elsewhere") {
    const Lab lab(ground("vni = 10") + on_it(4) +
                      on_it(5, with_rule +
                                   "\nroutes = [{ to = \"10.77.0.0/16\", dev = \"eth0\" }]\n"
                                   "forward_from = [\"eth0\"]"),
                  ground("vni = 30") + on_it(4));
    const auto applied = lab.apply("--prune");
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK(lab.rules().find("166") == std::string::npos);
    CHECK(sh(lab.space, "ip route show 10.77.0.0/16") == "");
    CHECK(sh(lab.space, "cat /proc/sys/net/ipv4/conf/eth0/forwarding") == "0\n");
    CHECK_FALSE(link_exists(lab.space, "vx5"));
    CHECK(record_files().size() == 2);
    lab.check_in_sync();
}

TEST_CASE("stacks: an MTU goes back behind that of the lower tunnel") {
    const std::string high = "mtu = 1450", low = "mtu = 1200", upper_high = "mtu = 1400",
                      upper_low = "mtu = 1150";
    SECTION("lowered") {
        const Lab lab(ground(high) + on_it(5, upper_high), ground(low) + on_it(5, upper_low));
        const auto applied = lab.apply("--confirm 1");
        INFO(applied.err);
        CHECK(applied.code == 1);
        lab.check_as_before();
    }
    SECTION("raised") {
        const Lab lab(ground(low) + on_it(5, upper_low), ground(high) + on_it(5, upper_high));
        const auto applied = lab.apply("--confirm 1");
        INFO(applied.err);
        CHECK(applied.code == 1);
        lab.check_as_before();
    }
    SECTION("of three, one above the other") {
        const auto three = [](int mtu) {
            return ground(fmt::format("mtu = {}", mtu)) +
                   on_it(5, fmt::format("mtu = {}", mtu - 50)) +
                   on_it(6, fmt::format("mtu = {}", mtu - 100), "vx5");
        };
        const Lab lab(three(1500), three(1300));
        const auto applied = lab.apply("--confirm 1");
        INFO(applied.err);
        CHECK(applied.code == 1);
        lab.check_as_before();
    }
}

TEST_CASE("stacks: commands for a replacement remove the upper tunnel first, and can be run") {
    const Lab lab(ground("vni = 10") + on_it(5), ground("vni = 30"));
    const auto commands =
        vxlanctl_brief(lab.space, "plan --ip-commands --prune --allow-recreate /run/stack.toml");
    INFO(commands.out << commands.err);
    CHECK(commands.code == 0);
    const auto of_upper = commands.out.find("ip link del dev vx5"),
               of_lower = commands.out.find("ip link del dev vx0");
    REQUIRE(of_upper != std::string::npos);
    REQUIRE(of_lower != std::string::npos);
    CHECK(of_upper < of_lower);
    sh(lab.space, "set -e\n" + commands.out);
    CHECK_FALSE(link_exists(lab.space, "vx5"));
    CHECK(link(lab.space, "vx0").at("linkinfo").at("info_data").at("id") == 30);
}

TEST_CASE("stacks: a tunnel may leave another one that is removed in the same run") {
    const std::string second_lower = "[vxlan.vx1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                     "vni = 20\naddresses = [\"10.1.0.1/24\"]\n"
                                     "peers = [\"172.22.0.1\"]\n";
    std::string moved = on_it(5, "", "vx1");
    moved.replace(moved.find("10.0.0.1"), 8, "10.1.0.1");
    const Lab lab(ground("vni = 10") + on_it(5), second_lower + moved);
    const bool confirmed = GENERATE(true, false);
    const auto applied = lab.apply(confirmed ? "--prune" : "--prune --confirm 1");
    INFO(applied.out << applied.err);
    CHECK(applied.code == (confirmed ? 0 : 1));
    if (confirmed) {
        CHECK_FALSE(link_exists(lab.space, "vx0"));
        CHECK(sh(lab.space, "ip -d link show vx5").find("dev vx1 ") != std::string::npos);
        lab.check_in_sync();
    } else {
        lab.check_as_before();
    }
}

TEST_CASE("stacks: a tunnel that cannot be made keeps the lower one, and the others on it") {
    const std::string first = ground("vni = 10") + on_it(4) + on_it(5);
    // An address that the host does not have.
    std::string impossible = on_it(5);
    impossible.replace(impossible.find("10.0.0.1"), 8, "10.99.0.1");
    const Lab lab(first, ground("vni = 30") + on_it(4) + impossible);
    const auto planned = vxlanctl(lab.space, "plan --allow-recreate /run/stack.toml");
    const auto applied = lab.apply();
    INFO(planned.out << planned.err << applied.out << applied.err);
    CHECK(planned.out.find("vx4: would be replaced") == std::string::npos);
    CHECK(told(applied, "cannot-go-without", {"vx0", "vx5"}));
    CHECK_FALSE(told(applied, "kernel-refused"));
    CHECK(applied.code == planned.code);
    CHECK(difference(lab.before, listed(lab.space)) == "");
}

TEST_CASE("stacks: an MTU that is set no more counts for the tunnels above") {
    const Lab lab(ground("mtu = 1400") + on_it(5, "mtu = 1350"),
                  ground("") + on_it(5, "mtu = 1500"));
    const auto planned = vxlanctl(lab.space, "plan /run/stack.toml");
    INFO(planned.out << planned.err);
    CHECK(planned.code == 0);
    const auto applied = lab.apply();
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK(applied.err == "");
    lab.check_in_sync();
}

TEST_CASE("stacks: whatever is refused, each tunnel is as it was or as it shall be") {
    const std::string first = ground("vni = 10\nmtu = 1450") + on_it(4, "mtu = 1400") +
                              on_it(5, with_rule) + on_it(7, "mtu = 1400"),
                      second = ground("vni = 30\nmtu = 1200") + on_it(4, "mtu = 1150") + on_it(6) +
                               on_it(7, "mtu = 1150\nttl = 9");
    const long stride = is_brief() ? 3 : 1;
    for (long broken = 1;; broken += stride) {
        const Lab lab(first, second);
        const auto counted =
            vxlanctl_counted(lab.space, "-v apply --prune --allow-recreate /run/stack.toml",
                             {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
        INFO("broken write " << broken << "\n" << counted.finished.out << counted.finished.err);
        if (counted.finished.code == 0) {
            CHECK(counted.writes < broken);
            lab.check_in_sync();
            break;
        }
        CHECK(counted.finished.code == 1);
        CHECK_FALSE(told(counted.finished, "rollback-failed"));
        const auto again = lab.apply("--prune");
        INFO(again.out << again.err);
        CHECK(again.code == 0);
        CHECK(lab.rules().find("166") == std::string::npos);
        CHECK(record_files().size() == 4);
        lab.check_in_sync();
    }
}

TEST_CASE("stacks: nothing is called restored whose lower device went meanwhile", "[concurrency]") {
    const Host host;
    const Namespace& space = host.space;
    sh(space,
       "ip link add under type veth peer name under-end\nip addr add 172.23.0.1/24 dev under\n"
       "ip link set under up");
    const std::string words = "up under 172.23.0.1 vx0 10.0.0.1/24 172.22.0.1";
    REQUIRE(vxlanctl(space, words).code == 0);
    for (long write = 1;; ++write) {
        sh(space, "ip link add under type veth peer name under-end 2>/dev/null || true\n"
                  "ip addr add 172.23.0.1/24 dev under 2>/dev/null || true\nip link set under up");
        REQUIRE(vxlanctl(space, words).code == 0);
        StoppedRun run(space, "-v " + words + " --address 10.0.7.1/24 --mtu 1300 --ttl 9", write);
        INFO("write " << write);
        if (!run.is_stopped()) {
            REQUIRE(write > 1);
            break;
        }
        const auto index = link(space, "vx0").at("ifindex").get<int>();
        sh(space, fmt::format("ip link del under\nip link add name br77 index {} type bridge\n"
                              "ip link set br77 up",
                              index));
        const auto finished = run.resume();
        INFO(finished.err);
        CHECK(finished.code == 5);
        CHECK(told(finished, "removed-meanwhile", {"vx0"}));
        CHECK_FALSE(told(finished, "restored"));
        CHECK(sh(space, "ip -4 addr show dev br77 | grep -c inet || true") == "0\n");
        sh(space, "ip link del br77");
        (void)vxlanctl(space, "down vx0");
    }
}
