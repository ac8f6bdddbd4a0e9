// Who is asked for the addresses of a name: the C library, and the program getent, which a static
// vxlanctl asks. Both say the same.
#include "vxlanctl/run/resolve.h"

#include "names.h"
#include "told.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using vxlanctl::Family;
using vxlanctl::NameQuery;
using world::Inside;
using world::Names;
using world::Namespace;

namespace {

using std::chrono::seconds;
namespace fs = std::filesystem;

/// The answers to these queries, a text each: addresses, or `!` and why there are none.
std::vector<std::string> answers(const std::set<NameQuery>& queries, vxlanctl::NameService service,
                                 seconds time = world::patience) {
    const auto found = vxlanctl::resolve(queries, time, service);
    REQUIRE(found);
    std::vector<std::string> texts;
    for (const auto& query : queries) {
        const auto& answer = found->at(query);
        std::string text = answer.why.empty() ? "" : "!" + answer.why;
        for (const auto& address : answer.addresses)
            text += (text.empty() ? "" : " ") + to_string(address);
        texts.push_back(text);
    }
    return texts;
}

/// Another getent, as long as this lives.
class OtherGetent {
public:
    explicit OtherGetent(const std::string& script) {
        std::ofstream("/run/getent") << script;
        if (!script.empty()) fs::permissions("/run/getent", fs::perms(0755));
        world::sh(nowhere_, "mount --bind /run/getent $(readlink -f $(command -v getent))");
    }
    ~OtherGetent() {
        world::run(nowhere_, {"/bin/sh", "-c", "umount $(readlink -f /usr/bin/getent)"});
        fs::remove("/run/getent");
    }
    OtherGetent(const OtherGetent&) = delete;
    OtherGetent& operator=(const OtherGetent&) = delete;

private:
    Namespace nowhere_;
};

/// A UDP socket on 127.0.0.1, where no DNS server answers.
class SilentServer {
public:
    SilentServer() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(53);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~SilentServer() { close(socket_); }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;

private:
    int socket_;
};

/// How many programs of that name run in the network namespace of this process.
int running(const std::string& name) {
    int count = 0;
    const auto here = fs::read_symlink("/proc/self/ns/net");
    for (const auto& entry : fs::directory_iterator("/proc")) {
        std::error_code gone;
        std::string comm;
        std::getline(std::ifstream(entry.path() / "comm"), comm);
        if (comm == name && fs::read_symlink(entry.path() / "ns/net", gone) == here) ++count;
    }
    return count;
}

const NameQuery both4{"both.example.net", Family::ipv4}, both6{"both.example.net", Family::ipv6};

} // namespace

TEST_CASE("name service: the C library and getent give the addresses of one family", "[kernel]") {
    const Names names("100.64.1.5 both.example.net\n100.64.1.4 both.example.net\n"
                      "2001:db8::4 both.example.net\n2001:db8::5 six.example.net\n"
                      "100.64.1.6 gate-b\n");
    const auto service = GENERATE(vxlanctl::ask_c_library, vxlanctl::ask_getent);
    CHECK(answers({both4, both6}, service) ==
          std::vector<std::string>{"100.64.1.4 100.64.1.5", "2001:db8::4"});
    CHECK(answers({{"gate-b.", Family::ipv4}}, service) == std::vector<std::string>{"100.64.1.6"});
    CHECK(answers({{"gate-b.", Family::ipv6}}, service) ==
          std::vector<std::string>{"!" + world::clause("only-ipv4-addresses")});
    CHECK(answers({{"six.example.net", Family::ipv4}}, service) ==
          std::vector<std::string>{"!" + world::clause("only-ipv6-addresses")});
}

TEST_CASE("name service: a name that nobody knows has a reason", "[kernel]") {
    const Names names("");
    CHECK(answers({both4, both6}, vxlanctl::ask_getent) ==
          std::vector<std::string>(2, "!" + world::clause("getent-found-nothing")));
    CHECK(answers({both4}, vxlanctl::ask_c_library) ==
          std::vector<std::string>{"!Name or service not known"});
}

TEST_CASE("name service: a getent without an answer ends with the time that is given", "[long]") {
    const Namespace space;
    const Inside inside(space);
    const SilentServer server;
    const Names names("100.64.1.4 both.example.net\n", "127.0.0.1");
    CHECK(
        answers({both4, {"silent.example.net", Family::ipv4}}, vxlanctl::ask_getent, seconds(20)) ==
        std::vector<std::string>{"100.64.1.4",
                                 "!" + world::clause("no-answer-in-time", {{"seconds", "20"}})});
    while (running("getent") != 0) // it has been killed, and goes at once
        usleep(1000);
}

TEST_CASE("name service: a getent that is missing, old or broken", "[kernel]") {
    const Names names("");
    SECTION("missing") {
        const OtherGetent none("");
        const auto refused = vxlanctl::resolve({both4, both6}, seconds(20), vxlanctl::ask_getent);
        REQUIRE(!refused);
        CHECK(refused.error().kind == vxlanctl::ErrorKind::usage);
        CHECK(vxlanctl::told(refused.error()) ==
              "static-cannot-look-up {names='both.example.net'}");
    }
    SECTION("without --no-addrconfig") {
        const OtherGetent old("#!/bin/sh\ncase $1 in -*) exit 64; esac\n"
                              "echo '100.64.1.4      STREAM both.example.net'\n"
                              "echo '100.64.1.4      DGRAM'\n");
        CHECK(answers({both4}, vxlanctl::ask_getent) == std::vector<std::string>{"100.64.1.4"});
    }
    SECTION("broken") {
        const OtherGetent broken("#!/bin/sh\nexit 3\n");
        CHECK(answers({both4}, vxlanctl::ask_getent) ==
              std::vector<std::string>{"!" + world::clause("getent-failed", {{"code", "3"}})});
    }
}
