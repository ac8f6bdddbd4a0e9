#pragma once

#include "vxlanctl/base/directory.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>

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
/// The name in /run/netns that leads to the namespace, the first where several do; empty where none
/// does.
std::string name_of(const NamespaceId& space);

/// A namespace that is held open, so that it can be entered.
class NetworkNamespace {
public:
    /// The one that this process is in, and goes back to from a Visit.
    static Result<NetworkNamespace> home();
    /// A name of ip-netns(8), or a path; none where nothing is there. An error where the system
    /// fails, where it is something else, and where it is no name.
    static Result<std::optional<NetworkNamespace>> find(const std::string& name);
    /// The same; that nothing is there is an error, too.
    static Result<NetworkNamespace> open(const std::string& name);
    /// Makes one as `ip netns add` does, with `lo` up. Needs CAP_SYS_ADMIN.
    static Result<NetworkNamespace> create(const std::string& name);
    /// What create() made.
    static void remove(const std::string& name);

    const NamespaceId& id() const { return id_; }
    int descriptor() const { return file_->get(); }

private:
    friend class Visit;
    NetworkNamespace(FileDescriptor file, NamespaceId id, std::string name)
        : file_(std::make_shared<FileDescriptor>(std::move(file))), id_(id),
          name_(std::move(name)) {}
    static Result<NetworkNamespace> current();
    static Result<NetworkNamespace> make_nameless(const Error& failed);
    Result<void> enter() const;
    friend Result<void> enter_namespace(const std::string& name);
    friend Result<void> return_to_caller();

    std::shared_ptr<FileDescriptor> file_;
    NamespaceId id_;
    std::string name_; ///< for messages; empty for that of the call
};

/// This process is in another namespace as long as this lives. Where it is there anyway, neither
/// coming nor going needs a system call or a capability. One at a time.
class Visit {
public:
    /// Needs CAP_SYS_ADMIN for another namespace. Fails, too, where a visit before found no way
    /// back, and there still is none.
    static Result<Visit> to(const NetworkNamespace& space);
    Visit(Visit&& other) noexcept : is_away_(std::exchange(other.is_away_, false)) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit();

private:
    friend class NetworkNamespace;
    explicit Visit(bool is_away) : is_away_(is_away) {}
    bool is_away_;
};

/// Makes the namespace of that name as of ip-netns(8), or path, this process's home. Needs
/// CAP_SYS_ADMIN.
Result<void> enter_namespace(const std::string& name);
/// Goes back to where this process was before enter_namespace(), if that was called.
Result<void> return_to_caller();

/// Waits until there is one of that name. Fails at the deadline, when a signal was caught, and
/// where the system fails.
Result<NetworkNamespace> await_namespace(const std::string& name,
                                         std::chrono::steady_clock::time_point end);

} // namespace vxlanctl
