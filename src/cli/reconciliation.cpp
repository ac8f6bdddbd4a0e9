#include "vxlanctl/cli/reconciliation.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/privileges.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/cli/outer_ways.h"
#include "vxlanctl/doctor/services.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>
#include <cerrno>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

namespace vxlanctl {
namespace {

std::string random_id() {
    std::uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits) // never fails for so few bytes
        throw std::system_error(errno, std::generic_category(), "getrandom");
    return formatted("{:016x}", bits);
}

/// Which tunnels could not do without the device.
bool needs(const TunnelPlan& tunnel, const Link& device) {
    return tunnel.wish != nullptr && tunnel.wish->tunnel.dev == device.name;
}

/// Whether a source is a file that does not exist any more. Of the name of a standard input nobody
/// knows.
bool is_gone(const std::string& source) {
    return source.starts_with('/') && access(source.c_str(), F_OK) != 0 &&
           (errno == ENOENT || errno == ENOTDIR);
}

bool is_carried_out(const TunnelPlan& tunnel) {
    return tunnel.errors.empty() && !tunnel.steps.empty();
}

} // namespace

bool creates_namespace(const Config& config) {
    return std::any_of(config.tunnels.begin(), config.tunnels.end(),
                       [](const Tunnel& tunnel) { return tunnel.placement.create; });
}

void Call::report_error(const Error& error) {
    print_error(error, codes(style));
    impossible = impossible || error.kind == ErrorKind::usage;
    if (error.kind != ErrorKind::usage) code = graver(code, exit_code(error.kind));
}

Reconciliation::Reconciliation(Call& call, const Config& config, std::optional<OtherPlace> place)
    : call_(call), config_(config), elsewhere_(std::move(place)), options_(call.options) {
    // A tunnel that is planned again, once the one below it is there, keeps its mark.
    options_.new_id = [this](const std::string& tunnel) {
        auto [id, is_new] = ids_.try_emplace(tunnel);
        if (is_new) id->second = random_id();
        return id->second;
    };
}

bool Reconciliation::has_work() const {
    return std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), is_carried_out);
}

Result<void> Reconciliation::open(std::chrono::seconds timeout) {
    lock_timeout_ = timeout;
    if (!is_there()) return {};
    const bool writes = call_.mode == Mode::apply;
    if (writes && !has_net_admin())
        return error(Code::needs_net_admin, "", {{"command", call_.arguments.command}});
    if (auto opened = open_socket(); !opened) return opened;
    if (writes) return keep_others_out(timeout);
    auto existing = RuntimeDirectory::open_existing(kernel());
    if (!existing) return tl::unexpected(existing.error());
    records_ = std::move(*existing);
    return {};
}

Result<void> Reconciliation::open_socket() {
    auto socket = kernel().netlink();
    if (!socket) return tl::unexpected(socket.error());
    socket_.emplace(std::move(*socket));
    netlink_.emplace(*socket_);
    return {};
}

Result<void> Reconciliation::keep_others_out(std::chrono::seconds timeout) {
    auto records = RuntimeDirectory::open(kernel());
    if (!records) return tl::unexpected(records.error());
    records_ = std::move(*records);
    const std::string purpose =
        formatted("vxlanctl {} {}", call_.arguments.command, fmt::join(subjects(), " "));
    const auto tell = [&](const std::string& holder) {
        if (!call_.style.quiet)
            print_warning(Message(Code::waiting_for, "", {{"what", holder}}), codes(call_.style));
    };
    if (auto locked = records_->lock(timeout, purpose, tell); !locked) return locked;
    if (const auto count = records_->discarded(); count > 0 && !call_.style.quiet)
        print_warning(
            Message(Code::records_discarded, "",
                    {{"records", formatted("{} record{}", count, count == 1 ? "" : "s")}}),
            codes(call_.style));
    catch_signals();
    return {};
}

/// What the call is about, for those who wait for it.
std::vector<std::string> Reconciliation::subjects() const {
    if (config_.origin == Origin::file) return call_.arguments.words;
    std::vector<std::string> names = config_.absent;
    for (const auto& tunnel : config_.tunnels)
        names.push_back(tunnel.name);
    return names;
}

