#include "text_files.h"
#include "told.h"
#include "vxlanctl/cli/command.h"
#include "vxlanctl/cli/report.h"

#include <catch2/catch.hpp>
#include <sstream>

using namespace vxlanctl;
using text_files::text_of;

namespace {

std::string error_of(const std::vector<std::string>& arguments) {
    const auto parsed = parse_arguments(arguments);
    return parsed ? "none" : told(parsed.error());
}

} // namespace

TEST_CASE("command line: options may stand anywhere, in every form") {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"--netns", "a", "up", "-", "1.2.3.4", "v", "-", "--mtu", "1400", "-n"},
             {"--netns=a", "up", "--mtu=1400", "-n", "-", "1.2.3.4", "v", "-"},
             {"up", "-", "-n", "1.2.3.4", "--netns", "a", "v", "--mtu", "1400", "-"}}) {
        const auto parsed = parse_arguments(arguments).value();
        CHECK(parsed.command == "up");
        CHECK(parsed.words == std::vector<std::string>{"-", "1.2.3.4", "v", "-"});
        CHECK(parsed.value("netns") == "a");
        CHECK(parsed.value("mtu") == "1400");
        CHECK(parsed.has("dry-run"));
    }
    CHECK(parse_arguments({"up", "--address", "a,b", "--address", "c"})->options.at("address") ==
          std::vector<std::string>{"a,b", "c"});
    CHECK(parse_arguments({"down", "--", "--odd"})->words == std::vector<std::string>{"--odd"});
}

TEST_CASE(
    "command line: an argument that may be left out is a number, in the same word or the next") {
    using Words = std::vector<std::string>;
    struct Case {
        Words arguments;
        std::string value;
        Words words;
    };
    for (const auto& [arguments, value, words] :
         std::vector<Case>{{{"show", "-w"}, "", {}},
                           {{"show", "--watch"}, "", {}},
                           {{"show", "-w", "5"}, "5", {}},
                           {{"show", "-w5"}, "5", {}},
                           {{"show", "--watch", "5", "vxlan0"}, "5", {"vxlan0"}},
                           {{"show", "--watch=5", "7"}, "5", {"7"}},
                           {{"show", "--watch=", "7"}, "", {"7"}},
                           {{"show", "-w", "vxlan0"}, "", {"vxlan0"}},
                           {{"show", "-vw", "5"}, "5", {}},
                           {{"show", "-vw5", "6"}, "5", {"6"}},
                           {{"show", "-wv", "5"}, "", {"5"}},
                           {{"show", "-wx"}, "none", {}},
                           {{"show", "-w", "--", "5"}, "", {"5"}},
                           {{"show", "--", "-w"}, "absent", {"-w"}}}) {
        const auto parsed = parse_arguments(arguments);
        std::string all;
        for (const auto& word : arguments)
            all += word + " ";
        INFO(all);
        if (value == "none") {
            CHECK_FALSE(parsed);
            continue;
        }
        REQUIRE(parsed);
        CHECK(parsed->words == words);
        CHECK((parsed->has("watch") ? parsed->value("watch") : "absent") == value);
    }
    CHECK(parse_arguments({"show", "-vw", "5"})->has("verbose"));
}

TEST_CASE("command line: mistakes are named, with what was probably meant") {
    CHECK(error_of({}) == "command-missing");
    CHECK(error_of({"dwon"}) == "unknown-command {word=dwon} + did-you-mean {word=down}");
    CHECK(error_of({"frobnicate"}) ==
          "unknown-command {word=frobnicate} + see-help {help=vxlanctl --help}");
    CHECK(error_of({"import"}) ==
          "second-word-missing {word=import} + did-you-mean {word=import soracom}");
    CHECK(error_of({"import", "--gate-peers", "a.json", "-o", "b.toml"}) ==
          "second-word-missing {word=import} + did-you-mean {word=import soracom}");
    for (const std::string word : {"soracm", "file"})
        CHECK(error_of({"import", word}) ==
              "unknown-command {word=import " + word + "} + did-you-mean {word=import soracom}");
    CHECK(parse_arguments({"import", "--gate-peers", "a.json", "soracom"})->command ==
          "import soracom");
    CHECK(error_of({"up", "--por", "1"}) ==
          "unknown-option {word=--por} + did-you-mean {word=--port}");
    CHECK(error_of({"up", "--xyzzy"}) ==
          "unknown-option {word=--xyzzy} + see-help {help=vxlanctl up --help}");
    CHECK(error_of({"up", "-x"}) ==
          "unknown-option {word=-x} + see-help {help=vxlanctl up --help}");
    CHECK(error_of({"show", "--mtu", "1"}).find("unknown-option {word=--mtu}") == 0);
    CHECK(error_of({"up", "--mtu"}).find("options-wrong {problem=") != std::string::npos);
    CHECK(error_of({"up", "--mtu"}).find("help=vxlanctl up --help") != std::string::npos);
}

