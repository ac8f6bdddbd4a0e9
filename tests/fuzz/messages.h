#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <linux/netlink.h>
#include <vector>

/// Calls `use` with each netlink message of the input, aligned as in a receive buffer, and of a
/// length that is there: that much the reader has checked before it decodes.
inline void for_each_message(const std::uint8_t* data, std::size_t size,
                             const std::function<void(const nlmsghdr*)>& use) {
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
        nlmsghdr header;
        std::memcpy(&header, data + at, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size - at) return;
        std::vector<std::uint32_t> copy((header.nlmsg_len + 3) / 4); // whose end is watched
        std::memcpy(copy.data(), data + at, header.nlmsg_len);
        use(reinterpret_cast<const nlmsghdr*>(copy.data()));
        at += NLMSG_ALIGN(header.nlmsg_len);
    }
}
