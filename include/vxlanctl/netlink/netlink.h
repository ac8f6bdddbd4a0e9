#pragma once

#include "vxlanctl/base/directory.h"
#include "vxlanctl/netlink/message.h"

#include <functional>
#include <memory>
#include <vector>

namespace vxlanctl {

/// The way to the kernel and back, one datagram at a time. Abstract only because tests need a
/// kernel that misbehaves.
class Transport {
public:
    virtual ~Transport() = default;
    virtual Result<void> send(std::span<const std::byte> datagram) = 0;
    /// The next datagram; valid until the next call. Fails after a silence of ten seconds.
    virtual Result<std::span<const std::byte>> receive() = 0;
    /// Joins a multicast group (RTNLGRP_*); its events then come out of receive(), also between the
    /// datagrams of an answer.
    virtual Result<void> join(int group) = 0;
    virtual void leave(int group) = 0; ///< drops the events that were not received
    /// Of a socket in the network namespace to which the transport leads; -1 where there is none.
    virtual int descriptor() const { return -1; }
};

using MessageHandler = std::function<void(const nlmsghdr*)>;

/// A NETLINK_ROUTE socket, as Kernel::netlink() opens it, with extended acknowledgements and strict
/// checking of dump requests (both since Linux 4.20).
class NetlinkSocket : public Transport {
public:
    static Result<NetlinkSocket> over(FileDescriptor socket);

    Result<void> send(std::span<const std::byte> datagram) override;
    Result<std::span<const std::byte>> receive() override;

    Result<void> join(int group) override;
    void leave(int group) override;
    int descriptor() const override { return socket_.get(); }
    /// Gives the events that have come to `handle`, and does not wait for more; false if the socket
    /// had no room for some of them.
    bool read_events(const MessageHandler& handle) const;

private:
    explicit NetlinkSocket(FileDescriptor socket) : socket_(std::move(socket)) {}
    FileDescriptor socket_;
    std::unique_ptr<std::byte[]> buffer_;
};

/// One message of a batch that the kernel refused.
struct Failure {
    std::size_t message = 0; ///< its index in the batch
    int code = 0;            ///< errno, positive
    std::string kernel_text; ///< the extended acknowledgement; often empty
};

/// What happens to a table while it is read.
struct TableWatch {
    int group = 0;                                    ///< of its events, RTNLGRP_*
    std::function<bool(const nlmsghdr*)> is_relevant; ///< whether an event is about what is read
    bool is_quiet = false; ///< no such event came, and none was lost: the dump is of one moment
};

/// Requests and their answers over a transport.
class Netlink {
public:
    explicit Netlink(Transport& transport) : transport_(transport) {}

    /// Sends one dump request and gives every message of the answer to `handle`. A dump that the
    /// kernel marks as inconsistent (NLM_F_DUMP_INTR) is repeated a few times, after `restart`;
    /// an error anywhere in it, also inside its NLMSG_DONE, fails it: half a dump is none. So does
    /// one that has no end after a minute. `watch`, if any, is told what happened meanwhile.
    Result<void> dump(const MessageBatch& request, const MessageHandler& handle,
                      const std::function<void()>& restart, TableWatch* watch = nullptr);

    /// Sends the whole batch, in as few sends as possible, and waits until the kernel has done all
    /// of it. The kernel goes on behind a message that it refuses. Answers other than
    /// acknowledgements go to `handle`. Stops early, between two sends, when one of them had a
    /// failure that `is_fatal`, or when `goes_on`, which is told how many messages are done, says
    /// no. Fails as a whole only where the outcome is not known.
    Result<std::vector<Failure>> request(
        MessageBatch& batch, const MessageHandler& handle,
        const std::function<bool(std::size_t done)>& goes_on = {},
        const std::function<bool(const Failure&)>& is_fatal = [](const Failure&) { return true; });

    /// In how many datagrams the last dump came, less its end. The kernel may change its tables
    /// between two of them.
    std::size_t datagrams_of_last_dump() const { return datagrams_; }

    /// See Transport.
    int descriptor() const { return transport_.descriptor(); }

private:
    Result<void> dump_watched(const MessageBatch& request, const MessageHandler& handle,
                              const std::function<void()>& restart, TableWatch* watch);
    Result<void> dump_once(const MessageBatch& request, const MessageHandler& handle,
                           bool& interrupted, TableWatch* watch);
    Result<void> await(std::uint32_t first, std::uint32_t last, std::size_t first_message,
                       const MessageHandler& handle, std::vector<Failure>& failures);

    Transport& transport_;
    std::uint32_t sequence_ = 0;
    std::size_t datagrams_ = 0;
};

/// The extended acknowledgement's text in an NLMSG_ERROR message; empty when there is none.
std::string acknowledgement_text(const nlmsghdr* message);

} // namespace vxlanctl
