#include "vxlanctl/netlink/netlink.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <linux/netlink.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>

namespace vxlanctl {
namespace {

constexpr std::size_t receive_size = 65536; // the kernel fills up to 32 KiB of it in a dump
constexpr std::size_t send_size = 65536;    // below the smallest default send buffer
constexpr int dump_attempts = 5;
constexpr time_t silence_seconds = 10;
constexpr std::chrono::seconds dump_time{60}; // of tables of millions

tl::unexpected<Error> netlink_error(Code code, int errno_code, std::string kernel_text = {}) {
    return error(Error(code).with(errno_code, std::move(kernel_text)));
}

/// Of reading something that the caller may name, see Error::set().
tl::unexpected<Error> reading_error(Code code, int errno_code, std::string kernel_text = {}) {
    return error(Error(code, "", {{"what", "the kernel's tables"}})
                     .with(errno_code, std::move(kernel_text)));
}

/// The oldest Linux on which all of vxlanctl works; docs/platforms.md.
constexpr std::string_view oldest_kernel = "5.4";

tl::unexpected<Error> kernel_too_old() {
    utsname kernel{};
    uname(&kernel); // does not fail: the pointer is valid
    return error(Code::kernel_too_old, "",
                 {{"release", std::string_view(kernel.release)}, {"needed", oldest_kernel}});
}

/// A netlink error code is negative, and stands in front of the request that it is about.
int error_code(const nlmsghdr* message) {
    const auto* error = fixed_header<nlmsgerr>(message);
    return error == nullptr ? EBADMSG : -error->error;
}

} // namespace

Result<NetlinkSocket> NetlinkSocket::over(FileDescriptor socket) {
    NetlinkSocket result(std::move(socket));
    // Without an address it would be handed no events (do_one_broadcast() in
    // net/netlink/af_netlink.c). The kernel chooses one.
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    if (bind(result.descriptor(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
        return netlink_error(Code::cannot_open_netlink, errno);
    const int on = 1;
    const timeval silence{silence_seconds, 0};
    const int receive_buffer = 1 << 20; // for many errors at once; the kernel caps it
    const int fd = result.descriptor();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &receive_buffer, sizeof receive_buffer);
    // The last of them is the youngest, of Linux 4.20. Without it the kernel ignores what a dump is
    // restricted to, and answers with all that it has.
    if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) != 0)
        return errno == ENOPROTOOPT ? kernel_too_old()
                                    : netlink_error(Code::cannot_open_netlink, errno);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) != 0)
        return netlink_error(Code::cannot_open_netlink, errno);
    result.buffer_ = std::make_unique_for_overwrite<std::byte[]>(receive_size);
    return result;
}

Result<void> NetlinkSocket::send(std::span<const std::byte> datagram) {
    while (::send(descriptor(), datagram.data(), datagram.size(), 0) < 0)
        if (errno != EINTR) return netlink_error(Code::cannot_send_to_kernel, errno);
    return {};
}

Result<std::span<const std::byte>> NetlinkSocket::receive() {
    while (true) {
        const auto size = ::recv(descriptor(), buffer_.get(), receive_size, MSG_TRUNC);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN)
            return netlink_error(Code::kernel_does_not_answer, ETIMEDOUT);
        if (size < 0) return netlink_error(Code::cannot_receive_from_kernel, errno);
        const auto bytes = static_cast<std::size_t>(size);
        if (bytes <= receive_size) return std::span<const std::byte>(buffer_.get(), bytes);
        return netlink_error(Code::cannot_receive_from_kernel, EMSGSIZE);
    }
}

