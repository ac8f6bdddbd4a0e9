#include "vxlanctl/cli/completion.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/graph.h"
#include "vxlanctl/files/tunnel_values.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace vxlanctl {
namespace {

constexpr std::string_view before_the_tables =
    "# The rest is made of vxlanctl's own tables. Do not change it here, but there, and then run\n"
    "# cmake --build build/dev --target completions\n";

/// By the placeholder of an option or a word; an empty text for what nobody can complete.
const std::map<std::string_view, Candidates>& known_placeholders() {
    static const std::map<std::string_view, Candidates> known{
        {"DEV", {{}, Names::devices}},
        {"LINK", {{}, Names::devices}},
        {"VRF", {{}, Names::devices}},
        {"IFNAME", {{}, Names::tunnels}},
        {"NAME", {{}, Names::namespaces}},
        {"FILE", {{}, Names::files}},
        {"FILE|DIR|-", {{}, Names::toml_files}},
        {"WHEN", {{"auto", "always", "never"}}},
        {"FORMAT", {picture_formats()}},
        {"SERVICE", {{"ipip6", "vrrp"}}},
        {"INNER", {}},
        {"ADDR", {}},
        {"ADDR/LEN", {}},
        {"BYTES", {}},
        {"DF", {}},
        {"LO-HI", {}},
        {"LOCAL", {}},
        {"LOCAL6", {}},
        {"MAC", {}},
        {"MASK", {}},
        {"MODE", {}},
        {"N", {}},
        {"PEER", {}},
        {"PORT", {}},
        {"PREFIX", {}},
        {"REMOTE6", {}},
        {"ROUTE", {}},
        {"ROUTER", {}},
        {"RULE", {}},
        {"SECONDS", {}},
        {"TCLASS", {}},
        {"TOS", {}},
        {"TTL", {}},
        {"VNI", {}},
    };
    return known;
}

Candidates by_placeholder(const std::string& placeholder) {
    const auto found = known_placeholders().find(placeholder);
    if (found == known_placeholders().end())
        throw std::logic_error(formatted("completion.cpp does not know '{}'", placeholder));
    return found->second;
}

/// The words that will do as the attribute's value: of a number, of an enum, or for no link.
template<class Attributes> std::vector<std::string> words_of(const AttributeRow<Attributes>& row) {
    std::vector<std::string> words;
    Attributes attributes{};
    const auto try_word = [&](std::string_view word) {
        if (!word.empty() && set_value(attributes, row, word) &&
            std::find(words.begin(), words.end(), word) == words.end())
            words.emplace_back(word);
    };
    std::visit(
        [&](auto member) {
            using Value = typename std::decay_t<decltype(attributes.*member)>::value_type;
            if constexpr (std::is_enum_v<Value>) {
                for (const auto value : {Value{0}, Value{1}, Value{2}}) {
                    attributes.*member = value;
                    words.push_back(value_text(attributes, row));
                }
            } else if constexpr (std::is_same_v<Value, std::string>) {
                try_word(row.reset);
            } else if constexpr (std::is_integral_v<Value>) {
                try_word(row.word.word);
                try_word("inherit");
            }
        },
        row.member);
    return words;
}

template<class Attributes>
void add_words(std::vector<std::string>& words, std::span<const AttributeRow<Attributes>> rows,
               TunnelKind kind, std::string option) {
    std::replace(option.begin(), option.end(), '-', '_');
    for (const auto& row : rows)
        if (row.name == option && is_option(row, kind) && !row.argument.empty())
            for (auto& word : words_of(row))
                words.push_back(std::move(word));
}

/// The kind of tunnel whose attributes are the command's options.
std::optional<TunnelKind> kind_of(const Command& command) {
    return command.name == "up"          ? std::optional(TunnelKind::vxlan)
           : command.name == "isatap up" ? std::optional(TunnelKind::sit)
           : command.name == "ipip6 up"  ? std::optional(TunnelKind::ip6tnl)
                                         : std::nullopt;
}

std::string first_word(const std::string& name) {
    return name.substr(0, name.find(' '));
}

/// The first words of all commands, each with a summary.
std::vector<std::pair<std::string, std::string>> first_words() {
    std::vector<std::pair<std::string, std::string>> words;
    for (const auto& command : commands()) {
        const std::string word = first_word(command.name);
        if (words.empty() || words.back().first != word) words.emplace_back(word, command.summary);
    }
    return words;
}

/// For each first word of two, the second ones.
std::map<std::string, std::vector<const Command*>> second_words() {
    std::map<std::string, std::vector<const Command*>> words;
    for (const auto& command : commands())
        if (const std::string first = first_word(command.name); first != command.name)
            words[first].push_back(&command);
    return words;
}

std::string second_word(const Command& command) {
    return command.name.substr(command.name.find(' ') + 1);
}

std::string second_words_text(const std::vector<const Command*>& followers) {
    std::vector<std::string> words;
    for (const Command* command : followers)
        words.push_back(second_word(*command));
    return joined(words, " ");
}

std::vector<std::string> spellings(const OptionInfo& option) {
    std::vector<std::string> result{"--" + option.name};
    if (option.letter != 0) result.insert(result.begin(), formatted("-{}", option.letter));
    return result;
}

std::string_view name_of(Names names) {
    constexpr std::string_view all[] = {"",           "devices", "tunnels",
                                        "namespaces", "files",   "toml_files"};
    return all[static_cast<std::size_t>(names)];
}

/// `text` between single quotes.
std::string in_quotes(std::string_view text, std::string_view quote) {
    std::string result = "'";
    for (const char character : text)
        if (character == '\'')
            result += quote;
        else
            result += character;
    return result + "'";
}

/// The part of a summary that a line has room for.
std::string brief(const std::string& summary) {
    return summary.substr(0, summary.find_first_of(":;,"));
}

// bash

/// `@devices none`; `?` where nobody knows.
std::string bash_candidates(const Candidates& candidates) {
    std::string text;
    if (candidates.names != Names::none) text = formatted("@{}", name_of(candidates.names));
    for (const auto& word : candidates.words)
        text += (text.empty() ? "" : " ") + word;
    return text.empty() ? "?" : text;
}

std::string bash_options(const std::vector<OptionInfo>& options, const Command& command) {
    std::string text;
    for (const auto& option : options)
        for (const auto& spelling : spellings(option))
            text +=
                option.argument.empty()
                    ? formatted("{}\n", spelling)
                    : formatted("{} {}\n", spelling, bash_candidates(candidates(command, option)));
    return text;
}

// zsh

std::string zsh_text(std::string_view text) {
    std::string result;
    for (const char character : text) {
        if (character == '[' || character == ']' || character == ':' || character == '\\')
            result += '\\';
        result += character;
    }
    return result;
}

std::string zsh_action(const Candidates& candidates) {
    const auto words = joined(candidates.words, " ");
    if (candidates.names == Names::none) return words.empty() ? " " : formatted("({})", words);
    const auto names = candidates.names == Names::files ? std::string("_files")
                       : candidates.names == Names::toml_files
                           ? "_files -g \"*.toml(-.)\""
                           : formatted("_vxlanctl_{}", name_of(candidates.names));
    return words.empty()
               ? names
               : formatted("{{{} \"$expl[@]\"; compadd \"$expl[@]\" - {}}}", names, words);
}

std::string zsh_option(const OptionInfo& option, const Command& command) {
    std::string text;
    for (const auto& spelling : spellings(option)) {
        std::string spec = formatted("*{}{}[{}]", spelling,
                                     option.argument.empty()      ? ""
                                     : spelling.starts_with("--") ? "="
                                                                  : "+",
                                     zsh_text(option.help));
        if (!option.argument.empty())
            spec += formatted(":{}:{}", zsh_text(option.argument),
                              zsh_action(candidates(command, option)));
        text += formatted("            {}\n", in_quotes(spec, "'\\''"));
    }
    return text;
}

std::string zsh_options(const std::vector<OptionInfo>& options, const Command& command) {
    std::string text;
    for (const auto& option : options)
        text += zsh_option(option, command);
    return text;
}

std::string zsh_positions(const Command& command) {
    std::string text;
    std::size_t number = 0;
    for (const auto& position : positions(command)) {
        const std::string index = position.repeats ? "*" : formatted("{}", ++number);
        text += formatted("            {}\n",
                          in_quotes(formatted("{}:{}:{}", index, zsh_text(position.name),
                                              zsh_action(position.candidates)),
                                    "'\\''"));
    }
    return text;
}

// fish

std::string fish_quoted(std::string_view text) {
    return in_quotes(text, "\\'");
}

/// The end of a line that completes these.
std::string fish_arguments(const Candidates& candidates) {
    std::string text;
    if (candidates.names == Names::toml_files)
        text = "(__fish_complete_suffix .toml)";
    else if (candidates.names != Names::none && candidates.names != Names::files)
        text = formatted("(__vxlanctl_{})", name_of(candidates.names));
    for (const auto& word : candidates.words)
        text += (text.empty() ? "" : " ") + word;
    std::string result = candidates.names == Names::files ? " -F" : "";
    if (!text.empty()) result += " -a " + fish_quoted(text);
    return result;
}

std::string fish_option(const OptionInfo& option, const Command& command) {
    std::string text = "complete -c vxlanctl";
    if (!command.name.empty())
        text += " -n " + fish_quoted(formatted("__vxlanctl_is {}", command.name));
    if (option.letter != 0) text += formatted(" -s {}", option.letter);
    text += formatted(" -l {}", option.name);
    if (!option.argument.empty()) {
        const auto arguments = candidates(command, option);
        text += arguments.names == Names::files ? " -r" : " -x";
        text += fish_arguments(arguments);
    }
    return formatted("{} -d {}\n", text, fish_quoted(option.help));
}

std::string fish_positions(const Command& command) {
    std::string text;
    std::size_t number = 0;
    for (const auto& position : positions(command)) {
        ++number;
        const auto arguments = fish_arguments(position.candidates);
        if (arguments.empty()) continue;
        text += formatted("complete -c vxlanctl -n {}{} -d {}\n",
                          fish_quoted(formatted("__vxlanctl_at {} {}{}", number,
                                                position.repeats ? "more " : "", command.name)),
                          arguments, fish_quoted(position.name));
    }
    return text;
}

const Command no_command{"", "", "", nullptr, nullptr};

} // namespace

