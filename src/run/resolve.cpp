#include "vxlanctl/run/resolve.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/privileges.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace vxlanctl {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t most_threads = 256;

/// One line for a query's answer: its number, and addresses, or `!` and why there are none.
std::string line_of(std::size_t number, const NameAnswer& answer) {
    std::string line = std::to_string(number);
    for (const auto& address : answer.addresses)
        line += " " + to_string(address);
    if (answer.addresses.empty()) line += " !" + answer.why;
    return line + "\n";
}

/// In the child: answers all queries, each as soon as it can be.
void answer_all(const std::vector<NameQuery>& queries, NameService service, int out) {
    std::atomic<std::size_t> next{0};
    std::mutex one_at_a_time;
    const auto work = [&] {
        for (std::size_t i = next++; i < queries.size(); i = next++) {
            const std::string line = line_of(i, service(queries[i]));
            const std::lock_guard lock(one_at_a_time);
            write_all(out, line);
        }
    };
    std::vector<std::thread> threads;
    try {
        while (threads.size() + 1 < std::min(queries.size(), most_threads))
            threads.emplace_back(work);
    } catch (const std::system_error&) { // then fewer have to do
    }
    work();
    for (auto& thread : threads)
        thread.join();
}

/// A process of its own: getaddrinfo() cannot be told to stop, and nothing that it loads and keeps
/// open stays with us. It can also go back to where the program was called.
[[noreturn]] void run_child(const std::vector<NameQuery>& queries, NameService service, int out) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int number : {SIGHUP, SIGINT, SIGTERM})
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (const auto back = return_to_caller(); !back) {
        for (std::size_t i = 0; i < queries.size(); ++i)
            write_all(out, line_of(i, {{}, to_string(back.error())}));
        _exit(1);
    }
    keep_capabilities(no_capability);
    answer_all(queries, service, out);
    _exit(0);
}

/// The child and what it has said.
class Child {
public:
    Child(pid_t pid, FileDescriptor out) : pid_(pid), out_(std::move(out)) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        kill(pid_, SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

    enum class End : std::uint8_t { said_all, timeout, signal };
    /// Reads until one of these.
    End read_until(steady_clock::time_point deadline, std::string& text) const {
        while (true) {
            if (caught_signal() != 0) return End::signal;
            if (steady_clock::now() >= deadline) return End::timeout;
            if (!wait_for(out_.get(), POLLIN, deadline)) continue;
            std::array<char, 65536> buffer;
            const auto size = read(out_.get(), buffer.data(), buffer.size());
            if (size <= 0) return End::said_all;
            text.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }

private:
    pid_t pid_;
    FileDescriptor out_;
};

/// Takes the answers of all whole lines.
void take_lines(std::string_view text, const std::vector<NameQuery>& queries,
                NameAnswers& answers) {
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const auto number = static_cast<std::size_t>(std::atoll(line.data()));
        if (number >= queries.size()) continue;
        NameAnswer answer;
        line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
        if (line.starts_with('!')) {
            answer.why = line.substr(1);
            line = {};
        }
        while (!line.empty()) {
            const auto word = line.substr(0, line.find(' '));
            if (const auto address = parse_address(word)) answer.addresses.push_back(*address);
            line.remove_prefix(std::min(line.size(), word.size() + 1));
        }
        answers[queries[number]] = std::move(answer);
    }
}

} // namespace

Result<NameAnswers> resolve(const std::set<NameQuery>& queries, std::chrono::seconds time,
                            NameService service) {
    const std::vector<NameQuery> list(queries.begin(), queries.end());
    if (service == ask_getent && !has_getent()) {
        std::set<std::string> names;
        for (const auto& query : list)
            names.insert(formatted("'{}'", query.name));
        return error(Code::static_cannot_look_up, "", {{"names", joined(names, ", ")}});
    }
    const auto deadline = steady_clock::now() + time;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return error(Error(Code::cannot_look_up_names).with(errno));
    FileDescriptor in(ends[0]), out(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return error(Error(Code::cannot_look_up_names).with(errno));
    if (pid == 0) run_child(list, service, out.get());
    out = FileDescriptor();
    Child child(pid, std::move(in));
    std::string text;
    const auto end = child.read_until(deadline, text);
    if (end == Child::End::signal) {
        std::vector<std::string> names;
        for (const auto& query : list)
            names.push_back(query.name);
        return error(Code::interrupted_looking_up, "",
                     {{"signal", caught_signal()}, {"names", joined(names, ", ")}});
    }
    NameAnswers answers;
    const std::string why = end == Child::End::timeout
                                ? text_of(Code::no_answer_in_time, {{"seconds", time.count()}})
                                : text_of(Code::resolver_broke_down);
    for (const auto& query : list)
        answers[query].why = why;
    take_lines(text, list, answers);
    return answers;
}

} // namespace vxlanctl
