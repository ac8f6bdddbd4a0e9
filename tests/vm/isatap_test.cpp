// ISATAP and IPv4-in-IPv6 on a kernel that has them, with traffic.
#include "faults.h"
#include "manual.h"
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>

using namespace world;

namespace {

const std::string isatap_words = "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254";
const std::string default_route = "default via 2001:db8::5efe:c0a8:67fe dev sit1";

/// A host with eth0 (10.216.0.101/24) and an IPv4 default route.
struct FletsHost {
    FletsHost() {
        sh(space, "rm -rf /run/vxlanctl\n"
                  "ip link add eth0 type veth peer name far\n"
                  "ip addr add 10.216.0.101/24 dev eth0\n"
                  "ip link set far up; ip link set eth0 up\n"
                  "ip route add default via 10.216.0.1 dev eth0");
    }
    Namespace space;
};

/// Such a host, an ISATAP router that it reaches, and a host behind that.
struct FletsNetwork {
    FletsNetwork() {
        sh(host, "rm -rf /run/vxlanctl");
        const auto move = [](const Namespace& from, const char* name, const Namespace& to) {
            sh(from,
               fmt::format("ip link set {} netns /proc/{}/fd/{}", name, getpid(), to.descriptor()));
        };
        sh(host, "ip link add eth0 type veth peer name wan\n"
                 "ip addr add 10.216.0.101/24 dev eth0; ip link set eth0 up");
        move(host, "wan", router);
        sh(host, "ip route add default via 10.216.0.1 dev eth0");
        sh(router, "ip addr add 10.216.0.1/24 dev wan; ip link set wan up\n"
                   "ip addr add 192.168.103.254/32 dev lo\n"
                   "ip tunnel add is0 mode isatap local 192.168.103.254\n"
                   "ip addr add 2001:db8::5efe:192.168.103.254/64 dev is0; ip link set is0 up\n"
                   "ip link add lan type veth peer name eth0\n"
                   "ip addr add 2001:db8:1::1/64 dev lan nodad; ip link set lan up\n"
                   "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
        move(router, "eth0", behind);
        sh(behind, "ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip link set eth0 up\n"
                   "ip -6 route add default via 2001:db8:1::1");
    }
    Namespace host, router, behind;
};

bool answers(const Namespace& from, const std::string& address) {
    return run(from, {"ping", "-n", "-c", "3", "-i", "0.2", "-w", "3", address}).code == 0;
}

/// What `ip tunnel show` says of the PRL.
std::string routers(const Namespace& space) {
    const std::string text = sh(space, "ip tunnel show sit1");
    const auto begin = text.find(" p");
    const auto end = text.find(" ttl");
    return begin > end ? "" : text.substr(begin + 1, end - begin - 1);
}

/// Kills a run before each of its writes in turn: the next one makes all that it would have made.
template<class Place>
void kill_before_every_write(const std::string& first_words, const std::string& words) {
    for (long write = 1;; ++write) {
        const Place place;
        if (!first_words.empty()) REQUIRE(vxlanctl(place.space, first_words).code == 0);
        StoppedRun run(place.space, words, write);
        if (!run.is_stopped()) {
            CHECK(run.resume().code == 0);
            REQUIRE(write > 2);
            return;
        }
        kill(run.pid(), SIGKILL);
        (void)run.resume();
        const auto next = vxlanctl(place.space, words);
        INFO("before write " << write << "\n" << next.out << next.err);
        REQUIRE(next.code == 0);
        CHECK(vxlanctl_counted(place.space, words).writes == 0);
        CHECK(vxlanctl(place.space, "down --all").code == 0);
        CHECK(record_files().empty());
    }
}

long default_routes(const Namespace& space) {
    const std::string text = sh(space, "ip -6 route show default");
    return std::count(text.begin(), text.end(), '\n');
}

/// Everything about sit1 and the routes, without what differs between two links all the same.
std::string whole(const Namespace& space) {
    auto link = json_of(space, "ip -d -j link show dev sit1").at(0);
    link.erase("ifindex");
    link.erase("ifalias");
    auto address = json_of(space, "ip -j addr show dev sit1").at(0);
    for (const char* field : {"ifindex", "ifalias"})
        address.erase(field);
    auto routes = json_of(space, "ip -j -6 route show dev sit1");
    for (auto& route : routes)
        route.erase("protocol"); // ours is for people to see
    return link.dump(1) + address.dump(1) + routes.dump(1) + sh(space, "ip tunnel show sit1");
}

/// The commands of rc.local; `ip route` in place of net-tools' `route`, which writes metric 1.
void five_commands(const Namespace& space) {
    sh(space, "ip tunnel add sit1 mode isatap local 10.216.0.101\n"
              "ip tunnel prl dev sit1 prl-default 192.168.103.254\n"
              "ip addr add 2001:db8::0:5efe:10.216.0.101/64 dev sit1\n"
              "ip link set sit1 up\n"
              "ip -6 route add default via 2001:db8::0:5efe:192.168.103.254 dev sit1 metric 1");
}

} // namespace

TEST_CASE("isatap: the result is that of the five commands, attribute by attribute") {
    const FletsHost theirs, ours;
    five_commands(theirs.space);
    const auto finished = vxlanctl(ours.space, isatap_words);
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    CHECK(finished.out == "sit1: created\n"
                          "  + link sit1: isatap yes, local 10.216.0.101\n"
                          "  + router 192.168.103.254 (default)\n"
                          "  + address 2001:db8::5efe:ad8:65/64\n"
                          "  ~ up: no -> yes\n"
                          "  + route ::/0 via 2001:db8::5efe:c0a8:67fe metric 1\n");
    CHECK(whole(ours.space) == whole(theirs.space));
    CHECK(sh(ours.space, "ip -6 route show default").find("proto 147") != std::string::npos);
}

TEST_CASE("isatap: the second run writes nothing, neither by netlink nor by ioctl") {
    const FletsHost host;
    REQUIRE(vxlanctl_counted(host.space, isatap_words).writes == 6);
    const auto again = vxlanctl_counted(host.space, isatap_words);
    CHECK(again.writes == 0);
    CHECK(again.finished.out == "sit1: in sync\n");
}

TEST_CASE("isatap: the commands of a dry run make the same") {
    const FletsHost by_commands, ours;
    const std::string words = isatap_words + " --router 192.168.103.1 --mtu 1400 --ttl 9 --dev "
                                             "eth0 --rule 'from 10.216.0.101,table 9'";
    const auto dry = vxlanctl(by_commands.space, words + " -n --ip-commands");
    REQUIRE(dry.code == 0);
    INFO(dry.out);
    sh(by_commands.space, dry.out);
    REQUIRE(vxlanctl(ours.space, words).code == 0);
    CHECK(whole(by_commands.space) == whole(ours.space));
    CHECK(sh(by_commands.space, "ip rule") == sh(ours.space, "ip rule"));

    sh(ours.space, "ip addr add 2001:db8:9::1/64 dev eth0 nodad");
    sh(by_commands.space, "ip addr add 2001:db8:9::1/64 dev eth0 nodad");
    const std::string ipip6 = "ipip6 up sit9 2001:db8:9::1 2001:db8:9::2 192.0.2.1/30 --tclass 32 "
                              "--encaplimit 4 --ttl 9 --route 192.168.10.0/24";
    sh(by_commands.space, vxlanctl(by_commands.space, ipip6 + " -n --ip-commands").out);
    REQUIRE(vxlanctl(ours.space, ipip6).code == 0);
    const auto data = [](const Namespace& space) {
        return link(space, "sit9").at("linkinfo").dump(1) + sh(space, "ip route show dev sit9");
    };
    CHECK(data(by_commands.space) == data(ours.space));
}

TEST_CASE("isatap: a tunnel of the five commands is adopted as it is") {
    const FletsHost host;
    five_commands(host.space);
    const auto before = link(host.space, "sit1");
    const auto counted = vxlanctl_counted(host.space, isatap_words);
    CHECK(counted.finished.out.find("sit1: adopted") == 0);
    CHECK(counted.writes == 1); // the mark
    CHECK(link(host.space, "sit1").at("ifindex") == before.at("ifindex"));
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0);
}

