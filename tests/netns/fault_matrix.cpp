#include "fault_matrix.h"

#include "faults.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
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

/// The kernel's state and ours, without what is random: the marks' IDs.
struct Look {
    nlohmann::json kernel;
    std::string files;
    bool operator==(const Look&) const = default;
};

std::string without_ids(const std::string& text) {
    static const std::regex as_text("(vxlanctl/1 (?:cli|file) )[0-9a-f]+");
    // As the kernel sends it: «vxlanctl/1 », one of the two words, a blank.
    static const std::regex as_bytes("(76786c616e63746c2f3120(?:636c69|66696c65)20)[0-9a-f]+");
    return std::regex_replace(std::regex_replace(text, as_text, "$1*"), as_bytes, "$1*");
}

Look look_at(const Namespace& space, bool any_mac) {
    Look look{nlohmann::json::parse(without_ids(snapshot(space).dump())), ""};
    if (any_mac && look.kernel["links"].contains("vxlan0"))
        look.kernel["links"]["vxlan0"].erase("1");
    std::multiset<std::string> files;
    for (const auto& [path, text] : record_files())
        files.insert(text);
    for (const auto& text : files)
        look.files += text + "\n";
    return look;
}

/// A killed run may leave promote_secondaries set on its link, which the next cannot tell from
/// somebody's wish.
nlohmann::json without_promotion(nlohmann::json kernel) {
    for (auto& link : kernel["links"])
        link.erase("ipv4");
    return kernel;
}

std::string changes(const Look& before, const Look& after) {
    return difference(before.kernel, after.kernel) +
           (before.files == after.files ? ""
                                        : "records were " + before.files + " are " + after.files);
}

class Strikes {
public:
    explicit Strikes(const StruckCommand& command) : command_(command) { make_place(); }

    StruckRow row() {
        StruckRow row;
        for (std::size_t i = 0; i < columns.size(); ++i)
            // Not the same calls with each fault; at least four there are of each.
            row.outcomes.push_back(cell(columns[i], 1 + static_cast<long>(i % 4) % fault_stride()));
        row.problems = std::move(problems_);
        return row;
    }

private:
    Look look() const { return look_at(host_->space, command_.any_mac); }

    void make_place() {
        host_.reset();
        host_ = std::make_unique<Host>();
        if (!command_.prepare.empty()) sh(host_->space, command_.prepare);
        go_back();
        old_ = look();
        const auto whole = run({}).finished;
        goal_ = look();
        if (whole.code != (goal_.kernel == old_.kernel ? 1 : 0))
            problem("without a fault", whole, goal_);
        go_back();
        if (const Look back = look(); !(back == old_))
            problems_.push_back("not the same before: " + changes(old_, back));
    }

    void go_back() {
        std::filesystem::remove_all("/var/lib/vxlanctl");
        const auto made = vxlanctl(host_->space, command_.before);
        if (made.code != 0) problems_.push_back(command_.before + ": " + made.err);
    }

    Struck run(const Strike& strike) const {
        return run_struck(host_->space, command_.words, strike, command_.environment);
    }

    std::set<std::string> cell(const Column& column, long first) {
        std::set<std::string> outcomes;
        for (long number = first;; number += fault_stride()) {
            std::string what = fmt::format("{}{} at call {}", column.fault,
                                           column.goes_on ? " from there on" : "", number);
            try {
                const Struck struck = run({column.fault, number, column.goes_on});
                if (struck.call.empty()) break;
                what += fmt::format(" ({})", struck.call);
                outcomes.insert(outcome(what, column.fault, struck.finished));
                restore();
            } catch (const std::exception& hang) {
                problems_.push_back(what + ": " + hang.what());
                make_place();
            }
        }
        restore();
        return outcomes;
    }

    std::string outcome(const std::string& what, const std::string& fault,
                        const Finished& finished) {
        if (finished.code == 128 + SIGKILL && fault == "SIGKILL") {
            if (!command_.environment.empty()) // the guardian is at work, perhaps
                (void)vxlanctl(host_->space, "down nosuch --lock-timeout 50");
            const auto next = run({}).finished;
            const Look now = look();
            if (without_promotion(now.kernel) != without_promotion(goal_.kernel))
                problem(what + ", the next run", next, now);
            return "next";
        }
        const Look now = look();
        const bool is_terminated = finished.code == 128 + SIGTERM && fault == "SIGTERM";
        if (finished.code == 5) {
            if (finished.err.find("Left to do by hand: ") == std::string::npos)
                problem(what, finished, now);
            return "left";
        }
        // A record may claim more than there is, until the next run: that does no harm.
        if (finished.code == 0 && now.kernel == goal_.kernel) return "new";
        // 2: not even the file could be read.
        if ((finished.code == 1 || finished.code == 2 || is_terminated) &&
            now.kernel == old_.kernel)
            return "old";
        problem(what, finished, now);
        return "WRONG";
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
        const Look now = look();
        if (now == old_) return;
        make_place();
    }

    const StruckCommand& command_;
    std::unique_ptr<Host> host_;
    Look old_, goal_;
    std::vector<std::string> problems_;
};

} // namespace

Struck run_struck(const Namespace& space, const std::string& words, const Strike& strike,
                  std::map<std::string, std::string> environment) {
    const std::string calls = "/run/struck";
    environment["LD_PRELOAD"] = STRIKE_LIBRARY;
    environment["ASAN_OPTIONS"] = "verify_asan_link_order=0";
    environment["VXLANCTL_FAULT"] = strike.fault;
    environment["VXLANCTL_STRIKE"] = std::to_string(strike.number);
    environment["VXLANCTL_STRIKE_ON"] = strike.goes_on ? "1" : "";
    environment["VXLANCTL_STRUCK"] = calls;
    unlink(calls.c_str());
    Struck struck{
        vxlanctl(space, words, {std::move(environment), "", false, std::chrono::seconds(30)}), ""};
    if (access(calls.c_str(), F_OK) != 0) return struck;
    const std::string text = text_of(calls);
    struck.call = text.substr(0, text.find('\n'));
    return struck;
}

StruckRow strike_everywhere(const StruckCommand& command) {
    return Strikes(command).row();
}

namespace {

const char* const reliability_page = SOURCE_DIRECTORY "/docs/reliability.md";

std::string row_text(const std::string& command,
                     const std::vector<std::set<std::string>>& outcomes) {
    std::string text = fmt::format("| {} |", command);
    for (const auto& cell : outcomes)
        text += fmt::format(" {} |", fmt::join(cell, ", "));
    return text;
}

} // namespace

std::vector<std::set<std::string>> documented_row(const std::string& command) {
    std::vector<std::set<std::string>> row;
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

void document_row(const std::string& command, const std::vector<std::set<std::string>>& outcomes) {
    std::string text = text_of(reliability_page);
    const auto begin = text.find(row_text(command, {}));
    if (begin == std::string::npos) throw std::runtime_error("no row for " + command);
    text.replace(begin, text.find('\n', begin) - begin, row_text(command, outcomes));
    write_text(reliability_page, text);
}

long fault_stride() {
    const char* given = std::getenv("VXLANCTL_FAULT_STRIDE");
    return given != nullptr ? std::atol(given) : is_slow() ? 61 : 23;
}

} // namespace world
