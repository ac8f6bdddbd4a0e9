// The picture of what runs, and of files.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <regex>

using namespace world;

namespace {

const RunOptions in_ascii{{{"LC_ALL", "C"}}, "", false, patience};
const RunOptions in_unicode{{{"LC_ALL", "C.UTF-8"}}, "", false, patience};

/// The far ends of the only tunnel, by outer address.
std::map<std::string, nlohmann::json> far_ends(const Finished& graph) {
    std::map<std::string, nlohmann::json> result;
    const auto document = nlohmann::json::parse(graph.out);
    REQUIRE(document.at("outer_ends").size() == 1);
    REQUIRE(document.at("outer_ends")[0].at("tunnels").size() == 1);
    for (const auto& far : document.at("outer_ends")[0].at("tunnels")[0].at("far_ends"))
        result[far.at("outer")] = far;
    return result;
}

} // namespace

TEST_CASE("graph: a running tunnel with who is behind each peer, by MAC and inner address") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, up_words).code == 0);
    sh(host, "ping -c 1 -w 600 10.192.158.132"); // which learns the MAC and the neighbour
    sh(host, "ip neigh add 10.192.158.7 lladdr 02:00:00:00:00:07 dev vxlan0 nud permanent\n"
             "bridge fdb add 02:00:00:00:00:07 dev vxlan0 dst 100.64.158.4");
    const auto before = snapshot(host);
    const auto counted = vxlanctl_counted(host, "graph --json");
    REQUIRE(counted.finished.code == 0);
    CHECK(counted.writes == 0);
    CHECK(difference(before, snapshot(host)) == "");
    auto ends = far_ends(counted.finished);
    REQUIRE(ends.size() == 2);
    CHECK(ends["100.64.158.132"]["stations"] ==
          nlohmann::json::parse(R"([{"mac": "02:00:00:00:00:84", "origin": "learned",
                           "addresses": ["10.192.158.132"]}])"));
    CHECK(ends["100.64.158.4"]["stations"] ==
          nlohmann::json::parse(R"([{"mac": "02:00:00:00:00:07", "origin": "pinned",
                           "addresses": ["10.192.158.7"]}])"));
    // How long ago, and before Linux 6.15 of what, is not the picture's matter.
    const auto drawn = std::regex_replace(vxlanctl(host, "graph", in_ascii).out,
                                          std::regex(R"(heard( or sent to)? \d+ (s|min) ago *\|)"),
                                          "heard 0 s ago                    |");
    CHECK(drawn ==
          R"(+- this host ---------------------+
| +- eth0 ----------------------+ |
| | outer 172.21.0.100          | |
| ++----------------------------+ |
|  | +- vxlan0 -----------------+ |     +- peer ---------------------------+
|  +-+ VXLAN, VNI 10, port 4789 +=+==#==+ outer 100.64.158.4               |
|    | MTU 8951                 | |  #  | 02:00:00:00:00:07 10.192.158.7   |
|    | inner 10.225.194.171/9   | |  #  |   (pinned)                       |
|    +--------------------------+ |  #  +----------------------------------+
|                                 |  #  +- peer ---------------------------+
|                                 |  #==+ outer 100.64.158.132             |
|                                 |     | heard 0 s ago                    |
|                                 |     | 02:00:00:00:00:84 10.192.158.132 |
|                                 |     +----------------------------------+
+---------------------------------+
)");
    const auto nobody = vxlanctl(host, "graph vxlan0 --format mermaid", {{}, "", true});
    CHECK(nobody.code == 0);
    CHECK(nobody.out.find("02:00:00:00:00:84 10.192.158.132") != std::string::npos);
}

TEST_CASE("graph: lines are as the locale can show them, and none is wider than 80 columns") {
    const Host host;
    std::string peers;
    for (int i = 1; i <= 40; ++i)
        peers += fmt::format(" 100.64.158.{}", i);
    REQUIRE(vxlanctl(host.space, "up eth0 172.21.0.100 vxlan0 10.225.194.171/9" + peers).code == 0);
    REQUIRE(vxlanctl(host.space, "up eth0 172.21.0.100 vxlan1 - 100.64.158.4 --vni 11").code == 0);
    const auto unicode = vxlanctl_brief(host.space, "graph", in_unicode);
    const auto ascii = vxlanctl_brief(host.space, "graph", in_ascii);
    CHECK(unicode.out.find("┌─ this host ─") == 0);
    CHECK(ascii.out.find("+- this host -") == 0);
    for (const char character : ascii.out)
        if (static_cast<unsigned char>(character) >= 0x80) FAIL("not ASCII");
    const RunOptions unknown{{{"LC_ALL", "xx_XX.UTF-8"}}, "", false, patience};
    CHECK(vxlanctl_brief(host.space, "graph", unknown).out == ascii.out);
    CHECK(ascii.out.find("32 more peers") != std::string::npos);
    CHECK(ascii.out.find("outer 100.64.158.40 ") == std::string::npos);
    const auto all = vxlanctl(host.space, "graph --verbose", in_ascii);
    CHECK(all.out.find("more peers") == std::string::npos);
    CHECK(all.out.find("outer 100.64.158.40 ") != std::string::npos);
    CHECK(vxlanctl(host.space, "graph vxlan1", in_ascii).out.find("vxlan0") == std::string::npos);
    CHECK(vxlanctl(host.space, "graph --quiet").out.empty());
}

