#include "vxlanctl/doctor/probe.h"

#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/run/address_owners.h"
#include "vxlanctl/run/arp_socket.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <set>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds quiet{500}; // after which nobody is expected to answer
constexpr int most_rounds = 6;     // of ever smaller packets
constexpr std::uint16_t discard_port = 9;

int left_until(Clock::time_point end) {
    return static_cast<int>(std::max<long long>(
        0, std::chrono::duration_cast<milliseconds>(end - Clock::now()).count()));
}

/// For the kernel its size may be that of IPv6 for IPv4, too.
union SocketAddress {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6{};
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
    SocketAddress result;
    if (address.family == Family::ipv4) {
        result.ipv4 = {AF_INET, htons(port), {}, {}};
        std::memcpy(&result.ipv4.sin_addr, address.bytes.data(), sizeof result.ipv4.sin_addr);
    } else {
        result.ipv6 = {AF_INET6, htons(port), 0, {}, 0};
        std::memcpy(&result.ipv6.sin6_addr, address.bytes.data(), sizeof result.ipv6.sin6_addr);
    }
    return result;
}

/// A path that is being asked for its MTU.
struct PathQuestion {
    PathMtu path;
    FileDescriptor socket;
    bool repeat = true; ///< to be sent (again)
};

int open_path(const Kernel& kernel, PathQuestion& question, const Link& link) {
    const IpAddress& to = question.path.to;
    const bool ipv4 = to.family == Family::ipv4;
    auto opened = kernel.socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (!opened) return opened.error().errno_code;
    question.socket = std::move(*opened);
    const int fd = question.socket.get();
    const int on = 1;
    // The packet must not be fragmented, and what the kernel remembers of the path must not count.
    const int probe = IP_PMTUDISC_PROBE; // as IPV6_PMTUDISC_PROBE
    setsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
               &probe, sizeof probe);
    setsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR, &on,
               sizeof on);
    if (const std::string dev = link.tunnel.dev.value_or(""); !dev.empty())
        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev.c_str(),
                       static_cast<socklen_t>(dev.size() + 1)) != 0)
            return errno;
    if (link.tunnel.local && link.tunnel.local->family == to.family) {
        const auto local = socket_address(*link.tunnel.local, 0);
        if (bind(fd, &local.any, sizeof local) != 0) return errno;
    }
    const auto remote = socket_address(to, link.tunnel.port.value_or(discard_port));
    return connect(fd, &remote.any, sizeof remote) == 0 ? 0 : errno;
}

/// All zero: a VXLAN header without the VNI flag, which the other end drops (RFC 7348 section 5).
void send_path(PathQuestion& question) {
    const std::uint32_t headers = question.path.to.family == Family::ipv4 ? 28 : 48;
    if (question.path.mtu <= headers) return;
    const std::vector<std::byte> payload(question.path.mtu - headers);
    if (send(question.socket.get(), payload.data(), payload.size(), 0) < 0 && errno != EMSGSIZE &&
        errno != ECONNREFUSED)
        question.path.code = errno; // too large for the device is told by the error queue
}

std::optional<IpAddress> offender_of(const sock_extended_err& error, const void* data,
                                     std::size_t size) {
    if (error.ee_origin == SO_EE_ORIGIN_LOCAL) return std::nullopt;
    SocketAddress offender;
    std::memcpy(&offender, data, std::min(size, sizeof offender));
    if (offender.any.sa_family == AF_INET)
        return address_from_wire(
            {reinterpret_cast<const std::uint8_t*>(&offender.ipv4.sin_addr), 4});
    if (offender.any.sa_family == AF_INET6)
        return address_from_wire(offender.ipv6.sin6_addr.s6_addr);
    return std::nullopt;
}

