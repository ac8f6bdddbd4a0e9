#include "vxlanctl/run/carry_out.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/rollback.h"
#include "vxlanctl/plan/steps.h"
#include "vxlanctl/run/explain.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/together.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// All tunnels' way from plans to verified state.
class CarryOut {
public:
    CarryOut(TransactionContext& context, const Config& config, std::span<const TunnelPlan> plans,
             const State& before, const PlanOptions& options)
        : context_(context), config_(config), plans_(plans), before_(before), options_(options),
          executor_(context.kernel, context.netlink, before, Executor::OnSignal::stop, progress()),
          results_(plans.size()) {}

    std::vector<Result<void>> carry_out() {
        const auto departures =
            std::count_if(plans_.begin(), plans_.end(), [](const TunnelPlan& plan) {
                return is_carried_out(plan) && departure_in(plan).has_value();
            });
        go_together_ = static_cast<std::size_t>(departures) >= fewest_together;
        for (std::size_t i = 0; i < plans_.size(); ++i)
            execute(i);
        depart();
        addresses_.await(context_.netlink, heeded_signal_);
        if (roll_back(failures_of_addresses())) heeded_signal_ = caught_signal();
        // A rollback may take something from those that stand.
        while (!executed_.empty())
            if (!roll_back(what_is_not_in_effect()) && !complete_shared() &&
                !roll_back(what_is_interrupted()))
                break;
        for (auto& [i, transaction] : executed_) {
            transaction.remember_after();
            for (auto& made : transaction.made(read_back_))
                context_.announcements.push_back(std::move(made));
            note_links_of(transaction);
        }
        context_.unprobed = executor_.unprobed();
        return std::move(results_);
    }

private:
    using Failures = std::map<std::size_t, Error>; ///< by the plan's index

    Executor::Progress progress() {
        for (const auto& plan : plans_)
            if (plan.errors.empty()) total_ += message_count(plan.steps);
        return [this](std::size_t done) {
            if (context_.progress) context_.progress(done, total_);
        };
    }

    void execute(std::size_t i) {
        const TunnelPlan& plan = plans_[i];
        if (!plan.errors.empty()) {
            results_[i] = tl::unexpected(plan.errors.front());
            return;
        }
        const auto departure = go_together_ ? departure_in(plan) : std::nullopt;
        const std::size_t ahead = departure.value_or(plan.steps.size());
        if (comes_after_departing(std::span(plan.steps).first(ahead))) depart();
        Transaction transaction(context_, executor_, addresses_, plan, before_);
        if (plan.steps.empty()) {
            transaction.remember_unchanged();
        } else if (caught_signal() != 0) {
            Error error = interrupted();
            error.subject = plan.name;
            error.more.emplace_back(Code::not_begun);
            results_[i] = tl::unexpected(std::move(error));
            heeded_signal_ = caught_signal();
        } else if (const std::string upper = failed_upper(plan); !upper.empty()) {
            results_[i] = error(Code::cannot_go_without, plan.name, Values{{"other", upper}});
        } else {
            transaction.leave_removed(removed_);
            if (!departure) {
                auto done = transaction.execute();
                return settle(i, std::move(transaction), std::move(done));
            }
            if (auto begun = transaction.begin(ahead); !begun)
                return settle(i, std::move(transaction), std::move(begun));
            departing_.emplace(i, std::move(transaction));
            if (departing_.size() == most_together) depart();
        }
    }

    void settle(std::size_t i, Transaction transaction, Result<void> result) {
        results_[i] = std::move(result);
        if (results_[i]) {
            if (plans_[i].absent) removed_.insert(plans_[i].name);
            executed_.emplace(i, std::move(transaction));
        } else {
            note_links_of(transaction);
            heeded_signal_ = caught_signal();
        }
    }

    /// Whether the steps need the place of a link that waits for the others that go with it.
    bool comes_after_departing(std::span<const Step> steps) const {
        return std::any_of(departing_.begin(), departing_.end(), [&](const auto& departing) {
            const Link* link = find_link(before_, plans_[departing.first].name);
            return link != nullptr && make_beside(steps, *link);
        });
    }

