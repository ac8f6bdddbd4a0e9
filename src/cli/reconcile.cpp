#include "vxlanctl/reconcile.h"

#include "vxlanctl/attributes.h"
#include "vxlanctl/await.h"
#include "vxlanctl/guardian.h"
#include "vxlanctl/lists.h"
#include "vxlanctl/names.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/report.h"
#include "vxlanctl/resolve.h"
#include "vxlanctl/transaction.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/random.h>
#include <system_error>

namespace vxlanctl {
namespace {

std::string random_id() {
    std::uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits) // never fails for so few bytes
        throw std::system_error(errno, std::generic_category(), "getrandom");
    return fmt::format("{:016x}", bits);
}

Result<PlanOptions> planning_choices(const Arguments& arguments) {
    PlanOptions options;
    options.allow_recreate = arguments.has("allow-recreate");
    options.allow_flap = arguments.has("allow-flap");
    options.allow_overlap = arguments.has("allow-overlap");
    options.exclusive = arguments.has("exclusive");
    options.force = arguments.has("force");
    const bool keep = arguments.has("keep-foreign"), drop = arguments.has("drop-foreign");
    if (keep && drop)
        return usage_error("", "--keep-foreign and --drop-foreign contradict each other");
    if ((keep || drop) && !options.allow_recreate)
        return usage_error(
            "", fmt::format("--{}-foreign needs --allow-recreate", keep ? "keep" : "drop"));
    options.foreign = keep ? Foreign::keep : drop ? Foreign::drop : Foreign::ask;
    return options;
}

/// One call's way from the config to the exit code.
class Reconciliation {
public:
    Reconciliation(Config config, const Arguments& arguments, OutputStyle style, Mode mode,
                   PlanOptions options, const Probation* probation, Narration narration)
        : config_(std::move(config)), arguments_(arguments), style_(style), mode_(mode),
          options_(std::move(options)), probation_(probation), narration_(narration) {
        // A tunnel that is planned again, once the one below it is there, keeps its mark.
        options_.new_id = [this](const std::string& tunnel) {
            auto [id, is_new] = ids_.try_emplace(tunnel);
            if (is_new) id->second = random_id();
            return id->second;
        };
    }

    struct Times {
        std::chrono::seconds wait, look_up, lock;
    };

    Result<int> run(const Times& times) {
        if (arguments_.has("wait"))
            if (auto there = await(times.wait); !there) return tl::unexpected(there.error());
        if (auto done = look_up_names(times.look_up); !done) return tl::unexpected(done.error());
        if (auto done = prepare(times.lock); !done) return tl::unexpected(done.error());
        auto made = make_plan();
        if (!made) return tl::unexpected(made.error());
        plan_ = std::move(*made);
        if (probation_ != nullptr ||
            std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(),
                        [](const TunnelPlan& tunnel) { return tunnel.vanished.has_value(); }))
            first_ = state_;
        for (const auto& tunnel : plan_.tunnels)
            outcomes_.push_back(tunnel.errors.empty() ? intended_outcome(tunnel)
                                                      : Outcome::refused);
        if (mode_ == Mode::check) leave_out_what_is_no_drift();
        for (const auto& tunnel : plan_.tunnels)
            report_problems(tunnel);
        if (stops_all())
            for (auto& outcome : outcomes_)
                if (outcome != Outcome::refused) outcome = Outcome::untouched;
        if (mode_ == Mode::apply && !stops_all())
            if (auto done = probation_ != nullptr ? carry_out_on_probation() : carry_out_for_good();
                !done)
                return tl::unexpected(done.error());
        if (mode_ != Mode::apply || probation_ == nullptr || style_.json) report();
        return exit_code();
    }

private:
    /// Waits for what the tunnels stand on, before the lock: others may go on meanwhile. Tunnels
    /// of files are independent: those whose lower device is there are not kept from being made.
    Result<void> await(std::chrono::seconds time) {
        if (mode_ == Mode::apply) catch_signals();
        auto there = await_underlay(config_, time, [&](const std::vector<std::string>& missing) {
            if (!style_.quiet)
                print_warning("", fmt::format("waiting for {}", fmt::join(missing, ", ")));
        });
        if (there || config_.origin == Origin::cli || caught_signal() != 0) return there;
        report_error(there.error());
        return {};
    }

