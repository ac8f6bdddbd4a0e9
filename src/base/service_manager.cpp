#include "vxlanctl/base/service_manager.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/number.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

} // namespace

ServiceManager ServiceManager::of_environment() {
    ServiceManager manager;
    manager.address_ = environment("NOTIFY_SOCKET");
    const auto time = parse_decimal(environment("WATCHDOG_USEC"));
    const std::string process = environment("WATCHDOG_PID"); // it may be another one's
    if (time && *time > 0 && (process.empty() || process == std::to_string(getpid())))
        manager.interval_ = std::chrono::microseconds(*time) / 2;
    return manager;
}

void ServiceManager::tell(std::string_view lines) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool is_meant = address_.starts_with('/') || address_.starts_with('@');
    if (!is_meant || address_.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, address_.data(), address_.size());
    if (address_.front() == '@') address.sun_path[0] = '\0';
    const FileDescriptor sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (sender.get() < 0) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    (void)sendto(sender.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

} // namespace vxlanctl
