// What a replacement costs, what it carries over, and what it tells to be lost.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// A file's tunnel, which may leave its peers to somebody else.
std::string tunnel(const std::string& more) {
    return "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n" + more;
}

const std::string allowed = "--allow-recreate --keep-foreign";

std::string fdb(const Namespace& space) {
    return sh(space, "bridge fdb show dev vxlan0 | sort");
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void append_peer(const Namespace& space, const std::string& peer, const std::string& more = "") {
    sh(space, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst " + peer + " " + more);
}

/// The kernel has next-hop objects for forwarding databases since Linux 5.8.
bool make_group(const Namespace& space) {
    return run(space, {"/bin/sh", "-c",
                       "ip nexthop add id 1 via 100.64.158.8 fdb && "
                       "ip nexthop add id 2 via 100.64.158.9 fdb && "
                       "ip nexthop add id 10 group 1/2 fdb && "
                       "bridge fdb add 02:00:00:00:00:0a dev vxlan0 nhid 10 && "
                       "bridge fdb add 02:00:00:00:00:0b dev vxlan0 nhid 10"})
               .code == 0;
}

} // namespace

TEST_CASE("replacement: a flood list that nobody set survives it, and its rollback", "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(apply_text(space, tunnel("")).code == 0);
    append_peer(space, "100.64.158.4");
    append_peer(space, "100.64.158.5", "port 4790");
    const std::string before = fdb(space);
    const auto refused = apply_text(space, tunnel("port = 4791\n"));
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"2 flood entries"}));
    SECTION("of another port") {
        const auto applied = apply_text(space, tunnel("port = 4791\n"), allowed);
        INFO(applied.err);
        CHECK(applied.code == 0);
        CHECK(told(applied, "interface-replaced", {"2 flood entries"}));
        CHECK(fdb(space) == before);
        CHECK(check_text(space, tunnel("port = 4791\n")).code == 0);
    }
    SECTION("of another VNI") {
        CHECK(apply_text(space, tunnel("vni = 11\n"), allowed).code == 0);
        CHECK(fdb(space) == before);
    }
    SECTION("but not where everything that is not set is to go") {
        CHECK(apply_text(space, tunnel("port = 4791\n"), "--allow-recreate --drop-foreign").code ==
              0);
        CHECK_FALSE(has(fdb(space), "100.64.158"));
    }
}

TEST_CASE("undo: a flood list that nobody set is there again, whatever write fails") {
    write_text("/run/before.toml", tunnel(""));
    write_text("/run/after.toml", tunnel(GENERATE("port = 4791\n", "vni = 11\n")));
    break_every_write<Host>(
        "apply /run/before.toml", "apply /run/after.toml " + allowed,
        "cat > /run/after-first <<'EOF'\n"
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.5 port 4790\n"
        "bridge fdb add 02:00:00:00:00:0d dev vxlan0 dst 100.64.158.4 static\n"
        "EOF");
    for (const char* file : {"/run/after-first", "/run/before.toml", "/run/after.toml"})
        unlink(file);
}

TEST_CASE("replacement: the list that nobody set of a tunnel on a replaced one survives",
          "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    const auto stack = [](const std::string& vni) {
        return "[vxlan.vxlan0]\ndev = \"lower\"\nlocal = \"10.9.0.1\"\nvni = 12\n"
               "[vxlan.lower]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\naddresses = "
               "[\"10.9.0.1/24\"]\nvni = " +
               vni + "\n";
    };
    REQUIRE(apply_text(space, stack("11")).code == 0);
    append_peer(space, "10.9.0.2");
    const std::string before = fdb(space);
    const auto applied = apply_text(space, stack("13"), allowed);
    INFO(applied.err);
    CHECK(applied.code == 0);
    CHECK(fdb(space) == before);
}

TEST_CASE("undo: a bridge port gets back what it had, or what it lost is named", "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add br0 type bridge\nip link set br0 up");
    const std::string file = tunnel("master = \"br0\"\npeers = [\"100.64.158.4\"]\n");
    REQUIRE(apply_text(space, file).code == 0);
    const bool has_group = make_group(space);
    RunOptions options;
    options.input = file + "port = 4790\n";
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
    int remade = 0;
    for (int write = 1;; ++write) {
        sh(space, "bridge link set dev vxlan0 isolated on cost 77");
        const bool loses = has(fdb(space), "nhid");
        CHECK((loses || !has_group || remade > 0)); // a new interface cannot be given it
        options.environment["VXLANCTL_BREAK_WRITE"] = std::to_string(write);
        const auto finished = vxlanctl(space, "apply - " + allowed, options);
        INFO(write << finished.err);
        if (finished.code == 0) break; // fewer writes than that
        CHECK(flood_list(space, "vxlan0") == Strings{"100.64.158.4"});
        const bool is_new = told(finished, "restored-on-new-interface");
        CHECK(finished.code == (is_new && loses ? 5 : 1));
        CHECK(told(finished, "lost-in-rollback", {"next-hop group 10"}) == (is_new && loses));
        CHECK(has(sh(space, "bridge -d link show dev vxlan0"), "isolated on"));
        CHECK(has(sh(space, "bridge link show dev vxlan0"), "cost 77"));
        remade += is_new ? 1 : 0;
    }
    CHECK(remade > 0);
}

