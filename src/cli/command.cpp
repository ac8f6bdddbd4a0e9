// std::regex would cost more start-up time than everything else together.
#define CXXOPTS_NO_REGEX
// An argument may contain commas: --route DST,via GW.
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>

#include "vxlanctl/base/closest.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/cli/command.h"

#include "vxlanctl/cli/completion.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/watched.h"
#include "vxlanctl/files/script_words.h"
#include "vxlanctl/run/frr.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

namespace vxlanctl {
namespace {

const OptionInfo* find_option(const std::vector<OptionInfo>& options, std::string_view word) {
    if (word.starts_with("--")) {
        const auto name = word.substr(2, word.find('=') - 2);
        const auto found = std::find_if(options.begin(), options.end(),
                                        [&](const auto& option) { return option.name == name; });
        return found == options.end() ? nullptr : &*found;
    }
    if (word.size() == 2 && word[0] == '-')
        for (const auto& option : options)
            if (option.letter == word[1]) return &option;
    return nullptr;
}

/// The index of the command's name: the first word that is neither an option nor its argument, as
/// far as `options` tell.
std::size_t command_position(const std::vector<std::string>& arguments,
                             const std::vector<OptionInfo>& options) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (word.size() < 2 || word[0] != '-') return i;
        if (word == "--") return i + 1;
        const OptionInfo* option = find_option(options, word);
        if (option != nullptr && !option->argument.empty() && !option->is_argument_optional() &&
            word.find('=') == std::string::npos)
            ++i;
    }
    return arguments.size();
}

/// The commands of two words of which this is the first one.
std::vector<const Command*> commands_beginning(std::string_view word) {
    std::vector<const Command*> found;
    for (const auto& command : commands())
        if (command.name.starts_with(formatted("{} ", word))) found.push_back(&command);
    return found;
}

tl::unexpected<Error> unknown(Code code, const std::string& word,
                              const std::vector<std::string>& candidates, const std::string& help) {
    const std::string near = closest(word, candidates);
    Error problem(code, "", {{"word", word}});
    return error(near.empty() ? std::move(problem).also(Code::see_help, {{"help", help}})
                              : std::move(problem).also(Code::did_you_mean, {{"word", near}}));
}

std::string option_usage(const OptionInfo& option) {
    return formatted("{}--{}{}{}", option.letter != 0 ? formatted("-{}, ", option.letter) : "    ",
                     option.name, option.argument.empty() ? "" : " ", option.argument);
}

std::string options_help(const std::vector<OptionInfo>& options) {
    constexpr std::size_t column = 30;
    std::string text;
    for (const auto& option : options) {
        const std::string usage = option_usage(option);
        const bool fits = usage.size() + 4 <= column;
        text += fits ? formatted("  {:{}}", usage, column - 2)
                     : formatted("  {}\n{:{}}", usage, "", column);
        text += wrapped(option.help, column, column) + "\n";
    }
    return text;
}

std::string examples_help(std::string_view examples) {
    if (examples.empty()) return "";
    std::string text = "\nExamples:\n";
    for (std::size_t begin = 0; begin < examples.size();) {
        const auto end = std::min(examples.find('\n', begin), examples.size());
        text += formatted("  {}\n", examples.substr(begin, end - begin));
        begin = end + 1;
    }
    return text;
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const auto& command : commands())
        names.push_back(command.name);
    return names;
}

/// Whether any of the words could be the option. More than those need not be known to cxxopts.
bool is_mentioned(const OptionInfo& option, const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        if (!word.starts_with("--"))
            return option.letter != 0 && word.starts_with('-') &&
                   word.find(option.letter) != std::string_view::npos;
        return word.substr(2, word.find('=') - 2) == option.name;
    });
}

bool is_number(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The option in a word such as `-w`, `-vw`, `-w5` or `--watch` whose argument may be left out; and
/// where its letter is.
std::pair<const OptionInfo*, std::size_t> find_optional(const std::vector<OptionInfo>& options,
                                                        std::string_view word) {
    if (word.starts_with("--") || !word.starts_with('-')) {
        const OptionInfo* option = find_option(options, word);
        const bool is_it = option != nullptr && option->is_argument_optional() &&
                           word.find('=') == std::string_view::npos;
        return {is_it ? option : nullptr, 0};
    }
    for (std::size_t i = 1; i < word.size(); ++i) {
        const OptionInfo* option = find_option(options, formatted("-{}", word[i]));
        if (option == nullptr) break;
        if (option->is_argument_optional()) return {option, i};
        if (!option->argument.empty()) break;
    }
    return {nullptr, 0};
}

/// The words with `--NAME=` and the number, or nothing, in place of each option whose argument may
/// be left out: to cxxopts it would never be the next word.
std::vector<std::string> with_optional_arguments(const std::vector<OptionInfo>& options,
                                                 const std::vector<std::string>& words) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--") {
            result.insert(result.end(), words.begin() + static_cast<std::ptrdiff_t>(i),
                          words.end());
            break;
        }
        const auto [option, at] = find_optional(options, words[i]);
        if (option == nullptr) {
            result.push_back(words[i]);
            continue;
        }
        if (at > 1) result.push_back(words[i].substr(0, at)); // flags in front of it
        std::string argument = at > 0 ? words[i].substr(at + 1) : "";
        std::string flags; // behind it
        if (!argument.empty() && !is_number(argument)) flags = std::exchange(argument, "");
        if (argument.empty() && flags.empty() && i + 1 < words.size() && is_number(words[i + 1]))
            argument = words[++i];
        result.push_back(formatted("--{}={}", option->name, argument));
        if (!flags.empty()) result.push_back("-" + flags);
    }
    return result;
}

