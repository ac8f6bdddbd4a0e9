// Preloaded into vxlanctl, or linked into it where it is static: sees every datagram that it sends
// to the kernel, and every ioctl that changes something there.
//
//   VXLANCTL_LOG=FILE         appends a line for each message that changes something: its type; and
//                             `read` for each other one
//   VXLANCTL_BREAK_WRITE=N    makes the N-th such message one that the kernel refuses
//   VXLANCTL_BREAK_FROM=N     the same for the N-th and all later ones
//   VXLANCTL_STOP_BEFORE=N    stops the process (SIGSTOP) before the send with the N-th one
//   VXLANCTL_STOP_READING=N   the same before the N-th message that changes nothing
//   VXLANCTL_STOP_RENAME=N    the same before it gives a file its name for the N-th time
//   VXLANCTL_BREAK_RENAME=N   that fails instead, as on a full disk
//   VXLANCTL_SEND_TIME=N      makes each send take N milliseconds longer
//
// A broken message keeps its place and sequence number, so the refusal is the kernel's own.
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/if.h>
#include <linux/if_tunnel.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr unsigned short no_such_type = 0x7ff0;
long writes = 0, reads = 0, renames = 0;
const pid_t process = getpid(); // what it forks is left alone

long number(const char* name) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atol(text) : 0;
}

bool is_write(const nlmsghdr& header) {
    // rtnetlink numbers its types in fours: NEW, DEL, GET, SET. Those of nfnetlink have the number
    // of a subsystem in the upper byte, and nothing is written there.
    return getpid() == process && header.nlmsg_type >= 16 && header.nlmsg_type < 256 &&
           header.nlmsg_type % 4 != 2;
}

// SIOCADDPRL, SIOCDELPRL and SIOCCHGPRL follow one another; the last of the range is nobody's.
bool is_write(unsigned long request) {
    return getpid() == process && request >= SIOCADDPRL && request <= SIOCCHGPRL;
}
constexpr unsigned long no_such_request = SIOCDEVPRIVATE + 15;

bool is_to_break() {
    const long from = number("VXLANCTL_BREAK_FROM");
    return writes == number("VXLANCTL_BREAK_WRITE") || (from > 0 && writes >= from);
}

void log_line(const std::string& line) {
    const char* path = std::getenv("VXLANCTL_LOG");
    if (path == nullptr || getpid() != process) return;
    if (FILE* log = std::fopen(path, "ae")) {
        std::fprintf(log, "%s\n", line.c_str());
        std::fclose(log);
    }
}

void log_write(unsigned long type) {
    log_line(std::to_string(type));
}

} // namespace

extern "C" ssize_t send(int socket, const void* data, size_t size, int flags) {
    std::vector<char> copy(static_cast<const char*>(data), static_cast<const char*>(data) + size);
    for (size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
        nlmsghdr header;
        std::memcpy(&header, copy.data() + at, sizeof header);
        if (is_write(header)) {
            ++writes;
            log_write(header.nlmsg_type);
            if (writes == number("VXLANCTL_STOP_BEFORE")) raise(SIGSTOP);
            if (is_to_break()) {
                header.nlmsg_type = no_such_type;
                std::memcpy(copy.data() + at, &header, sizeof header);
            }
        } else if (header.nlmsg_type >= 16) {
            log_line("read");
            if (getpid() == process && ++reads == number("VXLANCTL_STOP_READING")) raise(SIGSTOP);
        }
        if (header.nlmsg_len < sizeof header) break;
        at += NLMSG_ALIGN(header.nlmsg_len);
    }
    usleep(static_cast<useconds_t>(number("VXLANCTL_SEND_TIME") * 1000));
    return sendto(socket, copy.data(), size, flags, nullptr, 0);
}

extern "C" int renameat(int from_directory, const char* from, int to_directory, const char* to) {
    if (getpid() == process && ++renames == number("VXLANCTL_STOP_RENAME")) raise(SIGSTOP);
    if (getpid() == process && renames == number("VXLANCTL_BREAK_RENAME")) {
        errno = ENOSPC;
        return -1;
    }
    return static_cast<int>(syscall(SYS_renameat2, from_directory, from, to_directory, to, 0));
}

extern "C" int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (is_write(request)) {
        ++writes;
        log_write(request);
        if (writes == number("VXLANCTL_STOP_BEFORE")) raise(SIGSTOP);
        if (is_to_break()) request = no_such_request;
    }
    return static_cast<int>(syscall(SYS_ioctl, descriptor, request, argument));
}
