#include "fault_matrix.h"
#include "vxlanctl/base/error.h"

#include "faults.h"
#include "snapshot.h"
#include "struck.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <linux/if_link.h>
#include <memory>
#include <numeric>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <sys/mount.h>
#include <unistd.h>

namespace world {
namespace {

struct Column {
    std::string fault; ///< of strike.cpp
    bool goes_on;      ///< the call and all later ones
};

const std::vector<Column> columns{
    {"EINTR", false},       {"ENOBUFS", false},    {"ENOMEM", false},    {"EPERM", false},
    {"EBUSY", false},       {"EBUSY", true},       {"cut-short", false}, {"too-long", false},
    {"interrupted", false}, {"interrupted", true}, {"lost", false},      {"endless", false},
    {"SIGTERM", false},     {"SIGKILL", false},
};

/// Columns whose faults can happen to the same calls, counted alike.
const std::vector<std::vector<std::size_t>> alike{
    {0, 12, 4, 13, 1, 5, 2, 3}, // any call
    {6, 7},                     // any answer
    {8, 9},                     // a part of a dump
    {11},                       // the same; it is not peeked at for the others
    {10},                       // an acknowledgement
};

bool writes_table() {
    return std::getenv("VXLANCTL_FAULT_TABLE") != nullptr;
}

/// `text` without the random part of each mark that begins with `begin` and one of the words.
std::string without_ids(std::string text, const std::string& begin,
                        std::initializer_list<std::string> words) {
    for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
        at += begin.size();
        for (const auto& word : words)
            if (text.compare(at, word.size(), word) == 0) {
                at += word.size();
                text.erase(at, text.find_first_not_of("0123456789abcdef", at) - at);
            }
    }
    return text;
}

/// The kernel's state and ours, without what is random: the marks' IDs.
struct Look {
    nlohmann::json kernel;
    std::string files;
    bool operator==(const Look&) const = default;
};

std::string namespace_path(const std::string& name) {
    return "/run/netns/" + name;
}

/// Of a namespace by its name; nothing where there is none.
nlohmann::json snapshot_of(const std::string& name) {
    const int there = open(namespace_path(name).c_str(), O_RDONLY | O_CLOEXEC);
    if (there < 0) return {};
    const int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    nlohmann::json state;
    if (setns(there, CLONE_NEWNET) == 0) state = snapshot_here();
    close(there);
    if (setns(back, CLONE_NEWNET) != 0) throw std::runtime_error("there is no way back");
    close(back);
    return state;
}

nlohmann::json kernel_state(const Namespace& space, const StruckCommand& command) {
    auto state = snapshot(space);
    if (!command.netns.empty()) {
        state["elsewhere"] = snapshot_of(command.netns);
        state["names"] = std::filesystem::exists(namespace_path(command.netns));
    }
    std::string text = without_ids(state.dump(), "vxlanctl/1 ", {"cli ", "file "});
    // As the kernel sends it: «vxlanctl/1 », one of the two words, a blank.
    text = without_ids(std::move(text), "76786c616e63746c2f3120", {"636c6920", "66696c6520"});
    return nlohmann::json::parse(text);
}

Look look_at(const Namespace& space, const StruckCommand& command) {
    Look look{kernel_state(space, command), ""};
    for (auto& link : look.kernel["links"]) {
        link.erase(std::to_string(IFLA_PERM_ADDRESS)); // an ip6tnl has a random one
        if (command.any_mac) link.erase(std::to_string(IFLA_ADDRESS));
    }
    std::multiset<std::string> files;
    for (const auto& [path, text] : record_files())
        files.insert(text);
    for (const auto& text : files)
        look.files += text + "\n";
    return look;
}

std::string changes(const Look& before, const Look& after) {
    return difference(before.kernel, after.kernel) +
           (before.files == after.files ? ""
                                        : "records were " + before.files + " are " + after.files);
}

/// How the text of that code begins, up to its first value.
std::string beginning_of(vxlanctl::Code code) {
    const auto text = vxlanctl::row_of(code).text;
    return vxlanctl::rendered(text.substr(0, text.find('{')), {});
}

/// How a list of what is left begins.
std::string by_hand() {
    return beginning_of(vxlanctl::Code::rollback_failed);
}

bool begins_with_verb(const std::string& item) {
    const std::string verb = item.substr(0, item.find(' '));
    return verb == "add" || verb == "remove" || verb == "set" || verb == "create" ||
           verb == "rename" || verb == "change" || verb == "move";
}

std::string unquoted(const std::string& word) {
    return word.size() > 2 && word.front() == '\'' ? word.substr(1, word.size() - 2) : word;
}

/// iproute2's command for one item of the list of a message, `add peer 100.64.158.4`.
std::string command_for(const std::string& tunnel, const std::string& item,
                        const std::string& netns) {
    std::istringstream words(item);
    std::string verb, kind;
    words >> verb >> kind;
    std::string rest;
    std::getline(words >> std::ws, rest);
    const bool adds = verb == "add";
    const std::string change = adds ? "add" : "del";
    if (kind == "address")
        return fmt::format("ip addr {} {}{} dev {}", change, rest, adds ? " brd +" : "", tunnel);
    if (verb == "move") return fmt::format("ip -n {} link set {} netns $$", netns, unquoted(kind));
    if (rest.starts_with("namespace ")) return "ip netns del " + netns;
    if (kind == "peer")
        return fmt::format("bridge fdb {} 00:00:00:00:00:00 dev {} dst {}{}",
                           adds ? "append" : "del", tunnel, rest, adds ? " self permanent" : "");
    if (kind == "route")
        return fmt::format("ip route {} {} dev {} proto 147", change, rest, tunnel);
    if (kind == "rule") return fmt::format("ip rule {} {} protocol 147", change, rest);
    if (kind == "router")
        return fmt::format("ip tunnel prl {} {} dev {}", adds ? "prl-default" : "prl-delete", rest,
                           tunnel);
    if (verb == "remove") return "ip link del " + unquoted(kind);
    if (verb == "set" && rest == "up") return fmt::format("ip link set {} up", unquoted(kind));
    if (verb == "rename")
        return fmt::format("ip link set {} name {}", unquoted(kind),
                           unquoted(rest.substr(rest.find('\''))));
    const std::string value = rest.substr(rest.find(" -> ") + 4);
    if (kind == "promote_secondaries:")
        return fmt::format("echo {} >/proc/sys/net/ipv4/conf/{}/promote_secondaries",
                           value == "yes" ? 1 : 0, tunnel);
    if (kind == "group:") return fmt::format("ip link set {} group {}", tunnel, value);
    if (kind == "mtu:") return fmt::format("ip link set {} mtu {}", tunnel, value);
    if (kind == "mac:") return fmt::format("ip link set {} address {}", tunnel, value);
    if (kind == "alias:")
        return fmt::format("ip link set {} alias '{}'", tunnel, value == "none" ? "" : value);
    return fmt::format("echo 'what is «{}»?' >&2; false", item);
}

/// What the message says is left, as commands; nothing where a link would have to be created, of
/// which it does not say all.
std::vector<std::string> commands_in(const std::string& message, const StruckCommand& struck) {
    std::vector<std::string> commands;
    const std::string beginning = by_hand();
    std::size_t end = 0; // of the last list
    for (auto at = message.find(beginning); at != std::string::npos;
         at = message.find(beginning, at + 1)) {
        // vxlanctl: vxlan0: cannot add peer 100.64.158.4 (Device or resource busy). The rollback
        // ...
        const auto begin = std::max(message.rfind('\n', at) + 1, end == 0 ? 0 : end + 2);
        std::string sentence = message.substr(begin, at - begin);
        if (sentence.starts_with("vxlanctl: ")) sentence.erase(0, 10);
        const std::string tunnel = sentence.substr(0, sentence.find(':'));
        const auto first = at + beginning.size();
        end = std::min(message.find(".\n", first), message.find(". ", first));
        std::string list = message.substr(first, end - first) + ", ";
        for (auto comma = list.find(", "); comma != std::string::npos; comma = list.find(", ")) {
            std::string item = list.substr(0, comma);
            list.erase(0, comma + 2);
            if (!begins_with_verb(item)) item = "set " + item; // of several attributes
            if (item.starts_with("create ")) return {};
            const std::string line = command_for(tunnel, item, struck.netns);
            commands.push_back(
                struck.there.count(tunnel) == 0
                    ? line
                    : fmt::format("ip netns exec {} sh -c \"{}\"", struck.netns, line));
        }
    }
    return commands;
}

const char* const reliability_page = SOURCE_DIRECTORY "/docs/reliability.md";

std::string row_text(const std::string& command, const StruckRow& outcomes) {
    std::string text = fmt::format("| {} |", command);
    for (const auto& cell : outcomes)
        text += fmt::format(" {} |", fmt::join(cell, ", "));
    return text;
}

/// The cells of the command's row in the table.
StruckRow documented_row(const std::string& command) {
    StruckRow row;
    const std::string text = text_of(reliability_page);
    const auto begin = text.find(row_text(command, {}));
    if (begin == std::string::npos) return row;
    std::istringstream line(text.substr(begin, text.find('\n', begin) - begin));
    std::string cell;
    std::getline(line, cell, '|'); // before the first one
    std::getline(line, cell, '|'); // the command
    while (std::getline(line, cell, '|')) {
        std::erase(cell, ',');
        std::istringstream words(cell);
        row.emplace_back(std::istream_iterator<std::string>(words),
                         std::istream_iterator<std::string>());
    }
    return row;
}

void document_row(const std::string& command, const StruckRow& outcomes) {
    std::string text = text_of(reliability_page);
    const auto begin = text.find(row_text(command, {}));
    if (begin == std::string::npos) throw std::runtime_error("no row for " + command);
    text.replace(begin, text.find('\n', begin) - begin, row_text(command, outcomes));
    write_text(reliability_page, text);
}

/// The table has what each fault may come to; some of the calls have met it here.
std::vector<std::string> undocumented(const std::string& command, const StruckRow& outcomes) {
    const StruckRow documented = documented_row(command);
    if (documented.size() != outcomes.size()) return {"the table has no row for " + command};
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        for (const auto& outcome : outcomes[i])
            if (documented[i].count(outcome) == 0)
                missing.push_back(fmt::format("'{}' in column {}", outcome, columns[i].fault));
    return missing;
}

class Strikes {
public:
    explicit Strikes(const StruckCommand& command) : command_(command), outcomes_(columns.size()) {
        make_place();
    }
    ~Strikes() { remove_namespace(); }
    Strikes(const Strikes&) = delete;
    Strikes& operator=(const Strikes&) = delete;

