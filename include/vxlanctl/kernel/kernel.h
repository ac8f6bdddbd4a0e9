#pragma once

#include "vxlanctl/base/directory.h"
#include "vxlanctl/kernel/namespaces.h"
#include "vxlanctl/netlink/netlink.h"

#include <string>

namespace vxlanctl {

/// The kernel as one network namespace shows it. It alone opens what belongs to a namespace:
/// sockets, sysctls and the files of /proc/net. It enters the namespace for the moment of opening,
/// so that it does not matter when something is opened; what is open stays in its namespace.
class Kernel {
public:
    /// The namespace that this process is in: to open something there needs no capability.
    static Result<Kernel> here();
    /// Another one: to open something there needs CAP_SYS_ADMIN.
    explicit Kernel(NetworkNamespace space) : space_(std::move(space)) {}

    const NetworkNamespace& space() const { return space_; }
    const NamespaceId& id() const { return space_.id(); }
    /// A number that the kernel gives to no other namespace until it is booted again
    /// (SO_NETNS_COOKIE); 0 before Linux 5.14.
    std::uint64_t cookie() const;
    /// The inode of /proc/PID/net/dev of each process in it; 0 where it cannot be examined. Unlike
    /// /proc/PID/ns/net, everybody may look at that file who sees the process.
    std::uint64_t inode_in_proc() const;

    /// By the words of socket(2), closed when another program is started.
    Result<FileDescriptor> socket(int family, int type, int protocol) const;
    /// For NETLINK_ROUTE.
    Result<NetlinkSocket> netlink() const;
    /// For reading: a file below /proc/sys/net or /proc/net.
    Result<FileDescriptor> open_file(const std::string& path) const;

    /// This process is in the namespace as long as the visit lives: for what can only be done from
    /// the inside.
    Result<Visit> visit() const { return Visit::to(space_); }

private:
    NetworkNamespace space_;
    mutable std::optional<std::uint64_t> cookie_; ///< once a socket has told it
};

/// Sends one batch over a socket of its own. The kernel's first refusal is the error, which is
/// `failed` with errno and the kernel's words.
Result<void> send_batch(const Kernel& kernel, MessageBatch& batch, const Error& failed,
                        const MessageHandler& answer = {});

} // namespace vxlanctl
