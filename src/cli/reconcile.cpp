#include "vxlanctl/cli/reconcile.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/signals.h"
#include "vxlanctl/cli/reconciliation.h"
#include "vxlanctl/model/attributes.h"
#include "vxlanctl/model/names.h"
#include "vxlanctl/plan/await.h"
#include "vxlanctl/plan/outer_way.h"
#include "vxlanctl/run/resolve.h"
#include "vxlanctl/runtime/guardian.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

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

/// What a call wants of one network namespace.
struct Place {
    std::optional<OtherPlace> elsewhere; ///< none: that of the call
    Config config;
};

/// How many descriptors a run needs at the most.
std::size_t descriptors_for(const Config& config) {
    constexpr std::size_t for_all = 64, for_each = 8; // namespace, directories, locks, sockets
    std::set<std::string_view> names;
    for (const auto& tunnel : config.tunnels)
        names.insert(tunnel.placement.netns);
    for (const auto& [name, absent] : config.absent_elsewhere)
        names.insert(name);
    return for_all + for_each * names.size();
}

OtherPlace other_place(const std::string& name) {
    OtherPlace place{name, std::nullopt, std::nullopt};
    auto space = NetworkNamespace::find(name);
    if (!space)
        place.obstacle = space.error();
    else if (*space)
        place.kernel.emplace(std::move(**space));
    return place;
}

/// One config for each namespace, the call's first. Several names may be of one namespace.
class Places {
public:
    Places(const Config& config, const Kernel& home) : by_id_{{home.id(), 0}}, places_(1) {
        Config& here = places_[0].config = config;
        here.tunnels.clear();
        here.absent_elsewhere.clear();
        blank_ = here;
        blank_.absent.clear();
        for (const auto& tunnel : config.tunnels)
            in(tunnel.placement.netns).tunnels.push_back(tunnel);
        for (const auto& [name, absent] : config.absent_elsewhere)
            append(in(name).absent, std::vector<std::string>(absent));
    }
    std::vector<Place> take() { return std::move(places_); }

private:
    /// What is wanted in the namespace of that name.
    Config& in(const std::string& name) {
        const auto [known, is_new] = by_name_.try_emplace(name, places_.size());
        if (!is_new) return places_[known->second].config;
        auto other = other_place(name);
        if (other.kernel) {
            const auto [same, is_first] = by_id_.try_emplace(other.kernel->id(), places_.size());
            known->second = same->second;
            if (!is_first) return places_[same->second].config;
        }
        Place& place = places_.emplace_back();
        place.elsewhere = std::move(other);
        place.config = blank_;
        return place.config;
    }

    std::map<std::string, std::size_t> by_name_{{"", 0}};
    std::map<NamespaceId, std::size_t> by_id_;
    std::vector<Place> places_;
    Config blank_; ///< of a namespace of which nothing is wanted yet
};

std::set<std::string> devices_to_move(const Config& config) {
    std::set<std::string> devices;
    for (const auto& tunnel : config.tunnels)
        if (tunnel.placement.move_dev) devices.insert(tunnel.tunnel.dev.value_or(""));
    return devices;
}

/// What the tunnels of a place stand on, by where it is.
struct Underlay {
    Config to_bring; ///< in the namespace of the call
    Config there;    ///< all tunnels, without what is to be brought for them
};

/// `present` are devices that have been moved already. One that is moved for a tunnel is so for
/// those others, too, that name it or have its address.
Underlay underlay_of(const Config& config, const std::set<std::string>& present) {
    std::set<std::string> devices;
    std::set<IpAddress> locals; // on them
    for (const auto& tunnel : config.tunnels) {
        const std::string dev = tunnel.tunnel.dev.value_or("");
        if (!tunnel.placement.move_dev || present.contains(dev)) continue;
        devices.insert(dev);
        if (tunnel.tunnel.local) locals.insert(*tunnel.tunnel.local);
    }
    Underlay underlay;
    underlay.to_bring.origin = underlay.there.origin = config.origin;
    for (Tunnel tunnel : config.tunnels) {
        if (tunnel.forward_from)
            std::erase_if(*tunnel.forward_from,
                          [&](const std::string& device) { return devices.contains(device); });
        const std::string dev = tunnel.tunnel.dev.value_or("");
        const bool is_brought = dev.empty()
                                    ? tunnel.tunnel.local && locals.contains(*tunnel.tunnel.local)
                                    : devices.contains(dev);
        if (is_brought) {
            underlay.to_bring.tunnels.push_back(tunnel);
            underlay.to_bring.tunnels.back().forward_from.reset();
            tunnel.tunnel.dev.reset();
            tunnel.tunnel.local.reset();
        }
        underlay.there.tunnels.push_back(std::move(tunnel));
    }
    return underlay;
}

