#include "terminal.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace world {

Terminal::Terminal(const Namespace& space, const std::vector<std::string>& command) {
    winsize size{50, 200, 0, 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ < 0) throw std::runtime_error("no terminal");
    if (pid_ > 0) {
        fcntl(terminal_, F_SETFD, FD_CLOEXEC);
        return;
    }
    signal(SIGHUP, SIG_DFL); // whatever the tests were started by
    std::vector<char*> words;
    for (const auto& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    setenv("TERM", "dumb", 1);
    if (setns(space.descriptor(), CLONE_NEWNET) != 0) _exit(126);
    execvp(words[0], words.data());
    _exit(127);
}

Terminal::~Terminal() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    hang_up();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

void Terminal::hang_up() {
    if (terminal_ >= 0) close(terminal_);
    terminal_ = -1;
}

void Terminal::kill_process() const {
    send_signal(SIGKILL);
}

void Terminal::send_signal(int number) const {
    if (kill(pid_, number) != 0) throw std::runtime_error("it cannot be killed");
}

int Terminal::wait() {
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("it cannot be waited for");
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Terminal::type(const std::string& text) const {
    if (write(terminal_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error("no terminal");
}

std::string Terminal::read_until(const std::string& end) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (const auto at = unread_.find(end); at != std::string::npos) {
            const std::string text = unread_.substr(0, at + end.size());
            unread_.erase(0, text.size());
            return text;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd terminal{terminal_, POLLIN, 0};
        std::array<char, 65536> buffer;
        const auto size = left.count() > 0 && poll(&terminal, 1, static_cast<int>(left.count())) > 0
                              ? read(terminal_, buffer.data(), buffer.size())
                              : 0;
        if (size <= 0) throw std::runtime_error("a program on a terminal only said: " + unread_);
        unread_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

} // namespace world
