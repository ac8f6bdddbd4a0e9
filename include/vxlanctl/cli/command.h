#pragma once

#include "vxlanctl/base/privileges.h"
#include "vxlanctl/files/tunnel_words.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

/// The command line: which commands there are, what each takes, and the words of one call.
namespace vxlanctl {

/// One option. `argument` is the placeholder in the help; empty for a flag, and in brackets where
/// it may be left out. Such an argument is a number: another word behind the option is none.
struct OptionInfo {
    std::string name; ///< without dashes
    char letter = 0;  ///< the short form, or 0
    std::string argument;
    std::string help;
    bool is_argument_optional() const { return argument.starts_with('['); }
};

/// What the words of a call came to.
struct Arguments {
    std::string command;
    std::vector<std::string> words; ///< without the command itself
    OptionValues options;

    bool has(std::string_view option) const { return options.contains(option); }
    /// The option's last argument, or `otherwise`.
    std::string value(std::string_view option, std::string_view otherwise = {}) const;
};

/// What a call comes to whose output cannot be written, to a full disk or a closed pipe.
enum class LostOutput : std::uint8_t {
    fails,      ///< with exit code 1: the output was the purpose
    keeps_code, ///< what was done stays done, and the exit code says it
};

struct Command {
    std::string name;     ///< one word, or two: `isatap up`
    std::string synopsis; ///< the words behind the name
    std::string summary;
    std::vector<OptionInfo> (*options)(); ///< beside those that all commands share
    /// Does it; returns the exit code, or what kept it from the start.
    Result<int> (*run)(const Arguments&);
    Capabilities capabilities = no_capability; ///< that it may need, until it knows better
    LostOutput lost_output = LostOutput::fails;
    /// The kind of tunnel whose attributes are its options.
    std::optional<TunnelKind> kind = std::nullopt;
    /// Whole calls for its help, one a line.
    std::string examples = {};
};

const std::vector<Command>& commands();
/// The options that all commands share.
const std::vector<OptionInfo>& common_options();
/// The command's own options, and those that all share.
std::vector<OptionInfo> options_of(const Command& command);

/// Finds the command, and sorts the rest into words and options. Unknown ones are errors with a
/// suggestion. With --help or --version anything else may be missing.
Result<Arguments> parse_arguments(const std::vector<std::string>& arguments);

/// The help of the program, or of one command.
std::string help_text();
std::string help_text(const Command& command);
const Command* find_command(std::string_view name);

/// The words of a call: argv without the program. By the name of one of the scripts that
/// `init-vxlan` takes the place of, all words are that command's, and none is an option.
std::vector<std::string> words_of_call(std::span<const char* const> argv);

/// The whole program. Returns the exit code.
int run_program(const std::vector<std::string>& arguments);

} // namespace vxlanctl
