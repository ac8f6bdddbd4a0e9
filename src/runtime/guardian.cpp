#include "vxlanctl/runtime/guardian.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/signals.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::hours a_long_time{24};

// What the foreground tells the guardian. The end of the connection is a rejection, too.
constexpr std::string_view begin_word = "begin ", keep_word = "keep", reject_word = "reject ",
                           dismiss_word = "dismiss";
// What the guardian answers, to the foreground and to those who confirm.
constexpr std::string_view kept_word = "kept", taken_back_word = "taken back ",
                           left_word = "left: "; // before an error of the rollback itself

/// What the system lacks for a moment, or a signal ended, is tried again.
constexpr int attempts = 5;
bool is_passing(int code) {
    return code == EINTR || code == ENOBUFS || code == ENOMEM;
}

/// Calls until that succeeds, or fails for good.
template<class Call> ssize_t persistently(Call call) {
    ssize_t size = -1;
    for (int attempt = 0; attempt < attempts && size < 0; ++attempt)
        if (size = call(); size < 0 && !is_passing(errno)) break;
    return size;
}

bool send_text(int fd, std::string_view text) {
    return persistently([&] { return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }) >= 0;
}

/// What of an answer travels in one message: far below the least that a socket can hold.
constexpr std::size_t part_size = 4096;

/// One message; empty at the end of the connection.
std::string receive_text(int fd) {
    std::array<char, part_size> buffer{};
    const auto size = persistently([&] { return recv(fd, buffer.data(), buffer.size(), 0); });
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
}