    /// Once for the whole run, and before the lock.
    Result<void> look_up_names(std::chrono::seconds time) {
        const auto names = names_in(config_);
        if (names.empty()) return {};
        if (mode_ == Mode::apply) catch_signals();
        const auto answers = resolve(names, time);
        if (!answers) return tl::unexpected(answers.error());
        for (auto& tunnel : config_.tunnels)
            put_addresses(tunnel, *answers);
        return {};
    }

    /// Opens what is needed; a writer also keeps the others out.
    Result<void> prepare(std::chrono::seconds timeout) {
        auto space = current_namespace();
        if (!space) return tl::unexpected(space.error());
        space_ = *space;
        if (mode_ != Mode::apply) {
            records_ = RuntimeDirectory::open_existing();
        } else {
            if (!has_net_admin())
                return tl::unexpected(Error{
                    ErrorKind::kernel, "",
                    fmt::format("'{}' needs the capability CAP_NET_ADMIN", arguments_.command), "",
                    0,
                    "Run it as root, or with sudo; 'plan', 'check', 'show' and --dry-run work "
                    "without."});
            auto records = RuntimeDirectory::open();
            if (!records) return tl::unexpected(records.error());
            records_ = std::move(*records);
            const std::string purpose =
                fmt::format("vxlanctl {} {}", arguments_.command, fmt::join(subjects(), " "));
            const auto tell = [&](const std::string& holder) {
                if (!style_.quiet) print_warning("", fmt::format("waiting for {}", holder));
            };
            if (auto locked = records_->lock(space_, timeout, purpose, tell); !locked)
                return locked;
            catch_signals();
        }
        auto socket = NetlinkSocket::open();
        if (!socket) return tl::unexpected(socket.error());
        socket_.emplace(std::move(*socket));
        netlink_.emplace(*socket_);
        return {};
    }

    /// What the call is about, for those who wait for it.
    std::vector<std::string> subjects() const {
        if (config_.origin == Origin::file) return arguments_.words;
        std::vector<std::string> names = config_.absent;
        for (const auto& tunnel : config_.tunnels)
            names.push_back(tunnel.name);
        return names;
    }

    /// Reads the state, and plans.
    Result<Plan> make_plan() {
        ReadRequest request = request_for(config_);
        request.foreign = false;
        auto state = read_state(*netlink_, records_ ? &*records_ : nullptr, request);
        if (!state) return tl::unexpected(state.error());
        state_ = std::move(*state);
        for (const auto& tunnel : plan_.tunnels) // of the plan before, where there is one
            if (tunnel.vanished && find_link(state_, tunnel.name) == nullptr) {
                state_.vanished.put(*tunnel.vanished);
                if (const auto record = find_record(first_, &*tunnel.vanished))
                    state_.records.emplace(mark_of(*tunnel.vanished->attributes.alias)->id,
                                           *record);
            }
        if (arguments_.has("netns")) state_.ssh_client.reset(); // it comes into another one
        Plan made = plan(config_, state_, options_);
        // Most runs change nothing that routes hang on, and need not read them.
        if (std::any_of(made.tunnels.begin(), made.tunnels.end(), concerns_foreign)) {
            if (auto done = read_foreign(*netlink_, state_, request); !done)
                return tl::unexpected(done.error());
            made = plan(config_, state_, options_);
        }
        warn_of_missing_routes(made);
        return made;
    }

