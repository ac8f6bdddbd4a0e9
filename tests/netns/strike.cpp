// Preloaded into vxlanctl: something goes wrong with one of its calls.
//
//   VXLANCTL_FAULT=KIND   what goes wrong; see the table `faults`
//                         A fault linux-VERSION is a kernel that is no newer: it lacks what later
//                         ones brought, in every call
//   VXLANCTL_STRIKE=N     with the N-th call that it can happen to
//   VXLANCTL_STRIKE_ON=1  and with all later ones
//   VXLANCTL_STRUCK=FILE  gets the names of the calls that it happened to
//   VXLANCTL_TERMINAL=X   /dev/tty has an Enter in it (enter), or has hung up (gone)
//
// A call is numbered in whatever process it is made. One that fails is not carried out. A message
// that is refused keeps its place: the kernel answers to a type that it does not know, and only the
// number in that answer is changed. After an answer was lost the kernel is silent: the next
// receive ends at once as if it had waited.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace {

enum class Effect { fails, cut_short, too_long, interrupted, lost, endless, signal, older };

struct Fault {
    const char* name;
    Effect effect;
    int number; ///< errno, signal, or the kernel's version: 504 is 5.4
};

constexpr Fault faults[] = {
    {"EINTR", Effect::fails, EINTR},
    {"ENOBUFS", Effect::fails, ENOBUFS},
    {"ENOMEM", Effect::fails, ENOMEM},
    {"EPERM", Effect::fails, EPERM},
    {"EBUSY", Effect::fails, EBUSY},
    {"cut-short", Effect::cut_short, 0},
    {"too-long", Effect::too_long, 0},
    {"interrupted", Effect::interrupted, 0},
    {"lost", Effect::lost, 0},
    {"endless", Effect::endless, 0},
    {"SIGTERM", Effect::signal, SIGTERM},
    {"SIGKILL", Effect::signal, SIGKILL},
    {"linux-4.14", Effect::older, 414},
    {"linux-5.4", Effect::older, 504},
};

/// Of all processes of the run.
struct Shared {
    std::atomic<long> calls{0};
    std::atomic<long> seconds{0}; ///< that the clock is ahead
};

Shared& shared() {
    static Shared* const shared = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared;
    return *shared;
}

[[gnu::constructor]] void begin() {
    (void)shared(); // before anything forks
}

std::string setting(const char* name) {
    const char* text = std::getenv(name);
    return text != nullptr ? text : "";
}

const Fault* chosen() {
    static const Fault* const fault = [] {
        const std::string name = setting("VXLANCTL_FAULT");
        for (const Fault& known : faults)
            if (name == known.name) return &known;
        return static_cast<const Fault*>(nullptr);
    }();
    return fault;
}

void tell(const char* call) {
    static const std::string path = setting("VXLANCTL_STRUCK");
    const auto file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path.c_str(),
                                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const std::string line = std::string(call) + "\n";
    if (file >= 0 && syscall(SYS_write, file, line.data(), line.size()) > 0) close(file);
}

/// Whether it is this call's turn.
bool strikes(const char* call) {
    static const long wanted = std::atol(setting("VXLANCTL_STRIKE").c_str());
    static const bool goes_on = !setting("VXLANCTL_STRIKE_ON").empty();
    const long number = ++shared().calls;
    if (number != wanted && !(goes_on && number > wanted)) return false;
    tell(call);
    return true;
}

/// For a call that can fail, or be the moment of a signal. True: it fails, and errno says how.
bool fails(const char* call) {
    const Fault* fault = chosen();
    if (fault == nullptr) return false;
    if (fault->effect == Effect::signal && strikes(call)) kill(getpid(), fault->number);
    if (fault->effect != Effect::fails || !strikes(call)) return false;
    errno = fault->number;
    return true;
}

bool has(Effect effect) {
    return chosen() != nullptr && chosen()->effect == effect;
}

bool is_netlink(int socket) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK;
}

/// Calls `use` with each whole message's header, until that returns false.
template<class Use> void for_each_message(void* data, ssize_t size, Use use) {
    auto left = static_cast<int>(size);
    for (auto* header = static_cast<nlmsghdr*>(data); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left))
        if (!use(*header)) return;
}

