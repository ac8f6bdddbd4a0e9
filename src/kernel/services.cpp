#include "vxlanctl/services.h"

#include "vxlanctl/directory.h"
#include "vxlanctl/format.h"
#include "vxlanctl/runtime.h"

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

/// The main file and the drop-ins, in the order in which they count (systemd.syntax(7)).
std::vector<std::string> networkd_files(const std::string& root) {
    constexpr std::array folders{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                 "/usr/lib/systemd"};
    std::vector<std::string> paths;
    std::map<std::string, std::string> drop_ins; // by name: one in an earlier folder hides others
    for (const char* folder : folders) {
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

bool is_services_namespace(const NamespaceId& space) {
    struct stat first {};
    // Without privilege it cannot be looked at; nobody without it gets into another one easily.
    if (stat("/proc/1/ns/net", &first) != 0) return true;
    return space == NamespaceId{first.st_dev, first.st_ino};
}

} // namespace vxlanctl