    std::vector<std::string> all() {
        for (std::size_t i = 0; i < columns.size(); ++i)
            for (long number = 1; strike(i, number); ++number) {
            }
        fmt::print("{}\n", row_text(command_.name, outcomes_)); // a guest writes no files
        if (problems_.empty()) document_row(command_.name, outcomes_);
        return problems_;
    }

    /// Each call meets one of the faults that can happen to it; another command's, another one.
    std::vector<std::string> some() {
        const long stride = is_brief() ? 5 : 1;
        const std::size_t turn =
            std::accumulate(command_.name.begin(), command_.name.end(), std::size_t{0});
        for (const auto& faults : alike) {
            const auto at = [&](long number) { return faults[(number + turn) % faults.size()]; };
            for (long number = 1; strike(at(number), number); number += stride) {
            }
        }
        for (auto& missing : undocumented(command_.name, outcomes_))
            problems_.push_back(std::move(missing));
        return problems_;
    }

private:
    Look look() const { return look_at(host_->space, command_); }

    void remove_namespace() const {
        if (command_.netns.empty()) return;
        umount2(namespace_path(command_.netns).c_str(), MNT_DETACH);
        unlink(namespace_path(command_.netns).c_str());
    }

    void make_host() {
        remove_namespace();
        host_.reset();
        host_ = std::make_unique<Host>();
        // Of two hosts that are the same; and IPv6 addresses are there at once.
        without_duplicate_detection(host_->space);
        sh(host_->space, "ip link set eth0 address 02:00:00:00:00:e0\n"
                         "ip link set wire0 address 02:00:00:00:00:f0\n" +
                             command_.prepare);
        make_before();
    }