constexpr unsigned short no_such_type = 0x7ff0;
/// Sockets and sequence numbers, and the errno that is answered.
std::map<std::pair<int, std::uint32_t>, int> refused;
int silent = -1;  ///< a socket from which nothing more comes
int endless = -1; ///< one from which there always comes the same

/// A signal cannot come between two messages of one send, but is counted the same.
void refuse_messages(int socket, std::string& datagram) {
    for_each_message(datagram.data(), static_cast<ssize_t>(datagram.size()), [&](nlmsghdr& header) {
        if (header.nlmsg_type >= NLMSG_MIN_TYPE && strikes("message")) {
            if (has(Effect::signal)) kill(getpid(), chosen()->number);
            if (has(Effect::signal)) return true;
            refused[{socket, header.nlmsg_seq}] = chosen()->number;
            header.nlmsg_type = no_such_type;
        }
        return true;
    });
}

/// Whether the kernel is taken for one from before what came with that version, and says so.
bool lacks(int version, const char* call, int error) {
    if (!has(Effect::older) || chosen()->number >= version) return false;
    tell(call);
    errno = error;
    return true;
}

/// A request is checked strictly: the attribute for an alternative name is of Linux 5.5.
void refuse_unknown_attributes(int socket, std::string& datagram) {
    for_each_message(datagram.data(), static_cast<ssize_t>(datagram.size()), [&](nlmsghdr& header) {
        if (header.nlmsg_type != RTM_GETLINK || (header.nlmsg_flags & NLM_F_DUMP) != 0) return true;
        auto* const message = static_cast<ifinfomsg*>(NLMSG_DATA(&header));
        auto left = static_cast<int>(IFLA_PAYLOAD(&header));
        for (auto* it = IFLA_RTA(message); RTA_OK(it, left); it = RTA_NEXT(it, left)) {
            if (it->rta_type != IFLA_ALT_IFNAME || !lacks(505, "alternative name", EINVAL))
                continue;
            refused[{socket, header.nlmsg_seq}] = EINVAL;
            header.nlmsg_type = no_such_type;
        }
        return true;
    });
}

void number_refusals(int socket, void* data, ssize_t size) {
    for_each_message(data, size, [&](nlmsghdr& header) {
        const auto known = refused.find({socket, header.nlmsg_seq});
        if (header.nlmsg_type == NLMSG_ERROR && known != refused.end()) {
            static_cast<nlmsgerr*>(NLMSG_DATA(&header))->error = -known->second;
            refused.erase(known);
        }
        return true;
    });
}

ssize_t plain_receive(int socket, void* data, size_t size, int flags) {
    return syscall(SYS_recvfrom, socket, data, size, flags, nullptr, nullptr);
}

/// The dump's part again and again, a second later each time.
ssize_t receive_without_end(int socket, void* data, size_t size, int flags) {
    endless = socket;
    ++shared().seconds;
    const auto got = plain_receive(socket, data, size, flags | MSG_PEEK);
    for_each_message(data, got, [](nlmsghdr& header) {
        if (header.nlmsg_type == NLMSG_DONE) header.nlmsg_type = NLMSG_NOOP;
        return true;
    });
    return got;
}

ssize_t receive_answer(int socket, void* data, size_t size, int flags) {
    if (endless == socket) return receive_without_end(socket, data, size, flags);
    if (silent == socket) flags |= MSG_DONTWAIT;
    auto got = plain_receive(socket, data, size, flags);
    if (got <= 0) return got;
    number_refusals(socket, data, got);
    auto& first = *static_cast<nlmsghdr*>(data);
    const bool is_dump = (first.nlmsg_flags & NLM_F_MULTI) != 0;
    if (has(Effect::lost) && first.nlmsg_type == NLMSG_ERROR && strikes("acknowledgement")) {
        silent = socket;
        got = plain_receive(socket, data, size, flags | MSG_DONTWAIT);
    } else if (has(Effect::interrupted) && is_dump && strikes("dump")) {
        first.nlmsg_flags |= NLM_F_DUMP_INTR;
    } else if (has(Effect::cut_short) && strikes("answer")) {
        got -= 4;
    } else if (has(Effect::too_long) && strikes("answer")) {
        got = static_cast<ssize_t>(size) + 1;
    }
    return got;
}

