// What contradicts between the files of several hosts.
#include "vxlanctl/plan/mesh.h"

#include "told.h"
#include "vxlanctl/files/tunnel_file.h"

#include <catch2/catch.hpp>
#include <deque>

using namespace vxlanctl;
using Lines = std::vector<std::string>;

namespace {

/// Hosts a, b, c … with the tunnels of these files.
class Hosts {
public:
    explicit Hosts(const Lines& files) {
        for (const auto& text : files) {
            const SourceText source{"x.toml", text};
            auto& parsed = parsed_.emplace_back(
                parse_files(std::span(&source, 1), [](std::size_t, const std::string&) {
                    return Result<std::string>("");
                }));
            REQUIRE(told(parsed.errors).empty());
            MeshHost& host = hosts_.emplace_back();
            host.name = std::string(1, static_cast<char>('a' + hosts_.size() - 1));
            for (const auto& defined : parsed.tunnels)
                host.tunnels.push_back(&defined.tunnel);
        }
    }

    MeshFindings compare(bool closed = false) const { return compare_hosts(hosts_, closed); }

    /// A line for each contradiction, such as `a b: mesh-not-listed {…} at b`.
    Lines found(bool closed = false) const {
        Lines lines;
        for (const auto& [end, other, clauses] : compare(closed).contradictions) {
            std::string line = name_of(end) + (other ? " " + name_of(*other) : "") + ":";
            for (const auto& clause : clauses)
                line += " " + told(clause.message) + " at " + name_of(clause.where);
            lines.push_back(line);
        }
        return lines;
    }
    Lines notes() const { return told(compare().notes); }

private:
    std::string name_of(const MeshEnd& end) const {
        return hosts_[end.host].name + (end.tunnel == 0 ? "" : std::to_string(end.tunnel));
    }
    std::deque<ParsedFiles> parsed_;
    std::vector<MeshHost> hosts_;
};

std::string vxlan(const std::string& local, const std::string& peers, const std::string& more = "",
                  const std::string& name = "vxlan0") {
    return "[vxlan." + name + "]\nlocal = \"" + local + "\"\npeers = [" + peers + "]\n" + more +
           "\n";
}

const std::string one = "\"192.0.2.1\"", two = "\"192.0.2.2\"", three = "\"192.0.2.3\"";

} // namespace

TEST_CASE("mesh: hosts that list each other fit together, whatever they list besides") {
    const Hosts mesh({vxlan("192.0.2.1", two + ", " + three), vxlan("192.0.2.2", one + ", " + two),
                      vxlan("198.51.100.1", "\"198.51.100.2\"")});
    CHECK(mesh.found().empty());
    CHECK(mesh.notes().empty());
    CHECK(mesh.found(true) == Lines{"a: mesh-unknown-peer {peers=192.0.2.3} at a",
                                    "c: mesh-unknown-peer {peers=198.51.100.2} at c"});
}

TEST_CASE("mesh: a host that is not listed, and one that lists itself alone") {
    const Hosts mesh({vxlan("192.0.2.1", two + ", " + three), vxlan("192.0.2.2", three),
                      vxlan("192.0.2.3", three), vxlan("192.0.2.4", "")});
    CHECK(mesh.found() == Lines{"a b: mesh-not-listed {host=b, peer=192.0.2.1} at b",
                                "a c: mesh-not-listed {host=c, peer=192.0.2.1} at c",
                                "b c: mesh-not-listed {host=c, peer=192.0.2.2} at c",
                                "c: mesh-no-peer at c", "d: mesh-no-peer at d"});
    // A list that another program makes is not compared.
    CHECK(Hosts({vxlan("192.0.2.1", two), "[vxlan.vxlan0]\nlocal = \"192.0.2.2\"\n"})
              .found()
              .empty());
}

