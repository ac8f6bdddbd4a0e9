#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/held_files.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/session.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/run/snapshot.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

const OptionInfo prune_option{
    "prune", 0, "",
    "remove tunnels that came from these files or directories and are in them no more"};
const OptionInfo source_option{"source", 0, "NAME",
                               "what --prune shall know the tunnels of standard input by"};
const OptionInfo allow_empty_option{"allow-empty", 0, "",
                                    "accept a file, directory or standard input without tunnels"};

const OptionInfo state_option{
    "state", 0, "SNAPSHOT",
    "plan for the host that 'vxlanctl snapshot' made this file on; --source says where it has the "
    "files"};

const OptionInfo unless_held_option{
    "unless-held", 0, "", "leave out files whose last change was not confirmed, as services do"};

void append_options(std::vector<OptionInfo>& to, const std::vector<OptionInfo>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// What the files of a call say.
struct Wish {
    std::vector<HoldableFile> files;
    Config config{Origin::file, {}};
    std::map<std::string, std::size_t> file_of; ///< by a tunnel's name
    std::optional<Snapshot> snapshot;           ///< of the host to plan for, if it is another one
};

/// Leaves out the tunnels of files that are as they were when they were rejected, and spares those
/// that came back without a file.
void leave_out_held(Wish& wish, const Hold& hold, const Arguments& arguments) {
    wish.config.spared.insert(hold.tunnels.begin(), hold.tunnels.end());
    std::erase_if(wish.config.tunnels, [&](const Tunnel& tunnel) {
        const bool held = is_held(wish.files[wish.file_of.at(tunnel.name)], hold);
        if (held) wish.config.spared.insert(tunnel.name);
        return held;
    });
    if (arguments.has("quiet")) return;
    for (const auto& file : wish.files)
        if (is_held(file, hold))
            print_warning(Error(Code::file_on_hold, file.path), codes(arguments));
    for (const auto& name : hold.tunnels)
        print_warning(Error(Code::removal_on_hold, name), codes(arguments));
}

/// Whether the options make sense beside the words.
Result<void> check_source(const Arguments& arguments) {
    const auto& words = arguments.words;
    const bool has_input = std::find(words.begin(), words.end(), "-") != words.end();
    const bool has_name = !arguments.value(source_option.name, "").empty();
    if (arguments.has(source_option.name) && !has_name)
        return error(Code::option_needs, "", {{"option", "--source"}, {"other", "NAME"}});
    if (has_name && !has_input && !arguments.has(state_option.name))
        return error(Code::option_needs, "", {{"option", "--source"}, {"other", "-"}});
    if (has_input && !has_name && arguments.has(prune_option.name))
        return error(Code::prune_needs_source);
    return {};
}

/// What --source says: of standard input, or where another host has the files of this call.
std::string source_of_word(const std::string& word, const Arguments& arguments) {
    const std::string name = arguments.value(source_option.name, "");
    return word == "-" || (arguments.has(state_option.name) && !name.empty()) ? name
                                                                              : source_of(word);
}

/// The same of each file, which a word names, or the directory that it is in.
void name_sources(FileTexts& texts, const Arguments& arguments) {
    if (arguments.words.empty() || arguments.value(source_option.name, "").empty()) return;
    for (std::size_t i = 0; i < texts.files.size(); ++i) {
        const std::string& word = arguments.words[texts.words[i]];
        const std::string here = source_of(word), there = source_of_word(word, arguments);
        if (there != here && texts.sources[i].starts_with(here))
            texts.sources[i].replace(0, here.size(), there);
    }
}

/// The files and directories that the call names.
std::vector<std::string> named_sources(const Arguments& arguments) {
    if (arguments.words.empty()) return {default_directory};
    std::vector<std::string> sources;
    for (const auto& word : arguments.words)
        sources.push_back(source_of_word(word, arguments));
    std::erase(sources, "");
    return sources;
}

/// What is wrong with words that define no tunnel.
std::vector<Error> empty_words(const FileTunnels& read, const Arguments& arguments) {
    std::vector<Error> errors;
    if (!arguments.has(allow_empty_option.name))
        for (const auto& word : read.empty)
            errors.emplace_back(Code::defines_no_tunnel, word);
    return errors;
}

void warn(const std::vector<Message>& warnings, const Arguments& arguments) {
    if (arguments.has("quiet")) return;
    for (const auto& warning : warnings)
        print_warning(warning, codes(arguments));
}

std::vector<Message> warnings_of_skipped(const std::vector<std::string>& paths) {
    std::vector<Message> warnings;
    for (const auto& path : paths)
        warnings.emplace_back(Code::file_skipped, path);
    return warnings;
}

/// Whether a plan says where the values come from.
bool tells_places(const Arguments& arguments) {
    return (arguments.command == "plan" || arguments.has("dry-run")) &&
           (arguments.has("verbose") || arguments.has("json"));
}

/// What the files no longer define is told of these, too.
Result<void> concern_all_namespaces(Config& config, const Arguments& arguments) {
    const auto others = other_namespaces();
    if (!others) return tl::unexpected(others.error());
    for (const auto& name : others->names)
        config.absent_elsewhere[name];
    if (others->nameless > 0)
        warn({Message(Code::nameless_netns_left_out, "", {{"count", others->nameless}})},
             arguments);
    return {};
}

/// The snapshot that the call plans for; none where it plans for this host.
Result<std::optional<Snapshot>> named_snapshot(const Arguments& arguments) {
    if (!arguments.has(state_option.name)) return std::nullopt;
    for (const auto* other : {"unless-held", "netns"})
        if (arguments.has(other))
            return error(Code::options_contradict, "",
                         {{"one", "--state"}, {"other", formatted("--{}", other)}});
    const std::string path = arguments.value(state_option.name);
    const auto text = read_text(path, "snapshot", Writers::anybody);
    if (!text) return tl::unexpected(text.error());
    auto snapshot = parse_snapshot(*text, path);
    if (!snapshot) return tl::unexpected(snapshot.error());
    return std::optional(std::move(*snapshot));
}

/// The network namespaces of the snapshot in which a tunnel has such a source.
void concern_namespaces(Config& config, const Snapshot& snapshot,
                        const std::function<bool(const std::string&)>& is_meant) {
    for (const auto& [name, space] : snapshot.namespaces)
        if (!name.empty() &&
            std::any_of(space.state.records.begin(), space.state.records.end(),
                        [&](const auto& known) { return is_meant(known.second.source); }))
            config.absent_elsewhere[name];
}

/// What the files say, or all that is wrong with them.
tl::expected<Wish, std::vector<Error>> read_wish(const Arguments& arguments) {
    if (auto good = check_source(arguments); !good)
        return tl::unexpected(std::vector<Error>{good.error()});
    // A plan for another host changes nothing here, and a checkout may be anybody's.
    const Writers writers = arguments.has(state_option.name) ? Writers::anybody : Writers::trusted;
    auto texts = read_files(arguments.words, writers);
    name_sources(texts, arguments);
    warn(warnings_of_skipped(texts.skipped), arguments);
    Wish wish;
    auto [read, files] = holdable_tunnels(std::move(texts), arguments.words);
    wish.files = std::move(files);
    if (!read.parsed.errors.empty()) return tl::unexpected(std::move(read.parsed.errors));
    auto snapshot = named_snapshot(arguments);
    if (!snapshot) return tl::unexpected(std::vector<Error>{snapshot.error()});
    wish.snapshot = std::move(*snapshot);
    warn(warnings_of_unread(read.unread), arguments);
    if (auto empty = empty_words(read, arguments); !empty.empty())
        return tl::unexpected(std::move(empty));
    for (auto& defined : read.parsed.tunnels) {
        wish.file_of.emplace(defined.tunnel.name, defined.file);
        if (tells_places(arguments))
            wish.config.places.emplace(defined.tunnel.name, places_of(defined, read.texts.files));
        wish.config.tunnels.push_back(std::move(defined.tunnel));
    }
    wish.config.sources = named_sources(arguments);
    if (arguments.has(prune_option.name)) {
        wish.config.unnamed = Unnamed::prune;
        const auto is_meant = [&](const std::string& source) {
            return is_below(source, wish.config.sources);
        };
        if (wish.snapshot)
            concern_namespaces(wish.config, *wish.snapshot, is_meant);
        else if (auto done =
                     concern_namespaces(wish.config, namespaces_with_source(is_meant), arguments);
                 !done)
            return tl::unexpected(std::vector<Error>{done.error()});
    }
    if (arguments.has(all_netns_option().name))
        if (auto done = concern_all_namespaces(wish.config, arguments); !done)
            return tl::unexpected(std::vector<Error>{done.error()});
    if (arguments.has(unless_held_option.name)) {
        const auto kernel = Kernel::here();
        if (!kernel) return tl::unexpected(std::vector<Error>{kernel.error()});
        leave_out_held(wish, read_hold(*kernel), arguments);
    }
    return wish;
}

/// Puts the files of what was taken back on hold.
Result<void> reject(const Wish& wish, const Plan& plan) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    return change_hold(*kernel, [&](Hold& hold) {
        for (const auto& tunnel : plan.tunnels) {
            if (tunnel.steps.empty()) continue;
            if (const auto file = wish.file_of.find(tunnel.name); file != wish.file_of.end())
                hold.files[wish.files[file->second].path] = wish.files[file->second].hash;
            else
                hold.tunnels.insert(tunnel.name);
        }
    });
}

