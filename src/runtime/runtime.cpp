#include "vxlanctl/runtime/runtime.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/kernel/identity.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/runtime/record_codec.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <set>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace vxlanctl {
namespace {

constexpr const char* system_directory = "/run/vxlanctl";
constexpr std::string_view record_prefix = "record-";
constexpr std::string_view fresh_prefix = "new-";
constexpr const char* lock_file = "lock"; // also of /run/vxlanctl itself
constexpr const char* id_file = "id";
constexpr const char* confirmation_socket = "confirm";
constexpr std::size_t most_dead = 16; ///< directories that are looked at in one run

std::string name_of_directory(const NamespaceId& space) {
    return formatted("{}-{}", space.device, space.inode);
}

// Of 0.1.
std::string old_lock_name(const NamespaceId& space) {
    return "lock-" + name_of_directory(space);
}
std::string old_confirmation(const NamespaceId& space) {
    return "confirm-" + name_of_directory(space);
}

/// Out of `DEVICE-INODE` behind the prefix.
std::optional<NamespaceId> namespace_in(const std::string& name, std::string_view prefix) {
    unsigned long device = 0, inode = 0;
    int length = 0;
    if (!name.starts_with(prefix) ||
        std::sscanf(name.c_str() + prefix.size(), "%lu-%lu%n", &device, &inode, &length) != 2 ||
        static_cast<std::size_t>(length) != name.size() - prefix.size())
        return std::nullopt;
    return NamespaceId{device, inode};
}

std::optional<std::string> id_of_record(const std::string& name) {
    if (!name.starts_with(record_prefix)) return std::nullopt;
    return name.substr(record_prefix.size());
}

std::string name_of_record(const std::string& id) {
    return formatted("{}{}", record_prefix, id);
}

bool is_record(const std::string& name) {
    return name.starts_with(record_prefix);
}

std::string read_process_file(int process, std::string_view name) {
    const FileDescriptor file(
        open(formatted("/proc/{}/{}", process, name).c_str(), O_RDONLY | O_CLOEXEC));
    return read_all(file.get());
}

/// A process's parent; 0 when there is none, or it cannot be seen.
int parent_of(int process) {
    const std::string stat = read_process_file(process, "stat"); // PID (NAME) STATE PARENT ...
    const auto name_end = stat.rfind(") ");
    return name_end + 4 < stat.size() ? std::atoi(stat.c_str() + name_end + 4) : 0;
}

Result<std::string> text_in(const FileDescriptor& directory, const std::string& name) {
    return open_file(directory, name, O_RDONLY).map([](const FileDescriptor& file) {
        return read_all(file.get());
    });
}

/// Whether what cannot be opened is as good as none: not there, not ours to read, or put there by
/// somebody else.
bool is_none(const Error& error) {
    const int code = error.errno_code;
    return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EACCES || code == 0;
}

LockPatience patience_for(const std::string& directory) {
    return {.busy = Error(Code::directory_locked, "", {{"directory", directory}})};
}

bool is_root_outside() {
    return geteuid() == 0 && uid_outside() == 0;
}

/// What the directory says whose it is; an error where that cannot be read, though it is there.
Result<std::optional<Identity>> identity_in(const FileDescriptor& directory) {
    const auto text = text_in(directory, id_file);
    if (text) return parse_identity(*text);
    if (is_none(text.error())) return std::optional<Identity>();
    return system_error(Code::cannot_read_namespace_id, id_file, text.error().errno_code);
}

Result<void> write_identity(const FileDescriptor& directory, const Identity& identity) {
    return replace_file(directory, "new-id", id_file, identity_text(identity));
}

/// The IDs of all marks on links.
Result<std::set<std::string>> marks_in(const Kernel& kernel) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    std::set<std::string> marks;
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_links(writer, "", false);
    const auto note = [&](const nlmsghdr* message) {
        const auto link = decode_link(message);
        if (const auto mark = link ? mark_of(link->attributes.alias.value_or("")) : std::nullopt)
            marks.insert(mark->id);
    };
    auto done = Netlink(*socket).dump(batch, note, [&] { marks.clear(); });
    if (!done) return tl::unexpected(done.error());
    return marks;
}