TEST_CASE("confirm: a bridge port gets back what it had") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add br0 type bridge\nip link set br0 up");
    const std::string file = tunnel("master = \"br0\"\npeers = [\"100.64.158.4\"]\n");
    REQUIRE(apply_text(space, file).code == 0);
    sh(space, "bridge link set dev vxlan0 isolated on");
    const auto applied = apply_text(space, file + "port = 4790\n", allowed + " --confirm 1");
    INFO(applied.err);
    CHECK(applied.code == 1);
    CHECK(told(applied, "restored"));
    CHECK(has(sh(space, "bridge -d link show dev vxlan0"), "isolated on"));
}

TEST_CASE("confirm: what the old interface had and no new one has is listed, with exit code 5") {
    const Host host;
    const Namespace& space = host.space;
    const std::string file = tunnel("peers = [\"100.64.158.4\"]\n");
    REQUIRE(apply_text(space, file).code == 0);
    if (!make_group(space)) SKIP_CASE("this kernel has no next-hop groups of FDB entries");
    const auto applied = apply_text(space, file + "port = 4790\n", allowed + " --confirm 1");
    INFO(applied.err);
    CHECK(applied.code == 5);
    CHECK(told(applied, "rollback-left", {"vxlan0", "next-hop group 10"}));
    CHECK_FALSE(told(applied, "restored"));
}

TEST_CASE("replacement: entries of next-hop groups are kept in place, and named when they go") {
    const Host host;
    const Namespace& space = host.space;
    const std::string peers = "peers = [\"100.64.158.4\"]\n";
    REQUIRE(apply_text(space, tunnel(peers)).code == 0);
    if (!make_group(space)) SKIP_CASE("this kernel has no next-hop groups of FDB entries");
    const std::string before = fdb(space);
    CHECK(apply_text(space, tunnel("peers = [\"100.64.158.5\"]\nttl = 9\n")).code == 0);
    CHECK(apply_text(space, tunnel(peers)).code == 0);
    CHECK(fdb(space) == before);

    const auto shown = nlohmann::json::parse(vxlanctl(space, "show vxlan0 --json").out);
    const auto& entries = shown.at("tunnels").at(0).at("other_entries");
    REQUIRE(entries.size() == 2);
    CHECK(entries.at(0).at("mac") == "02:00:00:00:00:0a");
    CHECK(entries.at(0).at("group") == 10);
    CHECK(entries.at(0).at("members") == nlohmann::json::array({"100.64.158.8", "100.64.158.9"}));
    CHECK(has(vxlanctl(space, "show vxlan0").out, "100.64.158.9"));

    const auto exported = vxlanctl(space, "export vxlan0");
    CHECK(has(exported.out, "next-hop group 10"));

    const auto rules = vxlanctl(space, "firewall vxlan0");
    INFO(rules.out << rules.err);
    CHECK(rules.code == 0);
    for (const char* end : {"100.64.158.4", "100.64.158.8", "100.64.158.9"})
        CHECK(has(rules.out, end));

    const auto refused = apply_text(space, tunnel(peers + "port = 4790\n"));
    CHECK(told(refused, "needs-replacement", {"2 entries that vxlanctl cannot express"}));
    const auto applied = apply_text(space, tunnel(peers + "port = 4790\n"), allowed);
    CHECK(applied.code == 0);
    CHECK(told(applied, "fdb-entries-lost", {"next-hop group 10"}));
}

TEST_CASE("replacement: a bridge port's settings are counted and kept", "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    sh(space, "ip link add br0 type bridge\nip link set br0 up");
    const std::string file = tunnel("master = \"br0\"\npeers = [\"100.64.158.4\"]\n");
    REQUIRE(apply_text(space, file).code == 0);
    const auto plain = apply_text(space, file + "port = 4790\n", "--dry-run " + allowed);
    CHECK(plain.code == 0);
    CHECK_FALSE(has(plain.out, "bridge_"));
    sh(space, "bridge link set dev vxlan0 learning off isolated on neigh_suppress on cost 77");
    const auto refused = apply_text(space, file + "port = 4790\n");
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"4 bridge port settings"}));
    const auto applied = apply_text(space, file + "port = 4790\n", allowed);
    CHECK(applied.code == 0);
    const std::string port = sh(space, "bridge -d link show dev vxlan0");
    for (const char* kept : {"cost 77", "learning off", "neigh_suppress on", "isolated on"})
        CHECK(has(port, kept));
    const auto dropped = apply_text(space, file, "--allow-recreate --drop-foreign");
    CHECK(dropped.code == 0);
    CHECK(has(sh(space, "bridge -d link show dev vxlan0"), "isolated off"));
}

