#include "vxlanctl/base/service_manager.h"

#include "vxlanctl/base/directory.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace vxlanctl;

namespace {

/// A socket that listens, and what was told to it.
struct Listener {
    Listener() : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX; // without a name: the kernel chooses one of the abstract ones
        REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) ==
                0);
        socklen_t size = sizeof address;
        REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        name = std::string(address.sun_path, size - offsetof(sockaddr_un, sun_path));
        name.front() = '@';
    }
    std::string told() const {
        std::array<char, 256> text{};
        const auto size = recv(socket.get(), text.data(), text.size(), 0);
        return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
    }
    FileDescriptor socket;
    std::string name;
};

/// The environment as it was when this dies.
struct Environment {
    ~Environment() {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            unsetenv(name);
    }
};

} // namespace

TEST_CASE("service manager: is told at an abstract socket, or at a path") {
    const Environment environment;
    const Listener listener;
    setenv("NOTIFY_SOCKET", listener.name.c_str(), 1);
    ServiceManager::of_environment().tell("READY=1\nSTATUS=well");
    CHECK(listener.told() == "READY=1\nSTATUS=well");
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    ServiceManager::of_environment().tell("READY=1");
    setenv("NOTIFY_SOCKET", std::string(200, '/').c_str(), 1);
    ServiceManager::of_environment().tell("READY=1");
    unsetenv("NOTIFY_SOCKET");
    ServiceManager::of_environment().tell("READY=1");
    CHECK(listener.told() == "");
}

TEST_CASE("service manager: the watchdog is for the process that it names") {
    using namespace std::chrono_literals;
    const Environment environment;
    CHECK(!ServiceManager::of_environment().watchdog_interval());
    setenv("WATCHDOG_USEC", "3000000", 1);
    CHECK(ServiceManager::of_environment().watchdog_interval() == 1500ms);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    CHECK(ServiceManager::of_environment().watchdog_interval() == 1500ms);
    setenv("WATCHDOG_PID", std::to_string(getppid()).c_str(), 1);
    CHECK(!ServiceManager::of_environment().watchdog_interval());
    unsetenv("WATCHDOG_PID");
    for (const char* wrong : {"", "0", "x", "-1"}) {
        setenv("WATCHDOG_USEC", wrong, 1);
        CHECK(!ServiceManager::of_environment().watchdog_interval());
    }
}