TEST_CASE("mesh: all that differs between two hosts is one line, said once") {
    const Hosts mesh({vxlan("192.0.2.1", two, "mtu = 1400\naddresses = [\"10.0.0.1/24\"]"),
                      vxlan("192.0.2.2", one,
                            "vni = 11\nport = 4790\nmtu = 1500\naddresses = [\"10.0.0.2/16\"]")});
    CHECK(mesh.found() ==
          Lines{"a b: mesh-vni-differs {host=a, vni=10, other=b, other_vni=11} at a "
                "mesh-port-differs {host=a, port=4789, other=b, other_port=4790} at a "
                "mesh-mtu-differs {host=a, mtu=1400, other=b, other_mtu=1500} at a "
                "mesh-network-differs {host=a, network=10.0.0.0/24, other=b, "
                "other_network=10.0.0.0/16} at a"});
    // A peer's own VNI and port are what it is sent to.
    const std::string to_two = "{ dst = \"192.0.2.2\", vni = 11, port = 4790 }";
    const std::string to_one = "{ dst = \"192.0.2.1\", vni = 10, port = 4789 }";
    CHECK(Hosts({vxlan("192.0.2.1", to_two), vxlan("192.0.2.2", to_one, "vni = 11\nport = 4790")})
              .found()
              .empty());
}

TEST_CASE("mesh: an MTU that only one of two sets is not compared, and counted") {
    const Hosts mesh({vxlan("192.0.2.1", two, "mtu = 1400"), vxlan("192.0.2.2", one)});
    CHECK(mesh.found().empty());
    CHECK(mesh.notes() == Lines{"mesh-mtus-not-compared {pairs=1 pair}"});
}

TEST_CASE("mesh: of several tunnels with a local address, the one that is meant counts") {
    const std::string inner = "vni = 20";
    const Hosts mesh({vxlan("192.0.2.1", two) + vxlan("192.0.2.1", two, inner, "vxlan1"),
                      vxlan("192.0.2.2", one, inner, "other") + vxlan("192.0.2.2", one)});
    CHECK(mesh.found().empty());
    // Neither has the VNI: that of the same name is meant.
    const Hosts wrong(
        {vxlan("192.0.2.1", two, "vni = 30", "vxlan1"),
         vxlan("192.0.2.2", "\"192.0.2.9\"") + vxlan("192.0.2.2", one, inner, "vxlan1")});
    CHECK(wrong.found() ==
          Lines{"a b1: mesh-vni-differs {host=a, vni=30, other=b, other_vni=20} at a"});
}

TEST_CASE("mesh: addresses that two hosts have, outside and inside") {
    const Hosts mesh(
        {vxlan("192.0.2.1", two, "addresses = [\"10.0.0.1/24\"]"),
         vxlan("192.0.2.1", two, "addresses = [\"10.0.0.2/24\"]"),
         vxlan("192.0.2.2", one, "addresses = [\"10.0.0.1/24\"]"),
         vxlan("192.0.2.9", "\"192.0.2.8\"", "vni = 11\naddresses = [\"10.0.0.1/24\"]")});
    CHECK(mesh.found() == Lines{"a b: mesh-same-local {local=192.0.2.1} at b",
                                "a c: mesh-same-inner {address=10.0.0.1} at c"});
}

TEST_CASE("mesh: inner networks that differ") {
    const auto found = [](const std::string& first, const std::string& second) {
        return !Hosts({vxlan("192.0.2.1", two, "addresses = [" + first + "]"),
                       vxlan("192.0.2.2", one, "addresses = [" + second + "]")})
                    .found()
                    .empty();
    };
    CHECK_FALSE(found("\"10.0.0.1/24\"", "\"10.0.0.2/24\""));
    CHECK(found("\"10.0.0.1/24\"", "\"10.0.0.2/25\""));
    CHECK(found("\"10.0.0.1/24\"", "\"10.0.1.2/24\""));
    CHECK_FALSE(found("\"10.0.0.1/24\"", "\"10.0.9.2/32\""));
    CHECK_FALSE(found("\"10.0.0.1/24\"", "\"fd00::1/64\""));
    CHECK_FALSE(found("\"10.0.0.1/24\", \"10.1.0.1/24\"", "\"10.0.0.2/24\""));
    CHECK(found("\"10.0.0.1/24\", \"10.1.0.1/24\"", "\"10.0.0.2/24\", \"10.1.0.2/16\""));
    CHECK_FALSE(found("\"10.0.0.1/8\", \"10.1.0.1/24\", \"fd00::1/64\"",
                      "\"10.0.0.2/8\", \"10.1.0.2/24\""));
}

