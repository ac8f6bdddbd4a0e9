// The old scripts' words make the old scripts' tunnel, apart from what docs/migration.md says.
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

const std::string first_script = SOURCE_DIRECTORY "/bench/init_vxlan.sh";
const std::string later_script = SOURCE_DIRECTORY "/tests/netns/gate_init_vxlan.sh";

const std::string first_words =
    "eth0 172.21.0.100 vxlan0 10.225.194.171/9 10.255.255.255 100.64.158.4 100.64.158.132";
const std::string later_words =
    "eth0 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4 100.64.158.132";

/// All that there is to see of vxlan0, but for what is random.
nlohmann::json seen(const Namespace& space) {
    nlohmann::json all;
    all["link"] = link(space, "vxlan0");
    for (const char* random : {"ifindex", "link_index", "address"})
        all["link"].erase(random);
    auto& attributes = all["link"]["linkinfo"]["info_data"];
    if (attributes.contains("port_range")) // one attribute, not two
        attributes["port_range"] = attributes["port_range"].dump();
    all["addresses"] = nlohmann::json::array();
    const auto addresses = json_of(space, "ip -j addr show dev vxlan0");
    for (const auto& address : addresses.at(0).at("addr_info"))
        if (address.at("scope") == "global") all["addresses"].push_back(address);
    for (const auto& entry : json_of(space, "bridge -j fdb show dev vxlan0"))
        all["fdb"][entry.at("mac").get<std::string>() + " " + entry.value("dst", "")] = entry;
    for (const auto& route : json_of(space, "ip -j route show dev vxlan0"))
        all["routes"].push_back(route);
    return all;
}

/// The names of what differs.
std::set<std::string> differences(const nlohmann::json& one, const nlohmann::json& other) {
    std::set<std::string> names;
    for (const auto& change : nlohmann::json::diff(one, other)) {
        const auto path = change.at("path").get<std::string>();
        names.insert(path.substr(path.rfind('/') + 1));
    }
    return names;
}

void check_second_run(const Namespace& space, const std::string& words) {
    const auto again = vxlanctl_counted(space, "init-vxlan " + words);
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    CHECK(again.finished.out == "vxlan0: in sync\n");
}

/// A directory that lasts as long as this object, with the program under the names of the scripts.
class Symlinks {
public:
    Symlinks() {
        if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
        for (const char* name : {"init_vxlan.sh", "gate_init_vxlan.sh"})
            std::system(fmt::format("ln -s '{}' {}/{}", VXLANCTL_PROGRAM, path_, name).c_str());
    }
    ~Symlinks() { std::system(("rm -r " + path_).c_str()); }
    Symlinks(const Symlinks&) = delete;
    Symlinks& operator=(const Symlinks&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/vxlanctl-links-XXXXXX";
};

} // namespace

TEST_CASE("init-vxlan: makes what the script makes, apart from what docs/migration.md lists") {
    const auto [script, words] = GENERATE_COPY(table<std::string, std::string>(
        {{first_script, first_words},
         {later_script, later_words},
         {later_script, "eth0 172.21.0.100 vxlan0 10.225.194.171 255.128.0.0 77 100.64.158.4"},
         {later_script, "eth0 172.21.0.100 vxlan0 '' 9 10 100.64.158.4 100.64.158.132"},
         {later_script, "eth0 172.21.0.100 vxlan0 '' '' 100.64.158.4"}}));
    const Host theirs, ours;
    sh(theirs.space, script + " " + words);
    const auto made = vxlanctl(ours.space, "init-vxlan " + words);
    INFO(words << "\n" << made.out << made.err);
    REQUIRE(made.code == 0);
    const auto differing = differences(seen(theirs.space), seen(ours.space));
    CHECK(differing == std::set<std::string>{"ifalias", "port", "port_range"});
    const std::string page = text_of(SOURCE_DIRECTORY "/docs/migration.md");
    for (const auto& name : differing) {
        INFO(name);
        CHECK(page.find("| `" + name + "` |") != std::string::npos);
    }
    check_second_run(ours.space, words);
}

