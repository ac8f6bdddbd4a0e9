#include "events.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace world {
namespace {

std::string attribute_of(nlmsghdr* message, std::size_t header, unsigned short type) {
    auto* at = reinterpret_cast<char*>(message) + NLMSG_LENGTH(header);
    auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(header));
    for (auto* attribute = reinterpret_cast<rtattr*>(at); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left))
        if (attribute->rta_type == type)
            return {static_cast<const char*>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute)};
    return "";
}

} // namespace

Events::Events(const Namespace& space, int group) {
    const Inside inside(space);
    socket_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const int size = 8 << 20;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    sockaddr_nl self{};
    self.nl_family = AF_NETLINK;
    // Unbound, it would count as the kernel itself and hear nothing.
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0 ||
        setsockopt(socket_, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        throw std::runtime_error("cannot listen to events");
}

Events::~Events() {
    close(socket_);
}

std::size_t Events::smallest(int link_index, std::set<std::string>& set) {
    std::size_t smallest = set.size();
    std::array<char, 65536> buffer;
    while (true) {
        auto size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == ENOBUFS) throw std::runtime_error("events were lost");
        if (size <= 0) return smallest;
        auto left = static_cast<unsigned>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            std::string key;
            const int type = message->nlmsg_type;
            if (type == RTM_NEWNEIGH || type == RTM_DELNEIGH) {
                const auto* header = static_cast<const ndmsg*>(NLMSG_DATA(message));
                const auto mac = attribute_of(message, sizeof *header, NDA_LLADDR);
                if (header->ndm_ifindex != link_index || header->ndm_family != AF_BRIDGE ||
                    mac != std::string(6, '\0'))
                    continue;
                key = attribute_of(message, sizeof *header, NDA_DST);
                // Before Linux 6.15 rtnl_fdb_add() and rtnl_fdb_del() tell of it once more,
                // without.
                if (key.empty()) continue;
            } else if (type == RTM_NEWADDR || type == RTM_DELADDR) {
                const auto* header = static_cast<const ifaddrmsg*>(NLMSG_DATA(message));
                if (static_cast<int>(header->ifa_index) != link_index) continue;
                key = attribute_of(message, sizeof *header, IFA_LOCAL);
            }
            ++seen_[type];
            std::array<char, INET6_ADDRSTRLEN> text{};
            inet_ntop(key.size() == 4 ? AF_INET : AF_INET6, key.data(), text.data(), text.size());
            if (type == RTM_NEWNEIGH || type == RTM_NEWADDR)
                set.insert(text.data());
            else
                set.erase(text.data());
            smallest = std::min(smallest, set.size());
        }
    }
}

} // namespace world
