#include "vxlanctl/runtime.h"

#include "vxlanctl/directory.h"
#include "vxlanctl/record_codec.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sstream>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace vxlanctl {
namespace {

constexpr const char* system_directory = "/run/vxlanctl";
constexpr std::string_view record_prefix = "record-";
constexpr std::string_view fresh_prefix = "new-";

/// Lets a timer's signal end a blocking flock(). The signal comes again and again, so that it
/// cannot be missed between the look at the clock and the call.
class LockTimer {
public:
    explicit LockTimer(std::chrono::seconds timeout) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGALRM, &action, &old_);
        const itimerval timer{{0, 10000}, {timeout.count(), timeout.count() == 0 ? 1 : 0}};
        setitimer(ITIMER_REAL, &timer, nullptr);
    }
    LockTimer(const LockTimer&) = delete;
    LockTimer& operator=(const LockTimer&) = delete;
    ~LockTimer() {
        const itimerval off{};
        setitimer(ITIMER_REAL, &off, nullptr);
        sigaction(SIGALRM, &old_, nullptr);
    }

private:
    struct sigaction old_ {};
};

std::string lock_name(NamespaceId space) {
    return fmt::format("lock-{}-{}", space.device, space.inode);
}

std::optional<NamespaceId> namespace_of_lock(const std::string& name) {
    unsigned long device = 0, inode = 0;
    int length = 0;
    if (std::sscanf(name.c_str(), "lock-%lu-%lu%n", &device, &inode, &length) != 2 ||
        static_cast<std::size_t>(length) != name.size())
        return std::nullopt;
    return NamespaceId{device, inode};
}

/// Every network namespace that a process lives in or that has a name; empty when one could not be
/// examined. One that is merely held open is missed; its links then only lose the memory of what
/// may be reset.
std::optional<std::vector<NamespaceId>> living_namespaces() {
    // Where others' processes are hidden (hidepid, ProtectProc), they look as if they were not
    // there.
    if (!namespace_at("/proc/1/ns/net")) return std::nullopt;
    std::vector<NamespaceId> spaces;
    for (const char* directory : {"/proc", "/run/netns", "/run/docker/netns"}) {
        const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory), closedir);
        if (!open && errno != ENOENT) return std::nullopt;
        while (const dirent* entry = open ? readdir(open.get()) : nullptr) {
            std::string path = fmt::format("{}/{}", directory, entry->d_name);
            if (directory == std::string_view("/proc")) path += "/ns/net";
            if (const auto space = namespace_at(path))
                spaces.push_back(*space);
            else if (errno != ENOENT && errno != ENOTDIR && errno != ESRCH)
                return std::nullopt;
        }
    }
    return spaces;
}

std::string read_process_file(int process, std::string_view name) {
    const FileDescriptor file(
        open(fmt::format("/proc/{}/{}", process, name).c_str(), O_RDONLY | O_CLOEXEC));
    return read_all(file.get());
}

/// A process's parent; 0 when there is none, or it cannot be seen.
int parent_of(int process) {
    const std::string stat = read_process_file(process, "stat"); // PID (NAME) STATE PARENT ...
    const auto name_end = stat.rfind(") ");
    return name_end + 4 < stat.size() ? std::atoi(stat.c_str() + name_end + 4) : 0;
}

/// Who has the lock.
struct Holder {
    std::string who;
    std::optional<long long> left; ///< seconds in which its change waits for a confirmation
};

/// Out of the lock's text: a line that says who, and perhaps until when a confirmation is awaited,
/// in seconds since 1970.
Holder holder_in(const std::string& text) {
    const auto end = text.find('\n');
    Holder holder{text.empty() ? "another vxlanctl" : text.substr(0, end), std::nullopt};
    if (end != std::string::npos)
        holder.left = std::max(0LL, std::atoll(text.c_str() + end + 1) - std::time(nullptr));
    return holder;
}

std::vector<std::string> names_in(const FileDescriptor& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(
        fdopendir(openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), closedir);
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr)
        names.emplace_back(entry->d_name);
    return names;
}

