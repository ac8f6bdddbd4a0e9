#include "vxlanctl/run/namespace_run.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/run/automatic.h"
#include "vxlanctl/run/loaded_firewall.h"
#include "vxlanctl/run/outer_ways.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/services.h"
#include "vxlanctl/run/snapshot.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace vxlanctl {
namespace {

/// Whether a source is a file that does not exist any more. Of the name of a standard input nobody
/// knows.
bool is_gone(const std::string& source) {
    return source.starts_with('/') && access(source.c_str(), F_OK) != 0 &&
           (errno == ENOENT || errno == ENOTDIR);
}

/// Also the tunnels with our mark that the config does not name, with what their records claim.
void concern_managed(ReadRequest& request) {
    const auto is_managed = [](const Link& link) {
        return mark_of(link.attributes.alias.value_or("")).has_value();
    };
    request.kinds.insert(std::begin(tunnel_kinds), std::end(tunnel_kinds));
    request.selects = is_managed;
    request.needs = [of_config = request.needs, is_managed](const State& state) {
        Needs needs = of_config(state);
        for (const auto& link : state.links) {
            if (!is_tunnel(link) || !is_managed(link)) continue;
            if (link.tunnel.local) needs.locals.push_back(*link.tunnel.local);
            const Record* record = find_record(state, &link);
            if (record == nullptr) continue;
            needs.rules = needs.rules || !record->rules.empty();
            needs.devices.insert(record->forward_from.begin(), record->forward_from.end());
            for (Route route : record->routes) {
                if (route.dev.empty()) route.dev = link.name;
                needs.links.insert(route.dev);
                needs.routes.push_back(std::move(route));
            }
        }
        return needs;
    };
}

/// Whether recorded peers are to become a control plane's.
bool hands_over_peers(const Tunnel& tunnel, const State& state) {
    const Record* record =
        tunnel.evpn ? find_record(state, find_link(state, tunnel.name)) : nullptr;
    return record != nullptr && record->keys.contains(peers_key);
}

/// They are made of the host's machine ID, which is confidential, and in no snapshot.
void leave_out_new_macs(Plan& made, const MachineId& stand_in) {
    for (auto& tunnel : made.tunnels)
        for (auto& step : tunnel.steps)
            if (auto* create = std::get_if<CreateLink>(&step.operation);
                create != nullptr &&
                create->attributes.mac == stable_mac(stand_in, tunnel.name, create->tunnel))
                create->attributes.mac.reset();
}

} // namespace