    /// The links that wait go, together if that is worth it, and what comes after that is done.
    void depart() {
        auto departing = std::exchange(departing_, {});
        const bool together = departing.size() >= fewest_together && caught_signal() == 0;
        const auto gone = together ? remove_links_of(departing) : std::set<int>{};
        for (auto& [i, transaction] : departing) {
            const TunnelPlan& plan = plans_[i];
            std::size_t next = *departure_in(plan);
            if (gone.contains(executor_.index_of(plan.name))) {
                executor_.note_removed(plan.name);
                ++next;
            } else if (const std::string upper = failed_upper(plan); !upper.empty()) {
                auto result = transaction.roll_back(
                    Error(Code::cannot_go_without, plan.name, Values{{"other", upper}}));
                settle(i, std::move(transaction), std::move(result));
                continue;
            }
            auto result = transaction.finish(next);
            settle(i, std::move(transaction), std::move(result));
        }
    }

    /// Returns the ifindexes of those that have gone.
    std::set<int> remove_links_of(std::map<std::size_t, Transaction>& departing) {
        std::vector<MovedLinks::Link> links;
        for (auto& [i, transaction] : departing) {
            const Link* link = find_link(before_, plans_[i].name);
            if (link == nullptr || link->index != executor_.index_of(link->name)) continue;
            transaction.leave_with_others();
            links.push_back({link->index, link->attributes.group.value_or(0)});
        }
        return remove_together(context_.kernel, context_.records, links);
    }

    void note_links_of(const Transaction& transaction) {
        for (const auto& [name, index] : transaction.links_made())
            context_.made[name] = index;
    }

    /// A tunnel that failed in this run and would go with the one that the plan removes.
    std::string failed_upper(const TunnelPlan& plan) const {
        const bool goes = removes(plan, plan.name);
        for (std::size_t i = 0; goes && i < plans_.size(); ++i) {
            const Link* link = results_[i] ? nullptr : find_link(before_, plans_[i].name);
            while (link != nullptr && goes_with_lower(link->kind)) {
                const std::string lower = link->tunnel.dev.value_or("");
                if (lower == plan.name) return plans_[i].name;
                link = lower.empty() ? nullptr : find_link(before_, lower);
            }
        }
        return "";
    }

    Failures failures_of_addresses() const {
        Failures failures;
        for (const auto& [i, transaction] : executed_)
            if (auto good = transaction.check_addresses(); !good)
                failures.emplace(i, std::move(good.error()));
        return failures;
    }

    /// The last one first, since it may stand on an earlier one. Returns whether there was any.
    bool roll_back(const Failures& failures) {
        for (auto failure = failures.rbegin(); failure != failures.rend(); ++failure) {
            const auto executed = executed_.find(failure->first);
            results_[failure->first] = executed->second.roll_back(failure->second);
            note_links_of(executed->second);
            executed_.erase(executed);
        }
        return !failures.empty();
    }

    /// Whether all that is left to do is what another tunnel had done for both, before it failed.
    static bool is_shared(const TunnelPlan& left) {
        return left.errors.empty() &&
               std::all_of(left.steps.begin(), left.steps.end(), [&](const Step& step) {
                   const auto* route = std::get_if<Add<Route>>(&step.operation);
                   return std::holds_alternative<Add<Rule>>(step.operation) ||
                          (std::holds_alternative<SetForwarding>(step.operation) &&
                           !is_destructive(step)) ||
                          (route != nullptr && route->link != left.name);
               });
    }

    /// Returns whether there was anything.
    bool complete_shared() {
        // A signal has ended the work of others, perhaps: this is to be completed.
        Executor executor(context_.kernel, context_.netlink, read_back_, Executor::OnSignal::go_on);
        Failures failures;
        for (auto& [i, steps] : shared_) {
            completed_.insert(i);
            if (auto done = executed_.at(i).complete(executor, std::move(steps)); !done)
                failures.emplace(i, std::move(done.error()));
        }
        roll_back(failures);
        return !shared_.empty();
    }

