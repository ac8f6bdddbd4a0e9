#include "vxlanctl/run/carry_out.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/losses.h"
#include "vxlanctl/plan/rollback.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/together.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// The plan, and what may have been done to its link so that it goes with others.
TunnelPlan with_group(TunnelPlan plan) {
    if (departure_in(plan)) plan.steps.push_back(move_to_group(plan.name));
    return plan;
}

/// The way back of all tunnels of a run at once: they may stand on one another.
class RunRollback {
public:
    RunRollback(TransactionContext& context, std::span<const TunnelPlan> plans, const State& before)
        : context_(context), before_(before),
          executor_(context.kernel, context.netlink, before, Executor::OnSignal::go_on),
          made_(context.made) {
        for (const auto& plan : plans)
            if (plan.errors.empty() && !plan.steps.empty()) plans_.push_back(with_group(plan));
        for (const auto& plan : plans_)
            transactions_.emplace_back(context, executor_, addresses_, plan, before);
    }

    /// What is left is read, not assumed.
    std::vector<Error> run() {
        if (plans_.empty()) return {};
        // Of a process that was killed; what cannot be put back is told by what is read below.
        (void)put_back_moved(context_.kernel, context_.records);
        const ReadRequest mine = request();
        for (int attempt = 0;; ++attempt) {
            auto socket = context_.kernel.netlink();
            if (!socket) return unknown(socket.error());
            Netlink netlink(*socket);
            const auto now = read_state(netlink, nullptr, mine);
            if (!now && attempt == most_attempts) return unknown(now.error());
            if (!now) continue;
            bool any_misplaced = false;
            for (std::size_t i = 0; i < plans_.size() && attempt < most_attempts; ++i)
                any_misplaced = remove_misplaced(context_.kernel, netlink, *now, plans_[i],
                                                 transactions_[i].own_indexes()) ||
                                any_misplaced;
            if (any_misplaced) continue;
            const Rollback back = rollback_run(before_, *now, plans_, made_);
            if (back.parts.empty() || attempt == most_attempts) return conclude(back, *now);
            take(back.parts, *now, netlink);
        }
    }

private:
    ReadRequest request() const {
        ReadRequest all;
        all.foreign = false;
        all.uppers = false;
        std::vector<Step> steps;
        std::set<std::string> tunnels, others;
        for (const auto& transaction : transactions_) {
            const ReadRequest mine = transaction.request_for_rollback();
            tunnels.insert(mine.tunnels.begin(), mine.tunnels.end());
            others.insert(mine.others.begin(), mine.others.end());
            all.foreign = all.foreign || mine.foreign;
        }
        for (const auto& plan : plans_)
            append(steps, plan.steps);
        all.tunnels.assign(tunnels.begin(), tunnels.end());
        all.others.assign(others.begin(), others.end());
        all.needs = [needs = Transaction::needs_of_rollback(steps)](const State&) { return needs; };
        return all;
    }

    void take(const std::vector<RollbackPart>& ways, const State& now, Netlink& netlink) {
        Executor executor(context_.kernel, netlink, now, Executor::OnSignal::go_on);
        NewAddresses addresses;
        const bool any = std::any_of(ways.begin(), ways.end(), [](const RollbackPart& way) {
            return !new_ipv6_addresses(way.steps).empty();
        });
        const bool listens = any && addresses.listen(context_.kernel).has_value();
        remove_first(ways, executor, now);
        for (const auto& way : ways) {
            (void)executor.run(way.tunnel, way.steps); // the next reading tells what came of it
            note_made(way.steps, executor, made_);
            append(taken_[way.tunnel], way.steps);
            for (const auto& step : way.steps)
                if (const auto* add = std::get_if<Add<Address>>(&step.operation);
                    add != nullptr && add->object().prefix.address.family == Family::ipv6)
                    if (const int index = executor.index_of(add->link); index != 0)
                        addresses.expect(index, add->object().prefix);
        }
        if (listens) addresses.await(netlink, 0); // usable, as before
    }