void remove_from(const FileDescriptor& directory, const std::string& name) {
    unlinkat(directory.get(), name.c_str(), 0);
}

bool move_file(const FileDescriptor& from, const FileDescriptor& to, const std::string& name) {
    return renameat(from.get(), name.c_str(), to.get(), name.c_str()) == 0;
}

std::string find_ssh_connection() {
    constexpr std::string_view name = "SSH_CONNECTION=";
    if (const char* own = std::getenv("SSH_CONNECTION")) return own;
    for (int process = getppid(); process > 1; process = parent_of(process)) {
        const std::string environment = '\0' + read_process_file(process, "environ");
        const auto begin = environment.find('\0' + std::string(name));
        if (begin != std::string::npos) return environment.c_str() + begin + 1 + name.size();
    }
    return "";
}

} // namespace

std::string ssh_connection() {
    static const std::string connection = find_ssh_connection();
    return connection;
}

void restrict_to(Capabilities capabilities) {
    if ((capabilities & sees_processes) == 0) (void)ssh_connection();
    keep_capabilities(capabilities);
}

std::optional<IpAddress> ssh_address(SshEnd end) {
    std::istringstream connection(ssh_connection()); // CLIENT PORT SERVER PORT
    std::string client, port, server;
    connection >> client >> port >> server;
    const std::string& word = end == SshEnd::client ? client : server;
    const auto address = parse_address(word.substr(0, word.find('%')));
    return address ? std::optional(*address) : std::nullopt;
}

std::vector<NamespaceId> namespaces_with_directory() {
    std::vector<NamespaceId> spaces;
    if (const auto top = open_directory_of_root(system_directory))
        for (const auto& name : names_in(*top))
            if (const auto space = namespace_in(name, "")) spaces.push_back(*space);
    return spaces;
}

std::vector<NamespaceId> namespaces_with_tunnels(const NamespaceId& here) {
    auto spaces = namespaces_with_directory();
    LivingNamespaces living;
    std::erase_if(spaces, [&](const NamespaceId& space) {
        if (space == here) return true;
        const auto directory =
            open_directory(formatted("{}/{}", system_directory, name_of_directory(space)));
        if (!directory) return true;
        const auto names = names_in(*directory);
        if (std::none_of(names.begin(), names.end(), is_record)) return true;
        const auto identity = identity_in(*directory);
        return identity && !living.may_have(space, identity->value_or(Identity{}));
    });
    return spaces;
}

std::vector<NamespaceId>
namespaces_with_source(const std::function<bool(const std::string&)>& is_meant) {
    auto spaces = namespaces_with_directory();
    std::erase_if(spaces, [&](const NamespaceId& space) {
        const auto directory =
            open_directory(formatted("{}/{}", system_directory, name_of_directory(space)));
        if (!directory) return true;
        const auto names = names_in(*directory);
        return std::none_of(names.begin(), names.end(), [&](const std::string& name) {
            const auto text = is_record(name) ? text_in(*directory, name) : Result<std::string>();
            const auto record = text ? parse_record(*text) : std::nullopt;
            return record && is_meant(record->source);
        });
    });
    return spaces;
}

Result<RuntimeDirectory> RuntimeDirectory::open(const Kernel& kernel) {
    RuntimeDirectory directory(kernel);
    std::string path = system_directory;
    auto top = make_directory(path);
    // The system's is not for an ordinary user, nor for one who is root of a namespace only. Else
    // an error is one, since the records are there, and so are others' locks.
    if (!top && !is_root_outside()) {
        path = own_directory();
        top = make_directory(path);
    }
    if (!top) return tl::unexpected(top.error());
    directory.places_.push_back({std::move(path), std::move(*top), FileDescriptor()});
    return directory;
}