TEST_CASE("isatap: a hundred routers are read, added and taken away one by one", "[long]") {
    const FletsHost host;
    std::string words = "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254";
    for (int i = 1; i < 100; ++i)
        words += fmt::format(" --router 192.168.104.{}", i);
    REQUIRE(vxlanctl(host.space, words).code == 0);
    CHECK(vxlanctl_counted(host.space, words).writes == 0);
    const auto listed_routers = [&] {
        const auto shown = vxlanctl(host.space, "show --json sit1");
        return nlohmann::json::parse(shown.out).at("tunnels").at(0).at("routers").size();
    };
    CHECK(listed_routers() == 100);
    // One more than a list that was read into room for 64, and then for 256.
    for (const int more : {64 + 1, 256 + 1}) {
        words = isatap_words;
        for (int i = 1; i < more; ++i)
            words += fmt::format(" --router 192.168.{}.{}", 104 + i / 250, i % 250 + 1);
        REQUIRE(vxlanctl(host.space, words).code == 0);
        CHECK(listed_routers() == static_cast<std::size_t>(more));
        CHECK(vxlanctl_counted(host.space, words).writes == 0);
    }

    const auto before = snapshot(host.space);
    StoppedRun run(host.space, isatap_words, 100);
    REQUIRE(run.is_stopped());
    kill(run.pid(), SIGTERM);
    const auto interrupted = run.resume();
    CHECK(interrupted.code == 1);
    CHECK(told(interrupted, "restored"));
    CHECK(difference(before, snapshot(host.space)) == "");

    const auto fewer = vxlanctl_counted(host.space, isatap_words);
    CHECK(fewer.writes == 256);
    CHECK(routers(host.space) == "pdr 192.168.103.254");
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0);
}