TEST_CASE("mesh: one family outside, that of most") {
    const Hosts mesh({vxlan("2001:db8::1", "\"2001:db8::9\""), vxlan("192.0.2.1", two),
                      vxlan("192.0.2.2", one)});
    CHECK(mesh.found() == Lines{"a b: mesh-family-differs {host=b, family=IPv4, other=a, "
                                "other_family=IPv6} at a"});
    CHECK(Hosts({vxlan("2001:db8::1", "\"2001:db8::9\"", "", "vxlan6"), vxlan("192.0.2.1", two)})
              .found()
              .empty());
}

TEST_CASE("mesh: what is not known is not held against anybody") {
    const std::string all = one + ", " + two + ", " + three;
    const std::string file = "[vxlan.vxlan0]\nlocal = \"auto\"\npeers = [" + all + "]\n";
    const Hosts same({file, file, file});
    CHECK(same.found(true).empty());
    CHECK(same.notes() == Lines{"mesh-locals-unknown {hosts=a, b, c}"});
    CHECK(Hosts({file, file}).found(true) ==
          Lines{"a: mesh-unknown-peer {peers=192.0.2.1, 192.0.2.2, 192.0.2.3} at a",
                "b: mesh-unknown-peer {peers=192.0.2.1, 192.0.2.2, 192.0.2.3} at b"});
    CHECK(
        Hosts({vxlan("192.0.2.1", two), vxlan("192.0.2.2", "\"a.example.net\"")}).found().empty());
    CHECK(Hosts({vxlan("192.0.2.1", two + ", " + three), vxlan("192.0.2.2", one + ", " + three),
                 vxlan("192.0.2.3", "\"a.example.net\"")})
              .found()
              .size() == 2);
    CHECK(Hosts({vxlan("192.0.2.1", "\"a.example.net\"")}).notes() ==
          Lines{"mesh-names-not-compared {names=1 name}"});
}

TEST_CASE("mesh: of many unknown peers three are named, and all are there") {
    std::string peers = one;
    for (int i = 2; i <= 6; ++i)
        peers += ", \"192.0.2." + std::to_string(i) + "\"";
    const auto findings = Hosts({vxlan("192.0.2.9", peers)}).compare(true);
    REQUIRE(findings.contradictions.size() == 1);
    const auto& clause = findings.contradictions.front().clauses.front();
    CHECK(clause.message.value("peers") == "192.0.2.1, 192.0.2.2, 192.0.2.3 and 3 more");
    CHECK(clause.all.size() == 6);
}

TEST_CASE("mesh: the ends of IPv4-in-IPv6 tunnels") {
    const auto ipip6 = [](const std::string& name, const std::string& local,
                          const std::string& remote, const std::string& inner) {
        return "[ipip6." + name + "]\nlocal = \"" + local + "\"\nremote = \"" + remote +
               "\"\naddresses = [\"" + inner + "\"]\n";
    };
    const std::string hub = ipip6("s1", "2001:db8::1", "2001:db8::2", "10.0.0.1/30") +
                            ipip6("s2", "2001:db8::1", "2001:db8::3", "10.0.0.5/30");
    const std::string left = ipip6("hub", "2001:db8::2", "2001:db8::1", "10.0.0.2/30");
    CHECK(Hosts({hub, left, ipip6("hub", "2001:db8::3", "2001:db8::1", "10.0.0.6/30")})
              .found(true)
              .empty());
    CHECK(
        Hosts({hub, left, ipip6("hub", "2001:db8::3", "2001:db8::9", "10.0.0.5/30")}).found(true) ==
        Lines{"a1 c: mesh-remote-differs {host=c, remote=2001:db8::9, other=a, "
              "local=2001:db8::1} at c",
              "c: mesh-unknown-peer {peers=2001:db8::9} at c"});
    CHECK(Hosts({ipip6("s1", "2001:db8::1", "2001:db8::2", "10.0.0.2/30"), left}).found() ==
          Lines{"a b: mesh-same-inner {address=10.0.0.2} at b"});
}
