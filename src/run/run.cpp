#include "vxlanctl/run/run.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/privileges.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/run/await.h"
#include "vxlanctl/run/resolve.h"
#include "vxlanctl/run/snapshot.h"

#include <algorithm>
#include <iterator>

namespace vxlanctl {

Run::Run(Call& call, Config& config, const Probation* probation)
    : call_(call), config_(config), probation_(probation) {
    call.is_several =
        !config_.absent_elsewhere.empty() ||
        std::any_of(config_.tunnels.begin(), config_.tunnels.end(),
                    [](const Tunnel& tunnel) { return !tunnel.placement.netns.empty(); });
}

Result<void> Run::perform(const Times& times) {
    if (call_.is_several) {
        allow_descriptors(descriptors_for(config_));
        places_ = namespaces_of(config_, call_.snapshot != nullptr ? nullptr : &call_.home);
    }
    give_up_privileges();
    if (times.wait)
        if (auto there = await(*times.wait); !there) return there;
    if (auto done = look_up_names(times.look_up); !done) return done;
    if (!call_.is_several) parts_.emplace_back(call_, config_, std::nullopt);
    for (auto& place : places_)
        parts_.emplace_back(call_, place.config, std::move(place.elsewhere));
    if (auto proposed = propose(times.lock); !proposed) return proposed;
    if (call_.stops_all())
        for (auto& part : parts_)
            part.leave_untouched();
    if (call_.mode != Mode::apply || call_.stops_all()) return {};
    auto done = probation_ != nullptr ? carry_out_on_probation() : carry_out_for_good();
    if (done && call_.notes_apply) note_apply();
    return done;
}

/// The namespace of the call is told of all, since one of the others may not even be there.
void Run::note_apply() {
    for (auto& part : parts_)
        if (part.is_there())
            part.note_apply(&part == &parts_.front() ? exit_code() == 0 : part.succeeded());
}

void Run::give_up_privileges() const {
    Capabilities kept = no_capability;
    if (call_.mode == Mode::apply) kept |= changes_network | sends_raw | sees_processes;
    if (call_.is_several || call_.names_namespace) kept |= enters_namespaces;
    if (call_.reads_managed) kept |= changes_network; // to read the firewall's rules afterwards
    // A file that changes may name a network namespace.
    if (call_.reads_files_again) kept |= reads_all_files | enters_namespaces;
    restrict_to(kept);
}

Result<void> Run::await(std::chrono::seconds time) {
    if (call_.mode == Mode::apply) catch_signals();
    const auto end = std::chrono::steady_clock::now() + time;
    if (!call_.is_several) return await_in(call_.home, config_, end);
    Config here = places_.front().config; // and devices that are still to be moved
    for (auto& place : places_) {
        // A usage error: a file, on which a namespace is perhaps about to be mounted.
        if (!place.elsewhere ||
            (place.elsewhere->obstacle && place.elsewhere->obstacle->kind != ErrorKind::usage))
            continue;
        auto& kernel = place.elsewhere->kernel;
        if (!kernel && !makes_all(place.config) && !await_place(*place.elsewhere, end)) continue;
        std::set<std::string> present; // of the devices that may have to be moved
        if (kernel) {
            auto links = links_in(*kernel, devices_to_move(place.config));
            if (!links) return tl::unexpected(links.error());
            present = std::move(*links);
        }
        auto underlay = underlay_of(place.config, present);
        append(here.tunnels, std::move(underlay.to_bring.tunnels));
        if (kernel)
            if (auto done = await_in(*kernel, underlay.there, end); !done) return done;
    }
    return await_in(call_.home, here, end);
}

Result<void> Run::look_up_names(std::chrono::seconds time) {
    std::vector<Config*> configs{&config_};
    for (auto& place : places_)
        configs.push_back(&place.config);
    for (auto* config : configs)
        for (auto& tunnel : config->tunnels)
            complete_link_local_peers(tunnel);
    auto names = host_names_in(config_);
    if (names.empty()) return {};
    if (call_.mode == Mode::apply) catch_signals();
    NameAnswers known;
    if (call_.snapshot != nullptr) known = recorded_names(*call_.snapshot, names);
    if (call_.names != nullptr) known = *call_.names;
    for (const auto& answer : known)
        names.erase(answer.first);
    auto answers = names.empty() ? Result<NameAnswers>(NameAnswers{}) : resolve(names, time);
    if (!answers) return tl::unexpected(answers.error());
    answers->merge(known);
    if (call_.names != nullptr) *call_.names = *answers;
    for (auto* config : configs)
        for (auto& tunnel : config->tunnels)
            put_addresses(tunnel, *answers), complete_link_local_peers(tunnel);
    return {};
}

bool Run::await_place(OtherNamespace& place, std::chrono::steady_clock::time_point end) {
    tell_waiting(formatted("network namespace '{}'", place.name));
    auto space = await_namespace(place.name, end);
    if (!space) {
        call_.report(space.error());
        return false;
    }
    place.kernel.emplace(std::move(*space));
    place.obstacle.reset();
    return true;
}

Result<void> Run::await_in(const Kernel& kernel, const Config& config,
                           std::chrono::steady_clock::time_point end) {
    const auto left =
        std::max(std::chrono::ceil<std::chrono::seconds>(end - std::chrono::steady_clock::now()),
                 std::chrono::seconds(0));
    auto there = await_underlay(kernel, config, left, [&](const std::vector<std::string>& missing) {
        tell_waiting(joined(missing, ", "));
    });
    if (there || config.origin == Origin::cli || caught_signal() != 0) return there;
    call_.report(there.error());
    return {};
}

void Run::tell_waiting(const std::string& what) const {
    call_.events.warned(Message(Code::waiting_for, "", {{"what", what}}));
}

Result<void> Run::propose(std::chrono::seconds timeout) {
    std::vector<NamespaceRun*> in_order; // the same for all writers: nobody waits in a circle
    for (auto& part : parts_)
        if (part.is_there() && call_.snapshot == nullptr) in_order.push_back(&part);
    std::sort(in_order.begin(), in_order.end(),
              [](const auto* one, const auto* other) { return one->id() < other->id(); });
    for (auto* part : in_order)
        if (auto opened = part->open(timeout); !opened) return opened;
    if (call_.mode == Mode::apply && call_.locked)
        if (auto goes_on = call_.locked(); !goes_on) return goes_on;
    for (auto& part : parts_)
        if (auto proposed = part.propose(); !proposed) return proposed;
    return {};
}

void Run::carry_out_all() {
    for (auto& part : parts_)
        part.carry_out();
}

void Run::sweep() {
    bool may_any_have_gone = false;
    for (auto& part : parts_)
        if (part.is_there()) may_any_have_gone = part.sweep() || may_any_have_gone;
    if (may_any_have_gone) parts_.front().records().sweep_dead();
}

Result<void> Run::carry_out_for_good() {
    carry_out_all();
    sweep();
    return {};
}

Result<void> Run::carry_out_on_probation() {
    if (std::none_of(parts_.begin(), parts_.end(),
                     [](const NamespaceRun& part) { return part.has_work(); })) {
        carry_out_all();
        call_.events.carried_out();
        return {};
    }
    auto guardian = Guardian::start(parts_.front().records(), [&] { return roll_back_all(); });
    if (!guardian) return tl::unexpected(guardian.error());
    carry_out_all();
    if (!call_.wrote) {
        call_.events.carried_out();
        guardian->dismiss();
        return {};
    }
    Decision decision = guardian->wait(probation_->time, [this] {
        call_.events.carried_out();
        call_.events.warned(
            Message(Code::waits_for_confirmation, "", {{"seconds", probation_->time.count()}}));
    });
    if (decision.kind == Decision::Kind::lost)
        if (const auto done = roll_back_all(); !done) decision.error = done.error();
    confirmed_ = decision.kind == Decision::Kind::kept;
    if (*confirmed_)
        sweep();
    else
        settle_rejection(decision);
    return {};
}

Result<void> Run::roll_back_all() {
    std::vector<Error> left;
    Result<void> noted;
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
        append(left, part->roll_back());
        if (const auto& unrecorded = part->unrecorded(); noted && !unrecorded.empty())
            noted = tl::unexpected(unrecorded.front());
        if (auto rejected = probation_->reject(part->plan()); !rejected) noted = rejected;
    }
    if (left.empty()) return noted;
    Error all = std::move(left.front());
    all.kind = ErrorKind::rollback_incomplete;
    std::move(left.begin() + 1, left.end(), std::back_inserter(all.more));
    return tl::unexpected(std::move(all));
}