TEST_CASE("isatap: a link that somebody put in the place of ours keeps its routers") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, isatap_words + " --router 192.168.103.1 --router 192.168.103.2")
                .code == 0);
    StoppedRun run(host.space, isatap_words, 1); // inside of the first ioctl, which has the name
    REQUIRE(run.is_stopped());
    sh(host.space, "ip link del sit1\n"
                   "ip tunnel add sit1 mode isatap local 10.216.0.101\n"
                   "ip tunnel prl dev sit1 prl-default 192.168.103.2");
    const auto finished = run.resume();
    INFO(finished.err);
    CHECK(finished.code == 5);
    CHECK(told(finished, "replaced-meanwhile"));
    CHECK(routers(host.space) == "pdr 192.168.103.2");
}

TEST_CASE("isatap: a router that somebody else adds meanwhile is wanted all the same") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, isatap_words).code == 0);
    StoppedRun run(host.space, isatap_words + " --router 192.168.103.1", 1);
    REQUIRE(run.is_stopped());
    sh(host.space, "ip tunnel prl dev sit1 prl-default 192.168.103.1");
    const auto finished = run.resume();
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK(routers(host.space) == "pr 192.168.103.1 pdr 192.168.103.254");
}

TEST_CASE("isatap: a router's flag changes in place, and strangers in the list go") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, isatap_words + " --router 192.168.103.1").code == 0);
    CHECK(routers(host.space) == "pdr 192.168.103.254 pr 192.168.103.1");
    sh(host.space, "ip tunnel prl dev sit1 prl-nodefault 192.168.103.99");
    const auto counted = vxlanctl_counted(
        host.space, "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254 192.168.103.1");
    CHECK(counted.finished.out == "sit1: changed\n"
                                  "  ~ router 192.168.103.1 (default)\n"
                                  "  - router 192.168.103.99\n");
    CHECK(counted.writes == 2);
    CHECK(routers(host.space) == "pdr 192.168.103.254 pdr 192.168.103.1");
}

TEST_CASE("isatap: at no moment of a router's change is there none, nor no default route") {
    const std::string words = "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.253";
    for (long stop = 1;; ++stop) {
        const FletsHost host;
        REQUIRE(vxlanctl(host.space, isatap_words).code == 0);
        StoppedRun run(host.space, words, stop);
        if (!run.is_stopped()) {
            CHECK(stop == 5); // there is no fifth write
            CHECK(run.resume().code == 0);
            CHECK(routers(host.space) == "pdr 192.168.103.253");
            return;
        }
        INFO("before write " << stop);
        CHECK(routers(host.space) != "");
        CHECK(default_routes(host.space) >= 1);
        CHECK(run.resume().code == 0);
    }
}

TEST_CASE("isatap: a change of the link keeps all of its attributes, its addresses and routes") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, isatap_words + " --mtu 1400").code == 0);
    sh(host.space, "ip addr add 2001:db8:5::1/64 dev sit1; ip -6 route add 2001:db8:6::/48 via "
                   "2001:db8::5efe:192.168.103.9 dev sit1");
    const auto before = link(host.space, "sit1");
    const auto changed = vxlanctl(host.space, isatap_words + " --mtu 1400 --ttl 32 --dev eth0");
    INFO(changed.err);
    CHECK(changed.out == "sit1: changed\n  ~ dev: none -> eth0\n  ~ ttl: inherit -> 32\n");
    const auto after = link(host.space, "sit1");
    CHECK(after.at("ifindex") == before.at("ifindex"));
    CHECK(after.at("mtu") == 1400);
    const auto& data = after.at("linkinfo").at("info_data");
    CHECK(data.at("ttl") == 32);
    CHECK(data.at("local") == "10.216.0.101");
    CHECK(data.contains("isatap"));
    CHECK(routers(host.space) == "pdr 192.168.103.254 dev eth0");
    CHECK(default_routes(host.space) == 1);
    CHECK(sh(host.space, "ip -6 route show 2001:db8:6::/48") != "");
    CHECK(addresses(host.space, "sit1") ==
          std::vector<std::string>{"2001:db8:5::1/64", "2001:db8::5efe:ad8:65/64"});
    // And back to the kernel's own values, which are no longer stated.
    CHECK(vxlanctl(host.space, isatap_words).code == 0);
    CHECK(link(host.space, "sit1").at("mtu") == 1480);
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0);
}

TEST_CASE("isatap: what sit cannot change is refused, and made anew where that is allowed") {
    const FletsHost host;
    sh(host.space, "ip link add sit1 type sit local 10.216.0.101 ttl 64\n"
                   "ip addr add 2001:db8:5::1/64 dev sit1; ip link set sit1 up");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, isatap_words);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"isatap: no -> yes"}));
    CHECK(told(refused, "needs-replacement"));
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(vxlanctl(host.space, isatap_words + " --allow-recreate").code == 4); // undecided
    const auto kept = vxlanctl(host.space, isatap_words + " --allow-recreate --keep-foreign");
    INFO(kept.err);
    CHECK(kept.code == 0);
    CHECK(link(host.space, "sit1").at("linkinfo").at("info_data").contains("isatap"));
    CHECK(addresses(host.space, "sit1").size() == 2);
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0);
}

