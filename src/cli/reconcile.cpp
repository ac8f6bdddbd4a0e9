#include "vxlanctl/reconcile.h"

#include "vxlanctl/attributes.h"
#include "vxlanctl/reader.h"
#include "vxlanctl/report.h"
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

Result<PlanOptions> plan_options(const Arguments& arguments) {
    PlanOptions options;
    options.allow_recreate = arguments.has("allow-recreate");
    options.allow_flap = arguments.has("allow-flap");
    options.allow_overlap = arguments.has("allow-overlap");
    options.exclusive = arguments.has("exclusive");
    options.force = arguments.has("force");
    options.new_id = random_id;
    const bool keep = arguments.has("keep-foreign"), drop = arguments.has("drop-foreign");
    if (keep && drop)
        return usage_error("", "--keep-foreign and --drop-foreign contradict each other");
    if ((keep || drop) && !options.allow_recreate)
        return usage_error(
            "", fmt::format("--{}-foreign needs --allow-recreate", keep ? "keep" : "drop"));
    options.foreign = keep ? Foreign::keep : drop ? Foreign::drop : Foreign::ask;
    return options;
}

Result<std::chrono::seconds> lock_timeout(const Arguments& arguments) {
    const std::string text = arguments.value("lock-timeout", "10");
    unsigned seconds = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (problem != std::errc{} || stop != text.data() + text.size() || seconds > 86400)
        return usage_error(fmt::format("--lock-timeout '{}'", text),
                           "not a number of seconds from 0 to 86400");
    return std::chrono::seconds(seconds);
}

/// One call's way from the config to the exit code.
class Reconciliation {
public:
    Reconciliation(const Config& config, const Arguments& arguments, OutputStyle style,
                   PlanOptions options)
        : config_(config), arguments_(arguments), style_(style), options_(std::move(options)) {}

    Result<int> run(std::chrono::seconds timeout) {
        if (auto done = prepare(timeout); !done) return tl::unexpected(done.error());
        if (auto done = make_plan(); !done) return tl::unexpected(done.error());
        report_problems();
        if (code_ != 2 && !dry_run()) {
            carry_out_all();
            sweep();
        }
        report();
        return code_;
    }

private:
    bool dry_run() const { return arguments_.has("dry-run"); }

    /// Opens what is needed; a writer also keeps the others out.
    Result<void> prepare(std::chrono::seconds timeout) {
        auto space = current_namespace();
        if (!space) return tl::unexpected(space.error());
        space_ = *space;
        if (dry_run()) {
            records_ = RuntimeDirectory::open_existing();
        } else {
            if (!has_net_admin())
                return tl::unexpected(Error{
                    ErrorKind::kernel, "",
                    fmt::format("'{}' needs the capability CAP_NET_ADMIN", arguments_.command), "",
                    0,
                    "Run it as root, or with sudo; --dry-run and 'show' "
                    "work without."});
            auto records = RuntimeDirectory::open();
            if (!records) return tl::unexpected(records.error());
            records_ = std::move(*records);
            const std::string purpose =
                fmt::format("vxlanctl {} {}", arguments_.command, fmt::join(names(), " "));
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

    std::vector<std::string> names() const {
        std::vector<std::string> result = config_.absent;
        for (const auto& tunnel : config_.tunnels)
            result.push_back(tunnel.name);
        return result;
    }

    Result<void> make_plan() {
        ReadRequest request = request_for(config_);
        request.foreign = false;
        auto state = read_state(*netlink_, records_ ? &*records_ : nullptr, request);
        if (!state) return tl::unexpected(state.error());
        state_ = std::move(*state);
        if (arguments_.has("netns")) state_.ssh_client.reset(); // it comes into another one
        plan_ = plan(config_, state_, options_);
        // Most runs change nothing that routes hang on, and need not read them.
        if (std::any_of(plan_.tunnels.begin(), plan_.tunnels.end(), concerns_foreign)) {
            if (auto done = read_foreign(*netlink_, state_, request); !done) return done;
            plan_ = plan(config_, state_, options_);
        }
        for (std::size_t i = 0; i < config_.tunnels.size(); ++i)
            warn_of_missing_routes(config_.tunnels[i], plan_.tunnels[plan_.leftovers + i]);
        for (const auto& tunnel : plan_.tunnels)
            outcomes_.push_back(tunnel.errors.empty() ? intended_outcome(tunnel)
                                                      : Outcome::refused);
        return {};
    }

    /// Whether a route of the tunnel's own, out of another link, will lead to the peer.
    static bool gets_route(const Tunnel& tunnel, const IpAddress& peer) {
        const auto routes = tunnel.routes.value_or(std::vector<Route>{});
        return std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
            return !route.dev.empty() && contains(route.to, peer);
        });
    }

