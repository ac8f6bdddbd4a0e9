// Tunnels on tunnels: what the kernel removes with a lower one is part of the plan, is announced,
// and comes back with it.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// The lowest one, on eth0; `vni` 10 and 30 exclude each other in place.
std::string lower(int vni, const std::string& more = "") {
    return fmt::format("[vxlan.vx0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {}\n"
                       "mac = \"02:00:00:00:01:00\"\naddresses = [\"10.0.0.1/24\"]\n"
                       "peers = [\"172.22.0.1\"]\n{}",
                       vni, more);
}

/// `vxN` with the address 10.N.0.1/24, on vx0 or on vxB.
std::string upper(int n, const std::string& more = "", int below = 0) {
    return fmt::format("[vxlan.vx{0}]\ndev = \"vx{1}\"\nlocal = \"10.{1}.0.1\"\nvni = 1{0}\n"
                       "mac = \"02:00:00:00:01:0{0}\"\naddresses = [\"10.{0}.0.1/24\"]\n"
                       "peers = [\"10.{1}.0.2\"]\n{2}",
                       n, below, more);
}

/// As iproute2 lists it, by names: a lower interface that was made anew has another number, and a
/// tunnel another mark.
nlohmann::json state_of(const Namespace& space) {
    auto state = listed(space);
    for (auto& link : state.at("links"))
        link.erase("ifalias");
    return state;
}

std::string with_address(std::string tunnel, const std::string& address) {
    const std::string list = "addresses = [";
    return tunnel.insert(tunnel.find(list) + list.size(), '"' + address + "\", ");
}

/// What a link is and has.
nlohmann::json part_of(const nlohmann::json& state, const std::string& name) {
    return {state.at("links").value(name, nlohmann::json()),
            state.at("addresses").value(name, nlohmann::json())};
}

constexpr const char* folder = "/run/stack";

/// A host where the file says `first`, and then something else.
struct Lab {
    explicit Lab(const std::string& first) : old(first) {
        std::filesystem::create_directories(folder);
        sh(space, "ip link add eth1 type veth peer name wire1; ip link set eth1 up");
        without_duplicate_detection(space);
        pristine = state_of(space);
        say(first);
        const auto made = vxlanctl(space, "apply --prune --allow-empty /run/stack");
        INFO(made.err);
        REQUIRE(made.code == 0);
        before = state_of(space);
    }
    static void say(const std::string& text) { write_text("/run/stack/stack.toml", text); }

    /// As it was at first, and known to be.
    void check_is_old() const {
        CHECK(difference(before, state_of(space)) == "");
        say(old);
        const auto checked = vxlanctl(space, "check --prune --allow-empty /run/stack");
        INFO(checked.out << checked.err);
        CHECK(checked.code == 0);
    }
    /// As the file says now; and when it says nothing, nothing of ours is left.
    void check_is_new() const {
        const auto checked = vxlanctl(space, "check --prune --allow-empty /run/stack");
        INFO(checked.out << checked.err);
        CHECK(checked.code == 0);
        CHECK(vxlanctl_counted(space, "apply --prune --allow-empty /run/stack").writes == 0);
        say("");
        const auto removed = vxlanctl(space, "apply --prune --allow-empty /run/stack");
        INFO(removed.err);
        CHECK(removed.code == 0);
        CHECK(difference(pristine, state_of(space)) == "");
        CHECK(record_files().empty());
    }

    Host host;
    const Namespace& space = host.space;
    std::string old;
    nlohmann::json pristine, before;
};

const std::string replace = "apply --prune --allow-empty --allow-recreate /run/stack";
const std::string elsewhere = "rules = [{ from = \"10.5.0.0/24\", table = 105 }]\n"
                              "routes = [{ to = \"10.55.0.0/24\" },\n"
                              "          { to = \"10.66.0.0/24\", dev = \"eth0\", table = 105 }]\n"
                              "forward_from = [\"eth1\"]\n";
