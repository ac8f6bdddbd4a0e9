#include "world.h"
#include "vxlanctl/base/error.h"

#include "chance.h"
#include "json_schema.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace world {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

int open_current() {
    const int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("/proc/self/ns/net");
    return fd;
}

[[noreturn]] void become(const Namespace& space, const std::vector<std::string>& command,
                         const RunOptions& options, int in, int out, int err) {
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<char*> words;
    for (const auto& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    for (const auto& [name, value] : options.environment)
        setenv(name.c_str(), value.c_str(), 1);
    if (setns(space.descriptor(), CLONE_NEWNET) != 0) _exit(126);
    if (options.as_nobody && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(126);
    execvp(words[0], words.data());
    _exit(127);
}

/// The words of the document that was asked of vxlanctl, also in a line of shell; none where it was
/// not, or something else instead.
std::vector<std::string> words_for_json(const std::vector<std::string>& command) {
    std::istringstream line(fmt::format("{}", fmt::join(command, " ")));
    std::vector<std::string> words{std::istream_iterator<std::string>(line), {}};
    const auto program = std::find(words.begin(), words.end(), VXLANCTL_PROGRAM);
    words.erase(words.begin(), program);
    words.erase(std::find(words.begin(), words.end(), "--"), words.end());
    const auto has = [&](const char* word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (!has("--json") || has("--ip-commands") || has("--help") || has("--version")) return {};
    return words;
}

void check_document(const std::vector<std::string>& words, const std::string& out) {
    const auto document = nlohmann::json::parse(out, nullptr, false);
    const std::string faults = document.is_discarded()
                                   ? "no JSON\n"
                                   : json_schema::faults(document, json_schema::command_of(words));
    if (!faults.empty())
        throw std::runtime_error(
            fmt::format("'{}' printed what docs/json.schema.json does not have: {}{}",
                        fmt::join(words, " "), faults, out));
}

/// Every document that any test makes vxlanctl print is held against the schema.
void check_json(const std::vector<std::string>& command, const std::string& out) {
    const auto words = words_for_json(command);
    if (words.empty() || out.empty()) return; // nothing of what was killed
    if (std::find(words.begin(), words.end(), "--watch") == words.end())
        return check_document(words, out);
    std::istringstream lines(out); // a document each
    for (std::string line; std::getline(lines, line);)
        check_document(words, line);
}

} // namespace

Namespace::Namespace() {
    const int back = open_current();
    if (unshare(CLONE_NEWNET) != 0) fail("unshare");
    descriptor_ = open_current();
    if (setns(back, CLONE_NEWNET) != 0) fail("setns");
    close(back);
    const Inside inside(*this);
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_flags = IFF_UP;
    const bool is_up = ioctl(any, SIOCSIFFLAGS, &lo) == 0;
    close(any);
    if (!is_up) fail("lo");
}

Namespace::~Namespace() {
    close(descriptor_);
}

Inside::Inside(const Namespace& space) : back_(open_current()) {
    if (setns(space.descriptor(), CLONE_NEWNET) != 0) fail("setns");
}

Inside::~Inside() {
    setns(back_, CLONE_NEWNET);
    close(back_);
}

Process::Process(const Namespace& space, const std::vector<std::string>& command,
                 const RunOptions& options)
    : command_(command), deadline_(options.deadline) {
    std::array<int, 2> out, err;
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) fail("pipe");
    // A file instead of a pipe: any amount of input without a second thread.
    const std::unique_ptr<FILE, int (*)(FILE*)> input(tmpfile(), fclose);
    fwrite(options.input.data(), 1, options.input.size(), input.get());
    rewind(input.get());
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) become(space, command, options, fileno(input.get()), out[1], err[1]);
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
}

Process::~Process() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (out_ >= 0) close(out_);
    if (err_ >= 0) close(err_);
}

Finished Process::wait() {
    Finished finished;
    const auto end = std::chrono::steady_clock::now() + deadline_;
    std::array<pollfd, 2> pipes{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0 ||
            poll(pipes.data(), pipes.size(), static_cast<int>(left.count())) == 0)
            throw std::runtime_error("a program did not end in time; it said: " + finished.out +
                                     finished.err);
        for (auto& pipe : pipes) {
            if (pipe.fd < 0 || pipe.revents == 0) continue;
            std::array<char, 65536> buffer;
            const auto size = read(pipe.fd, buffer.data(), buffer.size());
            if (size <= 0)
                pipe.fd = -1;
            else
                (pipe.fd == out_ ? finished.out : finished.err)
                    .append(buffer.data(), static_cast<std::size_t>(size));
        }
    }
    int status = 0;
    rusage usage{};
    wait4(pid_, &status, 0, &usage);
    pid_ = -1;
    finished.peak_kib = usage.ru_maxrss;
    finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    check_json(command_, finished.out);
    return finished;
}

Finished run(const Namespace& space, const std::vector<std::string>& command,
             const RunOptions& options) {
    return Process(space, command, options).wait();
}

