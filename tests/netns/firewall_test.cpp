// The rules of `vxlanctl firewall` as nft loads them, and what becomes of packets.
#include "vxlanctl/doctor/firewall.h"
#include "world.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace world;

namespace {

bool nft_works(const Namespace& space) {
    return run(space, {"nft", "add", "table", "inet", "other"}).code == 0;
}

void load_text(const Namespace& space, const std::string& text) {
    RunOptions options;
    options.input = text;
    const auto loaded = run(space, {"nft", "-f", "-"}, options);
    INFO(text << loaded.err);
    REQUIRE(loaded.code == 0);
}

void load(const Namespace& space, const std::string& words) {
    const auto printed = world::vxlanctl(space, "firewall " + words);
    INFO(printed.err);
    REQUIRE(printed.code == 0);
    CHECK(printed.err.empty());
    load_text(space, printed.out);
}

/// How many packets the rules of a chain have counted.
long counted(const Namespace& space, const std::string& chain) {
    long sum = 0;
    const auto document = nlohmann::json::parse(sh(space, "nft -j list chain inet " + chain));
    for (const auto& item : document.at("nftables")) {
        if (!item.contains("rule")) continue;
        for (const auto& statement : item.at("rule").at("expr"))
            if (statement.contains("counter"))
                sum += statement.at("counter").at("packets").get<long>();
    }
    return sum;
}

bool is_kept_from(const Namespace& from, const std::string& address) {
    return run(from, {"ping", "-n", "-c", "1", "-W", "1", address}).code == 1;
}

class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) { REQUIRE(descriptor >= 0); }
    ~Socket() { close(descriptor_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int operator*() const { return descriptor_; }

private:
    int descriptor_;
};

sockaddr_in ipv4(const std::string& address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &result.sin_addr);
    return result;
}

/// An IPv4 address is there as one that is mapped into IPv6.
sockaddr_in6 either(const std::string& address, std::uint16_t port) {
    sockaddr_in6 result{};
    result.sin6_family = AF_INET6;
    result.sin6_port = htons(port);
    const bool is_mapped = address.find(':') == std::string::npos;
    inet_pton(AF_INET6, ((is_mapped ? "::ffff:" : "") + address).c_str(), &result.sin6_addr);
    return result;
}

std::string text_of(const sockaddr_in6& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::string whole = inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return whole.starts_with("::ffff:") ? whole.substr(7) : whole;
}

int new_socket(const Namespace& space, int family, int type, int protocol) {
    const Inside inside(space);
    return socket(family, type | SOCK_CLOEXEC, protocol);
}

bool becomes(int descriptor, short event, int milliseconds) {
    pollfd wanted{descriptor, event, 0};
    return poll(&wanted, 1, milliseconds) == 1 && (wanted.revents & event) != 0;
}