ssize_t receive(int socket, void* data, size_t size, int flags) {
    if (fails("recv")) return -1;
    // What is there without a wait are events, of which none comes after the other.
    if (!is_netlink(socket) || (flags & MSG_DONTWAIT) != 0)
        return plain_receive(socket, data, size, flags);
    if (has(Effect::endless) && endless != socket) {
        const auto peeked = plain_receive(socket, data, size, flags | MSG_PEEK);
        const bool is_dump =
            peeked > 0 && (static_cast<nlmsghdr*>(data)->nlmsg_flags & NLM_F_MULTI) != 0;
        if (is_dump && strikes("dump")) return receive_without_end(socket, data, size, flags);
    }
    return receive_answer(socket, data, size, flags);
}

int open_terminal() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    if (setting("VXLANCTL_TERMINAL") == "gone")
        close(ends[1]);
    else if (write(ends[1], "\n", 1) != 1)
        return -1;
    return ends[0];
}

int open_file(int directory, const char* path, int flags, mode_t mode) {
    if (fails("open")) return -1;
    if (std::strcmp(path, "/dev/tty") == 0) return open_terminal();
    return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

mode_t mode_of(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

/// The function that would be called without us.
template<class Function> Function* real(Function*, const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" {

ssize_t send(int socket, const void* data, size_t size, int flags) {
    if (fails("send")) return -1;
    std::string datagram(static_cast<const char*>(data), size);
    if (is_netlink(socket)) {
        if (endless == socket) endless = -1;
        if (has(Effect::fails) || has(Effect::signal)) refuse_messages(socket, datagram);
        if (has(Effect::older)) refuse_unknown_attributes(socket, datagram);
    }
    return syscall(SYS_sendto, socket, datagram.data(), size, flags, nullptr, 0);
}

ssize_t sendto(int socket, const void* data, size_t size, int flags, const sockaddr* to,
               socklen_t length) {
    return fails("sendto") ? -1 : syscall(SYS_sendto, socket, data, size, flags, to, length);
}

ssize_t recv(int socket, void* data, size_t size, int flags) {
    return receive(socket, data, size, flags);
}

int socket(int domain, int type, int protocol) {
    const auto made = static_cast<int>(syscall(SYS_socket, domain, type, protocol));
    if (made == silent) silent = -1;
    if (made == endless) endless = -1;
    for (auto at = refused.lower_bound({made, 0}); at != refused.end() && at->first.first == made;)
        at = refused.erase(at);
    return made;
}

int setsockopt(int socket, int level, int name, const void* value, socklen_t size) {
    if (level == SOL_NETLINK && name == NETLINK_GET_STRICT_CHK && lacks(420, "strict", ENOPROTOOPT))
        return -1;
    return static_cast<int>(syscall(SYS_setsockopt, socket, level, name, value, size));
}

int getsockopt(int socket, int level, int name, void* value, socklen_t* size) {
    if (level == SOL_SOCKET && name == SO_NETNS_COOKIE && lacks(514, "cookie", ENOPROTOOPT))
        return -1;
    return static_cast<int>(syscall(SYS_getsockopt, socket, level, name, value, size));
}

int close_range(unsigned first, unsigned last, int flags) {
    if (lacks(509, "close_range", ENOSYS)) return -1;
    return static_cast<int>(syscall(SYS_close_range, first, last, flags));
}

int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    return fails("ioctl") ? -1
                          : static_cast<int>(syscall(SYS_ioctl, descriptor, request, argument));
}

int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_file(directory, path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
    return fails("open") ? nullptr : real(fopen, "fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
    return fails("open") ? nullptr : real(fopen64, "fopen64")(path, mode);
}

DIR* opendir(const char* path) {
    return fails("open") ? nullptr : real(opendir, "opendir")(path);
}

int setns(int descriptor, int kind) {
    return fails("setns") ? -1 : static_cast<int>(syscall(SYS_setns, descriptor, kind));
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) {
    return fails("rename") ? -1
                           : static_cast<int>(
                                 syscall(SYS_renameat2, from_directory, from, to_directory, to, 0));
}

int flock(int descriptor, int operation) {
    return fails("flock") ? -1 : static_cast<int>(syscall(SYS_flock, descriptor, operation));
}

ssize_t write(int descriptor, const void* data, size_t size) {
    return fails("write") ? -1 : syscall(SYS_write, descriptor, data, size);
}

int clock_gettime(clockid_t clock, timespec* time) {
    const auto got = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
    if (clock == CLOCK_MONOTONIC) time->tv_sec += shared().seconds;
    return got;
}
}