    /// Whether what the config makes will lead to the peer: an address of another tunnel, or a
    /// route.
    bool gets_route(const IpAddress& peer) const {
        const auto leads = [&](const auto& list, auto prefix_of) {
            return list && std::any_of(list->begin(), list->end(), [&](const auto& element) {
                       return contains(prefix_of(element), peer);
                   });
        };
        return std::any_of(
            config_.tunnels.begin(), config_.tunnels.end(), [&](const Tunnel& tunnel) {
                return leads(tunnel.addresses, [](const Prefix& prefix) { return prefix; }) ||
                       leads(tunnel.routes, [](const Route& route) { return route.to; });
            });
    }

    /// The ways to the peers that the plan adds.
    static std::set<WayToPeer> new_ways(const TunnelPlan& plan) {
        std::set<WayToPeer> ways;
        for (const auto& step : plan.steps)
            if (const auto* added = std::get_if<AddFlood>(&step.operation))
                for (const auto& entry : added->entries)
                    ways.insert({entry.dst, plan.wish->tunnel.local.value(),
                                 plan.wish->tunnel.dev.value_or("")});
        return ways;
    }

    /// A look-up that fails is no reason to do nothing.
    void warn_of_missing_routes(Plan& made) {
        std::set<WayToPeer> all;
        for (const auto& tunnel : made.tunnels)
            if (tunnel.wish != nullptr) all.merge(new_ways(tunnel));
        const auto missing = unroutable(*netlink_, state_, all);
        if (!missing || missing->empty()) return;
        for (auto& tunnel : made.tunnels)
            if (tunnel.wish != nullptr)
                for (const auto& way : new_ways(tunnel))
                    if (missing->contains(way) && !gets_route(way.peer))
                        tunnel.warnings.push_back(
                            fmt::format("no route to peer {} yet", to_string(way.peer)));
    }

