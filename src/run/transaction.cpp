#include "vxlanctl/run/transaction.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/lasting_routes.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/plan/rollback.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/reader.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The names that a link refers to.
std::vector<std::string> links_behind(const Link& link) {
    std::set<std::string> names{link.tunnel.dev.value_or(""), link.attributes.master.value_or(""),
                                link.attributes.vrf.value_or("")};
    for (const auto& entry : link.flood_list)
        names.insert(entry.via.str());
    for (const auto& entry : link.macs)
        names.insert(entry.remote.via.str());
    names.erase("");
    return {names.begin(), names.end()};
}

/// Those of the tunnels that were made again have other numbers now than their records say.
Result<void> record_new_indexes(RuntimeDirectory& records, const std::vector<std::string>& tunnels,
                                const State& before, const State& now) {
    for (const auto& name : tunnels) {
        const Link* was = find_link(before, name);
        if (was == nullptr) was = before.vanished.find(name);
        const Link* is = find_link(now, name);
        if (was == nullptr || is == nullptr || is->index == was->index) continue;
        const auto mark = mark_of(is->attributes.alias.value_or(""));
        if (!mark || mark != mark_of(was->attributes.alias.value_or(""))) continue;
        auto record = records.read_record(mark->id);
        if (!record) return tl::unexpected(record.error());
        if (!*record || (**record).interface.index == 0) continue;
        (**record).interface.index = is->index;
        if (auto written = records.write_record(mark->id, **record); !written) return written;
    }
    return {};
}

} // namespace

bool remove_misplaced(const Kernel& kernel, Netlink& netlink, const State& now,
                      const TunnelPlan& plan, const std::set<int>& indexes) {
    bool any = false;
    for (const int index : indexes) {
        const auto is_it = [&](const std::string& name) {
            const Link* link = name.empty() ? nullptr : find_link(now, name);
            return link != nullptr && link->index == index;
        };
        if (index == 0 || is_it(plan.name) || is_it(plan.temporary)) continue;
        std::vector<Step> removals;
        for (const auto& step : plan.steps) {
            const auto* add = std::get_if<Add<Address>>(&step.operation);
            if (add != nullptr && std::any_of(now.host_addresses.begin(), now.host_addresses.end(),
                                              [&](const HostAddress& host) {
                                                  return host.link_index == index &&
                                                         host.prefix == add->object().prefix;
                                              }))
                removals.push_back({Remove<Address>{add->link, {add->object()}}, {}, {}});
        }
        if (removals.empty()) continue;
        any = true;
        Executor executor(kernel, netlink, now, Executor::OnSignal::go_on);
        Link stranger;
        stranger.index = index;
        executor.set_index(plan.name, &stranger);
        (void)executor.run(plan.name, removals);
    }
    return any;
}

void Transaction::remember_unchanged() {
    written_ = plan_.mark ? recorded(plan_.mark->id) : std::nullopt;
    remember_after();
}

Result<void> Transaction::execute() {
    if (auto done = begin(0); !done) return done;
    return finish(0);
}

Result<void> Transaction::begin(std::size_t count) {
    if (auto done = remember_before(); !done) return done;
    if (count == 0) return {};
    const auto first = std::span(plan_.steps).first(count);
    if (auto done = executor_.run(plan_.name, first); !done) return roll_back(done.error());
    return {};
}

Result<void> Transaction::finish(std::size_t from) {
    const auto rest = std::span(plan_.steps).subspan(from);
    if (auto done = act(rest); !done) return roll_back(done.error());
    return {};
}

Result<void> Transaction::complete(Executor& executor, std::vector<Step> steps) {
    completion_ = std::move(steps);
    return executor.run(plan_.name, completion_);
}

Result<void> Transaction::check_addresses() const {
    for (const auto& prefix : new_ipv6_addresses(plan_.steps))
        if (auto good = addresses_.check(executor_.index_of(plan_.name), prefix); !good)
            return good;
    return {};
}