/// What a person applies by hand is not on hold any more.
Result<void> release(const Wish& wish) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    if (read_hold(*kernel) == Hold{}) return {}; // as mostly: no directory is made, and none locked
    return change_hold(*kernel, [&](Hold& hold) {
        for (const auto& file : wish.files)
            hold.files.erase(file.path);
        hold.tunnels.clear();
    });
}

/// An apply that came to nothing, for who watches. Whoever may not apply has not tried to.
void note_failure(const Arguments& arguments) {
    if (!has_net_admin()) return;
    const auto note = []() -> Result<void> {
        const auto kernel = Kernel::here();
        if (!kernel) return tl::unexpected(kernel.error());
        auto directory = RuntimeDirectory::open(*kernel);
        if (!directory) return tl::unexpected(directory.error());
        return directory->write_last_apply({std::chrono::system_clock::now(), false});
    };
    if (const auto noted = note(); !noted && !arguments.has("quiet"))
        print_warning(not_noted(noted.error()), codes(arguments));
}

/// Whether services leave a file alone, whatever it says: nobody may think that all is well.
Result<bool> is_any_on_hold(const Wish& wish, const Arguments& arguments) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    const Hold hold = read_hold(*kernel);
    bool any = false;
    for (const auto& file : wish.files)
        if (is_held(file, hold)) {
            any = true;
            if (!arguments.has("quiet") && !arguments.has(unless_held_option.name))
                print_warning(Error(Code::file_on_hold, file.path), codes(arguments));
        }
    return any;
}