void Run::settle_rejection(const Decision& decision) {
    const bool is_left = decision.error && decision.error->kind == ErrorKind::rollback_incomplete;
    Error told(Code::not_confirmed, "", {{"reason", decision.reason}});
    call_.report(is_left ? told : std::move(told).also(Code::restored));
    if (decision.error) call_.report(*decision.error);
    for (auto& part : parts_)
        part.settle_rejection();
}

int Run::exit_code() const {
    if (call_.mode == Mode::check)
        return std::all_of(
                   parts_.begin(), parts_.end(),
                   [](const NamespaceRun& part) {
                       const auto& outcomes = part.outcomes();
                       return part.plan().unnamed.empty() &&
                              std::all_of(outcomes.begin(), outcomes.end(), [](Outcome outcome) {
                                  return outcome == Outcome::in_sync || outcome == Outcome::absent;
                              });
                   })
                   ? 0
                   : 3;
    if (!call_.impossible) return call_.code;
    const bool touches = call_.mode == Mode::plan && !call_.stops_all() &&
                         std::any_of(parts_.begin(), parts_.end(),
                                     [](const NamespaceRun& part) { return part.has_work(); });
    const bool untouched = !call_.wrote && !touches && (call_.code == 0 || call_.code == 4);
    return untouched ? 2 : graver(call_.code, 1);
}

} // namespace vxlanctl
