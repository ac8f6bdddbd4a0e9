#include "vxlanctl/cli/watcher.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/cli/session.h"
#include "vxlanctl/plan/describe.h"

#include <algorithm>
#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds file_settle{50}, file_most{500}, file_interval{1000};
constexpr std::chrono::hours longest_wait{24};
constexpr std::chrono::seconds lock_time{1};

Result<void> listen_to(const FileDescriptor& poll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ctl(poll.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        return system_error(Code::cannot_open_socket, "", errno);
    return {};
}

bool is_lock_busy(const Error& error) {
    return error.code == Code::locked || error.code == Code::directory_locked;
}

} // namespace

Watcher::Watcher(const Arguments& arguments, const OutputStyle& style, Kernel home,
                 FileEvents files)
    : arguments_(arguments), mode_(arguments.has("dry-run") ? Mode::plan : Mode::apply),
      home_(std::move(home)), files_(std::move(files)), poll_(epoll_create1(EPOLL_CLOEXEC)),
      log_(arguments, style) {}

Result<Watcher> Watcher::open(const Arguments& arguments, const OutputStyle& style) {
    auto home = Kernel::here();
    if (!home) return tl::unexpected(home.error());
    auto files = FileEvents::open();
    if (!files) return tl::unexpected(files.error());
    Watcher watcher(arguments, style, std::move(*home), std::move(*files));
    auto options = planning_choices(arguments);
    if (!options) return tl::unexpected(options.error());
    watcher.options_ = std::move(*options);
    const auto look_up = seconds_of(arguments, "resolve-timeout", {1, 86400}, 10);
    if (!look_up) return tl::unexpected(look_up.error());
    watcher.look_up_ = *look_up;
    if (auto done = listen_to(watcher.poll_, watcher.files_.descriptor()); !done)
        return tl::unexpected(done.error());
    watcher.hangup_ = hangup_descriptor();
    if (watcher.hangup_ >= 0)
        if (auto done = listen_to(watcher.poll_, watcher.hangup_); !done)
            return tl::unexpected(done.error());
    return watcher;
}

Result<void> Watcher::open_source(const std::string& netns, const Kernel& kernel) {
    auto socket = WatchSocket::open(kernel);
    if (!socket) return tl::unexpected(socket.error());
    if (auto done = listen_to(poll_, socket->descriptor()); !done) return done;
    sources_.insert_or_assign(netns, Source{kernel, std::move(*socket)});
    return {};
}

/// Of the other network namespaces in which tunnels are. One that is listened to does not go as
/// long as it is, so that those without a name are let go. Returns whether a name is there that
/// does not lead into a namespace yet.
bool Watcher::refresh_sources() {
    const auto wanted = watch_.namespaces();
    std::erase_if(sources_, [&](const auto& source) {
        const auto id = namespace_at("/run/netns/" + source.first);
        return !source.first.empty() &&
               (!wanted.contains(source.first) || !id || *id != source.second.kernel.id());
    });
    bool is_early = false;
    for (const auto& netns : wanted) {
        if (sources_.contains(netns)) continue;
        if (!has_sys_admin()) {
            log_.tell_once(netns, {Message(Code::netns_not_watched, "", {{"netns", netns}})});
            continue;
        }
        auto space = NetworkNamespace::find(netns);
        is_early = is_early || (!space && namespace_at("/run/netns/" + netns));
        if (!space || !*space) continue;
        if (!open_source(netns, Kernel(std::move(**space)))) continue;
        watch_.note_namespace(netns, steady_clock::now());
    }
    return is_early;
}

void Watcher::hear(const std::string& netns, Source& source, const Watch::IsSeen& is_seen) {
    const auto now = steady_clock::now();
    const bool has_all = source.socket.read(
        [&](const WatchEvent& event) { watch_.note(event, netns, now, is_seen); });
    if (has_all) return;
    source.is_stale = true;
    watch_.note_all(now);
}

void Watcher::hear() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    } // those that announced new addresses, for whom nobody waits
    for (auto& [netns, source] : sources_)
        hear(netns, source, {});
    if (files_.read()) ask_for_reading();
    std::uint64_t count = 0;
    if (hangup_ < 0 || ::read(hangup_, &count, sizeof count) != sizeof count) return;
    watch_.end_truces();
    watch_.note_all(steady_clock::now());
    ask_for_reading();
}

/// Files are read once for all that happens to them within a moment.
void Watcher::ask_for_reading() {
    const auto now = steady_clock::now();
    if (!file_event_) file_event_ = now;
    reading_ = std::max(std::min(now + file_settle, *file_event_ + file_most),
                        last_reading_ + file_interval);
}

