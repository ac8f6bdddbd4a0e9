#include "vxlanctl/kernel/kernel.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace vxlanctl {
namespace {

std::uint64_t cookie_of(const FileDescriptor& socket) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
    return cookie;
}

} // namespace

Result<Kernel> Kernel::here() {
    auto space = NetworkNamespace::home();
    if (!space) return tl::unexpected(space.error());
    return Kernel(std::move(*space));
}

Result<FileDescriptor> Kernel::socket(int family, int type, int protocol) const {
    const auto inside = visit();
    if (!inside) return tl::unexpected(inside.error());
    FileDescriptor socket(::socket(family, type | SOCK_CLOEXEC, protocol));
    if (socket.get() < 0) return system_error(Code::cannot_open_socket, "", errno);
    if (!cookie_) cookie_ = cookie_of(socket);
    return socket;
}

Result<NetlinkSocket> Kernel::netlink() const {
    auto opened = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (!opened) return tl::unexpected(opened.error());
    return NetlinkSocket::over(std::move(*opened));
}

Result<FileDescriptor> Kernel::open_file(const std::string& path) const {
    const auto inside = visit();
    if (!inside) return tl::unexpected(inside.error());
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error(Code::cannot_open, path, errno);
    return file;
}

std::uint64_t Kernel::cookie() const {
    if (!cookie_) (void)socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    return cookie_.value_or(0);
}

// The files below /proc/PID/net are the namespace's own (proc_tgid_net_lookup() in
// fs/proc/proc_net.c); their inodes are given to nothing else as long as it lives.
std::uint64_t Kernel::inode_in_proc() const {
    const auto inside = visit();
    struct stat status {};
    return inside && stat("/proc/self/net/dev", &status) == 0 ? status.st_ino : 0;
}

Result<void> send_batch(const Kernel& kernel, MessageBatch& batch, const Error& failed,
                        const MessageHandler& answer) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    const auto ignore = [](const nlmsghdr*) {};
    const auto failures = Netlink(*socket).request(batch, answer ? answer : ignore);
    if (!failures) return tl::unexpected(failures.error());
    if (failures->empty()) return {};
    const auto& failure = failures->front();
    return error(Error(failed).with(failure.code, failure.kernel_text));
}

} // namespace vxlanctl
