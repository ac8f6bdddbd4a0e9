#pragma once

#include "vxlanctl/base/directory.h"

#include <map>
#include <set>
#include <string>

namespace vxlanctl {

/// What happens to files and directories (inotify(7)), whichever way they are written: in place, by
/// a new file that takes the old one's name, through symbolic links that then lead elsewhere.
class FileEvents {
public:
    static Result<FileEvents> open();
    int descriptor() const { return descriptor_.get(); }

    /// Watches these absolute paths from here on, and nothing else. Of a directory everything in
    /// it, without hidden names; of what is not there, that it comes. Returns whether anything is
    /// watched now that was not before, in which case the files have to be read after this.
    Result<bool> watch(const std::set<std::string>& paths);
    /// Whether any of them may have changed since the last call.
    bool read();

private:
    explicit FileEvents(FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {}
    /// What matters in one directory.
    struct Interest {
        std::string directory;
        bool everything = false;
        std::set<std::string> names;
    };
    using Interests = std::map<std::string, Interest>; ///< by directory
    static void add_interests(Interests& interests, const std::string& path, int depth);
    bool matters(const Interest& interest, std::uint32_t mask, const std::string& name) const;

    FileDescriptor descriptor_;
    std::map<int, Interest> watched_; ///< by inotify's number
};

} // namespace vxlanctl