namespace {

/// A plain sit of that name, and an IPv4 tunnel that leaves by it.
struct StackedHost : FletsHost {
    StackedHost() {
        sh(space, "ip link add sit1 type sit local 10.216.0.101\n"
                  "ip addr add 2001:db8::5efe:10.216.0.101/64 dev sit1; ip link set sit1 up");
        REQUIRE(vxlanctl(space, site + " --dev sit1").code == 0);
    }
    std::string site = "ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::1 192.0.2.1/30";
    std::string file(const std::string& dev) const {
        return "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n"
               "routers = [\"192.168.103.254\"]\n[ipip6.site1]\n" +
               dev +
               "local = \"2001:db8::5efe:10.216.0.101\"\nremote = \"2001:db8:1::1\"\n"
               "addresses = [\"192.0.2.1/30\"]\n";
    }
};

bool leaves_by_sit1(const Namespace& space) {
    return link(space, "site1").at("linkinfo").at("info_data").value("link", "") == "sit1";
}

} // namespace

TEST_CASE("isatap: a link is not made anew under a tunnel that would stay and carry nothing") {
    const StackedHost host;
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, isatap_words + " --allow-recreate");
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "dependants-would-carry-nothing", {"site1"}));
    RunOptions input;
    input.input = host.file("");
    CHECK(vxlanctl(host.space, "plan - --allow-recreate", input).code == 4);
    CHECK(difference(before, snapshot(host.space)) == "");

    const auto applied = apply_text(host.space, host.file("dev = \"sit1\"\n"), "--allow-recreate");
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    CHECK(leaves_by_sit1(host.space));
    CHECK(check_text(host.space, host.file("dev = \"sit1\"\n")).code == 0);
}

TEST_CASE("isatap: a new link that is not confirmed leaves the tunnel on it as it was") {
    const StackedHost host;
    const auto applied =
        apply_text(host.space, host.file("dev = \"sit1\"\n"), "--allow-recreate --confirm 1");
    INFO(applied.out << applied.err);
    CHECK(applied.code == 1);
    CHECK_FALSE(link(host.space, "sit1").at("linkinfo").at("info_data").contains("isatap"));
    CHECK(leaves_by_sit1(host.space));
}

TEST_CASE("isatap: a link under an IPv4 tunnel is not removed without it", "[long]") {
    for (const char* dev : {" --dev sit1", ""}) {
        const FletsHost host;
        REQUIRE(vxlanctl(host.space, isatap_words).code == 0);
        REQUIRE(vxlanctl(host.space, std::string("ipip6 up site1 2001:db8::5efe:10.216.0.101 "
                                                 "2001:db8:1::1 192.0.2.1/30") +
                                         dev)
                    .code == 0);
        const auto refused = vxlanctl(host.space, "down sit1");
        INFO(refused.err);
        CHECK(refused.code == 4);
        CHECK(told(refused, "tunnels-depend-on-it", {"sit1", "site1"}));
        CHECK(vxlanctl(host.space, "down sit1 site1").code == 0);
        CHECK_FALSE(link_exists(host.space, "site1"));
    }
}

TEST_CASE("isatap: a link with a remote is made anew where that is allowed") {
    const FletsHost host;
    sh(host.space, "ip tunnel add sit1 mode isatap local 10.216.0.101 remote 10.3.3.3");
    CHECK(vxlanctl(host.space, isatap_words).code == 4);
    CHECK(vxlanctl(host.space, isatap_words + " --allow-recreate").code == 0);
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0);
}

TEST_CASE("isatap: a default route by another link is not overridden unless asked") {
    const FletsHost host;
    sh(host.space, "ip addr add 2001:db8:9::2/64 dev eth0 nodad\n"
                   "ip -6 route add default via 2001:db8:9::1 dev eth0");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, isatap_words);
    CHECK(refused.code == 4);
    CHECK(told(refused, "default-route-exists", {"eth0"}));
    CHECK(difference(before, snapshot(host.space)) == "");
    const auto two = vxlanctl(host.space, isatap_words + " 192.168.103.1 --metric 1 --metric 2");
    CHECK(std::count(two.err.begin(), two.err.end(), '\n') == 1); // said once
    CHECK(vxlanctl(host.space, isatap_words + " --no-default-route").code == 0);
    CHECK(default_routes(host.space) == 1);
    CHECK(vxlanctl(host.space, isatap_words + " --default-route").code == 0);
    CHECK(default_routes(host.space) == 2);
    CHECK(vxlanctl_counted(host.space, isatap_words).writes == 0); // it is there already
}

TEST_CASE("isatap: a default route in the VRF is not overridden unless asked, either") {
    const FletsHost host;
    sh(host.space, "ip link add vrf1 up type vrf table 50\nip link set eth0 master vrf1\n"
                   "ip addr add 2001:db8:9::2/64 dev eth0 nodad\n"
                   "ip -6 route add default via 2001:db8:9::1 dev eth0 table 50");
    const auto refused = vxlanctl(host.space, isatap_words + " --vrf vrf1");
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "default-route-exists", {"eth0"}));
    CHECK(vxlanctl(host.space, isatap_words + " --vrf vrf1 --default-route").code == 0);
}