std::vector<Position> positions(const Command& command) {
    std::vector<Position> result;
    std::string_view rest = command.synopsis;
    while (!rest.empty()) {
        std::string word(rest.substr(0, rest.find(' ')));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        std::erase_if(word, [](char character) { return character == '[' || character == ']'; });
        if (word == "|" || word.starts_with("--") || word.starts_with("OPTION")) break;
        const bool repeats = word.ends_with("...");
        if (repeats) word.resize(word.size() - 3);
        result.push_back({word, repeats, by_placeholder(word)});
        // A tunnel may have no lower device and no address; to the old scripts that was a name.
        if (kind_of(command) && (word == "DEV" || word == "INNER"))
            result.back().candidates.words.emplace_back("-");
    }
    return result;
}

Candidates candidates(const Command& command, const OptionInfo& option) {
    auto result = by_placeholder(option.argument);
    if (const auto kind = kind_of(command)) {
        add_words(result.words, tunnel_attributes(*kind), *kind, option.name);
        add_words(result.words, link_attributes(), *kind, option.name);
    }
    return result;
}

std::string bash_tables() {
    std::string text =
        "# The options of command $1, a line each. Behind one that takes an argument stands "
        "what it can\n"
        "# be: words, names that are looked up (@), or anything (?).\n"
        "_vxlanctl_options() {\n"
        "    case $1 in\n";
    for (const auto& command : commands())
        if (const auto options = command.options(); !options.empty())
            text += formatted("    '{}')\n        cat <<'END'\n{}END\n        ;;\n", command.name,
                              bash_options(options, command));
    text += formatted("    esac\n    cat <<'END'\n{}END\n}}\n",
                      bash_options(common_options(), no_command));
    text += "\n"
            "# What word number $2 behind the words $1 can be, in the same way; number 0 is the "
            "next word of\n"
            "# the command itself.\n"
            "_vxlanctl_words() {\n"
            "    case \"$1:$2\" in\n";
    std::string words;
    for (const auto& [word, summary] : first_words())
        words += (words.empty() ? "" : " ") + word;
    text += formatted("    ':0') echo '{}' ;;\n", words);
    for (const auto& [first, followers] : second_words())
        text += formatted("    '{}:0') echo '{}' ;;\n", first, second_words_text(followers));
    for (const auto& command : commands()) {
        std::size_t number = 0;
        for (const auto& position : positions(command)) {
            ++number;
            const auto what = bash_candidates(position.candidates);
            text += position.repeats
                        ? formatted("    '{}:0') ;;\n    '{}':*) echo '{}' ;;\n", command.name,
                                    command.name, what)
                        : formatted("    '{}:{}') echo '{}' ;;\n", command.name, number, what);
        }
    }
    return text + "    esac\n}\n";
}

