// Pictures as text: whole ones, the width of any, and names that mean something to a language.
#include "vxlanctl/cli/graph.h"

#include "chance.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <sstream>

using namespace vxlanctl;

namespace {

IpAddress address(const std::string& text) {
    return parse_address(text).value();
}

MacAddress mac(std::uint8_t last) {
    return MacAddress{{2, 0, 0, 0, 0, last}};
}

FarEnd far_end(FarRole role, const std::string& outer) {
    FarEnd end;
    end.role = role;
    end.outer = address(outer);
    return end;
}

TunnelEnd vxlan(const std::string& name, std::uint32_t vni, const std::string& inner) {
    TunnelEnd end;
    end.name = name;
    end.kind = "VXLAN";
    end.vni = vni;
    end.port = 4789;
    end.mtu = 8951;
    end.is_bound = true;
    end.inner = {parse_prefix(inner).value()};
    return end;
}

OuterEnd outer_end(const std::string& device, const std::string& outer,
                   std::vector<TunnelEnd> tunnels) {
    OuterEnd end;
    end.device = device;
    end.address = address(outer);
    end.tunnels = std::move(tunnels);
    return end;
}

/// A host of a VPG, and of Flets.
Picture two_tunnels() {
    TunnelEnd gate = vxlan("vxlan0", 10, "10.225.194.171/9");
    gate.far_ends = {far_end(FarRole::peer, "100.64.158.4"),
                     far_end(FarRole::peer, "100.64.158.132")};
    gate.far_ends[0].stations = {{mac(4), FdbOrigin::learned, {address("10.192.158.4")}}};
    gate.far_ends[1].stations.emplace();
    TunnelEnd isatap;
    isatap.name = "sit1";
    isatap.kind = "ISATAP";
    isatap.mtu = 1480;
    isatap.inner = {parse_prefix("2001:db8::5efe:10.216.0.101/64").value()};
    isatap.far_ends = {far_end(FarRole::router, "192.168.103.254")};
    isatap.far_ends[0].is_default = true;
    return {
        {outer_end("eth0", "172.21.0.100", {gate}), outer_end("eth1", "10.216.0.101", {isatap})}};
}

/// Several tunnels on one device whose addresses are too long for two columns.
Picture long_addresses() {
    TunnelEnd first = vxlan("vxlan0", 16777215, "2001:db8:1111:2222:3333:4444:5555:7777/64");
    first.far_ends = {far_end(FarRole::peer, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1000"),
                      far_end(FarRole::stranger, "2001:db8::4")};
    first.far_ends[0].stations = {{mac(4),
                                   FdbOrigin::external,
                                   {address("2001:db8:aaaa:bbbb:cccc:dddd:eeee:4"),
                                    address("2001:db8:aaaa:bbbb:cccc:dddd:eeee:5")}}};
    TunnelEnd second = vxlan("vxlan1", 11, "10.64.0.1/24");
    second.is_down = true;
    second.far_ends = {far_end(FarRole::peer, "2001:db8::5")};
    return {{outer_end("eth0", "2001:db8:1111:2222:3333:4444:5555:6666", {first, second})}};
}

/// In columns, of UTF-8.
std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        widest = std::max(
            widest, static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
                return (byte & 0xc0) != 0x80;
            })));
    return widest;
}

} // namespace

