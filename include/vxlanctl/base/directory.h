#pragma once

#include "vxlanctl/base/error.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Files and directories that nobody else can have a hand in.
namespace vxlanctl {

/// A file descriptor that is closed with its owner.
class FileDescriptor {
public:
    explicit FileDescriptor(int fd = -1) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept;
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor();
    int get() const { return fd_; }

private:
    int fd_;
};

/// Lets this process have so many of them open, as far as it may: beyond the limit by default,
/// which is low for programs that use select(2), and up to the hard one.
void allow_descriptors(std::size_t count);

/// An error of kind `kernel` for a system call that failed with the errno `code`.
tl::unexpected<Error> system_error(Code code, std::string subject, int errno_code);

/// The directory, if it is ours and nobody else can write to it.
Result<FileDescriptor> open_directory(const std::string& path);
/// The same for one who only reads: it may be root's.
Result<FileDescriptor> open_directory_of_root(const std::string& path);
/// The same, made if it is not there (not its parents), and checked for being writable.
Result<FileDescriptor> make_directory(const std::string& path);
/// A file there by flags of open(2), if it is a regular file with no other name that belongs to
/// whom the directory belongs to; else an errno. Never waits for the other end of a FIFO.
Result<FileDescriptor> open_file(const FileDescriptor& directory, const std::string& name,
                                 int flags);
/// Where a user who may not write to the system's directories has files of his own.
std::string own_directory();
/// The user as the world outside of a user namespace knows him: files in /tmp are shared with it.
uid_t uid_outside();

/// Reads into `text` until the end of a file, pipe or terminal. 0, or an errno: EFBIG where there
/// are more than `limit` bytes, of which a file is not read.
int read_until_end(int fd, std::size_t limit, std::string& text);
/// The same without a limit that matters; empty where it cannot be read.
std::string read_all(int fd);
bool write_all(int fd, std::string_view text);
/// Replaces a file at once (rename), so that nobody reads half of it; all may read it. `fresh` is
/// the name that it has until then.
Result<void> replace_file(const FileDescriptor& directory, const std::string& fresh,
                          const std::string& name, std::string_view text);
/// The same, and it is on the disk when this returns: either text is there after a power failure.
Result<void> replace_file_durably(const FileDescriptor& directory, const std::string& fresh,
                                  const std::string& name, std::string_view text);
/// The names in a directory; none where it cannot be read.
std::vector<std::string> names_in(const FileDescriptor& directory);
/// Whether the name still means the open file or directory.
bool is_still_there(const FileDescriptor& directory, const std::string& name, int file);

} // namespace vxlanctl
