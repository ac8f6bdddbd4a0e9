#include "vxlanctl/base/directory.h"

#include "vxlanctl/base/format.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace vxlanctl {

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
}

void allow_descriptors(std::size_t count) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return;
    limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit); // where it cannot, the call that finds none left says so
}

tl::unexpected<Error> system_error(Code code, std::string subject, int errno_code) {
    return error(Error(code, std::move(subject)).with(errno_code));
}

namespace {

Result<FileDescriptor> open_directory_of(const std::set<uid_t>& owners, const std::string& path) {
    FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (directory.get() < 0) return system_error(Code::cannot_open, path, errno);
    struct stat status {};
    if (fstat(directory.get(), &status) != 0)
        return system_error(Code::cannot_examine, path, errno);
    if (!owners.contains(status.st_uid) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error(Code::directory_not_trusted, path);
    return directory;
}

} // namespace

Result<FileDescriptor> open_directory(const std::string& path) {
    return open_directory_of({geteuid()}, path);
}

Result<FileDescriptor> open_directory_of_root(const std::string& path) {
    return open_directory_of({0, geteuid()}, path);
}

Result<FileDescriptor> make_directory(const std::string& path) {
    const bool made = mkdir(path.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) return system_error(Code::cannot_make_directory, path, errno);
    auto directory = open_directory(path);
    if (directory && made)
        fchmod(directory->get(), 0755); // whatever the umask: all may read records
    if (directory && faccessat(directory->get(), ".", W_OK, AT_EACCESS) != 0)
        return system_error(Code::cannot_write_to_directory, path, errno);
    return directory;
}

Result<FileDescriptor> open_file(const FileDescriptor& directory, const std::string& name,
                                 int flags) {
    FileDescriptor file(openat(directory.get(), name.c_str(),
                               flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    if (file.get() < 0) return system_error(Code::cannot_open, name, errno);
    struct stat status {
    }, above{};
    if (fstat(file.get(), &status) != 0 || fstat(directory.get(), &above) != 0)
        return system_error(Code::cannot_examine, name, errno);
    // None is one that has been replaced or swept meanwhile.
    if (!S_ISREG(status.st_mode) || status.st_nlink > 1 || status.st_uid != above.st_uid)
        return error(Code::own_file_not_trusted, name);
    return file;
}

uid_t uid_outside() {
    unsigned inside = 0, outside = 0;
    const std::unique_ptr<FILE, int (*)(FILE*)> map(fopen("/proc/self/uid_map", "re"), fclose);
    if (map && fscanf(map.get(), "%u %u", &inside, &outside) == 2 && inside == geteuid())
        return outside;
    return geteuid();
}

std::string own_directory() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/') return formatted("{}/vxlanctl", runtime);
    return formatted("/tmp/vxlanctl-{}", uid_outside());
}

int read_until_end(int fd, std::size_t limit, std::string& text) {
    struct stat status {};
    const bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    const auto size = is_file ? static_cast<std::size_t>(status.st_size) : 0; // 0 in /proc
    if (size > limit) return EFBIG;
    // Not on the stack, each page of which that is reserved for a buffer is touched.
    std::size_t filled = 0;
    text.resize(size > 0 ? size : std::min<std::size_t>(4095, limit) + 1);
    while (true) {
        const auto count = read(fd, text.data() + filled, text.size() - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        filled += static_cast<std::size_t>(count);
        if (count == 0 || (size > 0 && filled == size)) break;
        if (filled > limit) return EFBIG;
        if (filled == text.size()) text.resize(std::min(2 * filled, limit + 1));
    }
    text.resize(filled);
    return 0;
}

std::string read_all(int fd) {
    std::string text;
    return read_until_end(fd, std::size_t{1} << 30, text) == 0 ? text : "";
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto size = write(fd, text.data(), text.size());
        if (size < 0 && errno != EINTR) return false;
        if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

namespace {

bool write_nothing_more(int) {
    return true;
}

/// `finish` is called with the new file before it has its name, and with the directory afterwards.
Result<void> replace(const FileDescriptor& directory, const std::string& fresh,
                     const std::string& name, std::string_view text, bool (*finish)(int)) {
    const auto create = [&] {
        return openat(directory.get(), fresh.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    };
    FileDescriptor file(create());
    if (file.get() < 0 && errno == EEXIST) { // of one that was killed
        unlinkat(directory.get(), fresh.c_str(), 0);
        file = FileDescriptor(create());
    }
    if (file.get() < 0 || fchmod(file.get(), 0644) != 0 || !write_all(file.get(), text) ||
        !finish(file.get()) ||
        renameat(directory.get(), fresh.c_str(), directory.get(), name.c_str()) != 0) {
        const int code = errno;
        if (file.get() >= 0) unlinkat(directory.get(), fresh.c_str(), 0);
        return system_error(Code::cannot_write_file, name, code);
    }
    if (!finish(directory.get())) return system_error(Code::cannot_write_file, name, errno);
    return {};
}

} // namespace

Result<void> replace_file(const FileDescriptor& directory, const std::string& fresh,
                          const std::string& name, std::string_view text) {
    return replace(directory, fresh, name, text, write_nothing_more);
}

Result<void> replace_file_durably(const FileDescriptor& directory, const std::string& fresh,
                                  const std::string& name, std::string_view text) {
    return replace(directory, fresh, name, text, [](int file) { return fsync(file) == 0; });
}

std::vector<std::string> names_in(const FileDescriptor& directory) {
    std::vector<std::string> names;
    const int copy = openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy), closedir);
    if (!entries && copy >= 0) close(copy);
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr)
        if (const std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(name);
    return names;
}

bool is_still_there(const FileDescriptor& directory, const std::string& name, int file) {
    struct stat named {
    }, opened{};
    return fstatat(directory.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

} // namespace vxlanctl