TEST_CASE("isatap: bad input touches nothing") {
    const FletsHost host;
    const auto before = snapshot(host.space);
    for (const char* words :
         {"isatap up sit0 10.216.0.101 2001:db8::/64 192.168.103.254",
          "isatap up sit1 10.216.0.101 2001:db8::/48 192.168.103.254",
          "isatap up sit1 10.216.0.101 2001:db8::1/64 192.168.103.254",
          "isatap up sit1 10.216.0.101 2001:db8::/64 10.216.0.101",
          "isatap up sit1 10.216.0.101 2001:db8::/64 2001:db8::1",
          "isatap up sit1 2001:db8::9 2001:db8::/64 192.168.103.254",
          "isatap up sit1 10.216.0.102 2001:db8::/64 192.168.103.254",
          "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254 --mtu 1279",
          "isatap up eth0 10.216.0.101 2001:db8::/64 192.168.103.254",
          "isatap up sit1 10.216.0.101 2001:db8::/64 10.216.0.255",
          "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254 --router 10.216.0.0",
          "isatap up sit1 10.216.0.101 2001:db8::/64",
          "ipip6 up site1 2001:db8::9 2001:db8:1::1"}) {
        INFO(words);
        const auto finished = vxlanctl(host.space, words);
        CHECK(finished.code == 2);
        CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    }
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("isatap: down takes what is ours, and leaves sit0") {
    const FletsHost host;
    REQUIRE(vxlanctl(host.space, isatap_words).code == 0);
    REQUIRE(link_exists(host.space, "sit0"));
    for (const char* words : {"down sit0", "down sit0 --force"}) {
        const auto refused = vxlanctl(host.space, words);
        CHECK(refused.code == 2);
        CHECK(told(refused, "fallback-not-removed", {"sit0"}));
    }
    CHECK(vxlanctl(host.space, "down --all").out == "sit1: removed\n  - link sit1\n");
    CHECK(link_exists(host.space, "sit0"));
    CHECK(default_routes(host.space) == 0);
    CHECK(vxlanctl(host.space, "show").out == "");
    CHECK(sh(host.space, "ls -R /run/vxlanctl").find("record") == std::string::npos);
}

TEST_CASE("isatap: every single write and ioctl of a creation fails in turn", "[long]") {
    break_every_write<FletsHost>("", isatap_words + " --router 192.168.103.1 --mtu 1400");
}

TEST_CASE("isatap: every single write and ioctl of a change fails in turn", "[long]") {
    break_every_write<FletsHost>(
        isatap_words + " --router 192.168.103.1",
        "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.253 192.168.103.1 --ttl 9 --mtu "
        "1400 --dev eth0 --route 2001:db8:7::/48");
}

TEST_CASE("isatap: every single write of a recreate fails in turn", "[long]") {
    struct WithSit : FletsHost {
        WithSit() {
            sh(space, "ip link add sit1 mtu 1380 type sit local 10.216.0.101 ttl 64\n"
                      "ip addr add 2001:db8:5::1/64 dev sit1; ip link set sit1 up\n"
                      "ip -6 route add 2001:db8:6::/48 dev sit1");
        }
    };
    break_every_write<WithSit>("", isatap_words + " --allow-recreate --keep-foreign");
}

TEST_CASE("isatap: every single write and ioctl of an adoption, and of a removal, fails in turn",
          "[long]") {
    struct WithFiveCommands : FletsHost {
        WithFiveCommands() { five_commands(space); }
    };
    break_every_write<WithFiveCommands>(
        "", isatap_words + " --router 192.168.103.1 --route 2001:db8:7::/48 --mtu 1400 --ttl 9",
        "echo 'ip tunnel prl dev sit1 prl-nodefault 192.168.103.9' >/run/after-first");
    unlink("/run/after-first");
    break_every_write<FletsHost>(isatap_words + " --rule 'from 2001:db8::/64,table 9'",
                                 "down sit1");
}

TEST_CASE("isatap: a run that is killed before any of its writes is made good by the next",
          "[long]") {
    kill_before_every_write<FletsHost>("", isatap_words + " --router 192.168.103.1 --mtu 1400");
    kill_before_every_write<FletsHost>(
        isatap_words + " --router 192.168.103.1",
        "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.253 --ttl 9");
}

TEST_CASE("isatap: traffic passes both ways, and only from routers of the list") {
    const FletsNetwork net;
    REQUIRE(vxlanctl(net.host, isatap_words).code == 0);
    CHECK(answers(net.host, "2001:db8:1::2"));
    CHECK(answers(net.behind, "2001:db8::5efe:10.216.0.101"));

    sh(net.host, "ip tunnel prl dev sit1 prl-delete 192.168.103.254");
    CHECK_FALSE(answers(net.host, "2001:db8:1::2"));
    CHECK(answers(net.host, "2001:db8::5efe:192.168.103.254")); // its own ISATAP address

    CHECK(vxlanctl(net.host, isatap_words).out ==
          "sit1: changed\n  + router 192.168.103.254 (default)\n");
    CHECK(answers(net.host, "2001:db8:1::2"));
    const auto show = vxlanctl(net.host, "show sit1").out;
    CHECK(show.find("  isatap     local 10.216.0.101, dev none, MTU 1480\n") != std::string::npos);
    CHECK(show.find("  router     192.168.103.254 (default)\n") != std::string::npos);
    CHECK(show.find("  route      ::/0 via 2001:db8::5efe:c0a8:67fe metric 1\n") !=
          std::string::npos);
}

TEST_CASE("isatap: identifiers with the universal bit carry traffic too", "[long]") {
    const FletsNetwork net;
    sh(net.router, "ip addr add 2001:db8::200:5efe:192.168.103.254/64 dev is0");
    REQUIRE(vxlanctl(net.host, isatap_words + " --global-id").code == 0);
    CHECK(addresses(net.host, "sit1") == std::vector<std::string>{"2001:db8::200:5efe:ad8:65/64"});
    CHECK(answers(net.host, "2001:db8:1::2"));
}

TEST_CASE("ipip6: IPv4 through both tunnels") {
    const FletsNetwork net;
    REQUIRE(vxlanctl(net.host, isatap_words).code == 0);
    sh(net.behind, "ip -6 tunnel add site1 mode ipip6 local 2001:db8:1::2 remote "
                   "2001:db8::5efe:10.216.0.101 encaplimit none\n"
                   "ip addr add 192.0.2.2/30 dev site1; ip link set site1 up\n"
                   "ip addr add 192.168.10.1/24 dev lo");
    const std::string words = "ipip6 up site1 2001:db8::5efe:10.216.0.101 2001:db8:1::2 "
                              "192.0.2.1/30 --route 192.168.10.0/24";
    const auto made = vxlanctl(net.host, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(answers(net.host, "192.0.2.2"));
    CHECK(answers(net.host, "192.168.10.1"));
    CHECK(vxlanctl_counted(net.host, words).writes == 0);
    const auto data = link(net.host, "site1").at("linkinfo").at("info_data");
    CHECK(data.at("proto") == "ipip6");
    CHECK(data.contains("ip6_tnl_f_ign_encap_limit"));
    CHECK(data.at("ttl") == 64);
    CHECK(link(net.host, "site1").at("mtu") == 1440); // what ISATAP leaves, less 40
    CHECK(vxlanctl(net.host, "show site1").out.find("  ipip6      local") != std::string::npos);

    // Every option changes in place, and the addresses and routes stay.
    const auto before = link(net.host, "site1").at("ifindex");
    CHECK(vxlanctl(net.host, words + " --encaplimit 4 --ttl 9 --tclass 0x20 --mtu 1300").out ==
          "site1: changed\n  ~ ttl: 64 -> 9\n  ~ tclass: 0 -> 32\n  ~ encaplimit: none -> 4\n"
          "  ~ mtu: 1440 -> 1300\n");
    CHECK(link(net.host, "site1").at("ifindex") == before);
    CHECK(answers(net.host, "192.168.10.1"));
    CHECK(vxlanctl(net.host, words).code == 0);
    CHECK(link(net.host, "site1").at("mtu") == 1440);
    CHECK(vxlanctl_counted(net.host, words).writes == 0);

    // By its lower device, and with a mark that somebody put on it.
    CHECK(vxlanctl(net.host, words + " --dev sit1 --mtu 1441").code == 2);
    CHECK(vxlanctl(net.host, words + " --dev sit1 --mtu 1440").code == 0);
    sh(net.host, "ip link set site1 type ip6tnl mode ipip6 local 2001:db8::5efe:10.216.0.101 "
                 "remote 2001:db8:1::2 dev sit1 encaplimit none fwmark 0x55");
    CHECK(vxlanctl(net.host, words + " --dev sit1 --ttl 9").code == 0);
    CHECK(link(net.host, "site1").at("linkinfo").at("info_data").at("fwmark") == "0x55");
}

TEST_CASE("ipip6: without a route to the other end, an MTU that is not stated any more goes too") {
    const FletsHost host;
    sh(host.space, "ip addr add 2001:db8:9::1/64 dev eth0 nodad");
    const std::string words = "ipip6 up s2 2001:db8:9::1 2001:db8:1::1 192.0.2.1/30";
    for (const auto& [option, mtu] : {std::pair{"", 1460}, {" --encaplimit 4", 1452}}) {
        REQUIRE(vxlanctl(host.space, words + option + " --mtu 1400").code == 0);
        const auto changed = vxlanctl(host.space, words + option);
        INFO(changed.out << changed.err);
        CHECK(changed.out.find("~ mtu: 1400 -> the kernel's choice\n") != std::string::npos);
        CHECK(link(host.space, "s2").at("mtu") == mtu);
        CHECK(vxlanctl_counted(host.space, words + option).writes == 0);
    }
}

TEST_CASE("isatap: the example of the Flets host does what it says, and nothing the second time") {
    const FletsNetwork net;
    const std::string program = VXLANCTL_PROGRAM;
    const std::string example = fmt::format("PATH=\"{}:$PATH\" " EXAMPLES "/flets.sh",
                                            program.substr(0, program.rfind('/')));
    sh(net.host, example);
    CHECK(answers(net.host, "2001:db8:1::2"));
    CHECK(sh(net.host, "ip route show 192.168.10.0/24").find("dev site1") != std::string::npos);
    CHECK(sh(net.host, example) == "sit1: in sync\nsite1: in sync\n");
}

TEST_CASE("isatap: the example of the Flets host as a file makes the same") {
    const FletsNetwork net;
    const std::string file = EXAMPLES "/flets.toml";
    const auto made = vxlanctl(net.host, "apply " + file);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(answers(net.host, "2001:db8:1::2"));
    CHECK(sh(net.host, "ip route show 192.168.10.0/24").find("dev site1") != std::string::npos);
    CHECK(vxlanctl(net.host, "check " + file).code == 0);
    CHECK(vxlanctl_counted(net.host, "apply " + file).writes == 0);
}

TEST_CASE("isatap: check finds routers that somebody removed or added, and apply mends it",
          "[long]") {
    const FletsNetwork net;
    const std::string file = EXAMPLES "/flets.toml";
    REQUIRE(vxlanctl(net.host, "apply " + file).code == 0);
    const auto check_drift = [&](const std::string& by, const std::string& said) {
        sh(net.host, "ip tunnel prl " + by + " dev sit1");
        const auto found = vxlanctl(net.host, "check " + file);
        INFO(by << "\n" << found.out << found.err);
        CHECK(found.code == 3);
        CHECK(found.out.find(said) != std::string::npos);
        CHECK(vxlanctl(net.host, "apply " + file).code == 0);
        CHECK(vxlanctl(net.host, "check " + file).code == 0);
    };
    check_drift("prl-delete 192.168.103.254", "+ router 192.168.103.254");
    check_drift("prl-nodefault 192.168.103.9", "- router 192.168.103.9");
}

TEST_CASE("isatap: the examples of the manual pages do what is said of them") {
    CHECK(run_manual_examples(Needs::kinds) == 2);
}

TEST_CASE("isatap: a local address of 0.0.0.0/8 makes the identifier that the kernel makes") {
    const FletsHost host;
    sh(host.space, "ip addr add 0.1.2.3/32 dev eth0");
    REQUIRE(vxlanctl(host.space, "isatap up sit1 0.1.2.3 2001:db8::/64 192.168.103.254").code == 0);
    CHECK(addresses(host.space, "sit1") == std::vector<std::string>{"2001:db8::200:5efe:1:203/64"});
    CHECK(sh(host.space, "ip addr show dev sit1").find("fe80::200:5efe:1:203/64") !=
          std::string::npos);
}

TEST_CASE("ipip6: every single write of a creation and of a change fails in turn", "[long]") {
    struct WithAddress : FletsHost {
        WithAddress() { sh(space, "ip addr add 2001:db8::1/64 dev eth0 nodad"); }
    };
    const std::string words = "ipip6 up site1 2001:db8::1 2001:db8:1::2 192.0.2.1/30";
    break_every_write<WithAddress>("", words + " --route 192.168.10.0/24 --rule "
                                               "'from 192.0.2.1,table 9'");
    break_every_write<WithAddress>(words + " --mtu 1300",
                                   words + " --encaplimit 4 --ttl 7 --route 192.168.10.0/24");
    kill_before_every_write<WithAddress>(words + " --mtu 1300", words + " --encaplimit 4 --ttl 7 "
                                                                        "--route 192.168.10.0/24");
}

TEST_CASE("ipip6: a link that is external is not adopted, and nobody calls it good") {
    const FletsHost host;
    sh(host.space, "ip addr add 2001:db8:9::1/64 dev eth0 nodad\n"
                   "ip link add t6 type ip6tnl external; ip link set t6 up");
    const std::string words = "ipip6 up t6 2001:db8:9::1 2001:db8:1::1 192.0.2.1/30";
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, words);
    INFO(refused.err);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"external: yes -> no"}));
    CHECK(vxlanctl(host.space, "show t6").out.find("external yes") != std::string::npos);
    CHECK(vxlanctl(host.space, "doctor t6").out.find("[link-external") != std::string::npos);
    CHECK(vxlanctl(host.space, "export t6").out.find("# t6 is left out") == 0);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(vxlanctl(host.space, words + " --allow-recreate").code == 0);
    CHECK(!link(host.space, "t6").at("linkinfo").at("info_data").contains("external"));
    CHECK(vxlanctl(host.space, "doctor t6").out.find("[link-external") == std::string::npos);
}