Result<int> run(const Arguments& arguments, Mode mode) {
    constexpr int differs = 3;
    auto wish = read_wish(arguments);
    if (!wish) return print_failures(wish.error(), arguments);
    const auto held = mode == Mode::check ? is_any_on_hold(*wish, arguments) : Result<bool>(false);
    if (!held) return tl::unexpected(held.error());
    auto code = reconcile(std::move(wish->config), arguments, mode, nullptr, nullptr,
                          wish->snapshot ? &*wish->snapshot : nullptr);
    return code && *code == 0 && *held ? Result<int>(differs) : code;
}

} // namespace

std::vector<OptionInfo> apply_options() {
    std::vector<OptionInfo> options{
        prune_option,
        source_option,
        allow_empty_option,
        {"confirm", 0, "SECONDS",
         "take the change back unless it is confirmed in time, by Enter or 'vxlanctl confirm'"},
        unless_held_option};
    append_options(options, change_options());
    append_options(options, write_options());
    options.push_back(wait_option());
    options.push_back(resolve_option());
    return options;
}

std::vector<OptionInfo> plan_options() {
    std::vector<OptionInfo> options{
        prune_option, source_option,      allow_empty_option,
        state_option, unless_held_option, {"ip-commands", 0, "", "say it as commands of iproute2"}};
    append_options(options, change_options());
    options.push_back(resolve_option());
    return options;
}

std::vector<OptionInfo> check_options() {
    return {prune_option,       source_option,    allow_empty_option,
            unless_held_option, resolve_option(), all_netns_option()};
}

Result<int> run_apply(const Arguments& arguments) {
    if (arguments.has("dry-run")) return run(arguments, Mode::plan);
    const auto time = seconds_of(arguments, "confirm", {1, 86400}, 60);
    if (!time) return tl::unexpected(time.error());
    auto wish = read_wish(arguments);
    if (!wish) {
        if (check_source(arguments)) note_failure(arguments); // wrong words are no apply
        return print_failures(wish.error(), arguments);
    }
    const bool by_hand = !arguments.has(unless_held_option.name);
    const Probation probation{*time, [&](const Plan& plan) { return reject(*wish, plan); }};
    const bool confirms = arguments.has("confirm");
    auto code =
        reconcile(std::move(wish->config), arguments, Mode::apply, confirms ? &probation : nullptr);
    if (!code && code.error().kind != ErrorKind::usage) note_failure(arguments);
    if (by_hand && code && (!confirms || *code == 0))
        if (auto released = release(*wish); !released) return tl::unexpected(released.error());
    return code;
}

Result<int> run_plan(const Arguments& arguments) {
    return run(arguments, Mode::plan);
}

Result<int> run_check(const Arguments& arguments) {
    return run(arguments, Mode::check);
}

} // namespace vxlanctl
