// `--all-netns`, and what is said of other network namespaces without it.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

/// A host with a tunnel, and network namespaces of these names with one each.
struct Spaces : Host {
    explicit Spaces(const std::map<std::string, std::string>& tunnels) {
        REQUIRE(vxlanctl(space, up_words).code == 0);
        for (const auto& [netns, tunnel] : tunnels) {
            sh(space, fmt::format("ip netns add {0}; ip -n {0} link set lo up\n"
                                  "ip -n {0} addr add 172.22.0.1/32 dev lo",
                                  netns));
            up_in(netns, tunnel);
        }
    }
    ~Spaces() {
        sh(space, "for name in $(ip netns list | cut -d' ' -f1); do ip netns del $name; done");
    }
    void up_in(const std::string& netns, const std::string& tunnel, int vni = 10) const {
        const auto made = vxlanctl(space, fmt::format("--netns {} up - 172.22.0.1 {} 10.9.{}.1/24 "
                                                      "100.64.158.4 --vni {}",
                                                      netns, tunnel, vni, vni));
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
};

nlohmann::json document_of(const Namespace& space, const std::string& words) {
    const auto finished = vxlanctl(space, words + " --json");
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    return nlohmann::json::parse(finished.out);
}

const std::string tunnels_in = "Tunnels in ";

/// The text up to the line about other namespaces.
std::string line_of_others(const Finished& finished) {
    const auto at = finished.out.find(tunnels_in);
    return at == std::string::npos ? "" : finished.out.substr(at);
}

} // namespace

TEST_CASE("all-netns: other namespaces are counted without being entered") {
    const Spaces host({{"blue", "vxlan1"}, {"red", "vxlan0"}});
    CHECK(line_of_others(vxlanctl(host.space, "show")) ==
          tunnels_in + "2 more network namespaces (see --all-netns): blue, red\n");
    CHECK(line_of_others(vxlanctl(host.space, "show vxlan0")).empty());
    CHECK(document_of(host.space, "show").at("other_netns") ==
          nlohmann::json{{"names", {"blue", "red"}}, {"nameless", 0}});
    CHECK(document_of(host.space, "show").at("tunnels").size() == 1);
    CHECK_FALSE(document_of(host.space, "show").at("tunnels")[0].contains("netns"));
    const auto unable = [&](const std::string& words) { // to enter any
        std::vector<std::string> command{"setpriv", "--bounding-set", "-sys_admin"};
        for (auto& word : command_of(words))
            command.push_back(std::move(word));
        return run(host.space, command);
    };
    CHECK(line_of_others(unable("show")).find("2 more") != std::string::npos);
    CHECK(told(unable("show --all-netns"), "cannot-enter-netns, needs-sys-admin"));
    CHECK(told(unable("export --all-netns"), "cannot-enter-netns, needs-sys-admin"));

    // Neither one without a tunnel of ours, nor one that is gone.
    REQUIRE(vxlanctl(host.space, "--netns red down vxlan0").code == 0);
    CHECK(line_of_others(vxlanctl(host.space, "show"))
              .find("1 more network namespace (see --all-netns): blue\n") != std::string::npos);
    sh(host.space, "ip netns del blue");
    CHECK(line_of_others(vxlanctl(host.space, "show")).empty());
    CHECK(document_of(host.space, "show --all-netns").at("tunnels").size() == 1);
}

TEST_CASE("all-netns: show tells which namespace each tunnel is in") {
    const Spaces host({{"blue", "vxlan1"}, {"red", "vxlan0"}});
    const auto shown = vxlanctl(host.space, "show --all-netns");
    CHECK(shown.code == 0);
    const auto home = shown.out.find("vxlan0: up"), blue = shown.out.find("\nvxlan1 in blue: up"),
               red = shown.out.find("\nvxlan0 in red: up");
    CHECK(home == 0);
    CHECK(blue != std::string::npos);
    CHECK(red != std::string::npos);
    CHECK(blue < red);
    CHECK(line_of_others(shown).empty());
    Strings places;
    const auto document = document_of(host.space, "show --all-netns");
    for (const auto& tunnel : document.at("tunnels"))
        places.push_back(tunnel.at("name").get<std::string>() + " " + tunnel.value("netns", "-"));
    CHECK(places == Strings{"vxlan0 -", "vxlan1 blue", "vxlan0 red"});
    CHECK(vxlanctl(host.space, "show --netns red").out.find("vxlan0 in red: up") == 0);

    const auto named = vxlanctl(host.space, "show vxlan0 --all-netns");
    CHECK(named.code == 2);
    CHECK(told(named, "options-contradict", {"--all-netns", "vxlan0"}));
}

