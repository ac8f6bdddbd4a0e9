#include "vxlanctl/holds.h"

#include "vxlanctl/directory.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr const char* state_directory = "/var/lib/vxlanctl";
constexpr const char* file_name = "hold.json";
constexpr const char* fresh_name = "hold.json.new";

/// The system's directory, or the user's own.
template<class Open> Result<FileDescriptor> directory_by(Open open) {
    auto directory = open(state_directory);
    if (!directory && (geteuid() != 0 || uid_outside() != 0)) return open(own_directory());
    return directory;
}

/// The whole file, an object by the namespaces' names; empty where it is not there or broken.
nlohmann::json read_file(const FileDescriptor& directory) {
    const auto file = open_file(directory, file_name, O_RDONLY);
    auto json =
        file ? nlohmann::json::parse(read_all(file->get()), nullptr, false) : nlohmann::json();
    return json.is_object() ? json : nlohmann::json::object();
}

} // namespace

std::uint64_t hash_of(std::string_view text, std::uint64_t before) {
    std::uint64_t hash = before;
    for (const char character : text)
        hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    return hash;
}

Hold read_hold(const std::string& space) {
    Hold hold;
    const auto directory = directory_by(open_directory);
    if (!directory) return hold;
    const auto json = read_file(*directory);
    const auto found = json.find(space);
    if (found == json.end() || !found->is_object()) return hold;
    if (const auto files = found->find("files"); files != found->end() && files->is_object())
        for (const auto& [path, hash] : files->items())
            if (hash.is_number_unsigned()) hold.files[path] = hash.get<std::uint64_t>();
    if (const auto tunnels = found->find("tunnels"); tunnels != found->end())
        for (const auto& name : *tunnels)
            if (name.is_string()) hold.tunnels.insert(name.get<std::string>());
    return hold;
}

Result<void> write_hold(const std::string& space, const Hold& hold) {
    auto directory = directory_by(make_directory);
    if (!directory) return tl::unexpected(directory.error());
    auto json = read_file(*directory);
    if (hold == Hold{})
        json.erase(space);
    else
        json[space] = {{"files", hold.files}, {"tunnels", hold.tunnels}};
    if (!json.empty())
        return replace_file(*directory, fresh_name, file_name,
                            json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                                "\n");
    unlinkat(directory->get(), file_name, 0);
    return {};
}

} // namespace vxlanctl