TEST_CASE("init-vxlan: says what the script said, and then what it did") {
    const Host host;
    const auto made = vxlanctl(host.space, "init-vxlan " + later_words);
    CHECK(made.out == "- Creating vxlan interface vxlan0\n"
                      "- Registering 100.64.158.4 as a peer\n"
                      "- Registering 100.64.158.132 as a peer\n"
                      "- Setting IP address of vxlan0 to 10.225.194.171\n"
                      "vxlan0: created\n"
                      "  + link vxlan0: vni 10, local 172.21.0.100, dev eth0, port 4789, mac " +
                          link(host.space, "vxlan0").at("address").get<std::string>() +
                          "\n"
                          "  + peer 100.64.158.4\n"
                          "  + peer 100.64.158.132\n"
                          "  + address 10.225.194.171/9\n"
                          "  ~ up: no -> yes\n");
    // What was not done is not told as if it were, and JSON is JSON.
    const std::string fewer = "eth0 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4";
    CHECK(vxlanctl(host.space, "init-vxlan -n " + fewer).out ==
          "vxlan0: would be changed\n  - peer 100.64.158.132\n"
          "0 to create, 1 to change, 0 to remove. Nothing was changed.\n");
    const auto told = nlohmann::json::parse(vxlanctl(host.space, "init-vxlan --json " + fewer).out);
    CHECK(told.at("tunnels").at(0).at("result") == "changed");
    CHECK(vxlanctl(host.space, "-q init-vxlan " + later_words).out.empty());
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    CHECK(vxlanctl(host.space, "init-vxlan " + fewer).out ==
          "- Flushing previously added fdb entry 100.64.158.132\n"
          "vxlan0: changed\n  - peer 100.64.158.132\n");
}

TEST_CASE("init-vxlan: what the script left on port 8472 is replaced, with what others put there") {
    const Host host;
    sh(host.space, first_script + " " + first_words);
    sh(host.space, "ip addr add 10.200.0.1/32 dev vxlan0\n"
                   "ip route add 10.9.0.0/16 via 10.192.158.4 dev vxlan0");
    REQUIRE(link(host.space, "vxlan0").at("linkinfo").at("info_data").at("port") == 8472);
    const auto made = vxlanctl(host.space, "init-vxlan " + first_words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("vxlan0: replaced\n") != std::string::npos);
    CHECK(told(made, "replaced-failed-script", {"8472"}));
    CHECK(link(host.space, "vxlan0").at("linkinfo").at("info_data").at("port") == 4789);
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9", "10.200.0.1/32"});
    CHECK_FALSE(json_of(host.space, "ip -j route show 10.9.0.0/16").empty());
    check_second_run(host.space, first_words);
}

TEST_CASE("init-vxlan: a tunnel on port 8472 that works, or that is meant so, is not replaced") {
    const Network net;
    const Namespace& space = net.host.space;
    const std::string add =
        "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dev eth0 dstport 8472 ";
    const std::string up = "\nip addr add 10.225.194.171/9 dev vxlan0; ip link set vxlan0 up\n";
    SECTION("what came through it is counted, though nothing is learned any more") {
        const std::string flood = "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst ";
        sh(space, add + up + flood + "100.64.158.4");
        sh(*net.peers.at(0),
           "ip link del vxlan0\n"
           "ip link add vxlan0 type vxlan id 10 local 100.64.158.4 dev eth0 dstport 8472\n"
           "ip addr add 10.192.158.4/9 dev vxlan0; ip link set vxlan0 up\n" +
               flood + "172.21.0.100");
        sh(space, "ping -n -c 1 -w 600 10.192.158.4");
        sh(*net.peers.at(0), "ip link del vxlan0"); // or its MLD reports are learned from again
        sh(space, "ip link set vxlan0 down; ip link set vxlan0 up");
        REQUIRE(macs(space, "vxlan0").empty());
    }
    SECTION("a multicast group") {
        sh(space, add + "group 239.1.1.1" + up);
    }
    std::string options;
    SECTION("a control plane's entries") {
        options = "--adopt ";
        sh(space, add + "nolearning" + up +
                      "bridge fdb add 02:00:00:00:00:01 dev vxlan0 dst 100.64.158.4 extern_learn");
    }
    const auto before = snapshot(space);
    const auto refused = vxlanctl(space, "init-vxlan " + options + later_words);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement", {"port: 8472 -> 4789"}));
    CHECK(!told(refused, "replaced-failed-script"));
    CHECK(told(refused, "needs-replacement"));
    CHECK(difference(before, snapshot(space)) == "");
}