const std::string one_on_one = lower(10) + upper(5);
/// `vxN` with the address 10.N.0.1/24, on eth0.
std::string beside(int n, int vni, const std::string& more = "") {
    return fmt::format("[vxlan.vx{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                       "mac = \"02:00:00:00:01:0{0}\"\naddresses = [\"10.{0}.0.1/24\"]\n"
                       "peers = [\"172.22.0.1\"]\n{2}",
                       n, vni, more);
}
const std::string another_lower = beside(1, 20);

struct Case {
    const char* what;
    std::string first, second;
};

/// What another state takes along, in pairs of files.
const std::vector<Case>& changes() {
    static const std::vector<Case> all{
        {"a pruned one on a replaced one", one_on_one, lower(30)},
        {"two pruned ones", lower(10) + upper(5) + upper(6), lower(30)},
        {"a pruned one beside one that stays", lower(10) + upper(4) + upper(5, elsewhere),
         lower(30) + upper(4)},
        {"a pruned stack", lower(10) + upper(5) + upper(6, elsewhere, 5), lower(30)},
        {"the upper half of it", lower(10) + upper(5) + upper(6, elsewhere, 5),
         lower(30) + upper(5)},
        {"four, one on the other", lower(10) + upper(4) + upper(5, elsewhere, 4) + upper(6, "", 5),
         lower(30) + upper(4) + upper(5, "", 4) + upper(6, elsewhere, 5)},
        {"a replaced one in the middle",
         lower(10) + upper(4) + upper(5, elsewhere, 4) + upper(6, "", 5),
         lower(10) + upper(4, "port = 4790\n") + upper(5, "", 4)},
        {"both lowered", lower(10, "mtu = 1450\n") + upper(5, "mtu = 1400\n"),
         lower(10, "mtu = 1200\n") + upper(5, "mtu = 1150\n")},
        {"both raised", lower(10, "mtu = 1200\n") + upper(5, "mtu = 1150\n"),
         lower(10, "mtu = 1450\n") + upper(5, "mtu = 1400\n")},
        {"three lowered, the lowest replaced",
         lower(10, "mtu = 1450\n") + upper(5, "mtu = 1400\n") + upper(6, "mtu = 1350\n", 5),
         lower(30, "mtu = 1200\n") + upper(5, "mtu = 1150\n") + upper(6, "mtu = 1100\n", 5)},
        {"a default again", lower(10, "mtu = 1400\n") + upper(5, "mtu = 1350\n"),
         lower(10) + upper(5, "mtu = 8000\n")},
        {"one that moves off one that goes", lower(10) + another_lower + upper(5),
         another_lower + upper(5, "", 1)},
        {"one that moves to a new one, off one that goes", lower(10) + upper(5, elsewhere),
         another_lower + upper(5, "", 1)},
        {"one that moves to another, which is replaced", lower(10) + another_lower + upper(5),
         lower(30) + another_lower + upper(5, "", 1)},
        {"one that is made again without what it had elsewhere", lower(10) + upper(5, elsewhere),
         lower(30) + upper(5)},
        {"two of them, one on the other", lower(10) + upper(4) + upper(5, elsewhere, 4),
         lower(30) + upper(4) + upper(5, "", 4)},
        {"two that swap their VNIs", beside(1, 10) + beside(2, 20), beside(1, 20) + beside(2, 10)},
        {"two that swap them, below others",
         lower(10) + beside(1, 20) + upper(5, elsewhere) + upper(6, "", 1),
         lower(20) + beside(1, 10) + upper(5) + upper(6, elsewhere, 1)},
        {"two that swap them, below one that goes", lower(10) + beside(1, 20) + upper(5, elsewhere),
         lower(20) + beside(1, 10)},
        {"three in a circle", beside(1, 10) + beside(2, 20, elsewhere) + beside(3, 30),
         beside(1, 20, elsewhere) + beside(2, 30) + beside(3, 10)},
        {"three of which each wants what the next one leaves",
         beside(1, 10) + beside(2, 20) + beside(3, 30),
         beside(1, 20) + beside(2, 30) + beside(3, 40)},
        {"a new one that wants what another leaves", beside(2, 20), beside(1, 20) + beside(2, 10)},
        {"one that wants what a pruned one has", beside(1, 10) + beside(2, 20), beside(1, 20)},
        {"a lower one and its upper one swap",
         lower(15) + upper(5).replace(upper(5).find("vni = 15"), 8, "vni = 25"),
         lower(25) + upper(5)},
        {"all go", lower(10) + upper(5, elsewhere) + upper(6, "", 5), ""},
        {"all come", "", lower(10) + upper(5, elsewhere) + upper(6, "", 5)},
    };
    return all;
}

} // namespace

