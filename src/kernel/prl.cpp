#include "vxlanctl/kernel/prl.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if.h>
#include <linux/if_tunnel.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace vxlanctl {
namespace {

constexpr std::size_t first_capacity = 64;
constexpr std::size_t largest_capacity = 1 << 20;

ip_tunnel_prl prl_of(const PrlEntry& entry) {
    ip_tunnel_prl prl{};
    std::memcpy(&prl.addr, entry.router.bytes.data(), sizeof prl.addr); // both in network order
    prl.flags = entry.is_default ? PRL_DEFAULT : 0;
    return prl;
}

PrlEntry entry_of(const ip_tunnel_prl& prl) {
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &prl.addr, sizeof prl.addr);
    return {address_from_wire(bytes), (prl.flags & PRL_DEFAULT) != 0};
}

ifreq message_to(const std::string& link) {
    ifreq message{};
    link.copy(message.ifr_name, IFNAMSIZ - 1);
    return message;
}

} // namespace

Result<std::vector<PrlEntry>> RouterList::read(const std::string& link) {
    for (std::size_t capacity = first_capacity; capacity <= largest_capacity; capacity *= 4) {
        // The kernel leaves the first one free, and cuts a longer list off without a word.
        std::vector<ip_tunnel_prl> list(capacity + 1);
        list[0].datalen = static_cast<std::uint32_t>(capacity * sizeof list[0]);
        if (const int code = call(SIOCGETPRL, link, list.data()); code != 0)
            return error(
                Error(Code::cannot_read, link, {{"what", "the potential router list"}}).with(code));
        const std::size_t count = list[0].datalen / sizeof list[0];
        if (count >= capacity) continue;
        std::vector<PrlEntry> entries;
        for (std::size_t i = 1; i <= count; ++i)
            entries.push_back(entry_of(list[i]));
        std::sort(entries.begin(), entries.end());
        return entries;
    }
    return error(Error(Code::router_list_too_long, link).with(EFBIG));
}

int RouterList::add(const std::string& link, const PrlEntry& entry) {
    ip_tunnel_prl prl = prl_of(entry);
    const int code = call(SIOCADDPRL, link, &prl);
    return code == EEXIST ? change(link, entry) : code;
}

int RouterList::change(const std::string& link, const PrlEntry& entry) {
    ip_tunnel_prl prl = prl_of(entry);
    return call(SIOCCHGPRL, link, &prl);
}

int RouterList::remove(const std::string& link, const PrlEntry& entry) {
    if (is_unspecified(entry.router)) return ENXIO;
    ip_tunnel_prl prl = prl_of(entry);
    return call(SIOCDELPRL, link, &prl);
}

int RouterList::check(const std::string& link, int index) {
    ifreq message = message_to(link);
    if (ioctl(descriptor_, SIOCGIFINDEX, &message) != 0) return errno;
    return message.ifr_ifindex == index ? 0 : ENODEV;
}

int RouterList::call(unsigned long request, const std::string& link, void* data) {
    ifreq message = message_to(link);
    message.ifr_data = static_cast<char*>(data);
    return ioctl(descriptor_, request, &message) == 0 ? 0 : errno;
}

} // namespace vxlanctl
