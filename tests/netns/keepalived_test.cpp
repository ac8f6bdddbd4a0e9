// Two Gate peers that are redundant by VRRP on the tunnel, by the files of examples/.
#include "events.h"
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <linux/rtnetlink.h>
#include <map>
#include <memory>
#include <unistd.h>

using namespace world;
using std::chrono::steady_clock;

namespace {

const std::string keepalived = "/usr/sbin/keepalived";
const std::string virtual_address = "10.225.194.170";
// VRRP itself needs three advertisements and at most one more (RFC 5798 section 6.1): 0.8 s in the
// test that is about it. The rest is for a slow machine.
constexpr std::chrono::seconds patience{30};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

/// How an example is changed for a test.
struct Variant {
    std::string advert; ///< seconds between two advertisements
    std::string length; ///< of the virtual address's prefix
};

/// A Gate peer: `a`, which is the master where both run, or `b`.
class GatePeer {
public:
    GatePeer(const Namespace& host, const std::string& letter, const Variant& variant)
        : space(host), file("/run/" + letter + ".toml"),
          changed_file("/run/changed-" + letter + ".toml"), config_("/run/" + letter + ".conf") {
        const std::string example = EXAMPLES "/gate-peer-" + letter;
        const std::string text = text_of(example + ".toml");
        write_text(file, text);
        write_text(changed_file, replaced(text, "100.64.158.132", "100.64.158.133"));
        const auto config = text_of(example + ".keepalived.conf");
        write_text(config_,
                   replaced(replaced(config, "advert_int 1 ", "advert_int " + variant.advert + " "),
                            "/32", "/" + variant.length));
    }

    void start_keepalived() {
        process_ = std::make_unique<Process>(
            space, std::vector<std::string>{keepalived, "--vrrp", "--dont-fork", "--log-console",
                                            "--no-syslog", "--use-file=" + config_,
                                            "--pid=" + config_ + ".pid",
                                            "--vrrp_pid=" + config_ + ".vrrp.pid"});
    }
    void stop_keepalived() {
        REQUIRE(kill(process_->pid(), SIGTERM) == 0);
        const auto finished = process_->wait();
        INFO(finished.out << finished.err);
        CHECK(finished.code == 0);
    }

    std::string mac() const { return link(space, "vxlan0").at("address"); }
    bool is_master() const {
        return sh(space, "ip addr show dev vxlan0").find(virtual_address) != std::string::npos;
    }

    const Namespace& space;
    /// The example, and the same with another one of the VPG's ends.
    const std::string file, changed_file;

private:
    const std::string config_;
    std::unique_ptr<Process> process_;
};

/// Both of them, and a device on a bridge behind one of the VPG's ends.
struct Gate {
    explicit Gate(const Variant& variant)
        : a(network.host.space, "a", variant), b(second, "b", variant) {
        sh(network.wire, "ip link add wire101 mtu 9001 type veth peer name eth0 mtu 9001\n"
                         "ip link set wire101 master br0 up");
        move(network.wire, second);
        sh(second, "ip link set eth0 up; ip addr add 172.21.0.101/24 brd + dev eth0\n"
                   "ip route add 100.64.0.0/16 dev eth0");
        sh(end, "ip link del vxlan0; ip link add br0 type bridge; ip link set br0 up");
        REQUIRE(vxlanctl(end, "up eth0 100.64.158.4 vxlan0 - 172.21.0.100 172.21.0.101 --mtu 1500 "
                              "--master br0")
                    .code == 0);
        sh(device, "ip link add eth0 type veth peer name port; ip link set eth0 up\n"
                   "ip addr add 10.129.0.7/9 brd + dev eth0");
        sh(device,
           fmt::format("ip link set port netns /proc/{}/fd/{}", getpid(), end.descriptor()));
        sh(end, "ip link set port master br0 up");
    }

    /// Waits until the device's packets to the virtual address go to this one, and are answered.
    void check_reached(const GatePeer& master) const {
        const auto deadline = steady_clock::now() + patience;
        while (true) {
            const bool answers =
                run(device, {"ping", "-c", "1", "-W", "1", virtual_address}).code == 0;
            if (answers && sh(device, "ip neigh show " + virtual_address).find(master.mac()) !=
                               std::string::npos)
                return;
            REQUIRE(steady_clock::now() < deadline);
        }
    }

    /// A pinned MAC address would stay behind its VTEP.
    void check_no_pins() const {
        for (const auto* space : {&a.space, &b.space, &end})
            for (const auto& entry : json_of(*space, "bridge -j fdb show dev vxlan0")) {
                INFO(entry);
                if (entry.contains("dst") && entry.at("mac") != "00:00:00:00:00:00")
                    CHECK(entry.value("state", "") == "");
            }
    }

    const Network network;
    const Namespace second, device;
    const Namespace& end = *network.peers[0];
    GatePeer a, b;

private:
    static void move(const Namespace& from, const Namespace& to) {
        sh(from, fmt::format("ip link set eth0 netns /proc/{}/fd/{}", getpid(), to.descriptor()));
    }
};

void check_success(const Finished& finished) {
    INFO(finished.out << finished.err);
    CHECK(finished.code == 0);
}

} // namespace

