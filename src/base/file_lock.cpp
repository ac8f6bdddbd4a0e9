#include "vxlanctl/base/file_lock.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/signals.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;

/// Lets a timer's signal end a blocking flock() at the deadline. The signal comes again and again,
/// so that it cannot be missed between the look at the clock and the call.
class LockTimer {
public:
    explicit LockTimer(std::chrono::seconds time) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGALRM, &action, &old_);
        const auto seconds = static_cast<time_t>(time.count()); // a day at most
        const itimerval timer{{0, 10000}, {seconds, seconds == 0 ? 1 : 0}};
        setitimer(ITIMER_REAL, &timer, nullptr);
    }
    LockTimer(const LockTimer&) = delete;
    LockTimer& operator=(const LockTimer&) = delete;
    ~LockTimer() {
        const itimerval off{};
        setitimer(ITIMER_REAL, &off, nullptr);
        sigaction(SIGALRM, &old_, nullptr);
    }

private:
    struct sigaction old_ {};
};

/// Who has the lock.
struct Holder {
    std::string who;
    std::optional<long long> left; ///< seconds in which its change waits for a confirmation

    Values values() const { return {{"holder", who}, {"seconds", left.value_or(0)}}; }
    std::string text() const { return left ? text_of(Code::whose_change_waits, values()) : who; }
};

/// Out of the lock's text: a line that says who, and perhaps until when a confirmation is awaited,
/// in seconds since 1970.
Holder holder_in(const std::string& text) {
    const auto end = text.find('\n');
    Holder holder{text.empty() ? "another vxlanctl" : text.substr(0, end), std::nullopt};
    if (end != std::string::npos)
        holder.left = std::max(0LL, std::atoll(text.c_str() + end + 1) - std::time(nullptr));
    return holder;
}

tl::unexpected<Error> gave_up(const Holder& holder, const LockPatience& patience) {
    if (caught_signal() != 0)
        return error(Error(Code::interrupted_waiting, "",
                           {{"signal", caught_signal()}, {"what", holder.text()}})
                         .also(Code::nothing_begun));
    Error busy = patience.busy;
    busy.set({"holder", holder.who});
    busy.set({"seconds", patience.time.count()});
    return error(holder.left ? std::move(busy).also(Code::holder_unconfirmed, holder.values())
                             : std::move(busy));
}

/// Waits until nobody else has it.
Result<void> wait_for_lock(const FileDescriptor& file, const std::string& name,
                           const LockPatience& patience) {
    const auto end = steady_clock::now() + patience.time;
    const auto holder = [&] {
        lseek(file.get(), 0, SEEK_SET);
        return holder_in(read_all(file.get()));
    };
    patience.on_wait(holder().text());
    const LockTimer timer(patience.time);
    while (flock(file.get(), LOCK_EX) != 0) {
        if (errno != EINTR) return system_error(Code::cannot_lock, name, errno);
        if (caught_signal() != 0 || steady_clock::now() >= end) return gave_up(holder(), patience);
    }
    return {};
}

} // namespace

Result<FileLock> FileLock::take(const FileDescriptor& directory, const std::string& name,
                                const LockPatience& patience) {
    while (true) {
        auto file = open_file(directory, name, O_RDWR | O_CREAT);
        if (!file) return tl::unexpected(file.error());
        if (flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) return system_error(Code::cannot_lock, name, errno);
            if (auto done = wait_for_lock(*file, name, patience); !done)
                return tl::unexpected(done.error());
        }
        if (is_still_there(directory, name, file->get())) return FileLock(std::move(*file));
    }
}

std::optional<FileLock> FileLock::try_to_take(const FileDescriptor& directory,
                                              const std::string& name) {
    auto file = open_file(directory, name, O_RDWR | O_CREAT);
    if (!file || flock(file->get(), LOCK_EX | LOCK_NB) != 0 ||
        !is_still_there(directory, name, file->get()))
        return std::nullopt;
    return FileLock(std::move(*file));
}

void FileLock::say(const std::string& holder) {
    if (ftruncate(file_.get(), 0) == 0 && lseek(file_.get(), 0, SEEK_SET) == 0)
        write_all(file_.get(), holder);
}

void FileLock::say_until(std::chrono::system_clock::time_point time) {
    if (lseek(file_.get(), 0, SEEK_END) >= 0)
        write_all(file_.get(), formatted("\n{}\n", std::chrono::system_clock::to_time_t(time)));
}

} // namespace vxlanctl