TEST_CASE(
    "stack changes: what is planned for tunnels on tunnels is done, and what goes releases all") {
    for (const auto& change : changes()) {
        INFO(change.what);
        const Lab lab(change.first);
        Lab::say(change.second);
        const auto planned =
            vxlanctl(lab.space, "plan --prune --allow-empty --allow-recreate /run/stack");
        const auto applied = vxlanctl(lab.space, replace);
        INFO(planned.out << planned.err << applied.out << applied.err);
        CHECK(planned.code == 0);
        CHECK(applied.code == 0);
        lab.check_is_new();
    }
}

TEST_CASE("stack changes: what is not confirmed comes back, whatever stood on what") {
    for (const auto& change : changes()) {
        INFO(change.what);
        const Lab lab(change.first);
        const auto records = record_files().size();
        Lab::say(change.second);
        const auto applied = vxlanctl(lab.space, replace + " --confirm 1");
        INFO(applied.out << applied.err);
        CHECK(applied.code == 1);
        CHECK(told(applied, "not-confirmed, restored"));
        CHECK(record_files().size() == records);
        lab.check_is_old();
    }
}

TEST_CASE("stack changes: a refused write leaves every tunnel as it was, or as it shall be") {
    for (const auto& change : changes()) {
        const long stride = is_brief() ? 11 : 1;
        for (long broken = 1;; broken += stride) {
            const Lab lab(change.first);
            Lab::say(change.second);
            const auto counted = vxlanctl_counted(
                lab.space, replace + " --json", {{"VXLANCTL_BREAK_WRITE", std::to_string(broken)}});
            INFO(change.what << ", write " << broken << "\n" << counted.finished.err);
            if (counted.finished.code == 0) {
                REQUIRE(counted.writes < broken + stride);
                break;
            }
            REQUIRE(counted.finished.code == 1);
            const auto now = state_of(lab.space);
            const auto document = nlohmann::json::parse(counted.finished.out);
            for (const auto& tunnel : document.at("tunnels")) {
                const std::string name = tunnel.at("name"), result = tunnel.at("result");
                if (result != "failed" && result != "refused") continue;
                INFO(name << " " << result);
                CHECK(part_of(lab.before, name) == part_of(now, name));
            }
            const auto next = vxlanctl(lab.space, replace);
            INFO(next.out << next.err);
            REQUIRE(next.code == 0);
            lab.check_is_new();
        }
    }
}

TEST_CASE("stack changes: the commands of a plan can be carried out as they are") {
    for (const auto& change : changes()) {
        const Lab lab(change.first);
        Lab::say(change.second);
        const auto commands = vxlanctl(
            lab.space, "plan --ip-commands --prune --allow-empty --allow-recreate /run/stack");
        INFO(change.what << "\n" << commands.out << commands.err);
        REQUIRE(commands.code == 0);
        RunOptions script;
        script.input = commands.out;
        const auto done = run(lab.space, {"/bin/sh", "-e"}, script);
        INFO(done.err);
        CHECK(done.code == 0);
        Lab::say(change.second);
        const auto checked = vxlanctl(lab.space, "check --allow-empty /run/stack");
        INFO(checked.out << checked.err);
        CHECK(checked.code == 0);
    }
}