    /// A mark that is missing or another one is no difference that matters to anybody.
    void leave_out_what_is_no_drift() {
        for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
            TunnelPlan& tunnel = plan_.tunnels[i];
            if (outcomes_[i] == Outcome::adopted) {
                tunnel.steps.clear();
                outcomes_[i] = Outcome::in_sync;
            }
            if (outcomes_[i] != Outcome::in_sync) continue;
            tunnel.warnings.clear();
            for (const auto& name : tunnel.wish->unresolved) // then that is not quite certain
                tunnel.warnings.push_back(warning_of(name));
        }
        plan_.unnamed.clear();
    }

    void report_problems(const TunnelPlan& tunnel) {
        if (!style_.quiet && tunnel.errors.empty())
            for (const auto& warning : tunnel.warnings)
                print_warning(tunnel.name, warning);
        for (const auto& error : tunnel.errors)
            report_error(error);
    }

    void report_error(const Error& error) {
        print_error(error);
        impossible_ = impossible_ || error.kind == ErrorKind::usage;
        if (error.kind != ErrorKind::usage) code_ = graver(code_, vxlanctl::exit_code(error.kind));
    }

    /// On the command line everything named belongs to one wish; tunnels of files are independent.
    bool stops_all() const { return impossible_ && config_.origin == Origin::cli; }

    /// 2 says that nothing at all was touched.
    int exit_code() const {
        if (mode_ == Mode::check)
            return std::all_of(outcomes_.begin(), outcomes_.end(),
                               [](Outcome outcome) {
                                   return outcome == Outcome::in_sync || outcome == Outcome::absent;
                               })
                       ? 0
                       : 3;
        if (!impossible_) return code_;
        const bool touches =
            mode_ == Mode::plan && !stops_all() &&
            std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), is_carried_out);
        const bool untouched = !wrote_ && !touches && (code_ == 0 || code_ == 4);
        return untouched ? 2 : graver(code_, 1);
    }

    Result<void> carry_out_for_good() {
        carry_out_all();
        sweep();
        return {};
    }

    /// Under the eyes of a guardian, who takes it back unless somebody confirms it.
    Result<void> carry_out_on_probation() {
        if (std::none_of(plan_.tunnels.begin(), plan_.tunnels.end(), is_carried_out)) {
            carry_out_all();
            report_text();
            return {};
        }
        auto guardian = Guardian::start(*records_, space_, [&] { return take_back_all(); });
        if (!guardian) return tl::unexpected(guardian.error());
        carry_out_all();
        report_text();
        (void)finish_output(); // now, not when all is decided
        if (!wrote_) {
            guardian->dismiss();
            return {};
        }
        if (!style_.quiet)
            print_warning("", fmt::format("the change is taken back in {} s, unless you press "
                                          "Enter here or run 'vxlanctl confirm'",
                                          probation_->time.count()));
        Verdict verdict = guardian->wait(probation_->time);
        if (verdict.kind == Verdict::Kind::lost)
            if (const auto done = take_back_all(); !done) verdict.error = done.error();
        confirmed_ = verdict.kind == Verdict::Kind::kept;
        if (*confirmed_) {
            if (!style_.quiet && !style_.json) print("confirmed: the change stays\n");
            sweep();
        } else {
            settle_rejection(verdict);
        }
        return {};
    }

    static bool is_carried_out(const TunnelPlan& tunnel) {
        return tunnel.errors.empty() && !tunnel.steps.empty();
    }

    Result<void> take_back_all() {
        TransactionContext context{*netlink_, *records_, space_, {}};
        const auto left = take_back(context, plan_.tunnels, first_);
        auto noted = probation_->reject(plan_);
        if (left.empty()) return noted;
        Error all = left.front();
        for (std::size_t i = 1; i < left.size(); ++i)
            all.remedy += fmt::format(" {}", to_string(left[i]));
        return tl::unexpected(std::move(all));
    }

    void settle_rejection(const Verdict& verdict) {
        report_error({ErrorKind::kernel, "", verdict.reason, "", 0,
                      verdict.error ? "" : "The previous state is restored."});
        if (verdict.error) report_error(*verdict.error);
        for (std::size_t i = 0; i < outcomes_.size(); ++i)
            if (is_carried_out(plan_.tunnels[i])) outcomes_[i] = Outcome::taken_back;
    }

    void carry_out_all() {
        const std::size_t stages = plan_.tunnels.empty() ? 0 : plan_.tunnels.back().stage + 1;
        for (std::size_t stage = 0; stage < stages; ++stage) {
            if (stage > 0 && stands_on_changes(stage)) plan_again(stage);
            carry_out_stage(stage);
        }
    }

    /// Whether tunnels of the stage were planned on what an earlier stage was expected to make.
    bool stands_on_changes(std::size_t stage) const {
        bool concerned = false, changed = false;
        for (const auto& tunnel : plan_.tunnels) {
            concerned = concerned || (tunnel.stage == stage && tunnel.wish != nullptr);
            changed = changed || (tunnel.stage < stage && tunnel.wish != nullptr &&
                                  !(tunnel.steps.empty() && tunnel.errors.empty()));
        }
        return concerned && changed;
    }

    /// Plans a stage anew, now that the earlier ones are carried out, or have failed.
    void plan_again(std::size_t stage) {
        auto again = make_plan();
        for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
            TunnelPlan& tunnel = plan_.tunnels[i];
            if (tunnel.stage != stage) continue;
            if (again) {
                const auto now = std::find_if(
                    again->tunnels.begin(), again->tunnels.end(),
                    [&](const TunnelPlan& other) { return other.wish == tunnel.wish; });
                const TunnelPlan before = std::exchange(tunnel, std::move(*now));
                tunnel.stage = stage;
                TunnelPlan news = tunnel;
                std::erase_if(news.warnings, [&](const std::string& warning) {
                    return is_in(before.warnings, warning);
                });
                if (before.errors.empty()) report_problems(news);
            } else {
                tunnel.errors.push_back(again.error());
                report_error(again.error());
            }
            outcomes_[i] = tunnel.errors.empty() ? intended_outcome(tunnel) : Outcome::refused;
        }
    }

    void carry_out_stage(std::size_t stage) {
        const auto is_earlier = [&](const TunnelPlan& tunnel) { return tunnel.stage < stage; };
        const auto is_meant = [&](const TunnelPlan& tunnel) { return tunnel.stage == stage; };
        const auto begin = std::find_if_not(plan_.tunnels.begin(), plan_.tunnels.end(), is_earlier);
        const std::span<TunnelPlan> tunnels(begin,
                                            std::find_if_not(begin, plan_.tunnels.end(), is_meant));
        const auto first = static_cast<std::size_t>(begin - plan_.tunnels.begin());
        std::vector<Result<void>> results;
        {
            ProgressBar bar(style_);
            TransactionContext context{
                *netlink_, *records_, space_,
                [&](std::size_t done, std::size_t total) { bar.show(done, total); }};
            results = carry_out(context, config_, tunnels, state_, options_);
        }
        for (std::size_t i = 0; i < tunnels.size(); ++i) {
            TunnelPlan& tunnel = tunnels[i];
            wrote_ = wrote_ || (results[i] && !tunnel.steps.empty());
            if (results[i] || !tunnel.errors.empty()) continue;
            outcomes_[first + i] = Outcome::failed;
            tunnel.errors.push_back(results[i].error());
            report_error(results[i].error());
        }
    }

    /// Forgets what no link refers to any more.
    void sweep() {
        std::set<std::string> marked;
        bool changed = false, complete = false;
        for (const auto& tunnel : plan_.tunnels) {
            if (tunnel.mark) marked.insert(tunnel.mark->id);
            changed = changed || !tunnel.steps.empty();
        }
        const auto note = [&](const State& state) {
            for (const auto& link : state.links)
                if (const auto mark = mark_of(link.attributes.alias.value_or("")))
                    marked.insert(mark->id);
        };
        note(state_);
        if (!changed) return;
        records_->sweep(space_, [&](const std::string& id) {
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
        });
    }

    void report() const {
        if (arguments_.has("ip-commands")) {
            for (const auto& tunnel : plan_.tunnels)
                if (tunnel.errors.empty()) print(ip_commands(tunnel));
        } else if (style_.json) {
            auto document = run_document(plan_, outcomes_, mode_ != Mode::apply);
            if (confirmed_) document["confirmed"] = *confirmed_;
            print(document_text(document));
        } else {
            report_text();
        }
    }

    void report_text() const {
        if (style_.quiet || style_.json || stops_all()) return;
        constexpr std::size_t longest_list = 20;
        const bool of_files = config_.origin == Origin::file;
        const bool sums_up = of_files && mode_ != Mode::check;
        const bool names_all =
            !of_files || (sums_up && (style_.verbose || plan_.tunnels.size() <= longest_list));
        for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
            if (outcomes_[i] == Outcome::failed || outcomes_[i] == Outcome::refused) continue;
            if (outcomes_[i] == Outcome::in_sync && !names_all) continue;
            if (narration_ != nullptr && mode_ == Mode::apply) print(narration_(plan_.tunnels[i]));
            print(outcome_text(plan_.tunnels[i], outcomes_[i], mode_ != Mode::apply, style_));
        }
        for (const auto& name : plan_.unnamed)
            print(fmt::format("{}: in no file (--prune removes it)\n", printable(name)));
        if (config_.unnamed == Unnamed::remove_all && plan_.tunnels.empty())
            print("no tunnel carries vxlanctl's mark\n");
        if (sums_up) print(summary_text(plan_, outcomes_));
    }

    Config config_;
    const Arguments& arguments_;
    OutputStyle style_;
    Mode mode_;
    PlanOptions options_;
    const Probation* probation_;             ///< null: the change is for good
    Narration narration_;                    ///< null: the report says all
    std::map<std::string, std::string> ids_; ///< of new marks, by the tunnel's name
    NamespaceId space_;
    std::optional<RuntimeDirectory> records_;
    std::optional<NetlinkSocket> socket_;
    std::optional<Netlink> netlink_;
    State state_;
    State first_; ///< before anything was done, where that will be needed
    Plan plan_;
    std::vector<Outcome> outcomes_;
    int code_ = 0;
    bool impossible_ = false; ///< a wish cannot be fulfilled
    bool wrote_ = false;
    std::optional<bool> confirmed_; ///< empty where nobody was asked
};

