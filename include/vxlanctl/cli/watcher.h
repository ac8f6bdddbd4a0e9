#pragma once

#include "vxlanctl/base/file_events.h"
#include "vxlanctl/base/service_manager.h"
#include "vxlanctl/cli/watch_log.h"
#include "vxlanctl/cli/wish.h"
#include "vxlanctl/run/watch_socket.h"

namespace vxlanctl {

/// `watch` at work: waits for what the kernel, files, the clock and signals say, and carries out
/// the turns that are due, each as `apply` would. No lock is held while it waits.
class Watcher {
public:
    static Result<Watcher> open(const Arguments& arguments, const OutputStyle& style);

    /// Until a signal asks for the end. Returns the exit code; an error is one of the first turn.
    Result<int> run();

private:
    using Time = Watch::Time;
    /// One network namespace.
    struct Source {
        Kernel kernel;
        WatchSocket socket;
        bool is_stale = true; ///< its interfaces have to be listed
    };

    Watcher(const Arguments& arguments, const OutputStyle& style, Kernel home, FileEvents files);

    Result<void> open_source(const std::string& netns, const Kernel& kernel);
    bool refresh_sources();
    void hear();
    void hear(const std::string& netns, Source& source, const Watch::IsSeen& is_seen);
    void ask_for_reading();
    bool read_wish_once(bool is_first);
    bool reload(bool is_first);
    void adopt(FileWish wish);

    Config config_of(const WatchTurn& turn) const;
    Result<void> perform(const WatchTurn& turn);
    Result<void> perform(const WatchTurn& turn, Config config);
    Result<void> list_interfaces();
    Result<void> come_again(const WatchTurn& turn, const Error& why);
    void settle(const WatchTurn& turn, const Run& run);
    void note_apply(bool is_noted);
    bool is_hold_changed() const { return !(read_hold(home_) == wish_.hold); }

    void tell_manager(const std::string& first = {});
    void pat_watchdog();
    void wait();

    const Arguments& arguments_;
    PlanOptions options_;
    std::chrono::seconds look_up_{};
    Mode mode_;
    Kernel home_;
    FileEvents files_;
    FileDescriptor poll_; ///< epoll(7) over all that is waited for
    int hangup_ = -1;
    ServiceManager manager_ = ServiceManager::of_environment();
    WatchLog log_;
    Watch watch_;
    FileWish wish_;
    std::set<std::string> paths_; ///< those that files_ watches
    std::map<std::string, Source> sources_;
    NameAnswers names_;
    std::optional<Time> file_event_, reading_, next_pat_; ///< reading_: when files are to be read
    Time last_reading_{};
    bool is_ready_ = false;
    std::optional<bool> noted_; ///< what LastApply says that came of it
};

} // namespace vxlanctl
