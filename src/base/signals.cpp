#include "vxlanctl/base/signals.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;

volatile std::sig_atomic_t signal_number = 0;
int hangup_event = -1;

} // namespace

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = [](int number) { signal_number = number; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        if (number == SIGHUP && hangup_event >= 0) continue;
        struct sigaction old {};
        sigaction(number, nullptr, &old);
        if (old.sa_handler != SIG_IGN) sigaction(number, &action, nullptr); // nohup stays nohup
    }
}

int caught_signal() {
    return signal_number;
}

int hangup_descriptor() {
    struct sigaction action {};
    action.sa_handler = [](int) {
        const int before = errno;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = write(hangup_event, &one, sizeof one);
        errno = before;
    };
    struct sigaction old {};
    sigaction(SIGHUP, nullptr, &old);
    if (old.sa_handler == SIG_IGN) return -1;
    hangup_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hangup_event >= 0) sigaction(SIGHUP, &action, nullptr);
    return hangup_event;
}

bool wait_for(int descriptor, short events, steady_clock::time_point end) {
    sigset_t signals, before; // held up between the look for one and the wait
    sigemptyset(&signals);
    for (const int number : {SIGHUP, SIGINT, SIGTERM})
        sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, &before);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(end - steady_clock::now(), steady_clock::duration::zero()));
    const timespec time{static_cast<time_t>(left.count() / 1000),
                        static_cast<long>(left.count() % 1000 * 1'000'000)};
    pollfd wanted{descriptor, events, 0};
    const bool is_there = caught_signal() == 0 && ppoll(&wanted, 1, &time, &before) > 0;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return is_there;
}

} // namespace vxlanctl