Result<void> NetlinkSocket::join(int group) {
    if (setsockopt(descriptor(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        return netlink_error(Code::cannot_listen_to_kernel, errno);
    return {};
}

void NetlinkSocket::leave(int group) {
    setsockopt(descriptor(), SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof group);
    // A socket that has more events than it holds is handed no acknowledgement before they are
    // read (netlink_attachskb() in net/netlink/af_netlink.c).
    (void)read_events([](const nlmsghdr*) {});
}

bool NetlinkSocket::read_events(const MessageHandler& handle) const {
    bool has_all = true;
    while (true) {
        const auto size = recv(descriptor(), buffer_.get(), receive_size, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == ENOBUFS) {
            has_all = false;
            continue;
        }
        if (size < 0) return has_all;
        auto remaining = static_cast<int>(size);
        auto* message = reinterpret_cast<nlmsghdr*>(buffer_.get());
        for (; nlmsg_ok(message, remaining); message = nlmsg_next(message, &remaining))
            handle(message);
    }
}

Result<void> Netlink::dump(const MessageBatch& request, const MessageHandler& handle,
                           const std::function<void()>& restart, TableWatch* watch) {
    if (watch != nullptr) {
        watch->is_quiet = false; // nobody knows, where the group cannot be joined
        if (const auto joined = transport_.join(watch->group); !joined) watch = nullptr;
    }
    auto done = dump_watched(request, handle, restart, watch);
    if (watch != nullptr) transport_.leave(watch->group);
    return done;
}

Result<void> Netlink::dump_watched(const MessageBatch& request, const MessageHandler& handle,
                                   const std::function<void()>& restart, TableWatch* watch) {
    for (int attempt = 0; attempt < dump_attempts; ++attempt) {
        bool interrupted = false;
        if (attempt > 0) restart();
        if (auto done = dump_once(request, handle, interrupted, watch); !done || !interrupted)
            return done;
    }
    return reading_error(Code::changes_too_fast, EINTR);
}

Result<void> Netlink::dump_once(const MessageBatch& request, const MessageHandler& handle,
                                bool& interrupted, TableWatch* watch) {
    std::vector<std::byte> bytes = request.bytes;
    const std::uint32_t sequence = ++sequence_;
    reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_seq = sequence;
    if (auto sent = transport_.send(bytes); !sent) return sent;
    if (watch != nullptr) watch->is_quiet = true;
    const auto deadline = std::chrono::steady_clock::now() + dump_time;
    for (datagrams_ = 0;; ++datagrams_) {
        const auto datagram = transport_.receive();
        if (!datagram && watch != nullptr && datagram.error().errno_code == ENOBUFS) {
            watch->is_quiet = false; // an event was lost, which an answer never is
            continue;
        }
        if (!datagram) return tl::unexpected(datagram.error());
        if (std::chrono::steady_clock::now() > deadline)
            return reading_error(Code::answer_does_not_end, ETIMEDOUT);
        auto remaining = static_cast<int>(datagram->size());
        const auto* message = reinterpret_cast<const nlmsghdr*>(datagram->data());
        for (; nlmsg_ok(message, remaining);
             message = nlmsg_next(const_cast<nlmsghdr*>(message), &remaining)) {
            if (watch != nullptr && message->nlmsg_seq == 0 && watch->is_relevant(message))
                watch->is_quiet = false;
            if (message->nlmsg_seq != sequence) continue; // or the rest of an earlier answer
            interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (message->nlmsg_type == NLMSG_ERROR && error_code(message) != 0)
                return reading_error(Code::cannot_read, error_code(message),
                                     acknowledgement_text(message));
            if (message->nlmsg_type == NLMSG_DONE) {
                const auto* status = fixed_header<int>(message);
                if (status != nullptr && *status < 0)
                    return reading_error(Code::cannot_read, -*status);
                return {};
            }
            handle(message);
        }
        if (remaining > 0) return netlink_error(Code::answer_cut_short, EBADMSG);
    }
}

Result<std::vector<Failure>> Netlink::request(MessageBatch& batch, const MessageHandler& handle,
                                              const std::function<bool(std::size_t done)>& goes_on,
                                              const std::function<bool(const Failure&)>& is_fatal) {
    std::vector<Failure> failures;
    const std::size_t count = batch.offsets.size();
    const auto header_at = [&](std::size_t index) {
        return reinterpret_cast<nlmsghdr*>(batch.bytes.data() + batch.offsets[index]);
    };
    const auto end_of = [&](std::size_t index) {
        return index + 1 < count ? batch.offsets[index + 1] : batch.bytes.size();
    };
    for (std::size_t begin = 0;
         begin < count && std::none_of(failures.begin(), failures.end(), is_fatal);) {
        std::size_t end = begin;
        const std::uint32_t first = sequence_ + 1;
        while (end < count && (end == begin || end_of(end) - batch.offsets[begin] <= send_size))
            header_at(end++)->nlmsg_seq = ++sequence_;
        // Errors are always acknowledged; success need be said only once, for the last message.
        header_at(end - 1)->nlmsg_flags |= NLM_F_ACK;
        const auto bytes =
            std::span<const std::byte>(batch.bytes)
                .subspan(batch.offsets[begin], end_of(end - 1) - batch.offsets[begin]);
        if (auto sent = transport_.send(bytes); !sent) return tl::unexpected(sent.error());
        if (auto done = await(first, sequence_, begin, handle, failures); !done)
            return tl::unexpected(done.error());
        begin = end;
        if (goes_on && !goes_on(begin)) break;
    }
    return failures;
}

Result<void> Netlink::await(std::uint32_t first, std::uint32_t last, std::size_t first_message,
                            const MessageHandler& handle, std::vector<Failure>& failures) {
    while (true) {
        const auto datagram = transport_.receive();
        if (!datagram) return tl::unexpected(datagram.error());
        auto remaining = static_cast<int>(datagram->size());
        const auto* message = reinterpret_cast<const nlmsghdr*>(datagram->data());
        for (; nlmsg_ok(message, remaining);
             message = nlmsg_next(const_cast<nlmsghdr*>(message), &remaining)) {
            // Sequence numbers are consecutive, so this also skips answers to earlier batches.
            const std::uint32_t offset = message->nlmsg_seq - first;
            if (offset > last - first) continue;
            if (message->nlmsg_type != NLMSG_ERROR) {
                handle(message);
                continue;
            }
            if (const int code = error_code(message); code != 0)
                failures.push_back({first_message + offset, code, acknowledgement_text(message)});
            if (message->nlmsg_seq == last) return {};
        }
        if (remaining > 0) return netlink_error(Code::answer_cut_short, EBADMSG);
    }
}

std::string acknowledgement_text(const nlmsghdr* message) {
    const auto* error = fixed_header<nlmsgerr>(message);
    if (error == nullptr || (message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
    // The request that failed is quoted in between, whole or (NLM_F_CAPPED) its header alone.
    std::size_t quoted = sizeof *error;
    if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) {
        if (error->msg.nlmsg_len < NLMSG_HDRLEN) return "";
        quoted += NLMSG_ALIGN(error->msg.nlmsg_len - NLMSG_HDRLEN);
    }
    for (const nlattr* attribute : NetlinkAttributes::of_message(message, quoted))
        if (nla_type(attribute) == NLMSGERR_ATTR_MSG) return read_string(attribute);
    return "";
}

} // namespace vxlanctl