namespace {

/// Applies what is exported: nothing but the marks of these links may change. Returns the file.
std::string adopt(const Namespace& space, const std::vector<std::string>& names,
                  const std::string& others = "") {
    const std::string words = fmt::format("export {} {}", fmt::join(names, " "), others);
    const auto exported = vxlanctl(space, words);
    INFO(exported.out);
    auto before = listed(space);
    RunOptions input;
    input.input = exported.out;
    const auto applied = vxlanctl(space, "apply --source test -", input);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 0);
    for (const auto& name : names)
        CHECK(applied.out.find(name + ": adopted\n") != std::string::npos);
    auto after = listed(space);
    for (auto* state : {&before, &after})
        for (const auto& name : names)
            (*state)["links"][name].erase("ifalias");
    CHECK(difference(before, after) == "");
    CHECK(vxlanctl_counted(space, "apply --source test -", {}, exported.out).writes == 0);
    CHECK(vxlanctl(space, words).out == exported.out);
    return exported.out;
}

} // namespace

TEST_CASE("isatap: what the five commands made is exported with its default route") {
    const FletsHost host;
    five_commands(host.space);
    CHECK(adopt(host.space, {"sit1"}) ==
          "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n"
          "routers = [\"192.168.103.254\"]\n");
    CHECK(default_routes(host.space) == 1);
}