    /// The last tunnel is at work until everything is known to be in effect: a signal is not too
    /// late before. Only a removal is not rolled back for it, since the link could not come back as
    /// it was.
    Failures what_is_interrupted() {
        const int signal = caught_signal();
        if (std::exchange(heeded_signal_, signal) == signal) return {};
        const std::size_t last = executed_.rbegin()->first;
        return plans_[last].absent ? Failures{} : Failures{{last, interrupted()}};
    }

    /// The kernel accepts more than it does, so only a second plan without steps is a proof.
    Failures what_is_not_in_effect() {
        const Config config = executed_config();
        ReadRequest request = request_for(config);
        request.foreign = false;
        if (context_.reading) context_.reading(config);
        auto state = read_state(context_.netlink, nullptr, request);
        Failures failures;
        shared_.clear();
        std::unordered_map<std::string, std::size_t> by_name;
        for (const auto& [i, transaction] : executed_) {
            const TunnelPlan& done = plans_[i];
            by_name.emplace(done.name, i);
            if (!state)
                failures.emplace(i, state.error());
            else if (done.mark)
                state->records[done.mark->id] = done.record;
        }
        if (!state) return failures;
        const Plan again = vxlanctl::plan(config, *state, options_);
        const bool any_failed = std::any_of(results_.begin(), results_.end(),
                                            [](const auto& result) { return !result; });
        for (const auto& tunnel : again.tunnels) {
            const auto executed = by_name.find(tunnel.name);
            if (executed == by_name.end()) continue;
            if (any_failed && !tunnel.steps.empty() && is_shared(tunnel) &&
                !completed_.contains(executed->second)) {
                shared_.emplace(executed->second, tunnel.steps);
                continue;
            }
            std::vector<std::string> left = imperatives(tunnel.steps);
            for (const auto& problem : tunnel.errors)
                left.push_back(text_of(problem));
            if (!left.empty())
                failures.emplace(executed->second,
                                 Error(Code::not_in_effect, "", {{"steps", joined(left, ", ")}}));
        }
        read_back_ = std::move(*state);
        return failures;
    }

    /// What is wanted of those that were carried out.
    Config executed_config() const {
        Config config{config_.origin, {}, {}};
        config.is_part = config_.is_part;
        std::set<std::string_view> present;
        for (const auto& [i, transaction] : executed_)
            if (plans_[i].absent)
                config.absent.push_back(plans_[i].name);
            else
                present.insert(plans_[i].name);
        for (const auto& tunnel : config_.tunnels)
            if (present.contains(tunnel.name)) config.tunnels.push_back(tunnel);
        return config;
    }

    TransactionContext& context_;
    const Config& config_;
    std::span<const TunnelPlan> plans_;
    const State& before_;
    const PlanOptions& options_;
    std::size_t total_ = 0; ///< messages of all
    int heeded_signal_ = 0; ///< what kept a tunnel from being begun or completed; 0 is none
    Executor executor_;
    NewAddresses addresses_;
    std::map<std::size_t, Transaction> executed_; ///< and not rolled back; by the plan's index
    State read_back_;                             ///< in which they are in effect
    /// Steps that have become necessary by the failure of another tunnel; by the plan's index.
    std::map<std::size_t, std::vector<Step>> shared_;
    std::set<std::size_t> completed_;              ///< whose such steps were sent
    std::set<std::string> removed_;                ///< by the absences that were carried out
    bool go_together_ = false;                     ///< there are enough links to be removed
    std::map<std::size_t, Transaction> departing_; ///< begun, with links that wait for others
    std::vector<Result<void>> results_;
};

} // namespace

std::vector<Result<void>> carry_out(TransactionContext& context, const Config& config,
                                    std::span<const TunnelPlan> plans, const State& before,
                                    const PlanOptions& options) {
    return CarryOut(context, config, plans, before, options).carry_out();
}

} // namespace vxlanctl
