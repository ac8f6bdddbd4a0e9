#pragma once

#include "vxlanctl/base/file_lock.h"
#include "vxlanctl/base/privileges.h"
#include "vxlanctl/kernel/kernel.h"
#include "vxlanctl/model/model.h"
#include "vxlanctl/runtime/last_apply.h"
#include "vxlanctl/runtime/moved_links.h"

#include <chrono>
#include <functional>
#include <map>
#include <vector>

namespace vxlanctl {

/// SSH_CONNECTION, which sshd sets (sshd(8)): our own, or that of the nearest ancestor that has
/// one, since sudo, doas and su take it out of the environment. Empty when there is none. It is
/// looked for once: root's ancestors can be seen only as long as we have `sees_processes`.
std::string ssh_connection();
/// Gives up all other capabilities, and remembers what could not be seen without them.
void restrict_to(Capabilities capabilities);
enum class SshEnd : std::uint8_t { client, server };
/// That end's address in it, without a scope; empty where there is none.
std::optional<IpAddress> ssh_address(SshEnd end);

/// The network namespaces that have a directory in /run/vxlanctl, those among them that are gone.
std::vector<NamespaceId> namespaces_with_directory();
/// Those among them, without `here`, that have a record, which is of a tunnel that vxlanctl manages
/// there, and that are not known to be gone. None is entered.
std::vector<NamespaceId> namespaces_with_tunnels(const NamespaceId& here);
/// Those among them of which a record names a source (Tunnel::source) that is meant.
std::vector<NamespaceId>
namespaces_with_source(const std::function<bool(const std::string& source)>& is_meant);

/// The directory of one network namespace, /run/vxlanctl/DEVICE-INODE, with its lock and records.
/// An ordinary user, and root of a user namespace where /run is not writable, has a directory of
/// his own instead of /run/vxlanctl.
///
/// The kernel gives the numbers of a namespace that is gone to the next one. Therefore a file `id`
/// says which namespace the directory is of; what it holds of another one counts only where the
/// interface with its mark is there. Version 0.1 kept all locks and records side by side in
/// /run/vxlanctl: they are taken over.
class RuntimeDirectory {
public:
    /// For a writer, who then has to take the lock. Makes /run/vxlanctl if it is not there, and
    /// refuses one that somebody else could write to. The kernel has to outlive it.
    static Result<RuntimeDirectory> open(const Kernel& kernel);
    /// For reading records, the system's and the user's own; empty where there are none, which is
    /// no error. An error where the system fails.
    static Result<std::optional<RuntimeDirectory>> open_existing(const Kernel& kernel);

    /// Waits until no other writer works in this network namespace, then keeps others out until
    /// this object dies. `on_wait` is told who is being waited for, once for each of the locks of
    /// this version and of 0.1.
    Result<void> lock(std::chrono::seconds timeout, const std::string& purpose,
                      const std::function<void(const std::string& holder)>& on_wait);
    /// Instead of lock(), on behalf of a process that has it.
    Result<void> share_lock();
    /// How many records lock() has discarded, since they were of a namespace that is gone.
    std::size_t discarded() const { return discarded_; }

    /// From now on those who wait for the lock read that we go back to the state before at `time`
    /// unless the change is confirmed.
    void say_until(std::chrono::system_clock::time_point time) { lock_->say_until(time); }

    /// The path of the socket at which a change is confirmed.
    std::string confirmation() const;
    /// All paths at which one may wait: also in the user's own directory, and where 0.1 waits.
    std::vector<std::string> confirmations() const;

    /// The record under a mark's ID; empty when it is not there, or is not ours to read. An error
    /// where it makes no sense (Code::record_not_understood), and where the system fails: without
    /// the record, too little would be reset.
    Result<std::optional<Record>> read_record(const std::string& id) const;

    /// When `apply` last ran here; empty where it has not since the host was booted, or where that
    /// cannot be read.
    std::optional<LastApply> read_last_apply() const;
    /// Replaces it at once; the namespace's directory is made where it is not there. Without the
    /// lock, too: an apply may have failed before it could take that.
    Result<void> write_last_apply(const LastApply& last);

    // These are for who has the lock.

    /// Replaces the record at once (rename), so that nobody reads half of it.
    Result<void> write_record(const std::string& id, const Record& record);
    /// One that is not there is none.
    Result<void> remove_record(const std::string& id);
    /// Notes which links are about to be put into a group; in place of an earlier note.
    Result<void> write_moved(const MovedLinks& moved);
    /// Empty where nobody has left such a note, and for a text that is none.
    Result<std::optional<MovedLinks>> read_moved() const;
    /// They have gone, or are back in their groups.
    Result<void> remove_moved();
    /// The records whose mark is on no link, by ID; none without the lock. `is_marked` says whether
    /// an ID is.
    std::map<std::string, Record>
    orphans(const std::function<bool(const std::string&)>& is_marked) const;
    /// The same for a reader, who has no lock: none unless the directory is this namespace's.
    std::map<std::string, Record>
    unclaimed(const std::function<bool(const std::string&)>& is_marked) const;
    /// Removes the records whose mark is on no link.
    void sweep(const std::function<bool(const std::string&)>& is_marked);
    /// Removes the directories of namespaces that are gone: of many, a few at a time.
    void sweep_dead();
    /// Nothing more is done: if nothing of 0.1 is left, nobody takes its lock again.
    void end_take_over();

private:
    /// /run/vxlanctl, or the user's own directory.
    struct Location {
        std::string path;
        FileDescriptor top = FileDescriptor();
        FileDescriptor own; ///< of the namespace; none where it is not there
    };
    explicit RuntimeDirectory(const Kernel& kernel) : kernel_(&kernel) {}
    Result<Location> look_into(std::string path, FileDescriptor top) const;
    Result<FileDescriptor> make_own() const;
    Result<void> settle_identity();
    Result<void> take_over(const LockPatience& patience);
    Result<void> take_over_record(const std::string& name);

    const Kernel* kernel_;
    std::vector<Location> places_;     ///< the first one is written to
    std::optional<FileLock> lock_;     ///< of the network namespace
    std::optional<FileLock> old_lock_; ///< the same of 0.1, as long as there is something of it
    std::size_t discarded_ = 0;
};

} // namespace vxlanctl