Result<void> Reconciliation::propose() {
    if (auto found = find_devices(); !found) return found;
    auto made = make_plan();
    if (!made) return tl::unexpected(made.error());
    plan_ = std::move(*made);
    note_preparations();
    if (call_.keeps_first ||
        std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [](const TunnelPlan& tunnel) {
            return tunnel.vanished || (tunnel.stage > 0 && is_carried_out(tunnel));
        }))
        first_ = state_;
    for (const auto& tunnel : plan_.tunnels)
        outcomes_.push_back(tunnel.errors.empty() ? intended_outcome(tunnel) : Outcome::refused);
    if (call_.mode == Mode::check) leave_out_what_is_no_drift();
    if (!call_.style.quiet)
        for (const auto& message : plan_.kept)
            print_warning(message, codes(call_.style));
    for (const auto& tunnel : plan_.tunnels)
        report_problems(tunnel);
    return {};
}

/// The lower devices that are still where the call was made.
Result<void> Reconciliation::find_devices() {
    std::set<std::string> wanted;
    for (const auto& tunnel : config_.tunnels)
        if (tunnel.placement.move_dev && !is_home()) wanted.insert(*tunnel.tunnel.dev);
    if (wanted.empty()) return {};
    if (is_there()) {
        const auto here = links_in(kernel(), wanted);
        if (!here) return tl::unexpected(here.error());
        for (const auto& name : *here)
            wanted.erase(name);
        if (wanted.empty()) return {};
    }
    auto there = read_devices(call_.home, wanted);
    if (!there) return tl::unexpected(there.error());
    devices_ = std::move(*there);
    return {};
}

/// What stands on an interface that is replaced, and that nobody wants: with --drop-foreign it goes
/// with that, whoever made it.
std::set<std::string> Reconciliation::dropped_with(const Plan& made) const {
    std::set<std::string> dropped;
    const auto is_known = [&](const std::string& name) {
        return is_in(config().absent, name) ||
               std::any_of(config().tunnels.begin(), config().tunnels.end(),
                           [&](const Tunnel& tunnel) { return tunnel.name == name; });
    };
    for (const auto& tunnel : made.tunnels) {
        const Link* link = find_link(state_, tunnel.name);
        const bool is_replaced = !tunnel.absent && removes(tunnel, tunnel.name);
        if (link == nullptr || !(is_replaced || config().dropped.contains(tunnel.name))) continue;
        for (const auto& upper : link->uppers)
            if (!is_known(upper)) dropped.insert(upper);
    }
    return dropped;
}

/// Reads the state, and plans: again for what the plan takes along.
Result<Plan> Reconciliation::make_plan() {
    while (true) {
        auto made = make_plan_once();
        if (!made || options_.foreign != Foreign::drop || !plan_.tunnels.empty()) return made;
        const auto dropped = dropped_with(*made);
        if (dropped.empty()) return made;
        if (!over_files_) over_files_ = config_;
        over_files_->absent.insert(over_files_->absent.end(), dropped.begin(), dropped.end());
        over_files_->dropped.insert(dropped.begin(), dropped.end());
    }
}

Result<Plan> Reconciliation::make_plan_once() {
    ReadRequest request = request_for(config());
    request.foreign = false;
    // The record of a tunnel that went with what it stood on is found by no link.
    request.needs = [this, of_links = request.needs](const State& state) {
        Needs needs = of_links(state);
        for (const auto& tunnel : plan_.tunnels) {
            const Record* record =
                tunnel.vanished ? find_record(first_, &*tunnel.vanished) : nullptr;
            if (record != nullptr) add_to_release(needs, *record);
        }
        return needs;
    };
    state_ = {};
    if (is_there()) {
        auto state = read_state(*netlink_, records_ ? &*records_ : nullptr, request);
        if (!state) return tl::unexpected(state.error());
        state_ = std::move(*state);
    }
    for (const auto& [name, device] : devices_)
        expect_device(state_, device.link);
    for (const auto& tunnel : plan_.tunnels) // of the plan before, where there is one
        if (tunnel.vanished && find_link(state_, tunnel.name) == nullptr) {
            state_.vanished.put(*tunnel.vanished);
            if (const auto record = find_record(first_, &*tunnel.vanished)) {
                const std::string id = mark_of(*tunnel.vanished->attributes.alias)->id;
                state_.records.emplace(id, *record);
                state_.orphans.erase(id);
            }
        }
    for (const auto& [id, record] : first_.records) // of an earlier stage, perhaps rewritten
        state_.forwarding_is_ours.insert(record.forward_from.begin(), record.forward_from.end());
    std::set<std::string_view> names;
    for (const auto& tunnel : config_.tunnels)
        names.insert(tunnel.name);
    if (is_there())
        state_.run_by = files_of_other_programs(
            kernel().id(), state_, [&](const Link& link) { return names.contains(link.name); });
    if (config_.origin == Origin::cli && plan_.tunnels.empty()) lay_over_files();
    // The SSH session comes into another one.
    if (!is_home() || call_.arguments.has("netns")) state_.ssh_client.reset();
    Plan made = vxlanctl::plan(config(), state_, options_);
    // Most runs change nothing that routes hang on, and need not read them.
    if (is_there() && std::any_of(made.tunnels.begin(), made.tunnels.end(), concerns_foreign)) {
        request.uppers = std::any_of(made.tunnels.begin(), made.tunnels.end(), concerns_uppers);
        if (auto done = read_foreign(*netlink_, state_, request); !done)
            return tl::unexpected(done.error());
        made = vxlanctl::plan(config(), state_, options_);
    }
    settle_over_files(made);
    if (is_there() && devices_.empty())
        judge_outer_ways(*netlink_, config(), state_, options_, made);
    for (auto& tunnel : made.tunnels) {
        tunnel.netns = name();
        const bool is_unknown = !is_home() && elsewhere_->obstacle;
        if (!is_unknown && (is_there() || creates_namespace(config_) || tunnel.absent)) continue;
        tunnel.steps.clear();
        tunnel.errors = {is_unknown ? *elsewhere_->obstacle
                                    : Error(Code::netns_missing, "",
                                            {{"netns", name()}, {"word", shell_quoted(name())}})};
        tunnel.errors.front().subject = tunnel.name;
    }
    return made;
}