    /// Of the links that go before anything else is done those that can go together.
    void remove_first(const std::vector<RollbackPart>& ways, Executor& executor, const State& now) {
        std::vector<MovedLinks::Link> links;
        std::map<int, std::string> names;
        for (const auto& way : ways) {
            if (!takes_away_alone(way)) break;
            for (const auto& step : way.steps)
                if (const auto* removal = std::get_if<DeleteLink>(&step.operation))
                    if (const Link* link = find_link(now, removal->link)) {
                        links.push_back({link->index, link->attributes.group.value_or(0)});
                        names.emplace(link->index, link->name);
                    }
        }
        if (links.size() < fewest_together) return;
        for (const int index : remove_together(context_.kernel, context_.records, links))
            executor.set_index(names.at(index), nullptr);
    }

    /// Whether nothing that comes later depends on when these steps are taken, nor they on it.
    static bool takes_away_alone(const RollbackPart& way) {
        return std::all_of(way.steps.begin(), way.steps.end(), [](const Step& step) {
            return std::holds_alternative<DeleteLink>(step.operation) ||
                   std::holds_alternative<Remove<Rule>>(step.operation) ||
                   std::holds_alternative<Remove<Route>>(step.operation);
        });
    }

    std::vector<Error> conclude(const Rollback& back, const State& now) {
        std::map<std::string, std::vector<Step>> steps;
        for (const auto& way : back.parts)
            append(steps[way.tunnel], way.steps);
        std::map<std::string, Error> left;
        const auto problem = [&](const std::string& name) -> Error& {
            auto& error = left.try_emplace(name, Error(Code::cannot_return)).first->second;
            error.kind = ErrorKind::rollback_incomplete;
            error.subject = name;
            return error;
        };
        for (const auto& [name, rest] : steps)
            problem(name).more.emplace_back(Code::rollback_failed, "",
                                            Values{{"steps", joined(imperatives(rest), ", ")}});
        for (const auto& name : back.taken)
            problem(name).more.emplace_back(Code::replaced_meanwhile, "",
                                            Values{{"interface", name}});
        for (const auto& name : back.gone)
            problem(name).more.emplace_back(Code::removed_meanwhile, "",
                                            Values{{"interface", name}});
        for (std::size_t i = 0; i < plans_.size(); ++i)
            if (!left.contains(plans_[i].name))
                append(context_.announcements,
                       transactions_[i].conclude(now, std::move(taken_[plans_[i].name])));
        for (const auto& [name, losses] : settings_lost(now))
            problem(name).more.emplace_back(Code::lost_in_rollback, "", Values{{"what", losses}});
        std::vector<Error> errors;
        for (auto& named : left)
            errors.push_back(std::move(named.second));
        return errors;
    }

    /// What links had that were made again, and no new one has, by name.
    std::map<std::string, std::string> settings_lost(const State& now) const {
        std::map<std::string, std::string> lost;
        std::vector<std::string> names = fallen_with(before_, plans_);
        for (const auto& plan : plans_)
            names.push_back(plan.name);
        for (const auto& name : names) {
            const Link *was = find_link(before_, name), *is = find_link(now, name);
            if (was == nullptr || is == nullptr || is->index == was->index) continue;
            const std::string losses = settings_lost_in_words(*was);
            if (losses != settings_lost_in_words(*is)) lost.emplace(name, losses);
        }
        return lost;
    }

    std::vector<Error> unknown(const Error& why) const {
        std::vector<Error> errors;
        for (const auto& transaction : transactions_)
            errors.push_back(transaction.unknown(Error(Code::cannot_return), why).error());
        return errors;
    }

    static constexpr int most_attempts = 4;
    TransactionContext& context_;
    const State& before_;
    std::vector<TunnelPlan> plans_; ///< those that were carried out
    Executor executor_;             ///< of the run that is taken back: it knows of no new link
    NewAddresses addresses_;
    std::vector<Transaction> transactions_;
    std::map<std::string, int> made_;                ///< links, by name
    std::map<std::string, std::vector<Step>> taken_; ///< steps back, by the tunnel
};

} // namespace

std::vector<Error> roll_back(TransactionContext& context, std::span<const TunnelPlan> plans,
                             const State& before) {
    return RunRollback(context, plans, before).run();
}

} // namespace vxlanctl
