#include "vxlanctl/run/namespace_run.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/privileges.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/run/machine_id.h"
#include "vxlanctl/run/together.h"

#include <algorithm>
#include <cerrno>
#include <sys/random.h>
#include <system_error>

namespace vxlanctl {
namespace {

std::string random_id() {
    std::uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits) // never fails for so few bytes
        throw std::system_error(errno, std::generic_category(), "getrandom");
    return formatted("{:016x}", bits);
}

MacAddress random_mac() {
    MacAddress mac;
    if (getrandom(mac.bytes.data(), mac.bytes.size(), 0) != std::ssize(mac.bytes))
        throw std::system_error(errno, std::generic_category(), "getrandom");
    return mac;
}

} // namespace

Message not_noted(const Error& why) {
    return Message(Code::apply_not_noted, why.subject).with(why.errno_code, why.kernel_text);
}

NamespaceRun::NamespaceRun(Call& call, const Config& config, std::optional<OtherNamespace> place)
    : call_(call), config_(config), elsewhere_(std::move(place)), options_(call.options) {
    // A tunnel that is planned again, once the one below it is there, keeps its mark.
    options_.new_id = [this](const std::string& tunnel) {
        auto [id, is_new] = ids_.try_emplace(tunnel);
        if (is_new) id->second = random_id();
        return id->second;
    };
    options_.machine_id = machine_id;
    if (call.snapshot != nullptr) {
        const auto& spaces = call.snapshot->namespaces;
        const auto found = spaces.find(name());
        if (found != spaces.end()) recorded_ = &found->second;
        options_.machine_id = call.options.machine_id; // not that of this host
    }
    options_.random_mac = [this](const std::string& tunnel) {
        auto [mac, is_new] = random_macs_.try_emplace(tunnel);
        if (is_new) mac->second = random_mac();
        return mac->second;
    };
}

bool NamespaceRun::has_work() const {
    return std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), is_carried_out);
}

Result<void> NamespaceRun::open(std::chrono::seconds timeout) {
    lock_timeout_ = timeout;
    if (!is_there() || recorded_ != nullptr) return {};
    const bool writes = call_.mode == Mode::apply;
    if (writes && !has_net_admin())
        return error(Code::needs_net_admin, "", {{"command", call_.command}});
    if (auto opened = open_socket(); !opened) return opened;
    if (writes) return keep_others_out(timeout);
    auto existing = RuntimeDirectory::open_existing(kernel());
    if (!existing) return tl::unexpected(existing.error());
    records_ = std::move(*existing);
    return {};
}

Result<void> NamespaceRun::open_socket() {
    auto socket = kernel().netlink();
    if (!socket) return tl::unexpected(socket.error());
    socket_.emplace(std::move(*socket));
    netlink_.emplace(*socket_);
    return {};
}

Result<void> NamespaceRun::keep_others_out(std::chrono::seconds timeout) {
    auto records = RuntimeDirectory::open(kernel());
    if (!records) return tl::unexpected(records.error());
    records_ = std::move(*records);
    const std::string purpose =
        formatted("vxlanctl {} {}", call_.command, fmt::join(subjects(), " "));
    const auto tell = [&](const std::string& holder) {
        call_.events.warned(Message(Code::waiting_for, "", {{"what", holder}}));
    };
    if (auto locked = records_->lock(timeout, purpose, tell); !locked) return locked;
    if (const auto count = records_->discarded(); count > 0)
        call_.events.warned(
            Message(Code::records_discarded, "",
                    {{"records", formatted("{} record{}", count, count == 1 ? "" : "s")}}));
    catch_signals();
    const auto put_back = put_back_moved(kernel(), *records_);
    if (!put_back) return tl::unexpected(put_back.error());
    if (*put_back > 0)
        call_.events.warned(Message(Code::groups_put_back, "",
                                    {{"interfaces", counted(static_cast<std::ptrdiff_t>(*put_back),
                                                            "interface", "interfaces")}}));
    return {};
}

/// What the call is about, for those who wait for it.
std::vector<std::string> NamespaceRun::subjects() const {
    if (config_.origin == Origin::file) return call_.words;
    std::vector<std::string> names = config_.absent;
    for (const auto& tunnel : config_.tunnels)
        names.push_back(tunnel.name);
    return names;
}

Result<void> NamespaceRun::propose() {
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
    for (const auto& message : plan_.kept)
        call_.events.warned(message);
    for (const auto& tunnel : plan_.tunnels)
        report_problems(tunnel);
    return {};
}

void NamespaceRun::leave_untouched() {
    for (auto& outcome : outcomes_)
        if (outcome != Outcome::refused) outcome = Outcome::untouched;
}

void NamespaceRun::settle_rejection() {
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
        if (is_carried_out(plan_.tunnels[i])) outcomes_[i] = Outcome::taken_back;
}

bool NamespaceRun::succeeded() const {
    return std::none_of(outcomes_.begin(), outcomes_.end(), [](Outcome outcome) {
        return outcome == Outcome::refused || outcome == Outcome::failed ||
               outcome == Outcome::taken_back || outcome == Outcome::untouched;
    });
}

void NamespaceRun::note_apply(bool succeeded) {
    if (!records_) return; // of a namespace that was made, and could not be opened
    const auto noted = records_->write_last_apply({std::chrono::system_clock::now(), succeeded});
    if (!noted) call_.events.warned(not_noted(noted.error()));
}

void NamespaceRun::report_problems(const TunnelPlan& tunnel) {
    if (tunnel.errors.empty())
        for (const auto& warning : tunnel.warnings)
            if (row_of(warning.code).severity != Severity::note || !tunnel.steps.empty())
                call_.events.warned(warning); // a note of what is in sync is no news
    for (const auto& error : tunnel.errors)
        call_.report(error);
}

/// A mark that is missing or another one is no difference that matters to anybody.
void NamespaceRun::leave_out_what_is_no_drift() {
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
    if (call_.tells_unnamed) return;
    plan_.unnamed.clear();
    plan_.kept.clear();
}

/// Of something that is no failure.
void NamespaceRun::warn_of(const Error& error, std::span<TunnelPlan> tunnels) const {
    call_.events.warned(error);
    for (auto& tunnel : tunnels)
        if (tunnel.name == error.subject) tunnel.warnings.push_back(error);
}

void NamespaceRun::warn_of_unrecorded(const TransactionContext& context,
                                      std::span<TunnelPlan> tunnels) const {
    for (const auto& error : context.unrecorded)
        warn_of(error, tunnels);
}

} // namespace vxlanctl