/// Whether all that the tunnels stand on is made or brought with their network namespace.
bool makes_all(const Config& config) {
    return creates_namespace(config) && Awaited(underlay_of(config, {}).there).is_complete();
}

/// One call's way from the config to the exit code, in as many namespaces as the config names.
class Driver {
public:
    Driver(Call& call, Config& config, const Probation* probation, Narration narration)
        : call_(call), config_(config), probation_(probation), narration_(narration) {
        call.is_several =
            !config_.absent_elsewhere.empty() ||
            std::any_of(config_.tunnels.begin(), config_.tunnels.end(),
                        [](const Tunnel& tunnel) { return !tunnel.placement.netns.empty(); });
    }

    struct Times {
        std::chrono::seconds wait, look_up, lock;
    };

    Result<int> run(const Times& times) {
        if (call_.is_several) {
            allow_descriptors(descriptors_for(config_));
            places_ = Places(config_, call_.home).take();
        }
        give_up_privileges();
        if (call_.arguments.has("wait"))
            if (auto there = await(times.wait); !there) return tl::unexpected(there.error());
        if (auto done = look_up_names(times.look_up); !done) return tl::unexpected(done.error());
        if (!call_.is_several) parts_.emplace_back(call_, config_, std::nullopt);
        for (auto& place : places_)
            parts_.emplace_back(call_, place.config, std::move(place.elsewhere));
        if (auto proposed = propose(times.lock); !proposed) return tl::unexpected(proposed.error());
        if (call_.stops_all())
            for (auto& part : parts_)
                part.leave_untouched();
        if (call_.mode == Mode::apply && !call_.stops_all())
            if (auto done = probation_ != nullptr ? carry_out_on_probation() : carry_out_for_good();
                !done)
                return tl::unexpected(done.error());
        if (call_.mode != Mode::apply || probation_ == nullptr || call_.style.json) report();
        return exit_code();
    }

private:
    /// The files have been read, and it is known where their tunnels are.
    void give_up_privileges() const {
        Capabilities kept = no_capability;
        if (call_.mode == Mode::apply) kept |= changes_network | sends_raw | sees_processes;
        if (call_.is_several || call_.arguments.has("netns")) kept |= enters_namespaces;
        restrict_to(kept);
    }