/// A tunnel whose file is gone becomes the command line's.
void Reconciliation::lay_over_files() {
    for (std::size_t i = 0; i < config_.tunnels.size(); ++i) {
        const Tunnel& words = config_.tunnels[i];
        const Link* link = find_link(state_, words.name);
        const Record* record = find_record(state_, link);
        if (record == nullptr || record->source.empty() || is_gone(record->source) ||
            mark_of(*link->attributes.alias)->origin != Origin::file)
            continue;
        OverFile over = over_file(words, *record, *link);
        if (!over_files_) over_files_ = config_;
        over_files_->tunnels[i] = std::move(over.tunnel);
        differing_[words.name] = std::move(over.differing);
    }
}

/// What a file says is changed only when that is asked for.
void Reconciliation::settle_over_files(Plan& made) const {
    for (auto& tunnel : made.tunnels) {
        const auto found = differing_.find(tunnel.name);
        const bool is_refused =
            !tunnel.errors.empty() &&
            std::all_of(tunnel.errors.begin(), tunnel.errors.end(),
                        [](const Error& error) { return error.kind == ErrorKind::refused; });
        if (found == differing_.end() || found->second.empty() ||
            (tunnel.steps.empty() && !is_refused))
            continue;
        const Values values{{"file", tunnel.wish->source}, {"keys", joined(found->second, ", ")}};
        if (call_.arguments.has("override")) {
            tunnel.warnings.emplace_back(Code::overrides_file, tunnel.name, values);
        } else { // that comes before what else stands in the way
            tunnel.errors = {Error(Code::file_says_otherwise, tunnel.name, values)};
            tunnel.steps.clear();
        }
    }
}

/// Why the tunnel must not bring the device; none where nothing speaks against it.
std::optional<Error> Reconciliation::objection(const TunnelPlan& tunnel,
                                               const Device& device) const {
    const Link& link = device.link;
    const auto has = [&](const IpAddress& wanted) {
        return std::any_of(
            link.addresses.begin(), link.addresses.end(),
            [&](const Address& address) { return address.prefix.address == wanted; });
    };
    const Values place{{"interface", link.name}, {"netns", name()}};
    const auto told = [&](Code code, Value value) {
        Error problem(code, tunnel.name, place);
        problem.set(std::move(value));
        return problem;
    };
    for (const auto& other : call_.config.tunnels) {
        if (other.placement.netns == tunnel.wish->placement.netns) continue;
        const bool is_there = other.placement.netns.empty();
        const bool stands_on_it =
            (is_there || other.placement.move_dev) && other.tunnel.dev == link.name;
        const bool needs_address = is_there && other.tunnel.local && has(*other.tunnel.local);
        const bool forwards =
            is_there && other.forward_from && is_in(*other.forward_from, link.name);
        if (stands_on_it || needs_address || forwards)
            return told(Code::device_needed_elsewhere, {"other", other.name});
    }
    const auto server = ssh_address(SshEnd::server);
    std::vector<std::string> obstacles = device.obstacles;
    if (server && has(*server)) obstacles.push_back(text_of(Code::ssh_comes_in_there));
    if (obstacles.empty()) return std::nullopt;
    return told(Code::device_in_use, {"obstacles", joined(obstacles, ", ")});
}

