#include "vxlanctl/runtime/holds.h"

#include "vxlanctl/base/file_lock.h"
#include "vxlanctl/base/format.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr const char* state_directory = "/var/lib/vxlanctl";
constexpr const char* file_name = "hold.json";
constexpr std::string_view scratch_prefix = "hold.json.";
constexpr const char* lock_name = "hold.lock";
constexpr int file_version = 2; // 0.1 had none, and the words of --netns as keys

/// What is on hold, by the name of the namespace; empty is that of the host.
using Holds = std::map<std::string, Hold>;

/// The system's directory, or the user's own.
template<class Open> Result<FileDescriptor> directory_by(Open open) {
    auto directory = open(state_directory);
    if (!directory && (geteuid() != 0 || uid_outside() != 0)) return open(own_directory());
    return directory;
}

Hold hold_in(const nlohmann::json& json) {
    Hold hold;
    if (!json.is_object()) return hold;
    if (const auto files = json.find("files"); files != json.end() && files->is_object())
        for (const auto& [path, hash] : files->items())
            if (hash.is_number_unsigned()) hold.files[path] = hash.get<std::uint64_t>();
    if (const auto tunnels = json.find("tunnels"); tunnels != json.end())
        for (const auto& name : *tunnels)
            if (name.is_string()) hold.tunnels.insert(name.get<std::string>());
    return hold;
}

/// What is kept for the words of --netns of 0.1, a name or a path.
std::string name_of_words(const std::string& words) {
    if (words.find('/') == std::string::npos) return words;
    const auto space = namespace_at(words);
    if (std::string name = space ? name_of(*space) : ""; !name.empty()) return name;
    return words.substr(words.rfind('/') + 1); // it is gone: most probably that of ip-netns(8)
}

/// The whole file; empty where it is not there or broken.
Holds read_file(const FileDescriptor& directory) {
    Holds holds;
    const auto file = open_file(directory, file_name, O_RDONLY);
    const auto json =
        file ? nlohmann::json::parse(read_all(file->get()), nullptr, false) : nlohmann::json();
    if (!json.is_object()) return holds;
    if (const auto version = json.find("version");
        version == json.end() || !version->is_number_unsigned()) {
        for (const auto& [words, hold] : json.items())
            holds[name_of_words(words)] = hold_in(hold);
        return holds;
    }
    if (const auto host = json.find("host"); host != json.end()) holds[""] = hold_in(*host);
    if (const auto names = json.find("netns"); names != json.end() && names->is_object())
        for (const auto& [name, hold] : names->items())
            holds[name] = hold_in(hold);
    return holds;
}

Result<void> write_file(const FileDescriptor& directory, const Holds& holds) {
    nlohmann::json json{{"version", file_version}};
    for (const auto& [name, hold] : holds)
        (name.empty() ? json["host"] : json["netns"][name]) = {{"files", hold.files},
                                                               {"tunnels", hold.tunnels}};
    return replace_file_durably(directory, formatted("{}{}", scratch_prefix, getpid()), file_name,
                                json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                                    "\n");
}

/// The name in the file; empty for the host.
std::string key_of(const Kernel& kernel) {
    if (std::string name = name_of(kernel.id()); !name.empty()) return name;
    const auto first = namespace_at("/proc/1/ns/net");
    if (!first || *first == kernel.id()) return ""; // or nobody can tell
    return formatted("net:[{}]-{}", kernel.id().inode, kernel.cookie());
}

} // namespace

std::uint64_t hash_of(std::string_view text, std::uint64_t before) {
    std::uint64_t hash = before;
    for (const char character : text)
        hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    return hash;
}

std::string hold_file() {
    const bool is_own = !open_directory(state_directory) && (geteuid() != 0 || uid_outside() != 0);
    return (is_own ? own_directory() : std::string(state_directory)) + "/" + file_name;
}

Hold read_hold(const Kernel& kernel) {
    const auto directory = directory_by(open_directory);
    if (!directory) return {};
    const Holds holds = read_file(*directory);
    if (holds.empty()) return {};
    const auto found = holds.find(key_of(kernel));
    return found == holds.end() ? Hold{} : found->second;
}

Result<void> change_hold(const Kernel& kernel, const std::function<void(Hold&)>& change) {
    auto directory = directory_by(make_directory);
    if (!directory) return tl::unexpected(directory.error());
    const auto lock = FileLock::take(*directory, lock_name, {.busy = Error(Code::holds_locked)});
    if (!lock) return tl::unexpected(lock.error());
    Holds holds = read_file(*directory);
    const std::string key = key_of(kernel);
    const Hold before = holds[key];
    change(holds[key]);
    if (holds[key] == before) return {};
    for (const auto& name : names_in(*directory)) // of writers that were killed
        if (name.starts_with(scratch_prefix)) unlinkat(directory->get(), name.c_str(), 0);
    std::erase_if(holds, [](const auto& hold) { return hold.second == Hold{}; });
    if (!holds.empty()) return write_file(*directory, holds);
    unlinkat(directory->get(), file_name, 0);
    return {};
}

} // namespace vxlanctl