    void make_before() {
        std::filesystem::remove_all("/var/lib/vxlanctl");
        if (!command_.files.empty()) sh(host_->space, command_.files);
        if (!command_.before.empty()) {
            const auto made = vxlanctl(host_->space, command_.before);
            if (made.code != 0) problems_.push_back(command_.before + ": " + made.err);
        }
        if (!command_.spoil.empty()) sh(host_->space, command_.spoil);
    }

    void go_back() {
        if (command_.anew)
            make_host();
        else
            make_before();
    }

    void make_place() {
        make_host();
        old_ = look();
        const auto whole = run({}).finished;
        goal_ = look();
        if (whole.code != (goal_.kernel == old_.kernel ? 1 : 0))
            problem("without a fault", whole, goal_);
        go_back();
        if (const Look back = look(); !(back == old_))
            problems_.push_back("not the same before: " + changes(old_, back));
    }

    Struck run(const Strike& strike) const {
        return run_struck(host_->space, command_.words, strike, command_.environment);
    }

    /// Returns whether there was such a call.
    bool strike(std::size_t i, long number) {
        const Column& column = columns[i];
        std::string what = fmt::format("{}{} at call {}", column.fault,
                                       column.goes_on ? " from there on" : "", number);
        bool there_was = true;
        try {
            const Struck struck = run({column.fault, number, column.goes_on});
            there_was = !struck.call.empty();
            what += fmt::format(" ({})", struck.call);
            if (there_was) outcomes_[i].insert(outcome(what, column.fault, struck.finished));
            restore();
        } catch (const std::exception& hang) {
            problems_.push_back(what + ": " + hang.what());
            make_place();
        }
        return there_was && problems_.size() < 20;
    }

