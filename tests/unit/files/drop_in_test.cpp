// Files whose keys take the place of those of another file.
#include "told.h"
#include "vxlanctl/files/tunnel_file.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

const std::string gate = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\nmtu = 1500\n"
                         "peers = [\"100.64.1.1\", \"100.64.1.2\"]\n"
                         "[isatap.sit1]\nlocal = \"10.0.0.1\"\nprefix = \"2001:db8::/64\"\n";

std::vector<std::string> peers_files;

ParsedFiles parse(std::vector<SourceText> drop_ins, const std::string& text = gate) {
    const SourceText file{"/etc/a.toml", text, std::move(drop_ins)};
    peers_files.clear();
    return parse_files(std::span(&file, 1), [](std::size_t, const std::string& path) {
        peers_files.push_back(path);
        return Result<std::string>("100.64.1.9\n");
    });
}

const Tunnel& vxlan_of(const ParsedFiles& parsed) {
    REQUIRE(told(parsed.errors).empty());
    return parsed.tunnels.at(0).tunnel;
}

} // namespace

TEST_CASE("drop-in: keys are set or replaced, and the last one wins") {
    const auto parsed =
        parse({{"/etc/a.toml.d/10.toml", "[vxlan.vxlan0]\nmtu = 1400\nvni = 7\n"},
               {"/etc/a.toml.d/20.json", "{\"vxlan\":\n{\"vxlan0\": {\"mtu\":\n1300}}}"},
               {"/etc/a.toml.d/30.toml", "# nothing\n"}});
    const auto& tunnel = vxlan_of(parsed);
    CHECK(tunnel.link.mtu == 1300);
    CHECK(tunnel.tunnel.vni == 7);
    CHECK(tunnel.peers->size() == 2);
    CHECK(parsed.tunnels.size() == 2);
    const SourceText file{
        "/etc/a.toml", gate, {{"/etc/a.toml.d/10.toml", ""}, {"/etc/a.toml.d/20.json", ""}}};
    CHECK(places_of(parsed.tunnels[0], std::span(&file, 1)) ==
          KeyPlaces{{"local", "/etc/a.toml:2"},
                    {"mtu", "/etc/a.toml.d/20.json:2"},
                    {"peers", "/etc/a.toml:4"},
                    {"vni", "/etc/a.toml.d/10.toml:3"}});
}

TEST_CASE("drop-in: a list is replaced as a whole") {
    const std::string path = "/etc/a.toml.d/10.toml";
    CHECK(vxlan_of(parse({{path, "[vxlan.vxlan0]\npeers = [\"100.64.1.3\"]\n"}})).peers->size() ==
          1);
    CHECK(vxlan_of(parse({{path, "[vxlan.vxlan0]\npeers = []\n"}})).peers->empty());
    CHECK(vxlan_of(parse({{path, "vxlan.vxlan0.peers_file = \"p\"\n"}})).peers->size() == 3);
    CHECK(peers_files == std::vector<std::string>{"/etc/a.toml.d/p"});
}

TEST_CASE("drop-in: a required key may stand there alone") {
    CHECK(vxlan_of(parse({{"b.toml", "[vxlan.v]\nlocal = \"10.0.0.1\"\n"}}, "[vxlan.v]\n"))
              .tunnel.local == parse_address("10.0.0.1").value());
}

TEST_CASE("drop-in: what is wrong is told where it stands") {
    const std::string path = "/etc/a.toml.d/10.toml";
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {"[vxlan.vxlan0]\n\nmtu = 1\n",
              "3:7: mtu '1': not-in-range {low=68, high=65535, or=}"},
             {"[vxlan.vxlan0]\npeeers = []\n",
              "2:1: unknown-key {key=peeers} + did-you-mean {word=peers}"},
             {"\n[vxlan.vxlan1]\n", "2:8: vxlan1: drop-in-adds-tunnel {file=/etc/a.toml}"},
             {"[vxlan.sit1]\nmtu = 1\n",
              "1:8: sit1: drop-in-adds-tunnel {file=/etc/a.toml} + defined-as-other-kind "
              "{section=isatap.sit1}"},
             {"mtu = 1\n", "1:1: unknown-key {key=mtu} + key-belongs-in-section"},
             {"[vxlan.vxlan0\n",
              "1:14: not-toml {problem=expected ']', saw '\\n' (in the table header)}"},
             {"[vxlan.vxlan0]\npeers = [\"100.64.1.3\",\n\"100.64.1.3\"]\n",
              "3:1: peer 100.64.1.3: named-twice + each-frame-twice + first-named-at "
              "{place=/etc/a.toml.d/10.toml:2:10}"}}) {
        INFO(text);
        const auto errors = parse({{"/etc/a.toml.d/00.toml", ""}, {path, text}}).errors;
        CHECK(told(errors) == std::vector<std::string>{path + ":" + message});
    }
    const auto error = parse({{path, "\n[vxlan.vxlan1]\n"}}).errors.at(0);
    CHECK(excerpt(error) == "    [vxlan.vxlan1]\n           ^\n");
}

TEST_CASE("drop-in: errors come in the order of files, and one that cannot be read hides others") {
    const auto both =
        parse({{"b.toml", "[vxlan.vxlan0]\nmtu = 1\n"}}, gate + "[vxlan.v]\nvni = 0\n");
    CHECK(told(both.errors) ==
          std::vector<std::string>{
              "/etc/a.toml:8:1: v: key-missing {key=local}",
              "/etc/a.toml:9:7: vni '0': not-in-range {low=1, high=16777215, or=}",
              "b.toml:2:7: mtu '1': not-in-range {low=68, high=65535, or=}"});
    const auto hidden = parse({{"b.toml", "x"}, {"c.json", "["}}, "[vxlan.v]\n");
    REQUIRE(hidden.errors.size() == 2);
    CHECK(hidden.errors[0].place->path == "b.toml");
    CHECK(hidden.errors[1].place->path == "c.json");
}

TEST_CASE("drop-in: elsewhere a tunnel that is defined twice stays an error") {
    const SourceText files[] = {{"a.toml", gate, {{"a.toml.d/1.toml", "[vxlan.vxlan0]\nvni=7\n"}}},
                                {"b.toml", "[vxlan.vxlan0]\nlocal = \"10.0.0.1\"\n"}};
    const auto parsed =
        parse_files(files, [](std::size_t, const std::string&) { return Result<std::string>(""); });
    CHECK(told(parsed.errors) ==
          std::vector<std::string>{"b.toml:1:8: vxlan0: defined-twice {place=a.toml:1:8, as=}"});
}