/// Whether somebody wants smaller packets.
bool read_errors(PathQuestion& question) {
    bool smaller = false;
    for (;;) {
        alignas(cmsghdr) std::array<char, 512> control;
        std::array<char, 64> data;
        iovec part{data.data(), data.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (recvmsg(question.socket.get(), &message, MSG_ERRQUEUE) < 0) return smaller;
        for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
            const bool is_error = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                                  (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
            if (!is_error || at->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
            sock_extended_err error;
            std::memcpy(&error, CMSG_DATA(at), sizeof error);
            if (error.ee_errno == EMSGSIZE && error.ee_info != 0 &&
                error.ee_info < question.path.mtu) {
                question.path.mtu = error.ee_info;
                question.path.reporter = offender_of(error, CMSG_DATA(at) + sizeof error,
                                                     at->cmsg_len - CMSG_LEN(sizeof error));
                smaller = true;
            } else if (error.ee_errno != EMSGSIZE && error.ee_errno != ECONNREFUSED) {
                question.path.code = static_cast<int>(error.ee_errno);
            }
        }
    }
}

std::vector<PathMtu> probe_paths(const Kernel& kernel, const Link& link, const TunnelFacts& facts) {
    std::vector<PathQuestion> questions;
    for (const auto& way : facts.out) {
        if (way.code != 0) continue;
        PathQuestion question;
        question.path.to = way.to;
        question.path.mtu = link.attributes.mtu.value_or(0) + overhead(link.tunnel);
        question.path.code = open_path(kernel, question, link);
        questions.push_back(std::move(question));
    }
    for (int round = 0; round < most_rounds; ++round) {
        bool sent = false;
        for (auto& question : questions)
            if (question.path.code == 0 && question.repeat) {
                send_path(question);
                question.repeat = false;
                sent = true;
            }
        if (!sent) break;
        std::vector<pollfd> waiting;
        for (const auto& question : questions)
            waiting.push_back({question.socket.get(), 0, 0});
        const auto end = Clock::now() + quiet;
        while (poll(waiting.data(), waiting.size(), left_until(end)) > 0)
            for (std::size_t i = 0; i < waiting.size(); ++i)
                if (waiting[i].revents != 0) {
                    int ignored = 0; // the pending error would make the next send fail
                    socklen_t size = sizeof ignored;
                    getsockopt(waiting[i].fd, SOL_SOCKET, SO_ERROR, &ignored, &size);
                    if (read_errors(questions[i])) questions[i].repeat = true;
                    waiting[i].fd = questions[i].repeat ? -1 : waiting[i].fd;
                }
    }
    std::vector<PathMtu> paths;
    for (const auto& question : questions)
        paths.push_back(question.path);
    return paths;
}

/// The IPv4 neighbours and gateways inside, as far as they are known.
std::set<IpAddress> known_inside(const Link& link, const TunnelFacts& facts) {
    constexpr std::size_t most = 32;
    std::set<IpAddress> known;
    const auto add = [&](const IpAddress& address) {
        if (address.family == Family::ipv4 && !is_multicast(address) &&
            !is_limited_broadcast(address) && known.size() < most)
            known.insert(address);
    };
    for (const auto& neighbour : facts.neighbours)
        add(neighbour.address);
    for (const auto& route : link.routes)
        if (route.via) add(*route.via);
    return known;
}

class ArpProbe {
public:
    ArpProbe(const Kernel& kernel, const Link& link, Probe& probe)
        : kernel_(kernel), link_(link), probe_(probe) {}

    void run(const std::set<IpAddress>& targets) {
        auto socket = ArpSocket::on_link(kernel_, link_.index);
        if (!socket) {
            probe_.arp_obstacle = socket.error();
            return;
        }
        socket_.emplace(std::move(*socket));
        for (const auto& target : targets)
            probe_.answers.push_back({target, std::nullopt, std::nullopt});
        constexpr int tries = 2;
        for (int i = 0; i < tries && !all_answered(); ++i) {
            for (const auto& answer : probe_.answers)
                if (!answer.mac) send_request(answer.address);
            await_answers();
        }
    }

private:
    bool all_answered() const {
        return std::all_of(probe_.answers.begin(), probe_.answers.end(),
                           [](const ArpAnswer& answer) { return answer.mac.has_value(); });
    }

    void send_request(const IpAddress& target) {
        ArpMessage request;
        for (const auto& address : link_.addresses)
            if (address.prefix.address.family == Family::ipv4 &&
                (is_unspecified(request.sender) || contains(address.prefix, target)))
                request.sender = address.prefix.address;
        request.sender_mac = link_.attributes.mac.value_or(MacAddress{});
        request.target = target;
        (void)socket_->broadcast(link_.index, request); // that nobody answers will say it
    }

    void await_answers() {
        const auto end = Clock::now() + quiet;
        pollfd waiting{socket_->descriptor(), POLLIN, 0};
        while (!all_answered() && poll(&waiting, 1, left_until(end)) > 0) {
            const auto answer = socket_->receive();
            if (!answer || answer->operation != ArpOperation::reply) continue;
            for (auto& known : probe_.answers)
                if (known.address == answer->sender) known.mac = answer->sender_mac;
        }
    }

    const Kernel& kernel_;
    const Link& link_;
    Probe& probe_;
    std::optional<ArpSocket> socket_;
};

/// Where the kernel has learned the MAC addresses of those who answered.
void find_peers(Netlink& netlink, const Link& link, Probe& probe) {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_fdb(writer, link.index);
    const auto done = netlink.dump(
        batch,
        [&](const nlmsghdr* message) {
            const auto entry = decode_fdb(message);
            if (!entry || entry->link_index != link.index) return;
            for (auto* answers : {&probe.answers, &probe.own})
                for (auto& answer : *answers)
                    if (answer.mac == entry->mac) answer.behind = entry->dst;
        },
        [] {});
    if (!done) probe.arp_obstacle = done.error();
}

/// Asks whether another host has one of the tunnel's own addresses.
void find_second_owners(const Kernel& kernel, const Link& link, Probe& probe) {
    std::vector<IpAddress> addresses;
    for (const auto& address : link.addresses)
        if (address.prefix.address.family == Family::ipv4)
            addresses.push_back(address.prefix.address);
    const auto socket = ArpSocket::on_link(kernel, link.index);
    if (addresses.empty() || !socket) return; // the obstacle is told by the other question
    const auto owners = find_owners(*socket, addresses, {2 * quiet, quiet});
    for (const auto& address : addresses) {
        const auto owner = owners.find(address);
        probe.own.push_back(
            {address, owner == owners.end() ? std::nullopt : std::optional(owner->second), {}});
    }
}

} // namespace

Probe probe_tunnel(const Kernel& kernel, Netlink& netlink, const Link& link,
                   const TunnelFacts& facts) {
    Probe probe;
    probe.paths = probe_paths(kernel, link, facts);
    if (link.tunnel.kind != TunnelKind::vxlan || !link.attributes.up.value_or(false)) return probe;
    find_second_owners(kernel, link, probe);
    const auto targets = known_inside(link, facts);
    if (targets.empty())
        probe.arp_obstacle = Error(Code::no_inner_address_known);
    else
        ArpProbe(kernel, link, probe).run(targets);
    if (!probe.arp_obstacle || !probe.own.empty()) find_peers(netlink, link, probe);
    return probe;
}

} // namespace vxlanctl