/// Each device and the namespace are brought by the first tunnel that needs them.
void Reconciliation::note_preparations() {
    bool is_there_by_then = is_there();
    std::set<std::string> brought;
    for (auto& tunnel : plan_.tunnels) {
        if (!tunnel.errors.empty()) continue;
        for (const auto& [name, device] : devices_) {
            if (!needs(tunnel, device.link) || brought.contains(name)) continue;
            if (auto error = objection(tunnel, device)) {
                tunnel.errors.push_back(std::move(*error));
                continue;
            }
            brought.insert(name);
            tunnel.preparations.moved = device.link;
        }
        if (tunnel.errors.empty() && !is_there_by_then && !tunnel.steps.empty()) {
            tunnel.preparations.creates_namespace = true;
            is_there_by_then = true;
        }
    }
}

/// Afterwards everything is there that the plans have counted on.
Result<void> Reconciliation::prepare() {
    if (!is_there()) {
        auto made = NetworkNamespace::create(name());
        if (!made) return tl::unexpected(made.error());
        elsewhere_->kernel.emplace(std::move(*made));
        made_namespace_ = true;
        call_.wrote = true;
        if (auto opened = open(lock_timeout_); !opened) return opened;
    }
    Result<void> moved;
    for (const auto& named : devices_) {
        const Link& device = named.second.link; // clang 14 captures no structured binding
        const bool wanted =
            std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [&](const TunnelPlan& tunnel) {
                return tunnel.errors.empty() && needs(tunnel, device);
            });
        if (!wanted || !moved) continue;
        moved = move_device(device, call_.home, kernel());
        if (moved || moved.error().kind == ErrorKind::undo_incomplete) moved_.push_back(device);
    }
    devices_.clear();
    return moved;
}

void Reconciliation::carry_out() {
    const bool prepares =
        std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), [](const TunnelPlan& tunnel) {
            return tunnel.errors.empty() && !tunnel.preparations.empty();
        });
    if (prepares)
        if (auto ready = prepare(); !ready) return fail_unprepared(ready.error());
    if (!is_there()) return; // nothing can be made
    const auto given_up = records_given_up(state_);
    const std::size_t stages = plan_.tunnels.empty() ? 0 : plan_.tunnels.back().stage + 1;
    for (std::size_t stage = 0; stage < stages; ++stage) {
        if (prepares || (stage > 0 && stands_on_changes(stage))) plan_again(stage);
        carry_out_stage(stage);
    }
    release_unclaimed(given_up);
    if (prepares) put_back_unused();
}

/// Nothing can be made without what was to be prepared.
void Reconciliation::fail_unprepared(const Error& why) {
    std::vector<TunnelPlan*> failed;
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (!tunnel.errors.empty()) continue;
        tunnel.errors.push_back(why);
        tunnel.errors.back().subject = tunnel.name;
        if (why.kind == ErrorKind::undo_incomplete) tunnel.errors.back().kind = ErrorKind::kernel;
        outcomes_[i] = Outcome::failed;
        failed.push_back(&tunnel);
    }
    const bool is_back = put_back_unused();
    for (auto* tunnel : failed) {
        if (is_back) tunnel->errors.back().more.emplace_back(Code::restored);
        call_.report_error(tunnel->errors.back());
    }
}

/// The records of tunnels that give up something outside of their links, by the plan's index.
std::map<std::size_t, Record> Reconciliation::records_given_up(const State& before) const {
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
void Reconciliation::release_unclaimed(const std::map<std::size_t, Record>& given_up) {
    if (std::all_of(plan_.tunnels.begin(), plan_.tunnels.end(),
                    [](const TunnelPlan& tunnel) { return tunnel.errors.empty(); }))
        return;
    for (const auto& [i, old] : given_up) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (!tunnel.errors.empty()) continue;
        if (auto steps = release(tunnel.name, old)) {
            append(tunnel.steps, std::move(*steps));
        } else {
            call_.report_error(steps.error());
            keep_in_record(tunnel, old);
        }
        outcomes_[i] = intended_outcome(tunnel);
    }
}

/// What could not be released now is left to the next run: of a tunnel that is gone, as a record
/// without an interface.
void Reconciliation::keep_in_record(TunnelPlan& tunnel, const Record& old) {
    const std::string& id = tunnel.mark ? tunnel.mark->id : tunnel.old_mark->id;
    auto record = records_->read_record(id);
    const auto written =
        record ? records_->write_record(id, with_elsewhere(record->value_or(Record{}), old))
               : tl::unexpected(record.error());
    if (!written) warn_of(written.error(), {&tunnel, 1});
}