/// Of IPv4 and IPv6.
class Server {
public:
    Server(const Namespace& space, std::uint16_t port)
        : port_(port), socket_(new_socket(space, AF_INET6, SOCK_STREAM, 0)) {
        const auto any = either("::", port);
        REQUIRE(bind(*socket_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
        REQUIRE(listen(*socket_, 8) == 0);
    }

    /// Whom the server sees and answers, when `from` connects; empty when it does not come to that.
    std::string seen(const Namespace& from, const std::string& address) const {
        const Socket client(new_socket(from, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
        const auto target = either(address, port_);
        connect(*client, reinterpret_cast<const sockaddr*>(&target), sizeof target);
        if (!becomes(*socket_, POLLIN, 1000)) return "";
        sockaddr_in6 other{};
        socklen_t length = sizeof other;
        const Socket accepted(accept(*socket_, reinterpret_cast<sockaddr*>(&other), &length));
        REQUIRE(write(*accepted, "x", 1) == 1);
        if (!becomes(*client, POLLIN, 10000)) return "";
        return text_of(other);
    }

private:
    std::uint16_t port_;
    Socket socket_;
};

/// A network with the tunnel of up_words, so that the last peer is a stranger to it.
struct Filtered : Network {
    Filtered() {
        const auto made = world::vxlanctl(host.space, up_words + " --mtu 1400");
        INFO(made.err);
        REQUIRE(made.code == 0);
    }
    const Namespace& space = host.space;
    const Namespace& peer = *peers.at(0);
    const Namespace& stranger = *peers.at(2);
};

/// A Flets host (10.216.0.101), an ISATAP router that it reaches, and a host behind that; and
/// another host of its network, which sends into the tunnel without being a router.
struct FletsSite {
    FletsSite() {
        const auto link = [](const Namespace& to) {
            return fmt::format("netns /proc/{}/fd/{}", getpid(), to.descriptor());
        };
        sh(wire, "ip link add br0 type bridge; ip link set br0 up");
        const auto attach = [&](const Namespace& to, int last) {
            sh(wire, fmt::format("ip link add port{0} type veth peer name eth0 {1}\n"
                                 "ip link set port{0} master br0; ip link set port{0} up",
                                 last, link(to)));
            sh(to, fmt::format("ip addr add 10.216.0.{}/24 dev eth0; ip link set eth0 up", last));
        };
        attach(host, 101);
        attach(router, 1);
        attach(stranger, 7);
        sh(host, "ip route add default via 10.216.0.1");
        // For IPv4, too: sit keeps the route of its first packet for those to all others
        // (ipip6_tunnel_xmit() in net/ipv6/sit.c), so that the stranger is reached by the router.
        sh(router, fmt::format("echo 1 >/proc/sys/net/ipv4/ip_forward\n"
                               "ip addr add 192.168.103.254/32 dev lo\n"
                               "ip link add lan type veth peer name eth0 {}\n"
                               "ip addr add 2001:db8:1::1/64 dev lan nodad; ip link set lan up\n"
                               "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
                               link(behind)));
        sh(behind, "ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip link set eth0 up\n"
                   "ip -6 route add default via 2001:db8:1::1");
    }
    /// False where the kernel has no such links.
    bool raise_tunnels() const {
        const auto tunnel = [](const std::string& local) {
            return fmt::format("ip tunnel add is0 mode isatap local {0} && "
                               "ip addr add 2001:db8::5efe:{0}/64 dev is0 && ip link set is0 up",
                               local);
        };
        if (run(router, {"/bin/sh", "-c", tunnel("192.168.103.254")}).code != 0) return false;
        sh(stranger, tunnel("10.216.0.7"));
        return true;
    }
    Namespace wire, host, router, behind, stranger;
};

} // namespace

TEST_CASE("firewall: a stranger's packet is dropped, a peer's passes", "[nft]") {
    const Filtered net;
    if (!nft_works(net.space)) SKIP_CASE("nft does not work with this kernel");
    REQUIRE(reaches(net.stranger, "10.225.194.171")); // nothing else keeps it out
    const std::string words = GENERATE("vxlan0", "vxlan0 --count");
    load(net.space, words);
    CHECK(reaches(net.peer, "10.225.194.171"));
    CHECK(reaches(*net.peers.at(1), "10.225.194.171"));
    CHECK(counted(net.space, "vxlanctl_vxlan0 outside") == 0);
    CHECK(is_kept_from(net.stranger, "10.225.194.171"));
    const long dropped = counted(net.space, "vxlanctl_vxlan0 outside");
    CHECK(dropped > 0);

    // The tunnel's socket would take it at any address of the host.
    sh(net.space, "ip addr add 172.21.0.200/24 dev eth0");
    sh(net.stranger, "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.200\n"
                     "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.100\n"
                     "ip neigh flush dev vxlan0");
    CHECK(is_kept_from(net.stranger, "10.225.194.171"));
    CHECK(counted(net.space, "vxlanctl_vxlan0 outside") > dropped);

    REQUIRE(world::vxlanctl(net.space, up_words + " 100.64.158.133 --mtu 1400").code == 0);
    load(net.space, words);
    CHECK(reaches(net.stranger, "10.225.194.171"));
    REQUIRE(world::vxlanctl(net.space, "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 --mtu 1400 "
                                       "100.64.158.132")
                .code == 0);
    load(net.space, words);
    CHECK(is_kept_from(net.peer, "10.225.194.171"));
}

TEST_CASE("firewall: two tunnels on one port, and the doctor understands both", "[nft]") {
    const Filtered net;
    if (!nft_works(net.space)) SKIP_CASE("nft does not work with this kernel");
    REQUIRE(world::vxlanctl(net.space, "up eth0 172.21.0.100 vxlan1 192.168.7.1/24 100.64.158.133 "
                                       "--vni 11")
                .code == 0);
    sh(net.stranger, "ip link add vxlan1 type vxlan id 11 dstport 4789 local 100.64.158.133 "
                     "remote 172.21.0.100 dev eth0; ip link set vxlan1 up\n"
                     "ip addr add 192.168.7.2/24 dev vxlan1");
    load(net.space, GENERATE("", "--count")); // of both
    CHECK(sh(net.space, "nft list tables | sort") ==
          "table inet other\ntable inet vxlanctl_vxlan0\ntable inet vxlanctl_vxlan1\n");
    CHECK(reaches(net.stranger, "192.168.7.1"));
    CHECK(reaches(net.peer, "10.225.194.171"));
    CHECK(is_kept_from(net.stranger, "10.225.194.171"));
    const auto checks =
        nlohmann::json::parse(world::vxlanctl(net.space, "doctor --json").out).at("checks");
    int firewalls = 0;
    for (const auto& check : checks)
        if (check.at("check") == "firewall") {
            CHECK(check.at("verdict") == "pass");
            ++firewalls;
        }
    CHECK(firewalls == 2);
}

TEST_CASE("firewall: loaded twice it is the same, and other tables are untouched", "[nft]") {
    const Filtered net;
    if (!nft_works(net.space)) SKIP_CASE("nft does not work with this kernel");
    sh(net.space, "nft add chain inet other input '{ type filter hook input priority 0; }'\n"
                  "nft add rule inet other input tcp dport 22 counter accept\n"
                  "nft add table ip vxlanctl_vxlan0"); // another family's is another table
    const std::string others = sh(net.space, "nft -a list ruleset");
    const std::string words =
        "vxlan0 --masquerade eth0 --clamp-mss --protect --accept tcp/22 --accept vrrp";
    load(net.space, words);
    const std::string once = sh(net.space, "nft list ruleset");
    load(net.space, words);
    CHECK(sh(net.space, "nft list ruleset") == once);
    CHECK(once.find("chain masqueraded") != std::string::npos);
    load(net.space, "vxlan0"); // what is no longer wanted is gone
    CHECK(sh(net.space, "nft list ruleset").find("chain masqueraded") == std::string::npos);
    sh(net.space, "nft delete table inet vxlanctl_vxlan0");
    CHECK(sh(net.space, "nft -a list ruleset") == others);
}

TEST_CASE("firewall: a device reaches a server behind the host, with segments that fit", "[nft]") {
    const Filtered net;
    if (!nft_works(net.space)) SKIP_CASE("nft does not work with this kernel");
    const Namespace behind;
    sh(net.space, fmt::format("ip link add eth1 mtu 9001 type veth peer name eth0 mtu 9001 netns "
                              "/proc/{}/fd/{}\n"
                              "ip link set eth1 up; ip addr add 198.51.100.1/24 dev eth1\n"
                              "sysctl -qw net.ipv4.ip_forward=1",
                              getpid(), behind.descriptor()));
    const std::string count = "nft add table inet t\n"
                              "nft add chain inet t in '{ type filter hook input priority 0; }'\n"
                              "nft add rule inet t in tcp option maxseg size 1360 counter";
    sh(behind, "ip link set eth0 up; ip addr add 198.51.100.2/24 dev eth0\n" + count); // no route
    sh(net.peer, "ip route add 198.51.100.0/24 via 10.225.194.171\n" + count);
    const Server server(behind, 80);
    load(net.space, "vxlan0 --clamp-mss");
    CHECK(server.seen(net.peer, "198.51.100.2").empty());
    load(net.space, "vxlan0 --masquerade eth1");
    CHECK(reaches(net.peer, "198.51.100.2"));
    const long before = counted(behind, "t in");
    CHECK(server.seen(net.peer, "198.51.100.2") == "198.51.100.1");
    CHECK(counted(behind, "t in") == before); // the device has a larger MTU
    CHECK(counted(net.peer, "t in") == 0);
    load(net.space, "vxlan0 --masquerade eth1 --clamp-mss");
    CHECK(server.seen(net.peer, "198.51.100.2") == "198.51.100.1");
    CHECK(counted(behind, "t in") == before + 1); // its SYN
    CHECK(counted(net.peer, "t in") == 1);        // and the server's

    // What does not come out of the tunnel keeps its address: here it finds no way back.
    const Namespace& outside = *net.peers.at(1);
    sh(outside, "ip route add 198.51.100.0/24 via 172.21.0.100");
    CHECK(is_kept_from(outside, "198.51.100.2"));
}

TEST_CASE("firewall: a protected host lets out of the tunnel what was asked for", "[nft]") {
    const Filtered net;
    if (!nft_works(net.space)) SKIP_CASE("nft does not work with this kernel");
    const Server ssh(net.space, 22), web(net.space, 80), device(net.peer, 8000);
    const std::string inner = "10.225.194.171", from = "10.192.158.4";
    CHECK(web.seen(net.peer, inner) == from);
    load(net.space, "vxlan0 --protect --accept tcp/20-22 --accept udp/53");
    CHECK(ssh.seen(net.peer, inner) == from);
    CHECK(device.seen(net.space, from) == inner); // established by this host
    CHECK(reaches(net.peer, inner));
    CHECK(counted(net.space, "vxlanctl_vxlan0 inside") == 0);
    CHECK(web.seen(net.peer, inner).empty());
    CHECK(counted(net.space, "vxlanctl_vxlan0 inside") > 0);
    CHECK(web.seen(net.peer, "172.21.0.100") == "100.64.158.4"); // not by the tunnel
}

TEST_CASE("firewall: protocol 41 of a stranger is dropped, a router's passes", "[nft]") {
    const Network net; // without a sit link, which not every kernel has
    const Namespace& space = net.host.space;
    if (!nft_works(space)) SKIP_CASE("nft does not work with this kernel");
    ::vxlanctl::Link link;
    link.name = "sit1";
    link.kind = "sit";
    link.attributes.mtu = 1480;
    link.tunnel.kind = ::vxlanctl::TunnelKind::sit;
    link.tunnel.isatap = true;
    link.tunnel.local = ::vxlanctl::parse_address("172.21.0.100").value();
    link.routers = {{::vxlanctl::parse_address("100.64.158.4").value(), true}};
    const ::vxlanctl::FirewallWish wish{"eth0", true, true, {{58, 0, 0}}};
    load_text(space, ::vxlanctl::firewall_of(link, {}, wish).value().text);
    sh(space, "nft add chain inet other in '{ type filter hook input priority 0; }'\n"
              "nft add rule inet other in meta l4proto 41 counter");
    const auto target = ipv4("172.21.0.100", 0);
    const auto send = [&](const Namespace& from) {
        const Socket sender(new_socket(from, AF_INET, SOCK_RAW, IPPROTO_IPV6));
        const std::array<char, 40> packet{0x60};
        REQUIRE(sendto(*sender, packet.data(), packet.size(), 0,
                       reinterpret_cast<const sockaddr*>(&target),
                       sizeof target) == static_cast<ssize_t>(packet.size()));
        REQUIRE(reaches(from, "172.21.0.100")); // behind it, so that it has come
    };
    send(*net.peers.at(0));
    CHECK(counted(space, "other in") == 1);
    CHECK(counted(space, "vxlanctl_sit1 outside") == 0);
    send(*net.peers.at(2));
    CHECK(counted(space, "other in") == 1);
    CHECK(counted(space, "vxlanctl_sit1 outside") == 1);
}

TEST_CASE("firewall: nft takes every name that is not refused", "[nft]") {
    const Namespace space;
    if (!nft_works(space)) SKIP_CASE("nft does not work with this kernel");
    const std::string every = "!#$&'()*+,-.0;<=>?@A[\\]^_`a{|}~";
    std::vector<std::string> names{"v*", "vx\\", "abcdefghijklm*", "table", "トンネル"};
    for (std::size_t i = 0; i + 3 <= every.size(); i += 3)
        names.push_back("v" + every.substr(i, 3));
    for (const auto& name : names) {
        INFO(name);
        ::vxlanctl::Link link;
        link.name = name;
        link.kind = "vxlan";
        link.attributes.mtu = 1430;
        link.tunnel.vni = 0xffffff;
        link.tunnel.port = 65535;
        link.tunnel.local = ::vxlanctl::parse_address("2001:db8::1").value();
        const auto firewall = ::vxlanctl::firewall_of(link, {}, {"eth0", true, true, {}});
        REQUIRE(firewall);
        load_text(space, firewall->text);
    }
    CHECK(sh(space, "nft list tables | wc -l") == std::to_string(names.size() + 1) + "\n");
}

TEST_CASE("firewall: what is wrong is one error, and nothing is printed") {
    const Filtered net;
    sh(net.space, "ip link property add dev eth0 altname outer");
    for (const char* words :
         {"vxlan9", "eth0", "vxlan0 eth0", "vxlan0 --masquerade vxlan0", "vxlan0 --masquerade eth9",
          "vxlan0 --masquerade a/b", "vxlan0 --masquerade ''", "vxlan0 --accept tcp/22",
          "vxlan0 --protect --accept 22", "vxlan0 --protect --accept tcp/0",
          "vxlan0 --protect --accept tcp/9-8", "vxlan0 --clamp-mss=1", "vxlan0 --mss"}) {
        INFO(words);
        const auto finished = world::vxlanctl(net.space, std::string("firewall ") + words);
        CHECK(finished.code == 2);
        CHECK(finished.out.empty());
        CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    }
    CHECK(world::vxlanctl(net.space, "firewall vxlan0 --masquerade outer")
              .out.find("oifname \"eth0\"") != std::string::npos);
    RunOptions nobody;
    nobody.as_nobody = true;
    CHECK(world::vxlanctl(net.space, "firewall vxlan0 --protect", nobody).code == 0);
    const auto counted_run = vxlanctl_counted(net.space, "firewall");
    CHECK(counted_run.finished.code == 0);
    CHECK(counted_run.writes == 0);
    CHECK(nlohmann::json::parse(world::vxlanctl(net.space, "firewall --json").out).at("nft") ==
          counted_run.finished.out);
    sh(net.space, "ip link set vxlan0 alias other");
    CHECK(world::vxlanctl(net.space, "firewall").code == 2); // not one of ours is there
    CHECK(world::vxlanctl(net.space, "firewall vxlan0").out == counted_run.finished.out);

    sh(net.space, "ip link add br0 type bridge; ip link set vxlan0 master br0");
    const auto port = world::vxlanctl(net.space, "firewall vxlan0 --protect");
    CHECK(port.code == 2);
    CHECK(told(port, "firewall-of-master", {"br0"}));
    CHECK(world::vxlanctl(net.space, "firewall vxlan0").code == 0);
}

TEST_CASE("firewall: the example of Junction's redirection does what it says, again and again",
          "[nft]") {
    const Host host;
    if (!nft_works(host.space)) SKIP_CASE("this kernel has no nf_tables for IP");
    const std::string program = VXLANCTL_PROGRAM;
    const std::string example = fmt::format("PATH=\"{}:$PATH\" " EXAMPLES "/junction.sh",
                                            program.substr(0, program.rfind('/')));
    sh(host.space, "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0");
    sh(host.space, example);
    const auto rules = sh(host.space, "nft list ruleset");
    CHECK(rules.find("iifname \"vxlan0\" oifname \"eth0\"") != std::string::npos);
    CHECK(rules.find("masquerade") != std::string::npos);
    CHECK(rules.find("maxseg size set 1460") != std::string::npos);
    CHECK(sh(host.space, "cat /proc/sys/net/ipv4/conf/vxlan0/forwarding") == "1\n");
    CHECK(sh(host.space, example) == "vxlan0: in sync\n1 tunnel: 1 in sync\n");
    CHECK(sh(host.space, "nft list ruleset") == rules);
}

TEST_CASE("firewall: the example of the Flets host lets out of the tunnel what was asked for",
          "[nft]") {
    const FletsSite net;
    if (!nft_works(net.host)) SKIP_CASE("this kernel has no nf_tables for IP");
    if (!net.raise_tunnels()) SKIP_CASE("this kernel has no links of the kind sit");
    const std::string program = VXLANCTL_PROGRAM;
    const std::string example = fmt::format("PATH=\"{}:$PATH\" " EXAMPLES "/isatap-firewall.sh",
                                            program.substr(0, program.rfind('/')));
    const std::string inner = "2001:db8::5efe:ad8:65", router = "2001:db8::5efe:c0a8:67fe",
                      stranger = "2001:db8::5efe:ad8:7", behind = "2001:db8:1::2";
    const Server ssh(net.host, 22), web(net.host, 80), server(net.behind, 8000);
    REQUIRE(world::vxlanctl(net.host, "isatap up sit1 10.216.0.101 2001:db8::/64 192.168.103.254")
                .code == 0);
    CHECK(web.seen(net.router, inner) == router); // nothing else keeps them out
    CHECK(web.seen(net.behind, inner) == behind);
    CHECK(web.seen(net.stranger, inner) == stranger);

    CHECK(sh(net.host, example) == "sit1: in sync\n");
    const std::string rules = sh(net.host, "nft -s list ruleset");
    CHECK(ssh.seen(net.router, inner) == router);
    CHECK(ssh.seen(net.behind, inner) == behind);
    CHECK(server.seen(net.host, behind) == inner); // asked for by this host
    CHECK(reaches(net.behind, inner));
    CHECK(counted(net.host, "vxlanctl_sit1 inside") == 0);
    CHECK(web.seen(net.router, inner).empty());
    CHECK(web.seen(net.behind, inner).empty());
    CHECK(counted(net.host, "vxlanctl_sit1 inside") > 1);
    CHECK(web.seen(net.stranger, "10.216.0.101") == "10.216.0.7"); // not by the tunnel
    CHECK(counted(net.host, "vxlanctl_sit1 outside") == 0);
    CHECK(ssh.seen(net.stranger, inner).empty());
    CHECK(counted(net.host, "vxlanctl_sit1 outside") > 0);

    CHECK(sh(net.host, example) == "sit1: in sync\n");
    CHECK(sh(net.host, "nft -s list ruleset") == rules);
    CHECK(ssh.seen(net.router, inner) == router);
}