Result<Arguments> parse_options(const Command& command, const std::vector<std::string>& given) {
    const auto options = options_of(command);
    const auto words = with_optional_arguments(options, given);
    const std::string help =
        command.name.empty() ? "vxlanctl --help" : formatted("vxlanctl {} --help", command.name);
    for (const auto& word : words) { // cxxopts would take --all=false as --all
        if (word == "--") break;
        const OptionInfo* option = find_option(options, word);
        if (option != nullptr && option->argument.empty() && word.find('=') != std::string::npos)
            return error(Code::option_takes_no_argument, "", {{"option", option->name}});
    }
    cxxopts::Options parser("vxlanctl");
    for (const auto& option : options) { // it takes its time with each one
        if (!is_mentioned(option, words)) continue;
        const std::string names =
            option.letter != 0 ? formatted("{},{}", option.letter, option.name) : option.name;
        if (option.argument.empty())
            parser.add_options()(names, "");
        else
            parser.add_options()(names, "", cxxopts::value<std::vector<std::string>>());
    }
    std::vector<const char*> pointers{"vxlanctl"};
    for (const auto& word : words)
        pointers.push_back(word.c_str());
    try {
        const auto result = parser.parse(static_cast<int>(pointers.size()), pointers.data());
        Arguments arguments;
        arguments.command = command.name;
        arguments.words = result.unmatched();
        for (const auto& option : options) {
            if (result.count(option.name) == 0) continue;
            arguments.options[option.name] =
                option.argument.empty() ? std::vector<std::string>{""}
                                        : result[option.name].as<std::vector<std::string>>();
        }
        return arguments;
    } catch (const cxxopts::exceptions::no_such_option&) {
        std::vector<std::string> names;
        for (const auto& option : options)
            names.push_back("--" + option.name);
        for (const auto& word : words)
            if (word.size() > 1 && word[0] == '-' && find_option(options, word) == nullptr)
                return unknown(Code::unknown_option, word.substr(0, word.find('=')), names, help);
        return error(
            Error(Code::unknown_option, "", {{"word", ""}}).also(Code::see_help, {{"help", help}}));
    } catch (const cxxopts::exceptions::exception& problem) {
        std::string text = problem.what();
        for (const std::string_view quote : {"\u2018", "\u2019"})
            for (std::size_t at = 0; (at = text.find(quote)) != std::string::npos;)
                text.replace(at, quote.size(), "'");
        return error(Code::options_wrong, "", {{"problem", text}, {"help", help}});
    }
}

} // namespace

std::string Arguments::value(std::string_view option, std::string_view otherwise) const {
    const auto found = options.find(option);
    return found == options.end() ? std::string(otherwise) : found->second.back();
}

const std::vector<OptionInfo>& common_options() {
    static const std::vector<OptionInfo> options{
        {"json", 0, "", "print JSON instead of text"},
        {"netns", 0, "NAME", "work in this network namespace"},
        {"quiet", 'q', "", "print errors only"},
        {"verbose", 'v', "", "print more: every peer, every learned MAC, the codes of messages"},
        {"color", 0, "WHEN", "auto (default), always or never"},
        {"help", 'h', "", "print this help"},
        {"version", 'V', "", "print the version"},
    };
    return options;
}

std::vector<OptionInfo> options_of(const Command& command) {
    std::vector<OptionInfo> options;
    if (command.options != nullptr) options = command.options();
    options.insert(options.end(), common_options().begin(), common_options().end());
    return options;
}

const Command* find_command(std::string_view name) {
    const auto found = std::find_if(commands().begin(), commands().end(),
                                    [&](const Command& command) { return command.name == name; });
    return found == commands().end() ? nullptr : &*found;
}