TEST_CASE("init-vxlan: a tunnel that works is kept as the same link, and others are left alone") {
    const Host host;
    sh(host.space,
       "ip link add vxlan0 type vxlan id 10 local 172.21.0.100 dev eth0 dstport 4789 "
       "port 4789 4789\n"
       "ip addr add 10.225.194.171/9 broadcast + dev vxlan0; ip link set vxlan0 up\n"
       "ip addr add 10.200.0.1/32 dev vxlan0\n"
       "for peer in 100.64.158.4 100.64.158.132; do\n"
       "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst $peer; done\n"
       "ip link add flannel.1 type vxlan id 1 local 172.21.0.100 dev eth0 dstport 8472");
    const auto index = link(host.space, "vxlan0").at("ifindex");
    const auto other = link(host.space, "flannel.1");
    const auto made = vxlanctl(host.space, "init-vxlan " + later_words);
    CHECK(made.code == 0);
    CHECK(made.out.starts_with("vxlan0: adopted\n  ~ alias: "));
    check_second_run(host.space, later_words);

    const std::string changed =
        "eth0 172.21.0.100 vxlan0 10.225.194.172 9 100.64.158.4 100.64.158.133";
    CHECK(vxlanctl(host.space, "init-vxlan " + changed).code == 0);
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.200.0.1/32", "10.225.194.172/9"});
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.133", "100.64.158.4"});
    CHECK(link(host.space, "vxlan0").at("ifindex") == index);

    // Another VNI needs a new link, as everywhere.
    const std::string vni = "eth0 172.21.0.100 vxlan0 10.225.194.172 9 11 100.64.158.4";
    const auto refused = vxlanctl(host.space, "init-vxlan " + vni);
    CHECK(refused.code == 4);
    CHECK(told(refused, "needs-replacement"));
    CHECK(link(host.space, "vxlan0").at("ifindex") == index);
    CHECK(vxlanctl(host.space, "init-vxlan --allow-recreate --keep-foreign " + vni).code == 0);
    CHECK(link(host.space, "flannel.1") == other);
}