Result<void> Transaction::roll_back(Error cause) {
    cause.subject = plan_.name;
    const ReadRequest mine = request_for_rollback();
    for (int attempt = 0;; ++attempt) {
        // The old socket may still hold half an answer.
        auto socket = context_.kernel.netlink();
        if (!socket) return unknown(std::move(cause), socket.error());
        Netlink netlink(*socket);
        const auto now = read_state(netlink, nullptr, mine);
        if (!now && attempt == rollback_attempts) return unknown(std::move(cause), now.error());
        if (!now) continue;
        if (attempt < rollback_attempts &&
            remove_misplaced(context_.kernel, netlink, *now, plan_, own_indexes()))
            continue;
        const auto steps = rollback_steps(*now);
        if (steps.empty()) {
            note_put_back(*now);
            note_lost_routes(*now);
            executor_.set_index(plan_.name, find_link(*now, plan_.name));
            restore_records(*now);
            return failed(std::move(cause));
        }
        if (attempt == rollback_attempts)
            return incomplete(std::move(cause), Code::rollback_failed, steps);
        Executor executor(context_.kernel, netlink, *now, Executor::OnSignal::go_on);
        NewAddresses addresses;
        const auto put_back = new_ipv6_addresses(steps);
        const bool listens = !put_back.empty() && addresses.listen(context_.kernel).has_value();
        (void)executor.run(plan_.name, steps); // the next reading tells what came of it
        for (const auto& prefix : put_back)
            addresses.expect(executor.index_of(plan_.name), prefix);
        if (listens) addresses.await(netlink, 0); // usable, as before
        note_made(steps, executor, made_);
        remade_ = remade_ || !made_.empty();
        rolled_back_.insert(rolled_back_.end(), steps.begin(), steps.end());
    }
}

ReadRequest Transaction::request_for_rollback() const {
    ReadRequest mine;
    mine.tunnels = fallen_with(before_, {&plan_, 1});
    mine.tunnels.push_back(plan_.name);
    if (!plan_.temporary.empty()) mine.tunnels.push_back(plan_.temporary);
    for (const auto& name : mine.tunnels) {
        const Link* was = find_link(before_, name);
        if (was == nullptr) was = before_.vanished.find(name);
        if (was != nullptr) append(mine.others, links_behind(*was));
    }
    mine.foreign = concerns_foreign(plan_);
    mine.uppers = false;
    mine.needs = [needs = needs_of_rollback(taken())](const State&) { return needs; };
    return mine;
}

Needs Transaction::needs_of_rollback(const std::vector<Step>& steps) {
    Needs needs;
    for (const auto& step : steps) {
        const auto reading = reading_of(step.operation);
        if (reading == Reading::rules) needs.rules = true;
        if (reading == Reading::routes) needs.links.insert(link_of(step.operation));
        if (const auto* forwarding = std::get_if<SetForwarding>(&step.operation))
            needs.devices.insert(forwarding->link);
    }
    return needs;
}

std::set<int> Transaction::own_indexes() const {
    std::set<int> indexes{executor_.index_of(plan_.name)};
    if (!plan_.temporary.empty()) indexes.insert(executor_.index_of(plan_.temporary));
    if (const Link* was = find_link(before_, plan_.name)) indexes.insert(was->index);
    return indexes;
}

Result<void> Transaction::unknown(Error cause, const Error& why) const {
    cause.subject = plan_.name;
    auto result = incomplete(std::move(cause), Code::rollback_unknown, taken());
    result.error().more.emplace_back(Code::why_it_is_unknown, "", Values{{"why", text_of(why)}});
    return result;
}

std::vector<Announcement> Transaction::conclude(const State& now,
                                                std::vector<Step> rollback_steps) {
    rolled_back_ = std::move(rollback_steps);
    note_put_back(now);
    restore_records(now);
    return put_back_;
}