/// What stands on an interface that is replaced, and that nobody wants: with --drop-foreign it goes
/// with that, whoever made it.
std::set<std::string> NamespaceRun::dropped_with(const Plan& made) const {
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
Result<Plan> NamespaceRun::make_plan() {
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

ReadRequest NamespaceRun::what_to_read() const {
    ReadRequest request = request_for(config());
    request.foreign = false;
    if (call_.reads_managed) concern_managed(request);
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
    return request;
}

/// Puts into the state what no reading of the kernel tells.
void NamespaceRun::complete_state() {
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
    if (netlink_)
        state_.run_by = files_of_other_programs(
            kernel().id(), state_, [&](const Link& link) { return names.contains(link.name); });
    // The SSH session comes into another one.
    if (!is_home() || call_.names_namespace) state_.ssh_client.reset();
}

/// Where the namespace is not there, nothing can be done in it unless it is made.
void NamespaceRun::settle_namespace(Plan& made) const {
    const bool is_left_out =
        call_.snapshot != nullptr && !is_there() && call_.snapshot->netns.contains(name());
    for (auto& tunnel : made.tunnels) {
        tunnel.netns = name();
        if (is_left_out) {
            tunnel.steps.clear();
            tunnel.errors = {Error(Code::netns_not_in_snapshot, tunnel.name,
                                   {{"netns", name()}, {"word", shell_quoted(name())}})};
            continue;
        }
        const bool is_unknown = !is_home() && elsewhere_->obstacle;
        if (!is_unknown && (is_there() || creates_namespace(config_) || tunnel.absent)) continue;
        tunnel.steps.clear();
        tunnel.errors = {is_unknown ? *elsewhere_->obstacle
                                    : Error(Code::netns_missing, "",
                                            {{"netns", name()}, {"word", shell_quoted(name())}})};
        tunnel.errors.front().subject = tunnel.name;
    }
}

Result<State> NamespaceRun::read(const ReadRequest& request) {
    if (recorded_ != nullptr) return recorded_->state;
    if (call_.events.reading) call_.events.reading(name(), config_);
    return read_state(*netlink_, records_ ? &*records_ : nullptr, request);
}

std::unique_ptr<Routing> NamespaceRun::routing() {
    if (recorded_ != nullptr) return std::make_unique<SnapshotRouting>(*recorded_);
    return std::make_unique<KernelRouting>(*netlink_);
}

Result<Plan> NamespaceRun::make_plan_once() {
    ReadRequest request = what_to_read();
    state_ = {};
    if (is_there()) {
        auto state = read(request);
        if (!state) return tl::unexpected(state.error());
        state_ = std::move(*state);
    }
    complete_state();
    if (auto settled = settle_what_the_host_knows(); !settled)
        return tl::unexpected(settled.error());
    if (config_.origin == Origin::cli && plan_.tunnels.empty()) lay_over_files();
    Plan made = vxlanctl::plan(config(), state_, options_);
    // Most runs change nothing that routes hang on, and need not read them.
    if (netlink_ && std::any_of(made.tunnels.begin(), made.tunnels.end(), concerns_foreign)) {
        request.uppers = std::any_of(made.tunnels.begin(), made.tunnels.end(), concerns_uppers);
        if (auto done = read_foreign(*netlink_, state_, request); !done)
            return tl::unexpected(done.error());
        made = vxlanctl::plan(config(), state_, options_);
    }
    for (auto& tunnel : made.tunnels)
        if (const auto found = unsettled_.find(tunnel.name); found != unsettled_.end())
            tunnel.errors = found->second, tunnel.steps.clear();
    settle_over_files(made);
    if (is_there() && devices_.empty())
        judge_outer_ways(*routing(), config(), state_, options_, made);
    if (netlink_) warn_of_loaded_firewall(kernel(), state_, made);
    settle_namespace(made);
    if (call_.snapshot != nullptr) leave_out_new_macs(made, *options_.machine_id());
    for (auto& tunnel : made.tunnels)
        name_peers(tunnel);
    return made;
}

/// What tunnels leave to their host. Once for the whole run: what was chosen stays.
Result<void> NamespaceRun::settle_what_the_host_knows() {
    if (!is_there() || is_settled_) return {};
    is_settled_ = true;
    if (use_real_names_of_absent()) return read_again();
    std::optional<OwnAddresses> own; // on the command line they are an error
    if (config_.origin == Origin::file) own.emplace(state_);
    const auto needs_host = [&](const Tunnel& tunnel) {
        return is_automatic(tunnel) || (own && own->are_among(tunnel)) ||
               hands_over_peers(tunnel, state_);
    };
    if (std::none_of(config_.tunnels.begin(), config_.tunnels.end(), needs_host)) return {};
    over_files_ = config_;
    bool chooses_dev = false;
    for (auto& tunnel : over_files_->tunnels) {
        const auto note = [&](const Settled& what) {
            append(laid_over_warnings_[tunnel.name], what.notes);
            if (!what.errors.empty()) unsettled_[tunnel.name] = what.errors;
        };
        if (own) note(own->leave_out_of(tunnel));
        if (hands_over_peers(tunnel, state_))
            if (auto asked = ask_for_vteps(tunnel); !asked)
                unsettled_[tunnel.name] = {std::move(asked.error())};
        chooses_dev = chooses_dev || tunnel.automatic.dev;
        if (is_automatic(tunnel)) note(settle_automatic(*routing(), state_, tunnel));
        complete_link_local_peers(tunnel);
    }
    return chooses_dev ? read_again() : Result<void>(); // with the interfaces that were chosen
}

/// What the control plane has itself of the peers that it takes over.
Result<void> NamespaceRun::ask_for_vteps(Tunnel& tunnel) {
    if (!netlink_) return {}; // a snapshot does not know
    if (!control_plane_) control_plane_ = read_control_plane(kernel());
    if (control_plane_->presence == ControlPlane::Presence::unknown) {
        Error problem = *control_plane_->obstacle;
        problem.subject = tunnel.name;
        return tl::unexpected(std::move(problem).also(Code::peers_wait_for_control_plane));
    }
    const Link* link = find_link(state_, tunnel.name);
    const auto vni = tunnel.tunnel.vni ? tunnel.tunnel.vni : link->tunnel.vni;
    const auto& vnis = control_plane_->evpn.vnis;
    if (const auto found = vnis.find(vni.value_or(0)); found != vnis.end())
        for (const auto& vtep : found->second.vteps)
            tunnel.vteps.push_back(vtep.address);
    return {};
}

Result<void> NamespaceRun::read_again() {
    auto state = read(what_to_read());
    if (!state) return tl::unexpected(state.error());
    state_ = std::move(*state);
    complete_state();
    return {};
}

/// What shall be removed may be named by an alternative name (altname).
bool NamespaceRun::use_real_names_of_absent() {
    const auto& known = state_.alternative_names;
    const auto is_alternative = [&](const std::string& name) { return known.contains(name); };
    if (std::none_of(config_.absent.begin(), config_.absent.end(), is_alternative)) return false;
    over_files_ = config_;
    for (auto& name : over_files_->absent)
        if (is_alternative(name)) name = known.at(name);
    return true;
}

/// A tunnel whose file is gone becomes the command line's.
void NamespaceRun::lay_over_files() {
    for (std::size_t i = 0; i < config_.tunnels.size(); ++i) {
        const Tunnel& words = config().tunnels[i];
        const Link* link = find_link(state_, words.name);
        const Record* record = find_record(state_, link);
        const bool is_of_file = record != nullptr && !record->source.empty() &&
                                !is_gone(record->source) &&
                                mark_of(*link->attributes.alias)->origin == Origin::file;
        if (!is_of_file && (!words.named || link == nullptr)) continue;
        const std::string name = words.name;
        LaidOver over = words.named
                            ? over_running(words, record ? *record : Record{}, *link, state_)
                            : over_file(words, *record, *link);
        if (!is_of_file) over.tunnel.source.clear();
        if (words.named) complete_link_local_peers(over.tunnel);
        if (!over_files_) over_files_ = config_;
        over_files_->tunnels[i] = std::move(over.tunnel);
        if (is_of_file) differing_[name] = std::move(over.differing);
        append(laid_over_warnings_[name], std::move(over.warnings));
    }
}

/// What a file says is changed only when that is asked for.
void NamespaceRun::settle_over_files(Plan& made) const {
    for (auto& tunnel : made.tunnels) {
        if (const auto said = laid_over_warnings_.find(tunnel.name);
            said != laid_over_warnings_.end() && tunnel.errors.empty())
            append(tunnel.warnings, said->second);
        const auto found = differing_.find(tunnel.name);
        const bool is_refused =
            !tunnel.errors.empty() &&
            std::all_of(tunnel.errors.begin(), tunnel.errors.end(),
                        [](const Error& error) { return error.kind == ErrorKind::refused; });
        if (found == differing_.end() || found->second.empty() ||
            (tunnel.steps.empty() && !is_refused))
            continue;
        const Values values{{"file", tunnel.wish->source}, {"keys", joined(found->second, ", ")}};
        if (call_.overrides_files) {
            tunnel.warnings.emplace_back(Code::overrides_file, tunnel.name, values);
        } else { // that comes before what else stands in the way
            tunnel.errors = {Error(Code::file_says_otherwise, tunnel.name, values)};
            tunnel.steps.clear();
        }
    }
}

} // namespace vxlanctl