TEST_CASE("isatap: two default routes are exported with their metrics, also in a VRF", "[long]") {
    for (const bool in_vrf : {false, true}) {
        const FletsHost host;
        sh(host.space, "ip link add vrf1 type vrf table 1001; ip link set vrf1 up");
        const std::string words = isatap_words +
                                  " 192.168.103.253 --metric 5 --metric 6 --router "
                                  "192.168.103.9" +
                                  (in_vrf ? " --vrf vrf1" : "");
        REQUIRE(vxlanctl(host.space, words).code == 0);
        const std::string text =
            fmt::format("[isatap.sit1]\nlocal = \"10.216.0.101\"\n{}prefix = \"2001:db8::/64\"\n"
                        "routers = [\n    {{ address = \"192.168.103.254\", metric = 5 }},\n"
                        "    {{ address = \"192.168.103.253\", default_route = true, metric = 6 "
                        "}},\n    {{ address = \"192.168.103.9\", prl_default = false }},\n]\n",
                        in_vrf ? "vrf = \"vrf1\"\n" : "");
        CHECK(vxlanctl(host.space, "export").out == text);
        RunOptions input;
        input.input = text;
        const auto applied = vxlanctl(host.space, "apply --source test -", input);
        INFO(applied.out << applied.err);
        CHECK(applied.code == 0); // only the mark says now that it comes from a file
        const std::string table = in_vrf ? " table 1001" : "";
        const std::string routes = sh(host.space, "ip -6 route show default" + table);
        CHECK(routes.find("metric 5") != std::string::npos);
        CHECK(routes.find("metric 6") != std::string::npos);
        // Without mark and record, as if a script had made it.
        sh(host.space, "ip link set sit1 alias ''; rm -rf /run/vxlanctl");
        CHECK(adopt(host.space, {"sit1"}) == text);
    }
}