Result<std::optional<RuntimeDirectory>> RuntimeDirectory::open_existing(const Kernel& kernel) {
    RuntimeDirectory directory(kernel);
    auto system = open_directory_of_root(system_directory);
    if (!system && !is_none(system.error())) return tl::unexpected(system.error());
    auto own = is_root_outside() ? system_error(Code::cannot_open, own_directory(), ENOENT)
                                 : open_directory(own_directory());
    if (!own && !is_none(own.error())) return tl::unexpected(own.error());
    for (auto* top : {&system, &own}) {
        if (!*top) continue;
        auto place = directory.look_into(top == &system ? system_directory : own_directory(),
                                         std::move(**top));
        if (!place) return tl::unexpected(place.error());
        directory.places_.push_back(std::move(*place));
    }
    if (directory.places_.empty()) return std::optional<RuntimeDirectory>();
    return directory;
}

Result<RuntimeDirectory::Location> RuntimeDirectory::look_into(std::string path,
                                                               FileDescriptor top) const {
    auto own = open_directory_of_root(formatted("{}/{}", path, name_of_directory(kernel_->id())));
    if (!own && !is_none(own.error())) return tl::unexpected(own.error());
    return Location{std::move(path), std::move(top), own ? std::move(*own) : FileDescriptor()};
}

Result<void> RuntimeDirectory::lock(std::chrono::seconds timeout, const std::string& purpose,
                                    const std::function<void(const std::string& holder)>& on_wait) {
    const LockPatience patience{timeout, on_wait, Error(Code::locked)};
    Location& place = places_.front();
    while (!lock_) {
        auto own = make_own();
        if (!own) return tl::unexpected(own.error());
        place.own = std::move(*own);
        auto taken = FileLock::take(place.own, lock_file, patience);
        if (!taken && taken.error().errno_code != ENOENT) return tl::unexpected(taken.error());
        // Else it was swept while we waited.
        if (taken && is_still_there(place.top, name_of_directory(kernel_->id()), place.own.get()))
            lock_ = std::move(*taken);
    }
    const std::string holder = formatted("process {} ({})", getpid(), purpose);
    lock_->say(holder);
    if (auto settled = settle_identity(); !settled) return settled;
    if (auto taken = take_over(patience); !taken) return taken;
    if (old_lock_) old_lock_->say(holder);
    return {};
}

Result<void> RuntimeDirectory::share_lock() {
    auto own = make_own();
    if (!own) return tl::unexpected(own.error());
    places_.front().own = std::move(*own);
    return {};
}

/// The namespace's directory, made if it is not there.
Result<FileDescriptor> RuntimeDirectory::make_own() const {
    const Location& place = places_.front();
    const std::string path = formatted("{}/{}", place.path, name_of_directory(kernel_->id()));
    auto own = open_directory(path);
    if (own || own.error().errno_code != ENOENT) return own;
    const auto shared = FileLock::take(place.top, lock_file, patience_for(place.path));
    if (!shared) return tl::unexpected(shared.error());
    return make_directory(path);
}

/// What is there of a namespace that had the number before counts only where its mark is here.
Result<void> RuntimeDirectory::settle_identity() {
    const FileDescriptor& own = places_.front().own;
    const auto read = identity_in(own);
    if (!read) return tl::unexpected(read.error());
    const auto& written = *read;
    const Identity here = identity_of(*kernel_);
    if (written && agree(*written, here)) {
        const Identity all = joined(here, *written);
        return all == *written ? Result<void>() : write_identity(own, all);
    }
    auto names = names_in(own);
    std::erase_if(names, [](const std::string& name) { return !is_record(name); });
    if (!names.empty()) {
        const auto marks = marks_in(*kernel_);
        if (!marks) return tl::unexpected(marks.error());
        for (const auto& name : names) {
            if (marks->contains(*id_of_record(name))) continue;
            remove_from(own, name);
            ++discarded_;
        }
    }
    return write_identity(own, here);
}