/// Takes away what the record says was made outside of the link, and nobody claims. Returns how.
Result<std::vector<Step>> Reconciliation::release(const std::string& name, const Record& old) {
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

/// The namespace that holds a device which did not come back is left, too.
Error Reconciliation::with_namespace(Error error) const {
    for (auto& next : error.more)
        if (const auto steps = next.value("steps"); made_namespace_ && !steps.empty())
            next.set({"steps", formatted("{}, remove network namespace '{}'", steps, name())});
    return error;
}

/// A failure leaves no namespace behind that was made for nothing, and no device in it. Returns
/// whether all devices are back.
bool Reconciliation::put_back_unused() {
    if (is_home() || !is_there()) return true;
    bool is_back = true;
    const auto is_used = [&](auto uses) {
        return std::any_of(
            plan_.tunnels.begin(), plan_.tunnels.end(),
            [&](const TunnelPlan& tunnel) { return tunnel.errors.empty() && uses(tunnel); });
    };
    std::erase_if(moved_, [&](const Link& device) {
        if (is_used([&](const TunnelPlan& tunnel) { return needs(tunnel, device); })) return false;
        auto back = bring_back(device, call_.home, kernel());
        if (!back) call_.report_error(with_namespace(back.error()));
        is_back = is_back && back;
        return back.has_value(); // else it would go with the namespace
    });
    if (made_namespace_ && moved_.empty() && !is_used([](const TunnelPlan&) { return true; })) {
        NetworkNamespace::remove(name());
        made_namespace_ = false;
    }
    return is_back;
}

/// What has been prepared, as far as it is there: that was perhaps done by another process.
Result<void> Reconciliation::find_prepared() {
    bool creates = false;
    std::map<std::string, Link> brought;
    for (const auto& tunnel : plan_.tunnels) {
        creates = creates || tunnel.preparations.creates_namespace;
        if (tunnel.preparations.moved)
            brought.emplace(tunnel.preparations.moved->name, *tunnel.preparations.moved);
    }
    if (!is_there() && creates) {
        auto space = NetworkNamespace::find(name());
        if (!space) return tl::unexpected(space.error());
        if (!*space) return {}; // it was never made
        elsewhere_->kernel.emplace(std::move(**space));
        made_namespace_ = true;
        auto records = RuntimeDirectory::open(kernel());
        if (!records) return tl::unexpected(records.error());
        records_ = std::move(*records);
        if (auto shared = records_->share_lock(); !shared) return shared;
        if (auto opened = open_socket(); !opened) return opened;
    }
    if (brought.empty()) return {};
    std::set<std::string> names;
    for (const auto& [name, device] : brought)
        names.insert(name);
    const auto here = links_in(kernel(), names);
    if (!here) return tl::unexpected(here.error());
    moved_.clear();
    for (const auto& name : *here)
        moved_.push_back(brought.at(name));
    return {};
}

/// Whether every device is again where it was before.
Result<void> Reconciliation::find_lost() const {
    std::set<std::string> names;
    for (const auto& tunnel : plan_.tunnels)
        if (tunnel.preparations.moved) names.insert(tunnel.preparations.moved->name);
    if (names.empty()) return {};
    const auto there = links_in(call_.home, names);
    if (!there) return tl::unexpected(there.error());
    for (const auto& name : *there)
        names.erase(name);
    if (names.empty()) return {};
    return error(Code::device_did_not_come_back, name(), {{"interfaces", joined(names, "', '")}});
}

/// The plans, with what release_unclaimed() may have done since: the process that works on the way
/// back has seen none of it.
std::vector<TunnelPlan> Reconciliation::plans_with_releases() const {
    std::vector<TunnelPlan> plans = plan_.tunnels;
    for (const auto& [i, old] : records_given_up(first_)) {
        LinkTarget target;
        target.name = plans[i].name;
        plan_elsewhere(target, {}, old, first_, Claims({}));
        append(plans[i].steps, elsewhere_steps(target));
    }
    return plans;
}

std::vector<Error> Reconciliation::take_back() {
    std::vector<Error> left;
    if (auto found = find_prepared(); !found) {
        found.error().more.emplace_back(Code::nothing_rolled_back);
        return {found.error()};
    }
    if (!is_there()) {
        if (auto lost = find_lost(); !lost) left.push_back(lost.error());
        return left;
    }
    auto context = this->context();
    left = vxlanctl::take_back(context, plans_with_releases(), first_);
    unrecorded_ = std::move(context.unrecorded);
    (void)announcer_.announce(kernel(), context.announcements); // without it, others find out later
    for (const auto& device : moved_)
        if (auto back = bring_back(device, call_.home, kernel()); !back)
            left.push_back(with_namespace(back.error()));
    if (made_namespace_ && left.empty()) NetworkNamespace::remove(name());
    if (auto lost = find_lost(); !lost) left.push_back(lost.error());
    return left;
}

void Reconciliation::leave_untouched() {
    for (auto& outcome : outcomes_)
        if (outcome != Outcome::refused) outcome = Outcome::untouched;
}

void Reconciliation::settle_rejection() {
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
        if (is_carried_out(plan_.tunnels[i])) outcomes_[i] = Outcome::taken_back;
}

void Reconciliation::report_problems(const TunnelPlan& tunnel) {
    if (!call_.style.quiet && tunnel.errors.empty())
        for (const auto& warning : tunnel.warnings)
            print_warning(warning, codes(call_.style));
    for (const auto& error : tunnel.errors)
        call_.report_error(error);
}

/// A mark that is missing or another one is no difference that matters to anybody.
void Reconciliation::leave_out_what_is_no_drift() {
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (outcomes_[i] == Outcome::adopted) {
            tunnel.steps.clear();
            outcomes_[i] = Outcome::in_sync;
        }
        if (outcomes_[i] != Outcome::in_sync) continue;
        tunnel.warnings.clear();
        for (const auto& name : tunnel.wish->unresolved) // then that is not quite certain
            tunnel.warnings.push_back(warning_of(name, tunnel.name));
    }
    plan_.unnamed.clear();
    plan_.kept.clear();
}