TEST_CASE("stack changes: one that cannot be done keeps what stands on what, and nothing else") {
    const std::string impossible = upper(5, "mtu = 9000\n"); // more than vx0 has
    const std::string apart = "[vxlan.apart]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                              "vni = 77\npeers = [\"172.22.0.1\"]\n";
    const Lab lab(lower(10) + upper(4) + upper(5, elsewhere));
    Lab::say(lower(30) + upper(4, "ttl = 9\n") + impossible + apart);
    const auto planned = vxlanctl(lab.space, "plan --allow-recreate /run/stack --json");
    const auto applied = vxlanctl(lab.space, "apply --allow-recreate /run/stack --json");
    INFO(applied.out << applied.err);
    CHECK(planned.code == applied.code);
    const auto results = [](const Finished& finished) {
        std::map<std::string, std::string> by_name;
        const auto document = nlohmann::json::parse(finished.out);
        for (const auto& tunnel : document.at("tunnels"))
            by_name[tunnel.at("name")] = tunnel.at("result");
        return by_name;
    };
    CHECK(results(planned) == results(applied));
    CHECK(results(applied).at("vx0") == "refused");
    CHECK(results(applied).at("vx4") == "changed");
    CHECK(results(applied).at("vx5") == "refused");
    CHECK(results(applied).at("apart") == "created");
    CHECK(link(lab.space, "vx0").at("linkinfo").at("info_data").at("id") == 10);
    CHECK(addresses(lab.space, "vx5") == Strings{"10.5.0.1/24"});
    Lab::say(lab.old);
    CHECK(vxlanctl(lab.space, "apply --prune --allow-empty /run/stack").code == 0);
    lab.check_is_old();
}

TEST_CASE("stack changes: a lower interface that vanishes meanwhile gives nothing to whom has its "
          "number") {
    const std::string gone = GENERATE("vx0", "eth0");
    const std::string variable = GENERATE("VXLANCTL_STOP_BEFORE", "VXLANCTL_STOP_READING");
    const std::string confirm = GENERATE("", " --confirm 1");
    for (long number = 1;; number += is_brief() ? 4 : 1) {
        const Lab lab(lower(10) + upper(5, elsewhere));
        Lab::say(with_address(lower(10, "ttl = 9\n"), "10.90.0.1/24") +
                 with_address(upper(5, "ttl = 9\n"), "10.95.0.1/24"));
        const auto index = link(lab.space, "vx0").at("ifindex").get<int>();
        StoppedRun run(lab.space, "apply /run/stack" + confirm, number, variable);
        INFO(gone << ", " << variable << " " << number << confirm);
        if (!run.is_stopped()) {
            REQUIRE(number > 3);
            break;
        }
        sh(lab.space, fmt::format("ip link del {} 2>/dev/null || true\n"
                                  "ip link add br7 index {} type bridge; ip link set br7 up",
                                  gone, index));
        const auto finished = run.resume();
        INFO(finished.out << finished.err);
        CHECK(addresses(lab.space, "br7").empty());
        CHECK(link(lab.space, "br7").value("ifalias", "") == "");
        const bool is_made_again = finished.code == 0 || told(finished, "not-confirmed");
        CHECK((is_made_again || !told(finished, "restored")));
    }
}

TEST_CASE("stack changes: what has gone already is removed") {
    const Lab lab(lower(10) + upper(5, elsewhere) + upper(6, "", 5));
    Lab::say("");
    StoppedRun run(lab.space, "apply --prune --allow-empty /run/stack", 1);
    REQUIRE(run.is_stopped());
    sh(lab.space, "ip link del vx0");
    const auto finished = run.resume();
    INFO(finished.out << finished.err);
    CHECK(finished.code == 0);
    lab.check_is_new();
}

TEST_CASE("stack changes: what a tunnel leaves to one that fails goes, and comes back with it") {
    const std::string forwards = "forward_from = [\"eth1\"]\n";
    const Lab lab(beside(1, 10, forwards) + beside(2, 20));
    // More than eth0 can carry.
    const std::string second =
        beside(1, 10) + beside(2, 20) + beside(3, 30, forwards + "mtu = 9000\n");
    const auto forwarding = [&] {
        return sh(lab.space, "cat /proc/sys/net/ipv4/conf/eth1/forwarding");
    };
    REQUIRE(forwarding() == "1\n");
    Lab::say(second);
    SECTION("in a change that nobody confirms") {
        const auto applied = vxlanctl(lab.space, replace + " --confirm 1");
        INFO(applied.out << applied.err);
        CHECK(applied.code == 1);
        CHECK(told(applied, "not-confirmed, restored"));
        lab.check_is_old();
    }
    SECTION("in the next run, where the kernel refuses it in this one") {
        const auto broken =
            vxlanctl_counted(lab.space, replace, {{"VXLANCTL_BREAK_WRITE", "1"}}).finished;
        INFO(broken.out << broken.err);
        CHECK(broken.code == 1);
        CHECK(forwarding() == "1\n");
        Lab::say(beside(1, 10) + beside(2, 20));
        CHECK(vxlanctl(lab.space, replace).code == 0);
        CHECK(forwarding() == "0\n");
        lab.check_is_new();
    }
}

TEST_CASE("stack changes: an MTU that nobody set follows the lower tunnel that is made anew") {
    const Lab lab(lower(10, "mtu = 1200\n") + upper(5) + upper(6, "", 5));
    REQUIRE(link(lab.space, "vx6").at("mtu") == 1100);
    Lab::say(lower(30, "mtu = 1450\n") + upper(5) + upper(6, "", 5));
    const auto applied = vxlanctl(lab.space, replace);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK(link(lab.space, "vx5").at("mtu") == 1400);
    CHECK(link(lab.space, "vx6").at("mtu") == 1350);
    lab.check_is_new();
}

TEST_CASE("stack changes: tunnels that were made again in a rollback are still their file's") {
    // A lower device that was given cannot be taken away again: the interface is made anew.
    const std::string floating = "[vxlan.vx0]\nlocal = \"172.21.0.100\"\nvni = 10\n"
                                 "addresses = [\"10.0.0.1/24\"]\npeers = [\"172.22.0.1\"]\n";
    const Lab lab(floating + upper(5));
    Lab::say(lower(10, "ttl = 9\n") + upper(5));
    for (const char* number : {"2", "3", "4"}) {
        const auto broken =
            vxlanctl_counted(lab.space, replace, {{"VXLANCTL_BREAK_WRITE", number}}).finished;
        INFO(broken.out << broken.err);
    }
    Lab::say("");
    const auto removed = vxlanctl(lab.space, replace);
    INFO(removed.out << removed.err);
    CHECK(removed.code == 0);
    CHECK_FALSE(link_exists(lab.space, "vx5"));
    CHECK(record_files().empty());
}

TEST_CASE("stack changes: what the plan refuses is not done, though it would be possible alone") {
    std::string same_vni = upper(3); // which the lower one wants as well
    same_vni.replace(same_vni.find("vni = 13"), 8, "vni = 10");
    const Lab lab(lower(12) + upper(3) + beside(1, 20));
    const std::string options = GENERATE("", " --confirm 1");
    SECTION("alone") {
        Lab::say(lower(10) + same_vni + beside(1, 20));
    }
    SECTION("beside a tunnel that changes") {
        Lab::say(lower(10) + same_vni + beside(1, 20, "ttl = 9\n"));
    }
    const auto planned = vxlanctl(lab.space, "plan --allow-recreate /run/stack");
    const auto applied = vxlanctl(lab.space, "apply --allow-recreate /run/stack" + options);
    INFO(planned.out << planned.err << applied.out << applied.err);
    CHECK(applied.code == planned.code);
    CHECK(link(lab.space, "vx0").at("linkinfo").at("info_data").at("id") == 12);
    CHECK(link(lab.space, "vx3").at("linkinfo").at("info_data").at("id") == 13);
}

TEST_CASE("stack changes: a tunnel that says itself that it forwards goes on when another says it "
          "no more") {
    const Lab lab(beside(1, 10) + beside(2, 20, "forward_from = [\"vx1\"]\n"));
    Lab::say(beside(1, 10, "forward = true\n") + beside(2, 20));
    const auto applied = vxlanctl(lab.space, replace);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK(sh(lab.space, "cat /proc/sys/net/ipv4/conf/vx1/forwarding") == "1\n");
    lab.check_is_new();
}

TEST_CASE("stack changes: an underlay interface that is set no more is left") {
    std::string free = upper(3, "", 1);
    const auto dev = free.find("dev = \"vx1\"\n");
    free.erase(dev, std::string("dev = \"vx1\"\n").size());
    const Lab lab(beside(1, 10) + upper(3, "", 1));
    Lab::say(free + beside(1, 30));
    const auto refused = vxlanctl(lab.space, "apply /run/stack");
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement, allow-recreate", {"vx3", "dev: vx1 -> none"}));
    const auto applied = vxlanctl(lab.space, replace);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK_FALSE(link(lab.space, "vx3").at("linkinfo").at("info_data").contains("link"));
    lab.check_is_new();
}

TEST_CASE("stack changes: what others add while a change waits stays in the rollback") {
    const Lab lab(lower(10) + upper(5));
    Lab::say(lower(30) + upper(5));
    Process process(lab.space, command_of(replace + " --confirm 600"));
    await_pending(lab.space);
    sh(lab.space, "ip addr add 10.88.0.1/24 dev vx5; ip addr add 10.89.0.1/24 dev vx0");
    kill(process.pid(), SIGTERM);
    const auto finished = process.wait();
    INFO(finished.err);
    CHECK(told(finished, "not-confirmed, restored"));
    CHECK(addresses(lab.space, "vx5") == Strings{"10.5.0.1/24", "10.88.0.1/24"});
    CHECK(addresses(lab.space, "vx0") == Strings{"10.0.0.1/24", "10.89.0.1/24"});
}

TEST_CASE("stack changes: --drop-foreign plans what it drops of other files, and rolls it back") {
    const Lab lab(lower(10));
    write_text("/run/other.toml", upper(5, elsewhere) + upper(6, "", 5));
    REQUIRE(vxlanctl(lab.space, "apply /run/other.toml").code == 0);
    sh(lab.space, "ip link add plain type vxlan id 77 local 10.0.0.1 dev vx0 dstport 4789\n"
                  "ip addr add 10.77.0.1/24 dev plain; ip link set plain up\n"
                  "bridge fdb append 00:00:00:00:00:00 dev plain dst 10.0.0.9");
    const auto before = state_of(lab.space);
    Lab::say(lower(30));
    const std::string drop = "apply --allow-recreate --drop-foreign /run/stack";
    const auto unconfirmed = vxlanctl(lab.space, drop + " --confirm 1");
    INFO(unconfirmed.out << unconfirmed.err);
    CHECK(unconfirmed.code == 1);
    for (const char* name : {"vx5", "vx6", "plain"})
        CHECK(told(unconfirmed, "dropped-with-lower", {name}));
    CHECK(told(unconfirmed, "not-confirmed, restored"));
    CHECK(difference(before, state_of(lab.space)) == "");
    const auto applied = vxlanctl(lab.space, drop);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    Lab::say("");
    CHECK(vxlanctl(lab.space, "apply --prune --allow-empty /run/stack").code == 0);
    CHECK(difference(lab.pristine, state_of(lab.space)) == ""); // no rule, route or forwarding
    CHECK(record_files().empty());
}

TEST_CASE("stack changes: VNIs that are swapped ask for the option, and for nothing else") {
    const Lab lab(beside(1, 10) + beside(2, 20));
    Lab::say(beside(1, 20) + beside(2, 10));
    const auto refused = vxlanctl(lab.space, "apply /run/stack");
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"vx1"}));
    CHECK(told(refused, "needs-replacement", {"vx2"}));
    CHECK_FALSE(told(refused, "vni-in-use"));
    CHECK(difference(lab.before, state_of(lab.space)) == "");
}