    /// Waits for what the tunnels stand on, before any lock: others may go on meanwhile. Tunnels of
    /// files are independent: those whose lower device is there are not kept from being made.
    Result<void> await(std::chrono::seconds time) {
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
            if (!kernel && !makes_all(place.config) && !await_place(*place.elsewhere, end))
                continue;
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

    /// Once for the whole run, and before the locks.
    Result<void> look_up_names(std::chrono::seconds time) {
        std::vector<Config*> configs{&config_};
        for (auto& place : places_)
            configs.push_back(&place.config);
        for (auto* config : configs)
            for (auto& tunnel : config->tunnels)
                complete_link_local_peers(tunnel);
        const auto names = names_in(config_);
        if (names.empty()) return {};
        if (call_.mode == Mode::apply) catch_signals();
        const auto answers = resolve(names, time);
        if (!answers) return tl::unexpected(answers.error());
        for (auto* config : configs)
            for (auto& tunnel : config->tunnels)
                put_addresses(tunnel, *answers), complete_link_local_peers(tunnel);
        return {};
    }

    bool await_place(OtherPlace& place, std::chrono::steady_clock::time_point end) {
        tell_waiting(formatted("network namespace '{}'", place.name));
        auto space = await_namespace(place.name, end);
        if (!space) {
            call_.report_error(space.error());
            return false;
        }
        place.kernel.emplace(std::move(*space));
        place.obstacle.reset();
        return true;
    }

    Result<void> await_in(const Kernel& kernel, const Config& config,
                          std::chrono::steady_clock::time_point end) {
        const auto left = std::max(
            std::chrono::ceil<std::chrono::seconds>(end - std::chrono::steady_clock::now()),
            std::chrono::seconds(0));
        auto there =
            await_underlay(kernel, config, left, [&](const std::vector<std::string>& missing) {
                tell_waiting(joined(missing, ", "));
            });
        if (there || config.origin == Origin::cli || caught_signal() != 0) return there;
        call_.report_error(there.error());
        return {};
    }

    void tell_waiting(const std::string& what) const {
        if (!call_.style.quiet)
            print_warning(Message(Code::waiting_for, "", {{"what", what}}), codes(call_.style));
    }

    Result<void> propose(std::chrono::seconds timeout) {
        std::vector<Reconciliation*> in_order; // the same for all writers: nobody waits in a circle
        for (auto& part : parts_)
            if (part.is_there()) in_order.push_back(&part);
        std::sort(in_order.begin(), in_order.end(),
                  [](const auto* one, const auto* other) { return one->id() < other->id(); });
        for (auto* part : in_order)
            if (auto opened = part->open(timeout); !opened) return opened;
        for (auto& part : parts_)
            if (auto proposed = part.propose(); !proposed) return proposed;
        return {};
    }

    void carry_out_all() {
        for (auto& part : parts_)
            part.carry_out();
    }

    void sweep() {
        bool may_any_have_gone = false;
        for (auto& part : parts_)
            if (part.is_there()) may_any_have_gone = part.sweep() || may_any_have_gone;
        if (may_any_have_gone) parts_.front().records().sweep_dead();
    }

    Result<void> carry_out_for_good() {
        carry_out_all();
        sweep();
        return {};
    }

    /// Under the eyes of a guardian, who takes it back unless somebody confirms it.
    Result<void> carry_out_on_probation() {
        if (std::none_of(parts_.begin(), parts_.end(),
                         [](const Reconciliation& part) { return part.has_work(); })) {
            carry_out_all();
            report_text();
            return {};
        }
        auto guardian = Guardian::start(parts_.front().records(), [&] { return take_back_all(); });
        if (!guardian) return tl::unexpected(guardian.error());
        carry_out_all();
        if (!call_.wrote) {
            report_text();
            guardian->dismiss();
            return {};
        }
        Decision decision = guardian->wait(probation_->time, [this] {
            report_text();
            (void)finish_output(); // now, not when all is decided
            if (call_.style.quiet) return;
            print_warning(
                Message(Code::waits_for_confirmation, "", {{"seconds", probation_->time.count()}}),
                codes(call_.style));
        });
        if (decision.kind == Decision::Kind::lost)
            if (const auto done = take_back_all(); !done) decision.error = done.error();
        confirmed_ = decision.kind == Decision::Kind::kept;
        if (*confirmed_) {
            if (!call_.style.quiet && !call_.style.json) print("confirmed: the change stays\n");
            sweep();
        } else {
            settle_rejection(decision);
        }
        return {};
    }

    Result<void> take_back_all() {
        std::vector<Error> left;
        Result<void> noted;
        for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
            append(left, part->take_back());
            if (const auto& unrecorded = part->unrecorded(); noted && !unrecorded.empty())
                noted = tl::unexpected(unrecorded.front());
            if (auto rejected = probation_->reject(part->plan()); !rejected) noted = rejected;
        }
        if (left.empty()) return noted;
        Error all = std::move(left.front());
        all.kind = ErrorKind::undo_incomplete;
        std::move(left.begin() + 1, left.end(), std::back_inserter(all.more));
        return tl::unexpected(std::move(all));
    }

    void settle_rejection(const Decision& decision) {
        const bool is_left = decision.error && decision.error->kind == ErrorKind::undo_incomplete;
        Error told(Code::not_confirmed, "", {{"reason", decision.reason}});
        call_.report_error(is_left ? told : std::move(told).also(Code::restored));
        if (decision.error) call_.report_error(*decision.error);
        for (auto& part : parts_)
            part.settle_rejection();
    }

    /// 2 says that nothing at all was touched.
    int exit_code() const {
        if (call_.mode == Mode::check)
            return std::all_of(parts_.begin(), parts_.end(),
                               [](const Reconciliation& part) {
                                   const auto& outcomes = part.outcomes();
                                   return std::all_of(outcomes.begin(), outcomes.end(),
                                                      [](Outcome outcome) {
                                                          return outcome == Outcome::in_sync ||
                                                                 outcome == Outcome::absent;
                                                      });
                               })
                       ? 0
                       : 3;
        if (!call_.impossible) return call_.code;
        const bool touches =
            call_.mode == Mode::plan && !call_.stops_all() &&
            std::any_of(parts_.begin(), parts_.end(),
                        [](const Reconciliation& part) { return part.has_work(); });
        const bool untouched = !call_.wrote && !touches && (call_.code == 0 || call_.code == 4);
        return untouched ? 2 : graver(call_.code, 1);
    }

