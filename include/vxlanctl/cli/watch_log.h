#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/run/run.h"
#include "vxlanctl/run/watch.h"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

namespace vxlanctl {

/// What `watch` prints: what runs do, or would do, each with its time, and what is wrong, once as
/// long as it stays so. With --json a document a line.
class WatchLog {
public:
    WatchLog(const Arguments& arguments, const OutputStyle& style)
        : style_(style), planned_(arguments.has("dry-run")) {}

    /// Something that a run tells; printed at its end, unless it was told before.
    void collect(const Message& message) { collected_.push_back(message); }
    void drop_collected() { collected_.clear(); }
    /// What the run of a turn came to.
    void tell(const Run& run, const WatchTurn& turn, const Config& config);
    /// At once.
    void tell(const Message& message);
    /// The same, unless it was told before about this subject; clear() forgets that.
    void tell_once(const std::string& about, const std::vector<Message>& messages);
    void clear(const std::string& about) { told_.erase(about); }
    /// That so many tunnels are watched from now on.
    void tell_watching(std::size_t tunnels);

private:
    using Texts = std::set<std::string>;
    bool tell_collected(const std::string& subject, const std::vector<Message>& messages);
    void tell(const TunnelPlan& plan, Outcome outcome, bool has_news);
    void tell_unnamed(const Run& run, const Config& config);
    void print_line(const std::string& text) const;
    void print_event(nlohmann::json event) const;

    const OutputStyle& style_;
    bool planned_;
    std::vector<Message> collected_;
    std::map<std::string, Texts> told_;        ///< by subject
    std::map<std::string, std::string> drift_; ///< by tunnel, as it was told last
    Texts unnamed_;
};

} // namespace vxlanctl
