#include "vxlanctl/run/address_owners.h"

#include "vxlanctl/base/signals.h"

#include <algorithm>
#include <poll.h>

namespace vxlanctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// One question to everybody on a link.
class Question {
public:
    Question(const ArpSocket& socket, std::span<const IpAddress> addresses)
        : socket_(socket), addresses_(addresses), own_mac_(socket.link_mac()) {}

    void ask() const {
        for (const auto& address : addresses_)
            if (!owners_.contains(address))
                (void)socket_.broadcast({ArpOperation::request, own_mac_, {}, {}, address});
    }

    void await_answers(Clock::time_point end, bool until_first) {
        pollfd waiting{socket_.descriptor(), POLLIN, 0};
        while (!is_settled(until_first)) {
            const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
            if (left <= 0) return;
            if (poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
            while (const auto message = socket_.receive())
                note(*message);
        }
    }

    bool is_settled(bool until_first) const {
        return caught_signal() != 0 || owners_.size() == addresses_.size() ||
               (until_first && !owners_.empty());
    }

    std::map<IpAddress, MacAddress> take() { return std::move(owners_); }

private:
    /// Whoever sends with an address as its own has it; whoever probes for it is about to.
    void note(const ArpMessage& message) {
        if (message.sender_mac == own_mac_) return;
        const bool probes =
            message.operation == ArpOperation::request && is_unspecified(message.sender);
        const IpAddress& claimed = probes ? message.target : message.sender;
        if (std::find(addresses_.begin(), addresses_.end(), claimed) != addresses_.end())
            owners_.emplace(claimed, message.sender_mac);
    }

    const ArpSocket& socket_;
    std::span<const IpAddress> addresses_;
    MacAddress own_mac_;
    std::map<IpAddress, MacAddress> owners_;
};

} // namespace

std::map<IpAddress, MacAddress> find_owners(const ArpSocket& socket,
                                            std::span<const IpAddress> addresses,
                                            const ProbeTimes& times) {
    Question question(socket, addresses);
    const auto end = Clock::now() + times.all;
    while (!question.is_settled(times.until_first) && Clock::now() < end) {
        question.ask();
        question.await_answers(std::min(end, Clock::now() + times.pause), times.until_first);
    }
    return question.take();
}

} // namespace vxlanctl