std::string zsh_tables() {
    std::string text = "# The words of the command $1, from its last one on.\n"
                       "_vxlanctl_command() {\n"
                       "    local curcontext=$curcontext state line expl\n"
                       "    case $1 in\n"
                       "    ('')\n"
                       "        local -a commands=(\n";
    for (const auto& [word, summary] : first_words())
        text += formatted("            {}\n",
                          in_quotes(formatted("{}:{}", word, brief(summary)), "'\\''"));
    text += "        )\n"
            "        _arguments -C -S $common '(-)1:command:->command' '(-)*:: :->words'\n"
            "        case $state in\n"
            "        (command) _describe command commands ;;\n"
            "        (words) _vxlanctl_command $words[1] ;;\n"
            "        esac\n"
            "        ;;\n";
    for (const auto& [first, followers] : second_words())
        text +=
            formatted("    ({0})\n"
                      "        _arguments -C -S $common '(-)1:command:({1})' '(-)*:: :->words'\n"
                      "        [[ $state != words ]] || _vxlanctl_command \"{0} $words[1]\"\n"
                      "        ;;\n",
                      first, second_words_text(followers));
    for (const auto& command : commands())
        text += formatted("    ('{}')\n        local -a specs=(\n{}{}        )\n"
                          "        _arguments -S $common $specs\n        ;;\n",
                          command.name, zsh_options(command.options(), command),
                          zsh_positions(command));
    return text + formatted("    esac\n}}\n\n"
                            "_vxlanctl() {{\n"
                            "    local program=$words[1]\n"
                            "    local -a common=(\n{}    )\n"
                            "    _vxlanctl_command ''\n"
                            "}}\n\n_vxlanctl \"$@\"\n",
                            zsh_options(common_options(), no_command));
}

