#pragma once

#include "vxlanctl/directory.h"
#include "vxlanctl/model.h"
#include "vxlanctl/namespaces.h"

#include <chrono>
#include <functional>
#include <sys/types.h>

namespace vxlanctl {

/// SSH_CONNECTION, which sshd sets (sshd(8)): our own, or that of the nearest ancestor that has
/// one, since sudo, doas and su take it out of the environment. Empty when there is none. It is
/// looked for once: root's ancestors can be seen only as long as we have `sees_processes`.
std::string ssh_connection();
enum class SshEnd : std::uint8_t { client, server };
/// That end's address in it, without a scope; empty where there is none.
std::optional<IpAddress> ssh_address(SshEnd end);

/// The directory with the locks and records: /run/vxlanctl, or where /run is not writable (an
/// ordinary user, a user namespace) a directory of the user's own.
class RuntimeDirectory {
public:
    /// Opens it, and makes it if it is not there. Refuses one that somebody else could write to.
    static Result<RuntimeDirectory> open();
    /// Opens it for reading records, the system's and the user's own; empty when there is neither,
    /// which is no error. An error where the system fails.
    static Result<std::optional<RuntimeDirectory>> open_existing();

    /// Waits until no other writer works in this network namespace, then keeps others out until
    /// this object dies. `on_wait` is told who is being waited for, once.
    Result<void> lock(NamespaceId space, std::chrono::seconds timeout, const std::string& purpose,
                      const std::function<void(const std::string& holder)>& on_wait);

    /// From now on those who wait for the lock read that we go back to the state before at `time`
    /// unless the change is confirmed.
    void say_until(std::chrono::system_clock::time_point time);

    /// The path of a file in the directory.
    std::string path_of(const std::string& name) const;
    /// The same, also in the user's own directory beside the system's.
    std::vector<std::string> paths_of(const std::string& name) const;

    /// The record under a mark's ID; empty when it is not there, is not ours to read, or makes no
    /// sense. An error where the system fails: without the record, too little would be reset.
    Result<std::optional<Record>> read_record(const std::string& id) const;
    /// Replaces the record at once (rename), so that nobody reads half of it.
    Result<void> write_record(const std::string& id, const Record& record, NamespaceId space);
    void remove_record(const std::string& id);
    /// Records of the locked network namespace whose mark is on no link, by ID. `is_marked` says
    /// whether an ID is.
    std::map<std::string, Record>
    orphans(const std::function<bool(const std::string&)>& is_marked) const;
    /// Removes the records and locks of network namespaces that are gone, and the records of this
    /// one whose mark is on no link. `is_marked` says whether an ID is.
    void sweep(NamespaceId space, const std::function<bool(const std::string&)>& is_marked);

private:
    explicit RuntimeDirectory(FileDescriptor directory) : directory_(std::move(directory)) {}
    FileDescriptor directory_;
    FileDescriptor other_; ///< the user's own, beside the system's, for one who only reads
    FileDescriptor lock_;
    NamespaceId locked_;
    std::uint64_t cookie_ = 0; ///< of the locked network namespace, see RecordOrigin
};

} // namespace vxlanctl
