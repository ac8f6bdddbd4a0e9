#pragma once

#include "world.h"

/// Programs that want a terminal.
namespace world {

/// A program on a terminal of its own, killed at the end of this object's life.
class Terminal {
public:
    Terminal(const Namespace& space, const std::vector<std::string>& command);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    void type(const std::string& text) const;
    /// What it prints, up to and with `end`. Throws where that does not come in time.
    std::string read_until(const std::string& end);
    void hang_up();
    void kill_process() const;
    void send_signal(int number) const;
    /// The exit code, or 128 + signal.
    int wait();

private:
    int pid_ = -1, terminal_ = -1;
    std::string unread_;
};

} // namespace world