template<class Attributes>
void add_attribute_options(std::vector<OptionInfo>& options,
                           std::span<const AttributeRow<Attributes>> rows, TunnelKind kind) {
    for (const auto& row : rows) {
        if (!is_option(row, kind)) continue;
        std::string name(row.name);
        std::replace(name.begin(), name.end(), '_', '-');
        options.push_back({name, 0, std::string(row.argument), std::string(row.help)});
        if (row.argument.empty())
            options.push_back({"no-" + name, 0, "", fmt::format("the opposite of --{}", name)});
    }
}

} // namespace

std::vector<OptionInfo> tunnel_options(TunnelKind kind) {
    std::vector<OptionInfo> options;
    add_attribute_options(options, tunnel_attributes(kind), kind);
    add_attribute_options(options, link_attributes(), kind);
    options.push_back({"route", 0, "ROUTE",
                       "DST[,via GW][,dev D][,table N][,metric M], out of the tunnel; may be "
                       "repeated"});
    options.push_back({"rule", 0, "RULE",
                       "from PREFIX,table N or to PREFIX,table N: a policy rule; may be repeated"});
    return options;
}

std::vector<OptionInfo> write_options() {
    return {
        {"dry-run", 'n', "", "say what would be done, and do nothing"},
        {"ip-commands", 0, "", "with --dry-run: say it as commands of iproute2"},
        {"lock-timeout", 0, "SECONDS", "how long to wait for another vxlanctl (default 10)"},
    };
}