    /// Calls `use` with what all parts have planned, and what has become of it.
    template<class Use> void with_whole(Use use) const {
        if (parts_.size() == 1) return use(parts_[0].plan(), parts_[0].outcomes());
        Plan plan;
        std::vector<Outcome> outcomes;
        for (const auto& part : parts_) {
            append(plan.tunnels, part.plan().tunnels);
            append(plan.unnamed, part.plan().unnamed);
            append(plan.kept, part.plan().kept);
            append(outcomes, part.outcomes());
        }
        use(plan, outcomes);
    }

    void report() const {
        if (call_.arguments.has("ip-commands")) {
            for (const auto& part : parts_)
                for (const auto& tunnel : part.plan().tunnels)
                    if (tunnel.errors.empty()) print(ip_commands(tunnel));
        } else if (call_.style.json) {
            with_whole([&](const Plan& plan, const std::vector<Outcome>& outcomes) {
                auto document = run_document(plan, outcomes, call_.mode != Mode::apply);
                if (confirmed_) document["confirmed"] = *confirmed_;
                print(document_text(document));
            });
        } else {
            report_text();
        }
    }

    void report_text() const {
        if (call_.style.quiet || call_.style.json || call_.stops_all()) return;
        with_whole([&](const Plan& plan, const std::vector<Outcome>& outcomes) {
            report_text(plan, outcomes);
        });
    }

    void report_text(const Plan& plan, const std::vector<Outcome>& outcomes) const {
        const OutputStyle& style = call_.style;
        const bool planned = call_.mode != Mode::apply;
        constexpr std::size_t most_tunnels = 20;
        const bool of_files = config_.origin == Origin::file;
        const bool sums_up = of_files && call_.mode != Mode::check;
        const bool names_all =
            !of_files || (sums_up && (style.verbose || plan.tunnels.size() <= most_tunnels));
        for (std::size_t i = 0; i < plan.tunnels.size(); ++i) {
            if (outcomes[i] == Outcome::failed || outcomes[i] == Outcome::refused) continue;
            if (outcomes[i] == Outcome::in_sync && !names_all) continue;
            if (narration_ != nullptr && !planned) print(narration_(plan.tunnels[i]));
            print(outcome_text(plan.tunnels[i], outcomes[i], planned, style));
        }
        for (const auto& name : plan.unnamed)
            print(formatted("{}: not defined in any of these files (--prune removes it)\n",
                            printable(name)));
        if (config_.unnamed == Unnamed::remove_all && plan.tunnels.empty())
            print("no tunnel is managed by vxlanctl\n");
        if (sums_up) print(summary_text(plan, outcomes));
    }

    Call& call_;
    Config& config_;
    const Probation* probation_; ///< null: the change is for good
    Narration narration_;        ///< null: the report says all
    std::vector<Place> places_;
    std::deque<Reconciliation> parts_; ///< the call's own first
    std::optional<bool> confirmed_;    ///< empty where nobody was asked
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
            options.push_back({"no-" + name, 0, "", formatted("the opposite of --{}", name)});
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
    if (kind != TunnelKind::sit)
        options.push_back(
            {"forward-from", 0, "DEV",
             "make DEV forward the IPv4 packets that come in by it; may be repeated"});
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

OptionInfo override_option() {
    return {"override", 0, "", "change a tunnel that a file defines, until the next apply"};
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
        {"adopt", 0, "", "take over an interface that another program seems to run"},
    };
}

Result<std::chrono::seconds> seconds_of(const Arguments& arguments, std::string_view option,
                                        SecondsRange range, unsigned otherwise) {
    const std::string text = arguments.value(option, std::to_string(otherwise));
    unsigned seconds = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (problem != std::errc{} || stop != text.data() + text.size() || seconds < range.low ||
        seconds > range.high)
        return error(Code::not_in_range, formatted("--{} '{}'", option, text),
                     {{"low", range.low}, {"high", range.high}, {"or", ""}});
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
        return error(Code::option_needs, "", {{"option", "--ip-commands"}, {"other", "--dry-run"}});
    const auto home = Kernel::here();
    if (!home) return tl::unexpected(home.error());
    Call call{arguments, *style, mode, config.origin, *home, config, *options};
    call.keeps_first = probation != nullptr;
    return Driver(call, config, probation, narration).run({*wait, *look_up, *timeout});
}

} // namespace vxlanctl