TEST_CASE("keepalived: apply, up and check never touch the virtual address", "[long]") {
    if (!std::filesystem::exists(keepalived)) SKIP_CASE("keepalived is not installed");
    // Of one subnet with the host's own address, and secondary to it. A machine that is busy for
    // three seconds must not look like a failover.
    Gate gate({"1", "9"});
    for (auto* peer : {&gate.a, &gate.b}) {
        check_success(vxlanctl(peer->space, "apply " + peer->file));
        peer->start_keepalived();
    }
    gate.check_reached(gate.a);

    Events of_master(gate.a.space, RTNLGRP_IPV4_IFADDR),
        of_backup(gate.b.space, RTNLGRP_IPV4_IFADDR);
    std::set<std::string> master{"10.225.194.171", virtual_address}, backup{"10.225.194.172"};
    const std::string ends = "100.64.158.4 100.64.158.132 --mtu 1500";
    const std::map<const GatePeer*, std::string> up{
        {&gate.a, "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 172.21.0.101 " + ends},
        {&gate.b, "up eth0 172.21.0.101 vxlan0 10.225.194.172/9 172.21.0.100 " + ends}};
    for (int round = 0; round < 2; ++round)
        for (const auto& [peer, words] : up) {
            for (const auto& file : {peer->changed_file, peer->file}) {
                const auto applied = vxlanctl_counted(peer->space, "apply " + file);
                check_success(applied.finished);
                CHECK(applied.writes == 2); // a peer more, a peer less
                const auto checked = vxlanctl_counted(peer->space, "check " + file);
                check_success(checked.finished);
                CHECK(checked.writes == 0);
            }
            check_success(vxlanctl(peer->space, words));
        }
    CHECK(of_master.smallest(link(gate.a.space, "vxlan0").at("ifindex"), master) == 2);
    CHECK(of_backup.smallest(link(gate.b.space, "vxlan0").at("ifindex"), backup) == 1);
    for (const auto* events : {&of_master, &of_backup}) {
        CHECK(events->seen(RTM_NEWADDR) == 0);
        CHECK(events->seen(RTM_DELADDR) == 0);
    }
    gate.check_no_pins();

    // Not even where the kernel would delete it with the master's own address.
    write_text("/run/inner.toml",
               replaced(text_of(gate.a.file), "10.225.194.171", "10.225.194.173"));
    check_success(vxlanctl(gate.a.space, "apply /run/inner.toml"));
    of_master.smallest(link(gate.a.space, "vxlan0").at("ifindex"), master);
    CHECK(master == std::set<std::string>{"10.225.194.173", virtual_address});
    CHECK(of_master.seen(RTM_DELADDR) == 1); // of 10.225.194.171
    gate.check_reached(gate.a);
    gate.b.stop_keepalived();
    gate.a.stop_keepalived();
}

TEST_CASE("keepalived: fails over before, during and after a change of peers", "[long]") {
    if (!std::filesystem::exists(keepalived)) SKIP_CASE("keepalived is not installed");
    Gate gate({"0.2", "32"});
    gate.a.start_keepalived(); // before there is a vxlan0
    check_success(vxlanctl(gate.a.space, "apply " + gate.a.file));
    gate.check_reached(gate.a);
    check_success(vxlanctl(gate.b.space, "apply " + gate.b.file));
    gate.b.start_keepalived();

    // Before: one host loses its network, and gets it back.
    sh(gate.network.wire, "ip link set wire0 down");
    gate.check_reached(gate.b);
    sh(gate.network.wire, "ip link set wire0 up");
    gate.check_reached(gate.a);

    // During: between the addition of a peer and the removal of another one.
    {
        StoppedRun apply(gate.a.space, "apply " + gate.a.changed_file, 2);
        REQUIRE(apply.is_stopped());
        gate.a.stop_keepalived();
        gate.check_reached(gate.b);
        check_success(apply.resume());
        gate.check_reached(gate.b);
    }
    {
        StoppedRun apply(gate.b.space, "apply " + gate.b.changed_file, 2);
        REQUIRE(apply.is_stopped());
        gate.a.start_keepalived();
        gate.check_reached(gate.a);
        check_success(apply.resume());
        gate.check_reached(gate.a);
    }

    // After.
    gate.a.stop_keepalived();
    gate.check_reached(gate.b);
    CHECK_FALSE(gate.a.is_master());
    for (const auto* peer : {&gate.a, &gate.b}) {
        const auto again = vxlanctl_counted(peer->space, "apply " + peer->changed_file);
        check_success(again.finished);
        CHECK(again.writes == 0);
        check_success(vxlanctl(peer->space, "check " + peer->changed_file));
    }
    gate.check_no_pins();

    // A new link begins without the virtual address, which is keepalived's to set.
    write_text("/run/recreate.toml", text_of(gate.b.changed_file) + "limit = 1000\n");
    CHECK(vxlanctl(gate.b.space, "apply /run/recreate.toml --allow-recreate").code == 4);
    CHECK(gate.b.is_master());
    check_success(
        vxlanctl(gate.b.space, "apply /run/recreate.toml --allow-recreate --drop-foreign"));
    gate.check_reached(gate.b);
    gate.b.stop_keepalived();
}
