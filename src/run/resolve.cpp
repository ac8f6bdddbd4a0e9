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
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace vxlanctl {
#if defined(VXLANCTL_STATIC) && defined(__GLIBC__)

// glibc looks names up by plugins, which are those of the host and its version: what is linked
// statically crashes there, or finds nothing.
Result<NameAnswers> resolve(const std::set<NameQuery>& queries, std::chrono::seconds) {
    std::set<std::string> names;
    for (const auto& query : queries)
        names.insert(formatted("'{}'", query.name));
    return error(Code::static_cannot_look_up, "", {{"names", joined(names, ", ")}});
}

#else
namespace {

using std::chrono::steady_clock;
constexpr std::size_t most_threads = 256;

IpAddress address_of(const sockaddr& address) {
    std::array<std::uint8_t, 16> bytes{};
    if (address.sa_family == AF_INET) {
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
        return address_from_wire({bytes.data(), 4});
    }
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
    return address_from_wire(bytes);
}

/// What getaddrinfo() says of addresses of one family; else its error.
int look_up(const NameQuery& query, std::vector<IpAddress>& addresses) {
    addrinfo hints{};
    hints.ai_family = query.family == Family::ipv4 ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_DGRAM; // else each address comes once for each kind of socket
    addrinfo* list = nullptr;
    std::string name = query.name;
    if (name.find('.') + 1 == name.size()) name.pop_back(); // it only tells that this is a name
    const int problem = getaddrinfo(name.c_str(), nullptr, &hints, &list);
    if (problem != 0) return problem;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next)
        if (entry->ai_family == hints.ai_family) addresses.push_back(address_of(*entry->ai_addr));
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    return 0;
}

NameAnswer answer_to(const NameQuery& query) {
    NameAnswer answer;
    const int problem = look_up(query, answer.addresses);
    if (problem == 0) return answer;
    answer.why = problem == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(problem);
    if (problem == EAI_AGAIN || problem == EAI_SYSTEM) return answer;
    // The C library says of a name without such addresses what it says of one that is not there.
    const bool ipv4 = query.family == Family::ipv4;
    std::vector<IpAddress> others;
    if (look_up({query.name, ipv4 ? Family::ipv6 : Family::ipv4}, others) == 0)
        answer.why = text_of(ipv4 ? Code::only_ipv6_addresses : Code::only_ipv4_addresses);
    return answer;
}

/// One line for a query's answer: its number, and addresses, or `!` and why there are none.
std::string line_of(std::size_t number, const NameAnswer& answer) {
    std::string line = std::to_string(number);
    for (const auto& address : answer.addresses)
        line += " " + to_string(address);
    if (answer.addresses.empty()) line += " !" + answer.why;
    return line + "\n";
}

/// In the child: answers all queries, each as soon as it can be.
void answer_all(const std::vector<NameQuery>& queries, int out) {
    std::atomic<std::size_t> next{0};
    std::mutex one_at_a_time;
    const auto work = [&] {
        for (std::size_t i = next++; i < queries.size(); i = next++) {
            const std::string line = line_of(i, answer_to(queries[i]));
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
[[noreturn]] void run_child(const std::vector<NameQuery>& queries, int out) {
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
    answer_all(queries, out);
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

Result<NameAnswers> resolve(const std::set<NameQuery>& queries, std::chrono::seconds time) {
    const std::vector<NameQuery> list(queries.begin(), queries.end());
    const auto deadline = steady_clock::now() + time;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return error(Error(Code::cannot_look_up_names).with(errno));
    FileDescriptor in(ends[0]), out(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return error(Error(Code::cannot_look_up_names).with(errno));
    if (pid == 0) run_child(list, out.get());
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

#endif
} // namespace vxlanctl