TEST_CASE("graph: far ends stand beside the host") {
    CHECK(graph_text(two_tunnels(), Charset::unicode) ==
          R"(┌─ this host ───────────────────────────┐
│ ┌─ eth0 ────────────────────────────┐ │
│ │ outer 172.21.0.100                │ │
│ └┬──────────────────────────────────┘ │
│  │ ┌─ vxlan0 ───────────────────────┐ │     ┌─ peer ─────────────────────────┐
│  └─┤ VXLAN, VNI 10, port 4789       ╞═╪══╦══╡ outer 100.64.158.4             │
│    │ MTU 8951                       │ │  ║  │ 02:00:00:00:00:04 10.192.158.4 │
│    │ inner 10.225.194.171/9         │ │  ║  └────────────────────────────────┘
│    └────────────────────────────────┘ │  ║  ┌─ peer ─────────────────────────┐
│                                       │  ╚══╡ outer 100.64.158.132           │
│                                       │     │ no MAC learned                 │
│                                       │     └────────────────────────────────┘
│                                       │
│ ┌─ eth1 ────────────────────────────┐ │
│ │ outer 10.216.0.101                │ │
│ └┬──────────────────────────────────┘ │
│  │ ┌─ sit1 ─────────────────────────┐ │     ┌─ default router ───────────────┐
│  └─┤ ISATAP                         ╞═╪═════╡ outer 192.168.103.254          │
│    │ MTU 1480, no lower device      │ │     └────────────────────────────────┘
│    │ inner 2001:db8::5efe:ad8:65/64 │ │
│    └────────────────────────────────┘ │
└───────────────────────────────────────┘
)");
    CHECK(graph_text(two_tunnels(), Charset::ascii) == R"(+- this host ---------------------------+
| +- eth0 ----------------------------+ |
| | outer 172.21.0.100                | |
| ++----------------------------------+ |
|  | +- vxlan0 -----------------------+ |     +- peer -------------------------+
|  +-+ VXLAN, VNI 10, port 4789       +=+==#==+ outer 100.64.158.4             |
|    | MTU 8951                       | |  #  | 02:00:00:00:00:04 10.192.158.4 |
|    | inner 10.225.194.171/9         | |  #  +--------------------------------+
|    +--------------------------------+ |  #  +- peer -------------------------+
|                                       |  #==+ outer 100.64.158.132           |
|                                       |     | no MAC learned                 |
|                                       |     +--------------------------------+
|                                       |
| +- eth1 ----------------------------+ |
| | outer 10.216.0.101                | |
| ++----------------------------------+ |
|  | +- sit1 -------------------------+ |     +- default router ---------------+
|  +-+ ISATAP                         +=+=====+ outer 192.168.103.254          |
|    | MTU 1480, no lower device      | |     +--------------------------------+
|    | inner 2001:db8::5efe:ad8:65/64 | |
|    +--------------------------------+ |
+---------------------------------------+
)");
}

TEST_CASE("graph: far ends stand below their tunnel where addresses are long") {
    CHECK(graph_text(long_addresses(), Charset::unicode) == R"(this host
┌─ eth0 ─────────────────────────────────────────────┐
│ outer 2001:db8:1111:2222:3333:4444:5555:6666       │
└┬───────────────────────────────────────────────────┘
 │ ┌─ vxlan0 ────────────────────────────────────────┐
 ├─┤ VXLAN, VNI 16777215, port 4789                  │
 │ │ MTU 8951                                        │
 │ │ inner 2001:db8:1111:2222:3333:4444:5555:7777/64 │
 │ └╥────────────────────────────────────────────────┘
 │  ║  ┌─ peer ────────────────────────────────────────────────┐
 │  ╠══╡ outer 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1000          │
 │  ║  │ 02:00:00:00:00:04 2001:db8:aaaa:bbbb:cccc:dddd:eeee:4 │
 │  ║  │   2001:db8:aaaa:bbbb:cccc:dddd:eeee:5 (external)      │
 │  ║  └───────────────────────────────────────────────────────┘
 │  ║  ┌─ not in the flood list ───────────────────────────────┐
 │  ╚══╡ outer 2001:db8::4                                     │
 │     └───────────────────────────────────────────────────────┘
 │ ┌─ vxlan1 ────────────────────────────────────────┐
 └─┤ VXLAN, VNI 11, port 4789                        │
   │ MTU 8951, DOWN                                  │
   │ inner 10.64.0.1/24                              │
   └╥────────────────────────────────────────────────┘
    ║  ┌─ peer ────────────────────────────────────────────────┐
    ╚══╡ outer 2001:db8::5                                     │
       └───────────────────────────────────────────────────────┘
)");
    CHECK(graph_text(long_addresses(), Charset::ascii) == R"(this host
+- eth0 ---------------------------------------------+
| outer 2001:db8:1111:2222:3333:4444:5555:6666       |
++---------------------------------------------------+
 | +- vxlan0 ----------------------------------------+
 +-+ VXLAN, VNI 16777215, port 4789                  |
 | | MTU 8951                                        |
 | | inner 2001:db8:1111:2222:3333:4444:5555:7777/64 |
 | +#------------------------------------------------+
 |  #  +- peer ------------------------------------------------+
 |  #==+ outer 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1000          |
 |  #  | 02:00:00:00:00:04 2001:db8:aaaa:bbbb:cccc:dddd:eeee:4 |
 |  #  |   2001:db8:aaaa:bbbb:cccc:dddd:eeee:5 (external)      |
 |  #  +-------------------------------------------------------+
 |  #  +- not in the flood list -------------------------------+
 |  #==+ outer 2001:db8::4                                     |
 |     +-------------------------------------------------------+
 | +- vxlan1 ----------------------------------------+
 +-+ VXLAN, VNI 11, port 4789                        |
   | MTU 8951, DOWN                                  |
   | inner 10.64.0.1/24                              |
   +#------------------------------------------------+
    #  +- peer ------------------------------------------------+
    #==+ outer 2001:db8::5                                     |
       +-------------------------------------------------------+
)");
}

