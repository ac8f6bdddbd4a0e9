#include "vxlanctl/doctor/listening.h"

#include "vxlanctl/plan/arp.h"

#include <array>
#include <cerrno>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr std::uint32_t beginning = 64; // of a packet, which has the addresses

/// A packet is cut there before it is copied to the socket.
void keep_beginnings(int socket) {
    sock_filter keep{BPF_RET | BPF_K, 0, 0, beginning};
    const sock_fprog program{1, &keep};
    setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

} // namespace

std::optional<IpAddress> source_of(std::uint16_t protocol, std::span<const std::uint8_t> packet) {
    std::optional<IpAddress> source;
    if (protocol == ETH_P_ARP) {
        if (const auto message = decode_arp(std::as_bytes(packet))) source = message->sender;
    } else if (protocol == ETH_P_IP && packet.size() >= 20) {
        source = address_from_wire(packet.subspan(12, 4));
    } else if (protocol == ETH_P_IPV6 && packet.size() >= 40) {
        source = address_from_wire(packet.subspan(8, 16));
    }
    const bool is_wanted = source && unicast_obstacle(*source).empty() && !is_link_local(*source);
    return is_wanted ? source : std::nullopt;
}

Result<Listening> Listening::open(const Kernel& kernel, int link_index) {
    // Of protocol 0 it is handed no packet until it is bound.
    auto socket = kernel.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (!socket) return tl::unexpected(socket.error());
    keep_beginnings(socket->get());
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = link_index;
    if (bind(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_error(Code::cannot_open_socket, "", errno);
    return Listening(std::move(*socket));
}

// Nobody wakes up for a packet: a busy tunnel would keep this process busy.
Question Listening::question() {
    return {-1, [this] { return ask(); }, [this] { receive(); },
            [this] { return rounds_ > listening_rounds; }};
}

void Listening::receive() {
    constexpr int most_packets = 4096; // which the socket's buffer may hold
    std::array<std::uint8_t, beginning> bytes;
    for (int i = 0; i < most_packets && heard_.size() < most; ++i) {
        sockaddr_ll from{};
        socklen_t length = sizeof from;
        const auto size = recvfrom(socket_.get(), bytes.data(), bytes.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0) return;
        // Neither what this host sends, nor what is for another one on the tunnel.
        if (from.sll_pkttype == PACKET_OUTGOING || from.sll_pkttype == PACKET_OTHERHOST) continue;
        if (const auto source = source_of(ntohs(from.sll_protocol),
                                          std::span(bytes).first(static_cast<std::size_t>(size))))
            heard_.insert(*source);
    }
}

} // namespace vxlanctl