TEST_CASE("graph: where nothing runs there is nobody, and what does not exist is an error") {
    const Host host;
    const auto nothing = vxlanctl(host.space, "graph", in_ascii);
    CHECK(nothing.code == 0);
    CHECK(nothing.out.find("no tunnels") != std::string::npos);
    CHECK(vxlanctl(host.space, "graph --json").out ==
          "{\n  \"not_managed\": [],\n  \"outer_ends\": [],\n  \"schema\": 2\n}\n");
    CHECK(vxlanctl(host.space, "graph nosuch").code == 2);
    CHECK(told(vxlanctl(host.space, "graph --format do"), "not-one-of, did-you-mean",
               {"--format 'do'", "text, dot, mermaid or svg", "dot"}));
    CHECK(vxlanctl(host.space, "graph --format dot --json").code == 2);
}

TEST_CASE("graph: files are drawn without a look at the kernel") {
    const Host host;
    RunOptions input = in_ascii;
    input.input = "[vxlan.vxlan7]\ndev = \"eth7\"\nlocal = \"172.21.0.107\"\n"
                  "peers = [\"100.64.158.4\"]\n";
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    for (const char* words : {"graph --file -", "graph vxlan7 --file -"}) {
        const auto drawn = vxlanctl(host.space, words, input);
        CHECK(drawn.code == 0);
        CHECK(drawn.out.find("eth7") != std::string::npos);
        CHECK(drawn.out.find("vxlan0") == std::string::npos);
        CHECK(drawn.out.find("no MAC learned") == std::string::npos);
    }
    const auto sockets = run(host.space,
                             {"strace", "-f", "-e", "trace=socket", VXLANCTL_PROGRAM, "graph",
                              "--file", EXAMPLES "/two-vpgs.toml"},
                             in_ascii);
    if (!is_sanitized()) CHECK(sockets.code == 0); // a search for leaks cannot be traced
    CHECK(sockets.err.find("socket(") == std::string::npos);
    const auto wrong = vxlanctl(host.space, "graph vxlan8 --file -", input);
    CHECK(wrong.code == 2);
    CHECK(told(wrong, "tunnel-not-in-files, did-you-mean", {"vxlan8", "vxlan7"}));
    input.input = "[vxlan.vxlan7]\nlocal = 5\n";
    const auto broken = vxlanctl(host.space, "graph --json --file -", input);
    CHECK(broken.code == 2);
    CHECK(broken.err.find("standard input:2:9: ") != std::string::npos);
    CHECK(nlohmann::json::parse(broken.out).at("errors").size() == 1);
}

TEST_CASE("graph: SVG comes from Graphviz, and without it there is one clear error") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    if (run(host.space, {"dot", "-V"}).code != 0) SKIP_CASE("Graphviz is not installed");
    sh(host.space, "mount --bind /dev/null /usr/bin/dot"); // in the tests' own mount namespace
    const auto missing = vxlanctl(host.space, "graph --format svg");
    sh(host.space, "umount /usr/bin/dot");
    CHECK(missing.code == 1);
    CHECK(missing.out.empty());
    CHECK(told(missing, "dot-missing"));
    CHECK(std::count(missing.err.begin(), missing.err.end(), '\n') == 1);
    sh(host.space, "ip link add 'x\"<b>&' type vxlan id 11 dstport 4789 dev eth0");
    const auto drawn = vxlanctl(host.space, "graph --format svg vxlan0 'x\"<b>&'");
    INFO(drawn.err);
    CHECK(drawn.code == 0);
    CHECK(drawn.err.empty());
    CHECK(drawn.out.find("<svg ") != std::string::npos);
    CHECK(drawn.out.find("outer 100.64.158.132") != std::string::npos);
    CHECK(drawn.out.find("&lt;b&gt;&amp;") != std::string::npos);
}

TEST_CASE("graph: the example writes a page with the picture of this host") {
    const Host host;
    REQUIRE(vxlanctl(host.space, up_words).code == 0);
    const std::string program = VXLANCTL_PROGRAM, page = "/tmp/vxlanctl-graph-test.md";
    const std::string example = fmt::format("PATH=\"{}:$PATH\" " EXAMPLES "/graph.sh {}",
                                            program.substr(0, program.rfind('/')), page);
    sh(host.space, "rm -f " + page + "; " + example);
    const auto text = text_of(page);
    CHECK(text.starts_with("# Tunnels of "));
    CHECK(text.find("\n```mermaid\n" + vxlanctl(host.space, "graph --format mermaid").out +
                    "```\n") != std::string::npos);
    sh(host.space, example + "; [ ! -e " + page + ".new ]");
    CHECK(text_of(page) == text);
    const std::string broken = example.substr(example.find("\" ") + 2);
    CHECK(run(host.space, {"/bin/sh", "-c", "PATH=/usr/bin:/bin " + broken}).code != 0);
    CHECK(text_of(page) == text); // a page that cannot be made anew stays
}
