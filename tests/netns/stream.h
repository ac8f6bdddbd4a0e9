#pragma once

#include "world.h"

#include <atomic>
#include <netinet/in.h>
#include <thread>
#include <vector>

namespace world {

/// Where a Stream goes to, at this address.
sockaddr_in stream_endpoint(const char* address);

/// Numbered broadcast datagrams from the host into vxlan0, four thousand a second: each goes to
/// every peer of the flood list, and one of the peers counts what it gets.
class Stream {
public:
    Stream(const Namespace& from, const Namespace& to);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Sends no more, and waits until the last datagram has arrived, or has not for five seconds.
    void stop();
    long sent() const { return sent_; }
    long not_sent() const { return not_sent_; }
    /// How many datagrams arrived once, neither never nor twice; after stop().
    long received_once() const;

private:
    void send();
    void receive();
    int sender_ = -1, receiver_ = -1;
    std::atomic<bool> is_sending_ = true;
    std::atomic<std::uint32_t> sent_ = 0, not_sent_ = 0;
    std::vector<int> counts_; ///< of each number; the receiving thread's until it ended
    std::thread sending_, receiving_;
};

} // namespace world