/// An answer of any length, and then the end of the connection.
void send_answer(const FileDescriptor& to, std::string_view text) {
    const timeval patience{10, 0}; // nobody waits for one who does not listen
    setsockopt(to.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (!text.empty() && send_text(to.get(), text.substr(0, part_size)))
        text.remove_prefix(std::min(text.size(), part_size));
    shutdown(to.get(), SHUT_WR);
}

/// All that comes before the end of the connection.
std::string receive_answer(int fd) {
    std::string answer;
    for (std::string part = receive_text(fd); !part.empty(); part = receive_text(fd))
        answer += part;
    return answer;
}

/// The signals that end a program wait as long as this lives, except in wait_for().
class HeldSignals {
public:
    HeldSignals() {
        sigset_t signals;
        sigemptyset(&signals);
        for (const int number : {SIGHUP, SIGINT, SIGTERM})
            sigaddset(&signals, number);
        sigprocmask(SIG_BLOCK, &signals, &before_);
    }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

    /// Waits until one of the descriptors has something, a signal comes, or the time is over.
    void wait_for(std::span<pollfd> descriptors, steady_clock::time_point deadline) const {
        const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec time{static_cast<time_t>(seconds.count()),
                            static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
        const int number = ppoll(descriptors.data(), descriptors.size(), &time, &before_);
        if (number <= 0)
            for (auto& descriptor : descriptors)
                descriptor.revents = 0;
    }

private:
    sigset_t before_{};
};

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    return address;
}

/// Where others will be able to confirm, for the user who applies (and root) alone.
Result<FileDescriptor> make_socket(const std::string& path) {
    FileDescriptor listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    unlink(path.c_str()); // of one that was killed: we have the lock
    const mode_t mask = umask(0177);
    const bool good =
        listener.get() >= 0 &&
        bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int code = errno;
    umask(mask);
    if (!good) return system_error(Code::cannot_wait_for_confirmation, "", code);
    return listener;
}

/// The guardian's own process.
class Watch {
public:
    Watch(FileDescriptor foreground, FileDescriptor listener, std::string path,
          RuntimeDirectory& directory, const Guardian::RollBack& roll_back)
        : foreground_(std::move(foreground)), listener_(std::move(listener)),
          path_(std::move(path)), directory_(directory), roll_back_(roll_back) {}

    void run() {
        leave_terminal();
        std::string reason;
        const bool keeps = decide(reason);
        std::string answer(kept_word);
        if (!keeps) {
            const auto done = roll_back_();
            const bool is_left = !done && done.error().kind == ErrorKind::rollback_incomplete;
            answer = formatted("{}{}\n{}{}", taken_back_word, reason, is_left ? left_word : "",
                               done ? "" : to_string(done.error()));
        }
        unlink(path_.c_str());
        send_answer(foreground_, answer);
        if (client_.get() >= 0) send_answer(client_, answer);
    }

private:
    /// A hang-up of the terminal must not reach this process, and nobody shall wait for our output.
    static void leave_terminal() {
        setsid();
        [[maybe_unused]] const int moved = chdir("/");
        const FileDescriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
        dup2(null.get(), STDIN_FILENO);
        dup2(null.get(), STDOUT_FILENO);
        signal(SIGPIPE, SIG_IGN);
    }

    /// Whether the change is kept; else says why not. Until the foreground says that it is there,
    /// the guardian hears nobody else: a rollback must not run while the change is being made.
    bool decide(std::string& reason) {
        const HeldSignals signals;
        auto deadline = steady_clock::now() + a_long_time;
        std::chrono::seconds time{0};
        while (true) {
            const bool begun = time.count() != 0; // a socket that does not listen yet has hung up
            std::array<pollfd, 2> descriptors{pollfd{foreground_.get(), POLLIN, 0},
                                              pollfd{begun ? listener_.get() : -1, POLLIN, 0}};
            if (!begun || caught_signal() == 0) signals.wait_for(descriptors, deadline);
            if (descriptors[0].revents != 0) {
                const std::string word = receive_text(foreground_.get());
                if (word == keep_word || word == dismiss_word) return true;
                if (!word.starts_with(begin_word)) {
                    reason = word.starts_with(reject_word) ? word.substr(reject_word.size())
                                                           : text_of(Code::applying_program_ended);
                    return false;
                }
                time = std::chrono::seconds(std::stol(word.substr(begin_word.size())));
                deadline = steady_clock::now() + time;
                directory_.say_until(std::chrono::system_clock::now() + time);
            } else if (descriptors[1].revents != 0) {
                if (accept_confirmation()) return true;
            } else if (begun && caught_signal() != 0) {
                reason = text_of(Code::signal_came, {{"signal", caught_signal()}});
                return false;
            } else if (steady_clock::now() >= deadline) {
                reason = text_of(Code::not_confirmed_in_time, {{"seconds", time.count()}});
                return false;
            }
        }
    }

    bool accept_confirmation() {
        FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (client.get() < 0) return false;
        const timeval patience{1, 0};
        setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (receive_text(client.get()) != keep_word) return false;
        client_ = std::move(client);
        return true;
    }

    FileDescriptor foreground_, listener_;
    std::string path_;
    RuntimeDirectory& directory_;
    const Guardian::RollBack& roll_back_;
    FileDescriptor client_; ///< who confirmed
};

/// The terminal, as long as it can say something.
class Terminal {
public:
    Terminal() : terminal_(open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
        // In the background a read would stop us; then it shall fail.
        signal(SIGTTIN, SIG_IGN);
        struct sigaction hang_up {};
        sigaction(SIGHUP, nullptr, &hang_up);
        follows_ = hang_up.sa_handler != SIG_IGN;
        if (terminal_.get() >= 0) tcflush(terminal_.get(), TCIFLUSH); // typed before we asked
    }

    int descriptor() const { return terminal_.get(); } ///< -1 when there is none

    /// Whether its end means ours, as it does unless SIGHUP is ignored (nohup(1)).
    bool is_followed() const { return follows_; }

    /// Whether what was typed has an Enter in it.
    bool confirms() {
        std::array<char, 256> typed{};
        const auto size = read(terminal_.get(), typed.data(), typed.size());
        if (size <= 0) terminal_ = FileDescriptor();
        return size > 0 &&
               std::memchr(typed.data(), '\n', static_cast<std::size_t>(size)) != nullptr;
    }

private:
    FileDescriptor terminal_;
    bool follows_ = true;
};

Decision decision_in(const std::string& answer) {
    if (answer == kept_word) return {Decision::Kind::kept, "", std::nullopt};
    if (!answer.starts_with(taken_back_word))
        return {Decision::Kind::lost, text_of(Code::guardian_killed), std::nullopt};
    const auto end = answer.find('\n');
    Decision decision{Decision::Kind::taken_back,
                      answer.substr(taken_back_word.size(), end - taken_back_word.size()),
                      std::nullopt};
    const std::string problem = answer.substr(end + 1);
    if (problem.starts_with(left_word))
        decision.error =
            Error(Code::rollback_left, "", {{"problem", problem.substr(left_word.size())}});
    else if (!problem.empty())
        decision.error = Error(Code::rollback_problem, "", {{"problem", problem}});
    return decision;
}

} // namespace