/// What 0.1 has left, of whatever namespace: once it is in their directories, no run looks at it
/// again. Until then our lock of 0.1 is held as well.
Result<void> RuntimeDirectory::take_over(const LockPatience& patience) {
    const Location& place = places_.front();
    const std::string own_lock = old_lock_name(kernel_->id());
    // Made by each program of 0.1 that wrote in this namespace, and removed by us alone.
    if (faccessat(place.top.get(), own_lock.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return {};
    auto old_lock = FileLock::take(place.top, own_lock, patience);
    if (!old_lock) return tl::unexpected(old_lock.error());
    old_lock_ = std::move(*old_lock);
    const auto shared = FileLock::take(place.top, lock_file, patience_for(place.path));
    if (!shared) return tl::unexpected(shared.error());
    const auto names = names_in(place.top);
    for (const auto& name : names)
        if (is_record(name))
            if (auto taken = take_over_record(name); !taken) return taken;
    bool is_any_at_work = false;
    for (const auto& name : names) {
        const auto space = namespace_in(name, "lock-");
        if (!space || name == own_lock) continue;
        if (const auto lock = FileLock::try_to_take(place.top, name)) {
            remove_from(place.top, old_confirmation(*space));
            remove_from(place.top, name);
        } else {
            is_any_at_work = true;
        }
    }
    for (const auto& name : names)
        if (name.starts_with(fresh_prefix) && !is_any_at_work) remove_from(place.top, name);
    return {};
}

/// Moves it to the directory of its namespace, unless that is at work.
Result<void> RuntimeDirectory::take_over_record(const std::string& name) {
    const Location& place = places_.front();
    const auto text = text_in(place.top, name);
    const auto origin = text ? origin_of_record(*text) : std::nullopt;
    const NamespaceId space = origin ? origin->space : kernel_->id();
    const Identity identity{"", origin ? origin->cookie : 0, 0};
    if (space == kernel_->id()) {
        if (!agree(identity, identity_of(*kernel_))) {
            const auto marks = marks_in(*kernel_);
            if (!marks) return tl::unexpected(marks.error());
            if (!marks->contains(*id_of_record(name))) {
                remove_from(place.top, name);
                ++discarded_;
                return {};
            }
        }
        if (!move_file(place.top, place.own, name))
            return system_error(Code::cannot_move_record, name, errno);
        return {};
    }
    const auto old_lock = FileLock::try_to_take(place.top, old_lock_name(space));
    if (!old_lock) return {};
    const auto theirs = make_directory(formatted("{}/{}", place.path, name_of_directory(space)));
    const auto lock = theirs ? FileLock::try_to_take(*theirs, lock_file) : std::nullopt;
    if (!lock) return {};
    const auto read = identity_in(*theirs);
    if (!read) return {};
    const auto& written = *read;
    if (!written) (void)write_identity(*theirs, identity);
    if (written && !agree(*written, identity))
        remove_from(place.top, name); // of one that is gone
    else
        move_file(place.top, *theirs, name);
    remove_from(place.top, old_lock_name(space));
    return {};
}

std::string RuntimeDirectory::confirmation() const {
    return formatted("/proc/self/fd/{}/{}", places_.front().own.get(), confirmation_socket);
}

std::vector<std::string> RuntimeDirectory::confirmations() const {
    std::vector<std::string> paths;
    for (const auto& place : places_) {
        if (place.own.get() >= 0)
            paths.push_back(formatted("/proc/self/fd/{}/{}", place.own.get(), confirmation_socket));
        paths.push_back(
            formatted("/proc/self/fd/{}/{}", place.top.get(), old_confirmation(kernel_->id())));
    }
    return paths;
}

Result<std::optional<Record>> RuntimeDirectory::read_record(const std::string& id) const {
    const std::string name = name_of_record(id);
    for (const auto& place : places_)
        for (const auto* directory : {&place.own, &place.top}) { // where 0.1 has it
            if (directory->get() < 0) continue;
            const auto text = text_in(*directory, name);
            if (text) {
                auto record = parse_record(*text);
                return record ? Result<std::optional<Record>>(std::move(*record))
                              : error(Code::record_not_understood, name);
            }
            if (!is_none(text.error()))
                return system_error(Code::cannot_read_record, name, text.error().errno_code);
        }
    return std::optional<Record>();
}

Result<void> RuntimeDirectory::write_record(const std::string& id, const Record& record) {
    return replace_file(places_.front().own, formatted("{}{}", fresh_prefix, id),
                        name_of_record(id), record_text(record));
}

Result<void> RuntimeDirectory::remove_record(const std::string& id) {
    const std::string name = name_of_record(id);
    if (unlinkat(places_.front().own.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return system_error(Code::cannot_remove_record, name, errno);
}

std::map<std::string, Record>
RuntimeDirectory::orphans(const std::function<bool(const std::string&)>& is_marked) const {
    return lock_ ? unclaimed(is_marked) : std::map<std::string, Record>{};
}

std::map<std::string, Record>
RuntimeDirectory::unclaimed(const std::function<bool(const std::string&)>& is_marked) const {
    std::map<std::string, Record> orphans;
    const auto identity = identity_in(places_.front().own);
    if (!identity || !*identity || !agree(**identity, identity_of(*kernel_))) return orphans;
    for (const auto& name : names_in(places_.front().own)) {
        const auto id = id_of_record(name);
        if (!id || is_marked(*id)) continue;
        const auto text = text_in(places_.front().own, name);
        if (auto record = text ? parse_record(*text) : std::nullopt)
            orphans.emplace(*id, std::move(*record));
    }
    return orphans;
}

void RuntimeDirectory::sweep(const std::function<bool(const std::string&)>& is_marked) {
    const Location& place = places_.front();
    for (const auto& name : names_in(place.own)) {
        const auto id = id_of_record(name);
        if (name.starts_with(fresh_prefix) || (id && !is_marked(*id))) remove_from(place.own, name);
    }
}

void RuntimeDirectory::end_take_over() {
    if (!old_lock_) return;
    const Location& place = places_.front();
    const auto names = names_in(place.top);
    if (std::none_of(names.begin(), names.end(), is_record))
        remove_from(place.top, old_lock_name(kernel_->id()));
}

/// Whose lock can be taken is not at work.
void RuntimeDirectory::sweep_dead() {
    const Location& place = places_.front();
    const auto shared = FileLock::try_to_take(place.top, lock_file);
    if (!shared) return; // another time
    std::vector<std::pair<std::string, NamespaceId>> others;
    for (const auto& name : names_in(place.top))
        if (const auto space = namespace_in(name, ""); space && *space != kernel_->id())
            others.emplace_back(name, *space);
    if (others.size() > most_dead) { // another part each time
        std::rotate(others.begin(),
                    others.begin() +
                        static_cast<long>(static_cast<std::size_t>(getpid()) % others.size()),
                    others.end());
        others.resize(most_dead);
    }
    LivingNamespaces living;
    for (const auto& [name, space] : others) {
        const auto directory = open_directory(formatted("{}/{}", place.path, name));
        if (!directory) continue;
        const auto identity = identity_in(*directory);
        if (!identity || living.may_have(space, identity->value_or(Identity{}))) continue;
        const auto lock = FileLock::try_to_take(*directory, lock_file);
        if (!lock) continue;
        for (const auto& file : names_in(*directory))
            remove_from(*directory, file);
        unlinkat(place.top.get(), name.c_str(), AT_REMOVEDIR);
    }
}

} // namespace vxlanctl