/// Reads what the files say; false where something is wrong with them.
bool Watcher::read_wish_once(bool is_first) {
    std::vector<Message> messages;
    auto wish = read_file_wish(arguments_, messages);
    if (!wish) {
        append(messages, wish.error());
        if (!is_first) messages.emplace_back(Code::files_stay_as_read);
    }
    log_.tell_once("/", messages);
    if (!wish) return false;
    paths_.clear();
    paths_.insert(wish->paths.begin(), wish->paths.end());
    for (const auto& tunnel : wish->config.tunnels)
        if (!tunnel.placement.netns.empty()) paths_.insert("/run/netns");
    paths_.insert(hold_file());
    adopt(std::move(*wish));
    return true;
}

/// What is not watched yet may change before it is: then it is read again.
bool Watcher::reload(bool is_first) {
    reading_ = file_event_ = std::nullopt;
    last_reading_ = steady_clock::now();
    constexpr int most = 4;
    bool is_good = false;
    for (int i = 0; i < most; ++i) {
        is_good = read_wish_once(is_first);
        const auto is_new = files_.watch(paths_);
        if (!is_new) log_.tell_once("inotify", {is_new.error()});
        if (!is_new || !*is_new) break;
    }
    return is_good;
}

void Watcher::adopt(FileWish wish) {
    const bool is_same = is_ready_ && watch_.has(wish.config.tunnels) &&
                         wish.config.spared == wish_.config.spared &&
                         wish.config.absent_elsewhere == wish_.config.absent_elsewhere;
    auto tunnels = std::exchange(wish.config.tunnels, {}); // once is enough
    wish_ = std::move(wish);
    if (is_same) return;
    watch_.set_tunnels(std::move(tunnels), steady_clock::now());
    if (is_ready_) log_.tell_watching(watch_.tunnels().size());
}

Result<int> Watcher::run() {
    catch_signals();
    if (auto opened = open_source("", home_); !opened) return tl::unexpected(opened.error());
    if (!reload(true)) return 2;
    while (caught_signal() == 0) {
        if (reading_ && *reading_ <= steady_clock::now()) (void)reload(false);
        if (refresh_sources()) ask_for_reading();
        if (const auto turn = watch_.take(steady_clock::now()))
            if (auto done = perform(*turn); !done) return tl::unexpected(done.error());
        pat_watchdog();
        wait();
        hear();
    }
    manager_.tell("STOPPING=1");
    return 0;
}

void Watcher::wait() {
    const auto now = steady_clock::now();
    auto end = now + longest_wait;
    for (const auto& time : {watch_.next(), reading_, next_pat_})
        if (time) end = std::min(end, *time);
    // Not a little too early, since it waits for whole milliseconds.
    if (end > now) (void)wait_for(poll_.get(), POLLIN, end + std::chrono::milliseconds(1));
}

void Watcher::pat_watchdog() {
    const auto interval = manager_.watchdog_interval();
    const auto now = steady_clock::now();
    if (!interval || (next_pat_ && now < *next_pat_)) return;
    manager_.tell("WATCHDOG=1");
    next_pat_ = now + std::chrono::duration_cast<steady_clock::duration>(*interval);
}

void Watcher::tell_manager(const std::string& first) {
    std::string status = formatted("{}STATUS={} tunnel{} watched", first, watch_.tunnels().size(),
                                   watch_.tunnels().size() == 1 ? "" : "s");
    if (const auto count = watch_.failing(); count > 0)
        status += formatted(", {} not as the files say", count);
    if (const auto count = watch_.left_alone(); count > 0)
        status += formatted(", {} left alone", count);
    manager_.tell(status);
}

/// Of the tunnels that are due; of all, less those that are left alone.
Config Watcher::config_of(const WatchTurn& turn) const {
    Config config = wish_.config;
    for (const auto& tunnel : watch_.tunnels())
        if (turn.all ? !turn.spared.contains(tunnel.name) : turn.tunnels.contains(tunnel.name))
            config.tunnels.push_back(tunnel);
    config.spared.insert(turn.spared.begin(), turn.spared.end());
    if (turn.all) return config;
    config.is_part = true;
    config.unnamed = Unnamed::keep;
    config.absent_elsewhere.clear();
    return config;
}

Result<void> Watcher::perform(const WatchTurn& turn) {
    if (is_hold_changed()) { // somebody has rejected a change, or taken back that
        watch_.postpone(turn, steady_clock::now());
        ask_for_reading();
        return {};
    }
    if (turn.look_up) names_.clear();
    for (const auto& name : turn.again)
        log_.tell(Message(Code::looked_after_again, name));
    if (auto listed = list_interfaces(); !listed) return come_again(turn, listed.error());
    return perform(turn, config_of(turn));
}

/// Where it is not known which are there: at the start, and when events were lost.
Result<void> Watcher::list_interfaces() {
    for (auto& [netns, source] : sources_) {
        if (!source.is_stale) continue;
        source.is_stale = false;
        watch_.forget_links(netns);
        const auto know = [&, &name = netns](const WatchEvent& link) { watch_.know(link, name); };
        if (auto listed = WatchSocket::list(source.kernel, know); !listed) {
            source.is_stale = true;
            return listed;
        }
    }
    return {};
}