std::map<std::string, int> Transaction::links_made() const {
    std::map<std::string, int> made = made_;
    for (const auto& name : {plan_.name, plan_.temporary}) {
        const int index = executor_.index_of(name);
        const Link* was = find_link(before_, name);
        const bool is_new = was == nullptr || was->index != index;
        if (!name.empty() && index != 0 && is_new && !executor_.refused(name))
            made.try_emplace(name, index);
    }
    return made;
}

std::vector<Announcement> Transaction::made(const State& now) const {
    return announcements(plan_.name, plan_.steps, plan_.record.addresses, now);
}

void Transaction::remember_after() {
    Record record = whole_record();
    record.interface.index = executor_.index_of(plan_.name);
    if (plan_.mark && written_ != record)
        note(context_.records.write_record(plan_.mark->id, record));
    if (plan_.old_mark && (!plan_.mark || !same_id()))
        note(context_.records.remove_record(plan_.old_mark->id));
}

Result<void> Transaction::act(std::span<const Step> steps) {
    const auto new_addresses = new_ipv6_addresses(steps);
    if (!new_addresses.empty())
        if (auto joined = addresses_.listen(context_.kernel); !joined) return joined;
    if (auto done = executor_.run(plan_.name, steps); !done) return done;
    for (const auto& prefix : new_addresses)
        addresses_.expect(executor_.index_of(plan_.name), prefix);
    return {};
}

void Transaction::note_put_back(const State& now) {
    if (!plan_.old_mark) return;
    if (const auto record = recorded(plan_.old_mark->id))
        put_back_ = announcements(plan_.name, rolled_back_, record->addresses, now);
}

void Transaction::note_lost_routes(const State& now) {
    const Link* was = find_link(before_, plan_.name);
    const Link* is = find_link(now, plan_.name);
    loses_routes_ = was != nullptr && is != nullptr && concerns_foreign(plan_) &&
                    !minus(unrestorable_routes(*was), unrestorable_routes(*is)).empty();
}

Result<void> Transaction::incomplete(Error cause, Code code, const std::vector<Step>& left) {
    cause.kind = ErrorKind::rollback_incomplete;
    cause.more.emplace_back(code, "", Values{{"steps", joined(imperatives(left), ", ")}});
    return error(std::move(cause));
}

Result<void> Transaction::failed(Error cause) const {
    for (const auto& name : taken_)
        cause.more.emplace_back(Code::replaced_meanwhile, "", Values{{"interface", name}});
    for (const auto& name : gone_)
        cause.more.emplace_back(Code::removed_meanwhile, "", Values{{"interface", name}});
    if (!taken_.empty() || !gone_.empty()) {
        cause.kind = ErrorKind::rollback_incomplete;
    } else if (remade_) {
        cause.more.emplace_back(Code::restored_on_new_interface);
        note_losses(cause);
        if (const Link* was = link_before(); was != nullptr)
            if (!settings_lost_in_words(*was).empty()) cause.kind = ErrorKind::rollback_incomplete;
    } else if (cause.kind != ErrorKind::usage) {
        cause.more.emplace_back(loses_routes_ ? Code::restored_without_routes : Code::restored);
    }
    return tl::unexpected(std::move(cause));
}

void Transaction::note_losses(Error& cause) const {
    const Link* was = link_before();
    const std::string losses = was == nullptr ? "" : losses_in_words(*was);
    if (!losses.empty())
        cause.more.emplace_back(Code::lost_in_rollback, "", Values{{"what", losses}});
}

const Link* Transaction::link_before() const {
    const Link* was = find_link(before_, plan_.name);
    return was != nullptr ? was : before_.vanished.find(plan_.name);
}

std::vector<Step> Transaction::taken() const {
    std::vector<Step> steps = plan_.steps;
    append(steps, completion_);
    if (leaves_with_others_) steps.push_back(move_to_group(plan_.name));
    return steps;
}