/// Whether plans of the stage were made on what an earlier stage was expected to make, or count on
/// what has failed.
bool Reconciliation::stands_on_changes(std::size_t stage) const {
    bool concerned = false, wished = false, changed = false, failed = false;
    for (const auto& tunnel : plan_.tunnels) {
        const bool is_earlier = tunnel.stage < stage;
        concerned = concerned || tunnel.stage == stage;
        wished = wished || (tunnel.stage == stage && tunnel.wish != nullptr);
        changed = changed || (is_earlier && tunnel.wish != nullptr && !tunnel.steps.empty());
        failed = failed || (is_earlier && !tunnel.errors.empty());
    }
    return (wished && changed) || (concerned && failed);
}

/// The tunnel that failed and whose plan has removed this one, for its VNI or as what stands on it.
const TunnelPlan* Reconciliation::who_removed(const TunnelPlan& tunnel, const Link& was) const {
    const auto removed_it = [&](const TunnelPlan& other) {
        return !other.errors.empty() && other.stage < tunnel.stage &&
               (other.name == was.tunnel.dev || removes(other, tunnel.name));
    };
    const auto found = std::find_if(plan_.tunnels.begin(), plan_.tunnels.end(), removed_it);
    return found == plan_.tunnels.end() ? nullptr : &*found;
}

/// Puts the plan that was made anew in the place of that one. Returns whether the tunnel has gone
/// with another one's change, which stands, and cannot be made again.
bool Reconciliation::renew(TunnelPlan& tunnel, TunnelPlan again) {
    const TunnelPlan before = std::exchange(tunnel, std::move(again));
    tunnel.preparations = before.preparations;
    tunnel.stage = before.stage;
    const bool is_absent = tunnel.wish != nullptr && find_link(state_, tunnel.name) == nullptr;
    if (before.vanished && is_absent && !tunnel.errors.empty()) {
        const TunnelPlan* remover = who_removed(tunnel, *before.vanished);
        if (remover == nullptr) return true;
        tunnel.errors = {Error(Code::lost_with_lower, tunnel.name, {{"other", remover->name}})};
    }
    if (!before.vanished && is_absent && tunnel.errors.empty() &&
        find_link(first_, tunnel.name) != nullptr) { // by the hand of others
        Error error(Code::cannot_return, tunnel.name);
        error.kind = ErrorKind::undo_incomplete;
        error.more.emplace_back(Code::removed_meanwhile, "", Values{{"interface", tunnel.name}});
        tunnel.errors.push_back(std::move(error));
    }
    TunnelPlan news = tunnel;
    std::erase_if(news.warnings,
                  [&](const Message& warning) { return is_in(before.warnings, warning); });
    report_problems(news);
    return false;
}