TEST_CASE("replacement: the VLANs of a bridge port are counted and kept", "[kernel]") {
    const Host host;
    const Namespace& space = host.space;
    if (run(space, {"/bin/sh", "-c", "ip link add br0 type bridge vlan_filtering 1"}).code != 0)
        SKIP_CASE("this kernel has no VLAN filtering of bridges");
    const std::string file = tunnel("master = \"br0\"\npeers = [\"100.64.158.4\"]\n");
    REQUIRE(apply_text(space, file).code == 0);
    sh(space, "bridge vlan add dev vxlan0 vid 100-102\nbridge vlan add dev vxlan0 vid 7");
    const auto refused = apply_text(space, file + "port = 4790\n");
    CHECK(told(refused, "needs-replacement", {"4 VLANs"}));
    const std::string vlans = sh(space, "bridge vlan show dev vxlan0");
    const auto applied = apply_text(space, file + "port = 4790\n", allowed);
    CHECK(applied.code == 0);
    CHECK(sh(space, "bridge vlan show dev vxlan0") == vlans);
}

TEST_CASE("replacement: entries of a control plane are copied within their VNI alone") {
    const Host host;
    const Namespace& space = host.space;
    const std::string peers = "peers = [\"100.64.158.4\"]\n";
    REQUIRE(apply_text(space, tunnel(peers)).code == 0);
    sh(space, "bridge fdb add 02:00:00:00:00:0c dev vxlan0 dst 100.64.158.4 extern_learn\n"
              "bridge fdb add 02:00:00:00:00:0d dev vxlan0 dst 100.64.158.4 static");
    const auto moved = apply_text(space, tunnel(peers + "port = 4790\n"), allowed);
    CHECK(told(moved, "interface-replaced", {"1 MAC of a control plane", "1 pinned MAC"}));
    CHECK_FALSE(told(moved, "external-entries-lost"));
    CHECK(has(fdb(space), "02:00:00:00:00:0c"));
    const auto other = apply_text(space, tunnel(peers + "port = 4790\nvni = 11\n"), allowed);
    CHECK(other.code == 0);
    CHECK(told(other, "external-entries-lost", {"1 entry", "VNI 10"}));
    CHECK_FALSE(has(fdb(space), "02:00:00:00:00:0c"));
    CHECK(has(fdb(space), "02:00:00:00:00:0d"));
}

TEST_CASE("replacement: a flood list of a control plane is not copied to another VNI") {
    const Host host;
    const Namespace& space = host.space;
    const bool stated = GENERATE(false, true);
    const std::string file =
        tunnel(stated ? "peers = [\"100.64.158.4\"]\n" : std::string("ttl = 9\n"));
    REQUIRE(apply_text(space, file).code == 0);
    // Beside entries of a user the kernel takes none for a control plane's.
    sh(space, "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 || true");
    append_peer(space, "100.64.158.5", "extern_learn");
    const auto other = apply_text(space, file + "vni = 11\n", allowed);
    INFO(stated << other.err);
    CHECK(other.code == 0);
    CHECK(told(other, "external-entries-lost", {"VNI 10"}));
    CHECK_FALSE(has(fdb(space), "100.64.158.5"));
    CHECK(has(fdb(space), "100.64.158.4") == stated);
    CHECK_FALSE(has(fdb(space), "extern_learn"));
}

TEST_CASE("replacement: two interfaces never have one VNI, not even for a moment") {
    const Host host;
    const Namespace& space = host.space;
    const std::string peers = "peers = [\"100.64.158.4\"]\n";
    REQUIRE(apply_text(space, tunnel(peers)).code == 0);
    sh(space, "ip link add other type vxlan id 12 dstport 4791 local 172.21.0.100");
    // Each row: what changes, and whether the old interface has to go first.
    const auto [change, first] = GENERATE(table<std::string, bool>({
        {"port = 4790\n", true},
        {"limit = 50\n", true},
        {"vni = 11\n", false},
        {"vni = 12\n", true}, // of another interface, on another port
    }));
    const auto planned = apply_text(space, tunnel(peers + change), "--dry-run --json " + allowed);
    INFO(change << planned.out << planned.err);
    REQUIRE(planned.code == 0);
    const auto report = nlohmann::json::parse(planned.out);
    const auto& steps = report.at("tunnels").at(0).at("steps");
    CHECK((steps.at(0).at("operation") == "delete_link") == first);
    const auto applied = apply_text(space, tunnel(peers + change), allowed);
    CHECK(applied.code == 0);
    CHECK(told(applied, "deleted-before-made") == first);
}