    /// A look-up that fails is no reason to do nothing.
    void warn_of_missing_routes(const Tunnel& tunnel, TunnelPlan& plan) {
        for (const auto& step : plan.steps) {
            const auto* added = std::get_if<AddFlood>(&step.operation);
            if (added == nullptr) continue;
            const auto missing = unroutable(*netlink_, state_, added->entries, *tunnel.tunnel.local,
                                            tunnel.tunnel.dev.value_or(""));
            for (const auto& peer : missing.value_or(std::vector<IpAddress>{}))
                if (!gets_route(tunnel, peer))
                    plan.warnings.push_back(
                        fmt::format("no route to peer {} yet", to_string(peer)));
        }
    }

    /// A wish that cannot be fulfilled stops everything, so that 2 means: nothing was touched.
    void report_problems() {
        for (const auto& tunnel : plan_.tunnels) {
            if (!style_.quiet && tunnel.errors.empty())
                for (const auto& warning : tunnel.warnings)
                    print_warning(tunnel.name, warning);
            for (const auto& error : tunnel.errors) {
                print_error(error);
                code_ = code_ == 2 ? 2 : exit_code(error.kind) == 2 ? 2 : graver(code_, 4);
            }
        }
        if (code_ != 2) return;
        for (auto& outcome : outcomes_)
            if (outcome != Outcome::refused) outcome = Outcome::untouched;
    }

    void carry_out_all() {
        for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
            TunnelPlan& tunnel = plan_.tunnels[i];
            if (!tunnel.errors.empty()) continue;
            Config alone{config_.origin, {}, {}};
            if (tunnel.absent)
                alone.absent.push_back(tunnel.name);
            else
                alone.tunnels.push_back(config_.tunnels[i - plan_.leftovers]);
            ProgressBar bar(style_);
            TransactionContext context{
                *netlink_, *records_, space_,
                [&](std::size_t done, std::size_t total) { bar.show(done, total); }};
            const auto done = carry_out(context, alone, tunnel, state_, options_);
            if (done) continue;
            outcomes_[i] = Outcome::failed;
            tunnel.errors.push_back(done.error());
            print_error(done.error());
            code_ = plan_.tunnels.size() == 1 ? exit_code(done.error().kind)
                                              : graver(code_, exit_code_among_others(done.error()));
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

    /// 2 would say that nothing was touched, but another tunnel may have been.
    static int exit_code_among_others(const Error& error) {
        return error.kind == ErrorKind::usage ? 1 : exit_code(error.kind);
    }

    void report() const {
        if (arguments_.has("ip-commands")) {
            for (const auto& tunnel : plan_.tunnels)
                if (tunnel.errors.empty()) print(ip_commands(tunnel));
            return;
        }
        if (style_.json) {
            nlohmann::json json{{"schema", json_schema},
                                {"dry_run", dry_run()},
                                {"changed", false},
                                {"tunnels", nlohmann::json::array()},
                                {"errors", nlohmann::json::array()}};
            for (std::size_t i = 0; i < plan_.tunnels.size(); ++i) {
                json["tunnels"].push_back(outcome_json(plan_.tunnels[i], outcomes_[i]));
                const bool changed = !plan_.tunnels[i].steps.empty() &&
                                     outcomes_[i] != Outcome::failed &&
                                     outcomes_[i] != Outcome::untouched;
                json["changed"] = json["changed"].get<bool>() || changed;
            }
            print(document_text(json));
            return;
        }
        if (style_.quiet || code_ == 2) return;
        for (std::size_t i = 0; i < plan_.tunnels.size(); ++i)
            if (outcomes_[i] != Outcome::failed && outcomes_[i] != Outcome::refused)
                print(outcome_text(plan_.tunnels[i], outcomes_[i], dry_run(), style_));
    }

    const Config& config_;
    const Arguments& arguments_;
    OutputStyle style_;
    PlanOptions options_;
    NamespaceId space_;
    std::optional<RuntimeDirectory> records_;
    std::optional<NetlinkSocket> socket_;
    std::optional<Netlink> netlink_;
    State state_;
    Plan plan_;
    std::vector<Outcome> outcomes_;
    int code_ = 0;
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

Result<int> reconcile(const Config& config, const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    const auto options = plan_options(arguments);
    if (!options) return tl::unexpected(options.error());
    const auto timeout = lock_timeout(arguments);
    if (!timeout) return tl::unexpected(timeout.error());
    if (arguments.has("ip-commands") && !arguments.has("dry-run"))
        return usage_error("", "--ip-commands needs --dry-run");
    return Reconciliation(config, arguments, *style, *options).run(*timeout);
}

} // namespace vxlanctl
