#include "vxlanctl/cli/wish.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>

namespace vxlanctl {

OptionInfo prune_option() {
    return {"prune", 0, "",
            "remove tunnels that came from these files or directories and are in them no more"};
}

OptionInfo source_option() {
    return {"source", 0, "NAME", "what --prune shall know the tunnels of standard input by"};
}

OptionInfo allow_empty_option() {
    return {"allow-empty", 0, "", "accept a file, directory or standard input without tunnels"};
}

OptionInfo state_option() {
    return {"state", 0, "SNAPSHOT",
            "plan for the host that 'vxlanctl snapshot' made this file on; --source says where it "
            "has the files"};
}

OptionInfo unless_held_option() {
    return {"unless-held", 0, "",
            "leave out files whose last change was not confirmed, as services do"};
}

/// Whether the options make sense beside the words.
Result<void> check_source(const Arguments& arguments) {
    const auto& words = arguments.words;
    const bool has_input = std::find(words.begin(), words.end(), "-") != words.end();
    const bool has_name = !arguments.value(source_option().name, "").empty();
    if (arguments.has(source_option().name) && !has_name)
        return error(Code::option_needs, "", {{"option", "--source"}, {"other", "NAME"}});
    if (has_name && !has_input && !arguments.has(state_option().name))
        return error(Code::option_needs, "", {{"option", "--source"}, {"other", "-"}});
    if (has_input && !has_name && arguments.has(prune_option().name))
        return error(Code::prune_needs_source);
    return {};
}

namespace {

/// Leaves out the tunnels of files that are as they were when they were rejected, and spares those
/// that came back without a file.
void leave_out_held(FileWish& wish, std::vector<Message>& warnings) {
    const Hold& hold = wish.hold;
    wish.config.spared.insert(hold.tunnels.begin(), hold.tunnels.end());
    std::erase_if(wish.config.tunnels, [&](const Tunnel& tunnel) {
        const bool held = is_held(wish.files[wish.file_of.at(tunnel.name)], hold);
        if (held) wish.config.spared.insert(tunnel.name);
        return held;
    });
    for (const auto& file : wish.files)
        if (is_held(file, hold)) warnings.emplace_back(Code::file_on_hold, file.path);
    for (const auto& name : hold.tunnels)
        warnings.emplace_back(Code::removal_on_hold, name);
}

/// What --source says: of standard input, or where another host has the files of this call.
std::string source_of_word(const std::string& word, const Arguments& arguments) {
    const std::string name = arguments.value(source_option().name, "");
    return word == "-" || (arguments.has(state_option().name) && !name.empty()) ? name
                                                                                : source_of(word);
}

/// The same of each file, which a word names, or the directory that it is in.
void name_sources(FileTexts& texts, const Arguments& arguments) {
    if (arguments.words.empty() || arguments.value(source_option().name, "").empty()) return;
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
    if (!arguments.has(allow_empty_option().name))
        for (const auto& word : read.empty)
            errors.emplace_back(Code::defines_no_tunnel, word);
    return errors;
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
Result<void> concern_all_namespaces(Config& config, std::vector<Message>& warnings) {
    const auto others = other_namespaces();
    if (!others) return tl::unexpected(others.error());
    for (const auto& name : others->names)
        config.absent_elsewhere[name];
    if (others->nameless > 0)
        warnings.emplace_back(Code::nameless_netns_left_out, "",
                              Values{{"count", others->nameless}});
    return {};
}

/// The snapshot that the call plans for; none where it plans for this host.
Result<std::optional<Snapshot>> named_snapshot(const Arguments& arguments) {
    if (!arguments.has(state_option().name)) return std::nullopt;
    for (const auto* other : {"unless-held", "netns"})
        if (arguments.has(other))
            return error(Code::options_contradict, "",
                         {{"one", "--state"}, {"other", formatted("--{}", other)}});
    const std::string path = arguments.value(state_option().name);
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

/// What of the host and of other namespaces the config has to say as well.
Result<void> complete(FileWish& wish, const Arguments& arguments, std::vector<Message>& warnings) {
    wish.config.sources = named_sources(arguments);
    if (arguments.has(prune_option().name)) {
        wish.config.unnamed = Unnamed::prune;
        const auto is_meant = [&](const std::string& source) {
            return is_below(source, wish.config.sources);
        };
        if (wish.snapshot)
            concern_namespaces(wish.config, *wish.snapshot, is_meant);
        else if (auto done =
                     concern_namespaces(wish.config, namespaces_with_source(is_meant), warnings);
                 !done)
            return done;
    }
    if (arguments.has(all_netns_option().name))
        if (auto done = concern_all_namespaces(wish.config, warnings); !done) return done;
    // A service that goes on by itself leaves them out whether it is told to or not.
    if (arguments.has(unless_held_option().name) || arguments.command == "watch") {
        const auto kernel = Kernel::here();
        if (!kernel) return tl::unexpected(kernel.error());
        wish.hold = read_hold(*kernel);
        leave_out_held(wish, warnings);
    }
    return {};
}

/// Where a change would matter.
std::vector<std::string> paths_of(const FileTexts& texts, const Arguments& arguments) {
    std::vector<std::string> paths;
    if (arguments.words.empty()) paths.emplace_back(default_directory);
    for (const auto& word : arguments.words)
        if (word != "-") paths.push_back(source_of(word));
    for (const auto& source : texts.sources) {
        paths.push_back(source);
        paths.push_back(source + ".d");
    }
    return paths;
}

} // namespace

tl::expected<FileWish, std::vector<Error>> read_file_wish(const Arguments& arguments,
                                                          std::vector<Message>& warnings) {
    if (auto good = check_source(arguments); !good)
        return tl::unexpected(std::vector<Error>{good.error()});
    // A plan for another host changes nothing here, and a checkout may be anybody's.
    const Writers writers =
        arguments.has(state_option().name) ? Writers::anybody : Writers::trusted;
    auto texts = read_files(arguments.words, writers);
    name_sources(texts, arguments);
    append(warnings, warnings_of_skipped(texts.skipped));
    FileWish wish;
    wish.paths = paths_of(texts, arguments);
    auto [read, files, peers_files] = holdable_tunnels(std::move(texts), arguments.words);
    append(wish.paths, std::move(peers_files));
    wish.files = std::move(files);
    if (!read.parsed.errors.empty()) return tl::unexpected(std::move(read.parsed.errors));
    auto snapshot = named_snapshot(arguments);
    if (!snapshot) return tl::unexpected(std::vector<Error>{snapshot.error()});
    wish.snapshot = std::move(*snapshot);
    append(warnings, warnings_of_unread(read.unread));
    if (auto empty = empty_words(read, arguments); !empty.empty())
        return tl::unexpected(std::move(empty));
    for (auto& defined : read.parsed.tunnels) {
        wish.file_of.emplace(defined.tunnel.name, defined.file);
        if (tells_places(arguments))
            wish.config.places.emplace(defined.tunnel.name, places_of(defined, read.texts.files));
        wish.config.tunnels.push_back(std::move(defined.tunnel));
    }
    if (auto done = complete(wish, arguments, warnings); !done)
        return tl::unexpected(std::vector<Error>{done.error()});
    return wish;
}

} // namespace vxlanctl