Result<Arguments> parse_arguments(const std::vector<std::string>& arguments) {
    const std::size_t position = command_position(arguments, common_options());
    if (position >= arguments.size()) {
        const Command none{"", "", "", nullptr, nullptr, no_capability};
        auto parsed = parse_options(none, arguments);
        if (!parsed || parsed->has("help") || parsed->has("version")) return parsed;
        return error(Code::command_missing);
    }
    std::string name = arguments[position];
    std::vector<std::string> rest = arguments;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(position));
    const Command* command = find_command(name);
    if (const auto begun = commands_beginning(name); command == nullptr && !begun.empty()) {
        std::vector<OptionInfo> options;
        for (const Command* one : begun)
            for (auto& option : options_of(*one))
                options.push_back(std::move(option));
        const std::size_t second = command_position(rest, options);
        const Values near{{"word", begun.front()->name}};
        if (second >= rest.size())
            return error(Error(Code::second_word_missing, "", {{"word", name}})
                             .also(Code::did_you_mean, near));
        name += " " + rest[second];
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(second));
        command = find_command(name);
        if (command == nullptr)
            return error(
                Error(Code::unknown_command, "", {{"word", name}}).also(Code::did_you_mean, near));
    }
    if (command == nullptr)
        return unknown(Code::unknown_command, name, command_names(), "vxlanctl --help");
    return parse_options(*command, rest);
}

std::string help_text() {
    std::string text = "usage: vxlanctl [OPTION...] COMMAND [WORD...]\n\n"
                       "Makes VXLAN, ISATAP and IPv4-in-IPv6 tunnels what you say they are, and "
                       "changes nothing else.\n\n"
                       "Commands:\n";
    for (const auto& command : commands())
        text += formatted("  {} {}\n        {}\n", command.name, command.synopsis,
                          wrapped(command.summary, 8, 8));
    text += "\nOptions of all commands:\n" + options_help(common_options());
    text += "\nSee 'vxlanctl COMMAND --help' and vxlanctl(8).\n";
    return text;
}

std::string help_text(const Command& command) {
    const auto options = command.options();
    return formatted("usage: vxlanctl {} {}\n\n{}.\n{}{}{}\nOptions of all commands:\n{}",
                     command.name, command.synopsis, wrapped(command.summary, 0, 0),
                     examples_help(command.examples), options.empty() ? "" : "\nOptions:\n",
                     options_help(options), options_help(common_options()));
}

namespace {

/// The descriptors of standard input and output are taken: else a socket would get one of them, and
/// what is printed would be sent to the kernel. Using one that was closed fails as before.
void hold_standard_descriptors() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(descriptor, F_GETFD) < 0)
            (void)open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// Does what the words say; `lost_output` is what it means if that cannot be told.
Result<int> dispatch(const std::vector<std::string>& words, LostOutput& lost_output) {
    if (!words.empty() && words.front() == completion_word) {
        restrict_to(no_capability);
        print(completion_text(std::span(words).subspan(1)));
        return 0;
    }
    if (!words.empty() && words.front() == watched_word) {
        restrict_to(reads_all_files);
        print(watched_text({words.begin() + 1, words.end()}));
        return 0;
    }
    const auto arguments = parse_arguments(words);
    if (!arguments) return tl::unexpected(arguments.error());
    if (arguments->has("version")) {
        print("vxlanctl " VXLANCTL_VERSION "\n");
        return 0;
    }
    const Command* command = find_command(arguments->command);
    if (arguments->has("help") || command == nullptr) {
        print(command == nullptr ? help_text() : help_text(*command));
        return 0;
    }
    if (!arguments->has("dry-run")) lost_output = command->lost_output;
    if (arguments->has("netns"))
        if (const auto entered = enter_namespace(arguments->value("netns")); !entered)
            return tl::unexpected(entered.error());
    if ((command->capabilities & joins_groups) != 0) join_group_of_frr();
    // Names are looked up where the call was made.
    restrict_to((command->capabilities & ~joins_groups) |
                (arguments->has("netns") && command->capabilities != no_capability
                     ? enters_namespaces
                     : no_capability));
    return command->run(*arguments);
}

} // namespace

std::vector<std::string> words_of_call(std::span<const char* const> argv) {
    if (argv.empty()) return {};
    std::vector<std::string> words;
    if (is_script(argv.front())) words = {"init-vxlan", "--"};
    words.insert(words.end(), argv.begin() + 1, argv.end());
    return words;
}

int run_program(const std::vector<std::string>& arguments) {
    signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write(), as a full disk is
    hold_standard_descriptors();
    LostOutput lost_output = LostOutput::fails;
    const auto done = dispatch(arguments, lost_output);
    if (!done) {
        // Where the words themselves are wrong, no option may have been parsed.
        const auto end = std::find(arguments.begin(), arguments.end(), "--");
        const auto has = [&](std::string_view option) {
            return std::find(arguments.begin(), end, option) != end;
        };
        print_error(done.error(), has("-v") || has("--verbose") ? Codes::shown : Codes::hidden);
        if (has("--json")) print(document_text(failure_document({done.error()})));
    }
    const int code = done ? *done : exit_code(done.error().kind);
    if (finish_output() || lost_output == LostOutput::keeps_code) return code;
    return done ? graver(code, 1) : code;
}

} // namespace vxlanctl