/// Plans a stage anew, now that the earlier ones are carried out, or have failed.
void Reconciliation::plan_again(std::size_t stage) {
    for (const auto& tunnel : plan_.tunnels) // also one of a later stage: what was refused stays so
        if (!tunnel.errors.empty()) options_.failed.emplace(tunnel.name, tunnel.errors.front());
    const State planned_on = std::exchange(state_, {});
    auto again = make_plan();
    // It was there, none of our steps has taken it, and it cannot be made again.
    const auto has_been_removed = [&](const TunnelPlan& tunnel) {
        return tunnel.wish != nullptr && find_link(planned_on, tunnel.name) != nullptr &&
               find_link(state_, tunnel.name) == nullptr &&
               state_.vanished.find(tunnel.name) == nullptr &&
               !tunnel.wish->tunnel.dev.value_or("").empty() &&
               find_link(state_, *tunnel.wish->tunnel.dev) == nullptr;
    };
    std::vector<TunnelPlan*> lost;
    for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
        TunnelPlan& tunnel = plan_.tunnels[i];
        if (tunnel.stage != stage || !tunnel.errors.empty()) continue;
        if (!again) {
            tunnel.errors.push_back(again.error());
            call_.report_error(again.error());
        } else if (has_been_removed(tunnel)) {
            tunnel.errors.emplace_back(Code::removed_during_run, tunnel.name,
                                       Values{{"interface", *tunnel.wish->tunnel.dev}});
            call_.report_error(tunnel.errors.back());
            outcomes_[i] = Outcome::failed;
            continue;
        } else {
            const auto now = std::find_if(
                again->tunnels.begin(), again->tunnels.end(), [&](const TunnelPlan& other) {
                    return other.wish == tunnel.wish && other.name == tunnel.name;
                });
            if (now == again->tunnels.end()) continue; // it has gone by itself
            if (renew(tunnel, std::move(*now))) lost.push_back(&tunnel);
        }
        outcomes_[i] = tunnel.errors.empty() ? intended_outcome(tunnel) : Outcome::refused;
    }
    if (lost.empty()) return;
    TunnelPlan& failed = *lost.front();
    take_back_with_lower(failed, stage);
    report_problems(failed);
    options_.failed.emplace(failed.name, failed.errors.front());
    for (auto* other : lost) // it may be there again
        if (other != &failed) other->errors.clear();
    plan_again(stage); // on what is there now
}

void Reconciliation::carry_out_stage(std::size_t stage) {
    const auto is_earlier = [&](const TunnelPlan& tunnel) { return tunnel.stage < stage; };
    const auto is_meant = [&](const TunnelPlan& tunnel) { return tunnel.stage == stage; };
    const auto begin = std::find_if_not(plan_.tunnels.begin(), plan_.tunnels.end(), is_earlier);
    const std::span<TunnelPlan> tunnels(begin,
                                        std::find_if_not(begin, plan_.tunnels.end(), is_meant));
    const auto first = static_cast<std::size_t>(begin - plan_.tunnels.begin());
    std::vector<Result<void>> results;
    std::vector<Announcement> news;
    {
        ProgressBar bar(call_.style);
        auto context = this->context();
        context.progress = [&](std::size_t done, std::size_t total) { bar.show(done, total); };
        results = vxlanctl::carry_out(context, config(), tunnels, state_, options_);
        warn_of_unrecorded(context, tunnels);
        news = std::move(context.announcements);
        made_ = std::move(context.made);
    }
    if (const auto told = announcer_.announce(kernel(), news); !told)
        warn_of(told.error(), tunnels);
    for (std::size_t i = 0; i < tunnels.size(); ++i) {
        TunnelPlan& tunnel = tunnels[i];
        call_.wrote = call_.wrote || (results[i] && !tunnel.steps.empty());
        if (results[i] && tunnel.absent) state_.links.erase(tunnel.name); // for good
        if (results[i] || !tunnel.errors.empty()) continue;
        outcomes_[first + i] = Outcome::failed;
        tunnel.errors.push_back(results[i].error());
        if (results[i].error().kind == ErrorKind::undo_incomplete && stage > 0)
            take_back_with_lower(tunnel, stage + 1);
        call_.report_error(tunnel.errors.back());
    }
}

