#include "vxlanctl/base/privileges.h"

#include <array>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

// The calls themselves, since libcap would be one more library to load at each start.
__user_cap_header_struct own_header() {
    return {_LINUX_CAPABILITY_VERSION_3, 0};
}
using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

bool read_own(CapabilitySets& words) {
    auto header = own_header();
    return syscall(SYS_capget, &header, words.data()) == 0;
}

bool has(int capability) {
    CapabilitySets words{};
    if (!read_own(words)) return true; // then the kernel will say
    return (words[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

} // namespace

bool has_net_admin() {
    return has(CAP_NET_ADMIN);
}

bool has_sys_admin() {
    return has(CAP_SYS_ADMIN);
}

void keep_capabilities(Capabilities kept) {
    CapabilitySets words{};
    if (!read_own(words)) return;
    std::uint32_t given_up = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto mask = static_cast<std::uint32_t>(kept >> (32 * i));
        given_up |= words[i].permitted & ~mask;
        words[i].effective &= mask;
        words[i].permitted &= mask;
        words[i].inheritable &= mask; // and with it what is ambient
    }
    if (given_up == 0) return;
    auto header = own_header();
    syscall(SYS_capset, &header, words.data());
    // A program that root starts would have them all again.
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

} // namespace vxlanctl
