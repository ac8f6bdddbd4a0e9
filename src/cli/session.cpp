#include "vxlanctl/cli/session.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/write_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// What a call prints: warnings, errors and progress as they come, and in the end what became of
/// each tunnel.
class Session {
public:
    Session(const Arguments& arguments, const OutputStyle& style, Mode mode, Narration narration)
        : arguments_(arguments), style_(style), mode_(mode), narration_(narration) {}

    /// Those of a run that is then shown to watch().
    Events events() {
        return {[this](const Error& error) { print_error(error, codes(style_)); },
                [this](const Message& message) {
                    if (!style_.quiet) print_warning(message, codes(style_));
                },
                [this](std::size_t done, std::size_t total) { show_progress(done, total); },
                [this] {
                    report_text();
                    (void)finish_output(); // now, not when all is decided
                }};
    }

    void watch(const Call& call, const Run& run) {
        call_ = &call;
        run_ = &run;
    }

    void report() const {
        if (arguments_.has("ip-commands")) {
            for (const auto& part : run_->parts())
                for (const auto& tunnel : part.plan().tunnels)
                    if (tunnel.errors.empty()) print(ip_commands(tunnel));
        } else if (style_.json) {
            with_whole([&](const Plan& plan, const std::vector<Outcome>& outcomes) {
                auto document = run_document(plan, outcomes, mode_ != Mode::apply, call_->config);
                if (const auto confirmed = run_->confirmed()) document["confirmed"] = *confirmed;
                print(document_text(document));
            });
        } else {
            report_text();
        }
    }

private:
    void show_progress(std::size_t done, std::size_t total) {
        if (total == 0) return bar_.reset();
        if (!bar_) bar_.emplace(style_);
        bar_->show(done, total);
    }

    /// Calls `use` with what all parts have planned, and what has become of it.
    template<class Use> void with_whole(Use use) const {
        if (run_->parts().size() == 1)
            return use(run_->parts()[0].plan(), run_->parts()[0].outcomes());
        Plan plan;
        std::vector<Outcome> outcomes;
        for (const auto& part : run_->parts()) {
            append(plan.tunnels, part.plan().tunnels);
            append(plan.unnamed, part.plan().unnamed);
            append(plan.kept, part.plan().kept);
            append(outcomes, part.outcomes());
        }
        use(plan, outcomes);
    }

    void report_text() const {
        if (style_.quiet || style_.json || call_->stops_all()) return;
        with_whole([&](const Plan& plan, const std::vector<Outcome>& outcomes) {
            report_text(plan, outcomes);
        });
    }

    void report_text(const Plan& plan, const std::vector<Outcome>& outcomes) const {
        const bool planned = mode_ != Mode::apply;
        constexpr std::size_t most_tunnels = 20;
        const bool of_files = call_->origin == Origin::file;
        const bool sums_up = of_files && mode_ != Mode::check;
        const bool names_all =
            !of_files || (sums_up && (style_.verbose || plan.tunnels.size() <= most_tunnels));
        for (std::size_t i = 0; i < plan.tunnels.size(); ++i) {
            if (outcomes[i] == Outcome::failed || outcomes[i] == Outcome::refused) continue;
            if (outcomes[i] == Outcome::in_sync && !names_all) continue;
            if (narration_ != nullptr && !planned) print(narration_(plan.tunnels[i]));
            print(outcome_text(plan.tunnels[i], outcomes[i], planned, style_));
            print(places_text(changed_keys(plan.tunnels[i], call_->config), style_));
        }
        for (const auto& part : run_->parts())
            for (const auto& name : part.plan().unnamed)
                print(formatted("{}{}: not defined in any of these files (--prune removes it)\n",
                                printable(name), part.name().empty() ? "" : " in " + part.name()));
        if (call_->config.unnamed == Unnamed::remove_all && plan.tunnels.empty())
            print("no tunnel is managed by vxlanctl\n");
        const bool would_change =
            mode_ == Mode::plan &&
            std::any_of(plan.tunnels.begin(), plan.tunnels.end(), is_carried_out);
        if (sums_up || would_change) print(summary_text(plan, outcomes, planned));
    }

    const Arguments& arguments_;
    const OutputStyle& style_;
    Mode mode_;
    Narration narration_; ///< null: the report says all
    const Call* call_ = nullptr;
    const Run* run_ = nullptr;
    std::optional<ProgressBar> bar_;
};

} // namespace

Result<PlanOptions> planning_choices(const Arguments& arguments) {
    PlanOptions options;
    options.allow_recreate = arguments.has("allow-recreate");
    options.allow_flap = arguments.has("allow-flap");
    options.allow_overlap = arguments.has("allow-overlap");
    options.exclusive = arguments.has("exclusive");
    options.force = arguments.has("force");
    options.adopt = arguments.has("adopt");
    const bool keep = arguments.has("keep-foreign"), drop = arguments.has("drop-foreign");
    if (keep && drop)
        return error(Code::options_contradict, "",
                     {{"one", "--keep-foreign"}, {"other", "--drop-foreign"}});
    if ((keep || drop) && !options.allow_recreate)
        return error(Code::option_needs, "",
                     {{"option", keep ? "--keep-foreign" : "--drop-foreign"},
                      {"other", "--allow-recreate"}});
    options.foreign = keep ? Foreign::keep : drop ? Foreign::drop : Foreign::ask;
    return options;
}

Result<int> reconcile(Config config, const Arguments& arguments, Narration narration) {
    return reconcile(std::move(config), arguments,
                     arguments.has("dry-run") ? Mode::plan : Mode::apply, nullptr, narration);
}

Result<int> reconcile(Config config, const Arguments& arguments, Mode mode,
                      const Probation* probation, Narration narration, const Snapshot* snapshot) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    const auto options = planning_choices(arguments);
    if (!options) return tl::unexpected(options.error());
    const auto timeout = seconds_of(arguments, "lock-timeout", {0, 86400}, 10);
    if (!timeout) return tl::unexpected(timeout.error());
    const auto wait = seconds_of(arguments, "wait", {0, 86400}, 0);
    if (!wait) return tl::unexpected(wait.error());
    const auto look_up = seconds_of(arguments, "resolve-timeout", {1, 86400}, 10);
    if (!look_up) return tl::unexpected(look_up.error());
    if (arguments.has("ip-commands") && mode != Mode::plan)
        return error(Code::option_needs, "", {{"option", "--ip-commands"}, {"other", "--dry-run"}});
    const auto home = Kernel::here();
    if (!home) return tl::unexpected(home.error());
    Session session(arguments, *style, mode, narration);
    Call call{arguments.command, arguments.words, mode, config.origin, *home, config,
              *options,          session.events()};
    call.overrides_files = arguments.has("override");
    call.tells_unnamed = arguments.has("all-netns");
    call.names_namespace = arguments.has("netns");
    call.snapshot = snapshot;
    call.keeps_first = probation != nullptr;
    call.notes_apply = mode == Mode::apply && arguments.command == "apply";
    Run run(call, config, probation);
    session.watch(call, run);
    const auto waiting = arguments.has("wait") ? std::optional(*wait) : std::nullopt;
    if (auto done = run.perform({waiting, *look_up, *timeout}); !done)
        return tl::unexpected(done.error());
    if (mode != Mode::apply || probation == nullptr || style->json)
        session.report();
    else if (run.confirmed() == true && !style->quiet)
        print("confirmed: the change stays\n");
    return run.exit_code();
}

} // namespace vxlanctl