Result<std::string> text_in(const FileDescriptor& directory, const std::string& name) {
    return open_file(directory, name, O_RDONLY).map([](const FileDescriptor& file) {
        return read_all(file.get());
    });
}

/// Whether what cannot be opened is as good as none: not there, not ours to read, or put there by
/// somebody else.
bool is_none(const Error& error) {
    const int code = error.errno_code;
    return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EACCES || code == 0;
}

std::optional<std::string> id_of_record(const std::string& name) {
    if (!name.starts_with(record_prefix)) return std::nullopt;
    return name.substr(record_prefix.size());
}

/// The current network namespace's; 0 before Linux 5.14.
std::uint64_t current_cookie() {
    const FileDescriptor any(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    getsockopt(any.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
    return cookie;
}

/// Whether the name still means the open file.
bool is_still_there(int directory, const std::string& name, int file) {
    struct stat named {
    }, opened{};
    return fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

std::string find_ssh_connection() {
    constexpr std::string_view name = "SSH_CONNECTION=";
    if (const char* own = std::getenv("SSH_CONNECTION")) return own;
    for (int process = getppid(); process > 1; process = parent_of(process)) {
        const std::string environment = '\0' + read_process_file(process, "environ");
        const auto begin = environment.find('\0' + std::string(name));
        if (begin != std::string::npos) return environment.c_str() + begin + 1 + name.size();
    }
    return "";
}

} // namespace

std::string ssh_connection() {
    static const std::string connection = find_ssh_connection();
    return connection;
}

std::optional<IpAddress> ssh_address(SshEnd end) {
    std::istringstream connection(ssh_connection()); // CLIENT PORT SERVER PORT
    std::string client, port, server;
    connection >> client >> port >> server;
    const std::string& word = end == SshEnd::client ? client : server;
    const auto address = parse_address(word.substr(0, word.find('%')));
    return address ? std::optional(*address) : std::nullopt;
}

Result<RuntimeDirectory> RuntimeDirectory::open() {
    auto directory = make_directory(system_directory);
    if (!directory) {
        const int code = directory.error().errno_code;
        const bool denied = code == EACCES || code == EROFS;
        // The system's is not ours to use: an ordinary user, or one who is root of a namespace
        // only. Else an error is one, since the records are there, and so are others' locks.
        if (denied || geteuid() != 0 || uid_outside() != 0)
            directory = make_directory(own_directory());
    }
    if (!directory) return tl::unexpected(directory.error());
    return RuntimeDirectory(std::move(*directory));
}

Result<std::optional<RuntimeDirectory>> RuntimeDirectory::open_existing() {
    std::optional<RuntimeDirectory> directory;
    auto system = open_directory_of_root(system_directory);
    if (!system && !is_none(system.error())) return tl::unexpected(system.error());
    auto own = open_directory(own_directory());
    if (!own && !is_none(own.error())) return tl::unexpected(own.error());
    if (system) {
        directory = RuntimeDirectory(std::move(*system));
        if (own) directory->other_ = std::move(*own);
    } else if (own) {
        directory = RuntimeDirectory(std::move(*own));
    }
    return directory;
}

Result<void> RuntimeDirectory::lock(NamespaceId space, std::chrono::seconds timeout,
                                    const std::string& purpose,
                                    const std::function<void(const std::string& holder)>& on_wait) {
    const std::string name = lock_name(space);
    auto opened = open_file(directory_, name, O_RDWR | O_CREAT);
    if (!opened) return tl::unexpected(opened.error());
    FileDescriptor file = std::move(*opened);
    bool told = false;
    std::optional<LockTimer> timer;
    while (flock(file.get(), told ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        if (!told && errno != EWOULDBLOCK) return system_error(Code::cannot_lock, name, errno);
        const auto [who, left] = holder_in(read_all(file.get()));
        const Values unconfirmed{{"holder", who}, {"seconds", left.value_or(0)}};
        if (told) {
            Error locked(Code::locked, "", {{"holder", who}, {"seconds", timeout.count()}});
            return error(left ? std::move(locked).also(Code::holder_unconfirmed, unconfirmed)
                              : std::move(locked));
        }
        on_wait(left ? text_of(Code::whose_change_waits, unconfirmed) : who);
        told = true;
        timer.emplace(timeout);
    }
    timer.reset();
    if (!is_still_there(directory_.get(), name, file.get())) // swept while we waited
        return lock(space, timeout, purpose, on_wait);
    if (ftruncate(file.get(), 0) == 0 && lseek(file.get(), 0, SEEK_SET) == 0)
        write_all(file.get(), fmt::format("process {} ({})", getpid(), purpose));
    lock_ = std::move(file);
    locked_ = space;
    cookie_ = current_cookie();
    return {};
}

void RuntimeDirectory::say_until(std::chrono::system_clock::time_point time) {
    if (lseek(lock_.get(), 0, SEEK_END) >= 0)
        write_all(lock_.get(), fmt::format("\n{}\n", std::chrono::system_clock::to_time_t(time)));
}

std::string RuntimeDirectory::path_of(const std::string& name) const {
    return fmt::format("/proc/self/fd/{}/{}", directory_.get(), name);
}

std::vector<std::string> RuntimeDirectory::paths_of(const std::string& name) const {
    std::vector<std::string> paths{path_of(name)};
    if (other_.get() >= 0) paths.push_back(fmt::format("/proc/self/fd/{}/{}", other_.get(), name));
    return paths;
}

Result<std::optional<Record>> RuntimeDirectory::read_record(const std::string& id) const {
    for (const auto* directory : {&directory_, &other_}) {
        if (directory->get() < 0) continue;
        const std::string name = fmt::format("{}{}", record_prefix, id);
        const auto text = text_in(*directory, name);
        if (text) return parse_record(*text);
        if (!is_none(text.error()))
            return system_error(Code::cannot_read_record, name, text.error().errno_code);
    }
    return std::optional<Record>();
}

Result<void> RuntimeDirectory::write_record(const std::string& id, const Record& record,
                                            NamespaceId space) {
    return replace_file(directory_, fmt::format("{}{}", fresh_prefix, id),
                        fmt::format("{}{}", record_prefix, id),
                        record_text(record, {space, cookie_}));
}

void RuntimeDirectory::remove_record(const std::string& id) {
    unlinkat(directory_.get(), fmt::format("{}{}", record_prefix, id).c_str(), 0);
}

std::map<std::string, Record>
RuntimeDirectory::orphans(const std::function<bool(const std::string&)>& is_marked) const {
    std::map<std::string, Record> orphans;
    if (lock_.get() < 0) return orphans;
    for (const auto& name : names_in(directory_)) {
        const auto id = id_of_record(name);
        if (!id || is_marked(*id)) continue;
        const auto text = text_in(directory_, name);
        if (!text || origin_of_record(*text) != RecordOrigin{locked_, cookie_}) continue;
        if (auto record = parse_record(*text)) orphans.emplace(*id, std::move(*record));
    }
    return orphans;
}

void RuntimeDirectory::sweep(NamespaceId space,
                             const std::function<bool(const std::string&)>& is_marked) {
    std::optional<std::optional<std::vector<NamespaceId>>> living;
    const auto is_alive = [&](const NamespaceId& other) {
        if (!living) living = living_namespaces();
        return !*living ||
               std::find((*living)->begin(), (*living)->end(), other) != (*living)->end();
    };
    for (const auto& name : names_in(directory_)) {
        if (const auto locked = namespace_of_lock(name)) {
            if (*locked != space && !is_alive(*locked)) unlinkat(directory_.get(), name.c_str(), 0);
            continue;
        }
        if (name.starts_with(fresh_prefix)) // of a writer that was killed
            unlinkat(directory_.get(), name.c_str(), 0);
        const auto id = id_of_record(name);
        if (!id || is_marked(*id)) continue;
        const auto text = text_in(directory_, name);
        if (!text && !is_none(text.error())) continue; // it may be of another network namespace
        const auto origin = text ? origin_of_record(*text) : std::nullopt;
        if (origin && origin->space != space && is_alive(origin->space)) continue;
        remove_record(*id);
    }
}

} // namespace vxlanctl