/// What kept a turn from being begun ends the first one, unless it is that others are at work.
Result<void> Watcher::come_again(const WatchTurn& turn, const Error& why) {
    if (caught_signal() != 0) return {};
    watch_.postpone(turn, steady_clock::now());
    if (!is_ready_ && !is_lock_busy(why)) return tl::unexpected(why);
    log_.tell_once("run", {why});
    return {};
}

Result<void> Watcher::perform(const WatchTurn& turn, Config config) {
    bool is_held_meanwhile = false;
    Call call{"watch", arguments_.words, mode_, Origin::file, home_, config, options_, {}};
    call.events.failed = [&](const Error& error) { log_.collect(error); };
    call.events.warned = [&](const Message& message) {
        if (message.code != Code::waiting_for) log_.collect(message);
    };
    call.events.progressed = [&](std::size_t, std::size_t) { pat_watchdog(); };
    call.events.carried_out = [] {};
    call.events.reading = [&](const std::string& netns, const Config& read) {
        std::set<std::string_view> names;
        for (const auto& tunnel : read.tunnels)
            names.insert(tunnel.name);
        if (const auto source = sources_.find(netns); source != sources_.end())
            hear(netns, source->second,
                 [&](const std::string& tunnel) { return names.contains(tunnel); });
    };
    call.names_namespace = arguments_.has("netns");
    call.notes_apply = turn.all && mode_ == Mode::apply;
    call.reads_files_again = true;
    call.names = &names_;
    // The change that waited for a confirmation while we waited for the lock may be rejected now.
    call.locked = [&]() -> Result<void> {
        is_held_meanwhile = is_hold_changed();
        return is_held_meanwhile ? Result<void>(error(Code::holds_locked)) : Result<void>();
    };
    Run run(call, config, nullptr);
    const auto done = run.perform({std::nullopt, look_up_, lock_time});
    if (done) {
        log_.clear("run");
        log_.tell(run, turn, config);
        settle(turn, run);
        return {};
    }
    log_.drop_collected();
    if (!is_held_meanwhile) return come_again(turn, done.error());
    watch_.postpone(turn, steady_clock::now());
    ask_for_reading();
    return {};
}

/// What a run came to: when to come back, and who is left alone.
void Watcher::settle(const WatchTurn& turn, const Run& run) {
    constexpr std::size_t most_steps = 5;
    std::vector<WatchResult> results;
    std::set<std::string> rolled_back;
    for (const auto& part : run.parts())
        for (std::size_t i = 0; i < part.plan().tunnels.size(); ++i) {
            const TunnelPlan& tunnel = part.plan().tunnels[i];
            const Outcome outcome = part.outcomes()[i];
            WatchResult result{tunnel.name, {}, false};
            result.is_failed = outcome == Outcome::refused || outcome == Outcome::failed;
            if (mode_ == Mode::apply && outcome != Outcome::refused) {
                result.steps = imperatives(tunnel.steps);
                if (result.steps.size() > most_steps) result.steps.resize(most_steps);
            }
            if (outcome == Outcome::failed) rolled_back.insert(tunnel.name);
            results.push_back(std::move(result));
        }
    const auto now = steady_clock::now();
    const WatchPace pace;
    for (const auto& fight : watch_.finish(turn, results, now))
        log_.tell(Message(Code::fought_over, fight.tunnel,
                          {{"minutes", pace.truce / std::chrono::minutes(1)},
                           {"times", pace.repairs},
                           {"seconds", pace.window / std::chrono::seconds(1)},
                           {"steps", joined(fight.steps, ", ")}}));
    for (auto& [netns, source] : sources_)
        hear(netns, source,
             [&](const std::string& tunnel) { return rolled_back.contains(tunnel); });
    if (mode_ == Mode::apply) note_apply(turn.all);
    if (!is_ready_) log_.tell_watching(watch_.tunnels().size());
    tell_manager(std::exchange(is_ready_, true) ? "" : "READY=1\n");
#ifdef __GLIBC__
    if (turn.all) malloc_trim(0); // most of it is not needed before the next run of all
#endif
}

/// A run of all tunnels notes it by itself. Others do when that has changed.
void Watcher::note_apply(bool is_noted) {
    const bool is_good = watch_.failing() == 0;
    if (std::exchange(noted_, is_good) == is_good || is_noted) return;
    auto directory = RuntimeDirectory::open(home_);
    if (!directory) return;
    if (const auto noted = directory->write_last_apply({std::chrono::system_clock::now(), is_good});
        !noted)
        log_.tell_once("last-apply", {noted.error()});
}

} // namespace vxlanctl
