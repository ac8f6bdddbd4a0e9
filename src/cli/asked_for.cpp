#include "vxlanctl/cli/asked_for.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/cli/held_files.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/up_words.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/run/namespace_run.h"
#include "vxlanctl/runtime/holds.h"

#include <algorithm>

namespace vxlanctl {
namespace {

Definition definition_of(const DefinedTunnel& defined, const SourceText& source) {
    Definition definition{
        formatted("{}.{}", section_name(defined.tunnel.tunnel.kind), defined.tunnel.name),
        {source.path, 0},
        {}};
    for (const auto& [key, position] : defined.keys) {
        const bool in_file = position.drop_in == 0;
        definition.keys[key] = {in_file ? source.path : source.drop_ins[position.drop_in - 1].path,
                                position.line};
        if (in_file && (definition.first.line == 0 || position.line < definition.first.line))
            definition.first.line = position.line;
    }
    return definition;
}

/// Doctor asks no name server: the peers that were found when the tunnel was made count.
void use_known_names(Tunnel& tunnel, const State& state) {
    const Link* link = find_link(state, tunnel.name);
    const Record* record = find_record(state, link);
    if (!tunnel.named_peers.empty()) {
        tunnel.named_peers.clear();
        tunnel.peers.reset();
        if (record != nullptr) tunnel.peers = parse_peers_text(record->peers);
    }
    if (tunnel.automatic.remote_name.empty() || link == nullptr) return;
    tunnel.automatic.remote_name.clear();
    tunnel.tunnel.remote = link->tunnel.remote;
}

/// What the plans for a config find, as `check` does. Nothing is told, and nothing changed.
class Comparison {
public:
    Comparison(const Kernel& kernel, Facts& facts) : kernel_(kernel), facts_(facts) {}

    void run(const Config& config) {
        if (config.tunnels.empty()) return;
        with_plans(config, {}, [&](const TunnelPlan& plan) {
            facts_.differences[plan.name] = difference_of(plan, config.origin);
        });
        // What is refused may be asked for.
        PlanOptions flap, recreate;
        flap.allow_flap = recreate.allow_flap = recreate.allow_recreate = true;
        recreate.foreign = Foreign::keep;
        for (const auto& choice :
             {std::pair{flap, "--allow-flap"}, {recreate, "--allow-recreate --keep-foreign"}})
            if (config.origin == Origin::file && any_refused())
                with_plans(config, choice.first, [&](const TunnelPlan& plan) {
                    Drift& drift = facts_.differences[plan.name];
                    if (is_refused(drift) && plan.errors.empty())
                        drift.remedy = formatted("{} {}", apply_command(plan), choice.second);
                });
    }

private:
    template<class Use>
    void with_plans(const Config& config, const PlanOptions& options, const Use& use) const {
        Call call{"doctor",
                  {},
                  Mode::check,
                  config.origin,
                  kernel_,
                  config,
                  options,
                  Events{[](const Error&) {}, [](const Message&) {},
                         [](std::size_t, std::size_t) {}, [] {}}};
        NamespaceRun part(call, config, std::nullopt);
        if (!part.open(std::chrono::seconds{0}) || !part.propose()) return;
        for (const auto& plan : part.plan().tunnels)
            use(plan);
    }

    static bool is_refused(const Drift& drift) {
        return drift.remedy.empty() &&
               std::any_of(drift.reasons.begin(), drift.reasons.end(),
                           [](const Message& reason) { return reason.kind == ErrorKind::refused; });
    }

    bool any_refused() const {
        return std::any_of(facts_.differences.begin(), facts_.differences.end(),
                           [](const auto& known) { return is_refused(known.second); });
    }

    Drift difference_of(const TunnelPlan& plan, Origin origin) const {
        Drift difference{imperatives(plan.steps), {}, ""};
        for (const auto& error : plan.errors)
            difference.reasons.push_back(error);
        if (plan.errors.empty())
            difference.remedy = origin == Origin::file ? apply_command(plan) : commands_of(plan);
        return difference;
    }

    std::string apply_command(const TunnelPlan& plan) const {
        const bool is_default = (wish_of(facts_, plan.name) != nullptr);
        const std::string source = plan.wish == nullptr ? "" : plan.wish->source;
        return is_default || source.empty() ? "vxlanctl apply"
                                            : "vxlanctl apply " + shell_quoted(source);
    }

    /// The plan's own commands, in one line.
    static std::string commands_of(const TunnelPlan& plan) {
        std::vector<std::string> lines;
        std::string text = ip_commands(plan);
        for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
            if (end != 0 && text.front() != '#') lines.push_back(text.substr(0, end));
        return joined(lines, " && ");
    }

    const Kernel& kernel_;
    Facts& facts_;
};

} // namespace

FactsRequest asked_for(const Kernel& kernel, const std::string& netns, const OutputStyle& style) {
    FactsRequest request;
    const auto [read, files, peers_files] = holdable_tunnels(read_files({}), {});
    for (const auto& problem : read.parsed.errors)
        print_warning(problem, codes(style));
    const Hold hold = read_hold(kernel);
    for (const auto& defined : read.parsed.tunnels) {
        if (defined.tunnel.placement.netns != netns) continue;
        const auto& source = read.texts.files[defined.file];
        request.places.emplace(defined.tunnel.name, definition_of(defined, source));
        if (is_held(files[defined.file], hold)) request.held.insert(defined.tunnel.name);
        request.wishes.push_back(defined.tunnel);
    }
    request.held.insert(hold.tunnels.begin(), hold.tunnels.end());
    return request;
}

void compare_with_asked(const Kernel& kernel, Facts& facts) {
    Config of_files{Origin::file, {}}, of_commands{Origin::cli, {}};
    for (const auto& wish : facts.wishes)
        if (is_examined(facts, wish.name)) of_files.tunnels.push_back(wish);
    for (const auto& link : facts.state.links) {
        const auto mark = mark_of(link.attributes.alias.value_or(""));
        const Record* record = mark ? find_record(facts.state, &link) : nullptr;
        if (record == nullptr || (wish_of(facts, link.name) != nullptr) ||
            !is_examined(facts, link.name))
            continue;
        (mark->origin == Origin::file ? of_files : of_commands)
            .tunnels.push_back(recorded_tunnel(link.name, link.tunnel.kind, *record));
    }
    for (auto* config : {&of_files, &of_commands}) {
        for (auto& tunnel : config->tunnels)
            use_known_names(tunnel, facts.state);
        Comparison(kernel, facts).run(*config);
    }
    for (const auto& [name, record] : facts.vanished)
        if (const auto kind = tunnel_kind(record.interface.kind))
            if (auto words = up_words(recorded_tunnel(name, *kind, record)); !words.empty())
                facts.makers[name] = std::move(words);
}

} // namespace vxlanctl