OptionInfo resolve_option() {
    return {"resolve-timeout", 0, "SECONDS",
            "how long to wait for the addresses of peers' names (default 10)"};
}

OptionInfo wait_option() {
    return {"wait", 0, "SECONDS",
            "wait so long for lower devices and local addresses that are not there yet"};
}

std::vector<OptionInfo> change_options() {
    return {
        {"allow-recreate", 0, "", "replace the link where the kernel cannot change it"},
        {"keep-foreign", 0, "",
         "when replacing, put back what is not stated: addresses, routes, ..."},
        {"drop-foreign", 0, "", "when replacing, drop what is not stated"},
        {"allow-flap", 0, "", "take the link down for a moment where the kernel needs that"},
        {"allow-overlap", 0, "", "accept an inner prefix that draws outer traffic into the tunnel"},
        {"exclusive", 0, "", "remove addresses and FDB pins that are not stated"},
    };
}

Result<std::chrono::seconds> seconds_of(const Arguments& arguments, std::string_view option,
                                        SecondsRange range, unsigned otherwise) {
    const std::string text = arguments.value(option, std::to_string(otherwise));
    unsigned seconds = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (problem != std::errc{} || stop != text.data() + text.size() || seconds < range.low ||
        seconds > range.high)
        return usage_error(
            fmt::format("--{} '{}'", option, text),
            fmt::format("not a number of seconds from {} to {}", range.low, range.high));
    return std::chrono::seconds(seconds);
}

Result<int> reconcile(Config config, const Arguments& arguments, Narration narration) {
    return reconcile(std::move(config), arguments,
                     arguments.has("dry-run") ? Mode::plan : Mode::apply, nullptr, narration);
}

Result<int> reconcile(Config config, const Arguments& arguments, Mode mode,
                      const Probation* probation, Narration narration) {
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
        return usage_error("", "--ip-commands needs --dry-run");
    return Reconciliation(std::move(config), arguments, *style, mode, *options, probation,
                          narration)
        .run({*wait, *look_up, *timeout});
}

} // namespace vxlanctl
