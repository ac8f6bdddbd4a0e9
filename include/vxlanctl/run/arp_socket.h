#pragma once

#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/plan/arp.h"

namespace vxlanctl {

/// Sends and hears ARP messages without waiting, and sends neighbour advertisements. Needs
/// CAP_NET_RAW.
class ArpSocket {
public:
    /// Hears nothing.
    static Result<ArpSocket> for_sending(const Kernel& kernel);
    /// Hears what comes in by one link.
    static Result<ArpSocket> on_link(const Kernel& kernel, int link_index);

    /// To everybody on the link; errno where that fails, else 0.
    int broadcast(int link_index, const ArpMessage& message) const;
    /// The same on the socket's own link.
    int broadcast(const ArpMessage& message) const { return broadcast(link_index_, message); }
    /// By ARP or as a neighbour advertisement; errno where that fails, else 0.
    int announce(const Announcement& announcement) const;
    /// The MAC address of the socket's own link.
    MacAddress link_mac() const;
    /// The next message, or none where nothing waits; others are left out.
    std::optional<ArpMessage> receive() const;
    int descriptor() const { return socket_.get(); } ///< for poll()

private:
    explicit ArpSocket(FileDescriptor socket) : socket_(std::move(socket)) {}
    int send_to(int link_index, std::uint16_t protocol, const MacAddress& mac,
                std::span<const std::byte> bytes) const;
    FileDescriptor socket_;
    int link_index_ = 0; ///< 0 where it hears nothing
};

/// Tells those inside of one network namespace's tunnels where addresses are now. One socket serves
/// all; it is opened when there is something to tell.
class Announcer {
public:
    Announcer() = default;
    Announcer(const Announcer&) = delete;
    Announcer& operator=(const Announcer&) = delete;
    /// Leaves a process behind for as long as the kernel needs to let the socket go.
    ~Announcer();

    /// Tries every one. The error is the first of them, with the link as its subject.
    Result<void> announce(const Kernel& kernel, std::span<const Announcement> news);

private:
    std::optional<ArpSocket> socket_;
};

} // namespace vxlanctl