std::string fish_tables() {
    std::set<std::string> with_argument;
    for (const auto& command : commands())
        for (const auto& option : options_of(command))
            if (!option.argument.empty())
                for (const auto& spelling : spellings(option))
                    with_argument.insert(spelling);
    std::string firsts;
    for (const auto& [first, followers] : second_words())
        firsts += (firsts.empty() ? "" : " ") + first;
    std::string text =
        formatted("set -g __vxlanctl_with_argument {}\nset -g __vxlanctl_of_two_words {}\n",
                  fmt::join(with_argument, " "), firsts);
    for (const auto& option : common_options())
        text += fish_option(option, no_command);
    for (const auto& [word, summary] : first_words())
        text += formatted("complete -c vxlanctl -n __vxlanctl_is -a {} -d {}\n", word,
                          fish_quoted(brief(summary)));
    for (const auto& [first, followers] : second_words())
        for (const Command* command : followers)
            text += formatted("complete -c vxlanctl -n '__vxlanctl_is {}' -a {} -d {}\n", first,
                              second_word(*command), fish_quoted(brief(command->summary)));
    for (const auto& command : commands()) {
        text += formatted("\n# {}\n", command.name);
        for (const auto& option : command.options())
            text += fish_option(option, command);
        text += fish_positions(command);
    }
    return text;
}

std::string with_tables(const std::string& file, const std::string& tables) {
    const auto at = file.find(before_the_tables);
    if (at == std::string::npos)
        throw std::logic_error("the file says nowhere that the tables begin");
    return file.substr(0, at + before_the_tables.size()) + "\n" + tables;
}

} // namespace vxlanctl
