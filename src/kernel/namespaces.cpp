#include "vxlanctl/kernel/namespaces.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/netlink/link_codec.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
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
    return name.find('/') == std::string::npos ? formatted("{}/{}", names_directory, name) : name;
}

/// Where this process is when it visits no other namespace.
std::optional<NetworkNamespace>& home_of_process() {
    static std::optional<NetworkNamespace> space;
    return space;
}
/// Where it was before enter_namespace().
std::optional<NetworkNamespace>& callers_namespace() {
    static std::optional<NetworkNamespace> space;
    return space;
}
/// Whether it is somewhere else than at home: on a visit, or after one without a way back.
bool is_away = false;

Result<void> set_loopback_up(const NetworkNamespace& space) {
    MessageBatch batch;
    MessageWriter writer(batch);
    LinkAttributes up;
    up.up = true;
    constexpr int loopback = 1; // LOOPBACK_IFINDEX
    encode_change(writer, loopback, up, [](const std::string&) { return 0; });
    return send_batch(Kernel(space), batch, Error(Code::cannot_set_up_loopback));
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

std::string name_of(const NamespaceId& space) {
    std::string first;
    const std::unique_ptr<DIR, int (*)(DIR*)> names(opendir(names_directory), closedir);
    while (const dirent* entry = names ? readdir(names.get()) : nullptr) {
        const std::string name = entry->d_name;
        if ((first.empty() || name < first) && name.front() != '.' &&
            namespace_at(namespace_path(name)) == space)
            first = name;
    }
    return first;
}

Result<NetworkNamespace> NetworkNamespace::current() {
    constexpr const char* path = "/proc/self/ns/net";
    FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 || fstat(file.get(), &status) != 0)
        return system_error(Code::cannot_open, path, errno);
    return NetworkNamespace(std::move(file), {status.st_dev, status.st_ino}, "");
}

Result<NetworkNamespace> NetworkNamespace::home() {
    if (home_of_process()) return *home_of_process();
    auto space = current();
    if (space) home_of_process() = *space;
    return space;
}

Result<std::optional<NetworkNamespace>> NetworkNamespace::find(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || has_control_character(name))
        return error(Code::netns_name_wrong, quote(name));
    const std::string path = namespace_path(name);
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const int reason = file.get() < 0 ? errno : 0;
    if (reason == ENOENT) return std::optional<NetworkNamespace>();
    struct statfs system {};
    // 'ip netns add' makes a file that nobody may read, and mounts the namespace on it then.
    if (reason == EACCES && statfs(path.c_str(), &system) == 0 &&
        static_cast<unsigned long>(system.f_type) != NSFS_MAGIC)
        return error(Code::not_a_netns, "", {{"netns", name}});
    if (reason != 0)
        return error(Error(Code::cannot_open_netns, "", {{"netns", name}}).with(reason));
    struct stat status {};
    if (fstatfs(file.get(), &system) != 0 || fstat(file.get(), &status) != 0 ||
        static_cast<unsigned long>(system.f_type) != NSFS_MAGIC)
        return error(Code::not_a_netns, "", {{"netns", name}});
    return NetworkNamespace(std::move(file), {status.st_dev, status.st_ino}, name);
}

Result<NetworkNamespace> NetworkNamespace::open(const std::string& name) {
    auto found = find(name);
    if (!found) return tl::unexpected(found.error());
    if (*found) return std::move(**found);
    return error(Code::no_such_netns, "", {{"netns", name}});
}

Result<NetworkNamespace> NetworkNamespace::create(const std::string& name) {
    if (auto shared = share_directory(); !shared) return tl::unexpected(shared.error());
    const std::string path = namespace_path(name);
    const Error failed(Code::cannot_make_netns, "", {{"netns", name}});
    // Complete before it has a name: a run that is killed leaves no half of one.
    auto made = make_nameless(failed);
    if (!made) return made;
    if (auto up = set_loopback_up(*made); !up) return tl::unexpected(up.error());
    const FileDescriptor place(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
    if (place.get() < 0) return error(Error(failed).with(errno));
    const std::string source = formatted("/proc/self/fd/{}", made->descriptor());
    if (mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
        const int errno_code = errno;
        remove(name);
        return error(Error(failed).with(errno_code));
    }
    auto opened = open(name);
    if (!opened) remove(name);
    return opened;
}

Result<NetworkNamespace> NetworkNamespace::make_nameless(const Error& failed) {
    auto before = home();
    if (!before) return before;
    if (unshare(CLONE_NEWNET) != 0) return error(Error(failed).with(errno));
    is_away = true;
    const Visit visit(is_away); // back in any case
    return current();
}

void NetworkNamespace::remove(const std::string& name) {
    const std::string path = namespace_path(name);
    umount2(path.c_str(), MNT_DETACH);
    unlink(path.c_str());
}

Result<void> NetworkNamespace::enter() const {
    if (setns(file_->get(), CLONE_NEWNET) == 0) return {};
    if (errno == EINVAL) return error(Code::not_a_netns, "", {{"netns", name_}});
    Error problem = (name_.empty() ? Error(Code::cannot_leave_netns)
                                   : Error(Code::cannot_enter_netns, "", {{"netns", name_}}))
                        .with(errno);
    return error(problem.errno_code == EPERM ? std::move(problem).also(Code::needs_sys_admin)
                                             : std::move(problem));
}

Result<Visit> Visit::to(const NetworkNamespace& space) {
    const auto home = NetworkNamespace::home();
    if (!home) return tl::unexpected(home.error());
    const bool is_home = space.id() == home->id();
    if (is_home && !is_away) return Visit(false);
    if (auto entered = space.enter(); !entered) return tl::unexpected(entered.error());
    is_away = !is_home;
    return Visit(is_away);
}

Visit::~Visit() {
    constexpr int most = 3; // what fails for a moment; if it still does, to() tries again
    for (int attempt = 0; is_away_ && is_away && attempt < most; ++attempt)
        is_away = !home_of_process()->enter();
}

Result<void> enter_namespace(const std::string& name) {
    auto caller = NetworkNamespace::home();
    if (!caller) return tl::unexpected(caller.error());
    auto space = NetworkNamespace::open(name);
    if (!space) return tl::unexpected(space.error());
    if (space->id() != caller->id())
        if (auto entered = space->enter(); !entered) return entered;
    callers_namespace() = std::move(*caller);
    home_of_process() = std::move(*space);
    return {};
}

Result<void> return_to_caller() {
    const auto& caller = callers_namespace();
    return caller && caller->id() != home_of_process()->id() ? caller->enter() : Result<void>();
}

Result<NetworkNamespace> await_namespace(const std::string& name,
                                         std::chrono::steady_clock::time_point end) {
    // Tells every change of this process's mounts, and a name is a mount.
    const FileDescriptor mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    while (true) {
        auto found = NetworkNamespace::find(name);
        // A usage error: a file is made there before the namespace is mounted on it.
        if (!found && found.error().kind != ErrorKind::usage) return tl::unexpected(found.error());
        if (found && *found) return std::move(**found);
        if (caught_signal() != 0 || std::chrono::steady_clock::now() >= end)
            return error(caught_signal() != 0 ? Code::interrupted_waiting_for_netns
                                              : Code::gave_up_waiting_for_netns,
                         "", {{"netns", name}});
        (void)wait_for(mounts.get(), POLLPRI, end);
    }
}

} // namespace vxlanctl