std::string sh(const Namespace& space, const std::string& line) {
    const auto finished = run(space, {"/bin/sh", "-ec", line});
    if (finished.code != 0)
        throw std::runtime_error(
            fmt::format("'{}' failed with {}: {}", line, finished.code, finished.err));
    return finished.out;
}

std::vector<std::string> command_of(const std::string& words) {
    std::vector<std::string> command{VXLANCTL_PROGRAM, "-v"};
    std::string word;
    bool quoted = false, begun = false;
    for (const char character : words + " ") {
        if (character == '\'') {
            quoted = !quoted;
            begun = true;
        } else if (character != ' ' || quoted) {
            word += character;
            begun = true;
        } else if (begun) {
            command.push_back(word);
            word.clear();
            begun = false;
        }
    }
    return command;
}

Finished vxlanctl(const Namespace& space, const std::string& words, const RunOptions& options) {
    return run(space, command_of(words), options);
}

Finished vxlanctl_brief(const Namespace& space, const std::string& words,
                        const RunOptions& options) {
    auto command = command_of(words);
    std::erase(command, "-v");
    return run(space, command, options);
}

namespace {

Finished with_file(const Namespace& space, const std::string& words, const std::string& text) {
    RunOptions options;
    options.input = text;
    return vxlanctl(space, words, options);
}

} // namespace

Finished apply_text(const Namespace& space, const std::string& text, const std::string& options) {
    return with_file(space, "apply - --source test --allow-empty " + options, text);
}

Finished check_text(const Namespace& space, const std::string& text, const std::string& options) {
    return with_file(space, "check - --source test --allow-empty " + options, text);
}

bool told(const std::string& text, const std::string& codes,
          const std::vector<std::string>& values) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto list = line.rfind(" [");
        if (list == std::string::npos || !line.ends_with(']')) continue;
        const auto has = [&](const std::string& value) { return line.find(value) < list; };
        const std::string all = line.substr(list + 2, line.size() - list - 3) + ", ";
        if ((", " + all).find(", " + codes + ", ") != std::string::npos &&
            std::all_of(values.begin(), values.end(), has))
            return true;
    }
    return false;
}

bool told(const Finished& finished, const std::string& codes,
          const std::vector<std::string>& values) {
    return told(finished.err, codes, values);
}

long times_told(const Finished& finished, const std::string& code) {
    long times = 0;
    std::istringstream lines(finished.err);
    for (std::string line; std::getline(lines, line);)
        times += told(line, code) ? 1 : 0;
    return times;
}

std::string clause(const std::string& code, const std::map<std::string, std::string>& values) {
    vxlanctl::Values named;
    for (const auto& [name, text] : values)
        named.emplace_back(name, text);
    for (const auto& row : vxlanctl::message_rows())
        if (vxlanctl::code_word(row.code) == code) return vxlanctl::text_of(row.code, named);
    throw std::logic_error("there is no code " + code);
}

std::string told(const nlohmann::json& messages) {
    std::string text;
    for (const auto& message : messages) {
        text += (text.empty() ? "" : "; ") + message.at("code").get<std::string>();
        std::string values;
        for (const auto& [name, value] : message.at("values").items())
            values +=
                fmt::format("{}{}={}", values.empty() ? "" : ", ", name, value.get<std::string>());
        if (!values.empty()) text += fmt::format(" {{{}}}", values);
    }
    return text;
}

void without_duplicate_detection(const Namespace& space) {
    const Inside inside(space);
    for (const char* links : {"all", "default"})
        write_text(fmt::format("/proc/sys/net/ipv6/conf/{}/accept_dad", links), "0");
}

bool is_sanitized() {
    static const bool sanitized = [] {
        std::ifstream file(VXLANCTL_PROGRAM, std::ios::binary);
        std::ostringstream bytes; // of many megabytes: not one by one
        bytes << file.rdbuf();
        return bytes.str().find("__asan_init") != std::string::npos;
    }();
    return sanitized;
}

bool is_brief() {
    return !is_long() || is_sanitized() || std::getenv("VM_GUEST") != nullptr;
}

Counted vxlanctl_counted(const Namespace& space, const std::string& words,
                         std::map<std::string, std::string> environment, const std::string& input) {
    std::string log = "/tmp/vxlanctl-writes-XXXXXX";
    const int fd = mkstemp(log.data());
    if (fd < 0) fail("mkstemp");
    close(fd);
    environment["LD_PRELOAD"] = FAULT_LIBRARY;
    environment["VXLANCTL_LOG"] = log;
    environment["ASAN_OPTIONS"] = "verify_asan_link_order=0";
    Counted counted{vxlanctl(space, words, {environment, input, false, patience})};
    std::ifstream lines(log);
    for (std::string line; std::getline(lines, line);)
        ++(line == "read" ? counted.reads : counted.writes);
    unlink(log.c_str());
    return counted;
}

nlohmann::json json_of(const Namespace& space, const std::string& command) {
    std::istringstream words(command);
    const auto finished = run(space, {std::istream_iterator<std::string>(words), {}});
    if (finished.code != 0) throw std::runtime_error(command + ": " + finished.err);
    const std::string& text = finished.out;
    // iproute2 prints nothing at all where there is nothing.
    return text.find_first_not_of(" \n") == std::string::npos ? nlohmann::json::array()
                                                              : nlohmann::json::parse(text);
}

