#include "vxlanctl/run/services.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/stat.h>

namespace vxlanctl {
namespace {

std::string contents(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return file.get() < 0 ? "" : read_all(file.get());
}

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string::npos) return "";
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Calls `take` for each `key=value` of a section; a file without sections is one named "".
template<class Take> void each_setting(const std::string& text, const Take& take) {
    std::istringstream lines(text);
    std::string section;
    for (std::string line; std::getline(lines, line);) {
        line = trimmed(line);
        if (line.empty() || line[0] == '#' || line[0] == ';') continue;
        if (line.front() == '[' && line.back() == ']')
            section = line.substr(1, line.size() - 2);
        else if (const auto equals = line.find('='); equals != std::string::npos)
            take(section, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
    }
}

bool is_no(std::string word) {
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32)
                                              : static_cast<char>(letter);
    });
    return word == "no" || word == "n" || word == "false" || word == "f" || word == "off" ||
           word == "0";
}

constexpr std::array networkd_folders{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                      "/usr/lib/systemd"};

/// The main file and the drop-ins, in the order in which they count (systemd.syntax(7)).
std::vector<std::string> networkd_files(const std::string& root) {
    std::vector<std::string> paths;
    std::map<std::string, std::string> drop_ins; // by name: one in an earlier folder hides others
    for (const char* folder : networkd_folders) {
        const std::string base = root + folder + "/networkd.conf";
        std::error_code problem;
        if (paths.empty() && std::filesystem::exists(base, problem)) paths.push_back(base);
        for (std::filesystem::directory_iterator entry(base + ".d", problem), end;
             !problem && entry != end; entry.increment(problem))
            if (entry->path().extension() == ".conf")
                drop_ins.emplace(entry->path().filename(), entry->path());
    }
    for (const auto& [name, path] : drop_ins)
        paths.push_back(path);
    return paths;
}

} // namespace

Services read_services(const std::string& root, const std::vector<int>& links) {
    Services services;
    for (const int link : links) {
        Services::Managed managed;
        each_setting(contents(formatted("{}/run/NetworkManager/devices/{}", root, link)),
                     [&](const auto& section, const auto& key, const auto& value) {
                         if (section == "device" && key == "managed")
                             managed.by_network_manager = value == "true" || value == "1";
                     });
        each_setting(contents(formatted("{}/run/systemd/netif/links/{}", root, link)),
                     [&](const auto&, const auto& key, const auto& value) {
                         if (key == "ADMIN_STATE")
                             managed.by_networkd = value != "unmanaged" && value != "pending" &&
                                                   value != "initialized";
                     });
        if (managed.by_network_manager || managed.by_networkd)
            services.links.emplace(link, managed);
    }
    std::error_code ignored;
    services.networkd_runs = std::filesystem::exists(root + "/run/systemd/netif/state", ignored);
    services.removes_routes = services.removes_rules = true; // networkd.conf(5): the defaults
    for (const auto& path : networkd_files(root))
        each_setting(contents(path), [&](const auto& section, const auto& key, const auto& value) {
            if (section != "Network") return;
            if (key == "ManageForeignRoutes") services.removes_routes = !is_no(value);
            if (key == "ManageForeignRoutingPolicyRules") services.removes_rules = !is_no(value);
        });
    return services;
}

std::map<std::string, std::string> files_that_make(const std::string& root,
                                                   const std::map<std::string, int>& indexes) {
    std::map<std::string, std::string> files;
    if (indexes.empty()) return files;
    for (const char* folder : networkd_folders) {
        std::error_code problem;
        for (std::filesystem::directory_iterator entry(root + folder + "/network", problem), end;
             !problem && entry != end; entry.increment(problem))
            if (const std::string path = entry->path(); path.ends_with(".netdev"))
                each_setting(
                    contents(path), [&](const auto& section, const auto& key, const auto& value) {
                        if (section == "NetDev" && key == "Name" && indexes.contains(value))
                            files.emplace(value, path);
                    });
    }
    for (const auto& named : indexes) {
        const std::string path = formatted("{}/run/NetworkManager/devices/{}", root, named.second);
        each_setting(contents(path), [&](const auto& section, const auto& key, const auto& value) {
            if (section == "device" && key == "nm-owned" && (value == "true" || value == "1"))
                files.emplace(named.first, path);
        });
    }
    return files;
}

std::map<std::string, std::string>
files_of_other_programs(const NamespaceId& space, const State& state,
                        const std::function<bool(const Link&)>& is_meant) {
    std::map<std::string, int> indexes;
    for (const auto& link : state.links)
        if (is_tunnel(link) && !mark_of(link.attributes.alias.value_or("")) && is_meant(link))
            indexes.emplace(link.name, link.index);
    return indexes.empty() || !is_services_namespace(space) ? std::map<std::string, std::string>{}
                                                            : files_that_make("", indexes);
}

bool is_services_namespace(const NamespaceId& space) {
    struct stat first {};
    // Without privilege it cannot be looked at; nobody without it gets into another one easily.
    if (stat("/proc/1/ns/net", &first) != 0) return true;
    return space == NamespaceId{first.st_dev, first.st_ino};
}

} // namespace vxlanctl