TEST_CASE("help: fits a terminal, and names every option") {
    for (const auto& command : commands()) {
        const std::string help = help_text(command);
        for (const auto& option : command.options())
            CHECK(help.find("--" + option.name) != std::string::npos);
        CHECK(help.find(command.synopsis) != std::string::npos);
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);)
            CHECK(line.size() <= 80);
    }
    CHECK(help_text().find("vxlanctl(8)") != std::string::npos);
}

TEST_CASE("manual page: names every command and every option") {
    const auto page = text_of(SOURCE_DIRECTORY "/man/vxlanctl.8");
    REQUIRE(page.size() > 1000);
    const auto has_option = [&](const std::string& name) {
        // In mdoc a dash is implied by Fl, and written out elsewhere as \-.
        return page.find("Fl \\-" + name) != std::string::npos ||
               page.find("Fl Fl " + name) != std::string::npos ||
               page.find("Fl -" + name) != std::string::npos;
    };
    for (const auto& command : commands()) {
        INFO(command.name);
        CHECK(page.find(".Cm " + command.name) != std::string::npos);
        for (const auto& option : command.options()) {
            INFO(option.name);
            CHECK(has_option(option.name));
        }
    }
    for (const auto& option : common_options()) {
        INFO(option.name);
        CHECK(has_option(option.name));
    }
}

TEST_CASE("manual pages: have the sections that readers look for") {
    for (const std::string name : {"vxlanctl.8", "vxlanctl.toml.5"}) {
        const auto page = text_of(SOURCE_DIRECTORY "/man/" + name);
        for (const std::string section :
             {"NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}) {
            INFO(name << " " << section);
            CHECK(page.find("\n.Sh " + section + "\n") != std::string::npos);
        }
    }
}

TEST_CASE("manual page of the files: has a key for every option that is one") {
    const auto page = text_of(SOURCE_DIRECTORY "/man/vxlanctl.toml.5");
    const auto check = [&](const auto& rows, TunnelKind kind) {
        for (const auto& row : rows) {
            INFO(row.name);
            const auto in_port = key_in_bridge_port(row.name);
            const std::string key(in_port.empty() ? row.name : in_port);
            if (is_option(row, kind))
                CHECK(page.find(".It Ic " + key + " Li =") != std::string::npos);
        }
    };
    for (const auto kind : {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl}) {
        check(link_attributes(), kind);
        check(tunnel_attributes(kind), kind);
    }
}

TEST_CASE("shell words: quoted where a shell would do something with them") {
    CHECK(shell_quoted("vxlan0") == "vxlan0");
    CHECK(shell_quoted("a b") == "'a b'");
    CHECK(shell_quoted("$(x)") == "'$(x)'");
    CHECK(shell_quoted("it's") == "'it'\\''s'");
    CHECK(shell_quoted("") == "''");
}

TEST_CASE("errors: one line, without what a terminal would interpret") {
    const Error error(Code::peer_is_own_address, "a\033[2Jb", {{"peer", "\n\x7f"}});
    const auto text = to_string(error);
    CHECK(text.starts_with("a\\x1b[2Jb: "));
    CHECK(text.find("\\x0a\\x7f") != std::string::npos);
    CHECK(printable("a\033[2Jb\n\x7f") == "a\\x1b[2Jb\\x0a\\x7f");
}

TEST_CASE("exit codes: the gravest wins") {
    CHECK(graver(0, 3) == 3);
    CHECK(graver(3, 4) == 4);
    CHECK(graver(1, 4) == 1);
    CHECK(graver(5, 1) == 5);
    CHECK(graver(0, 0) == 0);
}
