#include "vxlanctl/run/namespace_run.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>
#include <set>

namespace vxlanctl {

/// The records of tunnels that give up something outside of their links, by the plan's index.
std::map<std::size_t, Record> NamespaceRun::records_given_up(const State& before) const {
    std::map<std::size_t, Record> given_up;
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        const TunnelPlan& tunnel = plan_.tunnels[i];
        if (!tunnel.old_mark) continue;
        const auto old = before.records.find(tunnel.old_mark->id);
        if (old != before.records.end() && gives_up(old->second, tunnel.record))
            given_up.emplace(i, old->second);
    }
    return given_up;
}

/// What a tunnel has left to another one stays there for nobody if that one fails.
void NamespaceRun::release_unclaimed(const std::map<std::size_t, Record>& given_up) {
    if (std::all_of(plan_.tunnels.begin(), plan_.tunnels.end(),
                    [](const TunnelPlan& tunnel) { return tunnel.errors.empty(); }))
        return;
    for (const auto& [i, old] : given_up) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (!tunnel.errors.empty()) continue;
        if (auto steps = release(tunnel.name, old)) {
            append(tunnel.steps, std::move(*steps));
        } else {
            call_.report(steps.error());
            keep_in_record(tunnel, old);
        }
        outcomes_[i] = intended_outcome(tunnel);
    }
}

/// What could not be released now is left to the next run: of a tunnel that is gone, as a record
/// without an interface.
void NamespaceRun::keep_in_record(TunnelPlan& tunnel, const Record& old) {
    const std::string& id = tunnel.mark ? tunnel.mark->id : tunnel.old_mark->id;
    auto record = records_->read_record(id);
    const auto written =
        record ? records_->write_record(id, with_elsewhere(record->value_or(Record{}), old))
               : tl::unexpected(record.error());
    if (!written) warn_of(written.error(), {&tunnel, 1});
}

/// Takes away what the record says was made outside of the link, and nobody claims. Returns how.
Result<std::vector<Step>> NamespaceRun::release(const std::string& name, const Record& old) {
    ReadRequest request;
    request.needs = [&](const State&) { return needs_to_release(old); };
    const auto state = read_state(*netlink_, &*records_, request);
    if (!state) return tl::unexpected(state.error());
    LinkTarget target;
    target.name = name;
    plan_elsewhere(target, {}, old, *state, state->records);
    TunnelPlan rest;
    rest.name = name;
    rest.steps = elsewhere_steps(target);
    if (rest.steps.empty()) return rest.steps;
    auto context = this->context();
    const auto results = vxlanctl::carry_out(context, config_, {&rest, 1}, *state, options_);
    warn_of_unrecorded(context, {});
    if (!results.front()) return tl::unexpected(results.front().error());
    call_.wrote = true;
    return rest.steps;
}

bool NamespaceRun::sweep() {
    if (!records_) return false; // of a namespace that was made for nothing
    records_->end_take_over();
    std::set<std::string> marked;
    bool complete = false;
    bool may_have_gone = !config_.absent.empty() || config_.unnamed != Unnamed::keep;
    for (const auto& tunnel : plan_.tunnels) {
        if (!tunnel.errors.empty()) return false; // it is wanted, and may be what was there before
        if (tunnel.mark) marked.insert(tunnel.mark->id);
        may_have_gone = may_have_gone || !tunnel.steps.empty();
    }
    const auto note = [&](const State& state) {
        for (const auto& link : state.links)
            if (const auto mark = mark_of(link.attributes.alias.value_or("")))
                marked.insert(mark->id);
    };
    note(state_);
    if (!may_have_gone) return false;
    const auto is_marked = [&](const std::string& id) {
        if (marked.contains(id)) return true;
        if (!complete) { // rare enough to look at every link then
            ReadRequest all;
            all.kinds.insert(std::begin(tunnel_kinds), std::end(tunnel_kinds));
            all.foreign = false;
            const auto state = read_state(*netlink_, nullptr, all);
            if (!state) return true;
            note(*state);
            complete = true;
        }
        return marked.contains(id);
    };
    std::set<std::string> unreleased;
    for (const auto& [id, record] : records_->orphans(is_marked)) {
        if (!gives_up(record, {})) continue;
        auto steps = release("", record);
        if (!steps && !is_home())
            steps.error().subject = formatted("network namespace '{}'", name());
        if (!steps) {
            unreleased.insert(id);
            call_.report(steps.error());
        }
        if (steps && !steps->empty())
            call_.events.warned(Message(Code::leftovers_removed, "",
                                        {{"steps", joined(imperatives(*steps), ", ")}}));
    }
    records_->sweep(
        [&](const std::string& id) { return unreleased.contains(id) || is_marked(id); });
    return true;
}

} // namespace vxlanctl
