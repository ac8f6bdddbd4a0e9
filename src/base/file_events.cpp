#include "vxlanctl/base/file_events.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

/// Not IN_MODIFY: a file is read when its writer has closed it.
constexpr std::uint32_t changes = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int deepest = 40; // as the kernel follows

/// Whether a file has just been opened for writing, so that its end will be told as well. A link is
/// told of by its making alone.
bool is_being_written(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
}

} // namespace

Result<FileEvents> FileEvents::open() {
    FileDescriptor descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (descriptor.get() < 0) return system_error(Code::cannot_watch_files, "", errno);
    return FileEvents(std::move(descriptor));
}

/// Each directory on the way in which a name decides where it leads: symbolic links, the first one
/// that is missing, and the file.
void FileEvents::add_interests(Interests& interests, const std::string& path, int depth) {
    const auto add = [&](const std::filesystem::path& directory) -> Interest& {
        auto& interest = interests[directory];
        interest.directory = directory;
        return interest;
    };
    std::filesystem::path at = "/";
    const std::filesystem::path whole = path;
    for (auto part = whole.begin(); part != whole.end(); ++part) {
        if (*part == "/" || part->empty() || *part == ".") continue;
        if (*part == "..") {
            at = at.parent_path();
            continue;
        }
        struct stat status {};
        const auto next = at / *part;
        if (lstat(next.c_str(), &status) != 0) {
            add(at).names.insert(*part);
            return;
        }
        if (S_ISLNK(status.st_mode)) {
            add(at).names.insert(*part);
            std::error_code problem;
            std::filesystem::path target = at / std::filesystem::read_symlink(next, problem);
            for (++part; part != whole.end(); ++part)
                target /= *part;
            if (!problem && depth < deepest) add_interests(interests, target, depth + 1);
            return;
        }
        if (!S_ISDIR(status.st_mode)) {
            add(at).names.insert(*part);
            return;
        }
        at = next;
    }
    add(at).everything = true;
}

Result<bool> FileEvents::watch(const std::set<std::string>& paths) {
    Interests interests;
    for (const auto& path : paths)
        add_interests(interests, path, 0);
    std::map<int, Interest> now;
    bool is_new = false;
    for (auto& [directory, interest] : interests) {
        const int number =
            inotify_add_watch(descriptor_.get(), directory.c_str(), changes | IN_ONLYDIR);
        if (number < 0 && (errno == ENOENT || errno == ENOTDIR)) {
            is_new = true; // it went just now: the next look finds what is left
            continue;
        }
        if (number < 0) return system_error(Code::cannot_watch_files, directory, errno);
        const auto known = watched_.find(number);
        is_new = is_new || known == watched_.end() ||
                 known->second.everything != interest.everything ||
                 known->second.names != interest.names;
        auto& place = now[number]; // several paths may lead to one directory
        place.directory = directory;
        place.everything = place.everything || interest.everything;
        place.names.merge(interest.names);
    }
    for (const auto& [number, interest] : watched_)
        if (!now.contains(number)) inotify_rm_watch(descriptor_.get(), number);
    watched_ = std::move(now);
    return is_new;
}

bool FileEvents::matters(const Interest& interest, std::uint32_t mask,
                         const std::string& name) const {
    if (name.empty()) return true; // the directory itself
    if (!interest.names.contains(name) && (!interest.everything || name.front() == '.'))
        return false;
    return (mask & IN_CREATE) == 0 || !is_being_written(interest.directory + "/" + name);
}

bool FileEvents::read() {
    alignas(inotify_event) std::array<char, 16384> buffer;
    bool any = false;
    while (true) {
        const auto size = ::read(descriptor_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return any;
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            at += sizeof *event + event->len;
            const auto found = watched_.find(event->wd);
            if ((event->mask & IN_Q_OVERFLOW) != 0)
                any = true;
            else if (found != watched_.end() && (event->mask & IN_IGNORED) == 0)
                any = matters(found->second, event->mask,
                              event->len == 0 ? std::string() : std::string(event->name)) ||
                      any;
        }
    }
}

} // namespace vxlanctl
