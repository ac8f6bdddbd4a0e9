// completions/ in the shells themselves: bash and zsh at a terminal, where the Tab key is pressed,
// and fish, which says what it would complete. All of them have to offer the same.
#include "terminal.h"
#include "vxlanctl/cli/completion.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <sstream>

using namespace world;
using vxlanctl::Names;

namespace {

using Offer = std::set<std::string>;

// What a shell offers is printed between these, so that its echo of a line cannot be taken for it.
constexpr const char* begin_mark = "<<\r\n";
constexpr const char* end_mark = ">>\r\n";

/// The completion itself runs as always; what it comes to is printed, and the line is dropped.
const std::string bash_setup = R"(
source )" SOURCE_DIRECTORY R"(/completions/vxlanctl.bash
bind 'set bell-style none' 2>/dev/null
spied() {
    _vxlanctl "$@"
    printf '%s%s\n' '<' '<'
    printf '%s\n' "${COMPREPLY[@]}"
    printf '%s%s\n' '>' '>'
    COMPREPLY=()
}
complete -F spied vxlanctl
)";

const std::string zsh_setup = R"(
PS1=; unsetopt beep zle_bracketed_paste 2>/dev/null
fpath=()" SOURCE_DIRECTORY R"(/completions $fpath)
autoload -Uz compinit && compinit -u -D
compadd() { # what would be offered, also where a function of zsh's asks for it
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    local -a found
    builtin compadd -A found "$@"
    (( $#found )) && print -l -- $found >&2
    builtin compadd "$@"
}
spied() {
    print -r -- '<''<' >&2
    _main_complete
    print -r -- '>''>' >&2
    compstate[insert]= compstate[list]=
}
zle -C spied complete-word spied
bindkey '^I' spied
)";

/// A shell with the completion loaded, in a folder with some files.
class Shell {
public:
    Shell(const Namespace& space, const std::string& name) : name_(name), space_(space) {
        if (name == "fish") return;
        const std::string path = "/run/setup." + name;
        write_text(path, "cd /run/here\nPATH=" + program_folder() + ":$PATH\n" +
                             (name == "bash" ? bash_setup : zsh_setup));
        terminal_ = std::make_unique<Terminal>(
            space, name == "bash" ? std::vector<std::string>{"bash", "--norc", "--noprofile", "-i"}
                                  : std::vector<std::string>{"zsh", "-f", "-i"});
        terminal_->type(
            fmt::format("source {}; print{} 'rea''dy'\n", path, name == "bash" ? "f '%s\\n'" : ""));
        terminal_->read_until("ready\r\n");
    }

    /// What is offered behind each of the lines.
    std::vector<Offer> offers(const std::vector<std::string>& lines) {
        return name_ == "fish" ? offers_of_fish(lines) : offers_at_terminal(lines);
    }

private:
    static std::string program_folder() {
        return std::filesystem::path(VXLANCTL_PROGRAM).parent_path().string();
    }

    std::vector<Offer> offers_at_terminal(const std::vector<std::string>& lines) {
        std::vector<Offer> all;
        for (const auto& line : lines) {
            terminal_->type(line + "\t");
            terminal_->read_until(begin_mark);
            std::istringstream text(terminal_->read_until(end_mark));
            Offer offer;
            for (std::string word; std::getline(text, word);) {
                while (word.ends_with('\r') || word.ends_with(' ') || word.ends_with('/'))
                    word.pop_back();
                if (!word.empty() && word != ">>") offer.insert(word);
            }
            all.push_back(offer);
            terminal_->type("\x15"); // the line goes away
        }
        return all;
    }

    std::vector<Offer> offers_of_fish(const std::vector<std::string>& lines) {
        const std::string script = "cd /run/here; set -x PATH " + program_folder() +
                                   " $PATH; source " SOURCE_DIRECTORY
                                   "/completions/vxlanctl.fish; while read -l line; echo '<<'; "
                                   "complete -C \"$line\"; end";
        RunOptions options;
        options.environment["HOME"] = "/run";
        for (const auto& line : lines)
            options.input += line + "\n";
        const auto finished = run(space_, {"fish", "-N", "-c", script}, options);
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        std::istringstream text(finished.out);
        std::vector<Offer> all;
        for (std::string word; std::getline(text, word);) {
            word.resize(std::min(word.find('\t'), word.size()));
            if (word.ends_with('/')) word.pop_back();
            if (word == "<<")
                all.emplace_back();
            else // of --option=value the value alone
                all.back().insert(word.starts_with("--") && word.find('=') != std::string::npos
                                      ? word.substr(word.find('=') + 1)
                                      : word);
        }
        return all;
    }

    std::string name_;
    const Namespace& space_;
    std::unique_ptr<Terminal> terminal_;
};

Offer expected(const vxlanctl::Candidates& candidates) {
    Offer offer(candidates.words.begin(), candidates.words.end());
    switch (candidates.names) {
    case Names::none: break;
    case Names::devices: offer.merge(Offer{"eth0", "lo", "vxlan0", "wire0"}); break;
    case Names::tunnels: offer.merge(Offer{"vxlan0"}); break;
    case Names::namespaces: offer.merge(Offer{"blue", "green"}); break;
    case Names::files: offer.merge(Offer{"a.toml", "b.json", "c.text", "folder"}); break;
    case Names::tunnel_files: offer.merge(Offer{"a.toml", "b.json", "folder"}); break;
    }
    return offer;
}

/// A line to be completed, and what has to be offered.
struct Case {
    std::string line;
    Offer offer;
};

/// Every command, every option, every argument of one, and every word.
std::vector<Case> all_cases() {
    std::vector<Case> cases;
    Offer firsts;
    for (const auto& command : vxlanctl::commands()) {
        firsts.insert(command.name.substr(0, command.name.find(' ')));
        if (const auto blank = command.name.find(' '); blank != std::string::npos)
            cases.push_back({"vxlanctl " + command.name.substr(0, blank + 1),
                             {command.name.substr(blank + 1)}});
        const std::string begin = "vxlanctl " + command.name + " ";
        Offer options;
        for (const auto& option : options_of(command)) {
            options.insert("--" + option.name);
            if (option.letter != 0) options.insert(fmt::format("-{}", option.letter));
            if (option.argument.empty()) continue;
            const auto offer = expected(candidates(command, option));
            cases.push_back({begin + "--" + option.name + " ", offer});
            // One in each way, since they cost time: with =, before the word, and by the letter.
            if (option.name == "color") {
                cases.push_back({begin + "--color=", offer});
                cases.push_back(
                    {"vxlanctl --color auto --netns blue -q " + command.name + " -v --color ",
                     offer});
            }
            if (option.letter != 0)
                cases.push_back({fmt::format("{}-{} ", begin, option.letter), offer});
        }
        if (!positions(command).empty() &&
            expected(positions(command).front().candidates).contains("-"))
            options.insert("-");
        cases.push_back({begin + "-", options});
        std::string words = begin + "--color auto -v ";
        for (const auto& position : positions(command)) {
            cases.push_back({words, expected(position.candidates)});
            words += "2001:db8::1 "; // bash splits it at each colon
            if (position.repeats) cases.push_back({words, expected(position.candidates)});
        }
        if (positions(command).empty()) cases.push_back({words, {}});
    }
    cases.push_back({"vxlanctl ", firsts});
    cases.push_back({"vxlanctl --color never e", {"export"}});
    cases.push_back({"vxlanctl down -- -", {}});
    cases.push_back({"vxlanctl up et", {"eth0"}});
    cases.push_back({"vxlanctl up --master e", {"eth0"}});
    cases.push_back({"vxlanctl frobnicate --frob", {}});
    return cases;
}

} // namespace

