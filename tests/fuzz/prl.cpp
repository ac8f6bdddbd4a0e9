// The kernel's answer to SIOCGETPRL: whatever it is, the list is read within its bounds. The first
// byte is the error that the kernel gives, if it gives any, and the next four the length that it
// says.
#include "vxlanctl/kernel/prl.h"
#include "property.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <linux/if.h>
#include <linux/if_tunnel.h>
#include <span>

namespace {

std::span<const std::uint8_t> answer;

} // namespace

/// In the kernel's place: writes no more than the room that it was given, and says no more than it
/// has, or the list would be asked for again and again with ever more room.
extern "C" int ioctl(int, unsigned long request, ...);
extern "C" int ioctl(int, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    const auto* const message = va_arg(arguments, const ifreq*);
    va_end(arguments);
    auto* const list = reinterpret_cast<ip_tunnel_prl*>(message->ifr_data);
    if (answer.size() < 5 || answer[0] != 0) {
        errno = answer.empty() ? EIO : answer[0];
        return errno == 0 ? 0 : -1;
    }
    const auto entries = answer.subspan(5);
    std::memcpy(list + 1, entries.data(), std::min<std::size_t>(list->datalen, entries.size()));
    std::uint32_t said = 0;
    std::memcpy(&said, answer.data() + 1, sizeof said);
    list->datalen = std::min({said, list->datalen, static_cast<std::uint32_t>(entries.size())});
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    answer = std::span(data, size);
    vxlanctl::RouterList list(-1);
    if (const auto read = list.read("sit1")) require(std::is_sorted(read->begin(), read->end()));
    return 0;
}
