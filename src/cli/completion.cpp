#include "vxlanctl/cli/completion.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/graph.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/files/tunnel_values.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <net/if.h>
#include <optional>
#include <stdexcept>

namespace vxlanctl {
namespace {

/// By the placeholder of an option or a word; an empty text for what nobody can complete.
const std::map<std::string_view, Candidates>& known_placeholders() {
    static const std::map<std::string_view, Candidates> known{
        {"DEV", {{}, Names::devices}},
        {"LINK", {{}, Names::devices}},
        {"VRF", {{}, Names::devices}},
        {"IFNAME", {{}, Names::tunnels}},
        {"NAME", {{}, Names::namespaces}},
        {"FILE", {{}, Names::files}},
        {"NETNS", {{}, Names::namespaces}},
        {"SNAPSHOT", {{}, Names::files}},
        {"FILE|DIR|-", {{}, Names::tunnel_files}},
        {"FILE|DIR", {{}, Names::tunnel_files}},
        {"WHEN", {{"auto", "always", "never"}}},
        {"FORMAT", {picture_formats()}},
        {"toml|json|frr", {{"toml", "json", "frr"}}},
        {"text|json|github", {{"text", "json", "github"}}},
        {"SERVICE", {{"ipip6", "vrrp"}}},
        {"INNER", {}},
        {"ADDR", {}},
        {"ADDR/LEN", {}},
        {"ADDRESS", {}},
        {"BYTES", {}},
        {"DF", {}},
        {"evpn|none", {{"evpn", "none"}}},
        {"GENMODE", {{"eui64", "none", "stable_secret", "random"}}},
        {"GROUP", {}},
        {"LABEL", {}},
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
        {"VLAN", {}},
        {"VLANS", {}},
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
            } else if constexpr (std::is_same_v<Value, MacAddress>) {
                words.emplace_back("random");
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

constexpr std::string_view script_command = "init-vxlan";

/// The part of a summary that a line has room for.
std::string brief(const std::string& summary) {
    return summary.substr(0, summary.find_first_of(":;,"));
}

/// Whether the words so far are the first ones of a command that has more.
bool is_begun(const std::string& name) {
    return name.empty() || std::any_of(commands().begin(), commands().end(), [&](const auto& one) {
               return one.name.starts_with(name + " ");
           });
}

/// The next words of the commands that begin so.
std::vector<Offer> next_words(const std::string& begun) {
    const std::string begin = begun.empty() ? "" : begun + " ";
    std::vector<Offer> offers;
    for (const auto& command : commands()) {
        if (!command.name.starts_with(begin)) continue;
        const std::string rest = command.name.substr(begin.size());
        const std::string word = rest.substr(0, rest.find(' '));
        if (offers.empty() || offers.back().word != word)
            offers.push_back({word, brief(command.summary)});
    }
    return offers;
}

/// Where the words behind the program's name lead.
class WordsSoFar {
public:
    explicit WordsSoFar(std::span<const std::string> words) : last_(words.back()) {
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            const std::string& word = words[i];
            if (!ended_ && word == "--") {
                ended_ = true;
            } else if (!ended_ && word.size() > 1 && word[0] == '-') {
                const auto option = find_option(word);
                if (!option || option->argument.empty() || option->is_argument_optional()) continue;
                if (i + 2 == words.size()) argument_of_ = option;
                ++i;
            } else if (is_begun(name_)) {
                name_ += (name_.empty() ? "" : " ") + word;
            } else {
                ++count_;
            }
        }
        command_ = find_command(name_);
    }

    Completion complete() const {
        if (argument_of_) return completion_of(candidates(command(), *argument_of_), "");
        const auto equals = last_.find('=');
        if (!ended_ && last_.starts_with("--") && equals != std::string::npos) {
            const auto option = find_option(last_.substr(0, equals));
            if (!option || option->argument.empty()) return {};
            return completion_of(candidates(command(), *option), last_.substr(0, equals + 1));
        }
        Completion result;
        if (is_begun(name_))
            result.offers = next_words(name_);
        else if (command_ != nullptr)
            result = of_word();
        if (!ended_ && last_.starts_with('-'))
            for (const auto& option : options())
                for (const auto& spelling : spellings(option))
                    result.offers.push_back({spelling, option.help});
        return result;
    }

private:
    static std::vector<std::string> spellings(const OptionInfo& option) {
        std::vector<std::string> result{"--" + option.name};
        if (option.letter != 0) result.insert(result.begin(), formatted("-{}", option.letter));
        return result;
    }

    std::vector<OptionInfo> options() const {
        const Command* known = find_command(name_);
        if (known != nullptr) return options_of(*known);
        return is_begun(name_) ? common_options() : std::vector<OptionInfo>();
    }

    std::optional<OptionInfo> find_option(const std::string& word) const {
        for (const auto& option : options())
            for (const auto& spelling : spellings(option))
                if (spelling == word) return option;
        return std::nullopt;
    }

    const Command& command() const {
        static const Command none{"", "", "", nullptr, nullptr};
        return command_ == nullptr ? none : *command_;
    }

    Completion of_word() const {
        const auto all = positions(*command_);
        if (all.empty() || (count_ >= all.size() && !all.back().repeats)) return {};
        return completion_of(all[std::min(count_, all.size() - 1)].candidates, "");
    }

    static Completion completion_of(const Candidates& candidates, const std::string& prefix) {
        Completion result{{}, candidates.names, prefix};
        for (const auto& word : candidates.words)
            result.offers.push_back({prefix + word, ""});
        return result;
    }

    std::string last_, name_; ///< the word to be completed; the command's name
    bool ended_ = false;      ///< by `--`: no option comes behind it
    std::size_t count_ = 0;   ///< of the words behind the command's name
    std::optional<OptionInfo> argument_of_;
    const Command* command_ = nullptr;
};

std::vector<std::string> names_in_folder(const char* path) {
    std::vector<std::string> names;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(path, absent))
        names.push_back(entry.path().filename());
    return names;
}

std::vector<std::string> devices() {
    std::vector<std::string> names;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(
        if_nameindex(), if_freenameindex);
    for (const auto* device = all.get(); device != nullptr && device->if_index != 0; ++device)
        names.emplace_back(device->if_name);
    return names;
}

std::vector<std::string> existing(Names names) {
    if (names == Names::devices) return devices(); // sysfs may be of another network namespace
    if (names == Names::namespaces) return names_in_folder("/run/netns");
    std::vector<std::string> found;
    if (names != Names::tunnels) return found;
    std::vector<std::string> all;
    if (const auto state = read_running(all))
        for (const auto& link : state->links)
            if (is_running(link, {})) found.push_back(link.name);
    return found;
}

} // namespace

std::vector<Position> positions(const Command& command) {
    std::vector<Position> result;
    std::string_view rest = command.synopsis;
    while (!rest.empty()) {
        std::string word(rest.substr(0, rest.find(' ')));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        std::erase_if(word, [](char character) { return character == '[' || character == ']'; });
        const bool is_option = word.starts_with("OPTION");
        if (is_option && result.empty()) continue; // they stand in front of the words
        if (word == "|" || word.starts_with("--") || is_option) break;
        const bool repeats = word.ends_with("...");
        if (repeats) word.resize(word.size() - 3);
        result.push_back({word, repeats, by_placeholder(word)});
        // A tunnel may have no lower device and no address; to the old scripts that was a name.
        if (command.kind && command.name != script_command && (word == "DEV" || word == "INNER"))
            result.back().candidates.words.emplace_back("-");
        if (command.kind && command.name != script_command &&
            (word == "DEV" || word == "LOCAL" || word == "LOCAL6"))
            result.back().candidates.words.emplace_back("auto");
    }
    return result;
}

Candidates candidates(const Command& command, const OptionInfo& option) {
    std::string placeholder = option.argument;
    if (option.is_argument_optional()) placeholder = placeholder.substr(1, placeholder.size() - 2);
    auto result = by_placeholder(placeholder);
    if (const auto kind = command.kind) {
        add_words(result.words, tunnel_attributes(*kind), *kind, option.name);
        add_words(result.words, link_attributes(), *kind, option.name);
    }
    return result;
}

Completion complete(std::span<const std::string> words) {
    return WordsSoFar(words).complete();
}

std::string completion_text(std::span<const std::string> words) {
    if (words.empty()) return "";
    auto completion = complete(words);
    for (const auto& name : existing(completion.names))
        completion.offers.push_back({completion.prefix + name, ""});
    std::string text;
    if (completion.names == Names::files) text = ":files\n";
    if (completion.names == Names::tunnel_files) text = ":tunnel_files\n";
    for (const auto& [word, help] : completion.offers)
        text += help.empty() ? formatted("{}\n", word) : formatted("{}\t{}\n", word, help);
    return text;
}

} // namespace vxlanctl