TEST_CASE("completion: bash, zsh and fish offer every command, option, word and name") {
    const Host host;
    REQUIRE(world::vxlanctl(host.space, up_words).code == 0);
    std::filesystem::create_directories("/run/here/folder");
    std::filesystem::create_directories("/run/netns");
    for (const char* path : {"/run/here/a.toml", "/run/here/b.json", "/run/here/c.text",
                             "/run/netns/blue", "/run/netns/green"})
        write_text(path, "");
    auto cases = all_cases();
    CHECK(cases.size() > 180);
    std::size_t few = 0;
    if (is_brief()) std::erase_if(cases, [&](const auto&) { return few++ % 4 != 0; });
    std::vector<std::string> lines;
    for (const auto& one : cases)
        lines.push_back(one.line);
    for (const std::string name : {"bash", "zsh", "fish"}) {
        if (run(host.space, {"/bin/sh", "-c", "command -v " + name}).code != 0)
            SKIP_CASE("a shell is not installed: bash, zsh and fish are needed");
        auto offers = Shell(host.space, name).offers(lines);
        REQUIRE(offers.size() == lines.size());
        for (std::size_t i = 0; i < cases.size(); ++i) {
            INFO(name << ": " << lines[i]);
            if (name == "zsh" &&
                cases[i].offer.empty()) // it names options where nothing else can be
                std::erase_if(offers[i], [](const auto& word) { return word.starts_with('-'); });
            CHECK(offers[i] == cases[i].offer);
        }
    }
}
