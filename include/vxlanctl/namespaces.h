#pragma once

#include "vxlanctl/directory.h"

#include <chrono>
#include <optional>
#include <sys/types.h>

/// Network namespaces, which others make and name with ip-netns(8).
namespace vxlanctl {

/// What tells network namespaces apart as long as they live: the device and inode of
/// /proc/PID/ns/net.
struct NamespaceId {
    dev_t device = 0;
    ino_t inode = 0;
    auto operator<=>(const NamespaceId&) const = default;
};
/// That of the namespace behind a path; empty, with errno, where it cannot be examined.
std::optional<NamespaceId> namespace_at(const std::string& path);
Result<NamespaceId> current_namespace();

/// A namespace that is held open, so that it can be entered.
class NetworkNamespace {
public:
    /// The one that this process is in.
    static Result<NetworkNamespace> current();
    /// A name of ip-netns(8), or a path.
    static Result<NetworkNamespace> open(const std::string& name);
    /// Makes one as `ip netns add` does, with `lo` up. Needs CAP_SYS_ADMIN.
    static Result<NetworkNamespace> create(const std::string& name);
    /// What create() made.
    static void remove(const std::string& name);

    /// Needs CAP_SYS_ADMIN. Sockets stay in the namespace that they were opened in.
    Result<void> enter() const;
    const NamespaceId& id() const { return id_; }
    int descriptor() const { return file_.get(); }

private:
    NetworkNamespace(FileDescriptor file, NamespaceId id, std::string name)
        : file_(std::move(file)), id_(id), name_(std::move(name)) {}
    FileDescriptor file_;
    NamespaceId id_;
    std::string name_; ///< for messages; empty for the current one
};

/// Enters a namespace by its name as of ip-netns(8), or a path. Needs CAP_SYS_ADMIN.
Result<void> enter_namespace(const std::string& name);
/// Goes back to where this process was before enter_namespace(), if that was called.
Result<void> return_to_caller();

/// Whether there is a namespace of that name.
bool namespace_exists(const std::string& name);
/// Waits until there is one. Fails at the deadline, and when a signal was caught.
Result<void> await_namespace(const std::string& name, std::chrono::steady_clock::time_point end);

} // namespace vxlanctl
