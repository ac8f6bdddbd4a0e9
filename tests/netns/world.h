#pragma once

#include "text_files.h"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

/// Hosts in network namespaces of their own, and programs that run on them.
namespace world {

/// How long a test waits for what comes at once on a machine with nothing else to do: whoever waits
/// in vain has found a fault, and a machine under load has not.
constexpr std::chrono::seconds patience{600};

/// A network namespace that lives as long as this object, with `lo` up.
class Namespace {
public:
    Namespace();
    ~Namespace();
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

/// This process is in the namespace as long as this object lives, for opening sockets there.
class Inside {
public:
    explicit Inside(const Namespace& space);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    int back_;
};

struct Finished {
    int code = -1; ///< the exit code, or 128 + signal
    std::string out, err;
    long peak_kib = 0; ///< the most memory that it had at a time
};

struct RunOptions {
    std::map<std::string, std::string> environment;
    std::string input;
    bool as_nobody = false; ///< without any capability
    std::chrono::seconds deadline{patience};
};

Finished run(const Namespace& space, const std::vector<std::string>& command,
             const RunOptions& options = {});
/// A program that runs on; wait() for it.
class Process {
public:
    Process(const Namespace& space, const std::vector<std::string>& command,
            const RunOptions& options = {});
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    int pid() const { return pid_; }
    /// Throws where vxlanctl printed JSON that is not as docs/json.schema.json says.
    Finished wait();

private:
    std::vector<std::string> command_;
    int pid_ = -1, out_ = -1, err_ = -1;
    std::chrono::seconds deadline_;
};

/// A line of shell that has to succeed; returns what it prints.
std::string sh(const Namespace& space, const std::string& line);

using text_files::text_of;
using text_files::write_text;

/// `vxlanctl -v`, so that messages have their codes, and these words: split at blanks, except
/// within single quotes.
std::vector<std::string> command_of(const std::string& words);
Finished vxlanctl(const Namespace& space, const std::string& words, const RunOptions& options = {});
/// The same without -v, which also prints more.
Finished vxlanctl_brief(const Namespace& space, const std::string& words,
                        const RunOptions& options = {});
/// Whether it was told on standard error: a line that ends with these codes among others, as -v has
/// them, and has all of these values in it.
bool told(const Finished& finished, const std::string& codes,
          const std::vector<std::string>& values = {});
/// The same of a text.
bool told(const std::string& text, const std::string& codes,
          const std::vector<std::string>& values = {});
/// How many lines have the code.
long times_told(const Finished& finished, const std::string& code);
/// The text of this code with these values, as the program writes a clause into values.
std::string clause(const std::string& code, const std::map<std::string, std::string>& values = {});
/// `code {name=value, name=value}` of messages in JSON, with `; ` between them.
std::string told(const nlohmann::json& messages);
/// `apply -` and `check -` of this file.
Finished apply_text(const Namespace& space, const std::string& text,
                    const std::string& options = "");
Finished check_text(const Namespace& space, const std::string& text,
                    const std::string& options = "");

/// How many test cases could not run. The program then ends with 77, and has not passed.
inline int skipped_cases = 0;
/// Ends a test case that cannot run here.
#define SKIP_CASE(reason)                                                                          \
    do {                                                                                           \
        ++world::skipped_cases;                                                                    \
        WARN("SKIPPED: " reason);                                                                  \
        return;                                                                                    \
    } while (false)

/// Whether the program was built with sanitizers, which slow it down and preload themselves.
bool is_sanitized();
/// Whether the tests try few of many cases, always the same ones: all of them are tried where
/// VXLANCTL_LONG is set (tools/test long), unless sanitizers or a guest make each take ten times as
/// long.
bool is_brief();

/// New IPv6 addresses are ready at once there, and not after a second or two.
void without_duplicate_detection(const Namespace& space);

/// How many messages a run of vxlanctl sent to the kernel, by the program's own send calls.
struct Counted {
    Finished finished;
    long writes = 0, reads = 0;
};
Counted vxlanctl_counted(const Namespace& space, const std::string& words,
                         std::map<std::string, std::string> environment = {},
                         const std::string& input = {});

/// `ip -j …` or `bridge -j …`.
nlohmann::json json_of(const Namespace& space, const std::string& command);
/// `ip -d -j link show dev NAME`, the one element.
nlohmann::json link(const Namespace& space, const std::string& name);
bool link_exists(const Namespace& space, const std::string& name);
/// The texts `10.0.0.1/24` of a link's addresses without the automatic ones.
std::vector<std::string> addresses(const Namespace& space, const std::string& name);
/// The destinations of the flood list, sorted; `dst@via` where there is one.
std::vector<std::string> flood_list(const Namespace& space, const std::string& name);
/// `MAC dst` of the unicast entries, sorted.
std::vector<std::string> macs(const Namespace& space, const std::string& name);
/// What a run that failed must leave as it was, each object by a readable key with its attributes
/// as the kernel sends them: links, addresses in their order, routes, rules, IPv4 settings,
/// permanent FDB entries and neighbours, routers. Links by name, so that one made anew is the same.
/// Read in this process: programs for it would take most of a test's time.
nlohmann::json snapshot(const Namespace& space);
/// The same as iproute2 lists it, with its names for everything.
nlohmann::json listed(const Namespace& space);
/// What differs between two of these; empty when nothing does.
std::string difference(const nlohmann::json& before, const nlohmann::json& after);

/// Those of sit, ip6tnl and vrf that this kernel has.
std::set<std::string> kinds_here();

/// A host with `eth0` (172.21.0.100/24, 2001:db8:21::100/64, MTU 9001) and a default route.
struct Host {
    Host();
    Namespace space;
};

/// Such a host, and peers with the outer addresses 100.64.158.4, .132 and .133, all on one switch.
/// Each peer has a vxlan0 back to the host, with the inner address 10.192.158.4, .132, .133.
struct Network {
    Network();
    Host host;
    Namespace wire;
    std::vector<std::unique_ptr<Namespace>> peers;
};

/// Whether an echo request is answered, within ten seconds: whose neighbour has just been
/// unreachable asks for it again within one.
bool reaches(const Namespace& from, const std::string& address);

/// The call that most tests begin with.
inline const std::string up_words =
    "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132";

} // namespace world