nlohmann::json link(const Namespace& space, const std::string& name) {
    return json_of(space, "ip -d -j link show dev " + name).at(0);
}

bool link_exists(const Namespace& space, const std::string& name) {
    return run(space, {"ip", "link", "show", "dev", name}).code == 0;
}

std::vector<std::string> addresses(const Namespace& space, const std::string& name) {
    std::vector<std::string> result;
    const auto link = json_of(space, "ip -j addr show dev " + name).at(0);
    for (const auto& item : link.at("addr_info"))
        if (item.at("scope") == "global")
            result.push_back(fmt::format("{}/{}", item.at("local").get<std::string>(),
                                         item.at("prefixlen").get<int>()));
    return result;
}

namespace {

bool is_flood(const nlohmann::json& entry) {
    return entry.value("mac", "") == "00:00:00:00:00:00";
}

} // namespace

std::vector<std::string> flood_list(const Namespace& space, const std::string& name) {
    std::vector<std::string> result;
    for (const auto& entry : json_of(space, "bridge -j fdb show dev " + name))
        if (is_flood(entry)) {
            const std::string via = entry.value("viaIf", entry.value("via", ""));
            result.push_back(entry.at("dst").get<std::string>() + (via.empty() ? "" : "@" + via));
        }
    std::sort(result.begin(), result.end());
    return result;
}

std::vector<std::string> macs(const Namespace& space, const std::string& name) {
    std::vector<std::string> result;
    for (const auto& entry : json_of(space, "bridge -j fdb show dev " + name))
        if (!is_flood(entry) && entry.contains("dst"))
            result.push_back(entry.at("mac").get<std::string>() + " " +
                             entry.at("dst").get<std::string>());
    std::sort(result.begin(), result.end());
    return result;
}

std::string difference(const nlohmann::json& before, const nlohmann::json& after) {
    std::string text;
    for (const auto& change : nlohmann::json::diff(before, after)) {
        text += change.dump();
        if (const auto at = nlohmann::json::json_pointer(change.at("path")); before.contains(at))
            text += " was " + before.at(at).dump();
        text += "\n";
    }
    return text;
}

std::set<std::string> kinds_here() {
    const Namespace space;
    std::set<std::string> kinds;
    for (const std::string words :
         {"sit local 192.0.2.1", "ip6tnl local 2001:db8::1", "vrf table 9"})
        if (run(space, {"/bin/sh", "-c", "ip link add type " + words}).code == 0)
            kinds.insert(words.substr(0, words.find(' ')));
    return kinds;
}

Host::Host() {
    std::filesystem::remove_all("/run/vxlanctl");
    RunOptions lines;
    lines.input = "link add eth0 mtu 9001 type veth peer name wire0 mtu 9001\n"
                  "link set eth0 up\n"
                  "link set wire0 up\n"
                  "addr add 172.21.0.100/24 brd + dev eth0\n"
                  "addr add 2001:db8:21::100/64 dev eth0 nodad\n"
                  "route add default via 172.21.0.1 dev eth0\n";
    const auto made = run(space, {"ip", "-batch", "-"}, lines);
    if (made.code != 0) throw std::runtime_error(made.err);
}

Network::Network() {
    const auto move = [](const Namespace& from, const std::string& device, const Namespace& to) {
        sh(from,
           fmt::format("ip link set {} netns /proc/{}/fd/{}", device, getpid(), to.descriptor()));
    };
    move(host.space, "wire0", wire);
    sh(wire, "ip link add br0 type bridge; ip link set br0 mtu 9001 up\n"
             "ip link set wire0 master br0 up");
    sh(host.space, "ip route add 100.64.0.0/16 dev eth0");
    for (const int last : {4, 132, 133}) {
        peers.push_back(std::make_unique<Namespace>());
        const Namespace& peer = *peers.back();
        sh(wire, fmt::format("ip link add wire{0} mtu 9001 type veth peer name eth0 mtu 9001\n"
                             "ip link set wire{0} master br0 up",
                             last));
        move(wire, "eth0", peer);
        sh(peer,
           fmt::format(
               "ip link set eth0 up; ip addr add 100.64.158.{0}/16 dev eth0\n"
               "ip route add 172.21.0.0/24 dev eth0\n"
               "ip link add vxlan0 address 02:00:00:00:00:{0:02x} type vxlan id 10 dstport 4789"
               " local 100.64.158.{0} dev eth0\n"
               "sysctl -qw net.ipv6.conf.vxlan0.disable_ipv6=1\n" // no frame but the tests' own
               "ip link set vxlan0 up\n"
               "ip addr add 10.192.158.{0}/9 brd + dev vxlan0\n"
               "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.100",
               last));
    }
}

bool reaches(const Namespace& from, const std::string& address) {
    return run(from, {"ping", "-n", "-c", "1", "-w", "10", address}).code == 0;
}

} // namespace world