TEST_CASE("init-vxlan: an empty address leaves it to others whether the link is up") {
    const Host host;
    const std::string words = "eth0 172.21.0.100 vxlan0 '' 9 100.64.158.4 100.64.158.132";
    const auto made = vxlanctl(host.space, "init-vxlan " + words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    const auto is_up = [&] {
        return link(host.space, "vxlan0").at("flags").dump().find("\"UP\"") != std::string::npos;
    };
    CHECK_FALSE(is_up());
    CHECK(addresses(host.space, "vxlan0").empty());
    check_second_run(host.space, words);
    sh(host.space, "ip addr add 10.225.194.171/9 dev vxlan0; ip link set vxlan0 up");
    check_second_run(host.space, words);
    CHECK(is_up());
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"});
    sh(host.space, "ip link set vxlan0 down");
    CHECK(vxlanctl(host.space, "init-vxlan " + later_words).code == 0);
    CHECK(is_up());
}

TEST_CASE("init-vxlan: a wish that cannot be fulfilled is one error, and nothing is touched") {
    const Host host;
    const auto before = snapshot(host.space);
    for (const char* words :
         {"", "eth0 172.21.0.100 vxlan0 10.225.194.171", "eth0 172.21.0.100 vxlan0 10.0.0.1 9 10",
          "eth0 172.21.0.99 vxlan0 10.225.194.171 9 100.64.158.4",
          "eth7 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4",
          "eth0 172.21.0.100 vxlan0 10.225.194.171 10.255.255.255 100.64.158.4"}) {
        INFO(words);
        const auto refused = vxlanctl(host.space, fmt::format("init-vxlan {}", words));
        CHECK(refused.code == 2);
        CHECK(refused.out.empty());
        CHECK(refused.err.starts_with("vxlanctl: "));
    }
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("init-vxlan: a line of rc.local has the options of up in front of its words") {
    const Host host;
    const std::string words = "--mtu 1400 --no-learning --route 10.2.0.0/16 " + later_words;
    const auto made = vxlanctl(host.space, "init-vxlan " + words);
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(link(host.space, "vxlan0").at("mtu") == 1400);
    CHECK(link(host.space, "vxlan0").at("linkinfo").at("info_data").value("learning", false) ==
          false);
    CHECK(sh(host.space, "ip route show 10.2.0.0/16").find("vxlan0") != std::string::npos);
    check_second_run(host.space, words);
    // As the console prints them, where no shell takes the comments away.
    check_second_run(host.space, "--mtu 1400 --no-learning --route 10.2.0.0/16 eth0 "
                                 "'`# interface`' 172.21.0.100 vxlan0 '`#' inner '`' "
                                 "10.225.194.171 9 10 100.64.158.4 100.64.158.132 '`# peers`'");
    const auto clash = vxlanctl(host.space, "init-vxlan --vni 11 eth0 172.21.0.100 vxlan0 "
                                            "10.225.194.171 9 10 100.64.158.4");
    CHECK(clash.code == 2);
    CHECK(told(clash, "options-contradict", {"--vni", "10"}));
    CHECK(std::count(clash.err.begin(), clash.err.end(), '\n') == 1);
}

TEST_CASE("init-vxlan: called by the name of a script, all words are the script's") {
    const Host host;
    const Symlinks links;
    const std::string words = " eth0 172.21.0.100 vxlan0 10.225.194.171 9 100.64.158.4";
    const auto made = sh(host.space, links.path() + "/gate_init_vxlan.sh" + words);
    CHECK(made.find("vxlan0: created\n") != std::string::npos);
    CHECK(sh(host.space, fmt::format("cd {}; ./init_vxlan.sh{}", links.path(), words)) ==
          "vxlan0: in sync\n");
    CHECK(sh(host.space, fmt::format("PATH={}:$PATH; init_vxlan.sh{}", links.path(), words)) ==
          "vxlan0: in sync\n");
    for (const char* option : {"--json", "--dry-run", "--help", "-q"}) {
        INFO(option);
        const auto refused =
            run(host.space, {links.path() + "/init_vxlan.sh", "eth0", "172.21.0.100", "vxlan0",
                             "10.225.194.171", "9", "100.64.158.4", option});
        CHECK(refused.code == 2);
        CHECK(refused.out.empty());
        CHECK(refused.err.starts_with(fmt::format("vxlanctl: PEER '{}': ", option)));
        CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
    }
    const auto refused = run(host.space, {links.path() + "/init_vxlan.sh", "show"});
    CHECK(refused.code == 2);
}

TEST_CASE("example: rc.local with another path makes the tunnel, also the second time") {
    const Host host;
    const Symlinks links;
    const std::string example = EXAMPLES "/rc.local";
    const std::string line =
        fmt::format("sed 's,/usr/local/sbin/,{}/,' {} | sh -e", links.path(), example);
    CHECK(sh(host.space, line).find("vxlan0: created\n") != std::string::npos);
    CHECK(addresses(host.space, "vxlan0") == Strings{"10.225.194.171/9"});
    CHECK(flood_list(host.space, "vxlan0") == Strings{"100.64.158.132", "100.64.158.4"});
    CHECK(sh(host.space, line) == "vxlan0: in sync\n");
}
