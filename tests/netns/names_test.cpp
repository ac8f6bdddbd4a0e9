// Peers by name: looked up in /etc/hosts, and by a DNS server that answers, or does not.
#include "names.h"
#include "world.h"

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace world;
using Lines = std::vector<std::string>;

namespace {

const std::string up_begin = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 ";

/// A file's text with these peers.
RunOptions file_with(const std::string& peers, const std::string& more = "") {
    RunOptions options;
    options.input = fmt::format("[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                                "peers = [{}]\n{}",
                                peers, more);
    return options;
}

/// A DNS server on 127.0.0.1 in a namespace, that answers when it is told to.
class Server {
public:
    explicit Server(const Namespace& space) {
        const Inside inside(space);
        socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const timeval limit{30, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(53);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Server() { close(socket_); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Waits for a query.
    void receive() {
        socklen_t length = sizeof client_;
        const auto size = recvfrom(socket_, query_.data(), query_.size(), 0,
                                   reinterpret_cast<sockaddr*>(&client_), &length);
        REQUIRE(size > 12);
        size_ = static_cast<std::size_t>(size);
    }
    /// Answers it with one IPv4 address, without what may follow the question.
    void answer(std::array<unsigned char, 4> address) {
        std::size_t end = 12;
        while (query_[end] != 0)
            end += query_[end] + 1U;
        std::vector<unsigned char> reply(query_.begin(),
                                         query_.begin() + static_cast<std::ptrdiff_t>(end + 5));
        const unsigned char header[] = {0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
        std::copy(std::begin(header), std::end(header), reply.begin() + 2);
        const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
        reply.insert(reply.end(), std::begin(record), std::end(record));
        reply.insert(reply.end(), address.begin(), address.end());
        sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&client_),
               sizeof client_);
    }
    /// How many queries wait to be received.
    int waiting() {
        int count = 0;
        while (recv(socket_, query_.data(), query_.size(), MSG_DONTWAIT) > 0)
            ++count;
        return count;
    }

private:
    int socket_ = -1;
    std::array<unsigned char, 512> query_{};
    std::size_t size_ = 0;
    sockaddr_in client_{};
};

} // namespace

TEST_CASE("names: every address of the right family is a peer, on the command line") {
    const Host host;
    const Names names("100.64.1.4 gate-a.example.net\n100.64.1.5 gate-a.example.net\n"
                      "2001:db8::4 gate-a.example.net\n100.64.1.6 gate-b\n");
    const std::string words = up_begin + "gate-a.example.net gate-b. 100.64.1.5";
    const auto made = vxlanctl(host.space, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(flood_list(host.space, "vxlan0") == Lines{"100.64.1.4", "100.64.1.5", "100.64.1.6"});
    const auto again = vxlanctl_counted(host.space, words);
    CHECK(again.finished.out == "vxlan0: in sync\n");
    CHECK(again.writes == 0);

    RunOptions peers;
    peers.input = "GATE-A.example.net\n";
    const auto six =
        vxlanctl(host.space, "up eth0 2001:db8:21::100 vxlan6 - --vni 6 --peers-file -", peers);
    INFO(six.err);
    REQUIRE(six.code == 0);
    CHECK(flood_list(host.space, "vxlan6") == Lines{"2001:db8::4"});
}

TEST_CASE("names: another address replaces a peer in place, and a lost name keeps all") {
    const Host host;
    const Names names("100.64.1.4 gate-a.example.net\n100.64.1.5 gate-b.example.net\n");
    const auto file = file_with("\"gate-a.example.net\", \"gate-b.example.net\"");
    REQUIRE(vxlanctl(host.space, "apply --source test -", file).code == 0);
    const int index = link(host.space, "vxlan0").at("ifindex");
    Names::set_hosts("100.64.1.4 gate-a.example.net\n100.64.1.6 gate-b.example.net\n");
    CHECK(vxlanctl(host.space, "check -", file).code == 3);
    CHECK(vxlanctl(host.space, "apply --source test -", file).out ==
          "vxlan0: changed\n  + peer 100.64.1.6 (gate-b.example.net)\n"
          "  - peer 100.64.1.5 (gate-b.example.net)\n1 tunnel: 1 changed\n");
    CHECK(link(host.space, "vxlan0").at("ifindex") == index);

    Names::set_hosts("100.64.1.7 gate-a.example.net\n2001:db8::6 gate-b.example.net\n");
    const auto kept = vxlanctl(host.space, "apply --source test -", file);
    CHECK(kept.code == 0);
    CHECK(kept.out ==
          "vxlan0: changed\n  + peer 100.64.1.7 (gate-a.example.net)\n1 tunnel: 1 changed\n");
    CHECK(told(kept, "peer-name-unknown-kept", {"vxlan0", "gate-b.example.net"}));
    CHECK(std::count(kept.err.begin(), kept.err.end(), '\n') == 1);
    const auto checked = vxlanctl(host.space, "check -", file);
    CHECK(checked.code == 0);
    CHECK(checked.out.empty());
    CHECK(checked.err == kept.err);
    CHECK(vxlanctl_counted(host.space, "apply --source test -", {}, file.input).writes == 0);
    const auto json = nlohmann::json::parse(vxlanctl(host.space, "plan - --json", file).out);
    CHECK(told(json.at("tunnels").at(0).at("warnings")) ==
          "peer-name-unknown-kept {peer=gate-b.example.net, why=" + clause("only-ipv6-addresses") +
              "}");

    Names::set_hosts("100.64.1.7 gate-a.example.net\n100.64.1.6 gate-b.example.net\n");
    CHECK(vxlanctl(host.space, "apply --source test -", file).out ==
          "vxlan0: changed\n  - peer 100.64.1.4 (gate-a.example.net)\n1 tunnel: 1 changed\n");
}

TEST_CASE("names: where no peer runs, one without an answer stops its tunnel and no other") {
    const Host host;
    const Names names("100.64.1.4 gate-a.example.net\n");
    const auto before = snapshot(host.space);
    const auto refused = vxlanctl(host.space, up_begin + "gate-a.example.net gate-b.example.net");
    CHECK(refused.code == 2);
    CHECK(told(refused, "peer-name-unknown", {"vxlan0", "gate-b.example.net"}));
    CHECK(difference(before, snapshot(host.space)).empty());

    const auto file =
        file_with("\"gate-b.example.net\"", "[vxlan.vxlan1]\nlocal = \"172.21.0.100\"\nvni = 11\n"
                                            "peers = [\"gate-a.example.net\"]\n");
    CHECK(vxlanctl(host.space, "check -", file).code == 3);
    CHECK(vxlanctl(host.space, "apply --source test -", file).code == 1);
    CHECK(!link_exists(host.space, "vxlan0"));
    CHECK(flood_list(host.space, "vxlan1") == Lines{"100.64.1.4"});
    CHECK(vxlanctl(host.space, "down vxlan1").code == 0);
}

TEST_CASE("names: an address of this host is refused, and a loopback one is no answer") {
    const Host host;
    const Names names("172.21.0.100 me.example.net\n127.0.1.1 lo.example.net\n");
    const auto own = vxlanctl(host.space, up_begin + "me.example.net");
    CHECK(own.code == 2);
    CHECK(told(own, "peer-is-own-address", {"vxlan0", "172.21.0.100"}));
    const auto loopback = vxlanctl(host.space, up_begin + "lo.example.net");
    CHECK(loopback.code == 2);
    CHECK(told(loopback, "peer-name-unknown", {"127.0.1.1"}));
    CHECK(!link_exists(host.space, "vxlan0"));
}

TEST_CASE("names: all are looked up at once, and one time-out is that of all") {
    const Host host;
    // A server to which packets go, and nobody is there.
    sh(host.space, "ip neigh add 172.21.0.53 lladdr 02:00:00:00:00:53 dev eth0 nud permanent");
    const Names names("100.64.1.4 gate-a.example.net\n", "172.21.0.53");
    REQUIRE(vxlanctl(host.space, up_begin + "100.64.1.4 100.64.1.9").code == 0);
    // One after the other these would take longer than anything here is waited for.
    std::string words = up_begin + "gate-a.example.net --resolve-timeout 20";
    for (int i = 0; i < 200; ++i)
        words += fmt::format(" silent-{}.example.net", i);
    const auto kept = vxlanctl(host.space, words);
    CHECK(kept.code == 0);
    CHECK(kept.out == "vxlan0: in sync\n");
    CHECK(told(kept, "peer-name-unknown-kept",
               {"silent-199.example.net", clause("no-answer-in-time", {{"seconds", "20"}})}));
    CHECK(kept.err.find("gate-a") == std::string::npos);
    CHECK(flood_list(host.space, "vxlan0") == Lines{"100.64.1.4", "100.64.1.9"});
    CHECK(vxlanctl(host.space, up_begin + "gate-a.example.net --resolve-timeout 0").code == 2);
}

TEST_CASE("names: DNS is asked once in a run, where it was called, and without the lock") {
    const Host host; // the tunnel's namespace
    const Namespace caller;
    Server server(caller);
    const Names names("", "127.0.0.1");
    const auto words = command_of("apply --source test - --json --netns " +
                                  fmt::format("/proc/{}/fd/{}", getpid(), host.space.descriptor()));
    // Two tunnels with the name, and one on top of another, which makes a second stage.
    const auto file = file_with("\"gate-a.example.net\"",
                                "addresses = [\"10.9.0.1/24\"]\n"
                                "[vxlan.vxlan1]\ndev = \"vxlan0\"\nlocal = \"10.9.0.1\"\nvni = 11\n"
                                "peers = [\"gate-a.example.net\"]\n");
    Process running(caller, words, file);
    server.receive();
    CHECK(vxlanctl(host.space, "down nosuch --lock-timeout 0").code == 0);
    server.answer({100, 64, 1, 77});
    const auto made = running.wait();
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(server.waiting() == 0);
    CHECK(flood_list(host.space, "vxlan0") == Lines{"100.64.1.77"});
    CHECK(flood_list(host.space, "vxlan1") == Lines{"100.64.1.77"});
}

TEST_CASE("names: a signal ends the wait for an answer") {
    const Host host;
    Server server(host.space);
    const Names names("", "127.0.0.1");
    Process running(host.space, command_of(up_begin + "gate-a.example.net --resolve-timeout 600"));
    server.receive();
    kill(running.pid(), SIGINT);
    const auto ended = running.wait();
    CHECK(ended.code == 1);
    CHECK(told(ended, "interrupted-looking-up", {"2", "gate-a.example.net"}));
    CHECK(!link_exists(host.space, "vxlan0"));
}

TEST_CASE("names: down, show, export and graph look nothing up") {
    const Host host;
    Server server(host.space);
    {
        const Names names("100.64.1.4 gate-a.example.net\n");
        const auto commands =
            vxlanctl(host.space, up_begin + "gate-a.example.net --dry-run --ip-commands");
        CHECK(commands.out.find("dst 100.64.1.4") != std::string::npos);
        CHECK(commands.out.find("gate-a") == std::string::npos);
        REQUIRE(vxlanctl(host.space, up_begin + "gate-a.example.net").code == 0);
    }
    const Names names("", "127.0.0.1");
    const auto file = file_with("{ dst = \"gate-a.example.net\", port = 4790 }");
    const auto graph = vxlanctl(host.space, "graph --file -", file);
    CHECK(graph.code == 0);
    CHECK(graph.out.find("outer gate-a.example.net") != std::string::npos);
    const auto json =
        nlohmann::json::parse(vxlanctl(host.space, "graph --file - --json", file).out);
    const auto far = json.at("outer_ends").at(0).at("tunnels").at(0).at("far_ends").at(0);
    CHECK(far.at("host_name") == "gate-a.example.net");
    CHECK(far.at("outer") == "");
    CHECK(vxlanctl(host.space, "show").out.find("\n  100.64.1.4  ") != std::string::npos);
    CHECK(vxlanctl(host.space, "export")
              .out.find("{ dst = \"100.64.1.4\", name = \"gate-a.example.net\" }") !=
          std::string::npos);
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK(server.waiting() == 0);
}

TEST_CASE("peer names: shown wherever the peer is, and no difference to the kernel") {
    const Network network;
    const auto& space = network.host.space;
    sh(space, "mkdir -p /run/named && printf '100.64.158.133 gate-c\\n' >/run/named/c.peers");
    const auto write = [&](const std::string& peers) {
        write_text("/run/named/gate.toml",
                   "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                   "addresses = [\"10.225.194.171/9\"]\npeers_file = \"c.peers\"\npeers = [" +
                       peers + "]\n");
    };
    const std::string b = R"({ dst = "100.64.158.132", name = "gate-b" })";
    write(R"("100.64.158.4", )" + b);
    const auto apply = [&] { return vxlanctl_brief(space, "apply /run/named"); };
    const auto made = apply();
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    for (const char* line : {"  + peer 100.64.158.4\n", "  + peer 100.64.158.132 (gate-b)\n",
                             "  + peer 100.64.158.133 (gate-c)\n"})
        CHECK(made.out.find(line) != std::string::npos);
    CHECK(vxlanctl_counted(space, "apply /run/named").writes == 0);
    CHECK(run(space, {"ping", "-c", "1", "-w", "60", "10.192.158.132"}).code == 0);

    const auto has = [&](const std::string& words, const std::string& text) {
        const auto finished = vxlanctl(space, words);
        INFO(words << "\n" << finished.out << finished.err);
        CHECK(finished.out.find(text) != std::string::npos);
    };
    has("show", "\n  100.64.158.132  gate-b ");
    has("show --json", "\"name\": \"gate-b\"");
    has("graph", "gate-b");
    has("graph --json", "\"name\": \"gate-b\"");
    has("graph --file /run/named", "gate-b");
    has("doctor vxlan0", "100.64.158.132 (gate-b)");
    has("firewall", "# gate-b\n");
    has("export", b);
    const auto firewall = vxlanctl(space, "firewall").out;
    CHECK(run(space, {"nft", "-c", "-f", "-"}, {{}, firewall}).code == 0);

    // Another name is no difference, and the record has it from then on.
    write(R"("100.64.158.4", { dst = "100.64.158.132", name = "gate-2" })");
    CHECK(vxlanctl(space, "check /run/named").code == 0);
    const auto renamed = vxlanctl_counted(space, "apply /run/named");
    CHECK(renamed.writes == 0);
    CHECK(renamed.finished.out.find("in sync") != std::string::npos);
    has("show", "\n  100.64.158.132  gate-2 ");
    // What a command does to the tunnel keeps the names of the peers that stay.
    CHECK(vxlanctl(space, "peer add --override vxlan0 100.64.158.134").code == 0);
    has("show", "\n  100.64.158.132  gate-2 ");
    CHECK(apply().out.find("  - peer 100.64.158.134\n") != std::string::npos);
    // One that goes is called by the name that it had.
    write(R"("100.64.158.4")");
    CHECK(apply().out.find("  - peer 100.64.158.132 (gate-2)\n") != std::string::npos);
    const auto json = nlohmann::json::parse(vxlanctl(space, "show --json").out);
    CHECK(json.at("tunnels").at(0).at("peers").at(0).contains("name") == false);
}

TEST_CASE("peer names: warnings have them, and the addresses of a host name go by that") {
    const Host host;
    const auto& space = host.space;
    const Names names("100.64.158.4 gate.example.com\n");
    sh(space, "ip route del default");
    const auto made =
        vxlanctl(space, "apply --json -",
                 file_with(R"("gate.example.com", { dst = "100.64.158.132", name = "gate-b" })"));
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    const auto tunnel = nlohmann::json::parse(made.out).at("tunnels").at(0);
    CHECK(told(tunnel.at("warnings")) ==
          "no-route {peer=100.64.158.4, peer_name=gate.example.com}; "
          "no-route {peer=100.64.158.132, peer_name=gate-b}");
    CHECK(vxlanctl(space, "show").out.find("\n  100.64.158.4    gate.example.com ") !=
          std::string::npos);
    CHECK(vxlanctl(space, "export")
              .out.find(R"({ dst = "100.64.158.4", name = "gate.example.com" })") !=
          std::string::npos);
}