TEST_CASE("ipip6: what others made is exported without what the kernel chose") {
    const FletsHost host;
    five_commands(host.space);
    sh(host.space,
       "ip -6 tunnel add s1 mode ipip6 local 2001:db8::5efe:10.216.0.101 remote 2001:db8:1::2\n"
       "ip addr add 192.0.2.1/30 dev s1; ip link set s1 up\n"
       "ip route add 192.168.10.0/24 dev s1\n"
       "ip tunnel add g1 mode sit remote 10.216.0.7 local 10.216.0.101; ip link set g1 up\n"
       "ip tunnel add sit2 mode isatap local 10.216.0.101 dev eth0; ip link set sit2 up\n"
       "ip -6 tunnel add s2 mode any local 2001:db8::5efe:10.216.0.101 remote 2001:db8:1::3\n"
       "ip link set s2 up");
    const std::string text = adopt(host.space, {"s1", "sit1"}, "g1 sit2 s2");
    for (const std::string& part : std::vector<std::string>{
             "[ipip6.s1]\nlocal = \"2001:db8::5efe:ad8:65\"\nremote = \"2001:db8:1::2\"\n"
             "encaplimit = 4\naddresses = [\"192.0.2.1/30\"]\n"
             "routes = [{ to = \"192.168.10.0/24\" }]\n",
             "# g1 is left out: it is a sit link that is not ISATAP.\n",
             "# sit2 is left out: " + clause("key-missing", {{"key", "prefix"}}),
             "# s2 is left out: apply would change it (~ proto: 0 -> ipip6).\n"})
        CHECK(text.find(part) != std::string::npos);
    CHECK(vxlanctl(host.space, "export s1").out.find("mtu") == std::string::npos);
    sh(host.space, "ip link set s1 mtu 1300 alias ''; rm -rf /run/vxlanctl");
    CHECK(vxlanctl(host.space, "export s1").out.find("mtu = 1300\n") != std::string::npos);
}