TEST_CASE("graph: no tunnels") {
    CHECK(graph_text({}, Charset::unicode) == R"(┌─ this host ───────┐
│ no tunnels        │
└───────────────────┘
)");
    CHECK(graph_text({}, Charset::ascii) == R"(+- this host -------+
| no tunnels        |
+-------------------+
)");
}

TEST_CASE("graph: of many peers some are drawn, and the others counted") {
    Picture picture = two_tunnels();
    auto& far_ends = picture.outer_ends[0].tunnels[0].far_ends;
    for (int i = 0; i < 998; ++i) {
        far_ends.push_back(far_ends[1]);
        far_ends.back().outer.bytes[2] = static_cast<std::uint8_t>(i / 256);
        far_ends.back().outer.bytes[3] = static_cast<std::uint8_t>(i % 256);
    }
    far_ends.back().stations = {{mac(9), FdbOrigin::learned, {}}};
    for (const Charset charset : {Charset::unicode, Charset::ascii}) {
        const std::string text = graph_text(summarised(picture, {}), charset);
        CHECK(text.find(" 992 more peers ") != std::string::npos);
        CHECK(text.find(" 1 MAC behind them ") != std::string::npos);
        CHECK(std::count(text.begin(), text.end(), '\n') < 60);
        CHECK(widest_line(text) <= 80);
        CHECK(widest_line(graph_text(picture, charset)) <= 80);
    }
    CHECK(graph_dot(summarised(picture, {})).find("992 more peers") != std::string::npos);
    CHECK(graph_mermaid(summarised(picture, {})).find("992 more peers") != std::string::npos);
}

