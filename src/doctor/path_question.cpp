#include "vxlanctl/doctor/path_question.h"

#include "vxlanctl/doctor/socket_address.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr std::uint16_t discard_port = 9;

std::optional<IpAddress> offender_of(const sock_extended_err& error, const void* data,
                                     std::size_t size) {
    if (error.ee_origin == SO_EE_ORIGIN_LOCAL) return std::nullopt;
    SocketAddress offender;
    std::memcpy(&offender, data, std::min(size, sizeof offender));
    const bool is_known = offender.any.sa_family == AF_INET || offender.any.sa_family == AF_INET6;
    return is_known ? std::optional(ip_address(offender)) : std::nullopt;
}

} // namespace

PathQuestion::PathQuestion(const Kernel& kernel, const Link& link, const IpAddress& to) {
    path_.to = to;
    path_.mtu = link.attributes.mtu.value_or(0) + overhead(link.tunnel);
    path_.code = open(kernel, link);
}

int PathQuestion::open(const Kernel& kernel, const Link& link) {
    const bool ipv4 = path_.to.family == Family::ipv4;
    auto opened = kernel.socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (!opened) return opened.error().errno_code;
    socket_ = std::move(*opened);
    forbid_fragments(socket_.get(), path_.to.family);
    const int on = 1;
    setsockopt(socket_.get(), ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR,
               &on, sizeof on);
    const bool has_local = link.tunnel.local && link.tunnel.local->family == path_.to.family;
    if (const int code = bind_to(socket_.get(), link.tunnel.dev.value_or(""),
                                 has_local ? link.tunnel.local : std::nullopt);
        code != 0)
        return code;
    const auto remote = socket_address(path_.to, link.tunnel.port.value_or(discard_port));
    return connect(socket_.get(), &remote.any, sizeof remote) == 0 ? 0 : errno;
}

Question PathQuestion::question() {
    return {socket_.get(), [this] { return ask(); }, [this] { receive(); },
            [this] { return !waits_; }};
}

/// All zero: a VXLAN header without the VNI flag, which the other end drops (RFC 7348 section 5).
bool PathQuestion::ask() {
    waits_ = false;
    if (path_.code != 0 || !repeat_) return false;
    repeat_ = false;
    const std::uint32_t headers = path_.to.family == Family::ipv4 ? 28 : 48;
    if (path_.mtu <= headers) return false;
    const std::vector<std::byte> payload(path_.mtu - headers);
    waits_ = true;
    // Too large for the device is told by the error queue; and a device may drop one (ENOBUFS).
    if (send(socket_.get(), payload.data(), payload.size(), 0) < 0 && errno != EMSGSIZE &&
        errno != ECONNREFUSED && errno != ENOBUFS)
        path_.code = errno;
    return true;
}

void PathQuestion::receive() {
    int ignored = 0; // the pending error would make the next send fail
    socklen_t size = sizeof ignored;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &ignored, &size);
    read_errors();
    if (repeat_) waits_ = false;
}

void PathQuestion::read_errors() {
    for (;;) {
        alignas(cmsghdr) std::array<char, 512> control;
        std::array<char, 64> data;
        iovec part{data.data(), data.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (recvmsg(socket_.get(), &message, MSG_ERRQUEUE) < 0) return;
        for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
            const bool is_error = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                                  (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
            if (is_error && at->cmsg_len >= CMSG_LEN(sizeof(sock_extended_err)))
                note_error(CMSG_DATA(at), at->cmsg_len - CMSG_LEN(0));
        }
    }
}

void PathQuestion::note_error(const void* data, std::size_t size) {
    sock_extended_err error;
    std::memcpy(&error, data, sizeof error);
    if (error.ee_errno == EMSGSIZE && error.ee_info != 0 && error.ee_info < path_.mtu) {
        path_.mtu = error.ee_info;
        path_.reporter =
            offender_of(error, static_cast<const char*>(data) + sizeof error, size - sizeof error);
        repeat_ = true; // whether the smaller packet passes the rest of the path
    } else if (error.ee_errno != EMSGSIZE && error.ee_errno != ECONNREFUSED) {
        path_.code = static_cast<int>(error.ee_errno);
    }
}

} // namespace vxlanctl