std::vector<Step> Transaction::rollback_steps(const State& now) {
    std::vector<Step> steps;
    TunnelPlan plan = plan_;
    plan.steps = taken();
    for (const auto& name : {plan_.name, plan_.temporary}) {
        const Link* is = name.empty() ? nullptr : find_link(now, name);
        if (is == nullptr || !executor_.refused(name)) continue;
        plan.mark.reset(); // says nothing of it
        if (!made_.contains(name) && plan_.mark &&
            mark_of(is->attributes.alias.value_or("")) == plan_.mark &&
            (plan_.old_mark != plan_.mark || find_link(before_, name) == nullptr)) {
            LinkAttributes without_mark;
            without_mark.alias = "";
            steps.push_back({ChangeLink{name, without_mark}, {}, Disruption::none});
        }
    }
    Rollback back = removed_ == nullptr || removed_->empty()
                        ? rollback_run(before_, now, {&plan, 1}, links_made())
                        : rollback_run(before_less_removed(), now, {&plan, 1}, links_made());
    for (auto& way : back.parts)
        append(steps, std::move(way.steps));
    taken_ = back.taken;
    gone_ = back.gone;
    return steps;
}

State Transaction::before_less_removed() const {
    State state = before_;
    for (const auto& name : *removed_)
        if (name != plan_.name) state.links.erase(name);
    return state;
}

Result<void> Transaction::remember_before() {
    if (!plan_.mark) return {};
    Record both = whole_record();
    if (same_id())
        if (const auto old = before_.records.find(plan_.mark->id); old != before_.records.end()) {
            both.keys.insert(old->second.keys.begin(), old->second.keys.end());
            const auto unite = [](auto& list, const auto& more) {
                for (const auto& element : more)
                    if (std::find(list.begin(), list.end(), element) == list.end())
                        list.push_back(element);
            };
            unite(both.addresses, old->second.addresses);
            unite(both.routes, old->second.routes);
            unite(both.rules, old->second.rules);
            unite(both.forward_from, old->second.forward_from);
            if (both.peers != old->second.peers) both.peers += ' ' + old->second.peers;
            both.peer_names.insert(old->second.peer_names.begin(), old->second.peer_names.end());
        }
    if (may_promote()) both.keys.insert(promotion_key);
    written_ = both;
    if (both == recorded(plan_.mark->id)) return {};
    return context_.records.write_record(plan_.mark->id, both);
}

bool Transaction::may_promote() const {
    const Link* was = find_link(before_, plan_.name);
    return was != nullptr && was->attributes.promote_secondaries == false &&
           std::any_of(plan_.steps.begin(), plan_.steps.end(), [](const Step& step) {
               return std::holds_alternative<Add<Address>>(step.operation) ||
                      std::holds_alternative<Remove<Address>>(step.operation);
           });
}

Record Transaction::whole_record() {
    if (plan_.wish == nullptr) return plan_.record;
    if (!with_peers_) with_peers_ = with_peers({}, *plan_.wish, before_);
    Record record = plan_.record;
    record.peers = with_peers_->peers;
    record.peer_names = with_peers_->peer_names;
    return record;
}

std::optional<Record> Transaction::recorded(const std::string& id) const {
    const auto found = before_.records.find(id);
    return found == before_.records.end() ? std::nullopt : std::optional(found->second);
}

void Transaction::restore_records(const State& now) {
    note(record_new_indexes(context_.records, fallen_with(before_, {&plan_, 1}), before_, now));
    for (const auto& mark : {plan_.mark, plan_.old_mark}) {
        if (!mark) continue;
        auto old = recorded(mark->id);
        if (!old) {
            note(context_.records.remove_record(mark->id));
            continue;
        }
        const Link* is = find_link(now, plan_.name); // perhaps made anew
        if (is != nullptr && old->interface.index != 0) old->interface.index = is->index;
        note(context_.records.write_record(mark->id, *old));
    }
}

void Transaction::note(const Result<void>& written) {
    if (written) return;
    const Error& why = written.error();
    context_.unrecorded.push_back(
        Error(Code::record_out_of_date, plan_.name,
              {{"record", why.subject}, {"reason", text_of(why.code, why.values)}})
            .with(why.errno_code, why.kernel_text));
}

} // namespace vxlanctl
