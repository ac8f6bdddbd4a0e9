#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/run/watch.h"

#include <functional>
#include <linux/filter.h>
#include <vector>

namespace vxlanctl {

/// What an event of the groups that WatchSocket joins says; empty for one that concerns no tunnel,
/// whatever is wanted: neighbours of IP addresses, settings of new interfaces, cached routes. Looks
/// at no more attributes than it needs.
std::optional<WatchEvent> decode_watch_event(const nlmsghdr* message);

/// The classic BPF program that drops, in the kernel, entries of forwarding databases that were
/// learned, and neighbours of IP addresses: nobody is woken up by a storm of these. An entry is
/// learned if it is neither permanent nor NOARP nor somebody's on purpose (NTF_EXT_LEARNED), and
/// its MAC address is not the flood list's.
std::vector<sock_filter> learned_filter();

/// The events of one network namespace.
class WatchSocket {
public:
    /// Of links, addresses, forwarding databases, routes, rules and settings, from here on.
    static Result<WatchSocket> open(const Kernel& kernel);
    int descriptor() const { return socket_.descriptor(); }
    /// Gives all that has come to `handle`; false if the socket had no room for some of it.
    bool read(const std::function<void(const WatchEvent&)>& handle) const;
    /// Every interface that is there, as an event. Events go on to be kept meanwhile.
    static Result<void> list(const Kernel& kernel,
                             const std::function<void(const WatchEvent&)>& handle);

private:
    explicit WatchSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
    NetlinkSocket socket_;
};

} // namespace vxlanctl
