#include "vxlanctl/base/program.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

constexpr std::array directories{"/usr/sbin", "/sbin", "/usr/bin", "/bin"};
constexpr std::size_t most_output = 64 << 20;

tl::unexpected<Error> cannot_run(const std::string& name, int code) {
    return error(Error(Code::cannot_run_program, name).with(code));
}

std::string path_of(const std::string& name) {
    for (const char* directory : directories)
        if (std::string path = formatted("{}/{}", directory, name); access(path.c_str(), X_OK) == 0)
            return path;
    return "";
}

/// Reads both pipes until they end; 0, or why that is not waited for.
int read_both(std::array<pollfd, 2> pipes, std::chrono::seconds patience, ProgramOutput& output) {
    const auto end = std::chrono::steady_clock::now() + patience;
    const int out = pipes[0].fd;
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return ETIMEDOUT;
        const int ready = poll(pipes.data(), pipes.size(), static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR) return errno;
        if (ready <= 0) continue;
        for (auto& pipe : pipes) {
            if (pipe.fd < 0 || pipe.revents == 0) continue;
            std::array<char, 65536> buffer;
            const auto size = read(pipe.fd, buffer.data(), buffer.size());
            if (size <= 0) {
                pipe.fd = -1;
                continue;
            }
            auto& text = pipe.fd == out ? output.out : output.err;
            text.append(buffer.data(), static_cast<std::size_t>(size));
            if (text.size() > most_output) return EFBIG;
        }
    }
    return 0;
}

} // namespace

bool has_system_program(const std::string& name) {
    return !path_of(name).empty();
}

Result<ProgramOutput> run_system_program(const std::string& name,
                                         const std::vector<std::string>& arguments,
                                         std::string_view input, std::chrono::seconds patience) {
    std::string path = path_of(name);
    if (path.empty()) return cannot_run(name, ENOENT);
    // Not a pipe: it could wait for us to read while we wait for it to.
    const FileDescriptor in(memfd_create("input", MFD_CLOEXEC));
    if (in.get() < 0 || !write_all(in.get(), input) || lseek(in.get(), 0, SEEK_SET) != 0)
        return cannot_run(name, errno);
    std::array<int, 2> out{}, err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0) return cannot_run(name, errno);
    const FileDescriptor out_read(out[0]);
    FileDescriptor out_write(out[1]);
    if (pipe2(err.data(), O_CLOEXEC) != 0) return cannot_run(name, errno);
    const FileDescriptor err_read(err[0]);
    FileDescriptor err_write(err[1]);
    std::vector<std::string> words{path};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    const pid_t child = fork();
    if (child < 0) return cannot_run(name, errno);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_DFL); // which we ignore, and which a program inherits so
        dup2(in.get(), STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execve(path.c_str(), pointers.data(), environment.data());
        _exit(127);
    }
    out_write = FileDescriptor();
    err_write = FileDescriptor();
    ProgramOutput output;
    const int problem =
        read_both({pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}}, patience, output);
    if (problem != 0) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (problem != 0) return cannot_run(name, problem);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

} // namespace vxlanctl