TEST_CASE("graph: nothing is wider than 80 columns, and the lines are those of both charsets") {
    std::mt19937 random(1);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    const auto any_name = [&] {
        std::string name;
        for (unsigned size = 1 + below(15); size > 0; --size)
            name += static_cast<char>(below(3) == 0 ? below(256) : 'a' + below(26));
        return name;
    };
    const auto any_address = [&] {
        IpAddress result{below(2) == 0 ? Family::ipv4 : Family::ipv6, {}};
        for (std::size_t i = 0; i < wire_bytes(result).size(); ++i)
            result.bytes[i] = static_cast<std::uint8_t>(below(256));
        return result;
    };
    const auto any_far_end = [&] {
        FarEnd end;
        end.role = static_cast<FarRole>(below(5));
        end.outer = any_address();
        if (below(4) == 0) end.port = static_cast<std::uint16_t>(below(65536));
        if (below(4) == 0) end.vni = below(1U << 24U);
        if (below(4) == 0) end.via = any_name();
        if (below(3) == 0) return end;
        end.stations.emplace();
        for (unsigned i = below(8); i > 0; --i) {
            end.stations->push_back({mac(1), static_cast<FdbOrigin>(below(3)), {}});
            for (unsigned j = below(3); j > 0; --j)
                end.stations->back().addresses.push_back(any_address());
        }
        return end;
    };
    unsigned narrow = 0, wide = 0;
    for (unsigned round = 0; round < seeds(500); ++round) {
        Picture picture;
        for (unsigned i = below(4); i > 0; --i) {
            auto& outer = picture.outer_ends.emplace_back();
            if (below(4) > 0) outer.device = any_name();
            if (below(4) > 0) outer.address = any_address();
            if (below(4) == 0) outer.holder = any_name();
            outer.is_elsewhere = below(4) == 0;
            for (unsigned j = 1 + below(3); j > 0; --j) {
                auto& tunnel = outer.tunnels.emplace_back();
                tunnel.name = any_name();
                tunnel.kind = "VXLAN";
                if (below(2) == 0) tunnel.vni = below(1U << 24U);
                if (below(2) == 0) tunnel.mtu = below(65536);
                tunnel.is_down = below(2) == 0;
                if (below(3) == 0) tunnel.master = any_name();
                if (below(3) == 0) tunnel.vrf = any_name();
                for (unsigned k = below(3); k > 0; --k)
                    tunnel.inner.push_back({any_address(), 32});
                for (unsigned k = below(12); k > 0; --k)
                    tunnel.far_ends.push_back(any_far_end());
            }
        }
        for (const Picture& drawn : {picture, summarised(picture, {})}) {
            const std::string unicode = graph_text(drawn, Charset::unicode);
            const std::string ascii = graph_text(drawn, Charset::ascii);
            INFO(unicode);
            CHECK(widest_line(unicode) <= 80);
            CHECK(widest_line(ascii) == widest_line(unicode));
            CHECK(std::all_of(ascii.begin(), ascii.end(), [](char byte) {
                return byte == '\n' || (byte >= ' ' && byte <= '~');
            }));
            CHECK(std::count(ascii.begin(), ascii.end(), '\n') ==
                  std::count(unicode.begin(), unicode.end(), '\n'));
            CHECK(ascii.find(" \n") == std::string::npos);
            (ascii.starts_with("this host") ? narrow : wide) += 1;
        }
    }
    CHECK(narrow > seeds(100));
    CHECK(wide > seeds(100));
}

TEST_CASE("graph: names mean nothing to a terminal, Graphviz or Mermaid") {
    Picture picture;
    TunnelEnd tunnel = vxlan("a\"]<b>&\\N#;`\x1b{%\xc3\xa9", 10, "10.0.0.1/24");
    tunnel.far_ends = {far_end(FarRole::peer, "192.0.2.1")};
    picture.outer_ends = {outer_end("<br/>-->|x|", "172.21.0.100", {tunnel})};
    const std::string text = graph_text(picture, Charset::ascii);
    CHECK(text.find("+- a\"]<b>&\\N#;`\\x1b{%\\xc3\\xa9 ") != std::string::npos);
    CHECK(graph_dot(picture) == R"dot(graph vxlanctl {
  rankdir=LR
  ranksep=0.8
  fontname="Helvetica"
  node [shape=box style="rounded,filled" fillcolor="white" fontname="Helvetica" fontsize=11]
  subgraph cluster_host {
    label="this host"
    labeljust="l"
    style="rounded,filled"
    color="#8a99a8"
    fillcolor="#eef2f6"
    d1 [label=<<b>&#60;br/&#62;--&#62;&#124;x&#124;</b><br align="left"/>outer 172.21.0.100<br align="left"/>>]
    t1 [label=<<b>a&#34;&#93;&#60;b&#62;&#38;&#92;N&#35;&#59;&#96;&#92;x1b&#123;&#37;&#92;xc3&#92;xa9</b><br align="left"/>VXLAN, VNI 10, port 4789<br align="left"/>MTU 8951<br align="left"/>inner 10.0.0.1/24<br align="left"/>>]
    d1 -- t1
  }
  f1 [label=<<b>peer</b><br align="left"/>outer 192.0.2.1<br align="left"/>>]
  t1:e -- f1:w [color="#1f6feb:white:#1f6feb"]
}
)dot");
    CHECK(graph_mermaid(picture) == R"(flowchart LR
  subgraph host["this host"]
    d1["#60;br/#62;--#62;#124;x#124;<br>outer 172.21.0.100"]
    t1["a#34;#93;#60;b#62;#38;#92;N#35;#59;#96;#92;x1b#123;#37;#92;xc3#92;xa9<br>VXLAN, VNI 10, port 4789<br>MTU 8951<br>inner 10.0.0.1/24"]
    d1 --- t1
  end
  f1["peer<br>outer 192.0.2.1"]
  t1 === f1
)");
}
