#pragma once

#include "vxlanctl/runtime/runtime.h"

namespace vxlanctl {

/// How a change that has to be confirmed ended.
struct Decision {
    enum class Kind : std::uint8_t { kept, taken_back, lost };
    Kind kind = Kind::lost;     ///< lost: the guardian died, and nobody has done anything
    std::string reason;         ///< why it was taken back: `not confirmed within 60 s`
    std::optional<Error> error; ///< what of it could not be taken back
};

/// A process in a session of its own that takes a change back unless somebody confirms it, also
/// when the terminal, the shell or the way to this host is gone. It is forked before the change,
/// so that it has the state before in memory, and holds the lock as well.
class Guardian {
public:
    /// Takes everything back that may have been done; called in the guardian's process.
    using RollBack = std::function<Result<void>()>;

    /// Forks it. From then on the end of this process means that the change is taken back.
    static Result<Guardian> start(RuntimeDirectory& directory, const RollBack& roll_back);
    Guardian(Guardian&&) = default;

    /// The change is made: it is taken back in `time`, unless somebody confirms it by confirm(), or
    /// by Enter on /dev/tty where there is one. `ask` tells people so; from then on an answer is
    /// heard. The terminal's end of input confirms nothing; SIGHUP, SIGINT and SIGTERM reject the
    /// change at once.
    Decision wait(std::chrono::seconds time, const std::function<void()>& ask);
    /// Nothing has changed, or nothing that has to be confirmed: the guardian goes.
    void dismiss();

private:
    Guardian(FileDescriptor link, FileDescriptor listener, int process, std::string path)
        : link_(std::move(link)), listener_(std::move(listener)), process_(process),
          path_(std::move(path)) {}
    FileDescriptor link_;     ///< to it
    FileDescriptor listener_; ///< shared with it; does not listen before there is something to ask
    int process_;
    std::string path_; ///< of the socket at which others confirm
};

/// Confirms the change that waits for it in that network namespace. Fails where none does.
Result<void> confirm(const Kernel& kernel);

} // namespace vxlanctl
