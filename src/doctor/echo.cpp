#include "vxlanctl/doctor/echo.h"

#include "vxlanctl/doctor/socket_address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr std::size_t echo_header = 8; // type, code, checksum, identifier, sequence number
constexpr int most_at_once = 1024;     // messages, so that a flood of them ends

std::size_t ip_header(Family family) {
    return family == Family::ipv4 ? 20 : 40;
}

/// The sum of RFC 1071; the message's own checksum is 0.
std::uint16_t checksum(std::span<const std::uint8_t> message) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < message.size(); ++i)
        sum += static_cast<std::uint32_t>(message[i]) << (i % 2 == 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

void put_big_endian(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t number) {
    bytes[at] = static_cast<std::uint8_t>(number >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(number & 0xff);
}

std::uint16_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// Only echo replies are handed to it.
void filter_replies(int socket, Family family) {
    if (family == Family::ipv4) {
        icmp_filter filter{~(1U << ICMP_ECHOREPLY)};
        setsockopt(socket, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
    } else {
        icmp6_filter filter;
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
}

} // namespace

std::uint32_t small_echo(Family family) {
    constexpr std::size_t data = 56; // as ping(8)
    return static_cast<std::uint32_t>(ip_header(family) + echo_header + data);
}

Result<EchoQuestion> EchoQuestion::open(const Kernel& kernel, const EchoWay& way) {
    const bool ipv4 = way.family == Family::ipv4;
    auto socket = kernel.socket(ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK,
                                ipv4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
    const auto failed = [](int code) {
        return error(Code::cannot_send_echo, "",
                     {{"reason", code == EPERM ? text_of(Code::needs_net_raw)
                                               : std::string(std::strerror(code))}});
    };
    if (!socket) return failed(socket.error().errno_code);
    forbid_fragments(socket->get(), way.family);
    filter_replies(socket->get(), way.family);
    if (const int code = bind_to(socket->get(), way.dev, way.local); code != 0) return failed(code);
    return EchoQuestion(std::move(*socket), way);
}

EchoQuestion::EchoQuestion(FileDescriptor socket, const EchoWay& way)
    : socket_(std::move(socket)), way_(way) {
    (void)getrandom(&id_, sizeof id_, GRND_NONBLOCK); // 0 would do as well
}

void EchoQuestion::add(const IpAddress& to, std::uint32_t wanted, int group) {
    constexpr std::uint32_t largest = 65535; // what the length of an IP packet can say
    const std::uint32_t small = small_echo(way_.family);
    wanted = std::clamp(wanted, small, largest);
    targets_.push_back({to, wanted, group, SizeSearch(small, wanted), 0});
}

Question EchoQuestion::question() {
    return {socket_.get(), [this] { return ask(); }, [this] { receive(); },
            [this] { return is_settled(); }};
}

std::vector<EchoAnswer> EchoQuestion::answers() const {
    std::vector<EchoAnswer> all;
    for (const auto& target : targets_)
        all.push_back({target.to, target.sizes.passes(), target.wanted, target.code});
    return all;
}

bool EchoQuestion::ask() {
    bool asked = false;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        Target& target = targets_[i];
        if (target.sizes.passes() != 0 && leaders_.try_emplace(target.group, i).first->second != i)
            continue;
        for (const auto size : target.sizes.next()) {
            send(i, size);
            asked = true;
        }
    }
    return asked;
}

void EchoQuestion::send(std::size_t target, std::uint32_t size) {
    std::vector<std::uint8_t> message(size - ip_header(way_.family));
    message[0] =
        way_.family == Family::ipv4 ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST};
    put_big_endian(message, 4, id_);
    put_big_endian(message, 6, static_cast<std::uint16_t>(sent_.size()));
    // Of ICMPv6 the kernel makes it (rawv6_push_pending_frames() in net/ipv6/raw.c).
    if (way_.family == Family::ipv4) put_big_endian(message, 2, checksum(message));
    sent_.push_back({target, size});
    const auto to = socket_address(targets_[target].to, 0, way_.scope);
    if (sendto(socket_.get(), message.data(), message.size(), 0, &to.any, sizeof to) < 0)
        targets_[target].code = errno;
    else
        receive(); // a burst of large packets would not fit into the socket
}

void EchoQuestion::receive() {
    std::array<std::uint8_t, 128> bytes;
    for (int i = 0; i < most_at_once; ++i) {
        SocketAddress from;
        socklen_t length = sizeof from;
        const auto size =
            recvfrom(socket_.get(), bytes.data(), bytes.size(), 0, &from.any, &length);
        if (size < 0) return;
        std::span<const std::uint8_t> message(bytes.data(), static_cast<std::size_t>(size));
        if (way_.family == Family::ipv4) { // the kernel leaves the IP header there
            const std::size_t header = message.empty() ? 0 : (message[0] & 0x0fU) * 4;
            message = message.subspan(std::min(header, message.size()));
        }
        note_reply(ip_address(from), message);
    }
}

void EchoQuestion::note_reply(const IpAddress& from, std::span<const std::uint8_t> message) {
    if (message.size() < echo_header || big_endian(message, 4) != id_) return;
    const std::uint8_t reply =
        way_.family == Family::ipv4 ? std::uint8_t{ICMP_ECHOREPLY} : std::uint8_t{ICMP6_ECHO_REPLY};
    const std::size_t sequence = big_endian(message, 6);
    if (message[0] != reply || sequence >= sent_.size()) return;
    const Sent& sent = sent_[sequence];
    if (targets_[sent.target].to == from) targets_[sent.target].sizes.note_answer(sent.size);
}

bool EchoQuestion::is_settled() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [](const Target& target) { return target.sizes.is_settled(); });
}

} // namespace vxlanctl
