#include "vxlanctl/namespaces.h"

#include "vxlanctl/link_codec.h"
#include "vxlanctl/netlink.h"
#include "vxlanctl/transaction.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr const char* names_directory = "/run/netns";

std::string namespace_path(const std::string& name) {
    return name.find('/') == std::string::npos ? fmt::format("{}/{}", names_directory, name) : name;
}

/// Where this process was before enter_namespace().
std::optional<NetworkNamespace>& callers_namespace() {
    static std::optional<NetworkNamespace> space;
    return space;
}

Result<void> set_loopback_up() {
    MessageBatch batch;
    MessageWriter writer(batch);
    LinkAttributes up;
    up.up = true;
    constexpr int loopback = 1; // LOOPBACK_IFINDEX
    encode_change(writer, loopback, up, [](const std::string&) { return 0; });
    return send_batch(batch, Error(Code::cannot_set_up_loopback));
}

/// Makes the directory a mount that other mount namespaces get to see, as ip-netns(8) does.
Result<void> share_directory() {
    if (mkdir(names_directory, 0755) != 0 && errno != EEXIST)
        return system_error(Code::cannot_make_directory, names_directory, errno);
    if (mount("", names_directory, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
    if (errno != EINVAL ||
        mount(names_directory, names_directory, "none", MS_BIND | MS_REC, nullptr) != 0 ||
        mount("", names_directory, "none", MS_SHARED | MS_REC, nullptr) != 0)
        return system_error(Code::cannot_share_netns_directory, names_directory, errno);
    return {};
}

} // namespace

std::optional<NamespaceId> namespace_at(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return std::nullopt;
    return NamespaceId{status.st_dev, status.st_ino};
}

Result<NamespaceId> current_namespace() {
    if (const auto space = namespace_at("/proc/self/ns/net")) return *space;
    return system_error(Code::cannot_examine, "/proc/self/ns/net", errno);
}

Result<NetworkNamespace> NetworkNamespace::current() {
    FileDescriptor file(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    const auto id = current_namespace();
    if (file.get() < 0) return system_error(Code::cannot_open, "/proc/self/ns/net", errno);
    if (!id) return tl::unexpected(id.error());
    return NetworkNamespace(std::move(file), *id, "");
}

Result<NetworkNamespace> NetworkNamespace::open(const std::string& name) {
    if (name.empty() || name == "." || name == "..")
        return error(Code::netns_name_wrong, quote(name));
    const std::string path = namespace_path(name);
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 && errno == ENOENT) return error(Code::no_such_netns, "", {{"netns", name}});
    if (file.get() < 0)
        return error(Error(Code::cannot_open_netns, "", {{"netns", name}}).with(errno));
    struct statfs system {};
    const auto id = namespace_at(path);
    if (!id || fstatfs(file.get(), &system) != 0 ||
        static_cast<unsigned long>(system.f_type) != NSFS_MAGIC)
        return error(Code::not_a_netns, quote(name));
    return NetworkNamespace(std::move(file), *id, name);
}

Result<NetworkNamespace> NetworkNamespace::create(const std::string& name) {
    const auto before = current();
    if (!before) return tl::unexpected(before.error());
    if (auto shared = share_directory(); !shared) return tl::unexpected(shared.error());
    const std::string path = namespace_path(name);
    const auto failed = [&]() -> Result<void> {
        return error(Error(Code::cannot_make_netns, "", {{"netns", name}}).with(errno));
    };
    // Complete before it has a name: a run that is killed leaves no half of one.
    auto made = unshare(CLONE_NEWNET) == 0 ? set_loopback_up() : failed();
    bool is_named = false;
    if (made) {
        is_named = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0))
                       .get() >= 0;
        if (!is_named || mount("/proc/self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0)
            made = failed();
    }
    if (auto back = before->enter(); !back) made = back;
    auto opened = made ? open(name) : Result<NetworkNamespace>(tl::unexpected(made.error()));
    if (!opened && is_named) remove(name);
    return opened;
}

void NetworkNamespace::remove(const std::string& name) {
    const std::string path = namespace_path(name);
    umount2(path.c_str(), MNT_DETACH);
    unlink(path.c_str());
}

Result<void> NetworkNamespace::enter() const {
    const auto here = current_namespace();
    if (here && *here == id_) return {}; // to stay needs no capability
    if (setns(file_.get(), CLONE_NEWNET) == 0) return {};
    if (errno == EINVAL) return error(Code::not_a_netns, quote(name_));
    Error problem = (name_.empty() ? Error(Code::cannot_leave_netns)
                                   : Error(Code::cannot_enter_netns, "", {{"netns", name_}}))
                        .with(errno);
    return error(problem.errno_code == EPERM ? std::move(problem).also(Code::needs_sys_admin)
                                             : std::move(problem));
}

Result<void> enter_namespace(const std::string& name) {
    auto caller = NetworkNamespace::current();
    if (!caller) return tl::unexpected(caller.error());
    const auto space = NetworkNamespace::open(name);
    if (!space) return tl::unexpected(space.error());
    if (auto entered = space->enter(); !entered) return entered;
    callers_namespace().emplace(std::move(*caller));
    return {};
}

Result<void> return_to_caller() {
    return callers_namespace() ? callers_namespace()->enter() : Result<void>();
}

bool namespace_exists(const std::string& name) {
    return NetworkNamespace::open(name).has_value();
}

Result<void> await_namespace(const std::string& name, std::chrono::steady_clock::time_point end) {
    // Tells every change of this process's mounts, and a name is a mount.
    const FileDescriptor mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    while (!namespace_exists(name)) {
        if (caught_signal() != 0 || std::chrono::steady_clock::now() >= end)
            return error(caught_signal() != 0 ? Code::interrupted_waiting_for_netns
                                              : Code::gave_up_waiting_for_netns,
                         "", {{"netns", name}});
        (void)wait_for(mounts.get(), POLLPRI, end);
    }
    return {};
}

} // namespace vxlanctl