TEST_CASE("all-netns: a namespace without a name is told in a line") {
    const Spaces host({});
    const Host other; // no name leads there
    REQUIRE(vxlanctl(other.space, up_words).code == 0);
    const Process living(other.space, {"sleep", "600"});
    const std::string line =
        tunnels_in + "1 more network namespace without a name in /run/netns.\n";
    CHECK(line_of_others(vxlanctl(host.space, "show")) == line);
    CHECK(line_of_others(vxlanctl(host.space, "show --all-netns")) == line);
    CHECK(document_of(host.space, "show --all-netns").at("other_netns") ==
          nlohmann::json{{"names", Strings{}}, {"nameless", 1}});
    CHECK(vxlanctl(host.space, "export --all-netns").out.find("/run/netns") != std::string::npos);
    CHECK(vxlanctl(host.space, "export").out.find("/run/netns") == std::string::npos);
    CHECK(
        told(vxlanctl(host.space, "export --all-netns --format json"), "nameless-netns-left-out"));
    sh(host.space, "mkdir -p /run/none");
    CHECK(told(vxlanctl(host.space, "check --all-netns --allow-empty /run/none"),
               "nameless-netns-left-out"));
}

TEST_CASE("all-netns: what export prints of all namespaces changes nothing when it is applied") {
    const Spaces host({{"blue", "vxlan1"}, {"red", "vxlan2"}});
    const auto exported = vxlanctl(host.space, "export --all-netns");
    INFO(exported.out << exported.err);
    REQUIRE(exported.code == 0);
    CHECK(exported.out.find("netns = \"blue\"") != std::string::npos);
    const auto checked = check_text(host.space, exported.out);
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
    CHECK(checked.out.empty());
    const auto json = vxlanctl(host.space, "export --all-netns --format json");
    CHECK(check_text(host.space, json.out).code == 0);

    // A file can define a name once.
    host.up_in("red", "vxlan0", 11);
    const auto again = vxlanctl(host.space, "export --all-netns");
    INFO(again.out);
    CHECK(again.out.find("# vxlan0 is left out: " + clause("name-is-in-file-already")) !=
          std::string::npos);
    CHECK(check_text(host.space, again.out).code == 0);
    CHECK(vxlanctl(host.space, "export vxlan0 --all-netns").code == 2);
}

TEST_CASE("all-netns: check tells what files no longer define in another namespace") {
    const Spaces host({});
    sh(host.space, "ip netns add blue; ip -n blue addr add 172.22.0.1/32 dev lo\n"
                   "ip -n blue link set lo up");
    const std::string here = "[vxlan.vxlan7]\ndev = 'eth0'\nlocal = '172.21.0.100'\nvni = 7\n"
                             "peers = ['100.64.158.4']\n",
                      there = "[vxlan.vxlan1]\nnetns = 'blue'\nlocal = '172.22.0.1'\n"
                              "peers = ['100.64.158.4']\n";
    write_text("/run/tunnels.toml", here + there);
    const auto applied = vxlanctl(host.space, "apply /run/tunnels.toml");
    INFO(applied.err);
    REQUIRE(applied.code == 0);
    CHECK(vxlanctl(host.space, "check /run/tunnels.toml --all-netns").out.empty());
    write_text("/run/tunnels.toml", here);
    CHECK(vxlanctl(host.space, "check /run/tunnels.toml").out.find("vxlan1") == std::string::npos);
    const auto all = vxlanctl(host.space, "check /run/tunnels.toml --all-netns");
    INFO(all.out << all.err);
    CHECK(all.code == 3);
    CHECK(all.out == "vxlan1 in blue: not defined in any of these files (--prune removes it)\n");
    CHECK(nlohmann::json::parse(
              vxlanctl(host.space, "check /run/tunnels.toml --all-netns --json").out)
              .at("unnamed") == Strings{"vxlan1"});
    REQUIRE(vxlanctl(host.space, "apply /run/tunnels.toml --prune").code == 0);
    const auto pruned = vxlanctl(host.space, "check /run/tunnels.toml --all-netns");
    CHECK(pruned.code == 0);
    CHECK(pruned.out.empty());
}
