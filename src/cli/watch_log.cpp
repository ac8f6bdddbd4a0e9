#include "vxlanctl/cli/watch_log.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/human.h"
#include "vxlanctl/cli/report.h"

#include <ctime>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

std::string_view word_of(Severity severity) {
    return severity == Severity::error ? "error" : severity == Severity::note ? "note" : "warning";
}

bool is_problem(Outcome outcome) {
    return outcome == Outcome::refused || outcome == Outcome::failed;
}

bool is_change(Outcome outcome) {
    return outcome == Outcome::created || outcome == Outcome::changed ||
           outcome == Outcome::replaced || outcome == Outcome::adopted ||
           outcome == Outcome::removed;
}

} // namespace

void WatchLog::print_line(const std::string& text) const {
    if (style_.quiet || style_.json) return;
    print(formatted("{} {}", utc_text(std::time(nullptr)), text));
    (void)finish_output();
}

void WatchLog::print_event(nlohmann::json event) const {
    if (!style_.json) return;
    event["schema"] = json_schema;
    event["time"] = utc_text(std::time(nullptr));
    print(event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    (void)finish_output();
}

void WatchLog::tell(const Message& message) {
    const auto severity = row_of(message.code).severity;
    if (severity == Severity::error)
        print_error(message, codes(style_));
    else if (!style_.quiet)
        print_warning(message, codes(style_));
    print_event({{"event", "message"},
                 {"severity", word_of(severity)},
                 {"message", message_json(message)}});
}

void WatchLog::tell_once(const std::string& about, const std::vector<Message>& messages) {
    (void)tell_collected(about, messages);
}

void WatchLog::tell_watching(std::size_t tunnels) {
    print_line(formatted("watching {} tunnel{}\n", tunnels, tunnels == 1 ? "" : "s"));
    print_event({{"event", "watching"}, {"tunnels", tunnels}});
}

/// Prints those that are new about the subject, and returns whether there was any.
bool WatchLog::tell_collected(const std::string& subject, const std::vector<Message>& messages) {
    Texts before = std::exchange(told_[subject], {});
    bool any = false;
    for (const auto& message : messages) {
        const std::string text = to_string(message);
        if (!told_[subject].insert(text).second) continue;
        if (before.contains(text)) continue;
        tell(message);
        any = true;
    }
    if (messages.empty()) told_.erase(subject);
    return any;
}

void WatchLog::tell(const Run& run, const WatchTurn& turn, const Config& config) {
    std::map<std::string, std::vector<Message>> by_subject;
    for (auto& message : collected_)
        by_subject[message.subject].push_back(std::move(message));
    collected_.clear();
    if (turn.all) // of what no run tells any more, it would be news again
        for (const auto& [subject, texts] : told_)
            by_subject.try_emplace(subject);
    std::set<std::string> with_news;
    for (const auto& part : run.parts())
        for (const auto& tunnel : part.plan().tunnels)
            by_subject.try_emplace(tunnel.name);
    for (const auto& [subject, messages] : by_subject)
        if (!subject.starts_with('/') || !messages.empty()) // a file's are told by who reads it
            if (tell_collected(subject, messages)) with_news.insert(subject);
    for (const auto& part : run.parts())
        for (std::size_t i = 0; i < part.plan().tunnels.size(); ++i) {
            const TunnelPlan& tunnel = part.plan().tunnels[i];
            tell(tunnel, part.outcomes()[i], with_news.contains(tunnel.name));
        }
    if (turn.all) tell_unnamed(run, config);
}

void WatchLog::tell(const TunnelPlan& plan, Outcome outcome, bool has_news) {
    const nlohmann::json event{
        {"event", "tunnel"},
        {"dry_run", planned_},
        {"tunnel", style_.json ? outcome_json(plan, outcome) : nlohmann::json()}};
    if (is_problem(outcome)) {
        drift_.erase(plan.name);
        if (has_news) print_event(event);
        return;
    }
    if (!planned_) {
        if (!is_change(outcome)) return;
        print_line(outcome_text(plan, outcome, false, style_));
        return print_event(event);
    }
    const std::string text = outcome_text(plan, outcome, true, style_);
    if (!is_change(outcome)) {
        if (drift_.erase(plan.name) == 0) return; // it was in sync before
    } else if (std::exchange(drift_[plan.name], text) == text) {
        return;
    }
    print_line(text);
    print_event(event);
}

void WatchLog::tell_unnamed(const Run& run, const Config& config) {
    if (config.unnamed != Unnamed::keep) return;
    Texts now;
    for (const auto& part : run.parts())
        for (const auto& name : part.plan().unnamed) {
            if (now.insert(name).second && !unnamed_.contains(name))
                print_line(formatted("{}{}: not defined in any of these files (--prune removes "
                                     "it)\n",
                                     printable(name),
                                     part.name().empty() ? "" : " in " + part.name()));
        }
    unnamed_ = std::move(now);
}

} // namespace vxlanctl