    std::string outcome(const std::string& what, const std::string& fault,
                        const Finished& finished) {
        if (finished.code == 128 + SIGKILL && fault == "SIGKILL") {
            if (!command_.environment.empty()) // the guardian is at work, perhaps
                (void)vxlanctl(host_->space, "down nosuch --lock-timeout 600");
            const auto next = run({}).finished;
            const Look now = look();
            if (command_.may_lose && next.code == 2 && now.kernel != goal_.kernel) return "lost";
            if (now.kernel != goal_.kernel) problem(what + ", the next run", next, now);
            return "next";
        }
        const Look now = look();
        const bool is_terminated = finished.code == 128 + SIGTERM && fault == "SIGTERM";
        if (finished.code == 5) {
            check_left(what, finished, now);
            return "left";
        }
        // A record may claim more than there is, until the next run: that does no harm.
        if (finished.code == 0 && now.kernel == goal_.kernel) return "new";
        // 2: not even the file could be read.
        if ((finished.code == 1 || finished.code == 2 || is_terminated ||
             (finished.code == 0 && command_.may_wait)) &&
            now.kernel == old_.kernel)
            return "old";
        if (command_.each && (finished.code == 1 || is_terminated) && is_each_old_or_new(now))
            return "each";
        problem(what, finished, now);
        return "WRONG";
    }

    /// Whether each link is as it was or as it shall be, where they differ in nothing else.
    bool is_each_old_or_new(const Look& now) const {
        auto kernel = now.kernel;
        for (auto& [name, link] : kernel.at("links").items()) {
            const auto& goal = goal_.kernel.at("links");
            if (!goal.contains(name)) return false;
            if (link != goal.at(name) && link != old_.kernel.at("links").value(name, link))
                return false;
            link = goal.at(name);
        }
        return kernel == goal_.kernel;
    }

    /// Does by hand what the message says is left. The state before is there then, and not earlier.
    void check_left(const std::string& what, const Finished& finished, const Look& now) {
        const bool is_readable =
            finished.err.find(beginning_of(vxlanctl::Code::rollback_unknown)) == std::string::npos;
        if (finished.err.find(by_hand()) == std::string::npos && is_readable)
            return problem(what + ", without a list", finished, now);
        if (!is_readable) return;
        const auto commands = commands_in(finished.err, command_);
        if (commands.empty()) return;
        if (now.kernel == old_.kernel) problem(what + ", nothing is left", finished, now);
        const std::string line = fmt::format("{}", fmt::join(commands, "\n"));
        const auto done = world::run(host_->space, {"/bin/sh", "-ec", line});
        const Look after = look();
        if (done.code != 0 ||
            (after.kernel != old_.kernel && !(command_.each && is_each_old_or_new(after))))
            problem(fmt::format("{}, by hand: {}\n{}", what, line, done.err), finished, after);
    }

    void problem(const std::string& what, const Finished& finished, const Look& now) {
        problems_.push_back(fmt::format("{}: exit code {}\n{}{}other than before: {}\nother than "
                                        "wanted: {}",
                                        what, finished.code, finished.out, finished.err,
                                        changes(old_, now), changes(goal_, now)));
    }

    void restore() {
        if (look() == old_) return;
        go_back();
        if (!(look() == old_)) make_place();
    }

    const StruckCommand& command_;
    std::unique_ptr<Host> host_;
    Look old_, goal_;
    StruckRow outcomes_;
    std::vector<std::string> problems_;
};

} // namespace

std::vector<std::string> strike_everywhere(const StruckCommand& command) {
    Strikes strikes(command);
    return writes_table() ? strikes.all() : strikes.some();
}

} // namespace world