Result<Guardian> Guardian::start(RuntimeDirectory& directory, const RollBack& roll_back) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error(Code::cannot_wait_for_confirmation, "", errno);
    FileDescriptor ours(ends[0]), theirs(ends[1]);
    const std::string path = directory.confirmation();
    auto listener = make_socket(path);
    if (!listener) return tl::unexpected(listener.error());
    const pid_t process = fork();
    if (process < 0) return system_error(Code::cannot_wait_for_confirmation, "", errno);
    if (process == 0) {
        ours = FileDescriptor();
        Watch(std::move(theirs), std::move(*listener), path, directory, roll_back).run();
        _exit(0);
    }
    return Guardian(std::move(ours), std::move(*listener), process, path);
}

Decision Guardian::wait(std::chrono::seconds time, const std::function<void()>& ask) {
    const HeldSignals signals;
    Terminal terminal;
    listen(listener_.get(), 8); // not earlier: the change was not there yet
    listener_ = FileDescriptor();
    if (!send_text(link_.get(), formatted("{}{}", begin_word, time.count())))
        shutdown(link_.get(), SHUT_WR); // which is a rejection
    ask(); // not earlier: who answers at once is heard, and the time runs though nobody reads it
    bool told = false;
    const auto reject = [&](const std::string& reason) {
        if (!told) send_text(link_.get(), formatted("{}{}", reject_word, reason));
        told = true;
    };
    std::array<pollfd, 2> descriptors{};
    while (descriptors[0].revents == 0) {
        if (caught_signal() != 0) // perhaps before we held it
            reject(text_of(Code::signal_came, {{"signal", caught_signal()}}));
        descriptors = {pollfd{link_.get(), POLLIN, 0}, pollfd{terminal.descriptor(), POLLIN, 0}};
        signals.wait_for(descriptors, steady_clock::now() + a_long_time);
        if (terminal.is_followed() && (descriptors[1].revents & POLLHUP) != 0)
            reject(text_of(Code::terminal_hung_up));
        if (descriptors[1].revents != 0 && terminal.confirms()) send_text(link_.get(), keep_word);
    }
    const std::string answer = receive_answer(link_.get());
    waitpid(process_, nullptr, 0);
    unlink(path_.c_str()); // if the guardian was killed
    return decision_in(answer);
}

void Guardian::dismiss() {
    if (!send_text(link_.get(), dismiss_word)) { // there is nothing that it could take back
        kill(process_, SIGKILL);
        unlink(path_.c_str());
    }
    waitpid(process_, nullptr, 0);
}

Result<void> confirm(const Kernel& kernel) {
    const auto nothing = [] { return error(Code::no_change_waits); };
    const auto directory = RuntimeDirectory::open_existing(kernel);
    if (!directory) return tl::unexpected(directory.error());
    if (!*directory) return nothing();
    for (const auto& path : (*directory)->confirmations()) {
        const FileDescriptor client(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        const sockaddr_un address = address_of(path);
        if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            if (errno == ENOENT || errno == ECONNREFUSED) continue;
            Error problem = Error(Code::cannot_confirm).with(errno);
            return error(problem.errno_code == EACCES
                             ? std::move(problem).also(Code::confirm_as_same_user)
                             : std::move(problem));
        }
        if (!send_text(client.get(), keep_word))
            return error(Error(Code::cannot_confirm).with(errno).also(Code::change_still_waits));
        errno = 0;
        const std::string answer = receive_answer(client.get());
        if (answer == kept_word) return {};
        if (errno != 0) // no end of the connection
            return system_error(Code::confirmation_unknown, "", errno);
        return error(Code::confirmed_too_late);
    }
    return nothing();
}

} // namespace vxlanctl