/// The plans of stages before `end` that were carried out on what the tunnel stands on, below and
/// above, or that are in the way of what goes back.
std::vector<TunnelPlan*> Reconciliation::stack_of(const TunnelPlan& tunnel, std::size_t end) {
    const auto lower_of = [&](const TunnelPlan& other) {
        std::set<std::string> lower;
        const Link* was = find_link(first_, other.name);
        if (was != nullptr) lower.insert(was->tunnel.dev.value_or(""));
        if (other.wish != nullptr) lower.insert(other.wish->tunnel.dev.value_or(""));
        lower.erase("");
        return lower;
    };
    // It has the VNI, or the ends, that one of these had, and needs for its return.
    const auto has_place_of = [&](const TunnelPlan& other, const std::set<std::string>& names) {
        return other.wish != nullptr &&
               std::any_of(names.begin(), names.end(), [&](const std::string& name) {
                   const Link* was = name == other.name ? nullptr : find_link(first_, name);
                   return was != nullptr && is_tunnel(*was) &&
                          exclude_each_other(was->tunnel, other.wish->tunnel);
               });
    };
    std::set<std::string> names{tunnel.name}, carried_out;
    for (const auto& other : plan_.tunnels)
        if (other.stage < end && is_carried_out(other) && !other.absent)
            carried_out.insert(other.name);
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& other : plan_.tunnels) {
            const auto lower = lower_of(other);
            const bool stands_on_one = std::any_of(
                lower.begin(), lower.end(), [&](const auto& name) { return names.contains(name); });
            if ((stands_on_one || has_place_of(other, names)) && carried_out.contains(other.name))
                changed = names.insert(other.name).second || changed;
            if (!names.contains(other.name)) continue;
            for (const auto& name : lower)
                if (carried_out.contains(name)) changed = names.insert(name).second || changed;
            for (const auto& step : other.steps) // what it removed, for the VNI, comes back as well
                if (const auto* removal = std::get_if<DeleteLink>(&step.operation))
                    changed = names.insert(removal->link).second || changed;
        }
    }
    std::vector<TunnelPlan*> stack;
    for (auto& other : plan_.tunnels)
        if (&other != &tunnel && names.contains(other.name) && carried_out.contains(other.name))
            stack.push_back(&other);
    return stack;
}

/// A tunnel that could not go back alone, since what it stands on has changed, goes back with that.
void Reconciliation::take_back_with_lower(TunnelPlan& failed, std::size_t end) {
    const auto stack = stack_of(failed, end);
    if (stack.empty()) return;
    std::vector<TunnelPlan> plans;
    for (const auto& tunnel : plan_.tunnels)
        if (&tunnel == &failed || is_in(stack, const_cast<TunnelPlan*>(&tunnel)))
            plans.push_back(tunnel);
    for (auto& plan : plans)
        plan.errors.clear();
    auto context = this->context();
    State before = first_;
    for (const auto& tunnel : plan_.tunnels) // they were to go, and do not come back
        if (tunnel.absent && is_carried_out(tunnel) && tunnel.stage < end)
            before.links.erase(tunnel.name);
    const auto left = vxlanctl::take_back(context, plans, before);
    warn_of_unrecorded(context, plan_.tunnels);
    (void)announcer_.announce(kernel(), context.announcements); // without it, others find out later
    const auto settle = [&](Error& error) {
        const auto rest = std::find_if(left.begin(), left.end(), [&](const Error& other) {
            return other.subject == error.subject;
        });
        error.kind = rest == left.end() ? ErrorKind::kernel : ErrorKind::undo_incomplete;
        if (rest == left.end())
            error.more.emplace_back(Code::restored);
        else
            error.more.insert(error.more.end(), rest->more.begin(), rest->more.end());
    };
    failed.errors.back().more.clear(); // what was left before
    settle(failed.errors.back());
    for (const auto& rest : left) { // of one that had gone with these
        const auto is_it = [&](const TunnelPlan& plan) { return plan.name == rest.subject; };
        if (std::none_of(plans.begin(), plans.end(), is_it)) call_.report_error(rest);
    }
    for (auto* tunnel : stack) {
        Error error(Code::rolled_back_with_upper, tunnel->name, {{"other", failed.name}});
        settle(error);
        outcomes_[static_cast<std::size_t>(tunnel - plan_.tunnels.data())] = Outcome::failed;
        tunnel->errors.push_back(error);
        call_.report_error(error);
    }
}

/// Of something that is no failure.
void Reconciliation::warn_of(const Error& error, std::span<TunnelPlan> tunnels) const {
    if (!call_.style.quiet) print_warning(error, codes(call_.style));
    for (auto& tunnel : tunnels)
        if (tunnel.name == error.subject) tunnel.warnings.push_back(error);
}

void Reconciliation::warn_of_unrecorded(const TransactionContext& context,
                                        std::span<TunnelPlan> tunnels) const {
    for (const auto& error : context.unrecorded)
        warn_of(error, tunnels);
}

bool Reconciliation::sweep() {
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
            all.kinds = {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl};
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
            call_.report_error(steps.error());
        }
        if (!steps || steps->empty() || call_.style.quiet) continue;
        print_warning(
            Message(Code::leftovers_removed, "", {{"steps", joined(imperatives(*steps), ", ")}}),
            codes(call_.style));
    }
    records_->sweep(
        [&](const std::string& id) { return unreleased.contains(id) || is_marked(id); });
    return true;
}

} // namespace vxlanctl
