#include "vxlanctl/run/arp_socket.h"

#include "vxlanctl/plan/advertisement.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

sockaddr_ll endpoint(int link_index, std::uint16_t protocol = ETH_P_ARP) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(protocol);
    address.sll_ifindex = link_index;
    return address;
}

tl::unexpected<Error> cannot_open(int code) {
    return error(Code::cannot_send_arp, "",
                 {{"reason", code == EPERM          ? text_of(Code::needs_net_raw)
                             : code == EAFNOSUPPORT ? text_of(Code::packet_sockets_not_allowed)
                                                    : std::string(std::strerror(code))}});
}

} // namespace

Result<ArpSocket> ArpSocket::for_sending(const Kernel& kernel) {
    // Of protocol 0 it is handed no packet.
    auto socket = kernel.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (!socket) return cannot_open(socket.error().errno_code);
    return ArpSocket(std::move(*socket));
}

Result<ArpSocket> ArpSocket::on_link(const Kernel& kernel, int link_index) {
    auto socket = for_sending(kernel);
    const sockaddr_ll address = endpoint(link_index);
    if (socket && bind(socket->descriptor(), reinterpret_cast<const sockaddr*>(&address),
                       sizeof address) != 0)
        return cannot_open(errno);
    if (socket) socket->link_index_ = link_index;
    return socket;
}

int ArpSocket::broadcast(int link_index, const ArpMessage& message) const {
    constexpr MacAddress everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    return send_to(link_index, ETH_P_ARP, everybody, encode_arp(message));
}

int ArpSocket::announce(const Announcement& announcement) const {
    if (announcement.address.family == Family::ipv4)
        return broadcast(announcement.link_index, arp_of(announcement));
    return send_to(announcement.link_index, ETH_P_IPV6, all_nodes_mac,
                   encode_advertisement(announcement));
}

MacAddress ArpSocket::link_mac() const {
    sockaddr_ll address{};
    socklen_t size = sizeof address;
    MacAddress mac;
    if (getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
        std::copy_n(std::begin(address.sll_addr), mac.bytes.size(), mac.bytes.begin());
    return mac;
}

int ArpSocket::send_to(int link_index, std::uint16_t protocol, const MacAddress& mac,
                       std::span<const std::byte> bytes) const {
    sockaddr_ll address = endpoint(link_index, protocol);
    address.sll_halen = static_cast<unsigned char>(mac.bytes.size());
    std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(address.sll_addr));
    const auto sent = sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                             reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent < 0 ? errno : 0;
}

std::optional<ArpMessage> ArpSocket::receive() const {
    std::array<std::byte, arp_size> bytes;
    while (true) {
        const auto size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (size < 0) return std::nullopt;
        if (auto message = decode_arp(std::span(bytes).first(static_cast<std::size_t>(size))))
            return message;
    }
}

// Whoever closes a packet socket last waits for every CPU to have passed through the scheduler
// (packet_release() in net/packet/af_packet.c): ten to thirty milliseconds, which is several times
// what all the rest takes. A process that does nothing else waits for it instead.
Announcer::~Announcer() {
    if (!socket_ || fork() != 0) return;
    // Locks, and pipes whose other end waits for our end. closefrom() also works before Linux 5.9,
    // which has no close_range().
    if (dup2(socket_->descriptor(), 0) == 0) closefrom(1);
    _exit(0);
}

Result<void> Announcer::announce(const Kernel& kernel, std::span<const Announcement> news) {
    if (news.empty()) return {};
    const auto failed = [](const Announcement& announcement, std::string_view reason) {
        return error(Code::cannot_announce, announcement.link,
                     {{"address", to_string(announcement.address)}, {"reason", reason}});
    };
    if (!socket_) {
        auto opened = ArpSocket::for_sending(kernel);
        if (!opened) return failed(news.front(), opened.error().value("reason"));
        socket_.emplace(std::move(*opened));
    }
    Result<void> result;
    for (const auto& announcement : news)
        if (const int code = socket_->announce(announcement); code != 0 && result)
            result = failed(announcement, std::strerror(code));
    return result;
}

} // namespace vxlanctl
