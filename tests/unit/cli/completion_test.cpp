#include "vxlanctl/cli/completion.h"

#include "vxlanctl/cli/output.h"
#include "vxlanctl/doctor/firewall.h"

#include <catch2/catch.hpp>
#include <map>

using namespace vxlanctl;

namespace {

using Words = std::vector<std::string>;

Candidates candidates_of(const std::string& command, const std::string& name) {
    for (const auto& option : options_of(*find_command(command)))
        if (option.name == name) return candidates(*find_command(command), option);
    throw std::runtime_error("no such option");
}

/// What is offered for the last one of these words.
Words offered(const Words& words) {
    Words offers;
    for (const auto& offer : complete(words).offers)
        offers.push_back(offer.word);
    return offers;
}

} // namespace

TEST_CASE("completion: the place in the line decides what is offered") {
    CHECK(offered({"isatap", ""}) == Words{"up"});
    CHECK(offered({"--color", ""}) == Words{"auto", "always", "never"});
    CHECK(offered({"--color=a"}) == Words{"--color=auto", "--color=always", "--color=never"});
    CHECK(offered({"--", "--color="}) == offered({""}));
    CHECK(complete(Words{"-q", "--netns", ""}).names == Names::namespaces);
    CHECK(complete(Words{"--netns=b"}).prefix == "--netns=");
    CHECK(complete(Words{"up", "--ttl", "9", ""}).names == Names::devices);
    CHECK(offered({"up", "--ttl", "9", ""}) == Words{"-", "auto"});
    CHECK(complete(Words{"up", "eth0", "192.0.2.1", ""}).names == Names::tunnels);
    CHECK(complete(Words{"show", "-w", ""}).names ==
          Names::tunnels); // its argument may be left out
    CHECK(complete(Words{"apply", "a", "b", "c", ""}).names == Names::tunnel_files);
    CHECK(offered({"confirm", ""}).empty());
    CHECK(offered({"frobnicate", "-"}).empty());
    CHECK(offered({"isatap", "frobnicate", "-"}).empty());
    CHECK(complete(Words{"down", "--a"}).offers.front().help ==
          "every tunnel that vxlanctl manages");
    CHECK(completion_text({}).empty());
}

TEST_CASE("completion: words of attributes come from their table") {
    CHECK(candidates_of("up", "ttl").words == Words{"auto", "inherit"});
    CHECK(candidates_of("isatap up", "ttl").words == Words{"inherit"});
    CHECK(candidates_of("up", "df").words == Words{"unset", "set", "inherit"});
    CHECK(candidates_of("up", "rp-filter").words == Words{"off", "strict", "loose"});
    CHECK(candidates_of("ipip6 up", "encaplimit").words == Words{"none"});
    CHECK(candidates_of("up", "mac").words == Words{"random"});
    CHECK(candidates_of("up", "vni") == Candidates{});
    CHECK(candidates_of("up", "master") == Candidates{{"none"}, Names::devices});
    CHECK(candidates_of("isatap up", "dev") == Candidates{{"none"}, Names::devices});
    CHECK(candidates_of("import soracom", "dev") == Candidates{{}, Names::devices});
    CHECK(candidates_of("import soracom", "name") == Candidates{{}, Names::tunnels});
    CHECK(candidates_of("show", "netns") == Candidates{{}, Names::namespaces});
}

TEST_CASE("completion: other words are those that the options take") {
    for (const auto& word : candidates_of("show", "color").words)
        CHECK(output_style(Arguments{"show", {}, {{"color", {word}}}}));
    CHECK_FALSE(output_style(Arguments{"show", {}, {{"color", {"sometimes"}}}}));
    for (const auto& word : candidates_of("firewall", "accept").words)
        CHECK(parse_service(word));
    for (const auto& command : commands())
        for (const auto& option : options_of(command))
            if (!option.argument.empty())
                for (const auto& word : candidates(command, option).words) {
                    INFO(command.name << " --" << option.name << " " << word);
                    CHECK((word == "none" || option.help.find(word) != std::string::npos));
                }
}

TEST_CASE("completion: a synopsis says what each word is") {
    const auto up = positions(*find_command("up"));
    REQUIRE(up.size() == 5);
    CHECK(up[0].candidates == Candidates{{"-", "auto"}, Names::devices});
    CHECK(positions(*find_command("init-vxlan"))[0].candidates == Candidates{{}, Names::devices});
    CHECK(positions(*find_command("init-vxlan")).size() == 7); // the options stand in front
    CHECK(candidates_of("init-vxlan", "df") == candidates_of("up", "df"));
    CHECK(up[2].candidates == Candidates{{}, Names::tunnels});
    CHECK(up[4].name == "PEER");
    CHECK(up[4].repeats);
    CHECK_FALSE(up[3].repeats);
    CHECK(positions(*find_command("down")).size() == 1);
    CHECK(positions(*find_command("apply"))[0].candidates == Candidates{{}, Names::tunnel_files});
    CHECK(positions(*find_command("import soracom")).empty());
    CHECK(positions(*find_command("confirm")).empty());
}

TEST_CASE("completion: an option takes an argument in all commands or in none") { // as in fish
    std::map<std::string, bool> takes;
    for (const auto& command : commands())
        for (const auto& option : options_of(command)) {
            INFO(option.name);
            CHECK(takes.emplace(option.name, option.argument.empty()).first->second ==
                  option.argument.empty());
        }
}
