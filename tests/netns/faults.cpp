#include "faults.h"

#include <csignal>
#include <filesystem>
#include <regex>
#include <stdexcept>
#include <sys/wait.h>

namespace world {
namespace {

RunOptions stopping_before(long write, const std::string& variable) {
    RunOptions options;
    options.environment = {{"LD_PRELOAD", FAULT_LIBRARY},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                           {variable, std::to_string(write)}};
    return options;
}

} // namespace

StoppedRun::StoppedRun(const Namespace& space, const std::string& words, long write,
                       const std::string& variable)
    : process_(space, command_of(words), stopping_before(write, variable)) {
    // Not taking the exit status of one that ended: that is for wait().
    siginfo_t what{};
    waitid(P_PID, static_cast<id_t>(process_.pid()), &what, WSTOPPED | WEXITED | WNOWAIT);
    stopped_ = what.si_code == CLD_STOPPED;
}

Finished StoppedRun::resume() {
    kill(process_.pid(), SIGCONT);
    return process_.wait();
}

void await_pending(const Namespace& space) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!told(vxlanctl(space, "down nosuch --lock-timeout 0"), "locked, holder-unconfirmed"))
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("no change waits for its confirmation");
}

std::map<std::string, std::string> record_files() {
    std::map<std::string, std::string> files;
    std::error_code absent;
    const std::regex index("\"index\":[0-9]+,?");
    for (const auto& file : std::filesystem::recursive_directory_iterator("/run/vxlanctl", absent))
        if (const auto path = file.path().string(); path.find("/record-") != std::string::npos)
            files[path] = std::regex_replace(text_of(path), index, "");
    return files;
}

} // namespace world