TEST_CASE("replacement: an interface such as Open vSwitch makes stays as it is beside many runs") {
    // Its kernel module is seldom where tests run: this is what it makes for a VXLAN port.
    const Host host;
    const Namespace& space = host.space;
    sh(space,
       "ip link add vxlan_sys_4789 type vxlan dstport 4789 external nolearning udp6zerocsumrx\n"
       "ip link set vxlan_sys_4789 mtu 65000 up");
    const auto state = [&] {
        return sh(space, "ip -d -o link show vxlan_sys_4789; bridge fdb show dev vxlan_sys_4789");
    };
    const std::string before = state();
    const std::string peers = "peers = [\"100.64.158.4\"]\n";
    for (const char* port : {"port = 4790\n", "port = 4791\n", "port = 4790\nvni = 11\n"}) {
        const auto applied = apply_text(space, tunnel(peers + port), allowed);
        INFO(applied.err);
        CHECK(applied.code == 0);
        CHECK(state() == before);
    }
    const auto shown = nlohmann::json::parse(vxlanctl(space, "show vxlan_sys_4789 --json").out);
    CHECK(shown.at("tunnels").at(0).at("problems").empty());
    CHECK_FALSE(has(vxlanctl(space, "export vxlan_sys_4789").out, "\npeers = "));
    CHECK(vxlanctl(space, "down vxlan0").code == 0);
    CHECK(state() == before);
}

TEST_CASE("peers: those that were set and are not any more go once, others' stay") {
    const Host host;
    const Namespace& space = host.space;
    REQUIRE(apply_text(space, tunnel("peers = [\"100.64.158.4\", \"100.64.158.5\", { dst = "
                                     "\"100.64.158.6\", port = 4790, via = \"eth0\" }]\n"))
                .code == 0);
    append_peer(space, "100.64.158.9");
    SECTION("in place") {
        CHECK(apply_text(space, tunnel("")).code == 0);
        CHECK(flood_list(space, "vxlan0") == Strings{"100.64.158.9"});
    }
    SECTION("with a new interface") {
        CHECK(apply_text(space, tunnel("port = 4791\n"), allowed).code == 0);
        CHECK(flood_list(space, "vxlan0") == Strings{"100.64.158.9"});
    }
    SECTION("exactly once") {
        CHECK(apply_text(space, tunnel("")).code == 0);
        append_peer(space, "100.64.158.4");
        append_peer(space, "100.64.158.5");
        const auto again = apply_text(space, tunnel(""));
        CHECK(again.code == 0);
        CHECK(flood_list(space, "vxlan0") ==
              Strings{"100.64.158.4", "100.64.158.5", "100.64.158.9"});
    }
    SECTION("a record that has no peers removes none") {
        sh(space, "for f in $(grep -l '\"peers\"' -r /run/vxlanctl); do jq -c 'del(.peers) | .keys "
                  "-= [\"peers\"]' $f >/run/record.new; cat /run/record.new >$f; done");
        CHECK(apply_text(space, tunnel("")).code == 0);
        CHECK(flood_list(space, "vxlan0").size() == 4);
    }
}

TEST_CASE("export: peers of a control plane are a comment, with the reason") {
    const Host host;
    const Namespace& space = host.space;
    const std::string made = "ip link add vxlan0 type vxlan id 10 dstport 4789 dev eth0 local "
                             "172.21.0.100 ";
    // What FRR writes: flood entries that carry no extern_learn, on an interface that learns none.
    const auto [link, entries, ours] = GENERATE(table<std::string, std::string, bool>({
        {"nolearning", "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 static", false},
        {"nolearning",
         "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
         "bridge fdb add 02:00:00:00:00:0c dev vxlan0 dst 100.64.158.4 extern_learn",
         false},
        {"nolearning",
         "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
         "bridge fdb add 02:00:00:00:00:0c dev vxlan0 dst 100.64.158.4 static",
         false},
        {"learning", "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4 extern_learn", false},
        {"learning",
         "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
         "bridge fdb add 02:00:00:00:00:0c dev vxlan0 dst 100.64.158.4 extern_learn",
         false},
        {"nolearning", "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4", false},
        {"learning", "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4", true},
        {"learning",
         "append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4\n"
         "bridge fdb add 02:00:00:00:00:0d dev vxlan0 dst 100.64.158.4 static",
         true},
    }));
    sh(space, made + link + "\nip link set vxlan0 up\nbridge fdb " + entries);
    const auto exported = vxlanctl(space, "export vxlan0");
    INFO(entries << exported.out << exported.err);
    CHECK(exported.code == 0);
    CHECK(has(exported.out, "\npeers = ") == ours);
}
