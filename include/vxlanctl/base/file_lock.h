#pragma once

#include "vxlanctl/base/directory.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace vxlanctl {

/// How long one waits for a lock, and who is told of it.
struct LockPatience {
    std::chrono::seconds time{10};
    /// Told once whom one waits for.
    std::function<void(const std::string& holder)> on_wait = [](const std::string&) {};
    Error busy; ///< at the deadline; the holder and the seconds are set in it
};

/// A lock that programs take of one another (flock(2)), on a file which says who has it. It is let
/// go with the last process that holds it open.
class FileLock {
public:
    /// Waits for it; a file that somebody removes meanwhile is made again. Fails at the deadline
    /// and, at once, when a signal was caught; ENOENT where the directory itself has gone.
    static Result<FileLock> take(const FileDescriptor& directory, const std::string& name,
                                 const LockPatience& patience);
    /// Takes it if nobody has it.
    static std::optional<FileLock> try_to_take(const FileDescriptor& directory,
                                               const std::string& name);

    /// What others read who wait for it.
    void say(const std::string& holder);
    /// And that the change is rolled back at that time unless it is confirmed.
    void say_until(std::chrono::system_clock::time_point time);

private:
    explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
    FileDescriptor file_;
};

} // namespace vxlanctl
