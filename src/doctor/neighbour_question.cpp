#include "vxlanctl/doctor/neighbour_question.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/doctor/socket_address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/icmp6.h>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

constexpr int neighbour_tries = 2;
constexpr int most_messages = 1024; // at once, so that a flood of them ends

void note_answer(Answerers& answers, const IpAddress& address, const MacAddress& mac) {
    auto& macs = answers[address];
    if (!is_in(macs, mac)) macs.push_back(mac);
}

/// Where the owner of an address listens (RFC 4291 section 2.7.1).
IpAddress solicited_node(const IpAddress& address) {
    IpAddress group{Family::ipv6, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
    std::copy(address.bytes.begin() + 13, address.bytes.end(), group.bytes.begin() + 13);
    return group;
}

// RFC 4861 sections 4.3, 4.4 and 4.6.1.
constexpr std::size_t target_at = 8, options_at = 24, option_size = 8;
constexpr std::size_t solicitation_size = 32; // with one option
constexpr std::uint8_t source_link_layer = 1, target_link_layer = 2;

} // namespace

Result<ArpQuestion> ArpQuestion::open(const Kernel& kernel, int link_index) {
    auto socket = ArpSocket::on_link(kernel, link_index);
    if (!socket) return tl::unexpected(socket.error());
    return ArpQuestion(std::move(*socket));
}

void ArpQuestion::add(const IpAddress& target, const IpAddress& sender) {
    targets_.push_back({target, sender, false});
}

void ArpQuestion::add_own(const IpAddress& address) {
    targets_.push_back({address, {}, true});
}

Question ArpQuestion::question() {
    return {socket_.descriptor(), [this] { return ask(); }, [this] { receive(); },
            [this] { return is_settled(); }};
}

bool ArpQuestion::ask() {
    if (is_settled() || tries_++ >= neighbour_tries) return false;
    for (const auto& target : targets_)
        if (!answers_.contains(target.address)) // that nobody answers will tell a failure
            (void)socket_.broadcast(
                {ArpOperation::request, socket_.link_mac(), target.sender, {}, target.address});
    return true;
}

void ArpQuestion::receive() {
    for (int i = 0; i < most_messages; ++i) {
        const auto message = socket_.receive();
        if (!message) return;
        note(*message);
    }
}

void ArpQuestion::note(const ArpMessage& message) {
    if (message.sender_mac == socket_.link_mac()) return;
    const bool is_reply = message.operation == ArpOperation::reply;
    const bool is_probe = !is_reply && is_unspecified(message.sender);
    for (const auto& target : targets_) {
        // Whoever sends with an own address has it, and whoever probes for it is about to.
        const IpAddress& claimed = is_probe ? message.target : message.sender;
        if (claimed == target.address && (is_reply || target.is_own))
            note_answer(answers_, claimed, message.sender_mac);
    }
}

bool ArpQuestion::is_settled() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [&](const Target& target) { return answers_.contains(target.address); });
}

Result<SolicitationQuestion> SolicitationQuestion::open(const Kernel& kernel,
                                                        const std::string& dev, int link_index,
                                                        const MacAddress& mac) {
    auto socket = kernel.socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (!socket) return tl::unexpected(socket.error());
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
    setsockopt(socket->get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    const int hops = 255; // else it is not heeded: a router has let it pass
    setsockopt(socket->get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
    if (const int code = bind_to(socket->get(), dev, std::nullopt); code != 0)
        return system_error(Code::cannot_open_socket, "", code);
    return SolicitationQuestion(std::move(*socket), link_index, mac);
}

Question SolicitationQuestion::question() {
    return {socket_.get(), [this] { return ask(); }, [this] { receive(); },
            [this] { return is_settled(); }};
}

bool SolicitationQuestion::ask() {
    if (is_settled() || tries_++ >= neighbour_tries) return false;
    for (const auto& target : targets_) {
        std::array<std::uint8_t, solicitation_size> message{};
        message[0] = ND_NEIGHBOR_SOLICIT;
        std::copy(target.bytes.begin(), target.bytes.end(), message.begin() + target_at);
        message[options_at] = source_link_layer;
        message[options_at + 1] = option_size / 8;
        std::copy(mac_.bytes.begin(), mac_.bytes.end(), message.begin() + options_at + 2);
        const auto to = socket_address(solicited_node(target), 0, link_index_);
        (void)sendto(socket_.get(), message.data(), message.size(), 0, &to.any, sizeof to);
    }
    return true;
}

void SolicitationQuestion::receive() {
    std::array<std::uint8_t, 256> bytes;
    for (int i = 0; i < most_messages; ++i) {
        const auto size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (size < 0) return;
        note(std::span(bytes).first(static_cast<std::size_t>(size)));
    }
}

void SolicitationQuestion::note(std::span<const std::uint8_t> advertisement) {
    if (advertisement.size() < options_at || advertisement[0] != ND_NEIGHBOR_ADVERT) return;
    const IpAddress target = address_from_wire(advertisement.subspan(target_at, 16));
    if (!is_in(targets_, target)) return;
    auto options = advertisement.subspan(options_at);
    while (options.size() >= option_size) {
        const std::size_t size = std::size_t{options[1]} * 8;
        if (size == 0 || size > options.size()) return;
        if (options[0] == target_link_layer && size == option_size) {
            MacAddress mac;
            std::copy_n(options.begin() + 2, mac.bytes.size(), mac.bytes.begin());
            note_answer(answers_, target, mac);
        }
        options = options.subspan(size);
    }
}

bool SolicitationQuestion::is_settled() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [&](const IpAddress& target) { return answers_.contains(target); });
}

} // namespace vxlanctl
